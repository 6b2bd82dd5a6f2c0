"""Letters as dots: the font that comes with the service, so that no printer needs one."""

from functools import cache, lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont
from PIL import Image, ImageChops, ImageDraw, ImageFont

FONT = Path(__file__).with_name("fonts") / "WenQuanYiMicroHei-GBK.ttf"
BOX = "□"  # stands for what the font lacks
# Of pictures of mode 1, in which Pillow keeps what it is given.
WHITE, BLACK = 255, 0


@cache
def letters() -> frozenset[str]:
    """Return every character that the font has."""
    with TTFont(FONT, lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


def missing(text: str) -> list[str]:
    """Return the characters of a text that the font lacks, each once.

    >>> missing("辣椒" + chr(0x1F336))
    ['🌶']
    """
    return sorted(set(text) - letters())


def printable(text: str) -> str:
    """Return a text with a visible box for each character that the font lacks.

    >>> printable("辣椒" + chr(0x1F336))
    '辣椒□'
    """
    return "".join(sign if sign in letters() else BOX for sign in text)


def width_of(text: str, size: int) -> int:
    """Return how many dots wide a text of so many dots' height is drawn."""
    return sum(_advance(sign, size) for sign in text)


@lru_cache(maxsize=512)
def draw_text(text: str, size: int) -> tuple[int, int, Image.Image] | None:
    """Return a text as dots, cut to what is black of it, and how far that is right and down.

    None where nothing is black.
    """
    width = width_of(text, size) + size
    image = Image.new("1", (width, 2 * size), WHITE)
    pen = ImageDraw.Draw(image)
    pen.fontmode = "1"
    pen.text((0, 0), text, BLACK, _face(size))
    black = ImageChops.invert(image).getbbox()
    return None if black is None else (black[0], black[1], image.crop(black))


@cache
def _face(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), size, layout_engine=ImageFont.Layout.BASIC)


@cache
def _advance(sign: str, size: int) -> int:
    return round(_face(size).getlength(sign, mode="1"))
