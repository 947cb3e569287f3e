"""A net's answers through OpenVINO: the same numbers, faster on a CPU, and without gradients."""

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.export import Dim, export

from vizkit.core import checks
from vizkit.core.models import ImageModel


def openvino_logits(model: ImageModel) -> Callable[[Tensor], Tensor]:
    """Compile a net for the CPU by OpenVINO.

    It computes in float32 as torch does, where OpenVINO by itself would take bfloat16 on a processor
    that has it, and with as many threads as torch has now.

    Parameters
    ----------
    model : ImageModel

    Returns
    -------
    callable
        Maps pictures (N, 3, H, W) or (3, H, W), RGB in [0, 1], to logits (N, classes) or (classes,),
        float32 on the CPU, which are those of ``model.logits`` up to rounding. Nothing flows back
        through it: no gradient, no hook, no layer. It refuses pictures as ``model.logits`` does, and
        is for one thread at a time.

    Raises
    ------
    RuntimeError
        If OpenVINO is not installed, in a sentence that says how to get it.
    """
    openvino = _openvino()
    # Two pictures: a net that was exported for one would take one only.
    example = model.normalize(torch.zeros(2, 3, model.input_size, model.input_size))
    sizes = dict.fromkeys((0, 2, 3), Dim.AUTO)
    with model.running(example) as net:
        converted = openvino.convert_model(export(net, (example,), dynamic_shapes=(sizes,)))
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.compile_model(converted, "CPU", settings)

    def logits(images: Tensor) -> Tensor:
        single = isinstance(images, Tensor) and images.ndim == 3
        batch = (checks.image(images) if single else checks.images(images)).reshape(-1, *images.shape[-3:])
        found = torch.from_numpy(compiled(model.normalize(batch).detach().cpu().numpy())[0])
        return found[0] if single else found

    return logits


def _openvino() -> Any:
    # Its converter would report each use to its makers; without this package it does not.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ModuleNotFoundError as error:
        raise RuntimeError("OpenVINO is missing; install it with: pip install 'vizkit[openvino]'") from error
    return openvino
