"""What a laboratory may give as its test report: a PDF, or a photo of one. Pure.

What comes is hostile until shown otherwise, and is given out to people who do not know who made
it. What it is, its bytes say and not its name. A picture is drawn anew: what was hidden in it,
or said where it was taken, is gone. A PDF stays as it is, byte for byte, for it may be signed;
one that is locked, or that does things when it is opened, is refused. That is no scanner for
viruses: reports are given out to be saved, never shown inside a page.
"""

import hashlib
import re
import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps

from foodtrace.trace.errors import Invalid, Problem, TooLarge, mark
from foodtrace.trace.scanning.photos import (
    MOST_PIXELS,
    READ_PIXELS,
    decoding,
    flat,
    has_many_scans,
)

MOST_BYTES = 10 * 1024 * 1024
PDF, JPEG = "application/pdf", "image/jpeg"
ENDINGS = {PDF: "pdf", JPEG: "jpg"}
PLACE = "report"
_QUALITY = 88  # of a picture drawn anew; the small print of a page stays legible

_PDF_START = b"%PDF-"
_PDF_END = b"%%EOF"
_END_WITHIN = 2048  # bytes behind the end that some programs add
_STREAM = re.compile(rb"stream\r?\n")
_NO_STRINGS = re.compile(rb"(?:<<|>>|[^(<%>])*+")
_MOST_UNPACKED = 32 * 1024 * 1024
_MOST_PACKED = 5_000
_PIECE = 64 * 1024


def _name_pattern(*names: str) -> re.Pattern[bytes]:
    """Return what finds these names of a PDF; #xx may stand for any character (7.3.5)."""
    written = ("".join(f"(?:{c}|(?i:#{ord(c):02x}))" for c in name) for name in names)
    return re.compile(f"/(?:{'|'.join(written)})(?![A-Za-z#])".encode())


# What acts by itself, and what holds other files.
_ACTIVE = _name_pattern("JavaScript", "Launch", "EmbeddedFile", "RichMedia")
_LOCKED = _name_pattern("Encrypt")
_OBJECTS = _name_pattern("ObjStm")  # objects packed into a stream (ISO 32000-1, 7.5.7)


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report as it is kept: its bytes, their SHA-256 in hex, and what they are."""

    sha256: str
    media_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class NamedReport:
    """Which of the files that were kept is the report of a certificate, and who may have it."""

    sha256: str
    is_public: bool = False


def read_report(data: bytes) -> ReportFile:
    """Return a report as it will be kept.

    Raises Invalid for what is no report, TooLarge over a limit, Unavailable while others are
    being read.
    """
    if len(data) > MOST_BYTES:
        raise TooLarge(too_large_report())
    if data.startswith(_PDF_START):
        _check_pdf(data)
        return _kept(PDF, data)
    return _kept(JPEG, _redrawn(data))


def too_large_report() -> Problem:
    """Return what is wrong with a report of more than MOST_BYTES."""
    return Problem(
        PLACE,
        mark("The report has more than %(limit)s MB"),
        mark("Save it with smaller pictures, or send fewer pages"),
        {"limit": MOST_BYTES >> 20},
    )


def name_of(number: str, media_type: str) -> str:
    """Return what a report is called when it is saved: after its certificate, and nothing else.

    >>> name_of("SDNT-2026/0117", "application/pdf")
    'SDNT-2026-0117.pdf'
    """
    stem = re.sub(r"[^\w.-]+", "-", number).strip(".-") or "report"
    return f"{stem}.{ENDINGS[media_type]}"


def is_whole(body: bytes, sha256: str) -> bool:
    """Tell whether these are the bytes that have this SHA-256."""
    return hashlib.sha256(body).hexdigest() == sha256


def _kept(media_type: str, body: bytes) -> ReportFile:
    if len(body) > MOST_BYTES:
        raise TooLarge(too_large_report())
    return ReportFile(hashlib.sha256(body).hexdigest(), media_type, body)


def _check_pdf(data: bytes) -> None:
    if _PDF_END not in data[-_END_WITHIN:]:
        raise _no_report()
    for part in (data, *_packed_objects(data)):
        if _LOCKED.search(part):
            raise _refused(
                mark("The PDF is locked with a password, or against changes"),
                mark("Save it without protection; a signature may stay in it"),
            )
        if _ACTIVE.search(part):
            raise _refused(
                mark("The PDF holds a program or another file"),
                mark("Print it into a new PDF, or send a photo of it"),
            )


def _packed_objects(data: bytes) -> list[bytes]:
    """Return what stands in the object streams of a PDF; raise Invalid for what cannot be read."""
    found: list[bytes] = []
    left, named = _MOST_UNPACKED, _OBJECTS.search(data)
    while named is not None:
        start = _STREAM.search(data, named.end())
        if start is None or len(found) == _MOST_PACKED:
            raise _no_report()
        if not _is_end_of_dictionary(data[named.end() : start.start()]):
            raise _no_report()
        found.append(_unpacked(data, start.end(), left))
        left -= len(found[-1])
        named = _OBJECTS.search(data, start.end())
    return found


def _is_end_of_dictionary(text: bytes) -> bool:
    """Tell whether a dictionary ends with this text, and the word `stream` behind it is a word.

    In a string, a comment or a dictionary inside it could stand a stream that nobody else reads.

    >>> _is_end_of_dictionary(b" /N 2 >> "), _is_end_of_dictionary(b" /X (>>")
    (True, False)
    """
    return (
        _NO_STRINGS.fullmatch(text) is not None
        and text.rstrip().endswith(b">>")
        and text.count(b">>") == text.count(b"<<") + 1
    )


def _unpacked(data: bytes, start: int, most: int) -> bytes:
    """Return what was compressed from `start` on, less than `most` bytes. Raises Invalid."""
    unpacking, parts = zlib.decompressobj(), []
    try:
        for at in range(start, len(data), _PIECE):
            parts.append(unpacking.decompress(data[at : at + _PIECE], most))
            most -= len(parts[-1])
            if most <= 0:
                raise _no_report()
            if unpacking.eof:
                break
    except zlib.error:
        raise _no_report() from None
    return b"".join(parts)


def _redrawn(data: bytes) -> bytes:
    """Return a JPEG or PNG picture as a JPEG of the same pixels, upright, and nothing else."""
    if has_many_scans(data):
        raise _no_report()
    try:
        with warnings.catch_warnings(), decoding():
            # We have limits of our own.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=("JPEG", "PNG")) as picture:
                return _drawn(picture)
    except Image.DecompressionBombError:
        raise TooLarge(_too_many_pixels("JPEG")) from None
    # Pillow has no one error for broken files: each format raises what it meets.
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError, MemoryError) as error:
        raise _no_report() from error


def _drawn(picture: Image.Image) -> bytes:
    kind, pixels = picture.format or "", picture.width * picture.height
    if pixels > MOST_PIXELS[kind]:
        raise TooLarge(_too_many_pixels(kind))
    if kind == "PNG" and getattr(picture, "is_animated", False):
        raise _no_report()
    factor = min(1.0, (READ_PIXELS / pixels) ** 0.5)
    size = (max(1, int(picture.width * factor)), max(1, int(picture.height * factor)))
    picture.draft("RGB", size)
    drawn = flat(ImageOps.exif_transpose(picture)).convert("RGB")
    if drawn.width * drawn.height > READ_PIXELS:
        side = max(size)
        drawn.thumbnail((side, side), reducing_gap=2.0)
    # Only the pixels go on: what the file said beside them stays behind.
    clean = Image.frombytes("RGB", drawn.size, drawn.tobytes())
    out = BytesIO()
    clean.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _no_report() -> Invalid:
    return _refused(
        mark("This is no report that can be read"), mark("Send a PDF, a JPEG or a PNG, whole")
    )


def _refused(rule: str, fix: str) -> Invalid:
    return Invalid(Problem(PLACE, rule, fix))


def _too_many_pixels(kind: str) -> Problem:
    return Problem(
        PLACE,
        mark("The picture has more than %(limit)s million pixels"),
        mark("Send a smaller photo of the report"),
        {"limit": MOST_PIXELS[kind] // 1_000_000},
    )
