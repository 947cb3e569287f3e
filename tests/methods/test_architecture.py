"""What networks cost, against torchvision's own cards."""

import pytest
import torch
import torchvision

import vizkit
from vizkit.methods.architecture import MOST_STAGES, YEARS, known_networks, layer_costs, stages, structure
from vizkit.panels.architecture import STRUCTURES


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_structure_costs_what_its_card_says(name):
    costs = layer_costs(structure(name))
    card = torchvision.models.get_model_weights(name).DEFAULT.meta
    assert sum(one.parameters for one in costs) == card["num_params"]
    assert sum(one.products for one in costs) / 1e9 == pytest.approx(card["_ops"], abs=0.002)
    found = stages(costs)
    assert len(found) <= MOST_STAGES
    assert sum(one.layers for one in found) == len(costs)
    assert sum(one.products for one in found) == sum(one.products for one in costs)
    assert next(structure(name).net.parameters()).is_meta


def test_a_bundled_network(viznet):
    costs = layer_costs(viznet)
    assert sum(one.parameters for one in costs) == sum(one.numel() for one in viznet.net.parameters())
    assert costs[0].products == 48 * 32 * 32 * 3 * 7 * 7
    deep = vizkit.ImageModel(
        torch.nn.Sequential(*[torch.nn.Conv2d(3, 3, 1) for _ in range(30)], torch.nn.Flatten()), input_size=4
    )
    assert len(stages(layer_costs(deep))) == 2


def test_known_networks_are_all_that_were_trained_on_imagenet_alone():
    known = known_networks()
    names = {one.name for one in known}
    assert len(names) == len(known) > 60
    alexnet = next(one for one in known if one.name == "alexnet")
    assert (alexnet.year, alexnet.parameters) == (2012, 61_100_840)
    assert {one.family for one in known} == set(YEARS)
    rest = set(torchvision.models.list_models(module=torchvision.models)) - names
    for name in rest:  # whatever is left out has no such weights, or those of a later recipe
        first = [one for one in torchvision.models.get_model_weights(name) if "IMAGENET1K_V1" in one.name]
        assert all("new training recipe" in one.meta["_docs"] for one in first), name


def test_a_wrong_name_is_refused():
    with pytest.raises(ValueError, match="did you mean 'alexnet'"):
        structure("alexnett")
