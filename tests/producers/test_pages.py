"""The console, used as a person does: forms are sent as the page draws them."""

import html
import io
import re
from datetime import timedelta

import pytest
import zxingcpp
from PIL import Image

from foodtrace.producers import services
from foodtrace.producers.services import Moved

from .conftest import NOON, kilograms, on_sqlite

pytestmark = on_sqlite


def filled(page):
    """Return what a browser would send of the last form of a page if nothing were changed."""
    form = page.text.rsplit("<form", 1)[1]
    fields = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = {
            key: html.unescape(value) for key, value in re.findall(r'([\w-]+)="([^"]*)"', tag)
        }
        if attributes.get("type") in ("checkbox", "radio") and " checked" not in tag:
            continue
        if "name" in attributes:
            fields[attributes["name"]] = attributes.get("value", "")
    for name, inside in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', inside)
        first = re.search(r'<option value="([^"]*)"', inside)
        fields[name] = html.unescape((chosen or first)[1])
    return fields


def messages(page):
    return re.findall(r'<p class="error"[^>]*>(?:<span[^>]*>[^<]*</span>)?\s*([^<]+)<', page.text)


def held(store, member):
    with store.reading() as session:
        return member.hold(session)


def test_the_first_page_leads_to_the_first_label(alba_at_home):
    page = alba_at_home.get("/producers")
    assert page.status_code == 200
    tasks = re.search(r'<ol class="tasks".*?</ol>', page.text, re.S)[0]
    assert [("done" in task) for task in tasks.split("<li>")[1:]] == [
        False,
        True,
        False,
        False,
        False,
    ]
    assert "Register a product" in tasks


def test_the_tasks_are_gone_for_who_knows_the_way(store, alba, alba_at_home, chili):
    from .conftest import make

    alba_at_home.post(
        "/producers/profile", {"region": "四川", "address": "1号", "phone": "028-88123456"}
    )
    with store.transaction() as session:
        make(session, alba, chili)
        make(session, alba, chili, amount=2)
    assert "First steps" not in alba_at_home.get("/producers").text


def test_a_place_a_product_and_a_batch_are_registered_one_after_the_other(
    store, alba, alba_at_home
):
    browser = alba_at_home
    answer = browser.post("/producers/places/new", {"name": "三号地", "region": "四川省成都市"})
    assert (answer.status_code, answer.location) == (303, "/producers")
    answer = browser.post("/producers/products/new", {"name": "鲜辣椒", "shelf_life_days": "30"})
    assert answer.status_code == 303
    form = filled(browser.get("/producers/lots/new"))
    answer = browser.post(
        "/producers/lots/new",
        form | {"amount": "12.5", "production_date": "2026-10-01", "place_id": str(alba.place_id)},
    )
    assert answer.status_code == 303, messages(answer)
    lot = browser.get(answer.location)
    assert lot.status_code == 200
    assert "20261001-01" in lot.text
    assert "12.5 kg" in lot.text
    assert "The batch is registered." in lot.text
    assert list(held(store, alba).values()) == [12.5]


def test_jin_are_kept_as_kilograms(store, alba, alba_at_home, chili):
    form = filled(alba_at_home.get("/producers/lots/new"))
    alba_at_home.post(
        "/producers/lots/new",
        form | {"amount": "100", "uom": "JIN", "production_date": "2026-10-01"},
    )
    assert list(held(store, alba).values()) == [50]


def test_a_refused_form_comes_back_with_the_message_and_what_was_typed(alba_at_home, chili):
    form = filled(alba_at_home.get("/producers/lots/new"))
    page = alba_at_home.post(
        "/producers/lots/new", form | {"amount": "a lot", "lot_number": "A/1", "origin": "四川"}
    )
    assert page.status_code == 400
    assert "<title>Error: New batch" in page.text
    assert 'href="#field-amount"' in page.text
    assert 'id="error-amount"' in page.text
    assert 'value="a lot"' in page.text
    assert 'value="四川"' in page.text
    assert filled(page)["token"] == form["token"]


def test_a_rule_of_the_service_stands_beside_its_field_too(alba_at_home, chili):
    form = filled(alba_at_home.get("/producers/lots/new"))
    page = alba_at_home.post("/producers/lots/new", form | {"amount": "5", "lot_number": "A/1"})
    assert page.status_code == 400
    assert 'id="error-lot_number"' in page.text


def test_a_double_tap_records_once(store, alba, alba_at_home, chili):
    form = filled(alba_at_home.get("/producers/lots/new")) | {"amount": "7"}
    first = alba_at_home.post("/producers/lots/new", form)
    second = alba_at_home.post("/producers/lots/new", form)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.location == second.location
    assert list(held(store, alba).values()) == [7]


def test_the_same_batch_from_a_new_form_is_another_batch(store, alba, alba_at_home, chili):
    for _ in range(2):
        form = filled(alba_at_home.get("/producers/lots/new")) | {"amount": "7"}
        assert alba_at_home.post("/producers/lots/new", form).status_code == 303
    assert sorted(held(store, alba).values()) == [7, 7]


def test_a_sale_that_looks_like_the_last_one_counts_again(store, alba, alba_at_home, lot):
    for _ in range(2):
        form = filled(alba_at_home.get(f"/producers/sell?code={lot}"))
        form |= {"items.0.amount": "5", "at": "2026-10-02T10:30"}
        answer = alba_at_home.post("/producers/sell", form)
        assert answer.status_code == 303, messages(answer)
    assert held(store, alba) == {lot: 90}


def test_the_last_batch_is_copied(alba_at_home, lot):
    form = filled(alba_at_home.get("/producers/lots/new?copy=last"))
    assert form["amount"] == "100"
    assert form["uom"] == "KGM"


def test_a_batch_is_made_of_chosen_stock(store, alba, alba_at_home, lot):
    form = filled(alba_at_home.get("/producers/lots/new"))
    form |= {"amount": "10", "inputs.0.identifier": f"KGM {lot}", "inputs.0.amount": "30"}
    answer = alba_at_home.post("/producers/lots/new", form)
    assert answer.status_code == 303, messages(answer)
    assert held(store, alba)[lot] == 70


def test_a_wrong_amount_is_told_in_the_row_that_was_filled_in(
    store, alba, alba_at_home, chili, lot
):
    from .conftest import make

    with store.transaction() as session:
        make(session, alba, chili, lot_number="Z", amount=3)
    form = filled(alba_at_home.get("/producers/lots/new"))
    form |= {"amount": "10", "inputs.1.identifier": f"KGM {lot[:-11]}Z", "inputs.1.amount": "4"}
    page = alba_at_home.post("/producers/lots/new", form)
    assert page.status_code == 409
    assert 'id="error-inputs.1.amount"' in page.text
    assert 'id="error-inputs.0.amount"' not in page.text
    assert "You hold 3 of it, not 4" in html.unescape(page.text)


def test_goods_are_shipped_to_a_party_that_is_searched_for(store, alba, carla, alba_at_home, lot):
    browser = alba_at_home
    form = filled(browser.get(f"/producers/ship?code={lot}"))
    assert form["items.0.identifier"] == f"KGM {lot}"
    page = browser.post("/producers/ship", form | {"recipient": "kitch", "items.0.amount": "40"})
    assert page.status_code == 400
    assert "Carla Kitchen" in page.text
    assert "四川省德阳市" in page.text
    assert "028-88123456" not in page.text
    again = filled(page)
    assert again["recipient_id"] == str(carla.party_id)
    assert again["items.0.amount"] == "40"
    answer = browser.post("/producers/ship", again | {"celsius": "3.5", "document": "FH-1"})
    assert answer.status_code == 303, messages(answer)
    assert held(store, alba) == {lot: 60}
    assert "Shipped to Carla Kitchen" in browser.get("/producers").text


def test_a_recipient_that_nobody_knows_is_refused_beside_the_field(alba_at_home, lot):
    form = filled(alba_at_home.get(f"/producers/ship?code={lot}"))
    for name in ("nobody at all", ""):
        page = alba_at_home.post("/producers/ship", form | {"recipient": name})
        assert page.status_code == 400
        assert 'id="error-recipient"' in page.text


def test_nothing_chosen_is_refused(alba_at_home, carla, lot):
    form = filled(alba_at_home.get("/producers/ship"))
    page = alba_at_home.post("/producers/ship", form | {"recipient": "Carla Kitchen"})
    assert page.status_code == 400
    assert "Nothing is chosen" in page.text


@pytest.fixture
def announced(store, alba, carla, lot):
    """40 kg of Alba's lot are on their way to Carla."""
    with store.transaction() as session:
        services.ship(
            session,
            alba.actor,
            items=[kilograms(lot, 40)],
            place_id=alba.place_id,
            recipient_id=carla.party_id,
            at=NOON,
        )
        return services.shipments_to(session, carla.party_id)[0].event_id


def test_a_scanned_code_leads_to_the_shipment_that_brings_it(browser_of, carla, announced, lot):
    browser = browser_of(carla)
    answer = browser.get("/producers/scan", query_string={"code": f"https://x.example{lot}"})
    assert answer.status_code == 302
    assert answer.location.startswith(f"/producers/receive/{announced}")
    page = browser.get(answer.location)
    assert "Alba Farm" in page.text
    assert "40 kg" in page.text


def test_an_announced_shipment_is_confirmed_with_one_button(
    store, browser_of, carla, announced, lot
):
    browser = browser_of(carla, "operator")
    assert "Alba Farm" in browser.get("/producers/receive").text
    form = filled(browser.get(f"/producers/receive/{announced}"))
    answer = browser.post(f"/producers/receive/{announced}", form)
    assert (answer.status_code, answer.location) == (303, "/producers/receive")
    again = browser.client.post(
        f"/producers/receive/{announced}",
        data=form | {"csrf_token": filled(browser.get("/producers/receive/other"))["csrf_token"]},
    )
    assert again.status_code == 303
    assert held(store, carla) == {lot: 40}
    assert browser.get(f"/producers/receive/{announced}").status_code == 404


def test_less_than_announced_closes_the_shipment_when_the_rest_will_not_come(
    store, browser_of, carla, announced, lot
):
    browser = browser_of(carla)
    form = filled(browser.get(f"/producers/receive/{announced}"))
    form |= {"items.0.amount": "38", "condition": "mismatch_quantity", "note": "少两公斤"}
    assert browser.post(f"/producers/receive/{announced}", form).status_code == 303
    assert held(store, carla) == {lot: 38}
    assert "Nothing is announced" in browser.get("/producers/receive").text
    page = browser.get(f"/producers/lots{lot}")
    assert "less than was sent" in page.text


def test_more_than_announced_is_refused_beside_the_amount(browser_of, carla, announced):
    browser = browser_of(carla)
    form = filled(browser.get(f"/producers/receive/{announced}")) | {"items.0.amount": "41"}
    page = browser.post(f"/producers/receive/{announced}", form)
    assert page.status_code == 409
    assert 'id="error-items.0.amount"' in page.text
    assert 'value="41"' in page.text


def test_what_nobody_announced_is_received_from_a_named_sender(store, browser_of, alba, carla, lot):
    browser = browser_of(carla)
    form = filled(browser.get("/producers/receive/other", query_string={"code": lot}))
    form |= {"amount": "5", "sender": "Alba Farm"}
    answer = browser.post("/producers/receive/other", form)
    assert answer.status_code == 303, messages(answer)
    assert held(store, carla) == {lot: 5}


def test_goods_are_packed_and_unpacked(store, alba, alba_at_home, lot):
    browser = alba_at_home
    form = filled(browser.get(f"/producers/pack?code={lot}"))
    assert form["sscc"].startswith("1690123450000")
    answer = browser.post("/producers/pack", form | {"contents.0.amount": "25"})
    assert answer.status_code == 303, messages(answer)
    sscc = f"/00/{form['sscc']}"
    assert held(store, alba) == {lot: 75, sscc: None}
    assert "25 kg" in browser.get("/producers").text
    assert browser.get(f"/producers/lots{sscc}").status_code == 200
    form = filled(browser.get("/producers/unpack"))
    assert browser.post("/producers/unpack", form).status_code == 303
    assert held(store, alba)[lot] == 100


def test_temperatures_are_recorded(store, alba, alba_at_home, lot):
    form = filled(alba_at_home.get(f"/producers/temperatures?code={lot}"))
    form |= {"readings.0.celsius": "3.5", "readings.2.celsius": "-1"}
    answer = alba_at_home.post("/producers/temperatures", form)
    assert answer.status_code == 303, messages(answer)
    assert "-1 – 3.5 °C" in alba_at_home.get(f"/producers/lots{lot}").text.replace("\n", "")


def test_a_temperature_that_is_no_number_is_told_in_its_row(alba_at_home, lot):
    form = filled(alba_at_home.get(f"/producers/temperatures?code={lot}"))
    form |= {"readings.2.celsius": "cold"}
    page = alba_at_home.post("/producers/temperatures", form)
    assert page.status_code == 400
    assert 'id="error-readings.2.celsius"' in page.text


def test_goods_are_destroyed(store, alba, alba_at_home, lot):
    form = filled(alba_at_home.get(f"/producers/sell?code={lot}"))
    alba_at_home.post("/producers/sell", form | {"how": "destroyed", "note": "发霉"})
    assert held(store, alba) == {}


def test_a_scan_that_names_nothing_comes_back_with_a_message(alba_at_home):
    page = alba_at_home.get("/producers/scan?code=nonsense")
    assert page.status_code == 400
    assert "no code that this service knows" in page.text


def test_codes_that_are_scanned_one_by_one_add_up(alba_at_home, lot):
    page = alba_at_home.get(f"/producers/ship?code={lot}&code=nonsense")
    assert "2 codes scanned" in page.text
    assert "Not in your stock: nonsense" in page.text
    assert filled(page)["items.0.identifier"] == f"KGM {lot}"


def test_the_label_of_a_lot_is_shown_and_downloaded(alba_at_home, lot):
    page = alba_at_home.get(f"/producers/lots{lot}/label?copies=3")
    assert page.text.count('<article class="label">') == 3
    assert "(01)06901234567892(10)20261001-01" in page.text
    picture = alba_at_home.get(f"/producers/lots{lot}/qr.png?dpi=203")
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.data)))
    assert code.text == f"http://localhost{lot}"
    assert "attachment" in picture.headers["Content-Disposition"]
    assert alba_at_home.get(f"/producers/lots{lot}/qr.svg").mimetype == "image/svg+xml"
    assert alba_at_home.get(f"/producers/lots{lot}/qr.png?dpi=1").status_code == 400


def test_a_label_text_is_changed_and_its_history_kept(alba_at_home, chili):
    form = filled(alba_at_home.get(f"/producers/products/{chili}")) | {"storage": "0–4 ℃"}
    assert alba_at_home.post(f"/producers/products/{chili}", form).status_code == 303
    page = alba_at_home.get(f"/producers/products/{chili}")
    assert 'value="0–4 ℃"' in page.text
    assert "Earlier versions" in page.text


def test_a_rival_finds_nothing_of_a_lot(browser_of, bruno, lot, chili):
    rival = browser_of(bruno)
    for path in ("", "/label", "/qr.png", "/qr.svg"):
        assert rival.get(f"/producers/lots{lot}{path}").status_code == 404
    assert rival.get(f"/producers/products/{chili}").status_code == 404
    assert rival.get("/producers/scan", query_string={"code": lot}).status_code == 404
    for path in ("", "/lots", "/stock", "/ship", "/receive", "/pack", "/register"):
        page = rival.get(f"/producers{path}")
        assert page.status_code == 200
        assert "20261001-01" not in page.text
        assert "Alba" not in page.text


def test_an_operator_moves_goods_and_makes_none(browser_of, carla):
    browser = browser_of(carla, "operator")
    page = browser.get("/producers")
    assert "New batch" not in page.text
    assert browser.get("/producers/lots/new").status_code == 403
    assert browser.get("/producers/products/new").status_code == 403


def test_every_page_is_there_in_both_languages(store, browser_of, alba, carla, announced, lot):
    alba_browser, carla_browser = browser_of(alba), browser_of(carla)
    paths = ["", "/lots", "/lots/new", "/stock", "/register", "/profile", "/places/new"]
    paths += ["/products/new", "/ship", "/receive", "/receive/other", "/pack", "/unpack"]
    paths += ["/temperatures", "/sell", f"/lots{lot}", f"/lots{lot}/label"]
    for path in paths:
        for language, title in (("zh-CN", 'lang="zh-CN"'), ("en", 'lang="en"')):
            page = alba_browser.get(f"/producers{path}", query_string={"lang": language})
            assert page.status_code == 200, path
            assert title in page.text
    page = carla_browser.get(f"/producers/receive/{announced}?lang=zh-CN")
    assert page.status_code == 200


def test_lots_are_searched(alba_at_home, lot):
    assert "20261001-01" in alba_at_home.get("/producers/lots?search=2026").text
    page = alba_at_home.get("/producers/lots?search=nothing")
    assert "No lot fits" in page.text
    assert alba_at_home.get("/producers/lots?after=nonsense").status_code == 400


def test_a_pallet_that_is_shipped_is_received_by_its_label(store, browser_of, alba, carla, lot):
    sscc = "106901234500000010"
    with store.transaction() as session:
        services.pack(
            session,
            alba.actor,
            sscc=sscc,
            contents=[kilograms(lot, 9)],
            place_id=alba.place_id,
            at=NOON,
        )
        services.ship(
            session,
            alba.actor,
            items=[Moved(sscc)],
            place_id=alba.place_id,
            recipient_id=carla.party_id,
            at=NOON + timedelta(hours=1),
        )
    browser = browser_of(carla)
    page = browser.get(
        "/producers/scan", query_string={"code": f"(00){sscc}"}, follow_redirects=True
    )
    form = filled(page)
    answer = browser.post(page.request.path, form)
    assert answer.status_code == 303, messages(answer)
    assert held(store, carla) == {f"/00/{sscc}": None}
