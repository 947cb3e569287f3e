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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08b-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS08b Fooling networks, more
#
# One pixel, and pictures of nothing. Belongs to lecture `08b_fooling_more.ipynb`.
#
# | question | kind | points | graded | time |
# |---|---|---|---|---|
# | 1 | derive | 5 | by tests | 15 min |
# | 2 | implement | 6 | by tests | 30 min |
# | 3 | explore | 4 | by tests | 15 min |
# | 4 | explain | 5 | by hand | 20 min |
# | 5 | make a panel | 5 | by tests | 25 min |
# | 6 | predict | 3 | by tests | 10 min |
# | | | **28** | | **115 min** |
#
# Write where it says `YOUR CODE HERE` or `YOUR ANSWER HERE`, and leave the other cells as they are. The cells behind your
# code test it; some tests are hidden and run when it is graded. A cell may take a minute. Before you hand in: *Kernel, Restart
# Kernel and Run All Cells*.

# %% nbgrader={"grade": false, "grade_id": "ps08b-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

import vizkit
from vizkit import panels

model = vizkit.load_model("viznet", device="cpu")

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08b-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 Few numbers, as far as they go (5 points)
#
# A linear classifier says yes where $w \cdot x > 0$; the numbers of $x$ are in [0, 1]. Now $k$ of them may change, to anything in
# [0, 1]. Derive the lowest score that can be reached, and the smallest $k$ with which the score is below 0; `None` if there is none.


# %% nbgrader={"grade": false, "grade_id": "ps08b-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lowest_score(w, x, k):
    """Return the lowest score of all x that differ in at most k numbers."""
    ### BEGIN SOLUTION
    gains = torch.where(w > 0, w * x, -w * (1 - x))
    return float(w @ x - gains.sort(descending=True).values[:k].sum())
    ### END SOLUTION


def fewest(w, x):
    """Return how many numbers must change at least for a score below 0, or None."""
    ### BEGIN SOLUTION
    return next((k for k in range(1, len(w) + 1) if lowest_score(w, x, k) < 0), None)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps08b-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
w, x = torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.5])
assert lowest_score(w, x, 1) == -0.5
assert fewest(w, x) == 1
### BEGIN HIDDEN TESTS
from itertools import combinations, product

for seed in range(5):
    random = torch.Generator().manual_seed(seed)
    w = torch.randn(6, generator=random, dtype=torch.float64)
    x = torch.rand(6, generator=random, dtype=torch.float64)
    w = w if w @ x > 0 else -w
    best = []
    for k in range(1, 7):
        scores = []
        for places in combinations(range(6), k):
            for ends in product((0.0, 1.0), repeat=k):
                moved = x.clone()
                moved[list(places)] = torch.tensor(ends, dtype=torch.float64)
                scores.append(float(w @ moved))
        best.append(min(float(w @ x), *scores))
        assert abs(lowest_score(w, x, k) - best[-1]) < 1e-9
    assert fewest(w, x) == next((k for k, low in enumerate(best, 1) if low < 0), None)
assert fewest(torch.tensor([1.0, 1.0]), torch.tensor([0.5, 0.5])) is None
# the largest weight is no use where its number is at its end already
assert abs(lowest_score(torch.tensor([-5.0, 1.0]), torch.tensor([1.0, 0.5]), 1) + 5) < 1e-6
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08b-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 The best of each class (6 points)
#
# *Pictures of nothing* are bred so that each class keeps its best picture (MAP-Elites), and a newcomer is tried for *every* class.
# There are `pictures` (C, 3, H, W) with their probabilities `best` (C,), one for each class, and `newcomers` (N, 3, H, W) whose probabilities for
# all classes are `shares` (N, C). Return the new pictures and probabilities; what has come stays unless it is beaten, and nothing that was
# given is changed.


# %% nbgrader={"grade": false, "grade_id": "ps08b-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def keep_best(pictures, best, newcomers, shares):
    """Return pictures (C, 3, H, W) and their probabilities (C,) after the newcomers."""
    ### BEGIN SOLUTION
    most, who = shares.max(0)
    better = most > best
    kept = torch.where(better[:, None, None, None], newcomers[who], pictures)
    return kept, torch.where(better, most, best)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps08b-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
old, new = torch.zeros(2, 3, 4, 4), torch.ones(1, 3, 4, 4)
kept, chances = keep_best(old, torch.tensor([0.5, 0.1]), new, torch.tensor([[0.4, 0.6]]))
assert chances.tolist() == torch.tensor([0.5, 0.6]).tolist()
assert kept.flatten(1).mean(1).tolist() == [0, 1]
### BEGIN HIDDEN TESTS
for seed in range(5):
    random = torch.Generator().manual_seed(seed)
    pictures, best = torch.rand(6, 3, 4, 4, generator=random), 0.3 * torch.rand(6, generator=random)
    newcomers = torch.rand(5, 3, 4, 4, generator=random)
    shares = torch.randn(5, 6, generator=random).softmax(1)
    given = [one.clone() for one in (pictures, best, newcomers, shares)]
    wanted, chance = pictures.clone(), best.clone()
    for number in range(5):
        for label in range(6):
            if shares[number, label] > chance[label]:
                wanted[label], chance[label] = newcomers[number], shares[number, label]
    kept, found = keep_best(pictures, best, newcomers, shares)
    assert torch.equal(kept, wanted)
    assert torch.equal(found, chance)
    assert all(map(torch.equal, given, (pictures, best, newcomers, shares)))
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08b-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 One pixel (4 points)
#
# Press *Play*: the panel looks for one pixel of `astronaut`, with 100 candidates. What did the network answer before, what does it answer
# when the run has ended, and how many questions had been asked by then? (*Reset* and *Play* give the same again.)

# %% nbgrader={"grade": false, "grade_id": "ps08b-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
pixel_view = panels.one_pixel.show(model=model, picture="astronaut", population=100, generations=10)
pixel_view

# %% nbgrader={"grade": false, "grade_id": "ps08b-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_before = ...  # a label
answer_after = ...  # a label
questions = ...  # a whole number
### BEGIN SOLUTION
answer_before = model.answers(vizkit.load_image("astronaut", size=(64, 64)), 1)[0][0]
pixel_view.play()
end = pixel_view.wait(120)
answer_after, questions = model.labels[end.label], end.queries
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps08b-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert answer_before in model.labels
assert answer_after in model.labels
assert questions > 0
### BEGIN HIDDEN TESTS
from vizkit.core.steps import last
from vizkit.methods.one_pixel import one_pixel_steps

astronaut = vizkit.load_image("astronaut", size=(64, 64))
run = last(one_pixel_steps(model, astronaut, population=100, generations=10))
assert answer_before == model.answers(astronaut, 1)[0][0]
assert answer_after == model.labels[run.label]
assert questions == run.queries
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08b-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 Sure of nothing (5 points)
#
# A colleague writes: "Our network is 99.8 % sure that this picture of noise is a goldfish. So it has learned that goldfish look like noise. We
# will accept an answer only from 99.9 % on; then this is over." In at most 150 words: what is wrong with the first conclusion, what with
# the second, and which experiment would tell how much the threshold helps?
#
# | points | for |
# |---|---|
# | 2 | the softmax only compares the known classes and says nothing of pictures unlike those it was trained on; sure does not mean typical |
# | 1 | the picture was searched for: it is one of very many, and noise that is drawn is not answered so |
# | 2 | threshold: the search can go on until it passes; the experiment searches against the threshold and counts, beside the real pictures that are then refused |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps08b-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# The softmax divides 100 % among the classes that there are. It has no class for nothing, and training never said what to answer far away from
# photos: 99.8 % means "goldfish rather than the others", not "this looks like goldfish". Nor does it follow that goldfish look like noise, for this
# picture was searched for along the gradient; noise that is merely drawn does not get such answers. A threshold changes the goal of the search, and no more: it
# goes on until 99.9 %. I would search for pictures of every class with a budget of steps, count how many pass 99.9 %, and count beside it
# how many real test pictures are now refused. Both numbers belong together; a threshold that stops the search and refuses most photos is no
# help.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08b-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 One pixel by hand (5 points)
#
# Make a panel `dot` titled *One pixel by hand*: a `picture` (`"astronaut"`), a `model` (`"viznet"`), a place `at` that a click on the item `seen` sets
# (in the middle, `(0.5, 0.5)`, at first), and a slider `level` from 0 to 1 in steps of 0.1 (1 at first). The pixel at that place, of the picture
# at 64 by 64 pixels (`vizkit.load_image(picture, (64, 64))`), becomes `level` in all three colors. `at` is across and down, as shares of the picture; 1 is
# its last pixel. Its result is the probability of the most probable class *of the unchanged picture* after that, a float; it shows the changed picture
# `seen` and a `text`.
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps08b-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

from vizkit.figures.pictures import fit, photo
from vizkit.widgets import Model, On, Picture, Place, Point, Slider


# %% nbgrader={"grade": false, "grade_id": "ps08b-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("One pixel by hand")
def dot(
    picture: Picture = "astronaut",
    model: Model = "viznet",
    at: Annotated[Place, On("seen", Point)] = (0.5, 0.5),
    level: Annotated[float, Slider(0.0, 1.0, 0.1)] = 1.0,
):
    """Where does one gray pixel take most?"""
    image = vizkit.load_image(picture, (64, 64))
    column, row = (min(int(64 * one), 63) for one in at)
    changed = image.clone()
    changed[:, row, column] = level
    name, before = model.answers(image, 1)[0]
    after = dict(model.answers(changed, len(model.labels)))[name]
    seen = fit(photo(changed, "The picture with the pixel"), 320)
    return after, {"seen": seen, "text": f"{name}: {before:.1%}, with the pixel {after:.1%}"}


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps08b-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = dot.show()
assert view.error is None
assert set(view.items) == {"seen", "text"}
assert disagreements(view) == []  # its listing makes what it shows


### BEGIN HIDDEN TESTS
def share_with(picture, x, y, level):
    image = vizkit.load_image(picture, (64, 64))
    label = model.probabilities(image).argmax()
    image = image.clone()
    image[:, min(int(64 * y), 63), min(int(64 * x), 63)] = level
    return float(model.probabilities(image)[label])


for x, y, level in ((0.3, 0.8, 1.0), (1.0, 0.0, 0.0), (0.6, 0.2, 0.5)):
    view.set(at=(x, y), level=level)
    assert abs(view.result - share_with("astronaut", x, y, level)) < 1e-4, (x, y)
own = vizkit.load_image("motorcycle")
assert abs(dot(own, model, (0.75, 0.3), 1.0)[0] - share_with("motorcycle", 0.75, 0.3, 1.0)) < 1e-4
assert disagreements(view) == []
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08b-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# Digits are changed until a decision tree misreads them, at the size of the change that the panel begins with. A small
# net, logistic regression, an SVM and the five nearest neighbors read them, too. Who is fooled, on more than a quarter
# of the digits (`made_on_the_tree` of the lecture's questions)? The answers are `"the tree alone"`,
# `"the tree and the five neighbors"` and `"all five"`.
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right, in these words (2 points).

# %% nbgrader={"grade": false, "grade_id": "ps08b-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit.questions import made_on_the_tree

tree_view = panels.tried_on_all.show(made_on="tree")
tree_view

# %% nbgrader={"grade": false, "grade_id": "ps08b-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # one of the three
because = ...  # a sentence
finding = ...  # one of the three
### BEGIN SOLUTION
prediction = "all five"
because = "What fools one network often fools another, so it should not matter who it was made on."
found = tree_view.result
shares = found.changed[found.made_on.index("tree")].tolist()
fooled = {name for name, share in zip(found.tried_on, shares, strict=True) if share > 0.25}
words = {1: "the tree alone", 2: "the tree and the five neighbors", 5: "all five"}
finding = words[len(fooled)]
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps08b-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert made_on_the_tree.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps08b-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert finding in made_on_the_tree.kind.options
### BEGIN HIDDEN TESTS
assert made_on_the_tree.right(finding)
### END HIDDEN TESTS
