import io
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner

from tests.conftest import RESEARCH
from vizkit.core import inverters
from vizkit.core.inverters import PLACES, load_inverter
from vizkit.core.viznet import VizNet, fold
from vizkit.methods.inversion import layer_code
from vizkit.training import export as exporting
from vizkit.training import viznet
from vizkit.training.__main__ import app
from vizkit.training.inverters import InverterTrainer, reconstruction, save_inverters
from vizkit.training.tiny_imagenet import LabeledImages, load_tiny_imagenet


def colored(count=64, classes=4):
    """Pictures whose class is their color, with noise: to be learned in seconds."""
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % classes
    images = torch.randint(0, 80, (count, 3, 64, 64), generator=random)
    for index, label in enumerate(labels.tolist()):
        images[index, label % 3] += 60 + 60 * (label // 3)
    names = tuple(f"color {index}, also {index}" for index in range(classes))
    wnids = tuple(f"n{index:08}" for index in range(classes))
    return LabeledImages(images.to(torch.uint8), labels, names, wnids)


RECIPE = viznet.Recipe(epochs=4, batch_size=16, peak_lr=0.02, sizes=((0.0, 32), (0.5, 48)))


def test_the_net_learns():
    data = colored()
    trainer = viznet.Trainer(data, RECIPE)
    steps = list(trainer.steps())
    assert [step.index for step in steps] == list(range(1, 17))
    assert steps[-1].total == 16
    assert steps[-1].epoch == 4
    assert steps[-1].loss < steps[0].loss - 0.3
    assert viznet.accuracy(trainer.net.eval(), data)[0] > 0.6


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    data = colored()
    whole = viznet.Trainer(data, RECIPE)
    for step in whole.steps():
        if step.index == 8:
            whole.save(tmp_path / "half.pt")
    resumed = viznet.Trainer(data, RECIPE)
    resumed.resume(tmp_path / "half.pt")
    assert resumed.epoch == 2
    rest = list(resumed.steps())
    assert [one.index for one in rest] == list(range(9, 17))
    for one, two in zip(whole.net.parameters(), resumed.net.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-4)


def test_another_recipes_checkpoint_is_refused(tmp_path):
    viznet.Trainer(colored(), RECIPE).save(tmp_path / "one.pt")
    with pytest.raises(ValueError, match="was written by the recipe"):
        viznet.Trainer(colored(), viznet.Recipe(epochs=9, batch_size=16)).resume(tmp_path / "one.pt")


def test_too_few_pictures_are_named():
    with pytest.raises(ValueError, match="64 pictures are fewer than one batch of 128"):
        viznet.Trainer(colored(), viznet.Recipe())


def test_folding_changes_nothing_but_the_number_of_layers():
    torch.manual_seed(0)
    net = VizNet(5, batch_norm=True)
    for _ in range(3):
        net(torch.randn(8, 3, 64, 64))
    net.eval()
    images = torch.randn(4, 3, 80, 64)
    folded = fold(net)
    torch.testing.assert_close(folded(images), net(images), rtol=1e-3, atol=1e-4)
    assert not any("bn" in name for name, _ in folded.named_modules())


def test_augmentation_keeps_range_shape_and_seed():
    images = colored(8).images
    draw = [viznet.augment(images, RECIPE, 48, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert draw[0].shape == (8, 3, 48, 48)
    assert draw[0].min() >= 0
    assert draw[0].max() <= 1
    assert torch.equal(draw[0], draw[1])
    assert not torch.equal(draw[0], draw[2])


def test_a_crop_of_the_whole_picture_is_the_picture():
    images = colored(3).images
    whole = viznet.Recipe(side=(1.0, 1.0), log_aspect=0.0)
    found = viznet.augment(images, whole, 64, torch.Generator().manual_seed(0))
    for one, two in zip(found, images / 255, strict=True):
        flipped = two.flip(2)
        assert min((one - two).abs().max(), (one - flipped).abs().max()) < 1e-3


def test_sizes_grow_with_the_progress():
    recipe = viznet.Recipe()
    assert [recipe.size_at(share) for share in (0, 0.39, 0.41, 0.7, 0.999)] == [48, 48, 56, 64, 64]


def encoded(image):
    buffer = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def archive(tmp_path):
    data = colored(40)
    files = [encoded(image) for image in data.images]
    for split in ("train", "val"):
        np.savez(
            tmp_path / f"tiny-imagenet-{split}.npz",
            data=np.frombuffer(b"".join(files), np.uint8),
            offset=np.cumsum([0, *map(len, files)]),
            label=data.labels.numpy().astype(np.uint8),
            name=np.array(data.names),
            wnid=np.array(data.wnids),
        )
    return tmp_path


def test_both_layouts_of_the_data_are_read(archive, tmp_path_factory):
    data = colored(40)
    found = load_tiny_imagenet(archive, "train")
    assert torch.equal(found.images, data.images)
    assert torch.equal(found.labels, data.labels)

    root = tmp_path_factory.mktemp("official")
    (root / "wnids.txt").write_text("\n".join(reversed(data.wnids)))
    (root / "words.txt").write_text("".join(f"{w}\t{n}\n" for w, n in zip(data.wnids, data.names, strict=True)))
    (root / "val" / "images").mkdir(parents=True)
    rows = []
    for index, (image, label) in enumerate(zip(data.images, data.labels, strict=True)):
        wnid = data.wnids[label]
        folder = root / "train" / wnid / "images"
        folder.mkdir(parents=True, exist_ok=True)
        for path in (folder / f"{wnid}_{index}.JPEG", root / "val" / "images" / f"val_{index}.JPEG"):
            path.write_bytes(encoded(image))
        rows.append(f"val_{index}.JPEG\t{wnid}\t0\t0\t62\t62")
    (root / "val" / "val_annotations.txt").write_text("\n".join(rows))
    test = load_tiny_imagenet(root, "val")
    assert torch.equal(test.images, data.images)
    assert torch.equal(test.labels, data.labels)
    train = load_tiny_imagenet(root, "train")
    assert sorted(train.labels.tolist()) == sorted(data.labels.tolist())
    assert train.names == data.names


def test_missing_data_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="must hold tiny-imagenet-val.npz or an unpacked"):
        load_tiny_imagenet(tmp_path, "val")


def test_the_commands_train_resume_and_export(archive, tmp_path, monkeypatch):
    def run(*arguments):
        outcome = CliRunner().invoke(app, [*arguments, "--data", str(archive)])
        assert outcome.exit_code == 0, outcome.output
        return outcome.output

    monkeypatch.setattr(viznet.Recipe, "__init__", _small(viznet.Recipe.__init__))
    monkeypatch.chdir(tmp_path)
    assert "epoch 1: top-1" in run("viznet", "--epochs", "1"), "the folder has a default"
    out = tmp_path / "run"
    assert "epoch 2: top-1" in run("viznet", "--out", str(out), "--epochs", "2")
    assert "resuming after epoch 2 of 2" in run("viznet", "--out", str(out), "--epochs", "2")

    shipped = {"viznet": tmp_path / "viznet.safetensors"}
    monkeypatch.setattr(exporting, "BUNDLED", shipped)
    monkeypatch.setattr(exporting, "LEARNING", {})
    monkeypatch.setattr(exporting, "ASSETS", tmp_path)
    monkeypatch.setattr(exporting, "LABELS", tmp_path / "labels.txt")
    monkeypatch.setattr(exporting, "HASHES", tmp_path / "SHA256SUMS")
    for other in ("WEIGHTS", "LISTENER", "SHEET"):
        monkeypatch.setattr(exporting, other, tmp_path / other)
    run("export", "--checkpoint", str(out / "viznet.pt"))
    state = load_file(shipped["viznet"])
    assert state["net.conv1.weight"].shape == (48, 3, 7, 7)
    assert (tmp_path / "labels.txt").read_text().splitlines()[1] == "n00000001\tcolor 1"
    assert len((tmp_path / "SHA256SUMS").read_text().splitlines()) == 2


def _small(init):
    """Give the recipe batches that fit 40 pictures."""

    def smaller(self, **settings):
        init(self, batch_size=20, sizes=((0.0, 32),), peak_lr=0.02, **settings)

    return smaller


def test_robust_training_learns_under_attack():
    data = colored()
    plain = viznet.Trainer(data, RECIPE)
    list(plain.steps())
    robust = viznet.Trainer(data, replace(RECIPE, attack_radius=6.0))
    steps = list(robust.steps())
    assert steps[-1].loss < steps[0].loss
    found = [viznet.attacked_accuracy(one.net.eval(), data, 6.0) for one in (robust, plain)]
    assert found[0] >= found[1]
    clean = viznet.accuracy(plain.net.eval(), data)[0]
    assert viznet.attacked_accuracy(plain.net.eval(), data, 0.0) == pytest.approx(clean)
    assert found[1] < clean


def test_a_perturbation_climbs_and_stays_in_its_ball():
    images = torch.rand(5, 3, 4, 4)
    slope = torch.randn(5, 3, 4, 4)
    delta = torch.zeros_like(images)
    for _ in range(3):
        delta = viznet.ascend(lambda pixels: (pixels * slope).sum(), images, delta, 0.4, 1.0)
    torch.testing.assert_close(delta, viznet.unit_length(slope))


def test_fine_tuning_starts_from_a_finished_run(tmp_path):
    data = colored()
    first = viznet.Trainer(data, RECIPE)
    first.save(tmp_path / "first.pt")
    second = viznet.Trainer(data, replace(RECIPE, attack_radius=1.0, seed=7))
    second.start_from(tmp_path / "first.pt")
    for one, two in zip(first.net.parameters(), second.net.parameters(), strict=True):
        assert torch.equal(one, two)
    assert second.epoch == 0


@pytest.mark.research_data
@pytest.mark.parametrize("name", ["viznet", "viznet-robust", "viznet-small"])
def test_the_card_states_what_is_measured(name):
    """The shipped nets on all 10,000 validation pictures."""
    if not (RESEARCH / "data" / "tiny-imagenet-val.npz").is_file():
        pytest.skip(f"no research data in {RESEARCH}")
    import vizkit

    test = load_tiny_imagenet(RESEARCH / "data", "val")
    net = vizkit.load_model(name, device="cpu").net
    top1, top5 = viznet.accuracy(net, test)
    assert top1 >= {"viznet": 0.47, "viznet-robust": 0.38, "viznet-small": 0.4}[name]
    assert viznet.dead_channels(net, test) == 0
    card = (exporting.ASSETS / "models" / f"{name}.md").read_text()
    assert f"{top1:.2%}" in card
    assert f"{top5:.2%}" in card


# Inverters ------------------------------------------------------------------------------------


def test_the_inverters_learn_and_a_resumed_run_is_the_uninterrupted_one(tmp_path, viznet):
    data = colored(500)
    whole = InverterTrainer(viznet, data, epochs=2)
    losses = []
    for step in whole.steps():
        losses.append(step.loss)
        if step.index == 2:
            whole.save(tmp_path / "half.pt")
    assert step.index == step.total == 4
    resumed = InverterTrainer(viznet, data, epochs=2)
    resumed.resume(tmp_path / "half.pt")
    assert [one.index for one in resumed.steps()] == [3, 4]
    for one, two in zip(whole.nets.parameters(), resumed.nets.parameters(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-2, atol=1e-3)
    for layer in PLACES:
        assert losses[-1][layer] < losses[0][layer]


def test_inverters_are_written_as_they_are_loaded(tmp_path, viznet, monkeypatch):
    trainer = InverterTrainer(viznet, colored(), epochs=1)
    save_inverters(trainer.nets, tmp_path)
    monkeypatch.setattr(inverters, "INVERTERS", tmp_path)
    code = layer_code(viznet, torch.rand(1, 3, 64, 64), "relu5").detach()
    with torch.no_grad():
        torch.testing.assert_close(load_inverter("relu5")(code), trainer.nets["relu5"](code), atol=5e-3, rtol=0)
    decibels, error = reconstruction(viznet, load_inverter("relu5"), "relu5", colored())
    assert 3 < decibels < 30
    assert error > 0


@pytest.mark.skipif(not (RESEARCH / "data").is_dir(), reason="needs Tiny-ImageNet")
def test_the_bundled_inverters_are_as_good_as_their_card_says(viznet):
    data = load_tiny_imagenet(RESEARCH / "data", "val")
    some = replace(data, images=data.images[::20], labels=data.labels[::20])
    card = (inverters.INVERTERS / "README.md").read_text()
    for layer in PLACES:
        decibels, error = reconstruction(viznet, load_inverter(layer), layer, some)
        stated = re.search(rf"{layer} \| ([\d.]+) dB \| ([\d.]+)", card)
        assert decibels == pytest.approx(float(stated[1]), abs=0.3)
        assert error == pytest.approx(float(stated[2]), abs=0.05)
