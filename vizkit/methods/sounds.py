"""Words of two vowels, made of harmonics, a small net that hears them, and sounds that fool it."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.assets import ASSETS
from vizkit.core.remembered import remembered
from vizkit.core.seeds import fresh_weights, generator, step_seed

__all__ = ["SoundAttack", "attack_sound", "bundled_listener", "make_sounds", "spectrogram", "trained_listener"]

#: Samples in a second, and in a word.
RATE, LENGTH = 8000, 4096
#: The first three formants of vowels in Hz, means of men's in Peterson & Barney, 1952.
FORMANTS = {
    "a": (730.0, 1090.0, 2440.0),
    "e": (530.0, 1840.0, 2480.0),
    "i": (270.0, 2290.0, 3010.0),
    "o": (570.0, 840.0, 2410.0),
    "u": (300.0, 870.0, 2240.0),
}
WORDS = ("a-i", "i-a", "a-u", "u-a", "e-o", "o-e", "i-u", "u-i")
#: Widths of the formants in Hz.
WIDTHS = (90.0, 110.0, 170.0)
#: What `trained_listener(0)` has learned.
LISTENER = ASSETS / "models" / "listener.safetensors"


def make_sounds(words: Tensor, *, seed: int = 0) -> Tensor:
    """Speak words: harmonics of a random pitch, louder near the formants, and some noise.

    Parameters
    ----------
    words : Tensor, int64, shape (N,)
        Which of `WORDS` each sound is.
    seed : int
        Of pitch, speed, mouth, loudness and noise.

    Returns
    -------
    Tensor, float32, shape (N, 4096), in [-1, 1]
        Half a second at 8000 samples a second.
    """
    spoken = [_spoken(part, generator(step_seed(seed, number))) for number, part in enumerate(words.split(100))]
    return torch.cat(spoken)


def _spoken(words: Tensor, random: torch.Generator) -> Tensor:
    def drawn(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(words), 1, generator=random)

    time = torch.linspace(0, 1, LENGTH)
    table = torch.tensor([[FORMANTS[vowel] for vowel in word.split("-")] for word in WORDS])[words]
    turn = torch.sigmoid((time - drawn(0.35, 0.65)) * drawn(10, 25))  # from the first vowel to the second
    formants = table[:, 0, :, None] * (1 - turn[:, None]) + table[:, 1, :, None] * turn[:, None]
    formants = formants * drawn(0.92, 1.08)[:, None]
    pitch = drawn(100, 200) * (1 + drawn(-0.2, 0.2) * time)
    phase = 2 * math.pi * pitch.cumsum(1) / RATE
    voice = torch.zeros(len(words), LENGTH)
    for number in range(1, 38):
        tone = number * pitch
        loud = sum(1 / (1 + ((tone - formants[:, k]) / WIDTHS[k]) ** 2) / (k + 1) for k in range(3))
        voice += loud * (tone < 3800) * (number * phase).sin()
    envelope = (time / 0.08).clamp(max=1) * ((1 - time) / 0.15).clamp(max=1)
    voice = voice * envelope
    voice = voice / voice.abs().amax(1, keepdim=True) * drawn(0.4, 0.8)
    return (voice + 0.004 * torch.randn(voice.shape, generator=random)).clamp(-1, 1)


def spectrogram(sound: Tensor) -> Tensor:
    """Return how loud each pitch is at each time, in decibels below a full-scale tone.

    Parameters
    ----------
    sound : Tensor, shape (N, 4096) or (4096,)

    Returns
    -------
    Tensor, shape (..., 129, 65)
        Frequencies from 0 to 4000 Hz, times; -120 at least.
    """
    window = torch.hann_window(256)
    parts = torch.stft(sound, 256, 64, window=window, return_complex=True).abs() / (window.sum() / 2)
    return 20 * parts.clamp(min=1e-6).log10()


class Listener(nn.Module):
    """A net of one-dimensional convolutions over the samples themselves.

    Parameters
    ----------
    accuracy : float
        On sounds that it was not trained on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.accuracy = 0.0
        self.layers = nn.Sequential(
            nn.Conv1d(1, 32, 64, stride=8),
            nn.ReLU(),
            nn.Conv1d(32, 32, 8, stride=4),
            nn.ReLU(),
            nn.Conv1d(32, 32, 8, stride=4),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(5),
            nn.Flatten(),
            nn.Linear(160, len(WORDS)),
        )

    def forward(self, sounds: Tensor) -> Tensor:
        """Return scores (N, 8) of sounds (N, 4096)."""
        scores: Tensor = self.layers(sounds[:, None])
        return scores


def spoken_words(count: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return sounds, all words equally often, and which word each is."""
    words = torch.arange(count) % len(WORDS)
    return make_sounds(words, seed=seed), words


@remembered(1)
def trained_listener(seed: int = 0) -> Listener:
    """Train a net to tell the words apart, on 480 sounds; 200 others say how well it does.

    Parameters
    ----------
    seed : int
        Of the sounds and the first weights.
    """
    sounds, words = spoken_words(480, seed=2 * seed)
    with fresh_weights(seed):
        net = Listener()
    descent = torch.optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(12):
        for rows in torch.randperm(len(sounds), generator=generator(step_seed(seed, epoch))).split(32):
            loss = F.cross_entropy(net(sounds[rows]), words[rows])
            descent.zero_grad()
            loss.backward()
            descent.step()
    return _tried(net, seed)


@remembered(1)
def bundled_listener() -> Listener:
    """Load the net that `trained_listener` gives for seed 0, already trained.

    Raises
    ------
    FileNotFoundError
        If its weights are not there.
    """
    if not LISTENER.is_file():
        raise FileNotFoundError(f"{LISTENER} is missing; install vizkit again")
    net = Listener()
    net.load_state_dict(load_file(LISTENER))
    return _tried(net, 0)


def _tried(net: Listener, seed: int) -> Listener:
    """Let a net that has learned hear words that it was not trained on."""
    net.requires_grad_(False)
    held_out, named = spoken_words(200, seed=2 * seed + 1)
    net.accuracy = float((net(held_out).argmax(1) == named).float().mean())
    return net


@dataclass(frozen=True)
class SoundAttack:
    """Sounds after an attack.

    Parameters
    ----------
    sounds : Tensor, shape (N, 4096), in [-1, 1]
    change : Tensor, shape (N, 4096)
        What was added.
    probabilities : Tensor, shape (N, 8)
        What the net answers now.
    success : Tensor, bool, shape (N,)
        Whether the target is the first answer.
    loudness : Tensor, shape (N,)
        The change's peak in decibels against the sound's.
    """

    sounds: Tensor
    change: Tensor
    probabilities: Tensor
    success: Tensor
    loudness: Tensor


def attack_sound(
    net: nn.Module, sounds: Tensor, target: int | Tensor, *, decibels: float = -30.0, steps: int = 40
) -> SoundAttack:
    """Add what makes a net hear another word, never louder than a share of the sound.

    Projected gradient descent on the samples, under the largest change of a sample.

    Parameters
    ----------
    net : Module
        Scores (N, classes) of sounds.
    sounds : Tensor, shape (N, samples), in [-1, 1]
    target : int or Tensor, int64, shape (N,)
    decibels : float
        The largest change of a sample against the largest sample, 0 or below.
    steps : int

    Raises
    ------
    ValueError
        If the sounds are none, or decibels is above 0.

    References
    ----------
    Loudness as in Carlini & Wagner, *Audio adversarial examples*, 2018.
    """
    if sounds.ndim != 2 or not sounds.numel() or not sounds.abs().max() <= 1:
        raise ValueError(f"sounds must have shape (N, samples) and values in [-1, 1], got {tuple(sounds.shape)}")
    if not decibels <= 0:
        raise ValueError(f"decibels must be 0 or below, got {decibels}")
    steps = checks.integer(steps, 1, None, "steps")
    peak = sounds.abs().amax(1, keepdim=True)
    epsilon = peak * 10 ** (decibels / 20)
    low, high = (sounds - epsilon).clamp(min=-1), (sounds + epsilon).clamp(max=1)
    wanted = torch.as_tensor(target).expand(len(sounds))
    now = sounds
    for _ in range(steps):
        now = now.detach().requires_grad_()
        with torch.enable_grad():
            (way,) = torch.autograd.grad(F.cross_entropy(net(now), wanted, reduction="sum"), now)
        now = torch.clamp(now.detach() - 2.5 / steps * epsilon * way.sign(), low, high)
    with torch.no_grad():
        shares = net(now).softmax(1)
    change = now - sounds
    loudness = 20 * (change.abs().amax(1) / peak[:, 0]).clamp(min=1e-9).log10()
    return SoundAttack(now, change, shares, shares.argmax(1) == wanted, loudness)
