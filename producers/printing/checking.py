"""Labels read back before anybody prints them: what the code says, its size, its quiet zone.

A picture that a program can decode may still be too small for a telephone or stand too near
to the text: so the dots are measured as well.
"""

import zxingcpp
from PIL import Image, ImageChops

from foodtrace.producers.labels import (
    LARGEST_MODULE_MM,
    MM_PER_INCH,
    QUIET_ZONE,
    SMALLEST_MODULE_MM,
)
from foodtrace.trace.errors import Problem, mark

_QR_CODE = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def check_label(bitmap: Image.Image, says: str, modules: int, dpi: int) -> Problem | None:
    """Return what is wrong with the dots of a label, or None.

    `says` is the text that its one code of `modules` modules a side must be read as.
    """
    # Photographs are turned, inverted and too large; what is printed here is none of that.
    found = zxingcpp.read_barcodes(
        bitmap.convert("L"),
        formats=_QR_CODE,
        text_mode=zxingcpp.TextMode.Plain,
        try_rotate=False,
        try_downscale=False,
        try_invert=False,
    )
    if len(found) != 1:
        return Problem("", mark("%(count)s codes are read, not one"), "", {"count": len(found)})
    if found[0].text != says:
        return Problem(
            "",
            mark("The code is read as %(read)s, not as %(says)s"),
            "",
            {"read": found[0].text[:200], "says": says},
        )
    return _measured(bitmap, found[0], modules, dpi)


def _measured(
    bitmap: Image.Image, code: zxingcpp.Barcode, modules: int, dpi: int
) -> Problem | None:
    """Return what is wrong with the size of a code that was read, or with the white around it."""
    corners = [code.position.top_left, code.position.bottom_right]
    left, top = (min(getattr(corner, axis) for corner in corners) for axis in "xy")
    right, bottom = (max(getattr(corner, axis) for corner in corners) for axis in "xy")
    module = (right - left) / modules
    # The corners are those of the modules; half a module forgives how they are found.
    reach = round(module * (QUIET_ZONE - 0.5))
    around = (left - reach, top - reach, right + reach, bottom + reach)
    if min(around[:2]) < 0 or around[2] > bitmap.width or around[3] > bitmap.height:
        return _crowded()
    dark = ImageChops.invert(bitmap.convert("L").crop(around)).getbbox()
    if dark is None:
        return _crowded()
    width, height = dark[2] - dark[0], dark[3] - dark[1]
    if max(width, height) > (modules + 1) * module:
        return _crowded()
    measured = width / modules * MM_PER_INCH / dpi
    if not SMALLEST_MODULE_MM <= measured <= LARGEST_MODULE_MM or width != height:
        return Problem(
            "",
            mark("A module of the code is %(size)s mm, not %(low)s to %(high)s mm"),
            "",
            {"size": f"{measured:.3f}", "low": SMALLEST_MODULE_MM, "high": LARGEST_MODULE_MM},
        )
    return None


def _crowded() -> Problem:
    return Problem("", mark("Something stands in the quiet zone of the code"))
