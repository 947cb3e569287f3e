"""Panels that fool a network."""

from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.models import ImageModel, square_size
from vizkit.figures.attribution import top_bars
from vizkit.figures.fooling import amplification, attack_sheet, dimension_chart, example_table, flip_strip
from vizkit.figures.pictures import boxes, fit, photo, sheet
from vizkit.figures.raster import Html
from vizkit.figures.texts import markup
from vizkit.methods.adversarial import ATTACKS, Attack, LbfgsStep, lbfgs_steps
from vizkit.methods.fooling import fooling_steps
from vizkit.methods.linear_example import SLIDE_W, SLIDE_X, linear_example, random_example
from vizkit.methods.one_pixel import one_pixel_steps
from vizkit.methods.patch import Placements, paste_patch, patch_steps
from vizkit.panels.common import PHOTO, patch_pool
from vizkit.widgets import Class, Image, Model, Numbers, On, OneOf, Place, Point, Run, Slider, direct

#: Attacks of the panel, each with its method and norm.
CHOICES = {
    "FGSM": ("FGSM", "Linf"),
    "PGD": ("PGD", "Linf"),
    "PGD, L2": ("PGD", "L2"),
    "linear step, L2": ("FGSM", "L2"),
    "random noise": ("random noise", "Linf"),
}
#: Under L2, an epsilon is this many times as long: the same change in a few hundred numbers.
L2_FACTOR = 50.0
#: At which an attack is tried for the table, in 1/255.
EPSILONS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


def attacked(model: ImageModel, picture: Tensor, attack: str, target: str | None, epsilon: float) -> Attack:
    """Attack one picture, epsilon in 1/255."""
    name, norm = CHOICES[attack]
    length = epsilon / 255 * (L2_FACTOR if norm == "L2" else 1)
    return ATTACKS[name](model, picture[None], epsilon=length, norm=norm, target=target)


@vizkit.remembered(32)
def flips(model: ImageModel, picture: Tensor, attack: str, target: str | None) -> Html:
    """Write what the net answers for every epsilon."""
    found = [model.answers(attacked(model, picture, attack, target, epsilon).images[0], 1)[0] for epsilon in EPSILONS]
    names, shares = [name for name, _ in found], [share for _, share in found]
    return flip_strip(EPSILONS, names, shares, model.answers(picture, 1)[0][0])


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
    before, after = model.answers(picture, most), model.answers(found.images[0], most)
    norm = CHOICES[attack][1]
    length = epsilon * (L2_FACTOR if norm == "L2" else 1)
    return found, {
        "pictures": attack_sheet(picture, found.images[0]),
        "before": top_bars(before, "the picture", before[0][0]),
        "after": top_bars(after, f"the sum, {norm} {length:g}/255", after[0][0]),
        "flips": flips(model, picture, attack, target),
    }


@vizkit.panel("The shortest change to a label", auto=True, rate=4, layout="sums / added / text")
def shortest(
    picture: Annotated[Any, Image(size=square_size)] = "coffee",
    model: Model = "viznet",
    target: Annotated[str, Class(of="model")] = "goldfish",
    first: Annotated[int, Slider(-4, 6, live=False, label="first c: 2^")] = 4,
    steps: Annotated[int, Slider(5, 100, 5, live=False)] = 40,
    *,
    run: Run = direct,
) -> Any:
    """Look by L-BFGS for changes to a wanted label, at five prices c of their length.

    Shows
    -----
    sums : the picture with the change that each c finds
    added : the changes, all amplified alike
    """
    costs = [2.0 ** (first - 2 * index) for index in range(5)]
    for step in run(lbfgs_steps, model, picture, target, costs, steps=steps):
        change = step.images - picture
        added = 0.5 + amplification(change) * change
        shares = [f"{share:.1%} {target}" for share in step.probability.tolist()]
        lengths = [f"c = {c:g}: length {r:.2f}" for c, r in zip(step.cost.tolist(), step.length.tolist(), strict=True)]
        yield (
            step,
            {
                "sums": sheet(
                    step.images, f"The picture with changes towards {target}", side=140, columns=5, captions=shares
                ),
                "added": sheet(added, f"The changes towards {target}", side=140, columns=5, captions=lengths),
                "text": flipping(step, target),
            },
        )


def flipping(step: LbfgsStep, target: str) -> str:
    """Say which of the changes is the shortest that wins."""
    won = step.length[step.success]
    if not len(won):
        return f"no c so far makes it a **{target}**"
    return f"the shortest change so far that makes it a **{target}** has length {float(won.min()):.2f}"


@vizkit.panel("The sticker", rate=6, layout="pasted patch / bars bars / text text")
def sticker(
    picture: Annotated[Any, Image(size=square_size)] = "chelsea",
    model: Model = "viznet",
    target: Annotated[str, Class(of="model")] = "goldfish",
    steps: Annotated[int, Slider(20, 1000, 20, live=False)] = 200,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    at: Annotated[Place, On("pasted", Point(square="scale"))] = (0.7, 0.7),
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
        top = model.answers(pasted.clamp(0, 1), min(5, len(model.labels)))
        yield (
            step,
            {
                "pasted": fit(photo(pasted, "The picture with the sticker"), PHOTO),
                "patch": fit(photo(step.patch, f"A sticker for {target}"), 180),
                "bars": top_bars(top, f"{model.name} sees", target),
                "text": f"step {step.index}: it won {step.success:.0%} of this step's placements",
            },
        )


@vizkit.panel("A little in every direction", layout="table / chart")
def linear(
    x: Annotated[Any, Numbers()] = SLIDE_X,
    w: Annotated[Any, Numbers()] = SLIDE_W,
    epsilon: Annotated[float, Slider(0.0, 2.0, 0.05, label="step")] = 0.5,
    power: Annotated[float, Slider(1.0, 4.0, 0.25, label="10 to the")] = 1.0,
) -> Any:
    """The slides' ten dimensions, and as many as one likes."""
    if power == 1:
        found = linear_example(torch.tensor(x), torch.tensor(w), epsilon)
    else:
        found = random_example(round(10**power), epsilon)
    sizes = [10, 32, 100, 316, 1000, 3162, 10_000]
    moved = [random_example(size, epsilon).moved_score for size in sizes]
    return found, {
        "table": Html(f"{len(found.x)} dimensions<br>{example_table(found)}"),
        "chart": dimension_chart(sizes, moved),
    }


def pixel_boxes(pixels: Tensor, scale: float) -> list[tuple[int, int, int, int]]:
    """Return a frame around each changed pixel, in pixels of the enlarged picture."""
    return [
        (
            round(column * scale - 4),
            round(row * scale - 4),
            round((column + 1) * scale + 4),
            round((row + 1) * scale + 4),
        )
        for row, column in pixels[:, :2].floor().tolist()
    ]


@vizkit.panel("One pixel", rate=4, layout="picture bars")
def one_pixel(
    picture: Annotated[Any, Image(size=square_size)] = "chelsea",
    model: Model = "viznet",
    target: Annotated[str | None, Class(of="model", none="any other")] = None,
    pixels: Annotated[int, Slider(1, 20, live=False)] = 1,
    population: Annotated[int, Slider(20, 400, 20, live=False)] = 400,
    generations: Annotated[int, Slider(5, 75, live=False)] = 75,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Pixels that change the answer, found by evolution."""
    for step in run(
        one_pixel_steps,
        model,
        picture,
        target=target,
        pixels=pixels,
        population=population,
        generations=generations,
        seed=seed,
    ):
        now = model.answers(step.image, min(5, len(model.labels)))
        large = fit(photo(step.image, "The picture with its changed pixels"), PHOTO)
        said = "It is fooled." if step.success else "Not yet."
        bars = top_bars(now, f"{said} {step.queries:,} questions asked", now[0][0])
        share = markup(f"P({target or 'its true class'}) = {step.probability:.1%}")
        marks = pixel_boxes(step.pixels, PHOTO / step.image.shape[2])
        yield step, {"picture": boxes(large, marks, width=2), "bars": Html(bars + share)}


@vizkit.panel("Pictures of nothing", rate=3, layout="pictures / text")
def nothing(
    model: Model = "viznet",
    kind: Annotated[Any, OneOf(("CPPN", "direct", "gradient"), label="by")] = "CPPN",
    steps: Annotated[int, Slider(20, 2000, 20, live=False)] = 300,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Pictures of nothing that the network is sure of, for all classes at once."""
    for step in run(fooling_steps, model, kind, steps=steps, seed=seed):
        order = step.confidence.argsort(descending=True)[:24]
        captions = [f"{step.confidence[i]:.1%} {model.labels[i]}" for i in order.tolist()]
        alt = "Pictures of nothing: " + ", ".join(captions)
        sure = float((step.confidence > 0.99).float().mean())
        yield (
            step,
            {
                "pictures": sheet(step.images[order], alt, side=104, columns=6, captions=captions),
                "text": f"step {step.index}: more than 99 % sure of **{sure:.1%}** of "
                f"{len(model.labels)} classes; median {float(step.confidence.median()):.1%}",
            },
        )
