"""Merkle trees over SHA-256 and the proofs of them (RFC 6962 section 2.1, RFC 9162 section 2.1).

A tree is known by its size and its *edge*: the roots of the perfect subtrees it consists of.
Everything here is pure; where hashes of a stored tree are needed, they come through a `HashAt`.
"""

import hashlib
from collections.abc import Callable, Sequence

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

# The roots of the perfect subtrees of a tree, the largest (leftmost) first: one per set bit of
# its size. The edge of a tree of 6 leaves holds the root of 4 leaves and that of 2.
Edge = tuple[bytes, ...]

# (level, index) -> the root of the leaves [index * 2**level, (index + 1) * 2**level).
HashAt = Callable[[int, int], bytes]


class ProofError(ValueError):
    """The proof does not show what it is said to show."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf that holds these bytes; its prefix tells it from that of a node."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node over two hashes of 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def extended(size: int, edge: Edge, leaf_hashes: Sequence[bytes]) -> Edge:
    """The edge of the tree of `size` leaves with more leaves after them.

    Raises ValueError where the edge is not that of a tree of `size` leaves.
    """
    if size < 0 or len(edge) != size.bit_count():
        raise ValueError(f"an edge of {len(edge)} hashes is not that of {size} leaves")
    roots = list(edge)
    for hash_ in leaf_hashes:
        carry = size
        while carry & 1:
            hash_ = node_hash(roots.pop(), hash_)
            carry >>= 1
        roots.append(hash_)
        size += 1
    return tuple(roots)


def root_of(edge: Edge) -> bytes:
    """The root of the tree that has this edge."""
    if not edge:
        return EMPTY_ROOT
    root = edge[-1]
    for left in reversed(edge[:-1]):
        root = node_hash(left, root)
    return root


def tree_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over these leaves, by the recursive definition of RFC 6962 2.1.

    It is the second opinion on `extended` and `root_of` before a root is signed, and so shares
    no code with them, not even `node_hash`.
    """

    def of(start: int, end: int) -> bytes:
        if end - start == 1:
            return leaf_hashes[start]
        half = 1
        while half * 2 < end - start:
            half *= 2
        middle = start + half
        return hashlib.sha256(b"".join((b"\x01", of(start, middle), of(middle, end)))).digest()

    if not leaf_hashes:
        return hashlib.sha256().digest()
    return of(0, len(leaf_hashes))


def edge_at(size: int, hash_at: HashAt) -> Edge:
    """The edge of a stored tree when it had `size` leaves."""
    return tuple(_perfect_roots(0, size, hash_at))


def inclusion_proof(index: int, size: int, hash_at: HashAt) -> list[bytes]:
    """The path of the leaf `index` to the root of the tree of `size` leaves, from the leaf upwards.

    Raises ValueError where the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, hash_at))
            end = middle
        else:
            path.append(_range_root(start, middle, hash_at))
            start = middle
    path.reverse()
    return path


def consistency_proof(old_size: int, new_size: int, hash_at: HashAt) -> list[bytes]:
    """The nodes that show that the tree of `new_size` leaves begins with that of `old_size`.

    Raises ValueError where the sizes are not 0 < old <= new: an empty tree begins every tree.
    """
    if not 0 < old_size <= new_size:
        raise ValueError(f"no proof leads from {old_size} to {new_size} leaves")
    path = []
    start, end = 0, new_size
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(_range_root(middle, end, hash_at))
            end = middle
        else:
            path.append(_range_root(start, middle, hash_at))
            start = middle
    # The verifier holds the old root already where the old tree is one perfect subtree.
    if start > 0:
        path.append(_range_root(start, end, hash_at))
    path.reverse()
    return path


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the leaf `index` of the tree with this root has this hash (RFC 9162 2.1.3.2).

    Raises ProofError.
    """
    if not 0 <= index < size:
        raise ProofError(f"a tree of {size} leaves has no leaf {index}")
    _require_hashes(leaf_hash, root, *proof)
    node, last = index, size - 1
    hash_ = leaf_hash
    for sibling in proof:
        if last == 0:
            raise ProofError(f"the proof of leaf {index} of {size} has too many hashes")
        if node & 1 or node == last:
            hash_ = node_hash(sibling, hash_)
            node, last = _without_lone_levels(node, last)
        else:
            hash_ = node_hash(hash_, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofError(f"the proof of leaf {index} of {size} has too few hashes")
    if hash_ != root:
        raise ProofError(
            f"the proof of leaf {index} leads to another root than that of {size} leaves"
        )


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the new tree begins with the whole old one (RFC 9162 2.1.4.2).

    Raises ProofError. Size 0 is never accepted as an old tree: it would prove nothing.
    """
    if not 0 < old_size <= new_size:
        raise ProofError(f"no proof leads from {old_size} to {new_size} leaves")
    if old_size == new_size:
        if proof or old_root != new_root:
            raise ProofError(f"two trees of {new_size} leaves have different roots, or a proof")
        return
    _require_hashes(old_root, new_root, *proof)
    # A perfect old tree is itself a node of the new one, and not repeated in the proof.
    hashes = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not hashes:
        raise ProofError(f"the proof from {old_size} to {new_size} leaves is empty")
    node, last = old_size - 1, new_size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old, new = hashes[0], hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofError(f"the proof from {old_size} to {new_size} leaves has too many hashes")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            node, last = _without_lone_levels(node, last)
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    _require_both_roots(old == old_root, new == new_root, last == 0, old_size, new_size)


def _require_both_roots(
    is_old: bool, is_new: bool, is_whole: bool, old_size: int, new_size: int
) -> None:
    if not is_whole:
        raise ProofError(f"the proof from {old_size} to {new_size} leaves has too few hashes")
    if not is_old:
        raise ProofError(f"the proof does not lead to the old root, of {old_size} leaves")
    if not is_new:
        raise ProofError(f"the proof does not lead to the new root, of {new_size} leaves")


def _without_lone_levels(node: int, last: int) -> tuple[int, int]:
    """Skip the levels on which the last node has no sibling, and so moves up unchanged."""
    while node & 1 == 0 and node != 0:
        node, last = node >> 1, last >> 1
    return node, last


def _require_hashes(*hashes: bytes) -> None:
    for hash_ in hashes:
        if len(hash_) != HASH_SIZE:
            raise ProofError(f"a hash has {HASH_SIZE} bytes, not {len(hash_)}")


def _split(count: int) -> int:
    """The largest power of two below `count` (RFC 6962's k), for 2 leaves and more."""
    return 1 << ((count - 1).bit_length() - 1)


def _perfect_roots(start: int, end: int, hash_at: HashAt) -> list[bytes]:
    """The roots of the perfect subtrees of a range that starts where a subtree of its size does."""
    roots = []
    while start < end:
        level = (end - start).bit_length() - 1
        roots.append(hash_at(level, start >> level))
        start += 1 << level
    return roots


def _range_root(start: int, end: int, hash_at: HashAt) -> bytes:
    return root_of(tuple(_perfect_roots(start, end, hash_at)))
