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
# * Papernot, McDaniel & Goodfellow, *Transferability in machine learning*, 2016
# * Carlini & Wagner, *Audio adversarial examples*, 2018
#
# Slides: 000, pp. 73-76; 002, p. 12; 003, pp. 67, 68, 71; 004, pp. 150, 151, 163. Small changes everywhere: [08](08_fooling.ipynb).

# %%
import vizkit
from vizkit import panels, questions

model = vizkit.load_model()

# %% [markdown]
# ## 1 One pixel
#
# No gradient at all: differential evolution, a population of 400 pixels (place and color), a child from three parents,
# $a + 0.5\,(b - c)$, up to 75 generations. (The slide quotes 68 % of the small pictures of CIFAR-10, and 41 % of ImageNet's.)

# %%
questions.fooled_by_one_pixel

# %%
pixel_view = panels.one_pixel.show(picture="astronaut")
pixel_view

# %% [markdown]
# **Predict, run, read, change, make**
#
# 1. *Predict*: you have said which pictures yield to one pixel. *Run*: Play, for the astronaut and then for a picture of your own.
# 2. *Read* (*Menu, Show code*): what does the method get of the model: gradients, scores, or an answer? Which parameter says how many
#    children a generation has, and how many questions is that in all?
# 3. *Change*: in the listing set `target="goldfish"`.
#    <details><summary>What you should see</summary>Some other class is easily had from the astronaut, this one is not: the share of goldfish stays below one percent.</details>
# 4. *Make*: a panel that tries the same pixel, at its place and of its color, on all bundled pictures.

# %%
pixel_view.play()
pixel = pixel_view.wait(300)

# %% [markdown]
# Of the astronaut the network is only 15 % sure, so that one pixel is found at once. Of 600 crops of the bundled photos the six of which
# the network is least sure, and the six of which it is surest, with up to 360 questions each:

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
questions.goldfish_by_size

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
# Nguyen et al. bred CPPNs for 5,000 generations: the median class of ImageNet was then 88 % sure, of pixels changed directly 22 %.
# Here are the first 80 generations of CPPNs on 200 classes.

# %%
questions.sure_of_noise

# %%
fooling_view = panels.nothing.show()
fooling_view

# %%
fooling_view.controls["steps"].value = 80
fooling_view.play()
nothing = fooling_view.wait(400)
print(
    f"median {nothing.confidence.median():.0%}, above 99 %: {(nothing.confidence > 0.99).float().mean():.1%}"
)

# %% [markdown]
# Evolution takes its time. The median rises from 12 % (20 generations) to 19 % (40), 29 % (80), 41 % (160), 67 % (500) and 80 %
# (1,500). After the paper's 5,000, a quarter of an hour on one core, it is 88 % as theirs, and the network is more than 99 % sure of
# every fifth class. *Direct* stays near 1 %. The gradient does not:

# %%
from vizkit.methods.fooling import fooling_steps

climbed = last(tqdm(fooling_steps(model, "gradient", steps=20), total=20))
share = float((climbed.confidence > 0.996).float().mean())
print(f"from noise up the gradient: more than 99.6 % sure of {share:.0%} of the classes")

# %% [markdown]
# ## 4 Other models
#
# Nothing in the attack asks for a *deep* net. Five kinds of classifiers learn the same handwritten digits. Those with a gradient
# are attacked along it: the small net, logistic regression and the support vector machine. The five nearest neighbors have none;
# a smooth vote of all known digits stands in for them. The tree is attacked by the nearest leaf of another class.
#
# Each row is one set of attacked digits, each column a classifier that has to name them. Only digits that it named rightly before
# are counted.

# %%
questions.made_on_the_tree

# %%
cross_view = panels.tried_on_all.show()
cross_view

# %% [markdown]
# What is made on the net, on logistic regression or on the SVM fools the other two as well. What is made on the tree fools only the
# tree: it moves the few pixels that the tree asks about. Noise of the same size hardly changes an answer, except the tree's.
#
# **And people?** Six digits, before and after, in random order. Which were changed, and which digits are they? Then take the next
# *draw* and write six letters more behind the others: the count runs on over all draws.

# %%
blind_view = panels.which_changed.show()
blind_view

# %% [markdown]
# On so small a picture the change is easy to see: nothing here is hidden. Compare what you read with what the net reads.
#
# ## 5 Sounds
#
# Eight words of two vowels: harmonics of a random pitch, louder near the vowels' formants, with some noise. A small net of
# one-dimensional convolutions hears the samples themselves. PGD changes each sample by no more than a share of the loudest one,
# given in decibels: -20 dB is a tenth, -14 dB a fifth.

# %%
questions.heard_as_chosen

# %%
sound_view = panels.misheard.show()
sound_view

# %% [markdown]
# Play both. A fifth of the loudest sample is no secret: what is added lies mostly below 1,000 Hz, as the voice does. Judge by ear
# which word it is; the net hears the chosen one, of this word and of most. Random signs of the same size change few of its answers.

# %%
from vizkit.methods.sounds import WORDS, attack_sound, bundled_listener, spoken_words

net = bundled_listener()
sounds, words = spoken_words(16, seed=77)
heard = {
    decibels: attack_sound(net, sounds, (words + 3) % len(WORDS), decibels=decibels).success
    for decibels in (-26, -20, -14)
}
for decibels, success in heard.items():
    print(f"{decibels} dB: {float(success.float().mean()):.0%} are heard as the chosen word")

# %% [markdown]
# ## 6 Any numbers will do
#
# For a linear classifier the smallest step that changes the answer is known in closed form: the gap of the two scores over the sum
# of the weights' differences, $\epsilon = (s_y - s_c) / \lVert w_y - w_c \rVert_1$. Logistic regression is fitted to the same data at
# several sizes: digits of 2 to 32 pixels a side, how loud words are in 4 to 64 ranges of pitch in each half (from the
# samples themselves a linear classifier learns little, about a quarter right: their phases are random), 1 to 30 columns of a table. All features have a standard
# deviation of 1. Each curve is a mean over draws of what is held out, and of the columns; all draws lie in its band.

# %%
questions.step_of_more_pixels

# %%
size_view = panels.dimensions.show()
size_view

# %% [markdown]
# Against random signs of the same size the attack moves the scores farther and farther: at least two thirds of $\sqrt{d}$ times as
# far, in all three kinds of data, and more than $\sqrt{d}$ is impossible. The step that it *needs* shrinks much less. Rows of a
# table need less with 30 columns than with 3; but digits of 1,024 pixels need about four fifths of what digits of 16 pixels need, and
# of the words those in 8 numbers are the easiest to change.

# %% [markdown]
# ## Try this
#
# 1. **More pixels.** In *One pixel* give `coffee`, of which the network is 99 % sure, 1, 5, then 20 pixels. How far does its
#    share fall? Back to one pixel: which of the other photos flip, and how sure was the network of those?
#    <details><summary>What you should see</summary>By next to nothing: with 20 pixels it is still more than 95 % sure. Astronaut, moon, flower, camera, retina, tissue and grass flip, of which it was 14 to 20 % sure. But so does the rocket, with almost 60, while the motorcycle, just as sure, and the brick wall, with 27, hold: being unsure helps, and does not decide alone.</details>
# 2. **A small sticker.** Make *scale* smaller until the answer is no goldfish any more (without a sticker the network says tailed frog). Does it
#    matter where it lies? Turn it.
#    <details><summary>What you should see</summary>At 0.2 the cat is a goldfish nowhere, at 0.3 it depends on the place, from 0.4 on it is one nearly anywhere while the sticker is upright. Turned farther than the 22.5° of its training it wins less often.</details>
# 3. **A quieter word.** In *Another word* lower *decibels* step by step. When do you no longer hear what is added, and does the net
#    still hear the wrong word then?
#    <details><summary>What you should see</summary>It does for most words at -14 dB, for about a third at -20, and for hardly one at -26; for the two shown first no longer at -20. Whether you hear anything then is for your ears to say.</details>
# 4. **Nothing, three ways.** Play *Pictures of nothing* by *direct* and by *gradient*. Which make a network sure, and which can you
#    tell from noise?
#    <details><summary>What you should see</summary>The gradient makes it sure of most classes within twenty steps; by direct changes hardly one class gets past a half in eighty, and none to 99 %. Both look like noise; only CPPNs have shapes.</details>

# %% [markdown]
# ## What this does not show
#
# **A sure answer is no evidence of a picture.** The network must name one of its classes, whatever it is shown: softmax
# compares classes with each other, never with *none of these*. And what is fooled here is this network: whether a sticker or a picture of
# nothing fools another one is not measured in this notebook.

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("fooling_more")

# %% [markdown]
# ## Checks

# %%
assert pixel.success
for name, low, high in (("astronaut", 0.145, 0.155), ("coffee", 0.98, 0.99)):
    assert low < model.answers(vizkit.load_image(name, (64, 64)), 1)[0][1] < high
assert fooled["least sure"] > fooled["surest"] + 2
assert won.float().mean() > 0.3

# %%
assert share > 0.6
assert 0.24 < nothing.confidence.median() < 0.34
assert nothing.confidence.max() > 0.9
assert (model.probabilities(nothing.images[:20]).sum(1) - 1).abs().max() < 1e-5

# %%
changed = cross_view.result.changed
assert (changed[:3, :3] > 0.5).all()
assert changed[3, 3] > 0.7 > 0.05 > changed[3, [0, 1, 2, 4]].max()
assert changed[5, [0, 1, 2, 4]].max() < 0.1 < changed[5, 3]
blind_view.set(answer="ABABAB BBBBBB", draw=1)
assert "of 6" in blind_view.items["text"]
assert "of 12" in blind_view.items["text"]
blind_view.reset()

# %%
import torch

assert net.accuracy > 0.95
assert heard[-26].float().mean() < 0.5 < heard[-14].float().mean()
assert sound_view.result.success.all()
added = torch.fft.rfft(attack_sound(net, sounds, (words + 3) % 8, decibels=-14).change)
energy = added.abs().square().sum(0)  # 4,000 Hz in 2,049 numbers
assert energy[:512].sum() > 0.6 * energy.sum()
assert not panels.misheard(decibels=-20)[0].success.any()
signs = torch.randn(sounds.shape, generator=torch.Generator().manual_seed(0)).sign()
noisy = (sounds + 0.2 * sounds.abs().amax(1, keepdim=True) * signs).clamp(-1, 1)
assert (net(noisy).argmax(1) == words).float().mean() > 0.65

# %%
rows = {
    kind: torch.tensor(
        [[(one.half, one.advantage, one.dimension) for one in draw] for draw in draws]
    )
    for kind, draws in size_view.result.items()
}
half = {kind: found[..., 0].mean(0).tolist() for kind, found in rows.items()}
assert half["table rows"][-1] < half["table rows"][1]
assert 0.6 < half["pictures"][-1] / half["pictures"][1] < 0.95
assert half["sounds"][0] == min(half["sounds"])
for _, gains, sizes in (found.unbind(-1) for found in rows.values()):
    assert (gains.diff(dim=1) > 0).all()
    assert (gains > 2 / 3 * sizes**0.5).all()

# %%
# Try 1
cup, moon = (vizkit.load_image(name, (64, 64)) for name in ("coffee", "moon"))
assert (
    last(one_pixel_steps(model, cup, pixels=20, population=60, generations=10)).probability > 0.95
)
assert last(one_pixel_steps(model, moon, population=200, generations=30)).success
rocket, astronaut = (vizkit.load_image(name, (64, 64)) for name in ("rocket", "astronaut"))
assert 0.55 < model.answers(rocket, 1)[0][1] < 0.6
assert last(one_pixel_steps(model, rocket, generations=5)).success
asked = {"target": "goldfish", "population": 60, "generations": 5}
assert last(one_pixel_steps(model, astronaut, **asked)).probability < 0.01

# Try 2
from vizkit.methods.patch import Placements

cat = vizkit.load_image("chelsea", (64, 64))[None]
places = torch.tensor([(0.2, 0.2), (0.5, 0.5), (0.7, 0.7), (0.8, 0.2)])
shares = []
for scale in (0.2, 0.4, 0.6):
    where = Placements(*places.T, torch.full((4,), scale), torch.zeros(4))
    shares.append(
        float(
            patch_success(model, cat.expand(4, -1, -1, -1), patch.patch, "goldfish", where)
            .float()
            .mean()
        )
    )
assert shares[0] == 0 < 0.5 < shares[1] <= shares[2]

# Try 3
assert heard[-26].sum() == 0 < heard[-20].sum() < heard[-14].sum()

# Try 4
changed_directly = last(fooling_steps(model, "direct", steps=20))
assert changed_directly.confidence.median() < 0.02 < 0.9 < climbed.confidence.median()
assert changed_directly.confidence.max() < 0.9
