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
# # 05 What in the picture made it say so
#
# **Which pixels speak for the answer, and which of the many methods should one believe?**
#
# * Zeiler & Fergus, *Visualizing and understanding convolutional networks*, 2014 (deconvnet, occlusion)
# * Simonyan, Vedaldi & Zisserman, *Deep inside convolutional networks*, 2014 (saliency)
# * Springenberg et al., *Striving for simplicity*, 2015 (guided backprop)
# * Selvaraju et al., *Grad-CAM*, 2017; Sundararajan et al., *Integrated gradients*, 2017; Smilkov et al., *SmoothGrad*, 2017;
#   Bojarski et al., *VisualBackProp*, 2018
# * Adebayo et al., *Sanity checks for saliency maps*, 2018
#
# Slides: 000, pp. 28-42 and 57-60; 003; 004.

# %%
import vizkit
from vizkit import panels, questions

model, image = vizkit.load_model(), vizkit.load_image("chelsea", size=128)

# %% [markdown]
# ## 1 One backward pass from any neuron
#
# Forward, a ReLU keeps what is positive. Backward there are three rules for what a ReLU does to the gradient $g$ from above,
# and nothing else differs between three famous methods:
#
# | | passes back |
# |---|---|
# | backprop | $g \cdot [x > 0]$, the true gradient |
# | deconvnet | $\max(g, 0)$ |
# | guided backprop | $\max(g, 0) \cdot [x > 0]$ |
#
# Springenberg's example, computed:

# %%
import torch

from vizkit.core.hooks import ReLURule

above = torch.tensor([[-2.0, 3, -1], [6, -3, 1], [2, -1, 3]])
for rule in ("backprop", "deconvnet", "guided"):
    x = torch.tensor([[1.0, -1, 5], [2, -5, -7], [-3, 2, 4]], requires_grad=True)
    with ReLURule(rule):
        output = torch.relu(x)
    print(rule, torch.autograd.grad(output, x, above)[0].tolist())

# %% [markdown]
# A max-pooling layer sends the gradient to the place of its maximum (the deconvnet's *switches*); automatic differentiation
# does that by itself. **Saliency** is $M_{ij} = \max_c |\partial S / \partial x_{cij}|$ of a class score $S$.

# %%
from vizkit.methods.gradients import Unit, pixel_gradient, saliency

print("gradient of a class", tuple(pixel_gradient(model, image, "Egyptian cat").shape))
print("of a unit", tuple(pixel_gradient(model, image, Unit("relu5", 17), rule="guided").shape))
print("saliency", tuple(saliency(model, image, "Egyptian cat").shape))

# %% [markdown]
# **All methods, side by side.** Type a class, or choose a layer and a channel and click the picture: then the question is what
# excites that unit.

# %%
questions.deaf_to_the_class

# %%
attribution_view = panels.attributions.show()
attribution_view

# %%
attribution_view.play()
_ = attribution_view.wait(120)

# %% [markdown]
# What each of them costs, for one picture, in milliseconds and in forward passes of the network:

# %%
from itertools import pairwise
from statistics import median
from time import perf_counter

from IPython.display import display

from vizkit.figures.attribution import attribution_sheet
from vizkit.methods.attribution import QUICK, attribute


def milliseconds(work):
    times = [perf_counter()]
    for _ in range(3):
        work()
        times.append(perf_counter())
    return 1000 * median(later - sooner for sooner, later in pairwise(times))


with torch.no_grad():
    forward = milliseconds(lambda: model.logits(image))
found = [attribute(model, image, "Egyptian cat", method) for method in QUICK]
cost = {
    method: milliseconds(lambda method=method: attribute(model, image, "Egyptian cat", method))
    for method in QUICK
}
captions = [f"{method}: {ms:.0f} ms, {ms / forward:.0f} x" for method, ms in cost.items()]
attribution_sheet(image, found, captions=captions, side=200)

# %% [markdown]
# **VisualBackProp** sends values back, not gradients (003, pp. 43-45). Of the maps behind ReLU $l$ it takes the mean over the
# channels, $m_l$. Deep maps know more, shallow ones know better where, so each mask is what its own map and all deeper ones
# agree on:
#
# $$M_L = m_L, \qquad M_l = m_l \cdot \big(M_{l+1} \uparrow\big),$$
#
# where $\uparrow$ is a transposed convolution of ones, with the kernel and stride of the layer between (its windows overlap
# unevenly: hence the grid of dots in the masks). It was made for debugging while a network drives or learns, so it had to be
# fast: one forward pass and a few small products.

# %%
mask_view = panels.masks.show()
mask_view

# %% [markdown]
# **The same photo, two networks.** Above `viznet`, below `viznet-robust`: the same layers, trained on also against small
# perturbations. Nothing about the methods changes, and yet the specks join into patches: neighboring pixels of the gradient
# are more alike. So a speckled map may tell the truth about a network that looks at specks. Whether a map lies on the *thing* is
# another question: where a box around the thing is known, as much of the one net's saliency lies in it as of the other's
# (31 %, in boxes that cover 23 % of the picture; the card of `viznet-robust` says on which photos).

# %%
robust = vizkit.load_model("viznet-robust")
shown = ("gradient", "saliency", "SmoothGrad", "guided backprop")
for net in (model, robust):
    found = [attribute(net, image, "Egyptian cat", method) for method in shown]
    display(attribution_sheet(image, found, percentile=99.5, side=200))


def neighbors_alike(net, photo):
    heat = pixel_gradient(net, photo, int(net.logits(photo).argmax())).sum(0)
    return torch.corrcoef(torch.stack([heat[:, 1:].flatten(), heat[:, :-1].flatten()]))[0, 1]


photos = [vizkit.load_image(name, 64) for name in vizkit.images("photo")]
alike_pixels = torch.tensor(
    [[neighbors_alike(net, photo) for photo in photos] for net in (model, robust)]
)
plain_mean, robust_mean = alike_pixels.mean(1).tolist()
print(f"neighboring pixels of the gradient, {len(photos)} photos: correlation", end=" ")
print(f"{plain_mean:.2f} with viznet, {robust_mean:.2f} with viznet-robust")

# %% [markdown]
# ## 2 Cover it and see
#
# $$\text{drop}(i, j) = p(\text{class} \mid \text{picture}) - p(\text{class} \mid \text{picture with square } (i, j) \text{ gray})$$
#
# Occlusion asks the network itself. It is slow, one forward pass for each place; here only what the square can reach is
# computed anew in each layer (Nakandala et al. 2019), and the numbers are exactly the same.

# %%
questions.costliest_square

# %%
from vizkit.core.steps import last
from vizkit.methods.occlusion import occlusion_steps

step = last(
    occlusion_steps(model, vizkit.load_image("coffee", size=64), "espresso", patch=16, stride=8)
)
print(
    "drop",
    tuple(step.drop.shape),
    f" p(espresso) = {step.probability:.3f}, largest drop {step.drop.max():.3f}",
)

# %%
occluder_view = panels.occluder.show()
occluder_view

# %%
occluder_view.play()
occlusion = occluder_view.wait(120)

# %% [markdown]
# **Predict, run, read, change, make**
#
# 1. *Predict*: you have said where a square costs most. *Run*: drag it there, and look at the bars.
# 2. *Read* (*Menu, Show code*): how far does the square move from one place to the next? What would happen at the border without `min` and `max`?
#    Which line asks the network about the square that you drag?
# 3. *Change*: copy the code into a cell and set `fill` to 1.
#    <details><summary>What you should see</summary>Nearly the same map, its peak at the same place, but the peak is higher: a white square takes more of the answer than a gray one.</details>
# 4. *Make*: a panel that covers everything *but* a square, and shows where the answer survives.

# %% [markdown]
# **As the slides draw it** (004, pp. 99-101; Zeiler & Fergus, fig. 7): the probability of the class by place of the square, from 0 to
# 100 %, gains not cut off; how much is left of the layer's strongest map; and what is most probable with the square there.

# %%
three_view = panels.square_maps.show()
three_view

# %%
three_view.play()
three = three_view.wait(120)

# %% [markdown]
# ## 3 From a map to an object
#
# A saliency map is a handful of specks, but enough to tell GrabCut what colors the object has (Simonyan et al., sec. 3.2, do so with GraphCut). What
# color the *ground* has, they do not tell: where the map is low, the network does not care, and that may be the object's own
# middle. So the slide begins with "use a box to select the object" (000, p. 59): drag one on the left.

# %%
questions.cut_with_a_box

# %%
grab_cut_view = panels.cut_out.show()
grab_cut_view

# %% [markdown]
# Where the truth is known (the scenes of the next section), the cut can be scored: intersection over union with the true
# shape, 0 to 1.

# %%
from vizkit.core.scenes import make_scenes
from vizkit.methods.segmentation import cut_overlap

scenes_net, scenes = vizkit.load_model("scenes"), make_scenes(60, seed=1)
alone, boxed = (cut_overlap(scenes_net, scenes, margin=margin).mean() for margin in (None, 3))
print(f"from the saliency alone {alone:.2f}, with a box 3 px around the shape {boxed:.2f}")

# %% [markdown]
# ## 4 Which of them to believe
#
# **Pictures whose truth is known.** On a patch of a photo lie two things, painted alike: a shape, which decides the class, and
# a blob, which decides nothing. The network `scenes` has learned to name the shape, so the shape *is* the reason. Three
# scores: does the map's peak lie in the shape (pointing game), how well can a threshold cut the shape out (IoU), how much
# of the map lies in it (energy)? Only scenes that the network names right count.
#
# Two *baselines* ask no network: the edges of the picture (Sobel's filter) and a Gaussian in its middle. A map that is no
# better than those has not shown that it knows anything of the network.

# %%
questions.no_better_than_edges

# %%
score_view = panels.scores.show()
score_view

# %%
score_view.play()
scores = score_view.wait(400)

# %% [markdown]
# By IoU the gradient and the saliency are no better than the edges; guided backprop is nearly twice as good, and VisualBackProp more
# than twice.
#
# **While a network learns** (003, p. 44). VisualBackProp is cheap enough to watch a training by. Here are checkpoints of the net that
# learns to name the shapes, from before its first epoch to its last; how many of a hundred new scenes each names right, and how
# well its maps can be cut along the shape (IoU). (The slides also lay VisualBackProp over pictures of text that a network reads: 003,
# p. 47; Bartz et al. 2017.)

# %%
from vizkit.core.models import scenes_while_learning
from vizkit.methods.attribution import Attribution
from vizkit.methods.localization import localization
from vizkit.methods.visual_backprop import visual_backprop

new = make_scenes(100, seed=9)
pictures, maps, learned = new.images / 255, {}, {}
for epoch, net in scenes_while_learning().items():
    maps[epoch] = torch.stack([visual_backprop(net, one) for one in pictures])
    right = float((net.logits(pictures).argmax(1) == new.label).float().mean())
    learned[epoch] = right, float(localization(maps[epoch], new.mask).overlap.mean())
captions = [
    f"epoch {epoch}: {right:.0%} right, IoU {overlap:.2f}"
    for epoch, (right, overlap) in learned.items()
]
for place in (0, 1):
    found = [Attribution("VisualBackProp", heat[place]) for heat in maps.values()]
    display(attribution_sheet(pictures[place], found, captions=captions, side=190))

# %% [markdown]
# **The sanity check.**
# If a map explains what the network has *learned*, it must change when the network forgets. Layers forget from the top, their
# weights and biases drawn anew (Adebayo et al. 2018).

# %%
questions.still_alike

# %%
questions.gradient_forgets

# %%
sanity_view = panels.forgetting.show()
sanity_view

# %%
sanity_view.play()
sanity = sanity_view.wait(120)

# %% [markdown]
# Guided backprop keeps showing edges of the picture long after the classifier is gone: its rules let little but edges through, so
# its maps are about the picture more than about the network. VisualBackProp knows no class and hardly notices either.
#
# One picture may mislead. So the same for twenty, and for every depth:

# %%
curve_view = panels.sanity.show()
curve_view

# %%
curve_view.play()
curve = curve_view.wait(300)

# %% [markdown]
# ## Try this
#
# 1. **Two networks.** In *Where it looks* change the network to `viznet-robust`. Which maps become clearer, and what does that
#    say about the gradient of the plain one?
#    <details><summary>What you should see</summary>Gradient, saliency, SmoothGrad and guided backprop join into patches. The plain network's gradient is not wrong: it looks at specks, and the map says so.</details>
# 2. **Fool the occluder.** In *The occluder* find the smallest square that brings the espresso below 20 %. Then make it white
#    or black instead of gray: is the gray square neutral?
#    <details><summary>What you should see</summary>A gray one takes two fifths of the shorter side, a black or a white one about a third: no fill is neutral, and gray costs the answer least.</details>
# 3. **How far down?** In *Forget and look again* start with 1 layer and go on. At which layer does each method's number fall
#    below 0.3? Which never does? Is it the same layer in the curve of twenty pictures?
#    <details><summary>What you should see</summary>The gradient and Grad-CAM fall with the first or second layer, guided backprop with the last ones if at all (the mean of twenty ends just above 0.3), VisualBackProp never. From one picture to another it may be a layer sooner or later: hence the twenty.</details>
# 4. **A box.** In *The object, grown from the saliency* choose `coffee`, then `astronaut`. Where is the cut wrong? Drag a box, and
#    see what it mends.
#    <details><summary>What you should see</summary>Alone the cut takes table and misses the cup, and it leaves half of the astronaut out; with a box what lies outside is ground for sure, and the outline closes around the thing.</details>

# %% [markdown]
# ## What this does not show
#
# A map has no zero and no unit: *clip* and the *overlay* under *Where it looks* change how sure it looks, and any map can be made
# convincing. A gray square is a thing that the network has never seen, and may speak for a class itself. And a map that
# lies on the object need not be the reason for the answer.

# %%
loud_view = panels.attributions.show(picture="coffee")
loud_view.controls["clip"].value = 85.0
loud_view

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("deconv")

# %% [markdown]
# ## Checks

# %%
expected = {
    "backprop": [[-2, 0, -1], [6, 0, 0], [0, -1, 3]],
    "deconvnet": [[0, 3, 0], [6, 0, 1], [2, 0, 3]],
}
expected["guided"] = [[0, 0, 0], [6, 0, 0], [0, 0, 3]]
for rule, values in expected.items():
    x = torch.tensor([[1.0, -1, 5], [2, -5, -7], [-3, 2, 4]], requires_grad=True)
    with ReLURule(rule):
        output = torch.relu(x)
    assert torch.autograd.grad(output, x, above)[0].tolist() == values

# %%
from vizkit.methods.gradients import integrated_gradients

with torch.no_grad():
    difference = model.logits(image)[3] - model.logits(torch.zeros_like(image))[3]
assert torch.isclose(integrated_gradients(model, image, 3, steps=100).sum(), difference, rtol=0.02)

# %%
assert [one.method for one in attribution_view.result.found if one.problem] == []
attribution_view.controls["layer"].value = "relu5"
assert attribution_view.error is None
attribution_view.wait(60)
assert "explains the score of a class" in attribution_view.shown["text"].value
attribution_view.reset()
_ = attribution_view.wait(60)

# %%
assert step.drop.max() > 0.2
assert three.remaining.min() < 0.5 * three.probability
assert three.remaining.max() <= 1
before = occluder_view.shown["bars"].value
occluder_view.set(at=(0.9, 0.5))
assert occluder_view.shown["bars"].value != before

# %%
x0, y0, x1, y1 = grab_cut_view.result.box
assert 0 < (x1 - x0) * (y1 - y0) < grab_cut_view.result.mask.numel()
assert boxed > 0.5 > 0.4 > alone > 0.2
assert len(mask_view.result.masks) == 7
# Try 1
assert robust_mean > plain_mean + 0.2
# Try 4
assert boxed > alone + 0.1
grab_cut_view.set(picture="coffee", box=(0.0, 0.0, 1.0, 1.0))
middle = int(0.37 * 128), int(0.51 * 192)
assert not grab_cut_view.result.mask[middle], "the cup"
grab_cut_view.set(box=(0.2, 0.1, 0.85, 0.9))
assert grab_cut_view.result.mask[middle]
grab_cut_view.reset()
assert learned[12][0] > learned[1][0] + 0.3
assert cost["VisualBackProp"] < cost["SmoothGrad"]

# %%
assert 130 < scores.count < 160, "those of 160 that the network names right"
assert max(scores.inside.values()) > 0.25 > 0.08  # the shapes cover 8 % of the pictures
edges = scores.overlap["baseline: edges"]
assert max(scores.overlap[one] for one in ("gradient", "saliency")) < edges + 0.02
assert scores.overlap["VisualBackProp"] > 2 * edges

# %%
# Try 2
cup, left = vizkit.load_image("coffee", size=64), {}
for share, fill, stride in ((0.35, 0.0, 2), (0.35, 1.0, 1), (0.35, 0.5, 2), (0.4, 0.5, 2)):
    every = {"patch": round(share * 64), "stride": stride, "fill": fill}
    whole = last(occlusion_steps(model, cup, "espresso", **every, batch_size=64))
    left[share, fill] = float(whole.probability - whole.drop.max())
assert max(left[0.35, 0.0], left[0.35, 1.0]) < 0.2 < left[0.35, 0.5]
assert left[0.4, 0.5] < 0.2
# Change
gray, white = (last(panels.occluder(fill=fill))[0].drop for fill in (0.5, 1.0))
assert gray.argmax() == white.argmax()
assert white.max() > gray.max() + 0.1
assert torch.corrcoef(torch.stack([gray.flatten(), white.flatten()]))[0, 1] > 0.85

# %%
# Try 3
alike = dict(zip([one.method for one in sanity.found], sanity.correlation, strict=True))
assert alike["VisualBackProp"] > 0.6 > alike["Grad-CAM"]
kept = dict(zip(curve.methods, curve.correlation.mean(2).T.tolist(), strict=True))
assert kept["guided backprop"][3] > 0.8 > 0.5 > kept["gradient"][1]
assert kept["VisualBackProp"][8] > 0.6
assert 0.3 < kept["guided backprop"][8] < 0.4
assert max(kept["gradient"][2], kept["Grad-CAM"][2]) < 0.3
