"""Checkpoints and cosignatures."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.log import checkpoints, merkle, notes
from foodtrace.trace.log.checkpoints import Checkpoint
from foodtrace.trace.log.notes import Note, NoteError, SignatureLine, Signer, Verifier

# The example of c2sp.org/tlog-checkpoint and c2sp.org/tlog-cosignature; its keys are not published.
EXAMPLE_TEXT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
)
EXAMPLE = (
    f"{EXAMPLE_TEXT}\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q"
    "1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2o"
    "yin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
# A head that a log of Certificate Transparency has published, and one of its witnesses.
PUBLISHED_ORIGIN = "arche2025h1.staging.ct.transparency.dev"
PUBLISHED = (
    f"{PUBLISHED_ORIGIN}\n1432088532\nU7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n"
    f"— {PUBLISHED_ORIGIN} zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkp"
    "tQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=\n"
    f"— {PUBLISHED_ORIGIN} ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g"
    "8Ei59RA23oHP7Ry1k3ZFWwQ=\n"
    "— transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ"
    "2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==\n"
    "— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcx"
    "Z75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==\n"
    "— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9s"
    "XTynk5XeU/zZ0WBxtqB0DrAWfBw==\n"
    "— witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJm"
    "IY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==\n"
)
PUBLISHED_LOG = f"{PUBLISHED_ORIGIN}+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
PUBLISHED_WITNESS = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"

LOG = Signer("log.example/2026", bytes(range(32)))
WITNESS = Signer("witness.example", bytes(range(32, 64)), notes.COSIGNATURE)
HEAD = Checkpoint("log.example/2026", 7, bytes(range(32)))
TIME = 1_800_000_000

MALFORMED = {
    "nothing": "",
    "one line": "log.example/2026\n",
    "two lines": "log.example/2026\n7\n",
    "no last newline": HEAD.text[:-1],
    "an extension line": HEAD.text + "more\n",
    "an empty extension line": HEAD.text + "\n",
    "no origin": HEAD.text.replace("log.example/2026", ""),
    "no size": HEAD.text.replace("\n7\n", "\n\n"),
    "a leading zero": HEAD.text.replace("\n7\n", "\n07\n"),
    "two zeros": HEAD.text.replace("\n7\n", "\n00\n"),
    "a sign": HEAD.text.replace("\n7\n", "\n+7\n"),
    "a negative size": HEAD.text.replace("\n7\n", "\n-7\n"),
    "a space": HEAD.text.replace("\n7\n", "\n 7\n"),
    "hexadecimal": HEAD.text.replace("\n7\n", "\n0x7\n"),
    "an underscore": HEAD.text.replace("\n7\n", "\n1_0\n"),
    "a digit of another script": HEAD.text.replace("\n7\n", "\n٧\n"),
    "a size of 2**63": HEAD.text.replace("\n7\n", f"\n{2**63}\n"),
    "a size of 5,000 digits": HEAD.text.replace("\n7\n", f"\n{'9' * 5000}\n"),
    "no root": "log.example/2026\n7\n\n",
    "a short root": f"log.example/2026\n7\n{base64.b64encode(bytes(31)).decode()}\n",
    "a long root": f"log.example/2026\n7\n{base64.b64encode(bytes(33)).decode()}\n",
    "a root that is no base64": f"log.example/2026\n7\n{'?' * 44}\n",
    "a root of another spelling": HEAD.text.replace("8=\n", "9=\n"),
    "a root of no leaves": HEAD.text.replace("\n7\n", "\n0\n"),
}


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


def test_the_example_of_the_standard_is_read():
    note = notes.parse_note(EXAMPLE.encode())
    checkpoint = checkpoints.parse_checkpoint(note.text)
    assert checkpoint.origin == "example.com/behind-the-sofa"
    assert checkpoint.size == 20_852_163
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e")
    assert checkpoint.text == EXAMPLE_TEXT
    assert [line.name for line in note.lines] == [checkpoint.origin, "witness.example.com/w1"]
    assert int.from_bytes(note.lines[1].signature[:8], "big") == 1_679_315_147
    assert notes.format_note(*note) == EXAMPLE.encode()


def test_what_a_witness_signs_is_the_example_of_the_standard():
    message = checkpoints.cosigned_message(EXAMPLE_TEXT, 1_679_315_147)
    assert message == b"cosignature/v1\ntime 1679315147\n" + EXAMPLE_TEXT.encode()


def test_a_published_checkpoint_verifies():
    log = Verifier.from_vkey(PUBLISHED_LOG)
    checkpoint = checkpoints.open_checkpoint(PUBLISHED.encode(), log)
    assert checkpoint.origin == PUBLISHED_ORIGIN
    assert checkpoint.size == 1_432_088_532
    with pytest.raises(NoteError, match="is not that of this note"):
        checkpoints.open_checkpoint(PUBLISHED.replace("088532", "088533").encode(), log)


def test_a_published_cosignature_verifies():
    witness = Verifier.from_vkey(PUBLISHED_WITNESS)
    note = notes.parse_note(PUBLISHED.encode())
    (seen,) = checkpoints.cosignatures(note, [witness])
    assert seen.time == 0x6A122120
    assert checkpoints.parse_checkpoint(note.text).size == 1_432_088_532


def test_a_published_cosignature_of_another_size_does_not_verify():
    witness = Verifier.from_vkey(PUBLISHED_WITNESS)
    note = notes.parse_note(PUBLISHED.replace("1432088532", "1432088533").encode())
    with pytest.raises(NoteError, match="is not that of this checkpoint"):
        checkpoints.cosignatures(note, [witness])


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_checkpoint_is_one_error(text):
    with pytest.raises(NoteError):
        checkpoints.parse_checkpoint(text)


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=30),
    st.integers(1, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
)
@settings(max_examples=50)
def test_a_checkpoint_is_read_as_it_was_written(origin, size, root):
    checkpoint = Checkpoint(origin, size, root)
    assert checkpoints.parse_checkpoint(checkpoint.text) == checkpoint


def test_an_empty_tree_has_one_head():
    empty = Checkpoint(LOG.name, 0, merkle.EMPTY_ROOT)
    note = checkpoints.sign_checkpoint(empty, LOG)
    assert checkpoints.open_checkpoint(note, LOG.verifier) == empty


@pytest.mark.parametrize(
    "checkpoint",
    [
        HEAD._replace(origin="log.example/2026\n8"),
        HEAD._replace(size=-1),
        HEAD._replace(size=2**63),
        HEAD._replace(size=0),
        HEAD._replace(root=bytes(31)),
    ],
)
def test_a_log_signs_no_checkpoint_that_nobody_could_read(checkpoint):
    with pytest.raises(NoteError):
        checkpoints.sign_checkpoint(checkpoint, Signer(LOG.name, LOG.seed))


def test_a_log_signs_for_its_own_origin_only():
    with pytest.raises(NoteError, match="does not sign for 'other"):
        checkpoints.sign_checkpoint(HEAD._replace(origin="other.example"), LOG)


def test_a_checkpoint_of_another_origin_is_not_taken():
    other = HEAD._replace(origin="other.example")
    note = notes.format_note(other.text, [LOG.line(other.text)])
    with pytest.raises(NoteError, match=r"'other\.example' is signed by another log"):
        checkpoints.open_checkpoint(note, LOG.verifier)


def test_a_checkpoint_of_another_key_is_not_taken():
    forger = Signer(LOG.name, bytes(32))
    note = checkpoints.sign_checkpoint(HEAD, forger)
    assert checkpoints.open_checkpoint(note, forger.verifier) == HEAD
    with pytest.raises(NoteError, match="none of the keys"):
        checkpoints.open_checkpoint(note, LOG.verifier)


def test_a_checkpoint_signed_by_a_witness_alone_is_not_taken():
    line = checkpoints.cosign(HEAD, WITNESS, TIME)
    with pytest.raises(NoteError, match="none of the keys"):
        checkpoints.open_checkpoint(notes.format_note(HEAD.text, [line]), WITNESS.verifier)


def test_a_log_with_two_keys_signs_with_either():
    old, new = LOG, Signer(LOG.name, bytes(32))
    for signer in (old, new):
        note = checkpoints.sign_checkpoint(HEAD, signer)
        assert checkpoints.open_checkpoint(note, old.verifier, new.verifier) == HEAD


def test_a_cosignature_is_of_its_time():
    line = checkpoints.cosign(HEAD, WITNESS, TIME)
    later = (TIME + 60).to_bytes(8, "big") + line.signature[8:]
    shifted = Note(HEAD.text, (line._replace(signature=later),))
    assert checkpoints.cosignatures(Note(HEAD.text, (line,)), [WITNESS.verifier])
    with pytest.raises(NoteError, match=r"the cosignature of 'witness\.example'"):
        checkpoints.cosignatures(shifted, [WITNESS.verifier])


def test_a_cosignature_is_of_its_checkpoint():
    line = checkpoints.cosign(HEAD, WITNESS, TIME)
    for other in (
        HEAD._replace(size=8),
        HEAD._replace(origin="log"),
        HEAD._replace(root=bytes(32)),
    ):
        with pytest.raises(NoteError, match="is not that of this checkpoint"):
            checkpoints.cosignatures(Note(other.text, (line,)), [WITNESS.verifier])


def test_a_signature_of_the_log_is_no_cosignature():
    """The same key in both roles: the message and the key id keep them apart."""
    twin = Verifier(LOG.name, notes.COSIGNATURE, LOG.verifier.public_key)
    note = notes.parse_note(checkpoints.sign_checkpoint(HEAD, LOG))
    assert checkpoints.cosignatures(note, [twin, LOG.verifier]) == []
    forged = SignatureLine(twin.name, twin.key_id, bytes(8) + note.lines[0].signature)
    with pytest.raises(NoteError, match="is not that of this checkpoint"):
        checkpoints.cosignatures(Note(HEAD.text, (forged,)), [twin])


@pytest.mark.parametrize("length", [1, 7, 8, 64, 71, 73])
def test_a_cosignature_has_a_time_and_64_bytes(length):
    line = SignatureLine(WITNESS.name, WITNESS.key_id, bytes(length))
    with pytest.raises(NoteError, match="is not that of this checkpoint"):
        checkpoints.cosignatures(Note(HEAD.text, (line,)), [WITNESS.verifier])


@pytest.mark.parametrize("time", [-1, 2**63])
def test_a_time_beyond_the_standard_is_not_cosigned_and_not_taken(time):
    with pytest.raises(NoteError, match="not a time"):
        checkpoints.cosign(HEAD, WITNESS, time)
    signature = WITNESS.sign(checkpoints.cosigned_message(HEAD.text, 2**63))
    line = SignatureLine(WITNESS.name, WITNESS.key_id, (2**63).to_bytes(8, "big") + signature)
    with pytest.raises(NoteError, match="is not that of this checkpoint"):
        checkpoints.cosignatures(Note(HEAD.text, (line,)), [WITNESS.verifier])


def test_a_key_of_a_log_does_not_cosign():
    with pytest.raises(NoteError, match="does not cosign"):
        checkpoints.cosign(HEAD, LOG, TIME)


def test_a_witness_may_stand_there_with_several_times():
    lines = [checkpoints.cosign(HEAD, WITNESS, time) for time in (TIME, TIME + 60)]
    seen = checkpoints.cosignatures(Note(HEAD.text, tuple(lines)), [WITNESS.verifier])
    assert [each.time for each in seen] == [TIME, TIME + 60]


def test_a_signature_is_added_once():
    signed = checkpoints.sign_checkpoint(HEAD, LOG)
    line = checkpoints.cosign(HEAD, WITNESS, TIME)
    once = checkpoints.with_lines(signed, [line])
    assert checkpoints.with_lines(once, [line]) == once
    assert once.startswith(signed)


@pytest.mark.parametrize("text", ["0", "7", str(2**63 - 1)])
def test_a_number_has_one_spelling(text):
    assert str(checkpoints.parse_decimal(text)) == text
