"""The console in a browser without scripts, in both languages."""

import csv
import io
import re

import pytest

from foodtrace.inspections import services
from tests.web import Browser, add_person, staff_app

from .chains import APPLE, JAM, add_jam
from .conftest import LOT, RECALL, add_cast, certificate

FORM = {
    "lot": LOT,
    "number": "SDNT-2026-0118",
    "kind": "commissioned",
    "sampled_on": "2026-11-02",
    "issued_on": "2026-11-05",
    "results.0.analyte": "镉",
    "results.0.value": "0.050",
    "results.0.unit": "mg/kg",
    "results.0.limit_value": "0.2",
    "results.0.limit_standard": "GB 2762-2025",
}
RECALL_FORM = {name: value for name, value in RECALL.items() if name != "lot"} | {
    "confirmation": "JAM"
}


ROLES = {
    "lab_a": "laboratory",
    "lab_b": "laboratory",
    "inspector": "inspector",
    "regulator": "regulator",
    "bruno": "producer",
}


class Site:
    """The staff application over the cast's lots and the jam's chain, and who looks at it.

    Signing in costs a password hash: each person does so when the test first names them.
    """

    def __init__(self, store):
        self.store = store
        self.cast = add_cast(store)
        with store.transaction() as session:
            self.cast.bruno = add_jam(session).bruno.actor
        self.app = staff_app(store)

    def __getattr__(self, name):
        add_person(self.store, name, ROLES[name], party_id=getattr(self.cast, name).party_id)
        browser = Browser(self.app)
        browser.sign_in(name)
        setattr(self, name, browser)
        return browser


@pytest.fixture
def site(sqlite_store):
    return Site(sqlite_store)


def lot_page(canonical):
    return f"/inspections/lots{canonical}"


def test_a_regulator_sees_the_chain_of_a_lot(site):
    page = site.regulator.get(f"{lot_page(JAM)}?lang=en")
    assert page.status_code == 200
    for text in ("Apple jam · JAM", "Alba Orchard", "Bruno Jams", "Carla", "Dora Salt", "<svg"):
        assert text in page.text
    assert "confirmed by both sides" in page.text
    assert "claimed by the sender" in page.text


def test_the_same_page_is_chinese_where_the_reader_is(site):
    page = site.regulator.get(f"{lot_page(JAM)}?lang=zh-CN").text
    for text in ("苹果酱 · JAM", "阿尔巴果园", "双方确认", "仅发出方声明", "当前去向", "千克"):
        assert text in page
    assert 'lang="zh-CN"' in page


def test_no_english_is_left_on_a_chinese_page(site):
    known = {"English", "JAM", "APPLE", "SALT", "CSV", "nothing"}
    for address in (
        "/inspections/lots",
        "/inspections/lots?q=nothing",
        "/inspections/recalls",
        "/inspections/certificates",
        lot_page(JAM),
    ):
        page = site.regulator.get(f"{address}{'&' if '?' in address else '?'}lang=zh-CN").text
        shown = re.sub(r"<style.*?</style>|<[^>]*>|&\w+;", " ", page, flags=re.DOTALL)
        assert set(re.findall(r"[A-Za-z]{3,}", shown)) <= known | words_of_codes(page), address


def words_of_codes(page):
    return set(re.findall(r"[A-Za-z]{3,}", " ".join(re.findall(r"/01/\S+", page))))


def test_the_file_has_the_rows_of_the_table(site):
    page = site.regulator.get(f"{lot_page(JAM)}?lang=en").text
    answer = site.regulator.get(f"{lot_page(JAM)}?format=csv&lang=en")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0][:3] == ["Time", "Recorded", "Step"]
    table = page[page.index('id="steps"') : page.index('id="certificates"')]
    assert len(rows) - 1 == table.count("<tr") - 1
    assert f"({len(rows) - 1} rows)" in page


def test_a_formula_in_a_name_is_disarmed_in_the_file_and_escaped_on_the_page(site):
    from foodtrace.trace.access.actor import SYSTEM
    from foodtrace.trace.masterdata.services import revise_party

    with site.store.transaction() as session:
        revise_party(
            session,
            SYSTEM,
            party_id=site.cast.alba.party_id,
            name_en="=HYPERLINK(<script>)",
        )
    page = site.regulator.get(f"{lot_page(LOT)}?lang=en").text
    assert "<script>" not in page
    rows = site.regulator.get(f"{lot_page(LOT)}?format=csv&lang=en").text
    assert '"\'=HYPERLINK(<script>)"' in rows


def test_a_code_leads_straight_to_its_lot_and_a_name_to_a_list(site):
    found = site.regulator.get(f"/inspections/lots?q={JAM}")
    assert found.status_code == 302
    assert found.headers["Location"].endswith(lot_page(JAM))
    listed = site.regulator.get("/inspections/lots?q=苹果酱").text
    assert all(lot in listed for lot in ("APPLE", "JAM", "SALT"))


def test_an_unknown_lot_is_not_found(site):
    for path in ("/01/06901234567892/10/NEVER", "/nonsense", "/01/123", "/q/XX"):
        assert site.regulator.get(lot_page(path)).status_code == 404


def test_a_recall_is_typed_to_be_confirmed_and_shows_at_once(site):
    address = f"/inspections/recalls/new{JAM}"
    form = site.regulator.get(f"{address}?lang=en").text
    assert "Bruno Jams" in form
    assert "200" not in form
    assert "160 pieces" in form
    wrong = site.regulator.post(address, RECALL_FORM | {"confirmation": "jam"})
    assert wrong.status_code == 400
    assert "Type JAM to confirm the recall" in wrong.text
    assert RECALL["reason"] in wrong.text
    done = site.regulator.post(address, RECALL_FORM)
    assert done.status_code == 303
    recall = site.regulator.get(done.headers["Location"]).text
    assert "The recall is open" in recall
    assert "Class I: serious harm" in recall
    page = site.regulator.get(lot_page(JAM)).text
    assert 'role="alert"' in page
    assert "【Recalled】" in page


def test_a_descendant_of_a_recalled_lot_names_the_lot_that_was_recalled(site):
    with site.store.transaction() as session:
        services.open_recall(session, site.cast.regulator, **RECALL | {"lot": APPLE})
    page = site.regulator.get(f"{lot_page(JAM)}?lang=en").text
    assert f"By the recall of {APPLE}, from which it was made" in page
    assert 'class="node root recalled"' in page


def test_an_incomplete_recall_comes_back_with_a_message_beside_each_field(site):
    address = f"/inspections/recalls/new{JAM}?lang=en"
    wrong = site.regulator.post(address, {"reason": "氧乐果", "confirmation": "JAM"})
    assert wrong.status_code == 400
    assert "<title>Error:" in wrong.text
    for name in ("recall_class", "hazard", "advice", "compensation", "contact"):
        assert f'href="#field-{name}"' in wrong.text
    assert "氧乐果" in wrong.text
    with site.store.reading() as session:
        assert services.list_recalls(session) == ()


def test_a_maker_recalls_its_own_lot_and_is_not_told_who_holds_it(site):
    address = f"/inspections/recalls/new{JAM}?lang=en"
    form = site.bruno.get(address).text
    assert "The supervising authority sees who holds how much" in form
    assert "160" not in form
    assert site.bruno.post(address, RECALL_FORM).status_code == 303
    assert site.bruno.get(f"/inspections/recalls/new{LOT}").status_code == 404
    assert site.bruno.get(lot_page(JAM)).status_code == 403


def test_a_recall_is_ended_by_the_regulator_and_stays(site):
    with site.store.transaction() as session:
        found = services.open_recall(session, site.cast.regulator, **RECALL | {"lot": JAM})
    address = f"/inspections/recalls/{found}"
    assert "/end" not in site.inspector.get(address).text
    done = site.regulator.post(f"{address}/end", {"conclusion": "已销毁"}, form_on=address)
    assert done.status_code == 303
    page = site.regulator.get(address).text
    assert "已销毁" in page
    assert "/end" not in page
    assert site.inspector.post(f"{address}/end", {"conclusion": "x"}, form_on=address).status_code


def test_a_laboratory_issues_a_certificate_and_prints_it(site):
    done = site.lab_a.post("/inspections/certificates/new", FORM)
    assert done.status_code == 303
    page = site.lab_a.get(f"{done.headers['Location']}?lang=en").text
    for text in ("SDNT-2026-0118", "0.050", "≤ 0.2", "GB 2762-2025", "Passed"):
        assert text in page
    assert "SDNT-2026-0118" in site.lab_a.get("/inspections/certificates").text
    assert "SDNT-2026-0118" in site.regulator.get(lot_page(LOT)).text


def test_more_rows_keep_what_was_typed(site):
    address = "/inspections/certificates/new?lang=en"
    few = site.lab_a.get(address).text
    more = site.lab_a.post(address, {**FORM, "results.3.analyte": "铅", "more": "1"})
    assert more.status_code == 200
    assert "Error:" not in more.text
    assert more.text.count('class="card result"') == few.count('class="card result"') + 4
    for text in ("SDNT-2026-0118", "0.050", "铅"):
        assert f'value="{text}"' in more.text
    with site.store.reading() as session:
        assert services.list_certificates(session, site.cast.lab_a) == ()


REFUSED = [
    ({"lot": "NEVER"}, "lot"),
    ({"number": ""}, "number"),
    ({"results.0.value": "0,05"}, "results.0.value"),
    ({"results.0.limit_standard": ""}, "results.0.limit_standard"),
    ({"results.0.outcome": "not_detected", "results.0.value": ""}, "results.0.value"),
    ({"sampled_on": "2026-11-09"}, "sampled_on"),
]


def test_a_refused_certificate_comes_back_with_the_message_beside_the_field(site):
    for changes, field in REFUSED:
        refused = site.lab_a.post("/inspections/certificates/new?lang=zh-CN", FORM | changes)
        assert refused.status_code == 400
        assert f'href="#field-{field}"' in refused.text
        assert f'id="error-{field}"' in refused.text
        assert 'value="mg/kg"' in refused.text
        with site.store.reading() as session:
            assert services.list_certificates(session, site.cast.lab_a) == ()


def test_a_laboratory_withdraws_its_certificate_and_no_other(site):
    with site.store.transaction() as session:
        found = services.issue_certificate(session, site.cast.lab_a, **certificate())
    address = f"/inspections/certificates/{found}"
    assert site.lab_b.get(address).status_code == 404
    stolen = site.lab_b.post(f"{address}/withdrawal", {"reason": "x"}, form_on="/account")
    assert stolen.status_code == 404
    done = site.lab_a.post(f"{address}/withdrawal", {"reason": "样品有误"}, form_on=address)
    assert done.status_code == 303
    page = site.lab_a.get(f"{address}?lang=en").text
    assert "Withdrawn on" in page
    assert "样品有误" in page
    assert "/withdrawal" not in page


def test_the_form_of_an_inspector_begins_with_official_sampling(site):
    page = site.inspector.get("/inspections/certificates/new").text
    assert '<option value="supervision" selected>' in page
    assert (
        '<option value="commissioned" selected>'
        in site.lab_a.get("/inspections/certificates/new").text
    )
    assert site.regulator.get("/inspections/certificates/new").status_code == 403


def test_each_sees_the_links_that_it_may_use(site):
    assert "/inspections/lots" in site.inspector.get("/account").text
    assert "/inspections/lots" not in site.lab_a.get("/account").text
    assert "/inspections/certificates/new" not in site.regulator.get("/account").text
