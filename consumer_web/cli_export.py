"""The command export: events as files that `foodtrace import` and other repositories take."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl

import click

from foodtrace.consumer_web.opening import open_store
from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.capture.export import Matching, each_event, of_party
from foodtrace.trace.capture.export_formats import FORMATS, Format, written
from foodtrace.trace.epcis.context import STANDARD_PREFIXES
from foodtrace.trace.masterdata.services import find_party
from foodtrace.trace.query.model import Query
from foodtrace.trace.query.parameters import parameters_of, query_of
from foodtrace.trace.query.services import each_match
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

# Half of what a document may hold when it is captured (trace/epcis/strict_json.py), so that
# every file that is exported can be imported.
MOST_EVENTS = 5_000
MOST_BYTES = 5 * 1024 * 1024


@click.command("export")
@click.argument("target", default="-", metavar="[FILE|-]", type=click.Path(path_type=Path))
@click.option("--party", "party_name", help="Only what this party captured.")
@click.option(
    "--query",
    "query_text",
    metavar="TEXT",
    help="Only what this query finds, written as in the address of GET /epcis/events: "
    "'EQ_bizStep=shipping&GE_eventTime=2026-05-01T00:00:00Z'. Orders and limits do not count.",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    default="json",
    show_default=True,
    help="EPCIS document in JSON or XML, or one event in JSON a line (ndjson).",
)
def export_events(
    target: Path, party_name: str | None, query_text: str | None, format_name: str
) -> None:
    """Write all events, or those of a party or query, to a file or to standard output.

    A file of documents holds as many events as one document may when it is captured; what is
    more goes to further files beside it, named FILE-2, FILE-3 and so on. A file of lines
    holds all.
    """
    file_format = FORMATS[format_name]
    query = None if query_text is None else _query(query_text)
    with closing(open_store(Settings.from_environment())) as store:
        actor = SYSTEM if party_name is None else _party(store, party_name)
        events = each_event(store.reading, actor, matching=_matching(actor, query))
        pieces = map(file_format.piece, events)
        if str(target) == "-":
            _write(pieces, file_format, sys.stdout.buffer)
        elif file_format.is_document:
            _write_files(pieces, file_format, target)
        else:
            _write_file(pieces, file_format, target)


def _query(text: str) -> Query:
    """Return the query of an address. Raises QueryRefused, in one sentence for each problem."""
    pairs = parse_qsl(text.removeprefix("?"), keep_blank_values=True)
    return query_of(parameters_of(pairs), STANDARD_PREFIXES)


def _party(store: Store, name: str) -> Actor:
    """Return the party as one who sees what it captured."""
    with store.reading() as session:
        party = find_party(session, name=name)
    if party is None:
        raise click.ClickException(f"No party is called {name}")
    return Actor("export", party.id, frozenset({Role.PRODUCER}))


def _matching(actor: Actor, query: Query | None) -> Matching | None:
    if query is not None:
        return lambda session, after, up_to: each_match(
            session, actor, query, after_id=after, up_to_id=up_to
        )
    return None if actor.party_id is None else of_party(actor.party_id)


def _write(pieces: Iterable[bytes], file_format: Format, file: BinaryIO) -> None:
    file.writelines(written(pieces, file_format, datetime.now(UTC)))


def _write_file(pieces: Iterable[bytes], file_format: Format, path: Path) -> None:
    with path.open("wb") as file:
        _write(pieces, file_format, file)
    click.echo(str(path), err=True)


def _write_files(pieces: Iterator[bytes], file_format: Format, target: Path) -> None:
    _write_file(_limited(pieces), file_format, target)
    part = 1
    for first in pieces:
        part += 1
        path = target.with_stem(f"{target.stem}-{part}")
        _write_file(_limited(chain([first], pieces)), file_format, path)


def _limited(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces until a document is full."""
    size = 0
    for count, piece in enumerate(pieces, start=1):
        yield piece
        size += len(piece)
        if count == MOST_EVENTS or size > MOST_BYTES:
            return
