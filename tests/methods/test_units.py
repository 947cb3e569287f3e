import numpy as np
import pytest
import torch

from vizkit.core.data import PatchPool
from vizkit.core.steps import last
from vizkit.methods.activations import activations
from vizkit.methods.filters import filters
from vizkit.methods.gradients import Unit, pixel_gradient, unit_gradients
from vizkit.methods.receptive_field import receptive_fields
from vizkit.methods.units import ScanStep, likeness, scan_steps, seen_windows, selectivity, sent_back, top_patches


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


@pytest.fixture(scope="module")
def scans(viznet, small_pool):
    return {layer: last(scan_steps(viznet, small_pool, layer)) for layer in ("conv1", "relu3", "relu5")}


@pytest.fixture(scope="module")
def fields(viznet):
    return receptive_fields(viznet)


@pytest.mark.parametrize("rule", ["backprop", "deconvnet", "guided"])
@pytest.mark.parametrize("layer", ["relu3", "relu5"])
def test_a_batch_sent_back_is_each_patch_sent_back_alone(viznet, small_pool, scans, fields, layer, rule):
    sheet = sent_back(viznet, small_pool, scans[layer], fields[layer], [3, 8], rule=rule, k=4)
    assert (sheet.layer, sheet.rule, sheet.channels) == (layer, rule, (3, 8))
    for channel, top, patches, back in zip(sheet.channels, sheet.top, sheet.patches, sheet.back, strict=True):
        for place in range(4):
            row, column = int(top.row[place]), int(top.column[place])
            image = small_pool.pixels(top.index)[place]
            alone = pixel_gradient(viznet, image, Unit(layer, channel, row, column), rule=rule)
            size = min(int(fields[layer].vertical.size), 64)
            x0, y0, x1, y1 = fields[layer].box(row, column, 64, 64) if size < 64 else (0, 0, 64, 64)
            assert alone.abs().sum() == pytest.approx(float(alone[:, y0:y1, x0:x1].abs().sum())), "no more is seen"
            # where the window reaches over the left or upper border, the patch begins later in it
            left, up = (
                max(-int(axis.start + at * axis.stride), 0) if size < 64 else 0
                for axis, at in ((fields[layer].horizontal, column), (fields[layer].vertical, row))
            )
            within = (slice(None), slice(up, up + y1 - y0), slice(left, left + x1 - x0))
            scale = float(alone.abs().max())
            torch.testing.assert_close(back[place][within] / scale, alone[:, y0:y1, x0:x1] / scale, atol=1e-6, rtol=0)
            torch.testing.assert_close(patches[place][within], image[:, y0:y1, x0:x1])
            beyond = torch.ones(size, size, dtype=torch.bool)
            beyond[within[1:]] = False
            assert (back[place][:, beyond] == 0).all()
            mean = torch.tensor(viznet.mean)[:, None].expand(3, int(beyond.sum()))
            torch.testing.assert_close(patches[place][:, beyond], mean)


def test_the_patches_of_a_sheet_are_the_strongest_by_brute_force(viznet, small_pool, scans, fields):
    sheet = sent_back(viznet, small_pool, scans["relu5"], fields["relu5"], [8])
    strongest = torch.tensor(
        [float(activations(viznet, one, "relu5").maps[8].max()) for one in small_pool.pixels(slice(None))]
    )
    kept = []
    for index in strongest.argsort(descending=True).tolist():
        picture, box = int(small_pool.picture[index]), small_pool.box[index].tolist()
        if all(p != picture or overlap(box, b) <= 0.25 for p, b, _ in kept):
            kept.append((picture, box, index))
    assert sheet.top[0].index.tolist() == [index for *_, index in kept[:9]]


def test_a_window_times_the_filter_is_the_activation(viznet, small_pool, scans, fields):
    weight, bias = viznet.net.conv1.weight.detach(), viznet.net.conv1.bias.detach()
    for channel in range(0, 48, 5):
        top = top_patches(scans["conv1"], small_pool, channel)
        windows = seen_windows(viznet, small_pool, top, fields["conv1"])
        assert windows.shape == (9, 3, 7, 7)
        by_hand = (viznet.normalize(windows) * weight[channel]).sum((1, 2, 3)) + bias[channel]
        torch.testing.assert_close(by_hand, top.value, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("rule", ["backprop", "deconvnet", "guided"])
def test_what_the_first_layer_sends_back_is_its_filter(viznet, small_pool, scans, fields, rule):
    sheet = sent_back(viznet, small_pool, scans["conv1"], fields["conv1"], [7], rule=rule)
    weight = filters(viznet).weight[7]
    whole = [one for one in sheet.back[0] if (one != 0).all()]
    assert whole, "not every window lies at the border"
    for one in whole:
        torch.testing.assert_close(one, weight, atol=1e-6, rtol=1e-5)


def test_selectivity_is_a_distance_in_standard_deviations(small_pool):
    values = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    values[:, 2] = 4
    value = torch.full((60, 3), -torch.inf)
    value[:50] = torch.from_numpy(values)
    scan = ScanStep(1, 2, "relu", value, torch.zeros(60, 3, dtype=torch.int32), 1)
    by_hand = (np.sort(values, 0)[-9:].mean(0) - values.mean(0)) / np.where(values.std(0) > 0, values.std(0), 1)
    torch.testing.assert_close(selectivity(scan), torch.from_numpy(by_hand), atol=1e-5, rtol=1e-5)
    assert selectivity(scan)[2] == 0
    with pytest.raises(ValueError, match="k must be from 1 to 50, got 51"):
        selectivity(scan, 51)


def test_likeness_is_the_correlation():
    torch.manual_seed(0)
    windows, weight = torch.rand(9, 3, 5, 5), torch.randn(3, 5, 5)
    wanted = np.corrcoef(windows.mean(0).flatten().numpy(), weight.flatten().numpy())[0, 1]
    assert likeness(windows, weight) == pytest.approx(wanted, abs=1e-6)
    assert likeness(0.3 + 0.2 * weight[None], weight) == pytest.approx(1)
    assert likeness(torch.ones(2, 3, 5, 5), weight) == 0
    with pytest.raises(ValueError, match=r"windows must have the filter's shape \(3, 5, 5\) each, got \(9, 3, 7, 7\)"):
        likeness(torch.rand(9, 3, 7, 7), weight)


def test_bad_input_of_a_sheet_is_named(viznet, small_pool, scans, fields):
    with pytest.raises(ValueError, match="field must be of relu5, the layer that was scanned, got relu3"):
        sent_back(viznet, small_pool, scans["relu5"], fields["relu3"], [0])
    with pytest.raises(ValueError, match="channel must be from 0 to 191, got 192"):
        sent_back(viznet, small_pool, scans["relu5"], fields["relu5"], [192])
    pixels, zero = small_pool.pixels(slice(2)), torch.zeros(2, dtype=torch.int64)
    with pytest.raises(ValueError, match="channel must be from 0 to 191, got 192"):
        unit_gradients(viznet, pixels, "relu5", 192, zero, zero)
    with pytest.raises(ValueError, match="row must be from 0 to 7, got 8"):
        unit_gradients(viznet, pixels, "relu5", 0, zero + 8, zero)
    with pytest.raises(ValueError, match="one place for each of the 2 pictures"):
        unit_gradients(viznet, pixels, "relu5", 0, zero[:1], zero)
