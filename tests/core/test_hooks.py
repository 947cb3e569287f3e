import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.conftest import NETS, random_net, same, snapshot
from vizkit.core.hooks import ReLUMaps, ReLURule, capture, evaluation, forward_to, trace_layers


def example(size=96):
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))


class InPlace(nn.Module):
    """An in-place ReLU, a ReLU used twice, a functional one, a branch and a concatenation."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.body = nn.Sequential(nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4))
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        x = self.relu(self.conv1(x))
        y = self.relu(self.conv2(x) + x)
        z = F.relu(self.body(torch.cat([x, y], 1)), inplace=True)
        return self.head(z.mean((2, 3)))


def test_layers_are_named_in_forward_order_as_torchvision_names_reused_modules():
    names = [layer.name for layer in trace_layers(InPlace(), torch.rand(1, 3, 8, 8))]
    assert names == ["conv1", "relu", "conv2", "relu_1", "body.0", "body.1", "head"]


def test_a_container_that_works_in_place_on_its_childs_output_is_a_layer_of_its_own():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return F.relu(self.conv(x), inplace=True)

    net = nn.Sequential(Block(), nn.Flatten(), nn.LazyLinear(2))
    net(torch.rand(1, 3, 8, 8))
    names = [layer.name for layer in trace_layers(net, torch.rand(1, 3, 8, 8))]
    assert names == ["0.conv", "0", "1", "2"]


@pytest.mark.parametrize("name", NETS)
def test_layer_names_agree_with_torchvisions_feature_extraction(name):
    from torchvision.models.feature_extraction import get_graph_node_names

    net = random_net(name).eval()
    known = set(get_graph_node_names(net)[1])
    modules = dict(net.named_modules())
    for layer in trace_layers(net, example()[:1]):
        if layer.name in modules and not list(modules[layer.name].children()):
            # torchvision does not look into its own blocks: their name stands for their parts
            parts = layer.name.split(".")
            assert {".".join(parts[: n + 1]) for n in range(len(parts))} & known, layer.name


@pytest.mark.parametrize("name", NETS)
def test_capture_sees_what_the_layer_returned_and_changes_nothing(name):
    net, images = random_net(name).eval(), example()
    layers = [layer.name for layer in trace_layers(net, images[:1])]
    expected = {}

    def remember(key):
        def keep(_module, _inputs, output):
            expected.setdefault(key, output.clone())

        return keep

    once = [layer for layer in layers if layer in dict(net.named_modules())]
    handles = [net.get_submodule(key).register_forward_hook(remember(key)) for key in once]
    with torch.no_grad():
        plain = net(images)
    for handle in handles:
        handle.remove()
    with torch.no_grad(), capture(net, layers) as captured:
        logits = net(images)
    assert torch.equal(logits, plain)
    assert set(captured) == set(layers)
    for key in once:  # the first run, before anything in place could overwrite it
        assert torch.equal(captured[key], expected[key]), key


@pytest.mark.parametrize("name", NETS)
def test_gradients_at_a_captured_layer_match_finite_differences(name):
    net = random_net(name).eval().double()
    images = example()[:1].double()
    layers = [layer.name for layer in trace_layers(net, images) if len(layer.shape) == 3]
    random = torch.Generator().manual_seed(2)
    for layer in layers[:: max(1, len(layers) // 4)]:
        with capture(net, [layer]) as captured:
            score = net(images)[0, 7]
        (gradient,) = torch.autograd.grad(score, captured[layer])
        direction = torch.randn(gradient.shape, generator=random, dtype=torch.float64)
        # Scaled to the layer, and zero where a ReLU has cut: max-pooling has no derivative there.
        values = captured[layer].detach()
        step = 1e-6 * values.abs().mean() * direction * (values != 0)
        ends = [_shifted(net, images, layer, sign * step)[0, 7] for sign in (1, -1)]
        slope = (gradient * step).sum() * 2
        torch.testing.assert_close(ends[0] - ends[1], slope, rtol=2e-2, atol=1e-12)


def _shifted(net, images, layer, step):
    """Run the net with a step added to one layer's output, by a hook of this test's own."""
    name, _, run = layer.rpartition("_")
    known = dict(net.named_modules())
    module, wanted = (known[layer], 0) if layer in known else (known[name], int(run))
    runs = iter(range(1000))
    handle = module.register_forward_hook(
        lambda _module, _inputs, output: output + step if next(runs) == wanted else None
    )
    try:
        with torch.no_grad():
            return net(images)
    finally:
        handle.remove()


@pytest.mark.parametrize("name", NETS)
def test_forward_to_stops_at_the_layer_with_the_same_output(name):
    net, images = random_net(name).eval(), example()[:1]
    layers = [layer.name for layer in trace_layers(net, images)]
    for layer in layers[:: max(1, len(layers) // 6)]:
        with torch.no_grad():
            with capture(net, [layer]) as captured:
                net(images)
            assert torch.equal(forward_to(net, images, layer), captured[layer])


def test_forward_to_does_not_run_the_rest():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(1, 1))
    assert forward_to(net, torch.rand(1, 3, 8, 8), "0").shape == (1, 4, 6, 6)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        net(torch.rand(1, 3, 8, 8))


class Failing(nn.Module):
    def forward(self, x):
        raise ArithmeticError("half way")


@pytest.mark.parametrize("name", NETS)
def test_everything_is_restored_when_the_net_raises_half_way(name):
    net = random_net(name)
    net.train()
    first = next(net.parameters())
    first.requires_grad_(False)
    last = list(net.parameters())[-1]
    last.grad = torch.ones_like(last)
    layers = [layer.name for layer in trace_layers(net, example()[:1])]
    middle = layers[len(layers) // 2].rpartition("_")[0] or layers[len(layers) // 2]
    middle = middle if middle in dict(net.named_modules()) else layers[len(layers) // 2]
    handle = net.get_submodule(middle).register_forward_hook(
        lambda *_: (_ for _ in ()).throw(ArithmeticError("half way"))
    )
    before = snapshot(net)
    contexts = (lambda: capture(net, layers), lambda: evaluation(net), lambda: ReLURule("guided"))
    for context in contexts:
        with pytest.raises(ArithmeticError), context():
            net(example())
        state = snapshot(net)
        state["state"] = before["state"]  # batch norm counts what ran in training mode: the net's
        assert same(state, before)
    with pytest.raises(ArithmeticError):
        forward_to(net, example(), layers[-1])
    with pytest.raises(ArithmeticError):
        trace_layers(net, example())
    state = snapshot(net)
    handle.remove()
    assert same({**state, "state": 0}, {**before, "state": 0})


def test_evaluation_freezes_and_puts_back_every_flag():
    net = InPlace()
    net.body.eval()
    net.head.weight.requires_grad_(False)
    before = snapshot(net)
    with evaluation(net):
        assert not any(module.training for module in net.modules())
        assert not any(parameter.requires_grad for parameter in net.parameters())
        net(torch.rand(2, 3, 8, 8))
    assert same(snapshot(net), before)


def test_unknown_layers_are_named():
    with pytest.raises(ValueError, match="layer 'conv9' is no module of InPlace"), capture(InPlace(), ["conv9"]):
        pass
    with pytest.raises(ValueError, match="layer 'relu_2' did not run"):
        forward_to(InPlace(), torch.rand(1, 3, 8, 8), "relu_2")


# Springenberg et al. 2015, fig. 1
INPUT = torch.tensor([[1.0, -1, 5], [2, -5, -7], [-3, 2, 4]])
ABOVE = torch.tensor([[-2.0, 3, -1], [6, -3, 1], [2, -1, 3]])
EXPECTED = {
    "backprop": [[-2, 0, -1], [6, 0, 0], [0, -1, 3]],
    "deconvnet": [[0, 3, 0], [6, 0, 1], [2, 0, 3]],
    "guided": [[0, 0, 0], [6, 0, 0], [0, 0, 3]],
}
RELUS = {
    "module": nn.ReLU(),
    "in-place module": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "torch.relu": torch.relu,
    "method": lambda x: x.relu(),
    "method in place": lambda x: x.relu_(),
    "in place, return value unused": lambda x: (x.relu_(), x)[1],
    "relu6": F.relu6,
    "relu6 module": nn.ReLU6(),
    "relu6 in place": nn.ReLU6(inplace=True),
}


@pytest.mark.parametrize("relu", RELUS)
@pytest.mark.parametrize("rule", EXPECTED)
def test_relu_rules_on_the_worked_example(rule, relu):
    pixels = INPUT.clone().requires_grad_()
    with ReLURule(rule) as ruled:
        output = RELUS[relu](pixels * 1)
    (gradient,) = torch.autograd.grad(output, pixels, ABOVE)
    assert ruled.count == 1
    assert torch.equal(output, INPUT.clamp(min=0))
    assert gradient.tolist() == EXPECTED[rule]


@pytest.mark.parametrize("name", ["squeezenet1_1", "resnet18", "googlenet"])
def test_the_backprop_rule_is_the_true_gradient_and_the_output_is_untouched(name):
    net = random_net(name).eval()
    images = example()[:1].requires_grad_()
    (true,) = torch.autograd.grad(net(images)[0, 3], images)
    with ReLURule("backprop") as ruled:
        score = net(images)[0, 3]
    (gradient,) = torch.autograd.grad(score, images)
    assert ruled.count > 5
    assert torch.equal(score, net(images)[0, 3])
    torch.testing.assert_close(gradient, true)


@pytest.mark.parametrize("relu", RELUS)
def test_the_maps_behind_each_relu_are_averaged(relu):
    maps = torch.stack([INPUT, -INPUT])[None]
    with ReLUMaps() as found:
        RELUS[relu](maps.clone())
        RELUS[relu](INPUT.clone())  # no map
    assert len(found.means) == 1
    assert torch.equal(found.means[0], maps.clamp(0, 6 if "relu6" in relu else 9).mean(1, keepdim=True))
