"""Labels for label printers: ZPL and TSPL in which everything is dots.

The printer gets the very dots that were read back, Chinese text included; it needs no font,
and no text of anybody's can become a command.
"""

import re
from collections.abc import Iterable
from typing import BinaryIO

from PIL import Image, ImageChops

from foodtrace.producers.printing.drawing import Design, DrawnLabel, Piece
from foodtrace.producers.printing.lettering import WHITE

_RUN = re.compile(r"(.)\1+")
_TWENTIES, _ONES = "ghijklmnopqrstuvwxyz", "GHIJKLMNOPQRSTUVWXY"


def write_zpl(file: BinaryIO, design: Design, labels: Iterable[DrawnLabel], copies: int) -> None:
    """Write ZPL II: one format for each label, its dots in compressed graphic fields."""
    shared: dict[Piece, str] = {piece: _graphic_field(piece) for piece in design.shared}
    for label in labels:
        fields = "".join(shared.get(piece) or _graphic_field(piece) for piece in label.pieces)
        plan = label.plan
        file.write(
            f"^XA^PW{plan.width}^LL{plan.height}^LH0,0{fields}^PQ{copies}^XZ\n".encode("ascii")
        )


def write_tspl(file: BinaryIO, design: Design, labels: Iterable[DrawnLabel], copies: int) -> None:
    """Write TSPL: one image for each label; a set bit is white there."""
    layout = design.layout
    file.write(
        f"SIZE {layout.width:g} mm,{layout.height:g} mm\r\nGAP 2 mm,0 mm\r\n"
        "DIRECTION 1\r\nREFERENCE 0,0\r\n".encode("ascii")
    )
    for label in labels:
        file.write(b"CLS\r\n")
        for piece in label.pieces:
            image = _to_whole_bytes(piece.image)
            width, height = image.width // 8, image.height
            file.write(f"BITMAP {piece.x},{piece.y},{width},{height},1,".encode("ascii"))
            file.write(image.tobytes())
            file.write(b"\r\n")
        file.write(f"PRINT 1,{copies}\r\n".encode("ascii"))


def _graphic_field(piece: Piece) -> str:
    """Return dots as a field ^GFA: hexadecimal with runs; ``:`` is a line like the one before."""
    image = ImageChops.invert(_to_whole_bytes(piece.image))  # a set bit is black
    width = image.width // 8
    data = image.tobytes()
    lines = []
    before = None
    for start in range(0, len(data), width):
        line = data[start : start + width]
        lines.append(":" if line == before else _compressed(line))
        before = line
    total = len(data)
    return f"^FO{piece.x},{piece.y}^GFA,{total},{total},{width},{''.join(lines)}^FS"


def _compressed(line: bytes) -> str:
    text = line.hex().upper()
    kept = text.rstrip("0")
    # ``,`` fills the rest of a line with white.
    ending = "," if len(text) - len(kept) > 1 else text[len(kept) :]
    return _RUN.sub(lambda run: _repeated(run[1], len(run[0])), kept) + ending


def _repeated(digit: str, count: int) -> str:
    """Return a hexadecimal digit so many times: ``g`` is 20 of it, ``G`` 1, and so on.

    >>> _repeated("F", 27)
    'gMF'
    """
    whole = "z" * (count // 400)
    twenties, ones = divmod(count % 400, 20)
    return (
        whole
        + (_TWENTIES[twenties - 1] if twenties else "")
        + (_ONES[ones - 1] if ones else "")
        + digit
    )


def _to_whole_bytes(image: Image.Image) -> Image.Image:
    """Return it with white on the right up to a multiple of eight dots."""
    width = (image.width + 7) // 8 * 8
    if width == image.width:
        return image
    wider = Image.new("1", (width, image.height), WHITE)
    wider.paste(image, (0, 0))
    return wider
