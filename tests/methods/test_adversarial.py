import math

import foolbox
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import vizkit
from tests.conftest import same, snapshot
from tests.methods.test_gradients import Shared
from vizkit.core.data import cut_patches
from vizkit.core.steps import last
from vizkit.methods.adversarial import (
    ATTACKS,
    deepfool,
    fgsm,
    lbfgs,
    lbfgs_steps,
    pgd,
    project,
    random_noise,
    success_rates,
)
from vizkit.methods.attack_rates import transfer_table
from vizkit.methods.linear_example import SLIDE_W, SLIDE_X, linear_example, random_example


class Linear(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x):
        return torch.einsum("nchw,kchw->nk", x, self.weight)


def linear_model(classes=2, side=6):
    weight = torch.randn(classes, 3, side, side, generator=torch.Generator().manual_seed(0))
    return vizkit.ImageModel(Linear(weight.double()), input_size=side)


@pytest.fixture(scope="module")
def pictures(viznet):
    patches = cut_patches(count=120, size=64).patches.float() / 255
    with torch.no_grad():
        sure = viznet.probabilities(patches).amax(1)
    return patches[sure.argsort(descending=True)[:24]]


def test_on_a_linear_net_fgsm_moves_the_score_by_exactly_epsilon_times_the_weights():
    model, epsilon = linear_model(), 0.01
    image = torch.full((1, 3, 6, 6), 0.5, dtype=torch.float64)
    w = (model.net.weight[0] - model.net.weight[1]).detach()

    def margin(x):
        logits = model.net(x)
        return float((logits[0, 0] - logits[0, 1]).detach())

    found = fgsm(model, image, 0, epsilon=epsilon).images
    # Not quite: epsilon is rounded down to what its float can hold.
    assert margin(image) - margin(found) == pytest.approx(epsilon * float(w.abs().sum()), rel=1e-6)
    towards = fgsm(model, image, 0, target=0, epsilon=epsilon).images
    assert margin(towards) - margin(image) == pytest.approx(epsilon * float(w.abs().sum()), rel=1e-6)
    straight = fgsm(model, image, 0, epsilon=0.1, norm="L2").images
    assert margin(image) - margin(straight) == pytest.approx(0.1 * float(w.norm()), rel=1e-4)
    # Nothing beats it under its norm.
    other = pgd(model, image, 0, epsilon=epsilon, steps=20, restarts=3).images
    assert margin(other) >= margin(found) - 1e-9


def test_on_a_linear_net_deepfool_goes_to_the_boundary():
    model = linear_model(3)
    image = torch.rand(1, 3, 6, 6, dtype=torch.float64) * 0.2 + 0.4
    logits = model.net(image)[0].detach()
    label = int(logits.argmax())
    weight = model.net.weight.detach()
    distances = [
        float((logits[label] - logits[k]) / (weight[label] - weight[k]).norm()) for k in range(3) if k != label
    ]
    found = deepfool(model, image, label, overshoot=0.0, candidates=3)
    assert float((found.images - image).norm()) == pytest.approx(min(distances) + 1e-4, rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    epsilon=st.floats(0, 0.5),
    norm=st.sampled_from(["Linf", "L2"]),
    attack=st.sampled_from(sorted(ATTACKS)),
    seed=st.integers(0, 10_000),
    flat=st.booleans(),
)
def test_no_attack_ever_goes_too_far(epsilon, norm, attack, seed, flat):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    model = vizkit.ImageModel(net, input_size=8)
    images = torch.rand(3, 3, 8, 8)
    images = images.round() if flat else images  # at the ends of [0, 1]
    before = images.clone()
    found = ATTACKS[attack](model, images, epsilon=epsilon, norm=norm)
    assert torch.equal(images, before), "the original is not touched"
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    change = (found.images.double() - images.double()).flatten(1)
    size = change.abs().amax(1) if norm == "Linf" else change.norm(dim=1)
    assert (size <= epsilon).all(), "to the last bit"


@given(st.floats(1e-6, 1), st.integers(0, 1000))
def test_the_projection_is_exact_and_leaves_what_is_inside(epsilon, seed):
    random = torch.Generator().manual_seed(seed)
    originals = torch.rand(1, 3, 4, 4, generator=random)
    far = originals + torch.randn(1, 3, 4, 4, generator=random)
    found = project(far, originals, epsilon)
    assert (found.double() - originals.double()).abs().max() <= epsilon
    assert (found - originals).abs().max() <= epsilon
    inside = (originals + 0.4 * epsilon * far.sign()).clamp(0, 1)
    assert torch.equal(project(inside, originals, epsilon), inside)


def peer_of(model):
    return foolbox.PyTorchModel(
        model.net,
        bounds=(0, 1),
        device="cpu",
        preprocessing={"mean": list(model.mean), "std": list(model.std), "axis": -3},
    )


@pytest.fixture(scope="module")
def exact():
    """The same net in double precision: rounding is not what is compared."""
    viznet = vizkit.load_model("viznet", "cpu")
    return vizkit.ImageModel(viznet.net.double(), mean=viznet.mean, std=viznet.std, labels=viznet.labels, input_size=64)


@pytest.mark.parametrize("epsilon", [1 / 255, 8 / 255])
def test_fgsm_and_pgd_are_foolboxs(viznet, pictures, epsilon):
    with torch.no_grad():
        labels = viznet.probabilities(pictures).argmax(1)
    peer = peer_of(viznet)
    steps, rate = 5, epsilon / 3
    for ours, theirs in (
        (fgsm(viznet, pictures, labels, epsilon=epsilon), foolbox.attacks.FGSM()),
        (
            pgd(viznet, pictures, labels, epsilon=epsilon, steps=steps, rate=rate, random_start=False),
            foolbox.attacks.LinfPGD(abs_stepsize=rate, steps=steps, random_start=False),
        ),
    ):
        _, expected, success = theirs(peer, pictures, labels, epsilons=epsilon)
        # A gradient of 0 to rounding may have either sign in either library.
        different = ((ours.images - expected).abs() > 1e-5).float().mean()
        assert different < 1e-3
        assert (ours.success == success).float().mean() > 0.9


def test_l2_pgd_is_foolboxs(exact, pictures):
    pictures = pictures.double()
    with torch.no_grad():
        labels = exact.probabilities(pictures).argmax(1)
    ours = pgd(exact, pictures, labels, epsilon=0.5, norm="L2", steps=5, rate=0.2, random_start=False)
    attack = foolbox.attacks.L2PGD(abs_stepsize=0.2, steps=5, random_start=False)
    _, expected, success = attack(peer_of(exact), pictures, labels, epsilons=0.5)
    torch.testing.assert_close(ours.images, expected, rtol=0, atol=1e-5)
    assert torch.equal(ours.success, success)


def test_deepfool_is_foolboxs(exact, pictures):
    pictures = pictures[:12].double()
    with torch.no_grad():
        labels = exact.probabilities(pictures).argmax(1)
    ours = deepfool(exact, pictures, labels)
    attack = foolbox.attacks.L2DeepFoolAttack(overshoot=0.02)
    _, expected, _ = attack(peer_of(exact), pictures, labels, epsilons=None)
    assert ours.success.all()
    torch.testing.assert_close(ours.images, expected, rtol=0, atol=1e-5)


def test_random_noise_of_the_same_size_does_next_to_nothing(viznet, pictures):
    epsilon = [4 / 255]
    rates = {name: success_rates(viznet, pictures, epsilon, name)[0] for name in ATTACKS}
    assert rates["random noise"] < 0.15
    assert rates["PGD"] >= rates["FGSM"] - 0.05
    assert rates["FGSM"] > 0.4
    moved = random_noise(viznet, pictures, epsilon=4 / 255).images - pictures
    inside = (pictures > 4 / 255) & (pictures < 1 - 4 / 255)
    torch.testing.assert_close(moved.abs()[inside], torch.full_like(moved[inside], 4 / 255), rtol=1e-3, atol=1e-6)


def test_targets_are_reached_and_restarts_only_help(viznet, pictures):
    found = pgd(viznet, pictures, target="goldfish", epsilon=16 / 255, steps=20)
    assert found.success.float().mean() > 0.9
    assert (found.label[found.success] == viznet.labels.index("goldfish")).all()
    weak = {"epsilon": 1 / 255, "steps": 2, "target": 7, "seed": 1}
    once, often = (pgd(viznet, pictures, **weak, restarts=n) for n in (1, 4))
    assert (often.success >= once.success).all()
    again = pgd(viznet, pictures, **weak, restarts=4)
    assert torch.equal(often.images, again.images)


def test_the_smallest_change_is_smaller_than_pgds(viznet, pictures):
    found = lbfgs(viznet, pictures[20], "goldfish", steps=30, search=5, cost=1.0)
    assert bool(found.success[0])
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    length = float((found.images[0] - pictures[20]).norm())
    picture = pictures[20:21]
    half, twice = (
        pgd(viznet, picture, target="goldfish", norm="L2", epsilon=share * length, steps=40) for share in (0.5, 2.0)
    )
    assert twice.success.all()
    assert not half.success.any()


def test_what_length_costs_sets_the_length(viznet, pictures):
    end = last(lbfgs_steps(viznet, pictures[20], "goldfish", steps=30))
    assert end.cost.tolist() == [4, 1, 0.25, 0.0625, 0.015625]
    assert (end.length.diff() > 0).all()
    assert (end.probability.diff() > 0).all()
    shortest = lbfgs(viznet, pictures[20], "goldfish", steps=30)
    assert end.success[-1]
    assert float((shortest.images[0] - pictures[20]).norm()) <= float(end.length[end.success].min()) + 1e-3


def test_transfer_is_complete_to_oneself_and_less_to_others(viznet, pictures):
    robust = vizkit.load_model("viznet-robust", "cpu")
    table = transfer_table([viznet, robust], pictures, 4 / 255)
    assert table[0, 0] == 1
    assert table[1, 1] == 1
    assert table[0, 1] < 0.9


def test_the_net_is_left_as_it_was_also_when_it_raises():
    torch.manual_seed(0)
    net = Shared().train()
    net.head.bias.grad = torch.ones(5)
    model, images = vizkit.ImageModel(net, input_size=24), torch.rand(2, 3, 24, 24)
    before = snapshot(net)
    runs = {
        **{name: (lambda a=attack: a(model, images)) for name, attack in ATTACKS.items()},
        "DeepFool": lambda: deepfool(model, images, steps=2),
        "L-BFGS": lambda: lbfgs(model, images[0], 1, steps=2, search=1),
    }
    for run in runs.values():
        run()
        assert same(snapshot(net), before)
    handle = net.two.register_forward_hook(lambda *_: (_ for _ in ()).throw(ArithmeticError("half way")))
    before = snapshot(net)
    for run in runs.values():
        with pytest.raises(ArithmeticError, match="half way"):
            run()
        assert same(snapshot(net), before)
    handle.remove()


def test_bad_input_is_named(viznet, pictures):
    for arguments, message in (
        ({"epsilon": -1}, "epsilon must be 0 or more"),
        ({"norm": "L1"}, "norm 'L1' is not known"),
        ({"target": "gold"}, "class of viznet 'gold' is not known"),
        ({"labels": [1, 2]}, "labels must be one for each of 24 pictures, got 2"),
        ({"steps": 0}, "steps must be 1 or more"),
    ):
        with pytest.raises(ValueError, match=message):
            pgd(viznet, pictures, **arguments)
    with pytest.raises(ValueError, match="attack 'PGB' is not known; did you mean 'PGD'"):
        success_rates(viznet, pictures, [0.1], "PGB")


def test_the_slides_ten_dimensions():
    found = linear_example(torch.tensor(SLIDE_X), torch.tensor(SLIDE_W))
    assert found.score == -3
    assert found.moved_score == 2
    assert round(found.probability, 4) == 0.0474
    assert round(found.moved_probability, 4) == 0.8808


@pytest.mark.parametrize("dimensions", [1, 10, 333, 10_000])
def test_the_score_grows_with_the_dimension(dimensions):
    found = random_example(dimensions, 0.5)
    assert found.score == pytest.approx(-3, abs=1e-8)
    assert found.moved_score == pytest.approx(-3 + 0.5 * dimensions)
    assert math.isclose(float((found.moved - found.x).abs().max()), 0.5)
    with pytest.raises(ValueError, match="as many numbers each"):
        linear_example(torch.zeros(3), torch.zeros(4))
