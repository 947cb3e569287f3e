"""Kernels that are set by hand: smoothing, edges at any angle, patterns to look for."""

import math
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from vizkit.core import checks
from vizkit.core.seeds import generator
from vizkit.methods.convolution import correlate

__all__ = [
    "box_kernel",
    "fitted_kernel",
    "found_windows",
    "gaussian_kernel",
    "laplacian_of_gaussian",
    "match_template",
    "same_correlate",
    "sobel_kernel",
    "zero_crossings",
]

Smoothing = Literal["box", "Gaussian"]

#: Sobel's kernel as the slides print it: bright on the left.
SOBEL = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])


def box_kernel(size: int, dims: int = 2) -> Tensor:
    """Return the uniform kernel, each of its ``size^dims`` entries ``1 / size^dims``: the mean of a window.

    Parameters
    ----------
    size : int
        Side of the kernel, in pixels.
    dims : int
    """
    size = checks.integer(size, 1, None, "size")
    return torch.full([size] * dims, 1 / size**dims)


def gaussian_kernel(size: int, sigma: float, dims: int = 2) -> Tensor:
    """Return a Gaussian, cut off at the kernel's border and scaled to sum to 1.

    ``exp(-(i - (k + 1) / 2)^2 / (2 sigma^2))`` for i = 1, ..., k, along each side.

    Parameters
    ----------
    size : int
        Side of the kernel, in pixels.
    sigma : float
        Standard deviation before it is cut off, in pixels.
    dims : int

    Raises
    ------
    TypeError, ValueError
        If the size is not positive, or sigma is not.
    """
    size = checks.integer(size, 1, None, "size")
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, got {sigma}")
    places = torch.arange(1, size + 1) - (size + 1) / 2
    row = (-places.square() / (2 * sigma**2)).exp()
    kernel = row
    for _ in range(dims - 1):
        kernel = kernel[..., None] * row
    return kernel / kernel.sum()


def smoothing_kernel(kind: str, size: int, sigma: float, dims: int = 2) -> Tensor:
    """Return a box, or a Gaussian."""
    checks.choice(kind, get_args(Smoothing), "kernel")
    return box_kernel(size, dims) if kind == "box" else gaussian_kernel(size, sigma, dims)


def sobel_kernel(angle: float = 0.0) -> Tensor:
    """Return Sobel's kernel steered to an angle: ``cos(a) S + sin(a) S^T``, shape (3, 3).

    Parameters
    ----------
    angle : float
        In degrees: the direction in which the picture is to become darker; 0: to the right, 90: downwards.
        The edge itself runs across it.

    References
    ----------
    Freeman & Adelson, "The design and use of steerable filters", 1991.
    """
    turn = math.radians(angle)
    return math.cos(turn) * SOBEL + math.sin(turn) * SOBEL.T


def laplacian_of_gaussian(sigma: float) -> Tensor:
    """Return the Laplacian of a Gaussian, out to 4 sigma; it sums to 0.

    Parameters
    ----------
    sigma : float
        In pixels.

    References
    ----------
    Marr & Hildreth, "Theory of edge detection", 1980.
    """
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, got {sigma}")
    reach = math.ceil(4 * sigma)
    places = torch.arange(-reach, reach + 1).float()
    square = places[:, None].square() + places.square()
    kernel = (square / sigma**2 - 2) / sigma**2 * (-square / (2 * sigma**2)).exp() / (2 * math.pi * sigma**2)
    return kernel - kernel.mean()


def zero_crossings(response: Tensor, least: float = 0.0) -> Tensor:
    """Mark where numbers change their sign from a pixel to the next one, shape (H, W), bool.

    Parameters
    ----------
    response : Tensor, shape (H, W)
    least : float
        How far the two neighbors must be apart.
    """
    found = torch.zeros_like(response, dtype=torch.bool)
    for dim in (0, 1):
        count = response.shape[dim] - 1
        here, there = response.narrow(dim, 0, count), response.narrow(dim, 1, count)
        found.narrow(dim, 0, count).logical_or_((here * there < 0) & ((here - there).abs() > least))
    return found


def same_correlate(image: Tensor, kernel: Tensor) -> Tensor:
    """Correlate a picture with a kernel, the picture's border repeated: as large as the picture.

    Parameters
    ----------
    image : Tensor, shape (H, W)
    kernel : Tensor, shape (h, w)
    """
    (down, up), (left, right) = (((side - 1) // 2, side // 2) for side in kernel.shape)
    wide = F.pad(image[None, None], (left, right, down, up), mode="replicate")[0, 0]
    return correlate(wide, kernel)


def match_template(image: Tensor, pattern: Tensor, *, normalized: bool = True) -> Tensor:
    """Compare a pattern with each window of a picture: 1 where they are alike but for brightness and contrast.

    The normalized correlation of window and pattern, each with its mean (over all channels) taken off.

    Parameters
    ----------
    image : Tensor, shape (C, H, W)
    pattern : Tensor, shape (C, h, w)
    normalized : bool
        Else the plain sum of products, as a share of the largest: bright windows win.

    Returns
    -------
    Tensor, shape (H - h + 1, W - w + 1)
        In [-1, 1]; 0 where a window is of one color.

    Raises
    ------
    ValueError
        If the channels differ, the pattern is larger than the picture, or of one color.

    References
    ----------
    Lewis, "Fast normalized cross-correlation", 1995.
    """
    if len(image) != len(pattern):
        raise ValueError(f"the pattern must have the picture's {len(image)} channels, got {len(pattern)}")
    if image.shape[1] < pattern.shape[1] or image.shape[2] < pattern.shape[2]:
        sizes = tuple(image.shape[1:]), tuple(pattern.shape[1:])
        raise ValueError(f"the pattern must fit into the picture, {sizes[0]}, got {sizes[1]}")
    image, pattern = image.double(), pattern.double()
    if not normalized:
        plain = _sums(image, pattern)
        return (plain / plain.abs().max().clamp(min=1e-12)).float()
    centered = pattern - pattern.mean()
    length = centered.square().sum().sqrt()
    if length < 1e-9:
        raise ValueError("the pattern must have more than one color")
    ones = torch.ones_like(pattern)
    total, squares = _sums(image, ones), _sums(image.square(), ones)
    spread = (squares - total.square() / pattern.numel()).clamp(min=0).sqrt()
    alike = _sums(image, centered) / (spread * length).clamp(min=1e-12)
    return alike.where(spread > 1e-6, 0).clamp(-1, 1).float()


def found_windows(score: Tensor, least: float, size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the upper left corners (row, column) of the best windows, none nearer than half a pattern to a better one.

    Parameters
    ----------
    score : Tensor, shape (h, w)
        Of `match_template`.
    least : float
        The smallest score.
    size : (int, int)
        Height and width of the pattern.
    """
    return peaks(score, least, max(1, min(size) // 2))


def peaks(numbers: Tensor, least: float, near: int) -> list[tuple[int, int]]:
    """Return (row, column) of what is `least` or more and the largest among all within `near`, the largest first."""
    from skimage.feature import peak_local_max

    find: Any = peak_local_max
    above = least - 1e-6  # scikit-image asks for more than its threshold
    found = find(numbers.numpy(), min_distance=near, threshold_abs=above, exclude_border=False)
    return [(int(row), int(column)) for row, column in found]


def gaussian_within(size: int, sigma: float) -> float:
    """Return the share of a Gaussian of two dimensions that lies within a square of `size` pixels."""
    return math.erf(size / 2 / sigma / math.sqrt(2)) ** 2


def vertical_edges(image: Tensor) -> Tensor:
    """Return how much brightness changes from left to right at each pixel, (H, W): Sobel's kernel, its size, / 4."""
    return same_correlate(image, sobel_kernel(0)).abs() / 4


def long_edges(edges: Tensor, length: int) -> Tensor:
    """Look for long vertical lines in a map of edges, (H, W): a column of `length` pixels against those beside it.

    Parameters
    ----------
    edges : Tensor, shape (H, W)
    length : int
        In pixels.
    """
    length = checks.integer(length, 1, None, "length")
    beside = -0.5 / length
    kernel = torch.tensor([[beside, beside, 2 / length, beside, beside]]).expand(length, 5)
    return same_correlate(edges, kernel).relu()


def _sums(image: Tensor, pattern: Tensor) -> Tensor:
    """Return the correlation; by SciPy, which takes the Fourier transform for large patterns."""
    from scipy.signal import correlate as fast_correlate

    return torch.from_numpy(fast_correlate(image.numpy(), pattern.numpy(), "valid"))[0]


#: Kernels by name, 3 x 3: those of the game.
KNOWN: dict[str, tuple[tuple[float, ...], ...]] = {
    "a shift to the left": ((0, 0, 0), (0, 0, 1), (0, 0, 0)),
    "the mean of a row": ((0, 0, 0), (1, 1, 1), (0, 0, 0)),
    "Sobel, left to right": ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    "Sobel, top to bottom": ((1, 2, 1), (0, 0, 0), (-1, -2, -1)),
    "the Laplacian": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    "a sharpened picture": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "an edge along a diagonal": ((2, 1, 0), (1, 0, -1), (0, -1, -2)),
    "a negative": ((0, 0, 0), (0, -1, 0), (0, 0, 0)),
}


def hidden_kernel(game: int, *, whole: bool = False) -> tuple[str, Tensor]:
    """Draw the kernel of a game, shape (3, 3), and what it is.

    Parameters
    ----------
    game : int
        A seed.
    whole : bool
        Any whole numbers from -2 to 2; else one of `KNOWN`.
    """
    random = generator(game)
    if whole:
        return "of whole numbers", torch.randint(-2, 3, (3, 3), generator=random).float()
    names = list(KNOWN)
    name = names[int(torch.randint(len(names), (1,), generator=random))]
    return name, torch.tensor(KNOWN[name], dtype=torch.float32)


def fitted_kernel(before: Tensor, after: Tensor, size: int) -> Tensor:
    """Find the kernel that makes one picture of another, by least squares, shape (size, size).

    Parameters
    ----------
    before : Tensor, shape (H, W)
    after : Tensor, shape (H - size + 1, W - size + 1)
        A correlation of `before`, exact or nearly.
    size : int
    """
    windows = before.unfold(0, size, 1).unfold(1, size, 1).reshape(-1, size**2)
    found: Tensor = torch.linalg.lstsq(windows.double(), after.double().reshape(-1, 1)).solution
    return found.view(size, size)
