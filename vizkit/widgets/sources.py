"""Where panels take their pictures from, and at what size a network sees them."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from vizkit.core.data import PatchPool, Source, cut_patches
from vizkit.core.models import ImageModel

#: Width of a photo beside a grid, in pixels.
PHOTO = 380
Size = int | tuple[int, int]


def picture_size(model: ImageModel, size: int) -> Size:
    """Return the size at which a picture is shown to a net: its own if it takes no other."""
    return (model.input_size, model.input_size) if model.fixed_size else size


def image_line(image: str, size: Size) -> str:
    """Return the line of Python that loads a picture."""
    return f"image = vizkit.load_image({image!r}, size={size})"


def patch_size(model: ImageModel) -> int:
    """Return the side of the patches that suits a net: its own pictures', 128 at most."""
    return min(model.input_size, 128)


def source_code(source: Source) -> str:
    """Return the Python of a source of pictures; one of the user's own needs a name."""
    return repr(str(source)) if isinstance(source, (str, Path)) else "pictures"


_pools: dict[tuple[str, int, int], PatchPool] = {}


def source_pool(source: Source, count: int, size: int, *, download: bool = True) -> PatchPool:
    """Cut a pool once for all panels; only named sources are kept."""
    if not isinstance(source, (str, Path)):
        return cut_patches(source, count=count, size=size)
    key = (str(source), count, size)
    if key not in _pools:
        _pools[key] = cut_patches(source, count=count, size=size, download=download)
    return _pools[key]


def pool_of_source(source: Source, count: int) -> Callable[[int], PatchPool]:
    """Return what cuts a panel's patches to a net's size, once a size also for own pictures."""
    return lru_cache(maxsize=2)(lambda size: source_pool(source, count, size))
