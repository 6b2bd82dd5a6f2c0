"""Whatever another party has and does: one's own answers stay as they were, at every address."""

import json
import re
from urllib.parse import quote

import pytest

from foodtrace.trace.api.resources import media_types_of, parameters_of_view

from ..web import staff_app
from .acts import document, see
from .machine import LD_JSON, Machine

HOST = "partner.example"
SECRET = "bruno-knows"
EVENT_ID = f"urn:x:{SECRET}:event"
STEP, DISPOSITION = (f"https://{SECRET}.example/{name}" for name in ("step", "disposition"))
POINT, LOCATION, SITE = (f"https://{SECRET}.example/{name}" for name in ("point", "place", "site"))
EPC, LOT, PARENT = (f"urn:x:{SECRET}:{name}" for name in ("epc", "lot", "parent"))
COLOUR = f"https://{SECRET}.example/colour"

# What Bruno has, by the names of the parts of addresses.
PARTS = {
    "event_id": EVENT_ID,
    "event_type": "ObjectEvent",
    "epc": EPC,
    "biz_step": STEP,
    "biz_location": LOCATION,
    "read_point": POINT,
    "disposition": DISPOSITION,
    "query_name": SECRET,
}
# Questions that find Bruno's event.
QUERIES = {
    "EQ_eventID": EVENT_ID,
    "EQ_bizStep": STEP,
    "EQ_disposition": DISPOSITION,
    "EQ_readPoint": POINT,
    "WD_readPoint": SITE,
    "HASATTR_readPoint": COLOUR,
    f"EQATTR_readPoint_{COLOUR}": SECRET,
    "MATCH_epc": EPC,
    "MATCH_anyEPC": EPC,
    "MATCH_epcClass": LOT,
    "MATCH_anyEPCClass": LOT,
    f"EQ_{COLOUR}": SECRET,
    f"EXISTS_{COLOUR}": "",
    "EQ_quantity": "31415",
    "GE_quantity": "31415",
    "maxEventCount": "1",
}


@pytest.fixture
def app(store):
    return staff_app(store, webhook_hosts=frozenset({(HOST, 443)}))


@pytest.fixture
def alba(app, store):
    machine = Machine(app, store)
    machine.post(document(see(1, {"A": 1}, readPoint={"id": "https://alba.example/point"})))
    machine.keep("hers", {"EQ_bizStep": ["shipping"]})
    return machine


@pytest.fixture
def bruno(app, store):
    return Machine(app, store, party="Bruno")


def keep_secrets(bruno):
    """Have Bruno capture, keep and subscribe; return all parts of his addresses."""
    told = json.loads(document(see(2, {"A": 1}, STEP)))
    (event,) = told["epcisBody"]["eventList"]
    event |= {
        "eventID": EVENT_ID,
        "disposition": DISPOSITION,
        "readPoint": {"id": POINT},
        "bizLocation": {"id": LOCATION},
        "epcList": [EPC],
        "quantityList": [{"epcClass": LOT, "quantity": 31415}],
        COLOUR: SECRET,
    }
    attributes = [{"id": COLOUR, "attribute": SECRET}]
    elements = [
        {"id": SITE, "attributes": attributes, "children": [POINT]},
        {"id": POINT, "attributes": attributes},
    ]
    vocabulary = {"type": "urn:epcglobal:epcis:vtype:ReadPoint", "vocabularyElementList": elements}
    told["epcisHeader"] = {"epcisMasterData": {"vocabularyList": [vocabulary]}}
    captured = bruno.post(json.dumps(told), content_type=LD_JSON)
    assert captured.status_code == 202, captured.text
    assert bruno.keep(SECRET, {"EQ_bizStep": [STEP]}).status_code == 201
    hook = {"dest": f"https://{HOST}/{SECRET}", "secret": "0435ojtojt02", "stream": True}
    subscribed = bruno.post(json.dumps(hook), f"queries/{SECRET}/subscriptions")
    assert subscribed.status_code == 201, subscribed.text
    return PARTS | {
        "capture_id": captured.json["captureID"],
        "subscription_id": subscribed.json["subscriptionID"],
    }


def addresses(app, parts):
    """Return all addresses that GET reads, and for each whether it takes a query."""
    found = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        is_read = "GET" in (rule.methods or ()) and not rule.websocket and media_types_of(view)
        if rule.rule.startswith("/epcis") and is_read:
            address = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: quote(parts[m[1]], safe=""), rule.rule)
            found.append((address, parameters_of_view(view) is None))
    return found


def asked(app, parts):
    """Return every address, and those that take a query with each of QUERIES."""
    for address, takes_a_query in addresses(app, parts):
        yield address
        if takes_a_query:
            for name, value in QUERIES.items():
                yield f"{address}?{quote(name, safe='')}={quote(value, safe='')}"


def answered(machine, address):
    """Return status and text of an answer, without the time at which it was made."""
    answer = machine.get(address)
    text = re.sub(r'"creationDate": ?"[^"]*"', "", answer.text)
    return answer.status_code, text, answer.headers.get("Link")


def test_what_another_party_has_changes_no_answer_at_any_address(app, alba, bruno):
    unknown = PARTS | {"capture_id": "0" * 32, "subscription_id": "1" * 32}
    before = [answered(alba, address) for address in asked(app, unknown)]
    parts = keep_secrets(bruno)
    seen = 0
    for address, (status, text, link) in zip(asked(app, parts), before, strict=True):
        now = answered(alba, address)
        for name in ("capture_id", "subscription_id"):
            text = text.replace(unknown[name], parts[name])
        assert now == (status, text, link), address
        theirs = answered(bruno, address)
        # Else there would be nothing that could be seen.
        assert theirs[0] == 200 or "maxEventCount" in address, (address, theirs)
        seen += SECRET in theirs[1]
    assert seen > len(QUERIES)
