"""Master data of documents: kept as a statement, read back, replaced by what is said later."""

import json
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from foodtrace.trace.capture import recording
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis import master_data
from foodtrace.trace.epcis.context import STANDARD_PREFIXES
from foodtrace.trace.epcis.master_data import attribute_name
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.errors import Invalid
from foodtrace.trace.masterdata.models import MasterAttribute, MasterChild
from foodtrace.trace.query.parameters import query_of
from foodtrace.trace.query.services import find_events
from foodtrace.trace.store.models import Statement
from foodtrace.trace.store.session import Store

from .acts import ALBA, BRUNO, CONTEXT, count, document, make, rows, see, statement_bytes

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PLACE = "urn:epc:id:sgln:9506000.00001.0"
SHED = "https://id.gs1.org/414/9506000000022/254/S1"
BUSINESS_LOCATION = "urn:epcglobal:epcis:vtype:BusinessLocation"
CBV = "urn:epcglobal:cbv:mda:"


def element(thing=PLACE, /, children=None, **attributes):
    made = {
        "id": thing,
        "attributes": [
            {"id": f"cbvmda:{attribute}", "attribute": value}
            for attribute, value in attributes.items()
        ],
    }
    return made if children is None else made | {"children": children}


def vocabulary(*elements, kind=BUSINESS_LOCATION):
    return {"type": kind, "vocabularyElementList": list(elements)}


def described(*vocabularies, events=(), **changes):
    """Return a document with these vocabularies in its header."""
    made = json.loads(document(*events))
    made["epcisHeader"] = {"epcisMasterData": {"vocabularyList": list(vocabularies)}}
    return json.dumps(made | changes, ensure_ascii=False).encode()


def capture(store, body, actor=ALBA, proceed=False):
    read = read_document(body, now=datetime.now(UTC), proceed=proceed)
    with store.transaction() as session:
        return capture_document(session, actor, read, content_type="application/json", key=None)


def attributes(store):
    """Return the values on record as {(party, element, attribute): [values]}."""
    found = {}
    with store.reading() as session:
        for row in session.scalars(select(MasterAttribute).order_by(MasterAttribute.value_number)):
            key = (row.party_id, row.element, row.attribute.removeprefix(CBV))
            found.setdefault(key, []).append(row.value)
    return found


def children(store):
    with store.reading() as session:
        return sorted((row.parent, row.child) for row in session.scalars(select(MasterChild)))


def refusal(body):
    with pytest.raises(Invalid) as refused:
        read_document(body, now=NOW)
    return [(each.place, each.rule % each.values) for each in refused.value.problems]


def test_what_a_document_says_of_a_place_is_on_record(store):
    body = described(vocabulary(element(name="绿源农场", city="寿光")))
    captured = capture(store, body)
    assert captured.success
    assert attributes(store) == {
        (101, "/414/9506000000015", "city"): ["寿光"],
        (101, "/414/9506000000015", "name"): ["绿源农场"],
    }


def test_the_statement_is_the_master_data_as_they_were_received(store):
    capture(store, described(vocabulary(element(name="绿源农场")), events=[make(1, {"A": 1})]))
    with store.reading() as session:
        kinds = dict(session.execute(select(Statement.kind, Statement.id)).all())
        said = json.loads(statement_bytes(session, kinds["masterdata"]))
        assert kinds.keys() == {"masterdata", "event"}
    assert said == {"vocabularyList": [vocabulary(element(name="绿源农场"))]}


@pytest.mark.parametrize("order", [("epcisHeader", "epcisBody"), ("epcisBody", "epcisHeader")])
def test_header_and_body_may_come_in_any_order(order):
    made = json.loads(described(vocabulary(element(name="番茄")), events=[make(1, {"A": 1})]))
    parts = {name: made.pop(name) for name in order}
    body = json.dumps(made | parts, ensure_ascii=False, indent=2).encode()
    read = read_document(body, now=NOW)
    data = read.master_data
    said = json.loads(body[data.start : data.start + data.length])
    assert said == parts["epcisHeader"]["epcisMasterData"]
    (event,) = read.events
    assert json.loads(body[event.start : event.start + event.length])["type"] == "ObjectEvent"


def test_a_document_may_hold_master_data_alone(store):
    assert capture(store, described(vocabulary(element(name="x")))).success
    assert count(store, "statement", "event") == {"statement": 1, "event": 0}


@pytest.mark.parametrize("vocabularies", [[], [vocabulary()], [{"type": BUSINESS_LOCATION}]])
def test_a_document_that_says_nothing_at_all_is_refused(vocabularies):
    assert refusal(described(*vocabularies)) == [
        ("/epcisBody/eventList", "The document holds no events")
    ]


def test_values_of_every_kind_are_kept_as_texts(store):
    values = {
        "text": ("七", "七"),
        "whole": (7, "7"),
        "fraction": (7.25, "7.25"),
        "yes": (True, "true"),
        "parts": ({"b": 1.5, "a": ["七", {}]}, '{"a":["七",{}],"b":1.5}'),
        "list": ([1, "2"], '[1,"2"]'),
    }
    capture(store, described(vocabulary(element(**{k: v for k, (v, _) in values.items()}))))
    found = attributes(store)
    assert {name: found[101, "/414/9506000000015", name] for name in values} == {
        name: [expected] for name, (_, expected) in values.items()
    }


def test_an_attribute_without_a_value_is_empty_and_one_given_twice_has_two(store):
    said = {
        "id": PLACE,
        "attributes": [
            {"id": "cbvmda:a"},
            {"id": "cbvmda:b", "attribute": "1"},
            {"id": "urn:epcglobal:cbv:mda#b", "attribute": "2"},
        ],
    }
    capture(store, described(vocabulary(said)))
    assert attributes(store) == {
        (101, "/414/9506000000015", "a"): [""],
        (101, "/414/9506000000015", "b"): ["1", "2"],
    }


def test_attribute_names_are_full_iris_however_they_are_written():
    prefixes = {"cbvmda": CBV, "ex": "https://example.com/ns/"}
    names = ["cbvmda:name", "urn:epcglobal:cbv:mda#name", "urn:epcglobal:cbv:mda:name"]
    assert {attribute_name(name, prefixes) for name in names} == {f"{CBV}name"}
    assert attribute_name("ex:soil", prefixes) == "https://example.com/ns/soil"


def test_all_ways_to_write_an_element_name_one_thing(store):
    both = [
        element("urn:epc:id:sgln:9506000.00001.0", name="x"),
        element("https://example.cn/414/9506000000015", city="y"),
    ]
    capture(store, described(vocabulary(*both)))
    assert {key[1] for key in attributes(store)} == {"/414/9506000000015"}


def test_what_a_party_says_later_replaces_all_it_said_of_the_thing_before(store):
    capture(store, described(vocabulary(element(name="old", city="寿光"), element(SHED, name="s"))))
    capture(store, described(vocabulary(element(name="new"))))
    assert attributes(store) == {
        (101, "/414/9506000000015", "name"): ["new"],
        (101, "/414/9506000000022/254/S1", "name"): ["s"],
    }
    capture(store, described(vocabulary(element())))
    assert {key[1] for key in attributes(store)} == {"/414/9506000000022/254/S1"}


def test_what_one_party_says_leaves_what_others_say_alone(store):
    capture(store, described(vocabulary(element(name="alba"))))
    capture(store, described(vocabulary(element(name="bruno"))), actor=BRUNO)
    assert attributes(store) == {
        (101, "/414/9506000000015", "name"): ["alba"],
        (102, "/414/9506000000015", "name"): ["bruno"],
    }


def test_one_thing_in_two_vocabularies_is_one_thing(store):
    capture(
        store,
        described(
            vocabulary(element(name="x", children=[SHED])),
            vocabulary(element(name="y"), kind="urn:epcglobal:epcis:vtype:ReadPoint"),
        ),
    )
    assert attributes(store) == {(101, "/414/9506000000015", "name"): ["x", "y"]}
    assert children(store) == [("/414/9506000000015", "/414/9506000000022/254/S1")]


def test_children_are_replaced_as_well(store):
    capture(store, described(vocabulary(element(children=[SHED, SHED, "urn:uuid:1"]))))
    assert len(children(store)) == 2
    capture(store, described(vocabulary(element(name="x"))))
    assert children(store) == []


def test_a_rebuild_says_the_same_again(store):
    capture(store, described(vocabulary(element(name="old", children=[SHED]), element(SHED, a=1))))
    capture(store, described(vocabulary(element(name="b")), events=[make(1, {"A": 1})]), BRUNO)
    capture(store, described(vocabulary(element(name="new")), events=[make(2, {"B": 1})]))
    broken = make(3, {"C": 1}) | {"action": "EAT"}
    capture(store, described(vocabulary(element(SHED, a=2)), events=[broken]), proceed=True)
    before = rows(store)
    assert before["master_attribute"]
    with store.transaction() as session:
        assert rebuild(session) == 6
    assert rows(store) == before


def test_the_same_document_again_changes_nothing(store):
    first = described(vocabulary(element(name="old")))
    capture(store, first)
    capture(store, described(vocabulary(element(name="new"))))
    assert capture(store, first).replayed
    assert attributes(store)[101, "/414/9506000000015", "name"] == ["new"]


def test_two_captures_of_one_party_at_once_leave_what_the_newest_statement_says(
    postgresql_url_of_test, monkeypatch
):
    """The ids of statements rise in the order in which the rows are written."""
    store = Store(postgresql_url_of_test)
    reserved, finished = threading.Event(), threading.Event()
    real = recording.describe
    first = True

    def slowly(*arguments):
        nonlocal first
        if first:
            first = False
            reserved.set()
            finished.wait(0.5)  # the second does not finish before the first
        real(*arguments)

    monkeypatch.setattr(recording, "describe", slowly)
    bodies = [described(vocabulary(element(name=n))) for n in ("first", "second")]
    threads = [threading.Thread(target=capture, args=(store, body)) for body in bodies]
    threads[0].start()
    assert reserved.wait(30)
    threads[1].start()
    threads[1].join(30)
    finished.set()
    threads[0].join(30)
    before = rows(store)
    with store.transaction() as session:
        rebuild(session)
    assert rows(store) == before
    store.close()


# --- what they are used for


def found(store, actor=ALBA, **parameters):
    """Return the eventIDs that a query finds."""
    query = query_of(parameters, STANDARD_PREFIXES)
    with store.reading() as session:
        page = find_events(session, actor, query, per_page=100, secret="a secret of tests")
    return {each.event_id for each in page.events}


def test_queries_know_what_lies_in_what_and_who_has_which_attribute(store):
    inside = see(1, {"A": 1}, bizLocation={"id": SHED})
    outside = see(2, {"A": 1}, bizLocation={"id": "https://id.gs1.org/414/9506000000039"})
    capture(
        store,
        described(
            vocabulary(element(name="绿源农场", children=[SHED]), element(SHED, site="番茄")),
            events=[inside, outside],
        ),
    )
    one = {inside["eventID"]}
    assert found(store, WD_bizLocation=[PLACE]) == one
    assert found(store, HASATTR_bizLocation=["urn:epcglobal:cbv:mda#site"]) == one
    assert found(store, **{"EQATTR_bizLocation_cbvmda:site": ["番茄"]}) == one
    assert found(store, **{"EQATTR_bizLocation_cbvmda:site": ["黄瓜"]}) == set()
    assert found(store) == {inside["eventID"], outside["eventID"]}
    capture(store, described(vocabulary(element())))
    assert found(store, WD_bizLocation=[PLACE]) == set()


# --- what is refused

LIST = "/epcisHeader/epcisMasterData/vocabularyList"
ELEMENT = f"{LIST}/0/vocabularyElementList/0"


@pytest.mark.parametrize(
    ("said", "place", "rule"),
    [
        ([{}], f"{LIST}/0/type", "type is missing"),
        ([{"type": "BusinessLocation"}], f"{LIST}/0/type", "This is no absolute URI"),
        ([vocabulary({"attributes": []})], f"{ELEMENT}/id", "id is missing"),
        ([vocabulary(element("shed"))], f"{ELEMENT}/id", "This is no absolute URI"),
        ([vocabulary(element("javascript:x"))], f"{ELEMENT}/id", "An address that starts with"),
        (
            [vocabulary(element("urn:epc:id:sgln:1.1.1"))],
            f"{ELEMENT}/id",
            "",
        ),
        (
            [vocabulary(element(children=["shed"]))],
            f"{ELEMENT}/children/0",
            "This is no absolute URI",
        ),
        (
            [vocabulary({"id": PLACE, "attributes": [{"id": "name"}]})],
            f"{ELEMENT}/attributes/0/id",
            "This is no absolute URI",
        ),
        (
            [vocabulary(element(name=None))],
            f"{ELEMENT}/attributes/0/attribute",
            "The value is not of type",
        ),
        (
            [vocabulary(element(name="x" * 10_001))],
            f"{ELEMENT}/attributes/0/attribute",
            "The text has more than 10000 characters",
        ),
        (
            [vocabulary(element(name=["x" * 10_000]))],
            f"{ELEMENT}/attributes/0/attribute",
            "The text has more than 10000 characters",
        ),
        ("all", LIST, "The value is not of type"),
    ],
)
def test_broken_master_data_are_refused(said, place, rule):
    body = described(events=[make(1, {"A": 1})], epcisHeader=header(said))
    assert [each for each in refusal(body) if each[0] == place and each[1].startswith(rule)]


def header(vocabularies):
    return {"epcisMasterData": {"vocabularyList": vocabularies}}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"epcisHeader": {"other": 1}}, "/epcisHeader/other"),
        ({"epcisHeader": []}, "/epcisHeader"),
        ({"epcisHeader": {"epcisMasterData": {"more": 1}}}, "/epcisHeader/epcisMasterData/more"),
        ({"epcisHeader": {"epcisMasterData": 7}}, "/epcisHeader/epcisMasterData"),
    ],
)
def test_a_header_holds_master_data_and_extensions(change, place):
    body = described(events=[make(1, {"A": 1})], **change)
    assert place in [each[0] for each in refusal(body)]


def test_extensions_in_a_header_are_let_be():
    body = described(
        events=[make(1, {"A": 1})],
        epcisHeader={"example:note": {"x": 1}},
        **{"@context": [CONTEXT[0], {"example": "https://example.com/"}]},
    )
    assert read_document(body, now=NOW).master_data is None


def test_there_is_a_limit_to_master_data(monkeypatch):
    monkeypatch.setattr(master_data, "MAX_ENTRIES", 5)
    fits = vocabulary(element(a=1, b=2, c=3, children=[SHED]))
    assert read_document(described(fits), now=NOW).master_data is not None
    more = vocabulary(element(a=1, b=2, c=3, children=[SHED]), kind="urn:x:y")
    assert refusal(described(fits, more)) == [
        (LIST, "The master data have more than 5 elements, attributes and children")
    ]
