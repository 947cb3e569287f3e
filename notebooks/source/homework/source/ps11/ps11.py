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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps11-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS11 Localization and detection
#
# What does a box say, and how good is a list of boxes? Belongs to lecture `11_detection.ipynb`.
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

# %% nbgrader={"grade": false, "grade_id": "ps11-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

import vizkit
from vizkit import panels

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps11-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 The slope of an overlap (5 points)
#
# A net that learns boxes by their overlap needs its gradient. Two boxes $a$ and $b$, rows $x_0, y_0, x_1, y_1$, overlap: $I > 0$. Derive the four derivatives of $\mathrm{IoU} = I / U$ by the sides of $a$. $U$ changes
# with $I$, too. Where two sides are at the same place, any of the two one-sided derivatives will do. No autograd.


# %% nbgrader={"grade": false, "grade_id": "ps11-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def iou_slopes(a, b):
    """Return the derivatives of the IoU of a (4,) and b (4,) by the four numbers of a, shape (4,)."""
    ### BEGIN SOLUTION
    inner = torch.cat([torch.maximum(a[:2], b[:2]), torch.minimum(a[2:], b[2:])])
    width, height = inner[2:] - inner[:2]
    common = width * height
    sides, others = a[2:] - a[:2], b[2:] - b[:2]
    union = sides.prod() + others.prod() - common
    own = torch.cat([(a[:2] > b[:2]), (a[2:] < b[2:])]).to(a)  # whose side the intersection ends at
    by_common = torch.stack([-height, -width, height, width]) * own
    by_area = torch.stack([-sides[1], -sides[0], sides[1], sides[0]])
    return (by_common * union - common * (by_area - by_common)) / union**2
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps11-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
slopes = iou_slopes(torch.tensor([0.0, 0, 2, 2]), torch.tensor([1.0, 1, 4, 4]))
assert slopes.shape == (4,)
assert torch.allclose(slopes, torch.tensor([2.0, 2, 11, 11]) / 144)
### BEGIN HIDDEN TESTS
from vizkit.methods.boxes import box_iou

for seed in range(20):
    random = torch.Generator().manual_seed(seed)
    corners = torch.rand(2, 4, generator=random, dtype=torch.float64)
    a, b = torch.cat([corners[:, :2] * 4, 5 + corners[:, 2:] * 4], 1)
    place = a.clone().requires_grad_()
    wanted = torch.autograd.grad(box_iou(place[None], b[None]).sum(), place)[0]
    assert torch.allclose(iou_slopes(a, b), wanted, atol=1e-8)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps11-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 Suppress, and count (6 points)
#
# - Non-maximum suppression: take the box with the highest score, remove those that overlap it by *more* than the threshold, go on with the rest. Of two equal scores the first goes first.
# - Average precision over all points: sort by score; at each right box take the best precision from there on; sum these and divide by the number of things that are there.


# %% nbgrader={"grade": false, "grade_id": "ps11-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_nms(boxes, scores, threshold):
    """Return the indices of the boxes (N, 4) that are left, the best first, int64."""
    ### BEGIN SOLUTION
    left, kept = scores.argsort(descending=True, stable=True).tolist(), []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [one for one in left if _overlap(boxes[best], boxes[one]) <= threshold]
    return torch.tensor(kept, dtype=torch.int64)


def _overlap(a, b):
    sides = (torch.minimum(a[2:], b[2:]) - torch.maximum(a[:2], b[:2])).clamp(min=0)
    areas = [(box[2:] - box[:2]).prod() for box in (a, b)]
    return sides.prod() / (sum(areas) - sides.prod())
    ### END SOLUTION


def my_average_precision(scores, right, truths):
    """Return the average precision of boxes with scores (n,), of which some are right (n,), in [0, 1]."""
    ### BEGIN SOLUTION
    right = right[scores.argsort(descending=True, stable=True)].double()
    precision = right.cumsum(0) / torch.arange(1, len(right) + 1)
    best = precision.flip(0).cummax(0).values.flip(0)
    return float((best * right).sum() / truths)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps11-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [8, 8, 9, 9]])
assert my_nms(boxes, torch.tensor([0.5, 0.9, 0.1]), 0.5).tolist() == [1, 2]
assert my_nms(boxes, torch.tensor([0.5, 0.9, 0.1]), 0.6).tolist() == [
    1,
    0,
    2,
]  # 0.6 is not more than 0.6
right = torch.tensor([True, False, True])
assert abs(my_average_precision(torch.tensor([0.9, 0.8, 0.7]), right, 2) - 5 / 6) < 1e-6
### BEGIN HIDDEN TESTS
from vizkit.methods.average_precision import average_precision, precision_recall
from vizkit.methods.boxes import nms

for seed in range(30):
    random = torch.Generator().manual_seed(seed)
    corner = torch.rand(12, 2, generator=random, dtype=torch.float64) * 10
    boxes = torch.cat([corner, corner + 1 + 5 * torch.rand(12, 2, generator=random)], 1)
    scores = (5 * torch.rand(12, generator=random)).floor() / 5  # with ties
    assert torch.equal(my_nms(boxes, scores, 0.3), nms(boxes, scores, 0.3))
    right = torch.rand(12, generator=random) < 0.5
    truths = int(right.sum()) + seed % 3 + 1
    scores = torch.rand(12, generator=random)
    known = average_precision(precision_recall(scores, right, truths))
    assert abs(my_average_precision(scores, right, truths) - known) < 1e-6
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps11-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 Look and read off (4 points)
#
# With the panels below: how many windows has the picture at scale 0.5, and how many times fewer multiplications do all windows at once need at scale 2? What share of the things do the first 50 proposals of selective
# search find in the chart of 20 scenes (hover over the curve), as a number from 0 to 1?

# %% nbgrader={"grade": false, "grade_id": "ps11-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
window_view = panels.window_search.show()
window_view

# %% nbgrader={"grade": false, "grade_id": "ps11-q3-second", "locked": true, "schema_version": 3, "solution": false, "task": false}
search_view = panels.searched_regions.show()
search_view

# %% nbgrader={"grade": false, "grade_id": "ps11-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
windows_at_half, times_fewer_at_two, found_by_fifty = ..., ..., ...
### BEGIN SOLUTION
windows_at_half, times_fewer_at_two, found_by_fifty = 25, 14.0, 0.77
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps11-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert windows_at_half > 0
assert times_fewer_at_two > 1
assert 0 < found_by_fifty <= 1
### BEGIN HIDDEN TESTS
from vizkit.core.detectors import CropNet, load_detector
from vizkit.methods.sliding import window_costs
from vizkit.panels.regions import recalls

each, once = window_costs(load_detector(CropNet), 320, 320)
assert windows_at_half == 25
assert abs(times_fewer_at_two / (each / once) - 1) <= 0.05
assert abs(found_by_fifty - recalls()["selective search"][49]) <= 0.04
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps11-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 "It finds everything" (5 points)
#
# A company sells a detector of road signs: "It finds 100 % of all signs." In at most 150 words: which of the two numbers is that, and how is it had for nothing; what the other number says; why accuracy over all
# windows is no way out; what average precision is that neither number alone is; and what you would still ask about their boxes and their pictures.
#
# | points | for |
# |---|---|
# | 1 | that is recall; a box everywhere has it |
# | 1 | precision: the share of the boxes that is right |
# | 1 | nearly all windows show no sign: to say nothing anywhere is nearly always right |
# | 1 | it is over all thresholds: precision at each recall, so no threshold can be chosen to look well |
# | 1 | from which overlap a box counts, and whether the test pictures are others than those it learned from |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps11-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# It is recall, the share of the signs that have a box. A box at every place and of every size has it, too.
#
# Precision, the share of the boxes that show a sign, would be near 0 then. A low threshold trades one for the other.
#
# Accuracy over windows does not help: of thousands of windows a handful shows a sign, so a detector that never says anything is right in more than 99 % of them.
#
# Average precision looks at all thresholds at once: the precision at each recall, as an area. One cannot look well by the choice of a threshold.
#
# I would ask from which overlap with the true box a box counts as right (at 0.1 it is easy), and whether the pictures of the test are from other streets than those that it was trained on.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps11-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 How far may it move? (5 points)
#
# A box of `width` x `height` pixels, and the same box moved to the right. Make a panel `moved_box` titled *How far may it move?*, with sliders `width` and `height` from 4 to 100 (40 and 20 at first) and `shift` from 1 to 100
# (40 at first). The result is a tensor of `shift` + 1 numbers: the IoU with the first box when it is moved by 0, 1, 2, ... `shift` pixels. It shows them in a `chart`, and a `text` with the last one, written as
# `f"{last:.3f}"`.
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps11-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

import plotly.graph_objects as go

from vizkit.widgets import Slider


# %% nbgrader={"grade": false, "grade_id": "ps11-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("How far may it move?")
def moved_box(
    width: Annotated[int, Slider(4, 100)] = 40,
    height: Annotated[int, Slider(4, 100)] = 20,
    shift: Annotated[int, Slider(1, 100)] = 40,
):
    """Right at 0.5 for a third of its width, whatever its height."""
    moves = torch.arange(shift + 1.0)
    common = (width - moves).clamp(min=0) * height
    found = common / (2 * width * height - common)
    chart = go.Figure(go.Scatter(x=moves.tolist(), y=found.tolist()))
    return found, {"chart": chart, "text": f"{float(found[-1]):.3f} is left"}


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps11-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = moved_box.show()
assert view.error is None
assert set(view.items) == {"chart", "text"}
assert view.result.shape == (41,)
assert disagreements(view) == []  # its listing makes what it shows
### BEGIN HIDDEN TESTS
from vizkit.methods.boxes import box_iou

for width, height, shift in ((4, 4, 1), (100, 50, 100), (30, 90, 60)):
    moves = torch.arange(shift + 1.0)
    first = torch.tensor([[0.0, 0, width, height]])
    others = first + torch.stack([moves, 0 * moves, moves, 0 * moves], 1)
    mine = moved_box(width, height, shift)[0]
    assert torch.allclose(mine.float(), box_iou(first, others)[0], atol=1e-6)
view.set(width=10, shift=5)
assert f"{float(view.result[-1]):.3f}" in str(view.items["text"])
assert disagreements(view) == []
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps11-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# A detector has found all things of a class. Now it also says a wrong box, with a score below all others. What does its average precision do: `"it falls"`, `"it stays as it is"` or `"it rises"` (`questions.one_more_wrong`
# of the lecture)?
#
# Fill in `prediction` and `because` before you compute it: they count when they are made and explained, right or
# not (1 point). Then find out, by the panel or by your own function: `finding` counts when it is right (2 points).

# %% nbgrader={"grade": false, "grade_id": "ps11-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

precision_view = panels.precision_and_recall.show()
precision_view

# %% nbgrader={"grade": false, "grade_id": "ps11-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # "it falls", "it stays as it is" or "it rises"
because = ...  # a sentence
finding = ...
### BEGIN SOLUTION
prediction = "it falls"
because = "Precision falls with each wrong box, so the mean of it should."
finding = "it stays as it is"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps11-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.one_more_wrong.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps11-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert finding in ("it falls", "it stays as it is", "it rises")
### BEGIN HIDDEN TESTS
assert questions.one_more_wrong.right(finding)
### END HIDDEN TESTS
