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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps06-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS06 DeepDream
#
# What does a picture look like that a layer likes? Belongs to lecture `06_dream.ipynb`.
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

# %% nbgrader={"grade": false, "grade_id": "ps06-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

import vizkit
from vizkit import panels

model = vizkit.load_model("viznet", device="cpu")

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps06-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 Why the gradient is the activation (5 points)
#
# DeepDream climbs $E = \tfrac12 \lVert a \rVert^2$ of a layer's activations $a$. For one layer $a = \text{ReLU}(W x)$, derive $\partial E/\partial a$ and
# $\partial E / \partial x$.


# %% nbgrader={"grade": false, "grade_id": "ps06-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def energy_gradients(W, x):
    """Return dE/da (m,) and dE/dx (n,) for a = ReLU(W x), W (m, n)."""
    ### BEGIN SOLUTION
    a = (W @ x).clamp(min=0)
    return a, W.T @ a
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps06-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
upper, lower = energy_gradients(torch.tensor([[2.0, 0.0], [0.0, -1.0]]), torch.tensor([1.0, 1.0]))
assert torch.equal(upper, torch.tensor([2.0, 0.0]))
### BEGIN HIDDEN TESTS
W = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
x = torch.randn(4, generator=torch.Generator().manual_seed(1)).requires_grad_()
energy = 0.5 * torch.relu(W @ x).square().sum()
upper, lower = energy_gradients(W, x.detach())
assert torch.allclose(upper, torch.relu(W @ x).detach())
assert torch.allclose(lower, torch.autograd.grad(energy, x)[0], atol=1e-6)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps06-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 One step, and the octaves (6 points)
#
# Write one step of the slides' listing: move by `rate` times the gradient over its mean absolute value, and cut to [0, 1]. And list the sizes
# of the octaves, the smallest first: side $\lfloor n / s^k + 0.5\rfloor$ for $k$ from the last octave down to 0.


# %% nbgrader={"grade": false, "grade_id": "ps06-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dream_step(image, gradient, rate):
    """Return the picture after one step, in [0, 1]."""
    ### BEGIN SOLUTION
    return (image + rate * gradient / gradient.abs().mean()).clamp(0, 1)
    ### END SOLUTION


def octave_sizes(height, width, octaves, scale):
    """Return [(height, width), ...] from the smallest octave to the picture's own size."""
    ### BEGIN SOLUTION
    powers = [scale**k for k in reversed(range(octaves))]
    return [(int(height / power + 0.5), int(width / power + 0.5)) for power in powers]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps06-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
gray = torch.full((3, 4, 4), 0.5)
assert torch.allclose(dream_step(gray, torch.ones(3, 4, 4), 0.1), torch.full((3, 4, 4), 0.6))
assert octave_sizes(280, 140, 2, 1.4) == [(200, 100), (280, 140)]
### BEGIN HIDDEN TESTS
from vizkit.core.hooks import forward_to_all
from vizkit.methods.dream import dream_steps

photo = vizkit.load_image("astronaut", size=96)
settings = {"octaves": 1, "steps": 1, "jitter": 0, "rate": 3 / 255}
dreamed = next(iter(dream_steps(model, photo, "relu3", **settings))).image
pixels = photo[None].clone().requires_grad_()
with model.running(pixels) as net:
    energy = 0.5 * forward_to_all(net, model.normalize(pixels), ["relu3"])["relu3"].square().mean()
(slope,) = torch.autograd.grad(energy, pixels)
assert torch.allclose(dream_step(photo, slope[0], 3 / 255), dreamed.cpu(), atol=1e-4)
large = 300 * torch.ones(3, 4, 4)
assert torch.allclose(dream_step(gray, large, 0.1), dream_step(gray, torch.ones(3, 4, 4), 0.1))
assert dream_step(gray, torch.ones(3, 4, 4), 0.9).max() <= 1
assert octave_sizes(333, 500, 4, 1.4) == [(121, 182), (170, 255), (238, 357), (333, 500)]
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps06-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 How much it likes a photo (4 points)
#
# In the panel, take `astronaut`, *size* 128, one octave. Beside the picture stands $\tfrac12\lVert a\rVert^2$ per number of the layer before the
# first change. Read it for `relu2` and for `relu4` of `viznet` (within 5 %).

# %% nbgrader={"grade": false, "grade_id": "ps06-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
dream_view = panels.dream.show(model=model, picture="astronaut")
dream_view.set(size=128, octaves=1, jitter=0)
dream_view

# %% nbgrader={"grade": false, "grade_id": "ps06-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
energy_relu2 = ...
energy_relu4 = ...


### BEGIN SOLUTION
def energy_of(layer):
    dream_view.set(layer=layer)
    return dream_view.result.objective


energy_relu2, energy_relu4 = energy_of("relu2"), energy_of("relu4")
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps06-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert energy_relu2 > 0
assert energy_relu4 > 0
### BEGIN HIDDEN TESTS
from vizkit.core.hooks import forward_to_all as run_to

seen = vizkit.load_image("astronaut", size=128)[None]
for answer, layer in ((energy_relu2, "relu2"), (energy_relu4, "relu4")):
    with torch.no_grad(), model.running(seen) as net:
        energy = 0.5 * run_to(net, model.normalize(seen), [layer])[layer].square().mean()
    assert abs(answer / float(energy) - 1) <= 0.05, layer
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps06-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 A high score is not a picture (5 points)
#
# From zeros with L2 on the plain network, the class score rises far above that of any photo, and yet nobody would name the class. In at most
# 150 words: why, and what do (a) Fourier parameters with shifts and (b) a robust network each change about it?
#
# | points | for |
# |---|---|
# | 2 | the score is free in many directions that photos never take, mostly high frequencies; gradient ascent takes the steepest |
# | 2 | (a) changes the parameterization and asks for a score that survives shifts: other optima of the same net; (b) changes the net: its gradient has less high frequency to follow |
# | 1 | so the picture is a property of the recipe and of the net |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps06-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# Photos fill a thin part of the space of pictures, and the net was only ever asked there. Everywhere else its score is free, and gradient ascent
# takes the steepest way, which is high frequencies that add up over thousands of pixels: an adversarial example from nothing. Fourier
# parameters scale these frequencies down and decorrelate the colors, and shifting asks for a score that does not depend on single pixels: the
# same net, other optima. A network trained against small perturbations is itself less moved by such patterns, so even a plain recipe finds
# shapes. The picture shows the unit, the recipe and the net together.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps06-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 A dream that runs (5 points)
#
# Make a live panel `my_dream` titled *My dream*: a `picture` (`"coffee"`), a `model` (`"viznet"`), a slider `rate` from 0.5 to 6 (1.5 at
# first, in steps of 0.5) in gray values of 255, and a `run`. It runs `vizkit.dream_steps` on `relu4` with one octave, 8 steps, no jitter and that rate, on the picture at
# 96 by 96 pixels, and shows each step's `picture`; its result is the step.
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps06-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

from vizkit.figures.pictures import photo
from vizkit.widgets import Model, Picture, Run, Slider, direct


# %% nbgrader={"grade": false, "grade_id": "ps06-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("My dream")
def my_dream(
    picture: Picture = "coffee",
    model: Model = "viznet",
    rate: Annotated[float, Slider(0.5, 6.0, 0.5)] = 1.5,
    *,
    run: Run = direct,
):
    """A layer sees more and more of what it likes."""
    image = vizkit.load_image(picture, (96, 96))
    for step in run(
        vizkit.dream_steps, model, image, "relu4", octaves=1, steps=8, jitter=0, rate=rate / 255
    ):
        yield step, {"picture": photo(step.image, f"After {step.index} steps")}


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps06-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = my_dream.show()
assert view.error is None
assert list(view.items) == ["picture"]
assert disagreements(view) == []  # its listing makes what it shows
### BEGIN HIDDEN TESTS
own = vizkit.load_image("chelsea", 96)
settings = {"octaves": 1, "steps": 8, "jitter": 0, "rate": 3 / 255}
square = vizkit.load_image("chelsea", (96, 96))
wanted = vizkit.last(vizkit.dream_steps(model, square, "relu4", **settings))
step, _ = list(my_dream("chelsea", model, 3.0))[-1]
assert step.index == 8
assert torch.allclose(step.image, wanted.image, atol=1e-4)
view.step()
assert view.result.index == 2
assert disagreements(view) == []
view.play()
assert view.wait(60).index == 8
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps06-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# Pixels alone, `viznet-robust`, and three classes: goldfish, school bus and lemon. The penalty λ goes from 0 to 1,000.
# How much is left of the mean square distance from gray 0.5, the mean over the three, in percent
# (`questions.left_by_penalty` of the lecture)? When the run has ended, `gray_view.result.images` is the picture.
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right, within 15 percentage points (2
# points).

# %% nbgrader={"grade": false, "grade_id": "ps06-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

gray_view = panels.wanted.show(
    model="viznet-robust", label="goldfish", recipe="pixels", penalty=0, steps=64, size=64
)
gray_view

# %% nbgrader={"grade": false, "grade_id": "ps06-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # in percent
because = ...  # a sentence
finding = ...  # in percent
### BEGIN SOLUTION
prediction = 60
because = "The score pulls at all pixels as before; the penalty only holds the wildest back."


def contrast(penalty):
    squares = []
    for label in ("goldfish", "school bus", "lemon"):
        gray_view.set(label=label, penalty=penalty)
        gray_view.play()
        squares.append(float((gray_view.wait(120).images - 0.5).square().mean()))
    return sum(squares) / len(squares)


finding = 100 * contrast(1000) / contrast(0)
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps06-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.left_by_penalty.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps06-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert 0 <= finding <= 100
### BEGIN HIDDEN TESTS
assert questions.left_by_penalty.right(finding)
### END HIDDEN TESTS
