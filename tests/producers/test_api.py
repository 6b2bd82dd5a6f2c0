"""The JSON API over HTTP, with real keys."""

import io

import pytest
import zxingcpp
from PIL import Image

from foodtrace.trace.access.actor import SYSTEM, Role
from foodtrace.trace.access.keys import create_key

from ..web import add_key, bearer, staff_app
from .conftest import GTIN, on_sqlite

pytestmark = on_sqlite


class Client:
    """A program with a key."""

    def __init__(self, app, key):
        self.client = app.test_client()
        self.headers = bearer(key)

    def get(self, path, **headers):
        return self.client.get(f"/api/v1{path}", headers=self.headers | headers)

    def post(self, path, body, key=None):
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return self.client.post(f"/api/v1{path}", json=body, headers=headers)

    def patch(self, path, body, **headers):
        return self.client.patch(f"/api/v1{path}", json=body, headers=self.headers | headers)


@pytest.fixture
def app(store):
    return staff_app(store)


@pytest.fixture
def client_of(store, app):
    def client_of(member, role=Role.PRODUCER):
        with store.transaction() as session:
            key = create_key(session, SYSTEM, role=role, party_id=member.party_id)
        return Client(app, key)

    return client_of


@pytest.fixture
def alba_api(client_of, alba):
    return client_of(alba)


@pytest.fixture
def carla_api(client_of, carla):
    return client_of(carla)


@pytest.fixture
def new_lot(alba, chili):
    return {
        "product_id": chili,
        "place_id": alba.place_id,
        "amount": 820.5,
        "uom": "KGM",
        "made_at": "2026-10-01T12:00:00+08:00",
        "production_date": "2026-10-01",
    }


def places_of(answer):
    return [error["place"] for error in answer.json["errors"]]


def test_a_lot_is_registered_and_read_back(alba_api, new_lot):
    answer = alba_api.post("/lots", new_lot | {"origin": "四川省成都市"})
    assert answer.status_code == 201, answer.text
    identifier = f"/01/{GTIN}/10/20261001-01"
    assert answer.json["identifier"] == identifier
    assert answer.json["url"] == f"http://localhost{identifier}"
    assert answer.headers["Location"] == f"/api/v1/lots{identifier}"
    read = alba_api.get(f"/lots{identifier}")
    assert read.status_code == 200
    assert read.json["goods"]["amount"] == 820.5
    assert read.json["goods"]["expiry_date"] == "2026-10-31"
    assert read.json["origin"] == "四川省成都市"
    assert read.json["maker"]["name"] == "Alba Farm"
    assert [goods["amount"] for goods in read.json["held"]] == [820.5]
    assert [lot["lot_number"] for lot in alba_api.get("/lots").json["lots"]] == ["20261001-01"]


def test_the_event_of_an_act_is_served_as_epcis(alba_api, new_lot):
    event_id = alba_api.post("/lots", new_lot).json["event_id"]
    event = alba_api.client.get(f"/epcis/events/{event_id}", headers=alba_api.headers)
    assert event.status_code == 200
    (shown,) = event.json["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert shown["bizStep"] == "commissioning"


def test_a_lot_that_is_read_again_unchanged_is_304(alba_api, new_lot):
    path = alba_api.post("/lots", new_lot).json["identifier"]
    etag = alba_api.get(f"/lots{path}").headers["ETag"]
    assert alba_api.get(f"/lots{path}", **{"If-None-Match": etag}).status_code == 304


def test_the_same_key_records_once(alba_api, new_lot):
    first = alba_api.post("/lots", new_lot, key="one")
    again = alba_api.post("/lots", new_lot, key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(alba_api.get("/lots").json["lots"]) == 1


def test_the_same_key_with_another_body_is_refused(alba_api, new_lot):
    alba_api.post("/lots", new_lot, key="one")
    other = alba_api.post("/lots", new_lot | {"amount": 1}, key="one")
    assert other.status_code == 422
    assert other.mimetype == "application/problem+json"


def test_a_refused_act_leaves_its_key_free(alba_api, new_lot):
    assert alba_api.post("/lots", new_lot | {"amount": 0}, key="one").status_code == 400
    assert alba_api.post("/lots", new_lot, key="one").status_code == 201


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"amount": "many"}, "/amount"),
        ({"amount": 0}, "/amount"),
        ({"uom": "kg"}, "/uom"),
        ({"production_date": "01.10.2026"}, "/production_date"),
        ({"made_at": "2026-10-01T12:00:00"}, "/made_at"),
        ({"made_at": "2126-10-01T12:00:00Z"}, "/made_at"),
        ({"lot_number": "A/B"}, "/lot_number"),
        ({"product_id": 999}, "/product_id"),
        ({"place_id": 999}, "/place_id"),
        ({"colour": "red"}, "/colour"),
        ({"inputs": [{"identifier": "/01/1"}]}, "/inputs/0/identifier"),
        ({"inputs": [{"amount": 1}]}, "/inputs/0/identifier"),
        ({"readings": [{"at": "2026-10-01T12:00:00Z", "celsius": 999}]}, "/readings/0/celsius"),
    ],
)
def test_a_refusal_names_the_place_the_rule_and_the_fix(alba_api, new_lot, change, place):
    answer = alba_api.post("/lots", new_lot | change)
    assert answer.status_code == 400, answer.text
    assert answer.mimetype == "application/problem+json"
    assert places_of(answer) == [place]
    assert answer.json["errors"][0]["rule"]


def test_every_missing_field_is_named_at_once(alba_api):
    answer = alba_api.post("/lots", {})
    assert answer.status_code == 400
    assert sorted(places_of(answer)) == ["/amount", "/place_id", "/product_id", "/production_date"]


def test_the_same_lot_twice_is_a_conflict(alba_api, new_lot):
    alba_api.post("/lots", new_lot | {"lot_number": "L1"})
    answer = alba_api.post("/lots", new_lot | {"lot_number": "L1", "amount": 5})
    assert answer.status_code == 409
    assert places_of(answer) == ["/lot_number"]


def test_goods_are_shipped_announced_and_received(alba, carla, alba_api, carla_api, lot):
    shipment = {
        "items": [{"identifier": lot, "amount": 40, "uom": "KGM"}],
        "place_id": alba.place_id,
        "recipient_id": carla.party_id,
        "at": "2026-10-02T08:00:00+08:00",
        "document": "FH-1",
        "temperatures": [{"at": "2026-10-02T08:00:00+08:00", "celsius": 3.5}],
    }
    assert alba_api.post("/shipments", shipment).status_code == 201
    (coming,) = carla_api.get("/shipments").json
    assert coming["sender_name"] == "Alba Farm"
    assert coming["lines"][0]["to_come"] == 40
    receipt = {
        "items": [{"identifier": lot}],
        "place_id": carla.place_id,
        "sender_id": alba.party_id,
        "at": "2026-10-02T18:00:00+08:00",
    }
    assert carla_api.post("/receipts", receipt).status_code == 201
    assert carla_api.get("/shipments").json == []
    assert [goods["amount"] for goods in carla_api.get("/stock").json] == [40]


def test_more_than_is_held_is_a_conflict_at_its_line(alba, carla, alba_api, lot):
    answer = alba_api.post(
        "/shipments",
        {
            "items": [{"identifier": lot, "amount": 101, "uom": "KGM"}],
            "place_id": alba.place_id,
            "recipient_id": carla.party_id,
        },
    )
    assert answer.status_code == 409
    assert places_of(answer) == ["/items/0/amount"]


def test_goods_are_packed_unpacked_cooled_sold_and_destroyed(alba, alba_api, lot):
    sscc = "106901234500000010"
    here = {"place_id": alba.place_id}
    some = [{"identifier": lot, "amount": 10, "uom": "KGM"}]
    acts = [
        ("/packings", {"sscc": sscc, "contents": some}),
        ("/unpackings", {"sscc": sscc}),
        (
            "/temperatures",
            {
                "items": [{"identifier": lot}],
                "readings": [{"at": "2026-10-02T08:00:00Z", "celsius": -18}],
            },
        ),
        ("/sales", {"items": some, "at": "2026-10-02T09:00:00+08:00"}),
        ("/destructions", {"items": some, "note": "发霉"}),
    ]
    for path, body in acts:
        answer = alba_api.post(path, here | body)
        assert answer.status_code == 201, answer.text
        assert answer.json["event_id"]
    held = {goods["identifier"]: goods["amount"] for goods in alba_api.get("/stock").json}
    assert held[lot] == 80


def test_a_lot_is_split_into_lots_of_its_own(alba, alba_api, lot):
    body = {
        "identifier": lot,
        "place_id": alba.place_id,
        "shares": [{"amount": 30, "uom": "KGM"}, {"amount": 20, "uom": "KGM", "lot_number": "B"}],
    }
    answer = alba_api.post("/splits", body, key="split")
    assert answer.status_code == 201, answer.text
    assert [made["lot_number"] for made in answer.json["lots"]] == ["20261001-02", "B"]
    assert alba_api.post("/splits", body, key="split").json == answer.json
    read = alba_api.get(f"/lots{answer.json['lots'][1]['identifier']}").json
    assert [goods["identifier"] for goods in read["inputs"]] == [lot]
    too_much = alba_api.post("/splits", body | {"shares": [{"amount": 51, "uom": "KGM"}]})
    assert (too_much.status_code, places_of(too_much)) == (409, ["/shares/0/amount"])


def test_the_qr_code_of_a_lot_is_printed(alba_api, lot):
    picture = alba_api.get(f"/lots{lot}/qr.png?dpi=203")
    assert picture.mimetype == "image/png"
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.data)))
    assert code.text == f"http://localhost{lot}"
    drawing = alba_api.get(f"/lots{lot}/qr.svg")
    assert drawing.mimetype == "image/svg+xml"
    assert drawing.text.startswith("<svg")
    assert places_of(alba_api.get(f"/lots{lot}/qr.png?dpi=10")) == ["/dpi"]


def test_a_rival_learns_nothing_of_a_lot(client_of, bruno, alba_api, lot):
    rival = client_of(bruno)
    unknown = rival.get("/lots/01/06901234567892/10/NEVER")
    for path in ("", "/qr.svg", "/qr.png"):
        answer = rival.get(f"/lots{lot}{path}")
        assert answer.status_code == 404
    known = rival.get(f"/lots{lot}")
    assert known.json["detail"] == unknown.json["detail"]
    assert rival.get("/lots").json == {"lots": [], "next": None}
    assert rival.get("/stock").json == []


def test_a_rival_learns_nothing_of_places_and_products(client_of, alba, bruno, chili):
    rival = client_of(bruno)
    for path in (
        f"/places/{alba.place_id}",
        f"/products/{chili}",
        f"/parties/{alba.party_id}",
        f"/places?party_id={alba.party_id}",
        f"/products?party_id={alba.party_id}",
    ):
        assert rival.get(path).status_code == 404, path
    assert (
        rival.patch(f"/products/{chili}", {"name": "x"}, **{"If-Match": '"x"'}).status_code == 404
    )
    answer = rival.post("/places", {"party_id": alba.party_id, "name": "mine"})
    assert answer.status_code == 404


def test_members_find_each_other_by_name_and_region_only(alba_api, carla):
    (found,) = alba_api.get("/parties?search=carla").json
    assert found == {
        "id": carla.party_id,
        "name": "Carla Kitchen",
        "name_en": None,
        "region": "四川省德阳市",
    }


def test_only_the_register_s_keepers_register_parties(store, app, alba_api):
    party = {"name": "新农场", "kind": "farm", "uscc": "91110000600037341L"}
    assert alba_api.post("/parties", party).status_code == 403
    registrar = Client(app, add_key(store, "administrator"))
    answer = registrar.post("/parties", party)
    assert answer.status_code == 201
    assert answer.json["uscc"] == "91110000600037341L"
    assert registrar.get(answer.headers["Location"].removeprefix("/api/v1")).status_code == 200
    wrong = registrar.post("/parties", party | {"uscc": "911100006000373410", "gln": "12"})
    assert wrong.status_code == 400
    assert sorted(places_of(wrong)) == ["/gln", "/uscc"]


def test_a_place_and_a_product_are_registered_for_one_s_own_party(alba_api, alba):
    place = alba_api.post("/places", {"name": "二号地", "region": "四川省成都市"})
    assert (place.status_code, place.json["party_id"]) == (201, alba.party_id)
    product = alba_api.post("/products", {"name": "土豆", "shelf_life_days": 90})
    assert product.status_code == 201
    assert product.json["identifier"].startswith("/q/")
    assert [found["name"] for found in alba_api.get("/products").json] == ["土豆"]
    assert len(alba_api.get("/places").json) == 2


def test_a_label_is_revised_only_by_who_has_read_it(alba_api, chili):
    path = f"/products/{chili}"
    assert alba_api.patch(path, {"name": "红辣椒"}).status_code == 428
    etag = alba_api.get(path).headers["ETag"]
    answer = alba_api.patch(path, {"name": "红辣椒"}, **{"If-Match": etag})
    assert (answer.status_code, answer.json["name"]) == (200, "红辣椒")
    late = alba_api.patch(path, {"name": "青辣椒"}, **{"If-Match": etag})
    assert late.status_code == 412


def test_an_administrator_acts_for_no_party(store, app, alba):
    registrar = Client(app, add_key(store, "administrator"))
    assert places_of(registrar.post("/places", {"name": "x"})) == ["/party_id"]
    answer = registrar.post("/places", {"name": "三号地", "party_id": alba.party_id})
    assert answer.status_code == 201


@pytest.mark.parametrize("number", [str(2**63), "9" * 30, "9" * 5000], ids=len)
def test_a_number_that_no_database_keeps_names_nothing(store, app, alba, chili, number):
    registrar = Client(app, add_key(store, "regulator"))
    for path in ("parties", "places", "products"):
        assert registrar.get(f"/{path}/{number}").status_code == 404
        assert registrar.patch(f"/{path}/{number}", {}, **{"If-Match": '"x"'}).status_code == 404
    assert registrar.get(f"/places?party_id={number}").status_code == 400


@pytest.mark.parametrize("number", [2**63, 10**30, -(10**30)])
def test_a_number_that_no_database_keeps_is_refused_in_a_body(alba_api, new_lot, number):
    for field in ("product_id", "place_id"):
        answer = alba_api.post("/lots", new_lot | {field: number})
        assert answer.status_code == 400, answer.json
        assert [error["place"] for error in answer.json["errors"]] == [f"/{field}"]


def test_part_of_a_code_does_not_find_whose_it_is(store, app, alba_api):
    registrar = Client(app, add_key(store, "administrator"))
    party = {"name": "新农场", "kind": "farm", "gln": "9506000134352"}
    assert registrar.post("/parties", party).status_code == 201
    assert alba_api.get("/parties?search=950600013435").json == []
    assert [found["name"] for found in alba_api.get("/parties?search=9506000134352").json] == [
        "新农场"
    ]
