"""Opening a witness: its key, its state, and the logs that it knows."""

import logging
import stat
from collections.abc import Sequence
from pathlib import Path

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.log.notes import COSIGNATURE, NoteError, Signer
from foodtrace.trace.witness.cosigning import Witness
from foodtrace.trace.witness.logs import KnownLogs
from foodtrace.trace.witness.state import open_state

EVIDENCE = "evidence"  # a folder beside the state


def open_witness(
    key: Path, state: Path, logs: Sequence[str], log_list: Path | None = None
) -> Witness:
    """Open a witness with its state. Raises Invalid, Unavailable, OSError."""
    if stat.S_IMODE(key.stat().st_mode) & 0o007:
        logging.getLogger(__name__).warning("%s can be read by everybody here", key)
    try:
        signer = Signer.from_text(key.read_text().strip())
        if signer.kind != COSIGNATURE:
            raise NoteError("it is the key of a log")
    except (NoteError, UnicodeDecodeError) as error:
        raise Invalid(
            Problem(
                str(key),
                mark("This is not the private key of a witness: %(reason)s"),
                mark("Name the file that foodtrace witness key has written"),
                {"reason": str(error)},
            )
        ) from None
    known = KnownLogs(logs, log_list)
    return Witness(signer, open_state(state, signer.vkey), known, state / EVIDENCE)
