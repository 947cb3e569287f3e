"""What is asked in 02, principal components."""

import math

import torch

from vizkit import panels
from vizkit.panels.principal import kept_of_new
from vizkit.widgets import Choice, Number, Predict, Sketch


@Predict(
    "Ten samples of two features that rise together. One number instead of two for each of them: how much of the "
    "variance can it keep?",
    Number(0, 100, "%", tolerance=6),
)
def kept_by_one() -> float:
    """Along the line the samples differ, across it hardly. The fewer directions they spread in, the less is lost."""
    found, _ = panels.pca_steps()
    return 100 * float(found.explained[0])


@Predict(
    "Ten samples lie along a line at 47°. Feature 2 is now measured in millimeters instead of centimeters, so all its "
    "numbers are ten times larger. At what angle is the axis of largest variance?",
    Number(0, 180, "°", tolerance=8),
)
def rescaled_axis() -> float:
    """Variance has a unit: the feature with the larger numbers wins, and the axis turns towards it."""
    found, _ = panels.axis(unit=10.0)
    first = found.components[:, 0]
    return math.degrees(math.atan2(first[1], first[0])) % 180


@Predict(
    "A digit has 64 pixels. How much of the variance of 1,797 digits do the first 8 components keep?",
    Number(0, 100, "%", tolerance=10),
)
def kept_by_eight() -> float:
    """Neighboring pixels vary together, so a few directions say most; not all: with eight, digits look blurred."""
    found, _ = panels.components(k=8)
    return 100 * float(found.explained[:8].sum())


@Predict(
    "The components of 80 faces, all 79 of them, rebuild these 80 faces without a loss. How much of the variance of 20 "
    "**new** faces do they keep?",
    Choice("all of it", "about three quarters", "about a third", "next to nothing"),
)
def kept_of_new_faces() -> str:
    """They span the 80 faces, which is no merit. A new face has parts that none of the 80 has."""
    kept = float(kept_of_new("faces")[-1])
    shares = {"all of it": 1.0, "about three quarters": 0.75, "about a third": 0.33, "next to nothing": 0.0}
    return min(shares, key=lambda words: abs(shares[words] - kept))


@Predict(
    "Digits are told by the nearest known one. Their 64 pixels get 64 more features. Which of them cost the most right "
    "answers?",
    Choice("copies of pixels", "mixtures of pixels", "columns of noise"),
)
def costly_features() -> str:
    """Copies and mixtures hardly change the order of distances; noise, no matter which digit, blurs them all."""
    known = {"copies": "copies of pixels", "mixtures": "mixtures of pixels", "noise": "columns of noise"}
    right = {words: panels.added_features(kind=kind)[0] for kind, words in known.items()}
    return min(right, key=lambda words: float(tuple(right[words].values())[1].mean(0)[-1]))


#: Numbers of components at which the curve is asked.
PLACES = (2, 5, 10, 20, 35, 49)


@Predict(
    "Least squares learns from fifty digits, of which it gets the first k components. Which share of **new** digits "
    "does it get right?",
    Sketch(PLACES, "components k", "new digits that are right"),
)
def held_out_curve() -> tuple[float, ...]:
    """Up first: more of the digit is seen. Then down: with as many slopes as digits it fits their accidents."""
    draws, _ = panels.few_samples()
    held = torch.stack([scores.held for scores in draws]).mean(0)
    return tuple(float(held[k - 1]) for k in PLACES)
