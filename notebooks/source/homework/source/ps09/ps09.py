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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps09-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS09 Inversion
#
# What does a code still know? Belongs to lecture `09_inversion.ipynb`.
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

# %% nbgrader={"grade": false, "grade_id": "ps09-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math

import torch

import vizkit
from vizkit import panels

model = vizkit.load_model("viznet", device="cpu")

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps09-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 The smallest picture (5 points)
#
# A linear layer $\Phi(x) = W x$ has fewer outputs than inputs, and its rows are independent: many pictures have the code $c$. Derive the one of smallest length
# $\lVert x \rVert$. And derive what the layer does not see of a picture $x$: the difference between $x$ and the smallest picture with the code of $x$.


# %% nbgrader={"grade": false, "grade_id": "ps09-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smallest_picture(W, code):
    """Return the x (n,) of smallest length with W x = code; W is (m, n), m < n."""
    ### BEGIN SOLUTION
    return W.T @ torch.linalg.solve(W @ W.T, code)
    ### END SOLUTION


def unseen(W, x):
    """Return the part (n,) of x that the layer does not see."""
    ### BEGIN SOLUTION
    return x - smallest_picture(W, W @ x)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps09-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
W, x = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), torch.tensor([3.0, 4.0, 5.0])
assert torch.allclose(smallest_picture(W, W @ x), torch.tensor([3.0, 4.0, 0.0]))
assert torch.allclose(unseen(W, x), torch.tensor([0.0, 0.0, 5.0]))
### BEGIN HIDDEN TESTS
for seed, (m, n) in enumerate(((1, 2), (3, 10), (20, 50))):
    random = torch.Generator().manual_seed(seed)
    W = torch.randn(m, n, generator=random, dtype=torch.float64)
    x = torch.randn(n, generator=random, dtype=torch.float64)
    seen = torch.linalg.pinv(W) @ (W @ x)
    assert torch.allclose(smallest_picture(W, W @ x), seen, atol=1e-8)
    assert torch.allclose(unseen(W, x), x - seen, atol=1e-8)
    assert (W @ unseen(W, x)).abs().max() < 1e-8
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps09-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 How far off, and what a cell counts (6 points)
#
# - The code error, $\lVert c - \hat c \rVert^2 / \lVert \hat c \rVert^2$ with $\hat c$ the wanted code, over all numbers of one picture's code.
# - The PSNR of two pictures in [0, 1], in decibels.
# - The histogram of one cell of a HOG, before it is scaled. The differences of a pixel are those of its two neighbors, `patch[i + 1, j] - patch[i - 1, j]` down and
#   `patch[i, j + 1] - patch[i, j - 1]` across; a difference is 0 where one of the two is missing. The size $\sqrt{\text{down}^2 + \text{across}^2}$ votes for the direction
#   `atan2(down, across)`, in which half a turn makes no difference: it is in $[0, \pi)$. The bins divide $[0, \pi)$ into equal parts, from 0 on; a vote goes to one bin. The histogram
#   is the sum of the votes, divided by the number of pixels.


# %% nbgrader={"grade": false, "grade_id": "ps09-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def code_error(code, wanted):
    """Return how far a code is from the wanted one, a number."""
    ### BEGIN SOLUTION
    return (code - wanted).square().sum() / wanted.square().sum()
    ### END SOLUTION


def my_psnr(one, other):
    """Return the PSNR of two pictures (3, H, W), in decibels."""
    ### BEGIN SOLUTION
    return -10 * (one - other).square().mean().log10()
    ### END SOLUTION


def my_cell_histogram(patch, orientations):
    """Return the histogram (orientations,) of a gray cell (h, w)."""
    ### BEGIN SOLUTION
    down, across = torch.zeros_like(patch), torch.zeros_like(patch)
    down[1:-1] = patch[2:] - patch[:-2]
    across[:, 1:-1] = patch[:, 2:] - patch[:, :-2]
    direction = torch.atan2(down, across) % math.pi
    bins = (direction / math.pi * orientations).long().clamp(max=orientations - 1)
    votes = torch.nn.functional.one_hot(bins, orientations) * torch.hypot(down, across)[..., None]
    return votes.mean((0, 1))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps09-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
assert abs(float(code_error(torch.zeros(1, 4), torch.ones(1, 4))) - 1) < 1e-6
assert abs(float(my_psnr(torch.zeros(3, 2, 2), torch.full((3, 2, 2), 0.1))) - 20) < 1e-3
ramp = torch.arange(8.0).repeat(8, 1) / 10  # brighter from left to right
assert torch.allclose(my_cell_histogram(ramp, 3), torch.tensor([0.15, 0, 0]), atol=1e-6)
### BEGIN HIDDEN TESTS
from skimage.feature import hog as known_hog

cup, cat = (vizkit.load_image(name, (64, 64)) for name in ("coffee", "chelsea"))
with torch.no_grad():
    wanted = vizkit.layer_code(model, cup[None], "relu5")
    first = next(iter(vizkit.invert_steps(model, wanted, "relu5")))
    found = vizkit.layer_code(model, first.images, "relu5")
assert abs(float(code_error(found, wanted)) / float(first.error[0]) - 1) < 0.01
assert abs(float(my_psnr(cup, cat)) - float(vizkit.psnr(cup[None], cat[None])[0])) < 0.01
# down and up are one direction, in the middle of an odd number of bins
for steep in (ramp.T, ramp.T.flip(0)):
    assert torch.allclose(my_cell_histogram(steep, 3), torch.tensor([0, 0.15, 0]), atol=1e-6)
for seed, bins in enumerate((9, 9, 5, 3)):
    random = torch.Generator().manual_seed(seed)
    cell = torch.rand(8, 8, generator=random, dtype=torch.float64)
    mine = torch.as_tensor(my_cell_histogram(cell, bins)).double()
    known = known_hog(
        cell.numpy(),
        orientations=bins,
        pixels_per_cell=(8, 8),
        cells_per_block=(1, 1),
        block_norm="L1",  # divides by the sum, and a little more
    )
    assert torch.allclose(mine / (mine.sum() + 1e-5), torch.as_tensor(known), atol=1e-5)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps09-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 Far from the photo (4 points)
#
# In the panel, show `coffee` with 100 steps, and let it run to its end for the layer `relu3`, then for `relu7`. How near is the picture to the photo, in decibels (within 1.5 dB
# each)? And at `relu7`: is the network's first answer to the inversion the one that it gives to the photo?

# %% nbgrader={"grade": false, "grade_id": "ps09-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
invert_view = panels.invert.show(model=model, picture="coffee", steps=100)
invert_view

# %% nbgrader={"grade": false, "grade_id": "ps09-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
decibels_relu3 = ...
decibels_relu7 = ...
same_answer = ...  # True or False


### BEGIN SOLUTION
def inverted(layer):
    invert_view.set(layer=layer)
    invert_view.play()
    return invert_view.wait(150).images[0]


photo_seen = vizkit.load_image("coffee", (64, 64))
decibels_relu3 = float(vizkit.psnr(inverted("relu3"), photo_seen))
from_relu7 = inverted("relu7")
decibels_relu7 = float(vizkit.psnr(from_relu7, photo_seen))
same_answer = model.answers(from_relu7, 1)[0][0] == model.answers(photo_seen, 1)[0][0]
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps09-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert decibels_relu3 > 0
assert decibels_relu7 > 0
assert same_answer in (True, False)
### BEGIN HIDDEN TESTS
cup = vizkit.load_image("coffee", (64, 64))
for answer, layer in ((decibels_relu3, "relu3"), (decibels_relu7, "relu7")):
    with torch.no_grad():
        wanted = vizkit.layer_code(model, cup[None], layer)
    end = vizkit.last(vizkit.invert_steps(model, wanted, layer, steps=100)).images[0]
    assert abs(answer - float(vizkit.psnr(end, cup))) <= 1.5, layer
assert same_answer == (model.answers(end, 1)[0][0] == model.answers(cup, 1)[0][0])
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps09-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 A blur and a stranger (5 points)
#
# From a code of `relu7`, a net that was trained with the squared error of pixels draws a blurred picture, whose own code is far from the given one. The search finds a picture with
# nearly this code, and its pixels are far from the photo's. In at most 150 words: explain both from what each of the two minimizes, and say how the net's training
# could be changed so that its drawings are less blurred, and what that costs.
#
# | points | for |
# |---|---|
# | 1 | the least squared error is reached by the mean of all photos with this code, and a mean of different photos is blurred |
# | 1 | the net is never asked for the code of its drawing; a blur lacks the edges and textures to which the layer answers |
# | 2 | the search is asked for the code alone (and little variation): many pictures have it, and it ends at one of these, not at the photo |
# | 1 | a change (the code error in the loss, an adversarial loss, a code of an earlier layer) and its price (farther from the photo's pixels, details that are made up, a harder training, more numbers) |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps09-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# Many photos have nearly the same code at `relu7`. The net has one answer to them all, and the one with the least squared error is their mean.
# Where they agree it is right; where edges lie at different places it is a blur. Nothing in its loss asks for the code of the drawing. The layer answers to edges and textures, a blur
# has few, so its code is another one.
#
# The search asks for the code only, and for little variation. Of all pictures that have the code it takes one that is near to its start. The layer does not see where this one differs
# from the photo, so nothing pulls it there.
#
# With the code error in its loss the net would draw edges, made up in part: sharper, and farther from the photo's pixels.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps09-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 A layer of averages (5 points)
#
# Make a panel `seen_part` titled *What a layer of averages sees*: a `picture` (`"coffee"`) and a slider `halvings` from 0 to 5 (3 at first). Take the picture at 64 by 64 pixels,
# `vizkit.load_image(picture, (64, 64))`. Its code is the mean of each color over blocks of $2^\text{halvings}$ by $2^\text{halvings}$ pixels. The result is the picture of smallest length with that
# code, as in question 1, a tensor (3, 64, 64): think first what it looks like, no matrix is needed. It shows the picture `before`, the result `after`, and a `text` with
# the PSNR of the two with one digit behind the point, such as `12.3 dB` (`vizkit.psnr`).
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps09-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

from vizkit.figures.pictures import fit, photo
from vizkit.widgets import Picture, Slider


# %% nbgrader={"grade": false, "grade_id": "ps09-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("What a layer of averages sees")
def seen_part(picture: Picture = "coffee", halvings: Annotated[int, Slider(0, 5)] = 3):
    """The smallest picture with these means: each block is filled with its own."""
    image = vizkit.load_image(picture, (64, 64))
    side = 2**halvings
    code = torch.nn.functional.avg_pool2d(image, side)
    found = code.repeat_interleave(side, 1).repeat_interleave(side, 2)
    return found, {
        "before": fit(photo(image, "The picture"), 320),
        "after": fit(photo(found, f"Its means over {side} by {side} pixels"), 320),
        "text": f"{code.numel():,} numbers: **{float(vizkit.psnr(found, image)):.1f} dB**",
    }


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps09-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = seen_part.show()
assert view.error is None
assert set(view.items) == {"before", "after", "text"}
assert view.result.shape == (3, 64, 64)
assert disagreements(view) == []  # its listing makes what it shows


### BEGIN HIDDEN TESTS
def known_part(image, side):
    place = torch.arange(64) // side
    block = (place[:, None] * (64 // side) + place).flatten()
    means = torch.nn.functional.one_hot(block).T.double() / side**2
    rows = image.flatten(1).double()
    return (rows @ means.T @ torch.linalg.pinv(means).T).reshape(3, 64, 64).float()


for name, halvings in (("coffee", 3), ("motorcycle", 4), ("chelsea", 5)):
    clean = vizkit.load_image(name, (64, 64))
    assert torch.allclose(seen_part(name, halvings)[0], known_part(clean, 2**halvings), atol=1e-4)
view.set(halvings=5)
cup = vizkit.load_image("coffee", (64, 64))
known = known_part(cup, 32)
assert torch.allclose(view.result, known, atol=1e-4)
assert f"{float(vizkit.psnr(known, cup)):.1f} dB" in str(view.items["text"])
assert disagreements(view) == []
view.set(halvings=0)
assert torch.allclose(view.result, cup, atol=1e-6)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps09-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# A photo and its negative, in which white is black. What is the cosine of their HOGs (`questions.hog_of_a_negative` of
# the lecture)? A number from 0 to 1. In the panel, `twins_view.set(other=1 - cup)` lays the negative beside
# the photo, and the text says the cosine at step 1, before anything has changed.
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right, within 0.03 (2 points).

# %% nbgrader={"grade": false, "grade_id": "ps09-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

cup = vizkit.load_image("coffee", (128, 128))
twins_view = panels.hog_twins.show(picture=cup)
twins_view

# %% nbgrader={"grade": false, "grade_id": "ps09-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # from 0 to 1
because = ...  # a sentence
finding = ...  # from 0 to 1
### BEGIN SOLUTION
prediction = 0.0
because = "Each edge points the other way in the negative, so nothing should be alike."
twins_view.set(other=1 - cup)
finding = round(twins_view.result.cosine, 2)
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps09-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.hog_of_a_negative.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps09-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert 0 <= finding <= 1
### BEGIN HIDDEN TESTS
assert questions.hog_of_a_negative.right(finding)
### END HIDDEN TESTS
