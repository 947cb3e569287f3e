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
# # 10 Convolution
#
# **A small pattern slides over a picture, and at each place a sum of products is taken. What can be seen with nothing else?**
#
# * Goodfellow, Bengio & Courville, *Deep learning*, 2016, chapter 9
# * Dumoulin & Visin, *A guide to convolution arithmetic for deep learning*, 2016
# * Freeman & Adelson, *The design and use of steerable filters*, 1991
# * Marr & Hildreth, *Theory of edge detection*, 1980
# * Lewis, *Fast normalized cross-correlation*, 1995
# * Hubel & Wiesel, *Receptive fields of single neurones in the cat's striate cortex*, 1959
#
# Slides: 000, p. 14; 001, pp. 19-48, 55, 56, 69 (51-54 are in [04](04_filters.ipynb)).

# %%
import vizkit
from vizkit import panels, questions

camera = vizkit.load_image("camera", (96, 96)).mean(0)

# %% [markdown]
# ## 1 In one dimension
#
# $$[x \circledast w]_i = \sum_{j=1}^{k} x_{i+j-1}\, w_j$$
#
# A kernel $w$ of $k$ numbers slides over $d$ numbers $x$; there are $d - k + 1$ places, and as many sums. Networks call this convolution. In
# signal processing it is **correlation**; a convolution there flips the kernel first.

# %%
import torch

from vizkit.methods.convolution import convolve, correlate

x = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0])
w = torch.tensor([1.0, 0.0, -1.0])
print("correlated", correlate(x, w).tolist(), " convolved", convolve(x, w).tolist())

# %%
questions.a_jump_smoothed

# %%
series_view = panels.series.show()
series_view

# %% [markdown]
# A box takes the mean of each window: slow changes stay, fast ones go. *change* is the last week of a window minus its first; its sums are
# large where the price rose. What a kernel answers to is what it looks like.
#
# ## 2 In two dimensions
#
# $$[x \circledast w]_{i,j} = \sum_{\ell=1}^{k_1} \sum_{h=1}^{k_2} x_{i+\ell-1,\,j+h-1}\, w_{\ell,h}$$
#
# The example of the slides (001, pp. 25-26). Drag over the picture: the window moves, and its sum is written out.

# %%
questions.sums_along_a_side

# %%
one_view = panels.correlation.show()
one_view

# %% [markdown]
# **Predict, run, read, change, make**
#
# 1. *Predict*: which of the nine sums change if the kernel is flipped? *Run*: tick *flip the kernel*.
#    <details><summary>What you should see</summary>Seven of nine; the first of the second row and the last of the third happen to stay.</details>
# 2. *Read* (*Menu, Show code*): in which line is the sum, and why does it need no loop over places?
# 3. *Change*: copy the code into a cell and take a kernel that is the same when it is flipped.
#    <details><summary>What you should see</summary>Correlation and convolution then give the same nine numbers.</details>
# 4. *Make*: a kernel that shifts the picture by one to the left. Then one that adds a picture to its mirror image: is there one?
#    <details><summary>What you should see</summary>A single 1, to the right of the middle, shifts. No kernel mirrors: it does the same at every place.</details>
#
# **Padding.** With $p$ zeros around the picture the output grows by $2p$ (at stride 1). For an output as large as the picture, and a kernel of odd side, $p = (k - 1) / 2$ on each side.
# The slide (p. 27) has its two sides swapped: $k_1$ counts rows, so $(k_1 - 1)/2$ belongs above and below, $(k_2 - 1)/2$ left and right.
#
# ## 3 On a photo
#
# The same sum, 13,456 times. Press on the upper half of a number to add one, on the lower half to take one, or drag it up and down.

# %%
photo_view = panels.kernel_on_photo.show()
photo_view

# %% [markdown]
# A kernel whose numbers sum to 1 leaves flat areas as they are, one whose numbers sum to 0 makes them 0: then only changes are left.
#
# **Match the kernel** (p. 23). One picture, a kernel, another picture: find the kernel.

# %%
questions.pixels_for_a_kernel

# %%
match_view = panels.match_kernel.show()
match_view

# %% [markdown]
# *compute it* solves for the nine numbers: each pixel of the second picture is one equation, and there are thousands. So a kernel can be **learned
# from data**: pictures before and after are given, and it comes out, to rounding. A network has it harder: it is given no picture behind its filter, only the answer at its end.
#
# ## 4 What comes out, and what it costs
#
# Along each side, with stride $s$, padding $p$ and dilation $d$,
#
# $$\Big\lfloor \frac{n + 2p - d\,(k - 1) - 1}{s} \Big\rfloor + 1$$
#
# places. A layer of $F$ filters on $C$ channels in $g$ groups has $F \cdot C/g \cdot k^2$ weights, wherever and however often they are used.

# %%
questions.weights_of_a_layer

# %%
sizes_view = panels.sizes.show()
sizes_view

# %% [markdown]
# Stride and padding change no weight. Groups divide their number; with as many groups as channels, each channel has filters of its own.
#
# ## 5 Smoothing
#
# A **box** has $1/k^2$ everywhere; a **Gaussian** has less the farther from the middle:
#
# $$w_{i} \propto \exp\Big(-\frac{(i - (k+1)/2)^2}{2\sigma^2}\Big), \quad i = 1, \ldots, k$$

# %%
from vizkit.methods.kernels import gaussian_kernel

places = torch.arange(1, 6)
printed = ((places - 5 / 2) ** 2 / 2).exp()
print("as printed, scaled:", [round(float(n), 2) for n in printed / printed.sum()])
print("a Gaussian:        ", [round(float(n), 2) for n in gaussian_kernel(5, 1.0, dims=1)])

# %% [markdown]
# **The slides' formula** (pp. 28, 30) lacks the minus: as printed the weights grow outwards. And $k/2$ is not the middle of $1, \ldots, k$; that is $(k+1)/2$.
# (There is no 2 in the slides' exponent: their $\sigma$ is ours times $\sqrt 2$.)

# %%
questions.noise_left

# %%
smooth_view = panels.smoothing.show()
smooth_view

# %% [markdown]
# Noise is independent from pixel to pixel, so the mean of $k^2$ of them has $1/k$ of its size. Edges are lost at the same time: which size is best depends on how much noise
# there is. The slides take $k \gtrsim 2\sigma$ (p. 31): within such a square lie 71 % of the Gaussian by their $\sigma$, 47 % by ours. From about $6\sigma$ on nothing changes any more.
#
# **A sound** (p. 29, 34): static is spread over all frequencies, the voice is mostly low. Smoothing takes the high ones, of both.

# %%
sound_view = panels.filtered_sound.show()
sound_view

# %% [markdown]
# ## 6 Edges
#
# $[1\ {-1}]$ is large where two neighbors differ (p. 38; *preset*, *Two neighbors*, above). **Sobel's** kernel is the difference of the neighbors on both sides, smoothed along the edge:

# %%
from vizkit.methods.kernels import sobel_kernel

smooth, difference = torch.tensor([1.0, 2.0, 1.0]), torch.tensor([1.0, 0.0, -1.0])
print(torch.outer(smooth, difference).tolist(), "=", sobel_kernel(0).tolist())

# %% [markdown]
# For any other angle no new kernel is needed: $\cos\alpha\, S + \sin\alpha\, S^T$ (p. 40). Two sums say all.

# %%
questions.turned_by_sixty

# %%
edge_view = panels.edges.show()
edge_view

# %% [markdown]
# At each point the response is a cosine of the angle: its height is how strong the edge is, its peak the direction across it. *Edges at any angle*
# means: two filters, and a little arithmetic.
#
# **Zero crossings.** The second derivative goes through 0 where the first is largest. The Laplacian of a Gaussian smooths and takes it at once;
# lines where its sign changes are thin, and closed as long as weak ones are kept, too (*jump* 0).

# %%
cross_view = panels.crossings.show()
cross_view

# %% [markdown]
# ## 7 Patterns
#
# A sum of products is large where the window looks like the kernel, so a pattern can be its own detector (p. 33). Drag a box around a letter.

# %%
questions.plain_or_normalized

# %%
find_view = panels.template.show()
find_view

# %% [markdown]
# But it is also large where everything is bright: with *plain sum* the best window is blank paper. The **normalized** score takes the mean off and
# divides by the lengths: 1 for what is alike but for brightness and contrast.
#
# **Three channels** (pp. 35-37). A color picture has rows, columns and channels, and so has the kernel: the sum runs over all three. A kernel
# as deep as the picture has one place along the channels, a shallower one more.

# %%
color_view = panels.color_kernel.show()
color_view

# %% [markdown]
# ## 8 Filters of filters
#
# **City or landscape?** (pp. 41-44) One asks for vertical edges $E$, and finds as many in a landscape. Looking for long vertical lines *in $E$* is a second
# filter on the output of the first.

# %%
questions.edges_of_two

# %%
lines_view = panels.long_lines.show()
lines_view

# %% [markdown]
# Here, too, the picture with the building has not the higher mean $E$, but the higher mean $V$: at 128 x 128 px. At 160 px its $E$ is higher, too; such numbers hold
# for one size. And it is no classifier: gravel has more $V$ than the pagoda, since it has more of everything. At 15 px $V/E$ puts the brick wall and the launch pad
# first, then Hubble's galaxies (small blobs, too, become short lines); gravel, grass and coffee last.
#
# **Edges, corners, squares.** Three layers with weights set by hand, each a convolution, a bias and a ReLU (the first is cut off at 1); before the third, max pooling.

# %%
shape_view = panels.hierarchy.show()
shape_view

# %% [markdown]
# No kernel of the first layer knows what a square is. The second asks for two edges at once: more than one, thanks to the bias. The third asks for four corners,
# each at its place.
#
# ## 9 Pooling
#
# Behind the filter, the largest number of each window, or the mean (p. 55). The slides say that it *improves shift-invariance*.
# How far numbers change is measured by the length of what changes (the root of the sum of squares), as a share of their own.

# %%
questions.pooled_by_a_shift

# %%
pool_view = panels.pooling.show()
pool_view

# %% [markdown]
# It helps against shifts that are small against the window, and does not remove them: windows of 4 px, moved by 2, still change by 27 to
# 61 % of their length on the bundled photos, on average by 46 %. Which of max and mean changes less depends on window and shift.
#
# ## 10 A layer is a matrix
#
# Each output is a weighted sum of all pixels, most with weight 0, and the others shared (p. 52). Choose a weight: it stands once in every row.

# %%
questions.copies_of_a_weight

# %%
matrix_view = panels.as_matrix.show()
matrix_view

# %% [markdown]
# *Weight sharing needs to be accounted for when running backprop*: a tied weight's gradient is the sum over its copies.
#
# **And pixels in a row?** (p. 20) Flattened, neighbors above and below each other come to lie a whole row apart:

# %%
row = torch.arange(28 * 28).view(28, 28)
window = row[10:15, 10:15].flatten()
print(
    f"25 pixels of a window of 5 x 5 are spread over {int(window[-1] - window[0]) + 1} of 784 in a row"
)

# %% [markdown]
# A dense layer is given the same numbers and would have to learn which of them were neighbors.
#
# ## 11 From the eye to the filter
#
# Light is caught by cones of three kinds and by rods (p. 46); their signals go to the primary visual cortex. The slide (p. 47) sums up what happens there: *Lots of edge detection!*

# %%
eye_view = panels.receptors.show()
eye_view

# %% [markdown]
# In 1959 Hubel and Wiesel (p. 48 prints *Huber*) turned bars of light before a cat, and found cells that answer to one angle. The same experiment with any unit of a network:

# %%
bar_view = panels.tuning.show()
bar_view

# %% [markdown]
# At a selectivity of .3, more than half of the first layer's channels are oriented; the others answer to bars of any angle, or hardly to a gray bar at all. In the second layer it is fewer, in
# the third most: an oriented unit can be built of units that are not, and the other way round.
#
# Before networks, edge filters were set by hand at many angles (p. 49). A **Gabor patch**, a wave under a Gaussian, is such a filter, and describes cells of the cortex well.
# How much of a *learned* filter is one?

# %%
questions.gabor_share

# %%
gabor_view = panels.gabors.show()
gabor_view

# %% [markdown]
# Nobody told the network about waves. It was told the names of things in photos.
#
# ## 12 Whole networks
#
# Convolutions, ReLUs and poolings in a row, at the end some dense layers (p. 56).

# %%
questions.dense_share_of_alexnet

# %%
block_view = panels.blocks.show()
block_view

# %% [markdown]
# The work is spread over the convolutions; the weights sit at the end. Of AlexNet's 96 % are in the dense layers, of VGG-16's 89 %.
#
# **After AlexNet** (p. 69), from the cards that torchvision has of its networks: the first weights of each, trained on ImageNet alone.

# %%
progress_view = panels.progress.show()
progress_view

# %% [markdown]
# AlexNet has 61 million weights. Most of those behind it see more with fewer; the year is that of the paper, the accuracy is the card's, by
# whatever recipe the weights were trained.

# %% [markdown]
# ## Try this
#
# 1. **A kernel that does nothing, nearly.** In *A kernel on a photo* make the middle 1 and all else 0; then raise one other number to 1. What do you see?
#    <details><summary>What you should see</summary>First the photo; then the sum of the photo and the photo moved: a double exposure. Any kernel is such a sum of moved photos.</details>
# 2. **Twice a box.** Is a box of 3 x 3, used twice, a box of 5 x 5?
#    <details><summary>What you should see</summary>No: it is as wide, but heavier in the middle: 1, 2, 3, 2, 1, rows times columns. Used again and again it becomes a Gaussian.</details>
# 3. **A letter that is nearly there.** In *Find a pattern* lower the score. Which letters come first, and at which score?
#    <details><summary>What you should see</summary>At .9 all thirty e and nothing else; at .8 the first c; at .5 six letters in ten.</details>
# 4. **One corner is enough.** In *Edges, corners, squares* lower *corners needed* to 1.2, then to 0.9. What is found that is no square of 15 px?
#    <details><summary>What you should see</summary>First triangles, whose two lower corners fit; at 0.9 most corners of the other squares, each taken for a corner of a square that is not there.</details>

# %% [markdown]
# ## What this does not show
#
# **Borders.** Padding is not nothing: a white picture with zeros around it has edges on all four sides.

# %%
white = torch.ones(6, 6)
padded = correlate(white, sobel_kernel(0), padding=1)
print(f"without padding {float(correlate(white, sobel_kernel(0)).abs().max()):g}")
print(f"with zeros around: {padded[2].tolist()} in a row")

# %% [markdown]
# A network sees these edges, too. And in practice nobody sets a network's kernels by hand: those of [04](04_filters.ipynb) were learned. In the first layer most came out as edges and
# blobs; in deeper layers as much that we have no name for.

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("convolution")

# %% [markdown]
# ## Checks

# %%
from vizkit.methods.convolution import convolution_layer, layer_size, output_size
from vizkit.panels.convolution import KERNEL, PICTURE

picture, kernel = (torch.tensor(rows, dtype=torch.float64) for rows in (PICTURE, KERNEL))
assert correlate(picture, kernel).tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
assert convolve(picture, kernel).tolist() == [[18, 20, 19], [10, 9, 17], [11, 8, 14]]
assert (correlate(picture, kernel) != convolve(picture, kernel)).sum() == 7
assert one_view.result.equal(correlate(picture, kernel))
same = torch.tensor([[1.0, 2, 1], [0, 5, 0], [1, 2, 1]], dtype=torch.float64)
assert correlate(picture, same).equal(convolve(picture, same))
random = torch.Generator().manual_seed(0)
many = torch.randn(4, 9, 9, generator=random).double()
weight = torch.randn(6, 2, 3, 3, generator=random).double()
options = {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}
peer = torch.nn.functional.conv2d(many[None], weight, **options)[0]
assert torch.allclose(convolution_layer(many, weight, **options), peer, atol=1e-12)
assert correlate(torch.ones(2, 3, 4), torch.ones(2, 2, 2)).equal(torch.full((1, 2, 3), 8.0))
assert 120 - 5 + 1 == 116
assert 116**2 == 13_456 == photo_view.result.numel()
assert output_size(9, 5, padding=2) == 9

# %%
from vizkit.methods.kernels import box_kernel, fitted_kernel, gaussian_within

assert printed.argmin() in (1, 2)
assert printed[-1] == printed.max()
assert gaussian_kernel(5, 1.0, dims=1).argmax() == 2
assert round(100 * gaussian_within(2, 1.0)) == 47
assert gaussian_within(6, 1.0) > 0.99
assert torch.allclose(box_kernel(7).square().sum().sqrt(), torch.tensor(1 / 7))
assert match_view.result > 0.1
gray = camera.double()
true = torch.randn(3, 3, generator=random).double()
assert torch.allclose(fitted_kernel(gray, correlate(gray, true), 3), true, atol=1e-8)
assert torch.equal(torch.outer(smooth, difference), sobel_kernel(0))
assert layer_size(8, 12, 16, 3, groups=8).weights * 8 == layer_size(8, 12, 16, 3).weights

# %%
found = find_view.result
assert len(found) == 30
page = vizkit.load_image("text", 384)
assert panels.template(compare="plain sum", least=0.99)[0] != found  # blank paper, not letters
flat = [
    page[:, row : row + 17, column : column + 15]
    for row, column in panels.template(compare="plain sum", least=0.999)[0]
]
assert all(float(one.min()) == 1 for one in flat)
assert color_view.result.shape == (118, 118, 1)
assert shape_view.result.found

# %%
from vizkit.panels.kernels import line_features

known = line_features(15)
assert known["china"][0] < known["flower"][0]
assert known["china"][1] > known["flower"][1]
assert known["gravel"][1] > known["china"][1]
ratio = sorted(known, key=lambda name: known[name][1] / known[name][0])
assert {"brick", "rocket"} < set(ratio[-4:])
assert {"gravel", "grass", "coffee"} == set(ratio[:3])

# %%
shifted = pool_view.result
assert 0.4 < shifted["max"][2] < 0.65 < shifted["no pooling"][2]
tied = matrix_view.result
assert (tied == 5).sum(1).eq(1).all()
assert int(window[-1] - window[0]) + 1 == 117

# %%
from vizkit.methods.eye import orientation_tuning

model = vizkit.load_model()
oriented = [
    float((orientation_tuning(model, layer).selectivity > 0.3).float().mean())
    for layer in ("relu1", "relu2", "relu3")
]
assert oriented[1] < 0.5 < oriented[0] < 0.7 < oriented[2]
assert gabor_view.result.explained.median() > 0.8
assert eye_view.result.shape == (4, 240, 240)

# %%
from vizkit.methods.architecture import known_networks, layer_costs, structure

costs = layer_costs(structure("alexnet"))
dense = sum(one.parameters for one in costs if one.kind == "Linear") / sum(
    one.parameters for one in costs
)
assert 0.95 < dense < 0.97
cards = known_networks()
first = next(one for one in cards if one.name == "alexnet")
assert 60e6 < first.parameters < 62e6
assert (
    sum(one.accuracy > first.accuracy and one.parameters < first.parameters for one in cards)
    > len(cards) / 2
)

# %%
# Try 1
twice = torch.zeros(5, 5)
twice[2, 2] = twice[2, 4] = 1
assert torch.allclose(correlate(camera, twice), camera[2:94, 2:94] + camera[2:94, 4:96])

# Try 2
again = correlate(torch.nn.functional.pad(box_kernel(3), [2] * 4), box_kernel(3))
line = torch.tensor([1.0, 2, 3, 2, 1])
assert torch.allclose(again, torch.outer(line, line) / 81)

# Try 3
counts = [len(panels.template(least=score)[0]) for score in (0.9, 0.8, 0.5)]
assert counts[0] == 30 < counts[1] < counts[2]
assert counts[2] > 90

# Try 4
fewer, fewest = (panels.hierarchy(corners=needed)[0] for needed in (1.2, 0.9))
assert len(shape_view.result.found) < len(fewer.found) < len(fewest.found)

# The border
assert padded[2].tolist() == [-4, 0, 0, 0, 0, 4]
