"""The command witness: cosign the checkpoints of logs. It needs no database and no settings."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from foodtrace.consumer_web.serving import HEADER_TIMEOUT_MS, SECONDS_TO_FINISH, free_address
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.log.notes import COSIGNATURE, NoteError, Signer
from foodtrace.trace.witness.app import Application
from foodtrace.trace.witness.opening import open_witness
from foodtrace.trace.witness.state import create

MOST_CONNECTIONS = 256
_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group("witness")
def witness() -> None:
    """Cosign what logs sign, as long as they keep all that they signed before.

    A witness belongs to a regulator or another outsider, and runs on a machine of theirs.
    """


@witness.command("key")
@click.argument("name")
@click.option("--out", type=_FILE, required=True, help="File for the private key; it must be new.")
@click.option("--state", type=_FOLDER, required=True, help="Folder for what it will have cosigned.")
def make_key(name: str, out: Path, state: Path) -> None:
    """Make the key of a witness with its empty state, and print the public key.

    NAME is an address without scheme that is yours, such as witness.example.org/trace.
    """
    try:
        signer = Signer.generate(name, COSIGNATURE)
    except NoteError as error:
        raise Invalid(
            Problem(
                "NAME",
                mark("A witness cannot have this name: %(reason)s"),
                mark("Write an address of yours, such as witness.example.org/trace"),
                {"reason": str(error)},
            )
        ) from None
    descriptor = os.open(out, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{signer.to_text()}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        create(state, signer.vkey)
    except BaseException:
        # A key without its state is of no use: nobody has seen it yet.
        out.unlink()
        raise
    click.echo(signer.vkey)


@witness.command("serve")
@click.option("--key", type=_FILE, required=True, help="The file of the private key.")
@click.option("--state", type=_FOLDER, required=True, help="The folder made with the key.")
@click.option("--log", "logs", multiple=True, help="Public key of a log; may be repeated.")
@click.option("--log-list", type=_FILE, help="File of public keys, read again when it changes.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8400, show_default=True, type=click.IntRange(1, 65535))
def serve(
    key: Path, state: Path, logs: Sequence[str], log_list: Path | None, host: str, port: int
) -> None:
    """Answer logs that ask for cosignatures, until SIGTERM or Ctrl-C."""
    if not logs and log_list is None:
        raise click.UsageError("Name the logs: --log VKEY, or --log-list FILE.")
    address = free_address(host, port)
    # All that can be wrong is said before anything is served.
    opened = open_witness(key, state, logs, log_list)
    opened.state.close()
    click.echo(f"{opened.signer.vkey} on http://{address}:{port}/", err=True)
    Granian(
        "foodtrace.trace.witness.app:Application",
        address=address,
        port=port,
        interface=Interfaces.ASGI,
        workers=1,
        runtime_threads=1,
        http=HTTPModes.http1,
        websockets=False,
        backlog=MOST_CONNECTIONS,
        backpressure=MOST_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS),
        respawn_failed_workers=True,
        workers_kill_timeout=SECONDS_TO_FINISH,
    ).serve(target_loader=partial(_application, key, state, logs, log_list), wrap_loader=False)


def _application(key: Path, state: Path, logs: Sequence[str], log_list: Path | None) -> Application:
    """Return the application, in a worker."""
    return Application(open_witness(key, state, logs, log_list))
