"""Answers through OpenVINO against torch's."""

import sys
from importlib.util import find_spec

import pytest
import torch
from torch import nn

import vizkit
from tests.conftest import random_net
from vizkit.bench.rows import ROWS
from vizkit.core.compiled import openvino_logits

installed = pytest.mark.skipif(find_spec("openvino") is None, reason="OpenVINO is missing")


@pytest.fixture(scope="module")
def compiled(viznet):
    if find_spec("openvino") is None:
        pytest.skip("OpenVINO is missing")
    return openvino_logits(viznet)


def test_the_logits_of_every_bundled_picture_are_torchs(viznet, compiled):
    for name in vizkit.images():
        for size in (64, (64, 64), 97):
            image = vizkit.load_image(name, size)
            with torch.no_grad():
                expected = viznet.logits(image)
            found = compiled(image)
            assert found.shape == expected.shape
            assert torch.allclose(found, expected, atol=1e-3, rtol=0), (name, size)


def test_any_number_of_pictures(viznet, compiled, small_pool):
    for count in (1, 3, 32):
        pictures = small_pool.pixels(slice(count))
        assert torch.allclose(compiled(pictures), viznet.logits(pictures), atol=1e-3, rtol=0)


@installed
@pytest.mark.parametrize(
    "make",
    [
        lambda: vizkit.load_model("scenes", device="cpu"),
        lambda: vizkit.ImageModel(random_net("resnet18"), input_size=64),  # batch norm: as in evaluation
        lambda: vizkit.ImageModel(nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 4)), input_size=8),
        lambda: vizkit.ImageModel(nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), mean=[0.5], std=[0.5], input_size=8),
    ],
    ids=["scenes", "resnet18", "of one size", "gray"],
)
def test_other_nets(make):
    model = make()
    pictures = torch.rand(3, 3, model.input_size, model.input_size, generator=torch.Generator().manual_seed(0))
    training = model.net.training
    found = openvino_logits(model)(pictures)
    assert torch.allclose(found, model.logits(pictures), atol=1e-3, rtol=0)
    assert model.net.training is training


def test_it_refuses_what_the_model_refuses(compiled):
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        compiled(torch.full((1, 3, 64, 64), 2.0))
    with pytest.raises(TypeError):
        compiled("coffee")


@pytest.mark.usefixtures("compiled")
def test_nothing_is_reported_to_its_makers():
    from openvino.tools.ovc import telemetry_utils

    assert telemetry_utils.tm.__name__.endswith("telemetry_stub")


def test_without_openvino_a_sentence_says_how_to_get_it(viznet, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(RuntimeError, match=r"pip install 'vizkit\[openvino\]'"):
        openvino_logits(viznet)
    with pytest.raises(RuntimeError, match="OpenVINO is missing"):
        ROWS["OpenVINO"]()
