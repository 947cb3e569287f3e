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
# # 02 Principal components, worked by hand
#
# **Which directions carry the variance?** The ten samples of the slides, step by step, then handwritten digits and
# faces.
#
# * Pearson, *On lines and planes of closest fit to systems of points in space*, 1901
# * Smith, *A tutorial on principal components analysis*, 2002 (the ten samples)
# * Turk & Pentland, *Eigenfaces for recognition*, 1991
#
# Slides: 003, the PCA pages; 002.

# %%
from vizkit import panels, questions
from vizkit.methods.pca import EXAMPLE, pca

# %% [markdown]
# ## 1 Five steps
#
# For $m$ samples with $n$ features in the rows of $X$:
#
# 1. mean and centered samples, $\bar x = \frac{1}{m}\sum_i x_i$ and $Z = X - \bar x$
# 2. covariance, $C = \frac{1}{m - 1} Z^\top Z$
# 3. eigenvalues, the roots of $\det(\lambda I - C)$, and eigenvectors, $C v = \lambda v$
# 4. the $k$ eigenvectors with the largest eigenvalues in the columns of $E$
# 5. projection, $F = Z E$

# %%
questions.kept_by_one

# %%
found = pca(EXAMPLE, k=1)
print("mean", found.mean)
print("covariance", found.covariance)
print("characteristic polynomial", found.polynomial)
print("eigenvalues", found.eigenvalues)
print("eigenvectors in columns", found.eigenvectors)
print("projection", found.projection[:, 0])

# %% [markdown]
# Two features make a quadratic equation, $\lambda^2 + b\lambda + c = 0$, and $(C - \lambda I)\,x = 0$ gives the ratio of an
# eigenvector's two numbers, $x_1 / x_2 = -C_{12} / (C_{11} - \lambda)$. By hand:

# %%
_, b, c = found.polynomial.tolist()
discriminant = b**2 - 4 * c
print(f"b = {b:.7f}, c = {c:.7f}, D = {discriminant:.7f}, its root {discriminant**0.5:.7f}")
for sign in (-1, 1):
    root = (-b + sign * discriminant**0.5) / 2
    ratio = float(-found.covariance[0, 1] / (found.covariance[0, 0] - root))
    print(f"eigenvalue {root:.7f}, x1 = {ratio:.7f} x2")

# %% [markdown]
# **Where the slides (003) differ from what comes out here**
#
# * *Step 1* prints the mean with $1/(n - 1)$; its values 1.81 and 1.91 are those of $1/n$.
# * *Step 3.1* goes on with coefficients of six digits, $b = -1.333112$ and $c = 0.063026$. They give $D = 1.525084$ (in full
#   1.5250875) and the eigenvalues 0.0490845 and 1.2840275; in full they are 0.0490834 and 1.2840277. The page prints the
#   first as 0.0490854, with two digits swapped, and later as 0.049085.
# * *Step 3.2* prints the ratios -1.08454 and 0.922053, which are right, and one of the two equal numbers 0.677873 as 0.677875.
# * *Step 5* prints the first projection as -0.8279 and the eighth as 1.1146; they are -0.8280 and 1.1446.
#
# An eigenvector may point either way: the slides chose $(-0.678, -0.735)$, we choose $(0.678, 0.735)$, so all
# projections change their sign and nothing else.

# %% [markdown]
# Type your own table, or paste one from a spreadsheet: two columns or more.

# %%
steps_view = panels.pca_steps.show()
steps_view

# %% [markdown]
# ## 2 The axis of largest variance
#
# The variance along the direction $u = (\cos\alpha, \sin\alpha)$ is $u^\top C\,u$. Turn the axis: the curve on the right
# peaks where the axis is an eigenvector, and its height there *is* the eigenvalue. The short gray lines are what the
# projection loses; the sum of their squares is smallest at the same angle.

# %%
questions.rescaled_axis

# %%
axis_view = panels.axis.show()
axis_view

# %% [markdown]
# **Predict, run, read, change, make**
#
# 1. *Predict*: you have said where the axis will point. *Run*: move *feature 2 x* to 10.
# 2. *Read* (*Menu, Show code*): which line makes the millimeters? Why is the angle taken modulo 180? What is in column 0 of `found.components`?
# 3. *Change*: copy the code into a cell and multiply both features by 10.
#    <details><summary>What you should see</summary>The angle of the first panel again: only the ratio of the units turns the axis. The eigenvalues are 100 times larger.</details>
# 4. *Make*: a panel that divides each feature by its standard deviation first. Where does the axis point for any two features then?
#    <details><summary>What you should see</summary>At 45° or at 135°: of two features of variance 1 the covariance has (1, 1) and (1, -1) as eigenvectors. (If they are uncorrelated, both eigenvalues are 1, and every direction is as good.)</details>

# %% [markdown]
# ## 3 Pictures from a few numbers
#
# A picture of $8 \times 8$ pixels is a sample with 64 features. Rebuilt from $k$ components it is
# $\bar x + Z E E^\top$, of all $k$-dimensional planes the one with the smallest squared error. For faces the
# components are *eigenfaces*.
#
# All the variance of 100 faces is kept by 99 components, one less than there are pictures: that says nothing yet. The dashed
# curve judges by pictures that had no part in the components, the last fifth.

# %%
questions.kept_by_eight

# %%
questions.kept_of_new_faces

# %%
rebuilt_view = panels.components.show()
rebuilt_view

# %% [markdown]
# Of new *digits* $k$ components keep as much as of the old ones; the 79 that 80 faces have keep three quarters of 20 new faces, and
# no more can be had from 80.
#
# **Components are uncorrelated** (slides 003, p. 4). Neighboring pixels vary together, so the covariance of the pixels has numbers
# nearly all over. That of the projections, $E^\top C E$, has the eigenvalues on its diagonal and zeros beside it.

# %%
uncorrelated_view = panels.uncorrelated.show()
uncorrelated_view

# %% [markdown]
# ## 4 Features that add nothing
#
# *Using more features means that we also need more training samples* (slides 003, p. 3). Which features? Here digits are told by the
# nearest known one, over how many are known. **Copies** of some pixels and **mixtures** of them are derived from what is there;
# **noise** has nothing to do with the digit.

# %%
questions.costly_features

# %%
added_view = panels.added_features.show()
added_view

# %% [markdown]
# Copies and mixtures add nothing, and they hardly cost anything. Noise blurs all distances: with as many columns of noise as pixels, a
# thousand digits give no more than a hundred without it.

# %% [markdown]
# ## 5 Does PCA inhibit overfitting?
#
# The slides (003, p. 4) say so. Fifty digits, their first $k$ components, and all other digits to judge by. **Least squares** can
# overfit: a line for each digit class, with as many slopes as components. **The nearest neighbor** fits nothing.

# %%
questions.held_out_curve

# %%
few_view = panels.few_samples.show()
few_view

# %% [markdown]
# * *Least squares* has with all 49 components all fifty training digits right and most new ones wrong; with about twenty it has three of
#   four new ones right. There the slides are right.
# * *The nearest neighbor* has its training digits right at every $k$, and new ones no more often by twenty components than by all. There
#   PCA saves numbers, no mistakes.

# %% [markdown]
# ## Try this
#
# 1. **Find the eigenvalue by hand.** Turn the axis in *The axis of largest variance* until the variance stops growing.
#    Compare the angle with the eigenvector's. Where is the variance smallest, and how far from the first angle is that?
#    <details><summary>What you should see</summary>Largest near 47°, smallest near 137°: 90° apart, as eigenvectors of a symmetric matrix are.</details>
# 2. **How many numbers is a digit?** In *Pictures from k components* raise $k$ until you can read every digit. How much of
#    the variance is that? Do the same for faces.
#    <details><summary>What you should see</summary>Of digits 20 components keep nine tenths. Of a hundred faces 40 do: few pictures, each with much of its own.</details>
# 3. **Break it.** In *PCA, step by step* give a column one value everywhere; give four samples on a cross,
#    `1 0`, `-1 0`, `0 1`, `0 -1`; give a single sample. Each time the panel says what is special.
#    <details><summary>What you should see</summary>The column is named as constant; the two eigenvalues are equal, so that every direction is as good; a single sample is refused, since a variance takes two.</details>
# 4. **More digits.** In *Few samples, many components* raise *training digits*. At how many does least squares no longer overfit?
#    <details><summary>What you should see</summary>With 100 digits all components cost 7 points against the best number of them, with 200 still 3: less and less, and never nothing. With 50 it was 48, and fewer digits cost less again, 3 points with 20: there are as many components as digits then, and the best number of them is right about two of three new ones only.</details>

# %% [markdown]
# ## What this does not show
#
# Variance is not importance, and it has a unit. Move *feature 2 x* in *The axis of largest variance*: measuring the same
# thing in millimeters instead of centimeters turns the principal axis, though nothing about the samples has changed.
# That is why features of different kinds are divided by their standard deviation first. And two groups may differ most
# along the axis of *smallest* variance, which PCA throws away first:

# %%
groups_view = panels.axis.show()
groups_view.set(samples=tuple((x, y) for y in (-0.5, 0.5) for x in range(-4, 5)))
groups_view

# %% [markdown]
# At 0° the variance is largest, and the two rows of samples fall onto each other.

# %% [markdown]
# ## What you expected, what it was

# %%
questions.summary("pca")

# %% [markdown]
# ## Checks

# %%
import torch

assert [f"{value:.7f}" for value in found.eigenvalues.tolist()] == ["0.0490834", "1.2840277"]
assert [f"{value:.6f}" for value in found.covariance.flatten().tolist()] == [
    "0.616556",
    "0.615444",
    "0.615444",
    "0.716556",
]
assert [f"{-found.projection[row, 0]:.4f}" for row in (0, 7)] == ["-0.8280", "1.1446"]
assert f"{discriminant:.7f}" == "1.5250875"
assert [f"{one:.5f}" for one in (found.eigenvectors[0] / found.eigenvectors[1]).tolist()] == [
    "-1.08454",
    "0.92205",
]
six = (1.333112 - round((1.333112**2 - 4 * 0.063026) ** 0.5, 6)) / 2
assert f"{six:.7f}" == "0.0490845", "what six digits give"

# %%
from sklearn.decomposition import PCA

peer = PCA().fit(EXAMPLE.numpy())
assert torch.allclose(
    found.eigenvalues.flip(0), torch.from_numpy(peer.explained_variance_), atol=1e-10
)

# %%
from vizkit.methods.pca import variance_along

angles = torch.linspace(0, 180, 1801)
assert torch.isclose(variance_along(EXAMPLE, angles).max(), found.eigenvalues[-1], atol=1e-5)
# Try 1
along = variance_along(EXAMPLE, angles)
assert abs(float(angles[along.argmax()]) - 47) < 1
assert abs(float(angles[along.argmin()]) - float(angles[along.argmax()]) - 90) < 0.2
axis_view.controls["angle"].value = 47
assert axis_view.error is None
assert "47°" in axis_view.items["chart"].layout.title.text

# %%
# Try 3
steps_view.controls["samples"].value = "1 5\n2 5\n4 5"
assert "Column 2 is constant" in steps_view.shown["steps"].value
steps_view.controls["samples"].value = "1 0\n-1 0\n0 1\n0 -1"
assert "Eigenvalues 1 and 2 are equal" in steps_view.shown["steps"].value
steps_view.controls["samples"].value = "1 2"
assert "samples must be two or more" in str(steps_view.error)
steps_view.reset()
assert steps_view.error is None

# %%
# Try 2
rebuilt_view.controls["k"].value = 64
found = rebuilt_view.result
assert 0.88 < float(found.explained[:20].sum()) < 0.92
assert torch.allclose(found.reconstruction(64), found.samples)
rebuilt_view.controls["pictures"].value = "faces"
assert rebuilt_view.error is None

# %%
from vizkit.core.data import faces
from vizkit.panels.principal import kept_of_new

assert 0.7 < kept_of_new("faces")[78] < 0.8
all_faces = faces().flatten(1)
assert float(pca(all_faces[:80]).explained[:79].sum()) > 0.9999

# %%
for kind in ("copies", "mixtures"):
    added_view.set(kind=kind)
    plain, more = (one.mean(0) for one in added_view.result.values())
    assert (plain - more).abs().max() < 0.03
added_view.reset()
plain, more = (one.mean(0) for one in added_view.result.values())
assert more[-1] < plain[2] + 0.01, "a thousand with noise, a hundred without"

# %%
for scores in few_view.result:
    assert scores.train[-1] == 1
    assert scores.held[-1] < 0.5
few = torch.stack([scores.held for scores in few_view.result]).mean(0)
assert few[14:25].min() > 0.7
few_view.set(classifier="nearest neighbor")
near = torch.stack([scores.held for scores in few_view.result]).mean(0)
assert (near[19:] - near[-1]).abs().max() < 0.02
few_view.reset()
# Try 4
few_view.set(train=200)
most = min(len(scores.held) for scores in few_view.result)
held = torch.stack([scores.held[:most] for scores in few_view.result]).mean(0)
assert 0.01 < held.max() - held[-1] < 0.05
assert few.max() - few[-1] > 0.4
few_view.set(train=20)
most = min(len(scores.held) for scores in few_view.result)
held = torch.stack([scores.held[:most] for scores in few_view.result]).mean(0)
assert 0 < held.max() - held[-1] < 0.06
assert 0.6 < held.max() < 0.7
few_view.reset()
own = uncorrelated_view.result
beside = torch.cov(pca(own.samples, 64).projection.T)
assert (beside - beside.diag().diag()).abs().max() < 1e-12
