import pytest
import torch

import vizkit
from tests.conftest import same, snapshot
from vizkit.core.data import cut_patches
from vizkit.core.scenes import make_scenes
from vizkit.core.steps import last
from vizkit.methods.sanity import forget_steps, forgetful, rank_correlation, sanity_steps, weighted_layers
from vizkit.methods.segmentation import cut_overlap, grab_cut


def test_layers_forget_from_the_top(viznet, chelsea):
    assert weighted_layers(viznet)[:2] == ["fc", "conv7"]
    before = snapshot(viznet.net)
    other = forgetful(viznet, 2, seed=1)
    assert same(snapshot(viznet.net), before)
    for name in weighted_layers(viznet):
        old, new = (model.net.get_submodule(name).weight for model in (viznet, other))
        assert torch.equal(old, new) == (name not in ("fc", "conv7"))
        assert float(new.std()) == pytest.approx(float(old.std()), rel=0.05)
        old, new = (model.net.get_submodule(name).bias for model in (viznet, other))
        assert torch.equal(old, new) == (name not in ("fc", "conv7"))
    again = forgetful(viznet, 2, seed=1)
    assert torch.equal(other.logits(chelsea), again.logits(chelsea))
    nothing = forgetful(viznet, 0)
    assert torch.equal(nothing.logits(chelsea), viznet.logits(chelsea))
    with pytest.raises(ValueError, match="count must be"):
        forgetful(viznet, 9)


def test_rank_correlation():
    one = torch.rand(5, 7)
    assert rank_correlation(one, one.exp()) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)
    assert rank_correlation(one, torch.zeros(5, 7)) == 0


def test_the_curve_is_one_picture_after_another(viznet):
    images = cut_patches(count=3, size=64).patches.float() / 255
    methods = ("saliency", "guided backprop")
    curve = last(sanity_steps(viznet, images, methods, seed=4)).correlation
    assert curve.shape == (9, 2, 3)
    assert torch.allclose(curve[0], torch.ones(2, 3))
    for place, image in enumerate(images):
        target = int(viznet.logits(image).argmax())
        one = last(forget_steps(viznet, image, target, 5, methods, seed=4 + place))
        assert curve[5, :, place].tolist() == pytest.approx(one.correlation)


def test_a_box_says_where_ground_is():
    image = torch.full((3, 40, 60), 0.4) + 0.02 * torch.rand(3, 40, 60, generator=torch.Generator().manual_seed(1))
    image[:, 10:30, 5:20] += 0.4  # two things of one color
    image[:, 10:30, 40:55] += 0.4
    heat = torch.zeros(40, 60)
    heat[15:25, 10:15] = 1
    heat[15:25, 44:50] = 0.9
    found = grab_cut(image, heat, smooth=1, box=(0, 0.1, 0.5, 0.9))
    assert found.box == (5, 10, 20, 30)
    assert torch.equal(found.mask[10:30, 5:20], torch.ones(20, 15, dtype=torch.bool))
    whole = grab_cut(image, heat, smooth=1)
    assert torch.equal(whole.mask, grab_cut(image, heat, smooth=1, box=(0, 0, 1, 1)).mask)
    with pytest.raises(ValueError, match="box must be x0, y0, x1, y1 with x0 < x1"):
        grab_cut(image, heat, box=(0.5, 0.1, 0.5, 0.9))


def test_cuts_are_scored_against_the_truth():
    model, scenes = vizkit.load_model("scenes", device="cpu"), make_scenes(6, seed=2)
    scores = cut_overlap(model, scenes, margin=3)
    image, mask = scenes.images[4] / 255, scenes.mask[4]
    x0, y0, x1, y1 = scenes.box[4].tolist()
    box = ((x0 - 3) / 64, (y0 - 3) / 64, (x1 + 3) / 64, (y1 + 3) / 64)
    box = tuple(min(max(edge, 0), 1) for edge in box)
    heat = vizkit.saliency(model, image, int(scenes.label[4]))
    cut = grab_cut(image, heat, box=box).mask
    assert float(scores[4]) == pytest.approx(float((cut & mask).sum() / (cut | mask).sum()))


def test_grab_cut_finds_a_disk_from_a_few_specks():
    ground = cut_patches(count=1, size=96, seed=5).pixels([0])[0] * 0.3
    rows, columns = torch.meshgrid(torch.arange(96), torch.arange(96), indexing="ij")
    disk = (rows - 50) ** 2 + (columns - 40) ** 2 < 22**2
    image = torch.where(disk, torch.tensor([0.9, 0.2, 0.1]).view(3, 1, 1), ground)
    random = torch.Generator().manual_seed(0)
    heat = (torch.rand(96, 96, generator=random) > 0.93) * disk.float()
    found = grab_cut(image, heat)
    union = (found.mask | disk).sum()
    assert float((found.mask & disk).sum() / union) > 0.95
    x0, y0, x1, y1 = found.box
    assert abs(x0 - 19) <= 2
    assert abs(y1 - 72) <= 2
    assert (x1 - x0, y1 - y0) == pytest.approx((43, 43), abs=3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"foreground": 0.2, "background": 0.5}, "0 < background < foreground < 1, got 0.5 and 0.2"),
        ({"heat": torch.rand(3, 3)}, "heat must be .20, 20. as the picture, got .3, 3."),
    ],
)
def test_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        grab_cut(torch.rand(3, 20, 20), **({"heat": torch.rand(20, 20)} | settings))
