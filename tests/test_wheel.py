"""The wheel, not the checkout, in a fresh environment: from another folder, notebooks and all.

The libraries are those of the environment that runs the tests; only vizkit is installed anew.
"""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import urllib.request
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT
from vizkit.lab import wait_for

#: Runs in the fresh environment: a panel with a preset, a method, and a notebook from top to bottom.
SMOKE = """
import nbformat, vizkit
from pathlib import Path
from nbclient import NotebookClient
from vizkit.lab import notebook_folder

panel = vizkit.panels.occluder.show(picture="coffee")
panel.load_preset(next(iter(panel.presets)))
image = vizkit.load_image("chelsea", 64)
heat = vizkit.layer_cam(vizkit.load_model(), image)
folder = notebook_folder()
notebook = nbformat.read(folder / "02_pca.ipynb", 4)
NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
done = sum(cell.get("execution_count") is not None for cell in notebook.cells)
print("\\n".join([vizkit.__file__, str(folder), panel.share, str(tuple(heat.shape)), str(done)]))
"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """Return the interpreter of an environment that has the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("vizkit-*.whl")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    places = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    # A path in a .pth file brings the libraries, but not what is installed editable among them.
    Path(places, "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return python


@pytest.fixture
def surroundings(tmp_path):
    """Return the environment in which JupyterLab finds its own files, which are no part of the wheel."""
    share = Path(sysconfig.get_path("data"), "share", "jupyter")
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {
        **kept,
        "JUPYTERLAB_DIR": str(share / "lab"),
        "JUPYTER_PATH": str(share),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
    }


def test_it_works_from_another_folder(fresh, surroundings, tmp_path):
    done = subprocess.run([fresh, "-c", SMOKE], cwd=tmp_path, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    place, folder, share, shape, count = done.stdout.strip().splitlines()[-5:]
    assert Path(place).is_relative_to(fresh.parents[1]), "the wheel's, not the checkout's"
    assert Path(folder) == tmp_path / "vizkit-notebooks"
    assert share.startswith("vizkit.panels.occluder.show(")
    assert shape == "(64, 96)"
    assert int(count) > 8


def test_vizkit_lab_brings_the_notebooks_along(fresh, surroundings, tmp_path):
    command = [fresh.with_name("vizkit"), "lab", "--no-browser", "--port", "8950"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=surroundings, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        line = next(one for one in process.stdout if one.startswith("JupyterLab: http"))
        address, _, token = line.split()[1].partition("/lab?token=")
        wait_for(f"{address}/api/status?token={token}", process)
        with urllib.request.urlopen(f"{address}/api/contents?token={token}") as answer:
            names = {one["name"] for one in json.load(answer)["content"]}
        with urllib.request.urlopen(f"{address}/lab?token={token}") as page:
            assert "<title>JupyterLab</title>" in page.read().decode()
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # JupyterLab too
        process.wait(20)
    assert {"00_start.ipynb", "05_deconv.ipynb", "presets"} <= names
    assert (tmp_path / "vizkit-notebooks" / "00_start.ipynb").is_file()
