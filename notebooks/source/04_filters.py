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
# # 04 Filters and activations
#
# **What does each unit of a network look for?** We look at the weights, at what they answer on a
# picture, at how much of the picture a unit can see, and at the patches that excite it most.
#
# * Krizhevsky, Sutskever & Hinton, *ImageNet classification with deep convolutional neural networks*, 2012
# * Girshick, Donahue, Darrell & Malik, *Rich feature hierarchies*, 2014
# * Zeiler & Fergus, *Visualizing and understanding convolutional networks*, 2014
# * Springenberg, Dosovitskiy, Brox & Riedmiller, *Striving for simplicity*, 2015
# * Yosinski, Clune, Nguyen, Fuchs & Lipson, *Understanding neural networks through deep visualization*, 2015
# * Luo, Li, Urtasun & Zemel, *Understanding the effective receptive field*, 2016
#
# Slides: 000, pp. 8–18; 001, the pages on convolutional layers; 002; 003; 004.

# %%
import vizkit
from vizkit import panels, questions

model = vizkit.load_model("viznet")
image = vizkit.load_image("chelsea", size=256)
model, image.shape, model.answers(vizkit.load_image("chelsea", size=(64, 64)), 3)

# %% [markdown]
# `viznet` is a plain stack of seven convolutions that we trained on 200 classes of photos of 64 pixels; so we ask it at that
# size what it sees. It names 49 % of new photos right, where a guess names half a percent. Any torchvision classifier works in
# its place: `vizkit.load_model("resnet18")`. Pixels are always RGB in [0, 1].

# %% [markdown]
# ## 1 The weights
#
# A filter $w_c$ of the first layer sees three numbers per pixel, so it can be drawn in the colors it likes.
# Its answer at place $(i, j)$ is the inner product with the window there,
#
# $$z_c(i, j) = b_c + \sum_{k}\sum_{u, v} w_c(k, u, v)\; x(k,\; s i + u - p,\; s j + v - p),$$
#
# with stride $s$ and padding $p$. Of all windows of one length, the one that looks like $w_c$ answers loudest.

# %%
from vizkit.figures.grids import filter_grid
from vizkit.methods.filters import filters

first = filters(model)
print(first.layer, tuple(first.weight.shape), "stride", first.stride, "padding", first.padding)
filter_grid(first)

# %% [markdown]
# Edges at every angle, fine and coarse, are what Hubel and Wiesel found in the visual cortex of the cat (1962); blobs of
# opposite colors they found later, in monkeys, whose eyes tell colors apart (1968). Networks trained on photos find
# both again. In the next panel, pick a deeper layer:
# its filters see 48 to 352 channels, which have no color, and the picture says little. That is why the rest of this
# notebook asks what *excites* a unit instead.

# %%
filter_view = panels.filter_view.show()
filter_view

# %% [markdown]
# Does the window that answers loudest look like the filter (slide 002, p. 2)? Here each filter stands beside the nine windows that it
# answers loudest in 2,000 patches, one of a patch and none of patches that overlap; $r$ is the correlation of their mean with the filter. Gray margins lie
# beyond the patch. Where $r$ is small: which window would the filter like better, and why do the photos not have it?

# %%
questions.like_their_windows

# %%
loudest_view = panels.loudest.show()
loudest_view

# %% [markdown]
# The networks of the slides, where their weights are on this machine (64 filters of 11 x 11 in AlexNet, 7 x 7 in
# the ResNets and DenseNet):

# %%
from IPython.display import display

from vizkit.core.models import ready

of_slides = {"alexnet", "resnet18", "resnet101", "densenet121", "squeezenet1_1"}
here = of_slides & set(ready())
for name in sorted(here):
    print(name)
    display(filter_grid(filters(vizkit.load_model(name))))
print("without weights here:", ", ".join(sorted(of_slides - here)) or "none")

# %% [markdown]
# ## 2 Weight sharing

# %%
questions.shared_weights

# %% [markdown]
# $n$ filters of 5 x 5 on a 28 x 28 picture: $25\,n$ weights. A fully connected layer with the same inputs and
# outputs has one weight for each pair of them, $28\cdot 28\cdot 24\cdot 24\cdot n = 451{,}584\,n$.

# %%
from vizkit.methods.filters import weight_sharing

count = weight_sharing(size=28, kernel=5, filters=1)
print(f"{count.shared} shared, {count.connected:,} connected: {count.ratio:,.0f} times fewer")

# %% [markdown]
# **The slide says "over 200,000x"** (001, *Convolutional neural networks*); its own two numbers give
# 451,584 / 25 = 18,063.

# %%
weight_view = panels.sharing.show()
weight_view

# %% [markdown]
# **A convolution is a fully connected layer** with zeros and tied weights (001, p. 52). A row for each output, a column for each
# pixel: white is no connection, and each of the nine weights of a 3 x 3 filter has one color wherever it is used. Backward every
# copy gets a gradient of its own; the weight's is their sum (see *Checks*).

# %%
from vizkit.figures.charts import tied_weights
from vizkit.methods.filters import convolution_matrix

tied = convolution_matrix(size=6, kernel=3)
tied_weights(tied)

# %% [markdown]
# ## 3 Activations and their gradients
#
# A layer's answer to a picture is one map per channel. The ReLU keeps what is positive,
# $a_c(i, j) = \max(z_c(i, j), 0)$. The gradient $\partial S_t / \partial a_c(i, j)$ of the score of a class $t$
# tells what more of that activation would do to the answer: red raises it, blue lowers it.

# %%
from vizkit.figures.grids import activation_grid
from vizkit.methods.activations import activation_gradients, activations

maps = activations(model, image, "relu1")
print(maps.layer, tuple(maps.maps.shape))
activation_grid(maps)

# %%
gradients = activation_gradients(model, image, "relu5", target="tabby")
print("d", gradients.target, "/ d", gradients.layer, tuple(gradients.maps.shape))
activation_grid(gradients, order="strength")

# %%
questions.share_at_work

# %%
activation_view = panels.activations.show(channel=4)
activation_view

# %% [markdown]
# **Predict, run, read, change, make**
#
# 1. *Predict*: you have drawn how much of each layer is at work. *Run*: walk through the layers above.
# 2. *Read* (*Menu, Show code*): which line takes the share that is at work? Why `!= 0` and not `> 0` once gradients are shown? Why does `own_answers`
#    (`from vizkit.panels.common import own_answers`, then `own_answers??`) load the picture again, at `own_size(model)`, before the net is asked?
# 3. *Change*: copy the code into a cell and take `conv5` as the `layer`.
#    <details><summary>What you should see</summary>Nearly every number is at work: before the ReLU nothing is cut off, negative numbers are drawn blue.</details>
# 4. *Make*: a panel with a slider for a threshold that shows at how many places a channel is above it.

# %% [markdown]
# ## 4 What a unit can see
#
# A unit's *receptive field* are the pixels that it depends on. Through a window of $k$ with stride $s$ and padding
# $p$, its size $r$, the distance $j$ between neighbors, and the first pixel $b$ become
#
# $$r \leftarrow r + (k - 1)\,j, \qquad b \leftarrow b - p\,j, \qquad j \leftarrow s\,j,$$
#
# beginning at the pixels themselves with $r = 1$, $j = 1$, $b = 0$.

# %%
from inspect import getsource

from vizkit.methods.receptive_field import Axis, receptive_fields

print(getsource(Axis.window))
fields = receptive_fields(model)
print("layer    kernel  stride  padding     a unit sees   every   from")
for name, field in fields.items():
    own = model.net.get_submodule(name)
    if hasattr(own, "kernel_size"):
        kernel, stride, padding = (str(one) for one in (own.kernel_size, own.stride, own.padding))
        axis = field.vertical
        print(
            f"{name:6} {kernel:>8} {stride:>7} {padding:>8} {axis.size:9} px {axis.stride:5} px {axis.start:4} px"
        )

# %% [markdown]
# The frame is computed; the colors are measured: how strongly each pixel moves the units at that place, all channels of the
# layer together. Click into the picture to move it.

# %%
questions.used_of_the_frame

# %%
field_view = panels.receptive_field.show()
field_view

# %% [markdown]
# The middle counts most, and most of the frame hardly at all (Luo 2016).

# %% [markdown]
# ## 5 One unit, linked views
#
# Click a channel, then a place of its map. Beside it: the patches, cut from all bundled photos at several scales,
# that excite the channel most, with the field of the unit that answered in a frame (Girshick 2014). The scan runs
# in the background; the nine change while it runs. The channel shown first answers to faces, in color and in gray, and
# to one or two things that are none.
#
# Your own pictures: `panels.unit.show(pictures="folder/with/pictures")`, or any torchvision dataset by its
# name, `pictures="CIFAR10"`.

# %%
questions.loudest_place

# %%
unit_view = panels.unit.show(picture="astronaut", layer="relu5", channel=164)
unit_view

# %% [markdown]
# ## 6 Near in pixels, near in features
#
# The output of the layer before the classifier is the picture's *code*. Two pictures of one thing may share no
# pixel and yet have nearly the same code (slide 000, p. 18).

# %%
questions.nearest_in_pixels

# %%
neighbor_view = panels.neighbors.show()
neighbor_view

# %% [markdown]
# Seven of the red motorcycle's eight neighbors in pixels are pictures of the moon; in features all eight are the motorcycle, moved
# and scaled. Ask with the other photos: most of them find mostly themselves by their pixels, too, but not the flower, the coins, the brick
# wall, the grass and the gravel, and the astronaut only half. In features each finds nothing but itself. Tick *other pictures only* to leave the query's own photo
# out: the others hold no second motorcycle, so that the nearest of them is only what is least unlike.

# %% [markdown]
# ## 7 A layer, unit by unit
#
# The best-known figure of the field (Zeiler & Fergus 2014): left the nine patches that excite a unit most, right the
# same nine, sent back to the pixels from the very place of the map where the patch was loudest. Left is what the photos
# happen to show there, right is what the unit answers to in them.
#
# The order `selectivity` puts first whose nine patches stand out most from all others. Papers like to show those.
# Gray margins left are beyond the patch. *back by* `guided` is Springenberg's rule (2015), slide 000, p. 36.

# %%
questions.nine_alike

# %%
sheet_view = panels.unit_sheet.show()
sheet_view

# %% [markdown]
# * `relu1`: right, nine times nearly the same, the filter of section 1. One layer has nothing to send back but its weights, cut
#   off where the patch ends.
# * `relu2`, `relu3`: corners, arcs, stripes, spots, colors. The nine are alike in kind, and only a little in their pixels.
# * `relu4`: the nine have hardly anything in common pixel by pixel. Where the patches show one thing, it is shifted,
#   turned, larger or smaller.

# %% [markdown]
# ## Try this
#
# 1. **Find the edge detectors.** In *Activations of a layer* take the picture `zone plate` and layer `relu1`: it
#    holds stripes of every orientation. More than half of the channels light up on two opposite arcs, across the stripes of
#    their filter. Which do not? With `color wheel` and the scale `shared`, which channels stay dark?
#    <details><summary>What you should see</summary>No channel is silent on the zone plate; those without two arcs are spots and colors. On the wheel most of the edge detectors are dark: it has colors and hardly an edge.</details>
# 2. **Is deeper rarer?** Keep `chelsea` and walk from `relu1` to `relu7`. Watch the share of places at work. The
#    panel says it of the chosen channel; of all of them it is `(activation_view.result.maps != 0).float().mean()`. The last
#    layers are quieter than the first, but it does not fall at every step. Look for a channel that fires on the eyes only.
#    <details><summary>What you should see</summary>Of all channels about two thirds in relu1 and relu2, a fifth in relu3, more again in relu4, a tenth in relu5, again more in relu6 and relu7. A single channel may be at work nowhere or nearly everywhere.</details>
# 3. **Who sees how far?** In *Receptive field of a unit* walk down the layers. Where does the frame first hold a
#    whole eye; both eyes? Then set *size* to 128. Compare the frame with what the gradient really uses.
#    <details><summary>What you should see</summary>At 256 px the nearer eye is about 60 wide: conv5, which sees 67, is the first to hold it (the other one, of 45, fits into conv4's 51); even conv7, which sees 147, does not hold both. At 128 px conv7 sees the whole face. 90 % of the squared gradient come from half of the frame in conv1, three tenths in conv3, a fifth in pool2, a seventh in conv7.</details>
# 4. **Live.** In *Activations of a layer* set the size to 128, then *More pictures*, *Camera* (as Yosinski et al. did in
#    2015). Find a channel that follows your hand and not your face; *Freeze* it and look.
#    <details><summary>What you should see</summary>Early channels follow any moving edge. Deep ones are less picky than one hopes: most that follow a hand follow other round or skin-colored things, too.</details>
# 5. **Guess before you look.** In *A layer's units, sent back* take `relu5`, cover the second and the fourth column and name what
#    the nine patches of a unit have in common. Uncover: does the unit answer to what you named? Then switch `back by` to
#    `gradient`. Would you have seen it?
#    <details><summary>What you should see</summary>Often it answers to a part of what you named, or to its texture. By gradient the nine are noisier: it keeps what speaks against the unit, too.</details>

# %% [markdown]
# ## What this does not show
#
# Nine patches of one theme tempt us to name a unit: "the wheel detector". But a *random mixture* of all channels,
# which nobody would call a detector, often has nine patches of one theme, too (Szegedy 2014). Move *channel* and *random mix* below,
# and look only when both are moved: where only the mix moves, the nine that stay are the channel's. Decide which side is the unit, and let it tell:
# how often were you right? The patches also come from a handful of photos, so a unit that looks for school buses will show
# whatever is least unlike one.
#
# And colors deceive: with scale `each`, a channel that hardly answers is painted as bright as one that shouts. In *Activations of a
# layer* show the picture `noise` in `relu5` and switch the scale to `shared`: half of the channels go dark.

# %%
mixture_view = panels.mixture.show()
mixture_view

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("filters")

# %% [markdown]
# ## Checks
#
# What the text claims, asserted. Controls set here take the same path as those moved by hand.

# %%
import torch

# the inner product of section 1, by hand, at one place
pixels = model.normalize(image[None])[0]
window = pixels[:, 2 * 40 - 3 : 2 * 40 + 4, 2 * 60 - 3 : 2 * 60 + 4]
by_hand = (model.net.conv1.weight[5] * window).sum() + model.net.conv1.bias[5]
assert torch.isclose(
    by_hand, activations(model, image, "conv1").maps[5, 40, 60].to(by_hand), atol=1e-4
)

# %%
# the matrix gives what the convolution gives, and a weight's gradient is the sum over its copies
random = torch.Generator().manual_seed(0)
kernel = torch.randn(3, 3, generator=random, requires_grad=True)
six = torch.randn(6, 6, generator=random)
dense = torch.cat([torch.zeros(1), kernel.detach().flatten()])[tied].requires_grad_()
by_rows = dense @ six.flatten()
by_windows = torch.conv2d(six[None, None], kernel[None, None]).flatten()
assert torch.allclose(by_rows, by_windows, atol=1e-5)
by_rows.square().sum().backward()
by_windows.square().sum().backward()
copies = torch.stack([dense.grad[tied == number].sum() for number in range(1, 10)])
assert torch.allclose(copies, kernel.grad.flatten(), rtol=1e-4, atol=1e-4)

# %%
assert (count.shared, count.connected, round(count.ratio)) == (25, 451_584, 18_063)
assert first.weight.shape == (48, 3, 7, 7)
assert (maps.maps.amax((1, 2)) > 0).float().mean() > 0.9, (
    "the first ReLU's channels are alive on a photo"
)
assert fields["conv1"].vertical == Axis(size=7, stride=2, start=-3)

# %%
# Try 1
strongest = {
    name: activations(model, vizkit.load_image(name, size=256), "relu1").maps.amax((1, 2))
    for name in ("zone plate", "color wheel")
}
assert (strongest["zone plate"] > 0).all()
dark = strongest["color wheel"] < 0.1 * strongest["color wheel"].max()
assert dark.sum() > 24
colored = first.weight.var(1, correction=0).mean((1, 2)) > 0.3 * first.weight.var((1, 2, 3))
assert dark[~colored].float().mean() > 0.9, "the edge detectors are dark"

# %%
# Try 2
activation_view.reset()
at_work = []
for number in range(1, 8):
    activation_view.set(layer=f"relu{number}")
    at_work.append(float((activation_view.result.maps > 0).float().mean()))
print([f"{share:.0%}" for share in at_work])
assert min(at_work[:2]) > 0.5 > max(at_work[2:])
assert at_work[3] > at_work[2]
assert min(at_work[5:]) > at_work[4]

# Try 4: the size that the camera's pictures are taken at
activation_view.set(size=128)
assert activation_view.error is None
activation_view.reset()

# %%
activation_view.controls["picture"].value = "zone plate"
activation_view.controls["layer"].value = "relu3"
activation_view.controls["show"].value = "gradients"
assert activation_view.error is None
assert activation_view.result.layer == "relu3"
activation_view.reset()

# %%
# Try 3
assert [fields[f"conv{n}"].vertical.size for n in (4, 5, 7)] == [51, 67, 147]
used = []
for layer in ("conv1", "conv3", "conv7"):
    ((x0, y0, x1, y1), gradient), _ = panels.receptive_field(layer=layer)
    falling = gradient.square().flatten().sort(descending=True).values.cumsum(0)
    used.append(float((falling < 0.9 * falling[-1]).sum()) / ((x1 - x0) * (y1 - y0)))
assert used[0] > 0.4 > used[1] > 0.2 > used[2]
field_view.controls["layer"].value = "conv5"
(x0, y0, x1, y1), gradient = field_view.result
outside = gradient.clone()
outside[y0:y1, x0:x1] = 0
assert outside.abs().max() == 0, "no pixel outside the frame moves the unit"
field_view.reset()

# %%
from vizkit.core.data import cut_patches
from vizkit.methods.units import top_patches

unit_view.wait(120)
top = top_patches(unit_view.steps["patches"], cut_patches(count=2000, size=64), 3)
assert len(top.index) == 9
assert bool((top.value.diff() <= 0).all())
unit_view.reset()

# %%
from vizkit.methods.units import likeness, seen_windows, selectivity, sent_back

loudest_view.play()
loudest_view.wait(120)
pool = cut_patches(count=2000, size=64)
windows = [
    seen_windows(model, pool, top_patches(loudest_view.result, pool, c), fields["conv1"])
    for c in range(48)
]
alike = torch.tensor([likeness(*pair) for pair in zip(windows, first.weight, strict=True)])
print(f"{(alike > 0.5).float().mean():.0%} of the filters look like their loudest windows")
assert (alike > 0.5).float().mean() > 0.8

# %%
sheet_view.play()
sheet_view.wait(120)
sheet = sent_back(model, pool, sheet_view.result, fields["relu5"], range(3))
assert all(bool((top.value.diff() <= 0).all()) for top in sheet.top)
most = int(selectivity(sheet_view.result).argmax())
sheet_view.set(order="selectivity")
assert f"Channels {most}," in sheet_view.shown["sheet"].raster.alt
# Try 5
by_deconvnet = sheet_view.shown["sheet"].raster.pixels
sheet_view.set(rule="backprop")
assert sheet_view.error is None
assert (sheet_view.shown["sheet"].raster.pixels != by_deconvnet).any()
sheet_view.reset()

# %%
from vizkit.core.steps import last
from vizkit.methods.units import scan_steps

few = cut_patches(count=400, size=64)
for layer, low, high in (("relu1", 0.9, 1.0), ("relu4", 0.0, 0.15)):
    scan = last(scan_steps(model, few, layer))
    sheet = sent_back(model, few, scan, fields[layer], range(0, 48, 8))
    in_common = [
        float((back[top.value > 0].flatten(1).corrcoef().tril(-1)).sum() / 36)
        for top, back in zip(sheet.top, sheet.back, strict=True)
        if bool((top.value > 0).all())
    ]
    print(layer, "the nine have in common", f"{sum(in_common) / len(in_common):.2f}")
    assert low < sum(in_common) / len(in_common) < high

# %%
from vizkit.methods.neighbors import center, code_layer, codes, nearest
from vizkit.panels.common import codes_of

in_pixels, in_features, pool = neighbor_view.result
assert bool((in_features.distance.diff() >= 0).all())
assert (pool.picture[in_pixels.index] == pool.names.index("moon")).sum() == 7
queries = torch.stack([center(vizkit.load_image(name), 1.5, pool.size) for name in pool.names])
known = codes_of(model, pool.patches, code_layer(model))  # as the panel has them
for number, code in enumerate(codes(model, queries)):
    found = nearest(code, known).index
    assert (pool.picture[found] == number).all(), "each photo finds itself in features"
for name in ("flower", "grass", "gravel"):
    number = pool.names.index(name)
    found = nearest(queries[number].flatten() * 255, pool.patches.flatten(1)).index
    assert (pool.picture[found] != number).all(), "not in pixels"

deep = panels.activations("noise", layer="relu5")[0].maps.amax((1, 2))
assert 0.4 < (deep < 0.1 * deep.max()).float().mean() < 0.6
for view in (
    filter_view,
    weight_view,
    activation_view,
    field_view,
    unit_view,
    loudest_view,
    sheet_view,
    neighbor_view,
    mixture_view,
):
    assert view.error is None, view.title
