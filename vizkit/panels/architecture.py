"""Panels of whole networks: their blocks, and how far they have come."""

from math import prod
from typing import Annotated, Any

import vizkit
from vizkit.core.models import ImageModel, own_size
from vizkit.figures.architecture import network_blocks, progress_chart, stage_bars
from vizkit.figures.attribution import top_bars
from vizkit.figures.grids import activation_grid
from vizkit.methods.architecture import YEARS, KnownNetwork, Stage, known_networks, layer_costs, stages, structure
from vizkit.panels.common import maps_of, own_answers
from vizkit.widgets import Model, On, OneOf, Picture, Slider, Tile

known = vizkit.remembered(1)(known_networks)


@vizkit.remembered(4)
def stages_of(model: ImageModel) -> list[Stage]:
    """Return a network's stages."""
    return stages(layer_costs(model))


HERE = "the network above"
#: Networks whose structure is shown without their weights.
STRUCTURES = ("alexnet", "vgg16", "googlenet", "resnet18", "resnet101", "densenet121", "squeezenet1_1")


def shown_network(model: ImageModel, net: str) -> ImageModel:
    """Return the network whose blocks are drawn."""
    return model if net == HERE else structure(net)


def last_stage(model: ImageModel, net: str) -> int:
    """Return the number of a network's last stage."""
    return len(stages_of(shown_network(model, net))) - 1


def channels_of(model: ImageModel, picture: Any, layer: str) -> Any:
    """Draw every channel of a layer on a picture; of a layer without places what the network says."""
    maps = maps_of(model, vizkit.load_image(picture, own_size(model)), layer)
    if maps.maps[0].numel() > 1:
        return activation_grid(maps)
    return top_bars(own_answers(model, picture), f"{model.name} says, at {model.input_size} px")


@vizkit.panel("A network as blocks", layout="blocks blocks / grid chart / text text")
def blocks(
    picture: Picture = "chelsea",
    model: Model = "viznet",
    net: Annotated[str, OneOf((HERE, *STRUCTURES), label="blocks of")] = HERE,
    stage: Annotated[int, On("blocks", Tile), Slider(0, last_stage)] = 4,
) -> Any:
    """The shape of all that a network computes, to scale, and what it costs.

    Shows
    -----
    blocks : as high as the maps, as long as there are channels; darker: more products. Click one
    grid : every channel of the stage's last layer on the picture
    """
    drawn = shown_network(model, net)
    found = stages_of(drawn)
    one = found[stage]
    parameters, products = sum(each.parameters for each in found), sum(each.products for each in found)
    shape = " x ".join(map(str, one.shape))
    grid = "Without its weights there is nothing to see in it."
    if net == HERE:
        grid = channels_of(model, picture, one.last)
    return found, {
        "blocks": network_blocks(found, stage),
        "chart": stage_bars(found, stage),
        "text": f"**{drawn.name}**: {parameters:,} parameters, {products:,} products for a picture of "
        f"{drawn.input_size} px\n"
        f"stage {stage}, up to **{one.last}**: {one.layers} layers, {shape} = {prod(one.shape):,} numbers, "
        f"{one.parameters:,} parameters ({one.parameters / max(parameters, 1):.0%}), {one.products:,} products "
        f"({one.products / max(products, 1):.0%})",
        "grid": grid,
    }


@vizkit.panel("Progress after AlexNet", layout="chart / text")
def progress(
    axis: Annotated[str, OneOf(("year", "parameters", "operations"))] = "year",
    family: Annotated[str, OneOf(tuple(YEARS))] = "resnet",
) -> Any:
    """Networks that torchvision has weights for, from the cards that come with it."""
    found = known()
    ones = [one for one in found if one.family == family]
    first = next(one for one in found if one.family == "alexnet")
    best = max(ones, key=lambda one: one.accuracy)
    smaller = [one for one in found if one.parameters < first.parameters and one.accuracy > first.accuracy]
    return found, {
        "chart": progress_chart(found, axis, family),
        "text": f"{told(best)}\n{told(first)}\n"
        f"{len(smaller)} of {len(found)} are better than AlexNet with fewer parameters",
    }


def told(one: KnownNetwork) -> str:
    """Say what a network's card says."""
    return (
        f"**{one.name}** ({one.year}): {one.accuracy:.1%} top-1, {one.parameters / 1e6:.1f} million parameters, "
        f"{one.operations:.2f} billion products"
    )
