"""``python -m vizkit.training``: the commands that made the bundled networks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer
from safetensors.torch import save_file
from torch import nn
from tqdm import tqdm

from vizkit.core.detectors import DETECTORS, HEADS, BoxNet, load_detector
from vizkit.core.inverters import INVERTERS, PLACES, load_inverter
from vizkit.core.models import LEARNING, load_model
from vizkit.core.scenes import make_scenes
from vizkit.core.steps import Writer, logged
from vizkit.core.stylenet import STYLES
from vizkit.methods.boxes import paired_iou
from vizkit.methods.facets import SHEET
from vizkit.methods.linear_photos import WEIGHTS
from vizkit.methods.sounds import LISTENER, trained_listener
from vizkit.training.boxes import (
    BoxTraining,
    HeadTraining,
    best_fixed_box,
    box_overlap,
    head_overlap,
    save_heads,
    viznet_codes,
)
from vizkit.training.detectors import COUNTS, DetectorTraining, crowds, judge_detectors, save_detector
from vizkit.training.export import export, write_net
from vizkit.training.facets import all_facets, save_facets
from vizkit.training.inverters import EPOCHS as INVERTER_EPOCHS
from vizkit.training.inverters import InverterTrainer, reconstruction, save_inverters
from vizkit.training.linear import linear_accuracy, save_linear, train_linear
from vizkit.training.runs import Run
from vizkit.training.style import STEPS, save_style, training_steps
from vizkit.training.tiny_imagenet import LabeledImages, load_boxes, load_tiny_imagenet
from vizkit.training.viznet import (
    ROBUST,
    SCENES,
    SMALL,
    Recipe,
    Trainer,
    accuracy,
    attacked_accuracy,
    dead_channels,
    labeled,
)

app = typer.Typer(help=__doc__, no_args_is_help=True)
Data = Annotated[Path, typer.Option(help="Folder with Tiny-ImageNet-200.")]
Out = Annotated[Path, typer.Option(help="Folder for the checkpoint; resumed if it has one.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Board = Annotated[Path | None, typer.Option(help="Folder for TensorBoard, if the curves are to be kept.")]


@app.command("viznet")
def train_viznet(
    data: Data,
    out: Out = Path("runs"),
    epochs: Annotated[int, typer.Option(help="Passes over the training pictures.")] = 30,
    device: Device = "cpu",
    tensorboard: Board = None,
) -> None:
    """Train viznet on Tiny-ImageNet-200, writing a checkpoint after every epoch."""
    trainer = Trainer(load_tiny_imagenet(data, "train"), Recipe(epochs=epochs), device)
    _train(trainer, out / "viznet.pt", load_tiny_imagenet(data, "val"), tensorboard)


@app.command("viznet-robust")
def train_viznet_robust(
    data: Data,
    start: Annotated[Path, typer.Option(help="The checkpoint that training viznet wrote.")],
    out: Out = Path("runs"),
    epochs: Annotated[int, typer.Option(help="Passes over the training pictures.")] = ROBUST.epochs,
    device: Device = "cpu",
    tensorboard: Board = None,
) -> None:
    """Fine-tune viznet against small perturbations."""
    recipe = replace(ROBUST, epochs=epochs)
    trainer = Trainer(load_tiny_imagenet(data, "train"), recipe, device)
    trainer.start_from(start)
    _train(trainer, out / "viznet-robust.pt", load_tiny_imagenet(data, "val"), tensorboard)


@app.command("viznet-small")
def train_viznet_small(data: Data, out: Out = Path("runs"), device: Device = "cpu", tensorboard: Board = None) -> None:
    """Train a stranger to viznet: half the channels, its own initial weights, the same pictures."""
    trainer = Trainer(load_tiny_imagenet(data, "train"), SMALL, device)
    _train(trainer, out / "viznet-small.pt", load_tiny_imagenet(data, "val"), tensorboard)


@app.command("scenes")
def train_scenes(
    out: Out = Path("runs"),
    count: Annotated[int, typer.Option(help="Scenes to draw.")] = 20_000,
    device: Device = "cpu",
    tensorboard: Board = None,
) -> None:
    """Train the small net on scenes whose truth is known, and keep some checkpoints; needs no data."""
    train, test = (labeled(make_scenes(n, seed=seed)) for n, seed in ((count, 1), (2000, 2)))
    trainer = Trainer(train, SCENES, device)

    def keep() -> None:
        if path := LEARNING.get(trainer.epoch):
            write_net(trainer.net.state_dict(), out / path.name, torch.float16)

    _train(trainer, out / "scenes.pt", test, tensorboard, keep)


@app.command("style")
def train_style(
    name: Annotated[str, typer.Argument(help="A bundled picture, such as swirls.")],
    out: Annotated[Path, typer.Option(help="Folder for the weights.")] = STYLES,
    steps: Annotated[int, typer.Option(help="Batches of practice pictures.")] = STEPS,
    tensorboard: Board = None,
) -> None:
    """Train a fast style net for one picture; needs no data."""
    bar = tqdm(total=steps, mininterval=10)
    for step in logged(training_steps(name, steps), _writer(tensorboard), name):
        bar.update()
        bar.set_postfix(loss=f"{step.loss:.2f}", refresh=False)
        if step.index % 500 == 0 or step.index == steps:
            save_style(step, name, out)


@app.command("facets")
def make_facets(data: Data, out: Annotated[Path, typer.Option(help="The picture to write.")] = SHEET) -> None:
    """Group the training pictures of each class by what viznet sees in them, and write the groups' means."""
    model, pictures = load_model("viznet"), load_tiny_imagenet(data, "train")
    found = list(tqdm(all_facets(model, pictures), total=len(pictures.names), mininterval=10))
    save_facets(found, list(model.labels), out)


@app.command("linear")
def make_linear(data: Data, out: Annotated[Path, typer.Option(help="The file to write.")] = WEIGHTS) -> None:
    """Train the linear softmax on Tiny-ImageNet-200."""
    train, test = load_tiny_imagenet(data, "train"), load_tiny_imagenet(data, "val")
    for epoch in train_linear(train):
        print(f"epoch {epoch.index}: loss {epoch.loss:.3f}, top-1 {linear_accuracy(epoch.net, test):.2%}")
        save_linear(epoch.net, out)


@app.command("inverters")
def make_inverters(
    data: Data,
    out: Out = Path("runs"),
    epochs: Annotated[int, typer.Option(help="Passes over the training pictures.")] = INVERTER_EPOCHS,
    to: Annotated[Path, typer.Option(help="Folder for the weights.")] = INVERTERS,
    device: Device = "cpu",
) -> None:
    """Train the nets that draw a picture from relu3, relu5 and relu7 of viznet."""
    model, checkpoint = load_model("viznet", device), out / "inverters.pt"
    trainer = InverterTrainer(model, load_tiny_imagenet(data, "train"), epochs=epochs, device=device)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if checkpoint.is_file():
        trainer.resume(checkpoint)
    bar = tqdm(total=trainer.total, initial=trainer.done, mininterval=10)
    for step in trainer.steps():
        bar.update()
        bar.set_postfix({layer: f"{loss:.4f}" for layer, loss in step.loss.items()}, refresh=False)
        if step.index % 100 == 0 or step.index == step.total:
            trainer.save(checkpoint)
    save_inverters(trainer.nets, to)


@app.command("evaluate-inverters")
def evaluate_inverters(data: Data) -> None:
    """Print what the inverters' cards state, on the 10,000 validation pictures."""
    model, test = load_model("viznet"), load_tiny_imagenet(data, "val")
    for layer in PLACES:
        decibel, error = reconstruction(model, load_inverter(layer), layer, test)
        print(f"{layer}: {decibel:.1f} dB, code error {error:.3f} on {len(test.labels)} pictures")


@app.command("listener")
def make_listener(out: Annotated[Path, typer.Option(help="The file to write.")] = LISTENER) -> None:
    """Train the small net that hears words; needs no data."""
    net = trained_listener()
    save_file(net.state_dict(), out)
    print(f"{out}: {net.accuracy:.1%} of words that it was not trained on")


@app.command("detector")
def make_detector(
    name: Annotated[str, typer.Argument(help="regions (Faster R-CNN), grid (YOLO) or crops (R-CNN).")],
    out: Out = Path("runs"),
    count: Annotated[int | None, typer.Option(help="Scenes to draw; 10,000 or 20,000 by default.")] = None,
    to: Annotated[Path, typer.Option(help="Folder for the weights.")] = DETECTORS,
) -> None:
    """Train a net that finds the things in scenes; needs no data."""
    training = DetectorTraining(name, crowds(count or COUNTS[name], seed=1))
    _run(training, out / f"{name}.pt")
    save_detector(name, training.net, to)


@app.command("boxes")
def make_boxes(
    data: Data, out: Out = Path("runs"), to: Annotated[Path, typer.Option(help="Folder for the weights.")] = DETECTORS
) -> None:
    """Train a net that says one box in a photo."""
    training = BoxTraining(load_tiny_imagenet(data, "train"), load_boxes(data, "train"))
    _run(training, out / "boxes.pt")
    save_detector("boxes", training.net, to)


@app.command("heads")
def make_heads(data: Data, to: Annotated[Path, typer.Option(help="Folder for the weights.")] = DETECTORS) -> None:
    """Train the heads of viznet that say a box, and print how good they are on the validation pictures."""
    train, boxes = load_tiny_imagenet(data, "train"), load_boxes(data, "train")
    test, truth = load_tiny_imagenet(data, "val"), load_boxes(data, "val")
    codes, asked = (viznet_codes(one.images) for one in (train, test))
    heads: dict[str, nn.Module] = {}
    for kind, (layer, _) in HEADS.items():
        training = HeadTraining(kind, codes[layer], boxes, train.labels)
        for _step in tqdm(training.steps(), total=training.total, desc=kind, mininterval=10):
            pass
        heads[kind] = training.net.eval()
        print(f"{kind}: mean IoU {head_overlap(training.net, asked[layer], truth, test.labels):.3f}")
    save_heads(heads, to)


@app.command("evaluate-detectors")
def evaluate_detectors(count: Annotated[int, typer.Option(help="Scenes.")] = 500) -> None:
    """Print what the detectors' cards state, on scenes made of photos for tests."""
    for line in judge_detectors(count):
        print(line)


@app.command("evaluate-boxes")
def evaluate_boxes(data: Data) -> None:
    """Print what the card of the net of one box states, on the 10,000 validation pictures."""
    boxes = load_boxes(data, "val")
    overlap, half, right = box_overlap(load_detector(BoxNet), load_tiny_imagenet(data, "val"), boxes)
    print(f"boxes: mean IoU {overlap:.3f}, {half:.1%} of 0.5 or more, top-1 {right:.1%} on {len(boxes)} pictures")
    best, _ = best_fixed_box(load_boxes(data, "train"))
    print(f"the best fixed box: mean IoU {float(paired_iou(best[None], boxes).mean()):.3f}")


def _run(training: Run, checkpoint: Path) -> None:
    """Run to the end, from the checkpoint if there is one."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if checkpoint.is_file():
        training.resume(checkpoint)
    bar = tqdm(total=training.total, initial=training.done, mininterval=10)
    for step in training.steps():
        bar.update()
        bar.set_postfix({term: f"{loss:.3f}" for term, loss in step.losses.items()}, refresh=False)
        if step.index % 250 == 0 or step.index == step.total:
            training.save(checkpoint)
    training.net.eval()


def _writer(folder: Path | None) -> Writer | None:
    if folder is None:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError as error:
        raise typer.BadParameter(
            "tensorboard is missing; install it with: pip install 'vizkit[tensorboard]'"
        ) from error
    return SummaryWriter(folder)


def _train(
    trainer: Trainer,
    checkpoint: Path,
    test: LabeledImages,
    tensorboard: Path | None,
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Run to the recipe's end, from the checkpoint if there is one, and write it every epoch; then call `keep`."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if checkpoint.is_file():
        trainer.resume(checkpoint)
        print(f"resuming after epoch {trainer.epoch} of {trainer.recipe.epochs}")
    keep()
    bar = tqdm(total=trainer.total, initial=trainer.epoch * trainer.per_epoch, mininterval=10)
    for step in trainer.steps(writer=_writer(tensorboard)):
        bar.update()
        bar.set_postfix(loss=f"{step.loss:.2f}", lr=f"{step.lr:.3f}", refresh=False)
        if step.index % trainer.per_epoch == 0:
            trainer.save(checkpoint)
            keep()
            top1, top5 = accuracy(trainer.net.eval(), test)
            bar.write(f"epoch {step.epoch}: top-1 {top1:.1%}, top-5 {top5:.1%}")


@app.command("export")
def export_weights(
    checkpoint: Annotated[Path, typer.Option(help="What the training wrote.")],
    data: Annotated[Path | None, typer.Option(help="Folder with Tiny-ImageNet-200, to write its labels.")] = None,
    name: Annotated[str, typer.Option(help="The bundled network to replace.")] = "viznet",
) -> None:
    """Fold a checkpoint's batch norm and write the files that are shipped."""
    path = export(name, checkpoint, load_tiny_imagenet(data, "val") if data else None)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


@app.command()
def evaluate(
    data: Data,
    name: Annotated[str, typer.Option(help="A bundled network.")] = "viznet",
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None,
) -> None:
    """Print the accuracy on the 10,000 validation pictures, as the model cards state it."""
    model = load_model(name, device)
    test = load_tiny_imagenet(data, "val")
    top1, top5 = accuracy(model.net, test)
    dead = dead_channels(model.net, test)
    print(f"{name}: top-1 {top1:.2%}, top-5 {top5:.2%} on {len(test.labels)} pictures")
    print(f"{name}: {dead} dead channels after the first ReLU")
    for radius in (0.5, 1.0):
        attacked = attacked_accuracy(model.net, test, radius)
        print(f"{name}: top-1 {attacked:.2%} under perturbations of L2 length {radius}")


if __name__ == "__main__":
    app()
