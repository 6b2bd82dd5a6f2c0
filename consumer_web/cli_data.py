"""Commands that put data in, and make it anew: demo, import, rebuild."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from foodtrace.consumer_web.demonstration import acts, making
from foodtrace.consumer_web.opening import open_store
from foodtrace.producers.labels import lot_url, qr_text
from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.capture.jobs import Captured
from foodtrace.trace.capture.reading import LD_JSON_TYPE, XML_TYPE, read_file
from foodtrace.trace.capture.rebuild import is_derived
from foodtrace.trace.capture.rebuild import rebuild as rebuild_tables
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis.lines import is_lines, parts_of, read_part
from foodtrace.trace.epcis.model import EventDocument
from foodtrace.trace.errors import FoodtraceError, Problem
from foodtrace.trace.masterdata.services import ensure_party
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store
from foodtrace.trace.store.silence import unlimited

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


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

    A file holds a document or an event in JSON or XML, or one JSON event on each line.
    Importing a file again changes nothing. The status is 1 if a file was refused.
    """
    refused = 0
    reports: list[str] = []
    size = sum(path.stat().st_size for path in files)
    with closing(open_store(Settings.from_environment())) as store, _progress(size) as bar:
        actor = _captor(store, party_name)
        for path in files:
            try:
                reports.append(f"{path}: {_report(_import(store, actor, path, bar.update))}")
            except FoodtraceError as error:
                refused += 1
                reports.append(f"{path}: refused, nothing of it is stored\n{why(error)}")
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


def _import(store: Store, actor: Actor, path: Path, tell: Callable[[int], None]) -> list[Captured]:
    """Capture a file in one transaction, and tell how many bytes are done."""
    captured = []
    with path.open("rb") as file:
        documents = _documents(file)
        # Others can write while the first is read, which is all that most files hold.
        first = next(documents)
        with store.transaction() as session:
            for document in chain([first], documents):
                type_ = LD_JSON_TYPE if document.original is None else XML_TYPE
                captured.append(
                    capture_document(session, actor, document, content_type=type_, key=None)
                )
                tell(len(document.original or document.body))
    return captured


def _documents(file: BinaryIO) -> Iterator[EventDocument]:
    """Yield what a file holds: one document, or the parts of a file of lines."""
    now = datetime.now(UTC)
    has_lines = is_lines(file)
    file.seek(0)
    if not has_lines:
        yield read_file(file.read(), now=now)
        return
    # The same file gives the same documents again: the time in them is that of the file.
    made_at = datetime.fromtimestamp(int(os.fstat(file.fileno()).st_mtime), UTC)
    for part in parts_of(file, made_at):
        yield read_part(part, partial(read_file, now=now))


def _report(captured: Sequence[Captured]) -> str:
    if all(each.replayed for each in captured):
        return "imported before, nothing to do"
    new = [each for each in captured if not each.replayed]
    accepted = sum(len(each.event_ids) for each in new)
    known = sum(len(each.duplicates) for each in captured)
    known += sum(len(each.event_ids) for each in captured if each.replayed)
    return f"{accepted} events accepted, {known} known already"


def why(error: FoodtraceError) -> str:
    """Return the problems of a file, one a line."""
    problems = error.problems or [Problem("", error.title)]
    return "\n".join(f"  {problem.place or 'file'}: {problem.text}" for problem in problems)


@click.command()
def rebuild() -> None:
    """Throw away everything derived, and make it again from the statements."""
    with closing(open_store(Settings.from_environment())) as store:
        _rebuild(store)


def derive(store: Store) -> None:
    """Make everything derived anew if another version of this program made it."""
    with store.reading() as session:
        if is_derived(session):
            return
    _rebuild(store)


def _rebuild(store: Store) -> None:
    with _progress(1) as bar, store.transaction() as session:

        def tell(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        with unlimited(session.connection()):
            total = rebuild_tables(session, tell)
    click.echo(f"{total} statements read again, everything derived made anew", err=True)
