"""A real JupyterHub: a student logs in, nbgitpuller brings the course, and she runs notebook 04."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest

from tests.browser.conftest import lesson
from tests.browser.test_lecture04 import changed, panel, pick, source
from tests.conftest import ROOT
from vizkit.browser import errors, run_all, wait_for_kernel
from vizkit.lab import free_port, settings_folder, wait_for

CONFIG = """
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "chalk"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{hub}"
c.JupyterHub.db_url = "sqlite://"
c.JupyterHub.cookie_secret_file = {folder!r} + "/secret"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy}"
c.ConfigurableHTTPProxy.command = [{proxy_command!r}]
c.ConfigurableHTTPProxy.pid_file = {folder!r} + "/proxy.pid"
c.Spawner.cmd = [{python!r}, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root", "--LabApp.app_settings_dir=" + {settings!r}]
c.Spawner.start_timeout = c.Spawner.http_timeout = 90
c.Spawner.env_keep.append("OMP_NUM_THREADS")
"""


@contextmanager
def hub(folder):
    port, hub_port, proxy = (free_port(0) for _ in range(3))
    text = CONFIG.format(
        port=port,
        hub=hub_port,
        proxy=proxy,
        folder=str(folder),
        python=sys.executable,
        proxy_command=str(Path(sys.executable).with_name("configurable-http-proxy")),
        home=str(folder / "home" / "{username}"),
        settings=str(settings_folder(folder)),
    )
    (folder / "jupyterhub_config.py").write_text(text)
    (folder / "home").mkdir()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", "jupyterhub_config.py"],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=dict(os.environ),
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/hub/health", process, 90)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def course_repository(folder):
    """A repository as an instructor's, with the notebook that the student will open."""
    notebooks = folder / "course" / "notebooks"
    notebooks.mkdir(parents=True)
    name = "04_filters.ipynb"
    nbformat.write(lesson(nbformat.read(ROOT / "notebooks" / name, 4)), notebooks / name)
    for command in (
        ("init", "-q", "-b", "main"),
        ("add", "."),
        ("-c", "user.name=i", "-c", "user.email=i@example.org", "commit", "-qm", "course"),
    ):
        subprocess.run(["git", *command], cwd=folder / "course", check=True)
    return folder / "course"


@pytest.mark.usefixtures("lab")  # skips where there is no browser
def test_a_student_of_a_hub_runs_notebook_04(page, tmp_path):
    repository = course_repository(tmp_path)
    with hub(tmp_path) as address:
        target = quote("lab/tree/course/notebooks/04_filters.ipynb?reset", safe="")
        page.goto(
            f"{address}/hub/user-redirect/git-pull?repo={quote(str(repository), safe='')}&branch=main&urlpath={target}"
        )
        page.fill("#username_input", "ada")
        page.fill("#password_input", "chalk")
        page.click("#login_submit")
        page.wait_for_url("**/user/ada/lab/**", timeout=120_000)
        wait_for_kernel(page)
        assert "/user/ada/" in page.url
        assert (tmp_path / "home" / "ada" / "course" / "notebooks" / "04_filters.ipynb").is_file()
        run_all(page)
        assert errors(page) == []
        found = panel(page, "Activations of a layer")
        grid = found.locator(".vizkit-picture").first
        before = source(grid)
        pick(found, "picture", "coffee")
        changed(page, grid, before)
        assert page.outside == []
