"""Photos of codes, made as a phone would make them: symbols on a noisy ground, turned, small."""

import random
from io import BytesIO

import zxingcpp
from PIL import Image

GTIN, LOT = "09521000890022", "YL01"


def symbol(text, name, *, scale=4, **options):
    """Return a symbol as a grey picture; `gs1=True` takes the text in brackets."""
    made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, name), **options)
    drawn = zxingcpp.write_barcode_to_image(made, scale=scale)
    height, width = drawn.shape[:2]
    return Image.frombytes("L", (width, height), bytes(memoryview(drawn)))


def ground(width=1280, height=800, seed=1):
    """Return a blurred, noisy surface as codes lie on."""
    small = (width // 16, height // 16)
    grain = random.Random(seed).randbytes(small[0] * small[1])
    surface = Image.frombytes("L", small, bytes(60 + grey % 140 for grey in grain))
    return surface.resize((width, height), Image.Resampling.BICUBIC)


def photo_of(*symbols, turned=0, size=(1280, 800)):
    """Return a photo in which the symbols lie one below the other."""
    scene = ground(*size)
    top = 40
    for each in symbols:
        laid = each.rotate(turned, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
        scene.paste(laid, (60, top))
        top += laid.height + 30
    return scene


def file_of(picture, kind="JPEG", **options):
    """Return a picture as the bytes of a file."""
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
