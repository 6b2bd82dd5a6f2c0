"""Commands that put data in and take it out: demo, import, rebuild, export."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from foodtrace.consumer_web.demonstration import acts, making
from foodtrace.consumer_web.opening import open_store
from foodtrace.producers.labels import lot_url, qr_text
from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.capture.export import as_document, each_event
from foodtrace.trace.capture.rebuild import rebuild as rebuild_tables
from foodtrace.trace.capture.services import LD_JSON_TYPE, Captured, capture_document
from foodtrace.trace.epcis.reader import read_document_or_event
from foodtrace.trace.errors import FoodtraceError, Problem
from foodtrace.trace.masterdata.services import ensure_party, find_party
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

# Half of what a document may hold when it is captured (trace/epcis/strict_json.py), so that
# every file that is exported can be imported.
MOST_EVENTS = 5_000
MOST_BYTES = 5 * 1024 * 1024


def _progress(length: int) -> "ProgressBar[int]":
    return click.progressbar(length=length, label="Reading", file=sys.stderr)


@click.command()
@click.option("--if-empty", is_flag=True, help="Do nothing if there is data already.")
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day the story ends on; today by default. The same day gives the same events.",
)
def demo(*, if_empty: bool, day: datetime | None) -> None:
    """Make the demonstration chain, and print its QR code and accounts."""
    settings = Settings.from_environment()
    with closing(open_store(settings)) as store:
        with store.reading() as session:
            made, empty = making.is_made(session), making.is_empty(session)
        if if_empty and not made and not empty:
            return
        if made:
            click.echo("The demonstration is there already.", err=True)
        else:
            click.echo("Making the demonstration chain…", err=True)
            making.make(store, settings, day.date() if day else making.today())
    _show_demonstration(settings)


def _show_demonstration(settings: Settings) -> None:
    url = lot_url(settings.base_url, acts.GOOD_JAR)
    click.echo(qr_text(url))
    click.echo("Scan the code, or open:\n")
    click.echo(url)
    click.echo("")
    for title, canonical in (
        ("recalled", acts.RECALLED_JAR),
        ("past its date", acts.EXPIRED_JAR),
        ("no bar code", acts.FAMILY_LOT),
    ):
        click.echo(f"  {title:<15}{lot_url(settings.base_url, canonical)}")
    accounts = making.accounts_of(settings)
    click.echo(f"\nAccounts of the demonstration, at {settings.base_url}/login\n")
    for account in accounts:
        click.echo(
            f"  {account.username:<18}{account.password:<26}"
            f"{account.role:<15}{account.organisation}"
        )
    if not accounts:
        click.echo("  Their passwords were kept in another data folder.")
    click.echo("")


@click.command("import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE…",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--party", "party_name", help="Who captured the events; registered if unknown.")
def import_files(files: Sequence[Path], party_name: str | None) -> None:
    """Capture EPCIS files, each of them whole or not at all.

    Importing a file again changes nothing. The status is 1 if a file was refused.
    """
    refused = 0
    reports: list[str] = []
    size = sum(path.stat().st_size for path in files)
    with closing(open_store(Settings.from_environment())) as store, _progress(size) as bar:
        actor = _captor(store, party_name)
        for path in files:
            try:
                reports.append(f"{path}: {_report(_import(store, actor, path))}")
            except FoodtraceError as error:
                refused += 1
                reports.append(f"{path}: refused, nothing of it is stored\n{_why(error)}")
            bar.update(path.stat().st_size)
    for report in reports:
        click.echo(report)
    if refused:
        click.echo(f"{refused} of {len(files)} files refused", err=True)
        raise SystemExit(1)


def _captor(store: Store, party_name: str | None) -> Actor:
    if party_name is None:
        return SYSTEM
    with store.transaction() as session:
        party = ensure_party(session, SYSTEM, party_name)
        return Actor("import", party.id, frozenset({Role.PRODUCER}))


def _import(store: Store, actor: Actor, path: Path) -> Captured:
    document = read_document_or_event(path.read_bytes(), now=datetime.now(UTC))
    with store.transaction() as session:
        return capture_document(session, actor, document, content_type=LD_JSON_TYPE, key=None)


def _report(captured: Captured) -> str:
    if captured.replayed:
        return "imported before, nothing to do"
    accepted, known = len(captured.event_ids), len(captured.duplicates)
    return f"{accepted} events accepted, {known} known already"


def _why(error: FoodtraceError) -> str:
    problems = error.problems or [Problem("", error.title)]
    return "\n".join(f"  {problem.place or 'file'}: {problem.text}" for problem in problems)


@click.command()
def rebuild() -> None:
    """Throw away everything derived, and make it again from the statements."""
    with (
        closing(open_store(Settings.from_environment())) as store,
        _progress(1) as bar,
        store.transaction() as session,
    ):

        def tell(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        total = rebuild_tables(session, tell)
    click.echo(f"{total} statements read again, everything derived made anew", err=True)


@click.command("export")
@click.argument("target", default="-", metavar="[FILE|-]", type=click.Path(path_type=Path))
@click.option("--party", "party_name", help="Only what this party captured.")
def export_events(target: Path, party_name: str | None) -> None:
    """Write all events as an EPCIS 2.0 document, to a file or to standard output.

    A file holds as many events as one document may when it is captured; what is more goes
    to further files beside it, named FILE-2, FILE-3 and so on.
    """
    with closing(open_store(Settings.from_environment())) as store, store.reading() as session:
        party_id = None
        if party_name is not None:
            party = find_party(session, name=party_name)
            if party is None:
                raise click.ClickException(f"No party is called {party_name}")
            party_id = party.id
        events = each_event(session, SYSTEM, party_id)
        if str(target) == "-":
            _write(as_document(events), sys.stdout.buffer)
        else:
            _write_files(events, target)


def _write(pieces: Iterable[bytes], file: BinaryIO) -> None:
    for piece in pieces:
        file.write(piece)


def _write_files(events: Iterator[bytes], target: Path) -> None:
    part = 1
    path = target
    first = next(events, None)
    while True:
        some = iter(()) if first is None else chain([first], events)
        with path.open("wb") as file:
            _write(as_document(_limited(some)), file)
        click.echo(str(path), err=True)
        first = next(events, None)
        if first is None:
            return
        part += 1
        path = target.with_stem(f"{target.stem}-{part}")


def _limited(events: Iterator[bytes]) -> Iterator[bytes]:
    """Yield events until a document is full."""
    size = 0
    for count, event in enumerate(events, start=1):
        yield event
        size += len(event)
        if count == MOST_EVENTS or size > MOST_BYTES:
            return
