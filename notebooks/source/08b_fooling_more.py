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
# # 08b Fooling networks, more
#
# **What is a network fooled by that no one would call a small change: one pixel, a sticker, nothing at all?**
#
# * Nguyen, Yosinski & Clune, *Deep neural networks are easily fooled*, 2015
# * Brown et al., *Adversarial patch*, 2017
# * Su, Vargas & Sakurai, *One pixel attack for fooling deep neural networks*, 2018
#
# Slides: 000, pp. 73-76; 002, p. 12; 003, p. 67; 004, pp. 150, 151. Small changes everywhere: [08](08_fooling.ipynb).

# %%
import vizkit
from vizkit import panels

model = vizkit.load_model()

# %% [markdown]
# ## 1 One pixel
#
# No gradient at all: differential evolution, a population of 400 pixels (place and color), a child from three parents,
# $a + 0.5\,(b - c)$, up to 75 generations. Of the astronaut the network is only 15 % sure, so that one pixel is found at once; a
# picture of which it is sure hardly ever yields. (The slide quotes 68 % of the small pictures of CIFAR-10, and 41 % of ImageNet's.)

# %%
pixel_view = panels.one_pixel.show(picture="astronaut")
pixel_view

# %%
pixel_view.play()
pixel = pixel_view.wait(300)

# %% [markdown]
# Of 600 crops of the bundled photos the six of which the network is least sure, and the six of which it is surest, with up to 360
# questions each.

# %%
from tqdm import tqdm

from vizkit.core.steps import last
from vizkit.methods.one_pixel import one_pixel_steps
from vizkit.panels.common import surest_first

crops = surest_first(model, 600)
fooled = {}
for name, some in {"least sure": crops[-6:], "surest": crops[:6]}.items():
    runs = (one_pixel_steps(model, one, population=60, generations=5) for one in tqdm(some))
    fooled[name] = sum(last(run).success for run in runs)
for name, count in fooled.items():
    print(f"one pixel fools {count} of the 6 crops of which the network is {name}")

# %% [markdown]
# ## 2 A sticker
#
# One round patch, trained over pictures $x$, places $l$ and transformations $t$ (scales and turns) for what it does on average,
#
# $$\max_p \; \mathbb E_{x, t, l}\big[\log P(\text{target} \mid A(p, x, l, t))\big],$$
#
# where $A$ puts it onto the picture. Drag it over the photo.

# %%
patch_view = panels.sticker.show()
patch_view

# %%
patch_view.play()
patch = patch_view.wait(300)

# %%
from vizkit.methods.patch import patch_success, random_placements

placements = random_placements(200, scale=(0.3, 0.6), seed=7)
won = patch_success(model, crops[:200], patch.patch, "goldfish", placements)
print(f"200 placements, 30 to 60 % of the picture's side: {won.float().mean():.0%} are a goldfish")

# %% [markdown]
# ## 3 Pictures of nothing
#
# The other way round: pictures that no one would call anything, and the network is sure. Evolution keeps the best picture of
# every class (MAP-Elites); *CPPN* paints from the coordinates, *direct* changes pixels, *gradient* climbs from noise.
#
# Evolution takes its time. Nguyen et al. bred CPPNs for 5,000 generations: the median class of ImageNet was then 88 % sure, of
# pixels changed directly 22 %. Here are the first 160 generations of CPPNs on 200 classes; ten minutes of Play, to step 1,500,
# bring the median to 80 % and every seventh class above 99 %. *Direct* stays near 1 %.

# %%
fooling_view = panels.nothing.show()
fooling_view

# %%
fooling_view.controls["steps"].value = 160
fooling_view.play()
nothing = fooling_view.wait(400)
print(
    f"median {nothing.confidence.median():.0%}, above 99 %: {(nothing.confidence > 0.99).float().mean():.1%}"
)

# %%
from vizkit.methods.fooling import fooling_steps

climbed = last(tqdm(fooling_steps(model, "gradient", steps=30), total=30))
share = float((climbed.confidence > 0.996).float().mean())
print(f"from noise up the gradient: more than 99.6 % sure of {share:.0%} of the classes")

# %% [markdown]
# ## Try this
#
# 1. **More pixels.** In *One pixel* give `coffee`, of which the network is 99 % sure, 1, 5, then 20 pixels. How far does its
#    share fall? Which of the bundled pictures flip, and how sure was the network of those?
# 2. **A small sticker.** Make *scale* smaller until the answer is right again. Does it matter where it lies? Turn it.
# 3. **Nothing, three ways.** Play *Pictures of nothing* by *direct* and by *gradient*. Which make a network sure, and which can you
#    tell from noise?

# %% [markdown]
# ## What this does not show
#
# **A sure answer is no evidence of a picture.** The network must name one of its classes, whatever it is shown: softmax
# compares classes with each other, never with *none of these*. And what is fooled here is this network: whether a sticker or a picture of
# nothing fools another one is not measured in this notebook.

# %% [markdown]
# ## Checks

# %%
assert pixel.success
for name, low, high in (("astronaut", 0.145, 0.155), ("coffee", 0.98, 0.99)):
    assert low < model.answers(vizkit.load_image(name, (64, 64)), 1)[0][1] < high
assert fooled["least sure"] > fooled["surest"] + 2
assert won.float().mean() > 0.3

# %%
assert share > 0.7
assert nothing.confidence.max() > 0.9
assert (model.probabilities(nothing.images[:20]).sum(1) - 1).abs().max() < 1e-5
