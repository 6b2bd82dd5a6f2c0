"""Programs that others wrote verify our log, and find what was done to it."""

import base64
import re
import shutil

import metamorphic_log
import pytest

from foodtrace.trace.log import checkpoints, merkle, notes, tiles
from foodtrace.trace.log.notes import Signer
from tests.foreign import Refused
from tests.trace import logs
from tests.trace.logs import LOG, REGULATOR, RETAILER

SIZE = 70_000
KEPT = 69_000
WITNESSES = [REGULATOR, RETAILER]
KEYS = {"key": LOG.vkey, "cosigners": [witness.vkey for witness in WITNESSES]}
# What metamorphic-log checks at once: each part is a test, so that they run side by side.
PARTS = 4


@pytest.fixture(scope="module")
def entries():
    return logs.entries_of(SIZE)


@pytest.fixture(scope="module")
def log(entries, tmp_path_factory):
    return logs.write_log(tmp_path_factory.mktemp("log"), entries, cosigners=WITNESSES)


@pytest.fixture
def folder(log, tmp_path):
    """The public files of the log, to be tampered with."""
    logs.write_files(tmp_path / "public", log.files)
    return tmp_path / "public"


def head_at(log, size):
    root = merkle.root_of(merkle.edge_at(size, log.hash_at))
    return logs.cosigned(log.checkpoint._replace(size=size, root=root), cosigners=WITNESSES)


@pytest.fixture
def kept(log, tmp_path):
    """The file of a checkpoint that somebody kept when the log had 69,000 entries."""
    path = tmp_path / "kept"
    path.write_bytes(head_at(log, KEPT))
    return path


def flip(path, byte, bit=3):
    data = bytearray(path.read_bytes())
    data[byte] ^= 1 << bit
    path.write_bytes(data)


def test_it_works(go_verifier, tmp_path):
    logs.write_log(tmp_path, logs.entries_of(300), cosigners=WITNESSES)
    found = go_verifier.verify(tmp_path, **KEYS)
    assert (found["size"], found["tiles"]) == (300, 3)


def test_go_verifies_every_one_of_70000_entries(go_verifier, entries, folder):
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    root = base64.b64encode(merkle.tree_root(leaves)).decode()
    assert go_verifier.verify(folder, **KEYS) == {
        "size": SIZE,
        "root": root,
        "tiles": 277,
        "cosigned": [{"name": w.name, "time": logs.TIME} for w in WITNESSES],
        "continues": [],
        "proofs": 0,
    }


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 65_536])
def test_go_verifies_logs_around_the_borders_of_tiles(go_verifier, tmp_path, size):
    logs.write_log(tmp_path, logs.entries_of(size))
    assert go_verifier.verify(tmp_path, **KEYS)["size"] == size


def test_go_verifies_entries_of_any_length(go_verifier, tmp_path):
    logs.write_log(tmp_path, [b"", b"a", bytes(65_535), "苹果".encode()])
    assert go_verifier.verify(tmp_path, **KEYS)["size"] == 4


def test_go_finds_that_the_log_continues_every_older_head(go_verifier, log, folder, tmp_path):
    sizes = [1, 255, 256, 257, 65_535, 65_536, 65_537, KEPT, SIZE - 1, SIZE]
    olds = [tmp_path / str(size) for size in sizes]
    for path, size in zip(olds, sizes, strict=True):
        path.write_bytes(head_at(log, size))
    assert go_verifier.verify(folder, olds=olds, **KEYS)["continues"] == sizes


def test_go_verifies_proof_files_without_the_log(go_verifier, entries, log, tmp_path):
    indexes = [0, 1, 255, 256, 65_535, 65_536, SIZE - 1]
    paths = [tmp_path / f"{index}.tlog-proof" for index in indexes]
    for path, index in zip(paths, indexes, strict=True):
        path.write_bytes(logs.proof_of(log, index, b"extra" if index else None))
        path.with_suffix(".entry").write_bytes(entries[index])
    assert go_verifier.verify(proofs=paths, **KEYS)["proofs"] == len(indexes)
    paths[3].with_suffix(".entry").write_bytes(entries[7])
    with pytest.raises(Refused, match=r"256\.tlog-proof: invalid transparency proof"):
        go_verifier.verify(proofs=paths, **KEYS)


@pytest.mark.parametrize("part", range(PARTS))
def test_metamorphic_log_verifies_every_one_of_70000_entries(entries, log, part):
    root = log.checkpoint.root
    for index in range(part, SIZE, PARTS):
        leaf = merkle.leaf_hash(entries[index])
        proof = merkle.inclusion_proof(index, SIZE, log.hash_at)
        metamorphic_log.verify_inclusion(index, SIZE, leaf, proof, root)


def test_metamorphic_log_refuses_another_entry_and_another_place(entries, log):
    note, index = log.files["checkpoint"].decode(), 12_345
    proof = merkle.inclusion_proof(index, SIZE, log.hash_at)
    leaf = merkle.leaf_hash(entries[index])
    other = merkle.leaf_hash(entries[index + 1])
    metamorphic_log.checkpoint_verify_inclusion(note, [LOG.vkey], index, leaf, proof)
    for wrong in ((index, other, proof), (index + 1, leaf, proof), (index, leaf, proof[1:])):
        with pytest.raises(metamorphic_log.VerifyError):
            metamorphic_log.checkpoint_verify_inclusion(note, [LOG.vkey], *wrong)


def test_metamorphic_log_verifies_checkpoints_and_their_growth(log):
    new, old = log.files["checkpoint"].decode(), head_at(log, KEPT).decode()
    head = metamorphic_log.checkpoint_verify(new, [LOG.vkey])
    assert (head.origin, head.size, head.root) == log.checkpoint
    proof = merkle.consistency_proof(KEPT, SIZE, log.hash_at)
    metamorphic_log.checkpoint_verify_consistency(old, new, [LOG.vkey], proof)
    with pytest.raises(metamorphic_log.VerifyError):
        metamorphic_log.checkpoint_verify_consistency(old, new, [LOG.vkey], proof[::-1])
    with pytest.raises(metamorphic_log.VerifyError):
        metamorphic_log.checkpoint_verify(new.replace("\n70000\n", "\n70001\n"), [LOG.vkey])
    with pytest.raises(metamorphic_log.VerifyError):
        metamorphic_log.checkpoint_verify(new, [Signer(LOG.name, bytes(32)).vkey])


TAMPERED_FILES = {
    "a bit of an old entry": (
        lambda folder: flip(folder / "tile/entries/004", 43 * 7 + 20),
        "entry 1031 is not the one in its tile",
    ),
    "a bit of a hash tile": (
        lambda folder: flip(folder / "tile/0/004", 32 * 7),
        "entry 1031 is not the one in its tile",
    ),
    "a bit of a hash tile of level 1": (
        lambda folder: flip(folder / "tile/1/000", 32 * 7),
        "tile/1/000 is not the tile of the entries",
    ),
    "a bit of the last hash tile": (
        lambda folder: flip(folder / "tile/0/273.p/112", -1),
        "entry 69999 is not the one in its tile",
    ),
    "a bit of the highest hash tile": (
        lambda folder: flip(folder / "tile/2/000.p/1", 0),
        "tile/2/000.p/1 is not the tile of the entries",
    ),
    "a bit of an entry and of its hash": (
        lambda folder: replace_entry(folder, 1031),
        "the entries lead to another root",
    ),
    "a missing bundle": (
        lambda folder: (folder / "tile/entries/100").unlink(),
        "no such file",
    ),
    "a missing tile": (lambda folder: (folder / "tile/0/100").unlink(), "no such file"),
    "two bundles exchanged": (
        lambda folder: exchange(folder / "tile/entries/100", folder / "tile/entries/101"),
        "entry 25600 is not the one in its tile",
    ),
    "an entry less": (
        lambda folder: rewrite(folder / "tile/entries/273.p/112", lambda data: data[:-43]),
        "has 111 entries",
    ),
    "a cut entry": (
        lambda folder: rewrite(folder / "tile/entries/273.p/112", lambda data: data[:-1]),
        "in the middle of an entry",
    ),
    "another size in the checkpoint": (
        lambda folder: rewrite(
            folder / "checkpoint", lambda data: data.replace(b"\n70000\n", b"\n69999\n")
        ),
        "invalid signature",
    ),
    "the checkpoint of another key": (
        lambda folder: (folder / "checkpoint").write_bytes(forged(folder)),
        "no verifiable signatures",
    ),
    "another time in a cosignature": (
        lambda folder: (folder / "checkpoint").write_bytes(shifted(folder)),
        "invalid signature for key regulator.example",
    ),
}


def replace_entry(folder, index):
    """Exchange an entry and, in its tile, the hash of it."""
    flip(folder / f"tile/entries/{index // 256:03d}", 43 * (index % 256) + 20)
    bundle = tiles.unpack_bundle((folder / f"tile/entries/{index // 256:03d}").read_bytes())
    tile = folder / f"tile/0/{index // 256:03d}"
    tile.write_bytes(b"".join(map(merkle.leaf_hash, bundle)))


def exchange(one, other):
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def rewrite(path, change):
    path.write_bytes(change(path.read_bytes()))


def forged(folder):
    text = notes.parse_note((folder / "checkpoint").read_bytes()).text
    return notes.format_note(text, [Signer(LOG.name, bytes(32)).line(text)])


def shifted(folder):
    text, (signature, cosignature, *_) = notes.parse_note((folder / "checkpoint").read_bytes())
    later = (logs.TIME + 60).to_bytes(8, "big") + cosignature.signature[8:]
    return notes.format_note(text, [signature, cosignature._replace(signature=later)])


@pytest.mark.parametrize(("tamper", "words"), TAMPERED_FILES.values(), ids=TAMPERED_FILES)
def test_go_finds_what_was_done_to_the_files(go_verifier, folder, tamper, words):
    go_verifier.verify(folder, **KEYS)
    tamper(folder)
    with pytest.raises(Refused, match=re.escape(words)):
        go_verifier.verify(folder, **KEYS)


def test_go_finds_a_checkpoint_that_was_rolled_back(go_verifier, entries, folder, kept):
    """All of the smaller log is there and in order; only the kept head tells."""
    go_verifier.verify(folder, olds=[kept], **KEYS)
    shutil.rmtree(folder)
    logs.write_log(folder, entries[:60_000], cosigners=WITNESSES)
    assert go_verifier.verify(folder, **KEYS)["size"] == 60_000
    with pytest.raises(Refused, match="a log of 60000 entries does not continue one of 69000"):
        go_verifier.verify(folder, olds=[kept], **KEYS)


REWRITINGS = {
    "an entry changed": lambda entries: [*entries[:1000], bytes(41), *entries[1001:]],
    "an entry removed": lambda entries: [*entries[:1000], *entries[1001:]],
    "two entries exchanged": lambda entries: [
        *entries[:1000],
        entries[1001],
        entries[1000],
        *entries[1002:],
    ],
    "an entry put in the middle": lambda entries: [*entries[:1000], bytes(41), *entries[1000:]],
    "the last kept entry changed": lambda entries: [
        *entries[: KEPT - 1],
        bytes(41),
        *entries[KEPT:],
    ],
}


@pytest.mark.parametrize("change", REWRITINGS.values(), ids=REWRITINGS)
def test_go_finds_a_history_rewritten_with_the_real_key(go_verifier, entries, folder, kept, change):
    """Signed with the real key, a rewritten log is in order by itself: the kept head tells."""
    go_verifier.verify(folder, olds=[kept], **KEYS)
    shutil.rmtree(folder)
    logs.write_log(folder, change(entries), cosigners=WITNESSES)
    go_verifier.verify(folder, **KEYS)
    with pytest.raises(Refused, match="kept: invalid transparency proof"):
        go_verifier.verify(folder, olds=[kept], **KEYS)


def test_what_came_after_the_kept_head_may_differ_for_whoever_kept_no_more(
    go_verifier, entries, folder, kept
):
    """The limit of one kept head, and the reason for witnesses."""
    shutil.rmtree(folder)
    logs.write_log(folder, [*entries[:KEPT], bytes(41)], cosigners=WITNESSES)
    assert go_verifier.verify(folder, olds=[kept], **KEYS)["continues"] == [KEPT]


def test_go_takes_no_empty_head_as_an_older_one(go_verifier, folder, tmp_path):
    empty = tmp_path / "empty"
    empty.write_bytes(logs.cosigned(checkpoints.Checkpoint(LOG.name, 0, merkle.EMPTY_ROOT)))
    with pytest.raises(Refused, match="does not continue one of 0"):
        go_verifier.verify(folder, olds=[empty], **KEYS)


def test_go_lists_the_witnesses_that_it_knows_only(go_verifier, folder):
    found = go_verifier.verify(folder, key=LOG.vkey, cosigners=[RETAILER.vkey])
    assert [seen["name"] for seen in found["cosigned"]] == [RETAILER.name]
    assert go_verifier.verify(folder, key=LOG.vkey)["cosigned"] == []


def test_the_tiles_are_those_that_go_counts(log):
    paths = {tile.path for tile in (*tiles.tiles_of(SIZE), *tiles.bundles_of(SIZE))}
    assert set(log.files) == paths | {"checkpoint"}
