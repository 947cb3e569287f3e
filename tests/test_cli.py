import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

import vizkit.doctor
from vizkit.bench.rows import ROWS, Row, interleaved
from vizkit.cli import app
from vizkit.lab import free_port, lab_command, lab_server, notebook_folder


def invoke(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_the_doctor_finds_this_machine_well():
    outcome = invoke("doctor")
    assert outcome.exit_code == 0, outcome.output
    lines = outcome.output.strip().splitlines()
    assert len(lines) == len(vizkit.doctor.CHECKS)
    assert all(line.startswith("ok ") for line in lines)
    assert "torch " in lines[0]
    assert "a slider moved a picture in" in outcome.output
    assert "score of tabby" in outcome.output


def test_the_doctor_names_a_damaged_file_and_its_cure(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "viznet.safetensors").write_bytes(b"cut")
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  models/viznet.safetensors\n")
    monkeypatch.setattr(vizkit.doctor, "ASSETS", tmp_path)
    monkeypatch.setattr(vizkit.doctor, "CHECKS", (vizkit.doctor._files, vizkit.doctor._disk))
    outcome = invoke("doctor")
    assert outcome.exit_code == 1
    assert "FAIL  bundled files: damaged: models/viznet.safetensors" in outcome.output
    assert "cure: install vizkit again" in outcome.output
    assert "ok    disk" in outcome.output


def test_a_check_that_breaks_is_a_finding(monkeypatch):
    def _broken():
        """Broken thing."""
        raise RuntimeError("no such device\nmore")

    monkeypatch.setattr(vizkit.doctor, "CHECKS", (_broken,))
    outcome = invoke("doctor")
    assert outcome.exit_code == 1
    assert "FAIL  broken thing: no such device" in outcome.output


@pytest.mark.parametrize("limit", ["DISK", "MEMORY"])
def test_too_little_room_fails(monkeypatch, limit):
    monkeypatch.setattr(vizkit.doctor, limit, 1e9)
    finding = {"DISK": vizkit.doctor._disk, "MEMORY": vizkit.doctor._memory}[limit]()
    assert not finding.ok
    assert finding.cure


def test_bench_rows_for_machines(monkeypatch):
    monkeypatch.setitem(ROWS, "import", lambda: Row("import", 0.1, "s", "", None, 0.3))
    outcome = invoke("bench", "import", "--json")
    assert json.loads(outcome.output) == [
        {"row": "import", "value": 0.1, "unit": "s", "peer": "", "ratio": None, "goal": 0.3, "met": True}
    ]
    text = invoke("bench", "import").output
    assert text.strip() == "import: 0.1 s (goal 0.3 s: met)"
    row = Row("scan", 2.0, "s", "bare forward", 1.5, 1.3)
    assert not row.met
    assert str(row) == "scan: 2 s, 1.50 x bare forward (goal 1.3: MISSED)"


def test_a_row_that_cannot_be_measured_does_not_end_the_bench(monkeypatch):
    def broken():
        raise RuntimeError("no browser was found")

    monkeypatch.setattr("vizkit.bench.rows.ROWS", {"slider": broken, "size": lambda: Row("size", 1, "GB", "", None, 2)})
    monkeypatch.setattr("vizkit.bench.ROWS", {"slider": broken, "size": broken})
    lines = invoke("bench").output.strip().splitlines()
    assert lines == ["slider: not measured (no browser was found)", "size: 1 GB (goal 2 GB: met)"]


def test_unknown_rows_are_named():
    outcome = invoke("bench", "speed")
    assert outcome.exit_code == 2
    assert "'speed' is no row" in outcome.output


def test_runs_take_turns():
    order = []
    medians = interleaved(lambda: order.append("a"), lambda: order.append("b"), rounds=3)
    assert order == ["a", "b"] * 3
    assert len(medians) == 2


def test_importing_vizkit_loads_no_widgets_and_no_charts():
    code = (
        "import sys, vizkit; "
        "print([m for m in ('plotly', 'ipywidgets', 'sklearn', 'skimage', 'IPython') if m in sys.modules])"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "[]"


def test_lab_stays_on_loopback_with_a_token(tmp_path, monkeypatch):
    command = lab_command(tmp_path, tmp_path, port=1234, token="secret", browser=False)
    assert "--ip=127.0.0.1" in command
    assert "--IdentityProvider.token=secret" in command
    monkeypatch.setattr("os.geteuid", lambda: 0, raising=False)
    assert "--allow-root" in lab_command(tmp_path, tmp_path, port=1, token="t", browser=True)
    monkeypatch.setattr("os.geteuid", lambda: 1000, raising=False)
    assert "--allow-root" not in lab_command(tmp_path, tmp_path, port=1, token="t", browser=True)
    assert notebook_folder().name == "notebooks"


def test_lab_says_where_it_is_and_ends_with_ctrl_c(tmp_path):
    from urllib.request import urlopen

    port = free_port(18_888)
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "vizkit.cli", "lab", "--no-browser", "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        address = process.stdout.readline().split()[-1]
        assert address.startswith(f"http://127.0.0.1:{port}/lab?token=")
        status = address.replace("/lab?", "/api/contents/04_filters.ipynb?content=0&")
        end = time.monotonic() + 60
        while True:
            try:
                with urlopen(status) as answer:
                    assert json.load(answer)["name"] == "04_filters.ipynb"
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.3)
    finally:
        for _ in range(2):  # the second answers "Shutdown this Jupyter server?"
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def test_a_taken_port_is_passed_over():
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert free_port(port) > port


def test_the_server_refuses_who_has_no_token(tmp_path):
    from urllib.error import HTTPError
    from urllib.request import urlopen

    with lab_server(tmp_path) as address:
        base, _, query = address.partition("/lab/tree/{path}?")
        token = query.partition("&")[0]
        with urlopen(f"{base}/api/contents?{token}") as answer:
            assert json.load(answer)["type"] == "directory"
        with pytest.raises(HTTPError, match="403"):
            urlopen(f"{base}/api/contents")
