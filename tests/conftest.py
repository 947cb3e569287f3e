"""What several tests share."""

import os
from pathlib import Path

import pytest

# Two workers with two threads each on two cores are slower than one; kernels inherit it.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import torchvision
from torch import nn

import vizkit
from vizkit.core.data import cut_patches

ROOT = Path(__file__).resolve().parents[1]
#: Pictures and weights for research; beside a developer's checkout only.
RESEARCH = Path(os.environ.get("VIZKIT_RESEARCH_DATA", ROOT.parent / "shared"))
NETS = ("squeezenet1_1", "resnet18", "googlenet", "densenet121", "vgg11", "mobilenet_v3_small", "alexnet")


def random_net(name: str) -> nn.Module:
    """Make one of torchvision's nets with random weights, the same each time."""
    torch.manual_seed(0)
    # GoogLeNet draws its weights from a slow truncated normal unless told not to.
    settings = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    net = torchvision.models.get_model(name, weights=None, **settings)
    for module in net.modules():  # fresh running statistics would make batch norm the identity
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return net


def snapshot(net: nn.Module) -> dict[str, object]:
    """Everything of a net that a method could leave changed."""
    return {
        "training": [module.training for module in net.modules()],
        "hooks": [
            (
                len(module._forward_hooks),
                len(module._forward_pre_hooks),
                len(module._backward_hooks),
                len(module._backward_pre_hooks),
            )
            for module in net.modules()
        ],
        "requires_grad": [parameter.requires_grad for parameter in net.parameters()],
        "grad": [None if p.grad is None else p.grad.clone() for p in net.parameters()],
        "state": {key: value.clone() for key, value in net.state_dict().items()},
        "forward": [module.forward.__func__ for module in net.modules()],
    }


def same(one: object, other: object) -> bool:
    """Compare snapshots, tensors by value."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.fixture(scope="session")
def viznet() -> vizkit.ImageModel:
    return vizkit.load_model("viznet", device="cpu")


@pytest.fixture(scope="session")
def chelsea() -> torch.Tensor:
    return vizkit.load_image("chelsea", 128)


@pytest.fixture(scope="session")
def small_pool():
    return cut_patches(count=96, size=64, seed=3)


@pytest.fixture
def hub(tmp_path):
    """Give torch an empty hub cache and return its folder of weights."""
    before = torch.hub.get_dir()
    torch.hub.set_dir(str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    yield folder
    torch.hub.set_dir(before)


@pytest.fixture
def offline(monkeypatch):
    """Make every download fail as it does without a network."""
    from urllib.error import URLError

    def refuse(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("torch.hub.urlopen", refuse)
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("torchvision.datasets.utils.urllib.request.urlopen", refuse)
