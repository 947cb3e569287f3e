"""Panels that lay points and pictures out in the plane."""

from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.data import digit_labels, digits
from vizkit.figures.embedding import cost_line, scatter, thumbnail_grid, thumbnail_map
from vizkit.methods.embeddings import neighbor_accuracy, snap_to_grid
from vizkit.methods.large_tsne import KINDS, tsne_steps
from vizkit.methods.neighbors import code_layer, codes
from vizkit.methods.pca import pca
from vizkit.panels.common import patch_pool, patch_size
from vizkit.widgets import Layer, Model, OneOf, Pictures, Run, Slider, direct


def table(points: Tensor | None, labels: Tensor | None) -> tuple[Tensor, Tensor, str, str]:
    """Return points with a class each, and what one of them and its neighbor of the same is."""
    if points is None:
        return digits().flatten(1), digit_labels(), "digit", "the same digit"
    points = points.detach().cpu().flatten(1)
    labels = torch.zeros(len(points), dtype=torch.int64) if labels is None else labels
    if len(points) < 40 or labels.shape != (len(points),):
        raise ValueError(
            "points must be (N, d) with N of at least 40 and labels (N,), got "
            f"{tuple(points.shape)} and {tuple(labels.shape)}"
        )
    return points, labels, "point", "of its class"


@vizkit.remembered(8)
def accuracy_of_pca(points: Tensor, labels: Tensor) -> float:
    """Return how often a point's nearest neighbor on PCA's plane is of its class."""
    return neighbor_accuracy(pca(points, 2).projection, labels)


def most_perplexity(kind: str, count: int) -> int:
    """Return the largest perplexity that an algorithm takes for so many points."""
    return min(30 if kind == "openTSNE" else 100, count // 3 - 2)


@vizkit.panel("t-SNE, live", layout="map curve / map text", rate=25)
def tsne(
    kind: Annotated[str, OneOf(KINDS, label="algorithm")] = "tsne",
    count: Annotated[int, Slider(
        lambda points: min(100, len(table(points, None)[0])),
        lambda points: len(table(points, None)[0]), label="points", live=False,
    )] = 1000,
    perplexity: Annotated[int, Slider(2, most_perplexity, live=False)] = 30,
    rate: Annotated[float, Slider(0.05, 5.0, 0.05, label="learning rate")] = 1.0,
    exaggeration: Annotated[float, Slider(1.0, 20.0, 0.5)] = 12.0,
    exaggerated: Annotated[int, Slider(0, 500, 10, label="for steps")] = 120,
    steps: Annotated[int, Slider(50, 2000, 50)] = 500,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    points: Any = None,
    labels: Any = None,
    run: Run = direct,
) -> Any:  # fmt: skip
    """Points embedded while one looks; what moves the run, moves it from where it is."""
    points, labels, what, same = table(points, labels)
    some, of = points[:count], labels[:count]
    names = {one: str(one) for one in labels.unique().tolist()}
    for step in run(
        tsne_steps, some, kind, perplexity=perplexity, rate=rate, exaggeration=exaggeration,
        exaggerated=exaggerated, steps=steps, seed=seed,
    ):  # fmt: skip
        found, by_pca = neighbor_accuracy(step.embedding, of), accuracy_of_pca(some, of)
        yield (
            step,
            {
                "map": scatter(
                    step.embedding, of, f"{KINDS[kind]}, step {step.index}", names=names
                ),
                "curve": cost_line(step.iterations, step.costs, exaggerated),
                "text": f"A {what}'s nearest neighbor in the plane is {same} in **{found:.1%}** of "
                f"cases; on PCA's plane in {by_pca:.1%}.\nThe learning rate is {rate:g} times the "
                f"usual one: {step.learning_rate:g}.",
            },
        )


codes_of = vizkit.remembered(4)(codes)


@vizkit.panel("Pictures by their codes", rate=6)
def thumbnails(
    model: Model = "viznet",
    layer: Annotated[Any, Layer(of="model", first=code_layer, label="code of")] = None,
    pictures: Annotated[Any, Pictures()] = "bundled",
    count: Annotated[int, Slider(100, 900, 50, label="patches", live=False)] = 400,
    perplexity: Annotated[int, Slider(2, lambda count: min(60, count // 3), live=False)] = 20,
    places: Annotated[str, OneOf(("as they fall", "on a grid"))] = "on a grid",
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Pictures laid out by a layer's code, where they fall or each in a cell of its own."""
    pool = patch_pool(pictures, count, patch_size(model))
    code = codes_of(model, pool.patches, layer)
    for step in run(tsne_steps, code, perplexity=perplexity, exaggerated=120, steps=500, seed=seed):
        cells = snap_to_grid(step.embedding) if places == "on a grid" else step.embedding
        draw = thumbnail_grid if places == "on a grid" else thumbnail_map
        share = neighbor_accuracy(step.embedding, pool.picture)
        yield (
            step,
            {
                "map": draw(pool.pixels(slice(None)), cells),
                "text": f"step {step.index}, KL {step.cost:.3f}; the nearest neighbor is cut from the "
                f"same picture in **{share:.0%}** of cases",
            },
        )
