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
# # 03 Neighbors stay neighbors: SNE and t-SNE
#
# **How can a plane show points of 64 dimensions?** Not their distances: there is no room. But who is next to whom can be
# kept, and that is what stochastic neighbor embedding does.
#
# * Hinton & Roweis, *Stochastic neighbor embedding*, 2002
# * van der Maaten & Hinton, *Visualizing data using t-SNE*, 2008
# * van der Maaten, *Accelerating t-SNE using tree-based algorithms*, 2014; Linderman et al., *FIt-SNE*, 2019
# * Wattenberg, Viégas & Johnson, *How to use t-SNE effectively*, 2016
#
# Slides: 000, pp. 16-27; 003, the SNE pages; 002.

# %%
from math import log

from vizkit import panels, questions
from vizkit.core.data import digit_labels, digits
from vizkit.methods.tsne import cost_and_gradient, embedding_steps, targets

# %% [markdown]
# ## 1 Neighborhoods
#
# Point $i$ picks point $j$ as its neighbor with probability
# $$p_{j|i} = \frac{\exp(-\lVert x_i - x_j\rVert^2 / 2\sigma_i^2)}{\sum_{k \ne i} \exp(-\lVert x_i - x_k\rVert^2 / 2\sigma_i^2)}.$$
# Each $\sigma_i$ is searched so that the row's entropy is $\log$ of the **perplexity**: every point gets the same
# effective number of neighbors, in dense and in sparse places. The wider the Gaussian, the more neighbors, so halving an
# interval finds it: the lower chart numbers the first tries, of which the second and the third lie beyond its ends.

# %%
points, labels = digits().flatten(1)[:1000], digit_labels()[:1000]
wanted = targets(points, perplexity=30, kind="tsne")
print(
    "points",
    tuple(points.shape),
    " probabilities of pairs",
    tuple(wanted.shape),
    " sum",
    wanted.sum().item(),
)

# %%
questions.widest_gaussian

# %%
neighborhood_view = panels.neighborhood.show()
neighborhood_view

# %% [markdown]
# ## 2 Three algorithms
#
# In the plane, $q$ plays the part of $p$, and gradient descent moves the $y_i$ until $q$ is like $p$: it lowers the
# Kullback-Leibler divergence $C = \sum p \log (p / q)$.
#
# | | $q$ | $\partial C / \partial y_i$ |
# |---|---|---|
# | SNE | $q_{j\mid i} = e^{-d_{ij}^2} \big/ \sum_{k \ne i} e^{-d_{ik}^2}$ | $2 \sum_j (p_{j\mid i} - q_{j\mid i} + p_{i\mid j} - q_{i\mid j})(y_i - y_j)$ |
# | symmetric SNE | $q_{ij} = e^{-d_{ij}^2} \big/ \sum_{k \ne l} e^{-d_{kl}^2}$ | $4 \sum_j (p_{ij} - q_{ij})(y_i - y_j)$ |
# | t-SNE | $q_{ij} = (1 + d_{ij}^2)^{-1} \big/ \sum_{k \ne l} (1 + d_{kl}^2)^{-1}$ | $4 \sum_j (p_{ij} - q_{ij})(y_i - y_j)(1 + d_{ij}^2)^{-1}$ |
#
# where $d_{ij} = \lVert y_i - y_j\rVert$, and the last two match $p_{ij} = (p_{j|i} + p_{i|j}) / 2N$.
#
# **Where the slides (003) differ.** They print the denominators of symmetric SNE and of t-SNE as $\sum_{k \ne i}$; the
# gradients printed beside them belong to the sum over *all* pairs, and only with it do the $q_{ij}$ sum to 1 (see
# *Checks*). They also set $\sigma^2 = 1/\sqrt 2$ in the plane, where $e^{-d^2}$ means $\sigma = 1/\sqrt 2$.

# %%
first = next(embedding_steps(wanted, "tsne", steps=500))
cost, gradient = cost_and_gradient(wanted, first.embedding.double(), "tsne")
print("KL", cost.item(), " gradient", tuple(gradient.shape))

# %% [markdown]
# **The divergence is not symmetric.** The $p$ sum to as much as the $q$ do (to 1, in SNE each row to 1), so $C = \sum (p \log (p/q) - p + q)$, where no term is
# negative. A pair of neighbors that is drawn apart costs more the farther apart it is, without bound; a pair of strangers that
# is drawn together costs less than its $q$. So the picture keeps who is near, and says little of how far the far ones are.


# %%
def cost_of_pair(p, q):
    return p * log(p / q) - p + q


for near in (1e-2, 1e-4, 1e-8):
    print(
        f"p .1, q {near:g}: {cost_of_pair(0.1, near):.3f}",
        f"   p {near:g}, q .1: {cost_of_pair(near, 0.1):.3f}",
    )

# %% [markdown]
# **Early exaggeration:** for the first steps all $p$ are multiplied, so that clusters form while there is still room to
# pass each other. Press **Play**; move *perplexity* or *learning rate* while it runs. **SNE** and **symmetric SNE** show what the
# heavy tail of t-SNE is good for.

# %%
questions.neighbors_kept

# %%
tsne_view = panels.tsne.show()
tsne_view

# %% [markdown]
# **Predict, run, read, change, make**
#
# 1. *Predict*: you have said how often a digit's neighbor is the same digit. *Run*: Play, once for each algorithm.
# 2. *Read* (*Menu, Show code*): which line makes the steps, and what does one step carry? Move each control under way: which of them
#    begin the run anew, and why must they?
# 3. *Change*: copy the listing into a cell, and give it `rate=5.0`.
#    <details><summary>What you should see</summary>The points jump about: KL falls less smoothly, and may rise for some steps. Five times the usual rate is near what it can take.</details>
# 4. *Make*: a panel that colors the points by how much their neighbors in the plane differ from those in 64 dimensions.

# %% [markdown]
# **A run's numbers, kept** (slides 003, p. 48). Every run hands its numbers to a `writer`; where TensorBoard is installed
# (`pip install "vizkit[tensorboard]"`) the cells below keep those of this one, and read them again as `tensorboard --logdir FOLDER`
# does, which draws them.

# %%
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp

folder = Path(mkdtemp())
if find_spec("tensorboard"):
    from torch.utils.tensorboard import SummaryWriter

    tsne_view.writer = SummaryWriter(folder)
    print("tensorboard --logdir", folder)

# %%
tsne_view.play()
embedding = tsne_view.wait(120).embedding

# %%
if tsne_view.writer:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tsne_view.writer.flush()
    events = EventAccumulator(str(folder)).Reload()
    kept = {name: [one.value for one in events.Scalars(name)] for name in events.Tags()["scalars"]}
    for name, values in kept.items():
        print(f"{name}: {len(values)} values, from {values[0]:.3g} to {values[-1]:.3g}")
else:
    print("TensorBoard is missing, so nothing was kept.")

# %% [markdown]
# ## 3 The crowding problem
#
# How far are points apart that are spread evenly in a ball of many dimensions?

# %%
questions.all_equally_far

# %%
crowding_view = panels.crowding.show()
crowding_view

# %% [markdown]
# The more dimensions, the more nearly are all pairs equally far apart, and the plane has no room for that: with a Gaussian, middling neighbors are pressed into
# the center. The Student tail $1/(1 + d^2)$ lets a pair of the same closeness be much farther apart.
#
# **The same tail bears with outliers** (slides 003, p. 21). Ten points on a line, fitted by a Gaussian and by a Student t, each
# of the largest likelihood. Click into the chart, or move *tenth point*.

# %%
questions.follows_outlier

# %%
questions.location_of_t

# %%
outlier_view = panels.outlier.show()
outlier_view

# %% [markdown]
# The Gaussian's mean follows the tenth point by a tenth of its way, however far it goes. The t lets it count for less the farther
# off it is: from two and a half on its location moves back.

# %% [markdown]
# ## 4 Against PCA
#
# PCA's plane keeps the largest variance, t-SNE's the neighborhoods. One number for each: how often a digit's nearest
# neighbor in the picture is the same digit.

# %%
questions.against_all_pixels

# %%
from vizkit.figures.embedding import scatter
from vizkit.methods.embeddings import neighbor_accuracy
from vizkit.methods.pca import pca

flat = pca(points, k=2).projection
by_pca, by_tsne = neighbor_accuracy(flat, labels), neighbor_accuracy(embedding, labels)
by_all = neighbor_accuracy(points, labels)
print(
    f"nearest neighbor is the same digit: PCA {by_pca:.1%}, t-SNE {by_tsne:.1%}, 64 dimensions {by_all:.1%}"
)
scatter(flat, labels, f"PCA: {by_pca:.1%}", width=480)

# %%
scatter(embedding, labels, f"t-SNE: {by_tsne:.1%}", width=480)

# %% [markdown]
# The measure of both is the 64 dimensions themselves: t-SNE only matches them, it finds nothing in the digits that was not there.

# %% [markdown]
# ## 5 Clusters
#
# The clusters of an embedding are not round, so the slides (000, p. 21) cluster by density: **DBSCAN** with one radius for
# all, **HDBSCAN** with every radius at once. Beyond nine clusters the colors come again, with another marker.

# %%
questions.clusters_by_density

# %%
cluster_view = panels.clusters.show(points=embedding, labels=labels)
cluster_view

# %% [markdown]
# ## 6 What it costs
#
# The exact gradient needs all pairs, $O(N^2)$ in time and memory. Barnes-Hut sums far points up in a tree, $O(N \log N)$;
# interpolation on a grid is $O(N)$. Both keep the probabilities of near neighbors only. The times below are taken on *your*
# machine, within the budget (two minutes; fewer are needed).
#
# Symmetric SNE has the simpler gradient (slides 003, p. 20): one sum over all pairs where SNE has one for each row. The panel
# shows what that saves.
#
# **A million points** (slides 000, p. 22) are not run here. The table carries the lines on, of the exact algorithms from 4,000, of
# the others from 20,000, which is an extrapolation: by the slope that the three largest sizes have, and by theory from the largest one. Where the two differ, neither is a measurement.

# %%
timing_view = panels.timing.show()
timing_view

# %%
timing_view.play()
times = timing_view.wait(180)
print({name: max(taken, default=0) for name, taken in times.seconds.items()}, "points at most")

# %% [markdown]
# **A newcomer** (slides 003, p. 23). t-SNE moves points; it learns no function that says where a new one belongs, and it neither
# classifies nor predicts. What one can do: leave the picture as it is and *place* the new point among its neighbors, or *run again*
# with it, which takes as long as before. With another *seed* the picture that comes is another one.

# %%
questions.newcomers_right

# %%
newcomer_view = panels.newcomer.show(embedding=embedding)
newcomer_view

# %%
newcomer_view.play()
_ = newcomer_view.wait(120)

# %% [markdown]
# The other 797 digits, placed all at once; the class of the nearest digit on the picture against that in 64 dimensions:

# %%
import torch

from vizkit.methods.large_tsne import place_new

new, new_labels = digits().flatten(1)[1000:], digit_labels()[1000:]
placed = place_new(embedding, points, new)


def share_right(known, asked):
    nearest = torch.cdist(asked.double(), known.double()).argmin(1)
    return float((labels[nearest] == new_labels).double().mean())


by_place, by_pixels = share_right(embedding, placed), share_right(points, new)
print(f"placed on the picture {by_place:.1%}, in 64 dimensions {by_pixels:.1%}")

# %% [markdown]
# ## 7 Pictures by what a network sees in them
#
# The code of a picture is what the layer before the classifier says of it, a point in 352 dimensions. t-SNE of the
# codes, then each picture moved into a cell of a grid of its own, all of them together as little as possible (linear
# assignment). *Pictures* may be a folder of yours or a torchvision dataset.
#
# The slides (000, pp. 24-27; Zahavy, Ben-Zrihem & Mannor 2016) do so with the frames of a game that an agent plays: what lies
# together is one situation to the agent, and a cluster that it does not leave for a long time may be a fault of its policy.

# %%
thumbnail_view = panels.thumbnails.show()
thumbnail_view

# %%
thumbnail_view.play()
_ = thumbnail_view.wait(120)

# %% [markdown]
# One query, its nearest patches in pixels and by code.

# %%
questions.nearest_by_code

# %%
neighbor_view = panels.neighbors.show()
neighbor_view

# %% [markdown]
# Near in pixels is not near in meaning.

# %% [markdown]
# ## 8 How classes come apart
#
# *Different classes will aggregate into different clusters* (slides 002, p. 4): is that so, and from which layer on? Scenes with
# one of eight shapes, which the bundled net `scenes` was trained to tell.

# %%
questions.shape_by_layer

# %%
from vizkit import load_model
from vizkit.core.scenes import make_scenes
from vizkit.core.steps import last
from vizkit.methods.separation import separation_steps

scenes = make_scenes(600, seed=2)
scan = last(separation_steps(load_model("scenes"), scenes.images, scenes.label))
for name, share in scan.code.items():
    print(f"{name:8} {share:.1%}, on PCA's plane {scan.plane[name]:.1%}")
print(f"chance   {scan.chance:.1%}")

# %%
codes_view = panels.codes_map.show()
codes_view

# %%
codes_view.play()
_ = codes_view.wait(120)

# %% [markdown]
# To the pixels all shapes are alike: the nearest neighbor is right no more often than by guessing. So it stays through the first
# layers; then the classes come apart, layer by layer. On PCA's plane much of that is lost, on t-SNE's hardly anything.

# %% [markdown]
# ## Try this
#
# 1. **Three tails.** In *t-SNE, live* run *SNE*, *symmetric SNE*, then *t-SNE*. Compare the pictures and the percentages, not
#    KL: that of SNE is a sum over all points, those of the others are one for all pairs, against different $q$.
#    <details><summary>What you should see</summary>SNE and symmetric SNE look alike and keep about as many neighbors. Only t-SNE has gaps between the digits, and the most neighbors of the same digit.</details>
# 2. **Without exaggeration.** Set *exaggeration* to 1 and run t-SNE again. Are there digits in two pieces? What does KL
#    say at the end?
#    <details><summary>What you should see</summary>KL ends higher than before: clusters that formed early stand in each other's way, and pieces of one digit that lie on both sides of another cannot pass.</details>
# 3. **Which layer knows?** In *Pictures by their codes* take the code of `relu1`, then of `relu4`, then of `avgpool`. What
#    lies together in each: colors, textures, or things?
#    <details><summary>What you should see</summary>By relu1 colors: a patch's nearest neighbor from another picture has almost its mean color. By relu4 less so, by avgpool hardly: there it is what can be seen in it, whatever its color.</details>
# 4. **A net that was not asked.** In *Codes of labeled pictures* take `viznet`, trained on photos. Do its layers tell the shapes?
#    <details><summary>What you should see</summary>Hardly: in none of its layers has the nearest neighbor the same shape in many more than a fifth of cases, where chance gives an eighth. What a code says is what its network was asked for.</details>

# %% [markdown]
# ## What this does not show
#
# How large a cluster is, how far two clusters are apart, and whether there is a cluster at all. Here the truth is known;
# the pictures differ in nothing but perplexity and seed.

# %%
questions.size_in_the_picture

# %%
misreading_view = panels.misreading.show()
misreading_view

# %% [markdown]
# *One cloud* falls into clumps at perplexity 2 that mean nothing. *Two sizes* come out as equals. *Unequal gaps*, one
# four times the other, come out equal from perplexity 15 on; at 2 either may be the wider one, by chance. And a straight line breaks or curls up at small perplexities; at 30 and 45 it stays a line.

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("tsne")

# %% [markdown]
# ## Checks

# %%
from vizkit.methods.tsne import bandwidths, conditional_probabilities, sigma_search
from vizkit.panels.embedding import two_densities

rows = conditional_probabilities(points, 30)
entropy = torch.special.entr(rows).sum(1)
assert torch.allclose(entropy, torch.full_like(entropy, 30).log(), atol=1e-5)
assert torch.allclose(rows.sum(1), torch.ones(1000, dtype=torch.float64))
assert bandwidths(points, 60).mean() > bandwidths(points, 30).mean()
assert cost_of_pair(0.1, 1e-8) > 10 * cost_of_pair(1e-8, 0.1)
for perplexity in (5, 20, 60):
    first_tries, _ = sigma_search(two_densities(), perplexity)
    drawn = (first_tries[:8] >= 0.01) & (first_tries[:8] <= 10)
    assert drawn[[0, 3, 4, 5, 6, 7]].all()
    assert not drawn[1:3].any()


# %%
# The gradient that the slides print is that of the cost with the sum over all pairs.
def divergence(y, denominator):
    apart = ~torch.eye(len(y), dtype=torch.bool)
    close = apart / (1 + (y[:, None] - y).square().sum(2))
    q = close / (close.sum() if denominator == "all pairs" else close.sum(1, keepdim=True))
    return (small[apart] * (small[apart] / q[apart]).log()).sum()


place = torch.randn(
    40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
).requires_grad_()
small = targets(points[:40], 8, "tsne")
printed = cost_and_gradient(small, place.detach(), "tsne")[1]
assert torch.allclose(torch.autograd.grad(divergence(place, "all pairs"), place)[0], printed)
assert not torch.allclose(
    torch.autograd.grad(divergence(place, "k != i"), place)[0], printed, rtol=0.1
)

# %%
assert by_tsne > 0.95 > 0.7 > by_pca
assert abs(by_tsne - by_all) < 0.02
assert tsne_view.error is None
assert tsne_view.result.index == 500
assert tsne_view.result.cost < 1
if tsne_view.writer:
    costs = kept["tsne_steps/cost"]
    assert len(costs) == 499, "the first step was there before the writer"
    assert abs(costs[-1] - tsne_view.result.cost) < 1e-5

# %%
cluster_view.controls["algorithm"].value = "HDBSCAN"
assert cluster_view.error is None
assert cluster_view.result.agreement(labels) > 0.7
cluster_view.reset()

# %%
from vizkit.methods.outliers import fit_both

outlier_view.set(tenth=0.0)
near = outlier_view.result
outlier_view.set(tenth=20.0)
far, alone = outlier_view.result, fit_both(near.samples[:-1])
assert abs(float(far.mean - near.mean) - 2) < 1e-6, "a tenth of its way"
assert abs(float(far.location - alone.location)) < 0.15
turning = []
for place in (2.5, 5.0):
    outlier_view.set(tenth=place)
    turning.append(outlier_view.result.location)
assert turning[0] > turning[1] > far.location, "it has moved back"
outlier_view.reset()

# %%
assert abs(scan.code["pixels"] - scan.chance) < 0.05
assert max(scan.code[name] for name in ("conv1", "relu1", "conv2", "relu2")) < 2 * scan.chance
assert scan.code["relu2"] < scan.code["relu4"] < scan.code["relu5"] < scan.code["flatten"]
on_plane = neighbor_accuracy(codes_view.result.embedding, scenes.label)
assert abs(on_plane - scan.code["flatten"]) < 0.08 < scan.code["flatten"] - scan.plane["flatten"]
assert abs(by_place - by_pixels) < 0.03
assert newcomer_view.result.index == 500

# %%
from vizkit.core.data import clouds
from vizkit.methods.embeddings import class_gaps, class_sizes

assert max(times.seconds["bh"]) == max(times.seconds["fft"]) == 20000
assert max(times.seconds["sne"]) == max(times.seconds["tsne"]) == 4000
assert thumbnail_view.result.index == 500
misreading_view.controls["cloud"].value = "two sizes"
assert misreading_view.error is None
assert "**10.0** times as wide" in misreading_view.items["text"]
_, of_sizes = clouds("two sizes", 150)
widths = torch.stack([class_sizes(one, of_sizes) for one in misreading_view.result])
assert 0.8 < (widths[:, 1] / widths[:, 0]).median() < 1.25, "in truth 10"
misreading_view.controls["cloud"].value = "unequal gaps"
_, of_gaps = clouds("unequal gaps", 150)
gaps = torch.stack([class_gaps(one, of_gaps) for one in misreading_view.result])
assert 0.8 < (gaps[:, 1] / gaps[:, 0]).median() < 1.25, "in truth 4"

# %%
# Try 1
kept_by = {
    kind: neighbor_accuracy(
        last(embedding_steps(targets(points[:200], 20, kind), kind, steps=300)).embedding,
        labels[:200],
    )
    for kind in ("sne", "symmetric", "tsne")
}
assert abs(kept_by["sne"] - kept_by["symmetric"]) < 0.06
assert kept_by["tsne"] == max(kept_by.values())

# Try 2
few = targets(points[:400], 30, "tsne")
kl = [
    last(embedding_steps(few, exaggeration=one, exaggerated=120, steps=500)).cost for one in (12, 1)
]
assert kl[1] > kl[0]

# Try 3
from vizkit.panels.common import codes_of, patch_pool

pool, viznet = patch_pool("bundled", 400, 64), load_model()
color = pool.pixels(slice(None)).mean((2, 3))
other = pool.picture[:, None] != pool.picture
differ = []
for layer in ("relu1", "relu4", "avgpool"):
    code = codes_of(viznet, pool.patches, layer)
    nearest = torch.cdist(code, code).where(other, torch.inf).argmin(1)
    differ.append(float((color - color[nearest]).norm(dim=1).mean()))
assert 2 * differ[0] < differ[1] < differ[2]
assert differ[2] > 0.8 * torch.cdist(color, color)[other].mean()

# Try 4
large = make_scenes(200, size=64, seed=2)
asked = last(separation_steps(viznet, large.images, large.label))
assert asked.chance < max(asked.code.values()) < 2 * asked.chance
