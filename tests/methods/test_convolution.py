"""Correlation against SciPy and PyTorch in every dimension, and against the slides' example."""

import itertools

import pytest
import scipy.signal
import torch
import torch.nn.functional as F

from vizkit.methods.convolution import (
    convolution_layer,
    convolve,
    correlate,
    layer_size,
    output_size,
    pool,
    same_padding,
    window_at,
)
from vizkit.methods.filters import convolution_matrix
from vizkit.panels.convolution import KERNEL, PICTURE

LAYERS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def numbers(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_the_slides_example():
    x, w = (torch.tensor(rows, dtype=torch.float64) for rows in (PICTURE, KERNEL))
    assert correlate(x, w).tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    assert convolve(x, w).tolist() == [[18, 20, 19], [10, 9, 17], [11, 8, 14]]


@pytest.mark.parametrize("dims", [1, 2, 3, 4])
def test_it_is_scipys(dims):
    x, w = numbers(*(9, 8, 7, 6)[:dims]), numbers(*(3, 4, 2, 3)[:dims], seed=1)
    for ours, theirs in ((correlate, scipy.signal.correlate), (convolve, scipy.signal.convolve)):
        peer = torch.from_numpy(theirs(x.numpy(), w.numpy(), "valid", method="direct"))
        assert torch.allclose(ours(x, w), peer, atol=1e-12, rtol=0)


@pytest.mark.parametrize("dims", LAYERS)
@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"), list(itertools.product((1, 2, 3), (0, 1, 2), (1, 2), (1, 2, 4)))
)
def test_it_is_pytorchs_layer(dims, stride, padding, dilation, groups):
    x, bias = numbers(4, *(9, 8, 7)[:dims]), numbers(8)
    w = numbers(8, 4 // groups, *(3, 2, 3)[:dims], seed=2)
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    peer = LAYERS[dims](x[None], w, bias, **options)[0]
    ours = convolution_layer(x, w, bias, **options)
    assert torch.allclose(ours, peer, atol=1e-12, rtol=0)
    size = layer_size(4, 9, 8, 3, **options)
    assert size.output[1] == output_size(9, 3, stride=stride, padding=padding, dilation=dilation) == ours.shape[1]


def test_its_gradient_is_pytorchs():
    x, w = numbers(6, 7).requires_grad_(), numbers(3, 3, seed=1).requires_grad_()
    ours = torch.autograd.grad(correlate(x, w, padding=1, stride=2).square().sum(), (x, w))
    peer = torch.autograd.grad(F.conv2d(x[None, None], w[None, None], padding=1, stride=2).square().sum(), (x, w))
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in zip(ours, peer, strict=True))


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 2, "dilation": 2}])
def test_a_window_is_what_its_sum_is_made_of(options):
    x, w = numbers(9, 8), numbers(3, 2, seed=1)
    found = correlate(x, w, **options)
    for place in itertools.product(*map(range, found.shape)):
        assert torch.isclose((window_at(x, w.shape, place, **options) * w).sum(), found[place])


def test_counts():
    module = torch.nn.Conv2d(8, 16, 5, groups=4, padding=2)
    size = layer_size(8, 12, 16, 5, groups=4, padding=2)
    assert size.weights == module.weight.numel()
    assert size.biases == module.bias.numel()
    assert size.products == size.weights * 144
    assert size.output == module(torch.zeros(1, 8, 12, 12)).shape[1:]


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("stride", [None, 1, 2])
def test_pooling_is_pytorchs(size, stride):
    x = numbers(2, 9, 10)
    assert pool(x, size, stride=stride).equal(F.max_pool2d(x, size, stride))
    assert torch.allclose(pool(x, size, "average", stride=stride), F.avg_pool2d(x, size, stride))


def test_padding_that_keeps_the_size():
    for kernel, dilation in itertools.product((1, 3, 5, 7), (1, 2, 3)):
        padding = same_padding(kernel, dilation)
        assert output_size(30, kernel, padding=padding, dilation=dilation) == 30


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_matrix_multiplies_as_the_kernel_slides(stride):
    x, w = numbers(7, 7), numbers(3, 3, seed=1)
    which = convolution_matrix(7, 3, stride=stride)
    matrix = torch.cat([torch.zeros(1), w.flatten()])[which]
    assert torch.allclose(matrix @ x.flatten(), correlate(x, w, stride=stride).flatten())


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: correlate(numbers(3, 3), numbers(4, 4)), ValueError, "reaches over 4 must fit"),
        (lambda: correlate(numbers(3, 3), numbers(2, 2), dilation=3), ValueError, "reaches over 4"),
        (lambda: correlate(numbers(3, 3), numbers(2)), ValueError, "as many dimensions as the numbers, 2, got 1"),
        (lambda: convolution_layer(numbers(3, 5, 5), numbers(4, 2, 3, 3)), ValueError, "groups must divide"),
        (lambda: convolution_layer(numbers(3, 5, 5), numbers(4, 3, 3)), ValueError, "2 sides"),
        (lambda: output_size(5, 3, stride=0), ValueError, "stride must be 1 or more"),
        (lambda: output_size(5, 2.5), TypeError, "whole number"),
        (lambda: layer_size(3, 8, 8, 3, groups=2), ValueError, "groups must divide the 3 channels"),
        (lambda: pool(numbers(4, 4), 2, "median"), ValueError, "pooling 'median' is not known"),
        (lambda: pool(numbers(4, 4), 5), ValueError, "must fit into the picture"),
        (lambda: convolution_matrix(5, 6), ValueError, "kernel"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()
