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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps03-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS03 t-SNE
#
# What do neighborhoods keep that variance loses? Belongs to lecture `03_tsne.ipynb`.
#
# | question | kind | points | graded | time |
# |---|---|---|---|---|
# | 1 | derive | 5 | by tests | 20 min |
# | 2 | implement | 6 | by tests | 35 min |
# | 3 | explore | 4 | by tests, with tolerances | 15 min |
# | 4 | explain | 5 | by hand | 20 min |
# | 5 | make a panel | 5 | by tests | 20 min |
# | 6 | predict | 3 | by tests | 10 min |
# | | | **28** | | **120 min** |
#
# Write where it says `YOUR CODE HERE` or `YOUR ANSWER HERE`, and leave the other cells as they are. The cells behind your
# code test it; some tests are hidden and run when it is graded. A cell may take a minute. Before you hand in: *Kernel, Restart
# Kernel and Run All Cells*.

# %% nbgrader={"grade": false, "grade_id": "ps03-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

from vizkit import panels
from vizkit.core.data import digit_labels, digits

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps03-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 How hard a pair pulls (5 points)
#
# Two points at distance $d$ in the plane pull at each other along the line between them. From the gradients of symmetric SNE and of
# t-SNE, derive the signed size of a pair's part of $\partial C / \partial y_i$, as a function of $p$, $q$ and $d$.


# %% nbgrader={"grade": false, "grade_id": "ps03-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pull(p, q, d, kind):
    """Return the pair's force for kind "symmetric" or "tsne"; positive pulls together."""
    ### BEGIN SOLUTION
    force = 4 * (p - q) * d
    return force / (1 + d**2) if kind == "tsne" else force
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps03-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
assert pull(0.2, 0.1, 1.0, "symmetric") > 0 > pull(0.1, 0.2, 1.0, "symmetric")
assert pull(0.1, 0.1, 3.0, "tsne") == 0
### BEGIN HIDDEN TESTS
from vizkit.methods.tsne import cost_and_gradient

places = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
wanted = torch.rand(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
wanted = (wanted + wanted.T).fill_diagonal_(0)
wanted /= wanted.sum()
apart = places[:, None] - places
lengths = apart.norm(dim=2)
for kind, weight in (("symmetric", torch.exp(-(lengths**2))), ("tsne", 1 / (1 + lengths**2))):
    weight = weight.fill_diagonal_(0)
    q = weight / weight.sum()
    gradient = torch.zeros_like(places)
    for i in range(5):
        for j in range(5):
            if i != j:
                force = pull(float(wanted[i, j]), float(q[i, j]), float(lengths[i, j]), kind)
                gradient[i] += force * apart[i, j] / lengths[i, j]
    assert torch.allclose(gradient, cost_and_gradient(wanted, places, kind)[1], atol=1e-9), kind
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps03-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 The search for sigma (6 points)
#
# Each point gets a $\sigma_i$ with which its neighbors' probabilities have the wanted perplexity, $e^{H}$ with $H = -\sum_j p_j \ln p_j$.
# Write the probabilities of one row, their perplexity, and the search by bisection (relative error at most $10^{-4}$).


# %% nbgrader={"grade": false, "grade_id": "ps03-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def neighbor_probabilities(squared_distances, sigma):
    """Return p_j|i for the squared distances to all other points, shape (N - 1,)."""
    ### BEGIN SOLUTION
    return torch.softmax(-squared_distances / (2 * sigma**2), 0)
    ### END SOLUTION


def perplexity(probabilities):
    """Return the effective number of neighbors."""
    ### BEGIN SOLUTION
    return float(torch.special.entr(probabilities).sum().exp())
    ### END SOLUTION


def find_sigma(squared_distances, wanted):
    """Return the sigma whose probabilities have the wanted perplexity."""
    ### BEGIN SOLUTION
    low, high = 1e-6, 1e6
    for _ in range(200):
        middle = (low * high) ** 0.5
        if perplexity(neighbor_probabilities(squared_distances, middle)) < wanted:
            low = middle
        else:
            high = middle
    return (low * high) ** 0.5
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps03-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
far = torch.tensor([1.0, 1.0, 1.0, 1.0], dtype=torch.float64)
assert abs(perplexity(neighbor_probabilities(far, 2.0)) - 4) < 1e-9
near_far = torch.tensor([1.0, 4.0, 9.0, 16.0, 25.0], dtype=torch.float64)
assert abs(neighbor_probabilities(near_far, 1.0).sum() - 1) < 1e-9
assert abs(perplexity(neighbor_probabilities(near_far, find_sigma(near_far, 3.0))) - 3) < 1e-3
### BEGIN HIDDEN TESTS
from vizkit.methods.tsne import bandwidths, conditional_probabilities
from vizkit.methods.tsne import squared_distances as all_distances

points = digits().flatten(1)[:80]
sigmas, rows = (
    bandwidths(points, 12.0, tolerance=1e-9),
    conditional_probabilities(points, 12.0, tolerance=1e-9),
)
for index in (0, 17, 79):
    others = torch.arange(80) != index
    row = all_distances(points)[index][others]
    sigma = find_sigma(row, 12.0)
    assert abs(sigma / float(sigmas[index]) - 1) < 1e-3
    assert torch.allclose(neighbor_probabilities(row, sigma), rows[index][others], atol=1e-4)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps03-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 Room in the tail (4 points)
#
# In the panel *The crowding problem* set *closeness* to 0.05: at which distance does a pair count that much with the Gaussian, at which
# with the Student tail (within 0.05)? And which share of the first 300 digits has the same digit as nearest neighbor in PCA's plane (within
# 3 percentage points; *t-SNE, live* says it)?

# %% nbgrader={"grade": false, "grade_id": "ps03-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
crowding_view = panels.crowding.show()
crowding_view

# %% nbgrader={"grade": false, "grade_id": "ps03-q3-panel2", "locked": true, "schema_version": 3, "solution": false, "task": false}
tsne_view = panels.tsne.show(count=300)
tsne_view

# %% nbgrader={"grade": false, "grade_id": "ps03-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
gaussian_distance = ...
student_distance = ...
pca_accuracy = ...  # in [0, 1]
### BEGIN SOLUTION
from vizkit.methods.embeddings import neighbor_accuracy
from vizkit.methods.pca import pca

gaussian_distance = 1.731
student_distance = 4.359
plane = pca(digits().flatten(1)[:300], k=2).projection
pca_accuracy = neighbor_accuracy(plane, digit_labels()[:300])
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps03-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert 0 < gaussian_distance < student_distance
assert 0 <= pca_accuracy <= 1
### BEGIN HIDDEN TESTS
from vizkit.methods.embeddings import neighbor_accuracy as accuracy_of
from vizkit.methods.pca import pca as known_pca
from vizkit.methods.tsne import distance_at

assert abs(gaussian_distance - distance_at(0.05, "symmetric")) <= 0.05
assert abs(student_distance - distance_at(0.05, "tsne")) <= 0.05
known_plane = known_pca(digits().flatten(1)[:300], k=2).projection
assert abs(pca_accuracy - accuracy_of(known_plane, digit_labels()[:300])) <= 0.03
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps03-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 What you may say (5 points)
#
# A paper shows a t-SNE picture and writes: "Cluster A is larger than B, and closer to B than to C; so class A is more varied, and more
# like B." In at most 150 words, say which of this the picture supports, and which two experiments you would ask for.
#
# | points | for |
# |---|---|
# | 2 | sizes and gaps do not carry over: each sigma adapts to the density, and the KL divergence hardly punishes far pairs that move |
# | 1 | what does carry over: who is whose neighbor |
# | 2 | two useful experiments (other perplexities and seeds; distances in the original space; a control of known shape) |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps03-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# None of it. Each point's sigma adapts to how dense its surroundings are, so wide and narrow clusters come out alike, and the cost hardly
# notices how far apart two clusters are once they are apart. What the picture supports is that points of A have points of A as neighbors. I
# would ask for the same picture at several perplexities and seeds: what changes is not in the data. And I would ask for the variances and
# the distances between the class means in the original space, which answer the question directly.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps03-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 Two tails, to slide along (5 points)
#
# Make a panel `tails` titled *Two tails*: a slider `distance` from 0 to 6 in steps of 0.1 (1.0 at first) and a choice `kind` of `"symmetric"` and
# `"tsne"` (`"tsne"` at first). Its result is how close two points at that distance are, before normalization: $e^{-d^2}$ or
# $1 / (1 + d^2)$, a float; it shows a `text` with that number.
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps03-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math
from typing import Annotated

import vizkit
from vizkit.widgets import OneOf, Slider


# %% nbgrader={"grade": false, "grade_id": "ps03-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("Two tails")
def tails(
    distance: Annotated[float, Slider(0.0, 6.0, 0.1)] = 1.0,
    kind: Annotated[str, OneOf(("symmetric", "tsne"))] = "tsne",
):
    """How close two points are that lie this far apart."""
    close = 1 / (1 + distance**2) if kind == "tsne" else math.exp(-(distance**2))
    return close, {"text": f"At distance {distance:g}: **{close:.4f}**"}


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps03-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = tails.show()
assert view.error is None
assert list(view.items) == ["text"]
assert disagreements(view) == []  # its listing makes what it shows
### BEGIN HIDDEN TESTS
for apart in (0.0, 0.7, 2.5):
    assert abs(tails(apart, "tsne")[0] - 1 / (1 + apart**2)) < 1e-9
    assert abs(tails(apart, "symmetric")[0] - 2.718281828459045 ** -(apart**2)) < 1e-9
view.set(distance=3.0, kind="symmetric")
assert view.result < 0.001 < tails(3.0, "tsne")[0]
try:
    view.set(kind="Student")
    raise AssertionError("kind must offer two words only")
except ValueError:
    pass
assert disagreements(view) == []
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps03-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# Ten points on a line: nine lie about 0, the tenth goes from 0 to 20. How far does the mean of the fitted Gaussian go,
# in the same unit (`questions.follows_outlier` of the lecture)?
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right, within 0.5 (2 points).

# %% nbgrader={"grade": false, "grade_id": "ps03-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

outlier_view = panels.outlier.show()
outlier_view

# %% nbgrader={"grade": false, "grade_id": "ps03-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # a length
because = ...  # a sentence
finding = ...  # a length
### BEGIN SOLUTION
prediction = 5
because = "A point that is far off is far from likely, so the Gaussian runs after it most of all."


def mean_with(tenth):
    outlier_view.set(tenth=tenth)
    return float(outlier_view.result.mean)


finding = mean_with(20.0) - mean_with(0.0)
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps03-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.follows_outlier.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps03-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert 0 <= finding <= 20
### BEGIN HIDDEN TESTS
assert questions.follows_outlier.right(finding)
### END HIDDEN TESTS
