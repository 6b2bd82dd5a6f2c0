"""The command export: events as files that `foodtrace import` and other repositories take."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import click

from foodtrace.consumer_web.opening import open_store
from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.capture.export import Matching, each_event, of_party
from foodtrace.trace.capture.export_formats import FORMATS, Format, written
from foodtrace.trace.masterdata.services import find_party
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
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    default="json",
    show_default=True,
    help="EPCIS document in JSON or XML, or one event in JSON a line (ndjson).",
)
def export_events(target: Path, party_name: str | None, format_name: str) -> None:
    """Write all events, or those of a party, to a file or to standard output.

    A file of documents holds as many events as one document may when it is captured; what is
    more goes to further files beside it, named FILE-2, FILE-3 and so on. A file of lines
    holds all.
    """
    file_format = FORMATS[format_name]
    with closing(open_store(Settings.from_environment())) as store:
        matching = None if party_name is None else _of_party(store, party_name)
        pieces = map(file_format.piece, each_event(store.reading, SYSTEM, matching=matching))
        if str(target) == "-":
            _write(pieces, file_format, sys.stdout.buffer)
        elif file_format.is_document:
            _write_files(pieces, file_format, target)
        else:
            _write_file(pieces, file_format, target)


def _of_party(store: Store, name: str) -> Matching:
    with store.reading() as session:
        party = find_party(session, name=name)
    if party is None:
        raise click.ClickException(f"No party is called {name}")
    return of_party(party.id)


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
