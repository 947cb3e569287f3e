import itertools

import pytest
import torch

import vizkit
from tests.conftest import same, snapshot
from vizkit.core.steps import last
from vizkit.methods.fooling import fooling_steps


@pytest.fixture(scope="module")
def scenes():
    return vizkit.load_model("scenes", device="cpu")


@pytest.mark.parametrize("kind", ["gradient", "direct", "CPPN"])
def test_confidence_rises_and_the_pictures_have_it(scenes, kind):
    before = snapshot(scenes.net)
    steps = list(fooling_steps(scenes, kind, steps=25, seed=2))
    assert same(snapshot(scenes.net), before)
    first, end = steps[0].confidence, steps[-1].confidence
    assert end.median() > first.median()
    if kind != "gradient":  # what is kept never gets worse
        for earlier, later in itertools.pairwise(steps):
            assert (later.confidence >= earlier.confidence).all()
    own = scenes.probabilities(steps[-1].images.clamp(0, 1)).diagonal().detach()
    torch.testing.assert_close(own, end, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["gradient", "direct", "CPPN"])
def test_continuing_is_not_seen(scenes, kind):
    steps = list(fooling_steps(scenes, kind, steps=8, seed=4))
    rest = last(fooling_steps(scenes, kind, steps=8, seed=4, resume=steps[3]))
    torch.testing.assert_close(rest.confidence, steps[-1].confidence)
    torch.testing.assert_close(rest.images, steps[-1].images)


def test_the_gradient_fools_viznet_beyond_the_slides_99_6_percent(viznet):
    step = last(fooling_steps(viznet, "gradient", steps=40))
    assert (step.confidence > 0.996).float().mean() > 0.9


def test_evolution_without_a_gradient_reaches_99_6_percent(viznet):
    steps = fooling_steps(viznet, "CPPN", steps=3000)
    best = 0.0
    for step in steps:
        best = float(step.confidence.max())
        if best > 0.996:
            break
    steps.close()
    assert best > 0.996
    assert step.index < 1500


def test_bad_input_is_named(viznet):
    with pytest.raises(ValueError, match="kind 'NEAT' is not known"):
        next(fooling_steps(viznet, "NEAT"))
    with pytest.raises(ValueError, match="size must be from 8 to 1024, got 2"):
        next(fooling_steps(viznet, "direct", size=2))
