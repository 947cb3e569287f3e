# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,slideshow,nbgrader,-all
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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps04-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS04 Filters and activations
#
# What does a unit look at, and how much of the picture can it see? Belongs to lecture `04_filters.ipynb`.
#
# | question | kind | points | graded | time |
# |---|---|---|---|---|
# | 1 | derive | 5 | by tests | 15 min |
# | 2 | implement | 6 | by tests | 35 min |
# | 3 | explore | 4 | by tests, with tolerances | 15 min |
# | 4 | explain | 5 | by hand | 20 min |
# | 5 | make a panel | 5 | by tests | 20 min |
# | 6 | predict | 3 | by tests | 10 min |
# | | | **28** | | **115 min** |
#
# Write where it says `YOUR CODE HERE` or `YOUR ANSWER HERE`, and leave the other cells as they are. The cells behind your
# code test it; some tests are hidden and run when it is graded. A cell may take a minute. Before you hand in: *Kernel, Restart
# Kernel and Run All Cells*.

# %% nbgrader={"grade": false, "grade_id": "ps04-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

import vizkit
from vizkit import panels

model = vizkit.load_model("viznet", device="cpu")

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps04-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 Sizes and weights (5 points)
#
# A convolution of $k \times k$ with stride $s$ and padding $p$ on an $n \times n$ picture: derive the side of its output, and how many weights it has
# (without biases) from $c_{in}$ to $c_{out}$ channels.


# %% nbgrader={"grade": false, "grade_id": "ps04-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def output_size(n, kernel, stride, padding):
    """Return the side of the output map."""
    ### BEGIN SOLUTION
    return (n + 2 * padding - kernel) // stride + 1
    ### END SOLUTION


def weight_count(c_in, c_out, kernel):
    """Return the number of weights, biases left out."""
    ### BEGIN SOLUTION
    return c_in * c_out * kernel**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps04-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
assert output_size(28, 5, 1, 0) == 24
assert weight_count(1, 1, 5) == 25
### BEGIN HIDDEN TESTS
for n, kernel, stride, padding, c_in, c_out in (
    (28, 5, 2, 1, 3, 4),
    (64, 7, 2, 3, 3, 48),
    (15, 3, 4, 0, 2, 6),
):
    layer = torch.nn.Conv2d(c_in, c_out, kernel, stride, padding, bias=False)
    assert output_size(n, kernel, stride, padding) == layer(torch.zeros(1, c_in, n, n)).shape[-1]
    assert weight_count(c_in, c_out, kernel) == layer.weight.numel()
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps04-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 What a unit can see (6 points)
#
# Go down a list of layers, each a triple (kernel, stride, padding), and keep three numbers: the size of the field, the distance between
# the fields of neighbors, and the first pixel of the first unit's field (negative in the padding).


# %% nbgrader={"grade": false, "grade_id": "ps04-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(layers):
    """Return (size, stride, start) in pixels for a unit behind layers of (kernel, stride, padding)."""
    ### BEGIN SOLUTION
    size, jump, start = 1, 1, 0
    for kernel, stride, padding in layers:
        size += (kernel - 1) * jump
        start -= padding * jump
        jump *= stride
    return size, jump, start
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps04-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
assert receptive_field([(7, 2, 3)]) == (7, 2, -3)
assert receptive_field([(3, 1, 1), (3, 1, 1)]) == (5, 1, -2)
### BEGIN HIDDEN TESTS
from vizkit.methods.receptive_field import receptive_fields

layers = []
for name, field in receptive_fields(model).items():
    module = model.net.get_submodule(name)
    if hasattr(module, "kernel_size"):
        one = [
            value if isinstance(value, int) else value[0]
            for value in (module.kernel_size, module.stride, module.padding)
        ]
        layers.append(tuple(one))
        axis = field.vertical
        assert receptive_field(layers) == (axis.size, axis.stride, axis.start), name
assert len(layers) > 8
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps04-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 The loudest channel (4 points)
#
# In the panel, show `coffee` (256 px) and the layer `relu1`. Which channel has the largest activation anywhere? Then show `relu7`: what is
# the largest activation of channel 38 there (within 2 %)?

# %% nbgrader={"grade": false, "grade_id": "ps04-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
activation_view = panels.activations.show(model=model, picture="coffee")
activation_view

# %% nbgrader={"grade": false, "grade_id": "ps04-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
loudest = ...
largest_of_38 = ...
### BEGIN SOLUTION
from vizkit.methods.activations import activations

coffee = vizkit.load_image("coffee", size=256)
loudest = int(activations(model, coffee, "relu1").maps.amax((1, 2)).argmax())
largest_of_38 = float(activations(model, coffee, "relu7").maps[38].max())
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps04-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert 0 <= loudest < 48
assert largest_of_38 >= 0
### BEGIN HIDDEN TESTS
from vizkit.methods.activations import activations as known

photo = vizkit.load_image("coffee", size=256)
assert loudest == int(known(model, photo, "relu1").maps.amax((1, 2)).argmax())
largest = float(known(model, photo, "relu7").maps[38].max())
assert abs(largest_of_38 - largest) <= 0.02 * largest + 0.005
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps04-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 The wheel detector (5 points)
#
# Somebody shows you the nine patches that excite a channel most; all nine are wheels. In at most 150 words: what may you conclude,
# what not, and which two experiments would tell a detector of wheels from something else?
#
# | points | for |
# |---|---|
# | 2 | the nine strongest say nothing about weaker answers, nor about what is not in the pictures; random mixtures look as pure |
# | 1 | a receptive field may hold more than what the unit uses |
# | 2 | two experiments that could fail (wheels that it should answer to; round things that are none; covering the wheel; a random mixture as control) |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps04-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# That among these pictures the strongest answers come from patches with wheels in them; not that every wheel excites it, nor that nothing
# else does: weaker answers may be to faces, and a random mixture of channels shows nine patches of one theme as well. The cause may also be
# something that comes with wheels, such as the road. I would collect many wheels and many round things without spokes and compare the two
# distributions of activations, not the top nine. And I would cover the wheel in the top patches and see whether the activation goes, and
# compare all this with a random mixture of channels.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps04-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 A panel for one channel (5 points)
#
# Make a panel `channel_mean` titled *One channel*: a `picture` (`"chelsea"`), a `model` (`"viznet"`), a `layer` of the model that has maps
# (`"relu3"`) and a `channel` of the layer (0), each with its picker or slider. Its result is the mean of that channel's map,
# a float; it shows the `map` as a picture, and a `text`.
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps04-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

from vizkit.figures.pictures import photo
from vizkit.widgets import Channel, Layer, Model, Picture


# %% nbgrader={"grade": false, "grade_id": "ps04-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("One channel")
def channel_mean(
    picture: Picture = "chelsea",
    model: Model = "viznet",
    layer: Annotated[str, Layer(of="model", maps=True)] = "relu3",
    channel: Annotated[int, Channel(of="layer")] = 0,
):
    """How strongly one channel answers to a picture, on the whole."""
    one = vizkit.activations(model, picture, layer).maps[channel]
    mean = float(one.mean())
    shown = (one / one.max().clamp(min=1e-6)).expand(3, -1, -1)
    return mean, {"map": photo(shown, f"Channel {channel} of {layer}"), "text": f"**{mean:.3f}**"}


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps04-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = channel_mean.show()
assert view.error is None
assert set(view.items) == {"map", "text"}
assert disagreements(view) == []  # its listing makes what it shows
### BEGIN HIDDEN TESTS
seen = vizkit.load_image("coffee", 96)
mine = vizkit.load_model("viznet", device="cpu")
wanted = float(vizkit.activations(mine, seen, "relu4").maps[7].mean())
assert abs(channel_mean(seen, mine, "relu4", 7)[0] - wanted) < 1e-5
view.set(picture="coffee", layer="relu2", channel=3)
wanted = float(vizkit.activations(mine, vizkit.load_image("coffee"), "relu2").maps[3].mean())
assert abs(view.result - wanted) < 1e-4
assert view.controls["channel"].max == 63 or view.controls["channel"].max > 3
assert disagreements(view) == []
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps04-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# Behind each ReLU of `viznet`, from `relu1` to `relu7`, which share of the numbers is not zero
# (`questions.share_at_work` of the lecture)? Seven numbers from 0 to 1, each the mean over `chelsea`, `astronaut`,
# `coffee`, `rocket`, `china` and `motorcycle` (256 px). `work_view.result.maps` holds the numbers of the layer that is
# shown.
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right, that is, when it goes up and down as
# the truth does (a rank correlation of at least 0.8) (2 points).

# %% nbgrader={"grade": false, "grade_id": "ps04-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

work_view = panels.activations.show(model=model)
work_view

# %% nbgrader={"grade": false, "grade_id": "ps04-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # seven numbers
because = ...  # a sentence
finding = ...  # seven numbers
### BEGIN SOLUTION
prediction = (0.6, 0.5, 0.45, 0.4, 0.35, 0.3, 0.25)
because = "The deeper a layer, the rarer the things are that its channels look for."


def at_work(layer):
    shares = []
    for name in ("chelsea", "astronaut", "coffee", "rocket", "china", "motorcycle"):
        work_view.set(picture=name, layer=layer)
        shares.append(float((work_view.result.maps != 0).float().mean()))
    return sum(shares) / len(shares)


finding = [at_work(f"relu{number}") for number in range(1, 8)]
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps04-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.share_at_work.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps04-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert len(finding) == 7
### BEGIN HIDDEN TESTS
assert questions.share_at_work.right(finding)
### END HIDDEN TESTS
