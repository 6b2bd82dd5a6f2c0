"""The console of those who make and move food: pages that work on a phone without script."""

from foodtrace.producers.pages import codes, home, links, lots, moves, printing, receipts, register
from foodtrace.producers.pages.common import NAVIGATION, bp

__all__ = [
    "NAVIGATION",
    "bp",
    "codes",
    "home",
    "links",
    "lots",
    "moves",
    "printing",
    "receipts",
    "register",
]
