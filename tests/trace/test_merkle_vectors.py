"""The proofs of transparency-dev/merkle, most of them wrong on purpose."""

import base64
import json
from pathlib import Path

import metamorphic_log
import pytest

from foodtrace.trace.log import merkle

FOLDER = Path(__file__).parents[1] / "data" / "merkle"
FILES = sorted(FOLDER.rglob("*.json"))

# An empty tree proves nothing about the tree after it: refused, as their files say too.
FROM_EMPTY = {
    "1/size1-sub-@1.json",
    "3/size1-XOR-@2.json",
    "additional/consistency-check-on-empty-tree-size1-is-zero-is-useless.json",
    "additional/roots-do-not-match-and-sizes-are-zero.json",
    "additional/size1-is-zero-and-does-not-equal-size2.json",
    "additional/size1-is-zero-and-size2-is-not-zero.json",
    "additional/sizes-are-equal-zero-and-proof-is-empty.json",
    "additional/sizes-are-equal-zero-but-roots-are-not.json",
    "additional/sizes-match-but-proof-is-not-empty-and-sizes-are-zero.json",
}


def read(path):
    """The case of a file, its hashes as bytes."""
    case = json.loads(path.read_text())
    for name in case.keys() & {"leafHash", "root", "root1", "root2"}:
        case[name] = base64.b64decode(case[name] or "")
    case["proof"] = [base64.b64decode(hash_) for hash_ in case["proof"] or []]
    return case


def judge(case):
    """Whether our verifier takes the proof of a file."""
    proof = case["proof"]
    try:
        if "leafHash" in case:
            leaf, index, size = case["leafHash"], case["leafIdx"], case["treeSize"]
            merkle.verify_inclusion(leaf, index, size, proof, case["root"])
        else:
            old, new = (case["size1"], case["root1"]), (case["size2"], case["root2"])
            merkle.verify_consistency(*old, *new, proof)
    except merkle.ProofError:
        return False
    return True


def judge_by_another(case):
    """Whether metamorphic-log takes it."""
    proof = case["proof"]
    try:
        if "leafHash" in case:
            leaf, index, size = case["leafHash"], case["leafIdx"], case["treeSize"]
            metamorphic_log.verify_inclusion(index, size, leaf, proof, case["root"])
        else:
            sizes = case["size1"], case["size2"]
            metamorphic_log.verify_consistency(*sizes, proof, case["root1"], case["root2"])
    except metamorphic_log.VerifyError:
        return False
    return True


def test_every_file_is_there():
    assert len(list((FOLDER / "inclusion").rglob("*.json"))) == 98
    assert len(list((FOLDER / "consistency").rglob("*.json"))) == 98


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_proof_is_judged_as_its_file_says(path):
    case = read(path)
    assert judge(case) is not case["wantErr"]


def test_our_rule_on_empty_trees_is_that_of_the_files():
    """No file differs: size 0 is not taken as an old head by us, and by none of them."""
    folder = FOLDER / "consistency"
    cases = {str(path.relative_to(folder)): read(path) for path in folder.rglob("*.json")}
    from_empty = {name for name, case in cases.items() if case["size1"] == 0}
    assert from_empty == FROM_EMPTY
    assert not any(judge(cases[name]) for name in from_empty)


def test_another_program_judges_the_files_alike():
    """metamorphic-log differs in one file: its roots have 12 bytes, and are equal."""
    differing = [path for path in FILES if judge(read(path)) is not judge_by_another(read(path))]
    assert [path.name for path in differing] == ["sizes-are-equal-one-and-proof-is-empty.json"]
