"""The command hash: the event hash IDs of EPCIS files. It needs no database."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from foodtrace.consumer_web.cli_data import why
from foodtrace.trace.epcis.event_hash import hash_of
from foodtrace.trace.epcis.hashed import pre_hashes
from foodtrace.trace.errors import FoodtraceError

_STANDARD_INPUT = Path("-")


@click.command("hash")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE…",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option("--pre-hash", is_flag=True, help="Print the text that is hashed instead.")
def hash_files(files: Sequence[Path], *, pre_hash: bool) -> None:
    """Print the event hash ID (CBV 2.0) of every event, one a line.

    A file holds an EPCISDocument, an EPCISQueryDocument or one event, in JSON or XML; - is
    standard input. The status is 1 if a file was refused; nothing of such a file is printed.
    """
    refused = 0
    for path in files:
        is_input = path == _STANDARD_INPUT
        body = sys.stdin.buffer.read() if is_input else path.read_bytes()
        try:
            texts = pre_hashes(body)
        except FoodtraceError as error:
            refused += 1
            click.echo(f"{'standard input' if is_input else path}: refused\n{why(error)}", err=True)
            continue
        for text in texts:
            click.echo(text if pre_hash else hash_of(text))
    if refused:
        click.echo(f"{refused} of {len(files)} files refused", err=True)
        raise SystemExit(1)
