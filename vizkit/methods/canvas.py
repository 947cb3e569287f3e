"""Ways to write a picture down as numbers that an optimizer turns."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor

from vizkit.core.data import cut_patches

# Standard deviation of natural colors: a picture of this contrast looks like a photo.
_CONTRAST = 4.0


class Canvas(Protocol):
    """Numbers that stand for a batch of pictures."""

    @property
    def gray(self) -> Tensor:
        """The color (3,) of a picture of nothing."""

    def start(self, count: int, generator: torch.Generator) -> Tensor:
        """Return the numbers of `count` pictures of nothing."""

    def encode(self, images: Tensor) -> Tensor:
        """Return the numbers of pictures (N, 3, H, W)."""

    def decode(self, values: Tensor) -> Tensor:
        """Return the pictures (N, 3, H, W), RGB in [0, 1], differentiable."""


@lru_cache(maxsize=1)
def natural_colors() -> tuple[Tensor, Tensor]:
    """Return the mean color (3,) of natural pictures and the axes (3, 3) along which colors vary.

    The columns are the principal axes of the bundled photos' colors, each as long as the standard
    deviation along it: bright to dark first, then blue to orange.
    """
    colors = _photos(64).movedim(1, -1).reshape(-1, 3)
    values, axes = torch.linalg.eigh(torch.cov(colors.T))
    return colors.mean(0), (axes * values.clamp(min=0).sqrt()).flip(1)


@lru_cache(maxsize=8)
def natural_spectrum(size: int) -> Tensor:
    """Return the root mean square magnitude of natural pictures, shape (3, size, size // 2 + 1).

    Of the discrete Fourier transform of each decorrelated color of the bundled photos.
    """
    mean, axes = natural_colors()
    colors = torch.einsum("cd,ndhw->nchw", torch.linalg.inv(axes), _photos(size) - mean.view(3, 1, 1))
    spectrum: Tensor = torch.fft.rfft2(colors).abs().square().mean(0).sqrt()
    spectrum[:, 0, 0] = 0  # the mean color is the canvas's own
    return spectrum


def _photos(size: int) -> Tensor:
    count = max(60, 600 * 128**2 // max(size, 128) ** 2)  # bounded memory
    return cut_patches(count=count, size=size, seed=3).patches.float() / 255


def _frequencies(size: int) -> Tensor:
    """Return the frequency of each entry of a half spectrum, in cycles per pixel."""
    down, across = torch.fft.fftfreq(size), torch.fft.rfftfreq(size)
    return torch.hypot(down[:, None], across[None])


def _pass_below(size: int, highest: float) -> Tensor:
    """Return 1 below a frequency, falling softly to 0: a sharp edge would ring."""
    return torch.sigmoid((highest - _frequencies(size)) / 0.02)


@dataclass(frozen=True)
class PixelCanvas:
    """Pixels as they are, as distances from a mean color.

    Parameters
    ----------
    size : int
        Side in pixels.
    mean : Tensor, shape (3,)
        The color of an untouched picture: what the net's normalization turns into zero.
    noise : float
        Standard deviation of the first picture; 0 is the deck's start from zeros.
    """

    size: int
    mean: Tensor
    noise: float = 0.0

    @property
    def gray(self) -> Tensor:
        """The mean color."""
        return self.mean

    def start(self, count: int, generator: torch.Generator) -> Tensor:
        """Return distances (N, 3, H, W) from the mean color."""
        return self.noise * torch.randn(count, 3, self.size, self.size, generator=generator)

    def encode(self, images: Tensor) -> Tensor:
        """Return the distances of pictures from the mean color."""
        return images - self.mean.to(images.device).view(3, 1, 1)

    def decode(self, values: Tensor) -> Tensor:
        """Return the pictures; what leaves [0, 1] is cut, and its gradient passes."""
        images = values + self.mean.to(values.device).view(3, 1, 1)
        return images + (images.clamp(0, 1) - images).detach()


@dataclass(frozen=True)
class FourierCanvas:
    """A spectrum of decorrelated colors, each frequency scaled by 1 / f as in natural pictures.

    Parameters
    ----------
    size : int
        Side in pixels.
    highest : float
        Highest frequency, in cycles per pixel: what a net that sees the picture shrunk cannot see
        would be filled with noise.

    References
    ----------
    Olah, Mordvintsev & Schubert, "Feature visualization", Distill 2017.
    """

    size: int
    highest: float = 0.5

    @property
    def gray(self) -> Tensor:
        """Middle gray."""
        return torch.full((3,), 0.5)

    def _scale(self, device: torch.device) -> Tensor:
        found = _fourier_scale(self.size, self.highest)
        return found.to(device)

    def start(self, count: int, generator: torch.Generator) -> Tensor:
        """Return faint noise, shape (N, 3, H, W // 2 + 1, 2)."""
        shape = (count, 3, self.size, self.size // 2 + 1, 2)
        return 0.01 * torch.randn(shape, generator=generator)

    def encode(self, images: Tensor) -> Tensor:
        """Return the spectrum of pictures; frequencies above the highest are lost."""
        _, axes = natural_colors()
        colors = torch.einsum(
            "cd,ndhw->nchw",
            torch.linalg.inv(_unit(axes)).to(images.device),
            torch.logit(images.clamp(0.02, 0.98)) / _CONTRAST,
        )
        spectrum = torch.fft.rfft2(colors, norm="ortho") / self._scale(images.device)
        return torch.view_as_real(spectrum * _pass_below(self.size, self.highest).gt(0.5).to(images.device))

    def decode(self, values: Tensor) -> Tensor:
        """Return the pictures."""
        spectrum = torch.view_as_complex(values) * self._scale(values.device)
        colors: Tensor = torch.fft.irfft2(spectrum, s=(self.size, self.size), norm="ortho")
        return _paint(colors, _unit(natural_colors()[1]))


@lru_cache(maxsize=16)
def _fourier_scale(size: int, highest: float) -> Tensor:
    scale = _pass_below(size, highest) / _frequencies(size).clamp(min=1 / size)
    return scale / scale.square().mean().sqrt()


def _unit(axes: Tensor) -> Tensor:
    """Scale the color axes so that the longest is 1."""
    lengths: Tensor = axes.norm(dim=0)
    return axes / lengths.max()


def _paint(colors: Tensor, axes: Tensor) -> Tensor:
    """Turn decorrelated colors into RGB in [0, 1]."""
    return torch.sigmoid(_CONTRAST * torch.einsum("cd,ndhw->nchw", axes.to(colors.device), colors))


@dataclass(frozen=True)
class PhaseCanvas:
    """Phases alone: each frequency keeps the magnitude that natural pictures have.

    Parameters
    ----------
    size : int
        Side in pixels.
    highest : float
        Highest frequency, in cycles per pixel.

    References
    ----------
    Fel et al., "Unlocking feature visualization for deeper networks with magnitude constrained
    optimization" (MACO), NeurIPS 2023.
    """

    size: int
    highest: float = 0.5

    @property
    def gray(self) -> Tensor:
        """Middle gray."""
        return torch.full((3,), 0.5)

    def start(self, count: int, generator: torch.Generator) -> Tensor:
        """Return random phases in radians, shape (N, 3, H, W // 2 + 1)."""
        shape = (count, 3, self.size, self.size // 2 + 1)
        return (2 * torch.rand(shape, generator=generator) - 1) * math.pi

    def encode(self, images: Tensor) -> Tensor:
        """Return the phases of pictures; their magnitudes are lost."""
        mean, axes = (one.to(images.device) for one in natural_colors())
        colors = torch.einsum("cd,ndhw->nchw", torch.linalg.inv(axes), images - mean.view(3, 1, 1))
        phases: Tensor = torch.fft.rfft2(colors).angle()
        return phases

    def decode(self, values: Tensor) -> Tensor:
        """Return the pictures."""
        magnitude = natural_spectrum(self.size) * _pass_below(self.size, self.highest)
        spectrum = torch.polar(magnitude.to(values.device).expand_as(values), values)
        colors = torch.fft.irfft2(spectrum, s=(self.size, self.size))
        return _paint(colors, natural_colors()[1])
