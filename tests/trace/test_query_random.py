"""Whatever is recorded and asked: a query finds what a filter in plain Python finds."""

import itertools
import json
from datetime import UTC, datetime
from unittest import mock

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.capture.services import capture_document
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.masterdata.models import MasterAttribute, MasterChild
from foodtrace.trace.query import plan
from foodtrace.trace.query.parameters import query_of
from foodtrace.trace.query.services import each_match, find_events
from foodtrace.trace.store.models import Event

from .query_reference import Told, found, thing

SECRET = "a secret for tests"
EX = "https://example.com/ns/"
CONTEXT = ["https://ref.gs1.org/standards/epcis/epcis-context.jsonld", {"ex": EX}]
PLACES = [f"urn:epc:id:sgln:9506000.0000{number}.0" for number in range(1, 5)]
LOTS = [f"urn:epc:class:lgtin:9506000.013435.L{number}" for number in range(3)]
SERIALS = [f"urn:epc:id:sgtin:9506000.013435.{number}" for number in range(3)]
PATTERNS = ["urn:epc:idpat:sgtin:9506000.013435.*", "urn:epc:idpat:sgtin:9506000.*.*"]
CLASS_PATTERNS = ["urn:epc:idpat:lgtin:9506000.013435.*", *PATTERNS[1:]]
PARTIES = [f"urn:epc:id:pgln:9506000.0000{number}" for number in range(1, 3)]
STEPS = ["shipping", "receiving", "cbv:BizStep-shipping", "urn:epcglobal:cbv:bizstep:receiving"]
DAYS = [f"2026-05-{day:02d}T08:00:00+08:00" for day in range(1, 6)]
_NEXT = itertools.count(1)

values = st.sampled_from(["red", "12", "13", "green", DAYS[1]]) | st.integers(11, 13)


def some(choices, most=2):
    return st.lists(st.sampled_from(choices), min_size=1, max_size=most, unique=True)


def place():
    return st.sampled_from(PLACES).map(lambda each: {"id": each})


def quantities():
    amount = st.fixed_dictionaries(
        {"epcClass": st.sampled_from(LOTS)},
        optional={"quantity": st.integers(1, 4), "uom": st.sampled_from(["KGM", "GRM", "LTR"])},
    )
    entries = amount.map(
        lambda each: each if "quantity" in each else {"epcClass": each["epcClass"]}
    )
    return st.lists(entries, min_size=1, max_size=2, unique_by=lambda each: each["epcClass"])


def sensors():
    report = st.fixed_dictionaries(
        {
            "type": st.just("Temperature"),
            "value": st.integers(-2, 3),
            "uom": st.sampled_from(["CEL", "FAH"]),
        }
    )
    return st.lists(report, min_size=1, max_size=2).map(lambda each: [{"sensorReport": each}])


OPTIONAL = {
    "bizStep": st.sampled_from(STEPS),
    "disposition": st.sampled_from(["in_transit", "active"]),
    "readPoint": place(),
    "bizLocation": place(),
    "ex:colour": values,
    "sensorElementList": sensors(),
    "sourceList": st.sampled_from(PARTIES).map(
        lambda each: [{"type": "owning_party", "source": each}]
    ),
    "bizTransactionList": st.sampled_from(["urn:a:1", "urn:a:2"]).map(
        lambda each: [{"type": "po", "bizTransaction": each}]
    ),
}
SIMPLE = st.fixed_dictionaries(
    {
        "type": st.just("ObjectEvent"),
        "action": st.sampled_from(["ADD", "OBSERVE"]),
        "eventTime": st.sampled_from(DAYS),
        "epcList": some(SERIALS),
    },
    optional={**OPTIONAL, "quantityList": quantities()},
)
MADE = st.fixed_dictionaries(
    {
        "type": st.just("TransformationEvent"),
        "eventTime": st.sampled_from(DAYS),
        "inputQuantityList": quantities(),
        "outputEPCList": some(SERIALS),
    },
    optional={**OPTIONAL, "ilmd": st.fixed_dictionaries({"ex:grade": values})},
)
PACKED = st.fixed_dictionaries(
    {
        "type": st.just("AggregationEvent"),
        "action": st.just("ADD"),
        "eventTime": st.sampled_from(DAYS),
        "parentID": st.just("urn:epc:id:sscc:9506000.1000000001"),
        "childEPCs": some(SERIALS),
    },
    optional={**OPTIONAL, "childQuantityList": quantities()},
)
DOCUMENTS = st.lists(
    st.lists(SIMPLE | MADE | PACKED, min_size=1, max_size=4), min_size=1, max_size=3
)
MASTER = st.fixed_dictionaries(
    {
        "children": st.sets(st.tuples(st.sampled_from(PLACES), st.sampled_from(PLACES))),
        "attributes": st.sets(
            st.tuples(
                st.sampled_from([*PLACES, *LOTS, *SERIALS, *PARTIES]),
                st.sampled_from([f"{EX}size", f"{EX}shape"]),
                st.sampled_from(["1", "2"]),
            ),
            max_size=6,
        ),
    }
)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "eventType": some(["ObjectEvent", "TransformationEvent", "AssociationEvent"]),
        "GE_eventTime": st.sampled_from(DAYS),
        "LT_eventTime": st.sampled_from(DAYS),
        "EQ_action": some(["ADD", "OBSERVE"]),
        "EQ_bizStep": some(STEPS),
        "EQ_disposition": some(["in_transit", "active"]),
        "EQ_readPoint": some(PLACES),
        "WD_readPoint": some(PLACES),
        "WD_bizLocation": some(PLACES),
        "MATCH_epc": some([*SERIALS, *PATTERNS]),
        "MATCH_anyEPC": some([*SERIALS, *PATTERNS]),
        "MATCH_outputEPC": some(SERIALS),
        "MATCH_parentID": some(["urn:epc:id:sscc:9506000.1000000001"]),
        "MATCH_epcClass": some([*LOTS, *CLASS_PATTERNS]),
        "MATCH_inputEPCClass": some([*LOTS, *CLASS_PATTERNS]),
        "MATCH_anyEPCClass": some([*LOTS, *CLASS_PATTERNS]),
        "GE_quantity": st.integers(1, 4),
        "EQ_quantity_KGM": st.sampled_from([1, 2, 0.001]),
        "EQ_source_owning_party": some(PARTIES),
        "EQ_bizTransaction_po": some(["urn:a:1", "urn:a:3"]),
        "EQ_ex:colour": some(["red", "12"]),
        "GE_ex:colour": st.integers(11, 13),
        "EXISTS_ex:colour": st.just(True),
        "EQ_ILMD_ex:grade": some(["red", "12"]),
        "LT_ILMD_ex:grade": st.integers(11, 14),
        "GT_value_CEL": st.integers(-20, 3),
        "HASATTR_readPoint": some([f"{EX}size"]),
        "EQATTR_readPoint_ex:size": some(["1", "2"]),
        "EQATTR_epc_ex:shape": some(["1"]),
        "HASATTR_epcClass": some([f"{EX}size"]),
        "HASATTR_source": some([f"{EX}size", f"{EX}shape"]),
        "orderBy": st.sampled_from(["eventTime", "recordTime"]),
        "orderDirection": st.sampled_from(["ASC", "DESC"]),
    },
)
# Of many parameters at once nothing is left to be found.
QUERIES = st.tuples(
    PARAMETERS,
    st.sets(st.integers(0, 40), min_size=1, max_size=4),
    st.none() | st.integers(1, 4),
).map(lambda drawn: fewer(*drawn))
# From which sizes on the plan does what; whatever it does, the answer is the same.
SIZES = st.tuples(
    st.sampled_from([0, 2, 5_000]), st.sampled_from([1, 3, 20_000]), st.sampled_from([0, 200_000])
)


def fewer(parameters, chosen, limit):
    names = [name for name in parameters if not name.startswith("order")]
    kept = {names[number % len(names)] for number in chosen} if names else set()
    query = {
        name: value
        for name, value in parameters.items()
        if name in kept or name.startswith("order")
    }
    if limit is not None and "orderBy" in query:
        query["eventCountLimit"] = limit
    return query


def capture(store, actor, events):
    """Capture the events in one document."""
    body = {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-05-01T00:00:00Z",
        "epcisBody": {"eventList": events},
    }
    read = read_document(json.dumps(body).encode(), now=datetime.now(UTC))
    with store.transaction() as session:
        capture_document(session, actor, read, content_type="application/ld+json", key=None)


def tell_master_data(store, party_id, master):
    with store.transaction() as session:
        for parent, child in master["children"]:
            session.add(
                MasterChild(party_id=party_id, parent=thing(parent, {}), child=thing(child, {}))
            )
        for number, (element, attribute, value) in enumerate(sorted(master["attributes"])):
            session.add(
                MasterAttribute(
                    party_id=party_id, element=thing(element, {}), attribute=attribute,
                    value_number=number, vocabulary="urn:epcglobal:epcis:vtype:Any", value=value,
                )
            )  # fmt: skip


def told(store, party_id, documents, master):
    events = {event["eventID"]: event for events in documents for event in events}
    with store.reading() as session:
        rows = session.execute(
            select(Event.event_id, Event.record_time)
            .where(Event.party_id == party_id)
            .order_by(Event.id)
        )
        return [
            Told(
                events[event_id],
                record_time,
                {"ex": EX},
                tuple((thing(e, {}), a, v) for e, a, v in master["attributes"]),
                tuple((thing(p, {}), thing(c, {})) for p, c in master["children"]),
            )
            for event_id, record_time in rows
        ]


def asked(store, actor, query, per_page):
    """Return the eventIDs of all pages."""
    event_ids, token = [], None
    while True:
        with store.reading() as session:
            page = find_events(session, actor, query, per_page=per_page, secret=SECRET, token=token)
        event_ids += [each.event_id for each in page.events]
        token = page.next_token
        if token is None:
            return event_ids


def all_matches(store, actor, query):
    with store.reading() as session:
        ids = list(each_match(session, actor, query))
        assert ids == sorted(ids)
        return set(session.scalars(select(Event.event_id).where(Event.id.in_(ids))))


def test_it_works(store):
    check(store, 40 if store.dialect == "sqlite" else 12)


def check(store, examples):
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # the queries are small: shrinking them takes minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(DOCUMENTS, MASTER, st.lists(QUERIES, min_size=1, max_size=4), SIZES, st.integers(2, 9))
    def holds(documents, master, queries, sizes, per_page):
        # Each time another party: what was recorded before must not show.
        party_id = next(_NEXT)
        actor = Actor("key:random", party_id, frozenset({Role.PRODUCER}))
        documents = [
            [
                {
                    **event,
                    "eventID": f"urn:uuid:00000000-0000-4000-8000-{next(_NEXT):012d}",
                    "eventTimeZoneOffset": "+08:00",
                }
                for event in events
            ]
            for events in documents
        ]
        for events in documents:
            capture(store, actor, events)
        tell_master_data(store, party_id, master)
        recorded = told(store, party_id, documents, master)
        few, stride, many = sizes
        with mock.patch.multiple(plan, FEW=few, STRIDES=(stride, 2 * stride), MANY=many):
            for parameters in queries:
                query = query_of(parameters, {"ex": EX})
                expected = found(recorded, parameters, {"ex": EX})
                assert asked(store, actor, query, per_page) == expected, parameters
                unlimited = {k: v for k, v in parameters.items() if k != "eventCountLimit"}
                everything = set(found(recorded, unlimited, {"ex": EX}))
                assert all_matches(store, actor, query) == everything, parameters

    holds()
