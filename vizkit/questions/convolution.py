"""What is asked in 10, convolution."""

from statistics import mean

import torch

import vizkit
from vizkit.core.seeds import generator
from vizkit.methods.architecture import layer_costs, structure
from vizkit.methods.convolution import correlate, layer_size, output_size
from vizkit.methods.eye import fit_gabors
from vizkit.methods.filters import convolution_matrix
from vizkit.methods.kernels import box_kernel, match_template, sobel_kernel
from vizkit.panels.convolution import pooled_changes
from vizkit.panels.eye import first_weights
from vizkit.panels.kernels import LETTER, box_of, line_features
from vizkit.widgets import Choice, Number, Predict, Sketch

SHARP, SLOW, EARLY = "one jump, as sharp, in another week", "a rise over nine weeks", "a jump, and a dip behind it"


@Predict(
    "A price that has been 1 for half a year is 2 from one week to the next. What does the mean of each nine weeks "
    "in a row do?",
    Choice(SHARP, SLOW, EARLY),
)
def a_jump_smoothed() -> str:
    """Each of nine windows in a row has one more of the new prices in it than the one before."""
    jump = torch.cat([torch.ones(26), 2 * torch.ones(26)])
    changes = correlate(jump, box_kernel(9, 1)).diff()
    if changes.min() < -1e-6:
        return EARLY
    return SLOW if (changes > 1e-6).sum() == 9 else SHARP


@Predict(
    "A picture of 32 x 32, a kernel of 7 x 7, stride 2, padding 3, dilation 2. How many sums are there along a side?",
    Number(1, 40, "sums", tolerance=0.5, digits=0),
)
def sums_along_a_side() -> float:
    """Dilated, the kernel reaches over 13 of the 38 padded pixels: it can be moved by 25 more, in steps of 2."""
    return output_size(32, 7, stride=2, padding=3, dilation=2)


@Predict(
    "A photo, and what a hidden kernel of 3 x 3 made of it. How many pixels of the second picture are needed to "
    "compute the kernel, at least?",
    Number(1, 10_000, "pixels", tolerance=0.5, digits=0),
)
def pixels_for_a_kernel() -> float:
    """Each is one equation for nine unknown numbers. Nine will mostly do; in flat areas they all say the same."""
    photo = vizkit.load_image("camera", (64, 64)).mean(0).double()
    kernel = torch.randn(3, 3, dtype=torch.float64, generator=generator(0))
    windows = photo.unfold(0, 3, 1).unfold(1, 3, 1).reshape(-1, 9)
    some = torch.randperm(len(windows), generator=generator(0))
    for count in range(1, 100):
        rows = windows[some[:count]]
        found = torch.linalg.lstsq(rows, rows @ kernel.flatten()[:, None], driver="gelsd").solution[:, 0]
        if torch.allclose(found, kernel.flatten(), atol=1e-6):
            return count
    raise AssertionError("a hundred pixels do not give nine numbers")


@Predict(
    "A layer of 128 filters of 3 x 3 on 64 channels of 56 x 56 pixels. How many weights has it, without biases?",
    Number(1, 100_000_000, "weights", factor=1.05, digits=0),
)
def weights_of_a_layer() -> float:
    """Each filter has 3 x 3 weights for each of the 64 channels. How large the picture is does not matter."""
    return layer_size(64, 56, 128, 3, padding=1).weights


#: Sides of boxes.
SIDES = (1, 2, 3, 5, 9, 15)


@Predict(
    "Noise, another number in each pixel, is smoothed with a box of k x k. How much of its size (its standard "
    "deviation) is left?",
    Sketch(SIDES, "k", "noise left", tolerance=0.07),
)
def noise_left() -> tuple[float, ...]:
    """The mean of n independent numbers varies less by the root of n; a box of k x k has k squared of them."""
    return tuple(float(box_kernel(side).square().sum().sqrt()) for side in SIDES)


@Predict(
    "Sobel's kernel, turned so that it lies along an edge, sums to 1 there. It is turned by 60 degrees. What is its "
    "sum now?",
    Number(0, 1, "", tolerance=0.1, digits=2),
)
def turned_by_sixty() -> float:
    """The kernel at any angle is a mixture of two, by cosine and sine: so is its sum."""
    ramp = -torch.arange(3.0).expand(3, 3)
    return float(correlate(ramp, sobel_kernel(60)) / correlate(ramp, sobel_kernel(0)))


PAPER, LETTERS, BLACK = "blank paper", "the letter e", "the blackest letters"


@Predict(
    "An e is cut out of a page of black letters on white paper, and slid over the page; at each place all products of "
    "the pixels (0 is black, 1 is white) are summed. Where is the sum largest?",
    Choice(PAPER, LETTERS, BLACK),
)
def plain_or_normalized() -> str:
    """White times anything is more than black times it: all-white windows win, whatever the pattern is."""
    page = vizkit.load_image("text", 384)
    left, top, right, bottom = box_of(LETTER, *page.shape[1:])
    score = match_template(page, page[:, top:bottom, left:right], normalized=False)
    row, column = divmod(int(score.argmax()), score.shape[1])
    best = page[:, row : row + bottom - top, column : column + right - left]
    return PAPER if best.min() == 1 else LETTERS if match_template(page, best).max() > 0.9 else BLACK


PAGODA, FLOWER, SAME = "the pagoda's", "the flower's", "the same, to a tenth"


@Predict(
    "A photo of a pagoda with its pillars and one of a flower, both shrunk to 128 x 128 px. Whose mean of vertical "
    "edges is higher, as Sobel's kernel finds them?",
    Choice(PAGODA, FLOWER, SAME),
)
def edges_of_two() -> str:
    """Petals have vertical edges, too, among others. How much edge there is does not say how long the lines are."""
    known = line_features(15)
    pagoda, flower = known["china"][0], known["flower"][0]
    return SAME if abs(pagoda / flower - 1) < 0.1 else PAGODA if pagoda > flower else FLOWER


@Predict(
    "The edges of a photo, max pooling in windows of 4 x 4. The photo moves by 1 px: by how much do the pooled numbers "
    "change, as a share of their length? The mean over the bundled photos; without pooling it is 80 %.",
    Number(0, 100, "%", tolerance=8),
)
def pooled_by_a_shift() -> float:
    """In half of the windows the largest number stays inside; in the others it leaves, or a larger one comes in."""
    names = [name for name, one in vizkit.images().items() if one.package]
    return 100 * mean(pooled_changes(vizkit.load_image(name, (96, 104)), 4)[0]["max"][1] for name in names)


@Predict(
    "A kernel of 3 x 3 slides over a picture of 6 x 6, stride 1, without padding. Written as the matrix of a dense "
    "layer: in how many places of the matrix does one of the nine weights stand?",
    Number(1, 576, "places", tolerance=0.5, digits=0),
)
def copies_of_a_weight() -> float:
    """Once in each row, and there is a row for each of the 4 x 4 outputs."""
    return int((convolution_matrix(6, 3) == 1).sum())


@Predict(
    "For each filter of viznet's first layer (7 x 7, in color), the best of two thousand Gabor patches is taken, its "
    "phase and colors fitted. How much of the median filter's square length does it explain? Of noise it is "
    "12 %, of noise smoothed by 1 px 39 %.",
    Number(0, 100, "%", tolerance=10),
)
def gabor_share() -> float:
    """Trained on photos, it looks at them much as a cat does. Blobs of color count, too: a very wide wave is a blob."""
    return 100 * float(fit_gabors(first_weights(vizkit.load_model())).explained.median())


@Predict(
    "AlexNet has 61 million weights in five convolutions and three dense layers. Which share of them is in the dense "
    "layers?",
    Number(0, 100, "%", tolerance=6),
)
def dense_share_of_alexnet() -> float:
    """A convolution uses its weights at every place; the first dense layer has one for each of 9,216 x 4,096 pairs."""
    costs = layer_costs(structure("alexnet"))
    dense = sum(one.parameters for one in costs if one.kind == "Linear")
    return 100 * dense / sum(one.parameters for one in costs)
