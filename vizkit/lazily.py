"""Names that can be listed before their modules are loaded."""

import re
from pathlib import Path


def declared(package: str, pattern: str) -> dict[str, str]:
    """Return the module of each name that the modules of a package declare, without loading one.

    Parameters
    ----------
    package : str
        Such as ``"vizkit.methods"``; packages inside it count.
    pattern : str
        A regular expression whose group finds the names in a module's text: one, or several in
        quotation marks.
    """
    folder = Path(__file__).parent.joinpath(*package.split(".")[1:])
    places: dict[str, str] = {}
    for path in sorted(folder.rglob("*.py")):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        module = ".".join(part for part in parts if part != "__init__")
        for found in re.findall(pattern, path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            places |= dict.fromkeys(re.findall(r"\w+", found), module)
    return places
