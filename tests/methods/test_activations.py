import pytest
import torch
from torch import nn

import vizkit
from vizkit.methods.activations import ActivationMaps, activation_gradients, activations


@pytest.fixture
def small():
    """conv (weights by hand) -> ReLU -> sum over positions -> two classes, in float64."""
    conv = nn.Conv2d(3, 2, 1, bias=False)
    head = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        conv.weight[:] = torch.tensor([[1.0, 0, 0], [0, 1, -1]])[..., None, None]
        head.weight[:] = torch.tensor([[2.0, 3.0], [-1.0, 5.0]])
    net = nn.Sequential(conv, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    return vizkit.ImageModel(net.double(), input_size=4, labels=["left", "right"])


def test_activations_by_hand(small):
    image = torch.rand(3, 4, 4)
    found = activations(small, image, "1").maps
    expected = torch.stack([image[0], (image[1] - image[2]).clamp(min=0)])
    torch.testing.assert_close(found, expected)
    before = activations(small, image, "0").maps  # not overwritten by the in-place ReLU behind it
    torch.testing.assert_close(before[1], image[1] - image[2])


def test_gradients_by_hand(small):
    image = torch.rand(3, 4, 4)
    found = activation_gradients(small, image, "1", "right")
    assert found.target == "right"
    expected = torch.tensor([-1.0, 5.0]).view(2, 1, 1).expand(2, 4, 4) / 16
    torch.testing.assert_close(found.maps, expected)
    behind = activation_gradients(small, image, "0", "right").maps
    torch.testing.assert_close(behind[1], (image[1] > image[2]) * 5 / 16)


def test_the_predicted_class_is_the_default(viznet, chelsea):
    assert activation_gradients(viznet, chelsea, "relu5").target == viznet.answers(chelsea, 1)[0][0]


def test_layers_without_positions_have_one(viznet, chelsea):
    assert activations(viznet, chelsea, "fc").maps.shape == (200, 1, 1)
    torch.testing.assert_close(activations(viznet, chelsea, "fc").maps[:, 0, 0], viznet.logits(chelsea))


def test_token_sequences_become_maps():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix = nn.Linear(3, 6)
            self.head = nn.Linear(6, 4)

        def forward(self, x):
            return self.head(self.mix(x.flatten(2).transpose(1, 2)).mean(1))

    model = vizkit.ImageModel(Tokens(), input_size=4)
    assert activations(model, torch.rand(3, 4, 4), "mix").maps.shape == (6, 16, 1)


def test_order_by_strength():
    maps = ActivationMaps("relu", torch.tensor([1.0, -5, 0, 3]).view(4, 1, 1))
    assert maps.order("strength").tolist() == [1, 3, 0, 2]
    assert maps.order().tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="order 'size' is not known"):
        maps.order("size")


@pytest.mark.parametrize("function", [activations, activation_gradients])
def test_bad_input_is_named(viznet, chelsea, function):
    with pytest.raises(ValueError, match="layer of viznet 'relu99' is not known"):
        function(viznet, chelsea, "relu99")
    with pytest.raises(ValueError, match=r"image must be one picture \(3, H, W\), got a batch"):
        function(viznet, chelsea[None], "relu1")
    with pytest.raises(ValueError, match="class of viznet 'unicorn' is not known"):
        activation_gradients(viznet, chelsea, "relu1", "unicorn")
