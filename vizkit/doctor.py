"""What a lecturer checks the evening before: will it work tomorrow, on this machine."""

import importlib.metadata
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from jupyter_core.paths import jupyter_path

from vizkit.core.assets import ASSETS, NOTEBOOKS
from vizkit.core.checks import first_line
from vizkit.core.images import load_image
from vizkit.core.models import file_hash, load_model, models

PACKAGES = ("torch", "torchvision", "ipywidgets", "jupyterlab", "plotly", "scikit-learn")
#: Parts of JupyterLab without which a panel stays blank.
EXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "anywidget", "jupyterlab-plotly")
DISK, MEMORY = 1.0, 1.5  # GB


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Parameters
    ----------
    what, text : str
    ok : bool
    cure : str
        What to do about it; empty if all is well.
    """

    what: str
    text: str
    ok: bool = True
    cure: str = ""


def examine() -> Iterator[Finding]:
    """Yield one finding per check; a check that breaks is a finding, too."""
    for check in CHECKS:
        try:
            yield check()
        except Exception as error:
            name = (check.__doc__ or check.__name__).rstrip(".").lower()
            yield Finding(name, first_line(error), False, "install vizkit again, then ask for help")


def _versions() -> Finding:
    """Versions."""
    found = [f"Python {platform.python_version()}"]
    found += [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    ok = sys.version_info >= (3, 11)
    return Finding("versions", ", ".join(found), ok, "install Python 3.11 or later")


def _device() -> Finding:
    """Device."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    return Finding("device", f"{device}, {torch.get_num_threads()} threads")


def _files() -> Finding:
    """Bundled files."""
    rows = [row.split() for row in (ASSETS / "SHA256SUMS").read_text().splitlines()]
    bad = [name for digest, name in rows if not (ASSETS / name).is_file() or file_hash(ASSETS / name) != digest]
    if bad:
        return Finding("bundled files", f"damaged: {', '.join(bad)}", False, "install vizkit again")
    return Finding("bundled files", f"{len(rows)} as they were shipped")


def _notebooks() -> Finding:
    """Notebooks."""
    count = len(list(NOTEBOOKS.glob("*.ipynb")))
    return Finding("notebooks", f"{count} in {NOTEBOOKS}", count > 0, "install vizkit again")


def _disk() -> Finding:
    """Disk."""
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return Finding("disk", f"{free:.1f} GB free", free >= DISK, f"free at least {DISK} GB")


def _memory() -> Finding:
    """Memory."""
    free = psutil.virtual_memory().available / 1e9
    return Finding("memory", f"{free:.1f} GB available", free >= MEMORY, "close programs or other kernels")


def _weights() -> Finding:
    """Weights that are cached."""
    cached = [model.name for model in models().values() if model.status == "cached"]
    text = ", ".join(cached) if cached else "none; notebooks run on the bundled network"
    return Finding("cached torchvision weights", text)


def _extensions() -> Finding:
    """JupyterLab extensions."""
    roots = [Path(root) for root in jupyter_path("labextensions")]
    missing = [name for name in EXTENSIONS if not any((root / name).is_dir() for root in roots)]
    return Finding(
        "JupyterLab extensions",
        f"missing: {', '.join(missing)}" if missing else f"{len(EXTENSIONS)} of {len(EXTENSIONS)}",
        not missing,
        "pip install --force-reinstall ipywidgets anywidget plotly",
    )


def _callback() -> Finding:
    """Widget callback."""
    from vizkit.panels import activations

    panel = activations.show()
    before = panel.items["laid"]
    panel.controls["channel"].value = 5
    ok = panel.error is None and panel.items["laid"] is not before
    return Finding(
        "widget callback",
        f"a slider moved a picture in {_text(panel.status)}",
        ok,
        "pip install --force-reinstall ipywidgets",
    )


def _text(html: str) -> str:
    return html.partition(">")[2].partition("<")[0]


def _optimization() -> Finding:
    """One second of optimization."""
    model = load_model()
    image = load_image("chelsea", 128)
    target = model.label_index("tabby")
    scores: list[float] = []
    end = time.monotonic() + 1
    while time.monotonic() < end or len(scores) < 2:
        image = image.detach().requires_grad_()
        score = model.logits(image)[target]
        scores.append(score.item())
        (gradient,) = torch.autograd.grad(score, image)
        image = (image + 0.002 * gradient.sign()).clamp(0, 1)
    return Finding(
        "one second of optimization",
        f"{len(scores)} steps, score of tabby {scores[0]:.1f} to {scores[-1]:.1f}",
        scores[-1] > scores[0],
        "close other programs; if that does not help, install torch again",
    )


CHECKS: tuple[Callable[[], Finding], ...] = (
    _versions,
    _device,
    _files,
    _notebooks,
    _disk,
    _memory,
    _weights,
    _extensions,
    _callback,
    _optimization,
)
