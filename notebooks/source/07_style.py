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
# # 07 Neural style
#
# **The content of one picture, the style of another: what are they, as numbers?**
#
# * Gatys, Ecker & Bethge, *Image style transfer using convolutional neural networks*, CVPR 2016
# * Johnson, Alahi & Fei-Fei, *Perceptual losses for real-time style transfer and super-resolution*, ECCV 2016
# * Ulyanov, Vedaldi & Lempitsky, *Instance normalization*, 2016
# * Gatys et al., *Preserving color in neural artistic style transfer*, 2016
#
# Slides: 000, pp. 84-91; 003; 004.

# %%
import vizkit
from vizkit import panels, questions

model, content, style = (
    vizkit.load_model(),
    vizkit.load_image("china", size=256),
    vizkit.load_image("swirls", size=256),
)

# %% [markdown]
# The style pictures *swirls*, *brushstrokes*, *mosaic* and *waves* are painted by the kit, free of rights; upload your own in
# any panel.
#
# ## 1 Step one: content targets
#
# The **content** of a picture is what a deep layer makes of it: its activations, place by place.

# %%
from vizkit.methods.style import content_targets, style_layers

layers = style_layers(model)
maps = content_targets(model, content, layers.content)
print("content", {name: tuple(one.shape) for name, one in maps.items()})

# %% [markdown]
# ## 2 Step two: style targets
#
# The **style** is which channels go together, wherever it may be. With a row for each place and a column for each channel in
# $V$, the Gram matrix is
#
# $$G = V^\top V$$
#
# The slides sum over the places; here it is their mean, so that pictures of any size can be compared. `conv1` of VGG has 64
# channels, so its Gram matrix is 64 x 64; the first layer here has 48.

# %%
from vizkit.methods.style import gram, style_targets

for name, matrix in style_targets(model, style, layers.style).items():
    print(name, tuple(matrix.shape[1:]))

# %%
questions.shuffled_places

# %%
gram_view = panels.gram_matrix.show()
gram_view

# %% [markdown]
# Tick *places in another order*: nothing in the layer can be recognized any more, and the matrix stays the same. That is what
# makes it a style.

# %%
questions.mirrored_painting

# %% [markdown]
# Show the panel a mirrored painting, `panels.gram_matrix.show(picture=style.flip(-1))` in a new cell, or upload one, and compare the
# two matrices at the same *layer*.
#
# ## 3 Step three: a picture that has both
#
# $$\mathcal{L}_{total} = \alpha \, \mathcal{L}_{content} + \beta \, \mathcal{L}_{style} + \text{TV}$$
#
# The picture itself is optimized, from the content picture, from noise, or from the style picture. Each layer's square
# distance is divided by its target's square length, so that $\alpha$ and $\beta$ mean the same in every layer and net. The
# style is a weighted sum over layers, as in Gatys et al.,
#
# $$\mathcal{L}_{style} = \sum_l w_l E_l, \qquad E_l = \frac{\lVert G^l - A^l \rVert^2}{\lVert A^l \rVert^2}, \qquad \sum_l w_l = 1,$$
#
# with $A^l$ the Gram matrix of the style picture: the first layers with equal weights (*style layers*), or any layers with
# weights of your own (*More*, such as `relu1 1, relu5 0.2`). *content of* takes any layer.

# %%
questions.style_falls

# %%
style_view = panels.style.show()
style_view

# %%
style_view.play()
painted = style_view.wait(300)

# %% [markdown]
# **Predict, run, read, change, make**
#
# 1. *Predict*: you have drawn how the style comes nearer. *Run*: press *Play* above and watch the numbers under the picture. Half way the picture doubles its size (*scales*), and the numbers jump once.
# 2. *Read* (*Menu, Show code*): which line decides at which layers style is taken? What does `tuple(weights) or ...` do when *More* is empty?
#    Which of the arguments act while it paints?
# 3. *Change*: copy the code into a cell and begin with `"noise"`.
#    <details><summary>What you should see</summary>As a share of what it was, the style falls as fast: the painting's colors and strokes are soon there. Of the temple hardly more than a trace comes, and late: content is only asked of a deep layer.</details>
# 4. *Make*: a panel that paints with two styles, one half of the weights each.

# %% [markdown]
# ## 4 Fast neural style
#
# Many seconds for each picture are too long for a camera. So train a small network $f_W$ *once* for a style $s$, with the
# same loss, over many pictures $x$ (Johnson et al.: each its own content, all one style), to do in one pass what the
# optimization does in hundreds:
#
# $$W^* = \arg\min_W \; \mathbb{E}_x \big[\alpha \, \mathcal{L}_{content}(f_W(x), x) + \beta \, \mathcal{L}_{style}(f_W(x), s) + \text{TV}(f_W(x))\big]$$
#
# These were trained so, in minutes, by the kit's own code.

# %%
questions.painter_weights

# %%
fast_view = panels.repaint.show()
fast_view

# %% [markdown]
# Train one yourself: the pictures below are repainted by the network as it is after each batch.

# %%
train_view = panels.painter.show()
train_view

# %% [markdown]
# Sixty batches, so that this notebook is soon through; the default of 600 takes a minute or two.

# %%
train_view.controls["steps"].value = 60
train_view.play()
trained = train_view.wait(300)

# %% [markdown]
# What it has learned, on any picture: this panel takes the painter's result and follows it while it trains.

# %%
painted_view = panels.repaint.show(style=train_view)
painted_view

# %% [markdown]
# ## Try this
#
# 1. **Only texture.** In *Paint it in another style* set alpha to 0 and start from noise. What is left of the style picture, and
#    what is not?
#    <details><summary>What you should see</summary>Its colors, strokes and small whirls, all over the picture; nothing of where they were. The content number is more than twice as large as before: no building is left.</details>
# 2. **How deep is style?** Move *style layers* from 1 to 6. When do strokes appear, when whole whirls?
#    <details><summary>What you should see</summary>One layer gives colors and fine grain, and the content hardly suffers. Strokes come with two or three, whirls with five or six, at the price of the content.</details>
# 3. **Keep the colors.** Tick *keep the content's colors* with *mosaic*. Is it still the same style?
#    <details><summary>What you should see</summary>The tiles remain, in the photo's colors: much of what we call a style are shapes.</details>
# 4. **One layer's style.** Set alpha to 0 and start from noise. Under *More* write `relu1 1`, then `relu6 1`, into *or by weight*: it
#    takes the place of *style layers*. Which paints dots of color, which whole shapes?
#    <details><summary>What you should see</summary>relu1 paints dots of color; relu6 larger shapes, and leaves fine noise between them that it cannot see. Each comes nearest to the painting in its own layer.</details>
# 5. **Yourself, painted.** In *At the speed of a slider* set the size to 192, then *More pictures*, *Camera*. Each frame is
#    repainted by itself: do strokes stand still where you do?
#    <details><summary>What you should see</summary>Not quite: the same frame gives the same strokes, but the camera's noise makes no two frames the same, and strokes flicker with it.</details>

# %% [markdown]
# ## What this does not show
#
# The Gram matrix knows nothing of what the painter meant: only which edges and colors go together within the field of one unit.
# A style whose order is larger than that field is lost. *Waves* is strict rows of arcs; painted onto the sky, arcs remain, the
# rows do not.

# %%
lost_view = panels.style.show(style="waves")
lost_view

# %%
lost_view.controls["steps"].value = 60
lost_view.play()
_ = lost_view.wait(200)

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("style")

# %% [markdown]
# ## Checks

# %%
import torch

from vizkit.methods.style import shuffled

one = content_targets(model, style, ["relu1"])["relu1"]
matrix = gram(one)
assert matrix.shape == (1, 48, 48)
flat = one[0].flatten(1).T  # V: a row for each place
assert torch.allclose(matrix[0], flat.T @ flat / len(flat), rtol=1e-4, atol=1e-6)
assert torch.allclose(gram(shuffled(one)), matrix, rtol=1e-3, atol=1e-5)

# %%
from vizkit.core.steps import last
from vizkit.methods.style import style_steps

steps = list(style_steps(model, content, style, steps=20))
assert steps[-1].style < 0.7 * steps[0].style
still = last(style_steps(model, content, style, beta=0, tv=0, steps=5))
assert still.content < 1e-6  # the content picture is the optimum of its own loss

# %%
from vizkit.methods.style import StyleLayers

small, swirls, mosaic = (
    vizkit.load_image(name, size=128) for name in ("china", "swirls", "mosaic")
)


def paint(style=swirls, **more):
    return last(style_steps(model, small, style, steps=30, **more))


plain = paint()
# Try 1
texture = paint(alpha=0, begin="noise")
assert texture.content > 1.5 * plain.content
# Try 2
shallow = paint(layers=StyleLayers(layers.content, layers.style[:1], {}))
assert shallow.content < plain.content / 4
# Try 3
kept, taken = (paint(mosaic, keep_colors=keep).image.mean((1, 2)) for keep in (True, False))
own = small.mean((1, 2))
assert (kept - own).abs().max() < (taken - own).abs().max()
# Try 4
first_only, sixth_only = (
    paint(layers=StyleLayers(layers.content, (name,), {name: 1.0}), alpha=0, begin="noise").image
    for name in ("relu1", "relu6")
)


def distance(image, name):
    wanted, found = (
        gram(content_targets(model, picture, [name])[name]) for picture in (swirls, image)
    )
    return float((found - wanted).norm() / wanted.norm())


# The mirror: less than from one painting to another
others = [gram(content_targets(model, one, ["relu3"])["relu3"]) for one in (mosaic, swirls)]
turned = gram(content_targets(model, swirls.flip(-1), ["relu3"])["relu3"])
assert 0.01 < (turned - others[1]).norm() / others[1].norm() < 0.5
assert (others[0] - others[1]).norm() / others[1].norm() > 0.7

assert distance(first_only, "relu1") < distance(first_only, "relu6")
assert distance(sixth_only, "relu6") < distance(sixth_only, "relu1")
assert distance(first_only, "relu1") < distance(sixth_only, "relu1")
assert distance(sixth_only, "relu6") < distance(first_only, "relu6")

# %%
assert painted.style < 0.1
assert painted.content < 1.5

# %%
gram_view.controls["shuffle"].value = True
assert torch.allclose(gram_view.result, gram(one)[0], rtol=1e-3, atol=1e-5)
gram_view.reset()

# %%
before = fast_view.result
# Try 5
fast_view.set(size=192)
frame = vizkit.load_image("astronaut", 192)
noisy = (frame + 0.03 * torch.randn(frame.shape, generator=torch.Generator().manual_seed(0))).clamp(
    0, 1
)
again, flickers = (
    panels.repaint(picture, style="brushstrokes", size=192)[0] for picture in (frame, noisy)
)
assert torch.equal(fast_view.result, again)
assert (again - flickers).abs().mean() > 0.01
fast_view.reset()
fast_view.controls["strength"].value = 0.0
assert torch.equal(fast_view.result, vizkit.load_image("astronaut", 256))
assert not torch.equal(before, fast_view.result)
fast_view.reset()

# %%
assert trained.index == 60
from vizkit.core.stylenet import stylize
from vizkit.methods.fast_style import train_fast_style_steps

first = next(train_fast_style_steps(model, vizkit.load_image("mosaic", 256), steps=60))
assert trained.loss < 0.7 * first.loss
assert torch.equal(painted_view.result, stylize(trained.net(), vizkit.load_image("astronaut", 256)))
