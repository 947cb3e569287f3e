import numpy as np
import pytest
import torch

import vizkit
from vizkit.core.steps import last
from vizkit.figures.charts import field_curve, weight_bars
from vizkit.figures.grids import activation_grid, filter_grid, filter_windows, neighbor_rows, patch_grid, unit_sheet
from vizkit.figures.pictures import contrast
from vizkit.figures.raster import to_uint8
from vizkit.methods.activations import ActivationMaps
from vizkit.methods.filters import Filters, filters, weight_sharing
from vizkit.methods.neighbors import nearest, pixel_vectors
from vizkit.methods.receptive_field import receptive_fields
from vizkit.methods.units import scan_steps, sent_back, top_patches


def test_first_filters_are_drawn_in_their_own_colors():
    weight = torch.zeros(2, 3, 2, 2)
    weight[0, 0] = 1.0  # likes red
    weight[1, :, 0] = -2.0  # dislikes white in its upper row
    sheet = filter_grid(Filters("conv", weight, (1, 1), (0, 0)), width=50)
    x0, y0, x1, y1 = sheet.box(0)
    assert sheet.pixels[y0, x0].tolist() == [255, 128, 128]
    x0, y0, x1, y1 = sheet.box(1)
    assert sheet.pixels[y0, x0].tolist() == [0, 0, 0]
    assert sheet.pixels[y1 - 1, x1 - 1].tolist() == [128, 128, 128]
    assert "2 filters (2 x 2) of conv" in sheet.alt


def test_deeper_filters_are_drawn_one_input_at_a_time(viznet):
    deep = filters(viznet, "conv2")
    assert filter_grid(deep).count == 96
    one = filter_grid(deep, channel=7)
    assert one.count == 48
    assert "filter 7 of conv2 for its 48 inputs" in one.alt
    with pytest.raises(ValueError, match="channel must be from 0 to 95, got 96"):
        filter_grid(deep, channel=96)


@pytest.mark.parametrize("shape", [(48, 128, 190), (352, 4, 4), (200, 1, 1), (4096, 1, 1), (3, 90, 60)])
def test_activation_grids_fit_the_page_for_every_layer(shape):
    grid = activation_grid(ActivationMaps("layer", torch.rand(shape)), chosen=2)
    assert grid.count == shape[0]
    assert 60 < grid.width <= 760
    assert grid.height < 1200


def test_the_order_puts_the_strongest_first():
    maps = torch.zeros(4, 6, 6)
    maps[2], maps[0] = 1.0, 0.5
    grid = activation_grid(ActivationMaps("layer", maps), order="strength", scale="shared", width=60)
    brightness = [grid.pixels[grid.box(i)[1], grid.box(i)[0]].sum() for i in range(4)]
    assert brightness[0] > brightness[1] > brightness[2] == brightness[3]


def test_signed_maps_are_red_and_blue():
    maps = torch.tensor([[[-1.0]], [[1.0]]])
    grid = activation_grid(ActivationMaps("layer", maps, target="tabby"), width=60)
    blue, red = (grid.pixels[grid.box(i)[1], grid.box(i)[0]] for i in range(2))
    assert blue[2] > blue[0]
    assert red[0] > red[2]
    assert grid.alt.startswith("Gradients of tabby by the 2 channels")


def test_patch_sheets_show_the_patches(viznet, small_pool):
    top = top_patches(last(scan_steps(viznet, small_pool, "relu2")), small_pool, 4)
    plain = patch_grid(small_pool, top, side=64, title="channel 4")
    x0, y0, *_ = plain.box(0)
    shown = plain.pixels[y0 : y0 + 64, x0 : x0 + 64].astype(int)
    patch = to_uint8(small_pool.pixels([int(top.index[0])])[0]).astype(int)
    assert np.abs(shown - patch).max() <= 1
    framed = patch_grid(small_pool, top, receptive_fields(viznet)["relu2"], side=64)
    assert not np.array_equal(framed.pixels, plain.pixels)
    assert plain.alt == "The 9 patches that excite channel 4 most"


def test_neighbor_rows_begin_with_the_query(small_pool):
    query = vizkit.load_image("coffee", (64, 64))
    found = nearest(query.flatten() * 255, pixel_vectors(small_pool), k=5)
    sheet = neighbor_rows(query, small_pool, [("in pixels", found), ("again", found)], side=64)
    assert (sheet.count, sheet.columns) == (12, 6)
    x0, y0, *_ = sheet.box(6)
    assert np.abs(sheet.pixels[y0 : y0 + 64, x0 : x0 + 64].astype(int) - to_uint8(query)).max() <= 1


def test_charts_show_computed_numbers(viznet):
    chart = weight_bars(weight_sharing(28, 5, 3))
    assert list(chart.data[0].x) == [75, 3 * 451_584]
    assert "18,063 times fewer" in chart.layout.title.text
    curve = field_curve(receptive_fields(viznet), 64)
    assert curve.data[0].y[0] == 7
    assert curve.data[0].y[-1] == 147
    assert "fc" not in curve.data[0].x
    assert curve.layout.yaxis.title.text == "pixels"


def test_a_sheet_of_units_has_patches_left_and_what_is_sent_back_right(viznet, small_pool):
    scan, field = last(scan_steps(viznet, small_pool, "relu3")), receptive_fields(viznet)["relu3"]
    found = sent_back(viznet, small_pool, scan, field, [4, 9, 11], k=4)
    laid = unit_sheet(found, side=20, across=2)
    assert (laid.count, laid.columns) == (6, 4)
    assert laid.alt == ("Channels 4, 9, 11 of relu3: left their strongest patches, right these sent back by deconvnet")
    x0, y0, *_ = laid.picture_box(2)  # the patches of the second channel; its fourth one is below right
    shown = laid.pixels[y0 + 24 : y0 + 44, x0 + 24 : x0 + 44]
    assert abs(shown.mean() / 255 - float(found.patches[1][3].mean())) < 0.02
    x0, y0, x1, y1 = laid.picture_box(1)
    assert abs(int(np.median(laid.pixels[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2])) - 128) < 12, "zero is gray"


def test_filters_stand_left_of_their_windows(viznet, small_pool):
    own = filters(viznet)
    windows = [torch.full((9, 3, 7, 7), 0.2), torch.full((3, 3, 7, 7), 0.6)]
    laid = filter_windows(own, [5, 6], windows, ["a", "b"], side=14, across=2)
    assert laid.alt == "Filters 5 to 6 of conv1, each left of the windows that it answers loudest"
    x0, y0, *_ = laid.picture_box(3)
    assert (laid.pixels[y0 + 2 : y0 + 16, x0 + 2 : x0 + 16] == 153).all()
    assert (laid.pixels[y0 + 18 : y0 + 32, x0 + 2 : x0 + 16] == 255).all(), "fewer windows leave white"
    x0, y0, x1, y1 = laid.picture_box(0)
    center = laid.pixels[(y0 + y1) // 2, (x0 + x1) // 2] / 255
    torch.testing.assert_close(
        torch.from_numpy(center).float(), contrast(own.weight[5][None])[0, :, 3, 3], atol=0.01, rtol=0
    )
