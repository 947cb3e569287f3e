"""Panels that fool a network."""

from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.models import ImageModel, square_size
from vizkit.figures.attribution import top_bars
from vizkit.figures.fooling import attack_sheet, flip_strip
from vizkit.figures.pictures import fit, photo
from vizkit.figures.raster import Html
from vizkit.methods.adversarial import ATTACKS, Attack
from vizkit.methods.patch import Placements, paste_patch, patch_steps
from vizkit.panels.common import PHOTO, patch_pool
from vizkit.widgets import (
    Class,
    Image,
    Model,
    On,
    OneOf,
    Place,
    Point,
    Run,
    Slider,
    direct,
)

#: Attacks of the panel, each with its method and norm.
CHOICES = {
    "FGSM": ("FGSM", "Linf"), "PGD": ("PGD", "Linf"), "PGD, L2": ("PGD", "L2"),
    "linear step, L2": ("FGSM", "L2"), "random noise": ("random noise", "Linf"),
}  # fmt: skip
#: Under L2, an epsilon is this many times as long: the same change in a few hundred numbers.
L2_FACTOR = 50.0
#: At which an attack is tried for the table, in 1/255.
EPSILONS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


def attacked(
    model: ImageModel, picture: Tensor, attack: str, target: str | None, epsilon: float
) -> Attack:
    """Attack one picture, epsilon in 1/255."""
    name, norm = CHOICES[attack]
    length = epsilon / 255 * (L2_FACTOR if norm == "L2" else 1)
    return ATTACKS[name](model, picture[None], epsilon=length, norm=norm, target=target)


@vizkit.remembered(32)
def flips(model: ImageModel, picture: Tensor, attack: str, target: str | None) -> Html:
    """Write what the net answers for every epsilon."""
    found = [
        model.top(attacked(model, picture, attack, target, epsilon).images[0], 1)[0]
        for epsilon in EPSILONS
    ]
    names, shares = [name for name, _ in found], [share for _, share in found]
    return flip_strip(EPSILONS, names, shares, model.top(picture, 1)[0][0])


@vizkit.panel("Attack", layout="pictures pictures / before flips / after flips")
def attack(
    picture: Annotated[Any, Image(size=square_size)] = "coffee",
    model: Model = "viznet",
    attack: Annotated[str, OneOf(tuple(CHOICES))] = "PGD",
    target: Annotated[str | None, Class(of="model", none="any other")] = None,
    epsilon: Annotated[float, Slider(0.0, 16.0, 0.25, unit="/255")] = 8.0,
) -> Any:
    """Change a picture until the answer changes."""
    found = attacked(model, picture, attack, target, epsilon)
    most = min(5, len(model.labels))
    before, after = model.top(picture, most), model.top(found.images[0], most)
    norm = CHOICES[attack][1]
    length = epsilon * (L2_FACTOR if norm == "L2" else 1)
    return found, {
        "pictures": attack_sheet(picture, found.images[0]),
        "before": top_bars(before, "the picture", before[0][0]),
        "after": top_bars(after, f"the sum, {norm} {length:g}/255", after[0][0]),
        "flips": flips(model, picture, attack, target),
    }


@vizkit.panel("The sticker", rate=6, layout="pasted patch / bars bars / text text")
def sticker(
    picture: Annotated[Any, Image(size=square_size)] = "chelsea",
    model: Model = "viznet",
    target: Annotated[str, Class(of="model")] = "goldfish",
    steps: Annotated[int, Slider(20, 1000, 20, live=False)] = 200,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    at: Annotated[Place, On("pasted", Point)] = (0.7, 0.7),
    scale: Annotated[float, Slider(0.1, 1.0, 0.05)] = 0.4,
    angle: Annotated[float, Slider(-45.0, 45.0, 2.5, label="turn", unit="°")] = 0.0,
    *,
    practice: Annotated[int, Slider(40, 1000, 40, live=False)] = 400,
    run: Run = direct,
) -> Any:
    """Train a round sticker that wins wherever it is put.

    Shows
    -----
    pasted : drag the sticker
    patch : the sticker itself
    """
    pool = patch_pool("bundled", practice, model.input_size)
    where = Placements(*(torch.tensor([value]) for value in (*at, scale, angle)))
    for step in run(patch_steps, model, pool.pixels(slice(None)), target, steps=steps, seed=seed):
        pasted = paste_patch(picture[None], step.patch, where)[0]
        top = model.top(pasted.clamp(0, 1), min(5, len(model.labels)))
        yield (
            step,
            {
                "pasted": fit(photo(pasted, "The picture with the sticker"), PHOTO),
                "patch": fit(photo(step.patch, f"A sticker for {target}"), 180),
                "bars": top_bars(top, f"{model.name} sees", target),
                "text": f"step {step.index}: it won {step.success:.0%} of this step's placements",
            },
        )
