"""Runs what Show code prints, and compares it with what the page shows."""

import ast

import numpy as np
import plotly.graph_objects as go
import pytest
import torch

from vizkit.figures.raster import Raster
from vizkit.widgets.picture import Picture

#: What a listing calls ``pictures``: a user's own.
PICTURES = [(image, 0) for image in torch.rand(3, 3, 40, 50)]


def executed(panel, **names):
    """Run a panel's code as a cell does, and find each picture and chart that it shows."""
    shown = []
    names |= {"pictures": PICTURES}
    *lines, final = ast.parse(panel.code).body
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.display", shown.append)
        exec(compile(ast.Module(lines, []), "code", "exec"), names)
        shown.append(eval(compile(ast.Expression(final.value), "code", "eval"), names))
    _compare_pictures(panel, [one.pixels for one in shown if isinstance(one, Raster)])
    charts = [one for one in panel.shown.values() if isinstance(one, go.FigureWidget)]
    for chart in (one for one in shown if isinstance(one, go.Figure)):
        assert any(same_data(chart, one) for one in charts), "the code shows what the page shows"
    return names["result"]


def _compare_pictures(panel, pictures):
    page = [one.raster.pixels for one in panel.shown.values() if isinstance(one, Picture)]
    assert pictures or not page, "the code shows a picture"
    for pixels in pictures:
        assert any(
            pixels.shape == one.shape and np.abs(pixels.astype(int) - one).max() <= 2
            for one in page
        ), "the code shows what the page shows"
    assert len(pictures) == len(page)


def same_data(chart, other):
    """Whether two charts draw the same numbers."""
    mine, theirs = (_drawn(one) for one in (chart, other))
    return len(mine) == len(theirs) and all(map(_alike, mine, theirs))


def _alike(mine, theirs):
    if mine.dtype.kind in "OU":  # names on an axis, or None between lines
        return mine.tolist() == theirs.tolist()
    return mine.shape == theirs.shape and np.allclose(mine, theirs, atol=1e-3, equal_nan=True)


def _drawn(chart):
    return [
        np.asarray(trace[axis])
        for trace in chart.data for axis in "xyz"
        if axis in trace and trace[axis] is not None and len(trace[axis])
    ]  # fmt: skip
