"""torchvision's detector, by its real loading code, with weights of no training."""

import pytest
import torch
import torchvision

import vizkit
from vizkit.core import photo_detector
from vizkit.core.photo_detector import NAMES, load_photo_detector, photo_detector_files


def test_it_says_which_file_is_missing(hub, offline):
    del offline
    with pytest.raises(FileNotFoundError, match=r"put fasterrcnn_mobilenet_v3_large_320_fpn-\w+\.pth into"):
        load_photo_detector()
    panel = vizkit.panels.photo_detector.show()
    assert panel.error is None
    assert "Nothing is looked for" in str(panel.items["text"])


def test_weights_in_the_cache_are_used(hub, offline):
    del offline
    torch.manual_seed(0)
    net = torchvision.models.get_model(NAMES[0], weights=None, weights_backbone=None)
    torch.save(net.state_dict(), photo_detector_files()[NAMES[0]])
    found = load_photo_detector()
    assert found.names[1] == "person"
    image = vizkit.load_image("coffee", 160)
    with torch.no_grad():
        expected = net.eval()([image])[0]
    boxes, labels, scores = found.found(image)
    torch.testing.assert_close(boxes, expected["boxes"])
    assert torch.equal(labels, expected["labels"])
    assert torch.equal(scores, expected["scores"])
    assert photo_detector.NAMES == NAMES
