"""Sliders and pickers that look alike in every panel."""

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets
from torch import nn

from vizkit.core import checks
from vizkit.core import images as pictures
from vizkit.core.data import add_pictures
from vizkit.core.models import BUNDLED, ImageModel, load_model, map_layers, models, ready
from vizkit.widgets.camera import Camera
from vizkit.widgets.looks import alike, looks, own_layout

#: What is offered beside the names when the user has given an object.
YOURS = "yours"
STYLE = {"description_width": "92px"}
LAYOUT = {"width": "340px"}

#: Nets of the lectures that are offered although they may have to be downloaded first.
CLASSIC = ("alexnet", "squeezenet1_1", "resnet18", "resnet101", "densenet121", "vgg16")


def slider(
    label: str, low: float, high: float, value: float, *, step: float = 1, live: bool = True, unit: str = ""
) -> widgets.Widget:
    """Make a slider of whole numbers, or of fractions where `step` is one.

    Parameters
    ----------
    label, unit : str
    low, high, value, step : float
    live : bool
        Whether it reports while it is dragged: only where the answer comes quickly.
    """
    kind: Any = widgets.IntSlider if isinstance(step, int) else widgets.FloatSlider
    digits = {} if isinstance(step, int) or step >= 0.01 else {"readout_format": ".4f"}
    return alike(
        kind,
        value=value,
        min=low,
        max=high,
        step=step,
        continuous_update=live,
        description=f"{label} [{unit}]" if unit else label,
        style=STYLE,
        layout=LAYOUT,
        **digits,
    )


def dropdown(label: str, options: Sequence[Any], value: Any = None) -> widgets.Dropdown:
    """Make a list of which one is picked, the first by default; options may be (text, value)."""
    return alike(
        widgets.Dropdown,
        options=options,
        value=option_values(options)[0] if value is None else value,
        description=label,
        style=STYLE,
        layout=LAYOUT,
    )


def option_values(options: Sequence[Any]) -> list[Any]:
    """Return the values of options, of which some may be (text, value)."""
    return [one[1] if isinstance(one, tuple) else one for one in options]


def choices(label: str, options: Sequence[Any], value: Any = None) -> widgets.Widget:
    """Make a row of buttons of which one is pressed: for two or three short options."""
    value = option_values(options)[0] if value is None else value
    return alike(
        widgets.ToggleButtons,
        options=options,
        value=value,
        description=label,
        style={**STYLE, "button_width": "auto"},
        layout=LAYOUT,
    )


def toggle(label: str, value: bool = False) -> widgets.Checkbox:
    """Make a box to tick."""
    return alike(widgets.Checkbox, value=value, description=label, style=STYLE, layout=LAYOUT)


def text(label: str, value: str, hint: str = "") -> widgets.Text:
    """Make a field to type in; it reports when Enter is pressed or the field is left."""
    return alike(
        widgets.Text,
        value=value,
        description=label,
        placeholder=hint,
        continuous_update=False,
        style=STYLE,
        layout=LAYOUT,
    )


def search(label: str, options: Sequence[str], value: str) -> widgets.Combobox:
    """Make a field that completes what is typed to one of the options."""
    return alike(
        widgets.Combobox,
        options=options,
        value=value,
        description=label,
        ensure_option=True,
        continuous_update=False,
        style=STYLE,
        layout=LAYOUT,
    )


class Counter(widgets.Button):
    """A button whose value is how often it was pressed.

    Parameters
    ----------
    text : str
    value : int
        The first count.
    """

    value = traitlets.Int()

    def __init__(self, text: str, value: int = 0) -> None:
        look = {"width": "170px", "margin": "2px 66px"}
        super().__init__(description=text, **looks(type(self), layout=look))
        self.value = value
        self.on_click(self._count)

    def _count(self, _: Any) -> None:
        self.value += 1


class _Uploads(widgets.VBox):
    """A picker that takes pictures from the user's machine.

    Attributes
    ----------
    value : str
    problem : str
        Why the last upload was refused; empty if it was not.
    """

    value = traitlets.Unicode()
    problem = traitlets.Unicode()

    def _upload_button(self, text: str, *, multiple: bool) -> widgets.FileUpload:
        self._upload = alike(
            widgets.FileUpload,
            accept="image/*",
            multiple=multiple,
            description=text,
            tooltip=text,
            layout={"width": "170px", "margin": "2px 2px 2px 48px"},
        )
        self._upload.observe(self._uploaded, "value")
        return self._upload

    def _uploaded(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        self.problem = ""
        try:
            self._take([pictures.add_upload(one["name"], bytes(one["content"])) for one in change["new"]])
        except ValueError as error:
            self.problem = str(error)
        finally:
            self._upload.value = ()  # so that the same file can be tried again

    def _take(self, names: list[str]) -> None:
        """Pick what was uploaded."""
        self.value = ", ".join(names)


class SourcePicker(_Uploads):
    """Names many pictures: the bundled ones, a folder, a dataset; or takes uploads.

    Parameters
    ----------
    value : str
        ``"bundled"``, a folder, a torchvision dataset, or uploads' names with commas between them.
    label : str
    """

    def __init__(self, value: str = "bundled", label: str = "pictures", hint: str = "") -> None:
        self._text = text(label, value, hint)
        upload = self._upload_button("Upload pictures", multiple=True)
        super().__init__([self._text, upload], value=value)
        traitlets.link((self, "value"), (self._text, "value"))


class ImagePicker(_Uploads):
    """Picks a bundled picture, an uploaded one, or one of a folder or a torchvision dataset.

    Parameters
    ----------
    value : str
        The picture's name; ``vizkit.load_image`` takes it.
    label : str
    nothing : str
        A word for no picture, offered before the pictures; none by default.

    Attributes
    ----------
    frame : PIL.Image.Image or None
        The newest picture of the reader's camera.
    side : int
        In pixels, of the shorter side of what the camera is to send.
    dropped : str
        What was wrong with the camera's last bad message.
    """

    dropped = traitlets.Unicode()
    frame = traitlets.Any(None, allow_none=True)
    side = traitlets.Int(256)

    def __init__(self, value: str = "chelsea", label: str = "picture", nothing: str = "") -> None:
        self._offering, self._nothing, self._own = False, nothing, value == YOURS
        self._camera: Camera | None = None
        self._names = dropdown(label, self._options(value), value)
        upload = self._upload_button("Upload a picture", multiple=False)
        more = alike(widgets.ToggleButton, description="More pictures", layout={"width": "114px"})
        self._source = text("folder, dataset", "", "my/pictures or CIFAR10")
        own_layout(self._source).display = "none"
        self._parts = [self._names, alike(widgets.HBox, [upload, more]), self._source]
        super().__init__(self._parts, value=value, **looks(type(self)))
        self.add_class("vizkit-image-picker")
        self._names.observe(self._picked, "value")
        self._source.observe(self._named, "value")
        more.observe(self._unfold, "value")

    def _options(self, *more: str) -> list[str]:
        first = [self._nothing] if self._nothing else []
        return list(dict.fromkeys([*first, *pictures.images(), *pictures.uploads(), *more]))

    def offer_own(self, own: bool) -> None:
        """Offer the user's own picture, or no longer."""
        if own != (YOURS in self._names.options):
            self._own = own
            self._offer(YOURS if own else self.value)

    def _offer(self, name: str) -> None:
        """Select a name, new or old, without passing through the first of the list."""
        self._offering = True  # new options select the first one for a moment
        options = self._options(*self._names.options, name)
        if tuple(options) != self._names.options:
            self._names.options = options
        self._names.value = name
        self._offering = False

    @traitlets.validate("value")
    def _check(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        if name not in self._names.options and not (self._own and name == YOURS):
            pictures.open_image(name)  # raises in one sentence if there is none
        return name

    @traitlets.observe("value")
    def _set(self, change: dict[str, Any]) -> None:
        self._offer(change["new"])

    def _picked(self, change: dict[str, Any]) -> None:
        if not self._offering:
            self.value = change["new"]

    def _unfold(self, change: dict[str, Any]) -> None:
        self._source.layout.display = "" if change["new"] else "none"
        if self._camera is None:  # its code travels when somebody wants it
            self._camera = Camera(side=self.side)
            traitlets.dlink((self, "side"), (self._camera, "side"))
            traitlets.dlink((self._camera, "frame"), (self, "frame"))
            traitlets.dlink((self._camera, "problem"), (self, "dropped"))
            self.children = [*self._parts, self._camera]
        own_layout(self._camera).display = self._source.layout.display

    def _named(self, change: dict[str, Any]) -> None:
        """Offer the pictures of a folder or a dataset, and show the first."""
        if not change["new"].strip():
            return
        self.problem = ""
        try:
            # A name that is typed must not start a download of gigabytes.
            names = add_pictures(change["new"].strip(), download=False)
            self._offer(names[0])
            self.value = names[0]
        except (OSError, ValueError) as error:
            self.problem = str(error)


class ModelPicker(widgets.VBox):
    """Picks a network: the bundled, the cached, and those of the lectures to download.

    Parameters
    ----------
    model : str, ImageModel or torch.nn.Module
        The first choice. A model of the user's own is offered beside the others; a bare module is
        given pixels in [0, 1] as they are.

    Attributes
    ----------
    value : str
        The model's name.
    """

    value = traitlets.Unicode()

    def __init__(self, model: str | ImageModel | nn.Module = "viznet", label: str = "network") -> None:
        note = alike(widgets.HTML, layout={"margin": "0 0 0 98px"})
        if isinstance(model, nn.Module):
            model = ImageModel(model)
            note.value = _scale_note(model.name)
        if not isinstance(model, (str, ImageModel)):
            raise TypeError(
                f"model must be a name or a vizkit.ImageModel, got {type(model).__name__}; "
                "vizkit.ImageModel(net, mean=..., std=..., labels=...) makes one"
            )
        self._own = {model.name: model} if isinstance(model, ImageModel) else {}
        self._given: tuple[str, ...] = (YOURS,) if model == YOURS else ()
        name = model.name if isinstance(model, ImageModel) else model
        self._names = dropdown(label, self._options(name), name)
        self._note = note
        super().__init__([self._names, note] if note.value else [self._names], value=name, **looks(type(self)))
        traitlets.link((self, "value"), (self._names, "value"))

    def _options(self, *more: str) -> list[tuple[str, str]]:
        here = ready()
        offered = [*self._given, *self._own, *here, *(one for one in CLASSIC if one not in here), *more]
        known = [*here, *self._own, *self._given]
        return [(one if one in known else f"{one} (to download)", one) for one in dict.fromkeys(offered)]

    @traitlets.validate("value")
    def _check(self, proposal: dict[str, Any]) -> str:
        name: str = proposal["value"]
        if name not in (*BUNDLED, *self._own, *self._given):
            checks.choice(name, models(), "model")
        if name not in option_values(self._names.options):
            self._names.options = self._options(name)
        return name

    def offer_own(self, own: Any) -> None:
        """Offer the user's own network under the word `YOURS`, or no longer for None."""
        if isinstance(own, nn.Module):
            self._note.value = _scale_note(type(own).__name__)
            self.children = [self._names, self._note]
        if (own is not None) != (YOURS in self._given):
            self._given = () if own is None else (YOURS,)
            self._names.options = self._options(*option_values(self._names.options))

    def load(self) -> ImageModel:
        """Return the picked model; the last few stay in memory."""
        return self._own.get(self.value) or loaded(self.value)

    def line(self, name: str) -> str:
        """Return the line of Python that makes ``model`` the model of a name."""
        if name in self._own and name not in models():
            return f"# model is your own {name}"
        note = "  # or the one you gave the panel" if name in self._own else ""
        return f'model = vizkit.load_model("{name}"){note}'


@lru_cache(maxsize=4)
def loaded(name: str) -> ImageModel:
    """Load a model once for all panels."""
    return load_model(name)


def _scale_note(name: str) -> str:
    return (
        f"<small>{escape(name)} gets RGB in [0, 1] as it is; if it wants another scale, give "
        "<code>vizkit.ImageModel(net, mean=..., std=...)</code></small>"
    )


#: A network of the user's own as a model, the same one each time.
wrapped = lru_cache(maxsize=4)(load_model)


def update(control: widgets.Widget, **traits: Any) -> None:
    """Change several traits of a control at once, never leaving its range on the way."""
    with control.hold_trait_notifications():
        for name, value in traits.items():
            setattr(control, name, value)


def limit(control: widgets.Widget, last: int) -> None:
    """Let a slider end at `last` and bring its value inside."""
    update(control, max=last, value=min(control.value, last))


def offer_classes(field: widgets.Combobox, model: ImageModel, *first: str) -> None:
    """Give a field the classes of a net behind `first`; what was picked stays if it is there."""
    options = (*first, *model.labels)
    if tuple(field.options) != options:
        value = field.value if field.value in options else options[0]
        update(field, options=options, value=value)


def offer(control: widgets.Dropdown, options: Sequence[Any], fallback: Any = None) -> None:
    """Give a list new options; what was picked stays if it is still there."""
    if tuple(options) == tuple(control.options):
        return
    values = option_values(options)
    value = control.value if control.value in values else fallback
    control.options = options
    control.value = value if value in values else values[0]


def layer_options(model: ImageModel, *, maps_only: bool = False) -> list[tuple[str, str]]:
    """Return (text, name) of each layer, the text telling its shape; see `map_layers`."""
    names = map_layers(model) if maps_only else list(model.layers)
    return [(f"{name}   {' x '.join(map(str, model.layers[name].shape))}", name) for name in names]
