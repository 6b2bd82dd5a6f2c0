"""Certificates and recalls as acts, on real databases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import event, select

from foodtrace.inspections import services
from foodtrace.inspections.rules import Comparator, Limit, Outcome, Result, Verdict
from foodtrace.trace.access.actor import ANONYMOUS, Actor, Role
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from foodtrace.trace.store.models import Document

from ..trace.test_idempotency import at_once
from .conftest import (
    CADMIUM,
    LOT,
    OMETHOATE,
    OTHER_LOT,
    RECALL,
    UNKNOWN_LOT,
    actor,
    certificate,
)


def issue(session, issuer, **changes):
    return services.issue_certificate(session, issuer, **certificate(**changes))


def places(refusal):
    return [problem.place for problem in refusal.value.problems]


def test_a_laboratory_certifies_a_lot(store, cast):
    with store.transaction() as session:
        found = issue(session, cast.lab_a, sample_amount=Decimal("2.5"), sample_uom="KGM")
    with store.reading() as session:
        read = services.get_certificate(session, cast.lab_a, found)
    assert (read.number, read.lot, read.laboratory) == ("SDNT-2026-0117", LOT, "山东农检中心")
    assert read.verdict is Verdict.PASS
    assert read.results == (CADMIUM,)
    assert read.results[0].value_text == "0.050"
    assert read.sample_amount == Decimal("2.5")


def test_results_come_back_as_they_were_certified_and_in_order(store, cast):
    given = [
        Result("菌落总数", Outcome.MEASURED, Decimal("100000"), "CFU/g"),
        Result(
            "毒死蜱",
            Outcome.NOT_DETECTED,
            Decimal("0.0000001"),
            "mg/kg",
            limit=Limit(Comparator.LESS_THAN, Decimal("0.02"), "GB 2763-2026"),
        ),
        Result(
            "沙门氏菌",
            Outcome.NOT_DETECTED,
            None,
            "/25g",
            limit=Limit(Comparator.ABSENT, None, "GB 29921-2021"),
        ),
        Result("镉", Outcome.BELOW_LOQ, Decimal("0.00"), "mg/kg"),
    ]
    with store.transaction() as session:
        found = issue(session, cast.lab_a, results=given)
    with store.reading() as session:
        read = services.get_certificate(session, cast.lab_a, found).results
    assert list(read) == given
    assert [result.value_text for result in read] == ["100000", "0.0000001", "", "0.00"]


def test_one_result_over_its_limit_fails_the_certificate(store, cast):
    with store.transaction() as session:
        found = issue(session, cast.lab_a, results=[CADMIUM, OMETHOATE])
        assert services.get_certificate(session, cast.lab_a, found).verdict is Verdict.FAIL


def test_a_lot_can_be_named_in_any_accepted_form(store, cast):
    with store.transaction() as session:
        found = issue(session, cast.lab_a, lot="https://shop.example/01/06901234567892/10/L1?x=1")
        assert services.get_certificate(session, cast.lab_a, found).lot == LOT


def test_an_inspector_certifies_in_the_name_of_the_authority(store, cast):
    with store.transaction() as session:
        found = issue(session, cast.inspector)
        read = services.get_certificate(session, cast.inspector, found)
    assert read.laboratory == "杭州市市场监督管理局"


BROKEN_CERTIFICATES = [
    ({"lot": UNKNOWN_LOT}, "lot"),
    ({"lot": "/01/06901234567892"}, "lot"),
    ({"lot": "/00/106141412345678908"}, "lot"),
    ({"lot": "苹果"}, "lot"),
    ({"number": " "}, "number"),
    ({"number": "SD\u200bNT"}, "number"),
    ({"number": "x" * 61}, "number"),
    ({"results": []}, "results"),
    ({"results": [CADMIUM] * 501}, "results"),
    ({"results": [CADMIUM, replace(CADMIUM, analyte="")]}, "results/1/analyte"),
    ({"results": [replace(CADMIUM, value=None)]}, "results/0/value"),
    ({"sampled_on": date(2026, 11, 6)}, "sampled_on"),
    ({"issued_on": date(2126, 1, 1)}, "issued_on"),
    ({"valid_until": date(2026, 11, 4)}, "valid_until"),
    ({"sampled_on": date(2026, 9, 1)}, "results/0/limit_effective_on"),
    (
        {"results": [replace(CADMIUM, limit=replace(CADMIUM.limit, standard=""))]},
        "results/0/limit_standard",
    ),
]


def test_a_certificate_that_breaks_a_rule_is_refused_with_the_place(sqlite_store, sqlite_cast):
    for changes, place in BROKEN_CERTIFICATES:
        with pytest.raises(Invalid) as refusal, sqlite_store.transaction() as session:
            issue(session, sqlite_cast.lab_a, **changes)
        assert places(refusal) == [place]
        with sqlite_store.reading() as session:
            assert services.list_certificates(session, sqlite_cast.lab_a) == ()


def test_a_unit_in_greek_letters_is_kept_with_the_micro_sign(store, cast):
    with store.transaction() as session:
        found = issue(session, cast.lab_a, results=[replace(CADMIUM, unit="\u03bcg/kg")])
        (read,) = services.get_certificate(session, cast.lab_a, found).results
    assert read.unit == "\u00b5g/kg"


def test_a_number_is_used_once_by_each_laboratory(store, cast):
    with store.transaction() as session:
        issue(session, cast.lab_a)
        issue(session, cast.lab_b)
    with pytest.raises(Conflict) as refusal, store.transaction() as session:
        issue(session, cast.lab_a, lot=OTHER_LOT)
    assert places(refusal) == ["number"]


def test_only_laboratories_and_inspectors_certify(store, cast):
    for who in (cast.alba, cast.regulator, cast.administrator):
        with pytest.raises(Forbidden), store.transaction() as session:
            issue(session, who)
    with pytest.raises(Unauthenticated), store.transaction() as session:
        issue(session, ANONYMOUS)


def test_an_inspector_of_no_authority_cannot_certify(store, cast):
    with pytest.raises(Forbidden), store.transaction() as session:
        issue(session, actor(Role.INSPECTOR))


def test_a_withdrawn_certificate_stays_and_says_why(store, cast):
    with store.transaction() as session:
        found = issue(session, cast.lab_a)
        services.withdraw_certificate(
            session, cast.lab_a, certificate_id=found, reason="样品编号录入错误"
        )
    with store.reading() as session:
        read = services.get_certificate(session, cast.lab_a, found)
    assert read.withdrawal_reason == "样品编号录入错误"
    assert read.withdrawn_at is not None
    assert not read.counts_on(date(2026, 11, 6))
    assert read.verdict is Verdict.PASS


def test_a_certificate_counts_until_its_last_day(store, cast):
    with store.transaction() as session:
        found = issue(session, cast.lab_a, valid_until=date(2027, 5, 4))
        read = services.get_certificate(session, cast.lab_a, found)
    assert read.counts_on(date(2027, 5, 4))
    assert not read.counts_on(date(2027, 5, 5))


def test_a_laboratory_cannot_withdraw_the_certificate_of_another(store, cast):
    with store.transaction() as session:
        found = issue(session, cast.lab_a)
    with pytest.raises(NotFound), store.transaction() as session:
        services.withdraw_certificate(session, cast.lab_b, certificate_id=found, reason="恶意")
    with store.transaction() as session:
        assert services.get_certificate(session, cast.lab_a, found).withdrawn_at is None


def test_a_regulator_can_withdraw_any_certificate_but_only_once(store, cast):
    with store.transaction() as session:
        found = issue(session, cast.lab_a)
        services.withdraw_certificate(session, cast.regulator, certificate_id=found, reason="伪造")
    with pytest.raises(Conflict), store.transaction() as session:
        services.withdraw_certificate(session, cast.lab_a, certificate_id=found, reason="更正")


def test_withdrawing_what_does_not_exist_is_not_found(store, cast):
    with pytest.raises(NotFound), store.transaction() as session:
        services.withdraw_certificate(session, cast.regulator, certificate_id=999, reason="x")


def test_each_reads_the_certificates_that_concern_it(store, cast):
    with store.transaction() as session:
        a = issue(session, cast.lab_a)
        b = issue(session, cast.lab_b, lot=OTHER_LOT)
    expected = [
        (cast.lab_a, [a]),
        (cast.lab_b, [b]),
        (cast.alba, [b, a]),
        (cast.regulator, [b, a]),
        (cast.inspector, [b, a]),
        (Actor("key:rival", 10**6, frozenset({Role.PRODUCER})), []),
    ]
    with store.reading() as session:
        for who, ids in expected:
            listed = services.list_certificates(session, who)
            assert [each.id for each in listed] == ids, who
        assert [c.id for c in services.list_certificates(session, cast.regulator, before=b)] == [a]
        (only,) = services.list_certificates(session, cast.regulator, lot=OTHER_LOT)
        assert only.id == b
        with pytest.raises(NotFound):
            services.get_certificate(session, cast.lab_b, a)


def test_a_regulator_recalls_a_lot(store, cast):
    with store.transaction() as session:
        found = services.open_recall(session, cast.regulator, **RECALL)
    with store.reading() as session:
        read = services.get_recall(session, found)
    assert (read.lot, read.recall_class, read.reason) == (LOT, 1, "氧乐果残留超标")
    assert read.authority == "杭州市市场监督管理局"
    assert read.is_open
    assert read.start_by - read.opened_at == timedelta(hours=24)
    assert read.opened_at <= read.recorded_at


def test_a_maker_recalls_its_own_lot_and_no_other(store, cast):
    with store.transaction() as session:
        services.open_recall(session, cast.alba, **RECALL)
    rival = Actor("user:rival", 10**6, frozenset({Role.PRODUCER}))
    with pytest.raises(NotFound), store.transaction() as session:
        services.open_recall(session, rival, **RECALL | {"lot": OTHER_LOT})


def test_laboratories_inspectors_and_administrators_do_not_recall(store, cast):
    for who in (cast.lab_a, cast.inspector, cast.administrator):
        with pytest.raises(Forbidden), store.transaction() as session:
            services.open_recall(session, who, **RECALL)


BROKEN_RECALLS = [
    ({"lot": UNKNOWN_LOT}, "lot"),
    ({"recall_class": 4}, "recall_class"),
    ({"reason": ""}, "reason"),
    ({"contact": "  "}, "contact"),
    ({"notice_url": "javascript:alert(1)"}, "notice_url"),
    ({"notice_url": "//evil.example"}, "notice_url"),
    ({"at": datetime(2126, 1, 1, tzinfo=UTC)}, "at"),
]


def test_a_recall_that_breaks_a_rule_is_refused_with_the_place(sqlite_store, sqlite_cast):
    for changes, place in BROKEN_RECALLS:
        with pytest.raises(Invalid) as refusal, sqlite_store.transaction() as session:
            services.open_recall(session, sqlite_cast.regulator, **RECALL | changes)
        assert places(refusal) == [place]
        with sqlite_store.reading() as session:
            assert services.list_recalls(session) == ()


def test_the_same_recall_is_not_opened_twice_but_a_graver_one_is(store, cast):
    with store.transaction() as session:
        services.open_recall(session, cast.regulator, **RECALL | {"recall_class": 2})
    with pytest.raises(Conflict), store.transaction() as session:
        services.open_recall(session, cast.regulator, **RECALL | {"recall_class": 2})
    with store.transaction() as session:
        services.open_recall(session, cast.regulator, **RECALL)
        gravest, other = services.findings_of(session, [LOT]).open_recalls
    assert (gravest.recall_class, other.recall_class) == (1, 2)


def test_an_ended_recall_stays_visible_as_ended(store, cast):
    with store.transaction() as session:
        found = services.open_recall(session, cast.regulator, **RECALL)
        services.end_recall(session, cast.regulator, recall_id=found, conclusion="已全部召回并销毁")
    with store.reading() as session:
        (read,) = services.list_recalls(session)
        assert services.list_recalls(session, open_only=True) == ()
        assert services.findings_of(session, [LOT]).open_recalls == ()
    assert not read.is_open
    assert read.end_statement == "已全部召回并销毁"
    with pytest.raises(Conflict), store.transaction() as session:
        services.end_recall(session, cast.regulator, recall_id=found, conclusion="再次")


def test_a_recall_cannot_end_before_it_was_opened(store, cast):
    with store.transaction() as session:
        found = services.open_recall(session, cast.regulator, **RECALL)
    with pytest.raises(Invalid), store.transaction() as session:
        services.end_recall(
            session,
            cast.regulator,
            recall_id=found,
            conclusion="完",
            at=datetime(2020, 1, 1, tzinfo=UTC),
        )


def test_a_maker_cannot_end_a_recall(store, cast):
    with store.transaction() as session:
        found = services.open_recall(session, cast.alba, **RECALL)
    with pytest.raises(Forbidden), store.transaction() as session:
        services.end_recall(session, cast.alba, recall_id=found, conclusion="没事了")


def test_findings_come_newest_first_and_only_of_the_lots_asked_for(store, cast):
    with store.transaction() as session:
        issue(session, cast.lab_a, issued_on=date(2026, 11, 5), results=[CADMIUM, OMETHOATE])
        newer = issue(session, cast.lab_b, issued_on=date(2026, 11, 9))
        issue(session, cast.lab_a, number="2", lot=OTHER_LOT)
        recalled = services.open_recall(session, cast.regulator, **RECALL)
    with store.reading() as session:
        found = services.findings_of(session, {LOT, UNKNOWN_LOT})
        nothing = services.findings_of(session, [])
    assert [each.lot for each in found.certificates] == [LOT, LOT]
    assert found.certificates[0].id == newer
    assert len(found.certificates[1].results) == 2
    assert [each.id for each in found.recalls] == [recalled]
    assert found.recalls[0].advice == "停止食用，退回购买处"
    assert (nothing.certificates, nothing.recalls) == ((), ())


def test_findings_of_many_lots_take_one_query(store, cast):
    with store.transaction() as session:
        issue(session, cast.lab_a)
        services.open_recall(session, cast.regulator, **RECALL)
    statements = []
    event.listen(
        store.readers,
        "before_cursor_execute",
        lambda *call: call[2] == "BEGIN" or statements.append(call[2]),
    )
    lots = [f"/01/06901234567892/10/N{number}" for number in range(5000)]
    with store.reading() as session:
        found = services.findings_of(session, [LOT, *lots])
    assert len(found.certificates) == len(found.recalls) == 1
    assert len(statements) == 1


def test_the_same_recall_opened_by_many_at_once_is_opened_once(store, cast):
    def recall(_index):
        with store.transaction() as session:
            return services.open_recall(session, cast.regulator, **RECALL)

    results, errors = at_once(8, recall)
    assert len(results) == 1
    assert [type(error) for error in errors] == [Conflict] * 7


def test_who_sampled_is_kept_apart_from_the_record(store, cast):
    with store.transaction() as session:
        found = issue(session, cast.lab_a, sampled_by="采样员王小明")
    with store.reading() as session:
        own = services.get_certificate(session, cast.lab_a, found)
        others = services.get_certificate(session, cast.regulator, found)
        (listed,) = services.list_certificates(session, cast.lab_a)
        body = session.scalars(select(Document.body).order_by(Document.id.desc())).first()
    assert own.sampled_by_value == listed.sampled_by_value == "采样员王小明"
    assert own.sampled_by.startswith("ni:///sha-256;")
    assert others.sampled_by_value is None
    assert others.sampled_by == own.sampled_by
    assert "王小明" not in body.decode()
    assert own.sampled_by in body.decode()
