"""Merkle trees: roots, edges and proofs."""

from foodtrace.trace.log import merkle


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
