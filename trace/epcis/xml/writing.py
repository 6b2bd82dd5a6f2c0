"""EPCIS 2.0 documents in XML, written event by event: memory does not grow with them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from foodtrace.trace.epcis.times import written_time
from foodtrace.trace.epcis.xml.event_writing import event_xml
from foodtrace.trace.epcis.xml.markup import in_text
from foodtrace.trace.epcis.xml.names import EPCIS_2, QUERY_2

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
DOCUMENT_END = b"\n</EventList></EPCISBody></epcis:EPCISDocument>\n"
_RESULTS_END = (
    b"\n</EventList></resultsBody></epcisq:QueryResults></EPCISBody></epcisq:EPCISQueryDocument>\n"
)

# An event, and the namespaces in force in it.
_Events = Iterable[tuple[Mapping[str, Any], Mapping[str, str]]]


def document_start(created: datetime) -> bytes:
    """Return what comes before the events of an EPCISDocument."""
    return (
        f'{_DECLARATION}<epcis:EPCISDocument xmlns:epcis="{EPCIS_2}" schemaVersion="2.0"'
        f' creationDate="{written_time(created)}"><EPCISBody><EventList>'
    ).encode()


def xml_document(events: _Events, *, created: datetime) -> Iterator[bytes]:
    """Yield an EPCISDocument of these events, one a line."""
    yield document_start(created)
    for event, prefixes in events:
        yield b"\n" + event_xml(event, prefixes)
    yield DOCUMENT_END


def xml_query_document(
    events: _Events,
    *,
    query_name: str,
    subscription_id: str | None = None,
    created: datetime,
) -> Iterator[bytes]:
    """Yield an EPCISQueryDocument with the results of a query, one event a line."""
    identifier = (
        ""
        if subscription_id is None
        else f"<subscriptionID>{in_text(subscription_id)}</subscriptionID>"
    )
    yield (
        f'{_DECLARATION}<epcisq:EPCISQueryDocument xmlns:epcisq="{QUERY_2}" schemaVersion="2.0"'
        f' creationDate="{written_time(created)}"><EPCISBody><epcisq:QueryResults>'
        f"<queryName>{in_text(query_name)}</queryName>{identifier}<resultsBody><EventList>"
    ).encode()
    for event, prefixes in events:
        yield b"\n" + event_xml(event, prefixes)
    yield _RESULTS_END
