"""The reference of every name, made of the docstrings: plain files that open from disk."""

import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pdoc

import vizkit
from vizkit.widgets.function import PanelFunction

#: What a reader of the reference may import; the rest are commands.
PACKAGES = ("vizkit.core", "vizkit.methods", "vizkit.figures", "vizkit.widgets", "vizkit.panels")


def build_reference(out: Path) -> Path:
    """Write a page for each module, an index and a search, and return the entrance.

    Parameters
    ----------
    out : Path
        The folder.
    """
    pdoc.render.configure(docformat="numpy", show_source=False, footer_text=f"vizkit {vizkit.__version__}")
    for name in vizkit.__all__:
        getattr(vizkit, name)  # loaded now: pdoc looks into the module, not through its __getattr__
    with _panels_as_functions():
        specs = ["vizkit"]
        covered = set(pdoc.extract.walk_specs(specs))
        for name in modules():  # of a package with __all__, pdoc takes only the modules named there
            if name not in covered:
                specs.append(name)
                covered |= set(pdoc.extract.walk_specs([name]))
        pdoc.pdoc(*specs, output_directory=out)
    return out / "vizkit.html"


def modules() -> list[str]:
    """Return the names of the modules that the reference has."""
    every = {package: import_module(package) for package in PACKAGES}
    return [
        *every,
        *(one.name for name, package in every.items() for one in pkgutil.walk_packages(package.__path__, f"{name}.")),
    ]


@contextmanager
def _panels_as_functions() -> Iterator[None]:
    """Show each panel as the function that it is made of: its controls are its parameters."""
    for name in vizkit.panels.__all__:
        getattr(vizkit.panels, name)
    places = [import_module(name) for name in modules() if name.startswith("vizkit.panels")]
    found = [
        (place, name, value)
        for place in places
        for name, value in list(vars(place).items())
        if isinstance(value, PanelFunction)
    ]
    try:
        for place, name, value in found:
            setattr(place, name, value.function)
        yield
    finally:
        for place, name, value in found:
            setattr(place, name, value)
