"""Panels that ask what in a picture made a network say so."""

from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.models import ImageModel, look_size, own_size
from vizkit.core.scenes import make_scenes
from vizkit.figures.attribution import (
    answer_chart,
    attribution_sheet,
    mask_sheet,
    remaining_chart,
    sanity_chart,
    scene_sheet,
    score_chart,
    top_bars,
    total_chart,
)
from vizkit.figures.pictures import fit, framed, overlay, photo
from vizkit.figures.raster import Raster
from vizkit.figures.texts import table
from vizkit.methods.attribution import attribute_steps
from vizkit.methods.gradients import Target, Unit, saliency
from vizkit.methods.localization import score_steps
from vizkit.methods.occlusion import OcclusionStep, occlude, occlusion_steps, strongest_map
from vizkit.methods.sanity import forget_steps, sanity_steps, weighted_layers
from vizkit.methods.segmentation import grab_cut
from vizkit.methods.visual_backprop import visual_backprop_masks
from vizkit.panels.common import PHOTO, maps_of, middle_layer, patch_pool, patch_size, top_class, unit_at
from vizkit.widgets import (
    Box,
    Channel,
    Class,
    Image,
    Layer,
    Model,
    On,
    OneOf,
    Picture,
    Pictures,
    Place,
    Point,
    Run,
    Slider,
    When,
    direct,
)

saliency_of = vizkit.remembered(4)(saliency)
strongest_of = vizkit.remembered(4)(strongest_map)


def unit_under(model: ImageModel, image: Tensor, layer: str, channel: int, at: Place | None) -> Unit:
    """Return the unit of a channel that looks at a place of the picture; the strongest for none."""
    if at is None:
        return Unit(layer, channel)
    row, column = unit_at(maps_of(model, image, layer).maps[channel], at)
    return Unit(layer, channel, row, column)


@vizkit.panel("Where it looks", rate=5, auto=True, layout="sheet / text")
def attributions(
    picture: Picture = "chelsea",
    model: Model = "viznet",
    target: Annotated[str | None, Class(of="model", none="most probable"), When(lambda layer: layer is None)] = None,
    layer: Annotated[str | None, Layer(of="model", none="the class", label="or a unit of")] = None,
    channel: Annotated[int, Channel(of="layer", live=False), When(lambda layer: layer is not None)] = 0,
    at: Annotated[Place | None, On("sheet", Point(tile=0)), When(lambda layer: layer is not None)] = None,
    colors: Annotated[str, OneOf(("size", "signed"))] = "size",
    clip: Annotated[float, Slider(80.0, 100.0, 0.5, unit="%")] = 99.0,
    *,
    run: Run = direct,
) -> Any:
    """Where each method looks: for a class, or for a unit.

    Shows
    -----
    sheet : click the picture to ask for the unit at that place
    """
    image = vizkit.load_image(picture, look_size(model))
    if layer is None:
        aim: Target = target or top_class(model, picture)
        what = "class"
    else:
        aim, what = unit_under(model, image, layer, channel, at), "unit"
    for step in run(attribute_steps, model, image, aim):
        failed = [one for one in step.found if one.problem]
        problems = "".join(f"\n**{one.method}**: {one.problem}" for one in failed)
        yield (
            step,
            {
                "sheet": attribution_sheet(image, step.found, signed=colors == "signed", percentile=clip, side=176),
                "text": f"What speaks for the {what} **{aim}**.{problems}",
            },
        )


@vizkit.remembered(2)
def cost_map(image: Tensor, step: OcclusionStep, label: str) -> Raster:
    """Draw what each place of the square costs: once a step, while the square is dragged."""
    alt = f"Where the square costs most: {label}"
    return fit(overlay(image, step.pixels().clamp(min=0), alt), PHOTO)


@vizkit.panel("The occluder", rate=6, auto=True, layout="covered map / bars bars")
def occluder(
    picture: Annotated[Any, Image(size=own_size)] = "coffee",
    model: Model = "viznet",
    target: Annotated[str | None, Class(of="model", none="most probable")] = None,
    at: Annotated[Place, On("covered", Point(square="share"))] = (0.38, 0.37),
    share: Annotated[float, Slider(0.1, 0.6, 0.05, label="square")] = 0.3,
    fill: Annotated[float, Slider(0.0, 1.0, 0.05, label="gray")] = 0.5,
    *,
    run: Run = direct,
) -> Any:
    """What does covering a square cost the answer?

    Shows
    -----
    covered : drag the square
    map : what each place of the square costs
    """
    height, width = picture.shape[1:]
    side = max(2, round(share * min(height, width)))
    left, top = (
        min(max(round(at[axis] * length - side / 2), 0), length - side) for axis, length in enumerate((width, height))
    )
    covered = occlude(picture, top, left, patch=side, fill=fill)
    for step in run(
        occlusion_steps, model, picture, target, patch=side, stride=max(1, side // 5), fill=fill, batch_size=16
    ):
        label, shares = model.labels[step.target], dict(model.answers(covered, len(model.labels)))
        title = f"{label}: {step.probability:.1%} → {shares[label]:.1%}"
        alt = f"The picture with a gray square at {left}, {top}; {title}"
        yield (
            step,
            {
                "covered": fit(photo(covered, alt), PHOTO),
                "map": cost_map(picture, step, label),
                "bars": top_bars(list(shares.items())[:5], title, label),
            },
        )


@vizkit.panel("Three maps of one square", rate=3, auto=True, layout="picture remaining / total answer")
def square_maps(
    picture: Annotated[Any, Image(size=own_size)] = "chelsea",
    model: Model = "viznet",
    target: Annotated[str | None, Class(of="model", none="most probable")] = None,
    layer: Annotated[Any, Layer(of="model", maps=True, first=middle_layer)] = None,
    share: Annotated[float, Slider(0.1, 0.6, 0.05, live=False, label="square")] = 0.35,
    fill: Annotated[float, Slider(0.0, 1.0, 0.05, live=False, label="gray")] = 0.5,
    *,
    run: Run = direct,
) -> Any:
    """What is left of the class, of the layer's strongest map, and what is seen instead, by place of the square."""
    side = max(2, round(share * min(picture.shape[1:])))
    covering = {"patch": side, "stride": max(1, side // 6), "fill": fill}
    strongest = strongest_of(model, picture, layer, **covering)
    for step in run(occlusion_steps, model, picture, target, **covering, batch_size=64):
        yield (
            step,
            {
                "picture": fit(photo(picture, "The picture"), PHOTO),
                "remaining": remaining_chart(step, model.labels[step.target]),
                "total": total_chart(strongest, layer),
                "answer": answer_chart(step, model.labels),
            },
        )


@vizkit.panel("The object, grown from the saliency")
def cut_out(
    picture: Picture = "china",
    model: Model = "viznet-robust",
    target: Annotated[str | None, Class(of="model", none="most probable")] = None,
    foreground: Annotated[float, Slider(0.5, 0.99, 0.01, label="surely object")] = 0.95,
    background: Annotated[float, Slider(0.01, 0.49, 0.01, label="surely ground")] = 0.3,
    smooth: Annotated[float, Slider(0.5, 8.0, 0.5, unit="px")] = 3.0,
    box: Annotated[tuple[float, float, float, float], On("saliency", Box)] = (0.0, 0.0, 1.0, 1.0),
) -> Any:
    """A saliency map tells GrabCut what colors the object has; a box tells it what the ground has.

    Shows
    -----
    saliency : the saliency map: drag a box around the object
    cut : GrabCut, and the box around it
    """
    image = vizkit.load_image(picture, look_size(model))
    heat = saliency_of(model, image, target or top_class(model, picture))
    segment = grab_cut(image, heat, foreground=foreground, background=background, smooth=smooth, box=box)
    seen = torch.where(segment.mask, image, image.mean(0) * 0.35 + 0.6)
    share = float(segment.mask.double().mean())
    cut = photo(seen, f"The object cut out: {share:.0%} of the picture")
    height, width = image.shape[1:]
    around = (round(box[0] * width), round(box[1] * height), round(box[2] * width), round(box[3] * height))
    return segment, {
        "saliency": framed(overlay(image, heat, "The saliency map"), around, PHOTO),
        "cut": framed(cut, segment.box, PHOTO) if share else fit(cut, PHOTO),
    }


scenes_of = vizkit.remembered(2)(make_scenes)


@vizkit.panel("Against the truth", rate=2, layout="chart table / scenes scenes")
def scores(
    count: Annotated[int, Slider(20, 500, 20, live=False, label="scenes")] = 160,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Every method scored on scenes whose truth is known."""
    model, scenes = vizkit.load_model("scenes"), scenes_of(count, seed=100 + seed)
    for step in run(score_steps, model, scenes, batch_size=10):
        yield (
            step,
            {
                "chart": score_chart(step),
                "table": table(
                    ("method", "pointing game", "IoU", "energy inside"),
                    [
                        (name, f"{step.pointing[name]:.2f}", f"{step.overlap[name]:.2f}", f"{step.inside[name]:.2f}")
                        for name in step.overlap
                    ],
                ),
                "scenes": scene_sheet(scenes),
            },
        )


@vizkit.panel("Forget and look again", rate=5, auto=True, layout="sheet / text")
def forgetting(
    picture: Picture = "chelsea",
    model: Model = "viznet",
    count: Annotated[int, Slider(0, lambda model: len(weighted_layers(model)), live=False, label="layers")] = 3,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    clip: Annotated[float, Slider(80.0, 100.0, 0.5, unit="%")] = 99.0,
    *,
    run: Run = direct,
) -> Any:
    """Forget layers from the top, and see which maps notice."""
    image, aim = vizkit.load_image(picture, look_size(model)), top_class(model, picture)
    forgotten = ", ".join(weighted_layers(model)[:count]) or "nothing"
    for step in run(forget_steps, model, image, aim, count, seed=seed):
        captions = [f"{one.method} {value:.2f}" for one, value in zip(step.found, step.correlation, strict=True)]
        yield (
            step,
            {
                "sheet": attribution_sheet(image, step.found, percentile=clip, captions=captions, side=176),
                "text": f"Forgotten: **{forgotten}**. The number is the rank correlation with the trained net's map.",
            },
        )


@vizkit.panel("Forget everything, layer by layer", rate=5, layout="chart")
def sanity(
    model: Model = "viznet",
    count: Annotated[int, Slider(5, 50, 5, live=False, label="pictures")] = 20,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    pictures: Annotated[Any, Pictures(label="crops of")] = "bundled",
    *,
    run: Run = direct,
) -> Any:
    """How alike do the maps stay while the network forgets, over many pictures?"""
    images = patch_pool(pictures, count, patch_size(model)).patches.float() / 255
    for step in run(sanity_steps, model, images, seed=seed):
        yield step, {"chart": sanity_chart(step, weighted_layers(model))}


@vizkit.panel("VisualBackProp, layer by layer")
def masks(picture: Picture = "chelsea", model: Model = "viznet") -> Any:
    """The mean map of each layer, and what is left of it where the deeper ones agree.

    Shows
    -----
    sheet : above the averaged maps, below the masks: each is its map times the mask to its right
    """
    image = vizkit.load_image(picture, look_size(model))
    found = visual_backprop_masks(model, image)
    return found, {"sheet": mask_sheet(image, found)}
