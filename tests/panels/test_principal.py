import pytest
import torch

from tests.panels.tools import executed
from vizkit.methods.pca import EXAMPLE, pca, variance_along
from vizkit.panels import added_features, axis, components, few_samples, pca_steps, uncorrelated


def test_a_table_of_ones_own_goes_through_the_same_steps():
    panel = pca_steps.show()
    assert "1.2840277" in panel.shown["steps"].value
    panel.controls["samples"].value = "1 2 3\n4 5 9\n2 2 1\n0 1 7"
    panel.controls["k"].value = 3
    assert panel.result.projection.shape == (4, 3)
    assert torch.equal(executed(panel)["result"].eigenvectors, panel.result.eigenvectors)
    panel.controls["samples"].value = "1 2\n3 x"
    assert "line 2 must be numbers" in panel._status.value
    assert panel.result.projection.shape == (4, 3), "the last good result stays"
    panel.controls["samples"].value = "1 2\n3 5\n4 4"
    assert panel.error is None
    assert panel.controls["k"].max == 2


@pytest.mark.parametrize("table", ["1 1\n1 1\n1 1", "1 0\n0 1", "3\n5\n9", "1 5\n2 5\n3 5"])
def test_degenerate_tables_are_drawn(table):
    panel = pca_steps.show()
    panel.controls["samples"].value = table
    assert panel.error is None


def test_the_chart_follows_the_axis():
    panel = axis.show()
    for angle in (0, 47, 180):
        panel.controls["angle"].value = angle
        chart = panel.items["chart"]
        expected = float(variance_along(EXAMPLE, angle))
        assert chart.data[5].y[0] == pytest.approx(expected)
        assert f"variance {expected:.7f}" in chart.layout.title.text
        names = executed(panel)
        assert float(variance_along(names["scaled"], angle)) == pytest.approx(expected)
        feet = torch.tensor([list(chart.data[3].x), list(chart.data[3].y)]).T
        assert float(feet.norm(dim=1).square().sum() / 9) == pytest.approx(expected, rel=1e-5)
    panel.controls["unit"].value = 10.0
    assert panel.result.eigenvalues[-1] > 60
    panel.controls["samples"].value = "1 2 3\n3 2 1"
    assert "the axis turns in a table of 2 columns, got 3" in panel._status.value
    panel.reset()
    assert panel.error is None


@pytest.mark.parametrize("pictures", ["digits", "faces"])
def test_pictures_are_rebuilt(pictures):
    panel = components.show(pictures=pictures)
    panel.controls["k"].value = 20
    panel.controls["first"].value = 5
    found = panel.result

    def rebuilt(found):
        return found.reconstruction(panel.values["k"])[5:17]

    torch.testing.assert_close(rebuilt(executed(panel)["result"]), rebuilt(found))
    few = (rebuilt(found) - found.samples[5:17]).square().mean()
    panel.controls["k"].value = panel.controls["k"].max
    whole = (rebuilt(found) - found.samples[5:17]).square().mean()
    assert whole < 1e-12 < few
    share = pca(found.samples).explained[:20].sum()
    assert panel.items["curve"].data[1].y[19] == pytest.approx(float(share))
    assert panel.shown["rows"].raster.columns == 12


def test_off_the_diagonal_is_rounding():
    panel = uncorrelated.show()
    assert "<b>64%</b>" in panel.shown["text"].value
    panel.set(pictures="faces")
    assert panel.error is None
    assert panel.shown["matrices"].raster.count == 2


def test_what_is_added_is_named_and_compared():
    panel = added_features.show()
    assert "64 columns of noise" in panel.shown["text"].value
    assert "100 digits without them give as much" in panel.shown["text"].value
    panel.set(count=0)
    plain, more = panel.result.values()
    assert torch.equal(plain, more)
    assert "give as much" not in panel.shown["text"].value


def test_few_samples_bear_few_components():
    panel = few_samples.show()
    assert len(panel.items["chart"].data[1].x) == 49
    assert "of the training digits 100.0%" in panel.shown["text"].value
    panel.set(train=20)
    assert len(panel.items["chart"].data[1].x) == 19
    panel.set(classifier="nearest neighbor", train=200)
    assert panel.error is None


def test_the_curve_goes_as_far_as_it_is_asked_for():
    """Of 100 faces 64 components were drawn, whatever k was."""
    for k, share in ((65, "96.5%"), (79, "98.5%"), (99, "100.0%")):
        chart = components(pictures="faces", k=k)[1]["curve"]
        assert chart.layout.title.text.startswith(f"{share} with {k} of")
        assert chart.data[2].y[0] == pytest.approx(chart.data[1].y[k - 1])
