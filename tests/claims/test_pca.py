"""What notebook 02 says, over several splits."""

import torch

from vizkit.core.data import digits, faces
from vizkit.methods.pca import pca


def kept(pictures, seed):
    """Return what four fifths, drawn at random, keep of themselves and of the rest."""
    flat = pictures.flatten(1)
    order = torch.randperm(len(flat), generator=torch.Generator().manual_seed(seed))
    some, rest = order[: len(flat) * 4 // 5], order[len(flat) * 4 // 5 :]
    found = pca(flat[some])
    return found.kept(flat[some]), found.kept(flat[rest])


def test_eighty_faces_keep_three_quarters_of_new_ones():
    for seed in range(5):
        own, new = kept(faces(), seed)
        assert own[78] > 0.9999
        assert 0.70 < new[78] < 0.80


def test_new_digits_are_kept_as_well_as_old_ones():
    for seed in range(5):
        own, new = kept(digits(), seed)
        assert (own - new).abs().max() < 0.03
