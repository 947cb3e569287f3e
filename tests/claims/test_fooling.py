"""What notebooks 08 and 08b say, over two hundred crops and five seeds."""

import pytest
import torch

import vizkit
from vizkit import panels
from vizkit.core.steps import last
from vizkit.methods.adversarial import fgsm, pgd, random_noise, success_rates
from vizkit.methods.adversarial_training import accuracy_under_attack, held_out_digits
from vizkit.methods.fooling import fooling_steps
from vizkit.methods.one_pixel import one_pixel_steps
from vizkit.methods.patch import patch_steps, patch_success, random_placements
from vizkit.panels.common import patch_pool, surest_first

SEEDS = range(5)
# each tries hundreds of pictures many times; the checks of the notebooks hold small samples
pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def crops(viznet):
    return surest_first(viznet, 600)


def share(success):
    return float(success.float().mean())


def test_noise_changes_few_answers_where_many_steps_change_most(viznet, crops):
    for seed in SEEDS:
        noisy = torch.cat(
            [random_noise(viznet, some, epsilon=2 / 255, seed=seed).success for some in crops[:200].split(50)]
        )
        moved = torch.cat([pgd(viznet, some, epsilon=2 / 255, seed=seed).success for some in crops[:200].split(50)])
        assert share(noisy) < 0.1 < 0.5 < share(moved)


@pytest.mark.parametrize("name", ["viznet", "viznet-robust"])
def test_many_steps_are_at_least_as_good_as_one(name):
    model = vizkit.load_model(name, "cpu")
    pictures = surest_first(model, 200)
    for level in (1, 2, 4, 8):
        one = share(torch.cat([fgsm(model, some, epsilon=level / 255).success for some in pictures.split(50)]))
        (many,) = success_rates(model, pictures, [level / 255], "PGD")
        assert many >= one - 0.03, level


def test_one_pixel_fools_where_the_net_is_unsure(viznet, crops):
    for seed in SEEDS:
        least, most = (
            sum(last(one_pixel_steps(viznet, one, population=60, generations=5, seed=seed)).success for one in some)
            for some in (crops[-25:], crops[:25])
        )
        assert least > 10 > most


def test_the_sticker_wins_wherever_it_is_put(viznet, crops):
    pool = patch_pool("bundled", 400, viznet.input_size).pixels(slice(None))
    placements = random_placements(200, scale=(0.3, 0.6), seed=7)
    for seed in SEEDS:
        patch = last(patch_steps(viznet, pool, "goldfish", steps=200, seed=seed)).patch
        assert share(patch_success(viznet, crops[:200], patch, "goldfish", placements)) > 0.3


def test_up_the_gradient_nothing_becomes_almost_any_class(viznet):
    for seed in SEEDS:
        step = last(fooling_steps(viznet, "gradient", steps=30, seed=seed))
        assert share(step.confidence > 0.996) > 0.7


@pytest.mark.parametrize(("trained_at", "clean", "at_a_tenth"), [(0.05, 0.95, 0.3), (0.15, 0.8, 0.5)])
def test_a_net_trained_against_attacks_holds_out_to_about_their_size(trained_at, clean, at_a_tenth):
    step, _ = last(panels.defense(epsilon=trained_at, epochs=10))
    digits, labels = held_out_digits()
    plain, robust = (
        accuracy_under_attack(net, digits, labels, [0.0, 0.1], steps=10) for net in (step.plain, step.robust)
    )
    assert robust[0] > clean
    assert robust[1] > at_a_tenth > plain[1] - 0.1
