"""The commands log and sequencer: for those who run the service."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from foodtrace.consumer_web.opening import open_store, open_unattached
from foodtrace.trace.audit.sources import Folder, Site, Source
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.log.accepting import accept
from foodtrace.trace.log.anchor import Anchor, BrokenAnchor
from foodtrace.trace.log.exporting import export
from foodtrace.trace.log.full_check import count_of, differences
from foodtrace.trace.log.keeping import PACE_SECONDS, LogKeeper
from foodtrace.trace.log.policy_file import policy_file, policy_of
from foodtrace.trace.log.recomputing import Discrepancy
from foodtrace.trace.log.repairing import repair
from foodtrace.trace.log.sequencing import Fenced
from foodtrace.trace.log.signers import NoSigner
from foodtrace.trace.log.surveying import Survey, survey
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store
from foodtrace.trace.worker import Worker

MOST_SHOWN = 200


@click.group("log")
def log() -> None:
    """The log: how it stands, its public files, its check and its repair."""


@log.command("status")
def show_status() -> None:
    """Say how the logs, the anchor and the witnesses stand; nothing is changed."""
    with _opened() as (store, settings):
        for line in _lines(survey(store, settings)):
            click.echo(line)


@log.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def export_files(folder: Path) -> None:
    """Write the public files into FOLDER, just as they are served under /log/.

    Run again, it adds what has come since. Keep a copy on another machine: when the disk of
    the database is lost, a log can only be repaired from such files.
    """
    with _opened() as (store, settings):
        for each in export(store.reading, folder, policy_file(settings)):
            click.echo(f"{each.log.origin}: {each.log.size} entries, {each.tiles} new tiles")


@log.command("check")
def check() -> None:
    """Recompute everything from the statements; say each difference. Status 1 if there is any.

    Every statement, leaf, tile, number and head of every log is looked at. Nothing is changed.
    """
    with _opened() as (store, settings), store.reading() as session:
        found = list(differences(session, Anchor(settings.anchor_folder)))
    for each in found[:MOST_SHOWN]:
        click.echo(f"{each.place}: {each.text}")
    if found:
        raise click.ClickException(f"{count_of(found)} found.")
    click.echo("No differences.", err=True)


@log.command("accept")
@click.option("--yes", is_flag=True, help="Do not ask.")
def accept_database(*, yes: bool) -> None:
    """Let the record go on after you have found out why it was read-only.

    Everything is checked first, and what the witnesses said last. Then the anchor takes the head
    that was published last. Never accept a backup: foodtrace log repair.
    """
    with _opened() as (store, settings):
        found = survey(store, settings)
        for each in found.logs:
            click.echo(f"{each.origin}: {each.published} published, {each.size} in the database")
        if not yes:
            click.confirm(
                "Is this the newest state that anybody has seen: no backup, and no less than "
                "the witnesses and your copies of the public files have?",
                abort=True,
            )
        refused = accept(store, Anchor(settings.anchor_folder), policy_of(settings))
    for difference in refused[:MOST_SHOWN]:
        click.echo(f"{difference.place}: {difference.text}")
    if refused:
        raise click.ClickException(f"{count_of(refused)} found; nothing was changed.")
    click.echo("Accepted. Recording goes on.", err=True)


@log.command("repair")
@click.argument("source", metavar="FROM")
def repair_log(source: str) -> None:
    """Bring back what a database that was set back lacks of its log.

    FROM is a copy of the public files: the folder that holds logs.json, or an address that ends
    in /log/. The leaves are brought back; what was recorded in them is lost, and a statement
    says so for good.
    """
    with _opened() as (store, settings):
        lost = repair(store, settings, _source(source))
    for each in lost:
        click.echo(f"{each.year}: {each.count} leaves brought back, {each.first} to {each.last}")
    click.echo("Recording goes on." if lost else "The database is not behind the anchor.", err=True)


@click.command("sequencer")
def sequencer() -> None:
    """Keep the log until SIGTERM or Ctrl-C, for a service with FOODTRACE_SEQUENCER=elsewhere.

    For PostgreSQL: only this process reads the key of the log.
    """
    settings = replace(Settings.from_environment(), is_sequenced_elsewhere=False)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    with closing(open_store(settings)) as store:
        if store.dialect == "sqlite":
            raise Invalid(
                Problem(
                    "FOODTRACE_DATABASE_URL",
                    mark("On SQLite the process that records keeps the log"),
                    mark("Run foodtrace serve alone, without FOODTRACE_SEQUENCER"),
                )
            )
        logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
        keeper = LogKeeper(store, settings)
        worker = Worker(store, settings, (keeper.keep,), pace=PACE_SECONDS)
        worker.start()
        click.echo("Keeping the log.", err=True)
        stopping.wait()
        worker.stop()
        keeper.close()


@contextmanager
def _opened() -> Iterator[tuple[Store, Settings]]:
    """Open the migrated database without its log: what is wrong with it is what is looked at."""
    settings = Settings.from_environment()
    with closing(open_unattached(settings)) as store:
        try:
            yield store, settings
        except (BrokenAnchor, Discrepancy, Fenced, NoSigner) as error:
            raise click.ClickException(f"{error}.") from None


def _source(text: str) -> Source:
    if text.startswith(("http://", "https://")):
        return Site(text.rstrip("/") + "/")
    if not Path(text).is_dir():
        raise click.BadParameter(f"{text} is no folder and no address.", param_hint="FROM")
    return Folder(Path(text))


def _lines(found: Survey) -> Iterator[str]:
    """Yield the screen, line by line; what somebody has to look at begins with WARNING."""
    yield f"record     {found.reason or 'recording'}"
    yield f"waiting    {found.waiting} statements without a place"
    for each in found.logs:
        state = "closed" if each.is_closed else "open"
        yield f"log        {each.origin} ({state})"
        yield f"  leaves   {each.size}, the last at {_moment(each.time)}"
        yield f"  heads    {each.published} published, {_at(each.signed_at)}"
        yield f"  anchor   {each.anchored}"
        for witness in each.witnesses:
            seen = "nothing yet" if witness.size is None else f"{witness.size} entries"
            yield f"  witness  {witness.name}: {seen}, {_moment((witness.time or 0) * 1000)}"
            for text in (witness.error, witness.warning):
                if text:
                    yield f"  WARNING  {witness.name}: {text}"
    for text in found.warnings:
        yield f"WARNING    {text}"


def _moment(milliseconds: int) -> str:
    return _at(datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None)


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"
