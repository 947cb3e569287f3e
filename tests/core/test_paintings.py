import numpy as np
import pytest

import vizkit
from vizkit.core.paintings import PAINTINGS


@pytest.mark.parametrize("name", PAINTINGS)
def test_a_painting_is_the_same_each_time_and_full_of_color(name):
    picture = PAINTINGS[name](128)
    assert picture.shape == (128, 128, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, PAINTINGS[name](128))
    assert picture.reshape(-1, 3).std(0).min() > 25
    edges = [picture[0], picture[-1], picture[:, 0], picture[:, -1]]
    assert all(edge.std() > 12 for edge in edges), "painted to the border"


def test_paintings_are_offered_as_pictures_and_not_cut_into_patches():
    assert set(vizkit.images("painting")) == set(PAINTINGS)
    assert vizkit.load_image("swirls", 64).shape == (3, 64, 64)
    names = {name for name in vizkit.images() if vizkit.images()[name].package}
    assert not names & set(PAINTINGS)
