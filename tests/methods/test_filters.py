import pytest
import torch
from torch import nn

import vizkit
from tests.conftest import random_net
from vizkit.methods.filters import convolution_matrix, convolutions, filters, weight_sharing


def test_the_first_filters_apply_to_pixels_as_they_are(viznet):
    """With the bias and the mean taken care of, the drawn filter gives the layer's own answer."""
    found = filters(viznet)
    assert found.layer == "conv1"
    assert (found.stride, found.padding) == ((2, 2), (3, 3))
    image = torch.rand(1, 3, 64, 64)
    mean = torch.tensor(viznet.mean).view(3, 1, 1)
    ours = nn.functional.conv2d(image - mean, found.weight, viznet.net.conv1.bias, 2, 3)
    theirs = viznet.net.conv1(viznet.normalize(image))
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "shape"), [("alexnet", (64, 3, 11, 11)), ("resnet18", (64, 3, 7, 7)), ("densenet121", (64, 3, 7, 7))]
)
def test_the_shapes_on_the_slides(name, shape):
    model = vizkit.ImageModel(random_net(name))
    assert filters(model).weight.shape == shape
    assert filters(model).is_color


def test_deeper_layers_and_padding_by_name():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding="same"),
        nn.Conv2d(4, 5, (3, 5), padding="valid"),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    model = vizkit.ImageModel(net, input_size=16)
    assert list(convolutions(model)) == ["0", "1"]
    assert filters(model).padding == (1, 1)
    deeper = filters(model, "1")
    assert (deeper.padding, deeper.is_color) == ((0, 0), False)
    assert torch.equal(deeper.weight, net[1].weight)


def test_what_is_no_convolution_is_named(viznet):
    with pytest.raises(ValueError, match="convolution of viznet 'relu1' is not known"):
        filters(viznet, "relu1")
    flat = vizkit.ImageModel(nn.Sequential(nn.Flatten(), nn.Linear(48, 3)), input_size=4)
    with pytest.raises(ValueError, match="has no 2-D convolution"):
        filters(flat)


def test_the_decks_count_of_weights():
    count = weight_sharing(size=28, kernel=5, filters=1)
    assert (count.outputs, count.shared, count.connected) == (24, 25, 451_584)
    assert count.ratio == pytest.approx(18_063.36)


def test_the_count_is_that_of_real_layers():
    count = weight_sharing(size=9, kernel=3, filters=2)
    conv = nn.Conv2d(1, 2, 3, bias=False)
    outputs = conv(torch.zeros(1, 1, 9, 9)).numel()
    connected = nn.Linear(81, outputs, bias=False)
    assert count.shared == conv.weight.numel()
    assert count.connected == connected.weight.numel()


@pytest.mark.parametrize("arguments", [{"kernel": 29}, {"size": 0}, {"filters": 0}])
def test_impossible_counts_are_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        weight_sharing(**arguments)


def test_the_matrix_of_a_convolution_gives_what_it_gives():
    tied = convolution_matrix(size=7, kernel=3)
    weight, image = torch.randn(3, 3), torch.randn(7, 7)
    dense = torch.cat([torch.zeros(1), weight.flatten()])[tied]
    expected = torch.conv2d(image[None, None], weight[None, None]).flatten()
    torch.testing.assert_close(dense @ image.flatten(), expected)
    assert (tied > 0).sum() == 25 * 9
    with pytest.raises(ValueError, match="kernel must be"):
        convolution_matrix(size=2, kernel=3)
