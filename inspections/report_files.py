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
# How an object goes on: a string, a comment, or how it ends (no part of a name or number).
_NEXT = re.compile(rb"[(%]|(?<![^\0\t\n\f\r ()<>\[\]{}%])(?:endobj|stream)(?![A-Za-z0-9])")
_IN_STRING = re.compile(rb"\\[\0-\xff]|[()]")
_END_OF_LINE = re.compile(rb"[\r\n]")
_OBJECT = b"obj"
_LONGEST_DICTIONARY = 4096
_MOST_LOOKED_THROUGH = 1024 * 1024  # for the ends of objects, in all
_REST_OF_LINE = re.compile(rb"[^\r\n]{0,80}(?:\r\n|\r|\n)")  # which readers skip, blanks or not
_NO_STRINGS = re.compile(rb"(?:<<|>>|[^(<%>])*+")
_MOST_UNPACKED = 32 * 1024 * 1024
_MOST_PACKED = 5_000
_PIECE = 64 * 1024


def _name_pattern(*names: str) -> re.Pattern[bytes]:
    """Return what finds these names of a PDF; #xx may stand for any character (7.3.5)."""
    written = ("".join(f"(?:{c}|(?i:#{ord(c):02x}))" for c in name) for name in names)
    return re.compile(f"/(?:{'|'.join(written)})(?![A-Za-z#])".encode())


# What acts by itself, and what holds other files.
_ACTIVE = _name_pattern(
    "JavaScript", "Launch", "EmbeddedFile", "EmbeddedFiles", "FileAttachment", "RichMedia"
)
_LOCKED = _name_pattern("Encrypt")
# Objects packed into a stream (ISO 32000-1, 7.5.7). Readers know it by how they come to it, and do
# without the type; where its first object begins it has to say.
_PACKED = _name_pattern("ObjStm", "First")
_FILTER = _name_pattern("Filter")
_ONE_FLATE = re.compile(rb"/Filter\s*(?:/FlateDecode|\[\s*/FlateDecode\s*\])(?![A-Za-z0-9#])")
_DECODED_FURTHER = _name_pattern("DecodeParms", "DP", "F", "FFilter")


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
    read: set[int] = set()
    unpackable, unread, unseen = _MOST_UNPACKED, len(data), _MOST_LOOKED_THROUGH
    for name in _PACKED.finditer(data):
        word, end = _way_out(data, name.end(), name.end() + unseen)
        # Streams in one another would have us read the same bytes over and over; names, too.
        unseen -= end - name.end()
        if word == b"endobj" or end in read:
            continue
        read.add(end)
        _check_dictionary(data[max(0, name.start() - _LONGEST_DICTIONARY) : end - len(word)])
        start = _REST_OF_LINE.match(data, end)
        if start is None or len(found) == _MOST_PACKED:
            raise _no_report()
        unpacked, count = _unpacked(data, start.end(), unpackable)
        found.append(unpacked)
        unpackable -= len(unpacked)
        unread -= count
        if unread < 0:
            raise _no_report()
    return found


def _way_out(data: bytes, at: int, limit: int) -> tuple[bytes, int]:
    """Return the word by which the object around a place ends, and where that ends.

    It is `stream` or `endobj`; in strings and comments neither counts. Raises Invalid where none
    comes before the limit.
    """
    while (found := _NEXT.search(data, at, limit)) is not None:
        if found[0] == b"(":
            at = _end_of_string(data, found.end(), limit)
        elif found[0] == b"%":
            line = _END_OF_LINE.search(data, found.end(), limit)
            at = line.end() if line else limit
        else:
            return found[0], found.end()
    raise _no_report()


def _end_of_string(data: bytes, at: int, limit: int) -> int:
    depth = 1
    for found in _IN_STRING.finditer(data, at, limit):
        depth += {b"(": 1, b")": -1}.get(found[0], 0)
        if not depth:
            return found.end()
    raise _no_report()


def _check_dictionary(before: bytes) -> None:
    """Refuse a stream of objects whose dictionary, the end of this text, leaves anything open.

    What is packed twice, or arranged anew by a predictor, we do not read, but others do.
    """
    dictionary = before[before.rfind(_OBJECT) + len(_OBJECT) :].strip()
    is_one = _OBJECT in before and _is_dictionary(dictionary)
    is_plain = len(_FILTER.findall(dictionary)) == 1 and _ONE_FLATE.search(dictionary)
    if not (is_one and is_plain) or _DECODED_FURTHER.search(dictionary):
        raise _no_report()


def _is_dictionary(text: bytes) -> bool:
    """Tell whether a text is one dictionary, without strings and comments.

    >>> _is_dictionary(b"<</N 2>>"), _is_dictionary(b"<</X (>>"), _is_dictionary(b"/N 2>>")
    (True, False, False)
    """
    return (
        text.startswith(b"<<")
        and text.endswith(b">>")
        and _NO_STRINGS.fullmatch(text) is not None
        and text.count(b">>") == text.count(b"<<")
    )


def _unpacked(data: bytes, start: int, most: int) -> tuple[bytes, int]:
    """Return what was compressed from `start` on, less than `most` bytes, and how much was read.

    Raises Invalid.
    """
    unpacking, parts = zlib.decompressobj(), []
    try:
        for at in range(start, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            parts.append(unpacking.decompress(piece, most))
            most -= len(parts[-1])
            if most <= 0:
                raise _no_report()
            if unpacking.eof:
                return b"".join(parts), at + len(piece) - len(unpacking.unused_data) - start
    except zlib.error:
        pass
    raise _no_report()


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
