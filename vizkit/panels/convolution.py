"""Panels of convolution by hand: the sum, sizes, the matrix, pooling."""

from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.seeds import generator
from vizkit.figures.cells import beside, cells, written
from vizkit.figures.charts import named_curves, tied_weights
from vizkit.figures.convolution import connections, gray_map, groups_picture, signed_map
from vizkit.figures.pictures import boxes
from vizkit.methods.convolution import LayerSize, correlate, layer_size, output_size, pool, same_padding, window_at
from vizkit.methods.filters import convolution_matrix, weight_sharing
from vizkit.methods.kernels import fitted_kernel, hidden_kernel, vertical_edges
from vizkit.widgets import Cells, Image, On, OneOf, Place, Point, Slider, Table, Toggle

#: The example of the slides, 001/25-26.
PICTURE = ((3, 3, 2, 1, 0), (0, 0, 1, 3, 1), (3, 1, 2, 2, 3), (2, 0, 0, 2, 2), (2, 0, 0, 0, 1))
KERNEL = ((0, 1, 2), (2, 2, 0), (0, 1, 2))
#: Width of a picture beside another, in pixels.
HALF = 360
#: The most cells of a side that are drawn.
MOST_CELLS = 24
#: The largest number in a table.
LARGEST = 1_000_000

Rows = tuple[tuple[float, ...], ...]


def table_of(rows: Rows, what: str) -> Tensor:
    """Return typed rows as numbers.

    Raises
    ------
    ValueError
        If there are none, or more than can be drawn.
    """
    numbers = finite(rows, what)
    if numbers.ndim != 2 or not numbers.numel() or max(numbers.shape) > MOST_CELLS:
        raise ValueError(f"{what} must have 1 to {MOST_CELLS} rows and columns of numbers, got {len(rows)} rows")
    return numbers


def finite(numbers: Any, what: str) -> Tensor:
    """Return typed numbers.

    Raises
    ------
    ValueError
        If one is none, infinite or above a million.
    """
    found = torch.tensor(numbers, dtype=torch.float64)
    if not (found.abs() <= LARGEST).all():
        raise ValueError(f"{what} must have numbers from -{LARGEST:,} to {LARGEST:,}, got {numbers}")
    return found


def varied(picture: Tensor) -> Tensor:
    """Return how bright each pixel of a picture is.

    Raises
    ------
    ValueError
        If all are alike: then there is nothing to see of a filter.
    """
    found = gray(picture)
    if found.max() - found.min() < 1e-6:
        raise ValueError("the picture must have more than one brightness, got a flat one")
    return found


def place_of(
    at: Place, size: tuple[int, ...], kernel: tuple[int, ...], stride: int, padding: int, dilation: int
) -> tuple[int, int]:
    """Return at which of its places, row and column, a kernel is nearest to a point of the padded picture."""
    found = []
    for share, side, width in zip(reversed(at), size, kernel, strict=True):
        reach = dilation * (width - 1) + 1
        last = output_size(side, width, stride=stride, padding=padding, dilation=dilation) - 1
        found.append(min(max(round((share * (side + 2 * padding) - reach / 2) / stride), 0), last))
    return found[0], found[1]


def factor(number: float) -> str:
    """Write a number as a factor: to three digits, a negative one in parentheses."""
    short = f"{number:.3g}"
    return f"({short})" if number < 0 else short


def sum_of(window: Tensor, kernel: Tensor) -> str:
    """Write a sum of products out."""
    pairs = zip(window.flatten().tolist(), kernel.flatten().tolist(), strict=True)
    terms = [f"{factor(x)}·{factor(w)}" for x, w in pairs]
    return f"{' + '.join(terms)} = **{written(float((window * kernel).sum()))}**"


def most_dilation(numbers: Rows, kernel: Rows, padding: int) -> int:
    """Return how far apart a kernel's numbers can be when it is still to fit into a picture; 4 at most."""
    spaces = [
        (side + 2 * padding - 1) // max(width - 1, 1)
        for side, width in ((len(numbers), len(kernel)), (len(*numbers[:1]), len(*kernel[:1])))
        if width > 1
    ]
    return max(1, min([4, *spaces]))


@vizkit.panel("One place at a time", layout="picture output / picture kernel / terms text")
def correlation(
    numbers: Annotated[Any, Table(label="picture")] = PICTURE,
    kernel: Annotated[Any, On("kernel", Cells)] = KERNEL,
    flip: Annotated[bool, Toggle(label="flip the kernel")] = False,
    stride: Annotated[int, Slider(1, 4)] = 1,
    padding: Annotated[int, Slider(0, 4)] = 0,
    dilation: Annotated[int, Slider(1, most_dilation)] = 1,
    at: Annotated[Place, On("picture", Point)] = (0.5, 0.5),
) -> Any:
    """A kernel on a picture, its sum written out for the place under the pointer.

    Shows
    -----
    picture : press and drag: the kernel follows; gray is padding
    kernel : press on the upper or lower half of a cell, or drag it
    output : the sums of all places
    terms : the window times the kernel: its products
    """
    x, w = table_of(numbers, "the picture"), table_of(kernel, "the kernel")
    used = w.flip(0, 1) if flip else w
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    found = correlate(x, used, **options)
    row, column = place_of(at, tuple(x.shape), tuple(w.shape), **options)
    window = window_at(x, used.shape, (row, column), **options)
    padded = torch.nn.functional.pad(x, [padding] * 4)
    side = min(44, HALF // max(padded.shape))
    seen = (stride * row, stride * column, *used.shape)
    sizes = [
        f"({side} + 2·{padding} - {dilation}·({width} - 1) - 1) / {stride} + 1 = **{count}**"
        for side, width, count in zip(x.shape, w.shape, found.shape, strict=True)
    ]
    small = min(36, 200 // max(w.shape))
    name = "window · flipped kernel = products" if flip else "window · kernel = products"
    parts = [cells(one, name, side=small) for one in (window, used, window * used)]
    return found, {
        "picture": cells(padded, "The picture", side=side, signed=False, window=seen, spread=dilation, border=padding),
        "kernel": cells(w, "The kernel", side=min(44, 240 // max(w.shape))),
        "output": cells(found, "All sums", side=min(44, HALF // max(found.shape)), window=(row, column, 1, 1)),
        "terms": beside(parts, name, signs="·="),
        "text": f"row {row + 1}, column {column + 1}: {sum_of(window, used)}\n"
        f"rows: {sizes[0]}\ncolumns: {sizes[1]} (rounded down)",
    }


def gray(picture: Tensor) -> Tensor:
    """Return how bright each pixel of a picture is, (H, W)."""
    return picture.mean(0)


#: Sharpen: twice the picture minus its mean over 5 x 5.
SHARPEN = tuple(tuple(2.0 - 1 / 25 if (i, j) == (2, 2) else -1 / 25 for j in range(5)) for i in range(5))
IDENTITY = tuple(tuple(float((i, j) == (2, 2)) for j in range(5)) for i in range(5))
#: Light on the left, dark on the right: Sobel's kernel and its neighbors, 5 x 5.
EDGE = ((0, 0, 0, 0, 0), (0, 1, 0, -1, 0), (0, 2, 0, -2, 0), (0, 1, 0, -1, 0), (0, 0, 0, 0, 0))


@vizkit.panel("A kernel on a photo", layout="picture result / kernel terms / kernel text")
def kernel_on_photo(
    picture: Annotated[Any, Image(size=(120, 120))] = "camera",
    kernel: Annotated[Any, On("kernel", Cells)] = EDGE,
    at: Annotated[Place, On("picture", Point)] = (0.45, 0.3),
) -> Any:
    """A kernel of any size, changed by hand, on a gray photo.

    Shows
    -----
    picture : press and drag: the kernel follows
    terms : the window times the kernel: its products
    result : red and blue where sums can be negative, else gray
    kernel : press on the upper or lower half of a cell, or drag it
    """
    x, w = gray(picture).double(), table_of(kernel, "the kernel")
    found = correlate(x, w)
    row, column = place_of(at, tuple(x.shape), tuple(w.shape), 1, 0, 1)
    window = window_at(x, w.shape, (row, column))
    scale = HALF / x.shape[1]
    left, top = round(scale * column), round(scale * row)
    frame = (left, top, left + round(scale * w.shape[1]), top + round(scale * w.shape[0]))
    signed = bool((w < 0).any())
    small = max(24, min(28, 130 // max(w.shape)))
    parts = [cells(one, "a part", side=small, signed=one is not window) for one in (window, w, window * w)]
    return found, {
        "picture": boxes(gray_map(x, "The photo", width=HALF), [frame], width=2),
        "result": (signed_map if signed else gray_map)(found, "All sums", width=HALF),
        "kernel": cells(w, "The kernel", side=max(24, min(44, 230 // max(w.shape)))),
        "terms": beside(parts, "The window times the kernel: its products", signs="·="),
        "text": f"{w.numel()} products sum to **{written(float((window * w).sum()))}**; the kernel's numbers sum to "
        f"**{written(float(w.sum()))}**\nsums from {written(float(found.min()))} to {written(float(found.max()))}",
    }


#: What the slides' game is played with.
NO_GUESS = ((0, 0, 0), (0, 1, 0), (0, 0, 0))


@vizkit.panel("Match the kernel", layout="picture wanted yours / kernel text text")
def match_kernel(
    picture: Annotated[Any, Image(size=(96, 96))] = "camera",
    level: Annotated[str, OneOf(("one of a list", "any whole numbers"))] = "one of a list",
    game: Annotated[int, Slider(0, 20)] = 0,
    kernel: Annotated[Any, On("kernel", Cells)] = NO_GUESS,
    tell: Annotated[bool, Toggle(label="compute it")] = False,
) -> Any:
    """Which kernel made the second picture of the first one?

    Shows
    -----
    picture : the first picture
    wanted : made by the hidden kernel
    yours : made by your kernel, below
    kernel : press on the upper or lower half of a cell, or drag it
    """
    x, guess = varied(picture).double(), table_of(kernel, "the kernel")
    name, hidden = hidden_kernel(game, whole=level == "any whole numbers")
    if guess.shape != hidden.shape:
        raise ValueError(f"the hidden kernel has 3 rows and columns, got {tuple(guess.shape)}")
    wanted, yours = correlate(x, hidden.double()), correlate(x, guess)
    apart = float((wanted - yours).square().mean().sqrt() / wanted.square().mean().sqrt().clamp(min=1e-12))
    limit = float(wanted.abs().max())
    said = f"The two pictures differ by **{apart:.0%}** of the wanted one."
    if apart < 1e-6:
        said = "**Found!** It is the kernel."
    if tell:
        solved = fitted_kernel(x, wanted, 3)
        numbers = "; ".join(", ".join(written(number) for number in line) for line in solved.tolist())
        said += f"\nIt is {name}. {wanted.numel():,} equations for 9 unknowns, least squares, give {numbers}."
    return apart, {
        "picture": gray_map(x, "The first picture", width=260),
        "wanted": signed_map(wanted, "Which kernel made this?", width=260, limit=limit),
        "yours": signed_map(yours, "Made by your kernel", width=260, limit=limit),
        "kernel": cells(guess, "Your kernel", side=56),
        "text": said,
    }


def formula(size: LayerSize, channels: int, kernel: int, groups: int) -> str:
    """Write how many weights and products a layer has."""
    filters, side = size.output[:2]
    return (
        f"weights: {filters} · ({channels} / {groups}) · {kernel}² = **{size.weights:,}**, and {size.biases} biases\n"
        f"products for a picture: {size.weights:,} · {side}² = **{size.products:,}**"
    )


@vizkit.panel("What comes out, and what it costs", layout="places groups / text text")
def sizes(
    size: Annotated[int, Slider(4, 64, unit="px")] = 12,
    kernel: Annotated[int, Slider(1, 11, unit="px")] = 3,
    stride: Annotated[int, Slider(1, 4)] = 1,
    padding: Annotated[int, Slider(0, 5)] = 0,
    dilation: Annotated[int, Slider(1, 4)] = 1,
    channels: Annotated[int, OneOf((1, 3, 8, 16, 64))] = 8,
    filters: Annotated[int, OneOf((8, 16, 64, 256))] = 16,
    groups: Annotated[int, OneOf(lambda channels: [n for n in (1, 2, 4, 8, 16, 64) if channels % n == 0])] = 1,
) -> Any:
    """The size of a layer's output and the number of its weights, as formulas.

    Shows
    -----
    places : along one side: which pixels each output sees
    groups : a row for each filter, a column for each channel; red: it sees it
    """
    if filters % groups:
        raise ValueError(f"groups must divide the {filters} filters, got {groups}")
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    found = layer_size(channels, size, filters, kernel, groups=groups, **options)
    reach = dilation * (kernel - 1) + 1
    return found, {
        "places": connections(size, kernel, found.output[1], **options),
        "groups": groups_picture(channels, filters, groups),
        "text": f"side: ({size} + 2·{padding} - {dilation}·({kernel} - 1) - 1) / {stride} + 1, rounded down = "
        f"**{found.output[1]}**; the kernel reaches over {reach} px\n"
        f"output: **{found.output[0]} x {found.output[1]} x {found.output[2]}**; at stride 1 a padding of "
        f"{same_padding(kernel, dilation)} would keep the picture's size{'' if reach % 2 else ', but for one px'}\n"
        f"{formula(found, channels, kernel, groups)}",
    }


@vizkit.remembered(4)
def example_gradient(size: int, kernel: int, stride: int) -> tuple[Tensor, Tensor]:
    """Return the gradient of a dense layer's matrix, and of the shared kernel, for one picture and wanted output."""
    random = generator(size)
    matrix = convolution_matrix(size, kernel, stride=stride)
    picture = torch.randint(0, 10, (size, size), generator=random).double()
    weights = torch.zeros(kernel, kernel, dtype=torch.float64, requires_grad=True)
    wanted = torch.randint(0, 10, (len(matrix),), generator=random).double()
    output = correlate(picture, weights, stride=stride).flatten()
    (shared,) = torch.autograd.grad((output - wanted).square().sum() / 2, weights)
    return torch.outer(output.detach() - wanted, picture.flatten()), shared


@vizkit.panel("A layer is a matrix", layout="matrix / text")
def as_matrix(
    size: Annotated[int, Slider(3, 10, unit="px")] = 6,
    kernel: Annotated[int, Slider(1, lambda size: min(5, size), unit="px")] = 3,
    stride: Annotated[int, Slider(1, 3)] = 1,
    weight: Annotated[int, Slider(0, lambda kernel: kernel**2, label="weight (0: all)")] = 0,
) -> Any:
    """A convolution as the dense layer that it is, with zeros and tied weights.

    Shows
    -----
    matrix : a row for each output, a column for each pixel; white: no connection
    """
    matrix = convolution_matrix(size, kernel, stride=stride)
    dense, shared = example_gradient(size, kernel, stride)
    count = weight_sharing(size, kernel)
    picked = matrix if weight == 0 else matrix.where(matrix == weight, 0)
    text = (
        f"A dense layer has **{matrix.numel():,}** weights here, the convolution **{count.shared}**: each stands in "
        f"**{len(matrix)}** places, and {float((matrix == 0).double().mean()):.0%} of the places are 0."
    )
    if weight:
        copies = dense[matrix == weight]
        terms = [written(float(one)) for one in copies[:6]] + ["..."] * (len(copies) > 6)
        text += (
            f"\nThe gradient of weight {weight} is the sum over its {len(copies)} copies, each its pixel times the "
            f"error of its output: {' + '.join(terms)} = **{written(float(copies.sum()))}**; autograd, of the kernel: "
            f"{written(float(shared.flatten()[weight - 1]))}"
        )
    return matrix, {"matrix": tied_weights(picked, int(matrix.max())), "text": text}


#: How far a picture is shifted at most, in pixels.
FARTHEST = 8


def relative_change(one: Tensor, other: Tensor) -> float:
    """Return how far numbers are from others, as a share of those others' length."""
    return float((one - other).norm() / other.norm().clamp(min=1e-12))


Maps = dict[str, list[Tensor]]


@vizkit.remembered(20)
def pooled_changes(picture: Tensor, window: int) -> tuple[dict[str, list[float]], Maps]:
    """Return how far the edges of a photo change when it moves, by kind of pooling and shift, and the maps."""
    wide, side = vertical_edges(varied(picture)), picture.shape[1]
    moved = [wide[:, FARTHEST - at : FARTHEST - at + side] for at in range(FARTHEST + 1)]
    made = {
        "no pooling": moved,
        "max": [pool(one, window) for one in moved],
        "average": [pool(one, window, "average") for one in moved],
    }
    return {name: [relative_change(one, ones[0]) for one in ones] for name, ones in made.items()}, made


@vizkit.panel("Pooling under shifts", layout="edges pooled averaged / chart chart text")
def pooling(
    picture: Annotated[Any, Image(size=(96, 96 + FARTHEST))] = "camera",
    window: Annotated[int, OneOf((2, 3, 4, 8))] = 4,
    shift: Annotated[int, Slider(0, FARTHEST, unit="px")] = 2,
) -> Any:
    """Edges of a photo that moves to the right, and what pooling makes of them.

    Shows
    -----
    edges : behind an edge filter, moved
    pooled : the largest of each window
    averaged : the mean of each window
    """
    curves, made = pooled_changes(picture, window)
    one = made["no pooling"][shift]
    now = {name: values[shift] for name, values in curves.items()}
    largest, mean = made["max"][shift], made["average"][shift]
    title, share = "How far the numbers change", "share of their length"
    return curves, {
        "edges": gray_map(one, "Edges of the moved photo", width=288, crisp=True),
        "pooled": gray_map(largest, "Max pooling", width=288, crisp=True),
        "averaged": gray_map(mean, "Average pooling", width=288, crisp=True),
        "chart": named_curves(curves, range(FARTHEST + 1), title, "shift [px]", share, form=".0%", now=shift),
        "text": f"moved by {shift} px, the numbers change by **{now['no pooling']:.0%}** of their length; behind max "
        f"pooling by **{now['max']:.0%}**, behind average pooling by **{now['average']:.0%}**\n"
        f"pooling leaves one number of {one.numel() / largest.numel():.0f}",
    }
