"""Signed notes, and the keys that sign them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.log import ed25519, notes
from foodtrace.trace.log.notes import Note, NoteError, SignatureLine, Signer, Verifier

# The example of c2sp.org/signed-note.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONnc"
    "AlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# The example of Go's package golang.org/x/mod/sumdb/note, with its private key.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)

# Every spelling of the eight points of small order (C2SP/CCTV, ed25519).
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]
OTHER_SPELLINGS = [
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]
# Vectors of C2SP/CCTV, ed25519: key, signature, message.
SMALL_ORDER_KEY = ("00" * 32, "00" * 64, "ed25519vectors 11")
MIXED_KEY = "10eb7c3acfb2bed3e0d6ab89bf5a3d6afddd1176ce4812e38d9fd485058fdb1f"
MIXED = (
    MIXED_KEY,
    "36684ea91032ba5b1dbab2d02f4debc74c3327f2b3802e2e4d371aa42b12b56b"
    "bbfd00bd9c259d8d222d15e67a3d8228585050dbb9b9585be20d8fadc721da03",
    "ed25519vectors",
)
MIXED_RESIDUE = (
    MIXED_KEY,
    "00" * 32 + "5e176f12cfb0d4e6eb6929b19ae4c998ef05c1c2cf628a9b1fa1c21312627108",
    "ed25519vectors 7",
)
MIXED_NON_CANONICAL_R = (
    MIXED_KEY,
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
    "ad7a355469b5c87e550469f6b2de409ee723acd584bf35f86b80c384e8ceb702",
    "ed25519vectors 3",
)
ORDER = 2**252 + 27742317777372353535851937790883648493

SIGNER = Signer("log.example/2026", bytes(range(32)))
TEXT = "a text\n\nwith a blank line\n"
LINE = notes.format_line(SIGNER.line(TEXT))
NOTE = f"{TEXT}\n{LINE}"

MALFORMED = {
    "nothing": "",
    "no signatures": "text\n",
    "no lines": "text\n\n",
    "no blank line": f"text\n{LINE}",
    "only signatures": LINE,
    "no last newline": NOTE[:-1],
    "a blank line too much": f"{NOTE}\n",
    "text after the signatures": f"{NOTE}text\n",
    "carriage returns": NOTE.replace("\n", "\r\n"),
    "a tab": NOTE.replace("a text", "a\ttext"),
    "a NUL": NOTE.replace("a text", "a\x00text"),
    "a hyphen": NOTE.replace("—", "-"),
    "an en dash": NOTE.replace("—", "–"),
    "no space after the dash": NOTE.replace("— ", "—"),
    "no name": NOTE.replace("log.example/2026", ""),
    "a plus in the name": NOTE.replace("log.example/2026", "log+example"),
    "a space in the name": NOTE.replace("log.example/2026", "log example"),
    "a wide space in the name": NOTE.replace("log.example/2026", "log\u3000example"),
    "no signature": f"{TEXT}\n— log.example/2026\n",
    "an empty signature": f"{TEXT}\n— log.example/2026 \n",
    "a key id only": f"{TEXT}\n— log.example/2026 AAAAAA==\n",
    "no base64": f"{TEXT}\n— log.example/2026 ????????\n",
    "base64 for addresses": NOTE[:-10] + "-_-_" + NOTE[-6:],
    "base64 without padding": NOTE.replace("=\n", "\n"),
    "base64 with other last bits": f"{TEXT}\n— log.example/2026 AAAAAAB=\n",
    "base64 with a newline": NOTE[:-20] + "\n" + NOTE[-20:],
    "base64 with a space": NOTE[:-20] + " " + NOTE[-20:],
    "too many signatures": NOTE + LINE * 100,
    "too long": "a" * 1_000_000 + NOTE,
}


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def openssl_accepts(key, signature, message):
    """Whether the library alone takes a signature; it raises where not."""
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, message)
    return True


def test_it_works():
    signer = Signer.generate("log.example/2026")
    data = notes.format_note("a text\n", [signer.line("a text\n")])
    note = notes.parse_note(data)
    assert note.text == "a text\n"
    verifier = Verifier.from_vkey(signer.vkey)
    assert notes.verified(note, [verifier]) == {verifier: note.lines[0]}
    assert Signer.from_text(signer.to_text()) == signer


def test_the_example_of_the_standard_verifies():
    verifier = Verifier.from_vkey(EXAMPLE_KEY)
    note = notes.parse_note(EXAMPLE.encode())
    assert note.text == "This is an example message.\n"
    assert notes.verified(note, [verifier]) == {verifier: note.lines[0]}
    assert notes.format_note(*note) == EXAMPLE.encode()
    assert verifier.vkey == EXAMPLE_KEY


def test_the_example_of_go_is_signed_alike():
    signer = Signer.from_text(GO_PRIVATE)
    assert signer.vkey == GO_KEY
    assert signer.to_text() == GO_PRIVATE
    assert notes.format_note(GO_TEXT, [signer.line(GO_TEXT)]).decode() == f"{GO_TEXT}\n{GO_LINE}"


@pytest.mark.parametrize("note", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_note_is_one_error(note):
    with pytest.raises(NoteError):
        notes.parse_note(note.encode())


@pytest.mark.parametrize("data", [b"\xff" + NOTE.encode(), NOTE.encode()[:-3] + b"\xe2\x80\n"])
def test_a_note_is_utf_8(data):
    with pytest.raises(NoteError, match="UTF-8"):
        notes.parse_note(data)


def test_a_note_may_hold_16_signatures_and_100_at_most():
    signers = [Signer(f"log.example/{n}", bytes([n] * 32)) for n in range(100)]
    data = notes.format_note(TEXT, [signer.line(TEXT) for signer in signers])
    verifiers = [signer.verifier for signer in signers]
    assert list(notes.verified(notes.parse_note(data), verifiers)) == verifiers


@given(st.binary(max_size=200))
@settings(max_examples=60)
def test_any_bytes_are_a_note_or_one_error(data):
    try:
        note = notes.parse_note(data)
    except NoteError:
        return
    assert notes.format_note(*note) == data


@given(st.integers(0, len(NOTE.encode()) * 8 - 1))
@settings(max_examples=100)
def test_a_flipped_bit_is_one_error_wherever_it_is(bit):
    with pytest.raises(NoteError):
        notes.verified(notes.parse_note(flipped(NOTE.encode(), bit)), [SIGNER.verifier])


def test_an_untouched_note_verifies():
    assert notes.verified(notes.parse_note(NOTE.encode()), [SIGNER.verifier])


def test_text_and_signatures_part_at_the_last_blank_line():
    assert notes.parse_note(NOTE.encode()).text == TEXT


def test_lines_of_unknown_keys_are_ignored():
    stranger = SignatureLine("stranger.example", b"1234", bytes(64))
    same_name = SignatureLine(SIGNER.name, b"1234", bytes(64))
    same_id = SignatureLine("stranger.example", SIGNER.key_id, bytes(64))
    lines = [stranger, same_name, same_id, SIGNER.line(TEXT)]
    note = notes.parse_note(notes.format_note(TEXT, lines))
    assert notes.verified(note, [SIGNER.verifier]) == {SIGNER.verifier: lines[-1]}


def test_a_note_that_no_known_key_signed_is_refused():
    other = Signer.generate("other.example")
    with pytest.raises(NoteError, match="none of the keys"):
        notes.verified(notes.parse_note(NOTE.encode()), [other.verifier])
    with pytest.raises(NoteError, match="none of the keys"):
        notes.verified(notes.parse_note(NOTE.encode()), [])


def test_one_wrong_line_of_a_known_key_spoils_the_note():
    other = Signer.generate("other.example")
    wrong = other.line("another text\n")
    note = Note(TEXT, (SIGNER.line(TEXT), wrong))
    with pytest.raises(NoteError, match=r"the signature of 'other\.example'"):
        notes.verified(note, [SIGNER.verifier, other.verifier])
    assert notes.verified(note, [SIGNER.verifier])
    doubled = Note(TEXT, (SIGNER.line(TEXT), SIGNER.line("another text\n")))
    with pytest.raises(NoteError, match=r"the signature of 'log\.example/2026'"):
        notes.verified(doubled, [SIGNER.verifier])


@pytest.mark.parametrize("text", ["", "no newline", "a\rtext\n", "\ud800\n"])
def test_a_text_that_is_no_note_is_not_written(text):
    with pytest.raises((NoteError, UnicodeEncodeError)):
        notes.format_note(text, [SIGNER.line(TEXT)])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("530d903a", "530D903A"),
        EXAMPLE_KEY.replace("foo", "bar"),
        EXAMPLE_KEY[:-4],
        EXAMPLE_KEY + "AAAA",
        EXAMPLE_KEY[:-1] + "l",
        EXAMPLE_KEY + "\n",
        "example.com/foo+530d903a+",
        "example.com/foo+530d903a+?",
        # Kind 2 is ECDSA, kind 6 is ML-DSA.
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_a_malformed_key_is_one_error(vkey):
    with pytest.raises(NoteError):
        Verifier.from_vkey(vkey)


def test_a_key_of_a_witness_has_another_id_than_the_same_key_of_a_log():
    witness = Signer(SIGNER.name, SIGNER.seed, notes.COSIGNATURE)
    assert witness.verifier.public_key == SIGNER.verifier.public_key
    assert witness.key_id != SIGNER.key_id
    assert Verifier.from_vkey(witness.vkey) == witness.verifier
    assert Signer.from_text(witness.to_text()) == witness


def test_a_published_key_of_a_witness_is_read():
    vkey = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
    assert Verifier.from_vkey(vkey).kind == notes.COSIGNATURE
    assert Verifier.from_vkey(vkey).vkey == vkey


def test_a_witness_signs_no_notes():
    witness = Signer.generate("witness.example", notes.COSIGNATURE)
    with pytest.raises(NoteError, match="cosigns checkpoints"):
        witness.line(TEXT)


@pytest.mark.parametrize(
    "text",
    ["", GO_PRIVATE[12:], GO_PRIVATE[:-3], GO_PRIVATE + "=", GO_PRIVATE.replace("c74f", "c74e")],
)
def test_a_damaged_private_key_is_not_repeated_in_its_error(text):
    secret = GO_PRIVATE.rsplit("+", 1)[1]
    with pytest.raises(NoteError) as caught:
        Signer.from_text(text)
    assert secret[:20] not in str(caught.value)


def test_a_seed_is_not_shown():
    assert repr(SIGNER.seed) not in repr(SIGNER)
    assert "seed" not in repr(SIGNER)


def test_the_library_alone_takes_a_key_of_small_order():
    """Why we look at keys ourselves: one signature of zeros, and no secret behind it."""
    key, signature, message = SMALL_ORDER_KEY
    assert openssl_accepts(key, bytes.fromhex(signature), message.encode())
    neutral, one = "01" + "00" * 31, bytes.fromhex("01" + "00" * 63)
    assert all(openssl_accepts(neutral, one, text) for text in (b"any", b"text", b"at all"))


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_is_refused(key):
    with pytest.raises(ed25519.UnsafeKey, match="small order"):
        ed25519.require_safe(bytes.fromhex(key))
    with pytest.raises(NoteError, match="small order"):
        Verifier("log.example", notes.ED25519, bytes.fromhex(key))


@pytest.mark.parametrize("key", OTHER_SPELLINGS)
def test_another_spelling_of_a_point_is_refused(key):
    with pytest.raises(ed25519.UnsafeKey):
        ed25519.require_safe(bytes.fromhex(key))


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), b"\x02" + bytes(31), b"\xff" * 32])
def test_what_is_no_point_is_no_key(key):
    with pytest.raises(ed25519.UnsafeKey):
        ed25519.require_safe(key)
    assert not ed25519.is_signature(key, bytes(64), b"")


@given(st.binary(min_size=32, max_size=32))
@settings(max_examples=40)
def test_every_key_that_was_made_properly_is_safe(seed):
    ed25519.require_safe(Signer("log.example", seed).verifier.public_key)


def test_a_signature_has_one_s():
    """S and S + order satisfy the same equation: only the smaller one is a signature."""
    signature = SIGNER.sign(b"message")
    s = int.from_bytes(signature[32:], "little")
    other = signature[:32] + (s + ORDER).to_bytes(32, "little")
    assert SIGNER.verifier.has_signed(b"message", signature)
    assert not SIGNER.verifier.has_signed(b"message", other)


@pytest.mark.parametrize(
    "vector", [SMALL_ORDER_KEY, MIXED_RESIDUE, MIXED_NON_CANONICAL_R], ids=["key", "residue", "R"]
)
def test_odd_points_are_refused(vector):
    key, signature, message = vector
    assert not ed25519.is_signature(bytes.fromhex(key), bytes.fromhex(signature), message.encode())


def test_a_key_with_a_part_of_small_order_is_taken_as_go_takes_it():
    """Its signatures fit one message each; only programs that check by cofactor differ on some."""
    key, signature, message = MIXED
    ed25519.require_safe(bytes.fromhex(key))
    assert ed25519.is_signature(bytes.fromhex(key), bytes.fromhex(signature), message.encode())


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_a_signature_has_64_bytes(length):
    assert not SIGNER.verifier.has_signed(b"message", bytes(length))
    line = SignatureLine(SIGNER.name, SIGNER.key_id, bytes(length or 1))
    with pytest.raises(NoteError, match="is not that of this note"):
        notes.verified(Note(TEXT, (line,)), [SIGNER.verifier])


@given(st.binary(max_size=40))
@settings(max_examples=40)
def test_base64_has_one_spelling(data):
    text = base64.b64encode(data).decode()
    assert notes.strict_base64(text) == data
    for other in (text + "\n", " " + text, text + "=", text + "===="):
        with pytest.raises(NoteError):
            notes.strict_base64(other)
