import pytest
import torch

from vizkit.core.seeds import generator, normal


def test_a_seed_decides_and_the_global_state_is_left_alone():
    state = torch.get_rng_state()
    assert torch.equal(normal((3, 4), 7), normal((3, 4), 7))
    assert not torch.equal(normal((3, 4), 7), normal((3, 4), 8))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(normal((5,), 7), torch.randn(5, generator=generator(7)))


def test_bad_seeds_are_named():
    with pytest.raises(ValueError, match="seed must be from 0 to .*, got -1"):
        generator(-1)
    with pytest.raises(TypeError, match="seed must be a whole number, got None"):
        generator(None)
