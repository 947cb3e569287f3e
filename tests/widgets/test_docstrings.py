"""The examples in the docstrings of the toolkit run as they are."""

import dataclasses
import doctest
import importlib
import pkgutil
from typing import Annotated

import pytest

import vizkit
from vizkit import core, widgets
from vizkit.core.steps import STEP_METHODS, Step
from vizkit.widgets.function import FUNCTIONS

#: What an example may take for granted: the words of the toolkit, and what other examples define.
KNOWN = {
    **{name: getattr(widgets, name) for name in widgets.__all__},
    "vizkit": vizkit,
    "Annotated": Annotated,
    "Step": Step,
    "dataclass": dataclasses.dataclass,
}
EXAMPLES = [
    example
    for package in (core, widgets)
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    for example in doctest.DocTestFinder().find(importlib.import_module(module.name), extraglobs=KNOWN)
    if example.examples
]


def test_there_are_examples():
    assert {"panel", "On", "remembered", "step_method"} <= {one.name.rpartition(".")[2] for one in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_an_example_runs(example, monkeypatch):
    monkeypatch.setattr("vizkit.core.steps.STEP_METHODS", dict(STEP_METHODS))
    monkeypatch.setattr("vizkit.widgets.function.FUNCTIONS", dict(FUNCTIONS))
    said = []
    doctest.DocTestRunner().run(example, out=said.append)
    assert said == []
