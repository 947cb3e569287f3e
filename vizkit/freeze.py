"""A copy of a notebook that shows its panels where no kernel is: pictures in place of widgets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

VIEW = "application/vnd.jupyter.widget-view+json"
#: Stands under every picture.
LINE = "This is a picture of a panel: run the cell to play."


def freeze(
    path: str | Path, out: str | Path | None = None, stills: Mapping[str, Mapping[str, Any]] | None = None
) -> Path:
    """Write a copy of a saved notebook whose panels are pictures, and whose widgets are gone.

    JupyterLab shows "widget model not found" for a widget without its kernel and ignores the picture
    beside it; GitHub, nbviewer and a mail's reader have no kernel at all.

    Parameters
    ----------
    path : str or Path
        A notebook that was run and saved.
    out : str or Path, optional
        ``NAME-frozen.ipynb`` beside it by default.
    stills : mapping of str to mapping, optional
        Newer pictures, as MIME bundles, by the id of a panel's widget.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        If it is no notebook, or no panel is in its outputs.
    """
    path = Path(path)
    try:
        notebook = nbformat.read(path, 4)
    except Exception as error:
        raise ValueError(f"{path.name} must be a Jupyter notebook, and cannot be read as one") from error
    frozen = sum(_freeze_cell(cell, stills or {}) for cell in notebook.cells if cell.cell_type == "code")
    if not frozen:
        raise ValueError(f"{path.name} must have panels in its outputs, got none: run it and save it first")
    notebook.metadata.pop("widgets", None)
    out = Path(out) if out is not None else path.with_name(f"{path.stem}-frozen.ipynb")
    nbformat.write(notebook, out)
    return out


def _freeze_cell(cell: NotebookNode, stills: Mapping[str, Mapping[str, Any]]) -> int:
    """Replace the widgets among a cell's outputs; return how many were panels."""
    outputs, frozen = [], 0
    for output in cell.outputs:
        data = output.get("data", {})
        if VIEW not in data:
            outputs.append(output)
            continue
        shown = {**data, **stills.get(data[VIEW].get("model_id", ""), {})}
        shown.pop(VIEW)
        frozen += "image/jpeg" in shown
        outputs.append(nbformat.v4.new_output("display_data", shown))
        outputs.append(nbformat.v4.new_output("display_data", {"text/plain": LINE}))
    cell.outputs = outputs
    return frozen
