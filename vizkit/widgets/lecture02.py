"""The panels of lecture 02: the steps on a table, the turning axis, rebuilt pictures."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import ipywidgets as widgets
import torch
from torch import Tensor

from vizkit.core.data import digits, faces, gray_pictures
from vizkit.figures.pca import axis_chart, eigenpictures, explained_chart, rebuilt_rows, steps
from vizkit.methods.pca import EXAMPLE, PCA, parse_table, pca
from vizkit.widgets import controls as make
from vizkit.widgets import layouts
from vizkit.widgets.old_panel import Panel, Shown

TEXT = "\n".join(" ".join(f"{value:g}" for value in row) for row in EXAMPLE.tolist())


def _table_field() -> widgets.Textarea:
    return widgets.Textarea(
        TEXT, description="samples", continuous_update=False, rows=12,
        style={"description_width": "92px"}, layout=widgets.Layout(width=make.WIDTH),
    )  # fmt: skip


def _table_code(table: str) -> str:
    rows = parse_table(table).tolist()
    return f"samples = torch.tensor({rows}, dtype=torch.float64)"


def steps_panel() -> Panel:
    """Take a table that is typed or pasted through the five steps."""
    controls = {"table": _table_field(), "k": make.slider("k", 1, 2, 1)}

    def adjust(controls: dict[str, Any]) -> None:
        features = parse_table(controls["table"].value).shape[1]
        make.limit(controls["k"], features)

    def compute(table: str, k: int) -> PCA:
        return pca(parse_table(table), k)

    def code(table: str, k: int) -> str:
        return "\n".join([
            "import torch",
            "from vizkit.methods.pca import pca",
            "",
            _table_code(table),
            f"result = pca(samples, k={k})",
            "result.mean, result.covariance, result.eigenvalues, result.eigenvectors",
        ])  # fmt: skip

    return Panel(
        "PCA, step by step", controls, compute, lambda found: {"steps": steps(found)},
        code=code, adjust=adjust,
    )  # fmt: skip


@dataclass(frozen=True)
class AxisView:
    """What the turning-axis panel shows."""

    samples: Tensor
    angle: float
    found: PCA


def axis_panel() -> Panel:
    """Turn an axis through the cloud; its variance peaks at the largest eigenvalue."""
    controls = {
        "table": _table_field(),
        "angle": make.slider("angle [°]", 0, 180, 0),
        "unit": make.slider("feature 2 x", 0.1, 10.0, 1.0, step=0.1),
    }

    def compute(table: str, angle: int, unit: float) -> AxisView:
        samples = parse_table(table)
        if samples.shape[1] != 2:
            raise ValueError(f"the axis turns in a table of 2 columns, got {samples.shape[1]}")
        samples = samples * torch.tensor([1.0, unit], dtype=torch.float64)
        return AxisView(samples, angle, pca(samples))

    def draw(view: AxisView) -> Shown:
        first = view.found.components[:, 0]
        best = float(torch.rad2deg(torch.atan2(first[1], first[0]))) % 180
        text = (
            f"The largest eigenvalue is <b>{view.found.eigenvalues[-1]:.7f}</b>, its eigenvector "
            f"lies at <b>{best:.1f}°</b>; the smallest is {view.found.eigenvalues[0]:.7f}."
        )
        return {"chart": axis_chart(view.samples, view.angle), "text": text}

    def code(table: str, angle: int, unit: float) -> str:
        return "\n".join([
            "import torch",
            "from vizkit.figures.pca import axis_chart",
            "from vizkit.methods.pca import variance_along",
            "",
            _table_code(table),
            f"samples = samples * torch.tensor([1.0, {unit}], dtype=torch.float64)",
            f"result = variance_along(samples, {angle})",
            f"axis_chart(samples, {angle})",
        ])  # fmt: skip

    return Panel(
        "The axis of largest variance", controls, compute, draw, code=code,
        arrange=layouts.column,
    )  # fmt: skip


PICTURES = {"digits": digits, "faces": faces}


@cache
def _pictures(name: str) -> Tensor:
    """Return gray pictures: bundled ones, or those of a folder or a torchvision dataset."""
    return PICTURES[name]() if name in PICTURES else gray_pictures(name)


@cache
def _pca_of(name: str) -> PCA:
    return pca(_pictures(name).flatten(1))


@dataclass(frozen=True)
class RebuiltView:
    """What the reconstruction panel shows."""

    found: PCA
    shape: tuple[int, int]
    k: int
    rows: Tensor

    @property
    def reconstruction(self) -> Tensor:
        """The chosen pictures rebuilt, shape (n, height width)."""
        return self.found.reconstruction(self.k)[self.rows]


def rebuilt_panel(pictures: str = "digits") -> Panel:
    """Rebuild pictures from their first k components.

    Parameters
    ----------
    pictures : str
        ``"digits"``, ``"faces"``, a folder of at least 12 pictures, or the name of a torchvision
        dataset.
    """
    controls = {
        "pictures": make.choices("pictures", list(dict.fromkeys([*PICTURES, pictures])), pictures),
        "k": make.slider("k", 1, 64, 8),
        "first": make.slider("from number", 0, 1785, 0, live=False),
    }

    def adjust(controls: dict[str, Any]) -> None:
        found = _pca_of(controls["pictures"].value)
        for name, last in (("k", len(found.eigenvalues)), ("first", len(found.samples) - 12)):
            make.limit(controls[name], last)

    def compute(pictures: str, k: int, first: int) -> RebuiltView:
        height, width = _pictures(pictures).shape[1:]
        return RebuiltView(_pca_of(pictures), (height, width), k, torch.arange(first, first + 12))

    def draw(view: RebuiltView) -> Shown:
        return {
            "rows": rebuilt_rows(view.found, view.k, view.rows, view.shape),
            "components": eigenpictures(view.found, view.shape),
            "curve": explained_chart(view.found, view.k),
        }

    def code(pictures: str, k: int, first: int) -> str:
        known = pictures in PICTURES
        return "\n".join([
            "import torch",
            f"from vizkit.core.data import {pictures if known else 'gray_pictures'}",
            "from vizkit.figures.pca import rebuilt_rows",
            "from vizkit.methods.pca import pca",
            "",
            f"pictures = {pictures}()" if known else f"pictures = gray_pictures({pictures!r})",
            "found = pca(pictures.flatten(1))",
            f"rows = torch.arange({first}, {first + 12})",
            f"result = found.reconstruction({k})[rows]",
            f"rebuilt_rows(found, {k}, rows, tuple(pictures.shape[1:]))",
        ])  # fmt: skip

    return Panel(
        "Pictures from k components", controls, compute, draw, code=code, adjust=adjust,
        arrange=layouts.column,
        captions={
            "rows": "above twelve pictures, in the middle what k components keep, below the loss",
            "components": "the leading eigenvectors",
        },
    )  # fmt: skip
