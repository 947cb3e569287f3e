"""Panels that lay points and pictures out in the plane."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor

import vizkit
from vizkit.core.data import CLOUDS, clouds, digit_labels, digits
from vizkit.core.scenes import SHAPES, Scenes, make_scenes
from vizkit.core.seeds import normal
from vizkit.core.steps import last
from vizkit.figures import texts
from vizkit.figures.embedding import (
    ALGORITHMS,
    cluster_map,
    cost_line,
    crowding_chart,
    labeled_maps,
    neighborhood_chart,
    newcomer_map,
    outlier_chart,
    scatter,
    search_chart,
    separation_chart,
    small_multiples,
    thumbnail_grid,
    thumbnail_map,
    timing_chart,
)
from vizkit.figures.pictures import enlarge, photo
from vizkit.figures.raster import Html
from vizkit.methods.embeddings import class_gaps, class_sizes, dbscan, hdbscan, neighbor_accuracy, snap_to_grid
from vizkit.methods.large_tsne import (
    KINDS,
    Algorithm,
    Extrapolation,
    extrapolated,
    place_new,
    timed_steps,
    timing_steps,
    tsne_steps,
)
from vizkit.methods.neighbors import code_layer
from vizkit.methods.outliers import fit_both
from vizkit.methods.pca import pca
from vizkit.methods.separation import PIXELS, main_plane, picture_codes, separation_steps
from vizkit.methods.tsne import (
    ball_distances,
    conditional_probabilities,
    embedding_steps,
    perplexities,
    sigma_search,
    targets,
)
from vizkit.panels.common import codes_of, patch_pool, patch_size
from vizkit.widgets import Layer, Measured, Model, On, OneOf, Pictures, Point, Run, Slider, When, direct, live


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


@vizkit.remembered(2)
def labeled_scenes(count: int, size: int) -> Scenes:
    """Draw scenes that the bundled net has not been trained on."""
    return make_scenes(count, size=size, seed=2)


laid_flat = vizkit.remembered(12)(main_plane)
codes_or_pixels = vizkit.remembered(12)(picture_codes)


@vizkit.panel("Codes of labeled pictures", layout="maps maps / curve text", rate=12)
def codes_map(
    model: Model = "scenes",
    layer: Annotated[Any, Layer(of="model", none=PIXELS, label="code of")] = "flatten",
    count: Annotated[int, Slider(200, 1000, 100, label="scenes", live=False)] = 600,
    perplexity: Annotated[int, Slider(2, 60, live=False)] = 30,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Scenes laid out by what a layer says of them, colored by their shape, by PCA and by t-SNE.

    Shows
    -----
    curve : how often a scene's nearest neighbor has the same shape, layer by layer; the picked one is larger
    """
    scenes = labeled_scenes(count, max(patch_size(model), 32))
    code = codes_or_pixels(model, scenes.images, layer)
    flat, what = laid_flat(code), layer or PIXELS
    for step in run(tsne_steps, code, perplexity=perplexity, exaggerated=120, steps=400, seed=seed):
        shares = [neighbor_accuracy(one, scenes.label) for one in (code, flat, step.embedding)]
        ways = {"PCA": flat, f"t-SNE, step {step.index}": step.embedding}
        yield (
            step,
            {
                "maps": labeled_maps(ways, scenes.label, SHAPES),
                "curve": live(
                    separation_steps, model, scenes.images, scenes.label, draw=lambda now: separation_chart(now, what)
                ),
                "text": f"**{what}**: {code.shape[1]:,} numbers a scene. Its nearest neighbor has the same shape "
                f"in **{shares[0]:.0%}** of cases, on PCA's plane in **{shares[1]:.0%}**, on t-SNE's in "
                f"**{shares[2]:.0%}**.",
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


def nine_of_ten(distances: Tensor) -> tuple[float, float]:
    """Return between which two distances nine of ten lie."""
    low, high = torch.quantile(distances, torch.tensor([0.05, 0.95])).tolist()
    return low, high


@vizkit.panel("The crowding problem", layout="chart / text")
def crowding(
    closeness: Annotated[float, Slider(0.01, 0.99, 0.01)] = 0.1, dimension: Annotated[int, Slider(1, 100)] = 20
) -> Any:
    """Why a pair in the plane needs a heavier tail."""
    distances = ball_distances(dimension)
    low, high = nine_of_ten(distances)
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


class Across(Point):
    """A hand that sets one number: how far along a chart it points."""

    def selected(self, value: Any, xs: Sequence[float], ys: Sequence[float]) -> Any:
        """Return the place on the chart's first axis."""
        del value, ys
        return round(float(xs[0]), 1)


def ten_points(last: Tensor, seed: int) -> Tensor:
    """Return nine points of a Gaussian of width 1 and a tenth at each of some places, shape (places, 10)."""
    return torch.cat([normal((9,), seed).double().expand(len(last), 9), last[:, None]], 1)


@vizkit.panel("One outlier, two fits", layout="chart / text")
def outlier(
    tenth: Annotated[float, On("chart", Across), Slider(-5.0, 20.0, 0.1, label="tenth point")] = 12.0,
    freedom: Annotated[int, Slider(1, 30, label="degrees of freedom")] = 3,
    seed: Annotated[int, Slider(0, 20)] = 0,
) -> Any:
    """Ten points on a line: the Gaussian follows the one that is far off, the heavy-tailed t hardly."""
    places = torch.linspace(-5, 20, 126, dtype=torch.float64)
    fits = fit_both(ten_points(torch.tensor([tenth]).double(), seed)[0], freedom)
    nine = fit_both(fits.samples[:-1], freedom)
    return fits, {
        "chart": outlier_chart(fits, fit_both(ten_points(places, seed), freedom)),
        "text": f"Without the tenth point the Gaussian's mean is {nine.mean:.2f}, with it **{fits.mean:.2f}**. The t's "
        f"location is {nine.location:.2f} and **{fits.location:.2f}**: the tenth counts "
        f"**{fits.weights[-1]:.1%}** of the point that counts most.",
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
    return found, {
        "map": cluster_map(points, found.labels, f"{found.count} clusters, {found.noise:.0%} noise (gray)"),
        "text": "Agreement with the true classes (adjusted Rand index): "
        f"**{found.agreement(labels):.2f}**; 1 is the same, 0 is chance.",
    }


#: Where the measured lines are carried on to.
MILLION = 1_000_000


def hours(seconds: float) -> str:
    """Write seconds as hours, of many no fractions."""
    return f"{seconds / 3600:,.{0 if seconds > 36000 else 2}f} hours"


def cost_rows(ends: Mapping[Algorithm, Extrapolation]) -> Html:
    """Write as a table how each algorithm grows and what a thousand steps of a million points would take."""
    return texts.table(
        ("1,000 steps of a million points", "fitted growth", "so carried on", "by theory", "probabilities"),
        [
            (
                ALGORITHMS[name],
                f"N to the {end.slope:.1f}",
                f"**{hours(1000 * end.fitted)}**",
                f"**{hours(1000 * end.ordered)}**",
                f"{end.size / 1e9:,.1f} GB",
            )
            for name, end in ends.items()
        ],
    )


@vizkit.panel("What N points cost", layout="chart / table / text")
def timing(budget: Annotated[int, Slider(5, 120, 5, unit="s")] = 120, *, run: Run = direct) -> Any:
    """One gradient step from 250 to 20,000 points, measured on this machine; a million, extrapolated.

    Shows
    -----
    table : extrapolated, not measured: by the line through the three largest sizes, and as theory has it
    """
    for step in run(timing_steps, budget):
        missing = ", ".join(f"{count:,}" for count in step.skipped)
        ends = extrapolated(step, MILLION)
        yield (
            step,
            {
                "chart": Measured(timing_chart(step, ends, MILLION)),
                "table": Measured(cost_rows(ends)),
                "text": Measured(f"Not within the budget: {missing} points." if missing else ""),
            },
        )


class Placed(NamedTuple):
    """A digit beside the embedding of the first ones: all places, all classes, and the seconds it took."""

    embedding: Tensor
    labels: Tensor
    seconds: float


@vizkit.remembered(8)
def with_digit(embedding: Tensor, number: int) -> Placed:
    """Place a digit into the finished embedding of the first ones, and take the time."""
    count, flat = len(embedding), digits().flatten(1)
    place_new(embedding, flat[:count], flat[:1])  # what the embedding itself needs, once
    begun = time.perf_counter()
    found = place_new(embedding, flat[:count], flat[number : number + 1])
    seconds = time.perf_counter() - begun
    return Placed(torch.cat([embedding, found]), digit_labels()[[*range(count), number]], seconds)


def last_ones_neighbor(points: Tensor, labels: Tensor) -> int:
    """Return the class of the point that is nearest to the last one."""
    return int(labels[(points[:-1] - points[-1]).norm(dim=1).argmin()])


@vizkit.panel("A newcomer", layout="placed again / digit text", rate=12)
def newcomer(
    embedding: Any,
    number: Annotated[int, Slider(lambda embedding: len(embedding), 1796, label="new digit", live=False)] = 1500,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """A digit that the finished embedding has not seen: placed beside it, or all run again.

    Shows
    -----
    placed : the star is the new digit; nothing else has moved
    again : everything is run again, the new digit with it
    """
    there = with_digit(embedding, number)
    what, beside = int(there.labels[-1]), last_ones_neighbor(there.embedding, there.labels)
    for step in run(timed_steps, digits().flatten(1)[[*range(len(embedding)), number]], seed=seed):
        near = last_ones_neighbor(step.embedding, there.labels)
        moved = (step.embedding[:-1] - embedding).norm(dim=1).mean() / embedding.norm(dim=1).mean()
        yield (
            step,
            {
                "placed": newcomer_map(there.embedding, there.labels, "placed"),
                "again": newcomer_map(step.embedding, there.labels, f"run again, step {step.index}"),
                "digit": photo(enlarge(1 - digits()[number].expand(3, -1, -1), 120), f"The new digit, a {what}"),
                "text": Measured(
                    f"It is a {what}. **Placed in {there.seconds:.2f} s**, the digit nearest to it is a {beside}.\n"
                    f"**Run again for {step.seconds:.1f} s**, it is a {near}, and the others have moved by "
                    f"{moved:.0%} of their mean distance from the middle."
                ),
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
