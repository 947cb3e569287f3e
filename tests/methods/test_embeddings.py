import numpy as np
import pytest
import torch

from vizkit.core.data import CLOUDS, clouds
from vizkit.methods.embeddings import class_gaps, class_sizes, dbscan, hdbscan, neighbor_accuracy, snap_to_grid


def test_neighbor_accuracy_by_hand():
    points = torch.tensor([[0.0, 0], [1, 0], [10, 0], [11, 0], [12.5, 0]])
    assert neighbor_accuracy(points, torch.tensor([0, 0, 1, 1, 1])) == 1
    assert neighbor_accuracy(points, torch.tensor([0, 0, 1, 1, 0])) == pytest.approx(0.8)
    with pytest.raises(ValueError, match="one per point, 2 or more, got 3 for 5 points"):
        neighbor_accuracy(points, torch.zeros(3))


def test_neighbor_accuracy_is_the_leave_one_out_classifiers():
    from sklearn.model_selection import LeaveOneOut, cross_val_score
    from sklearn.neighbors import KNeighborsClassifier

    random = torch.Generator().manual_seed(0)
    points, labels = torch.randn(60, 3, generator=random), torch.arange(60) % 3
    peer = cross_val_score(KNeighborsClassifier(1), points.numpy(), labels.numpy(), cv=LeaveOneOut())
    assert neighbor_accuracy(points, labels) == pytest.approx(peer.mean())


def test_density_finds_two_crescents():
    from sklearn.datasets import make_moons

    points, truth = make_moons(200, noise=0.05, random_state=0)
    points, truth = torch.from_numpy(points), torch.from_numpy(truth)
    for found in (dbscan(points, radius=0.25), hdbscan(points)):
        assert found.count == 2
        assert found.noise < 0.05
        assert found.agreement(truth) > 0.95
    lonely = dbscan(points, radius=1e-6)
    assert lonely.count == 0
    assert lonely.noise == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: dbscan(p, radius=0), "radius must be positive, got 0"),
        (lambda p: dbscan(p, neighbors=0), "neighbors must be"),
        (lambda p: hdbscan(p, smallest=1), "smallest must be"),
        (lambda p: snap_to_grid(p, columns=-1), "columns must be"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.randn(20, 2))


def test_a_shuffled_grid_goes_back_to_its_cells():
    columns, rows = 5, 4
    cells = torch.stack(torch.meshgrid(torch.arange(columns), torch.arange(rows), indexing="xy"), -1)
    cells = cells.reshape(-1, 2)[torch.randperm(20, generator=torch.Generator().manual_seed(1))]
    points = cells * torch.tensor([3.0, -7.0])  # row 0 is where y is largest
    assert torch.equal(snap_to_grid(points, columns), cells)


def test_no_two_points_share_a_cell_and_the_sum_is_the_smallest():
    random = torch.Generator().manual_seed(0)
    points = torch.randn(7, 2, generator=random)
    cells = snap_to_grid(points)
    assert len(set(map(tuple, cells.tolist()))) == 7
    assert int(cells.max()) <= 2

    def cost(found):
        low, high = points.amin(0), points.amax(0)
        unit = (points - low) / (high - low)
        unit[:, 1] = 1 - unit[:, 1]
        return float((unit - found / 2).square().sum())

    best = cost(cells)
    numbers = np.random.default_rng(0)
    every = torch.tensor([(x, y) for x in range(3) for y in range(3)])
    for _ in range(2000):
        assert cost(every[torch.from_numpy(numbers.permutation(9)[:7])]) >= best - 1e-6


@pytest.mark.parametrize("kind", CLOUDS)
def test_clouds_have_the_shape_they_promise(kind):
    points, labels = clouds(kind, 150, seed=2)
    assert len(points) == len(labels) == 150
    again, _ = clouds(kind, 150, seed=2)
    assert torch.equal(points, again)
    if kind == "two sizes":
        sizes = class_sizes(points, labels)
        assert float(sizes[1] / sizes[0]) == pytest.approx(10)
    if kind == "unequal gaps":
        gaps = class_gaps(points, labels)
        assert float(gaps[1] / gaps[0]) == pytest.approx(4, rel=0.1)
    if kind == "a line":
        assert torch.linalg.matrix_rank(points - points.mean(0)) == 1
