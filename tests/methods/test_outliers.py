import pytest
import scipy.stats
import torch

from vizkit.core.seeds import normal
from vizkit.methods.outliers import fit_both


def samples(seed, last=8.0):
    return torch.cat([normal((9,), seed).double(), torch.tensor([last])])


@pytest.mark.parametrize("freedom", [1, 3, 10])
@pytest.mark.parametrize("seed", range(3))
def test_both_fits_are_scipys(seed, freedom):
    x = samples(seed)
    found = fit_both(x, freedom)
    mean, deviation = scipy.stats.norm.fit(x.numpy())
    assert (float(found.mean), float(found.deviation)) == pytest.approx((mean, deviation))

    def likelihood(location, scale):
        return scipy.stats.t.logpdf(x.numpy(), freedom, location, scale).sum()

    # scipy walks downhill without gradients: no better than ours, and near to it.
    _, location, scale = scipy.stats.t.fit(x.numpy(), fdf=freedom, loc=float(x.median()))
    assert likelihood(float(found.location), float(found.scale)) >= likelihood(location, scale) - 1e-9
    assert (float(found.location), float(found.scale)) == pytest.approx((location, scale), abs=0.03)


def test_the_likelihood_is_flat_at_the_fit():
    x = samples(1)
    found = fit_both(x, 3)
    at = torch.stack([found.location, found.scale]).requires_grad_()
    (-torch.distributions.StudentT(3.0, at[0], at[1]).log_prob(x).sum()).backward()
    assert at.grad.abs().max() < 1e-6


def test_sets_are_fitted_each_by_itself():
    both = torch.stack([samples(0), samples(1, 20.0)])
    found = fit_both(both, 2)
    for row, one in enumerate(both):
        alone = fit_both(one, 2)
        for name in ("mean", "deviation", "location", "scale", "weights"):
            torch.testing.assert_close(getattr(found, name)[row], getattr(alone, name), atol=1e-7, rtol=1e-7)


def test_without_tails_it_is_the_gaussian():
    found = fit_both(samples(0, 1.0), 1e8)
    assert float(found.location) == pytest.approx(float(found.mean), abs=1e-6)
    assert float(found.scale) == pytest.approx(float(found.deviation), abs=1e-6)


def test_weights_and_densities():
    found = fit_both(samples(0, 30.0), 3)
    assert found.weights.max() == 1
    assert found.weights[-1] < 0.02
    fine = torch.linspace(-400, 400, 400_001, dtype=torch.float64)
    for density in found.densities(fine):
        assert float(torch.trapezoid(density, fine)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_both(torch.zeros(2)), "n of at least 3, got shape .2,."),
        (lambda: fit_both(torch.tensor([1.0, 2, torch.inf])), "must be finite"),
        (lambda: fit_both(torch.tensor([1.0, 1, 1, 2])), "half of them or more are equal"),
        (lambda: fit_both(samples(0), 0), "freedom must be positive, got 0"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
