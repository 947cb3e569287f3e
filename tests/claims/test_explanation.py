"""What notebook 05 says, over several draws of scenes."""

import vizkit
from vizkit.core.scenes import make_scenes
from vizkit.core.steps import last
from vizkit.methods.localization import score_steps

METHODS = ("gradient", "saliency", "guided backprop", "VisualBackProp", "baseline: edges", "baseline: center")


def test_the_gradient_finds_the_shape_no_better_than_the_pictures_edges():
    model = vizkit.load_model("scenes", device="cpu")
    for seed in range(5):
        overlap = last(score_steps(model, make_scenes(100, seed=seed), METHODS)).overlap
        edges, center = overlap["baseline: edges"], overlap["baseline: center"]
        assert max(overlap["gradient"], overlap["saliency"]) < edges + 0.02
        assert overlap["guided backprop"] > 1.6 * max(edges, center)
        assert overlap["VisualBackProp"] > 2.2 * max(edges, center)
