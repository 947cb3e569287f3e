import io

import numpy as np
import pytest
import torch
from PIL import Image

import vizkit
from vizkit.core import images as module


def encoded(picture, kind="PNG", **settings):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **settings)
    return buffer.getvalue()


@pytest.fixture
def gradient():
    """A picture whose every pixel is different enough to tell corners apart."""
    rows, columns = np.mgrid[0:40, 0:60]
    return Image.fromarray(np.stack([rows * 6, columns * 4, rows * 0 + 90], -1).astype(np.uint8))


def test_every_bundled_picture_opens_and_has_source_and_license():
    kinds = set()
    for name, info in vizkit.images().items():
        image = vizkit.load_image(name)
        assert image.dtype == torch.float32
        assert image.shape[0] == 3
        assert 0 <= image.min() < image.max() <= 1
        assert info.source
        assert info.license
        kinds.add(info.kind)
    assert kinds == {"photo", "texture", "drawing", "painting"}
    assert set(vizkit.images("drawing")) < set(vizkit.images())


def test_bundled_pixels_are_the_librarys_own():
    from skimage import data

    expected = torch.from_numpy(data.chelsea()).permute(2, 0, 1) / 255
    assert torch.equal(vizkit.load_image("chelsea"), expected)


def test_drawings_are_the_same_each_time_and_noise_is_noise():
    from vizkit.core.drawings import DRAWINGS

    for draw in DRAWINGS.values():
        assert np.array_equal(draw(), draw())
    noise = vizkit.load_image("noise")
    assert abs(noise.mean() - 0.5) < 0.01
    assert abs(noise.std() - 12**-0.5) < 0.01


def test_the_zone_plate_holds_the_wavelength_it_claims():
    line = vizkit.load_image("zone plate")[0, 192, 192:].numpy()
    crossings = np.flatnonzero(np.diff(np.sign(line - 0.5)))
    outer = np.diff(crossings[-9:]).mean() * 2  # two crossings a period
    assert outer == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_files_bytes_arrays_tensors_and_uploads_give_the_same_pixels(gradient, tmp_path, kind):
    content = encoded(gradient, kind, **({"lossless": True} if kind == "WEBP" else {}))
    path = tmp_path / f"picture.{kind.lower()}"
    path.write_bytes(content)
    array = np.asarray(gradient)
    expected = torch.from_numpy(array.copy()).permute(2, 0, 1) / 255
    sources = [
        path,
        str(path),
        content,
        memoryview(content),
        gradient,
        array,
        array / 255.0,
        expected,
        {"name": "picture", "content": memoryview(content)},
    ]
    for source in sources:
        assert torch.equal(vizkit.load_image(source), expected)


def test_exif_orientation_is_applied(gradient):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    turned = vizkit.load_image(encoded(gradient, exif=exif))
    expected = vizkit.load_image(gradient.rotate(-90, expand=True))
    assert torch.equal(turned, expected)


def test_transparent_parts_are_white(gradient):
    clear = gradient.convert("RGBA")
    clear.putalpha(Image.fromarray(np.repeat([[0, 255]], 40, 0).repeat(30, 1).astype(np.uint8)))
    image = vizkit.load_image(encoded(clear))
    assert (image[:, :, :30] == 1).all()
    assert torch.equal(image[:, :, 30:], vizkit.load_image(gradient)[:, :, 30:])


def test_transparent_palette_and_gray_with_alpha():
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    assert vizkit.load_image(encoded(palette, transparency=1)).min() == 1
    assert vizkit.load_image(encoded(Image.new("LA", (4, 4), (0, 0)))).min() == 1
    assert vizkit.load_image(encoded(Image.new("LA", (4, 4), (0, 255)))).max() == 0


def test_gray_and_16_bit_keep_their_range():
    ramp = np.linspace(0, 65535, 16, dtype=np.uint16).reshape(4, 4)
    image = vizkit.load_image(encoded(Image.fromarray(ramp)))
    assert torch.equal(image[0], image[1])
    torch.testing.assert_close(image[0], torch.from_numpy(ramp / 65535.0).float(), atol=0.6 / 255, rtol=0)
    assert torch.equal(vizkit.load_image(ramp), image)
    gray = Image.fromarray((ramp // 257).astype(np.uint8))
    assert torch.equal(vizkit.load_image(gray), image)


def test_one_bit_and_cmyk():
    assert vizkit.load_image(encoded(Image.new("1", (4, 4), 1))).min() == 1
    cmyk = vizkit.load_image(encoded(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG"))
    assert cmyk.min() > 0.98


def test_size_is_the_shorter_side_or_height_and_width(gradient):
    assert vizkit.load_image(gradient, 20).shape == (3, 20, 30)
    assert vizkit.load_image(gradient, (25, 25)).shape == (3, 25, 25)
    middle = vizkit.load_image(gradient, (40, 40))
    assert torch.equal(middle, vizkit.load_image(gradient)[:, :, 10:50])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP"])
@pytest.mark.parametrize("keep", [0.8, 0.5, 0.1])
def test_truncated_files_are_refused_in_one_sentence(gradient, kind, keep):
    content = encoded(gradient, kind)
    with pytest.raises(ValueError, match="the file is (truncated or damaged|no picture)"):
        vizkit.load_image(content[: int(len(content) * keep)])


def test_decompression_bombs_are_refused_without_being_decoded(monkeypatch):
    bomb = encoded(Image.new("1", (20_000, 20_000)))
    assert len(bomb) < 200_000
    with pytest.raises(ValueError, match="larger than 100 million"):
        vizkit.load_image(bomb)
    monkeypatch.setattr(module, "MAX_PIXELS", 1000)
    with pytest.raises(ValueError, match="the file is 40 x 40 pixels, larger than"):
        vizkit.load_image(encoded(Image.new("RGB", (40, 40))))


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("chelsae", ValueError, "image 'chelsae' is not known; did you mean 'chelsea'"),
        ("photos/cat.png", FileNotFoundError, "there is no image file photos/cat.png; bundled: "),
        (b"%PDF-1.7 hello", ValueError, "is no picture that Pillow can read"),
        (b"", ValueError, "is no picture that Pillow can read"),
        (3, TypeError, "must be a bundled name, a path, bytes, .* got int"),
        (np.zeros((2, 3, 5)), ValueError, r"must be \(H, W\), .* got \(2, 3, 5\)"),
        (np.full((4, 4), np.nan), ValueError, "without NaN"),
        (np.full((4, 4), 3.5), ValueError, r"float pixels must be in \[0, 1\]"),
        (np.full((4, 4), -3), TypeError, r"pixels must be uint8, uint16 or floats in \[0, 1\], got int64"),
    ],
)
def test_what_is_no_picture_is_named(source, error, message):
    with pytest.raises(error, match=message):
        vizkit.load_image(source)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP"])
def test_damaged_files_are_refused_in_one_sentence_or_read(gradient, kind):
    content = bytearray(encoded(gradient, kind))
    random = np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), 6):
            damaged[place] = random.integers(0, 256)
        try:
            assert vizkit.load_image(bytes(damaged)).shape[0] == 3
        except ValueError as error:
            assert str(error).startswith("the file is")  # noqa: PT017


def test_pictures_too_long_to_scale_are_refused():
    with pytest.raises(ValueError, match="3 x 3000 pixels is too long to have a shorter side of 256"):
        vizkit.load_image(Image.new("RGB", (3, 3000)), 256)


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(ValueError, match="must be one file, .* is a folder"):
        vizkit.load_image(tmp_path)
    with pytest.raises(ValueError, match="size must be from 1 to 4096, got 0"):
        vizkit.load_image("chelsea", 0)


def test_uploads_are_kept_by_name_and_bad_ones_are_not(gradient):
    name = module.add_upload("mine.png", encoded(gradient))
    assert torch.equal(vizkit.load_image(name), vizkit.load_image(gradient))
    with pytest.raises(ValueError, match=r"notes\.txt is no picture"):
        module.add_upload("notes.txt", b"hello")
    assert "notes.txt" not in module.uploads()
    assert module.add_upload("chelsea", encoded(gradient)) == "chelsea (2)"
    black = encoded(Image.new("RGB", (4, 4)))
    assert module.add_upload("mine.png", black) == "mine.png (2)"
    assert vizkit.load_image("mine.png (2)").max() == 0
    assert torch.equal(vizkit.load_image("mine.png"), vizkit.load_image(gradient))
    assert vizkit.load_image("chelsea").shape == (3, 300, 451)


def test_floats_that_need_no_scaling_come_out_bit_for_bit():
    image = torch.rand(3, 40, 56, generator=torch.Generator().manual_seed(0))
    for size in (None, 40, (40, 56)):
        assert torch.equal(vizkit.load_image(image, size), image)
    assert torch.equal(vizkit.load_image(image.permute(1, 2, 0).numpy()), image)
    assert torch.equal(vizkit.load_image(image[0]), image[:1].expand(3, -1, -1))
    small_attack = (image + 0.1 / 255).clamp(0, 1)
    assert (vizkit.load_image(small_attack, 40) - image).abs().max() > 0.09 / 255, "it survives"
    shared = vizkit.load_image(image)
    shared.zero_()
    assert image.max() > 0, "what comes out is a copy"


def test_floats_are_scaled_as_bytes_are_to_within_a_rounding():
    picture = vizkit.load_image("chelsea")
    for size in (64, (50, 90)):
        from_floats = vizkit.load_image(picture, size)
        assert from_floats.shape == vizkit.load_image("chelsea", size).shape
        assert (from_floats - vizkit.load_image("chelsea", size)).abs().max() < 1.5 / 255
