"""The JSON API of those who make and move food."""

from foodtrace.producers.api.codes import bp as codes
from foodtrace.producers.api.links import bp as links
from foodtrace.producers.api.lots import bp as lots
from foodtrace.producers.api.moves import bp as moves
from foodtrace.producers.api.printing import bp as printing
from foodtrace.producers.api.register import bp as register

BLUEPRINTS = (register, links, lots, codes, moves, printing)
