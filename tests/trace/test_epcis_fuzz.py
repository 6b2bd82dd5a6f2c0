"""Whatever bytes come: the reader reads them or refuses them, and never does anything else."""

import copy
import json
import random
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.epcis.reader import read_document, read_event
from foodtrace.trace.errors import Invalid, TooLarge

from .acts import make
from .test_master_data import described, element, vocabulary

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CAPTURE = Path(__file__).parents[1] / "data/epcis/Capture"
TEXTS = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda values: st.lists(values) | st.dictionaries(TEXTS, values),
    max_leaves=10,
)


def check_read_or_refused(body):
    for function in (read_event, read_document, partial(read_document, proceed=True)):
        try:
            document = function(body, now=NOW)
        except (Invalid, TooLarge) as error:
            problems = error.problems
        else:
            problems = None
            for part in (*document.events, *filter(None, [document.master_data])):
                assert json.loads(body[part.start : part.start + part.length])
            for refused in document.refused:
                assert 0 < len(refused.problems) <= 20
        if problems is not None:
            assert 0 < len(problems) <= 20
            # What is told must itself be text that can be sent.
            assert all(f"{problem.place} {problem.text}".encode() for problem in problems)


@given(st.binary() | st.text().map(str.encode) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(body):
    check_read_or_refused(body)


DESCRIBED = described(
    vocabulary(element(name="绿源农场", size={"m2": 1.5}, children=["urn:uuid:1"])),
    vocabulary(element("urn:x:y", a=1, b=True), kind="urn:x:z"),
    events=[make(1, {"A": 1})],
)
FILES = [*CAPTURE.glob("*/*.json"), *(CAPTURE.parent / "Query").glob("*.json")]
BODIES = [*(path.read_bytes() for path in sorted(FILES)), *[DESCRIBED] * 10]
PIECES = [b"[", b"]", b"{", b"}", b'"', b",", b":", b"null", b"1e9", b"-1", b"\\u0000", b"\xff"]


@given(st.sampled_from(BODIES), st.randoms(use_true_random=False))
def test_published_documents_with_wrong_bytes_are_read_or_refused(body, chance: random.Random):
    changed = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed))
        changed[at : at + chance.randint(0, 8)] = chance.choice(PIECES)
    check_read_or_refused(bytes(changed))


VALUES = [None, True, 0, -1, 10**15, 0.5, "", "x", "a:b", "urn:epc:id:sgtin:1", [], {}, [[]], [1]]


def parts_of(value):
    """Every container inside, so that a test can break one."""
    found = [value] if isinstance(value, dict | list) and value else []
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, dict | list):
            found += parts_of(child)
    return found


@given(st.sampled_from(BODIES), st.randoms(use_true_random=False))
def test_published_documents_with_wrong_values_are_read_or_refused(body, chance: random.Random):
    document = json.loads(body)
    for _ in range(chance.randint(1, 3)):
        part = chance.choice(parts_of(document))
        place = chance.choice(list(part) if isinstance(part, dict) else range(len(part)))
        if chance.random() < 0.3:
            del part[place]
        else:
            part[place] = copy.deepcopy(chance.choice(VALUES))
        if not document:
            break
    check_read_or_refused(json.dumps(document).encode())
