import numpy as np
import plotly.colors
import plotly.graph_objects as go
import pytest
import torch
from PIL import Image

from vizkit.figures.pictures import (
    auto_columns,
    boxes,
    colorize,
    contrast,
    enlarge,
    fit,
    frame_tile,
    overlay,
    photo,
    shrink,
    tiles,
)
from vizkit.figures.raster import Raster, to_uint8
from vizkit.figures.theme import lookup


def test_viridis_runs_from_zero_to_the_largest_value():
    painted = colorize(torch.tensor([[[0.0, 1.0, 2.0]]]))[0, 0]
    table = lookup("viridis")
    assert np.array_equal(painted[0], table[0])
    assert np.array_equal(painted[2], table[255])
    assert np.array_equal(painted[1], table[128])


def test_red_and_blue_are_centered_on_zero():
    painted = colorize(torch.tensor([[[-1.0, 0.0, 4.0]]]), signed=True)[0, 0].astype(int)
    assert painted[1].min() > 240  # zero is white
    assert painted[2][0] < 150
    assert painted[2][2] < 60  # the largest value: dark red
    assert painted[0][2] > painted[0][0]  # a little negative: a little blue


def test_scales_are_shared_or_each():
    maps = torch.tensor([[[1.0]], [[2.0]]])
    each, shared = colorize(maps, scale="each"), colorize(maps, scale="shared")
    assert np.array_equal(each[0], each[1])
    assert not np.array_equal(shared[0], shared[1])
    assert np.array_equal(colorize(torch.zeros(1, 2, 2))[0, 0, 0], lookup("viridis")[0])


def test_contrast_keeps_zero_gray_and_fills_the_range():
    weights = torch.tensor([[-1.0, 0.0, 0.5], [0.0, 0.1, 0.2]]).view(2, 3, 1, 1)
    stretched = contrast(weights)
    assert stretched[0].flatten().tolist() == [0, 0.5, 0.75]
    assert stretched[1].flatten().tolist() == [0.5, 0.75, 1]


@pytest.mark.parametrize(("count", "gap", "captions"), [(7, 2, ()), (12, 6, list("abcdefghijkl"))])
def test_tiles_lie_where_they_say_and_clicks_find_them(count, gap, captions):
    pictures = torch.rand(count, 3, 10, 14)
    sheet = tiles(pictures, "numbers", columns=4, gap=gap, captions=captions)
    for index in range(count):
        x0, y0, x1, y1 = sheet.box(index)
        assert np.array_equal(sheet.pixels[y0 : y0 + 10, x0:x1], to_uint8(pictures[index]))
        assert sheet.at(x0, y0) == sheet.at(x1 - 1, y1 - 1) == index
    assert sheet.at(sheet.width - 1, sheet.height - 1) in (None, count - 1)
    assert tiles(pictures, "", columns=4).at(4 * 16 + 10, 3) is None


def test_the_chosen_tile_is_framed_and_no_other():
    sheet = frame_tile(tiles(torch.zeros(4, 3, 20, 20), "", columns=2, gap=4), 3)
    assert (sheet.pixels[sheet.box(3)[1] - 2, sheet.box(3)[0]] != 255).any()
    x0, y0, *_ = sheet.box(0)
    assert (sheet.pixels[y0 - 2, x0] == 255).all()


@pytest.mark.parametrize(("count", "columns"), [(48, 8), (96, 12), (192, 24), (352, 32), (1, 1), (7, 3)])
def test_sheets_have_full_rows_where_they_can(count, columns):
    assert auto_columns(count) == columns


def test_shrink_averages_and_enlarge_repeats():
    maps = torch.arange(16.0).view(1, 4, 4)
    assert shrink(maps, 2).mean() == pytest.approx(maps.mean().item())
    assert shrink(maps, 9) is maps
    big = enlarge(maps, 9)
    assert big.shape == (1, 8, 8)
    assert torch.equal(big[:, ::2, ::2], maps)


def test_an_overlay_of_nothing_is_the_faded_photo_and_heat_shows():
    image = torch.full((3, 8, 8), 0.5)
    heat = torch.zeros(8, 8)
    plain = overlay(image, heat, "nothing").pixels
    assert (plain == plain[0, 0]).all()
    heat[2, 2] = 1
    hot = overlay(image, heat, "one").pixels
    assert (hot[2, 2] != plain[2, 2]).any()
    assert (hot[6, 6] == plain[6, 6]).all()


def test_boxes_cover_their_outermost_pixels():
    framed = boxes(photo(torch.zeros(3, 30, 40), "black"), [(5, 6, 25, 20)], width=2).pixels
    assert framed[6, 5].sum() > 0
    assert framed[19, 24].sum() > 0
    assert framed[5, 4].sum() == framed[20, 25].sum() == framed[13, 15].sum() == 0


def test_a_raster_is_an_img_with_its_words(tmp_path):
    raster = Raster(np.zeros((20, 30, 3), np.uint8), 'a <black> "square"')
    html = raster.html()
    assert html.startswith('<img alt="a &lt;black&gt; &quot;square&quot;"')
    assert "data:image/jpeg;base64," in html
    assert 'width="30" height="20"' in html
    assert html == raster._repr_html_()
    exact = Raster(raster.pixels, "exact", exact=True)
    assert exact.encoded()[0] == "image/png"
    saved = exact.save(tmp_path / "square.png")
    assert np.array_equal(np.asarray(Image.open(saved)), exact.pixels)


def test_fit_keeps_the_aspect():
    assert fit(photo(torch.zeros(3, 30, 60), ""), 200).pixels.shape == (100, 200, 3)


def test_painting_leaves_plotlys_scales_as_they_are():
    before = list(plotly.colors.sequential.Viridis)
    lookup.cache_clear()
    for palette in ("viridis", "rdbu", "gray"):
        lookup(palette)
    assert before == plotly.colors.sequential.Viridis
    go.Figure(go.Contour(z=[[1, 2], [3, 4]], colorscale="Viridis"))
