"""The command `foodtrace`: serve, migrate, accounts and keys; and what the other cli_… add.

Exit status 0: done. 1: refused, with one sentence on standard error. 2: wrong use.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import click
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from foodtrace.consumer_web import (
    cli_audit,
    cli_data,
    cli_erase,
    cli_export,
    cli_hash,
    cli_link,
    cli_log,
    cli_witness,
    serving,
)
from foodtrace.consumer_web.opening import open_any_store, open_store
from foodtrace.trace.access.accounts import create_user, generate_password
from foodtrace.trace.access.actor import SYSTEM, Role
from foodtrace.trace.access.keys import create_key
from foodtrace.trace.errors import FoodtraceError
from foodtrace.trace.log.authority import authority_of
from foodtrace.trace.log.policy_file import policy_of
from foodtrace.trace.masterdata.services import ensure_party, find_party
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.migrate import upgrade

DATA_COMMANDS = (
    cli_audit.audit,
    cli_data.demo,
    cli_data.import_files,
    cli_data.rebuild,
    cli_erase.erase_values,
    cli_export.export_events,
    cli_hash.hash_files,
    cli_link.link,
    cli_log.log,
    cli_log.sequencer,
    cli_witness.witness,
)
ROLES = click.Choice([role.value for role in Role])


class Commands(click.Group):
    """A group whose commands end with one clear sentence instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; say what is refused, and leave with status 1."""
        try:
            return super().invoke(ctx)
        except FoodtraceError as refusal:
            raise click.ClickException(sentence_of(refusal)) from None
        except SQLAlchemyError as error:
            raise click.ClickException(f"The database refused this: {error}") from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output has enough
                raise
            where = f"{error.filename}: " if error.filename else ""
            raise click.ClickException(f"{where}{error.strerror or error}.") from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="foodtrace")
def main() -> None:
    """Food traceability: from a QR code to the whole chain.

    FOODTRACE_DATA is the folder for everything written, FOODTRACE_DATABASE_URL the
    database if it is another than SQLite there, FOODTRACE_BASE_URL what QR codes carry.
    """


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
def serve(host: str, port: int) -> None:
    """Serve the pages and the APIs until SIGTERM or Ctrl-C."""
    address = serving.free_address(host, port)
    settings = Settings.from_environment()
    # A policy with a mistake is said now, and not by a job in the night.
    policy_of(settings)
    authority_of(settings)
    store = open_store(settings)
    dialect = store.dialect
    store.close()
    serving.serve(address, port, workers=1 if dialect == "sqlite" else os.cpu_count() or 1)


@main.command()
def migrate() -> None:
    """Make the tables, or bring them up to date; nothing happens if they are."""
    with closing(open_any_store(Settings.from_environment())) as store:
        upgrade(store)
        cli_data.derive(store)
    click.echo("The database is up to date.", err=True)


@main.group()
def user() -> None:
    """Accounts of people."""


@user.command("create")
@click.argument("name")
@click.option("--role", "roles", type=ROLES, required=True, multiple=True, help="May be repeated.")
@click.option("--party", help="The organisation's name; it is registered if unknown.")
@click.option("--display-name", help="The person's name as others see it.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create_account(
    name: str,
    roles: tuple[str, ...],
    party: str | None,
    display_name: str | None,
    password_stdin: bool,
) -> None:
    """Make an account and print its password, if that is not given."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else generate_password()
    with _transaction() as session:
        made = create_user(
            session,
            SYSTEM,
            username=name,
            password=password,
            roles=[Role(role) for role in roles],
            party_id=_party_id(session, party),
            display_name=display_name,
        )
        username = made.username
    click.echo(f"The account {username} is made.", err=True)
    if not password_stdin:
        click.echo(password)


@main.group()
def key() -> None:
    """API keys of programs."""


@key.command("create")
@click.option("--role", type=ROLES, required=True)
@click.option("--party", help="The organisation's name; it is registered if unknown.")
@click.option("--note", help="What the key is for.")
def create_api_key(role: str, party: str | None, note: str | None) -> None:
    """Make an API key and print it, alone. It cannot be shown again."""
    with _transaction() as session:
        text = create_key(
            session, SYSTEM, role=Role(role), party_id=_party_id(session, party), note=note
        )
    click.echo(text)


def sentence_of(refusal: FoodtraceError) -> str:
    """Return a refusal as one line for a terminal."""
    texts = [f"{p.place}: {p.text}" if p.place else p.text for p in refusal.problems]
    return " ".join(texts) or f"{refusal.title}."


@contextmanager
def _transaction() -> Iterator[Session]:
    """Open the migrated database, and in it one transaction."""
    store = open_store(Settings.from_environment())
    try:
        with store.transaction() as session:
            yield session
    finally:
        store.close()


def _party_id(session: Session, name: str | None) -> int | None:
    """Return the id of the organisation; register it if nobody has this name."""
    if name is None:
        return None
    known = find_party(session, name=name)
    if known is not None:
        return known.id
    made = ensure_party(session, SYSTEM, name)
    click.echo(f"The organisation {name} was unknown and is registered.", err=True)
    return made.id


for _command in DATA_COMMANDS:
    main.add_command(_command)
