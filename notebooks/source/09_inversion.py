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
# # 09 Inversion
#
# **A layer's numbers are all that the layers behind it get to see. What do they still know of the picture?**
#
# * Mahendran & Vedaldi, *Understanding deep image representations by inverting them*, CVPR 2015
# * Dosovitskiy & Brox, *Inverting visual representations with convolutional networks*, CVPR 2016
# * Engstrom et al., *Adversarial robustness as a prior for learned representations*, 2019
# * Dalal & Triggs, *Histograms of oriented gradients for human detection*, CVPR 2005
# * Vondrick et al., *HOGgles: Visualizing object detection features*, ICCV 2013
# * Tatu et al., *Exploring the representation capabilities of the HOG descriptor*, 2011
#
# Slides: 000, pp. 61-70; 002, p. 8; 004, pp. 120-124, 152.

# %%
import vizkit
from vizkit import panels, questions

model, image = vizkit.load_model(), vizkit.load_image("coffee", (64, 64))

# %% [markdown]
# ## 1 From a code back to a picture
#
# What a layer says of a picture, all of its numbers, is the picture's **code** there, $\Phi_0 = \Phi(x_0)$. To invert it is to look for a
# picture with the same code that looks like a picture:
#
# $$x^* = \arg\min_x \; \frac{\lVert \Phi(x) - \Phi_0 \rVert^2}{\lVert \Phi_0 \rVert^2} + \lambda_\alpha \lVert x \rVert_6^6 + \lambda_{TV} \, TV(x)$$
#
# The first term is the **code error**. The slides do not divide; divided, it means the same at every layer. The other two keep the
# picture from extremes ($x$ from -1 to 1; its mean instead of its sum; $\lambda_\alpha$ is 0 here at first, since the search cannot leave the range) and from noise (TV is the mean square difference of neighboring
# pixels). The search is Adam from faint noise, on the picture's spectrum, as in [06](06_dream.ipynb); in the paper it is gradient descent on pixels.

# %%
from vizkit.core.steps import last
from vizkit.methods.inversion import invert_steps, layer_code, psnr

code = layer_code(model, image[None], "relu5").detach()
found = last(invert_steps(model, code, "relu5", steps=100))
print(f"code {tuple(code.shape)}, code error after 100 steps {float(found.error[0]):.3f}")

# %% [markdown]
# PSNR, in decibels, says how near the pixels are: $-10 \log_{10}$ of the mean square difference. 20 dB: a color is off by a tenth of the
# range, root mean square; 10 dB: by about a third.

# %%
questions.off_at_relu5

# %%
invert_view = panels.invert.show()
invert_view

# %%
invert_view.play()
_ = invert_view.wait(100)

# %% [markdown]
# **Predict, run, read, change, make**
#
# 1. *Predict*: you have said how far off it is. *Run*: another *layer*, the *probabilities* too; then back through the run with *history*.
# 2. *Read* (*Menu, Show code*): where is the code computed, and how often? What does the search know of the picture besides it?
# 3. *Change*: copy the code into a cell and take the code of another picture, but keep this one as `picture`.
#    <details><summary>What you should see</summary>The other picture appears: the search sees a code only. The PSNR, which asks for this picture, is that of two unrelated photos.</details>
# 4. *Make*: a panel that inverts only one row of places of the code, the others set to 0.
#
# ## 2 Layer by layer
#
# The slides' strip, of two networks, here after 100 steps; with the default of 250 all come nearer. Each picture is the end of a search of its own, with the same $\lambda$; the last two are from the
# 200 logits and from the 200 probabilities.

# %%
questions.off_by_layer

# %%
questions.knows_more_at_relu7

# %%
strip_view = panels.layer_strip.show()
strip_view

# %%
strip_view.controls["steps"].value = 100
strip_view.play()
strip = strip_view.wait(300)

# %% [markdown]
# The upper row dissolves: shapes at relu5, and at relu7 hardly anything that an eye would call a cup, though the network calls it
# what it calls the photo. In the lower row, of the network that was trained against small perturbations, relu7 still shows a cup, in its
# colors and at its place. The code errors of both rows are alike: it is not the search that fails above.
#
# ## 3 One code, many pictures
#
# If a code leaves something out, many pictures have it. The search finds some of them, each from another start.

# %%
questions.apart_with_one_code

# %%
same_view = panels.same_code.show()
same_view

# %%
same_view.controls["steps"].value = 200
same_view.play()
four = same_view.wait(200)

# %% [markdown]
# To the layers behind relu7 these four are nearly one picture. They differ where the layer does not look: most of it is light and dark over whole
# areas, not hue. The network answers to edges and textures, in whatever light. (Grain is held back by the TV term: set $\lambda$ of TV to 0 and read
# the shares again.)
#
# ## 4 Codes that no picture had
#
# A code can be changed before it is inverted: mixed with another one, or one of its channels removed.

# %%
questions.half_way_code

# %%
between_view = panels.between.show()
between_view

# %%
between_view.controls["steps"].value = 150
between_view.play()
mixed = between_view.wait(300)

# %% [markdown]
# Below, pixels are mixed: one photo through the other. Above, the cup's rim becomes the brow of the cat. The errors say that there is a price: for
# the code in the middle the search finds no picture.

# %%
channel_view = panels.one_channel.show()
channel_view

# %%
channel_view.controls["steps"].value = 100
channel_view.play()
removed = channel_view.wait(300)

# %% [markdown]
# This is the loudest of 192 channels, a twentieth of the code's square length, and it is hardly missed: the rest still asks for a cup. Set *times*
# to 8, and the picture changes, for most channels more where they answer than elsewhere; but no picture that the search finds has such a code.
#
# ## 5 A network that draws
#
# Instead of searching for each picture, train a network once to draw pictures from their codes:
#
# $$W^* = \arg\min_W \sum_i \lVert x_i - f(\Phi(x_i), W) \rVert^2$$
#
# Three small up-convolutional nets come with the kit, for relu3, relu5 and relu7 of viznet, trained on the 100,000 pictures of Tiny-ImageNet;
# the photos here are not among them.

# %%
questions.nearer_by_net

# %%
drawn_view = panels.drawn.show()
drawn_view

# %%
drawn_view.controls["steps"].value = 150
drawn_view.play()
both = drawn_view.wait(300)

# %% [markdown]
# Two answers to two questions. The search asks for *a* picture with this code; it may be far from the photo. The net answers with the
# *mean* of the photos that could have had it, as far as so small a net can tell, because a mean has the smallest squared error: nearer to the photo at
# relu5 and relu7, blurred where such photos disagree, and without the code itself. Its code error at relu7, on held-out pictures 1.2, is
# larger than that of a code of zeros. A blur is no inversion; it is what can be said for sure.
#
# It was done for SIFT as well (000, p. 68): its descriptors lie at scattered points; put on a grid, they are drawn by the same kind of net.
#
# ## 6 What a code gives away
#
# Codes are sent and stored in place of pictures: smaller, and nobody sees a face in them. The slides say *has implications for privacy*
# (002, p. 8). Here is a number for it.

# %%
questions.photo_from_a_code

# %%
whose_view = panels.whose_code.show()
whose_view

# %% [markdown]
# The album holds the very crop. Whoever also has the network need not draw: its codes can be compared directly. What is shown here is what the drawing
# alone gives away.
#
# ## 7 Before networks: HOG
#
# A histogram of oriented gradients has no weights. In each cell of 8 x 8 pixels, every pixel votes for the direction of its gradient, with its size;
# blocks of 3 x 3 cells are scaled to length 1. What it keeps can be seen in the same way, since all of this but the counting has a gradient: votes
# that are shared by neighboring directions have one, too. (HOGgles, the other known way, looks up patches in a pair of dictionaries.)

# %%
questions.hog_of_a_negative

# %%
hog_view = panels.hog_inverted.show()
hog_view

# %%
hog_view.controls["steps"].value = 100
hog_view.play()
gray_cup = hog_view.wait(200)

# %% [markdown]
# Edges come back, each where it was to within a cell. Which side of them is bright does not, and color was not looked for.
#
# **A second picture?** (004, p. 152; Tatu et al.) A negative would be too easy. Here a picture of another thing is changed until it has the HOG of the
# first; the correlation of their pixels is held near 0.

# %%
questions.hog_of_a_twin

# %%
twins_view = panels.hog_twins.show()
twins_view

# %%
twins_view.controls["steps"].value = 200
twins_view.play()
twin = twins_view.wait(300)

# %% [markdown]
# At a cosine of .98 the two HOGs, scaled, differ by a fifth of their length. The longer the search, the less (*history*; the default is 300 steps).
# Whoever sees HOGs alone sees nearly the same thing twice.

# %% [markdown]
# ## Try this
#
# 1. **Logits against probabilities.** In *What does the layer still know?* take `fc`, then *probabilities*. Which of the two is nearer to the picture, and
#    what does the network say of each?
#    <details><summary>What you should see</summary>Both are as far from the photo as another photo is. The network sees the same class in both, as sure as before: all that it says of a picture fits very different ones.</details>
# 2. **A smoother picture.** At relu3 raise $\lambda$ of TV while it runs, to 10, then 40.
#    <details><summary>What you should see</summary>The picture blurs and the code error rises, to several times what it was; the PSNR hardly falls, it does not punish a blur. The search is held back by the TV term, not by the layer.</details>
# 3. **A louder channel.** In *A code with one channel changed* set *times* to 8, for some channels. Does the picture change where the channel answers?
#    <details><summary>What you should see</summary>For most channels more there than elsewhere, and a little everywhere: the code error stays large, since no picture that is found has such a code. A quiet channel changes less.</details>
# 4. **Coarser cells.** In *What a HOG knows* set *cell* to 16, then 4. What comes back?
#    <details><summary>What you should see</summary>At 16 the outline is vague, at 4 the picture is sharp: the HOG then has more numbers than the picture itself.</details>

# %% [markdown]
# ## What this does not show
#
# **What an inversion lacks, the layer need not lack.** Here relu3 seems to know no detail at all. It is $\lambda_{TV}$ that took it: the code error is several
# times that of $\lambda_{TV} = 1$. A picture says what a layer sees only as far as it has the code, and even then it is one of many.

# %%
blurred_view = panels.invert.show(layer="relu3", variation=40.0)
blurred_view

# %%
blurred_view.controls["steps"].value = 100
blurred_view.play()
blurred = blurred_view.wait(100)

# %% [markdown]
# And what a net draws is not all from the code. It has learned what photos look like, and draws that: a drawing that looks right
# at relu7 may be what most photos have there.

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("inversion")

# %% [markdown]
# ## Checks

# %%
import torch

assert code.shape == (1, 192, 8, 8)
assert code.numel() == image.numel() == 12_288
assert found.error < 0.1
wanted = layer_code(model, found.images, "relu5").detach()
assert 0 < (wanted - code).square().sum() / code.square().sum() < 0.1
assert psnr(torch.full((1, 3, 4, 4), 0.6), torch.full((3, 4, 4), 0.5)).round() == 20

# %%
robust = vizkit.load_model("viznet-robust")
upper, lower = strip.runs
near, nearer = psnr(upper.images, image), psnr(lower.images, image)
assert (near[:4].diff() < 0).all()
assert nearer[3] > near[3] + 2
assert max(float(run.error.max()) for run in strip.runs) < 0.08
seen = model.answers(image, 1)[0][0]
assert all(model.answers(one, 1)[0][0] == seen for one in upper.images[2:])
assert robust.answers(lower.images[3], 1)[0][0] == robust.answers(image, 1)[0][0]

# %%
from vizkit.panels.inversions import distances

assert four.error.max() < 0.06
assert {model.answers(one, 1)[0][0] for one in four.images} == {seen}
assert distances(four.images).min() > 0.25  # 12 dB
apart = four.images - four.images.mean(0)
areas = torch.nn.functional.adaptive_avg_pool2d(apart, 8)
assert areas.square().mean() > 0.4 * apart.square().mean()
assert apart.mean(1).square().mean() > 0.6 * apart.square().mean()  # gray, not color

# %%
assert mixed.error[2] > 3 * mixed.error[[0, -1]].mean()
assert psnr(removed.images[:1], removed.images[1]) > 15

# %%
from vizkit.core.inverters import load_inverter

photos = torch.stack(
    [vizkit.load_image(name, (64, 64)) for name in ("coffee", "chelsea", "rocket", "flower")]
)
for layer in ("relu5", "relu7"):
    wanted = layer_code(model, photos, layer).detach()
    searched = last(invert_steps(model, wanted, layer, steps=80))
    painted = load_inverter(layer)(wanted)
    assert psnr(painted, photos).mean() > psnr(searched.images, photos).mean() + 1
    missed = (layer_code(model, painted, layer) - wanted).square().sum() / wanted.square().sum()
    assert missed > 10 * searched.error.mean()
gray = layer_code(model, torch.full((1, 3, 64, 64), 0.5), "relu7")
assert 0.5 < missed < 1.5
assert 0.7 < (gray - wanted).square().sum() / wanted.square().sum() < 1.3

# %%
assert 0.3 < whose_view.result.float().mean() < panels.whose_code(layer="relu3")[0].float().mean()

# %%
from vizkit.methods.hog import alike, hog

large = vizkit.load_image("astronaut", (128, 128))[None]
assert twin.cosine > 0.97
assert abs(twin.correlation) < 0.1
assert alike(hog(large), hog(1 - large)) > 0.999
assert gray_cup.cosine > 0.95
assert alike(twin.image, vizkit.load_image("coffee", (128, 128)), centered=True) > 0.7
assert 0.3 < alike(hog(large), hog(vizkit.load_image("coffee", (128, 128))[None])) < 0.5

# %%
# Try 1
assert (near[4:] < 10).all()
for one in upper.images[4:]:
    assert abs(model.answers(one, 1)[0][1] - model.answers(image, 1)[0][1]) < 0.2

# Try 2
third = layer_code(model, image[None], "relu3").detach()
errors = [
    float(last(invert_steps(model, third, "relu3", variation=weight, steps=80)).error)
    for weight in (1.0, 10.0, 40.0)
]
assert errors[0] < errors[1] < errors[2]
assert errors[2] > 4 * errors[0]

# Try 3
fifth = layer_code(robust, image[None], "relu5").detach()
codes = fifth.repeat(4, 1, 1, 1)
loud = fifth[0].amax((1, 2)).argsort(descending=True)[:30:10].tolist()
for row, channel in enumerate(loud, 1):
    codes[row, channel] *= 8
pictures = last(invert_steps(robust, codes, "relu5", steps=60, shared=True)).images
gains = []
for row, channel in enumerate(loud, 1):
    change = (pictures[row] - pictures[0]).square().mean(0)
    there = torch.nn.functional.interpolate(
        fifth[:, channel : channel + 1], (64, 64), mode="bilinear"
    )
    gains.append(float((change * there[0, 0]).mean() / (change.mean() * there.mean())))
assert sum(gains) / len(gains) > 1.1

# Try 4
cells = {cell: hog(large, cell=cell).numel() for cell in (4, 8, 16)}
assert cells[4] > large.numel() > cells[8] > cells[16]

# The weight that blurs
assert blurred.error > 0.05
