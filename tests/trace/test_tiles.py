"""Tiles and bundles: paths, counts, hashes."""

from foodtrace.trace.log import merkle, tiles
from foodtrace.trace.log.tiles import Tile


def test_it_works():
    assert tiles.tile_path(0, 1234067, 12) == "tile/0/x001/x234/067.p/12"
    assert tiles.parse_tile_path("tile/0/x001/x234/067.p/12") == Tile(0, 1234067, 12)
    leaves = [merkle.leaf_hash(bytes([n])) for n in range(100)]
    hash_at = tiles.TileHashes(lambda tile: b"".join(leaves), 100)
    proof = merkle.inclusion_proof(77, 100, hash_at)
    merkle.verify_inclusion(leaves[77], 77, 100, proof, merkle.tree_root(leaves))
    assert tiles.unpack_bundle(tiles.pack_bundle([b"one", b""])) == [b"one", b""]
