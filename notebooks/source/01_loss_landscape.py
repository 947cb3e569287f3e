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
# # 01 The loss landscape
#
# **Training a network minimizes a non-convex function. Why does walking downhill work so well?** In theory one can be
# stuck in a bad local minimum; here you look at the hills.
#
# * Choromanska et al., *The loss surfaces of multilayer networks*, 2015
# * Goodfellow, Vinyals & Saxe, *Qualitatively characterizing neural network optimization problems*, 2014
# * Li et al., *Visualizing the loss landscape of neural nets*, 2017
# * Zhang et al., *Understanding deep learning requires rethinking generalization*, 2017
#
# Slides: 000, pp. 2-7; 001, the pages on overfitting.

# %%
from vizkit import panels, questions
from vizkit.methods.loss_landscape import interpolate, random_directions, surface_steps

# %% [markdown]
# ## 1 Downhill in two dimensions
#
# $$f(x, y) = 0.06\,x^2 + 0.12\,y^2 - \cos 1.7x\,\cos 1.3y$$
#
# has one lowest point, $f(0, 0) = -1$, and many others that look lowest from where they are.
#
# | | step |
# |---|---|
# | SGD | $w \leftarrow w - \eta\,g$ |
# | momentum | $v \leftarrow \mu v + g,\quad w \leftarrow w - \eta v$ |
# | Adam | $m, s \leftarrow$ running means of $g, g^2,\quad w \leftarrow w - \eta\,\hat m / (\sqrt{\hat s} + \epsilon)$ |
#
# The panel's *momentum* is $\mu$, and the decay rate $\beta_1$ of Adam's running mean $m$ as well; that of $s$ is 0.999.
# %%
from vizkit.methods.optimizers import descend
from vizkit.methods.small_nets import DeepNet, NetLoss, split_digits

found = descend((-3.5, 3.0), rate=0.1, momentum=0.9, steps=80)
print("places", tuple(found.places.shape), " heights at the end", found.heights[:, -1].tolist())

# %%
questions.at_the_bottom

# %%
descent_view = panels.descent.show()
descent_view

# %% [markdown]
# **Predict, run, read, change, make**
#
# 1. *Predict*: you have said who comes to the lowest point. *Run*: click a few other starts.
# 2. *Read* (*Menu, Show code*): the panel calls `descend`. Of what shape are its `places`, and which row of `heights` is momentum's? Which
#    line of the table above makes momentum with $\mu = 0$ the same as SGD?
# 3. *Change*: in the listing set `momentum` to 0.95.
#    <details><summary>What you should see</summary>It arrives no longer: it rolls past the lowest point, over the next hump, and ends in the hole behind, at -0.19. More is not better.</details>
# 4. *Make*: a chart of the last height over momentum, from 0 to 0.99. How wide is the range in which it arrives?

# %% [markdown]
# ## 2 A network's parameters are one long row
#
# The loss of a net with $P$ parameters is a function of a row $w \in \mathbb R^P$, and many nets are the rows of a
# matrix: their losses are computed together. The slides (000, p. 4) quote Choromanska: as the networks grow there are
# many more local minima, but they all get better and their band shrinks. Is that so from the narrowest nets on?
#
# A seed gives the same nets each time on one machine. On another number of threads sums are taken in another order, and over
# hundreds of steps that moves the last digits of all that is trained here; what the text says holds all the same.

# %%
data = split_digits(300)
loss = NetLoss(DeepNet(width=8), data.train, data.train_labels)
nets = loss.random_points(100)
print("100 nets", tuple(nets.shape), " their losses", tuple(loss.losses(nets).shape))

# %%
questions.spread_by_width

# %%
width_view = panels.widths.show()
width_view

# %%
width_view.play()
widths = width_view.wait(120)

# %% [markdown]
# The nets of 2 units are all about equally bad, so from 2 to 4 the band first gets *wider*; from there on it shrinks.

# %% [markdown]
# ## 3 On a straight line
#
# Goodfellow walks from the start $w_0$ straight to the trained $w_T$: $w = (1 - a)\,w_0 + a\,w_T$. The same can be done between
# *two* solutions, trained from different starts, and between a random point and a solution.

# %%
line = interpolate(nets[0], nets[1], data.train.new_tensor([0.0, 0.5, 1.0]))
print("three nets on a line", tuple(line.shape), " losses", loss.losses(line).tolist())

# %%
questions.halfway

# %%
line_view = panels.line.show()
line_view

# %% [markdown]
# From the start to its solution the way is smooth. Between two solutions there is a barrier, and between a random point and a
# solution there is no other minimum: sections in a space of thousands of dimensions.

# %% [markdown]
# ## 4 On a plane
#
# Li draws two random directions $d$ around a trained net and computes the loss at $w + x\,d_1 + y\,d_2$. A filter of large
# weights tolerates a large step and one of small weights does not, so each filter of a direction gets the length of
# the net's own: $d_i \leftarrow d_i\,\lVert w_i\rVert / \lVert d_i\rVert$. Biases stay where they are.
#
# The two nets below have the same parameters, start and data, and both are trained until their training loss is 0.53. (With a
# label smoothing of 0.1 the lowest possible is not 0 but the entropy of the smoothed labels, 0.500.) One has skip connections:
# with the 10 blocks shown it gets there in fewer steps (with 6 or fewer it does not), and of 14 blocks the net without may not
# get there at all. **Sharpness** is the largest eigenvalue of the Hessian, found by power iteration.

# %%
from vizkit.methods.loss_landscape import train_deep_net

net = train_deep_net(split_digits(200), depth=4, skip=True)
directions = random_directions(net.train, net.point)
first = next(surface_steps(net.train, net.point, directions))
print(
    "directions",
    tuple(directions.shape),
    f" {first.index} of {first.total} places after the first step",
)

# %%
questions.times_as_sharp

# %%
landscape_view = panels.landscape.show()
landscape_view

# %%
landscape_view.play()
pair = landscape_view.wait(120)

# %% [markdown]
# *Plane: training path* shows the plane in which the run itself moved most (its two principal directions), with the run
# drawn in.
#
# A word on batch normalization, which these nets do without: a net that has it is measured with the mean and variance of
# the data at each place anew (`NetLoss(..., batch_norm="re-estimated")`); the running averages that it brought along
# belong to another place.

# %% [markdown]
# ## 5 A net can learn anything by heart
#
# Zhang gives the pictures random labels, and trains the same net on them.

# %%
questions.after_random_labels

# %%
fit_view = panels.random_labels.show()
fit_view

# %%
fit_view.play()
fit = fit_view.wait(120)

# %% [markdown]
# The net learns random labels, too, to the last one; it only cannot know anything about new pictures then. So the number of
# parameters alone does not explain why nets generalize.

# %% [markdown]
# ## Try this
#
# 1. **Escape.** In *Three ways down* momentum rolls through to the lowest point, SGD does not. Lower *momentum* until it is
#    stuck as well. Then set *momentum* back to 0.9 and find a start from which Adam arrives and momentum does not: at a learning rate of 0.1 hardly any is, at
#    0.3 about every ninth, most of them far out. Why does the larger rate help Adam?
#    <details><summary>What you should see</summary>At 0.85 it arrives, at 0.8 it is stuck. From (-4.5, 4.5) at a rate of 0.3, momentum 0.9 (Adam's &beta;<sub>1</sub>), Adam arrives: it divides by the size of the gradient, so a step is about as long as the rate, and 0.3 carries it over the humps.</details>
# 2. **Where does it turn chaotic?** In *The landscape around two nets* go from 1 block to 14. At how many do the two nets
#    begin to differ in sharpness, and what becomes of the test accuracy?
#    <details><summary>What you should see</summary>With one block there is no difference. From 2 on the net without skips is the sharper one, with 10 more than five times; its test accuracy falls, and that of the net with skips hardly does, but for single runs (12 blocks at seed 0: 71 %).</details>
# 3. **Half a lie.** In *Random labels fit too* set *random share* to 0.50. When does the test accuracy begin to fall:
#    before or after the training accuracy passes 50 %?
#    <details><summary>What you should see</summary>After. Up to about there what is learned is what is true of all digits; what comes then is learned by heart, and costs.</details>

# %% [markdown]
# ## What this does not show
#
# A plane is a thin slice of a space of thousands of dimensions. And sharpness depends on how a function is written down.

# %%
questions.written_otherwise

# %%
rescale_view = panels.landscape.show(depth=4)
rescale_view.set(normalized=False, factor=6.0, which="with skips")
rescale_view

# %% [markdown]
# Only the net *with* skips was rescaled, by 6, and *filter normalization* is off: its plane looks sharper than that of
# the net without, though it is the same net as before. Turn filter normalization on, and the picture is as it was. (The toggle
# alone breaks nothing: these two nets were trained alike, so their weights are about equally large.) The Hessian's eigenvalue
# is fooled by it as well (Dinh et al. 2017).

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("loss_landscape")

# %% [markdown]
# ## Checks

# %%
import torch

from vizkit.methods.optimizers import hilly

assert float(hilly(torch.zeros(2))) == -1
sgd, momentum, adam = descent_view.result.heights[:, -1].tolist()
assert momentum < -0.95 < -0.5 < min(sgd, adam)

# %%
spread = {
    width: (values.mean().item(), values.std().item()) for width, values in widths.losses.items()
}
assert spread[32][0] < spread[8][0] < spread[2][0]
assert spread[2][1] < spread[4][1] > spread[8][1] > spread[16][1] > spread[32][1]

# %%
line_view.controls["path"].value = "solution to solution"
view = line_view.result
middle, ends = view.train[50], torch.stack([view.train[25], view.train[75]])
assert middle > 3 * ends.max()
walk = line_view.result
assert float(walk.accuracy[50]) < float(walk.accuracy[[25, 75]].min()) - 0.3, "halfway is neither"
line_view.controls["path"].value = "random point to solution"
train = line_view.result.train[25:76]
assert (train[1:] <= train[:-1] + 1e-3).float().mean() > 0.95

# %%
from vizkit.panels.surfaces import numbers as numbers_of

plain, skip = pair
assert plain.index == skip.index == 51 * 51
numbers = [numbers_of(10, one, 1.0) for one in (False, True)]
assert numbers[0][2] > 5 * numbers[1][2]
assert torch.isclose(plain.values[25, 25], torch.tensor(numbers[0][0]), rtol=1e-4)

# %%
rescale_view.play()
raw = rescale_view.wait(60)[1].values
from vizkit.core.steps import last
from vizkit.methods.loss_landscape import rescaled

same = [
    last(surface_steps(net.train, point, random_directions(net.train, point))).values
    for point in (net.point, rescaled(net.train, net.point, 6.0))
]
assert torch.allclose(same[0], same[1], rtol=1e-2)
assert not torch.allclose(same[0], raw, rtol=0.5)

# %%
from vizkit.methods.loss_landscape import share_below

without, with_skips = (share_below(one.values) for one in rescale_view.result)
assert with_skips < without < share_below(same[0]), "rescaled, the flatter net looks sharper"

# %%
assert fit.train[-1].min() > 0.99
assert fit.test[-1, 0] > 0.85
assert fit.test[-1, 1] < 0.25

# %%
# Try 1
for least, momentum in ((-1.01, 0.85), (-0.9, 0.8), (-0.9, 0.95)):
    height = panels.descent(momentum=momentum)[0].heights[1, -1]
    assert least < height < (-0.95 if momentum == 0.85 else 0), momentum
_, rolled, adaptive = panels.descent((-4.5, 4.5), rate=0.3)[0].heights[:, -1].tolist()
assert adaptive < -0.95 < rolled

# Try 2
one, ten = ([numbers_of(depth, skip, 1.0) for skip in (False, True)] for depth in (1, 10))
assert 0.5 < one[0][2] / one[1][2] < 2
assert ten[0][2] > 5 * ten[1][2]
assert one[0][1] - ten[0][1] > 0.1 > one[1][1] - ten[1][1]

# Try 3
half = last(panels.random_labels(share=0.5))[0]
best = int(half.test[:, 1].argmax())
assert half.train[best, 1] >= 0.5
assert half.test[-1, 1] < half.test[best, 1] - 0.05
