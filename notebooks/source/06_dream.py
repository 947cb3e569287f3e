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

# %% [markdown]
# # 06 DeepDream: optimizing the picture
#
# **What would a class, a channel, a whole layer like to see? Follow the gradient to the pixels and find out.**
#
# * Simonyan, Vedaldi & Zisserman, *Deep inside convolutional networks*, 2014 (from zeros, with L2)
# * Yosinski et al., *Understanding neural networks through deep visualization*, 2015 (four settings)
# * Nguyen, Yosinski & Clune, *Multifaceted feature visualization*, 2016
# * Mordvintsev, Olah & Tyka, *Inceptionism*, 2015 (DeepDream)
# * Olah, Mordvintsev & Schubert, *Feature visualization*, Distill 2017; Fel et al., *MACO*, NeurIPS 2023
# * Engstrom et al., *Adversarial robustness as a prior for learned representations*, 2019
#
# Slides: 000, pp. 43-56 and 78-83; 002; 003; 004.

# %%
import vizkit
from vizkit import panels, questions

model, image = vizkit.load_model("viznet-robust"), vizkit.load_image("china", size=256)

# %% [markdown]
# ## 1 A picture from a class
#
# $$I^* = \arg\max_I \; S_c(I) - \lambda \lVert I \rVert^2$$
#
# Start from zeros, take the gradient of the score with respect to the *pixels*, take a step, again. $S_c$ is the score before
# the softmax: the probability could also rise because the other scores fall.

# %%
from vizkit.core.steps import last
from vizkit.methods.feature_vis import maximize_steps

zeros = last(maximize_steps(model, "lemon", "from zeros, L2"))
print("pictures", tuple(zeros.images.shape), f" score {float(zeros.score[0]):.1f}")

# %% [markdown]
# **What does $\lambda$ do?** Here $\lVert I \rVert^2$ is the mean over the pixels of their square distance from gray, so that
# $\lambda$ means the same at every size.

# %%
questions.left_by_penalty

# %%
import torch

from vizkit.figures.pictures import sheet
from vizkit.methods.feature_vis import replaced

faded = {}
for penalty in (0, 100, 1000):
    recipe = replaced("from zeros, L2", penalty=penalty, steps=48)
    faded[penalty] = last(maximize_steps(model, ["lemon", "goldfish"], recipe))
captions = [
    f"λ {penalty}: score {score:.1f}"
    for penalty, step in faded.items()
    for score in step.score.tolist()
]
sheet(
    torch.cat([step.images for step in faded.values()]),
    "Lemon and goldfish at three lambdas",
    side=120,
    columns=6,
    captions=captions,
)

# %% [markdown]
# At 0 nothing holds a pixel back. At 100 the pictures fade, and the scores hardly change. At 1000 little is left of them, and
# now the scores fall as well.
#
# Plain pixels are free to fill with whatever the gradient likes: several lemons, and a fine pattern between them. Every recipe since
# is a way to keep the picture a picture. In the panel, *recipe* says how the picture is written down, $\lambda$ and, under
# *More*, the regularizers are sliders, and the presets load the papers' numbers into them:
#
# | recipe | what is new |
# |---|---|
# | pixels; preset *The slides' algorithm* | $\lambda \lVert I \rVert^2$ |
# | pixels; presets *Yosinski 1* to *4* | blur, decay, pixels of small norm or small contribution back to zero: their table of four settings |
# | Fourier | the spectrum is optimized, each frequency scaled by $1/f$, colors decorrelated, the net sees it shifted, turned, scaled |
# | MACO | only the *phases* are optimized; the magnitudes are those of natural pictures. Then every place is filled with *something*: tick *fade where it looked least* to see what the network asked for (the size of its gradients, summed over the steps) |

# %%
questions.sure_after

# %%
picture_view = panels.wanted.show()
picture_view

# %%
picture_view.play()
penguin = picture_view.wait(120)

# %% [markdown]
# **Predict, run, read, change, make**
#
# 1. *Predict*: you have drawn how fast a network becomes sure. *Run*: *Reset*, *Play*, and go back through the run with the slider *history*.
# 2. *Read* (*Menu, Show code*): which line takes the steps? Why is the picture scaled by `as_seen` before the net is asked, and what would the bars
#    say without it? Where is the score that is printed in the title?
# 3. *Change*: copy the code into a cell and give another `seed`.
#    <details><summary>What you should see</summary>Another picture of the same kind of thing. The seed draws the first noise and the shifts that the net sees: they decide where it stands, the network what it is.</details>
# 4. *Make*: a panel that shows the pictures of one class by four seeds side by side.

# %% [markdown]
# **Ten classes, two networks.** Above `viznet`, below `viznet-robust`, which has also been trained on pictures with small
# perturbations.

# %%
questions.asked_another

# %%
questions.asked_the_plain_one

# %%
nets_view = panels.two_nets.show()
nets_view

# %%
nets_view.controls["steps"].value = 96
nets_view.play()
both = nets_view.wait(300)

# %% [markdown]
# The gradient of `viznet-robust` is smoother: from one pixel to the next it changes less. So what grows along it are areas and
# outlines, and less fine grain.
#
# **One unit, three recipes**, and, under *instead*, Yosinski's four. The same channel, the same number of steps.

# %%
recipe_view = panels.recipes.show()
recipe_view

# %%
recipe_view.controls["steps"].value = 96
recipe_view.play()
recipes = recipe_view.wait(120)

# %% [markdown]
# **Every channel of a layer**, all pictures in one batch.

# %%
layer_view = panels.channels.show()
layer_view

# %%
layer_view.controls["steps"].value = 48
layer_view.play()
channels = layer_view.wait(240)

# %% [markdown]
# ## 2 One unit, several faces
#
# A unit can answer to things that look nothing alike; one picture shows one of them, or a blend. *Multifaceted* visualization
# groups the pictures that excite it by what else the network sees in them (codes, 50 principal components, t-SNE, k-means on
# that map), averages the 15 nearest to the middle of each group, and starts once from each mean, in small steps. For a class
# these are means of its 500 training pictures; for a channel, of the patches that excite it most, shown below their means.
#
# A jellyfish is orange on blue, white on green, or a ghost in the dark. But what comes of faint noise? (Choose *bell pepper*: red ones, or green. And *school
# bus*: not every class has several faces.)

# %%
questions.from_four_noises

# %%
faces_view = panels.faces.show()
faces_view

# %%
faces_view.play()
faces = faces_view.wait(240)

# %% [markdown]
# The same steps from faint noise, drawn four times: one face, four times. All four are seen through the same shifts; only the
# noise is another. What the unit *can* look like was in the starts.

# %%
from_noise = last(maximize_steps(model, ["jellyfish"] * 4, "facet"))
sheet(from_noise.images, "A jellyfish from noise, four times", side=160, columns=4)

# %% [markdown]
# ## 3 DeepDream
#
# No class, no unit: whatever the layer sees, let it see more of it. The objective is half the square length of the whole
# layer, whose gradient *at* the layer is the layer itself:
#
# $$\tfrac12 \lVert a \rVert^2, \qquad \frac{\partial}{\partial a} \tfrac12 \lVert a \rVert^2 = a$$
#
# The slides' listing: shift the picture at random by up to 32 pixels, step by $1.5/255$ along the gradient over its mean size,
# clip; do so at four sizes, each 1.4 times the last, and carry the *detail* that was added up to the next size.

# %%
questions.louder_by_dreaming

# %%
from vizkit.methods.dream import dream_steps

dream = last(dream_steps(model, image, "relu6"))
print("steps", dream.total, " picture", tuple(dream.image.shape))

# %% [markdown]
# In the panel, any layer, or two. Its steps are twice as large, and its shifts half as far, until you move *rate* and *jitter*.

# %%
dream_view = panels.dream.show()
dream_view

# %%
dream_view.play()
dreamed = dream_view.wait(240)

# %% [markdown]
# A second picture can **guide** it: each place then grows towards the guide's code that it is most like (the largest dot
# product). The same photo, once as it likes and once with a cup of coffee for a guide:

# %%
person, cup = vizkit.load_image("astronaut", size=192), vizkit.load_image("coffee", size=192)
free = last(dream_steps(model, person, "relu6", octaves=3))
guided = last(dream_steps(model, person, "relu6", octaves=3, guide=cup))
sheet(torch.stack([person, free.image, guided.image]), "A guided dream", side=220, columns=3,
      captions=["the photo", "a dream", "guided by a cup"])  # fmt: skip

# %% [markdown]
# And **zoom** falls into the dream: each frame is the one before it, enlarged by 4 %, dreamed on. The slider *history* goes back
# through the film, *Save* writes it.

# %%
zoom_view = panels.dream.show(mode="zoom", size=192, steps=3)
zoom_view

# %%
zoom_view.play()
fallen = zoom_view.wait(240)

# %% [markdown]
# ## Try this
#
# 1. **Deeper.** In *DeepDream* go from `relu2` to `relu7` on the same photo. Where do strokes end and things begin?
#    <details><summary>What you should see</summary>relu2 gives hard edges and flat areas, relu3 strong colors; with relu4 and relu5 lines and grids grow along what is there. From relu6 on parts of things come, most where the photo has something like them already. There is no sharp border. Each dream makes more of its own layer.</details>
# 2. **Blend.** Write a `Mixture` of two classes, `Mixture(((1.0, "tabby"), (1.0, "lemon")))`, and maximize it.
#    Then make one weight negative.
#    <details><summary>What you should see</summary>The scores of both rise; the probability may still go to one of them, for the larger score takes nearly all of it. With a negative weight the picture avoids what the second class likes: its score falls below zero.</details>
# 3. **Which recipe for which net?** In *What it wants to see* choose `viznet` and compare *Fourier* and *MACO* on three classes.
#    Which one keeps fine noise out by itself? Then do the same with `viznet-robust`.
#    <details><summary>What you should see</summary>MACO: its magnitudes are those of natural pictures whatever the network likes, so fine noise cannot grow. Its pictures are paler, too. With Fourier the pictures of both networks are busier. The robust network makes them calmer with either recipe.</details>

# %%
from vizkit.methods.objectives import Mixture

blend = last(maximize_steps(model, Mixture(((1.0, "tabby"), (1.0, "lemon")))))
sheet(blend.images, "Half tabby, half lemon", side=200)

# %% [markdown]
# ## What this does not show
#
# **A high score is not a good picture.** Without any regularizer, the plain network is sure of its class at a picture that
# hardly anybody would take for a photo of one: the optimum is a property of the *recipe* as much as of the unit. And where a
# unit is silent, no gradient comes through its ReLU, and the picture would stay gray: the panel then aims before the ReLU, and
# says so.

# %%
# At 64 px the network sees these very pixels.
bare_view = panels.wanted.show(
    model="viznet", label="espresso", recipe="pixels", penalty=0, size=64
)
bare_view

# %%
bare_view.play()
bare = bare_view.wait(120)

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("dream")

# %% [markdown]
# ## Checks

# %%
from vizkit.methods.feature_vis import recognition

classes = nets_view.values["classes"].split(", ")
for net, run in zip((vizkit.load_model("viznet"), model), both.runs, strict=True):
    still, shifted = recognition(net, run.images, classes)
    assert (still > 0.9).sum() >= 8
    assert (shifted > 0.9).sum() >= 7

# %%
contrast = {
    penalty: (step.images - torch.tensor(model.mean).view(3, 1, 1)).square().mean((1, 2, 3))
    for penalty, step in faded.items()
}
assert (contrast[0] > contrast[100]).all()
assert (contrast[100] > contrast[1000]).all()
assert (faded[0].score > faded[1000].score).all()
assert (contrast[1000] < 0.3 * contrast[0]).all()
assert ((faded[100].score - faded[0].score).abs() < 0.15 * faded[0].score).all()

# %%
assert float(penguin.score[0]) > 5
assert "king penguin" in picture_view.shown["bars"].value
assert float(zeros.score[0]) > 10

# %%
assert [run.images.shape for run in recipes.runs] == [recipes.runs[0].images.shape] * 3
assert all(float(run.score[0]) > 0 for run in recipes.runs)

# %%
assert len(channels.images) == 96
spread = channels.images.flatten(1).std(1)
assert (spread > 0.01).all()  # none is gray: silent ones are aimed at before their ReLU

# %%
# The faces lie further apart than pictures from noise, and the network names the class in each.
apart = torch.pdist(faces.run.images.flatten(1)).mean()
alike = torch.pdist(from_noise.images.flatten(1)).mean()
assert apart > 1.3 * alike
assert (recognition(model, faces.run.images, ["jellyfish"] * 4)[0] > 0.5).sum() >= 3

# %%
first = next(dream_steps(model, image, "relu6"))
assert dream.objective > 2 * first.objective
assert dreamed.image.shape[1:] == vizkit.load_image("china", 320).shape[1:]
assert fallen.index == 60
assert not torch.allclose(free.image, guided.image, atol=0.1)

# %%
with torch.no_grad():
    plain = vizkit.load_model("viznet")
    assert plain.probabilities(bare.images)[0, plain.label_index("espresso")] > 0.99


# %%
def fineness(image):
    """Return how much neighboring pixels differ, as a share of how much all do."""
    gray = image.mean(0)
    return float((gray[:, 1:] - gray[:, :-1]).abs().mean() / gray.std())


# Try 1
small = vizkit.load_image("china", size=128)
for layer in ("relu2", "relu7"):
    begun, *_, ended = dream_steps(model, small, layer, octaves=2)
    assert ended.objective > 1.1 * begun.objective, layer

# Try 2
names = [model.label_index(name) for name in ("tabby", "lemon")]
gray = model.logits(torch.full_like(blend.images, 0.5))[0, names]
assert (model.logits(blend.images)[0, names] > gray + 3).all()
without = last(maximize_steps(model, Mixture(((1.0, "tabby"), (-1.0, "lemon")))))
assert float(model.logits(without.images)[0, names[1]]) < 0

# Try 3
three = ["goldfish", "lemon", "monarch"]
grain = {}
for net in (plain, model):
    for recipe in ("Fourier", "MACO"):
        grown = last(maximize_steps(net, three, replaced(recipe, steps=32), size=64)).images
        grain[net.name, recipe] = sum(map(fineness, grown))
assert grain["viznet", "MACO"] < 0.9 * grain["viznet", "Fourier"]
assert grain["viznet-robust", "MACO"] < grain["viznet-robust", "Fourier"]
for recipe in ("Fourier", "MACO"):
    assert grain["viznet-robust", recipe] < grain["viznet", recipe], recipe


# %%
def smoothness(net, picture):
    """Return how alike the gradient of the largest score is at neighboring pixels."""
    pixels = vizkit.load_image(picture, size=(64, 64))[None].requires_grad_()
    with torch.enable_grad(), net.running(pixels) as running:
        score = running(net.normalize(pixels)).max()
        (slope,) = torch.autograd.grad(score, pixels)
    return float((slope[..., 1:] * slope[..., :-1]).mean() / slope.square().mean())


for picture in ("chelsea", "astronaut", "coffee", "china"):
    assert smoothness(model, picture) > smoothness(plain, picture), picture
