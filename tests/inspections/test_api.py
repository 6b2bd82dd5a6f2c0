"""The JSON API, with keys, over the whole staff application."""

import json
from types import SimpleNamespace

import pytest

from tests.web import add_key, bearer, staff_app

from .chains import APPLE, GTIN, JAM, add_jam
from .conftest import LOT, RECALL, add_cast

CERTIFICATE = {
    "number": "SDNT-2026-0117",
    "lot": LOT,
    "kind": "commissioned",
    "sampled_on": "2026-11-02",
    "issued_on": "2026-11-05",
    "sample_amount": "2.50",
    "sample_uom": "KGM",
    "results": [
        {
            "analyte": "镉",
            "analyte_en": "Cadmium",
            "value": "0.050",
            "unit": "mg/kg",
            "limit_value": "0.2",
            "limit_standard": "GB 2762-2025",
            "limit_effective_on": "2026-09-02",
        },
        {
            "analyte": "沙门氏菌",
            "outcome": "not_detected",
            "unit": "/25g",
            "limit_comparator": "absent",
            "limit_standard": "GB 29921-2021",
        },
    ],
}


@pytest.fixture
def api(sqlite_store):
    cast = add_cast(sqlite_store)
    client = staff_app(sqlite_store).test_client()
    keys = {
        name: bearer(add_key(sqlite_store, role, getattr(cast, name).party_id))
        for name, role in (
            ("alba", "producer"),
            ("lab_a", "laboratory"),
            ("lab_b", "laboratory"),
            ("inspector", "inspector"),
            ("regulator", "regulator"),
        )
    }
    return SimpleNamespace(client=client, store=sqlite_store, **keys)


def issue(api, who=None, key=None, **changes):
    headers = (who or api.lab_a) | ({"Idempotency-Key": key} if key else {})
    return api.client.post("/api/v1/certificates", json=CERTIFICATE | changes, headers=headers)


def open_recall(api, who=None, **changes):
    return api.client.post("/api/v1/recalls", json=RECALL | changes, headers=who or api.regulator)


def places(response):
    return [error["place"] for error in response.json["errors"]]


def test_a_laboratory_system_posts_a_certificate_and_reads_it_back(api):
    made = issue(api)
    assert made.status_code == 201, made.json
    read = api.client.get(made.headers["Location"], headers=api.lab_a).json
    assert read == made.json
    assert read["verdict"] == "pass"
    assert read["laboratory"] == "山东农检中心"
    first, second = read["results"]
    assert (first["value"], first["limit_comparator"], first["verdict"]) == ("0.050", "<=", "pass")
    assert (second["value"], second["limit_value"], second["verdict"]) == (None, None, "pass")


def test_a_number_keeps_the_digits_it_was_sent_with(api):
    body = json.dumps(CERTIFICATE).replace('"0.050"', "0.050")
    made = api.client.post(
        "/api/v1/certificates", data=body, content_type="application/json", headers=api.lab_a
    )
    assert made.json["results"][0]["value"] == "0.050"


BROKEN_CERTIFICATES = [
    ({"lot": "/01/06901234567892/10/NEVER"}, "lot"),
    ({"lot": 7}, "lot"),
    ({"kind": "free"}, "kind"),
    ({"sampled_on": "02.11.2026"}, "sampled_on"),
    ({"results": []}, "results"),
    ({"results": [{"analyte": "Pb", "value": "1e5"}]}, "results/0/value"),
    ({"results": [{"analyte": "Pb", "value": -1}]}, "results/0/value"),
    ({"results": [{"analyte": "Pb", "value": True}]}, "results/0/value"),
    ({"results": [{"value": "1"}]}, "results/0/analyte"),
    ({"results": [{"analyte": "Pb", "value": "1", "verdict": "pass"}]}, "results/0/verdict"),
    (
        {"results": [{"analyte": "Pb", "value": "1", "limit_value": "2"}]},
        "results/0/limit_standard",
    ),
    ({"sample_amount": "99999999999"}, "sample_amount"),
    ({"party_id": 1}, "party_id"),
    ({"verdict": "pass"}, "verdict"),
    ({"withdrawn_at": None}, "withdrawn_at"),
]


def test_a_certificate_that_breaks_a_rule_gets_a_problem_document(api):
    for changes, place in BROKEN_CERTIFICATES:
        refused = issue(api, **changes)
        assert refused.status_code == 400
        assert refused.content_type == "application/problem+json"
        assert [each.lstrip("/") for each in places(refused)] == [place]
        assert api.client.get("/api/v1/certificates", headers=api.lab_a).json == []


def test_the_same_key_and_body_issue_one_certificate(api):
    first, again = issue(api, key="k-1"), issue(api, key="k-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert len(api.client.get("/api/v1/certificates", headers=api.lab_a).json) == 1
    assert issue(api, key="k-1", number="other").status_code == 422
    assert issue(api, key="k-2").status_code == 409


def test_a_replay_says_that_it_is_one(api):
    def post(path, body, who):
        headers = who | {"Idempotency-Key": path}
        return api.client.post(f"/api/v1{path}", json=body, headers=headers)

    made, opened = issue(api, number="1").json["id"], open_recall(api).json["id"]
    for path, body, who in (
        ("/certificates", CERTIFICATE, api.lab_a),
        (f"/certificates/{made}/withdrawal", {"reason": "样品编号有误"}, api.lab_a),
        (f"/recalls/{opened}/end", {"conclusion": "已全部召回"}, api.regulator),
        ("/recalls", RECALL, api.regulator),
    ):
        first, again = post(path, body, who), post(path, body, who)
        assert first.status_code == again.status_code < 300, first.text
        assert first.json == again.json
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"


def test_chinese_is_readable_in_an_answer(api):
    assert "山东农检中心" in issue(api).text


def test_the_same_key_of_another_laboratory_is_another_certificate(api):
    assert issue(api, key="k-1").json["id"] != issue(api, api.lab_b, key="k-1").json["id"]


def test_a_laboratory_neither_reads_nor_withdraws_what_another_issued(api):
    address = issue(api).headers["Location"]
    assert api.client.get(address, headers=api.lab_b).status_code == 404
    refused = api.client.post(f"{address}/withdrawal", json={"reason": "恶意"}, headers=api.lab_b)
    assert refused.status_code == 404
    assert api.client.get(address, headers=api.lab_a).json["withdrawn_at"] is None


def test_a_certificate_is_withdrawn_with_a_reason_and_stays(api):
    address = issue(api).headers["Location"]
    assert api.client.post(f"{address}/withdrawal", json={}, headers=api.lab_a).status_code == 400
    done = api.client.post(f"{address}/withdrawal", json={"reason": "错"}, headers=api.lab_a)
    assert done.json["withdrawal_reason"] == "错"
    assert done.json["verdict"] == "pass"
    again = api.client.post(f"{address}/withdrawal", json={"reason": "错"}, headers=api.lab_a)
    assert again.status_code == 409


def test_an_inspector_issues_and_a_producer_does_not(api):
    assert issue(api, api.inspector, kind="supervision").status_code == 201
    assert issue(api, api.alba).status_code == 403
    assert issue(api, {"Authorization": "Bearer none"}).status_code == 401


def test_a_recall_is_opened_listed_and_ended(api):
    made = open_recall(api)
    assert made.status_code == 201
    assert made.json["finish_by"] > made.json["opened_at"][:10]
    listed = api.client.get("/api/v1/recalls?open_only=true", headers=api.lab_a).json
    assert [recall["id"] for recall in listed] == [made.json["id"]]
    end = f"{made.headers['Location']}/end"
    refused = api.client.post(end, json={"conclusion": "完"}, headers=api.alba)
    assert refused.status_code == 403
    done = api.client.post(end, json={"conclusion": "已销毁"}, headers=api.regulator)
    assert done.json["end_statement"] == "已销毁"
    assert api.client.get("/api/v1/recalls?open_only=true", headers=api.lab_a).json == []
    assert len(api.client.get("/api/v1/recalls", headers=api.lab_a).json) == 1


BROKEN_RECALLS = [
    ({"recall_class": 0}, "recall_class"),
    ({"recall_class": "one"}, "recall_class"),
    ({"reason": ""}, "reason"),
    ({"hazard": "\u202eneddih"}, "hazard"),
    ({"notice_url": "javascript:alert(1)"}, "notice_url"),
    ({"opened_at": "2020-01-01T00:00:00Z"}, "opened_at"),
    ({"ended_at": None}, "ended_at"),
]


def test_a_recall_that_breaks_a_rule_gets_a_problem_document(api):
    for changes, place in BROKEN_RECALLS:
        refused = open_recall(api, **changes)
        assert refused.status_code == 400
        assert [each.lstrip("/") for each in places(refused)] == [place]


def test_a_maker_recalls_its_own_lot_through_the_api(api):
    assert open_recall(api, api.alba).status_code == 201
    assert open_recall(api, api.lab_a).status_code == 403


UNKNOWN_NUMBERS = [0, 999_999, 2**63, 10**40]


def test_what_does_not_exist_is_not_found(api):
    for number in UNKNOWN_NUMBERS:
        for address in (
            f"/api/v1/certificates/{number}",
            f"/api/v1/recalls/{number}",
            f"/api/v1/recalls/{number}/reach",
        ):
            assert api.client.get(address, headers=api.regulator).status_code == 404
        post = f"/api/v1/recalls/{number}/end"
        ended = api.client.post(post, json={"conclusion": "x"}, headers=api.regulator)
        assert ended.status_code == 404


def test_a_list_goes_on_where_the_last_page_ended(api):
    first, second = issue(api).json["id"], issue(api, number="2").json["id"]
    read = api.client.get(f"/api/v1/certificates?before={second}", headers=api.lab_a).json
    assert [certificate["id"] for certificate in read] == [first]
    assert api.client.get(f"/api/v1/certificates?before={10**30}", headers=api.lab_a).json
    assert api.client.get("/api/v1/certificates?before=x", headers=api.lab_a).status_code == 400
    only = api.client.get(f"/api/v1/certificates?lot={LOT}", headers=api.lab_a).json
    assert len(only) == 2


def test_a_chain_is_read_both_ways_with_holdings_certificates_and_recalls(api):
    with api.store.transaction() as session:
        add_jam(session)
    issue(api, lot=JAM)
    open_recall(api, lot=APPLE)
    chain = api.client.get(f"/api/v1/lots{JAM}/chain", headers=api.inspector).json
    assert chain["lot"] == JAM
    assert {item["lot_number"] for item in chain["items"]} == {"APPLE", "JAM", "SALT"}
    assert {row["standing"] for row in chain["rows"]} >= {"confirmed", "claimed_by_sender"}
    assert {held["state"] for held in chain["holdings"]} == {"held", "in_transit"}
    assert [certificate["lot"] for certificate in chain["certificates"]] == [JAM]
    assert [recall["lot"] for recall in chain["recalls"]] == [APPLE]
    reach = api.client.get(
        f"/api/v1/recalls/{chain['recalls'][0]['id']}/reach", headers=api.regulator
    ).json
    assert [item["lot_number"] for item in reach["lots"]] == ["APPLE", "JAM"]


NO_LOTS = [
    f"01/{GTIN}/10/NEVER",
    "01/123/10/L",
    "q/NONSENSE",
    "nothing",
    "01/06901234567892/10/%E8%8B",
]


def test_the_chain_of_what_is_no_lot_is_not_found(api):
    for identifier in NO_LOTS:
        address = f"/api/v1/lots/{identifier}/chain"
        assert api.client.get(address, headers=api.regulator).status_code == 404
