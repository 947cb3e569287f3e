"""A notebook on the projector: Voila, no code, large type, panels side by side."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from vizkit.core.trail import SHARED
from vizkit.lab import free_port, notebook_folder
from vizkit.lesson import folded_plan
from vizkit.typeset import CHECKS, FormulaRenderer

TEMPLATES = Path(__file__).parent / "templates"


def find_notebook(name: str) -> Path:
    """Return the path of a notebook: a file, or one of the lectures by its name or number.

    Raises
    ------
    ValueError
        If there is none, or more than one.
    """
    if Path(name).is_file():
        return Path(name).resolve()
    folder = notebook_folder()
    stem = Path(name).stem
    # "08" is the lecture of that number, although 08b begins with it
    found = sorted(folder.glob(f"{stem}_*.ipynb")) or sorted(folder.glob(f"{stem}*.ipynb"))
    if len(found) != 1:
        there = ", ".join(path.name for path in sorted(folder.glob("*.ipynb")))
        raise ValueError(f"notebook must be a file or one of {there}, got {name!r}")
    return found[0]


def without_checks(handler: Any, notebook: NotebookNode, cwd: str) -> NotebookNode:  # noqa: ARG001
    """Leave the section of checks out: it moves the panels that are on the page."""
    cells = notebook.cells
    ends = [i for i, cell in enumerate(cells) if cell.source.startswith(CHECKS)]
    if ends:
        notebook.cells = cells[: ends[0]]
    return notebook


def configure(config: Any, name: str) -> None:
    """Set Voila up for the notebook of a name: called by the configuration file that `voila_server` writes."""
    from voila.exporter import VoilaMarkdownRenderer

    class Renderer(FormulaRenderer, VoilaMarkdownRenderer):
        """Formulas as MathML, pictures inside the page."""

    config.VoilaExporter.markdown_renderer_class = Renderer
    config.VoilaConfiguration.template = "vizkit"

    def prepared(handler: Any, notebook: NotebookNode, cwd: str) -> NotebookNode:
        plan = folded_plan(name)
        if plan:
            notebook.cells.insert(1, new_markdown_cell(plan))
        return without_checks(handler, notebook, cwd)

    config.VoilaConfiguration.prelaunch_hook = prepared
    config.VoilaExecutor.timeout = 600
    config.Voila.ip = "127.0.0.1"


@contextlib.contextmanager
def voila_server(notebook: Path, port: int, *, browser: bool) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Serve a notebook and yield the address and the process.

    Raises
    ------
    RuntimeError
        If Voila is not installed.
    """
    try:
        import voila  # noqa: F401
    except ModuleNotFoundError as error:
        raise RuntimeError("voila is missing; install it with: pip install 'vizkit[present]'") from error
    port = free_port(port)
    paths = [str(TEMPLATES), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    with tempfile.TemporaryDirectory() as settings:
        Path(settings, "voila.py").write_text(
            f"from vizkit.present import configure\n\nconfigure(c, {notebook.stem!r})\n"
        )
        command = [
            sys.executable,
            "-m",
            "voila",
            str(notebook),
            f"--port={port}",
            f"--Voila.config_file_paths={settings}",
            *([] if browser else ["--no-browser"]),
        ]
        process = subprocess.Popen(command, env={**os.environ, SHARED: "1", "JUPYTER_PATH": os.pathsep.join(paths)})
        try:
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.terminate()
            process.wait(20)


def present(name: str, port: int, *, browser: bool, say: Callable[[str], None]) -> int:
    """Serve a notebook in the foreground until the user ends it, and return the exit status.

    Parameters
    ----------
    name : str
        A file, or a lecture by its name or number.
    port : int
        The next free one is taken if it is not.
    browser : bool
        Whether to open a browser window.
    say : callable
        Called with the address.
    """
    notebook = find_notebook(name)
    with voila_server(notebook, port, browser=browser) as (address, process):
        say(f"{notebook.name}: {address} (Ctrl-C ends it)")
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()
    return 0
