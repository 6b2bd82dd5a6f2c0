"""Links by the API and in the console: given, listed and ended by their owners."""

import pytest

from ..web import Browser, add_key, add_person, bearer, staff_app

GTIN = "06901234567892"
LINK = {
    "anchor": f"/01/{GTIN}",
    "link_type": "gs1:recipeInfo",
    "href": "https://recipes.example/chili",
    "title": "辣椒酱食谱",
}


@pytest.fixture
def app(sqlite_store):
    return staff_app(sqlite_store, link_hosts=frozenset({"known.example"}))


@pytest.fixture
def alba(sqlite_store, app):
    """A producer with one product: her party, a client, and her key."""
    key = add_key(sqlite_store, "producer")
    client = app.test_client()
    made = client.post(
        "/api/v1/products", json={"name": "辣椒酱", "gtin": GTIN}, headers=bearer(key)
    )
    assert made.status_code == 201
    return made.json["party_id"], client, bearer(key)


def test_it_works(alba):
    _, client, key = alba
    given = client.post("/api/v1/links", json=LINK | {"language": "zh"}, headers=key)
    assert given.status_code == 201
    assert given.json["link_type"] == "recipeInfo"
    (listed,) = client.get("/api/v1/links", headers=key).json
    assert listed["href"] == LINK["href"]
    assert client.get(f"/api/v1/links?anchor=/01/{GTIN}/10/A", headers=key).json == []
    address = f"/api/v1/links/{given.json['id']}"
    assert client.delete(address, headers=key).status_code == 204
    assert client.get("/api/v1/links", headers=key).json == []
    assert client.delete(address, headers=key).status_code == 409


def test_the_same_key_gives_one_link(alba):
    _, client, key = alba
    answers = [
        client.post("/api/v1/links", json=LINK, headers=key | {"Idempotency-Key": "k1"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json == answers[1].json
    assert len(client.get("/api/v1/links", headers=key).json) == 1


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"href": "javascript:alert(1)"}, "href"),
        ({"href": "//evil.example"}, "href"),
        ({"href": "https://evil.example/\r\nX: y"}, "href"),
        ({"link_type": "recallStatus"}, "link_type"),
        ({"title": "x\u200by"}, "title"),
        ({"anchor": "/00/106901234500000010"}, "anchor"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_name(alba, change, place):
    _, client, key = alba
    refused = client.post("/api/v1/links", json=LINK | change, headers=key)
    assert refused.status_code == 400
    assert refused.json["errors"][0]["place"] == f"/{place}"


def test_columns_of_the_table_cannot_be_set(alba):
    _, client, key = alba
    for name in ("id", "party_id", "created_at", "ended_at"):
        refused = client.post("/api/v1/links", json=LINK | {name: 1}, headers=key)
        assert refused.status_code == 400


def test_links_of_others_are_not_found(sqlite_store, alba):
    _, client, key = alba
    link_id = client.post("/api/v1/links", json=LINK, headers=key).json["id"]
    other = bearer(add_key(sqlite_store, "operator"))
    assert client.get("/api/v1/links", headers=other).json == []
    assert client.delete(f"/api/v1/links/{link_id}", headers=other).status_code == 404
    assert client.post("/api/v1/links", json=LINK, headers=other).status_code == 404
    assert len(client.get("/api/v1/links", headers=key).json) == 1


def test_the_console_lists_adds_and_ends_links(sqlite_store, app, alba):
    party_id, _, _ = alba
    add_person(sqlite_store, "alba", "producer", party_id=party_id)
    browser = Browser(app)
    browser.sign_in("alba")
    assert "/producers/links" in browser.get("/producers/register").text
    assert browser.post("/producers/links", LINK | {"link_type": "recipeInfo"}).status_code == 303
    known = LINK | {"link_type": "support", "href": "https://known.example/", "language": "zh"}
    assert browser.post("/producers/links", known).status_code == 303
    page = browser.get("/producers/links").text
    assert "https://recipes.example/chili" in page
    assert page.count("https://known.example/") == 1
    wrong = browser.post("/producers/links", LINK | {"href": "http://evil.example", "title": ""})
    assert wrong.status_code == 400
    assert "http://evil.example" in wrong.text  # what was typed stays
    link_id = page.split("/producers/links/")[1].split("/end")[0]
    end = f"/producers/links/{link_id}/end"
    assert browser.post(end, form_on="/producers/links").status_code == 303
    assert browser.post(end, form_on="/producers/links").status_code == 409
    assert "https://known.example/" not in browser.get("/producers/links").text
