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

# %% [markdown]
# # 11 Localization and detection
#
# **What is it, where is it, and how many are there? And how does a network that answers with a fixed number of numbers say a list?**
#
# * Sermanet et al., *OverFeat: integrated recognition, localization and detection*, 2014
# * Uijlings et al., *Selective search for object recognition*, 2013
# * Girshick et al., *Rich feature hierarchies* (R-CNN), 2014; Girshick, *Fast R-CNN*, 2015; Ren et al., *Faster R-CNN*, 2015
# * He et al., *Mask R-CNN* (RoIAlign), 2017
# * Redmon et al., *You only look once*, 2016
# * Dalal & Triggs, *Histograms of oriented gradients for human detection*, 2005
#
# Slides: 004, pp. 10-92.

# %%
import vizkit
from vizkit import panels, questions

coffee = vizkit.load_image("coffee", (160, 160))

# %% [markdown]
# ## 1 Four tasks
#
# One picture, four questions (p. 10), each harder to put into numbers than the one before. The scenes of this lecture are drawn: one to five things of eight
# shapes, on a photo and painted with colors, stripes or pieces of other photos. So the truth is known, to the pixel, and no test scene has a photo that
# a network was trained on.

# %%
questions.numbers_of_a_scene

# %%
tasks_view = panels.four_tasks.show()
tasks_view

# %% [markdown]
# A network with one last layer says a fixed number of numbers. That is enough for one class, and for one box; it is not for *all* boxes (pp. 40-42): a scene with two
# things needs 8 numbers, one with five needs 20. Two ways out: ask many times, at many places (sections 4 to 7), or let a grid of answers stand for places (section 8).
#
# ## 2 How right is a box?
#
# $$\mathrm{IoU}(A, B) = \frac{|A \cap B|}{|A \cup B|}$$
#
# Intersection over union (p. 14): 1 for the same box, 0 for two that do not touch. Mostly 0.5 counts as right.

# %%
import torch

from vizkit.methods.boxes import box_iou

a = torch.tensor([[0.0, 0, 10, 10]])
moved = torch.tensor([[2.0, 0, 12, 10], [5, 0, 15, 10], [2, 2, 12, 12]])
print([round(float(one), 3) for one in box_iou(a, moved)[0]])

# %%
questions.half_moved

# %%
overlap_view = panels.two_boxes.show()
overlap_view

# %% [markdown]
# The chart: boxes at the same distance of the corners overlap more or less, and for a box half as wide the same distance is far worse. The squared distance of the corners (L2, p. 18)
# does not see that.
#
# **Predict, run, read, change, make**
#
# 1. *Predict*: two boxes of the same size overlap by half of each. What is the IoU? *Run*: drag them so.
#    <details><summary>What you should see</summary>One third: half of one is in common, one and a half are covered.</details>
# 2. *Read* (*Menu, Show code*): where is the case of two empty boxes, and what is their IoU?
#    <details><summary>What you should see</summary>`box_iou` divides only where the union is more than 0, and says 0 elsewhere.</details>
# 3. *Change*: copy the code and compute the IoU of a box with itself moved by a tenth of its side in both directions.
#    <details><summary>What you should see</summary>0.81 of it is in common: 0.81 / 1.19 = 0.68.</details>
# 4. *Make*: a box that lies wholly within another and is right at 0.5. How small may it be?
#    <details><summary>What you should see</summary>Half of the area: then the intersection is the smaller, the union the larger box.</details>
#
# ## 3 A box as four numbers
#
# The recipe of the slides (pp. 16-19): take a trained classifier, put a second head on it that says four numbers, train that head by the L2 distance, use both. Where is it attached, and
# is there one box for all classes or one for each (pp. 20, 21)? All three heads below are on viznet, whose own layers stay as they are. The fourth net was trained on, all layers,
# by the overlap itself.

# %%
questions.same_distance

# %%
box_view = panels.one_box.show(picture="coffee", truth=(0.15, 0.04, 0.8, 0.68))
box_view

# %% [markdown]
# The cards of the nets state their mean overlap on the 10,000 validation photos of Tiny-ImageNet. A box that is always the same has 0.53 there. None of the three heads that learned
# by L2 beats it: the mean of what could be is far from all of it, and a distance does not say so. What the head with a box per class has more than the others, it has because it
# is told the class. The net that was trained on by the overlap reaches 0.60; where a thing is, in a photo of 64 pixels, is often no one thing.
#
# The challenge (p. 13) allows five guesses: one of them must have the right class and a box with IoU 0.5. The same head can say several boxes, if their number is always the same (p. 22), or
# the joints of a body: two numbers for each (p. 23).
#
# ## 4 Ask everywhere
#
# A classifier of 48 pixels, slid over a picture (pp. 25-34), says at each place what is in its window, and where it really ends. Windows overlap, so most of the work is done many times.
# A dense layer behind a map of 3 x 3 is a convolution with a kernel of 3 x 3; so the whole net can run over the whole picture once (pp. 35-37).

# %%
from vizkit.core.detectors import CropNet, load_detector
from vizkit.methods.sliding import ask_all_at_once, ask_each_window

net = load_detector(CropNet)
each, once = ask_each_window(net, coffee), ask_all_at_once(net, coffee)
print(
    tuple(once.said.shape),
    "largest difference",
    f"{float((each.said - once.said).abs().max()):.0e}",
)

# %%
questions.times_fewer

# %%
window_view = panels.window_search.show()
window_view

# %% [markdown]
# Boxes of neighboring windows and scales are merged (p. 33): a group that overlaps becomes its mean, weighted by the scores.
#
# **Before networks** it was the same, with less in the window (p. 47): histograms of gradients, and one template of weights for a class. The template slid over the picture is a correlation
# too. Deformable parts (p. 48) are several such templates, tied by springs; written out, they are a small convolutional network (p. 49).

# %%
hog_view = panels.hog_search.show()
hog_view

# %% [markdown]
# The template knows outlines, and the rim of a cup has some of a crescent's. It looks at one size only: turn *scale*.
#
# ## 5 One thing, many boxes
#
# Every detector says a thing more than once. **Non-maximum suppression** takes the best box, removes all that overlap it too much, and goes on with the rest.
# Soft suppression lowers their scores instead (Bodla et al. 2017); OverFeat merges.

# %%
questions.two_alike

# %%
suppression_view = panels.suppression.show()
suppression_view

# %% [markdown]
# With a low threshold two things that cover each other become one; with a high one a thing stays twice. No threshold is right for both.
#
# ## 6 How good is a detector?
#
# Sort all boxes of a class, from all pictures, by score. Each in turn is right if it overlaps a thing of that class by 0.5 that no better one has taken. Down to some score,
#
# $$\text{precision} = \frac{\text{right}}{\text{taken}}, \qquad \text{recall} = \frac{\text{right}}{\text{there}}.$$
#
# **Average precision** (pp. 63-65) is the area below precision over recall. PASCAL's challenge took the mean of the best precision at eleven recalls (2007), then the area below the best one from here
# on; COCO takes 101 recalls, and the mean over ten overlaps from 0.5 to 0.95. The mean over classes is mAP.

# %%
from vizkit.methods.average_precision import average_precision, precision_recall

right = torch.tensor([1, 0, 1, 1, 0], dtype=torch.bool)
curve = precision_recall(torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5]), right, truths=4)
print([round(float(p), 2) for p in curve.precision], [float(r) for r in curve.recall])
print(
    {
        name: round(average_precision(curve, name), 3)
        for name in ("all points", "11 points", "101 points")
    }
)

# %%
questions.one_more_wrong

# %%
precision_view = panels.precision_and_recall.show()
precision_view

# %% [markdown]
# The slide's formula (p. 64), with $P(k)\,\mathrm{rel}(k)$ over the number of relevant ones, is the area below the curve *as taken*, not below the best from here on: the two differ wherever the
# curve rises. A score itself does not matter, only the order.
#
# ## 7 Look only where something could be
#
# **Selective search** (pp. 51, 52): a segmentation by color; then the two neighbors that are most alike in color, texture, size and fit become one, until one is left. Each region on the way gives a box.
#
# Other ways to propose (pp. 53, 54, Hosang et al. 2015) score windows or grow regions; the times in that table go from 0.2 to 250 seconds for a picture.

# %%
questions.searched_or_anywhere

# %%
search_view = panels.searched_regions.show()
search_view

# %% [markdown]
# **R-CNN** (pp. 55-61): cut each region out, stretch it to the size that a classifier wants, and ask. The last layer is replaced by a linear support vector machine for each class, and a regression
# moves the box.

# %%
crop_view = panels.warped_crops.show()
crop_view

# %%
svm_view = panels.class_svms.show()
svm_view

# %% [markdown]
# Three things are wrong with it (p. 70): one pass for each region; machines and regression come behind the network and change nothing in it; training in many steps.
#
# **Fast R-CNN** (pp. 73-78) computes the maps of the picture once and cuts the regions out of *them*. **RoI pooling** rounds a region to whole cells of the map, the last one included, and its bins to whole
# cells again. RoIAlign rounds nothing and interpolates.

# %%
questions.moved_by_a_pixel

# %%
pooled_view = panels.pooled_region.show()
pooled_view

# %% [markdown]
# **Faster R-CNN** (pp. 84-88): the maps propose, too. At each place lie nine **anchors**, the same everywhere; of each a small convolution says whether it is a thing, and how far the thing is
# from it:
#
# $$t_x = \frac{x - x_a}{w_a}, \quad t_y = \frac{y - y_a}{h_a}, \quad t_w = \log\frac{w}{w_a}, \quad t_h = \log\frac{h}{h_a}.$$

# %%
anchor_view = panels.anchors.show()
anchor_view

# %% [markdown]
# Training (p. 87): two losses for each stage. The first paper lowered them by turns; since then all four are lowered at once. Play, and change *losses* under way.

# %%
learning_view = panels.detector_learning.show()
learning_view

# %% [markdown]
# ## 8 Look once
#
# **YOLO** (pp. 91, 92): the picture in $S \times S$ cells, here 10 x 10. Each says $B = 2$ boxes, $(x, y, \sqrt w, \sqrt h)$ with a confidence, and one class for both:
# $S \times S \times (5 B + C)$ numbers in one pass. The cell that has the middle of a thing is responsible for it, and of its boxes the one that fits best.

# %%
questions.cells_for_a_thing

# %%
yolo_view = panels.yolo_grid.show()
yolo_view

# %% [markdown]
# Its loss is a sum of squares: of middles and roots of sizes, five times, of the confidences, of empty cells half as much, and of the classes. The root: one pixel more is more for a small box.
# Two things with their middles in one cell cannot both be named, if their classes differ.
#
# ## 9 All four, on one picture
#
# The times are measured here, each time the panel is drawn. The slides' table (pp. 79-88) has 50 s, 2 s and 0.2 s for the three R-CNNs: other networks, other machines, but in the same order. (p. 80 prints 146x for 47 s
# against 0.32 s; it is 147.)

# %%
questions.slowest_stage

# %%
all_view = panels.four_detectors.show()
all_view

# %%
results_view = panels.published_results.show()
results_view

# %% [markdown]
# The data sets behind those numbers (p. 62): PASCAL VOC 2010 has 20 classes and 2.4 things a picture, ImageNet's detection set 200 and 1.1, COCO 80 and 7.2.

# %% [markdown]
# ## Try this
#
# 1. **Same class, same place.** In *Non-maximum suppression* lower the threshold to 0. Which things are lost, and which could never be?
#    <details><summary>What you should see</summary>Those whose boxes touch a better one. A thing that touches no other is safe at any threshold.</details>
# 2. **Between two cells.** In *You only look once* take the preset *Between cells*: the star's middle is near a border of two cells. Which of them says it, and how surely?
#    <details><summary>What you should see</summary>Both, and neither surely: in training one of them was responsible, but which one hung on a pixel. Of most things, about four in five, one cell is sure.</details>
# 3. **A stricter judge.** In *Precision, recall, average precision* raise *right from IoU* to 0.9. Which falls further, and what are the mistakes now?
#    <details><summary>What you should see</summary>Nearly everything falls: most mistakes are now the right class, a little beside the thing.</details>
# 4. **Photos.** In *Four detectors* take a photo of your own. What do they find?
#    <details><summary>What you should see</summary>Shapes: a ring where there is a plate, a disk for a face, mostly nothing. They were trained on eight drawn shapes and know nothing else.</details>

# %% [markdown]
# ## What this does not show
#
# **These nets know drawn shapes only.** On photos they find little, and what they find is no cup and no face:

# %%
photo_view = panels.four_detectors.show(picture="coffee", least=0.3)
photo_view

# %% [markdown]
# Real detectors are trained on 100,000 photos and more, whose boxes people drew; those boxes differ by some pixels from one person to the next, and what counts as a thing is a choice. If torchvision's
# weights of a Faster R-CNN are on this machine, it runs here:

# %%
real_view = panels.photo_detector.show()
real_view

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("detection")

# %% [markdown]
# ## Checks

# %%
scene = tasks_view.result
assert len(scene.labels) == 5
assert [round(float(one), 3) for one in box_iou(a, moved)[0]] == [0.667, 0.333, 0.471]
assert abs(0.81 / 1.19 - 0.68) < 0.01
assert abs(float(box_iou(a, torch.tensor([[1.0, 1, 11, 11]]))) - 0.81 / 1.19) < 1e-6
inner = torch.tensor([[0.0, 0, 10, 5]])
assert float(box_iou(a, inner)) == 0.5
assert float(box_iou(a[:, [0, 0, 0, 0]], a[:, [0, 0, 0, 0]])) == 0
assert overlap_view.result > 0
assert set(box_view.result) == {"one for all", "one per class", "after fc", "all layers"}

# %%
assert each.said.shape == once.said.shape == (13, 15, 15)
assert (each.said - once.said).abs().max() <= 1e-5 * each.said.abs().max()
assert len(window_view.result.boxes) > 0
assert hog_view.result.boxes.shape[1] == 4

# %%
from vizkit.methods.boxes import nms
from vizkit.panels.detectors import raw_boxes
from vizkit.panels.localization import drawn_scene

picture = drawn_scene(2).images[0].float() / 255
boxes, _, scores = raw_boxes(picture)
assert len(nms(boxes, scores, 0.5)) < len(boxes) / 3
assert {name: round(average_precision(curve, name), 2) for name in ("all points", "11 points")} == {
    "all points": 0.62,
    "11 points": 0.61,
}
assert precision_view.result.precision[-1] < precision_view.result.precision[0]

# %%
from vizkit.panels.regions import recalls

found = recalls()
assert found["anywhere"][299] < found["selective search"][299]
assert found["a net"][19] > found["selective search"][19]
assert len(search_view.result.boxes) == 2 * len(search_view.result.merges) + 1
assert crop_view.result.boxes.shape[1] == 4
assert svm_view.result.shape[0] > 1000
pooled, aligned = pooled_view.result
assert pooled.shape == aligned.shape == (6, 6)
assert len(anchor_view.result.boxes) <= 20
assert yolo_view.result.scores.min() >= 0.3

# %%
# Try 1
rounds = vizkit.nms_rounds(boxes, scores, 0.0)
for one in rounds:
    assert all(overlap > 0 for overlap in one.overlaps)

# Try 2
from vizkit.core.detectors import GridNet
from vizkit.methods.yolo import grid_boxes

star = drawn_scene(5).images[:1].float() / 255
sure = grid_boxes(load_detector(GridNet)(star)).confidence[0].amax(-1)
assert 0.2 < sure[6, 2] < 0.7
assert 0.2 < sure[7, 2] < 0.7

# Try 3
lenient, strict = (
    panels.precision_and_recall(overlap=overlap)[0].right.float().mean() for overlap in (0.5, 0.9)
)
assert strict < lenient

# Try 4
assert len(photo_view.result) == 4
