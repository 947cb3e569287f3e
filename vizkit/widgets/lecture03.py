"""The panels of lecture 03: neighborhoods, crowding, the live run, clusters, thumbnails, traps."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vizkit.core.data import CLOUDS, PatchPool, Source, clouds, digit_labels, digits
from vizkit.core.models import ImageModel
from vizkit.core.steps import last
from vizkit.figures.embedding import (
    cost_change,
    cost_line,
    crowding_chart,
    neighborhood_chart,
    scatter,
    scatter_change,
    small_multiples,
    thumbnail_grid,
    thumbnail_map,
    timing_chart,
)
from vizkit.methods.embeddings import (
    Clusters,
    class_gaps,
    class_sizes,
    dbscan,
    hdbscan,
    neighbor_accuracy,
    snap_to_grid,
)
from vizkit.methods.large_tsne import (
    TimingStep,
    large_embedding_steps,
    neighbor_affinities,
    timing_steps,
)
from vizkit.methods.neighbors import code_layer, codes
from vizkit.methods.pca import pca
from vizkit.methods.tsne import (
    EmbeddingStep,
    ball_distances,
    bandwidths,
    conditional_probabilities,
    default_learning_rate,
    embedding_steps,
    targets,
)
from vizkit.widgets import controls as make
from vizkit.widgets import layouts
from vizkit.widgets.live import LivePanel, code_of_run
from vizkit.widgets.old_panel import Panel, Shown
from vizkit.widgets.sources import patch_size, source_code, source_pool

# Neighborhoods --------------------------------------------------------------------------------


@cache
def _two_densities() -> Tensor:
    """Return a dense and a sparse cloud in the plane: sigma must differ between them."""
    points, _ = clouds("two densities", 200, seed=3)
    return points


@dataclass(frozen=True)
class NeighborhoodView:
    """What the neighborhood panel shows."""

    points: Tensor
    probabilities: Tensor
    sigma: Tensor
    index: int


def neighborhood_panel() -> Panel:
    """Pick a point and a perplexity: the search for sigma gives it that many neighbors."""
    controls = {
        "perplexity": make.slider("perplexity", 2, 100, 20),
        "index": make.slider("point i", 0, 199, 0),
    }

    def compute(perplexity: int, index: int) -> NeighborhoodView:
        points = _two_densities()
        return NeighborhoodView(
            points, conditional_probabilities(points, perplexity),
            bandwidths(points, perplexity), index,
        )  # fmt: skip

    def draw(view: NeighborhoodView) -> Shown:
        chart = neighborhood_chart(view.points, view.probabilities, view.sigma, view.index)
        return {"chart": chart}

    def code(perplexity: int, index: int) -> str:
        return "\n".join([
            "from vizkit.core.data import clouds",
            "from vizkit.figures.embedding import neighborhood_chart",
            "from vizkit.methods.tsne import bandwidths, conditional_probabilities",
            "",
            'points, _ = clouds("two densities", 200, seed=3)',
            f"result = conditional_probabilities(points, {perplexity})",
            f"neighborhood_chart(points, result, bandwidths(points, {perplexity}), {index})",
        ])  # fmt: skip

    return Panel("Perplexity: how many neighbors", controls, compute, draw, code=code)


# Crowding -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CrowdingView:
    """What the crowding panel shows."""

    closeness: float
    dimension: int
    distances: Tensor


def crowding_panel() -> Panel:
    """Compare the Gaussian with the Student tail, and a ball's pairs in any dimension."""
    controls = {
        "closeness": make.slider("closeness", 0.01, 0.99, 0.1, step=0.01),
        "dimension": make.slider("dimension", 1, 100, 20),
    }

    def compute(closeness: float, dimension: int) -> CrowdingView:
        return CrowdingView(closeness, dimension, ball_distances(dimension))

    def draw(view: CrowdingView) -> Shown:
        low, high = torch.quantile(view.distances, torch.tensor([0.05, 0.95])).tolist()
        text = (
            f"In {view.dimension} dimensions nine of ten pairs lie between <b>{low:.2f}</b> and "
            f"<b>{high:.2f}</b> apart: a factor of {high / low:.1f}. In the plane so many points "
            "cannot all be equally far from each other."
        )
        return {
            "chart": crowding_chart(view.closeness, view.distances, view.dimension),
            "text": text,
        }

    def code(closeness: float, dimension: int) -> str:
        return "\n".join([
            "from vizkit.figures.embedding import crowding_chart",
            "from vizkit.methods.tsne import ball_distances",
            "",
            f"result = ball_distances({dimension})",
            f"crowding_chart({closeness}, result, {dimension})",
        ])  # fmt: skip

    return Panel("The crowding problem", controls, compute, draw, code=code, arrange=layouts.column)


# The live run ---------------------------------------------------------------------------------

KINDS = [
    ("SNE", "sne"), ("symmetric SNE", "symmetric"), ("t-SNE", "tsne"),
    ("t-SNE by openTSNE", "openTSNE"),
]  # fmt: skip
_NAMES = {value: name for name, value in KINDS}


class TSNEPanel(LivePanel):
    """Points embedded while one looks: any of the decks' three algorithms, or openTSNE.

    Parameters
    ----------
    count : int
        Number of points at first.
    points : Tensor, shape (N, d), optional
        One's own, at least 40; handwritten digits by default.
    labels : Tensor, int64, shape (N,), optional
        A class for each of one's own points; one class by default.
    """

    def __init__(
        self, count: int = 1000, points: Tensor | None = None, labels: Tensor | None = None
    ) -> None:
        self._own = points is not None
        if points is None:
            points, labels = digits().flatten(1), digit_labels()
        points = points.detach().cpu().flatten(1)
        labels = torch.zeros(len(points), dtype=torch.int64) if labels is None else labels
        if len(points) < 40 or labels.shape != (len(points),):
            raise ValueError(
                "points must be (N, d) with N of at least 40 and labels (N,), got "
                f"{tuple(points.shape)} and {tuple(labels.shape)}"
            )
        self._points, self._labels = points, labels
        self._targets = lru_cache(maxsize=4)(self._find_targets)
        self._pca_accuracy = cache(self._accuracy_of_pca)
        self._costs: dict[int, float] = {}
        self._beside: Shown = {}
        controls = {
            "kind": make.dropdown("algorithm", KINDS, "tsne"),
            "count": make.slider(
                "points" if self._own else "digits",
                min(100, len(points)),
                len(points),
                min(count, len(points)),
                live=False,
            ),
            "perplexity": make.slider("perplexity", 2, 100, 30, live=False),
            "rate": make.slider("learning rate", 0.05, 5.0, 1.0, step=0.05),
            "exaggeration": make.slider("exaggeration", 1.0, 20.0, 12.0, step=0.5),
            "exaggerated": make.slider("for steps", 0, 500, 120, step=10),
            "iterations": make.slider("iterations", 50, 2000, 500, step=50),
            "seed": make.slider("seed", 0, 20, 0, live=False),
        }
        super().__init__(
            "t-SNE, live", controls, self._steps, self._paint, code=self._listing_of,
            live={"perplexity", "rate", "exaggeration", "exaggerated", "iterations"},
            adjust=self._fit, arrange=layouts.first_left, rate=25, name="run",
        )  # fmt: skip

    def _find_targets(self, count: int, perplexity: float, kind: str) -> Any:
        points = self._points[:count]
        if kind == "openTSNE":
            return neighbor_affinities(points, perplexity)
        return targets(points, perplexity, kind)  # type: ignore[arg-type]

    def _accuracy_of_pca(self, count: int) -> float:
        return neighbor_accuracy(pca(self._points[:count], 2).projection, self._labels[:count])

    @staticmethod
    def _fit(controls: dict[str, Any]) -> None:
        most = 30 if controls["kind"].value == "openTSNE" else 100
        make.limit(controls["perplexity"], min(most, controls["count"].value // 3 - 2))

    @staticmethod
    def _settings(kind: str, **values: Any) -> dict[str, Any]:
        """Return the method's own keyword arguments for the controls' values."""
        count = values["count"]
        default = count / values["exaggeration"] if kind == "openTSNE" else (
            default_learning_rate(count, kind)  # type: ignore[arg-type]
        )  # fmt: skip
        names = ("exaggeration", "exaggerated", "iterations", "seed")
        return {
            "learning_rate": float(f"{values['rate'] * default:.4g}"),
            **{name: values[name] for name in names},
        }

    def _steps(self, step: EmbeddingStep | None, **values: Any) -> Iterator[EmbeddingStep]:
        if step is None:
            self._costs.clear()
        kind = values["kind"]
        wanted = self._targets(values["count"], values["perplexity"], kind)
        settings = self._settings(**values)
        if kind == "openTSNE":
            yield from large_embedding_steps(wanted, every=1, resume=step, **settings)
        else:
            yield from embedding_steps(wanted, kind, resume=step, **settings)

    def _paint(self, step: EmbeddingStep, **values: Any) -> Shown:
        labels = self._labels[: values["count"]]
        title = f"{_NAMES[values['kind']]}, step {step.index}"
        self._costs[step.index] = step.cost
        # The scatter is what moves; the rest follows at a fifth of its rate.
        if len(self._costs) % 5 == 1 or step.index == step.total or not self._beside:
            self._beside = self._paint_beside(step, labels, values)
        if not self.shown:
            names = {one: str(one) for one in self._classes}
            return {"map": scatter(step.embedding, labels, title, names=names), **self._beside}
        change = scatter_change(step.embedding, labels, title, self._classes)
        return {"map": change, **self._beside}

    @property
    def _classes(self) -> list[int]:
        return self._labels.unique().tolist()  # type: ignore[no-any-return]

    def _paint_beside(self, step: EmbeddingStep, labels: Tensor, values: dict[str, Any]) -> Shown:
        accuracy, by_pca = (
            neighbor_accuracy(step.embedding, labels), self._pca_accuracy(len(labels))
        )  # fmt: skip
        what, same = ("point", "of its class") if self._own else ("digit", "the same digit")
        text = (
            f"A {what}'s nearest neighbor in the plane is {same} in "
            f"<b>{accuracy:.1%}</b> of cases; on PCA's plane in {by_pca:.1%}."
            f"<br>The learning rate is {values['rate']:g} times the usual one: "
            f"{self._settings(**values)['learning_rate']:g}."
        )
        costs = self._costs
        curve = cost_line if "curve" not in self.shown else cost_change
        return {
            "curve": curve(list(costs), list(costs.values()), values["exaggerated"]),
            "text": text,
        }

    def _listing_of(self, **values: Any) -> str:
        kind, step = values["kind"], self.result
        settings = ", ".join(f"{key}={value}" for key, value in self._settings(**values).items())
        module, make_targets, call = (
            ("large_tsne", f"neighbor_affinities(points, {values['perplexity']})",
             f"large_embedding_steps(wanted, every=1, {settings})")
            if kind == "openTSNE" else
            ("tsne", f"targets(points, {values['perplexity']}, {kind!r})",
             f"embedding_steps(wanted, {kind!r}, {settings})")
        )  # fmt: skip
        names = f"{call.partition('(')[0]}, {make_targets.partition('(')[0]}"
        source = [
            f"points = digits().flatten(1)[:{values['count']}]",
            f"labels = digit_labels()[:{values['count']}]",
        ]
        if self._own:
            source = [f"# points and labels are your own, the first {values['count']} of them"]
        return "\n".join([
            "from vizkit.core.data import digit_labels, digits",
            "from vizkit.core.steps import last",
            "from vizkit.figures.embedding import scatter",
            f"from vizkit.methods.{module} import {names}",
            "",
            *source,
            f"wanted = {make_targets}",
            *code_of_run(call, step.index, step.total),
            "scatter(result.embedding, labels)",
        ])  # fmt: skip


def tsne_panel(
    count: int = 1000, points: Tensor | None = None, labels: Tensor | None = None
) -> TSNEPanel:
    """Embed digits, or points of one's own, while one looks; see `TSNEPanel`."""
    return TSNEPanel(count, points, labels)


# Clusters -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ClusterView:
    """What the cluster panel shows."""

    points: Tensor
    found: Clusters
    agreement: float


def cluster_panel(points: Tensor, labels: Tensor) -> Panel:
    """Find clusters in an embedding by density.

    Parameters
    ----------
    points : Tensor, shape (N, 2)
    labels : Tensor, int64, shape (N,)
        The true classes, to compare with.
    """
    controls = {
        "algorithm": make.choices("algorithm", ["DBSCAN", "HDBSCAN"]),
        "radius": make.slider("radius", 0.2, 10.0, 3.0, step=0.1),
        "smallest": make.slider("smallest", 2, 200, 25),
        "neighbors": make.slider("neighbors", 1, 50, 5),
    }

    def adjust(controls: dict[str, Any]) -> None:
        controls["radius"].disabled = controls["algorithm"].value != "DBSCAN"
        controls["smallest"].disabled = controls["algorithm"].value != "HDBSCAN"

    def compute(algorithm: str, radius: float, smallest: int, neighbors: int) -> ClusterView:
        found = (
            dbscan(points, radius=radius, neighbors=neighbors) if algorithm == "DBSCAN"
            else hdbscan(points, smallest=smallest, neighbors=neighbors)
        )  # fmt: skip
        return ClusterView(points, found, found.agreement(labels))

    def draw(view: ClusterView) -> Shown:
        # Ten colors in turn; which class a cluster is has no meaning.
        shown = torch.where(view.found.labels < 0, -1, view.found.labels % 10)
        chart = scatter(
            view.points, shown, f"{view.found.count} clusters, {view.found.noise:.0%} noise (gray)",
            names={color: f"cluster {color}" for color in range(-1, 10)}, width=560,
        )  # fmt: skip
        chart.update_layout(showlegend=False)
        text = (
            f"Agreement with the true classes (adjusted Rand index): <b>{view.agreement:.2f}</b>; "
            "1 is the same, 0 is chance."
        )
        return {"map": chart, "text": text}

    def code(algorithm: str, radius: float, smallest: int, neighbors: int) -> str:
        call = (
            f"dbscan(points, radius={radius}, neighbors={neighbors})" if algorithm == "DBSCAN"
            else f"hdbscan(points, smallest={smallest}, neighbors={neighbors})"
        )  # fmt: skip
        return "\n".join([
            "from vizkit.figures.embedding import scatter",
            f"from vizkit.methods.embeddings import {call.partition('(')[0]}",
            "",
            "# points and labels are those you gave the panel",
            f"result = {call}",
            "result.agreement(labels)",
            "scatter(points, result.labels)",
        ])  # fmt: skip

    return Panel(
        "Clusters by density", controls, compute, draw, code=code, adjust=adjust,
        arrange=layouts.column,
    )  # fmt: skip


# What it costs --------------------------------------------------------------------------------


def timing_panel() -> LivePanel:
    """Measure one gradient step from 250 to 20,000 points, on this machine."""
    controls = {"budget": make.slider("budget", 5, 120, 30, step=5, unit="s")}

    def start(_: TimingStep | None, budget: int) -> Iterator[TimingStep]:
        # What is measured once is not continued: times of two moments do not mix.
        return timing_steps(budget)

    def draw(step: TimingStep, **_: int) -> Shown:
        missing = ", ".join(f"{count:,}" for count in step.skipped)
        text = f"Not within the budget: {missing} points." if missing else ""
        return {"chart": timing_chart(step), "text": text}

    def code(budget: int) -> str:
        return "\n".join([
            "from vizkit.core.steps import last",
            "from vizkit.figures.embedding import timing_chart",
            "from vizkit.methods.large_tsne import timing_steps",
            "",
            f"result = last(timing_steps({budget}))",
            "timing_chart(result)",
        ])  # fmt: skip

    return LivePanel(
        "What N points cost", controls, start, draw, code=code, arrange=layouts.column,
        name="measuring",
    )  # fmt: skip


# Pictures by their codes ----------------------------------------------------------------------


class ThumbnailPanel(LivePanel):
    """Pictures laid out by a layer's code, where they fall or each in a cell of its own.

    Parameters
    ----------
    model : str or ImageModel
    source : str, Path or sequence
        See ``vizkit.core.data.open_source``.
    count : int
        Number of patches at first.
    """

    def __init__(
        self, model: str | ImageModel = "viznet", source: Source = "bundled", count: int = 400
    ) -> None:
        self._picker = make.ModelPicker(model)
        self._own = None if isinstance(source, (str, Path)) else source
        net = self._picker.load()
        self._codes = lru_cache(maxsize=4)(self._compute_codes)
        self._targets = lru_cache(maxsize=4)(self._compute_targets)
        controls = {
            "model": self._picker,
            "layer": make.dropdown("code of", list(net.layers), code_layer(net)),
            "source": make.text(
                "pictures", str(source) if self._own is None else "your own pictures",
                "bundled, a folder, or CIFAR10 ...",
            ),
            "count": make.slider("patches", 100, 900, count, step=50, live=False),
            "perplexity": make.slider("perplexity", 2, 60, 20, live=False),
            "places": make.choices("places", ["as they fall", "on a grid"], "on a grid"),
            "seed": make.slider("seed", 0, 20, 0, live=False),
        }  # fmt: skip
        controls["source"].disabled = self._own is not None
        super().__init__(
            "Pictures by their codes", controls, self._steps, self._paint, code=self._listing_of,
            live={"perplexity", "places"}, adjust=self._fit, rate=6, name="run",
        )  # fmt: skip

    def _fit(self, controls: dict[str, Any]) -> None:
        net = self._picker.load()
        make.offer(controls["layer"], list(net.layers), code_layer(net))
        make.limit(controls["perplexity"], min(60, controls["count"].value // 3))

    def _compute_codes(
        self, _: str, layer: str, source: str, count: int
    ) -> tuple[PatchPool, Tensor]:
        net = self._picker.load()
        place = self._own if self._own is not None else source
        # A name that is typed must not start a download of gigabytes.
        pool = source_pool(place, count, patch_size(net), download=False)
        return pool, codes(net, pool.patches, layer)

    def _compute_targets(self, *key: Any, perplexity: int) -> Tensor:
        found = self._codes(*key)[1]
        return targets(found, perplexity, "tsne")

    @staticmethod
    def _key(values: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(values[name] for name in ("model", "layer", "source", "count"))

    def _steps(self, step: EmbeddingStep | None, **values: Any) -> Iterator[EmbeddingStep]:
        wanted = self._targets(*self._key(values), perplexity=values["perplexity"])
        return embedding_steps(
            wanted, iterations=500, exaggerated=120, seed=values["seed"], resume=step
        )

    def _paint(self, step: EmbeddingStep, **values: Any) -> Shown:
        pool, _ = self._codes(*self._key(values))
        pictures = pool.pixels(slice(None))
        if values["places"] == "on a grid":
            sheet = thumbnail_grid(pictures, snap_to_grid(step.embedding))
        else:
            sheet = thumbnail_map(pictures, step.embedding)
        accuracy = neighbor_accuracy(step.embedding, pool.picture)
        text = (
            f"step {step.index}, KL {step.cost:.3f}; the nearest neighbor is cut from the same "
            f"picture in <b>{accuracy:.0%}</b> of cases"
        )
        return {"map": sheet, "text": text}

    def _listing_of(self, **values: Any) -> str:
        net, step = self._picker.load(), self.result
        source = source_code(values["source"] if self._own is None else self._own)
        call = f"embedding_steps(wanted, iterations=500, exaggerated=120, seed={values['seed']})"
        draw = (
            "thumbnail_grid(pool.pixels(slice(None)), snap_to_grid(result.embedding))"
            if values["places"] == "on a grid"
            else "thumbnail_map(pool.pixels(slice(None)), result.embedding)"
        )
        return "\n".join([
            "import vizkit",
            "from vizkit.core.data import cut_patches",
            "from vizkit.core.steps import last",
            "from vizkit.figures.embedding import thumbnail_grid, thumbnail_map",
            "from vizkit.methods.embeddings import snap_to_grid",
            "from vizkit.methods.neighbors import codes",
            "from vizkit.methods.tsne import embedding_steps, targets",
            "",
            self._picker.line(values["model"]),
            f"pool = cut_patches({source}, count={values['count']}, "
            f"size={patch_size(net)})",
            f"wanted = targets(codes(model, pool.patches, {values['layer']!r}), "
            f"{values['perplexity']}, 'tsne')",
            *code_of_run(call, step.index, step.total),
            draw,
        ])  # fmt: skip


def thumbnail_panel(
    model: str | ImageModel = "viznet", source: Source = "bundled", count: int = 400
) -> ThumbnailPanel:
    """Lay pictures out by a layer's code."""
    return ThumbnailPanel(model, source, count)


# Misreading -----------------------------------------------------------------------------------

PERPLEXITIES = (2, 5, 15, 30, 45)


@dataclass(frozen=True)
class MisreadingView:
    """What the misreading panel shows."""

    points: Tensor
    labels: Tensor
    embeddings: tuple[Tensor, ...]
    titles: tuple[str, ...]


def misreading_panel() -> Panel:
    """Embed points of a known shape with several perplexities and seeds."""
    controls = {
        "cloud": make.dropdown("true shape", list(CLOUDS)),
        "count": make.slider("points", 60, 300, 150, step=30, live=False),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }

    def compute(cloud: str, count: int, seed: int) -> MisreadingView:
        points, labels = clouds(cloud, count)
        embeddings, titles = [], []
        for one_seed in (seed, seed + 1):
            for perplexity in PERPLEXITIES:
                wanted = targets(points, perplexity, "tsne")
                run = embedding_steps(wanted, iterations=400, exaggerated=100, seed=one_seed)
                embeddings.append(last(run).embedding)
                titles.append(f"perplexity {perplexity}, seed {one_seed}")
        return MisreadingView(points, labels, tuple(embeddings), tuple(titles))

    def draw(view: MisreadingView) -> Shown:
        chart = small_multiples(view.embeddings, view.labels, view.titles, len(PERPLEXITIES))
        return {"chart": chart, "text": _truth(view)}

    def code(cloud: str, count: int, seed: int) -> str:
        return "\n".join([
            "from vizkit.core.data import clouds",
            "from vizkit.core.steps import last",
            "from vizkit.figures.embedding import small_multiples",
            "from vizkit.methods.tsne import embedding_steps, targets",
            "",
            f"points, labels = clouds({cloud!r}, {count})",
            "result, titles = [], []",
            f"for seed in ({seed}, {seed + 1}):",
            f"    for perplexity in {PERPLEXITIES}:",
            "        wanted = targets(points, perplexity, 'tsne')",
            "        run = embedding_steps(wanted, iterations=400, exaggerated=100, seed=seed)",
            "        result.append(last(run).embedding)",
            "        titles.append(f'perplexity {perplexity}, seed {seed}')",
            f"small_multiples(result, labels, titles, {len(PERPLEXITIES)})",
        ])  # fmt: skip

    return Panel("How to misread it", controls, compute, draw, code=code, arrange=layouts.column)


def _truth(view: MisreadingView) -> str:
    """Say how sizes and gaps of classes compare in truth and in the pictures."""
    if len(view.labels.unique()) < 2:
        return "In truth there is one cloud and nothing in it: every clump is made by t-SNE."
    sizes, gaps = class_sizes(view.points, view.labels), class_gaps(view.points, view.labels)
    drawn = [class_sizes(one, view.labels) for one in view.embeddings]
    text = f"The second class is in truth <b>{sizes[1] / sizes[0]:.1f}</b> times as wide as the "
    text += f"first; in the pictures {_range([float(one[1] / one[0]) for one in drawn])} times."
    if len(gaps) > 1:
        shown = [class_gaps(one, view.labels) for one in view.embeddings]
        text += f" The second gap is <b>{gaps[1] / gaps[0]:.1f}</b> times the first; in the "
        text += f"pictures {_range([float(one[1] / one[0]) for one in shown])} times."
    return text


def _range(values: list[float]) -> str:
    return f"{min(values):.1f} to {max(values):.1f}"
