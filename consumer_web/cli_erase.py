"""The command erase: remove personal values for good."""

import sys
import time
from contextlib import closing

import click

from foodtrace.consumer_web.opening import open_store
from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.personal.commitments import read_commitment
from foodtrace.trace.personal.erased_list import ErasedList
from foodtrace.trace.personal.erasing import Ground, erase
from foodtrace.trace.personal.schemas import GROUNDS
from foodtrace.trace.personal.wiping import wipe
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

PATIENCE_SECONDS = 60


@click.command("erase")
@click.argument("commitments", nargs=-1, metavar="[COMMITMENT…]")
@click.option("--document", type=click.IntRange(min=1), help="All values of this document.")
@click.option(
    "--value-stdin",
    is_flag=True,
    help="The value that standard input holds, wherever it stands. As an argument it would be "
    "seen in the list of processes.",
)
@click.option(
    "--ground",
    type=click.Choice([ground.value for ground in GROUNDS]),
    required=True,
    help="Why it is erased; this goes on record.",
)
def erase_values(
    commitments: tuple[str, ...], document: int | None, value_stdin: bool, ground: str
) -> None:
    """Erase personal values for good, and wipe them from the files of the database.

    COMMITMENT is what events and certificates show in their place: ni:///sha-256;…
    """
    digests = [_digest(each) for each in commitments]
    value = sys.stdin.read().rstrip("\r\n") if value_stdin else None
    if not digests and document is None and value is None:
        raise click.UsageError("Name what to erase: COMMITMENT, --document or --value-stdin.")
    settings = Settings.from_environment()
    with closing(open_store(settings)) as store:
        with store.transaction() as session:
            erased = erase(
                session,
                SYSTEM,
                ErasedList(settings.anchor_folder),
                ground=Ground(ground),
                digests=digests,
                value=value,
                document_id=document,
            )
        is_wiped = _wiped(store, settings)
    click.echo(f"{len(erased)} personal values erased", err=True)
    if not is_wiped:
        raise click.ClickException(
            "Readers keep old pages of the database in use: a running service wipes them as soon "
            "as it can."
        )


def _wiped(store: Store, settings: Settings) -> bool:
    """Wipe the files, with patience for readers that are at work; tell whether it is done."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not wipe(store, settings):
        if not ErasedList(settings.anchor_folder).is_unwiped:
            return True  # a running service was quicker
        if time.monotonic() >= give_up:
            return False
        time.sleep(1)
    return True


def _digest(text: str) -> bytes:
    digest = read_commitment(text)
    if digest is None:
        raise click.BadParameter(f"{text} is no commitment: it looks like ni:///sha-256;…")
    return digest
