import numpy as np
import pytest
import torch

from vizkit.core.data import PatchPool
from vizkit.core.steps import last
from vizkit.methods.activations import activations
from vizkit.methods.units import scan_steps, top_patches


def test_the_scan_is_the_slow_loop_over_patches(viznet, small_pool):
    scan = last(scan_steps(viznet, small_pool, "relu4", batch_size=32))
    for index in (0, 40, 95):
        maps = activations(viznet, small_pool.pixels([index])[0], "relu4").maps
        best = maps.flatten(1).amax(1)
        torch.testing.assert_close(scan.value[index], best, rtol=1e-3, atol=1e-4)
        found = maps.flatten(1).gather(1, scan.place[index, :, None].long())[:, 0]
        torch.testing.assert_close(found, best, rtol=1e-3, atol=1e-4)
    assert scan.width == 8


def test_the_batch_size_does_not_matter(viznet, small_pool):
    one, two = (last(scan_steps(viznet, small_pool, "relu5", batch_size=n)) for n in (7, 96))
    torch.testing.assert_close(one.value, two.value, rtol=1e-3, atol=1e-4)


def test_a_stopped_scan_can_be_continued(viznet, small_pool):
    steps = scan_steps(viznet, small_pool, "relu3", batch_size=40)
    step = next(steps)
    steps.close()
    assert (step.index, step.total) == (1, 3)
    assert step.value[:40].isfinite().all()
    assert step.value[40:].isinf().all()
    resumed = list(scan_steps(viznet, small_pool, "relu3", batch_size=40, resume=step))
    assert [one.index for one in resumed] == [2, 3]
    whole = last(scan_steps(viznet, small_pool, "relu3", batch_size=40))
    torch.testing.assert_close(resumed[-1].value, whole.value)
    with pytest.raises(ValueError, match="resume must be a step of a scan of relu4"):
        next(scan_steps(viznet, small_pool, "relu4", resume=step))


def test_a_direction_of_one_channel_is_that_channel(viznet, small_pool):
    plain = last(scan_steps(viznet, small_pool, "relu5"))
    mixed = last(scan_steps(viznet, small_pool, "relu5", directions=torch.eye(192)[[5, 77]]))
    torch.testing.assert_close(mixed.value, plain.value[:, [5, 77]], rtol=1e-3, atol=1e-4)


def test_top_patches_are_the_strongest_that_lie_apart(viznet, small_pool):
    scan = last(scan_steps(viznet, small_pool, "relu5"))
    top = top_patches(scan, small_pool, 8, k=6, overlap=0.25)
    kept = []  # the rule, slowly
    for index in np.argsort(-scan.value[:, 8].numpy(), kind="stable"):
        picture, box = int(small_pool.picture[index]), small_pool.box[index].tolist()
        if all(p != picture or overlap(box, b) <= 0.25 for p, b, _ in kept):
            kept.append((picture, box, int(index)))
    assert top.index.tolist() == [index for *_, index in kept[:6]]
    assert torch.equal(top.value, scan.value[top.index, 8])
    places = top.row * scan.width + top.column
    assert torch.equal(places, scan.place[top.index, 8].long())


def overlap(one, two):
    pixels = [
        {(x, y) for x in range(box[0], box[2], 4) for y in range(box[1], box[3], 4)}
        for box in ([v // 4 * 4 for v in one], [v // 4 * 4 for v in two])
    ]
    return len(pixels[0] & pixels[1]) / len(pixels[0] | pixels[1])


def test_fewer_patches_than_asked_for_when_all_overlap():
    pool = PatchPool(
        torch.zeros(3, 3, 8, 8, dtype=torch.uint8),
        torch.zeros(3, dtype=torch.int64),
        torch.tensor([[0, 0, 8, 8], [1, 0, 9, 8], [30, 0, 38, 8]]),
        ("one",),
    )
    from vizkit.methods.units import ScanStep

    scan = ScanStep(1, 1, "relu", torch.tensor([[1.0], [3.0], [2.0]]), torch.zeros(3, 1), 1)
    assert top_patches(scan, pool, 0, k=3).index.tolist() == [1, 2]


def test_bad_input_is_named(viznet, small_pool):
    with pytest.raises(ValueError, match="layer of viznet 'relu0' is not known"):
        next(scan_steps(viznet, small_pool, "relu0"))
    with pytest.raises(ValueError, match="batch_size must be 1 or more, got 0"):
        next(scan_steps(viznet, small_pool, "relu1", batch_size=0))
    with pytest.raises(ValueError, match=r"directions must be \(n, 48\), one weight per channel"):
        next(scan_steps(viznet, small_pool, "relu1", directions=torch.ones(1, 3)))
    scan = last(scan_steps(viznet, small_pool, "relu1"))
    with pytest.raises(ValueError, match="channel must be from 0 to 47, got 48"):
        top_patches(scan, small_pool, 48)
