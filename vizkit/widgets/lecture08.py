"""The panels of lecture 08: one step in many dimensions, attacks, one pixel, a patch, fooling."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from vizkit.core.images import load_image
from vizkit.core.models import ImageModel
from vizkit.figures.attribution import top_bars
from vizkit.figures.fooling import attack_sheet, dimension_chart, example_table, flip_strip
from vizkit.figures.pictures import boxes, fit, photo, sheet
from vizkit.methods.adversarial import ATTACKS, Attack, Norm
from vizkit.methods.fooling import FoolingStep, fooling_steps
from vizkit.methods.linear_example import (
    SLIDE_W,
    SLIDE_X,
    LinearExample,
    linear_example,
    random_example,
)
from vizkit.methods.one_pixel import OnePixelStep, one_pixel_steps
from vizkit.methods.patch import PatchStep, Placements, paste_patch, patch_steps
from vizkit.widgets import controls as make
from vizkit.widgets import layouts
from vizkit.widgets.live import LivePanel, code_of_run
from vizkit.widgets.old_panel import Panel, Shown
from vizkit.widgets.sources import PHOTO, image_line, source_pool

ANY = "any other"
#: At which an attack is tried for the table, in 1/255.
EPSILONS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


def _own(net: ImageModel) -> tuple[int, int]:
    """Return the size at which a net is asked: that of its training pictures."""
    return net.input_size, net.input_size


def _target(value: str) -> str | None:
    return None if value == ANY else value


# One step in many dimensions ------------------------------------------------------------------


def _numbers(text: str, what: str) -> Tensor:
    try:
        return torch.tensor([float(part) for part in text.replace(",", " ").split()])
    except ValueError:
        raise ValueError(f"{what} must be numbers between commas, got {text!r}") from None


def _written(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def linear_panel() -> Panel:
    """Move every number of x a little: the slides' ten dimensions, and as many as one likes."""
    controls = {
        "x": make.text("x", _written(SLIDE_X)),
        "w": make.text("w", _written(SLIDE_W)),
        "epsilon": make.slider("step", 0.0, 2.0, 0.5, step=0.05),
        "power": make.slider("10 to the", 1.0, 4.0, 1.0, step=0.25),
    }

    def compute(x: str, w: str, epsilon: float, power: float) -> LinearExample:
        if power == 1:
            return linear_example(_numbers(x, "x"), _numbers(w, "w"), epsilon)
        return random_example(round(10**power), epsilon)

    def draw(found: LinearExample) -> Shown:
        step = panel_step()
        sizes = [10, 32, 100, 316, 1000, 3162, 10_000]
        scores = [random_example(size, step).moved_score for size in sizes]
        text = f"{len(found.x)} dimensions<br>{example_table(found)}"
        return {"table": text, "chart": dimension_chart(sizes, scores)}

    def panel_step() -> float:
        return float(controls["epsilon"].value)

    def code(x: str, w: str, epsilon: float, power: float) -> str:
        call = (
            f"linear_example(torch.tensor([{x}]), torch.tensor([{w}]), {epsilon})"
            if power == 1 else f"random_example({round(10**power)}, {epsilon})"
        )  # fmt: skip
        return "\n".join([
            "import torch",
            "from vizkit.figures.fooling import dimension_chart",
            "from vizkit.methods.linear_example import linear_example, random_example",
            "",
            f"result = {call}",
            "print(result.score, result.moved_score, result.moved_probability)",
            "sizes = [10, 32, 100, 316, 1000, 3162, 10_000]",
            f"scores = [random_example(size, {epsilon}).moved_score for size in sizes]",
            "dimension_chart(sizes, scores)",
        ])  # fmt: skip

    return Panel(
        "A little in every direction", controls, compute, draw, code=code,
        arrange=layouts.column,
    )  # fmt: skip


# Attacks --------------------------------------------------------------------------------------

#: Attacks of the panel, each with its norm.
CHOICES: dict[str, tuple[str, Norm]] = {
    "FGSM": ("FGSM", "Linf"), "PGD": ("PGD", "Linf"), "PGD, L2": ("PGD", "L2"),
    "linear step, L2": ("FGSM", "L2"), "random noise": ("random noise", "Linf"),
}  # fmt: skip
#: Under L2, an epsilon is this many times as long: the same change in a few hundred numbers.
L2_FACTOR = 50.0


@dataclass(frozen=True)
class AttackView:
    """What the attack panel shows."""

    original: Tensor
    attack: Attack
    true: str
    epsilon: float


def _length(attack: str, epsilon: float) -> float:
    """Return the epsilon of an attack in [0, 1] pixels, from the slider's 1/255."""
    return epsilon / 255 * (L2_FACTOR if CHOICES[attack][1] == "L2" else 1)


def _run(net: ImageModel, image: str, attack: str, target: str, epsilon: float) -> Attack:
    name, norm = CHOICES[attack]
    pictures = load_image(image, _own(net))[None]
    return ATTACKS[name](
        net, pictures, epsilon=_length(attack, epsilon), norm=norm, target=_target(target)
    )


@lru_cache(maxsize=32)
def _flips(net: ImageModel, image: str, attack: str, target: str) -> str:
    """Write what the net answers for every epsilon."""
    picture = load_image(image, _own(net))
    true = net.top(picture, 1)[0][0]
    found = [net.top(_run(net, image, attack, target, epsilon).images[0], 1)[0]
             for epsilon in EPSILONS]  # fmt: skip
    return flip_strip(EPSILONS, [one[0] for one in found], [one[1] for one in found], true)


def attack_panel(model: str | ImageModel = "viznet", image: str = "coffee") -> Panel:
    """Change a picture until the answer changes."""
    picker = make.ModelPicker(model)
    net = picker.load()
    controls = {
        "image": make.ImagePicker(image),
        "model": picker,
        "attack": make.dropdown("attack", list(CHOICES), "PGD"),
        "target": make.search("target", [ANY, *net.labels], ANY),
        "epsilon": make.slider("epsilon", 0.0, 16.0, 8.0, step=0.25, unit="/255"),
    }

    def compute(image: str, attack: str, target: str, epsilon: float, **_: Any) -> AttackView:
        net = picker.load()
        original = load_image(image, _own(net))
        found = _run(net, image, attack, target, epsilon)
        return AttackView(original, found, net.top(original, 1)[0][0], epsilon)

    def draw(view: AttackView) -> Shown:
        net, values = picker.load(), {name: one.value for name, one in controls.items()}
        most = min(5, len(net.labels))
        now = net.top(view.attack.images[0], most)
        norm = CHOICES[values["attack"]][1]
        length = 255 * _length(values["attack"], view.epsilon)
        return {
            "pictures": attack_sheet(view.original, view.attack.images[0]),
            "before": top_bars(net.top(view.original, most), "the picture", view.true),
            "after": top_bars(now, f"the sum, {norm} {length:g}/255", now[0][0]),
            "flips": _flips(net, values["image"], values["attack"], values["target"]),
        }

    def code(image: str, attack: str, target: str, epsilon: float, **values: Any) -> str:
        name, norm = CHOICES[attack]
        return "\n".join([
            "import vizkit",
            "from vizkit.figures.fooling import attack_sheet",
            "from vizkit.methods.adversarial import ATTACKS",
            "",
            picker.line(values["model"]),
            image_line(image, _own(picker.load())),
            f"result = ATTACKS[{name!r}](model, image[None], epsilon={_length(attack, epsilon)}, "
            f"norm={norm!r}, target={_target(target)!r})",
            "print(model.top(image), model.top(result.images[0]))",
            "attack_sheet(image, result.images[0])",
        ])  # fmt: skip

    return Panel(
        "Attack", controls, compute, draw, code=code, arrange=layouts.first_above,
        adjust=lambda c: make.offer_classes(c["target"], picker.load(), ANY),
    )  # fmt: skip


# One pixel ------------------------------------------------------------------------------------


def one_pixel_panel(model: str | ImageModel = "viznet", image: str = "chelsea") -> LivePanel:
    """Look for pixels that change the answer, by evolution."""
    picker = make.ModelPicker(model)
    net = picker.load()
    controls = {
        "image": make.ImagePicker(image),
        "model": picker,
        "target": make.search("target", [ANY, *net.labels], ANY),
        "pixels": make.slider("pixels", 1, 20, 1, live=False),
        "population": make.slider("population", 20, 400, 400, step=20, live=False),
        "generations": make.slider("generations", 5, 75, 75, live=False),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }

    def settings(values: dict[str, Any]) -> dict[str, Any]:
        names = ("pixels", "population", "generations", "seed")
        return {"target": _target(values["target"]), **{name: values[name] for name in names}}

    def start(step: OnePixelStep | None, **values: Any) -> Iterator[OnePixelStep]:
        net = picker.load()
        image = load_image(values["image"], _own(net))
        return one_pixel_steps(net, image, **settings(values), resume=step)

    def draw(step: OnePixelStep, **values: Any) -> Shown:
        net = picker.load()
        now = net.top(step.image, min(5, len(net.labels)))
        large = fit(photo(step.image, "The picture with its changed pixels"), PHOTO)
        scale = PHOTO / step.image.shape[2]
        marks = [
            (round(column * scale - 4), round(row * scale - 4),
             round((column + 1) * scale + 4), round((row + 1) * scale + 4))
            for row, column in step.pixels[:, :2].floor().tolist()
        ]  # fmt: skip
        what = values["target"] if values["target"] != ANY else "its true class"
        said = "It is fooled." if step.success else "Not yet."
        return {
            "picture": boxes(large, marks, width=2),
            "bars": top_bars(now, f"{said} {step.queries:,} questions asked", now[0][0])
            + f"P({what}) = {step.probability:.1%}",
        }

    def code(**values: Any) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in settings(values).items())
        call = f"one_pixel_steps(model, image, {given})"
        return "\n".join([
            "import vizkit",
            "from vizkit.core.steps import last",
            "from vizkit.figures.pictures import boxes, fit, photo",
            "from vizkit.methods.one_pixel import one_pixel_steps",
            "",
            picker.line(values["model"]),
            image_line(values["image"], _own(picker.load())),
            *code_of_run(call, panel.result.index, panel.result.total),
            f"large, scale = fit(photo(result.image, 'changed'), {PHOTO}), "
            f"{PHOTO} / image.shape[2]",
            "marks = [(round(column * scale - 4), round(row * scale - 4),",
            "          round((column + 1) * scale + 4), round((row + 1) * scale + 4))",
            "         for row, column in result.pixels[:, :2].floor().tolist()]",
            "boxes(large, marks, width=2)",
        ])  # fmt: skip

    panel = LivePanel(
        "One pixel", controls, start, draw, code=code, history="picture", rate=4,
        name="generations", adjust=lambda c: make.offer_classes(c["target"], picker.load(), ANY),
    )  # fmt: skip
    return panel


# The patch ------------------------------------------------------------------------------------


class PatchPanel(LivePanel):
    """Train a round sticker, and drag it over a picture.

    Parameters
    ----------
    model : str or ImageModel
    image : str
    target : str
    """

    def __init__(
        self, model: str | ImageModel = "viznet", image: str = "chelsea", target: str = "goldfish"
    ) -> None:
        self._picker = make.ModelPicker(model)
        net = self._picker.load()
        target = target if target in net.labels else net.labels[0]
        controls = {
            "image": make.ImagePicker(image),
            "model": self._picker,
            "target": make.search("target", net.labels, target),
            "steps": make.slider("steps", 20, 1000, 200, step=20, live=False),
            "seed": make.slider("seed", 0, 20, 0, live=False),
            "x": make.slider("x", 0.0, 1.0, 0.7, step=0.01),
            "y": make.slider("y", 0.0, 1.0, 0.7, step=0.01),
            "scale": make.slider("scale", 0.1, 1.0, 0.4, step=0.05),
            "angle": make.slider("turn", -45.0, 45.0, 0.0, step=2.5, unit="°"),
        }
        super().__init__(
            "The sticker", controls, self._steps, self._paint, code=self._listing_of,
            looks={"image", "x", "y", "scale", "angle"}, rate=6, name="steps", history="patch",
            adjust=lambda c: make.offer_classes(c["target"], self._picker.load()),
            captions={"pasted": "drag the sticker", "patch": "the sticker itself"},
        )  # fmt: skip
        self.shown["pasted"].on_drag(self._drag)

    def _steps(self, step: PatchStep | None, **values: Any) -> Iterator[PatchStep]:
        net = self._picker.load()
        pictures = source_pool("bundled", PRACTICE, net.input_size).patches.float() / 255
        return patch_steps(
            net, pictures, values["target"], steps=values["steps"], seed=values["seed"],
            resume=step,
        )  # fmt: skip

    @staticmethod
    def _place(values: dict[str, Any]) -> Placements:
        return Placements(*(torch.tensor([values[name]]) for name in ("x", "y", "scale", "angle")))

    def _paint(self, step: PatchStep, **values: Any) -> Shown:
        net = self._picker.load()
        image = load_image(values["image"], _own(net))
        pasted = paste_patch(image[None], step.patch, self._place(values))[0]
        now = net.top(pasted.clamp(0, 1), min(5, len(net.labels)))
        return {
            "pasted": fit(photo(pasted, "The picture with the sticker"), PHOTO),
            "bars": top_bars(now, f"{net.name} sees", values["target"]),
            "patch": fit(photo(step.patch, f"A sticker for {values['target']}"), 180),
            "text": f"step {step.index}: it won {step.success:.0%} of this step's placements",
        }

    def _drag(self, x: int, y: int) -> None:
        """Bring the middle of the sticker under the mouse."""
        shown = self.shown["pasted"].raster
        self.set(x=x / shown.width, y=y / shown.height)

    def _listing_of(self, **values: Any) -> str:
        net = self._picker.load()
        call = (
            f"patch_steps(model, pictures, {values['target']!r}, steps={values['steps']}, "
            f"seed={values['seed']})"
        )
        place = ", ".join(
            f"torch.tensor([{values[name]}])" for name in ("x", "y", "scale", "angle")
        )
        return "\n".join([
            "import torch",
            "import vizkit",
            "from IPython.display import display",
            "from vizkit.core.data import cut_patches",
            "from vizkit.core.steps import last",
            "from vizkit.figures.pictures import fit, photo",
            "from vizkit.methods.patch import Placements, paste_patch, patch_steps",
            "",
            self._picker.line(values["model"]),
            image_line(values["image"], _own(net)),
            f"pool = cut_patches('bundled', count={PRACTICE}, size={net.input_size})",
            "pictures = pool.patches.float() / 255",
            *code_of_run(call, self.result.index, self.result.total),
            "display(fit(photo(result.patch, 'the sticker'), 180))",
            f"pasted = paste_patch(image[None], result.patch, Placements({place}))[0]",
            "print(model.top(pasted))",
            f"fit(photo(pasted, 'pasted'), {PHOTO})",
        ])  # fmt: skip


#: Pictures that the patch is trained on.
PRACTICE = 400


def patch_panel(
    model: str | ImageModel = "viznet", image: str = "chelsea", target: str = "goldfish"
) -> PatchPanel:
    """Train a sticker and drag it over a picture."""
    return PatchPanel(model, image, target)


# Fooling --------------------------------------------------------------------------------------


def fooling_panel(model: str | ImageModel = "viznet", kind: str = "CPPN") -> LivePanel:
    """Breed pictures of nothing that the network is sure of, for all classes at once."""
    picker = make.ModelPicker(model)
    controls = {
        "model": picker,
        "kind": make.choices("by", ["CPPN", "direct", "gradient"], kind),
        "steps": make.slider("steps", 20, 2000, 300, step=20, live=False),
        "seed": make.slider("seed", 0, 20, 0, live=False),
    }

    def start(step: FoolingStep | None, **values: Any) -> Iterator[FoolingStep]:
        return fooling_steps(
            picker.load(), values["kind"], steps=values["steps"], seed=values["seed"], resume=step
        )

    def draw(step: FoolingStep, **_: Any) -> Shown:
        net = picker.load()
        order = step.confidence.argsort(descending=True)[:24]
        captions = [f"{step.confidence[i]:.1%} {net.labels[i]}" for i in order.tolist()]
        laid = sheet(step.images[order], "Pictures of nothing: " + ", ".join(captions), side=104,
                     columns=6, captions=captions)  # fmt: skip
        sure = float((step.confidence > 0.996).float().mean())
        return {
            "pictures": laid,
            "text": f"step {step.index}: more than 99.6 % sure of <b>{sure:.0%}</b> of "
            f"{len(net.labels)} classes; median {float(step.confidence.median()):.1%}",
        }

    def code(**values: Any) -> str:
        call = (
            f"fooling_steps(model, {values['kind']!r}, steps={values['steps']}, "
            f"seed={values['seed']})"
        )
        return "\n".join([
            "import vizkit",
            "from vizkit.core.steps import last",
            "from vizkit.figures.pictures import sheet",
            "from vizkit.methods.fooling import fooling_steps",
            "",
            picker.line(values["model"]),
            *code_of_run(call, panel.result.index, panel.result.total),
            "order = result.confidence.argsort(descending=True)[:24]",
            "names = [f'{result.confidence[i]:.1%} {model.labels[i]}' for i in order.tolist()]",
            "sheet(result.images[order], 'fooling', side=104, columns=6, captions=names)",
        ])  # fmt: skip

    panel = LivePanel(
        "Pictures of nothing", controls, start, draw, code=code, history="pictures", rate=3,
        name="steps", arrange=layouts.column,
    )  # fmt: skip
    return panel
