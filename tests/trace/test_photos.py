import struct
import threading
import zlib

import pytest
from PIL import Image

from foodtrace.trace.errors import Invalid, TooLarge, Unavailable
from foodtrace.trace.scanning import photos
from foodtrace.trace.scanning.photos import Symbol, read_photo

from .photographing import GTIN, LOT, file_of, ground, photo_of, symbol

LINK = f"https://trace.example/01/{GTIN}/10/{LOT}"
ELEMENTS = f"(01){GTIN}(10){LOT}(17)261231(21)A1"


def texts_in(data):
    return [found.text for found in read_photo(data)]


def test_it_works():
    assert texts_in(file_of(photo_of(symbol(LINK, "QRCode")))) == [LINK]


@pytest.mark.parametrize("name", ["DataMatrix", "Code128", "QRCode"])
def test_a_gs1_symbol_keeps_its_separators(name):
    found = texts_in(file_of(photo_of(symbol(ELEMENTS, name, scale=3, gs1=True))))
    assert found == [f"^01{GTIN}10{LOT}^1726123121A1"]


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("9521000890022", "EAN13", Symbol("9521000890022", "]E0")),
        ("96385074", "EAN8", Symbol("96385074", "]E4")),
        ("012345678905", "UPCA", Symbol("0012345678905", "]E0")),
        (GTIN, "ITF14", Symbol(GTIN, "]I1")),
        ("HELLO", "Code128", Symbol("HELLO", "]C0")),
    ],
)
def test_each_symbology_of_trade_is_read_and_named(text, name, found):
    assert read_photo(file_of(photo_of(symbol(text, name)))) == [found]


def test_databar_on_fresh_produce_is_read():
    picture = photo_of(symbol(f"(01){GTIN}(10){LOT}", "DataBarExp"))
    assert texts_in(file_of(picture)) == [f"^01{GTIN}10{LOT}"]


@pytest.mark.parametrize("turned", [0, 17, 45, 90, 180, 263])
def test_a_code_may_lie_at_any_angle(turned):
    picture = photo_of(symbol(ELEMENTS, "DataMatrix", gs1=True, scale=6), turned=turned)
    assert len(texts_in(file_of(picture))) == 1


def test_several_codes_are_read_from_top_to_bottom_and_each_once():
    picture = photo_of(
        symbol("9521000890022", "EAN13", scale=3),
        symbol(LINK, "QRCode"),
        symbol(LINK, "QRCode"),
        size=(960, 960),
    )
    assert texts_in(file_of(picture)) == ["9521000890022", LINK]


def test_a_photo_without_a_code_holds_none():
    assert read_photo(file_of(ground())) == []


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_three_kinds_of_files_are_read(kind):
    assert texts_in(file_of(photo_of(symbol(LINK, "QRCode")), kind)) == [LINK]


def test_a_jpeg_with_a_second_picture_behind_it_is_read_as_phones_write_it():
    picture = photo_of(symbol(LINK, "QRCode"))
    data = file_of(picture, "MPO", save_all=True, append_images=[ground(160, 160)])
    assert texts_in(data) == [LINK]


def test_black_on_transparent_is_read_as_on_white():
    drawn = symbol(LINK, "QRCode")
    clear = Image.new("RGBA", drawn.size, (0, 0, 0, 0))
    black = Image.new("RGBA", drawn.size, (0, 0, 0, 255))
    clear.paste(black, mask=drawn.point(lambda grey: 255 - grey))
    assert texts_in(file_of(clear, "PNG")) == [LINK]


def test_a_photo_of_48_megapixels_is_made_smaller_and_read():
    picture = photo_of(symbol(LINK, "QRCode", scale=8)).resize((8000, 6000))
    assert texts_in(file_of(picture, quality=60)) == [LINK]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"this is no picture, whatever it is called",
        b'<svg xmlns="http://www.w3.org/2000/svg"><text>]d2</text></svg>',
        b"%PDF-1.7\n",
        b"GIF89a" + bytes(40),
        b"\xff\xd8\xff\xe0" + bytes(100),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(20),
    ],
    ids=["empty", "text", "svg", "pdf", "gif", "jpeg", "png", "webp"],
)
def test_what_is_no_photo_is_refused_whatever_it_is_called(data):
    with pytest.raises(Invalid) as refusal:
        read_photo(data)
    assert refusal.value.problems[0].place == "photo"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_file_that_ends_early_is_refused(kind):
    data = file_of(photo_of(symbol(LINK, "QRCode")), kind)
    with pytest.raises(Invalid):
        read_photo(data[: len(data) // 2])


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_moving_picture_is_refused(kind):
    frames = [ground(64, 64, seed) for seed in (1, 2)]
    data = file_of(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(Invalid, match="moves"):
        read_photo(data)


def bomb(width, height):
    """Return a PNG of a few hundred bytes that says to be so large."""

    def chunk(name, content):
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("width", "height"), [(10_000, 10_000), (60_000, 60_000), (6_000, 5_000)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(monkeypatch, width, height):
    monkeypatch.setattr(Image.Image, "convert", None)
    with pytest.raises(TooLarge, match="million pixels"):
        read_photo(bomb(width, height))


def test_a_jpeg_of_100_megapixels_is_refused_before_it_is_decoded(monkeypatch):
    data = bytearray(file_of(ground(160, 160)))
    start = data.index(b"\xff\xc0")  # start of frame: length, precision, height, width
    data[start + 5 : start + 9] = struct.pack(">HH", 10_000, 10_000)
    monkeypatch.setattr(Image.Image, "convert", None)
    with pytest.raises(TooLarge, match="50 million pixels"):
        read_photo(bytes(data))


def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded(monkeypatch):
    data = file_of(ground(160, 160), progressive=True)
    assert read_photo(data) == []
    scan = data[data.index(b"\xff\xda") :].split(b"\xff\xc4")[0].removesuffix(b"\xff\xd9")
    monkeypatch.setattr(Image, "open", None)
    with pytest.raises(Invalid):
        read_photo(data[:-2] + scan * 1000 + data[-2:])


def test_markers_inside_segments_are_no_scans():
    comment = b"\xff\xda" * 1000
    picture = photo_of(symbol(LINK, "QRCode"))
    data = file_of(picture)
    segment = b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment
    assert texts_in(data[:2] + segment + data[2:]) == [LINK]
    assert texts_in(data + comment) == [LINK]  # behind the end: phones put films there


def test_more_than_8_megabytes_are_refused():
    with pytest.raises(TooLarge, match="8 MB"):
        read_photo(bytes(photos.MOST_BYTES + 1))


@pytest.fixture
def busy(monkeypatch):
    """Keep every place taken until the returned event is set."""
    data = file_of(photo_of(symbol(LINK, "QRCode")))
    inside, leave = threading.Barrier(photos.AT_ONCE + 1), threading.Event()
    decode = photos.zxingcpp.read_barcodes

    def slow(*arguments, **options):
        if not leave.is_set():
            inside.wait(30)
            leave.wait(30)
        return decode(*arguments, **options)

    monkeypatch.setattr(photos.zxingcpp, "read_barcodes", slow)
    readers = [threading.Thread(target=read_photo, args=(data,)) for _ in range(photos.AT_ONCE)]
    for reader in readers:
        reader.start()
    inside.wait(30)
    yield leave
    leave.set()
    for reader in readers:
        reader.join()


def test_who_waits_too_long_for_others_is_put_off(busy, monkeypatch):
    monkeypatch.setattr(photos, "PATIENCE", 0.01)
    with pytest.raises(Unavailable):
        read_photo(file_of(photo_of(symbol(LINK, "QRCode"))))


def test_who_waits_a_little_is_read(busy):
    threading.Timer(0.05, busy.set).start()
    assert texts_in(file_of(photo_of(symbol(LINK, "QRCode")))) == [LINK]


def test_few_wait_the_next_is_put_off_at_once(busy, monkeypatch):
    monkeypatch.setattr(photos, "PATIENCE", 30)
    photo = file_of(photo_of(symbol(LINK, "QRCode")))
    answers = []
    waiting = [
        threading.Thread(target=lambda: answers.append(texts_in(photo)))
        for _ in range(photos.MOST_WAITING)
    ]
    for each in waiting:
        each.start()
    while photos._queue._value:
        pass
    with pytest.raises(Unavailable):
        read_photo(photo)
    busy.set()
    for each in waiting:
        each.join()
    assert answers == [[LINK]] * photos.MOST_WAITING


def test_refused_photos_leave_no_place_taken():
    for _ in range(photos.AT_ONCE + 1):
        with pytest.raises(Invalid):
            read_photo(b"none")
    assert texts_in(file_of(photo_of(symbol(LINK, "QRCode")))) == [LINK]
