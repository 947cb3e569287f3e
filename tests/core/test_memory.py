import pytest
import torch

from vizkit.core.memory import recall, remember


@pytest.mark.parametrize("kind", ["Adam", "NAdam", "LBFGS"])
def test_a_run_goes_on_behind_any_step_as_if_it_had_never_stopped(kind):
    def make():
        point = torch.tensor([1.5, -2.0], dtype=torch.float64, requires_grad=True)
        settings = {"max_iter": 1} if kind == "LBFGS" else {}
        return point, getattr(torch.optim, kind)([point], lr=0.1, **settings)

    def step(point, optimizer):
        def closure():
            loss = (point**4).sum() + point.prod() ** 2
            (point.grad,) = torch.autograd.grad(loss, point)
            return loss.detach()

        optimizer.step(closure)

    point, optimizer = make()
    kept = []
    for _ in range(12):
        step(point, optimizer)
        kept.append((point.detach().clone(), remember(optimizer)))
    for begun in (1, 5, 9):  # twice from the same memory: it is not used up
        for _ in range(2):
            other, again = make()
            other.data.copy_(kept[begun][0])
            recall(again, kept[begun][1])
            for index in range(begun + 1, 12):
                step(other, again)
                torch.testing.assert_close(other.detach(), kept[index][0], rtol=1e-7, atol=0)
