"""Logs for tests, written as public files by the pure code alone."""

from collections.abc import Mapping
from typing import NamedTuple

from foodtrace.trace.log import checkpoints, merkle, notes, proofs, tiles
from foodtrace.trace.log.checkpoints import Checkpoint
from foodtrace.trace.log.notes import Signer

LOG = Signer("log.example/2026", bytes(range(32)))
REGULATOR = Signer("regulator.example", bytes(range(32, 64)), notes.COSIGNATURE)
RETAILER = Signer("retailer.example", bytes(range(64, 96)), notes.COSIGNATURE)
TIME = 1_800_000_000


class WrittenLog(NamedTuple):
    """A log as it was written: what its files hold, by path, and what a prover needs."""

    files: dict[str, bytes]
    checkpoint: Checkpoint
    hash_at: merkle.HashAt


def entries_of(count, start=0):
    """So many entries of 41 bytes, as our leaves have."""
    return [b"\x01" + n.to_bytes(8, "big") + n.to_bytes(32, "little") for n in range(start, count)]


def stored_hashes(leaf_hashes):
    """The hashes that tiles hold, level by level: of each level those over 256 of the one below."""
    levels = [leaf_hashes]
    while len(levels[-1]) >= tiles.WIDTH:
        below = levels[-1]
        starts = range(0, len(below) - tiles.WIDTH + 1, tiles.WIDTH)
        levels.append([merkle.tree_root(below[n : n + tiles.WIDTH]) for n in starts])
    return levels


def files_of(entries):
    """The tiles and bundles of a log with these entries, by path."""
    levels = stored_hashes([merkle.leaf_hash(entry) for entry in entries])
    files = {}
    for tile in tiles.tiles_of(len(entries)):
        start = tile.n * tiles.WIDTH
        files[tile.path] = b"".join(levels[tile.level][start : start + tile.width])
    for tile in tiles.bundles_of(len(entries)):
        start = tile.n * tiles.WIDTH
        files[tile.path] = tiles.pack_bundle(entries[start : start + tile.width])
    return files


def write_log(folder, entries, signer=LOG, cosigners=(), time=TIME):
    """Write the public files of a log with these entries into a folder, and return them.

    Its checkpoint is signed by `signer`, and cosigned by each of `cosigners` at `time`.
    """
    files = files_of(entries)

    def read(tile):
        return files[tile.path]

    hash_at = tiles.TileHashes(read, len(entries))
    root = merkle.root_of(merkle.edge_at(len(entries), hash_at))
    checkpoint = Checkpoint(signer.name, len(entries), root)
    files["checkpoint"] = cosigned(checkpoint, signer, cosigners, time)
    write_files(folder, files)
    return WrittenLog(files, checkpoint, hash_at)


def cosigned(checkpoint, signer=LOG, cosigners=(), time=TIME):
    """The note of a checkpoint, signed and cosigned."""
    lines = [checkpoints.cosign(checkpoint, cosigner, time) for cosigner in cosigners]
    return checkpoints.with_lines(checkpoints.sign_checkpoint(checkpoint, signer), lines)


def write_files(folder, files: Mapping[str, bytes]):
    """Write files by their paths under a folder."""
    for path in {(folder / name).parent for name in files}:
        path.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def proof_of(log, index, extra=None):
    """The proof file of one entry of a written log."""
    path = merkle.inclusion_proof(index, log.checkpoint.size, log.hash_at)
    return proofs.format_proof(proofs.TlogProof(index, tuple(path), log.files["checkpoint"], extra))
