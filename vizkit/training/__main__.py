"""``python -m vizkit.training``: the commands that made the bundled networks."""

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from vizkit.core.models import load_model
from vizkit.training import viznet
from vizkit.training.export import export
from vizkit.training.tiny_imagenet import load_tiny_imagenet

app = typer.Typer(help=__doc__, no_args_is_help=True)
Data = Annotated[Path, typer.Option(help="Folder with Tiny-ImageNet-200.")]


@app.command("viznet")
def train_viznet(
    data: Data,
    out: Annotated[
        Path, typer.Option(help="Folder for the checkpoint; resumed if it has one.")
    ] = Path("runs"),
    epochs: Annotated[int, typer.Option(help="Passes over the training pictures.")] = 30,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train viznet on Tiny-ImageNet-200, writing a checkpoint after every epoch."""
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "viznet.pt"
    test = load_tiny_imagenet(data, "val")
    recipe = viznet.Recipe(epochs=epochs)
    trainer = viznet.Trainer(load_tiny_imagenet(data, "train"), recipe, device)
    if checkpoint.is_file():
        trainer.resume(checkpoint)
        print(f"resuming after epoch {trainer.epoch} of {epochs}")
    bar = tqdm(total=trainer.total, initial=trainer.epoch * trainer.per_epoch, mininterval=10)
    for step in trainer.steps():
        bar.update()
        bar.set_postfix(loss=f"{step.loss:.2f}", lr=f"{step.lr:.3f}", refresh=False)
        if step.index % trainer.per_epoch == 0:
            trainer.save(checkpoint)
            top1, top5 = viznet.accuracy(trainer.net.eval(), test)
            bar.write(f"epoch {step.epoch}: top-1 {top1:.1%}, top-5 {top5:.1%}")


@app.command("export")
def export_weights(
    data: Data,
    checkpoint: Annotated[Path, typer.Option(help="What the training wrote.")],
    name: Annotated[str, typer.Option(help="The bundled network to replace.")] = "viznet",
) -> None:
    """Fold a checkpoint's batch norm and write the files that are shipped."""
    path = export(name, checkpoint, load_tiny_imagenet(data, "val"))
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


@app.command()
def evaluate(
    data: Data,
    name: Annotated[str, typer.Option(help="A bundled network.")] = "viznet",
    device: Annotated[str | None, typer.Option(help="cpu or cuda.")] = None,
) -> None:
    """Print the accuracy on the 10,000 validation pictures, as the model card states it."""
    model = load_model(name, device)
    test = load_tiny_imagenet(data, "val")
    top1, top5 = viznet.accuracy(model.net, test)
    dead = viznet.dead_channels(model.net, test)
    print(f"{name}: top-1 {top1:.2%}, top-5 {top5:.2%} on {len(test.labels)} pictures")
    print(f"{name}: {dead} dead channels after the first ReLU")


if __name__ == "__main__":
    app()
