import pytest
import torch

from tests.panels.tools import PICTURES, executed, hidden, until
from vizkit.core.data import CLOUDS, clouds
from vizkit.figures.embedding import cluster_look
from vizkit.panels import (
    clusters,
    codes_map,
    crowding,
    misreading,
    neighborhood,
    newcomer,
    outlier,
    thumbnails,
    timing,
    tsne,
)
from vizkit.widgets.agreement import disagreements


def test_sigma_gives_each_point_its_neighbors():
    panel = neighborhood.show()
    assert "perplexity 20.0" in panel.items["chart"].layout.title.text
    for point in (2, 3):  # of the dense and of the sparse cloud
        panel.set(index=point, perplexity=40)
        assert "perplexity 40.0" in panel.items["chart"].layout.title.text
    assert float(panel.items["search"].data[2].y[-1]) == pytest.approx(40, rel=1e-4)
    names = executed(panel)
    assert names["sigma"][1::2].median() > 1.8 * names["sigma"][::2].median()
    assert torch.equal(names["result"], panel.result)


def test_the_tail_gives_room():
    panel = crowding.show()
    assert "2.0 times farther" in panel.items["chart"].layout.title.text
    panel.controls["closeness"].value = 0.01
    assert "4.6 times farther" in panel.items["chart"].layout.title.text
    panel.controls["dimension"].value = 2
    wide = panel.result.std()
    panel.controls["dimension"].value = 100
    assert panel.result.std() < wide / 3
    assert torch.equal(executed(panel)["result"], panel.result)


@pytest.mark.parametrize("kind", ["sne", "symmetric", "tsne", "openTSNE"])
def test_every_algorithm_runs_live(kind):
    panel = tsne.show(count=150)
    panel.set(kind=kind, perplexity=15, steps=100, exaggerated=40)
    assert panel.error is None
    panel.play()
    step = panel.wait(60)
    assert step.index == 100
    assert panel.result is step
    assert len(panel.items["map"].data) == 10
    assert sum(len(trace.x) for trace in panel.items["map"].data) == 150
    assert f"KL {step.cost:.3f}" == panel.items["curve"].layout.title.text
    if kind == "openTSNE":  # whose threads sum in another order each time
        assert disagreements(panel, without=["map", "curve", "text"]) == []
    else:
        torch.testing.assert_close(executed(panel)["result"].embedding, step.embedding)


def test_sliders_act_while_it_runs():
    panel = tsne.show(count=300)
    panel.controls["steps"].value = 2000
    panel.play()
    until(lambda: panel.result.index >= 20)
    panel.controls["perplexity"].value = 10
    panel.controls["rate"].value = 0.5
    assert panel.running
    reached = panel.result.index
    assert reached >= 20
    until(lambda: panel.result.index >= reached + 20)
    assert panel.error is None
    panel.controls["seed"].value = 3
    assert panel.running
    panel.pause()
    assert panel.result.index < reached + 20
    panel.controls["count"].value = 100
    assert panel.controls["perplexity"].max == 31
    assert panel.result.embedding.shape == (100, 2)
    assert disagreements(panel) == []


def test_the_code_of_a_run_whose_sliders_were_moved_while_it_played():
    panel = tsne.show(count=300, steps=2000)
    panel.play()
    until(lambda: panel.result.index >= 20)
    panel.controls["perplexity"].value = 10
    reached = panel.result.index
    until(lambda: panel.result.index >= reached + 10)
    panel.controls["rate"].value = 0.5
    reached = panel.result.index
    until(lambda: panel.result.index >= reached + 10)
    panel.pause()
    assert disagreements(panel) == []


def test_density_sliders_change_the_clusters():
    points, labels = clouds("unequal gaps", 120)
    panel = clusters.show(points=points.float(), labels=labels)
    assert panel.result.count == 3
    panel.controls["radius"].value = 10
    assert panel.result.count == 2
    panel.set(algorithm="HDBSCAN", smallest=20)
    assert panel.result.count == 3
    assert panel.result.agreement(labels) > 0.9
    assert f"<b>{panel.result.agreement(labels):.2f}</b>" in panel.shown["text"].value
    assert hidden(panel, "radius")
    assert not hidden(panel, "smallest")
    assert torch.equal(executed(panel)["result"].labels, panel.result.labels)


def test_sixty_clusters_are_told_apart():
    points = torch.cat([40 * torch.tensor([[i % 8, i // 8]]) + torch.rand(6, 2) for i in range(60)])
    panel = clusters.show(points=points, labels=torch.arange(60).repeat_interleave(6), nearest=3)
    assert panel.result.count == 60
    dots = panel.items["map"].data[0]
    looks = list(zip(dots.marker.color, dots.marker.symbol, strict=True))
    assert len(set(looks)) == 60
    assert all(len(set(looks[start : start + 6])) == 1 for start in range(0, 360, 6))
    assert len({cluster_look(label) for label in range(-1, 90)}) == 91
    written = {one.text for one in panel.items["map"].layout.annotations}
    assert written == {f"<b>{label}</b>" for label in range(60)}
    panel.set(nearest=6)
    assert panel.error is None


def test_a_click_puts_the_tenth_point_there():
    panel = outlier.show()
    before = panel.result
    panel.shown["chart"]._handle_custom_msg({"kind": "click", "trace": 0, "x": [20.0], "y": [0.1]}, [])
    assert panel.values["tenth"] == 20.0
    assert float(panel.result.mean - before.mean) == pytest.approx(0.8)
    assert abs(float(panel.result.location - before.location)) < 0.1
    assert torch.equal(executed(panel)["result"].weights, panel.result.weights)
    panel.shown["chart"]._handle_custom_msg({"kind": "click", "trace": 2, "x": [3.0], "y": [0.1]}, [])
    assert panel.values["tenth"] == 20.0, "the lower chart has no hand"


def test_codes_of_scenes_by_two_methods():
    panel = codes_map.show(count=200, layer=None)
    panel.wait(60)
    assert len(panel.items["maps"].data) == 16
    curve = panel.shown["curve"].figure.data[0]
    assert curve.x[0] == "pixels"
    assert len(curve.x) == 21
    assert "12,288 numbers a scene" in panel.shown["text"].value
    panel.set(layer="flatten")
    assert "88 numbers a scene" in panel.shown["text"].value
    panel.play()
    assert panel.wait(60).index == 400
    assert panel.error is None


def test_a_newcomer_leaves_the_others_where_they_are():
    plane = torch.randn(100, 2, generator=torch.manual_seed(0))
    panel = newcomer.show(embedding=plane, number=200)
    dots = [trace for trace in panel.items["placed"].data if trace.name != "new"]
    places = torch.tensor([(x, y) for trace in dots for x, y in zip(trace.x, trace.y, strict=True)])
    assert torch.equal(places.sort(0).values, plane.sort(0).values)
    assert panel.controls["number"].min == 100
    panel.step()
    assert "Placed in" in panel.shown["text"].value
    assert panel.result.embedding.shape == (101, 2)


def test_times_fill_in_and_the_rest_is_named(monkeypatch):
    monkeypatch.setattr("vizkit.methods.large_tsne.timing_steps.__kwdefaults__", {"sizes": (100, 20000)})
    panel = timing.show()
    panel.controls["budget"].value = 5
    panel.play()
    step = panel.wait(60)
    chart = panel.items["chart"]
    tree = next(trace for trace in chart.data if trace.name == "t-SNE, Barnes-Hut")
    assert list(tree.x) == list(step.seconds["bh"])
    if step.skipped:
        assert "Not within the budget: 20,000 points" in panel.shown["text"].value


def test_pictures_by_their_codes():
    panel = thumbnails.show(count=100)
    panel.controls["perplexity"].value = 10
    panel.play()
    step = panel.wait(60)
    assert step.index == 500
    assert panel.shown["map"].raster.width == 720
    torch.testing.assert_close(executed(panel)["result"].embedding, step.embedding)
    panel.controls["places"].value = "as they fall"
    assert panel.result is step, "only the drawing changes"
    assert "embedding" in panel.shown["map"].raster.alt
    executed(panel)
    panel.controls["layer"].value = "relu2"
    assert panel.result.index == 1
    panel.controls["pictures"].value = "no such folder"
    assert "folder or dataset" in str(panel.error)
    assert panel.result.index == 1, "what is there stays"
    panel.controls["pictures"].value = "bundled"
    assert panel.error is None


def test_pictures_of_ones_own():
    panel = thumbnails.show(pictures=PICTURES, count=100)
    assert panel.values["pictures"] == "yours"
    executed(panel)


@pytest.mark.parametrize("kind", CLOUDS)
def test_misreading(kind):
    panel = misreading.show()
    panel.set(cloud=kind, count=60)
    assert panel.error is None
    text = panel.shown["text"].value
    assert ("every clump is made" in text) == (kind == "one cloud")
    assert ("gap" in text) == (kind in ("unequal gaps", "a line"))
    assert len(panel.result) == 10
    if kind == "two sizes":
        executed(panel)
