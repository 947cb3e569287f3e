"""From the eye to the filter: what cones and rods see, which way a unit's bar must lie, and Gabor's patches."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.methods.activations import activations

__all__ = [
    "GaborFit",
    "Tuning",
    "bar_picture",
    "cones_and_rods",
    "fit_gabors",
    "gabor",
    "orientation_tuning",
    "pigment_sensitivity",
]

#: Where each receptor of the human eye absorbs most, in nm (Bowmaker & Dartnall 1980).
PEAKS = {"L cones": 564.0, "M cones": 534.0, "S cones": 420.0, "rods": 498.0}
#: From linear sRGB to XYZ (IEC 61966-2-1), and from XYZ to cones (Hunt, Pointer & Estevez, for daylight).
_TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
_TO_CONES = ((0.4002, 0.7076, -0.0808), (-0.2263, 1.1653, 0.0457), (0.0, 0.0, 0.9182))


def pigment_sensitivity(peak: float, wavelengths: Tensor) -> Tensor:
    """Return how well a visual pigment absorbs light, 1 at its peak, of the same shape as the wavelengths.

    Parameters
    ----------
    peak : float
        In nm.
    wavelengths : Tensor
        In nm.

    References
    ----------
    Govardovskii et al., "In search of the visual pigment template", Visual Neuroscience 2000, its alpha band.
    """
    x = peak / wavelengths
    a = 0.8795 + 0.0459 * math.exp(-((peak - 300) ** 2) / 11940)
    return 1 / ((69.7 * (a - x)).exp() + (28 * (0.922 - x)).exp() + (-14.9 * (1.104 - x)).exp() + 0.674)


def cones_and_rods(image: Tensor) -> Tensor:
    """Return how strongly a photo excites each kind of receptor, shape (4, H, W), in the order of `PEAKS`.

    White excites each with 1. A photo has three numbers in a pixel, no spectrum: for the cones these are enough,
    for the rods they are an estimate.

    Parameters
    ----------
    image : Tensor, shape (3, H, W), RGB in [0, 1]
        As sRGB.

    References
    ----------
    Larson, Rushmeier & Piatko, "A visibility matching tone reproduction operator", 1997, its equation for rods.
    """
    checks.image(image)
    linear = torch.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)
    xyz = torch.einsum("ij,jhw->ihw", image.new_tensor(_TO_XYZ), linear)
    cones = torch.einsum("ij,jhw->ihw", image.new_tensor(_TO_CONES), xyz)
    white = image.new_tensor(_TO_XYZ).sum(1)
    scale = (image.new_tensor(_TO_CONES) @ white).view(3, 1, 1)
    return torch.cat([cones / scale, _rods(xyz.clamp(min=1e-6))[None] / _rods(white)]).clamp(0, 1.5)


def _rods(xyz: Tensor) -> Tensor:
    """Estimate the answer of rods from XYZ, (3, ...)."""
    x, y, z = xyz
    answer: Tensor = y * (1.33 * (1 + (y + z) / x) - 1.68)
    return answer


def _across(size: int, angle: float) -> tuple[Tensor, Tensor]:
    """Return how far each pixel is from a line through the middle at an angle, and its squared distance from there."""
    line = torch.arange(size) - (size - 1) / 2
    y, x = torch.meshgrid(-line, line, indexing="ij")
    turn = math.radians(angle)
    return -math.sin(turn) * x + math.cos(turn) * y, x.square() + y.square()


def bar_picture(angle: float, size: int, width: float, *, shift: float = 0.0, bright: bool = True) -> Tensor:
    """Draw a bar across a gray picture, its border smooth, shape (3, size, size).

    Parameters
    ----------
    angle : float
        In degrees: 0 lies flat, 90 stands upright; counterclockwise.
    size : int
        Side of the picture in pixels.
    width : float
        Of the bar, in pixels.
    shift : float
        Of the bar, away from the middle, in pixels.
    bright : bool
        White on gray; else black.
    """
    across, _ = _across(size, angle)
    bar = (0.5 + width / 2 - (across - shift).abs()).clamp(0, 1)
    gray = 0.5 + 0.5 * bar * (1 if bright else -1)
    return gray.expand(3, -1, -1).contiguous()


@dataclass(frozen=True)
class Tuning:
    """How strongly each channel of a layer answers to bars of every orientation.

    Parameters
    ----------
    angles : Tensor, shape (n,)
        In degrees, from 0 to 180.
    responses : Tensor, shape (channels, n)
        The largest over the places of a map, and over bright and dark bars, above the answer to plain gray; 0 at least.
    """

    angles: Tensor
    responses: Tensor

    @property
    def selectivity(self) -> Tensor:
        """One minus the circular variance, shape (channels,): 0 for all orientations alike, 1 for a single one.

        As in Ringach, Shapley & Hawken, "Orientation selectivity in macaque V1", J. Neuroscience 2002.
        """
        turn = torch.exp(2j * torch.deg2rad(self.angles.double()))
        total = self.responses.double().sum(1)
        return ((self.responses * turn).sum(1).abs() / total.clamp(min=1e-9)).where(total > 1e-9, 0).float()

    @property
    def preferred(self) -> Tensor:
        """The orientation in degrees to which each channel answers most, shape (channels,)."""
        return self.angles[self.responses.argmax(1)]


def orientation_tuning(model: ImageModel, layer: str, *, width: float = 4.0, count: int = 24) -> Tuning:
    """Turn a bar before a network, as Hubel and Wiesel did before a cat.

    Parameters
    ----------
    model : ImageModel
    layer : str
        A layer with maps.
    width : float
        Of the bar, in pixels.
    count : int
        Orientations over half a turn.

    Raises
    ------
    ValueError
        If the layer has no maps, or the width is not positive.

    References
    ----------
    Hubel & Wiesel, "Receptive fields of single neurones in the cat's striate cortex", J. Physiology 1959.
    """
    if not width > 0:
        raise ValueError(f"width must be positive, got {width}")
    angles = torch.arange(checks.integer(count, 2, None, "count")) * (180 / count)

    def answers(shown: Tensor) -> Tensor:
        maps = activations(model, shown, layer).maps
        if min(maps.shape[1:]) < 4:
            raise ValueError(f"layer {layer!r} must have maps of 4 x 4 or more, got {tuple(maps.shape[1:])}")
        margin = maps.shape[1] // 4  # the border has edges of its own
        return maps[:, margin : maps.shape[1] - margin, margin : maps.shape[2] - margin].amax((1, 2))

    size = model.input_size
    gray = answers(bar_picture(0, size, 1e-3, shift=2.0 * size))
    found = [
        torch.stack([answers(bar_picture(angle, size, width, bright=bright)) for bright in (True, False)]).amax(0)
        for angle in angles.tolist()
    ]
    return Tuning(angles, (torch.stack(found, 1) - gray[:, None]).clamp(min=0))


def gabor(size: int, angle: float, period: float, sigma: float, phase: float = 0.0) -> Tensor:
    """Return a Gabor patch, a wave under a Gaussian, shape (size, size).

    Parameters
    ----------
    size : int
        Side in pixels.
    angle : float
        Of its stripes, in degrees, counterclockwise: 0 lie flat.
    period : float
        From stripe to stripe, in pixels.
    sigma : float
        Of the Gaussian, in pixels.
    phase : float
        In degrees.
    """
    across, square = _across(size, angle)
    wave = (2 * math.pi * across / period + math.radians(phase)).cos()
    return wave * (-square / (2 * sigma**2)).exp()


@dataclass(frozen=True)
class GaborFit:
    """The best Gabor of a bank for each filter of a layer.

    Parameters
    ----------
    fitted : Tensor, shape (filters, channels, h, w)
    explained : Tensor, shape (filters,)
        Share of each filter's square length that it has.
    angles : Tensor, shape (filters,)
        Of its stripes, in degrees.
    periods : Tensor, shape (filters,)
        In pixels.
    """

    fitted: Tensor
    explained: Tensor
    angles: Tensor
    periods: Tensor


def _pair(side: int, angle: float, period: float, sigma: float, move: tuple[int, int]) -> Tensor:
    """Return a Gabor in two phases, moved by some pixels, shape (side * side, 2)."""
    across, down = move
    both = [gabor(side + 2, angle, period, sigma, phase) for phase in (0, 90)]
    cut = [one[1 + down : 1 + down + side, 1 + across : 1 + across + side].flatten() for one in both]
    return torch.stack(cut, 1).double()


def fit_gabors(weight: Tensor) -> GaborFit:
    """Find for each filter the Gabor that explains most of it, among some thousand; phase and colors are fitted.

    Parameters
    ----------
    weight : Tensor, shape (filters, channels, k, k)
        A first layer's.
    """
    filters, channels, side, _ = weight.shape
    spread = [side / 6, side / 4, side / 2.5]
    moves = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    kinds = [
        (angle, period, sigma, move)
        for angle in range(0, 180, 15)
        for period in (0.4 * side, 0.55 * side, 0.75 * side, side, 1.4 * side, 3.0 * side)
        for sigma in spread
        for move in moves
    ]
    pairs = torch.stack([_pair(side, *kind) for kind in kinds])
    basis, _ = torch.linalg.qr(pairs)  # (kinds, pixels, 2)
    rows = weight.double().reshape(filters, channels, -1)
    parts = torch.einsum("fcp,kpq->fkcq", rows, basis)  # what each channel has of the two phases
    best, which = parts.square().sum((2, 3)).max(1)
    chosen = parts[torch.arange(filters), which]
    fitted = torch.einsum("fcq,fpq->fcp", chosen, basis[which])
    total = rows.square().sum((1, 2)).clamp(min=1e-12)
    angles = torch.tensor([kinds[one][0] for one in which.tolist()])
    periods = torch.tensor([kinds[one][1] for one in which.tolist()])
    return GaborFit(fitted.view_as(weight).float(), (best / total).float(), angles, periods)
