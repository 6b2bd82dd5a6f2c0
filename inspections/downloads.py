"""A file that somebody else has made, as an answer: to be saved, never shown or run by us."""

from flask import Response

from foodtrace.inspections.reports import Served

# Whatever a browser makes of it: no script, no form, no other file, and nothing of this site.
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


def attachment(served: Served) -> Response:
    """Return a report under its own name and type."""
    response = Response(served.body, content_type=served.report.type)
    response.headers.set("Content-Disposition", "attachment", filename=served.report.name)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
