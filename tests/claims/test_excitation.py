"""What lecture 06 says of recipes and faces, over ten classes."""

import pytest
import torch

import vizkit
from vizkit.core.steps import last
from vizkit.methods.facets import facets_steps
from vizkit.methods.feature_vis import maximize_steps, recognition, replaced

CLASSES = ["goldfish", "tabby", "lemon", "school bus", "ladybug", "king penguin", "monarch", "jellyfish", "espresso"]


@pytest.fixture(scope="module")
def robust():
    return vizkit.load_model("viznet-robust", device="cpu")


def test_lambda_fades_every_picture_and_takes_its_score(robust):
    contrast, score = [], []
    for penalty in (0, 100, 1000):
        step = last(maximize_steps(robust, CLASSES, replaced("from zeros, L2", penalty=penalty, steps=48), size=64))
        contrast.append((step.images - torch.tensor(robust.mean).view(3, 1, 1)).square().mean((1, 2, 3)))
        score.append(step.score)
    assert (contrast[0] > contrast[1]).all()
    assert (contrast[1] > contrast[2]).all()
    assert (contrast[2] < contrast[0] / 4).all(), "all but vanish"
    assert (score[0] > score[2]).all()


@pytest.mark.soak  # four minutes; the notebook's checks hold it for one class
def test_starts_make_faces(robust):
    """From the means of groups they lie further apart than from noise: much for some classes, hardly for others."""
    further = {}
    for label in (*CLASSES, "bell pepper"):
        found = last(facets_steps(robust, label)).run.images
        noise = last(maximize_steps(robust, [label] * 4, "facet")).images
        further[label] = float(torch.pdist(found.flatten(1)).mean() / torch.pdist(noise.flatten(1)).mean())
        assert recognition(robust, found, [label] * 4)[0].mean() > 0.5
    assert further["jellyfish"] > 1.5
    assert further["bell pepper"] > 1.2
    assert further["school bus"] < 1.15
    assert sum(further.values()) > 1.08 * len(further)
