"""Every method of lecture 05 under one roof: a picture and a target in, one map out.

A method is a function with `attribution` above it, in a module of this folder; each module here is
loaded, so that a new method is one file: `vizkit.methods.attribution.layer_cam`,
`vizkit.methods.attribution.rise`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeVar

import torch
from torch import Tensor

from vizkit.core import checks
from vizkit.core.models import ImageModel
from vizkit.core.steps import Step, step_method
from vizkit.methods.gradients import Target, Unit

__all__ = ["Attribution", "AttributionStep", "attribute", "attribute_steps"]

#: ``explain(model, image, target)`` is a map (H, W), signed where the method is.
Explain = Callable[[ImageModel, Tensor, Any], Tensor]
F = TypeVar("F", bound=Explain)


@dataclass(frozen=True)
class Method:
    """A method that says where a network looks.

    Parameters
    ----------
    name : str
        The field's.
    explain : callable
        ``explain(model, image, target)``: a map (H, W).
    units : bool
        Whether it explains units, too, not only classes.
    quick : bool
        Whether hundreds of pictures can be asked about while one waits.
    """

    name: str
    explain: Explain
    units: bool = True
    quick: bool = True

    def __call__(self, model: ImageModel, image: Tensor, target: Target) -> Tensor:
        """Return the map, shape (H, W)."""
        if isinstance(target, Unit) and not self.units:
            raise ValueError(f"{self.name} explains the score of a class, not a unit")
        return self.explain(model, image, target)


#: Each method by its name: ``METHODS[name](model, image, target)`` is a map (H, W).
METHODS: dict[str, Method] = {}


def attribution(name: str, *, units: bool = True, quick: bool = True) -> Callable[[F], F]:
    """Register a function as a method of attribution: in the panels, the scores, the tests.

    Parameters
    ----------
    name : str
    units, quick : bool
        As in `Method`.
    """

    def register(explain: F) -> F:
        METHODS[name] = Method(name, explain, units, quick)
        return explain

    return register


for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

#: Those that hundreds of pictures can be asked about.
QUICK = tuple(name for name, method in METHODS.items() if method.quick)


@dataclass(frozen=True)
class Attribution:
    """What one method says about one picture.

    Parameters
    ----------
    method : str
    heat : Tensor, shape (H, W)
        Signed where the method is.
    problem : str
        Why there is no map; empty if there is one.
    """

    method: str
    heat: Tensor
    problem: str = ""


def attribute(model: ImageModel, image: Tensor, target: Target, method: str) -> Attribution:
    """Run one method by its name; a net that the method is not defined for gives its reason.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int, str or Unit
    method : str
        A key of `METHODS`.

    Raises
    ------
    TypeError, ValueError
        If there is no such method, picture, class or unit.
    """
    checks.choice(method, METHODS, "method")
    checks.image(image)
    if not isinstance(target, Unit):
        target = model.label_index(target)
    try:
        return Attribution(method, METHODS[method](model, image, target))
    except ValueError as error:
        return Attribution(method, torch.zeros(image.shape[1:]), checks.first_line(error))


@dataclass(frozen=True)
class AttributionStep(Step):
    """The maps of the methods so far.

    Parameters
    ----------
    found : tuple of Attribution
    """

    found: tuple[Attribution, ...]


@step_method()
def attribute_steps(
    model: ImageModel,
    image: Tensor,
    target: Target,
    methods: Sequence[str] = tuple(METHODS),
    *,
    resume: AttributionStep | None = None,
) -> Iterator[AttributionStep]:
    """Ask one method after the other about one picture.

    Parameters
    ----------
    model : ImageModel
    image : Tensor, shape (3, H, W), RGB in [0, 1]
    target : int, str or Unit
    methods : sequence of str
        Keys of `METHODS`.
    resume : AttributionStep, optional
        Go on behind a step of the same run.

    Raises
    ------
    TypeError, ValueError
        If there is no such method, picture, class or unit.
    """
    found = resume.found if resume else ()
    for method in methods[len(found) :]:
        found = (*found, attribute(model, image, target, method))
        copies = tuple(replace(one, heat=one.heat.clone()) for one in found)
        yield AttributionStep(len(found), len(methods), copies)
