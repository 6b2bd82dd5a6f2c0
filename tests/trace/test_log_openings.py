"""Openings as JSON: read back as they were written, and nothing else is taken for one."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.log.leaves import Field, LeafError, commit, open_fields
from foodtrace.trace.log.openings import dump_opening, load_opening

SECRET = bytes(range(32))
FIELDS = [Field("kind", "key"), Field("n", "7"), Field("/name", '"包装车间"')]


def dumped(shown=(0, 2)):
    return json.loads(
        json.dumps(dump_opening(1_795_000_000_000, open_fields(SECRET, FIELDS, shown)))
    )


def test_it_works():
    leaf, opening = load_opening(dumped())
    assert leaf.time == 1_795_000_000_000
    assert leaf.commitment == commit(SECRET, FIELDS)
    assert opening.fields == (FIELDS[0], FIELDS[2])
    assert "7" not in [part.get("value") for part in dumped()["fields"]]


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=20)), max_size=6),
    st.sets(st.integers(0, 5)),
)
def test_what_is_written_is_read_back(pairs, shown):
    fields = [Field(*pair) for pair in pairs if all(text.isprintable() for text in pair)]
    opening = open_fields(SECRET, fields, shown)
    leaf, found = load_opening(json.loads(json.dumps(dump_opening(5, opening))))
    assert found == opening
    assert leaf.commitment == commit(SECRET, fields)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("time",), None),
        (("time",), -1),
        (("time",), 2**63),
        (("time",), True),
        (("time",), 1.5),
        (("salt",), ""),
        (("salt",), "AAAA"),
        (("salt",), "AAAAAAAAAAAAAAAAAAAAAB=="),  # not the one spelling of its bytes
        (("salt",), 5),
        (("fields",), None),
        (("fields",), "kind"),
        (("fields", 0), "kind"),
        (("fields", 0), {}),
        (("fields", 0, "name"), 5),
        (("fields", 0, "value"), None),
        (("fields", 0, "value"), "\ud800"),
        (("fields", 0, "salt"), "AAAA"),
        (("fields", 1, "digest"), "AAAA"),
    ],
)
def test_what_is_no_opening_is_refused(place, value):
    values = copy.deepcopy(dumped())
    *way, last = place
    at = values
    for step in way:
        at = at[step]
    at[last] = value
    with pytest.raises(LeafError):
        load_opening(values)


@pytest.mark.parametrize("values", [None, [], "{}", 5])
def test_what_is_no_object_is_refused(values):
    with pytest.raises(LeafError):
        load_opening(values)


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [(0, "value", "event"), (0, "name", "Kind"), (2, "value", '"x"')],
)
def test_another_value_gives_another_commitment(place, name, value):
    values = dumped()
    values["fields"][place][name] = value
    assert load_opening(values)[0].commitment != commit(SECRET, FIELDS)
