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

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS10 Convolution by hand
#
# What is one sum of products good for? Belongs to lecture `10_convolution.ipynb`.
#
# | question | kind | points | graded | time |
# |---|---|---|---|---|
# | 1 | derive | 5 | by tests | 20 min |
# | 2 | implement | 6 | by tests | 35 min |
# | 3 | explore | 4 | by tests, with tolerances | 15 min |
# | 4 | explain | 5 | by hand | 20 min |
# | 5 | make a panel | 5 | by tests | 20 min |
# | 6 | predict | 3 | by tests | 10 min |
# | | | **28** | | **120 min** |
#
# Write where it says `YOUR CODE HERE` or `YOUR ANSWER HERE`, and leave the other cells as they are. The cells behind your
# code test it; some tests are hidden and run when it is graded. A cell may take a minute. Before you hand in: *Kernel, Restart
# Kernel and Run All Cells*.
#
# Convolution is meant as on the slides: the kernel is not flipped.

# %% nbgrader={"grade": false, "grade_id": "ps10-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math

import torch

import vizkit
from vizkit import panels

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 Weights that stay equal (5 points)
#
# $u = x \circledast w$ has the numbers $u_i = \sum_{j=1}^{k} x_{i+j-1} w_j$, with $x \in \mathbb{R}^d$ and $w \in \mathbb{R}^k$. As a dense layer it is $u = M x$: write
# $M$. In it each weight has many copies, which must stay equal. A loss $z$ depends on $x$ and $w$ through $u$ alone, and backpropagation has brought you
# $g_i = \partial z / \partial u_i$. Derive $\partial z / \partial w$ and $\partial z / \partial x$.


# %% nbgrader={"grade": false, "grade_id": "ps10-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dense_matrix(w, d):
    """Return the matrix (d - k + 1, d) of a convolution of d numbers with w (k,)."""
    ### BEGIN SOLUTION
    matrix = torch.zeros(d - len(w) + 1, d)
    for row in range(len(matrix)):
        matrix[row, row : row + len(w)] = w
    return matrix
    ### END SOLUTION


def gradients(x, w, g):
    """Return the gradients of z by w (k,) and by x (d,); g (d - k + 1,) is the one by u."""
    ### BEGIN SOLUTION
    # a weight sees x shifted by its place; the sum over its copies is a convolution of x with g
    by_weight = torch.stack([(g * x[at : at + len(g)]).sum() for at in range(len(w))])
    return by_weight, dense_matrix(w, len(x)).T @ g
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps10-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
x, w, g = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 1.0]), torch.tensor([1.0, 10.0])
assert torch.allclose(dense_matrix(w, 3) @ x, torch.tensor([3.0, 5.0]))
by_weight, by_number = gradients(x, w, g)
assert torch.allclose(by_weight, torch.tensor([21.0, 32.0]))
assert torch.allclose(by_number, torch.tensor([1.0, 11.0, 10.0]))
### BEGIN HIDDEN TESTS
for seed, (d, k) in enumerate(((5, 2), (9, 4), (30, 7), (6, 6), (4, 1))):
    random = torch.Generator().manual_seed(seed)
    x = torch.randint(-5, 6, (d,), generator=random).float().requires_grad_()
    w = torch.randint(-5, 6, (k,), generator=random).float().requires_grad_()
    g = torch.randint(-5, 6, (d - k + 1,), generator=random).float()
    columns = torch.nn.functional.conv1d(torch.eye(d)[:, None], w.detach()[None, None])[:, 0]
    assert torch.allclose(torch.as_tensor(dense_matrix(w.detach(), d)).float(), columns.T)
    u = torch.nn.functional.conv1d(x[None, None], w[None, None])[0, 0]
    wanted = torch.autograd.grad(u, (w, x), g)
    for mine, known in zip(gradients(x.detach(), w.detach(), g), wanted, strict=True):
        assert mine.shape == known.shape
        assert torch.allclose(mine, known, atol=1e-3)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 The sum, a kernel, a score (6 points)
#
# - The convolution in two dimensions, with a stride, and with zeros on all four sides. Write the sums out: no convolution of a library.
# - The slides print a Gaussian kernel as $w_i \sim \exp^{(i - k/2)^2 / \sigma^2}$ for $i = 1, \dots, k$. As printed it grows outwards, it is lopsided, and $\sigma$ is not
#   the standard deviation of the curve. Put all three right, and scale the kernel to sum to 1.
# - The score of a pattern at each of its places: take from the window and from the pattern their own means, and divide the sum of products of what is left by the length of each
#   (the root of its sum of squares). It is 1 where the two are alike but for brightness and contrast, and 0 where all numbers of the window are equal.


# %% nbgrader={"grade": false, "grade_id": "ps10-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_convolution(x, w, stride=1, padding=0):
    """Return the convolution of x (H, W) with w (h, w), which is not flipped."""
    ### BEGIN SOLUTION
    (height, width), (rows, columns) = x.shape, w.shape
    wide = torch.zeros(height + 2 * padding, width + 2 * padding)
    wide[padding : padding + height, padding : padding + width] = x
    down, across = ((wide.shape[side] - w.shape[side]) // stride + 1 for side in (0, 1))
    found = torch.zeros(down, across)
    for i in range(down):
        for j in range(across):
            window = wide[stride * i : stride * i + rows, stride * j : stride * j + columns]
            found[i, j] = (window * w).sum()
    return found
    ### END SOLUTION


def my_gaussian(k, sigma):
    """Return a Gaussian kernel (k,) that sums to 1, sigma its standard deviation."""
    ### BEGIN SOLUTION
    places = torch.arange(1, k + 1) - (k + 1) / 2
    kernel = torch.exp(-(places**2) / (2 * sigma**2))
    return kernel / kernel.sum()
    ### END SOLUTION


def my_scores(x, pattern):
    """Return the score of a pattern (h, w) at each of its places in x (H, W), from -1 to 1."""
    ### BEGIN SOLUTION
    (rows, columns), wanted = pattern.shape, pattern - pattern.mean()
    found = torch.zeros(x.shape[0] - rows + 1, x.shape[1] - columns + 1)
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            window = x[i : i + rows, j : j + columns]
            window = window - window.mean()
            length = window.norm() * wanted.norm()
            found[i, j] = (window * wanted).sum() / length if length > 1e-6 else 0
    return found
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps10-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
x = torch.tensor(
    [[3.0, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
)
w = torch.tensor([[0.0, 1, 2], [2, 2, 0], [0, 1, 2]])
on_the_slides = torch.tensor([[12.0, 12, 17], [10, 17, 19], [9, 6, 14]])
assert torch.allclose(my_convolution(x, w), on_the_slides)
assert my_convolution(x, w, padding=1).shape == (5, 5)
assert abs(float(my_gaussian(7, 1.5).sum()) - 1) < 1e-5
assert abs(float(my_scores(x, x[1:4, 2:4])[1, 2]) - 1) < 1e-5
### BEGIN HIDDEN TESTS
from scipy.signal.windows import gaussian as known_gaussian
from skimage.feature import match_template as known_scores

for seed, (shape, small, stride, padding) in enumerate(
    (
        ((6, 6), (3, 3), 1, 0),
        ((7, 5), (3, 2), 1, 1),
        ((9, 8), (2, 4), 2, 0),
        ((8, 11), (3, 3), 3, 2),
        ((5, 5), (5, 5), 2, 1),
        ((4, 6), (1, 1), 2, 0),
    )
):
    random = torch.Generator().manual_seed(seed)
    numbers = torch.randint(-5, 6, shape, generator=random).float()
    kernel = torch.randint(-5, 6, small, generator=random).float()
    known = torch.nn.functional.conv2d(
        numbers[None, None], kernel[None, None], stride=stride, padding=padding
    )[0, 0]
    mine = my_convolution(numbers, kernel, stride, padding)
    assert mine.shape == known.shape
    assert torch.allclose(mine.float(), known, atol=1e-3)
for k, sigma in ((5, 1.0), (7, 3.0), (8, 1.5), (1, 2.0), (31, 4.0), (4, 0.7)):
    known = torch.as_tensor(known_gaussian(k, sigma)).float()
    mine = torch.as_tensor(my_gaussian(k, sigma)).float()
    assert torch.allclose(mine, known / known.sum(), atol=1e-5)
photo_seen = vizkit.load_image("coins", (24, 24)).mean(0)
for top, left, rows, columns in ((3, 4, 5, 6), (10, 0, 7, 4), (0, 15, 2, 9)):
    part = photo_seen[top : top + rows, left : left + columns]
    known = torch.as_tensor(known_scores(photo_seen.numpy(), part.numpy())).float()
    for gain, more in ((1, 0), (0.5, 0.3), (-2, 1)):  # contrast and brightness make no difference
        mine = torch.as_tensor(my_scores(gain * photo_seen + more, part)).float()
        assert torch.allclose(mine, known if gain > 0 else -known, atol=1e-3)
blank = torch.zeros(6, 6)
blank[:, 4:] = 1
assert my_scores(blank, x[:2, :2])[:, [0, 1, 2, 4]].abs().max() < 1e-3
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 Which kernel was it? (4 points)
#
# In the panel, find the kernel of game 7 of *any whole numbers*, by hand or by *compute it*. The second picture was made without flipping the kernel; `scipy.signal.convolve2d`, or
# whoever convolves as in signal processing, would have flipped it. How far would their picture be from the wanted one? Set the panel's kernel to the one that they would have used in fact,
# and read how much the two pictures differ (a share of the wanted picture, within 0.03).
#
# And for which of the games 0 to 7 of *one of a list* does the flip make no difference?

# %% nbgrader={"grade": false, "grade_id": "ps10-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
match_view = panels.match_kernel.show(picture="camera", level="any whole numbers", game=7)
match_view

# %% nbgrader={"grade": false, "grade_id": "ps10-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
kernel_of_7 = ...  # three rows of three whole numbers
apart_if_flipped = ...  # 0.5 is 50 %
games_unchanged = ...  # of the games 0 to 7 of the list, such as {2, 3}
### BEGIN SOLUTION
kernel_of_7 = ((-2, 0, -1), (-1, 1, 0), (0, 2, 1))


def flipped(kernel):
    return tuple(row[::-1] for row in kernel[::-1])


match_view.set(kernel=flipped(kernel_of_7))
apart_if_flipped = match_view.result
listed = {  # as "compute it" tells
    0: ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    1: ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    2: ((0, 0, 0), (0, 0, 1), (0, 0, 0)),
    3: ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    4: ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    5: ((1, 2, 1), (0, 0, 0), (-1, -2, -1)),
    6: ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    7: ((0, 0, 0), (0, -1, 0), (0, 0, 0)),
}
games_unchanged = {game for game, kernel in listed.items() if flipped(kernel) == kernel}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps10-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert torch.as_tensor(kernel_of_7).shape == (3, 3)
assert apart_if_flipped > 0
assert set(games_unchanged) <= set(range(8))
### BEGIN HIDDEN TESTS
from vizkit.methods.kernels import hidden_kernel

known = hidden_kernel(7, whole=True)[1]
assert torch.equal(torch.as_tensor(kernel_of_7).float().round(decimals=3), known)
gray = vizkit.load_image("camera", (96, 96)).mean(0)
wanted, theirs = (
    torch.nn.functional.conv2d(gray[None, None], one[None, None])
    for one in (known, known.flip(0, 1))
)
assert abs(apart_if_flipped - float((wanted - theirs).norm() / wanted.norm())) <= 0.03
in_the_list = [hidden_kernel(game)[1] for game in range(8)]
assert set(games_unchanged) == {
    game for game, one in enumerate(in_the_list) if torch.equal(one, one.flip(0, 1))
}
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 A letter on a page (5 points)
#
# "Output of convolution will be higher when pattern correlates well with underlying image", the slides say of pattern matching. A letter *e* is cut out of the page `text` and
# looked for with the plain sum of products: the largest sum is at a window of blank paper, and most windows have a larger one than the letter's own place has. In at most 150 words:
# explain this; say what it helps to take the mean off the pattern, and what to divide by the lengths as well, as in question 2; and name a case in which even this score misses
# the pattern or misleads.
#
# | points | for |
# |---|---|
# | 1 | no number is negative, so the brighter a window, the larger its sum: white paper has at least that of any letter |
# | 1 | a pattern of mean 0 sums to 0: brightness that is added to a window changes nothing, blank paper has 0 |
# | 2 | the sum still grows with the contrast of the window: strong edges of another shape can beat the pattern; divided by the lengths it is a cosine, 1 at most, and 1 only for the pattern but for brightness and contrast |
# | 1 | a case: the pattern turned, larger, partly covered or of another font; a nearly blank window, whose noise is blown up |

# %% nbgrader={"grade": false, "grade_id": "ps10-q4-page", "locked": true, "schema_version": 3, "solution": false, "task": false}
page = vizkit.load_image("text", 384)
letter = page[:, 38:55, 61:76]
sums = vizkit.match_template(page, letter, normalized=False)
row, column = divmod(int(sums.argmax()), sums.shape[1])
largest = page[:, row : row + 17, column : column + 15]
share = float((sums > sums[38, 61]).float().mean())
print(
    f"the window with the largest sum: all its numbers are from {largest.min():.2f} to {largest.max():.2f}"
)
print(f"the letter's own place: {share:.0%} of all windows have a larger sum")

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps10-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# Paper is 1, ink nearly 0, and no number of the pattern is negative. The sum is then largest where every pixel is 1: on blank paper. The letter's own place has ink where the pattern has
# ink, and there the products are nearly 0.
#
# With its mean taken off, the pattern sums to 0. Brightness that is added to a window no longer counts, and blank paper has the sum 0. But twice the contrast is still twice the sum, so that
# a strong edge of another shape can beat a pale copy of the letter. Divided by the lengths the sum is the cosine of two vectors: 1 at most, and 1 only for the letter itself, pale
# or dark.
#
# An *e* that is turned, or larger, is missed. And a window that is blank but for noise is divided by a length of nearly 0: its noise counts as much as ink.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 Two short passes (5 points)
#
# A Gaussian in two dimensions is a product of two in one: a pass along the rows and one along the columns do what the square kernel does in one. Make a panel `two_passes` titled *Two
# short passes*: a `picture` (`"camera"`) and a slider `sigma` from 0.5 to 5 in steps of 0.5 (2.0 at first). Take the picture in gray at 128 by 128 pixels,
# `vizkit.load_image(picture, (128, 128)).mean(0)`, and the kernel that is cut off behind $3 \sigma$: it has $k = 2 \lceil 3 \sigma \rceil + 1$ numbers. The result is the picture, smoothed
# in two passes without padding, a tensor (129 - k, 129 - k). It shows the picture `before`, the result `after`, and a `text` with the number of products that the two passes take together,
# and of those that one pass with the square kernel would take, each with commas, such as `1,234,567`.
#
# `make_your_own.ipynb` shows how a panel is written, `vizkit.gaussian_kernel(k, sigma, 1)` and `vizkit.correlate` are there to be used. It is graded by calling it and by its listing
# (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps10-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

from vizkit.figures.pictures import fit, photo
from vizkit.widgets import Picture, Slider


# %% nbgrader={"grade": false, "grade_id": "ps10-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("Two short passes")
def two_passes(picture: Picture = "camera", sigma: Annotated[float, Slider(0.5, 5.0, 0.5)] = 2.0):
    """Smoothed along the rows, then along the columns."""
    image = vizkit.load_image(picture, (128, 128)).mean(0)
    k = 2 * math.ceil(3 * sigma) + 1
    kernel = vizkit.gaussian_kernel(k, sigma, 1)
    rows = vizkit.correlate(image, kernel[None])
    found = vizkit.correlate(rows, kernel[:, None])
    two, one = k * (rows.numel() + found.numel()), k**2 * found.numel()
    return found, {
        "before": fit(photo(image.expand(3, -1, -1), "The picture"), 320),
        "after": fit(photo(found.expand(3, -1, -1), f"Smoothed, sigma {sigma:g}"), 320),
        "text": f"**{two:,}** products instead of **{one:,}**, {one / two:.1f} times fewer",
    }


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps10-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = two_passes.show()
assert view.error is None
assert set(view.items) == {"before", "after", "text"}
assert view.result.shape == (116, 116)
assert disagreements(view) == []  # its listing makes what it shows


### BEGIN HIDDEN TESTS
def known_smoothed(name, sigma):
    reach = math.ceil(3 * sigma)
    place = torch.arange(-reach, reach + 1).double()
    square = torch.exp(-(place[:, None] ** 2 + place**2) / (2 * sigma**2))
    gray = vizkit.load_image(name, (128, 128)).mean(0).double()
    return torch.nn.functional.conv2d(gray[None, None], (square / square.sum())[None, None])[0, 0]


for name, sigma in (("camera", 2.0), ("coffee", 0.5), ("chelsea", 5.0)):
    assert torch.allclose(
        two_passes(name, sigma)[0].double(), known_smoothed(name, sigma), atol=1e-4
    )
view.set(picture="coffee", sigma=4.0)
assert torch.allclose(view.result.double(), known_smoothed("coffee", 4.0), atol=1e-4)
side = view.result.shape[0]
assert side == 128 - 25 + 1
assert f"{25 * side * 128 + 25 * side * side:,}" in str(view.items["text"])
assert f"{25**2 * side**2:,}" in str(view.items["text"])
assert disagreements(view) == []
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps10-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# "Improves shift-invariance", the slides say of pooling. The edges of a photo, max pooling in windows of 4 x 4: the photo moves by 1 px. By how much do the pooled numbers change, in percent
# of their length (`questions.pooled_by_a_shift` of the lecture)? A number from 0 to 100, the mean over all of `photos`; without pooling it is 80. `pooling_view.result["max"]` holds the
# change of the photo that is shown, as a share, for shifts of 0, 1, 2, ... px.
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right, within 8 (2 points).

# %% nbgrader={"grade": false, "grade_id": "ps10-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

photos = [name for name, one in vizkit.images().items() if one.package]
pooling_view = panels.pooling.show(picture="camera", window=4)
pooling_view

# %% nbgrader={"grade": false, "grade_id": "ps10-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # from 0 to 100
because = ...  # a sentence
finding = ...  # from 0 to 100
### BEGIN SOLUTION
prediction = 0
because = "The largest of a window stays the largest when everything moves by one pixel."


def change_of(photo):
    pooling_view.set(picture=photo)
    return pooling_view.result["max"][1]


finding = 100 * sum(map(change_of, photos)) / len(photos)
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps10-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.pooled_by_a_shift.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps10-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert 0 <= finding <= 100
### BEGIN HIDDEN TESTS
assert questions.pooled_by_a_shift.right(finding)
### END HIDDEN TESTS
