"""The command audit: check a public log from outside. It needs no database and no settings."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import click

from foodtrace.trace.audit.auditing import Audit
from foodtrace.trace.audit.heads import open_head
from foodtrace.trace.audit.memory import BrokenMemory, Memory, load, save
from foodtrace.trace.audit.published import Sighting
from foodtrace.trace.audit.sources import Folder, Site, Source
from foodtrace.trace.log.notes import NoteError
from foodtrace.trace.log.policies import Policy, PolicyError, parse_policy
from foodtrace.trace.log.tokens import Trust

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("audit")
@click.argument("where", metavar="URL|FOLDER")
@click.option("--policy", "policy_file", type=_FILE, required=True, help="Whose signatures count.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of what was seen before; it is made if it is not there.",
)
@click.option("--full", is_flag=True, help="Read all entries again, not only the new ones.")
@click.option("--since", type=_FILE, multiple=True, help="A checkpoint that you have kept.")
@click.option("--thing", "things", multiple=True, help="Page or proof bundle of a thing.")
@click.option(
    "--tsa-certificate",
    type=_FILE,
    help="Root of the time-stamping authority (PEM): verify the stamps of the days.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the report as JSON.")
def audit(
    where: str,
    policy_file: Path,
    state: Path | None,
    *,
    full: bool,
    since: Sequence[Path],
    things: Sequence[str],
    tsa_certificate: Path | None,
    as_json: bool,
) -> None:
    """Recompute a public log and report all that is not as it was signed.

    URL is that of the service or of its log; FOLDER is what `foodtrace log export` has
    written. Status 0: nothing differs; 1: something does; 2: wrong use.
    """
    policy = _policy(policy_file)
    try:
        memory = load(state) if state else Memory()
    except BrokenMemory as error:
        raise click.UsageError(f"--state: {error}.") from None
    task = Audit(
        _log_at(where),
        policy,
        time.time(),
        memory,
        [_kept(path, policy) for path in since],
        [_thing_at(each) for each in things],
        full,
        _trust(tsa_certificate) if tsa_certificate else None,
    )
    report, remembered = task.run()
    if state is not None:
        save(state, remembered)
    text = json.dumps(report.as_json(), ensure_ascii=False, indent=2) if as_json else None
    click.echo(text or report.as_text(), nl=text is not None)
    if report.differences:
        raise SystemExit(1)


def _policy(path: Path) -> Policy:
    try:
        policy = parse_policy(path.read_bytes())
    except PolicyError as error:
        raise click.UsageError(f"--policy: {path}: {error}.") from None
    if not policy.logs:
        raise click.UsageError(f"--policy: {path}: it names no log.")
    return policy


def _trust(path: Path) -> Trust:
    try:
        return Trust.from_pem(path.read_bytes())
    except ValueError as error:
        raise click.UsageError(f"--tsa-certificate: {path}: {error}.") from None


def _log_at(where: str) -> Source:
    """Return where the log is; an address of the service leads to its log."""
    if not _is_url(where):
        return _folder(Path(where))
    parts = urlsplit(where)
    path = parts.path.rstrip("/")
    if not path.endswith("/log"):
        path += "/log"
    return Site(urlunsplit((parts.scheme, parts.netloc, f"{path}/", "", "")))


def _thing_at(where: str) -> tuple[Source, str]:
    """Return where a bundle is, and its path there; the page of a thing leads to its bundle."""
    if not _is_url(where):
        path = Path(where).resolve()
        if not path.is_file():
            raise click.UsageError(f"--thing: there is no file {where}.")
        return Folder(path.parent), path.name
    parts = urlsplit(where)
    query = parts.query
    if "view=" not in query:
        query = f"{query}&view=proof" if query else "view=proof"
    return Site(urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))), ""


def _is_url(where: str) -> bool:
    is_url = where.startswith(("https://", "http://"))
    if is_url and not urlsplit(where).hostname:
        raise click.UsageError(f"{where} names no host.")
    return is_url


def _folder(path: Path) -> Folder:
    if not path.is_dir():
        raise click.UsageError(f"{path} is no folder, and no address that begins with https://.")
    return Folder(path)


def _kept(path: Path, policy: Policy) -> Sighting:
    try:
        return Sighting(open_head(path.read_bytes(), policy), f"the checkpoint in {path.name}")
    except NoteError as error:
        raise click.UsageError(f"--since: {path}: {error}.") from None
