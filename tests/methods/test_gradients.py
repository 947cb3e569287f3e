import captum.attr
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.googlenet import BasicConv2d
from torchvision.models.resnet import BasicBlock

import vizkit
from tests.conftest import random_net
from vizkit.core.hooks import capture
from vizkit.methods.gradients import (
    Unit,
    grad_cam,
    integrated_gradients,
    last_map,
    pixel_gradient,
    saliency,
    smooth_grad,
)


class Shared(nn.Module):
    """One in-place ReLU for everything, and one function call."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 8, 3, stride=2)
        self.relu, self.pool = nn.ReLU(inplace=True), nn.MaxPool2d(2)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.pool(self.relu(self.one(x)))
        x = F.relu(self.relu(self.two(x)) - 0.1)
        return self.head(x.mean((2, 3)))


class Modules(nn.Module):
    """The same net with a ReLU module for each use, as captum wants it."""

    def __init__(self, other):
        super().__init__()
        self.one, self.two, self.head = other.one, other.two, other.head
        self.a, self.b, self.c, self.pool = nn.ReLU(), nn.ReLU(), nn.ReLU(), nn.MaxPool2d(2)

    def forward(self, x):
        x = self.pool(self.a(self.one(x)))
        return self.head(self.c(self.b(self.two(x)) - 0.1).mean((2, 3)))


def separate(net):
    """Give each call of a torchvision net's ReLU a module of its own."""
    for block in net.modules():
        if isinstance(block, BasicBlock):
            block.last, block.relu = nn.ReLU(), nn.ReLU()

            def forward(x, block=block):
                out = block.bn2(block.conv2(block.relu(block.bn1(block.conv1(x)))))
                return block.last(out + (x if block.downsample is None else block.downsample(x)))

            block.forward = forward
        if isinstance(block, BasicConv2d):
            block.relu = nn.ReLU()
            block.forward = lambda x, block=block: block.relu(block.bn(block.conv(x)))
    return captum_net(net)


def captum_net(net):
    for module in net.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return net.eval()


@pytest.fixture(scope="module")
def shared():
    torch.manual_seed(1)
    return Shared().eval()


@pytest.fixture(scope="module")
def model(shared):
    return vizkit.ImageModel(shared, input_size=24)


@pytest.fixture(scope="module")
def image():
    return torch.rand(3, 24, 24, generator=torch.Generator().manual_seed(2))


PEERS = {"guided": captum.attr.GuidedBackprop, "deconvnet": captum.attr.Deconvolution}


@pytest.mark.filterwarnings("ignore:Setting")
@pytest.mark.parametrize("rule", PEERS)
def test_rules_agree_with_captum_where_relus_are_shared(shared, model, image, rule):
    expected = PEERS[rule](captum_net(Modules(shared))).attribute(image[None].clone().requires_grad_(), 2)
    torch.testing.assert_close(pixel_gradient(model, image, 2, rule=rule), expected[0].detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:Setting")
@pytest.mark.parametrize("rule", PEERS)
@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18", "googlenet"])
def test_rules_agree_with_captum_on_torchvisions_nets(name, rule):
    net, image = random_net(name).eval(), torch.rand(3, 64, 64)
    found = pixel_gradient(vizkit.ImageModel(net), image, 7, rule=rule)
    peer = separate(random_net(name))
    expected = PEERS[rule](peer).attribute(image[None].clone().requires_grad_(), 7)[0].detach()
    assert expected.abs().max() > 0
    torch.testing.assert_close(found / expected.abs().max(), expected / expected.abs().max(), rtol=1e-5, atol=1e-5)


def test_gradients_agree_with_captum(shared, model, image):
    peer, pixels = captum_net(Modules(shared)), image[None].clone().requires_grad_()
    expected = captum.attr.Saliency(peer).attribute(pixels, 3)[0].detach()
    torch.testing.assert_close(saliency(model, image, 3), expected.amax(0))
    expected = (
        captum.attr.IntegratedGradients(peer)
        .attribute(pixels, target=3, n_steps=40, method="gausslegendre")[0]
        .detach()
    )
    torch.testing.assert_close(
        integrated_gradients(model, image, 3, steps=40).double(), expected.double(), rtol=1e-4, atol=1e-6
    )
    cam = captum.attr.LayerGradCam(peer, peer.b).attribute(pixels, 3, relu_attributions=True)
    expected = F.interpolate(cam.detach(), (24, 24), mode="bilinear", align_corners=False)[0, 0]
    torch.testing.assert_close(grad_cam(model, image, 3, layer="relu_1"), expected)


def test_any_unit_of_any_layer(shared, model, image):
    pixels = image[None].clone().requires_grad_()
    with capture(shared, ["two"]) as found:
        shared(pixels)
    for row, column in ((1, 2), (None, None)):
        one = found["two"][0, 4]
        place = (row, column) if row is not None else divmod(int(one.argmax()), one.shape[1])
        (expected,) = torch.autograd.grad(one[place], pixels, retain_graph=True)
        torch.testing.assert_close(pixel_gradient(model, image, Unit("two", 4, row, column)), expected[0])
    by_name = pixel_gradient(model, image, "class 2")
    torch.testing.assert_close(by_name, pixel_gradient(model, image, 2))


def test_smooth_grad_without_noise_is_the_gradient(model, image):
    torch.testing.assert_close(smooth_grad(model, image, 1, samples=4, noise=0), pixel_gradient(model, image, 1))
    one, two = (smooth_grad(model, image, 1, samples=7, batch_size=size, seed=3) for size in (7, 2))
    torch.testing.assert_close(one, two)
    assert not torch.allclose(one, smooth_grad(model, image, 1, samples=7, seed=4))


def test_integrated_gradients_sum_to_the_difference_of_scores(model, image):
    base = torch.full_like(image, 0.3)
    with torch.no_grad():
        expected = model.logits(image)[2] - model.logits(base)[2]
    found = integrated_gradients(model, image, 2, baseline=base, steps=300)
    assert float(found.sum()) == pytest.approx(float(expected), rel=0.02)
    halves = [integrated_gradients(model, image, 2, steps=20, batch_size=size) for size in (3, 20)]
    torch.testing.assert_close(*halves)


def test_a_linear_model_by_closed_form():
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 4))
    model, image = vizkit.ImageModel(net, input_size=4), torch.rand(3, 4, 4)
    weight = net[1].weight[2].view(3, 4, 4).detach()
    torch.testing.assert_close(pixel_gradient(model, image, 2), weight)
    torch.testing.assert_close(saliency(model, image, 2), weight.abs().amax(0))
    torch.testing.assert_close(integrated_gradients(model, image, 2, steps=3), weight * image)
    torch.testing.assert_close(smooth_grad(model, image, 2, samples=3), weight)


class Bent(nn.Module):
    def __init__(self, bend):
        super().__init__()
        self.conv, self.bend, self.head = nn.Conv2d(3, 4, 3), bend, nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.bend(self.conv(x)).relu().mean((2, 3)))


class Nothing(Bent):
    def forward(self, x):
        return self.head(self.conv(x).mean((2, 3)))


BENDS = {
    "clamp": lambda x: x.clamp(min=0),
    "mask": lambda x: x * (x > 0),
    "GELU": nn.GELU(),
    "SiLU": nn.SiLU(),
    "leaky": nn.LeakyReLU(),
    "threshold": nn.Threshold(0, 0),
    "maximum": lambda x: torch.maximum(x, torch.zeros(())),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "sigmoid": lambda x: x * x.sigmoid(),
    "half": lambda x: (x + x.abs()) / 2,
}


@pytest.mark.parametrize("bend", BENDS)
def test_a_net_that_no_rule_governs_is_refused(bend, image):
    model = vizkit.ImageModel(Bent(BENDS[bend]), input_size=24)
    for rule in ("deconvnet", "guided"):
        with pytest.raises(ValueError, match=f"the {rule} rule is defined for ReLUs only, but Bent"):
            pixel_gradient(model, image, 0, rule=rule)
    assert pixel_gradient(model, image, 0).abs().max() > 0


def test_a_scripted_net_and_one_without_relus_are_refused(image):
    with pytest.raises(ValueError, match="Nothing has no ReLU"):
        pixel_gradient(vizkit.ImageModel(Nothing(None), input_size=24), image, 0, rule="guided")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x: pixel_gradient(m, x, 99), "target class must be"),
        (lambda m, x: pixel_gradient(m, x, Unit("three", 0)), "layer of Shared"),
        (lambda m, x: pixel_gradient(m, x, Unit("two", 50)), "channel must be"),
        (lambda m, x: pixel_gradient(m, x, Unit("two", 0, 99, 0)), "row must be"),
        (lambda m, x: smooth_grad(m, x, noise=-1), "noise must be 0 or more, got -1"),
        (lambda m, x: integrated_gradients(m, x, steps=0), "steps must be"),
        (lambda m, x: saliency(m, x * 300), "between 0 and 1|in .0, 1."),
    ],
)
def test_errors(model, image, call, message):
    with pytest.raises(ValueError, match=message):
        call(model, image)


def test_the_last_map():
    assert last_map(vizkit.load_model("viznet", device="cpu")) == "relu7"
