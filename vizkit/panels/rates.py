"""Panels that count: how often attacks succeed, on whom, and on nets that were trained against them."""

from typing import Annotated, Any

import torch
from torch import Tensor

import vizkit
from vizkit.core.models import ImageModel, load_model
from vizkit.figures.fooling import epsilon_chart, share_table
from vizkit.figures.raster import Html
from vizkit.methods.adversarial_training import (
    TrainingStep,
    accuracy_under_attack,
    adversarial_training_steps,
    held_out_digits,
)
from vizkit.methods.attack_rates import rates_steps, transfer_steps
from vizkit.panels.common import surest_first
from vizkit.widgets import Model, Run, Slider, Text, direct

#: In 1/255.
LEVELS = (1, 2, 4, 8)
#: At which nets are attacked that were trained against attacks, in [0, 1] pixels.
STRENGTHS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25)


def sure_crops(model: ImageModel, count: int) -> Tensor:
    """Return pictures from all over the 200 crops of which a net is surest: the very surest hardly ever yield."""
    return surest_first(model, 200)[torch.linspace(0, 199, count).long()]


@vizkit.panel("How often it works", rate=4, layout="chart / text")
def success(
    model: Model = "viznet",
    count: Annotated[int, Slider(20, 200, 20, live=False, label="pictures")] = 100,
    *,
    run: Run = direct,
) -> Any:
    """Noise and attacks on many pictures, by epsilon."""
    pictures = sure_crops(model, count)
    for step in run(rates_steps, model, pictures, [level / 255 for level in LEVELS]):
        curves = {attack: step.curve(attack) for attack in step.attacks}
        known = "; ".join(f"{attack} {rates[-1]:.0%}" for attack, rates in curves.items() if rates)
        yield (
            step,
            {
                "chart": epsilon_chart(step.epsilons, curves, f"{model.name} under attack", "answers changed"),
                "text": f"at the largest epsilon so far: {known} of {count} pictures",
            },
        )


def nets_of(names: str) -> list[ImageModel]:
    """Load the networks that were typed."""
    return [load_model(name.strip()) for name in names.split(",") if name.strip()]


@vizkit.panel("From one network to another", rate=4, layout="table / text")
def transfer(
    nets: Annotated[str, Text("networks with commas between them")] = "viznet, viznet-small, viznet-robust",
    epsilon: Annotated[int, Slider(1, 16, live=False, unit="/255")] = 8,
    count: Annotated[int, Slider(20, 200, 20, live=False, label="pictures")] = 40,
    *,
    run: Run = direct,
) -> Any:
    """Does what fools one network fool the others?"""
    models = nets_of(nets)
    pictures = sure_crops(models[0], count)
    for step in run(transfer_steps, models, pictures, epsilon / 255):
        yield (
            step,
            {
                "table": Html(share_table(step.names, step.table, "made on, tried on")),
                "text": f"{step.index} of {step.total} networks attacked; each row counts the pictures of {count} "
                "whose attack succeeds on the network that it was made on",
            },
        )


@vizkit.remembered(1)
def unseen_digits() -> tuple[Tensor, Tensor]:
    """Return two hundred digits that no net has seen, and what they are."""
    images, labels = held_out_digits()
    return images[:200], labels[:200]


def curves_of(step: TrainingStep) -> dict[str, list[float]]:
    """Return both nets' accuracies: on clean digits while they learn, under attack when they have learned."""
    nets = {"plain": (step.plain, step.plain_accuracy), "robust": (step.robust, step.robust_accuracy)}
    if step.index < step.total:
        return {name: [clean] for name, (_, clean) in nets.items()}
    images, labels = unseen_digits()
    return {
        name: [clean, *accuracy_under_attack(net, images, labels, STRENGTHS[1:], steps=10)]
        for name, (net, clean) in nets.items()
    }


@vizkit.panel("Training against it", rate=4, layout="chart / text")
def defense(
    epsilon: Annotated[float, Slider(0.0, 0.3, 0.05, live=False, label="trained at")] = 0.15,
    epochs: Annotated[int, Slider(2, 32, 2, live=False)] = 16,
    seed: Annotated[int, Slider(0, 20, live=False)] = 0,
    *,
    run: Run = direct,
) -> Any:
    """Two nets learn digits, one of them attacked while it does; then both are."""
    for step in run(adversarial_training_steps, epsilon=epsilon, epochs=epochs, seed=seed):
        yield (
            step,
            {
                "chart": epsilon_chart(STRENGTHS, curves_of(step), "Digits under PGD", "accuracy"),
                "text": f"epoch {step.index}: on clean digits plain {step.plain_accuracy:.1%}, "
                f"robust {step.robust_accuracy:.1%}",
            },
        )
