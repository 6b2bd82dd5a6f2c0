"""Tiles and bundles: paths, counts, hashes."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.log import merkle, tiles
from foodtrace.trace.log.tiles import ENTRIES, Tile, TileHashes

levels = st.one_of(st.integers(0, 63), st.just(ENTRIES))
any_tile = st.builds(Tile, levels, st.integers(0, 2**55 - 1), st.integers(1, 256))

HOSTILE = [
    "",
    "tile/0",
    "tile/0/",
    "tile/0/1",
    "tile/0/0001",
    "tile/0/x000/001",
    "tile/0/x001",
    "tile/0/x001/67",
    "tile/0/001/067",
    "tile/00/001",
    "tile/64/001",
    "tile/-1/001",
    "tile/8/0/001",
    "tile/0/001/",
    "tile/0/001\n",
    "tile/0/001.p/0",
    "tile/0/001.p/01",
    "tile/0/001.p/256",
    "tile/0/001.p/999",
    "tile/0/001.p",
    "tile/0/001.p/12/3",
    "tile/0/../../checkpoint",
    "tile/0/x../001",
    "tile/0/%30%30%31",
    "/tile/0/001",
    "tile//0/001",
    "TILE/0/001",
    "tile/entries",
    "tile/entries/001.p/-1",
    "tile/data/001",
    "tile/0/٠٠١",
    "tile/0/00①",
    "tile/0/" + "x999/" * 6 + "999",
    "tile/0/" + "x001/" * 10_000 + "001",
    "tile/0/001\x00",
]


def tree(size):
    """The leaves of a tree, and a reader of its tiles that holds to what is published."""
    leaves = [merkle.leaf_hash(n.to_bytes(4, "big")) for n in range(size)]
    published = {}
    stored = leaves
    level = 0
    while stored:
        for n in range(0, len(stored), 256):
            part = stored[n : n + 256]
            published[Tile(level, n // 256, len(part))] = b"".join(part)
        whole = range(0, len(stored) - 255, 256)
        stored = [merkle.tree_root(stored[n : n + 256]) for n in whole]
        level += 1
    return leaves, published


def test_it_works():
    assert tiles.tile_path(0, 1234067, 12) == "tile/0/x001/x234/067.p/12"
    assert tiles.parse_tile_path("tile/0/x001/x234/067.p/12") == Tile(0, 1234067, 12)
    leaves = [merkle.leaf_hash(bytes([n])) for n in range(100)]
    hash_at = tiles.TileHashes(lambda tile: b"".join(leaves), 100)
    proof = merkle.inclusion_proof(77, 100, hash_at)
    merkle.verify_inclusion(leaves[77], 77, 100, proof, merkle.tree_root(leaves))
    assert tiles.unpack_bundle(tiles.pack_bundle([b"one", b""])) == [b"one", b""]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(2, 999, 1), "tile/2/999.p/1"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile(63, 273, 255), "tile/63/273.p/255"),
        (Tile(ENTRIES, 1234067), "tile/entries/x001/x234/067"),
        (Tile(ENTRIES, 0, 112), "tile/entries/000.p/112"),
    ],
)
def test_a_tile_has_the_path_of_the_standard(tile, path):
    assert tile.path == path
    assert tiles.parse_tile_path(path) == tile


@given(any_tile)
@settings(max_examples=60)
def test_a_path_leads_back_to_its_tile(tile):
    assert tiles.parse_tile_path(tile.path) == tile


@given(st.text(alphabet="tile/0123456789xp.entries", max_size=40))
@settings(max_examples=60)
def test_a_tile_has_one_path_only(text):
    try:
        tile = tiles.parse_tile_path("tile/" + text)
    except ValueError:
        return
    assert tile.path == "tile/" + text


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_path_is_refused(path):
    with pytest.raises(ValueError, match="tile"):
        tiles.parse_tile_path(path)


@pytest.mark.parametrize("tile", [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_there_is_no_path_of_what_is_no_tile(tile):
    with pytest.raises(ValueError, match="no tile"):
        tiles.tile_path(*tile)


def test_70000_leaves_have_the_tiles_that_the_standard_counts():
    found = Counter((tile.level, tile.width) for tile in tiles.tiles_of(70_000))
    assert found == {(0, 256): 273, (0, 112): 1, (1, 256): 1, (1, 17): 1, (2, 1): 1}
    bundles = list(tiles.bundles_of(70_000))
    assert bundles == [*(Tile(ENTRIES, n) for n in range(273)), Tile(ENTRIES, 273, 112)]


def test_256_leaves_have_the_tiles_that_the_standard_counts():
    assert list(tiles.tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles.bundles_of(256)) == [Tile(ENTRIES, 0)]


def test_an_empty_tree_has_no_tiles():
    assert list(tiles.tiles_of(0)) == list(tiles.bundles_of(0)) == []


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000])
@pytest.mark.parametrize("step", [0, 1, 3, 255, 256, 257, 65_536])
def test_a_growing_tree_adds_what_it_did_not_have(size, step):
    since = max(size - step, 0)
    had, has = set(tiles.tiles_of(since)), list(tiles.tiles_of(size))
    assert list(tiles.tiles_of(size, since)) == [tile for tile in has if tile not in had]
    had, has = set(tiles.bundles_of(since)), list(tiles.bundles_of(size))
    assert list(tiles.bundles_of(size, since)) == [tile for tile in has if tile not in had]


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, 700, 66_000])
def test_proofs_come_from_exactly_the_published_tiles(size):
    leaves, published = tree(size)
    assert set(published) == set(tiles.tiles_of(size))
    root = merkle.tree_root(leaves)
    hash_at = TileHashes(published.__getitem__, size)
    assert merkle.root_of(merkle.edge_at(size, hash_at)) == root
    for index in {0, 1, size // 2, size - 1} & set(range(size)):
        proof = merkle.inclusion_proof(index, size, hash_at)
        merkle.verify_inclusion(leaves[index], index, size, proof, root)
    for old in {1, 255, 256, 257, size // 2, size - 1} & set(range(1, size)):
        proof = merkle.consistency_proof(old, size, hash_at)
        merkle.verify_consistency(old, merkle.tree_root(leaves[:old]), size, root, proof)


def test_a_tile_is_read_once():
    _, published = tree(700)
    reads = []

    def read(tile):
        reads.append(tile)
        return published[tile]

    hash_at = TileHashes(read, 700)
    for index in range(700):
        merkle.inclusion_proof(index, 700, hash_at)
    assert sorted(reads) == sorted(tiles.tiles_of(700))


@pytest.mark.parametrize("node", [(0, 300), (8, 1), (9, 0), (-1, 0), (0, -1)])
def test_a_tree_has_no_hashes_beyond_its_size(node):
    _, published = tree(300)
    with pytest.raises(ValueError, match="have no node"):
        TileHashes(published.__getitem__, 300)(*node)


@pytest.mark.parametrize("data", [b"", bytes(32 * 299), bytes(32 * 44 - 1), bytes(32 * 44 + 32)])
def test_a_tile_of_another_length_is_refused(data):
    with pytest.raises(ValueError, match="a tile of 44 hashes has 1408 bytes"):
        TileHashes(lambda tile: data, 300)(0, 299)


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
@settings(max_examples=40)
def test_a_bundle_holds_its_entries(entries):
    assert tiles.unpack_bundle(tiles.pack_bundle(entries)) == entries


def test_an_entry_has_at_most_65535_bytes():
    longest = bytes(65_535)
    assert tiles.unpack_bundle(tiles.pack_bundle([longest])) == [longest]
    with pytest.raises(ValueError, match="at most 65535 bytes, not 65536"):
        tiles.pack_bundle([bytes(65_536)])


@pytest.mark.parametrize("bundle", [b"\x00", b"\x00\x02a", b"\x00\x01a\x00", b"\xff\xff"])
def test_a_bundle_that_ends_early_is_refused(bundle):
    with pytest.raises(ValueError, match="ends in the middle"):
        tiles.unpack_bundle(bundle)


@pytest.mark.parametrize("bundle", [b"", b"\x00\x00" * 257])
def test_a_bundle_of_no_or_too_many_entries_is_refused(bundle):
    with pytest.raises(ValueError, match="a bundle holds 1 to 256 entries"):
        tiles.unpack_bundle(bundle)
