"""The verdict: the first thing that is wrong, or that nothing is. Pure, on chains made here."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from foodtrace.consumer_web.journey import journey_of
from foodtrace.consumer_web.verdict import Gap, Verdict, expiry_of, is_tested, judge
from foodtrace.inspections.findings import Certificate, Findings, Recall
from foodtrace.inspections.rules import Verdict as Result
from foodtrace.trace.chain.model import ChainItem, Link, Part

from .parts import (
    CHILI,
    COOKED,
    MADE_CHILI,
    NOON,
    PLANT,
    SAUCE,
    SENT,
    SHOP,
    TODAY,
    WAS_COOKED,
    certificate,
    chain,
    hop,
    recall,
)


def verdict_of(found, *findings, today=TODAY, product=None):
    certificates = tuple(one for one in findings if isinstance(one, Certificate))
    recalls = tuple(one for one in findings if isinstance(one, Recall))
    return judge(
        found, product or found.root, journey_of(found), Findings(certificates, recalls), today
    )


def test_a_whole_and_tested_record_is_complete():
    assert verdict_of(chain(), certificate()).verdict is Verdict.COMPLETE


def test_a_recall_of_the_lot_or_of_an_ingredient_comes_first():
    everything_wrong = chain(hop(5, PLANT, "destroying", SAUCE, action="DELETE"), SENT)
    late = date(2027, 1, 1)
    for lot in (SAUCE.canonical, CHILI.canonical):
        found = verdict_of(everything_wrong, recall(lot), today=late)
        assert found.verdict is Verdict.RECALLED


def test_a_recall_that_has_ended_is_over():
    over = recall(SAUCE.canonical, ended_at=NOON)
    assert verdict_of(chain(), certificate(), over).verdict is Verdict.COMPLETE


def test_a_recall_behind_a_hidden_step_still_warns():
    hidden = replace(COOKED, hidden=True)
    found = verdict_of(chain(MADE_CHILI, hidden), certificate(), recall(CHILI.canonical))
    assert found.verdict is Verdict.RECALLED


def test_the_makers_own_word_that_it_is_recalled_is_believed_and_nobody_elses():
    said = {"disposition": "recalled", "day": 3}
    by_maker = chain(COOKED, hop(5, PLANT, "holding", SAUCE, **said))
    by_other = chain(MADE_CHILI, COOKED, hop(5, SHOP, "holding", SAUCE, **said))
    assert verdict_of(by_maker, certificate()).verdict is Verdict.RECALLED
    assert verdict_of(by_other, certificate()).verdict is Verdict.COMPLETE


def test_a_code_out_of_use_comes_before_its_date():
    void = chain(COOKED, hop(5, PLANT, "decommissioning", SAUCE, action="DELETE"))
    assert verdict_of(void, today=date(2028, 1, 1)).verdict is Verdict.VOID


def test_nobody_but_its_maker_takes_a_lot_out_of_use():
    by_other = hop(5, SHOP, "destroying", SAUCE, action="DELETE")
    assert (
        verdict_of(chain(MADE_CHILI, COOKED, by_other), certificate()).verdict is Verdict.COMPLETE
    )


def test_destroying_some_of_a_lot_does_not_void_the_rest():
    some = hop(5, SHOP, "destroying", action="DELETE", parts=(Part("epc", 2, Decimal(1), "KGM"),))
    assert verdict_of(chain(MADE_CHILI, COOKED, some), certificate()).verdict is Verdict.COMPLETE


def test_a_declaration_of_error_takes_back_what_was_said():
    wrong = hop(5, PLANT, "destroying", SAUCE, action="DELETE", declared=True)
    assert verdict_of(chain(MADE_CHILI, COOKED, wrong), certificate()).verdict is Verdict.COMPLETE


def test_food_is_good_through_its_last_day():
    last = date(2026, 12, 10)
    assert expiry_of(SAUCE) == last
    assert verdict_of(chain(), certificate(), today=last).verdict is Verdict.COMPLETE
    after = verdict_of(chain(), certificate(), today=last + timedelta(days=1))
    assert after.verdict is Verdict.EXPIRED


def test_a_stated_date_wins_over_the_computed_one():
    assert expiry_of(replace(SAUCE, expiry_date=date(2026, 12, 1))) == date(2026, 12, 1)
    assert expiry_of(replace(SAUCE, shelf_life_days=None)) is None
    assert expiry_of(replace(SAUCE, production_date=None)) is None


def test_a_failed_test_of_the_lot_or_an_ingredient_fails_it():
    for lot in (SAUCE.canonical, CHILI.canonical):
        failed = certificate(lot, verdict=Result.FAIL)
        assert verdict_of(chain(), certificate(), failed).verdict is Verdict.FAILED
    withdrawn = certificate(verdict=Result.FAIL, withdrawn_at=NOON)
    assert verdict_of(chain(), certificate(), withdrawn).verdict is Verdict.COMPLETE


@pytest.mark.parametrize("disposition", ["non_conformant", "non_sellable_other", "stolen"])
def test_its_maker_can_hold_a_lot_back_and_release_it(disposition):
    held = hop(5, PLANT, "holding", SAUCE, disposition=disposition, day=3)
    freed = hop(6, PLANT, "inspecting", SAUCE, disposition="conformant", day=4)
    assert verdict_of(chain(COOKED, held), certificate()).verdict is Verdict.HOLD
    after = verdict_of(chain(MADE_CHILI, COOKED, held, freed), certificate())
    assert after.verdict is Verdict.COMPLETE


@pytest.mark.parametrize(
    ("found", "gap"),
    [
        (chain(COOKED, items=(replace(CHILI, made_at=None), SAUCE)), Gap.ORIGIN),
        (chain(COOKED, SENT), Gap.CLAIMED),
        (chain(root=replace(SAUCE, party=None)), Gap.MAKER),
        (chain(root=replace(SAUCE, product_name=None)), Gap.PRODUCT),
    ],
)
def test_each_gap_makes_the_record_incomplete(found, gap):
    judgement = verdict_of(found, certificate())
    assert judgement.verdict is Verdict.INCOMPLETE
    assert dict(judgement.gaps) == {gap: 1}


def test_goods_on_the_road_are_a_gap_after_a_week_only():
    on_the_road, sent_on = chain(COOKED, SENT), (NOON + timedelta(days=1)).date()
    for days, verdict in ((7, Verdict.COMPLETE), (8, Verdict.INCOMPLETE)):
        today = sent_on + timedelta(days=days)
        assert verdict_of(on_the_road, certificate(), today=today).verdict is verdict


def test_a_record_without_a_test_is_incomplete():
    assert dict(verdict_of(chain()).gaps) == {Gap.UNTESTED: 1}


def test_tests_of_everything_in_it_cover_a_lot_and_tests_of_some_do_not():
    salt = ChainItem(3, "/01/T/10/1", "lot", made_at=NOON)
    mixed = chain(items=(CHILI, SAUCE, salt), links=(WAS_COOKED, Link(3, 2, 2, "made")))
    chili, of_salt = certificate(CHILI.canonical), certificate(salt.canonical)
    assert is_tested(mixed, [chili, of_salt], TODAY)
    assert not is_tested(mixed, [chili], TODAY)
    assert is_tested(mixed, [certificate()], TODAY)


def test_a_certificate_counts_while_it_is_valid_and_not_withdrawn():
    until = TODAY - timedelta(days=1)
    assert not is_tested(chain(), [certificate(valid_until=until)], TODAY)
    assert is_tested(chain(), [certificate(valid_until=until)], until)
    assert not is_tested(chain(), [certificate(withdrawn_at=NOON)], TODAY)
    assert not is_tested(chain(), [certificate(verdict=Result.NOT_JUDGED)], TODAY)


def test_an_ingredients_certificate_has_to_be_valid_when_it_was_used():
    used_on = NOON.date()
    assert is_tested(chain(), [certificate(CHILI.canonical, valid_until=used_on)], TODAY)
    before = used_on - timedelta(days=1)
    assert not is_tested(chain(), [certificate(CHILI.canonical, valid_until=before)], TODAY)


def test_a_circle_of_untested_lots_is_untested():
    circle = chain(links=(WAS_COOKED, Link(2, 1, 1, "made"), Link(2, 2, 2, "made")))
    assert not is_tested(circle, [], TODAY)
