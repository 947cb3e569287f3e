import shutil
import threading

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import vizkit
from tests.conftest import NETS, RESEARCH, random_net, same, snapshot
from vizkit.core import models as module
from vizkit.core.hooks import capture
from vizkit.core.models import ready


def tiny(classes=4, channels=3):
    return nn.Sequential(nn.Conv2d(channels, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, classes))


def test_viznet_knows_its_layers_labels_and_size(viznet):
    assert viznet.input_size == 64
    assert len(viznet.labels) == 200
    assert "tabby" in viznet.labels
    assert list(viznet.layers)[:4] == ["conv1", "relu1", "pool1", "conv2"]
    assert list(viznet.layers)[-1] == "fc"
    assert viznet.layer("conv1").shape == (48, 32, 32)
    assert repr(viznet) == "ImageModel(viznet: 200 classes, 2.42 M parameters, 64 px, cpu)"


@pytest.mark.parametrize(("name", "label"), [("chelsea", {"tabby", "Egyptian cat"}), ("coffee", {"espresso"})])
def test_viznet_knows_the_bundled_photos(viznet, name, label):
    assert {answer for answer, _ in viznet.answers(vizkit.load_image(name, (64, 64)), 3)} & label


@pytest.mark.parametrize("size", [(64, 64), (64, 91), (127, 80), (300, 451), (512, 512)])
def test_viznet_runs_on_pictures_of_any_size_from_64_up(viznet, size):
    logits = viznet.logits(vizkit.load_image("chelsea", size))
    assert logits.shape == (200,)
    assert logits.isfinite().all()


def test_viznet_has_no_dead_channel_behind_its_first_relu(viznet, small_pool):
    from vizkit.core.hooks import forward_to

    maps = forward_to(viznet.net, viznet.normalize(small_pool.pixels(slice(None))), "relu1")
    assert (maps.amax((0, 2, 3)) > 0).all()


def test_viznets_first_filters_are_smooth(viznet):
    """A trained filter varies slowly from pixel to pixel, a random one does not."""
    weight = viznet.net.conv1.weight.detach()

    def roughness(filters):
        steps = filters.diff(dim=2).square().sum((1, 2, 3)) + filters.diff(dim=3).square().sum((1, 2, 3))
        return steps / filters.square().sum((1, 2, 3))

    random = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    assert roughness(weight).median() < roughness(random).median() / 2


def test_logits_equal_the_bare_net_on_normalized_pixels(viznet):
    images = torch.rand(3, 3, 64, 64)
    expected = viznet.net((images - torch.tensor(viznet.mean).view(3, 1, 1)) / torch.tensor(viznet.std).view(3, 1, 1))
    torch.testing.assert_close(viznet.logits(images), expected)
    torch.testing.assert_close(viznet.logits(images[1]), expected[1])
    torch.testing.assert_close(viznet.probabilities(images).sum(1), torch.ones(3))


def test_top_is_sorted_and_named(viznet, chelsea):
    top = viznet.answers(chelsea, 5)
    chances = [chance for _, chance in top]
    assert chances == sorted(chances, reverse=True)
    probabilities = viznet.probabilities(chelsea)
    assert top[0] == (viznet.labels[int(probabilities.argmax())], probabilities.max().item())


def test_logits_are_differentiable_in_the_pixels_and_spare_the_weights(viznet):
    image = torch.rand(3, 64, 64, requires_grad=True)
    viznet.logits(image)[0].backward()
    assert image.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in viznet.net.parameters())


@pytest.mark.parametrize("name", NETS)
def test_any_torchvision_net_can_be_wrapped_and_is_left_as_it_was(name):
    net = random_net(name)
    net.train()
    before = snapshot(net)
    model = vizkit.ImageModel(net, input_size=224)
    assert len(model.layers) > 15
    assert model.logits(torch.rand(1, 3, 224, 224)).shape == (1, 1000)
    assert same(snapshot(net), before)


def test_dropout_is_off_although_the_net_is_training():
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 3), nn.Dropout(0.9)).train()
    model = vizkit.ImageModel(net, input_size=4)
    image = torch.rand(3, 4, 4)
    assert torch.equal(model.logits(image), model.logits(image))
    assert net.training


def test_a_gray_net_sees_luminance():
    model = vizkit.ImageModel(tiny(channels=1), mean=(0.5,), std=(0.25,), input_size=28)
    image = vizkit.load_image("chelsea", (28, 28))
    gray = 0.299 * image[0] + 0.587 * image[1] + 0.114 * image[2]
    torch.testing.assert_close(model.logits(image), model.net(((gray - 0.5) / 0.25)[None, None])[0])


def test_own_labels_and_label_index():
    model = vizkit.ImageModel(tiny(), labels=["ant", "bee", "cat", "dog"], input_size=16)
    assert model.label_index("cat") == model.label_index(2) == 2
    with pytest.raises(ValueError, match="'bea' is not known; did you mean 'bee'"):
        model.label_index("bea")
    with pytest.raises(ValueError, match="target class must be from 0 to 3, got 4"):
        model.label_index(4)
    with pytest.raises(TypeError, match=r"must be a whole number, got 1\.5"):
        model.label_index(1.5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"net": "resnet"}, TypeError, "net must be a torch.nn.Module, got str"),
        ({"labels": ["one"]}, ValueError, "labels must be 4, one per logit, got 1"),
        ({"std": (0.0, 1.0, 1.0)}, ValueError, "std > 0"),
        ({"mean": (0.5,)}, ValueError, "mean and std must be 3 values each"),
        ({"net": nn.Conv2d(1, 2, 3)}, ValueError, "net cannot run on a picture of 16 px"),
        ({"net": nn.Conv2d(3, 2, 3)}, ValueError, r"must return logits \(N, classes\), got"),
    ],
)
def test_what_is_no_classifier_is_refused_in_one_sentence(arguments, error, message):
    with pytest.raises(error, match=message):
        vizkit.ImageModel(**{"net": tiny(), "input_size": 16, **arguments})


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        ("chelsea", TypeError, "vizkit.load_image makes one"),
        (torch.rand(3, 8), ValueError, r"must have shape \(N, 3, H, W\), got \(3, 8\)"),
        (torch.rand(1, 8, 8), ValueError, r"must have shape \(3, H, W\), got \(1, 8, 8\)"),
        (torch.zeros(3, 64, 64, dtype=torch.uint8), TypeError, "must hold floats in"),
        (torch.full((3, 64, 64), 200.0), ValueError, r"in \[0, 1\] without NaN, got \[200, 200\]"),
        (torch.full((3, 64, 64), float("nan")), ValueError, "without NaN"),
    ],
)
def test_bad_pictures_are_refused_at_the_door(viznet, image, error, message):
    with pytest.raises(error, match=message):
        viznet.logits(image)


def test_a_picture_too_small_for_the_net_is_explained():
    model = vizkit.ImageModel(random_net("alexnet"), name="alexnet")
    with pytest.raises(ValueError, match="alexnet cannot run on pictures of 20 x 20 px; it was made"):
        model.logits(torch.rand(3, 20, 20))


def test_unknown_layers_and_models_give_the_closest_names(viznet):
    with pytest.raises(ValueError, match="layer of viznet 'conv8' is not known; did you mean 'conv"):
        viznet.layer("conv8")
    with pytest.raises(ValueError, match="model 'resnet81' is not known; did you mean 'resnet18'"):
        vizkit.load_model("resnet81")


def test_every_torchvision_classifier_is_offered(hub):
    offered = vizkit.models()
    assert offered["viznet"].status == "bundled"
    assert offered["resnet18"].status == "download"
    assert len(offered) > 75
    (hub / offered["resnet18"].file.name).write_bytes(b"")
    assert vizkit.models()["resnet18"].status == "cached"
    assert ready() == ["viznet", "viznet-robust", "viznet-small", "scenes", "resnet18"]


def test_no_network_and_no_cache_says_which_file_to_put_where(hub, offline):
    with pytest.raises(FileNotFoundError, match=r"put resnet18-f37072fd\.pth into .*checkpoints.*viznet"):
        vizkit.load_model("resnet18")
    assert list(hub.iterdir()) == []


def test_cached_weights_load_through_torchvision(hub, offline):
    net = random_net("squeezenet1_1")
    path = vizkit.models()["squeezenet1_1"].file
    torch.save(net.state_dict(), path)
    model = vizkit.load_model("squeezenet1_1", device="cpu")
    assert model.input_size == 224
    assert model.labels[281] == "tabby"
    images = torch.rand(1, 3, 224, 224)
    expected = net.eval()(model.normalize(images))
    torch.testing.assert_close(model.logits(images), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("damage", ["cut", "foreign", "no weights", "pickle"])
def test_a_bad_weights_file_is_moved_aside_and_the_cache_stays_usable(hub, offline, damage):
    good = random_net("squeezenet1_1").state_dict()
    path = vizkit.models()["squeezenet1_1"].file
    torch.save(random_net("alexnet").state_dict() if damage == "foreign" else good, path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100_000])
    if damage == "no weights":
        path.write_text("<html>not found</html>")
    if damage == "pickle":
        torch.save(Evil(), path)
    with pytest.raises(ValueError, match=r"is cut or holds no weights of squeezenet1_1; it was moved"):
        vizkit.load_model("squeezenet1_1")
    assert path.with_name(path.name + ".bad").is_file()
    assert not Evil.ran
    torch.save(good, path)
    assert vizkit.load_model("squeezenet1_1", device="cpu").name == "squeezenet1_1"


class Evil:
    """Runs code when it is unpickled without care."""

    ran = False

    def __reduce__(self):
        return setattr, (Evil, "ran", True)


def test_a_cut_bundled_file_is_named(tmp_path, monkeypatch):
    path = tmp_path / "viznet.safetensors"
    path.write_bytes(module.BUNDLED["viznet"].read_bytes()[:1000])
    monkeypatch.setitem(module.BUNDLED, "viznet", path)
    with pytest.raises(ValueError, match=r"viznet\.safetensors is missing or cut .*install vizkit again"):
        vizkit.load_model("viznet")


def test_the_shipped_file_holds_folded_float_weights():
    path = module.BUNDLED["viznet"]
    state = load_file(path)
    assert path.stat().st_size < 10_000_000
    assert {value.dtype for value in state.values()} == {torch.float32}
    assert not any("bn" in key for key in state)


@pytest.mark.research_data
def test_the_real_squeezenet_reaches_58_percent_through_torchvisions_own_path(hub, offline):
    weights = RESEARCH / "weights" / "squeezenet1_1-caffe.pth"
    pictures = sorted((RESEARCH / "data" / "imagenet-samples").glob("*.jpg"))
    if not weights.is_file() or not pictures:
        pytest.skip(f"no research data in {RESEARCH}")
    shutil.copy(weights, vizkit.models()["squeezenet1_1"].file)
    model = vizkit.load_model("squeezenet1_1")
    hits = 0
    for start in range(0, len(pictures), 50):
        batch = torch.stack(
            [vizkit.load_image(path, (256, 256))[:, 16:240, 16:240] for path in pictures[start : start + 50]]
        )
        with torch.no_grad():
            found = model.logits(batch).argmax(1).tolist()
        hits += sum(int(path.name[:4]) == label for path, label in zip(pictures[start:], found, strict=False))
    assert hits / len(pictures) >= 0.58


def test_a_net_of_ones_own_is_loaded_as_a_named_one_is():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    model = vizkit.load_model(net, labels=("cat", "dog"), mean=(0.5,) * 3, std=(0.2,) * 3, input_size=32, name="mine")
    assert (model.labels, model.input_size, model.name) == (("cat", "dog"), 32, "mine")
    assert model.net is net
    assert vizkit.load_model(model) is model
    with pytest.raises(TypeError, match=r"labels belong to a torch\.nn\.Module of your own"):
        vizkit.load_model("viznet", labels=("cat",))
    with pytest.raises(TypeError, match="net must be a model's name"):
        vizkit.load_model(3)


def test_two_models_of_one_net_take_turns():
    net = tiny()
    first, second = vizkit.ImageModel(net), vizkit.ImageModel(net)
    pixels, taken = torch.rand(1, 3, 8, 8), []
    thread = threading.Thread(target=lambda: taken.append(second.logits(pixels)))
    with first.running(pixels):
        thread.start()
        thread.join(0.2)
        assert taken == [], "it would meet the other's hooks"
    thread.join(10)
    assert len(taken) == 1


def test_a_copy_waits_until_no_thread_has_hooks_on_the_net(viznet, chelsea):
    made = []
    thread = threading.Thread(target=lambda: made.append(viznet.copied()))
    with viznet.running(chelsea) as net, capture(net, ["relu1"]):
        thread.start()
        thread.join(0.3)
        assert not made
    thread.join(30)
    assert not any(one._forward_hooks for one in made[0].modules())
