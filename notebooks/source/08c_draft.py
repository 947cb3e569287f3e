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
# # 08c Fooling more than networks
#
# * Papernot, McDaniel & Goodfellow, *Transferability in machine learning*, 2016
# * Carlini & Wagner, *Audio adversarial examples*, 2018
# * Goodfellow, Shlens & Szegedy, *Explaining and harnessing adversarial examples*, 2015

# %%
import torch

from vizkit import panels

# %% [markdown]
# ## Other models
#
# Nothing in the attack asks for a *deep* net. Five kinds of classifiers learn the same handwritten digits. Those with a gradient
# are attacked along it: the small net, logistic regression and the support vector machine. The five nearest neighbors have none;
# a smooth vote of all known digits stands in for them. The tree is attacked by the nearest leaf of another class.
#
# Each row is one set of attacked digits, each column a classifier that has to name them. Only digits that it named rightly before
# are counted.

# %%
cross_view = panels.tried_on_all.show()
cross_view

# %% [markdown]
# What is made on the net, on logistic regression or on the SVM fools the other two as well. What is made on the tree fools only the
# tree: it moves the few pixels that the tree asks about. Noise of the same size hardly changes an answer, except the tree's.
#
# **And people?** Six digits, before and after, in random order. Which were changed, and which digits are they?

# %%
blind_view = panels.which_changed.show()
blind_view

# %% [markdown]
# On so small a picture the change is easy to see: nothing here is hidden. Compare what you read with what the net reads.

# %% [markdown]
# ## Sounds
#
# Eight words of two vowels: harmonics of a random pitch, louder near the vowels' formants, with some noise. A small net of
# one-dimensional convolutions hears the samples themselves. PGD changes each sample by no more than a share of the loudest one,
# given in decibels: -20 dB is a tenth, -14 dB a fifth.

# %%
sound_view = panels.misheard.show()
sound_view

# %% [markdown]
# Play both. A fifth of the loudest sample is no secret: there is a hiss in what is added. Judge by ear which word it is; the net
# hears the chosen one. Random signs of the same size change few of its answers.

# %%
from vizkit.methods.sounds import WORDS, attack_sound, spoken_words, trained_listener

net = trained_listener()
sounds, words = spoken_words(16, seed=77)
heard = {
    decibels: attack_sound(net, sounds, (words + 3) % len(WORDS), decibels=decibels).success
    for decibels in (-26, -20, -14)
}
for decibels, success in heard.items():
    print(f"{decibels} dB: {float(success.float().mean()):.0%} are heard as the chosen word")

# %% [markdown]
# ## Any numbers will do
#
# For a linear classifier the smallest step that changes the answer is known in closed form: the gap of the two scores over the sum
# of the weights' differences, $\epsilon = (s_y - s_c) / \lVert w_y - w_c \rVert_1$. Logistic regression is fitted to the same data at
# several sizes: digits of 2 to 32 pixels a side, words in 4 to 64 bands of pitch in each half, 1 to 30 columns of a table. All
# features have a standard deviation of 1.

# %%
size_view = panels.dimensions.show()
size_view

# %% [markdown]
# Against random signs of the same size the attack moves the scores farther and farther: at least two thirds of $\sqrt{d}$ times as
# far, in all three kinds of data, and more than $\sqrt{d}$ is impossible. The step that it *needs* shrinks much less. Rows of a
# table need less with 30 columns than with 3; but digits of 1,024 pixels need about four fifths of what digits of 16 pixels need, and
# words in 8 numbers are the easiest of all to change.

# %% [markdown]
# ## Checks

# %%
changed = cross_view.result.changed
assert (changed[:3, :3] > 0.5).all()
assert changed[3, 3] > 0.7 > 0.05 > changed[3, [0, 1, 2, 4]].max()
assert changed[5, [0, 1, 2, 4]].max() < 0.1 < changed[5, 3]
blind_view.set(answer="ABABAB")
assert "of 6" in str(blind_view.items["text"])
blind_view.reset()

# %%
assert net.accuracy > 0.95
assert heard[-26].float().mean() < 0.5 < heard[-14].float().mean()
assert sound_view.result.success.all()
signs = torch.randn(sounds.shape, generator=torch.Generator().manual_seed(0)).sign()
noisy = (sounds + 0.2 * sounds.abs().amax(1, keepdim=True) * signs).clamp(-1, 1)
assert (net(noisy).argmax(1) == words).float().mean() > 0.65

# %%
half = {kind: [one.half for one in found] for kind, found in size_view.result.items()}
assert half["table rows"][-1] < half["table rows"][1]
assert 0.6 < half["pictures"][-1] / half["pictures"][1] < 0.95
assert half["sounds"][0] == min(half["sounds"])
for found in size_view.result.values():
    gains = torch.tensor([one.advantage for one in found])
    assert (gains.diff() > 0).all()
    assert (gains > 2 / 3 * torch.tensor([one.dimension for one in found]) ** 0.5).all()
