"""What every iterative method promises of its steps: they never change, and a run goes on from any."""

import dataclasses
import inspect
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import vizkit
from vizkit.core.data import clouds
from vizkit.core.scenes import make_crowds, make_scenes
from vizkit.core.steps import STEP_METHODS, last
from vizkit.methods import (
    adversarial,
    adversarial_training,
    attack_rates,
    attribution,
    detector_training,
    dream,
    experiments,
    facets,
    fast_style,
    feature_vis,
    fooling,
    hog,
    inversion,
    large_tsne,
    live_training,
    localization,
    loss_landscape,
    occlusion,
    one_pixel,
    patch,
    sanity,
    separation,
    side_by_side,
    small_nets,
    style,
    tsne,
    units,
)
from vizkit.methods.objectives import Channel

#: Those that cannot be continued bit for bit, and why is said where they are registered.
INEXACT = {"large_embedding_steps", "timed_steps", "timing_steps"}


@pytest.fixture(scope="module")
def data(viznet, small_pool):
    digits = small_nets.split_digits(100)
    net = small_nets.NetLoss(small_nets.DeepNet(4), digits.train, digits.train_labels)
    points = clouds("two sizes", 60)[0]
    return {
        "net": viznet,
        "pool": small_pool,
        "photo": vizkit.load_image("chelsea", (64, 64)),
        "wide": vizkit.load_image("china", 96),
        "digits": digits,
        "loss": net,
        "points": points,
        "wanted": tsne.targets(points, 10, "tsne"),
        "scenes": make_scenes(6, seed=1),
        "crowds": make_crowds(4, seed=1),
        "knows": vizkit.load_model("scenes", device="cpu"),
    }


def _fit(d, **on):
    mixed = d["digits"].train_labels.roll(1)
    return loss_landscape.fit_steps(d["digits"], mixed, width=8, steps=30, every=5, **on)


def _surface(d, **on):
    loss = d["loss"]
    center, *ways = loss.random_points(3)
    grid = torch.linspace(-1, 1, 31)
    return loss_landscape.surface_steps(loss, center, torch.stack(ways), xs=grid, ys=grid, **on)


#: Each method on something small: ``run(data, resume=step)``.
RUNS = {
    "adversarial_training_steps": lambda d, **on: adversarial_training.adversarial_training_steps(
        epochs=3, attack_steps=1, **on
    ),
    "attribute_steps": lambda d, **on: attribution.attribute_steps(
        d["net"], d["photo"], "tabby", methods=("gradient", "saliency", "Grad-CAM"), **on
    ),
    "detector_steps": lambda d, **on: detector_training.detector_steps(
        d["crowds"], order="alternating", batch_size=2, steps=4, every=1, **on
    ),
    "dream_steps": lambda d, **on: dream.dream_steps(d["net"], d["wide"], ["relu3", "relu5"], octaves=2, steps=3, **on),
    "embedding_steps": lambda d, **on: tsne.embedding_steps(d["wanted"], steps=20, exaggerated=8, **on),
    "nets_steps": lambda d, **on: feature_vis.nets_steps(
        [d["net"], d["net"]], ["tabby"], feature_vis.replaced("Fourier", steps=4), **on
    ),
    "facets_steps": lambda d, **on: facets.facets_steps(d["net"], Channel("relu5", 8), d["pool"], 3, steps=4, **on),
    "fit_steps": _fit,
    "forget_steps": lambda d, **on: sanity.forget_steps(
        d["net"], d["photo"], "tabby", 2, ("gradient", "saliency", "Grad-CAM"), **on
    ),
    "fooling_steps": lambda d, **on: fooling.fooling_steps(d["net"], steps=5, batch_size=20, **on),
    "hog_twin_steps": lambda d, **on: hog.hog_twin_steps(
        vizkit.load_image("coffee", (64, 64)), d["photo"], steps=5, **on
    ),
    "invert_hog_steps": lambda d, **on: hog.invert_hog_steps(d["photo"], steps=5, **on),
    "invert_steps": lambda d, **on: inversion.invert_steps(
        d["net"],
        inversion.layer_code(d["net"], d["photo"][None], "relu5").detach().expand(2, -1, -1, -1),
        "relu5",
        steps=6,
        **on,
    ),
    "large_embedding_steps": lambda d, **on: large_tsne.large_embedding_steps(
        large_tsne.neighbor_affinities(d["points"], 10), steps=20, exaggerated=8, **on
    ),
    "learn_steps": lambda d, **on: live_training.learn_steps(
        d["digits"],
        batch_norm=True,
        dropout=0.2,
        transforms=("shift",),
        schedule="cosine",
        optimizer="momentum",
        batch_size=16,
        steps=12,
        every=3,
        **on,
    ),
    "learner_steps": lambda d, **on: side_by_side.learner_steps(
        [experiments.listing_learner(d["digits"], 8), *experiments.few_learners(d["digits"], (40, 60))],
        optimizer="AdamW",
        decay=0.5,
        batch_size=16,
        steps=8,
        every=2,
        **on,
    ),
    "lbfgs_steps": lambda d, **on: adversarial.lbfgs_steps(d["net"], d["photo"], "goldfish", steps=3, **on),
    "maximize_steps": lambda d, **on: feature_vis.maximize_steps(
        d["net"], [Channel("relu3", 1), "tabby"], feature_vis.replaced("Fourier", steps=6), **on
    ),
    "one_pixel_steps": lambda d, **on: one_pixel.one_pixel_steps(
        d["net"], d["photo"], target="goldfish", population=20, generations=5, **on
    ),
    "patch_steps": lambda d, **on: patch.patch_steps(
        d["net"], d["pool"].pixels(slice(20)), "goldfish", size=16, steps=5, batch_size=4, **on
    ),
    "rates_steps": lambda d, **on: attack_rates.rates_steps(
        d["net"], d["pool"].pixels(slice(4)), [2 / 255, 4 / 255], ("FGSM", "random noise"), **on
    ),
    "recipes_steps": lambda d, **on: feature_vis.recipes_steps(d["net"], "tabby", ("Fourier", "MACO"), steps=4, **on),
    "sanity_steps": lambda d, **on: sanity.sanity_steps(
        d["knows"], d["scenes"].images[:2] / 255, ("gradient", "VisualBackProp"), **on
    ),
    "several_steps": lambda d, **on: inversion.several_steps(
        [(d["net"], ("relu3", "fc")), (d["net"], ("probabilities",))], d["photo"], steps=4, **on
    ),
    "separation_steps": lambda d, **on: separation.separation_steps(
        d["knows"], d["scenes"].images, d["scenes"].label, **on
    ),
    "timed_steps": lambda d, **on: large_tsne.timed_steps(d["points"], perplexity=10, steps=10, **on),
    "scan_steps": lambda d, **on: units.scan_steps(d["net"], d["pool"], "relu3", batch_size=16, **on),
    "score_steps": lambda d, **on: localization.score_steps(
        d["knows"], d["scenes"], ("gradient", "Grad-CAM"), batch_size=2, **on
    ),
    "style_steps": lambda d, **on: style.style_steps(d["net"], d["wide"], d["photo"], scales=2, steps=6, **on),
    "surface_steps": _surface,
    "occlusion_steps": lambda d, **on: occlusion.occlusion_steps(
        d["net"], d["photo"], patch=20, stride=10, batch_size=8, **on
    ),
    "timing_steps": lambda d, **on: large_tsne.timing_steps(5, sizes=(100, 150)),
    "transfer_steps": lambda d, **on: attack_rates.transfer_steps(
        [d["net"]] * 3, d["pool"].pixels(slice(3)), 4 / 255, **on
    ),
    "train_fast_style_steps": lambda d, **on: fast_style.train_fast_style_steps(
        d["net"], d["photo"], pool=d["pool"], steps=4, batch_size=2, size=64, width=4, **on
    ),
    "train_steps": lambda d, **on: small_nets.train_steps(
        d["loss"], d["loss"].random_points(3), steps=12, batch_size=20, **on
    ),
    "tsne_steps": lambda d, **on: large_tsne.tsne_steps(d["points"], perplexity=10, steps=20, exaggerated=8, **on),
    "width_steps": lambda d, **on: loss_landscape.width_steps((2, 4), 3, data=d["digits"], steps=30, every=10, **on),
    "zoom_steps": lambda d, **on: dream.zoom_steps(d["net"], d["wide"], "relu4", frames=3, steps=2, **on),
    # the other ways of the same methods
    "style_steps, L-BFGS": lambda d, **on: style.style_steps(
        d["net"], d["wide"], d["photo"], optimizer="L-BFGS", steps=5, **on
    ),
    "maximize_steps, MACO": lambda d, **on: feature_vis.maximize_steps(
        d["net"], "tabby", feature_vis.replaced("MACO", steps=5), **on
    ),
    "maximize_steps, pixels": lambda d, **on: feature_vis.maximize_steps(
        d["net"], "tabby", feature_vis.replaced("Yosinski 1", steps=5), **on
    ),
    "fooling_steps, gradient": lambda d, **on: fooling.fooling_steps(d["net"], "gradient", steps=3, **on),
    "tsne_steps, SNE": lambda d, **on: large_tsne.tsne_steps(
        d["points"], "sne", perplexity=10, steps=12, exaggerated=8, **on
    ),
}


def frozen(value):
    """Copy everything that a step holds into plain numbers."""
    if isinstance(value, Tensor):
        return value.dtype, tuple(value.shape), value.detach().cpu().clone()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, vizkit.ImageModel):
        return frozen(value.net)
    if isinstance(value, nn.Module):
        return frozen(value.state_dict())
    if isinstance(value, Mapping):
        return {key: frozen(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [frozen(one) for one in value]
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: frozen(getattr(value, name)) for name in names}
    return value


def same(one, other):
    if isinstance(one, Tensor):
        return torch.equal(one.nan_to_num(123), other.nan_to_num(123))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or (one != one and other != other)


def poison(value):
    """Overwrite every tensor that a step holds, as a careless reader of it could."""
    if isinstance(value, vizkit.ImageModel):
        poison(value.net.state_dict())
    elif isinstance(value, Tensor):
        value.detach().fill_(1)
    elif isinstance(value, Mapping):
        any(poison(one) for one in value.values())
    elif isinstance(value, (list, tuple)):
        any(poison(one) for one in value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        any(poison(getattr(value, field.name)) for field in dataclasses.fields(value))


def test_every_registered_method_is_tried_here():
    kit = {
        name: method
        for name, method in STEP_METHODS.items()
        if (method.function.__module__ or "").startswith("vizkit.")  # examples have no module
    }
    assert {name.partition(",")[0] for name in RUNS} == set(kit)
    assert {name for name, method in kit.items() if method.inexact} == INEXACT


@pytest.fixture(scope="module")
def whole(data):
    """Each run once: its steps, and what they held when they were yielded."""
    runs = {}

    def run(name):
        if name not in runs:
            steps, held = [], []
            for step in RUNS[name](data):
                steps.append(step)
                held.append(frozen(step))
            runs[name] = steps, held
        return runs[name]

    return run


@pytest.mark.parametrize("name", RUNS)
def test_a_step_never_changes(whole, name):
    steps, held = whole(name)
    assert len(steps) > 1, "a run of one step shows nothing"
    for step, before in zip(steps, held, strict=True):
        assert same(frozen(step), before), f"step {step.index} changed behind its reader's back"


@pytest.mark.parametrize("name", [one for one in RUNS if one.partition(",")[0] not in INEXACT])
def test_a_run_goes_on_behind_any_step_and_ends_where_it_would_have(data, whole, name):
    steps, held = whole(name)
    kept = steps[0], steps[len(steps) // 2], steps[-2]
    for step in kept:
        resumed = last(RUNS[name](data, resume=step))
        assert same(frozen(resumed), held[-1]), f"behind step {step.index} it ends elsewhere"
        assert same(frozen(step), held[steps.index(step)]), "resuming changed the step"


@pytest.mark.parametrize("name", [one for one in RUNS if one.partition(",")[0] not in INEXACT])
def test_a_step_shares_nothing_with_the_run(data, whole, name):
    _, held = whole(name)
    run, final = RUNS[name](data), None
    given = frozen(data["photo"]), frozen(data["pool"])
    for final in run:
        if final.index < final.total and len(held) > 1 and not same(frozen(final), held[-1]):
            poison(final)
    assert same(frozen(final), held[-1]), "the run stands on what its reader may overwrite"
    assert same((frozen(data["photo"]), frozen(data["pool"])), given)


def test_what_a_method_takes_under_way_it_takes_at_all():
    for name, one in STEP_METHODS.items():
        parameters = inspect.signature(one.function).parameters
        assert one.live <= parameters.keys(), name
        assert "resume" in parameters or not one.live, name
