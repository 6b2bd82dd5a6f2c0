"""``/epcis/openapi.json``: what is served here, in OpenAPI 3.1, for everybody."""

from pathlib import Path

from flask import Response

from foodtrace.trace.api.resources import JSON_TYPE, Resources, answers
from foodtrace.trace.web import open_to_all

bp = Resources("openapi", __name__)

_DESCRIPTION = Path(__file__).with_name("openapi.json").read_bytes()


@bp.get("/openapi.json")
@open_to_all
@answers(JSON_TYPE)
def description() -> Response:
    """Describe every resource; tests hold every answer against it."""
    return Response(_DESCRIPTION, mimetype=JSON_TYPE)
