import pytest
import torch
from sklearn.neighbors import NearestNeighbors

import vizkit
from tests.conftest import random_net
from vizkit.core.hooks import capture
from vizkit.methods.neighbors import center, code_layer, codes, nearest, pixel_vectors


def test_neighbors_are_scikit_learns(small_pool):
    vectors = pixel_vectors(small_pool)
    found = nearest(vectors[11].float(), vectors, k=7)
    peer = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(vectors.numpy())
    distance, index = peer.kneighbors(vectors[11:12].numpy())
    assert found.index[0] == 11
    assert set(found.index.tolist()) == set(index[0].tolist())
    torch.testing.assert_close(found.distance[1:], torch.from_numpy(distance[0, 1:]).float(), rtol=1e-3, atol=1e-3)


def test_only_some_may_be_found():
    vectors = torch.arange(10.0)[:, None]
    among = torch.arange(10) % 2 == 1
    assert nearest(torch.tensor([3.9]), vectors, 2, among=among).index.tolist() == [3, 5]
    with pytest.raises(ValueError, match="k must be from 1 to 5, got 6"):
        nearest(torch.tensor([3.9]), vectors, 6, among=among)


def test_codes_are_what_the_classifier_reads(viznet, small_pool):
    assert code_layer(viznet) == "flatten"
    with capture(viznet.net, ["flatten"]) as captured:
        viznet.net(viznet.normalize(small_pool.pixels(slice(0, 5))))
    found = codes(viznet, small_pool.patches[:5], batch_size=2)
    torch.testing.assert_close(found, captured["flatten"].detach(), rtol=1e-3, atol=1e-4)


def test_codes_of_a_map_are_its_mean(viznet, small_pool):
    found = codes(viznet, small_pool.patches[:3], "relu7")
    torch.testing.assert_close(found, codes(viznet, small_pool.patches[:3]), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "layer"), [("resnet18", "avgpool"), ("vgg11", "classifier.5"), ("squeezenet1_1", "classifier.0")]
)
def test_the_code_layer_of_other_nets(name, layer):
    assert code_layer(vizkit.ImageModel(random_net(name), input_size=96)) == layer


def test_center_cuts_the_middle_square():
    image = torch.zeros(3, 40, 60)
    image[:, 10:30, 20:40] = 1
    assert center(image, 2, 20).min() == 1
    assert center(image, 1, 40).shape == (3, 40, 40)
    with pytest.raises(ValueError, match=r"zoom must be 1 or more, got 0\.5"):
        center(image, 0.5, 20)


def test_bad_input_is_named(viznet, small_pool):
    with pytest.raises(ValueError, match=r"must be \(d,\) and \(N, d\), got \(3,\) and \(4, 5\)"):
        nearest(torch.zeros(3), torch.zeros(4, 5))
    with pytest.raises(ValueError, match="k must be from 1 to 4, got 9"):
        nearest(torch.zeros(5), torch.zeros(4, 5), k=9)
    with pytest.raises(ValueError, match="layer of viznet 'code' is not known"):
        codes(viznet, small_pool.patches, "code")
