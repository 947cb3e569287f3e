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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps07-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS07 Neural style
#
# What is a style, as a number? Belongs to lecture `07_style.ipynb`.
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

# %% nbgrader={"grade": false, "grade_id": "ps07-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

import vizkit
from vizkit import panels

model = vizkit.load_model("viznet", device="cpu")

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps07-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 The gradient of the content (5 points)
#
# The content loss of a layer is $L = \lVert F - P \rVert^2 / \lVert P \rVert^2$, with $F$ the activations of the picture and $P$ those of the photo. Derive
# $\partial L/\partial F$, and by which factor the Gram matrix grows when all activations are multiplied by $s$.


# %% nbgrader={"grade": false, "grade_id": "ps07-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def content_gradient(F, P):
    """Return dL/dF, of the shape of F."""
    ### BEGIN SOLUTION
    return 2 * (F - P) / P.square().sum()
    ### END SOLUTION


def gram_factor(s):
    """Return the factor of the Gram matrix."""
    ### BEGIN SOLUTION
    return s**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps07-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
assert torch.equal(content_gradient(torch.ones(2, 3), torch.ones(2, 3)), torch.zeros(2, 3))
assert gram_factor(1) == 1
### BEGIN HIDDEN TESTS
maps = torch.randn(4, 5, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
photo = torch.randn(4, 5, 5, generator=torch.Generator().manual_seed(1))
(slope,) = torch.autograd.grad((maps - photo).square().sum() / photo.square().sum(), maps)
assert torch.allclose(content_gradient(maps.detach(), photo), slope, atol=1e-6)
assert abs(gram_factor(3) - 9) < 1e-9
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps07-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 The Gram matrix (6 points)
#
# Write the Gram matrix of maps (C, h, w): for each pair of channels, the mean over all places of their product. And the style loss of a layer,
# $\lVert G - A \rVert^2 / \lVert A \rVert^2$, with $A$ the Gram matrix of the style picture. The two may have different sizes.


# %% nbgrader={"grade": false, "grade_id": "ps07-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_gram(maps):
    """Return the Gram matrix (C, C) of maps (C, h, w)."""
    ### BEGIN SOLUTION
    rows = maps.flatten(1)
    return rows @ rows.T / rows.shape[1]
    ### END SOLUTION


def style_loss(maps, style_maps):
    """Return the style loss of one layer, a number."""
    ### BEGIN SOLUTION
    wanted = my_gram(style_maps)
    return (my_gram(maps) - wanted).square().sum() / wanted.square().sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps07-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
ones = torch.ones(2, 3, 4)
assert torch.allclose(my_gram(ones), torch.ones(2, 2))
assert float(style_loss(ones, torch.ones(2, 5, 5))) == 0
### BEGIN HIDDEN TESTS
from vizkit.methods.style import content_targets, gram

one, other = (
    content_targets(model, vizkit.load_image(name, size=side), ["relu3"])["relu3"].cpu()
    for name, side in (("mosaic", 96), ("china", 64))
)
known = [gram(maps)[0] for maps in (one, other)]
assert torch.allclose(my_gram(one[0]), known[0], rtol=1e-3, atol=1e-3)
expected = (known[1] - known[0]).square().sum() / known[0].square().sum()
assert abs(float(style_loss(other[0], one[0])) / float(expected) - 1) < 1e-3
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps07-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 It forgets where (4 points)
#
# In the panel, show `swirls` and the layer `relu1`. What is the trace of the Gram matrix (within 1 %), and what is it with the *places in another
# order*? Which channel has the largest entry on the diagonal (`gram_view.result`
# holds the numbers)?

# %% nbgrader={"grade": false, "grade_id": "ps07-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
gram_view = panels.gram_matrix.show(model=model, picture="swirls")
gram_view

# %% nbgrader={"grade": false, "grade_id": "ps07-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
trace = ...
trace_in_another_order = ...
strongest_channel = ...
### BEGIN SOLUTION
matrix = gram_view.result
trace = float(matrix.trace())
gram_view.controls["shuffle"].value = True
trace_in_another_order = float(gram_view.result.trace())
strongest_channel = int(matrix.diagonal().argmax())
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps07-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert trace > 0
assert 0 <= strongest_channel < 48
### BEGIN HIDDEN TESTS
truth = panels.gram_matrix.show(model=model, picture="swirls").result
for answer in (trace, trace_in_another_order):
    assert abs(answer / float(truth.trace()) - 1) <= 0.01
assert strongest_channel == int(truth.diagonal().argmax())
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps07-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 What is lost (5 points)
#
# Painted in the style of *waves*, the sky shows arcs but no rows of arcs. In at most 150 words: explain it from the formula of the Gram matrix,
# say which change of the loss would bring the rows back, and what it would cost.
#
# | points | for |
# |---|---|
# | 2 | the sum over places drops all positions: only what fits into one unit's field is kept |
# | 2 | a change that would help (deeper layers or larger strides; products of shifted maps; a coarse scale first; patches) |
# | 1 | its price (time, memory, less freedom for the content, more literal copies) |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps07-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# Each entry of the Gram matrix is a mean over all places of the product of two channels *at the same place*. Where anything is has been summed
# away; what remains is what goes together within the receptive field of one unit. An arc fits into that field, a row of arcs does not. Products of
# one channel with another *shifted* by the distance of the arcs would see the rows, as would deeper layers or a first pass at a small size, where a
# row fits into the field. The price: a matrix for each shift, and a texture that repeats the painting more literally and leaves the content less
# freedom.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps07-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 How alike are two styles? (5 points)
#
# Make a panel `style_distance` titled *Two styles*: two pictures `one` (`"swirls"`) and `other` (`"waves"`), a `model` (`"viznet"`) and a `layer` of it that has
# maps (`"relu3"`). With $G$ and $H$ the Gram matrices (`vizkit.gram` takes maps of shape (1, C, h, w)) of their maps at that layer, each picture at 96 by 96 pixels, its result is
# $\lVert G - H\rVert^2 / \lVert H\rVert^2$, a float; it shows both as pictures `left` and `right`, and a `text`.
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps07-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

from vizkit.figures.pictures import photo
from vizkit.widgets import Layer, Model, Picture


# %% nbgrader={"grade": false, "grade_id": "ps07-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("Two styles")
def style_distance(
    one: Picture = "swirls",
    other: Picture = "waves",
    model: Model = "viznet",
    layer: Annotated[str, Layer(of="model", maps=True)] = "relu3",
):
    """How far apart two pictures are, if only their textures count."""
    left, right = (vizkit.load_image(picture, (96, 96)) for picture in (one, other))
    maps = [vizkit.activations(model, image, layer).maps for image in (left, right)]
    grams = vizkit.gram(maps[0][None])[0], vizkit.gram(maps[1][None])[0]
    distance = float((grams[0] - grams[1]).square().sum() / grams[1].square().sum())
    return distance, {
        "left": photo(left, "the one"),
        "right": photo(right, "the other"),
        "text": f"**{distance:.3f}**",
    }


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps07-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = style_distance.show()
assert view.error is None
assert set(view.items) == {"left", "right", "text"}
assert disagreements(view) == []  # its listing makes what it shows


### BEGIN HIDDEN TESTS
def known_gram(name, layer):
    rows = vizkit.activations(model, vizkit.load_image(name, (96, 96)), layer).maps.flatten(1)
    return rows @ rows.T / rows.shape[1]


for pair in (("swirls", "waves"), ("coffee", "swirls")):
    G, H = (known_gram(name, "relu3") for name in pair)
    wanted = float((G - H).square().sum() / H.square().sum())
    assert abs(style_distance(*pair, model, "relu3")[0] / wanted - 1) < 0.01
assert style_distance("waves", "waves", model, "relu2")[0] < 1e-9
view.set(one="coffee", layer="relu2")
G, H = known_gram("coffee", "relu2"), known_gram("waves", "relu2")
assert abs(view.result / float((G - H).square().sum() / H.square().sum()) - 1) < 0.01
assert disagreements(view) == []
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps07-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# A painting is mirrored, left for right. By how much of its length does the Gram matrix of `relu3` change, in percent,
# the mean over `swirls`, `brushstrokes`, `mosaic` and `waves` (`questions.mirrored_painting` of the lecture)? The
# length of a matrix is the root of the sum of its squares. `mirror_view.set(picture=...)` takes a tensor, too:
# `vizkit.load_image("swirls", size=256).flip(-1)`.
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right, within 12 percentage points (2
# points).

# %% nbgrader={"grade": false, "grade_id": "ps07-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

mirror_view = panels.gram_matrix.show(model=model, layer="relu3")
mirror_view

# %% nbgrader={"grade": false, "grade_id": "ps07-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # in percent
because = ...  # a sentence
finding = ...  # in percent
### BEGIN SOLUTION
prediction = 0
because = "The matrix is a sum over all places, and a mirror only moves things to other places."


def change(name):
    image = vizkit.load_image(name, size=256)
    mirror_view.set(picture=image)
    before = mirror_view.result
    mirror_view.set(picture=image.flip(-1))
    return float((mirror_view.result - before).norm() / before.norm())


changes = [change(name) for name in ("swirls", "brushstrokes", "mosaic", "waves")]
finding = 100 * sum(changes) / len(changes)
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps07-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.mirrored_painting.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps07-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert 0 <= finding <= 100
### BEGIN HIDDEN TESTS
assert questions.mirrored_painting.right(finding)
### END HIDDEN TESTS
