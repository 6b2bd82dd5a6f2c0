"""``/epcis``: which resources there are."""

from flask import Response, jsonify

from foodtrace.trace.api.resources import JSON_TYPE, Resources, answers
from foodtrace.trace.api.vocabularies import COLLECTIONS
from foodtrace.trace.web import needs

bp = Resources("discovery", __name__)

_TOP_LEVEL = (
    "capture",
    "events",
    *(each.path for each in COLLECTIONS),
    "queries",
    "export",
)


@bp.get("/")
@needs("event.read")
@answers(JSON_TYPE)
def top_level() -> Response:
    """Name the resources of the first level."""
    return jsonify(_TOP_LEVEL)
