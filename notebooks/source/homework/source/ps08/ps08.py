# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,slideshow,nbgrader,-all
#     notebook_metadata_filter: kernelspec,jupytext,-all
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08-head", "locked": true, "schema_version": 3, "solution": false, "task": false}
# # PS08 Fooling networks
#
# How little must change before the answer does? Belongs to lecture `08_fooling.ipynb`.
#
# | question | kind | points | graded | time |
# |---|---|---|---|---|
# | 1 | derive | 5 | by tests | 15 min |
# | 2 | implement | 6 | by tests | 35 min |
# | 3 | explore | 4 | by tests, with tolerances | 15 min |
# | 4 | explain | 5 | by hand | 20 min |
# | 5 | make a panel | 5 | by tests | 20 min |
# | 6 | predict | 3 | by tests | 10 min |
# | | | **28** | | **115 min** |
#
# Write where it says `YOUR CODE HERE` or `YOUR ANSWER HERE`, and leave the other cells as they are. The cells behind your
# code test it; some tests are hidden and run when it is graded. A cell may take a minute. Before you hand in: *Kernel, Restart
# Kernel and Run All Cells*.

# %% nbgrader={"grade": false, "grade_id": "ps08-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

import vizkit
from vizkit import panels

model = vizkit.load_model("viznet", device="cpu")

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08-q1", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 1 The smallest step (5 points)
#
# A linear classifier says yes where $w \cdot x > 0$. No number of $x$ may change by more than $\epsilon$. Derive the change of $x$ that moves
# the score most, and the smallest $\epsilon$ that brings it to 0.


# %% nbgrader={"grade": false, "grade_id": "ps08-q1-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def worst_change(w, score, epsilon):
    """Return the change (n,) that moves the score most towards 0."""
    ### BEGIN SOLUTION
    return -epsilon * torch.sign(w) * (1 if score > 0 else -1)
    ### END SOLUTION


def smallest_epsilon(w, x):
    """Return the smallest epsilon at which the answer can change."""
    ### BEGIN SOLUTION
    return float((w @ x).abs() / w.abs().sum())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps08-q1-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
w, x = torch.tensor([1.0, -2.0]), torch.tensor([3.0, 0.0])
assert float(w @ (x + worst_change(w, 3.0, 0.5))) < 3
assert smallest_epsilon(w, x) > 0
### BEGIN HIDDEN TESTS
for seed in range(5):
    random = torch.Generator().manual_seed(seed)
    w, x = (torch.randn(30, generator=random, dtype=torch.float64) for _ in range(2))
    score, epsilon = float(w @ x), smallest_epsilon(w, x)
    assert worst_change(w, score, epsilon).abs().max() <= epsilon * (1 + 1e-9)
    assert abs(float(w @ (x + worst_change(w, score, epsilon)))) < 1e-9
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08-q2", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 2 FGSM (6 points)
#
# One step of $\epsilon$ along the sign of the gradient of the cross-entropy, cut to [0, 1]; with a target, the other way, down the loss of the
# target. `model.logits(image)` is differentiable in the pixels.


# %% nbgrader={"grade": false, "grade_id": "ps08-q2-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fgsm(model, image, label, epsilon, targeted=False):
    """Return the attacked picture (3, H, W); label is the true class, or the target."""
    ### BEGIN SOLUTION
    pixels = image.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(
        model.logits(pixels)[None], torch.tensor([label], device=model.device)
    )
    (gradient,) = torch.autograd.grad(loss, pixels)
    sign = -1 if targeted else 1
    return (image + sign * epsilon * gradient.sign()).clamp(0, 1)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "ps08-q2-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
picture = vizkit.load_image("motorcycle", size=64)
label = model.label_index(model.answers(picture, 1)[0][0])
moved = fgsm(model, picture, label, 2 / 255)
assert moved.shape == picture.shape
assert (moved - picture).abs().max() <= 2 / 255 + 1e-6
### BEGIN HIDDEN TESTS
goal = model.label_index("goldfish")
for name in ("motorcycle", "coffee"):
    photo = vizkit.load_image(name, size=64)
    truth = model.label_index(model.answers(photo, 1)[0][0])
    for mine, known in (
        (
            fgsm(model, photo, truth, 3 / 255),
            vizkit.fgsm(model, photo[None], truth, epsilon=3 / 255),
        ),
        (
            fgsm(model, photo, goal, 3 / 255, targeted=True),
            vizkit.fgsm(model, photo[None], target=goal, epsilon=3 / 255),
        ),
    ):
        # where a gradient is 0 up to rounding its sign is anybody's
        assert ((mine - known.images[0].cpu()).abs() > 1e-5).float().mean() < 0.01
        assert mine.min() >= 0
        assert mine.max() <= 1
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08-q3", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 3 Where it flips (4 points)
#
# In the panel, show `motorcycle` under *PGD*: what does the network answer at epsilon 3 (of 255), and how sure is it of its first answer without an
# attack, and under *random noise* of epsilon 16? (Within 3 percentage points.)

# %% nbgrader={"grade": false, "grade_id": "ps08-q3-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
attack_view = panels.attack.show(model=model, picture="motorcycle")
attack_view

# %% nbgrader={"grade": false, "grade_id": "ps08-q3-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
answer_at_3 = ...  # a label
sure_without = ...  # in [0, 1]
sure_under_noise = ...  # of the same label
### BEGIN SOLUTION
attack_view.set(epsilon=3.0)
answer_at_3 = model.answers(attack_view.result.images[0], 1)[0][0]
name, sure_without = model.answers(vizkit.load_image("motorcycle", size=(64, 64)), 1)[0]
attack_view.set(attack="random noise", epsilon=16.0)
sure_under_noise = dict(model.answers(attack_view.result.images[0], 200))[name]
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps08-q3-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert answer_at_3 in model.labels
assert 0 <= sure_under_noise <= 1
### BEGIN HIDDEN TESTS
from vizkit.methods.adversarial import pgd, random_noise

bike = vizkit.load_image("motorcycle", size=(64, 64))
name, sure = model.answers(bike, 1)[0]
assert answer_at_3 == model.answers(pgd(model, bike[None], epsilon=3 / 255).images[0], 1)[0][0]
assert abs(sure_without - sure) <= 0.03
noisy = random_noise(model, bike[None], epsilon=16 / 255).images[0]
assert abs(sure_under_noise - float(model.probabilities(noisy)[model.label_index(name)])) <= 0.03
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08-q4", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4 Is it robust? (5 points)
#
# A colleague writes: "Our defense reduces the success of FGSM from 95 % to 4 %; the network is now robust." In at most 150 words: name two
# reasons why this does not follow, and the experiments that would tell.
#
# | points | for |
# |---|---|
# | 2 | a weak attack is no bound: masked or vanishing gradients stop FGSM and not PGD with restarts, transfer or a gradient-free attack |
# | 1 | only one epsilon and one norm were tried |
# | 2 | experiments: many steps and restarts until it no longer helps, attacks made on another net, an attack made for this defense, accuracy on clean pictures beside it |

# %% [markdown] nbgrader={"grade": true, "grade_id": "ps08-q4-answer", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# FGSM is one step along one gradient. A defense that makes the gradient useless (by saturation, quantizing or randomness) stops it and leaves the
# wrong answers where they are: PGD with many steps and restarts, examples made on an undefended copy, or an attack without gradients would find
# them. And it was one epsilon and one norm. I would show the success of PGD against the number of steps until it no longer grows, over a range of
# epsilons up to where everything must fail; transfer from another net; an attack that knows the defense; and the accuracy on clean
# pictures beside it.

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08-q5", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 5 Your own attack on a slider (5 points)
#
# Make a panel `fooled` titled *How much does it take?*: a `picture` (`"motorcycle"`), a `model` (`"viznet"`) and a slider `epsilon` from 0 to 16 (3 at first) in gray values of
# 255. Its result is the picture after one step of FGSM (`vizkit.fgsm`) at the picture's own class, at the network's size of 64 by 64 pixels, a tensor (3, 64, 64); it shows
# that picture `seen` and a `text` with the answer.
#
# `make_your_own.ipynb` shows how a panel is written. It is graded by calling it and by its listing (*Menu, Show code*).

# %% nbgrader={"grade": false, "grade_id": "ps08-q5-import", "locked": true, "schema_version": 3, "solution": false, "task": false}
from typing import Annotated

from vizkit.figures.pictures import fit, photo
from vizkit.widgets import Model, Picture, Slider


# %% nbgrader={"grade": false, "grade_id": "ps08-q5-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
@vizkit.panel("How much does it take?")
def fooled(
    picture: Picture = "motorcycle",
    model: Model = "viznet",
    epsilon: Annotated[int, Slider(0, 16)] = 3,
):
    """One step along the gradient's signs."""
    image = vizkit.load_image(picture, (64, 64))
    found = vizkit.fgsm(model, image[None], epsilon=epsilon / 255).images[0]
    name, share = model.answers(found, 1)[0]
    seen = fit(photo(found, f"The picture, changed by {epsilon} / 255"), 320)
    return found, {"seen": seen, "text": f"**{name}**, {share:.0%}"}


### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps08-q5-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
from vizkit.widgets.agreement import disagreements

view = fooled.show()
assert view.error is None
assert set(view.items) == {"seen", "text"}
assert disagreements(view) == []  # its listing makes what it shows
### BEGIN HIDDEN TESTS
for name, size in (("motorcycle", 3), ("coffee", 8)):
    clean = vizkit.load_image(name, (64, 64))
    wanted = vizkit.fgsm(model, clean[None], epsilon=size / 255).images[0]
    assert torch.allclose(fooled(name, model, size)[0], wanted, atol=1e-6)
view.set(epsilon=0)
assert torch.equal(view.result, vizkit.load_image("motorcycle", (64, 64)))
view.set(epsilon=16)
assert model.answers(view.result, 1)[0][0] in str(view.items["text"])
assert disagreements(view) == []
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": false, "grade_id": "ps08-q6", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 6 Predict, then look (3 points)
#
# PGD looks for the worst change of at most 1, 2, 4 and 8 gray levels of 255. Which share of the network's answers to
# many pictures changes (`questions.changed_by_pgd` of the lecture)? Four numbers from 0 to 1. Press *Play*, and read
# the chart when the run has ended.
#
# Fill in `prediction` and `because` before you touch the panel: they count when they are made and explained, right or
# not (1 point). Then look for `finding` in the panel: it counts when it is right, within 0.15 on average (2 points).

# %% nbgrader={"grade": false, "grade_id": "ps08-q6-panel", "locked": true, "schema_version": 3, "solution": false, "task": false}
from vizkit import questions

rate_view = panels.success.show(model=model, count=20)
rate_view

# %% nbgrader={"grade": false, "grade_id": "ps08-q6-answer", "locked": false, "schema_version": 3, "solution": true, "task": false}
prediction = ...  # four numbers
because = ...  # a sentence
finding = ...  # four numbers
### BEGIN SOLUTION
prediction = (0.02, 0.1, 0.3, 0.6)
because = "Nobody sees a change of a gray level or two, so it should hardly ever change an answer."
rate_view.play()
finding = rate_view.wait(180).curve("PGD")
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "ps08-q6-made", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert questions.changed_by_pgd.made(prediction, because), "because: a sentence of your own"

# %% nbgrader={"grade": true, "grade_id": "ps08-q6-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert len(finding) == 4
### BEGIN HIDDEN TESTS
assert questions.changed_by_pgd.right(finding)
### END HIDDEN TESTS
