"""Whether a link also is a commodity QR code of China (GB/T 33993, 商品二维码).

What is checked is the structure 厂商自定义网址 of the edition of 2017: the address of a service
of the producer, the GTIN, and other data; a lot and a serial number of at most 20 characters
without % & / < > ?. That is what is published about this edition, its text was not read. The
edition of 2024, in force since 1 July 2025, replaces it: its rules are not verified here.
"""

from foodtrace.trace.errors import Problem, mark
from foodtrace.trace.gs1.links import parse_link

FORBIDDEN = frozenset("%&/<>?")
_GTIN = "01"
_VALUES = ("10", "21")


def fits_gbt33993(uri: str) -> list[Problem]:
    """Return why a link cannot be printed as a commodity QR code; empty if it can.

    Raises Invalid for what is no Digital Link at all.

    >>> fits_gbt33993("https://trace.example/01/06901234567892/10/20261001-01")
    []
    """
    link = parse_link(uri)
    problems = []
    if link.path[0].ai != _GTIN:
        problems.append(
            Problem(
                f"({link.path[0].ai})",
                mark("A commodity QR code (GB/T 33993) names a product by its GTIN first"),
                mark("Use a link that begins with /01/ and the GTIN"),
            )
        )
    for ai, value in link.elements:
        forbidden = "".join(sorted(FORBIDDEN.intersection(value)))
        if ai in _VALUES and forbidden:
            problems.append(
                Problem(
                    f"({ai})",
                    mark("In a commodity QR code (GB/T 33993), (%(ai)s) cannot hold %(signs)s"),
                    mark("Choose a value of letters, digits and other signs"),
                    {"ai": ai, "signs": forbidden},
                )
            )
    return problems
