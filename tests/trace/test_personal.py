"""Personal values are taken out at the door: the record holds salted commitments."""

import hashlib
import io
import json
import unicodedata
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.capture.export import each_event
from foodtrace.trace.capture.reading import XML_TYPE, read_capture, read_file
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.capture.services import capture_document, record_event
from foodtrace.trace.capture.waiting import record_waiting
from foodtrace.trace.epcis.context import STANDARD_PREFIXES
from foodtrace.trace.epcis.event_hash import event_hash
from foodtrace.trace.epcis.lines import parts_of, read_part
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.errors import Forbidden, Invalid, NotFound, Unprocessable
from foodtrace.trace.personal.commitments import (
    committed,
    digest_of,
    read_commitment,
    read_salt,
    written,
    written_salt,
)
from foodtrace.trace.personal.erasing import open_values
from foodtrace.trace.personal.keeping import visible_values
from foodtrace.trace.personal.showing import commitments_in, with_values
from foodtrace.trace.personal.taking import taken_out
from foodtrace.trace.query.fields import facts_of
from foodtrace.trace.store.models import Capture, Document, EventKey, Statement

from ..web import settings_of
from .acts import ALBA, BRUNO, CONTEXT, INES, ROSA, document, rows, see, shown
from .persons import NAME, PERSONAL, PHONE, commitments, kept, record_of, send, trip

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def personal_of(store, actor=ALBA):
    """Return what stands in the personal place of the newest event, as the record has it."""
    (line,) = list(each_event(store.reading, actor))[-1:]
    return json.loads(line)[PERSONAL]


def test_it_works(store):
    send(store, trip())
    assert NAME not in record_of(store)
    assert PHONE not in record_of(store)
    place = "/epcisBody/eventList/0/foodtrace:personal"
    assert kept(store) == {f"{place}/foodtrace:driver": NAME, f"{place}/foodtrace:phone": PHONE}
    said = personal_of(store)
    assert [read_commitment(each) for each in said.values()] == commitments(store)


def test_a_commitment_is_the_hash_of_salt_and_value():
    value = committed(PHONE, "/phone")
    assert value.digest == hashlib.sha256(value.salt + PHONE.encode()).digest()
    assert len(value.salt) == 16
    assert read_commitment(value.written) == value.digest
    assert read_salt(written_salt(value.salt)) == value.salt


def test_the_same_value_never_has_the_same_commitment():
    assert committed(PHONE, "").digest != committed(PHONE, "").digest


@pytest.mark.parametrize(
    "text",
    ["", "ni:///sha-256;", "ni:///sha-256;" + "A" * 42, "ni:///sha-256;" + "A" * 42 + "B",
     "ni:///sha-256;" + "A" * 43 + "?ver=CBV2.0", " ni:///sha-256;" + "A" * 43],
)  # fmt: skip
def test_what_is_no_commitment_is_none(text):
    assert read_commitment(text) is None


def test_nobody_can_test_a_guess_against_what_the_record_holds(store):
    """The control is an unsalted hash, which the same search finds."""
    sent = document(trip(phone="13900000042"))
    send(store, sent)
    assert b"13900000042" not in record_of(store).encode()
    published = set(commitments(store))
    with store.reading() as session:
        published |= {bytes(each) for each in session.scalars(select(Capture.body_sha256))}

    def guessed(hashes):
        for number in range(100):
            guess = f"139000000{number:02d}".encode()
            for made in (guess, sent.replace(b"13900000042", guess)):
                if hashlib.sha256(made).digest() in hashes:
                    return guess
        return None

    assert guessed(published) is None
    assert guessed({hashlib.sha256(b"13900000042").digest()}) == b"13900000042"
    assert guessed({hashlib.sha256(sent).digest()}) == b"13900000042"


def test_the_index_of_queries_holds_no_hash_of_a_value(store):
    """The control are the keys of the same event with its values, and with those of another."""
    sent = trip()

    def keys(event):
        (read,) = read_document(document(event), now=NOW).events
        return facts_of(read).keys

    of_values = keys(sent) - keys(sent | {PERSONAL: {"foodtrace:driver": "x"}})
    assert len(of_values) >= 2
    send(store, sent)
    with store.reading() as session:
        indexed = set(session.scalars(select(EventKey.key)))
    # Where it stands may be asked for, not what it says.
    assert len(of_values & indexed) < len(of_values)
    assert not {key for key in of_values & indexed if key not in keys(trip(name="y", phone="z"))}


def test_a_document_that_is_sent_again_is_known_again(store):
    body = document(trip())
    first, second = send(store, body), send(store, body)
    assert second.replayed
    assert second.id == first.id
    assert len(kept(store)) == 2


def test_a_document_that_was_sent_before_values_were_taken_out_is_known_again(store):
    body = document(trip())
    first = send(store, body)
    plain = hashlib.sha256(body).digest()
    with store.transaction() as session:
        capture = session.get_one(Capture, first.id)
        capture.key, capture.body_sha256 = plain.hex(), plain
    assert send(store, body).id == first.id


def test_a_key_with_another_document_is_refused(store):
    send(store, trip(), key="k")
    with pytest.raises(Unprocessable):
        send(store, trip(2), key="k")


def test_events_without_an_id_are_the_same_whoever_drove(store):
    event = {name: part for name, part in trip().items() if name != "eventID"}
    first = send(store, event)
    other = send(store, {**event, PERSONAL: {"foodtrace:driver": "somebody else"}})
    assert other.duplicates == first.event_ids
    assert event_hash(event, {**STANDARD_PREFIXES, **CONTEXT[1]}) == first.event_ids[0]


def test_what_waits_holds_no_values_either(store):
    body = document(trip())
    read = read_capture(body, "application/ld+json", now=datetime.now(UTC))
    with store.transaction() as session:
        capture_document(
            session, ALBA, read, content_type="application/ld+json", key=None, asynchronous=True
        )
    assert NAME not in record_of(store)
    record_waiting(store, settings_of(store))
    assert read_commitment(personal_of(store)["foodtrace:driver"]) in commitments(store)


def test_events_that_are_left_out_name_nobody_either(store):
    broken = {**trip(), "bizStep": "no word of the vocabulary", "@context": {"x": 5}}
    worse = {"type": "nothing", "a": [{"foodtrace:personal": [NAME, {"deep": 13912345678}]}]}
    send(store, document(see(1, ["#1"]), broken, worse), proceed=True)
    assert NAME not in record_of(store)
    assert PHONE not in record_of(store)
    assert sorted(kept(store).values()) == sorted([NAME, PHONE, NAME, PHONE])


def xml_of(name, namespace="https://foodtrace.example/ns/", element="personal"):
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:2" xmlns:f="{namespace}"
    schemaVersion="2.0" creationDate="2026-05-01T00:00:00Z">
  <EPCISBody><EventList><ObjectEvent>
    <eventTime>2026-05-01T08:00:00Z</eventTime><eventTimeZoneOffset>+08:00</eventTimeZoneOffset>
    <epcList><epc>urn:epc:id:sgtin:9506000.013435.1</epc></epcList><action>OBSERVE</action>
    <f:{element}><f:driver>{name}</f:driver><f:driver>{PHONE}</f:driver></f:{element}>
  </ObjectEvent></EventList></EPCISBody>
</epcis:EPCISDocument>""".encode()


def test_of_xml_that_names_persons_stays_what_it_says_without_them(store):
    first = send(store, xml_of(NAME), type_=XML_TYPE)
    assert NAME not in record_of(store)
    assert PHONE not in record_of(store)
    assert sorted(kept(store).values()) == sorted([NAME, PHONE])
    assert send(store, xml_of(NAME), type_=XML_TYPE).id == first.id
    # However the name is put together.
    send(store, xml_of("李四", "https://foodtrace.example/ns/pers", "onal"), type_=XML_TYPE)
    assert "李四" not in record_of(store)


def test_xml_that_cannot_be_converted_names_nobody_either(store):
    broken = xml_of(NAME).replace(
        b"<action>OBSERVE</action>", b"<action>OBSERVE</action><nonsense/>"
    )
    send(store, broken, type_=XML_TYPE, proceed=True)
    assert NAME not in record_of(store)


def test_xml_that_names_nobody_is_kept_as_it_came(store):
    plain = xml_of(NAME, "https://example.com/")
    send(store, plain, type_=XML_TYPE)
    with store.reading() as session:
        assert bytes(session.scalars(select(Document.original)).one()) == plain


def test_lines_of_a_file_name_nobody_either():
    line = json.dumps({"@context": CONTEXT, **trip()}).encode()
    (part,) = parts_of(io.BytesIO(line + b"\n" + line), NOW)
    read = read_part(part, partial(read_file, now=NOW))
    assert len(read.personal) == 4
    assert PHONE.encode() not in read.body


def test_an_event_of_ours_has_an_id_that_tells_nothing(store):
    def recorded(**said):
        event = {name: part for name, part in trip(**said).items() if name != "eventID"}
        with store.transaction() as session:
            return record_event(session, ALBA, event, key="k").event_id

    assert recorded() == recorded(name="李四", phone="13700000000")
    assert PHONE not in record_of(store)


def test_an_opened_value_keeps_its_commitment(store):
    value = committed(NAME, "")
    opened = {
        "foodtrace:commitment": value.written,
        "foodtrace:value": NAME,
        "foodtrace:salt": written_salt(value.salt),
    }
    send(store, see(1, ["#1"], **{PERSONAL: {"foodtrace:driver": opened}}))
    assert personal_of(store) == {"foodtrace:driver": value.written}
    assert commitments(store) == [value.digest]


def test_an_opened_value_with_another_commitment_is_refused(store):
    value = committed(NAME, "")
    opened = {
        "foodtrace:commitment": committed(NAME, "").written,
        "foodtrace:value": NAME,
        "foodtrace:salt": written_salt(value.salt),
    }
    with pytest.raises(Invalid, match="not that of value and salt"):
        send(store, see(1, ["#1"], **{PERSONAL: {"foodtrace:driver": opened}}))


def test_a_commitment_stays_as_it_is(store):
    value = committed(NAME, "")
    send(store, see(1, ["#1"], **{PERSONAL: {"foodtrace:driver": value.written}}))
    assert personal_of(store) == {"foodtrace:driver": value.written}
    assert kept(store) == {}


@pytest.mark.parametrize("value", ["x" * 2001, "a\u200bb", "e\u0301", "\x00", "\ud800"])
def test_what_no_record_holds_is_refused(value):
    body = json.dumps({"@context": CONTEXT, PERSONAL: {"a": value}}).encode()
    with pytest.raises(Invalid) as refused:
        taken_out(body)
    assert refused.value.problems[0].place == "/foodtrace:personal/a"


def test_bytes_that_name_nobody_stay_as_they_are():
    body = b'{ "a" : "personal \\u0041",  "b": 1.50 }'
    assert taken_out(body).body is body


def test_a_name_in_escapes_or_in_full_is_taken_too():
    body = (
        b'{"@context":{"q":"https://foodtrace.example/ns/person"},'
        b'"foodtrace:p\\u0065rsonal":{"a":"A1"},"https://foodtrace.example/ns/personal":"B2",'
        b'"q:al":["C3",null,true,{"d":[]}]}'
    )
    taken = taken_out(body)
    assert [each.value for each in taken.values] == ["A1", "B2", "C3", "true"]
    assert taken.impersonal is not None
    assert json.loads(taken.impersonal)["q:al"] == ["", None, "", {"d": []}]


def test_a_prefix_that_means_something_else_is_left_alone():
    body = b'{"@context":{"foodtrace":"https://example.com/"},"foodtrace:personal":"A1"}'
    assert taken_out(body).body is body


texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cf", "Cn", "Co"]), min_size=1, max_size=8
).filter(lambda text: read_commitment(text) is None)
leaves = st.one_of(
    texts.map(lambda text: unicodedata.normalize("NFC", f"Ω{text}Ω")),
    st.integers(10**20, 10**30),
    st.booleans(),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
places = st.lists(st.one_of(st.sampled_from(["x:a", "x:b", "ilmd"]), st.just(0)), max_size=4)


def leaves_of(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for part in value for leaf in leaves_of(part)]
    return [value]


@settings(max_examples=150, deadline=None)
@given(trees, places, st.booleans(), st.sampled_from([None, 1, 3]))
def test_no_value_stays_wherever_it_stood(value, place, ascii_only, indent):
    said = {PERSONAL: value}
    for part in reversed(place):
        said = [said] if part == 0 else {part: said}
    event = {"@context": CONTEXT, "other": 1, "said": said, "after": ["é", 2]}
    text = unicodedata.normalize("NFC", json.dumps(event, ensure_ascii=ascii_only, indent=indent))
    event = json.loads(text)
    plain = [
        leaf
        for leaf in leaves_of(
            json.loads(unicodedata.normalize("NFC", json.dumps(value, ensure_ascii=False)))
        )
    ]
    taken = taken_out(text.encode())
    made = json.loads(taken.body)
    assert [each.value for each in taken.values] == [
        leaf if isinstance(leaf, str) else json.dumps(leaf) for leaf in plain
    ]
    for leaf in plain:
        if not isinstance(leaf, bool):
            assert str(leaf) not in taken.body.decode()
            assert json.dumps(leaf) not in taken.body.decode()
    assert {name: made[name] for name in made if name != "said"} == {
        name: event[name] for name in event if name != "said"
    }
    # What comes back by value and salt is what was sent.
    values = {each.digest: each for each in taken.values}
    assert commitments_in([made]) == set(values)
    for each in values.values():
        assert digest_of(each.salt, each.value) == each.digest
    again = taken_out(json.dumps(with_values(made, values)).encode())
    assert json.loads(again.body) == made
    assert again.digest == taken_out(json.dumps(made).encode()).digest


def test_a_rebuild_gives_the_same_rows(store):
    send(store, trip())
    before = rows(store)
    with store.transaction() as session:
        rebuild(session)
    assert rows(store) == before


@pytest.mark.parametrize(
    "actor", [BRUNO, INES, ROSA, Actor("system", None, frozenset({Role.ADMINISTRATOR}))]
)
def test_nobody_but_its_party_sees_a_value_beside_its_commitment(store, actor):
    send(store, trip())
    with store.reading() as session:
        (event,) = shown(
            session, ALBA, json.loads(next(each_event(store.reading, ALBA)))["eventID"]
        )
        digests = commitments_in([event])
        assert visible_values(session, actor, digests) == {}
        values = visible_values(session, ALBA, digests)
    opened = with_values(event, values)[PERSONAL]["foodtrace:driver"]
    assert opened["foodtrace:value"] == NAME
    salt = read_salt(opened["foodtrace:salt"])
    assert written(digest_of(salt, NAME)) == opened["foodtrace:commitment"]


def test_an_authority_sees_a_value_in_a_case_and_that_is_put_on_record(store):
    send(store, trip())
    with store.transaction() as session:
        values = open_values(session, ROSA, case="2026-117", digests=commitments(store))
    assert sorted(each.value for each in values) == sorted([NAME, PHONE])
    with store.reading() as session:
        statement = session.scalars(select(Statement).where(Statement.kind == "disclosure")).one()
        said = json.loads(session.get_one(Document, statement.document_id).body)
    assert said["case"] == "2026-117"
    assert len(said["commitments"]) == 2
    assert NAME not in record_of(store)


def test_an_authority_without_a_case_sees_nothing(store):
    send(store, trip())
    with store.transaction() as session, pytest.raises(Invalid):
        open_values(session, ROSA, case=" ", digests=commitments(store))
    with store.transaction() as session, pytest.raises(Forbidden):
        open_values(session, ALBA, case="1", digests=commitments(store))
    with store.transaction() as session, pytest.raises(NotFound):
        open_values(session, ROSA, case="1", digests=[b"x" * 32])
