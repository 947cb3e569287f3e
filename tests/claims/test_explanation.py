"""What notebook 05 says, over several draws of scenes and twenty pictures."""

import numpy as np
import pytest
import torch

import vizkit
from tests.conftest import RESEARCH
from vizkit.core.assets import ASSETS
from vizkit.core.data import cut_patches
from vizkit.core.models import scenes_while_learning
from vizkit.core.scenes import make_scenes
from vizkit.core.steps import last
from vizkit.methods.gradients import pixel_gradient, saliency
from vizkit.methods.localization import localization, score_steps
from vizkit.methods.sanity import sanity_steps
from vizkit.methods.segmentation import cut_overlap
from vizkit.methods.visual_backprop import visual_backprop
from vizkit.training.tiny_imagenet import load_tiny_imagenet

METHODS = ("gradient", "saliency", "guided backprop", "VisualBackProp", "baseline: edges", "baseline: center")


def test_the_gradient_finds_the_shape_no_better_than_the_pictures_edges():
    model = vizkit.load_model("scenes", device="cpu")
    for seed in range(5):
        overlap = last(score_steps(model, make_scenes(100, seed=seed), METHODS)).overlap
        edges, center = overlap["baseline: edges"], overlap["baseline: center"]
        assert max(overlap["gradient"], overlap["saliency"]) < edges + 0.02
        assert overlap["guided backprop"] > 1.6 * max(edges, center)
        assert overlap["VisualBackProp"] > 2.1 * max(edges, center)


def twenty():
    return cut_patches(count=20, size=64, seed=3).patches.float() / 255


def test_guided_backprop_keeps_its_edges_and_visualbackprop_hardly_notices():
    """Adebayo's cascade, over twenty pictures with as many draws of weights and biases."""
    step = last(sanity_steps(vizkit.load_model(device="cpu"), twenty()))
    mean = dict(zip(step.methods, step.correlation.mean(2).T.tolist(), strict=True))
    assert mean["gradient"][1] < 0.4
    assert mean["saliency"][1] < 0.55
    assert mean["Grad-CAM"][2] < 0.2
    assert mean["guided backprop"][3] > 0.8
    assert mean["guided backprop"][5] > 0.6
    assert mean["VisualBackProp"][8] > 0.6
    guided, gradient = (step.correlation[1:8, step.methods.index(name)] for name in ("guided backprop", "gradient"))
    assert (guided > gradient).all(), "on every picture, at every depth but the last"


def test_the_robust_nets_gradients_are_less_speckled():
    def alike(model, image):
        heat = pixel_gradient(model, image, int(model.logits(image).argmax())).sum(0)
        return torch.corrcoef(torch.stack([heat[:, 1:].flatten(), heat[:, :-1].flatten()]))[0, 1]

    plain, robust = (vizkit.load_model(name, device="cpu") for name in ("viznet", "viznet-robust"))
    alike = torch.tensor([[alike(model, image) for image in twenty()] for model in (plain, robust)])
    assert (alike[1] > alike[0]).sum() >= 18
    assert alike[1].mean() > alike[0].mean() + 0.2


def test_the_box_does_most_of_the_cutting():
    model = vizkit.load_model("scenes", device="cpu")
    for seed in range(5):
        scenes = make_scenes(30, seed=seed)
        alone, boxed = (float(cut_overlap(model, scenes, margin=margin).mean()) for margin in (None, 3))
        assert alone < 0.42
        assert boxed > alone + 0.2


def test_while_the_net_learns_its_maps_find_the_shape():
    nets = scenes_while_learning()
    for seed in range(5):
        scenes = make_scenes(60, seed=50 + seed)
        right, overlap = {}, {}
        for epoch, net in nets.items():
            maps = torch.stack([visual_backprop(net, image / 255) for image in scenes.images])
            overlap[epoch] = float(localization(maps, scenes.mask).overlap.mean())
            right[epoch] = float((net.logits(scenes.images / 255).argmax(1) == scenes.label).float().mean())
        assert right[0] < 0.3 < 0.75 < right[12]
        assert overlap[12] > overlap[0] + 0.05


@pytest.mark.research_data
def test_both_nets_saliency_lies_in_the_box_of_the_thing_equally_often():
    """What the card says, on those of 600 validation pictures whose box covers at most half of them."""
    archive = RESEARCH / "data" / "tiny-imagenet-val.npz"
    if not archive.is_file():
        pytest.skip(f"no research data in {RESEARCH}")
    test, boxes = load_tiny_imagenet(RESEARCH / "data", "val"), np.load(archive)["box"]
    inside, share = {"viznet": [], "viznet-robust": []}, []
    for place in np.random.default_rng(0).choice(len(boxes), 600, replace=False):
        x0, y0, x1, y1 = map(int, boxes[place])
        if (x1 - x0 + 1) * (y1 - y0 + 1) > 64 * 64 / 2:
            continue
        share.append((x1 - x0 + 1) * (y1 - y0 + 1) / 64**2)
        for name, found in inside.items():
            heat = saliency(vizkit.load_model(name, device="cpu"), test.images[place] / 255, int(test.labels[place]))
            found.append(float(heat[y0 : y1 + 1, x0 : x1 + 1].sum() / heat.sum()))
    plain, robust, area = (float(np.mean(one)) for one in (*inside.values(), share))
    assert abs(plain - robust) < 0.02
    assert f"{robust:.0%} of the saliency" in (ASSETS / "models" / "viznet-robust.md").read_text(), (
        plain,
        robust,
        area,
    )
