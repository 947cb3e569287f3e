"""The runs that made the detectors: they learn, go on where they were cut, and boxes move with their pictures."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import RESEARCH
from tests.training.test_training import colored
from vizkit.core.detectors import HEADS, BoxNet, GridNet, from_state, load_box_heads, load_detector
from vizkit.core.scenes import make_crowds
from vizkit.core.seeds import generator
from vizkit.methods.boxes import paired_iou
from vizkit.training.boxes import (
    BoxTraining,
    HeadTraining,
    best_fixed_box,
    box_overlap,
    head_overlap,
    save_heads,
    varied,
    viznet_codes,
)
from vizkit.training.detectors import DetectorTraining, crowds, save_detector
from vizkit.training.tiny_imagenet import load_boxes, load_tiny_imagenet


@pytest.fixture(scope="module")
def scenes():
    return make_crowds(32, seed=1)


@pytest.mark.parametrize("name", ["regions", "grid", "crops"])
def test_a_detector_learns(name, scenes):
    losses = [sum(step.losses.values()) for step in DetectorTraining(name, scenes, epochs=6).steps()]
    assert len(losses) == 12
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])


def test_a_resumed_run_is_the_uninterrupted_one(scenes, tmp_path):
    whole = DetectorTraining("grid", scenes, epochs=2)
    for _ in whole.steps():
        pass
    first = DetectorTraining("grid", scenes, epochs=2)
    for step in first.steps():
        if step.index == 2:  # at an epoch's end
            break
    first.save(tmp_path / "run.pt")
    second = DetectorTraining("grid", scenes, epochs=2)
    second.resume(tmp_path / "run.pt")
    for _ in second.steps():
        pass
    for name, value in whole.net.state_dict().items():
        assert torch.equal(second.net.state_dict()[name], value), name
    save_detector("grid", whole.net, tmp_path)
    written = from_state(GridNet, {key: one.float() for key, one in load_file(tmp_path / "grid.safetensors").items()})
    image = scenes.images[:1].float() / 255
    torch.testing.assert_close(written(image), whole.net.eval()(image), rtol=0.02, atol=0.02)


def test_flipped_scenes_have_flipped_boxes(scenes):
    training = DetectorTraining("grid", scenes, epochs=1)
    images, things = training._drawn(torch.arange(16))
    flipped = 0
    for image, thing, box, pixels in zip(images, things, scenes.boxes, scenes.images, strict=False):
        turned = not torch.equal(thing.boxes, box)
        flipped += turned
        before = pixels.flip(-1) if turned else pixels
        assert torch.corrcoef(torch.stack([image.flatten(), before.float().flatten()]))[0, 1] > 0.95
        if turned:
            torch.testing.assert_close(thing.boxes[:, 0] + box[:, 2], torch.full((len(box),), 160.0))
    assert 0 < flipped < 16


def test_scenes_are_the_same_however_they_are_drawn():
    many = crowds(3, size=64, seed=2)
    again = make_crowds(3, size=64, seed=2000)
    assert torch.equal(many.images, again.images)
    assert all(torch.equal(one, other) for one, other in zip(many.boxes, again.boxes, strict=True))


def test_cropped_photos_have_their_boxes():
    boxes = torch.rand(40, 2, 2, generator=generator(0)).sort(1).values.flatten(1)
    boxes = torch.cat([boxes[:, :2], (boxes[:, 2:] + 0.1).clamp(max=1)], 1)
    images = torch.zeros(40, 3, 64, 64)
    for image, box in zip(images, (64 * boxes).round().int().tolist(), strict=True):
        image[:, box[1] : box[3], box[0] : box[2]] = 1
    pixels, moved = varied(images, boxes, generator(1))
    for image, box in zip(pixels, moved, strict=True):
        rows, columns = torch.nonzero(image[0] > 0.5, as_tuple=True)
        if not len(rows):
            continue
        seen = torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / 64
        assert (seen - box).abs().max() < 0.06


def test_boxes_are_read_in_the_pictures_order(tmp_path):
    rows = np.array([[0, 10, 63, 58], [3, 4, 31, 33]], np.uint8)
    np.savez(tmp_path / "tiny-imagenet-train.npz", box=rows)
    found = load_boxes(tmp_path, "train")
    torch.testing.assert_close(found[0] * 64, torch.tensor([0.0, 10, 64, 59]))
    root = tmp_path / "official"
    for wnid in ("n01", "n02"):
        (root / "train" / wnid).mkdir(parents=True)
        lines = [f"{wnid}_{index}.JPEG\t{index}\t1\t50\t60" for index in (0, 10, 2)]
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("\n".join(lines))
    (root / "val").mkdir()
    (root / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn01\t5\t6\t7\t8\n")
    assert (load_boxes(root, "train") * 64)[:, 0].tolist() == [0, 10, 2, 0, 10, 2]  # as the files' names are sorted
    assert (load_boxes(root, "val") * 64).tolist() == [[5, 6, 8, 9]]
    with pytest.raises(FileNotFoundError, match="must hold tiny-imagenet-val.npz or an unpacked"):
        load_boxes(tmp_path / "nothing", "val")


def test_the_net_of_one_box_learns():
    data = colored(250)
    boxes = torch.tensor([[0.1, 0.2, 0.5, 0.9]]).expand(250, -1)
    training = BoxTraining(data, boxes, epochs=3)
    losses = [step.losses["overlap"] for step in training.steps()]
    assert losses[-1] < losses[0]
    overlap, half, right = box_overlap(training.net.eval(), data, boxes)
    assert 0 < overlap <= 1
    assert 0 <= half <= 1
    assert 0 <= right <= 1


def test_heads_learn_and_are_written_as_they_are_loaded(tmp_path, monkeypatch):
    data = colored(500)
    boxes = torch.tensor([[0.1, 0.2, 0.5, 0.9]]).expand(500, -1)
    codes = viznet_codes(data.images)
    heads = {}
    for kind, (layer, _) in HEADS.items():
        training = HeadTraining(kind, codes[layer], boxes, data.labels)
        first, *_, last = (step.losses["corners"] for step in training.steps())
        assert last < first
        heads[kind] = training.net.eval()
        assert 0 <= head_overlap(training.net, codes[layer], boxes, data.labels) <= 1
    save_heads(heads, tmp_path)
    monkeypatch.setattr("vizkit.core.detectors.DETECTORS", tmp_path)
    for kind, head in load_box_heads().items():
        layer = HEADS[kind][0]
        here = codes[layer][:4].float()
        torch.testing.assert_close(head(here), heads[kind](here), rtol=0.02, atol=0.02)


def test_the_best_fixed_box_is_the_best():
    random = generator(0)
    corner = 0.3 * torch.rand(500, 2, generator=random)
    boxes = torch.cat([corner, corner + 0.4 + 0.2 * torch.rand(500, 2, generator=random)], 1)
    best, overlap = best_fixed_box(boxes)
    assert overlap == pytest.approx(float(paired_iou(best[None], boxes).mean()))
    for _ in range(200):
        other = best + 0.05 * torch.randn(4, generator=random)
        assert float(paired_iou(other[None], boxes).mean()) <= overlap + 2e-3


@pytest.mark.skipif(not (RESEARCH / "data").is_dir(), reason="needs the research data")
def test_the_net_of_one_box_is_as_good_as_its_card_says():
    data, boxes = load_tiny_imagenet(RESEARCH / "data", "val"), load_boxes(RESEARCH / "data", "val")
    some = replace(data, images=data.images[:2000], labels=data.labels[:2000])
    overlap, half, right = box_overlap(load_detector(BoxNet), some, boxes[:2000])
    assert overlap == pytest.approx(0.598, abs=0.02)
    assert half == pytest.approx(0.644, abs=0.03)
    assert right == pytest.approx(0.431, abs=0.03)
    best, _ = best_fixed_box(load_boxes(RESEARCH / "data", "train"))
    assert overlap > float(paired_iou(best[None], boxes[:2000]).mean()) + 0.05


def test_a_missing_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("vizkit.core.detectors.DETECTORS", tmp_path)
    with pytest.raises(ValueError, match=r"boxes\.safetensors is missing or cut"):
        load_detector(BoxNet)
