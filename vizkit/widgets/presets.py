"""Prepared states of panels, as small JSON files: for class, and to keep a finding."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from vizkit.core.assets import NOTEBOOKS
from vizkit.core.trail import KEEPER
from vizkit.widgets.controls import STYLE
from vizkit.widgets.looks import alike

#: Where the presets of each notebook are: a folder of the notebook's name, a file for each.
PREPARED = NOTEBOOKS / "presets"
SUFFIX = ".preset.json"


@dataclass(frozen=True)
class Preset:
    """A state of a panel's controls under a name.

    Parameters
    ----------
    name : str
        What it shows, in a few words.
    panel : str
        The panel's title.
    values : mapping of str to object
        Of controls, by name; a control that is not named takes its first value.
    say : str
        What to look for, in a sentence.
    """

    name: str
    panel: str
    values: Mapping[str, Any] = field(default_factory=dict)
    say: str = ""

    def write(self, path: Path) -> Path:
        """Write the preset as JSON and return the path.

        Raises
        ------
        TypeError
            If a value is nothing that JSON can hold.
        """
        text = json.dumps(
            {"panel": self.panel, "name": self.name, "say": self.say, "values": {**self.values}},
            indent=2,
            ensure_ascii=False,
        )
        path.write_text(text + "\n", encoding="utf-8")
        return path


def read_preset(path: str | Path) -> Preset:
    """Read a preset from its file.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such file, or it holds no preset.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"preset must be a prepared one or a file, there is no {path}")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        preset = Preset(found["name"], found["panel"], dict(found["values"]), found.get("say", ""))
        if not all(isinstance(one, str) for one in (preset.name, preset.panel, preset.say)):
            raise TypeError("name, panel and say are words")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path.name} must be JSON with panel, name and values, as save_preset writes it "
            f"({type(error).__name__}: {error})"
        ) from error
    return preset


@cache
def prepared() -> dict[str, list[Preset]]:
    """Return the presets that come with the kit, by the notebook's name."""
    return {
        folder.name: [read_preset(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
        for folder in sorted(PREPARED.glob("*"))
        if folder.is_dir()
    }


def presets_of(title: str, folder: Path) -> dict[str, Preset]:
    """Return a panel's presets by name: the prepared ones, then those saved in a folder."""
    found = [preset for presets in prepared().values() for preset in presets]
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            found.append(read_preset(path))
        except (OSError, ValueError):
            continue  # a broken file is named when it is loaded, not each time a panel is made
    return {preset.name: preset for preset in found if preset.panel == title}


class PresetBar:
    """A list of a panel's presets, and what to look for in the one that is loaded."""

    def __init__(self, panel: Any) -> None:
        self._panel, self._name, self._silent = panel, "", False
        self.list = alike(
            widgets.Dropdown, description="preset", options=self._options(), style=STYLE, layout={"width": "240px"}
        )
        self.list.observe(self._picked, "value")
        self.say = alike(widgets.HTML).add_class("vizkit-say")

    def _options(self) -> list[tuple[str, str]]:
        return [("choose one", ""), *((name, name) for name in self._panel.presets)]

    def refresh(self) -> None:
        """Offer the presets that there are now."""
        self._show(self._name)

    def forget(self) -> None:
        """Show that none is loaded."""
        self._name, self.say.value = "", ""
        self.refresh()

    def loaded(self, preset: Preset) -> None:
        """Show which one is loaded, and what to look for."""
        self._name = preset.name
        self.say.value = escape(preset.say)
        self._show(preset.name)

    def _show(self, name: str) -> None:
        self._silent = True
        try:
            options = self._options()
            if tuple(options) != tuple(self.list.options):
                self.list.options = options
            self.list.value = name if name in dict(options).values() else ""
        finally:
            self._silent = False

    def _picked(self, change: dict[str, str]) -> None:
        if change["new"] and not self._silent:
            self._panel._guarded(lambda: self._load(change["new"]))

    def _load(self, name: str) -> None:
        self._panel.load_preset(name)
        KEEPER.preset(self._panel.title, name)
