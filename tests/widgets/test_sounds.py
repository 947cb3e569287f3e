"""A sound is an item: it is played, compared by its bytes, and saved."""

from typing import Annotated, Any

import torch

import vizkit
from vizkit.figures.sounds import Sound, sound
from vizkit.widgets import Slider
from vizkit.widgets.agreement import plain


@vizkit.panel("A tone")
def tone(pitch: Annotated[float, Slider(100.0, 900.0, 100.0)] = 400.0) -> Any:
    """One tone."""
    samples = (torch.arange(800) * pitch * 6.2832 / 8000).sin()
    return samples, {"tone": sound(samples, 8000, "a tone")}


def test_a_panel_plays_a_sound_and_plays_another_one_after_a_change():
    panel = tone.show()
    before = panel.shown["tone"].value
    assert "<audio controls" in before
    assert isinstance(panel.items["tone"], Sound)
    panel.set(pitch=500.0)
    assert panel.shown["tone"].value != before


def test_sounds_are_equal_by_their_bytes_and_their_label():
    one, two = torch.zeros(100), torch.ones(100)
    assert plain(sound(one, 8000, "x")) == plain(sound(one.clone(), 8000, "x"))
    assert plain(sound(one, 8000, "x")) != plain(sound(two, 8000, "x"))
    assert plain(sound(one, 8000, "x")) != plain(sound(one, 8000, "y"))


def test_a_sound_is_saved_as_wav(tmp_path):
    panel = tone.show()
    (path,) = panel._slots["tone"].save(lambda name, suffix: tmp_path / f"{name}.{suffix}")
    assert path.name == "tone.wav"
    assert path.read_bytes() == panel.items["tone"].encoded()


def test_a_still_names_the_sound():
    assert tone.show().still["text/plain"] == "A tone: a sound, a tone"
