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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps05-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS05 What in the picture made it say so
#
# Which pixels speak for the answer, and how would you know? Belongs to lecture `05_deconv.ipynb`.
#
# | question | kind | points | graded | time |
# |---|---|---|---|---|
# | 1 | derive | 5 | by tests | 15 min |
# | 2 | implement | 6 | by tests | 40 min |
# | 3 | explore | 4 | by tests, with tolerances | 15 min |
# | 4 | explain | 5 | by hand | 20 min |
# | 5 | make a panel | 5 | by tests | 20 min |
# | 6 | predict | 3 | by tests | 10 min |
# | | | **28** | | **120 min** |
#
# Write where it says `YOUR CODE HERE` or `YOUR ANSWER HERE`, and leave the other cells as they are. The cells behind your
# code test it; some tests are hidden and run when it is graded. A cell may take a minute. Before you hand in: *Kernel, Restart
# Kernel and Run All Cells*.

# %% nbgrader={"grade": false, "grade_id": "ps05-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

import vizkit
from vizkit import panels

model = vizkit.load_model("viznet", device="cpu")

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps05-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 Three ReLU rules (5 points)
#
# On the way back, a ReLU lets some of the gradient from above through. Say which for backpropagation, deconvnet and guided backprop, given
# what came in on the way forward, and what comes back from above.


# %% nbgrader={"grade": false, "grade_id": "ps05-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def through_relu(forward, above, rule):
    """Return what goes on below the ReLU; rule is "backprop", "deconvnet" or "guided"."""
    ### BEGIN SOLUTION
    seen, wanted = (forward > 0).to(above), (above > 0).to(above)
    return above * {"backprop": seen, "deconvnet": wanted, "guided": seen * wanted}[rule]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps05-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
forward = torch.tensor([[1.0, -1, 5], [2, -5, -7], [-3, 2, 4]])
above = torch.tensor([[-2.0, 3, -1], [6, -3, 1], [2, -1, 3]])
known = torch.tensor([[-2.0, 0, -1], [6, 0, 0], [0, -1, 3]])
assert torch.equal(through_relu(forward, above, "backprop"), known)
### BEGIN HIDDEN TESTS
assert torch.equal(
    through_relu(forward, above, "deconvnet"), torch.tensor([[0.0, 3, 0], [6, 0, 1], [2, 0, 3]])
)
assert torch.equal(
    through_relu(forward, above, "guided"), torch.tensor([[0.0, 0, 0], [6, 0, 0], [0, 0, 3]])
)
draw = torch.randn(50, generator=torch.Generator().manual_seed(0), requires_grad=True)
upper = torch.randn(50, generator=torch.Generator().manual_seed(1))
(slope,) = torch.autograd.grad(torch.relu(draw), draw, upper)
assert torch.equal(through_relu(draw.detach(), upper, "backprop"), slope)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps05-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 Cover it and see (6 points)
#
# Cover a square of `patch` pixels with gray 0.5 at every `stride` pixels, and measure how much of the class's probability each place costs.
# Start a place at every stride until the last pixel is covered; at the border the square ends where the picture ends.
# `model.probabilities(batch)` takes pictures (N, 3, H, W).


# %% nbgrader={"grade": false, "grade_id": "ps05-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def occlusion(model, image, target, patch, stride):
    """Return the drop of the target's probability at each place, shape (rows, columns)."""
    ### BEGIN SOLUTION
    height, width = image.shape[1:]
    rows, columns = (-(-(length - patch) // stride) + 1 for length in (height, width))
    covered = []
    for row in range(rows):
        for column in range(columns):
            one = image.clone()
            top, left = row * stride, column * stride
            one[:, top : top + patch, left : left + patch] = 0.5
            covered.append(one)
    with torch.no_grad():
        clean = model.probabilities(image)[target]
        found = torch.cat(
            [model.probabilities(part)[:, target] for part in torch.stack(covered).split(64)]
        )
    return (clean - found).view(rows, columns)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps05-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
picture = vizkit.load_image("coffee", size=(64, 64))
espresso = model.label_index("espresso")
drops = occlusion(model, picture, espresso, 32, 32)
assert drops.shape == (2, 2)
### BEGIN HIDDEN TESTS
from vizkit.core.steps import last
from vizkit.methods.occlusion import occlusion_steps

for photo, patch, stride in (
    (picture, 20, 12),
    (vizkit.load_image("coffee", size=(48, 64)), 16, 10),
):
    known = last(occlusion_steps(model, photo, espresso, patch=patch, stride=stride)).drop
    mine = occlusion(model, photo, espresso, patch, stride)
    assert mine.shape == known.shape
    assert torch.allclose(mine.cpu(), known, atol=1e-4)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps05-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 The occluder (4 points)
#
# In the panel, show `coffee`; *square* 0.4, *x* 0.5, *y* 0.5, *gray* 0.5. What is the probability of espresso with the square, and what is it
# with a white square (*gray* 1)? (Within 2 percentage points each.)

# %% nbgrader={"grade": false, "grade_id": "ps05-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
occluder_view = panels.occluder.show(model=model)
occluder_view

# %% nbgrader={"grade": false, "grade_id": "ps05-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
with_gray = ...  # in [0, 1]
with_white = ...
### BEGIN SOLUTION
import re


def read(gray):
    occluder_view.set(at=(0.5, 0.5), share=0.4, fill=gray)
    return float(re.search(r"→ ([\d.]+)%", occluder_view.shown["bars"].value)[1]) / 100


with_gray, with_white = read(0.5), read(1.0)
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps05-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert 0 <= with_gray <= 1
assert 0 <= with_white <= 1
### BEGIN HIDDEN TESTS
from vizkit.methods.occlusion import occlude

scene = vizkit.load_image("coffee", size=64)
side = round(0.4 * 64)
middle = [round(0.5 * (length - side)) for length in scene.shape[1:]]
for answer, fill in ((with_gray, 0.5), (with_white, 1.0)):
    with torch.no_grad():
        share = model.probabilities(occlude(scene, *middle, patch=side, fill=fill))
    assert abs(answer - float(share[model.label_index("espresso")])) <= 0.02
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps05-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 Sharp, but is it true? (5 points)
#
# Guided backprop draws the sharpest pictures of all, and they hardly change when the upper layers forget everything they have learned
# (panel *Forget and look again*). In at most 150 words: how can that be, and how would you choose a method for a report on which
# something depends?
#
# | points | for |
# |---|---|
# | 2 | the rule throws negative gradients away at every ReLU; what is left follows the edges of the picture, whatever the upper layers say |
# | 1 | looking good is no evidence |
# | 2 | a choice that is tested: pictures of known truth, the randomization check, occlusion as an experiment on the net itself |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps05-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# At every ReLU guided backprop keeps only what is positive both on the way forward and on the way back. The positive paths lead to the
# strong edges of the picture whichever class they start from, and whatever the upper weights are: so the map is nearly an edge detector, and
# keeps its looks when the net forgets. How good a map looks is therefore no evidence of what the net uses. I would choose a method that scores
# well where the truth is known (pointing game on made-up scenes), that changes when the layers are randomized, and I would confirm what it says
# by covering the place and watching the probability.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps05-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 Cover what you click (5 points)
#
# Make a panel `cover` titled *Cover it*: a `picture` (`"coffee"`), a `model` (`"viznet"`), and a place `at` that a click on the item
# `seen` sets (in the middle, `(0.5, 0.5)`, at first). A gray square of half the picture's shorter side is laid with its middle at that place, moved inside
# where it would stick out (`vizkit.occlude` takes its upper left corner). Its result is the probability of the most probable
# class *of the whole picture* when it is covered, a float; it shows the covered picture `seen` and a `text`. Ask at 64 pixels: `vizkit.load_image(picture, (64, 64))`.
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps05-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

from vizkit.figures.pictures import fit, photo
from vizkit.widgets import Model, On, Picture, Place, Point


# %% nbgrader={"grade": false, "grade_id": "ps05-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("Cover it")
def cover(
    picture: Picture = "coffee",
    model: Model = "viznet",
    at: Annotated[Place, On("seen", Point)] = (0.5, 0.5),
):
    """What is the answer worth without this part?"""
    image = vizkit.load_image(picture, (64, 64))
    left, top = (min(max(round(64 * one) - 16, 0), 32) for one in at)
    covered = vizkit.occlude(image, top, left, patch=32)
    name, before = model.answers(image, 1)[0]
    after = dict(model.answers(covered, len(model.labels)))[name]
    seen = fit(photo(covered, "The covered picture"), 320)
    return after, {"seen": seen, "text": f"{name}: {before:.0%}, covered {after:.0%}"}


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps05-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = cover.show()
assert view.error is None
assert set(view.items) == {"seen", "text"}
assert disagreements(view) == []  # its listing makes what it shows


### BEGIN HIDDEN TESTS
def covered_share(picture, x, y):
    image = vizkit.load_image(picture, (64, 64))
    left, top = (min(max(round(64 * one) - 16, 0), 32) for one in (x, y))
    label = model.probabilities(image).argmax()
    return float(model.probabilities(vizkit.occlude(image, top, left, patch=32))[label])


for x, y in ((0.5, 0.5), (0.1, 0.95), (0.75, 0.3)):
    view.set(at=(x, y))
    assert abs(view.result - covered_share("coffee", x, y)) < 0.02, (x, y)
own = vizkit.load_image("motorcycle")
assert abs(cover(own, model, (0.75, 0.3))[0] - covered_share("motorcycle", 0.75, 0.3)) < 0.02
assert disagreements(view) == []
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps05-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# `viznet` says espresso. A gray square covers a quarter of the shorter side of `coffee`. Where does it cost most
# (`questions.costliest_square` of the lecture)? The place of its middle, $(x, y)$, each from 0 to 1, (0, 0) at the
# upper left.
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right, within a quarter of the shorter side
# (2 points).

# %% nbgrader={"grade": false, "grade_id": "ps05-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

cost_view = panels.occluder.show(model=model, target="espresso", share=0.25, at=(0.1, 0.9))
cost_view

# %% nbgrader={"grade": false, "grade_id": "ps05-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # (x, y)
because = ...  # a sentence
finding = ...  # (x, y)
### BEGIN SOLUTION
prediction = (0.6, 0.7)
because = "A small spoon on a saucer is what tells an espresso from any other brown drink."
cost_view.play()
cost = cost_view.wait(120).pixels()
row, column = divmod(int(cost.argmax()), cost.shape[1])
finding = ((column + 0.5) / cost.shape[1], (row + 0.5) / cost.shape[0])
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps05-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.costliest_square.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps05-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert len(finding) == 2
### BEGIN HIDDEN TESTS
assert questions.costliest_square.right(finding)
### END HIDDEN TESTS
