"""Merkle trees: roots, edges and proofs."""

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.log import merkle
from foodtrace.trace.log.merkle import ProofError

# The leaves and roots of RFC 6962 that Certificate Transparency is tested with everywhere.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

SMALL = 36
LEAVES = [merkle.leaf_hash(b"entry %d" % n) for n in range(SMALL)]
ROOT_OF_SIZE = [merkle.tree_root(LEAVES[:size]) for size in range(SMALL + 1)]

hashes = st.binary(min_size=32, max_size=32)


def hash_at(level, index):
    assert (index + 1) << level <= SMALL
    return merkle.tree_root(LEAVES[index << level : (index + 1) << level])


def within(size):
    """A `HashAt` that fails for what a tree of this size does not have."""

    def hash_within(level, index):
        assert (index + 1) << level <= size
        return hash_at(level, index)

    return hash_within


def every_head():
    return [(old, new) for new in range(1, SMALL + 1) for old in range(1, new + 1)]


def flipped(hash_, bit):
    data = bytearray(hash_)
    data[bit // 8] ^= 1 << bit % 8
    return bytes(data)


def test_it_works():
    leaves = [merkle.leaf_hash(entry) for entry in (b"a", b"b", b"c")]
    root = merkle.root_of(merkle.extended(0, (), leaves))
    assert root == merkle.tree_root(leaves)

    def hash_at(level, index):
        return merkle.tree_root(leaves[index << level : (index + 1) << level])

    proof = merkle.inclusion_proof(1, 3, hash_at)
    merkle.verify_inclusion(leaves[1], 1, 3, proof, root)
    proof = merkle.consistency_proof(2, 3, hash_at)
    merkle.verify_consistency(2, merkle.tree_root(leaves[:2]), 3, root, proof)


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size):
    leaves = [merkle.leaf_hash(entry) for entry in ENTRIES[:size]]
    assert merkle.tree_root(leaves).hex() == ROOTS[size]
    assert merkle.root_of(merkle.extended(0, (), leaves)).hex() == ROOTS[size]


def test_an_empty_tree_has_the_root_of_no_bytes():
    assert merkle.EMPTY_ROOT == merkle.root_of(()) == merkle.tree_root([])


def test_every_inclusion_proof_up_to_36_leaves_verifies():
    for size in range(1, SMALL + 1):
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, within(size))
            merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOT_OF_SIZE[size])


def test_every_consistency_proof_up_to_36_leaves_verifies():
    for old, new in every_head():
        proof = merkle.consistency_proof(old, new, within(new))
        merkle.verify_consistency(old, ROOT_OF_SIZE[old], new, ROOT_OF_SIZE[new], proof)


def test_a_proof_of_a_leaf_proves_no_other_place_and_no_other_size():
    size, index = 21, 13
    proof = merkle.inclusion_proof(index, size, hash_at)
    for other in [*range(index), *range(index + 1, SMALL + 2)]:
        with pytest.raises(ProofError):
            merkle.verify_inclusion(LEAVES[index], other, size, proof, ROOT_OF_SIZE[size])
    for other in range(size):
        with pytest.raises(ProofError):
            merkle.verify_inclusion(LEAVES[index], index, other, proof, ROOT_OF_SIZE[other])


def test_a_proof_with_a_hash_more_or_less_is_refused():
    for old, new in every_head():
        proof = merkle.consistency_proof(old, new, hash_at)
        heads = old, ROOT_OF_SIZE[old], new, ROOT_OF_SIZE[new]
        for wrong in ([*proof, bytes(32)], [bytes(32), *proof], *([proof[:-1]] if proof else [])):
            with pytest.raises(ProofError):
                merkle.verify_consistency(*heads, wrong)
        path = merkle.inclusion_proof(old - 1, new, hash_at)
        leaf = LEAVES[old - 1], old - 1, new
        for wrong in ([*path, bytes(32)], [bytes(32), *path], *([path[:-1]] if path else [])):
            with pytest.raises(ProofError):
                merkle.verify_inclusion(*leaf, wrong, ROOT_OF_SIZE[new])


def test_a_proof_says_whether_it_is_too_long_or_too_short():
    path = merkle.inclusion_proof(2, 7, hash_at)
    proof = merkle.consistency_proof(3, 7, hash_at)
    heads = 3, ROOT_OF_SIZE[3], 7, ROOT_OF_SIZE[7]
    with pytest.raises(ProofError, match="too few hashes"):
        merkle.verify_inclusion(LEAVES[2], 2, 7, path[:-1], ROOT_OF_SIZE[7])
    with pytest.raises(ProofError, match="too many hashes"):
        merkle.verify_inclusion(LEAVES[2], 2, 7, [*path, bytes(32)], ROOT_OF_SIZE[7])
    with pytest.raises(ProofError, match="too few hashes"):
        merkle.verify_consistency(*heads, proof[:-1])
    with pytest.raises(ProofError, match="too many hashes"):
        merkle.verify_consistency(*heads, [*proof, bytes(32)])


@given(st.data())
@settings(max_examples=60)
def test_a_flipped_bit_is_refused_wherever_it_is_in_a_proof_of_inclusion(data):
    size = data.draw(st.integers(1, SMALL))
    index = data.draw(st.integers(0, size - 1))
    parts = [
        LEAVES[index],
        ROOT_OF_SIZE[size],
        *merkle.inclusion_proof(index, size, hash_at),
    ]
    where = data.draw(st.integers(0, len(parts) - 1))
    parts[where] = flipped(parts[where], data.draw(st.integers(0, 255)))
    with pytest.raises(ProofError):
        merkle.verify_inclusion(parts[0], index, size, parts[2:], parts[1])


@given(st.data())
@settings(max_examples=60)
def test_a_flipped_bit_is_refused_wherever_it_is_in_a_proof_of_consistency(data):
    new = data.draw(st.integers(2, SMALL))
    old = data.draw(st.integers(1, new - 1))
    parts = [ROOT_OF_SIZE[old], ROOT_OF_SIZE[new], *merkle.consistency_proof(old, new, hash_at)]
    where = data.draw(st.integers(0, len(parts) - 1))
    parts[where] = flipped(parts[where], data.draw(st.integers(0, 255)))
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, parts[0], new, parts[1], parts[2:])


@given(st.lists(hashes, max_size=70), st.data())
@settings(max_examples=60)
def test_an_edge_extended_in_any_batches_leads_to_the_root_by_definition(leaves, data):
    edge, size = (), 0
    while size < len(leaves):
        batch = leaves[size : size + data.draw(st.integers(1, 40))]
        edge, size = merkle.extended(size, edge, batch), size + len(batch)
    assert len(edge) == len(leaves).bit_count()
    assert merkle.root_of(edge) == merkle.tree_root(leaves)


@pytest.mark.parametrize("size", range(SMALL + 1))
def test_the_edge_of_a_stored_tree_is_that_of_its_leaves(size):
    assert merkle.edge_at(size, within(size)) == merkle.extended(0, (), LEAVES[:size])


def test_an_edge_of_another_size_is_refused():
    with pytest.raises(ValueError, match="an edge of 1 hashes is not that of 3 leaves"):
        merkle.extended(3, (bytes(32),), LEAVES)
    with pytest.raises(ValueError, match="not that of -1 leaves"):
        merkle.extended(-1, (bytes(32),), LEAVES)


def test_a_flipped_bit_of_one_leaf_is_seen_by_the_second_path():
    """What DigiCert's Yeti log signed in 2021: a leaf hash that had lost a bit in memory."""
    damaged = [*LEAVES[:20], flipped(LEAVES[20], 77), *LEAVES[21:]]
    assert merkle.root_of(merkle.extended(0, (), damaged)) != merkle.tree_root(LEAVES)


def test_the_two_paths_to_a_root_share_no_code(monkeypatch):
    """Whatever breaks our node hash, the root by definition stays what it is."""
    root = merkle.tree_root(LEAVES)
    monkeypatch.setattr(merkle, "node_hash", lambda left, right: bytes(32))
    monkeypatch.setattr(merkle, "EMPTY_ROOT", bytes(32))
    assert merkle.tree_root(LEAVES) == root
    assert merkle.tree_root([]).hex() == ROOTS[0]
    assert merkle.root_of(merkle.extended(0, (), LEAVES)) == bytes(32)
    ours = {name for name, _ in inspect.getmembers(merkle, inspect.isfunction)}
    assert not ours & set(merkle.tree_root.__code__.co_names)


def test_there_is_no_proof_of_a_leaf_that_is_not_there():
    for index, size in ((0, 0), (3, 3), (-1, 3)):
        with pytest.raises(ValueError, match="has no leaf"):
            merkle.inclusion_proof(index, size, hash_at)
        with pytest.raises(ProofError, match="has no leaf"):
            merkle.verify_inclusion(LEAVES[0], index, size, [], LEAVES[0])


def test_size_0_is_never_accepted_as_an_old_head():
    with pytest.raises(ValueError, match="no proof leads from 0"):
        merkle.consistency_proof(0, 5, hash_at)
    for new, root in ((0, merkle.EMPTY_ROOT), (5, ROOT_OF_SIZE[5])):
        with pytest.raises(ProofError, match="no proof leads from 0"):
            merkle.verify_consistency(0, merkle.EMPTY_ROOT, new, root, [])


def test_a_smaller_tree_continues_no_larger_one():
    with pytest.raises(ValueError, match="no proof leads from 5 to 4"):
        merkle.consistency_proof(5, 4, hash_at)
    with pytest.raises(ProofError, match="no proof leads from 5 to 4"):
        merkle.verify_consistency(5, ROOT_OF_SIZE[5], 4, ROOT_OF_SIZE[4], [])


def test_two_roots_of_one_size_are_two_histories():
    merkle.verify_consistency(5, ROOT_OF_SIZE[5], 5, ROOT_OF_SIZE[5], [])
    with pytest.raises(ProofError, match="different roots"):
        merkle.verify_consistency(5, ROOT_OF_SIZE[5], 5, ROOT_OF_SIZE[6], [])


def test_a_hash_of_another_length_is_refused():
    proof = merkle.inclusion_proof(2, 5, hash_at)
    with pytest.raises(ProofError, match="a hash has 32 bytes, not 31"):
        merkle.verify_inclusion(LEAVES[2], 2, 5, [proof[0][1:], *proof[1:]], ROOT_OF_SIZE[5])


def test_a_path_has_at_most_as_many_hashes_as_the_tree_has_levels():
    for size in range(1, SMALL + 1):
        longest = max(len(merkle.inclusion_proof(n, size, hash_at)) for n in range(size))
        assert longest == (size - 1).bit_length()
