from threading import Event, Thread

import captum.attr
import pytest
import torch
from torch import nn

import vizkit
from tests.conftest import NETS, random_net
from vizkit.core.steps import last
from vizkit.figures.attribution import answer_chart, remaining_chart
from vizkit.methods.incremental import Incremental
from vizkit.methods.occlusion import occlude, occlusion_steps, strongest_map


class Loops(nn.Module):
    """A net that torch.fx cannot trace: it looks at its input."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x) if x.mean() > -100 else self.net(-x)


def slowly(model, image, target, patch, stride, fill):
    """One covered picture after the other."""
    clean, rows = model.probabilities(image)[target], []
    height, width = image.shape[1:]
    top = 0
    while True:
        row, left = [], 0
        while True:
            covered = image.clone()
            covered[:, top : top + patch, left : left + patch] = fill
            row.append(clean - model.probabilities(covered)[target])
            if left + patch >= width:
                break
            left += stride
        rows.append(torch.stack(row))
        if top + patch >= height:
            return torch.stack(rows)
        top += stride


@pytest.mark.parametrize("name", [*NETS, "resnet50", "mobilenet_v2"])
@torch.no_grad()
def test_changed_windows_give_the_nets_own_output(name):
    net, image = random_net(name).eval(), torch.randn(1, 3, 100, 84)
    incremental = Incremental(net, image)
    random = torch.Generator().manual_seed(0)
    for height, width in ((20, 11), (1, 1), (100, 84)):
        start = torch.stack(
            [torch.randint(length - side + 1, (5,), generator=random) for length, side in ((100, height), (84, width))],
            1,
        )
        windows = torch.randn(5, 3, height, width, generator=random) * 3
        changed = image.repeat(5, 1, 1, 1)
        for one, (top, left), window in zip(changed, start.tolist(), windows, strict=True):
            one[:, top : top + height, left : left + width] = window
        expected = net(changed)
        scale = (expected - net(image)).abs().max().clamp(min=1e-3)
        torch.testing.assert_close(incremental.changed(windows, start) / scale, expected / scale, rtol=1e-3, atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize(("patch", "stride"), [(16, 8), (13, 7), (40, 30)])
def test_the_map_is_that_of_single_pictures(viznet, chelsea, patch, stride):
    image = chelsea[:, :70, :90]
    step = last(occlusion_steps(viznet, image, patch=patch, stride=stride, fill=0.2))
    assert step.incremental
    expected = slowly(viznet, image, step.target, patch, stride, 0.2)
    torch.testing.assert_close(step.drop, expected, rtol=1e-4, atol=1e-5)
    assert step.probability == pytest.approx(float(viznet.probabilities(image)[step.target]))
    again = last(occlusion_steps(viznet, image, patch=patch, stride=stride, fill=0.2, batch_size=5))
    torch.testing.assert_close(step.drop, again.drop, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_answer_and_what_remains_at_each_place(viznet, chelsea):
    image = chelsea[:, :70, :90]
    step = last(occlusion_steps(viznet, image, patch=30, stride=20))
    for row in range(step.drop.shape[0]):
        for column in range(step.drop.shape[1]):
            shares = viznet.probabilities(occlude(image, 20 * row, 20 * column, patch=30))
            assert int(step.answer[row, column]) == int(shares.argmax())
            assert float(step.remaining[row, column]) == pytest.approx(float(shares[step.target]), abs=1e-4)
    first = next(occlusion_steps(viznet, image, patch=30, stride=20, batch_size=2))
    assert torch.equal(first.answer < 0, first.drop.isnan())


@torch.no_grad()
def test_charts_by_place_of_the_square(viznet, chelsea):
    step = last(occlusion_steps(viznet, chelsea[:, :70, :90], patch=30, stride=20))
    heat = remaining_chart(step, "tabby").data[0]
    torch.testing.assert_close(torch.tensor(heat.z), 100 * step.remaining)
    assert heat.colorbar.title.text == "%"
    drawn = answer_chart(step, viznet.labels).data[0]
    names = [drawn.colorbar.ticktext[int(one)] for one in torch.tensor(drawn.z).flatten()]
    wanted = [viznet.labels[one] for one in step.answer.flatten()]
    assert all(name in (label, "another") for name, label in zip(names, wanted, strict=True))
    assert names.count("another") == 0 or len(set(wanted)) > 7


@torch.no_grad()
def test_captum_finds_the_same(viznet, chelsea):
    image = chelsea[:, :72, :88]
    step = last(occlusion_steps(viznet, image, 5, patch=16, stride=8))
    peer = captum.attr.Occlusion(viznet.probabilities)
    expected = peer.attribute(
        image[None], sliding_window_shapes=(3, 16, 16), strides=(3, 8, 8), baselines=0.5, target=5
    )[0, 0]
    torch.testing.assert_close(step.pixels(), expected.float(), rtol=1e-4, atol=1e-6)


def test_a_net_that_cannot_be_traced_is_run_whole(viznet, chelsea):
    image = chelsea[:, :64, :64]
    model = vizkit.ImageModel(Loops(viznet.net), mean=viznet.mean, std=viznet.std, input_size=64)
    whole = last(occlusion_steps(model, image, 5, patch=20, stride=20))
    assert not whole.incremental
    quick = last(occlusion_steps(viznet, image, 5, patch=20, stride=20))
    torch.testing.assert_close(whole.drop, quick.drop, rtol=1e-4, atol=1e-6)


def test_a_stopped_map_goes_on(viznet, chelsea):
    image, settings = chelsea[:, :64, :64], {"patch": 16, "stride": 8, "batch_size": 10}
    steps = list(occlusion_steps(viznet, image, 5, **settings))
    assert [step.index for step in steps] == [9, 18, 21, 30, 39, 42, 45, 48, 49]  # tiles of 3 x 3
    assert int(steps[1].drop.isfinite().sum()) == 18
    rest = list(occlusion_steps(viznet, image, 5, **settings, resume=steps[1]))
    assert [step.index for step in rest] == [step.index for step in steps[2:]]
    torch.testing.assert_close(rest[-1].drop, steps[-1].drop)


def test_the_square_is_clipped_at_the_border_never_wrapped(chelsea):
    covered = occlude(chelsea, 120, 150, patch=32, fill=1.0)
    changed = (covered != chelsea).any(0).nonzero()
    assert changed.amin(0).tolist() == [120, 150]
    assert changed.amax(0).tolist() == [chelsea.shape[1] - 1, 181]
    assert covered is not chelsea


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, x: occlude(x, -1, 0), "top must be"),
        (lambda m, x: occlude(x, 0, 9999), "left must be"),
        (lambda m, x: occlude(x, 0, 0, patch=500), "patch must be"),
        (lambda m, x: next(occlusion_steps(m, x, fill=2.0)), "fill must be in .0, 1., got 2.0"),
        (lambda m, x: next(occlusion_steps(m, x, stride=0)), "stride must be"),
        (lambda m, x: next(occlusion_steps(m, x, "zebrafish")), "class of viznet"),
    ],
)
def test_errors(viznet, chelsea, call, message):
    with pytest.raises(ValueError, match=message):
        call(viznet, chelsea)


def test_other_threads_may_ask_nets_while_one_is_traced():
    # torch.fx replaces the call of every module for all threads while it traces.
    net, other = random_net("resnet18").eval(), vizkit.load_model("viznet")
    image, ended, errors = torch.rand(1, 3, 64, 64), Event(), []
    expected = other.probabilities(image)

    def ask():
        while not ended.is_set():
            try:
                torch.testing.assert_close(other.probabilities(image), expected)
            except Exception as error:
                errors.append(error)

    thread = Thread(target=ask)
    thread.start()
    for _ in range(10):
        with torch.no_grad():
            Incremental(net, image)
    ended.set()
    thread.join()
    assert errors == []


def test_the_strongest_map_is_followed_place_by_place(viznet):
    image = vizkit.load_image("coffee", (64, 64))
    found = strongest_map(viznet, image, "relu5", patch=20, stride=15)
    maps = vizkit.activations(viznet, image, "relu5").maps.sum((1, 2))
    assert found.channel == int(maps.argmax())
    assert found.clean == pytest.approx(float(maps.max()), rel=1e-4)
    covered = occlude(image, 30, 15, patch=20)
    expected = vizkit.activations(viznet, covered, "relu5").maps[found.channel].sum()
    assert float(found.total[2, 1]) == pytest.approx(float(expected), rel=1e-4)
    with pytest.raises(ValueError, match="layer must have a map, got fc"):
        strongest_map(viznet, image, "fc", patch=20)
