"""Where the bundled files are, in a checkout and in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def _folder(name: str) -> Path:
    inside = _PACKAGE / name  # a wheel carries the folder inside the package
    return inside if inside.is_dir() else _PACKAGE.parent / name


ASSETS = _folder("assets")
NOTEBOOKS = _folder("notebooks")
