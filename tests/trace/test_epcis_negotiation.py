"""What client and service agree on at the EPCIS binding before anything is done."""

import pytest

from ..web import staff_app
from .acts import count, document, event, make, see
from .machine import JSON, LD_JSON, XML, Machine, bare, found_by, ids_of

SGTIN = "urn:epc:id:sgtin:0614141.107346.2018"
LINK = "https://id.gs1.org/01/10614141073464/21/2018"
PLACE = "urn:epc:id:sgln:0614141.07346.1234"


@pytest.fixture
def app(sqlite_store):
    return staff_app(sqlite_store)


@pytest.fixture
def machine(app, sqlite_store):
    return Machine(app, sqlite_store)


def tagged(epc=SGTIN, step="urn:epcglobal:cbv:bizstep:shipping"):
    """An event about one serial number."""
    return event(
        "ObjectEvent", 1, action="OBSERVE", bizStep=step, epcList=[epc], readPoint={"id": PLACE}
    )


def test_it_works(machine):
    answer = machine.get("/epcis/")
    assert answer.status_code == 200
    assert {"capture", "events", "queries", "bizSteps"} <= set(answer.json)
    assert machine.get("/epcis").json == answer.json
    assert answer.headers["GS1-EPCIS-Min"] == answer.headers["GS1-EPCIS-Max"] == "2.0"
    assert answer.headers["GS1-EPC-Format"] == "Always_GS1_Digital_Link"
    assert answer.headers["GS1-Vendor-Version"].startswith("foodtrace-")
    assert answer.headers["GS1-EPCIS-Capture-Limit"] == "10000"


# OPTIONS, HEAD, wrong methods


@pytest.mark.parametrize(
    ("address", "methods"),
    [
        ("/epcis/", {"GET", "HEAD", "OPTIONS"}),
        ("/epcis/capture", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("/epcis/capture/none", {"GET", "HEAD", "OPTIONS"}),
        ("/epcis/events", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("/epcis/events/urn:uuid:none", {"GET", "HEAD", "OPTIONS"}),
        ("/epcis/bizSteps/shipping/events", {"GET", "HEAD", "OPTIONS"}),
        ("/epcis/queries/none", {"GET", "HEAD", "OPTIONS", "DELETE"}),
        ("/epcis/queries/none/subscriptions", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("/epcis/nextPageToken/none", {"DELETE", "OPTIONS"}),
    ],
)
def test_every_address_says_what_it_allows_whether_or_not_there_is_anything(
    machine, address, methods
):
    answer = machine.send("OPTIONS", address, Accept="text/html")
    assert (answer.status_code, answer.data) == (204, b"")
    assert set(answer.headers["Allow"].split(", ")) == methods
    assert answer.headers["GS1-EPCIS-Version"] == "2.0"


def test_who_may_not_capture_may_ask_what_is_allowed(app, sqlite_store):
    inspector = Machine(app, sqlite_store, role="inspector", party="市场监管局")
    assert inspector.send("OPTIONS", "/epcis/capture").status_code == 204
    assert inspector.post(document(make(1, {"A": 1}))).status_code == 403


def test_a_wrong_method_is_a_problem_and_names_the_right_ones(machine):
    answer = machine.send("PATCH", "/epcis/events")
    assert (answer.status_code, answer.mimetype) == (405, "application/problem+json")
    assert "GET" in answer.headers["Allow"]


def test_head_has_the_headers_of_get_and_no_body(machine):
    head, get = (machine.send(method, "/epcis/events") for method in ("HEAD", "GET"))
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


# Versions


@pytest.mark.parametrize(
    "headers",
    [
        {"GS1_EPCIS_Version": "2.0"},
        {"GS1_EPCIS_Version": "2.0.0", "GS1_CBV_Version": "2"},
        {"GS1_EPCIS_Min": "1.2", "GS1_EPCIS_Max": "2.0"},
        {"GS1_EPCIS_Min": "2", "GS1_EPCIS_Max": "3.1"},
    ],
)
def test_a_client_of_this_version_is_answered(machine, headers):
    assert machine.get("/epcis/events", **headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"GS1_EPCIS_Version": "1.2"},
        {"GS1_EPCIS_Version": "2.1"},
        {"GS1_EPCIS_Version": "two"},
        {"GS1_EPCIS_Version": ""},
        {"GS1_EPCIS_Min": "2.1"},
        {"GS1_EPCIS_Max": "1.2"},
        {"GS1_CBV_Version": "1.2"},
        {"GS1_CBV_Max": "1.2"},
        {"GS1_EPC_Format": "always"},
        {"GS1_CBV_XML_Format": "Always_Web_URL"},
    ],
)
def test_a_client_of_another_version_or_notation_is_refused_before_anything_is_done(
    machine, sqlite_store, headers
):
    answer = machine.get("/epcis/events", **headers)
    assert answer.status_code == 406
    assert answer.json["type"] == "epcisException:NotAcceptableException"
    if headers != {"GS1_EPCIS_Version": "1.2"}:  # which a document to capture may be
        assert machine.post(document(make(1, {"A": 1})), **headers).status_code == 406
        assert count(sqlite_store, "event") == {"event": 0}


def test_a_document_of_epcis_1_2_may_say_so_in_the_header_too(machine):
    answer = machine.post(document(make(1, {"A": 1})), GS1_EPCIS_Version="1.2")
    assert answer.status_code == 202


# Media types


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        (LD_JSON, LD_JSON),
        (XML, XML),
        ("text/xml", "text/xml"),
        ("application/json; charset=utf-8", JSON),
        ("text/html, application/xhtml+xml, */*;q=0.1", JSON),
        ("application/json;q=0.5, application/xml;q=0.9", XML),
        ("application/json;q=0, */*", LD_JSON),
        ("APPLICATION/XML", XML),
    ],
)
def test_events_come_as_what_is_accepted_most(machine, accept, mimetype):
    answer = machine.get("/epcis/events", Accept=accept)
    assert (answer.status_code, answer.mimetype) == (200, mimetype)
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize("accept", ["text/html", "image/png", "application/json;q=0", "text/*;q=0"])
def test_what_is_not_spoken_is_refused(machine, accept):
    answer = machine.get("/epcis/queries", Accept=accept)
    assert answer.status_code == 406
    assert answer.json["type"] == "epcisException:NotAcceptableException"
    assert JSON in answer.json["detail"]


def test_nothing_is_captured_for_who_cannot_read_the_answer(machine, sqlite_store):
    answer = machine.post(document(make(1, {"A": 1})), Accept="text/html")
    assert answer.status_code == 406
    assert count(sqlite_store, "event") == {"event": 0}


@pytest.mark.parametrize("path", ["/epcis/nothing", "/epcis/events/urn:uuid:none"])
def test_problems_come_as_xml_to_who_wants_xml(machine, path):
    answer = machine.get(path, Accept="application/xml")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+xml")
    assert "<status>404</status>" in answer.text
    assert "epcisException:NoSuchResourceException" in answer.text
    assert machine.get(path, Accept="text/html").mimetype == "application/problem+json"


def test_an_event_goes_in_as_xml_and_out_again(machine):
    machine.post(document(tagged()))
    xml = machine.get("/epcis/events", Accept=XML)
    assert xml.text.count("<ObjectEvent>") == 1
    body = xml.text[xml.text.index("<ObjectEvent") : xml.text.index("</EventList>")]
    again = machine.post(body.strip().encode(), "events", XML, Accept=XML)
    assert again.status_code == 201, again.text
    assert again.text.lstrip().startswith("<ObjectEvent")
    assert again.headers["Idempotent-Replayed"] == "true"  # it was on record


# Notation


@pytest.mark.parametrize(
    ("asked", "applied", "epc", "place"),
    [
        (None, "Always_GS1_Digital_Link", LINK, "https://id.gs1.org/414/0614141073467/254/1234"),
        (
            "No_Preference",
            "Always_GS1_Digital_Link",
            LINK,
            "https://id.gs1.org/414/0614141073467/254/1234",
        ),
        ("Always_EPC_URN", "Always_EPC_URN", SGTIN, PLACE),
        ("Never_Translates", "Never_Translates", SGTIN, PLACE),
    ],
)
def test_identifiers_come_as_they_are_asked_for(machine, asked, applied, epc, place):
    machine.post(document(tagged()))
    headers = {} if asked is None else {"GS1_EPC_Format": asked}
    answer = machine.get("/epcis/events", **headers)
    (shown,) = found_by(answer)
    assert (shown["epcList"], shown["readPoint"]) == ([epc], {"id": place})
    assert answer.headers["GS1-EPC-Format"] == applied
    assert machine.get("/epcis/epcs", **headers).json == [
        LINK if asked != "Always_EPC_URN" else epc
    ]


def test_a_link_becomes_a_urn_where_it_is_asked_for(machine):
    machine.post(document(tagged(LINK)))
    (shown,) = found_by(machine.get("/epcis/events", GS1_EPC_Format="Always_EPC_URN"))
    assert shown["epcList"] == [SGTIN]


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ("No_Preference", "https://ref.gs1.org/cbv/BizStep-shipping"),
        ("Always_Web_URI", "https://ref.gs1.org/cbv/BizStep-shipping"),
        ("Always_URN", "urn:epcglobal:cbv:bizstep:shipping"),
        ("Never_Translates", "urn:epcglobal:cbv:bizstep:shipping"),
    ],
)
def test_words_come_in_xml_as_they_are_asked_for_and_bare_in_json(machine, asked, word):
    machine.post(document(tagged()))
    xml = machine.get("/epcis/events", Accept=XML, GS1_CBV_XML_Format=asked)
    assert f"<bizStep>{word}</bizStep>" in xml.text
    (shown,) = found_by(machine.get("/epcis/events", GS1_CBV_XML_Format=asked))
    assert shown["bizStep"] == (word if asked == "Never_Translates" else "shipping")


# Addresses


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("/epcis/capture?page=2", "/page"),
        ("/epcis/?perPage=2", "/perPage"),
        ("/epcis/queries?perPage=1&perPage=2", "/perPage"),
        ("/epcis/queries/none?name=x", "/name"),
        ("/epcis/events?EQ_bizStepp=shipping", "/EQ_bizStepp"),
        ("/epcis/events?EQ_bizStep=shipping&EQ_bizStep=receiving", "/EQ_bizStep"),
        ("/epcis/capture?perPage=0", "/perPage"),
        ("/epcis/bizSteps?perPage=many", "/perPage"),
        ("/epcis/epcs?perPage=%D9%A3", "/perPage"),
        ("/epcis/events?nextPageToken=", "/nextPageToken"),
        ("/epcis/events?nextPageToken=none", "/nextPageToken"),
        ("/epcis/export?orderBy=eventTime", "/orderBy"),
        ("/epcis/export?perPage=5", "/perPage"),
    ],
)
def test_parameters_that_are_unknown_wrong_or_given_twice_are_refused(machine, address, place):
    answer = machine.get(address)
    assert answer.status_code == 400, answer.text
    assert answer.json["type"] == "epcisException:QueryParameterException"
    assert answer.json["errors"][0]["place"] == place


def test_a_parameter_is_refused_where_something_is_sent_too(machine, sqlite_store):
    body = document(make(1, {"A": 1}))
    assert machine.post(body, "capture?dryRun=true").status_code == 400
    assert count(sqlite_store, "event") == {"event": 0}


def test_an_address_may_not_be_longer_than_is_read(machine):
    fits = machine.get(f"/epcis/events?EQ_bizStep=https://example.com/{'a' * 400}")
    assert fits.status_code == 200
    answer = machine.get(f"/epcis/events?MATCH_epc={'a' * 8000}")
    assert answer.status_code == 414
    assert answer.json["type"] == "epcisException:URITooLongException"
    assert machine.get(f"/epcis/events/{'a' * 8001}").status_code == 414


def test_extension_names_may_be_short_by_the_header(machine):
    shipped = see(1, {"A": 1}, **{"foodtrace:note": "frozen"})
    machine.post(document(shipped, see(2, {"A": 1})))
    named = "/epcis/events?EQ_x:note=frozen"
    found = machine.get(named, GS1_Extensions="x=https://foodtrace.example/ns/")
    assert ids_of(found) == [shipped["eventID"]]
    assert machine.get(named).status_code == 400
    assert machine.get(named, GS1_Extensions="nonsense").status_code == 400
    assert (
        machine.get(named, GS1_Extensions=",".join(["a=https://b.example/"] * 51)).status_code
        == 400
    )


def test_a_bare_event_comes_back_in_the_notation_that_was_asked_for(machine):
    answer = machine.post(bare(tagged()), "events", GS1_EPC_Format="Never_Translates")
    assert answer.json["epcList"] == [SGTIN]
    assert machine.post(bare(tagged()), "events").json["epcList"] == [LINK]
