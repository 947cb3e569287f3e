import pytest
import torch
import torch.nn.functional as F

import vizkit
from tests.conftest import same, snapshot
from tests.methods.test_gradients import Shared
from vizkit.core.hooks import capture
from vizkit.core.steps import last
from vizkit.methods.dream import dream_steps, zoom_steps


def resized(picture, size):
    return F.interpolate(picture[None], size, mode="bicubic", antialias=True, align_corners=False)[0]


def slowly(model, image, layer, octaves, scale, iterations, rate):
    """The listing of google/deepdream, without jitter."""
    photos = [image]
    for _ in range(octaves - 1):
        sides = [round(side / scale) for side in photos[-1].shape[1:]]
        photos.append(resized(photos[-1], sides))
    detail = torch.zeros_like(photos[-1])
    for octave, photo in enumerate(photos[::-1]):
        if octave > 0:
            detail = resized(detail, photo.shape[1:])
        source = photo + detail
        for _ in range(iterations):
            x = source[None].requires_grad_()
            with capture(model.net, [layer]) as found:
                model.net(model.normalize(x))
            activation = found[layer]
            (g,) = torch.autograd.grad(activation, x, activation.detach())  # a, as the slides say
            source = (source.detach() + rate / g[0].abs().mean() * g[0]).clamp(0, 1)
        detail = source - photo
    return source


def test_the_listing_of_the_slides(viznet, chelsea):
    image = chelsea[:, :120, :150]
    step = last(dream_steps(viznet, image, "relu4", octaves=3, steps=3, jitter=0))
    expected = slowly(viznet, image, "relu4", 3, 1.4, 3, 1.5 / 255)
    assert step.image.shape == expected.shape == image.shape
    apart = (step.image - expected).abs()
    # where two places of a pooling window are even, what the machine rounds decides which of them has the gradient
    assert (apart > 2e-4 + 1e-3 * expected.abs()).float().mean() < 0.02
    assert apart.max() < 0.02
    assert step.total == 9


def test_the_objective_rises_and_the_detail_is_what_was_added(viznet, chelsea):
    steps = list(dream_steps(viznet, chelsea[:, :100, :100], "relu5", octaves=2))
    last_octave = [step for step in steps if step.octave == 1]
    assert last_octave[-1].objective > 1.5 * last_octave[0].objective
    torch.testing.assert_close(steps[-1].image - steps[-1].detail, chelsea[:, :100, :100], rtol=0, atol=1e-6)
    before = [step for step in steps if step.octave == 0][-1]
    carried = resized(before.detail, (100, 100))
    assert F.cosine_similarity(carried.flatten(), last_octave[0].detail.flatten(), 0) > 0.9


def test_tiles_do_not_change_the_gradient_inside_and_their_seams_are_washed_out(viznet, chelsea):
    image = vizkit.load_image("chelsea", 200)
    settings = {"octaves": 1, "steps": 1, "jitter": 0}
    whole = last(dream_steps(viznet, image, "relu2", **settings))
    tiled = last(dream_steps(viznet, image, "relu2", tile=104, **settings))
    middle = (slice(None), slice(20, 80), slice(20, 80))  # away from the seams and the border
    scale = float(whole.detail[middle].abs().sum() / tiled.detail[middle].abs().sum())
    torch.testing.assert_close(tiled.detail[middle] * scale, whole.detail[middle], rtol=0.02, atol=2e-4)
    dreamed = last(dream_steps(viznet, image, "relu4", tile=104, octaves=2)).image
    seam = (dreamed[:, :, 100] - dreamed[:, :, 99]).abs().mean()
    elsewhere = dreamed.diff(dim=2).abs().mean()
    assert seam < 2 * elsewhere


def test_memory_does_not_grow_with_the_picture(viznet, monkeypatch):
    seen = []
    monkeypatch.setattr(viznet.net, "forward", lambda x, run=viznet.net.forward: (seen.append(x.shape), run(x))[1])
    image = torch.rand(3, 700, 1024)
    next(dream_steps(viznet, image, "relu2", octaves=1, tile=384))
    assert len(seen) == 6
    assert max(shape[2] for shape in seen) <= 384
    assert max(shape[3] for shape in seen) <= 384


def test_several_layers_are_weighed(viznet, chelsea):
    image, settings = chelsea[:, :90, :90], {"octaves": 1, "steps": 2}
    both = last(dream_steps(viznet, image, ["relu2", "relu5"], **settings))
    one = last(dream_steps(viznet, image, {"relu2": 1.0, "relu5": 0.0}, **settings))
    single = last(dream_steps(viznet, image, "relu2", **settings))
    torch.testing.assert_close(one.image, single.image, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(both.image, single.image, atol=1e-3)


def test_a_guide_pulls_towards_its_own_code(viznet, chelsea):
    image, guide = chelsea[:, :96, :96], vizkit.load_image("flower", 96)[:, :, :96]
    settings = {"octaves": 1, "steps": 15, "jitter": 4}
    guided = last(dream_steps(viznet, image, "relu5", guide=guide, **settings)).image
    free = last(dream_steps(viznet, image, "relu5", **settings)).image

    def likeness(picture):
        with torch.no_grad(), capture(viznet.net, ["relu5"]) as found:
            viznet.net(viznet.normalize(torch.stack([picture, guide])))
        own, code = (maps.flatten(1) for maps in found["relu5"])
        return float(F.cosine_similarity(own.mean(1), code.mean(1), 0))

    assert likeness(guided) > likeness(free)
    assert likeness(guided) > likeness(image)


def test_zoom_falls_into_the_picture(viznet, chelsea):
    image = chelsea[:, :80, :100]
    steps = list(zoom_steps(viznet, image, "relu3", frames=4, zoom=1.25, rate=1e-6))
    assert [step.index for step in steps] == [1, 2, 3, 4]
    inner = resized(image[:, 8:72, 10:90], (80, 100)).clamp(0, 1)
    assert (steps[1].image - inner).abs().mean() < 0.02
    rest = last(zoom_steps(viznet, image, "relu3", frames=4, zoom=1.25, rate=1e-6, resume=steps[1]))
    torch.testing.assert_close(rest.image, steps[-1].image)


def test_the_work_is_that_of_the_pixels(viznet, chelsea):
    steps = list(dream_steps(viznet, chelsea[:, :128, :128], "relu3", octaves=3, scale=2, steps=2))
    pixels = torch.tensor([step.image[0].numel() for step in steps])
    assert pixels.unique().tolist() == [32 * 32, 64 * 64, 128 * 128]
    assert [step.work for step in steps] == pytest.approx((pixels.cumsum(0) / pixels.sum()).tolist())


def test_same_seed_same_dream_and_continuing_is_not_seen(viznet, chelsea):
    image, settings = chelsea[:, :90, :90], {"octaves": 2, "steps": 3, "seed": 5}
    steps = list(dream_steps(viznet, image, "relu3", **settings))
    rest = last(dream_steps(viznet, image, "relu3", **settings, resume=steps[2]))
    assert torch.equal(rest.image, steps[-1].image)
    other = last(dream_steps(viznet, image, "relu3", **{**settings, "seed": 6}))
    assert not torch.equal(other.image, steps[-1].image)


def test_the_net_is_left_as_it_was():
    torch.manual_seed(0)
    net = Shared().train()
    model, image = vizkit.ImageModel(net, input_size=24), torch.rand(3, 40, 40)
    before = snapshot(net)
    for layers in ("two", ["one", "two"]):
        next(dream_steps(model, image, layers, octaves=1))
        assert same(snapshot(net), before)
    handle = net.two.register_forward_hook(lambda *_: (_ for _ in ()).throw(ArithmeticError("half way")))
    before = snapshot(net)
    with pytest.raises(ArithmeticError, match="half way"):
        next(dream_steps(model, image, "two", guide=image))
    assert same(snapshot(net), before)
    handle.remove()


def test_bad_input_is_named(viznet, chelsea):
    for arguments, message in (
        ({"layers": "relu99"}, "layer of viznet 'relu99' is not known"),
        ({"layers": []}, "layers must be one or more"),
        ({"scale": 1.0}, "scale must be above 1 and rate above 0, got 1.0"),
        ({"octaves": 0}, "octaves must be from 1 to 12, got 0"),
        ({"guide": torch.rand(1, 3, 9, 9)}, "guide must be one picture"),
    ):
        with pytest.raises(ValueError, match=message):
            next(dream_steps(viznet, chelsea, **{"layers": "relu3", **arguments}))
    with pytest.raises(ValueError, match="zoom must be 1 or more, got 0.5"):
        next(zoom_steps(viznet, chelsea, "relu3", zoom=0.5))
