"""What events say, as keys and numbers: however it is written, one fact is one key."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.trace.epcis.reader import read_document, read_event
from foodtrace.trace.query.extensions import MOST_FACTS, collect_extensions
from foodtrace.trace.query.fields import facts_of, field_of, key_of
from foodtrace.trace.query.keys import (
    TIMES,
    Collection,
    _key_of,
    field_name,
    number_in,
    thing,
    time_in,
)

CONTEXT = [
    "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
    {"ex": "https://example.com/ns/"},
]
NOW = datetime(2026, 11, 1, tzinfo=UTC)
CORPUS = Path(__file__).parent.parent / "data" / "epcis"


def facts(context=CONTEXT, **members):
    event = {
        "@context": context,
        "type": "ObjectEvent",
        "eventID": "https://example.com/events/1",
        "eventTime": "2026-05-01T08:00:00Z",
        "eventTimeZoneOffset": "+00:00",
        "action": "ADD",
        "epcList": ["urn:epc:id:sgtin:9506000.013435.1"],
        **members,
    }
    return facts_of(read_event(json.dumps(event).encode(), now=NOW).events[0])


def test_it_works():
    assert key_of("bizStep", "packing") in facts(bizStep="packing").keys


def test_a_key_is_a_signed_integer_of_64_bits_and_always_the_same():
    assert key_of("bizStep", "shipping") == -4115546148748570106
    assert field_of("quantity") == key_of("quantity", None) == 2178102194851624154
    keys = [key_of("field", str(number)) for number in range(1000)]
    assert len(set(keys)) == 1000
    assert min(keys) < 0 < max(keys)
    assert all(-(2**63) <= key < 2**63 for key in keys)


def test_a_field_and_its_value_cannot_be_confused_with_others():
    assert key_of("a", "b") != key_of("ab", "") != key_of("ab", None)


@pytest.mark.parametrize(
    "word",
    ["shipping", "cbv:BizStep-shipping", "https://ref.gs1.org/cbv/BizStep-shipping",
     "urn:epcglobal:cbv:bizstep:shipping"],
)  # fmt: skip
def test_a_word_is_one_fact_however_it_is_written(word):
    assert facts(bizStep=word) == facts(bizStep="shipping")


@pytest.mark.parametrize(
    "place",
    ["urn:epc:id:sgln:9506000.00001.0", "https://id.gs1.org/414/9506000000015",
     "https://farm.example.com/414/9506000000015"],
)  # fmt: skip
def test_a_place_is_one_fact_however_it_is_written(place):
    assert key_of("readPoint", "/414/9506000000015") in facts(readPoint={"id": place}).keys


@pytest.mark.parametrize(
    ("context", "name"),
    [({"a": "https://example.com/ns/"}, "a:colour"), ({"a": "https://example.com/ns#"}, "a:colour"),
     ({"a": "https://example.com/ns"}, "a:colour"), ({}, "https://example.com/ns/colour"),
     ({}, "https://example.com/ns#colour")],
)  # fmt: skip
def test_a_name_is_one_field_however_its_namespace_ends(context, name):
    told = facts([CONTEXT[0], context], **{name: "red"})
    assert key_of("https://example.com/ns#colour", "red") in told.keys


def test_names_of_other_namespaces_are_other_fields():
    names = ["https://a.example/ns/x", "https://a.example/ns/y", "https://b.example/ns/x"]
    assert len({field_name(name, {}) for name in names}) == 3


def test_texts_are_not_numbers_unless_they_are_compared():
    colour = "https://example.com/ns#code"
    told = facts(**{"ex:code": "007"})
    assert key_of(colour, "007") in told.keys
    assert key_of(colour, "7") not in told.keys
    assert (field_of(colour), 7.0) in told.numbers


@pytest.mark.parametrize("written", ["12.5", "12.50", "1.25e1"])
def test_a_number_is_one_fact_however_it_is_written(written):
    event = facts(**{"ex:weight": 12.5})
    assert facts(**{"ex:weight": float(written)}) == event
    assert (field_of("https://example.com/ns#weight"), 12.5) in event.numbers


@pytest.mark.parametrize(
    "written",
    ["2026-05-01", "2026-05-01T00:00:00", "2026-05-01T00:00Z", "2026-05-01T08:00:00.000+08:00"],
)
def test_a_time_is_one_instant_however_it_is_written(written):
    field = "https://example.com/ns#packed"
    told = facts(**{"ex:packed": written})
    assert (field_of(field + TIMES), 1777593600.0) in told.numbers
    assert key_of(field, "\0time 1777593600.0") in told.keys


@pytest.mark.parametrize(
    "text", ["2026-13-01", "2026-02-30", "20260501", "2026-05-01T25:00:00Z", "0000-01-01", "1-2"]
)
def test_what_is_no_day_of_the_calendar_is_a_text(text):
    assert time_in(text) is None


@pytest.mark.parametrize("text", ["", "+", "1.", ".5", "1e", "１２", "0x10", "1_000", "NaN", "1,5"])
def test_what_is_no_number_is_a_text(text):
    assert number_in(text) is None


def test_null_says_that_the_field_is_there_and_no_more():
    told = facts(**{"ex:note": None})
    assert key_of("https://example.com/ns#note", None) in told.keys
    assert len(told.keys) == 1


def test_the_value_of_an_object_of_json_ld_or_xml_is_that_of_its_field():
    for value in ({"@value": "red"}, {"@value": "red", "@type": "ex:t"}, {"#text": "red"}):
        assert key_of("https://example.com/ns#colour", "red") in facts(**{"ex:colour": value}).keys


def test_an_inner_field_is_found_at_any_depth_but_not_at_the_top():
    deep = {"ex:a": {"ex:b": [{"ex:c": "x"}, {"ex:c": ["y", {"ex:d": 1}]}]}}
    told = facts(ilmd=deep)
    found = {
        f"{where}{name}"
        for where in ("ILMD_", "INNER_ILMD_", "", "INNER_")
        for name in "abcd"
        if key_of(f"{where}https://example.com/ns#{name}", None) in told.keys
    }
    assert found == {"ILMD_a", "INNER_ILMD_b", "INNER_ILMD_c", "INNER_ILMD_d"}
    assert key_of("INNER_ILMD_https://example.com/ns#c", "y") in told.keys


def test_only_so_much_of_the_extensions_of_one_event_can_be_asked_for():
    told = facts(**{"ex:numbers": list(range(MOST_FACTS + 100))})
    field = "https://example.com/ns#numbers"
    assert len(told.keys) == MOST_FACTS
    assert (field_of(field), 0.0) in told.numbers
    assert (field_of(field), MOST_FACTS + 99.0) not in told.numbers


def test_a_long_text_is_one_fact_and_is_not_kept_in_memory():
    text = "long " * 100_000
    before = _key_of.cache_info().currsize
    told = facts(**{"ex:note": text})
    assert key_of("https://example.com/ns#note", text) in told.keys
    assert key_of("https://example.com/ns#note", text + " ") not in told.keys
    assert _key_of.cache_info().currsize <= before + 2


def test_a_temperature_in_fahrenheit_is_one_in_celsius():
    def reading(value, unit):
        report = {"type": "Temperature", "value": value, "uom": unit}
        return facts(sensorElementList=[{"sensorReport": [report]}])

    assert reading(39.2, "FAH").numbers == reading(4, "CEL").numbers
    assert (field_of("value_CEL"), 4.0) in reading(277.15, "KEL").numbers


def test_a_deviation_is_converted_as_a_difference():
    report = {"type": "Temperature", "value": 50, "sDev": 9, "uom": "FAH"}
    told = facts(sensorElementList=[{"sensorReport": [report]}])
    assert (field_of("sDev_CEL"), 5.0) in told.numbers


def test_a_party_named_by_the_number_of_a_place_is_that_party():
    def sold_by(text):
        return facts(sourceList=[{"type": "owning_party", "source": text}]).keys

    as_place = sold_by("urn:epc:id:sgln:9506000.00001.0")
    as_party = sold_by("urn:epc:id:pgln:9506000.00001")
    assert key_of("source_owning_party", "/417/9506000000015") in as_place & as_party


def test_all_events_of_the_corpus_say_something():
    events = [
        event
        for path in sorted(CORPUS.rglob("*.json"))
        if "invalid" not in str(path).lower()
        for event in events_of(path)
    ]
    assert len(events) > 50
    assert all(facts_of(event).keys for event in events)


def events_of(path):
    body = path.read_bytes()
    if b'"EPCISDocument"' not in body:
        return ()
    return read_document(body, now=NOW).events


SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=30)
VALUES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ex:a", "ex:b", "c", "@value", "#text"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(VALUES)
def test_any_value_of_an_extension_says_at_least_that_it_is_there(value):
    found = Collection()
    collect_extensions(found, "", {"ex:field": value}, CONTEXT[1])
    assert key_of("https://example.com/ns#field", None) in found.keys
    assert all(-(2**63) <= key < 2**63 for key in found.keys)


@given(st.text(max_size=40))
def test_a_text_is_held_in_one_form_that_stays_as_it_is(text):
    assert thing(thing(text)) == thing(text)
