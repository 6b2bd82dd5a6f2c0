"""Checkpoints and cosignatures."""

from foodtrace.trace.log import checkpoints, notes
from foodtrace.trace.log.checkpoints import Checkpoint
from foodtrace.trace.log.notes import Signer


def test_it_works():
    log = Signer.generate("log.example/2026")
    witness = Signer.generate("witness.example", notes.COSIGNATURE)
    checkpoint = Checkpoint("log.example/2026", 7, bytes(32))
    signed = checkpoints.sign_checkpoint(checkpoint, log)
    assert checkpoints.open_checkpoint(signed, log.verifier) == checkpoint
    line = checkpoints.cosign(checkpoint, witness, 1_800_000_000)
    note = notes.parse_note(checkpoints.with_lines(signed, [line]))
    assert checkpoints.cosignatures(note, [witness.verifier]) == [
        (witness.verifier, 1_800_000_000, line)
    ]
