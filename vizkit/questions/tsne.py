"""What is asked in 03, SNE and t-SNE."""

from statistics import mean

import torch
from torch import Tensor

import vizkit
from vizkit import panels
from vizkit.core.data import clouds, digit_labels, digits
from vizkit.methods.embeddings import class_sizes, neighbor_accuracy
from vizkit.methods.large_tsne import place_new, tsne_steps
from vizkit.methods.separation import PIXELS, separation_steps
from vizkit.methods.tsne import sigma_search
from vizkit.panels.embedding import accuracy_of_pca, labeled_scenes, nine_of_ten, two_densities
from vizkit.widgets import Choice, Number, Predict, Sketch


@Predict(
    "Two clouds of a hundred points each, one three times as wide as the other. Every point is to have 20 neighbors. "
    "Of all 200 points, how many times as wide is the widest Gaussian as the narrowest?",
    Number(1, 1000, "times", factor=1.6),
)
def widest_gaussian() -> float:
    """It is more than the clouds differ by: at a cloud's rim the neighbors are farther off than in its middle."""
    tried, _ = sigma_search(two_densities(), 20)
    return float(tried[-1].max() / tried[-1].min())


WAYS = {"PCA": None, "SNE": "sne", "symmetric SNE": "symmetric", "t-SNE": "tsne"}
COUNT = 300


@Predict(
    "300 digits are laid out in the plane, by PCA and in three other ways. How often is a digit's nearest neighbor "
    "there the same digit?",
    Sketch(tuple(WAYS), "laid out by", "the same digit", tolerance=0.1),
)
def neighbors_kept() -> tuple[float, ...]:
    """All three keep neighbors, which PCA does not try to. t-SNE adds room between clusters, and a few neighbors."""
    points, labels = digits().flatten(1)[:COUNT], digit_labels()[:COUNT]

    def share(kind: str | None) -> float:
        if kind is None:
            return accuracy_of_pca(points, labels)
        return neighbor_accuracy(vizkit.last(tsne_steps(points, kind, steps=300)).embedding, labels)

    return tuple(map(share, WAYS.values()))


#: Dimensions at which the curve is asked.
DIMENSIONS = (1, 2, 5, 20, 100)


@Predict(
    "Points are spread evenly in a ball. Leave out the nearest twentieth of all pairs and the farthest: how long is "
    "the shortest distance that is left, as a share of the longest?",
    Sketch(DIMENSIONS, "dimensions", "shortest / longest", tolerance=0.12),
)
def all_equally_far() -> tuple[float, ...]:
    """Of many coordinates some are alike and some are not, for every pair: the sums come out nearly equal."""

    def share(dimension: int) -> float:
        distances, _ = panels.crowding(dimension=dimension)
        low, high = nine_of_ten(distances)
        return low / high

    return tuple(map(share, DIMENSIONS))


@Predict(
    "Ten points on a line. Nine lie about 0, the tenth goes from 0 to 20. How far does the fitted Gaussian's mean go?",
    Number(0, 20, tolerance=0.5, digits=1),
)
def follows_outlier() -> float:
    """Each of ten points has a tenth of the say, however far off it is."""
    near, far = (panels.outlier(tenth=place)[0].mean for place in (0.0, 20.0))
    return float(far - near)


ON, STAYS, BACK = "goes on after it", "stays where it is", "goes back"


@Predict(
    "A Student t is fitted to the same ten points. The tenth goes on, from 2.5 to 20. What does the t's location do?",
    Choice(ON, STAYS, BACK),
)
def location_of_t() -> str:
    """The farther off the tenth is, the less it counts, so that its pull fades."""
    near, far = (float(panels.outlier(tenth=place)[0].location) for place in (2.5, 20.0))
    return ON if far > near + 0.05 else BACK if far < near - 0.05 else STAYS


@vizkit.remembered(1)
def a_thousand() -> tuple[Tensor, Tensor]:
    """Return 1,000 digits laid out as the panel does, and their classes."""
    points, labels = digits().flatten(1)[:1000], digit_labels()[:1000]
    return vizkit.last(tsne_steps(points, "tsne", perplexity=30, exaggerated=120, steps=500)).embedding, labels


MORE, ALIKE, LESS = "more often", "about as often", "less often"


@Predict(
    "1,000 digits of 64 pixels are laid out in the plane by t-SNE. How often is the nearest neighbor the same digit "
    "there, compared with the nearest neighbor by all 64 pixels?",
    Choice(MORE, ALIKE, LESS),
)
def against_all_pixels() -> str:
    """It was asked to keep the neighbors of the 64 pixels, and does; it knows nothing of digits."""
    (embedding, labels), points = a_thousand(), digits().flatten(1)[:1000]
    gain = neighbor_accuracy(embedding, labels) - neighbor_accuracy(points, labels)
    return MORE if gain > 0.02 else LESS if gain < -0.02 else ALIKE


@Predict(
    "DBSCAN looks for dense regions in that picture of ten digits, with one radius for all of them. How many clusters "
    "does it find?",
    Number(1, 1000, "clusters", tolerance=2),
)
def clusters_by_density() -> float:
    """A digit that is written in two ways makes two dense regions, and t-SNE has put gaps between them."""
    found, _ = panels.clusters(*a_thousand())
    return float(found.count)


@Predict(
    "797 digits that t-SNE has not seen are put among their neighbors in the finished picture. How often is the digit "
    "nearest to one there the same digit?",
    Number(0, 100, "%", tolerance=5),
)
def newcomers_right() -> float:
    """Their neighbors of 64 pixels are together in the picture already, so that is where they go."""
    embedding, labels = a_thousand()
    points = digits().flatten(1)
    placed = place_new(embedding, points[:1000], points[1000:])
    nearest = torch.cdist(placed.double(), embedding.double()).argmin(1)
    return 100 * float((labels[nearest] == digit_labels()[1000:]).double().mean())


@Predict(
    "2,000 patches of all bundled photos, and a red motorcycle. How many of its eight nearest neighbors by a network's "
    "code are cut from the motorcycle's own photo?",
    Number(0, 8, "of 8", tolerance=1),
)
def nearest_by_code() -> float:
    """The code has learned to say the same of a thing that is moved a little."""
    (_, in_code, pool), _ = panels.neighbors()
    own = pool.names.index("motorcycle")
    return float(sum(int(pool.picture[index]) == own for index in in_code.index.tolist()))


LAYERS = (PIXELS, "relu2", "relu4", "relu5", "flatten")


@Predict(
    "Scenes, each with one of eight shapes, and a network that tells them apart. Of a scene's nearest neighbor by a "
    "layer's code: how often does it have the same shape?",
    Sketch(LAYERS, "code of", "the same shape", tolerance=0.12),
)
def shape_by_layer() -> tuple[float, ...]:
    """To the pixels all shapes are alike. Layer by layer less is said of where a thing lies, and more of what it is."""
    scenes = labeled_scenes(600, vizkit.load_model("scenes").input_size)
    scan = vizkit.last(separation_steps(vizkit.load_model("scenes"), scenes.images, scenes.label))
    return tuple(scan.code[name] for name in LAYERS)


@Predict(
    "Two clouds in the plane, the second ten times as wide as the first, and t-SNE of them. How many times as wide is "
    "the second cloud in the picture? The mean over perplexities from 2 to 45.",
    Number(0.1, 100, "times", factor=1.6, digits=1),
)
def size_in_the_picture() -> float:
    """Each point has the same number of neighbors: in the sparse cloud they are drawn as near as in the dense one."""
    found, _ = panels.misreading("two sizes")
    _, labels = clouds("two sizes", 150)
    first, second = zip(*(class_sizes(one, labels).tolist() for one in found), strict=True)
    return float(mean(wide / narrow for narrow, wide in zip(first, second, strict=True)))
