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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps01-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS01 The loss landscape
#
# How far may a step go, and what is a fair picture of a landscape? Belongs to lecture `01_loss_landscape.ipynb`.
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

# %% nbgrader={"grade": false, "grade_id": "ps01-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

from vizkit import panels

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps01-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 How far may a step go? (5 points)
#
# On $f(x) = \tfrac12 a x^2$ with $a > 0$, a step of gradient descent with learning rate $\eta$ turns $x$ into $c\,x$. Derive $c$, and the
# learning rate above which $x$ runs away. Write both as functions.


# %% nbgrader={"grade": false, "grade_id": "ps01-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def contraction(a, rate):
    """Return c: what one step of gradient descent multiplies x with."""
    ### BEGIN SOLUTION
    return 1 - rate * a
    ### END SOLUTION


def largest_rate(a):
    """Return the learning rate above which x runs away."""
    ### BEGIN SOLUTION
    return 2 / a
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps01-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
assert contraction(1.0, 1.0) == 0
assert largest_rate(1.0) > 0
### BEGIN HIDDEN TESTS
for a in (0.5, 4.0):
    for rate in (0.1, 0.7):
        x = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(a * x**2 / 2, x)
        assert abs(contraction(a, rate) * 1.5 - float(x.detach() - rate * slope)) < 1e-9
    for factor, grows in ((0.99, False), (1.01, True)):
        rate, far = factor * largest_rate(a), 1.0
        for _ in range(50):
            far -= rate * a * far
        assert (abs(far) > 1) == grows
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps01-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 A fair direction (6 points)
#
# Li et al. give each *filter* of a random direction the length of the net's own filter, $d_i \leftarrow d_i\,\lVert w_i\rVert / \lVert d_i\rVert$,
# so that a net of large weights is not shown as flat. A filter is all that belongs to one output: `weights[i]`. Biases, which have one
# dimension, do not move: their direction is zero.


# %% nbgrader={"grade": false, "grade_id": "ps01-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def filter_normalized(direction, weights):
    """Return the direction with the filters' lengths of the weights, both of one shape."""
    ### BEGIN SOLUTION
    if weights.ndim < 2:
        return torch.zeros_like(weights)
    own, length = weights.flatten(1).norm(dim=1), direction.flatten(1).norm(dim=1)
    return direction * (own / length).view(-1, *[1] * (weights.ndim - 1))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps01-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
weights = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
found = filter_normalized(torch.tensor([[1.0, 0.0], [0.0, 5.0]]), weights)
assert torch.allclose(found, torch.tensor([[5.0, 0.0], [0.0, 1.0]]))
### BEGIN HIDDEN TESTS
from vizkit.methods.loss_landscape import random_directions
from vizkit.methods.small_nets import DeepNet, NetLoss, split_digits

data = split_digits(100)
loss = NetLoss(DeepNet(width=8, depth=2), data.train, data.train_labels)
point = loss.random_points(1, seed=3)[0] + 0.1
raw, normalized = (
    loss.named(random_directions(loss, point, filter_normalized=one, seed=5)[0])
    for one in (False, True)
)
for name, own in loss.named(point).items():
    assert torch.allclose(filter_normalized(raw[name], own), normalized[name], atol=1e-5), name
kernels = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(0))
lengths = filter_normalized(torch.ones(4, 3, 5, 5), kernels).flatten(1).norm(dim=1)
assert torch.allclose(lengths, kernels.flatten(1).norm(dim=1))
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps01-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 A wall between two solutions (4 points)
#
# In the panel, choose the line *solution to solution*. Both ends are trained nets. Between them ($0 \le a \le 1$): at which $a$ is the
# training loss largest, and which share of new digits does the net at that $a$ get right? (Within 0.06 and 5 percentage points.)

# %% nbgrader={"grade": false, "grade_id": "ps01-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
line_view = panels.line.show()
line_view

# %% nbgrader={"grade": false, "grade_id": "ps01-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
worst_a = ...
share_right = ...  # in [0, 1]
### BEGIN SOLUTION
line_view.set(path="solution to solution")
line = line_view.result
between = (line.shares >= 0) & (line.shares <= 1)
worst_a = float(line.shares[between][line.train[between].argmax()])
line_view.set(share=worst_a)
share_right = float(line.accuracy[between][line.train[between].argmax()])
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps01-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert 0 <= worst_a <= 1
assert 0 <= share_right <= 1
### BEGIN HIDDEN TESTS
truth = panels.line.show()
truth.set(path="solution to solution")
truth = truth.result
inside = (truth.shares >= 0) & (truth.shares <= 1)
highest = truth.train[inside].argmax()
assert abs(worst_a - float(truth.shares[inside][highest])) <= 0.06
assert abs(share_right - float(truth.accuracy[inside][highest])) <= 0.05
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps01-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 Is a sharp minimum a bad minimum? (5 points)
#
# In *What this does not show* of the lecture, multiplying one layer and dividing the next leaves the function as it was, and changes
# the picture of its landscape. Explain in at most 150 words why, what filter normalization does about it, and what that means for
# the sentence "flat minima generalize better".
#
# | points | for |
# |---|---|
# | 2 | why the function stays and its curvature does not (positive homogeneity of ReLU; a unit of length means another thing in each layer) |
# | 2 | what filter normalization makes equal, and what it leaves open (the Hessian's eigenvalue still changes) |
# | 1 | a careful conclusion: flatness needs a scale before it can mean anything |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps01-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# A ReLU net computes the same function when a layer is multiplied by a factor and the next one divided by it, because
# $\text{ReLU}(c\,z) = c\,\text{ReLU}(z)$ for $c > 0$. A step of fixed length in parameter space is then small for one layer and large for the other,
# so curvature, and any picture drawn with fixed steps, changes. Filter normalization measures each filter's step by the filter's own
# length, so the factor cancels in the picture; the Hessian's largest eigenvalue is not normalized and still changes. "Flat" without a
# scale says nothing, so the sentence can only be true of a measure that such a rescaling leaves alone.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps01-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 Steps to see (5 points)
#
# Make a panel `descent_of` titled *Steps on a valley*: gradient descent on $f(x) = \tfrac12 x^2$ from $x = 1$, with a slider `rate`
# from 0.05 to 2.5 in steps of 0.05 (0.5 at first) and a slider `steps` from 1 to 30 (10 at first). Its result is the tensor $x_0 \dots x_n$; it shows
# a chart named `path` with $x$ over the step, and a `text`.
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps01-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

import plotly.graph_objects as go

import vizkit
from vizkit.widgets import Slider


# %% nbgrader={"grade": false, "grade_id": "ps01-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("Steps on a valley")
def descent_of(
    rate: Annotated[float, Slider(0.05, 2.5, 0.05)] = 0.5,
    steps: Annotated[int, Slider(1, 30)] = 10,
):
    """Each step multiplies x with the same number."""
    path = (1 - rate) ** torch.arange(steps + 1)
    chart = go.Figure(go.Scatter(y=path.tolist(), mode="lines+markers"))
    return path, {"path": chart, "text": f"After {steps} steps: {float(path[-1]):.3g}"}


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps01-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = descent_of.show()
assert view.error is None
assert set(view.items) == {"path", "text"}
assert disagreements(view) == []  # its listing makes what it shows
### BEGIN HIDDEN TESTS
path, _ = descent_of(0.5, 4)
assert torch.allclose(torch.as_tensor(path).float(), torch.tensor([1.0, 0.5, 0.25, 0.125, 0.0625]))
view.set(rate=2.5, steps=3)
assert torch.allclose(torch.as_tensor(view.result).float(), torch.tensor([1.0, -1.5, 2.25, -3.375]))
assert list(view.items["path"].data[0].y)[-1] == float(view.result[-1])
assert disagreements(view) == []
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps01-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# SGD, momentum and Adam start at (-3.5, 3) among the hills, with a learning rate of 0.1, a momentum of 0.9, and 80
# steps. Which of them come to the lowest point (`questions.at_the_bottom` of the lecture)? The answers are
# `"none of them"`, `"momentum alone"`, `"momentum and Adam"` and `"all three"`.
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right, in these words (2 points).

# %% nbgrader={"grade": false, "grade_id": "ps01-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

descent_view = panels.descent.show()
descent_view

# %% nbgrader={"grade": false, "grade_id": "ps01-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # one of the four
because = ...  # a sentence
finding = ...  # one of the four
### BEGIN SOLUTION
prediction = "momentum and Adam"
because = "Both remember where they came from, and roll over a hump; SGD stops in the first hollow."
found = descent_view.result
arrived = [
    name
    for name, height in zip(found.names, found.heights[:, -1].tolist(), strict=True)
    if height < -0.95
]
finding = ("none of them", "momentum alone", "momentum and Adam", "all three")[len(arrived)]
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps01-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.at_the_bottom.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps01-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert finding in questions.at_the_bottom.kind.options
### BEGIN HIDDEN TESTS
assert questions.at_the_bottom.right(finding)
### END HIDDEN TESTS
