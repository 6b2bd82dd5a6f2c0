"""How bad a print may be: labels spoilt step by step, and how many are still read."""

import random
from itertools import pairwise

import pytest
import zxingcpp
from PIL import Image, ImageDraw, ImageFilter

from .printed import designed, unit_said

LABELS = 12
# No camera sees single dots: what it makes of them, as the radius of a blur in dots.
CAMERA = 1.2


def noise(image, level, chance):
    """Turn a share of all dots over."""
    dots = image.load()
    for x in range(image.width):
        for y in range(image.height):
            if chance.random() < level:
                dots[x, y] = 255 - dots[x, y]
    return image


def dead_dots(image, level, chance):
    """Leave columns white, as dead dots of a print head do."""
    pen = ImageDraw.Draw(image)
    for x in chance.sample(range(image.width), round(level * image.width)):
        pen.line((x, 0, x, image.height), fill=255)
    return image


def fading(image, level, chance):
    """Take contrast away: black becomes grey."""
    return image.point(lambda value: 255 - round((255 - value) * (1 - level)))


def blur(image, level, chance):
    """Smear dots into each other; the level is the radius in dots."""
    return image.filter(ImageFilter.GaussianBlur(level))


def scratches(image, level, chance):
    """Draw white lines across, as wide as a module."""
    pen = ImageDraw.Draw(image)
    for _ in range(round(level)):
        ends = [(chance.randrange(image.width), chance.randrange(image.height)) for _ in "ab"]
        pen.line([(ends[0][0], 0), (ends[1][0], image.height)], fill=255, width=4)
    return image


def turning(image, level, chance):
    """Turn the label by so many degrees."""
    return image.rotate(level, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


SERIES = {
    noise: (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3),
    dead_dots: (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3),
    fading: (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95),
    blur: (0.0, 0.5, 1.0, 1.25, 1.5, 1.75, 2.0),
    scratches: (0, 1, 2, 3, 4, 6, 10),
    turning: (0, 5, 15, 30, 45, 90, 180),
}


def share_read(spoil, level):
    """The share of labels, each spoilt in its own way, that still say what they must."""
    said = [unit_said(number) for number in range(LABELS)]
    design = designed("60x40", 203, labels=said)
    read = 0
    for number, each in enumerate(said):
        chance = random.Random(f"{spoil.__name__} {number}")
        picture = spoil(design.draw(each).bitmap().convert("L"), level, chance)
        picture = picture.filter(ImageFilter.GaussianBlur(CAMERA))
        found = zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)
        assert {code.text for code in found} <= {each.url}, "a spoilt code says something else"
        read += bool(found)
    return read / LABELS


@pytest.mark.parametrize("spoil", SERIES, ids=lambda spoil: spoil.__name__)
def test_fewer_labels_are_read_the_worse_they_are_and_none_is_read_wrongly(spoil):
    shares = [share_read(spoil, level) for level in SERIES[spoil]]
    assert shares[0] == 1.0
    assert shares[1] >= 0.75
    # What is spoilt further may be read by luck, but never by much.
    allowance = 2 / LABELS
    assert all(worse <= better + allowance for better, worse in pairwise(shares))
