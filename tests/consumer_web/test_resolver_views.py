"""The views of a thing for programs: JSON-LD, EPCIS, and what the rules choose by headers."""

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from foodtrace.consumer_web.resolver.addresses import address_of, read_path
from foodtrace.consumer_web.resolver.data import dumped
from foodtrace.consumer_web.resolver.negotiation import preferred_view, read_request
from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.epcis.reader import read_document
from foodtrace.trace.errors import Invalid
from foodtrace.trace.masterdata.services import register_party

from .conftest import CHILI, CHILI_LOT, SAUCE, SAUCE_LOT, uri
from .resolving import BASE, PIECE, PLACE, Program, things

DATA = {"Accept": "application/ld+json"}


@pytest.fixture
def program(stage, settings):
    things(stage)
    return Program(stage.store, settings)


def facts(program, path, **headers):
    answer = program.get(path, **(DATA | headers))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/ld+json"
    return answer.get_json(force=True)


def test_a_lot_tells_programs_what_its_page_tells_people(program):
    lot = facts(program, SAUCE_LOT)
    assert lot["@id"] == BASE + SAUCE_LOT
    assert lot["gtin"] == SAUCE[4:]
    assert lot["gs1:hasBatchLotNumber"] == "S1"
    assert lot["name"] == [
        {"@language": "zh", "@value": "剁椒酱"},
        {"@language": "en", "@value": "Chili sauce"},
    ]
    assert lot["foodtrace:verdict"] == "complete"
    assert lot["hasCertification"][0]["certificationStatus"] == "CertificationActive"
    assert lot["manufacturer"]["foodtrace:foodLicence"] == "SC10341147101351"


def test_the_page_holds_the_same_facts_and_no_program(program):
    page = program.get(SAUCE_LOT, Accept="text/html").get_data(as_text=True)
    ((kind, text),) = re.findall("<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    assert kind == ' type="application/ld+json"'
    assert json.loads(text) == facts(program, SAUCE_LOT)


@pytest.mark.parametrize("accept", ["application/json", "application/ld+json", "application/*;q=1"])
def test_json_is_json_whatever_its_name(program, accept):
    kind = program.get(SAUCE_LOT, Accept=accept).headers["Content-Type"]
    assert kind in ("application/ld+json", "application/linkset+json")


def test_products_places_and_organisations_have_facts_too(program, stage):
    with stage.store.transaction() as session:
        register_party(
            session, SYSTEM, name="公开农场", kind="farm", gln="9506000134352", phone="0571-88"
        )
    assert facts(program, SAUCE)["gs1:ingredientStatement"] == "辣椒、食用盐"
    place = facts(program, PLACE)
    assert (place["@type"], place["address"]) == ("Place", "浙江省杭州市")
    party = facts(program, "/417/9506000134352")
    assert party["name"] == [{"@language": "zh", "@value": "公开农场"}]
    for path in (PLACE, "/417/9506000134352"):
        page = program.get(path, Accept="text/html")
        assert page.status_code == 200
        assert "良渚路1号" not in page.get_data(as_text=True)
    unknown = ("/414/9506000134390", "/417/9506000134376", "/8004/123456", "/253/9506000134352")
    for path in unknown:
        for accept in ("*/*", "text/html"):
            assert program.get(path, Accept=accept).status_code == 404


def test_the_events_of_a_lot_are_epcis_and_say_no_more_than_the_page(program):
    answer = program.get(SAUCE_LOT + "?view=epcis")
    document = answer.get_json(force=True)
    events = document["epcisBody"]["eventList"]
    read = read_document(answer.data, now=datetime.now(UTC) + timedelta(days=1))
    assert len(read.events) == len(events) == 4
    assert [event.get("bizStep") for event in events] == [
        "commissioning", "shipping", "receiving", "retail_selling",
    ]  # fmt: skip
    told = {name for event in events for name in event}
    assert told <= {
        *("type", "eventTime", "eventTimeZoneOffset", "bizStep", "action"),
        *("quantityList", "outputQuantityList", "transformationID"),
    }
    assert "C1" not in answer.get_data(as_text=True)  # what it is made of is not named
    assert '"quantity"' not in answer.get_data(as_text=True)


def test_hidden_steps_are_no_events(program, stage):
    stage.observed(stage.carla, SAUCE_LOT, "storing", 2, **{"foodtrace:visibility": "hidden"})
    document = program.get(SAUCE_LOT + "?view=epcis").get_json(force=True)
    assert "storing" not in json.dumps(document)


def test_a_piece_tells_of_itself_and_a_product_has_no_events(program):
    document = program.get(PIECE + "?view=epcis").get_json(force=True)
    assert any(event.get("epcList") == [uri(f"{SAUCE}/21/77")]
               for event in document["epcisBody"]["eventList"])  # fmt: skip
    assert program.get(SAUCE + "?view=epcis").status_code == 404
    headers = program.get(PIECE, **DATA).headers
    assert headers["Cache-Control"] == "private, no-cache"


def test_each_view_is_kept_by_itself_and_proved_right(program, stage):
    kinds = ("text/html", "application/ld+json", "application/linkset+json")
    tags = {kind: program.get(CHILI_LOT, Accept=kind).headers["ETag"] for kind in kinds}
    assert len(set(tags.values())) == 3
    for kind in kinds:
        again = program.get(CHILI_LOT, Accept=kind, If_None_Match=tags[kind])
        assert again.status_code == 304
    stage.recall(CHILI_LOT)
    for kind in ("text/html", "application/ld+json"):
        again = program.get(CHILI_LOT, Accept=kind, If_None_Match=tags[kind])
        assert again.status_code == 200


@pytest.mark.parametrize(
    ("accept", "view"),
    [
        ("", "default"),
        ("*/*", "default"),
        ("image/png", "default"),
        ("image/avif,image/webp,*/*;q=0.8", "default"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "page"),
        ("TEXT/HTML", "page"),
        ("text/*", "page"),
        ("application/json", "data"),
        ("application/ld+json;q=0.3, application/linkset+json;q=0.4", "linkset"),
        ("text/html;q=0, application/json", "data"),
        ("text/html;q=0.1, */*", "default"),
        ("text/html;q=2", "default"),
        ("text/html;q=0.1234", "default"),
        (";;;,,,q=", "default"),
        ("text/html; charset=utf-8; q=0.5, application/json;q=0.4", "page"),
    ],
)
def test_the_view_follows_from_the_accept_header(accept, view):
    assert preferred_view(accept).value == view


@checks(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_no_header_and_no_query_makes_it_stumble(query, accept, languages):
    try:
        asked = read_request(query, accept, languages)
    except Invalid:
        return
    assert all(part.isascii() and not re.search(r"[\s\x00-\x1f#]", part) for part in asked.others)


SYMBOLS = "ABCabc012!\"%&'()*+,-./:;<=>?_"


@checks(max_examples=150, deadline=None)
@given(st.text(SYMBOLS, min_size=1, max_size=20))
def test_every_lot_is_read_from_its_own_address(lot):
    path = f"{CHILI}/10/{quote(lot, safe='')}"
    if lot in (".", "..") or lot.endswith("/") or "/21/" in lot:
        return  # refused, or ambiguous once decoded: another lot
    assert read_path(unquote(path)).path.lower() == path.lower()
    assert address_of(path).pairs == (("01", CHILI[4:]), ("10", lot))


@checks(max_examples=100, deadline=None)
@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_data_in_a_page_ends_no_element(value):
    text = dumped(value)
    assert not set("<>&") & set(text)
    assert json.loads(text) == value
