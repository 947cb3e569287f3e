"""What an optimizer knows, kept without stopping it: for runs that go on behind any step."""

from typing import Any

import torch
from torch import Tensor


def remember(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return a copy of an optimizer's state that its further steps do not change."""
    return _copy(optimizer.state_dict())


def recall(optimizer: torch.optim.Optimizer, memory: dict[str, Any]) -> None:
    """Give an optimizer back what `remember` kept; the memory stays as it is."""
    optimizer.load_state_dict(_copy(memory))


def _copy(state: dict[str, Any]) -> dict[str, Any]:
    kept = {key: {name: _kept(value) for name, value in one.items()} for key, one in state["state"].items()}
    return {"param_groups": [dict(group) for group in state["param_groups"]], "state": kept}


def _kept(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.clone()
    return [_kept(one) for one in value] if isinstance(value, list) else value
