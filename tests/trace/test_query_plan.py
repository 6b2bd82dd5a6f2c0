"""Queries are found by indexes or by a walk, on both databases, within their time."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import insert, text

from foodtrace.trace.epcis.model import Role
from foodtrace.trace.errors import QueryTooComplex
from foodtrace.trace.gs1.check_digits import gs1_check_digit
from foodtrace.trace.masterdata.models import MasterAttribute, MasterChild
from foodtrace.trace.query import captors, plan
from foodtrace.trace.query.budget import budget_of
from foodtrace.trace.query.keys import field_of, key_of
from foodtrace.trace.query.model import (
    Attributed,
    Compares,
    DeclaredWrong,
    During,
    Identified,
    Names,
    OfType,
    Pattern,
    Query,
    Says,
    WithAction,
    Within,
)
from foodtrace.trace.query.parameters import MAX_PATTERNS, query_of
from foodtrace.trace.query.services import each_match, find_events
from foodtrace.trace.store.bulk import insert_rows
from foodtrace.trace.store.models import (
    Document,
    Event,
    EventItem,
    EventKey,
    EventNumber,
    Item,
    Statement,
)

from .acts import ALBA, BRUNO, INES, START, capture, hour, make, pack, see, transform, wrong

SECRET = "a secret for tests"
EVERY_ROLE = frozenset(Role)
COLOUR = "https://example.com/ns/colour"
HOSTILE = (
    "'", '"', "' OR '1'='1", "%", "_", "\\", "\0", "a\0b", "\ud800", "$1", ":id", "%s", "%(id)s",
    "?", "--", "/*", "x" * 10_000, "", " ", "é", "é", "红茶", "\U0001f375", "[1]", "null",
)  # fmt: skip


def found(store, *criteria, actor=ALBA, per_page=100, budget=5.0, **options):
    with store.reading() as session:
        page = find_events(
            session,
            actor,
            Query(criteria, **options),
            per_page=per_page,
            secret=SECRET,
            budget=budget,
        )
    return [each.event_id for each in page.events]


def ids(*events):
    return [event["eventID"] for event in events]


def says(field, *values):
    return Says(frozenset(key_of(field, value) for value in values))


def lot(name):
    return f"/01/09506000134352/10/{name}"


def named(*patterns, roles=EVERY_ROLE, is_class=True):
    return Names(roles, is_class, patterns)


def at(number):
    return {"id": f"https://id.gs1.org/414/{number}"}


FARM, SHED, SHELF, BOX = (
    digits + gs1_check_digit(digits) for digits in (f"95060000000{n}" for n in range(1, 5))
)


def master(store, party_id, children=(), attributes=()):
    with store.transaction() as session:
        for parent, child in children:
            session.add(
                MasterChild(party_id=party_id, parent=f"/414/{parent}", child=f"/414/{child}")
            )
        for number, (element, attribute, value) in enumerate(attributes):
            session.add(
                MasterAttribute(
                    party_id=party_id,
                    element=element,
                    attribute=attribute,
                    value_number=number,
                    vocabulary="urn:epcglobal:epcis:vtype:ReadPoint",
                    value=value,
                )
            )


def test_it_works(store):
    first, second = make(1, {"A": 1}), see(2, ["A"])
    capture(store, first, second)
    assert found(store) == ids(second, first)
    assert found(store, says("bizStep", "shipping")) == ids(second)


def test_each_sees_its_own_events_and_inspectors_all(store):
    mine, hers = see(1, ["A"]), see(2, ["A"])
    capture(store, mine)
    capture(store, hers, actor=BRUNO)
    for criteria in ((), (says("bizStep", "shipping"),)):
        assert found(store, *criteria) == ids(mine)
        assert found(store, *criteria, actor=INES) == ids(hers, mine)


def test_types_actions_and_times(store):
    events = [make(1, {"A": 1}), see(2, ["A"]), pack(3, "=1", ["A"]), transform(4, ["A"], ["B"])]
    capture(store, *events)
    assert found(store, OfType(frozenset({"AggregationEvent"}))) == ids(events[2])
    assert found(store, WithAction(frozenset({"OBSERVE"}))) == ids(events[1])
    assert found(store, OfType(frozenset())) == []
    span = During("eventTime", hour(2), hour(4))
    for order_by in ("eventTime", "recordTime"):
        assert found(store, span, order_by=order_by) == ids(events[2], events[1])
    now = During("recordTime", hour(0), hour(0) + timedelta(days=36_500))
    assert len(found(store, now)) == 4
    assert found(store, During("recordTime", hour(0) + timedelta(days=36_500), None)) == []


def test_things_are_named_in_roles_as_lots_or_one_by_one_or_by_ranges(store):
    packed, made, seen = pack(1, "=1", {"A": 5}), transform(2, ["A"], ["B"]), see(3, ["A#7"])
    capture(store, packed, made, seen)
    exact = Pattern(lot("A"))
    lots = Pattern(lot(""), lot("~"))
    assert found(store, named(exact)) == ids(made, packed)
    assert found(store, named(exact, roles=frozenset({Role.INPUT}))) == ids(made)
    assert found(store, named(exact, roles=frozenset({Role.EPC}))) == []
    assert found(store, named(exact, is_class=False)) == []
    assert found(store, named(lots)) == ids(made, packed)
    serials = Pattern("/01/09506000134352/21/", "/01/09506000134352/21/~")
    assert found(store, named(serials, is_class=False)) == ids(seen)
    assert found(store, named(Pattern(lot("Z")), serials, exact, is_class=False)) == ids(seen)
    assert found(store, named()) == []
    pallet = Pattern("/00/306141400000000014")
    assert found(store, named(pallet, is_class=False, roles=frozenset({Role.PARENT}))) == ids(
        packed
    )


@pytest.mark.parametrize(
    ("comparison", "values", "expected"),
    [
        ("EQ", (2.0,), "B"), ("EQ", (1.0, 3.0), "CA"), ("GT", (2.0,), "C"), ("GE", (2.0,), "CB"),
        ("LT", (2.0,), "A"), ("LE", (2.0,), "BA"), ("GT", (2.0, 1.0), "CB"), ("LE", (0.0,), ""),
    ],
)  # fmt: skip
def test_numbers_compare_with_any_of_the_values(store, comparison, values, expected):
    made = {name: make(number, {name: number}) for number, name in enumerate("ABC", start=1)}
    capture(store, *made.values())
    asked = Compares(field_of("quantity"), comparison, values)
    assert found(store, asked) == ids(*(made[name] for name in expected))


def test_error_declarations_are_found_and_so_is_what_they_declare_wrong(store):
    mistake = make(1, {"A": 1})
    capture(store, mistake)
    capture(store, wrong(mistake))
    assert found(store) == ids(mistake, mistake)
    assert found(store, DeclaredWrong()) == ids(mistake)
    assert found(store, Identified((mistake["eventID"],))) == ids(mistake, mistake)
    assert found(store, DeclaredWrong(), actor=BRUNO) == []


def test_places_lie_in_places_by_the_captors_own_word(store):
    deep = see(1, ["A"], readPoint=at(SHELF))
    top = see(2, ["A"], readPoint=at(FARM))
    hers = see(3, ["A"], readPoint=at(SHELF))
    capture(store, deep, top)
    capture(store, hers, actor=BRUNO)
    inside = Within("readPoint", (f"/414/{FARM}",))
    assert found(store, inside) == ids(top)
    # A circle of places ends.
    master(store, 101, [(FARM, SHED), (SHED, SHELF), (SHELF, FARM)])
    assert found(store, inside) == ids(top, deep)
    assert found(store, inside, actor=INES) == ids(top, deep)
    assert found(store, Within("bizLocation", (f"/414/{FARM}",))) == []
    master(store, 102, [(FARM, SHELF)])
    assert found(store, inside, actor=INES) == ids(hers, top, deep)
    assert found(store, inside, actor=BRUNO) == ids(hers)


def test_attributes_of_things_count_by_the_captors_own_word(store):
    to = {"type": "owning_party", "destination": f"https://id.gs1.org/417/{FARM}"}
    one = see(1, ["A"], readPoint=at(SHELF), destinationList=[to])
    two = see(2, ["A#1"], readPoint=at(FARM))
    hers = see(3, ["A"], readPoint=at(SHELF), destinationList=[to])
    capture(store, one, two)
    capture(store, hers, actor=BRUNO)
    master(
        store,
        101,
        attributes=[
            (f"/414/{SHELF}", COLOUR, "red"),
            (f"/414/{FARM}", COLOUR, "green"),
            (lot("A"), COLOUR, "red"),
            ("/01/09506000134352/21/1", COLOUR, "red"),
            (f"/417/{FARM}", COLOUR, "blue"),
        ],
    )
    assert found(store, Attributed("readPoint", (COLOUR,))) == ids(two, one)
    assert found(store, Attributed("readPoint", (COLOUR,)), actor=INES) == ids(two, one)
    assert found(store, Attributed("readPoint", (COLOUR,), ("red", "blue"))) == ids(one)
    assert found(store, Attributed("epcClass", (COLOUR,), ("red",)), actor=INES) == ids(one)
    assert found(store, Attributed("epc", ("other", COLOUR))) == ids(two)
    assert found(store, Attributed("destination", (COLOUR,)), actor=INES) == ids(one)
    assert found(store, Attributed("destination", (COLOUR,)), actor=BRUNO) == []
    assert found(store, Attributed("bizLocation", (COLOUR,))) == []


def test_too_many_things_of_the_master_data_are_refused(store, monkeypatch):
    monkeypatch.setattr(captors, "MOST_THINGS", 2)
    master(store, 101, [(FARM, SHED), (SHED, SHELF)])
    assert found(store, Within("readPoint", (f"/414/{FARM}",))) == []
    master(store, 101, [(SHELF, BOX)])
    with pytest.raises(QueryTooComplex, match="More than 2"):
        found(store, Within("readPoint", (f"/414/{FARM}",)))


def test_no_value_is_more_than_a_value(store):
    event = make(1, {"A": 1})
    capture(store, event)
    for hostile in HOSTILE:
        for criterion in meaning_nothing(hostile):
            assert found(store, criterion) == []
    assert found(store) == ids(event)


def meaning_nothing(hostile):
    many = [hostile + str(number) for number in range(30)]
    return (
        OfType(frozenset({hostile})),
        WithAction(frozenset({hostile})),
        says("bizStep", hostile),
        named(Pattern(hostile)),
        named(Pattern(hostile), Pattern(hostile, hostile + "\0")),
        named(*map(Pattern, many)),
        Within("readPoint", (hostile,)),
        Attributed("readPoint", (hostile,), (hostile,)),
        Attributed("epc", (hostile,)),
        Identified((hostile,)),
        Identified(tuple(many)),
    )


def test_what_takes_too_long_is_refused_with_what_to_do(store):
    capture(store, *[see(1, ["A"]) for _ in range(3)])
    with pytest.raises(QueryTooComplex, match="GE_eventTime"):
        found(store, budget=0.0)
    assert len(found(store)) == 3


def test_the_database_itself_stops_a_query(store):
    forever = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    )
    with (
        pytest.raises(QueryTooComplex),
        store.reading() as session,
        budget_of(session, 0.05) as budget,
    ):
        budget.execute(forever)
    # The connection serves the next one, however long it may take.
    with store.reading() as session, budget_of(session, 5) as budget:
        assert budget.execute(text("SELECT 1")).scalar_one() == 1


def test_other_statements_of_the_transaction_may_take_as_long_as_before(store):
    # SQLite has no such setting: there the clock is looked at by a handler, which is gone.
    setting = "SELECT 30" if store.dialect == "sqlite" else "SHOW statement_timeout"
    with store.reading() as session:
        before = session.execute(text(setting)).scalar_one()
        with budget_of(session, 0.5) as budget:
            budget.execute(text("SELECT 1"))
        assert session.execute(text(setting)).scalar_one() == before


def strategies(store, monkeypatch, few, stride, many):
    monkeypatch.setattr(plan, "FEW", few)
    monkeypatch.setattr(plan, "STRIDES", (stride, 3 * stride))
    monkeypatch.setattr(plan, "MANY", many)


@pytest.mark.parametrize("few", [0, 3, 5_000])
@pytest.mark.parametrize("stride", [1, 4, 20_000])
@pytest.mark.parametrize("many", [0, 200_000])
def test_every_way_finds_the_same(sqlite_store, monkeypatch, few, stride, many):
    events = [
        see(number, ["A" if number % 3 else "B"], step="shipping" if number % 2 else "storing")
        for number in range(20)
    ]
    capture(sqlite_store, *events)
    strategies(sqlite_store, monkeypatch, few, stride, many)
    criteria = (says("bizStep", "shipping"), named(Pattern(lot("B"))))
    expected = [each["eventID"] for n, each in enumerate(events) if n % 2 and n % 3 == 0]
    for limit in (1, 2, 3, 100):
        for descending in (True, False):
            ordered = expected[::-1] if descending else expected
            assert (
                found(
                    sqlite_store,
                    *criteria,
                    per_page=limit,
                    order_by="eventTime",
                    descending=descending,
                )
                == ordered[:limit]
            )
    with sqlite_store.reading() as session:
        assert len(list(each_match(session, ALBA, Query(criteria)))) == len(expected)
        assert len(list(each_match(session, INES, Query()))) == 20


SELECTIVE = {
    "says": says("bizStep", "rare"),
    "number": Compares(field_of("quantity"), "GE", (10.0**9,)),
    "lot": named(Pattern(lot("RARE"))),
    "lots": named(Pattern(lot("RARE"), lot("RARF"))),
    "eventID": Identified(("urn:uuid:rare",)),
    "declared": DeclaredWrong(),
    "type": OfType(frozenset({"AssociationEvent"})),
    "time": During("eventTime", hour(-10_000), hour(-9_000)),
    "record": During("recordTime", hour(-10_000), hour(-9_000)),
    "place": Within("readPoint", ("/414/rare",)),
}
MANY_EVENTS = 12_000


@pytest.fixture
def large_store(store):
    """Many events that are all alike but for their times: the rows that queries look at."""
    ids = range(1, MANY_EVENTS + 1)
    with store.transaction() as session:
        session.execute(
            insert(Document),
            {"id": 1, "actor": "system", "content_type": "", "received_at": START, "body": b""},
        )
        of_document = {"kind": "event", "document_id": 1, "start": 0, "length": 0}
        insert_rows(session, Statement, [{"id": each, **of_document} for each in ids])
        insert_rows(session, Event, [event_row(each) for each in ids])
        shipping = key_of("bizStep", "shipping")
        insert_rows(session, EventKey, [{"key": shipping, "event_id": each} for each in ids])
        others = [
            {"key": number, "event_id": each} for each in ids for number in range(each, each + 9)
        ]
        insert_rows(session, EventKey, others)
        one = {"field": field_of("quantity"), "value": 1.0}
        insert_rows(session, EventNumber, [{**one, "event_id": each} for each in ids])
        items = {"kind": "lot", "gtin": None, "lot": None, "serial": None}
        insert_rows(session, Item, [{"id": n, "canonical": lot(n), **items} for n in ids])
        part = {"role": "epc", "amount": None, "uom": None, "is_class": True}
        insert_rows(session, EventItem, [{"event_id": n, "item_id": n, **part} for n in ids])
    with store.writers.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if store.dialect == "postgresql":
            connection.execute(text("ANALYZE"))
    return store


def event_row(number):
    return {
        "id": number,
        "event_id": f"urn:uuid:{number}",
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "event_time": hour(number),
        "time_zone_offset": "+08:00",
        "record_time": hour(number),
        "party_id": 101 + number % 2,
        "hidden": False,
    }


def plans(store, actor, query):
    """Return how the database runs each statement that looks at events."""
    statements = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        statements.append((statement, parameters))

    sqlalchemy_event.listen(store.readers, "before_cursor_execute", note)
    try:
        with store.reading() as session:
            find_events(session, actor, query, per_page=30, secret=SECRET)
    finally:
        sqlalchemy_event.remove(store.readers, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if store.dialect == "sqlite" else "EXPLAIN "
    found = []
    with store.reading() as session:
        connection = session.connection()
        for statement, parameters in statements:
            if "FROM event" in statement:
                rows = connection.exec_driver_sql(explain + statement, parameters)
                found.append("\n".join(str(row[-1]) for row in rows))
    return found


def test_what_is_rare_is_looked_up_and_never_searched_for(large_store):
    for name, criterion in SELECTIVE.items():
        for actor in (ALBA, INES):
            for order_by in ("eventTime", "recordTime"):
                query = Query((criterion, says("bizStep", "shipping")), order_by=order_by)
                for shown in plans(large_store, actor, query):
                    assert not SEARCHED[large_store.dialect].search(shown), (name, shown)


SEARCHED = {
    # The index of what is declared wrong holds nothing else.
    "sqlite": re.compile(r"SCAN event(_\d+)?\b(?! USING (COVERING )?INDEX uq_event_declaration)"),
    "postgresql": re.compile(r"Seq Scan on (event|event_key|event_number|event_item|item)\b"),
}


def test_what_is_common_is_met_on_a_walk_in_the_order_asked_for(large_store):
    for criteria in ((), (says("bizStep", "shipping"),)):
        for actor, of_party in ((ALBA, "party_"), (INES, "")):
            for order_by, index in (("eventTime", "event_time"), ("recordTime", "record_time")):
                walk = plans(large_store, actor, Query(criteria, order_by=order_by))[-1]
                # In a span of time that ends the walk, the times of all parties do as well.
                assert re.search(f"ix_event_({of_party})?{index}", walk)
                assert "TEMP B-TREE" not in walk
                assert "Sort" not in walk


def test_ranges_of_identifiers_are_looked_up_whatever_the_language_of_the_database(large_store):
    lots = Query((named(Pattern(lot("100"), lot("101"))),))
    index = {"sqlite": "sqlite_autoindex_item_1", "postgresql": "ix_item_canonical_bytes"}
    assert index[large_store.dialect] in plans(large_store, INES, lots)[-1]


@pytest.mark.parametrize("few", [0, 5_000])
def test_as_many_patterns_as_a_query_may_have_are_no_expression_too_deep(store, monkeypatch, few):
    first, second = see(1, ["A"]), see(2, ["A"])
    capture(store, first, second)
    monkeypatch.setattr(plan, "FEW", few)
    monkeypatch.setattr(plan, "MANY", few)
    # Each has ten ranges: the digit before the company prefix is not known.
    patterns = [
        f"urn:epc:idpat:lgtin:{number}.*.*" for number in range(950600, 950600 + MAX_PATTERNS)
    ]
    query = query_of({"MATCH_anyEPCClass": patterns}, {})
    assert found(store, *query.criteria) == ids(second, first)
    others = query_of(
        {"MATCH_anyEPCClass": [each.replace(":9506", ":8506") for each in patterns]}, {}
    )
    assert found(store, *others.criteria) == []


def test_values_are_never_part_of_a_statement(sqlite_store):
    statements = []

    def note(_connection, _cursor, statement, _parameters, _context, _many):
        statements.append(statement)

    sqlalchemy_event.listen(sqlite_store.readers, "before_cursor_execute", note)
    for value in ("a secret", "x"):
        found(
            sqlite_store,
            named(Pattern(value), Pattern(value, value + "~")),
            Identified((value,)),
            Within("readPoint", (value,)),
            Attributed("epc", (value,), (value,)),
            OfType(frozenset({value})),
        )
    assert not any("secret" in each for each in statements)
    assert statements[: len(statements) // 2] == statements[len(statements) // 2 :]
