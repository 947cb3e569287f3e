"""Panels that lay points and pictures out in the plane."""

from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.data import CLOUDS, clouds, digit_labels, digits
from vizkit.core.steps import last
from vizkit.figures.embedding import (
    cost_line,
    crowding_chart,
    neighborhood_chart,
    scatter,
    search_chart,
    small_multiples,
    thumbnail_grid,
    thumbnail_map,
    timing_chart,
)
from vizkit.methods.embeddings import class_gaps, class_sizes, dbscan, hdbscan, neighbor_accuracy, snap_to_grid
from vizkit.methods.large_tsne import KINDS, timing_steps, tsne_steps
from vizkit.methods.neighbors import code_layer
from vizkit.methods.pca import pca
from vizkit.methods.tsne import (
    ball_distances,
    conditional_probabilities,
    embedding_steps,
    perplexities,
    sigma_search,
    targets,
)
from vizkit.panels.common import codes_of, patch_pool, patch_size
from vizkit.widgets import Layer, Measured, Model, OneOf, Pictures, Run, Slider, When, direct


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
    count: Annotated[
        int,
        Slider(
            lambda points: min(100, len(table(points, None)[0])),
            lambda points: len(table(points, None)[0]),
            label="points",
            live=False,
        ),
    ] = 1000,
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
) -> Any:
    """Points embedded while one looks; what moves the run, moves it from where it is."""
    points, labels, what, same = table(points, labels)
    some, of = points[:count], labels[:count]
    names = {one: str(one) for one in labels.unique().tolist()}
    for step in run(
        tsne_steps,
        some,
        kind,
        perplexity=perplexity,
        rate=rate,
        exaggeration=exaggeration,
        exaggerated=exaggerated,
        steps=steps,
        seed=seed,
    ):
        found, by_pca = neighbor_accuracy(step.embedding, of), accuracy_of_pca(some, of)
        yield (
            step,
            {
                "map": scatter(step.embedding, of, f"{KINDS[kind]}, step {step.index}", names=names),
                "curve": lambda: cost_line(step.iterations, step.costs, exaggerated),
                "text": f"A {what}'s nearest neighbor in the plane is {same} in **{found:.1%}** of "
                f"cases; on PCA's plane in {by_pca:.1%}.\nThe learning rate is {rate:g} times the "
                f"usual one: {step.learning_rate:g}.",
            },
        )


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
                "text": f"step {step.index}, KL {step.cost:.3f}; the nearest neighbor is cut from "
                f"the same picture in **{share:.0%}** of cases",
            },
        )


@vizkit.remembered(1)
def two_densities() -> Tensor:
    """Return a dense and a sparse cloud in the plane: sigma must differ between them."""
    return clouds("two densities", 200, seed=3)[0]


@vizkit.panel("Perplexity: how many neighbors", layout="chart / search")
def neighborhood(
    perplexity: Annotated[int, Slider(2, 100)] = 20, index: Annotated[int, Slider(0, 199, label="point i")] = 0
) -> Any:
    """The search for sigma gives each point that many neighbors."""
    points = two_densities()
    found = conditional_probabilities(points, perplexity)
    tried, neighbors = sigma_search(points, perplexity)
    sigma, scale = tried[-1], torch.logspace(-2, 1, 200)
    curve = (scale, perplexities(points, index, scale))
    return found, {
        "chart": neighborhood_chart(points, found, sigma, index),
        "search": search_chart(tried[:, index], neighbors[:, index], perplexity, curve),
    }


@vizkit.panel("The crowding problem", layout="chart / text")
def crowding(
    closeness: Annotated[float, Slider(0.01, 0.99, 0.01)] = 0.1, dimension: Annotated[int, Slider(1, 100)] = 20
) -> Any:
    """Why a pair in the plane needs a heavier tail."""
    distances = ball_distances(dimension)
    low, high = torch.quantile(distances, torch.tensor([0.05, 0.95])).tolist()
    lesson = (
        "In the plane so many points cannot all be equally far from each other."
        if dimension > 2
        else "The plane has room for that: nothing is crowded yet."
    )
    return distances, {
        "chart": crowding_chart(closeness, distances, dimension),
        "text": f"In {dimension} dimension{'s' * (dimension > 1)} nine of ten pairs lie between **{low:.2f}** and "
        f"**{high:.2f}** apart: a factor of {high / low:.1f}. {lesson}",
    }


@vizkit.panel("Clusters by density", layout="map / text")
def clusters(
    points: Any,
    labels: Any,
    algorithm: Annotated[str, OneOf(("DBSCAN", "HDBSCAN"))] = "DBSCAN",
    radius: Annotated[float, Slider(0.2, 10.0, 0.1), When(lambda algorithm: algorithm == "DBSCAN")] = 3.0,
    smallest: Annotated[
        int, Slider(2, lambda points: min(200, len(points))), When(lambda algorithm: algorithm == "HDBSCAN")
    ] = 25,
    nearest: Annotated[int, Slider(1, lambda points: min(50, len(points)), label="neighbors")] = 5,
) -> Any:
    """What density finds in an embedding, compared with the true classes."""
    if algorithm == "DBSCAN":
        found = dbscan(points, radius=radius, neighbors=nearest)
    else:
        found = hdbscan(points, smallest=smallest, neighbors=nearest)
    # Ten colors in turn; which class a cluster is has no meaning.
    colors = torch.where(found.labels < 0, -1, found.labels % 10)
    names = {color: f"cluster {color}" for color in range(-1, 10)}
    title = f"{found.count} clusters, {found.noise:.0%} noise (gray)"
    chart = scatter(points, colors, title, names=names, width=560).update_layout(showlegend=False)
    return found, {
        "map": chart,
        "text": "Agreement with the true classes (adjusted Rand index): "
        f"**{found.agreement(labels):.2f}**; 1 is the same, 0 is chance.",
    }


@vizkit.panel("What N points cost", layout="chart / text")
def timing(budget: Annotated[int, Slider(5, 120, 5, unit="s")] = 120, *, run: Run = direct) -> Any:
    """One gradient step from 250 to 20,000 points, measured on this machine."""
    for step in run(timing_steps, budget):
        missing = ", ".join(f"{count:,}" for count in step.skipped)
        yield (
            step,
            {
                "chart": Measured(timing_chart(step)),
                "text": Measured(f"Not within the budget: {missing} points." if missing else ""),
            },
        )


PERPLEXITIES = (2, 5, 15, 30, 45)


@vizkit.remembered(8)
def embedded(cloud: str, count: int, seed: int, perplexity: int) -> Tensor:
    """Embed points of a known shape."""
    wanted = targets(clouds(cloud, count)[0], perplexity, "tsne")
    return last(embedding_steps(wanted, steps=400, exaggerated=100, seed=seed)).embedding


def spread(values: list[float]) -> str:
    """Write the range of some numbers."""
    return f"{min(values):.1f} to {max(values):.1f}"


def truth(points: Tensor, labels: Tensor, found: list[Tensor]) -> str:
    """Say how sizes and gaps of classes compare in truth and in the pictures."""
    if len(labels.unique()) < 2:
        return "In truth there is one cloud and nothing in it: every clump is made by t-SNE."
    sizes, gaps = class_sizes(points, labels), class_gaps(points, labels)
    drawn = [class_sizes(one, labels) for one in found]
    text = f"The second class is in truth **{sizes[1] / sizes[0]:.1f}** times as wide as the "
    text += f"first; in the pictures {spread([float(one[1] / one[0]) for one in drawn])} times."
    if len(gaps) > 1:
        shown = [class_gaps(one, labels) for one in found]
        text += f" The second gap is **{gaps[1] / gaps[0]:.1f}** times the first; in the "
        text += f"pictures {spread([float(one[1] / one[0]) for one in shown])} times."
    return text


@vizkit.panel("How to misread it", layout="chart / text")
def misreading(
    cloud: Annotated[str, OneOf(tuple(CLOUDS), label="true shape")] = CLOUDS[0],
    count: Annotated[int, Slider(60, 300, 30, live=False, label="points")] = 150,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
) -> Any:
    """Points of a known shape, with several perplexities and seeds."""
    points, labels = clouds(cloud, count)
    ways = [(one, perplexity) for one in (seed, seed + 1) for perplexity in PERPLEXITIES]
    found = [embedded(cloud, count, one, perplexity) for one, perplexity in ways]
    titles = [f"perplexity {perplexity}, seed {one}" for one, perplexity in ways]
    return found, {
        "chart": small_multiples(found, labels, titles, len(PERPLEXITIES)),
        "text": truth(points, labels, found),
    }
