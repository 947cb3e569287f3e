"""``import vizkit`` is quick, lists everything, and loads only what is asked for."""

import inspect
import json
import re
import subprocess
import sys
from importlib import import_module

import pytest

import vizkit
from vizkit import panels
from vizkit.widgets.function import FUNCTIONS


def loaded_by(*lines):
    """Return the modules that a fresh interpreter has loaded after some lines."""
    code = "; ".join(["import sys, json, vizkit", *lines, "print(json.dumps(sorted(sys.modules)))"])
    return set(
        json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    )


def test_nothing_is_loaded_before_it_is_asked_for():
    names = loaded_by("dir(vizkit)", "vizkit.panels")
    assert not {"torch", "plotly", "ipywidgets", "vizkit.core.models"} & names
    some = loaded_by("vizkit.grad_cam")
    assert "vizkit.methods.gradients" in some
    assert not {"plotly", "ipywidgets", "sklearn", "vizkit.methods.style", "vizkit.methods.adversarial"} & some


@pytest.mark.parametrize("name", vizkit.__all__)
def test_each_name_is_there_and_documented(name):
    found = getattr(vizkit, name)
    assert name in dir(vizkit)
    if name != "__version__":
        assert len(found.__doc__) > 20


def test_the_fields_names():
    wanted = """activations attribute dbscan deepfool dream_steps fgsm fooling_steps grab_cut grad_cam gram hdbscan
        integrated_gradients layer_cam lbfgs maximize_steps occlusion_steps one_pixel_steps patch_steps pca pgd rise
        receptive_fields saliency smooth_grad style_steps surface_steps top_patches tsne_steps visual_backprop"""
    assert set(wanted.split()) <= set(vizkit.__all__)


def test_every_panel_by_its_name_and_by_its_subject():
    listed = [name for names in panels.SUBJECTS.values() for name in names]
    assert sorted(listed) == panels.__all__
    for subject, names in panels.SUBJECTS.items():
        for name in names:
            panel = getattr(panels, name)
            assert panel is getattr(getattr(panels, subject), name)
            assert FUNCTIONS[panel.title] is panel
            assert panel.name == name


def test_a_wrong_name_says_so():
    with pytest.raises(AttributeError, match="vizkit' has no attribute 'grad_can'"):
        vizkit.grad_can  # noqa: B018
    with pytest.raises(AttributeError, match="vizkit.panels has no 'occluders'; there are activations"):
        panels.occluders  # noqa: B018


def test_a_method_is_named_as_its_module_declares_it():
    for name in vizkit.__all__:
        module = vizkit._PLACES.get(name, "")
        if module.startswith("vizkit.methods"):
            assert name in import_module(module).__all__


def documented(function):
    """Return the names under Parameters in a numpydoc docstring."""
    text = inspect.getdoc(inspect.unwrap(function)) or ""
    _, found, rest = text.partition("Parameters\n----------\n")
    section = re.split(r"\n\n\w+\n-+", rest)[0] if found else ""
    heads = re.findall(r"^(\S.*?)(?: : .*)?$", section, re.M)
    return {name.strip(" *") for head in heads for name in head.split(",")}


def test_every_function_says_what_its_parameters_are():
    for name in vizkit.__all__:
        one = getattr(vizkit, name)
        if inspect.isfunction(one):
            taken = set(inspect.signature(inspect.unwrap(one)).parameters)
            assert taken <= documented(one), f"{name}: {sorted(taken - documented(one))}"


def test_the_first_panel_loads_what_it_needs_and_no_more():
    """A kernel shows its first panel in a second, without what others need two or three seconds for."""
    heavy = {"torchvision", "nbformat", "sklearn", "scipy.stats", "skimage", "pandas", "plotly.express"}
    assert not heavy & loaded_by("vizkit.panels.axis.show()", "vizkit.panels.activations.show(picture='flower')")
