import time

import pytest
import torch

from tests.widgets.listing import PICTURES, executed
from vizkit.core.data import CLOUDS, clouds
from vizkit.widgets import lecture03


def test_sigma_gives_each_point_its_neighbors():
    panel = lecture03.neighborhood_panel()
    assert "perplexity 20.0" in panel.shown["chart"].layout.title.text
    for point in (2, 3):  # of the dense and of the sparse cloud
        panel.set(index=point, perplexity=40)
        assert "perplexity 40.0" in panel.shown["chart"].layout.title.text
    sigma = panel.result.sigma
    assert sigma[1::2].median() > 1.8 * sigma[::2].median()
    assert torch.equal(executed(panel), panel.result.probabilities)


def test_the_tail_gives_room():
    panel = lecture03.crowding_panel()
    assert "2.0 times farther" in panel.shown["chart"].layout.title.text
    panel.controls["closeness"].value = 0.01
    assert "4.6 times farther" in panel.shown["chart"].layout.title.text
    panel.controls["dimension"].value = 2
    wide = panel.result.distances.std()
    panel.controls["dimension"].value = 100
    assert panel.result.distances.std() < wide / 3
    assert torch.equal(executed(panel), panel.result.distances)


@pytest.mark.parametrize("kind", ["sne", "symmetric", "tsne", "openTSNE"])
def test_every_algorithm_runs_live(kind):
    panel = lecture03.tsne_panel(count=150)
    panel.set(kind=kind, perplexity=15, iterations=100, exaggerated=40)
    assert panel.error is None
    panel.runner.run()
    step = panel.runner.wait(60)
    assert step.index == 100
    assert panel.result is step
    assert len(panel.shown["map"].data) == 10
    assert sum(len(trace.x) for trace in panel.shown["map"].data) == 150
    assert f"KL {step.cost:.3f}" == panel.shown["curve"].layout.title.text
    found = executed(panel)
    if kind != "openTSNE":  # whose threads sum in another order each time
        torch.testing.assert_close(found.embedding, step.embedding)


def test_sliders_act_while_it_runs():
    panel = lecture03.tsne_panel(count=300)
    panel.controls["iterations"].value = 2000
    panel.runner.run()
    while panel.runner.step is None or panel.runner.step.index < 20:
        time.sleep(0.01)
    panel.controls["perplexity"].value = 10
    panel.controls["rate"].value = 0.5
    assert panel.runner.running
    reached = panel.runner.step.index
    assert reached >= 20
    while panel.runner.step.index < reached + 20:
        time.sleep(0.01)
        assert panel.runner.error is None
    panel.controls["seed"].value = 3
    assert panel.runner.running
    panel.runner.stop()
    assert panel.runner.step is None or panel.runner.step.index < reached + 20
    panel.controls["count"].value = 100
    assert panel.controls["perplexity"].max == 31
    assert panel.result.embedding.shape == (100, 2)


def test_density_sliders_change_the_clusters():
    points, labels = clouds("unequal gaps", 120)
    panel = lecture03.cluster_panel(points.float(), labels)
    assert panel.result.found.count == 3
    panel.controls["radius"].value = 10
    assert panel.result.found.count == 2
    panel.set(algorithm="HDBSCAN", smallest=20)
    assert panel.result.found.count == 3
    assert panel.result.agreement > 0.9
    assert panel.controls["radius"].disabled
    assert torch.equal(
        executed(panel, points=points, labels=labels).labels, panel.result.found.labels
    )


def test_times_fill_in_and_the_rest_is_named(monkeypatch):
    monkeypatch.setattr(
        "vizkit.methods.large_tsne.timing_steps.__kwdefaults__", {"sizes": (100, 20000)}
    )
    panel = lecture03.timing_panel()
    panel.controls["budget"].value = 5
    panel.runner.run()
    step = panel.runner.wait(60)
    chart = panel.shown["chart"]
    assert list(chart.data[1].x) == list(step.seconds["bh"])
    if step.skipped:
        assert "Not within the budget: 20,000 points" in panel.shown["text"].value


def test_pictures_by_their_codes():
    panel = lecture03.thumbnail_panel(count=100)
    panel.controls["perplexity"].value = 10
    panel.runner.run()
    step = panel.runner.wait(60)
    assert step.index == 500
    assert panel.shown["map"].raster.width == 720
    found = executed(panel)
    torch.testing.assert_close(found.embedding, step.embedding)
    panel.controls["places"].value = "as they fall"
    assert panel.runner.step is step, "only the drawing changes"
    assert "embedding" in panel.shown["map"].raster.alt
    executed(panel)
    panel.controls["layer"].value = "relu2"
    assert panel.runner.step is None
    panel.controls["source"].value = "no such folder"
    assert "folder or dataset" in str(panel.error)
    panel.controls["source"].value = "bundled"
    assert panel.error is None


def test_pictures_of_ones_own(tmp_path):
    panel = lecture03.thumbnail_panel(source=PICTURES, count=100)
    assert panel.controls["source"].disabled
    executed(panel)


@pytest.mark.parametrize("kind", CLOUDS)
def test_misreading(kind):
    panel = lecture03.misreading_panel()
    panel.set(cloud=kind, count=60)
    assert panel.error is None
    text = panel.shown["text"].value
    assert ("every clump is made" in text) == (kind == "one cloud")
    assert ("gap" in text) == (kind in ("unequal gaps", "a line"))
    assert len(panel.result.embeddings) == 10
    if kind == "two sizes":
        executed(panel)
