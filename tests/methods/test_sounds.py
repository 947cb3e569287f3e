"""Words, the net that hears them, and sounds that fool it."""

import io
import math
import wave

import numpy as np
import pytest
import scipy.signal
import torch

from vizkit.figures.sounds import sound
from vizkit.methods.sounds import LENGTH, RATE, WORDS, attack_sound, make_sounds, spectrogram


class Linear(torch.nn.Module):
    """Two classes: the sign of a sum."""

    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def forward(self, sounds):
        score = sounds @ self.weights
        return torch.stack([-score, score], 1)


def test_words_are_the_same_twice_and_another_voice_speaks_otherwise():
    words = torch.arange(8)
    one = make_sounds(words, seed=3)
    assert one.shape == (8, LENGTH)
    assert one.abs().max() <= 1
    assert torch.equal(one, make_sounds(words, seed=3))
    assert not torch.equal(one, make_sounds(words, seed=4))


def test_the_second_formant_moves_as_the_word_says():
    words = torch.tensor([WORDS.index("u-i"), WORDS.index("i-u")]).repeat(10)
    loud = 10 ** (spectrogram(make_sounds(words)) / 10)
    high = loud[:, 55:80].sum(1)  # 1700 to 2500 Hz: i has a formant there, u has none
    first, second = high[:, 8:20].sum(1), high[:, -22:-10].sum(1)
    assert (second > first)[::2].all()
    assert (first > second)[1::2].all()


def test_a_full_tone_has_zero_decibels_at_its_pitch():
    tone = (2 * math.pi * 1000 * torch.arange(LENGTH) / RATE).sin()
    loud = spectrogram(tone)
    assert loud.shape == (129, 65)
    assert loud[32, 32] == pytest.approx(0, abs=0.01)  # 1000 Hz
    assert loud[64, 32] < -60


def test_the_spectrogram_is_scipys():
    samples = make_sounds(torch.tensor([0]))[0]
    window = scipy.signal.windows.hann(256, sym=False)
    peer = scipy.signal.ShortTimeFFT(window, 64, RATE).stft(samples.double().numpy(), p0=4, p1=60)
    wanted = 20 * np.log10(np.maximum(np.abs(peer) / (window.sum() / 2), 1e-6))
    assert np.abs(spectrogram(samples)[:, 4:60].numpy() - wanted).max() < 0.1


def test_a_linear_net_is_fooled_by_the_sign_of_its_weights():
    weights = torch.randn(50, generator=torch.Generator().manual_seed(0))
    start = 0.5 * torch.rand(3, 50, generator=torch.Generator().manual_seed(1)) - 0.25
    found = attack_sound(Linear(weights), start, 1, decibels=-20)
    wanted = start + 0.1 * start.abs().amax(1, keepdim=True) * weights.sign()
    torch.testing.assert_close(found.sounds, wanted, atol=1e-6, rtol=0)
    torch.testing.assert_close(found.loudness, torch.full((3,), -20.0), atol=1e-3, rtol=0)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="decibels must be 0 or below, got 3"):
        attack_sound(Linear(torch.ones(4)), torch.zeros(1, 4), 1, decibels=3)
    with pytest.raises(ValueError, match=r"sounds must have shape \(N, samples\)"):
        attack_sound(Linear(torch.ones(4)), torch.zeros(4), 1)
    with pytest.raises(ValueError, match=r"samples must have shape \(samples,\)"):
        sound(torch.zeros(2, 4), RATE, "two")


def test_a_sound_is_a_wav_file_with_a_label():
    samples = torch.tensor([0.0, 1.0, -1.0, 0.5])
    item = sound(samples, RATE, "before & after")
    with wave.open(io.BytesIO(item.encoded())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        heard = np.frombuffer(file.readframes(9), "<i2")
    assert heard.tolist() == [0, 32767, -32767, 16384]
    html = item._repr_html_()
    assert html.count("<audio controls") == 1
    assert 'aria-label="before &amp; after"' in html
    assert "data:audio/wav;base64,UklGR" in html
