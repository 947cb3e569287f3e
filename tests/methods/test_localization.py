import pytest
import torch

import vizkit
from vizkit.core.scenes import make_scenes
from vizkit.core.steps import last
from vizkit.methods.attribution import attribute
from vizkit.methods.localization import BASELINES, localization, score_steps


def slowly(heat, mask):
    heat = heat.abs()
    pointing = bool(mask[heat == heat.max()].any())
    overlaps = [float(((heat >= value) & mask).sum() / ((heat >= value) | mask).sum()) for value in heat.unique()]
    return float(pointing), max(overlaps), float(heat[mask].sum() / heat.sum())


def test_scores_by_their_definition():
    random = torch.Generator().manual_seed(0)
    heat = torch.randn(20, 9, 7, generator=random)
    heat[5:10] = (heat[5:10] * 2).round()  # many equal values
    heat[5:10, 0, 0] = 9
    mask = torch.rand(20, 9, 7, generator=random) > 0.7
    found = localization(heat, mask)
    for index in range(20):
        expected = slowly(heat[index], mask[index])
        scores = [float(getattr(found, name)[index]) for name in ("pointing", "overlap", "inside")]
        assert scores == pytest.approx(expected, abs=1e-6)


def test_a_perfect_and_an_empty_map():
    mask = torch.zeros(1, 6, 6, dtype=torch.bool)
    mask[0, 2:4, 1:5] = True
    perfect = localization(mask.float(), mask)
    assert [float(one) for one in (perfect.pointing, perfect.overlap, perfect.inside)] == [1, 1, 1]
    empty = localization(torch.zeros(1, 6, 6), mask)
    assert [float(one) for one in (empty.pointing, empty.overlap, empty.inside)] == [0, 0, 0]
    with pytest.raises(ValueError, match="must both be .N, H, W., got .6, 6. and"):
        localization(torch.zeros(6, 6), mask)


def test_methods_beat_chance_on_scenes():
    model, scenes = vizkit.load_model("scenes", device="cpu"), make_scenes(30, seed=4)
    steps = list(score_steps(model, scenes, ("saliency", "SmoothGrad", "guided backprop"), batch_size=12))
    named = model.logits(scenes.images / 255).argmax(1) == scenes.label
    assert 20 < named.sum() < 30, "some must be wrong, or leaving them out is not tested"
    assert [step.count for step in steps] == [int(named[:end].sum()) for end in (12, 24, 30)]
    chance = float(scenes.mask.float().mean())
    for method, value in steps[-1].inside.items():
        assert value > 1.2 * chance, method
    assert steps[-1].inside["guided backprop"] > 2 * chance
    maps = torch.stack(
        [
            attribute(model, image / 255, int(label), "saliency").heat
            for image, label in zip(scenes.images[named], scenes.label[named], strict=True)
        ]
    )
    truth = localization(maps, scenes.mask[named])
    assert steps[-1].inside["saliency"] == pytest.approx(float(truth.inside.mean()))
    whole = last(score_steps(model, scenes, ("saliency",), batch_size=100))
    assert whole.inside["saliency"] == pytest.approx(steps[-1].inside["saliency"])


def test_baselines_ask_no_network():
    white = torch.zeros(3, 32, 48)
    white[:, 8:24, 12:36] = 1
    found = {name: baseline(white) for name, baseline in BASELINES.items()}
    edges, center = found["baseline: edges"], found["baseline: center"]
    assert edges[12:20, 20:30].max() == 0 < edges[8, 20]
    assert edges.shape == center.shape == (32, 48)
    assert torch.equal(center, center.flip(0, 1))
    assert center[15:17, 23:25].min() > 0.95 > 0.05 > center[0, 0]


def test_the_model_must_know_the_scenes():
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    tiny = vizkit.ImageModel(net, input_size=64)
    with pytest.raises(ValueError, match="does not know the classes of the scenes"):
        next(score_steps(tiny, make_scenes(20), ("saliency",)))


def test_scores_are_those_of_quantus():
    # Installed without its dependencies: its OpenCV wheel would replace the headless one.
    quantus = pytest.importorskip("quantus")
    random = torch.Generator().manual_seed(1)
    heat = torch.randn(12, 8, 8, generator=random)
    mask = torch.rand(12, 8, 8, generator=random) > 0.8
    found = localization(heat, mask)
    batches = {"a_batch": heat.abs().numpy()[:, None], "s_batch": mask.numpy()[:, None]}
    for metric, ours in ((quantus.PointingGame, found.pointing), (quantus.RelevanceMassAccuracy, found.inside)):
        peer = metric(abs=True, normalise=False, disable_warnings=True).evaluate_batch(**batches)
        torch.testing.assert_close(ours, torch.as_tensor(peer, dtype=torch.double))
