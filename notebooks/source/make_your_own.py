# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,slideshow,nbgrader,-all
#     formats: notebooks///ipynb,notebooks/source///py:percent
#     notebook_metadata_filter: kernelspec,jupytext,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Make your own panel
#
# **How does a function become a panel?** Its parameters are the controls, what it returns is shown, and its own lines are
# *Show code*. Nothing here needs more Python than a function with annotations.
#
# 1. from a function to a panel
# 2. your own picture, your own network
# 3. controls that follow each other
# 4. a hand on the picture
# 5. a live run
# 6. a state to come back to
# 7. a question before the panel

# %%
from dataclasses import dataclass
from typing import Annotated

import torch

import vizkit
from vizkit.core.steps import Step
from vizkit.figures.pictures import fit, photo
from vizkit.widgets import (
    Channel,
    Layer,
    Model,
    On,
    OneOf,
    Picture,
    Place,
    Point,
    Run,
    Slider,
    direct,
)

# %% [markdown]
# ## 1 From a function to a panel
#
# `Picture` and `Model` are controls already; `Annotated[type, control]` says the others. A parameter without one has no control. The function returns a result and what
# is shown by name: pictures, charts, texts. Its docstring stands beside the title.


# %%
@vizkit.panel("Less light")
def dim(
    picture: Picture = "coffee",
    model: Model = "viznet",
    light: Annotated[float, Slider(0.0, 1.5, 0.05)] = 0.4,
):
    """How dark may a picture get before the answer changes?"""
    side = model.input_size
    seen = vizkit.load_image((light * picture).clamp(0, 1), size=(side, side))
    answers = model.answers(seen, min(3, len(model.labels)))
    lines = "\n".join(f"{share:.0%} {name}" for name, share in answers)
    return answers, {"picture": fit(photo(seen, "What the network gets"), 320), "text": lines}


dim_view = dim.show()
dim_view

# %% [markdown]
# It stays a function. Called with values, it computes and shows nothing; `dim_view.result` is what the panel has computed.

# %%
answers, items = dim(light=1.0)
answers

# %% [markdown]
# *Menu, Show code* lists the lines that make what is on the page, with the values the controls have now. They are the
# function's own, so there is nothing to keep in step:

# %%
print(dim_view.code)

# %% [markdown]
# ## 2 Your own picture, your own network
#
# Where a picture is picked, a path, an array, a PIL picture or a tensor goes in as it is. Where a network is picked, any
# `torch.nn.Module` does that maps pictures to scores. Put your own here:

# %%
my_picture = vizkit.load_image("astronaut")  # or "holiday.jpg", or a tensor (3, H, W) in [0, 1]
my_net = torch.nn.Sequential(
    torch.nn.AvgPool2d(16), torch.nn.Flatten(), torch.nn.Linear(3 * 4 * 4, 2)
)
my_model = vizkit.load_model(my_net, labels=("day", "night"), input_size=64)

dim_mine = dim.show(picture=my_picture, model=my_model)
dim_mine

# %% [markdown]
# *(This net has learned nothing: it says what its random weights say.)*
#
# ## 3 Controls that follow each other
#
# `Layer(of="model")` offers the layers of the network picked beside it, `Channel(of="layer")` the channels of that layer. A bound
# may be a function; its arguments are the parameters that it looks at. What stands behind `*` is folded under *More*.


# %%
@vizkit.panel("The strongest places", layout="map text")
def strongest(
    picture: Picture = "chelsea",
    model: Model = "viznet",
    layer: Annotated[str, Layer(of="model", maps=True)] = "relu4",
    channel: Annotated[int, Channel(of="layer")] = 10,
    places: Annotated[int, Slider(1, lambda model, layer: model.layer(layer).shape[1])] = 5,
    *,
    show: Annotated[str, OneOf(("these places", "all places"))] = "these places",
):
    """Where does one channel answer most?"""
    one = vizkit.activations(model, picture, layer).maps[channel]
    least = one.flatten().topk(places).values[-1]
    seen = one * (one >= least) if show == "these places" else one
    shown = (seen / one.max().clamp(min=1e-6)).expand(3, -1, -1)
    return least, {
        "map": fit(photo(shown, f"Channel {channel} of {layer}"), 320),
        "text": f"The {places} strongest of {one.numel()} places are above {float(least):.2f}.",
    }


strongest_view = strongest.show()
strongest_view

# %% [markdown]
# ## 4 A hand on the picture
#
# `On("seen", Point)` lets a click or a drag on the item `seen` set a parameter; its sliders are there for the keyboard. A place is
# a pair of shares, from (0, 0) at the upper left to (1, 1). `Box`, `Points`, `Curve` and `Tile` are the other hands.


# %%
@vizkit.panel("A lamp in your hand")
def lamp(
    picture: Picture = "coffee",
    at: Annotated[Place, On("seen", Point)] = (0.4, 0.4),
    width: Annotated[float, Slider(0.05, 0.6, 0.01)] = 0.2,
):
    """Drag the light over the picture.

    Shows
    -----
    seen : drag here
    """
    height, length = picture.shape[1:]
    y = torch.linspace(0, 1, height)[:, None] - at[1]
    x = (torch.linspace(0, 1, length) - at[0]) * length / height
    light = torch.exp(-(x**2 + y**2) / (2 * width**2))
    return light, {"seen": fit(photo(picture * light, "The picture by the light of a lamp"), 460)}


lamp_view = lamp.show()
lamp_view

# %% [markdown]
# ## 5 A live run
#
# An iterative method is a generator of its own states: frozen, counted from 1, and able to go on from any of them by `resume`.
# `live` names what may change under way; then a slider that moves does not start the run anew.


# %%
@dataclass(frozen=True)
class BlurStep(Step):
    """A picture that has been blurred a few times."""

    image: torch.Tensor


@vizkit.step_method(live={"share"})
def blur_steps(image, *, share=0.5, steps=60, resume=None):
    """Mix every pixel with its neighbors, again and again."""
    now = resume.image if resume else image
    for index in range(resume.index if resume else 0, steps):
        around = torch.nn.functional.avg_pool2d(
            now, 3, stride=1, padding=1, count_include_pad=False
        )
        now = (1 - share) * now + share * around
        yield BlurStep(index + 1, steps, now.clone())


# %% [markdown]
# The panel's function ends in a loop over `run(method, ...)` with one `yield`. Called plainly, `run` is `direct`: the generator
# itself. In the panel it plays, pauses, steps, keeps a film, and goes on where you change `share`.


# %%
@vizkit.panel("Blur, live")
def blurring(
    picture: Picture = "motorcycle",
    model: Model = "viznet",
    share: Annotated[float, Slider(0.05, 1.0, 0.05)] = 0.5,
    *,
    run: Run = direct,
):
    """How long is the answer the same?"""
    image = vizkit.load_image(picture, size=(128, 128))
    for step in run(blur_steps, image, share=share):
        name, sure = model.answers(vizkit.load_image(step.image, size=(64, 64)), 1)[0]
        yield (
            step,
            {
                "picture": fit(photo(step.image, f"Blurred {step.index} times"), 320),
                "text": f"**{name}**, {sure:.0%}",
            },
        )


blur_view = blurring.show()
blur_view

# %%
blur_view.play()
last_step = blur_view.wait(120)

# %% [markdown]
# ## 6 A state to come back to
#
# `view.share` is the line that rebuilds a panel's state; *Menu, Save preset* writes it beside the notebook, and it is in the list
# *preset* from then on: prepare three before class. `view.save("folder")` writes pictures, charts with their numbers, and the film.

# %%
print(strongest_view.share)

# %% [markdown]
# ## 7 A question before the panel
#
# A question is a function, too: `Predict` has its words and its kind of answer, the function computes the truth with your panel, its docstring says why.
# Nothing is computed before somebody answers. `Choice("yes", "no")`, a `Spot` on a picture and a `Sketch` of a curve are the other kinds.


# %%
from vizkit.widgets import Number, Predict


@Predict(
    "The light on the cup is turned down. At which share of it does the network change its mind?",
    Number(0, 1, tolerance=0.1, digits=2),
)
def turning_light():
    """Its layers subtract a mean and look for contrast, and both are still there in the dusk."""
    name = dim(light=1.0)[0][0][0]
    lights = (step / 20 for step in range(20, -1, -1))
    return next(light for light in lights if dim(light=light)[0][0][0] != name)


turning_light

# %% [markdown]
# The answer is kept beside the notebook, in `vizkit-trail.json`, and `vizkit.questions.summary()` shows what you expected and what it was. In homework
# `turning_light.made(prediction, because)` says that a prediction was made and explained, `turning_light.right(finding)` that a finding
# lies within the tolerance.

# %% [markdown]
# ## Try this
#
# 1. **Modify.** Give *Less light* a slider `contrast`: `(picture - 0.5) * contrast + 0.5`.
#    <details><summary>What you should see</summary>A flat gray at 0 and the picture at 1. Beyond 1 dark and light are cut off.</details>
# 2. **Make.** A panel with two pictures and a slider that mixes them. At which share does the network change its mind?
#    <details><summary>What you should see</summary>From the cup to the cat a little behind the middle, and not from the one to the other: in between it sees a pretzel and a rocking chair.</details>
# 3. **Break it.** Give a slider a default outside of its fixed bounds, or two `return`. What does the sentence say?
#    <details><summary>What you should see</summary>The parameter, what was expected and what came: "the default of 'light' must be from 0.0 to 1.0, got 2.0". Of two returns: "must have one return, as its last line".</details>
#
# Put what you want to keep into a file, `my_panels.py`: after `from my_panels import lamp`, `lamp.show()` works as it does here, and so
# does the line that *Share this state* gives.

# %% [markdown]
# ## What this does not show
#
# Charts are plotly figures, returned by name like pictures. Anything with `_repr_html_` can be shown, too. `live(...)` lets an item be
# drawn by a run in the background, `Form` lets a group of controls make one value, `When` hides a control: `help(vizkit.panel)`.

# %% [markdown]
# ## Checks

# %%
from vizkit.widgets.agreement import disagreements

views = (dim_view, dim_mine, strongest_view, lamp_view, blur_view)
for view in views:
    assert view.error is None
    assert disagreements(view) == [], view.title

# %%
assert dim_view.result == dim()[0]
strongest_view.set(layer="relu2", channel=3, places=12)
assert strongest_view.controls["places"].max == vizkit.load_model().layer("relu2").shape[1]
lamp_view.set(at=(0.0, 1.0))
assert lamp_view.result[-1, 0] > 0.99 > lamp_view.result[0, -1]

# %%
steps = list(blur_steps(vizkit.load_image("coffee", 64), steps=6))
rest = list(blur_steps(vizkit.load_image("coffee", 64), steps=6, resume=steps[2]))
assert torch.equal(rest[-1].image, steps[-1].image)
assert last_step.index == last_step.total == 60

# %%
for view in (strongest_view, lamp_view):
    view.reset()
    assert view.error is None

# %%
truth = turning_light.truth()
assert 0 < truth < 1
assert turning_light.right(truth)
assert not turning_light.right(1.0)
assert dim(light=truth)[0][0][0] != dim(light=1.0)[0][0][0]

# %%
# Try 1
cup = vizkit.load_image("coffee", (64, 64))
assert float(((cup - 0.5) * 0 + 0.5).std()) == 0

# Try 2
cat = vizkit.load_image("chelsea", (64, 64))
model = vizkit.load_model()
seen = [model.answers(torch.lerp(cup, cat, share / 20), 1)[0][0] for share in range(21)]
assert (seen[0], seen[-1]) == ("espresso", "tailed frog")
assert 9 <= seen[::-1].index("espresso") <= 11
assert len(set(seen)) > 2

# Try 3
problem = ""
try:

    @vizkit.panel("Too much light")
    def glare(light: Annotated[float, Slider(0.0, 1.0)] = 2.0):
        """More than there is."""
        return light, {"text": f"{light}"}

except ValueError as error:
    problem = str(error)
assert problem == "glare: the default of 'light' must be from 0.0 to 1.0, got 2.0"
