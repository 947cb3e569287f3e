"""Runs written for TensorBoard by torch's own SummaryWriter, and read again."""

from dataclasses import dataclass

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

import vizkit
from vizkit.core.steps import Step, last, logged
from vizkit.methods.dream import dream_steps
from vizkit.training.viznet import Recipe, Trainer, labeled


@pytest.fixture
def writer(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.folder = tmp_path
        yield writer


def read(writer):
    writer.flush()
    events = EventAccumulator(str(writer.folder), size_guidance={"images": 0, "scalars": 0})
    return events.Reload()


@dataclass(frozen=True)
class Example(Step):
    loss: float
    parts: dict
    image: Tensor
    memory: dict
    done: bool = True


def example_steps(count):
    for index in range(1, count + 1):
        image = torch.full((3, 4, 5), index / count)
        yield Example(index, count, 1 / index, {"a": index, "b": torch.tensor(2.0)}, image, {"x": []})


def test_numbers_of_every_step_and_some_pictures(writer):
    steps = list(logged(example_steps(200), writer, "try"))
    assert [step.index for step in steps] == list(range(1, 201))
    events = read(writer)
    assert set(events.Tags()["scalars"]) == {"try/loss", "try/parts/a", "try/parts/b"}
    assert [event.step for event in events.Scalars("try/loss")] == list(range(1, 201))
    assert events.Scalars("try/loss")[3].value == pytest.approx(0.25)
    pictures = [event.step for event in events.Images("try/image")]
    assert pictures[0] == 1
    assert pictures[-1] == 200
    assert 18 <= len(pictures) <= 23


def test_the_last_step_of_a_method_is_the_same_with_a_writer(writer, viznet):
    image = vizkit.load_image("china", 64)
    settings = {"octaves": 1, "steps": 3, "seed": 1}
    plain = last(dream_steps(viznet, image, "relu2", **settings))
    written = last(dream_steps(viznet, image, "relu2", **settings), writer=writer, name="dream")
    assert torch.equal(plain.image, written.image)
    events = read(writer)
    assert [event.step for event in events.Images("dream/image")] == [1, 2, 3]
    assert events.Scalars("dream/objective")[-1].value == pytest.approx(written.objective, rel=1e-5)


def test_a_panels_run(writer):
    panel = vizkit.panels.dream.show(size=128, octaves=1, steps=4)
    panel.writer = writer
    panel.play()
    panel.wait(60)
    events = read(writer)
    tag = next(tag for tag in events.Tags()["scalars"] if tag.endswith("/objective"))
    assert [event.step for event in events.Scalars(tag)] == [2, 3, 4], "from Play on"


def test_training(writer):
    from vizkit.core.scenes import make_scenes

    recipe = Recipe(epochs=1, batch_size=16, width=0.1)
    trainer = Trainer(labeled(make_scenes(48)), recipe)
    count = len(list(trainer.steps(writer=writer)))
    events = read(writer)
    assert {"train/loss", "train/accuracy", "train/lr"} <= set(events.Tags()["scalars"])
    assert len(events.Scalars("train/loss")) == count == 3


def test_a_panels_run_keeps_the_picture_of_its_last_step(writer):
    panel = vizkit.panels.dream.show(size=128, octaves=1, steps=31)
    panel.writer = writer
    panel.play()
    panel.wait(60)
    pictures = [event.step for event in read(writer).Images("dream_steps/image")]
    assert pictures[0] == 2, "from Play on"
    assert pictures[-1] == 31
