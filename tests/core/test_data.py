import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

import vizkit
from vizkit.core.data import cut_patches, open_source


def test_patches_are_where_their_boxes_say(small_pool):
    for index in (0, 17, 95):
        name = small_pool.names[int(small_pool.picture[index])]
        x0, y0, x1, y1 = small_pool.box[index].tolist()
        assert x1 - x0 == y1 - y0
        crop = vizkit.load_image(name)[:, y0:y1, x0:x1]
        small = torch.nn.functional.interpolate(crop[None], (64, 64), mode="bicubic", antialias=True)[0].clamp(0, 1)
        assert (small - small_pool.pixels([index])[0]).abs().mean() < 0.02


def test_pictures_and_scales_take_turns():
    pool = cut_patches(count=160, size=16, scales=(1.0, 0.5), seed=1)
    counts = torch.bincount(pool.picture)
    assert counts.max() - counts.min() <= 1
    sides = pool.box[:, 2] - pool.box[:, 0]
    first = pool.picture == 0
    short = min(vizkit.load_image(pool.names[0]).shape[1:])
    assert set(sides[first].tolist()) == {short, round(short / 2)}


def test_seeds_decide_where():
    one, two = (cut_patches(count=20, size=16, seed=4) for _ in range(2))
    assert torch.equal(one.patches, two.patches)
    assert not torch.equal(one.box, cut_patches(count=20, size=16, seed=5).box)


def test_a_folder_with_a_bad_file_among_good_ones(tmp_path):
    (tmp_path / "deeper").mkdir()
    for index in range(3):
        Image.new("RGB", (40, 30), (index * 80, 0, 0)).save(tmp_path / "deeper" / f"{index}.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture either")
    names = [name for name, _ in open_source(tmp_path)]
    assert [name.rpartition("/")[2] for name in names] == ["0.png", "1.png", "2.png"]
    pool = cut_patches(str(tmp_path), count=12, size=16)
    assert len(pool.names) == 3
    assert set(pool.patches[:, 0].float().mean((1, 2)).round().tolist()) == {0, 80, 160}


def test_datasets_by_object_and_by_name(tmp_path):
    pictures = [(Image.new("RGB", (20, 20), (0, level, 0)), 1) for level in (10, 200)]
    pool = cut_patches(pictures, count=4, size=16)
    assert pool.patches[:, 1].float().mean((1, 2)).tolist() == [10, 200, 10, 200]
    arrays = torch.zeros(5, 3, 8, 8)
    assert len(list(open_source(arrays))) == 5
    fake = cut_patches("FakeData", count=6, size=16)
    assert fake.names[0] == "FakeData 0"


def test_a_torchvision_dataset_on_disk_is_named_with_its_root(tmp_path):
    root = tmp_path / "MNIST" / "raw"
    root.mkdir(parents=True)
    digits = np.random.default_rng(0).integers(0, 255, (5, 28, 28), np.uint8)
    header = {3: 0x803, 1: 0x801}
    for name, array in (("images-idx3", digits), ("labels-idx1", np.arange(5, dtype=np.uint8))):
        for split in ("train", "t10k"):
            sizes = np.array([header[array.ndim], *array.shape], ">i4").tobytes()
            (root / f"{split}-{name}-ubyte").write_bytes(sizes + array.tobytes())
    assert len(torchvision.datasets.MNIST(tmp_path)) == 5
    pictures = dict(open_source("MNIST", root=tmp_path))
    assert list(pictures) == [f"MNIST {index}" for index in range(5)]
    assert np.array_equal(np.asarray(pictures["MNIST 2"])[..., 0], digits[2])


def test_at_most_so_many_pictures_evenly_spread():
    names = [name for name, _ in open_source(torch.zeros(9, 3, 4, 4), most=3)]
    assert names == ["Tensor 0", "Tensor 4", "Tensor 8"]


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("CIFAR1", ValueError, "folder or dataset 'CIFAR1' is not known; did you mean 'CIFAR10"),
        ("no/such/folder", FileNotFoundError, "there is no folder no/such/folder"),
        ("CIFAR10", FileNotFoundError, "torchvision's CIFAR10 is not in .* was not downloaded"),
        ("WIDERFace", FileNotFoundError, "torchvision's WIDERFace is not in"),
        ([], ValueError, "list holds no picture"),
        (7, TypeError, "source must be 'bundled', a folder, .* got int"),
    ],
)
def test_no_such_source_is_named(source, error, message, tmp_path, offline):
    with pytest.raises(error, match=message):
        list(open_source(source, root=tmp_path))


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="has no picture that can be read"):
        list(open_source(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count must be from 1 to 1000000, got 0"),
        ({"size": 4}, "size must be from 8 to 1024, got 4"),
        ({"scales": (0.5, 1.5)}, r"scales must be in \(0, 1\]"),
        ({"scales": ()}, r"scales must be in \(0, 1\]"),
    ],
)
def test_bad_numbers_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        cut_patches(**{"count": 4, "size": 16, **arguments})
