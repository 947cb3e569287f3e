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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10b-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS10b Training by hand
#
# What does a net learn from, and what does it learn besides? Belongs to lecture `10b_training.ipynb`.
#
# | question | kind | points | graded | time |
# |---|---|---|---|---|
# | 1 | derive | 5 | by tests | 25 min |
# | 2 | implement | 6 | by tests | 30 min |
# | 3 | explore | 4 | by tests, with tolerances | 15 min |
# | 4 | explain | 5 | by hand | 20 min |
# | 5 | make a panel | 5 | by tests | 20 min |
# | 6 | predict | 3 | by tests | 10 min |
# | | | **28** | | **120 min** |
#
# Write where it says `YOUR CODE HERE` or `YOUR ANSWER HERE`, and leave the other cells as they are. The cells behind your
# code test it; some tests are hidden and run when it is graded. A cell may take a minute. Before you hand in: *Kernel, Restart
# Kernel and Run All Cells*.

# %% nbgrader={"grade": false, "grade_id": "ps10b-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

import vizkit
from vizkit import panels

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10b-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 From the loss to the first layer (5 points)
#
# A net for classes: $\bar v_1 = W_0 x$, $v_1 = s(\bar v_1)$ with the sigmoid $s$ entry by entry, $\bar v_2 = W_1 v_1$, and of the softmax of $\bar v_2$ the negative logarithm at the true class is the loss. Derive
# $\bar\delta_2$, the derivative of the loss by $\bar v_2$; then $\Delta_1$ and $\Delta_0$, those by the weights, each of its matrix's shape. No autograd.


# %% nbgrader={"grade": false, "grade_id": "ps10b-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradients(first, second, x, label):
    """Return the gradients of the loss by first (h, n) and by second (c, h), for x (n,) and a label from 0."""
    ### BEGIN SOLUTION
    hidden = torch.sigmoid(first @ x)
    delta_bar = torch.softmax(second @ hidden, 0)
    delta_bar[label] -= 1
    behind = hidden * (1 - hidden) * (second.T @ delta_bar)
    return torch.outer(behind, x), torch.outer(delta_bar, hidden)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps10b-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
by_first, by_second = gradients(torch.zeros(3, 2), torch.zeros(4, 3), torch.tensor([1.0, 2.0]), 1)
assert by_first.shape == (3, 2)
assert by_second.shape == (4, 3)
assert torch.allclose(by_second[0], torch.full((3,), 0.125))
assert torch.allclose(by_second[1], torch.full((3,), -0.375))
### BEGIN HIDDEN TESTS
for seed, (n, h, c) in enumerate(((2, 3, 4), (5, 1, 2), (1, 6, 3), (8, 8, 8), (3, 2, 2))):
    random = torch.Generator().manual_seed(seed)
    first = torch.randn(h, n, generator=random).double().requires_grad_()
    second = torch.randn(c, h, generator=random).double().requires_grad_()
    x, label = torch.randn(n, generator=random).double(), seed % c
    logits = second @ torch.sigmoid(first @ x)
    loss = torch.nn.functional.cross_entropy(logits[None], torch.tensor([label]))
    wanted = torch.autograd.grad(loss, (first, second))
    for mine, known in zip(
        gradients(first.detach(), second.detach(), x, label), wanted, strict=True
    ):
        assert mine.shape == known.shape
        assert torch.allclose(mine, known, atol=1e-8)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10b-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 Batch normalization, and a step with momentum (6 points)
#
# - Batch normalization of numbers (N, C), without $\gamma$ and $c$, with $\epsilon = 10^{-5}$ under the root. In training each column is normalized by the batch's own mean and (biased) variance, and the running ones
#   move toward the batch's by a tenth; the running variance takes the unbiased one, over $N - 1$. In evaluation it is normalized by the running ones, and they stay.
# - One step of gradient descent with momentum, as PyTorch's `SGD` takes it: the velocity becomes $.9$ times itself plus the gradient; the weights go down by the rate times the new velocity.


# %% nbgrader={"grade": false, "grade_id": "ps10b-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_batch_norm(values, mean, variance, training):
    """Return the normalized values (N, C), and the running mean and variance (C,) afterwards."""
    ### BEGIN SOLUTION
    used = (mean, variance)
    if training:
        used = (values.mean(0), values.var(0, correction=0))
        mean = 0.9 * mean + 0.1 * used[0]
        variance = 0.9 * variance + 0.1 * values.var(0, correction=1)
    return (values - used[0]) / (used[1] + 1e-5).sqrt(), mean, variance
    ### END SOLUTION


def my_momentum(weights, gradient, velocity, rate):
    """Return the weights and the velocity after a step."""
    ### BEGIN SOLUTION
    velocity = 0.9 * velocity + gradient
    return weights - rate * velocity, velocity
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps10b-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
values = torch.tensor([[1.0, 0.0], [3.0, 4.0]])
normalized, mean, variance = my_batch_norm(values, torch.zeros(2), torch.ones(2), training=True)
assert torch.allclose(normalized, torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), atol=1e-4)
assert torch.allclose(mean, torch.tensor([0.2, 0.2]))
same, _, _ = my_batch_norm(values, torch.zeros(2), torch.ones(2), training=False)
assert torch.allclose(same, values, atol=1e-4)
assert my_momentum(1.0, 2.0, 0.0, 0.1)[0] == 0.8
### BEGIN HIDDEN TESTS
for seed, (count, channels) in enumerate(((4, 3), (2, 1), (30, 8), (7, 5))):
    torch.manual_seed(seed)
    known = torch.nn.BatchNorm1d(channels, affine=False).double()
    mean, variance = torch.zeros(channels).double(), torch.ones(channels).double()
    for training in (True, True, True, False, True, False):
        values = (2 + 3 * torch.randn(count, channels)).double()
        mine, mean, variance = my_batch_norm(values, mean, variance, training)
        assert torch.allclose(mine, known.train(training)(values), atol=1e-6)
        assert torch.allclose(mean, known.running_mean, atol=1e-8)
        assert torch.allclose(variance, known.running_var, atol=1e-8)
weights = torch.randn(5).double()
moved = weights.clone().requires_grad_()
optimizer = torch.optim.SGD([moved], lr=0.05, momentum=0.9)
velocity = torch.zeros(5).double()
for _ in range(6):
    gradient = torch.randn(5).double()
    moved.grad = gradient.clone()
    optimizer.step()
    weights, velocity = my_momentum(weights, gradient, velocity, 0.05)
    assert torch.allclose(weights, moved.detach(), atol=1e-10)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10b-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 The worst number of weights (4 points)
#
# In the panel: with noise 0.5 and no ridge, what is the median error on new samples with exactly as many features as samples, and how many times is it that with 400 features (within a tenth each)? Which of the panel's
# ridges makes the error with 40 features smallest, at that noise? `double_view.result` has `counts` and `test`, a row for each draw.

# %% nbgrader={"grade": false, "grade_id": "ps10b-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
double_view = panels.double_descent.show(noise=0.5)
double_view

# %% nbgrader={"grade": false, "grade_id": "ps10b-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
error_with_40 = ...
times_that_with_400 = ...
best_ridge = ...  # 0.0, 0.01, 0.1 or 1.0
### BEGIN SOLUTION


def median_of(count):
    found = double_view.result
    return float(found.test[:, found.counts.index(count)].quantile(0.5))


double_view.set(ridge=0.0)
error_with_40 = median_of(40)
times_that_with_400 = error_with_40 / median_of(400)
errors = {}
for ridge in (0.0, 0.01, 0.1, 1.0):
    double_view.set(ridge=ridge)
    errors[ridge] = median_of(40)
best_ridge = min(errors, key=errors.get)
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps10b-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert error_with_40 > 0
assert times_that_with_400 > 1
assert best_ridge in (0.0, 0.01, 0.1, 1.0)
### BEGIN HIDDEN TESTS
from vizkit.methods.double_descent import feature_errors

counts = double_view.result.counts
known = {
    ridge: feature_errors(counts, noise=0.5, ridge=ridge).test.quantile(0.5, 0)
    for ridge in (0.0, 0.01, 0.1, 1.0)
}
worst, last = float(known[0.0][counts.index(40)]), float(known[0.0][counts.index(400)])
assert abs(error_with_40 / worst - 1) <= 0.1
assert abs(times_that_with_400 / (worst / last) - 1) <= 0.1
assert best_ridge == min(known, key=lambda ridge: known[ridge][counts.index(40)])
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10b-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 The forgotten line (5 points)
#
# A student trains a net with batch normalization and dropout. In training all is well. Then she asks it for one picture at a time, and forgets `model.eval()`. In at most 150 words: what goes wrong with each of the two
# layers; why a batch of one picture is the worst case for a dense layer's normalization; why nothing may be noticed if she tests in large batches; and how she would find the mistake.
#
# | points | for |
# |---|---|
# | 1 | dropout goes on leaving numbers out at random: the same picture gets another answer each time |
# | 1 | batch normalization takes the mean and the variance of the batch: the answer depends on the others |
# | 1 | of one sample the variance is 0 and the mean is the sample itself: everything becomes 0 (PyTorch refuses it) |
# | 1 | in a large, mixed batch its mean and variance are nearly the running ones |
# | 1 | a test: the same picture twice, alone and in company; or looking at `model.training` |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps10b-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# Dropout goes on setting numbers to 0 at random, so the same picture gets another answer each time. Batch normalization goes on taking the mean and the variance of the batch: a picture's answer depends on those beside it.
#
# Of a single sample the mean is the sample and the variance 0: every number becomes 0, whatever the picture was (PyTorch stops with an error there; behind a convolution there are still many places to take
# a mean of, but of one picture only).
#
# In a large batch of all classes the mean and the variance are nearly those of the training data, and the accuracy hardly suffers; that is why it is not noticed.
#
# She can ask for one picture twice, alone and in a batch: the answers must agree. And `model.training` must be False. The running statistics are spoiled, too: each such pass moves them.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10b-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 What is left of a derivative (5 points)
#
# A chain of sigmoids, $v_0 = x$, $v_{i+1} = s(w\, v_i)$. Make a panel `fading` titled *What is left of a derivative*, with sliders `depth` from 1 to 20 (10 at first), `weight` from 0.5 to 8 in steps of 0.5 (1.0 at first) and `x` from -2
# to 2 in steps of 0.1 (1.0 at first). The result is a tensor of `depth` numbers: the derivatives of $v_1, v_2, \dots$ by $x$. It shows them in a `chart`, with a logarithmic axis, and a `text` with the last one, written as
# `f"{last:.3g}"`.
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps10b-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

import plotly.graph_objects as go

from vizkit.widgets import Slider


# %% nbgrader={"grade": false, "grade_id": "ps10b-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("What is left of a derivative")
def fading(
    depth: Annotated[int, Slider(1, 20)] = 10,
    weight: Annotated[float, Slider(0.5, 8.0, 0.5)] = 1.0,
    x: Annotated[float, Slider(-2.0, 2.0, 0.1)] = 1.0,
):
    """Each sigmoid multiplies the derivative by a quarter of its weight at most."""
    value, slope, slopes = torch.tensor(x, dtype=torch.float64), 1.0, []
    for _ in range(depth):
        value = torch.sigmoid(weight * value)
        slope = slope * weight * value * (1 - value)
        slopes.append(slope)
    found = torch.stack(slopes)
    chart = go.Figure(go.Scatter(x=list(range(1, depth + 1)), y=found.tolist()))
    chart.update_yaxes(type="log")
    return found, {"chart": chart, "text": f"{float(found[-1]):.3g} is left"}


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps10b-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = fading.show()
assert view.error is None
assert set(view.items) == {"chart", "text"}
assert view.result.shape == (10,)
assert disagreements(view) == []  # its listing makes what it shows
### BEGIN HIDDEN TESTS
for depth, weight, x in ((1, 1.0, 0.0), (5, 4.0, -1.0), (20, 8.0, 0.5), (12, 0.5, 2.0)):
    place = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    value, known = place, []
    for _ in range(depth):
        value = torch.sigmoid(weight * value)
        known.append(float(torch.autograd.grad(value, place, retain_graph=True)[0]))
    mine = fading(depth, weight, x)[0]
    assert torch.allclose(
        mine.double(), torch.tensor(known, dtype=torch.float64), rtol=1e-4, atol=0
    )
view.set(depth=4, weight=2.0)
assert f"{float(view.result[-1]):.3g}" in str(view.items["text"])
assert view.result.shape == (4,)
assert disagreements(view) == []
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10b-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# Fifteen noisy points of a wave. A polynomial of degree 14 goes through all of them, one of degree 1,000, found by gradient descent from coefficients of 0, as well. Is its error between the points `"larger"`,
# `"about the same"` (within a factor of two) or `"smaller, by far"` (`questions.degree_of_a_thousand` of the lecture)?
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right (2 points).

# %% nbgrader={"grade": false, "grade_id": "ps10b-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

polynomial_view = panels.polynomial.show()
polynomial_view

# %% nbgrader={"grade": false, "grade_id": "ps10b-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # "larger", "about the same" or "smaller, by far"
because = ...  # a sentence
finding = ...
### BEGIN SOLUTION
prediction = "larger"
because = "A thousand coefficients can wiggle between the points as they like."
finding = "smaller, by far"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps10b-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.degree_of_a_thousand.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps10b-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert finding in ("larger", "about the same", "smaller, by far")
### BEGIN HIDDEN TESTS
assert questions.degree_of_a_thousand.right(finding)
### END HIDDEN TESTS
