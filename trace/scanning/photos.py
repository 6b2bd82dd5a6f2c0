"""Photos of codes: which symbols are in them, and what those hold. Nothing is kept.

What comes is hostile until shown otherwise: a photo is opened as one of three formats only,
its size is known before a pixel is decoded, and few are decoded at once, so that photos
cannot take the processors from captures.
"""

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import zxingcpp
from PIL import Image

from foodtrace.trace.errors import Invalid, Problem, TooLarge, Unavailable, mark
from foodtrace.trace.gs1.elements import FNC1

MOST_BYTES = 8 * 1024 * 1024
# A JPEG is decoded at a fraction of its size; the others whole, 4 bytes a pixel.
MOST_PIXELS = {"JPEG": 50_000_000, "MPO": 50_000_000, "PNG": 24_000_000, "WEBP": 24_000_000}
READ_PIXELS = 12_000_000
# Progressive JPEGs have about ten scans; each is a pass over all pixels.
MOST_SCANS = 40
MOST_SYMBOLS = 20
AT_ONCE = 2
MOST_WAITING = 4
PATIENCE = 3.0  # seconds that one waits for a place

# MPO is a JPEG with a second picture behind it, as many phones write them.
_ANIMATED = frozenset({"PNG", "WEBP"})
_FORMATS = zxingcpp.BarcodeFormats(
    [
        zxingcpp.BarcodeFormat.QRCode,
        zxingcpp.BarcodeFormat.DataMatrix,
        zxingcpp.BarcodeFormat.Code128,
        zxingcpp.BarcodeFormat.EAN13,
        zxingcpp.BarcodeFormat.EAN8,
        zxingcpp.BarcodeFormat.UPCA,
        zxingcpp.BarcodeFormat.ITF14,
        zxingcpp.BarcodeFormat.DataBarOmni,
        zxingcpp.BarcodeFormat.DataBarStk,
        zxingcpp.BarcodeFormat.DataBarLtd,
        zxingcpp.BarcodeFormat.DataBarExp,
        zxingcpp.BarcodeFormat.DataBarExpStk,
    ]
)
_GROUP_SEPARATOR = "\x1d"
_JPEG_START = b"\xff\xd8"
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
# In compressed data a marker is FF with neither 00 (a stuffed FF) nor a restart behind it.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")

_places = threading.BoundedSemaphore(AT_ONCE)
_queue = threading.BoundedSemaphore(AT_ONCE + MOST_WAITING)


@dataclass(frozen=True, slots=True)
class Symbol:
    """One code in a photo: what it holds, FNC1 as ``^``, and its symbology (ISO/IEC 15424)."""

    text: str
    symbology: str


def read_photo(data: bytes) -> list[Symbol]:
    """Return the codes in a photo (JPEG, PNG or WebP), from top to bottom.

    Raises Invalid for what is no such photo, TooLarge over a limit, Unavailable while
    others are being read.
    """
    if len(data) > MOST_BYTES:
        raise TooLarge(too_large_photo())
    with decoding():
        found = zxingcpp.read_barcodes(
            _opened(data), formats=_FORMATS, text_mode=zxingcpp.TextMode.Plain
        )
    found.sort(key=lambda code: (code.position.top_left.y, code.position.top_left.x))
    symbols = (Symbol(_text(code), code.symbology_identifier) for code in found)
    return list(dict.fromkeys(symbols))[:MOST_SYMBOLS]


@contextmanager
def decoding() -> Iterator[None]:
    """Hold one of the places in which photos are decoded; few wait for one, and not long.

    Raises Unavailable.
    """
    busy = Unavailable(
        Problem("photo", mark("Too many photos are being read"), mark("Send it again shortly"))
    )
    if not _queue.acquire(blocking=False):
        raise busy
    try:
        if not _places.acquire(timeout=PATIENCE):
            raise busy
        try:
            yield
        finally:
            _places.release()
    finally:
        _queue.release()


def too_large_photo() -> Problem:
    """Return what is wrong with a photo of more than MOST_BYTES."""
    return _too_large(mark("The photo has more than %(limit)s MB"), MOST_BYTES >> 20)


def _opened(data: bytes) -> Image.Image:
    """Return the photo in grey, at most READ_PIXELS large."""
    if has_many_scans(data):
        raise _no_photo()
    try:
        with warnings.catch_warnings():
            # We have limits of our own.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            photo = Image.open(BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
        with photo:
            return _small(photo)
    except Image.DecompressionBombError:
        raise TooLarge(_too_many_pixels("JPEG")) from None
    # Pillow has no one error for broken files: each format raises what it meets.
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError, MemoryError) as error:
        raise _no_photo() from error


def _small(photo: Image.Image) -> Image.Image:
    kind = photo.format or ""
    pixels = photo.width * photo.height
    if pixels > MOST_PIXELS[kind]:
        raise TooLarge(_too_many_pixels(kind))
    if kind in _ANIMATED and getattr(photo, "is_animated", False):
        raise Invalid(
            Problem("photo", mark("The photo moves"), mark("Send one still photo of the code"))
        )
    factor = min(1.0, (READ_PIXELS / pixels) ** 0.5)
    size = (max(1, int(photo.width * factor)), max(1, int(photo.height * factor)))
    photo.draft("L", size)
    grey = flat(photo).convert("L")
    if grey.width * grey.height > READ_PIXELS:
        grey.thumbnail(size, reducing_gap=2.0)
    return grey


def flat(photo: Image.Image) -> Image.Image:
    """Return a photo on white where it is transparent: code pictures often are."""
    if not photo.has_transparency_data:
        return photo
    layers = photo.convert("RGBA")
    ground = Image.new("RGBA", layers.size, "white")
    ground.alpha_composite(layers)
    return ground


def has_many_scans(data: bytes) -> bool:
    """Tell whether this is a JPEG with more scans than an honest one has."""
    return data.startswith(_JPEG_START) and _scans_in(data) > MOST_SCANS


def _scans_in(jpeg: bytes) -> int:
    """Return how many scans a JPEG has, counted up to one more than allowed."""
    at, scans = len(_JPEG_START), 0
    while scans <= MOST_SCANS:
        marker = _MARKER.search(jpeg, at)
        if marker is None or marker[1][0] == _END_OF_IMAGE:
            break
        scans += marker[1][0] == _START_OF_SCAN
        # The length of a segment counts its own two bytes.
        at = marker.end() + max(2, int.from_bytes(jpeg[marker.end() : marker.end() + 2]))
    return scans


def _text(code: zxingcpp.Barcode) -> str:
    if code.content_type != zxingcpp.ContentType.GS1:
        return code.text
    return FNC1 + code.text.replace(_GROUP_SEPARATOR, FNC1)


def _no_photo() -> Invalid:
    return Invalid(
        Problem(
            "photo",
            mark("This is no photo that can be read"),
            mark("Send a JPEG, PNG or WebP picture, whole"),
        )
    )


def _too_many_pixels(kind: str) -> Problem:
    return _too_large(
        mark("The photo has more than %(limit)s million pixels"), MOST_PIXELS[kind] // 1_000_000
    )


def _too_large(rule: str, limit: int) -> Problem:
    return Problem("photo", rule, mark("Send a smaller photo of the code"), {"limit": limit})
