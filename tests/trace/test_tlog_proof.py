"""Proof files: read, written and verified without a network."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.log import checkpoints, merkle, notes, policies, proofs
from foodtrace.trace.log.merkle import ProofError
from foodtrace.trace.log.notes import NoteError, Signer
from foodtrace.trace.log.proofs import TlogProof
from tests.trace import logs
from tests.trace.logs import LOG, REGULATOR, RETAILER

SIZE = 300
INDEX = 77
ENTRIES = logs.entries_of(SIZE)


def policy_of(*witnesses, quorum="regulator", log=LOG):
    """A policy of one log and these witnesses, of whom one, a group or none has to sign."""
    lines = [f"log {log.vkey}"]
    lines += (f"witness {witness.name.split('.')[0]} {witness.vkey}" for witness in witnesses)
    if quorum == "both":
        lines.append("group both all regulator retailer")
    return policies.parse_policy("\n".join([*lines, f"quorum {quorum}", ""]).encode())


BOTH = policy_of(REGULATOR, RETAILER, quorum="both")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    return logs.write_log(folder, ENTRIES, cosigners=[REGULATOR, RETAILER])


@pytest.fixture(scope="module")
def file(log):
    return logs.proof_of(log, INDEX)


def is_proven(data):
    """Whether these bytes prove the entry, with every witness that the policy asks for."""
    try:
        return proofs.verify_proof(ENTRIES[INDEX], proofs.parse_proof(data), BOTH).is_quorum
    except (NoteError, ProofError):
        return False


def test_it_works(file):
    proof = proofs.parse_proof(file)
    verified = proofs.verify_proof(ENTRIES[INDEX], proof, BOTH)
    assert verified.checkpoint.size == SIZE
    assert [seen.verifier.name for seen in verified.cosignatures] == [
        REGULATOR.name,
        RETAILER.name,
    ]
    assert verified.is_quorum
    assert is_proven(file)


def test_a_file_is_written_as_the_standard_says(log, file):
    head, _, note = file.decode().partition("\n\n")
    first, index, *hashes = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1"
    assert index == f"index {INDEX}"
    expected = merkle.inclusion_proof(INDEX, SIZE, log.hash_at)
    assert [base64.b64decode(hash_) for hash_ in hashes] == expected
    assert note.encode() == log.files["checkpoint"]


def test_a_leaf_alone_needs_no_hashes(tmp_path):
    log = logs.write_log(tmp_path, ENTRIES[:1])
    file = logs.proof_of(log, 0)
    assert file.startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\nlog.example/2026\n1\n")
    assert proofs.verify_proof(ENTRIES[0], proofs.parse_proof(file), BOTH).checkpoint.size == 1


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
    st.none() | st.binary(max_size=60),
)
@settings(max_examples=50)
def test_a_proof_is_read_as_it_was_written(index, hashes, extra):
    note = logs.cosigned(checkpoints.Checkpoint(LOG.name, 7, bytes(32)))
    proof = TlogProof(index, tuple(hashes), note, extra)
    assert proofs.parse_proof(proofs.format_proof(proof)) == proof


def test_extra_data_are_handed_on_and_change_nothing(log):
    proof = proofs.parse_proof(logs.proof_of(log, INDEX, b"\x00any bytes\xff"))
    assert proof.extra == b"\x00any bytes\xff"
    assert proofs.verify_proof(ENTRIES[INDEX], proof, BOTH).is_quorum


def test_every_entry_of_a_log_has_a_proof(log):
    for index in range(SIZE):
        proof = proofs.parse_proof(logs.proof_of(log, index))
        assert proofs.verify_proof(ENTRIES[index], proof, BOTH).is_quorum


@pytest.mark.parametrize("entry", [ENTRIES[INDEX + 1], ENTRIES[INDEX] + b"\x00", b""])
def test_a_proof_of_another_entry_is_refused(file, entry):
    with pytest.raises(ProofError, match="another root"):
        proofs.verify_proof(entry, proofs.parse_proof(file), BOTH)


@given(st.integers(min_value=0))
@settings(max_examples=200)
def test_a_flipped_bit_is_refused_wherever_it_is(file, where):
    bit = where % (len(file) * 8)
    data = bytearray(file)
    data[bit // 8] ^= 1 << bit % 8
    assert not is_proven(bytes(data))


def test_too_few_witnesses_are_said_and_no_error(tmp_path):
    log = logs.write_log(tmp_path, ENTRIES, cosigners=[REGULATOR])
    proof = proofs.parse_proof(logs.proof_of(log, INDEX))
    verified = proofs.verify_proof(ENTRIES[INDEX], proof, BOTH)
    assert not verified.is_quorum
    assert [seen.time for seen in verified.cosignatures] == [logs.TIME]
    alone = policy_of(REGULATOR, RETAILER)
    assert proofs.verify_proof(ENTRIES[INDEX], proof, alone).is_quorum


def test_a_witness_that_signs_twice_is_one_witness(tmp_path):
    log = logs.write_log(tmp_path, ENTRIES, cosigners=[REGULATOR, REGULATOR])
    later = checkpoints.cosign(log.checkpoint, REGULATOR, logs.TIME + 60)
    note = checkpoints.with_lines(log.files["checkpoint"], [later])
    path = tuple(merkle.inclusion_proof(INDEX, SIZE, log.hash_at))
    verified = proofs.verify_proof(ENTRIES[INDEX], TlogProof(INDEX, path, note), BOTH)
    assert len(verified.cosignatures) == 2
    assert not verified.is_quorum


def test_a_witness_that_the_policy_does_not_know_does_not_count(tmp_path):
    stranger = Signer("retailer.example", bytes(32), notes.COSIGNATURE)
    log = logs.write_log(tmp_path, ENTRIES, cosigners=[REGULATOR, stranger])
    proof = proofs.parse_proof(logs.proof_of(log, INDEX))
    assert not proofs.verify_proof(ENTRIES[INDEX], proof, BOTH).is_quorum


def test_a_forged_cosignature_is_an_error(log):
    forger = Signer(RETAILER.name, bytes(32), notes.COSIGNATURE)
    line = checkpoints.cosign(log.checkpoint, forger, logs.TIME)
    forged = line._replace(key_id=RETAILER.key_id)
    note = logs.cosigned(log.checkpoint, cosigners=[REGULATOR])
    path = tuple(merkle.inclusion_proof(INDEX, SIZE, log.hash_at))
    proof = TlogProof(INDEX, path, checkpoints.with_lines(note, [forged]))
    with pytest.raises(NoteError, match=r"the cosignature of 'retailer\.example'"):
        proofs.verify_proof(ENTRIES[INDEX], proof, BOTH)


def test_a_log_that_the_policy_does_not_know_proves_nothing(tmp_path):
    other = Signer("other.example", bytes(32))
    log = logs.write_log(tmp_path, ENTRIES, signer=other, cosigners=[REGULATOR, RETAILER])
    proof = proofs.parse_proof(logs.proof_of(log, INDEX))
    with pytest.raises(NoteError, match=r"does not know the log 'other\.example'"):
        proofs.verify_proof(ENTRIES[INDEX], proof, BOTH)


def test_another_key_under_the_name_of_the_log_proves_nothing(tmp_path):
    forger = Signer(LOG.name, bytes(32))
    log = logs.write_log(tmp_path, ENTRIES, signer=forger, cosigners=[REGULATOR, RETAILER])
    proof = proofs.parse_proof(logs.proof_of(log, INDEX))
    with pytest.raises(NoteError, match="none of the keys"):
        proofs.verify_proof(ENTRIES[INDEX], proof, BOTH)


def replaced(old, new):
    return lambda file: file.replace(old, new, 1)


MALFORMED = {
    "nothing": lambda file: b"",
    "no header": lambda file: file.partition(b"\n")[2],
    "another version": replaced(b"@v1", b"@v2"),
    "a space after the header": replaced(b"@v1", b"@v1 "),
    "no index": replaced(b"index 77\n", b""),
    "two indexes": replaced(b"index 77", b"index 77\nindex 77"),
    "a leading zero": replaced(b"index 77", b"index 077"),
    "a negative index": replaced(b"index 77", b"index -1"),
    "a sign": replaced(b"index 77", b"index +77"),
    "no number": replaced(b"index 77", b"index "),
    "an index of 2**63": replaced(b"index 77", b"index 9223372036854775808"),
    "an index of 5,000 digits": replaced(b"index 77", b"index " + b"7" * 5000),
    "extra data after the index": replaced(b"index 77\n", b"index 77\nextra AAAA\n"),
    "extra data twice": replaced(b"index", b"extra AAAA\nextra AAAA\nindex"),
    "extra data that are no base64": replaced(b"index", b"extra ?\nindex"),
    "extra data without a value": replaced(b"index", b"extra\nindex"),
    "a hash that is no base64": replaced(b"77\n", b"77\n" + b"?" * 44 + b"\n"),
    "a hash of 31 bytes": replaced(b"77\n", b"77\n" + base64.b64encode(bytes(31)) + b"\n"),
    "64 hashes": replaced(b"77\n", b"77\n" + (base64.b64encode(bytes(32)) + b"\n") * 64),
    "carriage returns": lambda file: file.replace(b"\n", b"\r\n"),
    "bytes that are no text": replaced(b"index", b"\xff\nindex"),
    "a blank line too early": replaced(b"index 77\n", b"index 77\n\n"),
    "no checkpoint": lambda file: file.partition(b"\n\n")[0] + b"\n\n",
    "no signatures": lambda file: file[: file.index("—".encode())],
    "a cut signature": lambda file: file[:-5],
    "an extension line": replaced("\n\n—".encode(), "\nmore\n\n—".encode()),
    "too long": replaced(b"index", b"extra " + b"AAAA" * 600_000 + b"\nindex"),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_file_is_one_error(file, change):
    assert change(file) != file
    with pytest.raises(NoteError):
        proofs.parse_proof(change(file))


@given(st.binary(max_size=300))
@settings(max_examples=50)
def test_any_bytes_are_one_error(data):
    with pytest.raises(NoteError):
        proofs.parse_proof(b"c2sp.org/tlog-proof@v1\nindex 1\n" + data)


def test_a_proof_has_at_most_10_kib():
    """For an entry of a log of 2**40 entries, cosigned by 16 witnesses with long names."""
    head = checkpoints.Checkpoint(LOG.name, 2**40, bytes(32))
    witnesses = [
        Signer(f"witness-{n:02d}.regulator.example/log-of-food", bytes([n]) * 32, notes.COSIGNATURE)
        for n in range(16)
    ]
    note = logs.cosigned(head, cosigners=witnesses)
    file = proofs.format_proof(TlogProof(2**40 - 1, (bytes(32),) * 40, note))
    assert len(file) <= 10 * 1024
