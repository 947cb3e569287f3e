"""Panels from the eye to the filter: receptors, a bar to turn, Gabor patches."""

from typing import Annotated, Any

import torch

import vizkit
from vizkit.core.models import ImageModel, map_layers
from vizkit.core.seeds import generator
from vizkit.figures.convolution import gray_map
from vizkit.figures.eye import beside_gabors, polar_tuning, selectivity_bars, sensitivity_chart
from vizkit.figures.pictures import photo, sheet
from vizkit.methods.activations import activations
from vizkit.methods.eye import PEAKS, bar_picture, cones_and_rods, fit_gabors, orientation_tuning, pigment_sensitivity
from vizkit.methods.filters import filters
from vizkit.methods.kernels import gaussian_kernel, same_correlate
from vizkit.panels.convolution import varied
from vizkit.widgets import Channel, Image, Layer, Model, Slider

#: A channel is called oriented from this selectivity on.
ORIENTED = 0.3


@vizkit.panel("A photo, as receptors see it", layout="seen seen / chart text")
def receptors(picture: Annotated[Any, Image(size=(240, 240))] = "color wheel") -> Any:
    """What a photo is to the eye: the answers of three kinds of cones, and of rods.

    Shows
    -----
    seen : how strongly each kind is excited, by a model of colors in daylight; white excites all alike
    chart : of their pigments
    """
    varied(picture)  # of a flat one nothing can be said
    found = cones_and_rods(picture)
    wavelengths = torch.arange(380.0, 701.0, 2.0)
    curves = {name: pigment_sensitivity(peak, wavelengths) for name, peak in PEAKS.items()}
    pictures = torch.cat([picture[None], found.clamp(0, 1)[:, None].expand(-1, 3, -1, -1)])
    alike = torch.corrcoef(found[:3].flatten(1))
    alt = "A photo, and how strongly it excites L, M and S cones and rods"
    return found, {
        "seen": sheet(pictures, alt, side=178, columns=5, captions=["the photo", *PEAKS]),
        "chart": sensitivity_chart(wavelengths, curves),
        "text": f"Over this photo the answers of L and M cones correlate by **{alike[0, 1]:.2f}**, of L and S by "
        f"**{alike[0, 2]:.2f}**. Where rods are all that works, at night, there is one number in a pixel: no color.",
    }


tuning_of = vizkit.remembered(8)(orientation_tuning)


def early_layer(model: ImageModel) -> str:
    """Return the first layer with maps behind a ReLU, or the first one."""
    names = map_layers(model)
    return next((name for name in names if "relu" in name.lower()), names[0])


@vizkit.panel("A bar to turn", layout="bar map curve / spread spread text")
def tuning(
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", maps=True, first=early_layer)] = None,
    channel: Annotated[int, Channel(of="layer")] = 35,
    angle: Annotated[float, Slider(0.0, 180.0, 7.5, unit="°")] = 45.0,
    width: Annotated[float, Slider(1.0, 16.0, 1.0, unit="px")] = 4.0,
) -> Any:
    """Which orientation does a channel answer to? Hubel and Wiesel's experiment, with a network for the cat.

    Shows
    -----
    bar : what the network sees
    map : how the channel answers
    curve : its answers to bars of all angles; 0° lies flat, 90° stands
    spread : of all channels of the layer, how selective each is; orange: this one
    """
    found = tuning_of(model, layer, width=width)
    shown = bar_picture(angle, model.input_size, width)
    answer = activations(model, shown, layer).maps[channel]
    selectivity = found.selectivity
    silent = float((found.responses.amax(1) == 0).float().mean())
    share = float((selectivity > ORIENTED).float().mean())
    return found, {
        "bar": photo(torch.nn.functional.interpolate(shown[None], (240, 240))[0], f"A bar at {angle:g}°"),
        "map": gray_map(answer, f"Channel {channel} of {layer}", width=240, crisp=True),
        "curve": polar_tuning(found, channel, angle),
        "spread": selectivity_bars(selectivity, channel, ORIENTED),
        "text": f"channel {channel} answers most at **{found.preferred[channel]:g}°**, its selectivity is "
        f"**{selectivity[channel]:.2f}**\n{share:.0%} of the {len(selectivity)} channels of {layer} are oriented "
        f"(above {ORIENTED:g}); {silent:.0%} answer to no bar",
    }


gabors_of = vizkit.remembered(4)(fit_gabors)


@vizkit.remembered(4)
def first_weights(model: ImageModel) -> torch.Tensor:
    """Return the filters of a net's first layer.

    Raises
    ------
    ValueError
        If it does not see colors, or its filters have fewer than 3 pixels a side.
    """
    weight = filters(model).weight
    if weight.shape[1] != 3 or min(weight.shape[2:]) < 3 or weight.shape[2] != weight.shape[3]:
        raise ValueError(f"filters must be square, of 3 px or more, and see colors, got {tuple(weight.shape)}")
    return weight


@vizkit.panel("Filters, and the Gabors nearest to them", layout="filters gabors / text text")
def gabors(model: Model = "viznet", count: Annotated[int, Slider(8, 64, 8)] = 48) -> Any:
    """The first layer of a network beside waves under a Gaussian, the best of some thousand for each filter.

    Shows
    -----
    filters : the most like a Gabor first
    gabors : the share of each filter that its Gabor explains
    """
    weight = first_weights(model)
    fit = gabors_of(weight)
    left, right = beside_gabors(weight, fit, count)
    noise = torch.randn(weight.shape, generator=generator(0))
    smooth = torch.stack([same_correlate(one, gaussian_kernel(7, 1.0)) for one in noise.flatten(0, 1)])
    rivals = [float(gabors_of(one).explained.median()) for one in (noise, smooth.view_as(noise))]
    return fit, {
        "filters": left,
        "gabors": right,
        "text": f"A Gabor explains **{float(fit.explained.median()):.0%}** of the median filter's square length, "
        f"and {rivals[0]:.0%} of a filter of noise, {rivals[1]:.0%} of noise smoothed by 1 px.",
    }
