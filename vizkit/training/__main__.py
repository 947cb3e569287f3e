"""``python -m vizkit.training``: the commands that made the bundled networks."""

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from vizkit.training import viznet
from vizkit.training.tiny_imagenet import load_tiny_imagenet

app = typer.Typer(help=__doc__, no_args_is_help=True)
Data = Annotated[Path, typer.Option(help="Folder with Tiny-ImageNet-200.")]


@app.callback()
def main() -> None:
    """Keep the command's name on the command line, however many commands there are."""


@app.command("viznet")
def train_viznet(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint; resumed if it has one.")],
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


if __name__ == "__main__":
    app()
