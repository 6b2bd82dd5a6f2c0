"""``/epcis/export``: all events that one may see, or those of a query, as one file."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from flask import Response, request

from foodtrace.trace.answers import AnswerGate
from foodtrace.trace.api.found import asked_query
from foodtrace.trace.api.negotiation import media_type
from foodtrace.trace.api.resources import Resources, answers, takes_a_query
from foodtrace.trace.capture.export_formats import FORMATS, format_of, stream
from foodtrace.trace.errors import Problem, QueryParameter, mark
from foodtrace.trace.query.services import each_match
from foodtrace.trace.web import current_actor, needs, store

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

bp = Resources("export", __name__)

MEDIA_TYPES = tuple(media_type for each in FORMATS.values() for media_type in each.media_types)
# Of the server's threads (consumer_web/serving.py) so many may wait for slow readers.
_GATE = AnswerGate(most=8, most_each=2)
_ORDERING = ("orderBy", "orderDirection", "eventCountLimit", "maxEventCount", "perPage")


@bp.get("/export")
@needs("event.read")
@answers(*MEDIA_TYPES)
@takes_a_query
def export() -> Response:
    """Send the events as they were received, in the order of their recording.

    However many there are, they pass through in small pieces.
    """
    for name in (*_ORDERING, "nextPageToken"):
        if name in request.args:
            raise QueryParameter(
                Problem(
                    name,
                    mark("An export is all that is found, in the order of recording"),
                    mark("Take this parameter away, or ask /epcis/events"),
                )
            )
    query, actor = asked_query(), current_actor()

    def matching(session: "Session", after: int, up_to: int) -> Iterator[int]:
        return each_match(session, actor, query, after_id=after, up_to_id=up_to)

    file_format = format_of(media_type())
    assert file_format is not None  # noqa: S101  it is one of MEDIA_TYPES
    answer = partial(
        stream,
        store().reading,
        actor,
        file_format=file_format,
        matching=matching if query.criteria else None,
    )
    return Response(_GATE.sent(actor.name, answer), mimetype=media_type())
