"""What can be asked of the EPCIS binding: queries, collections, named queries, subscriptions."""

import json
from itertools import chain

import pytest

from foodtrace.trace.query import services

from ..web import staff_app
from .acts import document, make, see
from .machine import XML, Machine, found_by, ids_of

PLACE = "https://id.gs1.org/414/9506000000015"
PLACE_URN = "urn:epc:id:sgln:9506000.00001.0"
OWN_STEP = "https://example.com/steps/frying"
ALLOWED = "partner.example"


@pytest.fixture
def app(store):
    return staff_app(store, webhook_hosts=frozenset({(ALLOWED, 443)}))


@pytest.fixture
def alba(app, store):
    return Machine(app, store)


@pytest.fixture
def bruno(app, store):
    return Machine(app, store, party="Bruno")


@pytest.fixture
def quick(sqlite_store):
    app = staff_app(sqlite_store, webhook_hosts=frozenset({(ALLOWED, 443)}))
    return Machine(app, sqlite_store)


def capture(machine, *events):
    answer = machine.post(document(*events))
    assert answer.status_code == 202, answer.text


def at_place(at, step="storing"):
    return see(at, {"A": 1}, step, readPoint={"id": PLACE}, bizLocation={"id": PLACE})


def next_of(answer):
    """The address of the next page, or None."""
    link = answer.headers.get("Link")
    return link and link[1 : link.index(">")]


def pages(machine, address):
    """The answers of all pages."""
    while address:
        answer = machine.get(address)
        yield answer
        address = next_of(answer)


# Events


def test_it_works(alba):
    stored, shipped = at_place(2), see(1, {"A": 1})
    capture(alba, shipped, stored)
    assert ids_of(alba.get("/epcis/events?EQ_bizStep=storing")) == [stored["eventID"]]


def test_events_come_page_by_page_each_once(alba):
    events = [see(at, {"A": 1}) for at in range(7)]
    capture(alba, *events)
    answers = list(pages(alba, "/epcis/events?orderBy=eventTime&orderDirection=ASC&perPage=3"))
    found = [ids_of(answer) for answer in answers]
    assert [len(page) for page in found] == [3, 3, 1]
    assert [*chain(*found)] == [each["eventID"] for each in events]
    assert "GS1-Next-Page-Token-Expires" in answers[0].headers
    assert "GS1-Next-Page-Token-Expires" not in answers[-1].headers


def test_thirty_events_are_a_page_unless_more_are_asked_for(alba):
    capture(alba, *(see(at, {"A": 1}) for at in range(31)))
    assert len(found_by(alba.get("/epcis/events"))) == 30
    assert len(found_by(alba.get("/epcis/events?perPage=999999999"))) == 31


@pytest.mark.parametrize(("limit", "times"), [("", 7), ("&eventCountLimit=5", 5)])
def test_large_events_make_small_pages(alba, monkeypatch, limit, times):
    monkeypatch.setattr(services, "MOST_BYTES", 1000)  # two or three of these events
    capture(alba, *(see(at, {"A": 1}) for at in range(7)))
    address = f"/epcis/events?orderBy=eventTime&perPage=100{limit}"
    found = [ids_of(answer) for answer in pages(alba, address)]
    assert len(found) >= 2
    assert all(1 <= len(page) <= 3 for page in found)
    assert len({*chain(*found)}) == sum(map(len, found)) == times


def test_an_event_larger_than_a_page_comes_alone(quick, monkeypatch):
    monkeypatch.setattr(services, "MOST_BYTES", 1)
    capture(quick, see(1, {"A": 1}), see(2, {"A": 1}))
    assert [len(ids_of(answer)) for answer in pages(quick, "/epcis/events")] == [1, 1]


def test_a_party_finds_its_own_events_and_an_inspector_those_of_all(alba, bruno, app, store):
    mine, theirs = see(1, {"A": 1}), see(1, {"B": 1})
    capture(alba, mine)
    capture(bruno, theirs)
    ines = Machine(app, store, role="inspector", party="市场监管局")
    assert ids_of(bruno.get("/epcis/events")) == [theirs["eventID"]]
    assert set(ids_of(ines.get("/epcis/events"))) == {mine["eventID"], theirs["eventID"]}


@pytest.mark.parametrize(
    ("query", "status", "exception"),
    [
        ("EQ_action=EAT", 400, "QueryParameterException"),
        ("GE_eventTime=yesterday", 400, "QueryParameterException"),
        ("eventCountLimit=5&maxEventCount=5", 400, "QueryParameterException"),
        ("maxEventCount=1", 413, "QueryTooLargeException"),
        ("EQ_bizStep=" + "%7C".join(["shipping"] * 700), 413, "QueryTooComplexException"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_name(quick, query, status, exception):
    capture(quick, see(1, {"A": 1}), see(2, {"A": 1}))
    if exception == "QueryTooComplexException":
        query = "&".join(f"MATCH_epc{end}=" + "%7C".join(["urn:epc:idpat:sgtin:9506000.*.*"] * 60)
                         for end in ("", "Class"))  # fmt: skip
    answer = quick.get(f"/epcis/events?{query}")
    assert answer.status_code == status, answer.text
    assert answer.json["type"] == f"epcisException:{exception}"


# Collections


@pytest.fixture
def seen(alba):
    capture(
        alba,
        make(1, {"#1": None}),
        at_place(2),
        see(3, {"A": 1}, OWN_STEP, disposition="in_transit"),
    )
    return alba


@pytest.mark.parametrize(
    ("path", "kind", "list_type", "values"),
    [
        ("eventTypes", "eventType", "EventTypeItemList", ["ObjectEvent"]),
        ("bizSteps", "bizStep", "BizStepItemList", ["commissioning", OWN_STEP, "storing"]),
        ("dispositions", "disposition", "DispositionItemList", ["in_transit"]),
        ("bizLocations", "bizLocation", "BizLocationItemList", [PLACE]),
        ("readPoints", "readPoint", "ReadPointItemList", [PLACE]),
    ],
)
def test_what_events_hold_is_listed(seen, path, kind, list_type, values):
    answer = seen.get(f"/epcis/{path}")
    assert answer.json["type"] == list_type
    assert sorted(answer.json[kind]) == sorted(values)
    assert "@context" in answer.json


def test_epcs_are_a_bare_list_page_by_page(alba):
    capture(alba, make(1, ["#1", "#2", "#3"]))
    answers = list(pages(alba, "/epcis/epcs?perPage=2"))
    assert [len(answer.json) for answer in answers] == [2, 1]
    assert answers[1].json == ["https://id.gs1.org/01/09506000134352/21/3"]


def test_the_collections_of_another_party_are_another_partys(seen, bruno):
    assert bruno.get("/epcis/bizSteps").json["bizStep"] == []
    assert bruno.get("/epcis/bizSteps/storing").status_code == 404
    assert bruno.get("/epcis/bizSteps/storing/events").status_code == 404


@pytest.mark.parametrize(
    ("address", "times"),
    [
        ("eventTypes/ObjectEvent", 3),
        ("epcs/https:%2F%2Fid.gs1.org%2F01%2F09506000134352%2F21%2F1", 1),
        ("epcs/https://id.gs1.org/01/09506000134352/21/1", 1),
        ("bizSteps/storing", 1),
        ("bizSteps/urn:epcglobal:cbv:bizstep:storing", 1),
        ("bizSteps/cbv:BizStep-storing", 1),
        (f"bizSteps/{OWN_STEP}", 1),
        (f"bizLocations/{PLACE}", 1),
        (f"readPoints/{PLACE_URN}", 1),
        ("dispositions/in_transit", 1),
    ],
)
def test_below_a_value_are_its_events(seen, address, times):
    assert seen.get(f"/epcis/{address}").json == ["events"]
    assert len(found_by(seen.get(f"/epcis/{address}/events"))) == times


@pytest.mark.parametrize(
    "address",
    [
        "eventTypes/PartyEvent",
        "eventTypes/TransactionEvent",
        "epcs/nonsense",
        "bizSteps/receiving",
        "bizSteps/urn:epcglobal:cbv:bizstep:nonsense",
        "bizLocations/urn:epc:id:sgln:9506000.00002.0",
        "dispositions/",
    ],
)
def test_below_what_no_event_holds_there_is_nothing(seen, address):
    for path in (f"/epcis/{address}", f"/epcis/{address}/events"):
        answer = seen.get(path)
        if path != "/epcis/dispositions/":  # the list itself
            assert answer.status_code == 404, path
            assert answer.json["type"] == "epcisException:NoSuchResourceException"


def test_the_events_of_a_value_are_filtered_further_and_both_must_hold(seen):
    events = "/epcis/eventTypes/ObjectEvent/events"
    assert len(found_by(seen.get(f"{events}?EQ_bizStep=storing"))) == 1
    assert found_by(seen.get("/epcis/bizSteps/storing/events?EQ_bizStep=receiving")) == []
    assert len(found_by(seen.get("/epcis/bizSteps/storing/events?EQ_bizStep=storing"))) == 1


def test_the_events_of_a_value_come_page_by_page(alba):
    capture(alba, *(at_place(at) for at in range(5)))
    found = [ids_of(each) for each in pages(alba, "/epcis/bizSteps/storing/events?perPage=2")]
    assert [len(each) for each in found] == [2, 2, 1]
    assert len({*chain(*found)}) == 5


# Named queries


def test_a_query_is_kept_asked_and_forgotten(alba):
    stored = at_place(1)
    capture(alba, stored, see(2, {"A": 1}))
    kept = alba.keep("stored", {"EQ_bizStep": ["storing"]})
    assert (kept.status_code, kept.headers["Location"]) == (201, "/epcis/queries/stored")
    assert kept.json == {"name": "stored", "query": {"EQ_bizStep": ["storing"]}}
    assert alba.get("/epcis/queries/stored").json == kept.json
    assert alba.get("/epcis/queries").json == [kept.json]
    answer = alba.get("/epcis/queries/stored/events")
    assert ids_of(answer) == [stored["eventID"]]
    assert answer.json["epcisBody"]["queryResults"]["queryName"] == "stored"
    assert "<queryName>stored</queryName>" in alba.get(
        "/epcis/queries/stored/events", Accept=XML
    ).text  # fmt: skip
    assert alba.send("DELETE", "/epcis/queries/stored").status_code == 204
    for method, path in (
        ("GET", ""),
        ("GET", "/events"),
        ("DELETE", ""),
        ("GET", "/subscriptions"),
    ):
        answer = alba.send(method, f"/epcis/queries/stored{path}")
        assert answer.status_code == 404
        assert answer.json["type"] == "epcisException:NoSuchNameException"


def test_a_query_keeps_the_prefixes_it_was_made_with(alba):
    noted = see(1, {"A": 1}, **{"foodtrace:note": "frozen"})
    capture(alba, noted)
    context = {"x": "https://foodtrace.example/ns/"}
    alba.keep("frozen", {"EQ_x:note": "frozen"}, **{"@context": context})
    assert ids_of(alba.get("/epcis/queries/frozen/events")) == [noted["eventID"]]


def test_a_name_is_taken_once_by_each_party(alba, bruno):
    assert alba.keep("q", {}).status_code == 201
    answer = alba.keep("q", {})
    assert answer.status_code == 409
    assert answer.json["type"] == "epcisException:ResourceAlreadyExistsException"
    assert bruno.keep("q", {}).status_code == 201


def test_a_name_may_be_chinese(alba):
    location = alba.keep("冷库 №1?", {}).headers["Location"]
    assert location.isascii()
    assert alba.get(location).json["name"] == "冷库 №1?"
    assert found_by(alba.get(f"{location}/events")) == []


@pytest.mark.parametrize(
    ("body", "exception"),
    [
        ("[]", "ValidationException"),
        ("{", "ValidationException"),
        ('{"name": "q"}', "QueryValidationException"),
        ('{"query": {}}', "QueryValidationException"),
        ('{"name": 5, "query": {}}', "QueryValidationException"),
        ('{"name": "q", "query": []}', "QueryValidationException"),
        ('{"name": "q", "query": {}, "more": 1}', "QueryValidationException"),
        ('{"name": "a/b", "query": {}}', "ValidationException"),
        ('{"name": "", "query": {}}', "ValidationException"),
        ('{"name": "q", "query": {"EQ_bizSteps": ["a"]}}', "QueryParameterException"),
        (
            '{"name": "q", "query": {}, "@context": "https://e.x/"}',
            "QueryValidationException",
        ),
        ('{"name": "q", "query": {}, "@context": [true]}', "QueryValidationException"),
        ('{"name": "q", "query": {}, "@context": {"x": 5}}', "QueryValidationException"),
    ],
)
def test_what_is_no_query_is_not_kept(quick, body, exception):
    answer = quick.post(body, "queries")
    assert answer.status_code == 400, answer.text
    assert answer.json["type"] == f"epcisException:{exception}"
    assert quick.get("/epcis/queries").json == []


def test_a_query_larger_than_is_read_is_refused(quick):
    assert quick.post(b" " * 300_000, "queries").status_code == 413
    assert quick.post("<q/>", "queries", XML).status_code == 415


@pytest.mark.parametrize("query", ["?stream=true", "?minute=5&hour=1", ""])
def test_websockets_are_not_spoken_and_it_says_so(quick, query):
    quick.keep("q", {})
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    answer = quick.get(f"/epcis/queries/q/events{query}", **headers)
    assert answer.status_code == 501
    assert answer.json["type"] == "epcisException:ImplementationException"
    assert "subscriptions" in answer.json["detail"]
    if query:
        assert quick.get(f"/epcis/queries/q/events{query}").status_code == 501


def test_a_token_of_a_page_cannot_be_given_up_and_it_says_so(quick):
    answer = quick.send("DELETE", "/epcis/nextPageToken/abc")
    assert answer.status_code == 501
    assert "expires by itself" in answer.json["detail"]


# Subscriptions


def subscribe(machine, **changes):
    body = {"dest": f"https://{ALLOWED}/hook", "secret": "0435ojtojt02", "stream": True} | changes
    body = {name: value for name, value in body.items() if value is not None}
    return machine.post(json.dumps(body), "queries/q/subscriptions")


def test_a_subscription_is_made_shown_and_ended(alba, bruno):
    alba.keep("q", {})
    made = subscribe(alba)
    assert made.status_code == 201, made.text
    address = f"/epcis/queries/q/subscriptions/{made.json['subscriptionID']}"
    assert made.headers["Location"] == address
    assert "secret" not in made.text
    assert alba.get(address).json == made.json
    assert alba.get("/epcis/queries/q/subscriptions").json == [made.json]
    assert bruno.get(address).status_code == 404
    assert alba.send("DELETE", address).status_code == 204
    assert alba.get(address).status_code == 404
    assert alba.get("/epcis/queries/q/subscriptions").json == []


def test_subscriptions_are_listed_page_by_page(alba):
    alba.keep("q", {})
    made = {subscribe(alba).json["subscriptionID"] for _ in range(3)}
    answers = list(pages(alba, "/epcis/queries/q/subscriptions?perPage=2"))
    assert [len(answer.json) for answer in answers] == [2, 1]
    assert {each["subscriptionID"] for answer in answers for each in answer.json} == made


@pytest.mark.parametrize(
    ("changes", "exception"),
    [
        ({"stream": None}, "SubscriptionControlsException"),
        ({"schedule": {"hour": "5"}}, "SubscriptionControlsException"),
        ({"stream": None, "schedule": {"hour": "25"}}, "SubscriptionControlsException"),
        ({"dest": "https://localhost/hook"}, "ValidationException"),
        ({"dest": "http://partner.example/hook"}, "ValidationException"),
        ({"secret": None}, "ValidationException"),
    ],
)
def test_what_is_no_subscription_is_not_made(quick, changes, exception):
    quick.keep("q", {})
    answer = subscribe(quick, **changes)
    assert answer.status_code == 400, answer.text
    assert answer.json["type"] == f"epcisException:{exception}"
    assert quick.get("/epcis/queries/q/subscriptions").json == []


def test_a_subscription_to_no_query_is_not_found(quick):
    answer = subscribe(quick)
    assert answer.status_code == 404
    assert answer.json["type"] == "epcisException:NoSuchNameException"
