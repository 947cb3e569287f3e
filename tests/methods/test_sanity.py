import pytest
import torch

from tests.conftest import same, snapshot
from vizkit.core.data import cut_patches
from vizkit.methods.sanity import forgetful, rank_correlation, weighted_layers
from vizkit.methods.segmentation import grab_cut


def test_layers_forget_from_the_top(viznet, chelsea):
    assert weighted_layers(viznet)[:2] == ["fc", "conv7"]
    before = snapshot(viznet.net)
    other = forgetful(viznet, 2, seed=1)
    assert same(snapshot(viznet.net), before)
    for name in weighted_layers(viznet):
        old, new = (model.net.get_submodule(name).weight for model in (viznet, other))
        assert torch.equal(old, new) == (name not in ("fc", "conv7"))
        assert float(new.std()) == pytest.approx(float(old.std()), rel=0.05)
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
