"""Events as lines of JSON, read in parts."""

import io
import json
from datetime import UTC, datetime
from functools import partial

import pytest

from foodtrace.trace.epcis import lines
from foodtrace.trace.epcis.lines import is_lines, parts_of, read_part
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.errors import Invalid
from tests.trace import acts

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def event(number, **changes):
    return {"@context": acts.CONTEXT[0], **acts.see(number, ["#1"]), **changes}


def file_of(*events, end="\n"):
    return io.BytesIO("\n".join(json.dumps(each) for each in events).encode() + end.encode())


def read(file):
    return [
        event
        for part in parts_of(file, NOW)
        for event in read_part(part, partial(read_document, now=NOW)).events
    ]


def test_each_line_is_an_event():
    sent = [event(1), event(2)]
    assert [each.event_id for each in read(file_of(*sent))] == [each["eventID"] for each in sent]


def test_the_bytes_of_each_event_stay_as_they_are():
    line = json.dumps(event(1), indent=None).replace(": ", ":   ").encode()
    (part,) = parts_of(io.BytesIO(b"\n" + line + b"  \r\n"), NOW)
    (found,) = read_part(part, partial(read_document, now=NOW)).events
    assert part.body[found.start : found.start + found.length] == line


def test_empty_lines_and_a_missing_end_do_no_harm():
    file = io.BytesIO(b"\n \n" + file_of(event(1), event(2), end="").getvalue())
    assert len(read(file)) == 2


def test_a_long_file_comes_in_parts(monkeypatch):
    monkeypatch.setattr(lines, "MOST_EVENTS", 2)
    parts = list(parts_of(file_of(*map(event, range(5))), NOW))
    assert [part.numbers for part in parts] == [(1, 2), (3, 4), (5,)]


def test_no_part_is_larger_than_a_document_may_be(monkeypatch):
    one = len(json.dumps(event(1))) + 1
    monkeypatch.setattr(lines, "MOST_BYTES", 2 * one + 20)
    parts = list(parts_of(file_of(*map(event, range(5))), NOW))
    assert [part.numbers for part in parts] == [(1, 2), (3, 4), (5,)]


def test_the_same_file_gives_the_same_parts():
    sent = [event(1), event(2)]
    assert list(parts_of(file_of(*sent), NOW)) == list(parts_of(file_of(*sent), NOW))


@pytest.mark.parametrize(
    "line",
    [b"{", b"[1]", b'{"a":1} {"b":2}', b'{"a":1},{"b":2}', b"1", b"\xff", b'{"\xff":1}', b"]}}"],
)
def test_a_line_that_is_no_object_is_named(line):
    file = io.BytesIO(file_of(event(1)).getvalue() + line + b"\n")
    with pytest.raises(Invalid) as refused:
        read(file)
    assert [problem.place for problem in refused.value.problems] == ["line 2"]


def test_a_line_longer_than_any_event_is_refused_without_being_held(monkeypatch):
    monkeypatch.setattr(lines, "MOST_BYTES", 1000)
    with pytest.raises(Invalid, match="The line is no JSON object"):
        read(file_of(event(1, **{"foodtrace:note": "x" * 2000})))


def test_a_broken_rule_names_its_line():
    file = io.BytesIO(b"\n" + file_of(event(1), event(2, action="REMOVE")).getvalue())
    with pytest.raises(Invalid) as refused:
        read(file)
    assert [problem.place for problem in refused.value.problems] == ["line 3/action"]


@pytest.mark.parametrize(
    ("content", "has_lines"),
    [
        (file_of(event(1), event(2)).getvalue(), True),
        (file_of(event(1), {"broken": 1}).getvalue(), True),
        (file_of(event(1)).getvalue(), False),
        (acts.document(acts.see(1, ["#1"])), False),
        (json.dumps(event(1), indent=2).encode(), False),
        (acts.document(acts.see(1, ["#1"])) + b"\n\n", False),
        (b"", False),
        (b"<xml/>\n<xml/>\n", False),
    ],
)
def test_a_document_is_told_from_lines(content, has_lines):
    assert is_lines(io.BytesIO(content)) is has_lines
