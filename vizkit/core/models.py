"""Networks with their pixels' scale, labels and layer names attached."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from vizkit.core import checks
from vizkit.core.assets import ASSETS
from vizkit.core.hooks import Layer, evaluation, trace_layers
from vizkit.core.scenes import SHAPES
from vizkit.core.viznet import from_state
from vizkit.core.weights import read_weights

if TYPE_CHECKING:  # two seconds to import: only for who asks for a network of it
    from torchvision.models import Weights

#: What nets raise on pictures that they cannot take.
_SIZE_ERRORS = (RuntimeError, AssertionError)

#: The networks that come with the kit, by name.
BUNDLED = {
    name: ASSETS / "models" / f"{name}.safetensors" for name in ("viznet", "viznet-robust", "viznet-small", "scenes")
}

#: The net `scenes` while it learned, by epochs of training; float16.
LEARNING = {epoch: ASSETS / "models" / "learning" / f"scenes-{epoch:02}.safetensors" for epoch in (0, 1, 2, 3, 5, 8)}

#: One lock per net: hooks and evaluation mode are the net's, whoever calls it.
_locks: WeakKeyDictionary[nn.Module, RLock] = WeakKeyDictionary()


class ImageModel:
    """An image classifier that takes pixels in [0, 1].

    Normalization happens inside, so a step of 8/255 means eight gray levels on every model.

    Parameters
    ----------
    net : nn.Module
        Maps normalized pictures (N, 3, H, W) to logits (N, classes).
    mean, std : sequence of float
        The net's normalization, ``(pixels - mean) / std``: three values, or one for a net that
        takes gray pictures (N, 1, H, W).
    labels : sequence of str, optional
        A name per class; ``"class 0"``, ``"class 1"``, ... by default.
    input_size : int
        Side in pixels of the square pictures that the net was trained on.
    name : str, optional
        The class name of `net` by default.

    Attributes
    ----------
    layers : dict of str to Layer
        Every layer in forward order, with its shape for a picture of `input_size`.
    device : torch.device
        Where the net lives; pictures are moved there.

    Raises
    ------
    TypeError, ValueError
        If `net` is no module, cannot run on such a picture, or has not one logit per label.
    """

    def __init__(
        self,
        net: nn.Module,
        *,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
        labels: Sequence[str] | None = None,
        input_size: int = 224,
        name: str | None = None,
    ) -> None:
        if not isinstance(net, nn.Module):
            raise TypeError(f"net must be a torch.nn.Module, got {type(net).__name__}")
        if not all(hasattr(values, "__len__") for values in (mean, std)):
            raise TypeError(f"mean and std must be sequences, got {mean!r} and {std!r}")
        if len(mean) != len(std) or len(mean) not in (1, 3) or not all(value > 0 for value in std):
            raise ValueError(f"mean and std must be 3 values each (1 for gray), std > 0, got {mean} and {std}")
        self.net = net
        self._lock = _locks.setdefault(net, RLock())
        self.mean, self.std = tuple(mean), tuple(std)
        self.input_size = checks.integer(input_size, 1, None, "input_size")
        self.name = name or type(net).__name__
        first = next(net.parameters(), None)
        self.device = first.device if first is not None else torch.device("cpu")
        self.dtype = first.dtype if first is not None else torch.float32
        classes = self._count_classes()
        self.labels = tuple(labels or (f"class {index}" for index in range(classes)))
        if len(self.labels) != classes:
            raise ValueError(f"labels must be {classes}, one per logit, got {len(self.labels)}")

    def __repr__(self) -> str:
        size = sum(parameter.numel() for parameter in self.net.parameters())
        return (
            f"ImageModel({self.name}: {len(self.labels)} classes, {size / 1e6:.2f} M parameters, "
            f"{self.input_size} px, {self.device})"
        )

    def _example(self) -> Tensor:
        return torch.full((1, 3, self.input_size, self.input_size), 0.5, device=self.device)

    def _count_classes(self) -> int:
        try:
            with self._lock, evaluation(self.net), torch.no_grad():
                logits = self.net(self.normalize(self._example()))
        except _SIZE_ERRORS as error:
            raise ValueError(
                f"net cannot run on a picture of {self.input_size} px; give its input_size, and "
                f"one mean and std if it takes gray pictures ({checks.first_line(error)})"
            ) from error
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ValueError(f"net must return logits (N, classes), got {got}")
        return logits.shape[1]

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Every layer by name, in forward order."""
        example = self.normalize(self._example())
        with self._lock:
            return {layer.name: layer for layer in trace_layers(self.net, example)}

    @cached_property
    def fixed_size(self) -> bool:
        """Whether the net takes no other pictures than `input_size` x `input_size`."""
        size = self.input_size
        wide = torch.full((1, 3, size, size + size // 2), 0.5, device=self.device)
        try:
            with self._lock, evaluation(self.net), torch.no_grad():
                self.net(self.normalize(wide))
        except _SIZE_ERRORS:
            return True
        return False

    def layer(self, name: str) -> Layer:
        """Look a layer up by name.

        Raises
        ------
        ValueError
            If there is no such layer; the closest names are given.
        """
        return self.layers[checks.choice(name, self.layers, f"layer of {self.name}")]

    def label_index(self, target: int | str) -> int:
        """Return a class index, given the index or the label.

        Raises
        ------
        TypeError, ValueError
            If it is no class of this model.
        """
        if isinstance(target, str):
            return self.labels.index(checks.choice(target, self.labels, f"class of {self.name}"))
        return checks.integer(target, 0, len(self.labels) - 1, "target class")

    @cached_property
    def _scale(self) -> tuple[Tensor, Tensor]:
        def column(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, device=self.device, dtype=self.dtype).view(-1, 1, 1)

        return column(self.mean), column(self.std)

    def normalize(self, images: Tensor) -> Tensor:
        """Turn pixels in [0, 1], shape (N, 3, H, W), into what the net takes."""
        mean, std = self._scale
        images = images.to(self.device, self.dtype)
        if len(mean) == 1:
            images = (images * images.new_tensor([[[0.299]], [[0.587]], [[0.114]]])).sum(1, True)
        return ((images - mean) / std).contiguous(memory_format=torch.channels_last)

    def logits(self, images: Tensor) -> Tensor:
        """Return the class scores before the softmax, differentiable in the pixels.

        Parameters
        ----------
        images : Tensor, shape (N, 3, H, W) or (3, H, W), RGB in [0, 1]

        Returns
        -------
        Tensor, shape (N, classes) or (classes,)

        Raises
        ------
        TypeError, ValueError
            If the pictures have another shape or values outside [0, 1], or are too small for
            the net.
        """
        single = isinstance(images, Tensor) and images.ndim == 3
        batch = (checks.image(images) if single else checks.images(images)).reshape(-1, *images.shape[-3:])
        with self.running(batch):
            logits: Tensor = self.net(self.normalize(batch))
        return logits[0] if single else logits

    def probabilities(self, images: Tensor) -> Tensor:
        """Return the softmax of `logits`, the same shape."""
        return self.logits(images).softmax(-1)

    @torch.no_grad()
    def answers(self, image: Tensor, k: int = 5) -> list[tuple[str, float]]:
        """Return the `k` most probable labels of one picture with their probabilities."""
        k = checks.integer(k, 1, len(self.labels), "k")
        values, indices = self.probabilities(checks.image(image)).topk(k)
        return [(self.labels[i], p) for i, p in zip(indices.tolist(), values.tolist(), strict=True)]

    def copied(self) -> nn.Module:
        """Return a copy of the net, made while no thread has hooks on it: they would be copied, too."""
        with self._lock:
            return copy.deepcopy(self.net)

    @contextmanager
    def running(self, images: Tensor) -> Iterator[nn.Module]:
        """Enter evaluation mode, one thread at a time.

        Hooks belong to the net, not to a thread: without the net's lock, a scan in the background
        would see the forward passes of a slider, also those through another `ImageModel`.

        Raises
        ------
        ValueError
            If the net fails on pictures that are smaller than `input_size`.
        """
        with self._lock, evaluation(self.net):
            try:
                yield self.net
            except _SIZE_ERRORS as error:
                size = tuple(images.shape[-2:])
                if size == (self.input_size, self.input_size):
                    raise
                raise ValueError(
                    f"{self.name} cannot run on pictures of {size[0]} x {size[1]} px; "
                    f"it was made for {self.input_size} x {self.input_size} "
                    f"({checks.first_line(error)})"
                ) from error


def map_layers(model: ImageModel) -> list[str]:
    """Return the layers whose units have places.

    Raises
    ------
    ValueError
        If the net has none.
    """
    found = [name for name, layer in model.layers.items() if len(layer.shape) == 3]
    if not found:
        raise ValueError(f"{model.name} has no layer that keeps places: nothing to map")
    return found


def square_size(model: ImageModel) -> tuple[int, int]:
    """Return the size of the pictures that a net was trained on: square, the rest cut off."""
    return model.input_size, model.input_size


def own_size(model: ImageModel) -> int | tuple[int, int]:
    """Return the size at which a net is asked for a class: nothing is cut off if it can be."""
    return square_size(model) if model.fixed_size else model.input_size


def look_size(model: ImageModel, least: int = 128) -> int | tuple[int, int]:
    """Return the size of pictures for maps: small nets see more in larger ones, if they can."""
    return square_size(model) if model.fixed_size else max(model.input_size, least)


@dataclass(frozen=True)
class ModelInfo:
    """What can be loaded under a name.

    Parameters
    ----------
    name : str
    status : {"bundled", "cached", "download"}
        Bundled and cached models load with no network.
    file : Path
        Where the weights are, or will be after the download.
    """

    name: str
    status: Literal["bundled", "cached", "download"]
    file: Path


def models() -> dict[str, ModelInfo]:
    """List every network that `load_model` takes: the bundled ones, then torchvision's."""
    found = {name: ModelInfo(name, "bundled", file) for name, file in BUNDLED.items()}
    for name, file in _torchvision_files().items():
        path = checkpoints() / file
        found[name] = ModelInfo(name, "cached" if path.is_file() else "download", path)
    return found


def ready() -> list[str]:
    """List the names of the networks that load with no network, bundled first."""
    if not any(checkpoints().glob("*.pth")):
        return list(BUNDLED)  # without asking torchvision for its names
    return [model.name for model in models().values() if model.status != "download"]


def checkpoints() -> Path:
    """Return the folder in which torch keeps weights."""
    return Path(torch.hub.get_dir()) / "checkpoints"


@cache
def _torchvision_files() -> dict[str, str]:
    import torchvision

    names = torchvision.models.list_models(module=torchvision.models)
    return {name: _weights(name).url.rpartition("/")[2] for name in names}


def _weights(name: str) -> "Weights":
    import torchvision

    return torchvision.models.get_model_weights(name).DEFAULT


def load_model(
    net: str | nn.Module | ImageModel = "viznet",
    device: str | torch.device | None = None,
    *,
    labels: Sequence[str] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    input_size: int | None = None,
    name: str | None = None,
) -> ImageModel:
    """Load a trained network by name, or take one of your own.

    Parameters
    ----------
    net : str, torch.nn.Module or ImageModel
        A bundled network or any torchvision classifier by name, `models` lists them; or a network
        of your own. An `ImageModel` stays what it is.
    device : str or torch.device, optional
        Of a named network: the GPU if there is one, else the CPU. Your own stays where it is.
    labels, mean, std, input_size, name
        Of your own network, see `ImageModel`.

    Returns
    -------
    ImageModel

    Raises
    ------
    TypeError, ValueError
        If the name or device is not known, or its weights file is cut or of another net.
    FileNotFoundError
        If the weights are neither bundled, cached nor to be downloaded.
    """
    own = {"labels": labels, "mean": mean, "std": std, "input_size": input_size, "name": name}
    settings: dict[str, Any] = {key: value for key, value in own.items() if value is not None}
    if isinstance(net, nn.Module):
        return ImageModel(net, **settings)
    if settings:
        raise TypeError(
            f"{', '.join(settings)} belong to a torch.nn.Module of your own, got them with {net!r}, which has its own"
        )
    if isinstance(net, ImageModel):
        return net
    if not isinstance(net, str):
        raise TypeError(f"net must be a model's name, a torch.nn.Module or an ImageModel, got {type(net).__name__}")
    if net not in BUNDLED:
        checks.choice(net, models(), "model")
    try:
        device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError as error:
        raise ValueError(f"device must be one such as 'cpu' or 'cuda', got {device!r}") from error
    if net in BUNDLED:
        return _load_bundled(BUNDLED[net], net, list(SHAPES) if net == "scenes" else tiny_imagenet_labels(), device)
    return _load_torchvision(net, device)


def scenes_while_learning() -> dict[int, ImageModel]:
    """Load checkpoints of a net that learned to tell the scenes' shapes, and `scenes` itself as the last.

    Returns
    -------
    dict of int to ImageModel
        By epochs of training, on the CPU; 0 has not begun. Those before the last are of another run of the same recipe
        and seed.

    Raises
    ------
    ValueError
        If a file is missing or cut.
    """
    cpu = torch.device("cpu")
    found = {
        epoch: _load_bundled(path, f"scenes, epoch {epoch}", list(SHAPES), cpu) for epoch, path in LEARNING.items()
    }
    return found | {12: load_model("scenes", cpu)}


def _load_bundled(path: Path, name: str, labels: list[str], device: torch.device) -> ImageModel:
    state = read_weights(path)
    net = from_state({key.removeprefix("net."): value for key, value in state.items() if key.startswith("net.")})
    return ImageModel(
        _prepare(net, device),
        mean=state["mean"].tolist(),
        std=state["std"].tolist(),
        labels=labels,
        input_size=64,
        name=name,
    )


def tiny_imagenet_labels() -> list[str]:
    """Return the names of Tiny-ImageNet's 200 classes, in the bundled networks' order."""
    rows = (ASSETS / "labels" / "tiny-imagenet-200.txt").read_text(encoding="utf-8").splitlines()
    return [row.partition("\t")[2] for row in rows]


def _load_torchvision(name: str, device: torch.device) -> ImageModel:
    import torchvision

    weights, info = _weights(name), models()[name]
    with _explained(info):
        # Read once without the unpickler's powers: a hostile file ends here.
        torch.hub.load_state_dict_from_url(weights.url, check_hash=True, weights_only=True)
        net = torchvision.models.get_model(name, weights="DEFAULT")
    preprocess = weights.transforms()
    return ImageModel(
        _prepare(net, device),
        mean=preprocess.mean,
        std=preprocess.std,
        labels=weights.meta["categories"],
        input_size=preprocess.crop_size[0],
        name=name,
    )


def _prepare(net: nn.Module, device: torch.device) -> nn.Module:
    # channels_last halves the time of a forward pass on CPUs.
    return net.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


@contextmanager
def _explained(info: ModelInfo) -> Iterator[None]:
    """Turn what goes wrong with a weights file into one sentence with its cure."""
    cached = info.file.is_file()
    try:
        yield
    except OSError as error:  # no network: URLError is one
        if cached:
            raise
        raise FileNotFoundError(
            f"the weights of {info.name} are not here and could not be downloaded ({error}); "
            f"put {info.file.name} into {info.file.parent}, or take a model that is ready now: "
            f"{', '.join(ready())}"
        ) from error
    except Exception as error:
        if not info.file.is_file():
            raise
        # Out of the way, so that the next call can download it; not deleted, it is the user's.
        aside = info.file.replace(info.file.with_name(f"{info.file.name}.bad"))
        raise ValueError(
            f"{info.file.name} is cut or holds no weights of {info.name}; it was moved to {aside}, "
            f"load the model again to download it ({checks.first_line(error)})"
        ) from error


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    return sha256(path.read_bytes()).hexdigest()
