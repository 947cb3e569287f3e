"""JupyterLab as this kit starts it: on loopback, with a token, asking nobody for news."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vizkit.core.assets import NOTEBOOKS


def settings_folder(folder: Path) -> Path:
    """Write JupyterLab's settings that ask nobody for news, and return their folder."""
    settings = folder / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "overrides.json").write_text('{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}')
    return settings


@contextlib.contextmanager
def lab_server(root: Path) -> Iterator[str]:
    """Run JupyterLab on a folder, on loopback with a token, and yield its address.

    Raises
    ------
    RuntimeError
        If it does not answer within a minute.
    """
    port = free_port(0)
    token = secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as scratch, (Path(scratch) / "log").open("w+") as log:
        # The user's own Jupyter settings and workspaces stay out of it.
        own = ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
        process = subprocess.Popen(
            lab_command(root, Path(scratch), port=port, token=token, browser=False),
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=root,
            env={**os.environ, **{name: f"{scratch}/{name.lower()}" for name in own}},
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", process)
            yield f"http://127.0.0.1:{port}/lab/tree/{{path}}?token={token}&reset"
        finally:
            process.terminate()
            process.wait(20)


def lab_command(root: Path, scratch: Path, *, port: int, token: str, browser: bool) -> list[str]:
    """Return the command that opens JupyterLab on a folder."""
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={root}",
        "--ip=127.0.0.1",
        f"--port={port}",
        f"--IdentityProvider.token={token}",
        f"--LabApp.app_settings_dir={settings_folder(scratch)}",
    ]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    return command


def wait_for(address: str, process: subprocess.Popen[Any], seconds: float = 60) -> None:
    """Wait until a server answers.

    Raises
    ------
    RuntimeError
        If it has ended, or does not answer within `seconds`.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(address):
            return
        time.sleep(0.2)
    raise RuntimeError(f"{address.partition('?')[0]} did not answer within {seconds:.0f} s")


def notebook_folder() -> Path:
    """Return the folder of the notebooks; an installed wheel's are copied here first."""
    if NOTEBOOKS.parent.joinpath("pyproject.toml").is_file():
        return NOTEBOOKS
    copy = Path("vizkit-notebooks").resolve()
    if not copy.exists():
        shutil.copytree(NOTEBOOKS, copy)
    return copy


def open_lab(notebook: str | None, port: int, *, browser: bool, say: Callable[[str], None]) -> int:
    """Run JupyterLab in the foreground until the user ends it, and return its exit status.

    Parameters
    ----------
    notebook : str or None
        Opened first.
    port : int
        The next free one is taken if it is not.
    browser : bool
        Whether to open a browser window.
    say : callable
        Called with the address: JupyterLab itself hides a token that it was given.
    """
    port, token = free_port(port), secrets.token_hex(16)
    page = f"/lab/tree/{notebook}" if notebook else "/lab"
    with tempfile.TemporaryDirectory() as scratch:
        command = lab_command(notebook_folder(), Path(scratch), port=port, token=token, browser=browser)
        command.append(f"--LabApp.default_url={page}")
        say(f"JupyterLab: http://127.0.0.1:{port}{page}?token={token}")
        process = subprocess.Popen(command)
        while True:
            with contextlib.suppress(KeyboardInterrupt):  # JupyterLab asks whether to shut down
                return process.wait()


def free_port(first: int) -> int:
    """Return the first port from `first` on that nobody listens on; any free one for 0.

    Raises
    ------
    ValueError
        If none of fifty is free.
    """
    for port in range(first, first + 50):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise ValueError(f"port must be free, all from {first} to {first + 49} are taken")
