"""Machines on codes and on gradients, and a detector that learns while one looks."""

import pytest
import torch

import vizkit
from vizkit.core.detectors import CropNet
from vizkit.core.scenes import SHAPES, make_crowds
from vizkit.core.seeds import fresh_weights
from vizkit.methods.class_svms import judged_crops, train_class_svms
from vizkit.methods.detector_training import TERMS, detector_steps, region_net
from vizkit.methods.hog import hog
from vizkit.methods.hog_search import search_by_hog, train_hog_template
from vizkit.methods.one_box import whole_boxes


@pytest.fixture(scope="module")
def crops():
    with fresh_weights(0):
        net = CropNet().eval().requires_grad_(False)
    return judged_crops(net, 20)


def test_crops_are_labeled_by_their_overlap(crops):
    assert crops.crops.shape[1:] == (3, 48, 48)
    assert 0.15 < float((crops.labels < len(SHAPES)).float().mean()) < 0.6
    assert set(crops.labels.tolist()) == set(range(len(SHAPES) + 1))
    assert 0 <= crops.softmax <= 1


def test_each_machine_is_scikit_learns(crops):
    from sklearn.svm import LinearSVC

    found = train_class_svms(crops, strength=0.1)
    scale = float(crops.codes.square().mean().sqrt())
    peer = LinearSVC(C=0.1, random_state=0, dual=True, max_iter=5000)
    peer.fit((crops.codes / scale).numpy(), (crops.labels == 3).numpy())
    theirs = torch.from_numpy(peer.decision_function((crops.codes / scale).numpy())).float()
    torch.testing.assert_close(found.scores(crops.codes)[:, 3], theirs, rtol=1e-3, atol=1e-3)
    answers = found.answers(crops.codes)
    none = found.scores(crops.codes).max(1).values <= 0
    assert (answers[none] == len(SHAPES)).all()
    with pytest.raises(ValueError, match="strength must be positive"):
        train_class_svms(crops, strength=0)


def test_a_slid_template_is_the_machine_on_each_window(crops):
    template = train_hog_template(crops, SHAPES.index("disk"))
    image = vizkit.load_image("coffee", (96, 96))
    scores = template.scores(image)
    blocks = hog(image[None])[0]
    rows, columns = template.weights.shape[:2]
    for row, column in ((0, 0), (2, 5), (6, 3)):
        part = blocks[row : row + rows, column : column + columns]
        assert float(scores[row, column]) == pytest.approx(
            float((part * template.weights).sum()) + template.bias, abs=1e-4
        )
    scores, found = search_by_hog(template, image, least=float(scores.max()))
    assert len(found.boxes) == 1
    with pytest.raises(ValueError, match="must show the class"):
        train_hog_template(crops, 99)


def test_a_box_ends_behind_where_it_begins():
    said = torch.tensor([[0.5, 0.5, 0.4, 0.9], [0.1, 0.1, 0.8, 0.8]])
    found = whole_boxes(said)
    assert (found[:, 2:] > found[:, :2]).all()
    assert torch.equal(found[1], said[1])


def test_by_turns_one_stage_rests():
    scenes = make_crowds(6, seed=1)
    for order, resting in (("first stage only", 1), ("alternating", 0)):
        start, *_, end = detector_steps(scenes, order=order, steps=3, every=1, batch_size=2)
        moved = {name: not torch.equal(start.state[name], end.state[name]) for name in start.state}
        assert moved["objectness.weight"]
        assert moved["classes.weight"] != bool(resting)
    assert end.losses.shape == (3, len(TERMS))
    assert end.losses.isfinite().all()
    net = region_net(end.state)
    assert torch.equal(net.state_dict()["classes.bias"], end.state["classes.bias"])
    with pytest.raises(ValueError, match="rate must be positive"):
        next(iter(detector_steps(scenes, rate=0)))
