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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps02-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS02 Principal components
#
# What do the directions of largest variance keep, and what do they lose? Belongs to lecture `02_pca.ipynb`.
#
# | question | kind | points | graded | time |
# |---|---|---|---|---|
# | 1 | derive | 5 | by tests | 15 min |
# | 2 | implement | 6 | by tests | 30 min |
# | 3 | explore | 4 | by tests, with tolerances | 15 min |
# | 4 | explain | 5 | by hand | 20 min |
# | 5 | make a panel | 5 | by tests | 20 min |
# | 6 | predict | 3 | by tests | 10 min |
# | | | **28** | | **110 min** |
#
# Write where it says `YOUR CODE HERE` or `YOUR ANSWER HERE`, and leave the other cells as they are. The cells behind your
# code test it; some tests are hidden and run when it is graded. A cell may take a minute. Before you hand in: *Kernel, Restart
# Kernel and Run All Cells*.

# %% nbgrader={"grade": false, "grade_id": "ps02-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

from vizkit import panels
from vizkit.core.data import digits
from vizkit.methods.pca import EXAMPLE

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps02-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 The largest eigenvalue (5 points)
#
# Derive the largest eigenvalue of $\begin{pmatrix} a & b \\ b & c\end{pmatrix}$ from its characteristic polynomial, and the share of the variance
# that one component keeps.


# %% nbgrader={"grade": false, "grade_id": "ps02-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def largest_eigenvalue(a, b, c):
    """Return the largest eigenvalue of [[a, b], [b, c]]."""
    ### BEGIN SOLUTION
    return (a + c) / 2 + (((a - c) / 2) ** 2 + b**2) ** 0.5
    ### END SOLUTION


def share_kept(a, b, c):
    """Return the share of the variance on the first principal axis, in [0, 1]."""
    ### BEGIN SOLUTION
    return largest_eigenvalue(a, b, c) / (a + c)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps02-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
assert abs(largest_eigenvalue(2.0, 0.0, 1.0) - 2.0) < 1e-12
assert abs(share_kept(2.0, 0.0, 2.0) - 0.5) < 1e-12
### BEGIN HIDDEN TESTS
assert abs(largest_eigenvalue(0.616556, 0.615444, 0.716556) - 1.2840277) < 1e-5
for a, b, c in ((1.0, -0.7, 3.0), (0.2, 0.4, 5.0)):
    values = torch.linalg.eigvalsh(torch.tensor([[a, b], [b, c]], dtype=torch.float64))
    assert abs(largest_eigenvalue(a, b, c) - float(values[1])) < 1e-9
    assert abs(share_kept(a, b, c) - float(values[1] / values.sum())) < 1e-9
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps02-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 Five steps, by yourself (6 points)
#
# Mean, covariance (with $1/(m-1)$), eigenvalues and eigenvectors, the $k$ largest, projection. Use `torch.linalg.eigh`, not a ready-made
# PCA. Signs of the axes are free.


# %% nbgrader={"grade": false, "grade_id": "ps02-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_pca(samples, k):
    """Return the mean (n,), all eigenvalues (n,), the largest first, and the projection (m, k)."""
    ### BEGIN SOLUTION
    mean = samples.mean(0)
    centered = samples - mean
    covariance = centered.T @ centered / (len(samples) - 1)
    values, vectors = torch.linalg.eigh(covariance)
    return mean, values.flip(0), centered @ vectors.flip(1)[:, :k]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps02-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
mean, values, projection = my_pca(EXAMPLE, 1)
assert torch.allclose(mean, torch.tensor([1.81, 1.91], dtype=mean.dtype))
assert values.shape == (2,)
assert values[0] > values[1]
assert projection.shape == (10, 1)
### BEGIN HIDDEN TESTS
from vizkit.methods.pca import pca

for samples, count in ((EXAMPLE, 1), (digits().flatten(1)[:200, 10:30], 5)):
    mean, values, projection = my_pca(samples, count)
    known = pca(samples, count)
    known_values = known.eigenvalues.sort(descending=True).values
    assert torch.allclose(values, known_values, atol=1e-9)
    assert torch.allclose(projection.abs(), known.projection.abs(), atol=1e-6)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps02-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 Turn and count (4 points)
#
# With the panels: at which angle in degrees is the variance along the axis largest (within 1.5), and how many components keep at
# least 90 % of the variance of the handwritten digits?

# %% nbgrader={"grade": false, "grade_id": "ps02-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
axis_view, rebuilt_view = panels.axis.show(), panels.components.show()
axis_view

# %% nbgrader={"grade": false, "grade_id": "ps02-q3-panel2", "locked": true, "schema_version": 3, "solution": false, "task": false}
rebuilt_view

# %% nbgrader={"grade": false, "grade_id": "ps02-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
best_angle = ...
components_for_90 = ...
### BEGIN SOLUTION
from vizkit.methods.pca import pca, variance_along

best_angle = max(range(181), key=lambda angle: float(variance_along(EXAMPLE, angle)))
kept = pca(digits().flatten(1), k=64).explained.cumsum(0)
components_for_90 = int((kept < 0.9).sum()) + 1
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps02-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert 0 <= best_angle <= 180
assert 1 <= components_for_90 <= 64
### BEGIN HIDDEN TESTS
assert abs(best_angle - 47.3) <= 1.5
from vizkit.methods.pca import pca as known_pca

explained = known_pca(digits().flatten(1), k=64).explained.cumsum(0)
assert explained[components_for_90 - 1] >= 0.9 > explained[components_for_90 - 2]
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps02-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 What PCA does not know (5 points)
#
# Give an example of your own, in numbers, in which the direction of largest variance is useless for telling two groups apart, and say
# in at most 120 words how you would notice that in practice, and what dividing by the standard deviation does and does not cure.
#
# | points | for |
# |---|---|
# | 2 | an example with numbers that works |
# | 1 | PCA does not see the labels; look at the groups in several components or use them |
# | 2 | standardizing cures units, not groups that differ along a direction of small variance |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps02-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# Group A: (-4, 0.5), (-2, 0.5), (0, 0.5), (2, 0.5), (4, 0.5); group B: the same with -0.5. The variance along the first axis is 32 times that
# along the second, but only the second tells the groups apart. One notices by coloring the projection by group, by looking at later
# components, or by using the labels. Dividing by the standard deviation takes away the influence of units: here both features then have
# variance 1 and no direction is special. It does not help when the groups differ along a direction that is neither feature and has little
# variance, because PCA still looks at variance alone.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps02-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 Turn the axis yourself (5 points)
#
# Make a panel `spread` titled *Variance along an axis*: a slider `angle` from 0 to 180 degrees in steps of 1 (0 at first). Its result is
# the variance of the ten samples of `EXAMPLE` along $(\cos\alpha, \sin\alpha)$, with $1/(m-1)$, a float; it shows a `text` with that number.
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps02-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

import vizkit
from vizkit.widgets import Slider


# %% nbgrader={"grade": false, "grade_id": "ps02-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("Variance along an axis")
def spread(angle: Annotated[int, Slider(0, 180)] = 0):
    """The variance of the ten samples along an axis that turns."""
    turned = torch.deg2rad(torch.tensor(float(angle), dtype=EXAMPLE.dtype))
    along = EXAMPLE @ torch.stack([torch.cos(turned), torch.sin(turned)])
    variance = float(along.var())
    return variance, {"text": f"The variance along {angle} degrees is **{variance:.3f}**."}


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps02-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = spread.show()
assert view.error is None
assert list(view.items) == ["text"]
assert disagreements(view) == []  # its listing makes what it shows
### BEGIN HIDDEN TESTS
assert abs(spread(0)[0] - 0.616556) < 1e-5
view.set(angle=90)
assert abs(view.result - 0.716556) < 1e-5
assert "0.717" in str(view.items["text"])
assert max(spread(angle)[0] for angle in range(181)) > 1.2839
assert disagreements(view) == []
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps02-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# Feature 2 of the ten samples is now measured in millimeters instead of centimeters, so all its numbers are ten times
# larger (`questions.rescaled_axis` of the lecture). At what angle is the axis of largest variance then, in degrees from
# 0 to 180?
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right, within 8 degrees (2 points).

# %% nbgrader={"grade": false, "grade_id": "ps02-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

unit_view = panels.axis.show()
unit_view

# %% nbgrader={"grade": false, "grade_id": "ps02-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # in degrees
because = ...  # a sentence
finding = ...  # in degrees
### BEGIN SOLUTION
prediction = 65
because = "The longer feature pulls the axis towards itself, but the other one still has a say."
unit_view.set(unit=10.0)
first = unit_view.result.components[:, 0]
finding = float(torch.rad2deg(torch.atan2(first[1], first[0]))) % 180
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps02-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.rescaled_axis.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps02-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert 0 <= finding <= 180
### BEGIN HIDDEN TESTS
assert questions.rescaled_axis.right(finding)
### END HIDDEN TESTS
