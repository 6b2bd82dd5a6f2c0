"""Signed notes, and the keys that sign them."""

from foodtrace.trace.log import notes
from foodtrace.trace.log.notes import Signer, Verifier


def test_it_works():
    signer = Signer.generate("log.example/2026")
    data = notes.format_note("a text\n", [signer.line("a text\n")])
    note = notes.parse_note(data)
    assert note.text == "a text\n"
    verifier = Verifier.from_vkey(signer.vkey)
    assert notes.verified(note, [verifier]) == {verifier: note.lines[0]}
    assert Signer.from_text(signer.to_text()) == signer
