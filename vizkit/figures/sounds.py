"""Sounds that a page can play, and pictures of what is in them."""

import base64
import io
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots
from torch import Tensor

from vizkit.figures.theme import layout


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound with a name, shown by Jupyter as ``<audio>`` that carries the sound itself.

    Parameters
    ----------
    samples : ndarray, int16, shape (samples,)
    rate : int
        Samples in a second.
    label : str
        Shown above the player, and read aloud for it.
    """

    samples: NDArray[np.int16]
    rate: int
    label: str

    @property
    def width(self) -> int:
        """In pixels."""
        return 320

    @property
    def height(self) -> int:
        """In pixels."""
        return 76

    def encoded(self) -> bytes:
        """Return the sound as a WAV file, one channel of 16 bits."""
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(self.samples.astype("<i2").tobytes())
        return buffer.getvalue()

    def html(self) -> str:
        """Return the label and an ``<audio>`` element with the browser's own controls."""
        data = base64.b64encode(self.encoded()).decode()
        name = escape(self.label)
        return (
            f'<div style="width: {self.width}px">{name}<br><audio controls preload="auto" aria-label="{name}" '
            f'style="width: {self.width - 20}px; height: 44px" src="data:audio/wav;base64,{data}"></audio></div>'
        )

    def save(self, path: str | Path) -> Path:
        """Write the sound as a WAV file and return its path."""
        path = Path(path)
        path.write_bytes(self.encoded())
        return path

    def _repr_html_(self) -> str:
        return self.html()


def sound(samples: Tensor, rate: int, label: str) -> Sound:
    """Make a sound of samples, shape (samples,), in [-1, 1].

    Raises
    ------
    ValueError
        If there are no samples, or they are not in one row or not in [-1, 1].
    """
    if samples.ndim != 1 or not samples.numel() or not samples.abs().max() <= 1:
        raise ValueError(f"samples must have shape (samples,) and be in [-1, 1], got {tuple(samples.shape)}")
    return Sound((32767 * samples.detach().cpu()).round().short().numpy(), rate, label)


def spectrogram_chart(loudness: Mapping[str, Tensor], seconds: float, top: float) -> go.Figure:
    """Draw spectrograms side by side in one scale of colors.

    Parameters
    ----------
    loudness : mapping of str to Tensor, shape (frequencies, times)
        In decibels.
    seconds : float
        How long the sounds are.
    top : float
        Highest frequency in Hz.
    """
    figure = make_subplots(1, len(loudness), subplot_titles=list(loudness), shared_yaxes=True, horizontal_spacing=0.03)
    for column, values in enumerate(loudness.values(), 1):
        figure.add_heatmap(
            z=values.numpy().round(1),
            x=np.linspace(0, seconds, values.shape[1]).round(4),
            y=np.linspace(0, top, values.shape[0]),
            zmin=-100,
            zmax=-20,
            colorscale="Viridis",
            showscale=column == len(loudness),
            colorbar={"title": "dB"},
            row=1,
            col=column,
        )
    figure.update_xaxes(title="time [s]")
    figure.update_yaxes(title="frequency [Hz]", col=1)
    return layout(figure, width=960, height=330, margin={"l": 70, "r": 20, "t": 40, "b": 60})


def word_bars(names: Any, before: Tensor, after: Tensor) -> go.Figure:
    """Draw a net's shares of the words before and after an attack."""
    bars = [go.Bar(name=name, x=list(names), y=one.tolist()) for name, one in (("before", before), ("after", after))]
    return layout(
        go.Figure(bars),
        width=620,
        height=250,
        title_text="What the net hears",
        yaxis={"tickformat": ".0%", "range": [0, 1.02]},
        barmode="group",
        margin={"b": 40},
    )
