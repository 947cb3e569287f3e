import copy
import os
import signal
import threading

import joblib
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.nn.utils import vector_to_parameters

from vizkit.core.steps import last
from vizkit.methods.loss_landscape import (
    default_axis,
    fit_steps,
    interpolate,
    largest_curvature,
    random_directions,
    rescaled,
    share_below,
    surface_steps,
    train_deep_net,
    trajectory_plane,
    width_steps,
)
from vizkit.methods.small_nets import DeepNet, NetLoss, split_digits


@pytest.fixture(scope="module")
def data():
    return split_digits(100)


@pytest.fixture(scope="module")
def loss(data):
    return NetLoss(DeepNet(8, 2, skip=True), data.train, data.train_labels, label_smoothing=0.1)


@pytest.fixture(scope="module")
def point(loss):
    return loss.random_points(1)[0]


def slowly(loss, center, directions, xs, ys):
    """One forward pass at a time, as the published code does it."""
    net, found = copy.deepcopy(loss.net), torch.empty(len(ys), len(xs))
    with torch.no_grad():
        for row, y in enumerate(ys):
            for column, x in enumerate(xs):
                vector_to_parameters(center + x * directions[0] + y * directions[1], net.parameters())
                found[row, column] = F.cross_entropy(
                    net(loss.inputs), loss.labels, label_smoothing=loss.label_smoothing
                )
    return found


def test_a_surface_is_that_of_single_forward_passes(loss, point):
    directions = random_directions(loss, point)
    xs, ys = default_axis(13, 0.8), default_axis(11, 1.2)
    steps = list(surface_steps(loss, point, directions, xs=xs, ys=ys))
    assert steps[-1].index == steps[-1].total == 143
    torch.testing.assert_close(steps[-1].values, slowly(loss, point, directions, xs, ys), rtol=1e-5, atol=1e-5)
    known = [int(step.values.isfinite().sum()) for step in steps]
    assert known == [step.index for step in steps]
    assert known == sorted(known)
    assert known[0] == 4, "every tenth place first"


def test_a_quadratic_function_gives_a_paraboloid(loss, point):
    class Quadratic(NetLoss):
        def differentiable(self, points, rows=None):
            return points.square().sum(1) / 2

    bowl = Quadratic(loss.net, loss.inputs, loss.labels)
    point, directions = point.double(), torch.randn(2, len(point), dtype=torch.float64)
    axis = default_axis(9)
    found = last(surface_steps(bowl, point, directions, xs=axis, ys=axis)).values
    x, y = torch.meshgrid(axis.double(), axis.double(), indexing="xy")
    gram = directions @ directions.T
    linear = directions @ point
    expected = (
        point @ point
        + 2 * (x * linear[0] + y * linear[1])
        + gram[0, 0] * x**2
        + 2 * gram[0, 1] * x * y
        + gram[1, 1] * y**2
    ) / 2
    torch.testing.assert_close(found, expected)


def test_a_stopped_surface_goes_on_where_it_was(loss, point):
    directions, axis = random_directions(loss, point), default_axis(51)
    whole = last(surface_steps(loss, point, directions))
    steps = surface_steps(loss, point, directions, xs=axis, ys=axis)
    next(steps)
    half = next(steps)
    steps.close()
    assert 0 < half.index < 400
    rest = list(surface_steps(loss, point, directions, resume=half))
    assert rest[0].index > half.index
    torch.testing.assert_close(rest[-1].values, whole.values)
    assert half.index < 400, "a step is a state: it does not change behind its reader"


def test_directions_have_each_filters_length(loss, point):
    directions = random_directions(loss, point, seed=4)
    own = loss.named(point)
    for name, part in loss.named(directions).items():
        if part.ndim == 2:  # a bias
            assert not part.any()
            continue
        expected = own[name].norm(dim=1).expand(2, -1)
        torch.testing.assert_close(part.norm(dim=2), expected)
    raw = random_directions(loss, point, seed=4, filter_normalized=False)
    assert not loss.named(raw)["stem.bias"].any()
    length = torch.cat([one.flatten() for one in own.values() if one.ndim > 1]).norm()
    torch.testing.assert_close(raw.norm(dim=1), length.expand(2))
    assert torch.equal(directions, random_directions(loss, point, seed=4))


def test_rescaling_keeps_the_function_and_only_the_raw_picture_changes(loss, point):
    other = rescaled(loss, point, 5.0)
    torch.testing.assert_close(loss.logits(point[None]), loss.logits(other[None]), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(point, other)
    axis = default_axis(5)

    def surface(row, normalized):
        directions = random_directions(loss, row, filter_normalized=normalized)
        return last(surface_steps(loss, row, directions, xs=axis, ys=axis)).values

    torch.testing.assert_close(surface(point, True), surface(other, True), rtol=1e-3, atol=1e-3)
    assert not torch.allclose(surface(point, False), surface(other, False), rtol=0.1)


def test_interpolation(loss):
    start, end = loss.random_points(2)
    found = interpolate(start, end, torch.tensor([0.0, 1.0, 0.25, -0.5]))
    torch.testing.assert_close(found[0], start)
    torch.testing.assert_close(found[1], end)
    torch.testing.assert_close(found[2], 0.75 * start + 0.25 * end)
    torch.testing.assert_close(found[3], 1.5 * start - 0.5 * end)


def test_curvature_is_the_hessians_largest_eigenvalue(data):
    net = DeepNet(2, inputs=64)
    loss = NetLoss(net, data.train.double(), data.train_labels)
    point = loss.random_points(1)[0].double()
    hessian = torch.autograd.functional.hessian(lambda row: loss.differentiable(row[None])[0], point)
    expected = torch.linalg.eigvalsh(hessian)
    found = largest_curvature(loss, point, steps=200)
    assert found == pytest.approx(float(expected[expected.abs().argmax()]), rel=1e-3)


def test_the_plane_of_a_run(data):
    net = train_deep_net(data, depth=1, width=6, steps=60)
    assert torch.equal(net.path[-1], net.point)
    plane = trajectory_plane(net.path)
    torch.testing.assert_close(plane.directions @ plane.directions.T, torch.eye(2), atol=1e-5, rtol=0)
    assert not plane.places[-1].any()
    moved = (net.path - net.point).double().numpy()
    _, values, rows = np.linalg.svd(moved)
    torch.testing.assert_close(
        plane.explained.numpy(), (values[:2] ** 2 / (values**2).sum()).astype(np.float32), rtol=1e-4, atol=1e-6
    )
    assert abs(float(plane.directions[0].double().numpy() @ rows[0])) == pytest.approx(1, abs=1e-4)
    rebuilt = net.point + plane.places @ plane.directions
    lost = (rebuilt - net.path).square().sum() / (net.path - net.point).square().sum()
    assert float(lost) == pytest.approx(1 - float(plane.explained.sum()), abs=1e-4)


def test_share_below():
    assert share_below(torch.tensor([[1.0, 1.5], [2.5, 9.0]])) == 0.5


def test_wider_nets_end_lower_and_closer_together():
    step = last(width_steps((2, 8, 32), 40, data=split_digits(300), steps=150))
    means = [float(losses.mean()) for losses in step.losses.values()]
    assert means[0] > means[1] > means[2]
    assert step.losses[32].std() < step.losses[8].std()
    assert step.index == step.total == 150


def test_random_labels_are_learned_by_heart_and_a_run_goes_on():
    data = split_digits(150)
    random = split_digits(150, random_labels=1.0).train_labels
    steps = list(fit_steps(data, random, steps=250))
    assert steps[-1].train[-1, 1] > 0.99
    assert steps[-1].test[-1, 1] < 0.25
    assert steps[-1].test[-1, 0] > 0.8
    assert steps[-1].iterations[0] == 1
    assert steps[-1].iterations[-1] == 250
    rest = last(fit_steps(data, random, steps=250, resume=steps[7]))
    torch.testing.assert_close(rest.train, steps[-1].train)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda loss, p: next(surface_steps(loss, p[:5], torch.zeros(2, 5))), "center and directions must be"),
        (lambda loss, p: trajectory_plane(p[None]), "path must be .T, P. with T of 3 or more"),
        (lambda loss, p: rescaled(loss, p, 0), "factor must be positive, got 0"),
        (lambda loss, p: largest_curvature(loss, p, steps=0), "steps must be"),
    ],
)
def test_errors(loss, point, call, message):
    with pytest.raises(ValueError, match=message):
        call(loss, point)


def test_a_cluster_that_loses_a_worker_finds_the_same_surface(loss, point):
    """A real Dask scheduler, two workers on loopback, one killed half way."""
    distributed = pytest.importorskip("distributed")
    directions = random_directions(loss, point)
    alone = last(surface_steps(loss, point, directions))
    settings = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "processes": True,
        "host": "127.0.0.1",
        "dashboard_address": None,
    }
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster) as client:
        client.wait_for_workers(2, timeout=60)
        victim = next(iter(client.run(os.getpid).values()))
        killed = threading.Event()

        def kill():
            os.kill(victim, signal.SIGKILL)
            killed.set()

        steps = []
        with joblib.parallel_config(backend="dask"):
            for step in surface_steps(loss, point, directions):
                steps.append(step)
                if len(steps) == 3:
                    timer = threading.Timer(0.05, kill)  # while the next piece is computed
                    timer.start()
        timer.join()
        assert killed.is_set()
        assert len(steps) > 4
        assert victim not in client.run(os.getpid).values(), "it is gone"
    torch.testing.assert_close(steps[-1].values, alone.values)
