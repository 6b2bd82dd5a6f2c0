"""What a reader types or pastes into the look-up field, and which page it names."""

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.gs1.check_digits import normal_gtin
from foodtrace.trace.gs1.identifiers import lot_path, parse_identifier
from foodtrace.trace.gs1.model import Identifier
from foodtrace.trace.gs1.scanning import read_code

GTIN_LENGTHS = (8, 12, 13, 14)
PAGES = ("/01/", "/00/", "/q/", "/414/", "/417/")
LONGEST = 500


def find_code(code: str, lot: str = "") -> Identifier:
    """Return what a code names: a web address, a barcode number with its lot, our own code.

    Raises Invalid, also for what is well written but has no page here.

    >>> find_code("6901234567892", "A 1".replace(" ", "")).canonical
    '/01/06901234567892/10/A1'
    >>> find_code("trace.example/01/06901234567892/10/A1").canonical
    '/01/06901234567892/10/A1'
    """
    text, lot = code.strip()[:LONGEST], lot.strip()
    if text.isascii() and text.isdigit() and len(text) in GTIN_LENGTHS:
        gtin = normal_gtin(text)
        return parse_identifier(lot_path(gtin, lot) if lot else f"/01/{gtin}")
    if ":" not in text[:12] and not text.startswith("/") and any(path in text for path in PAGES):
        text = f"https://{text}"  # an address as people write it
    identifier = read_code(text)
    if not identifier.canonical.startswith(PAGES):
        raise Invalid(
            Problem(
                "code",
                mark("This code names nothing that has a page here"),
                mark("Scan the code on the package, or type the barcode number and the lot"),
            )
        )
    return identifier
