from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foodtrace.producers.balance import (
    Arrived,
    Movement,
    Sent,
    effect_of,
    still_open,
    stock,
)


def test_what_was_made_and_not_shipped_is_there():
    made = Movement(1, "KGM", 1, Decimal(100))
    shipped = Movement(1, "KGM", -1, Decimal(30))
    assert stock([made, shipped]) == {(1, "KGM"): Decimal(70)}


def test_what_is_all_gone_is_left_out():
    assert stock([Movement(1, None, 1, Decimal(5)), Movement(1, None, -1, Decimal(5))]) == {}


def test_an_arrival_that_is_told_twice_is_counted_once():
    told = [
        Movement(1, "KGM", 1, Decimal(5), step="arriving"),
        Movement(1, "KGM", 1, Decimal(5), step="receiving"),
        Movement(1, "KGM", -1, Decimal(2), step="departing"),
    ]
    assert stock(told) == {(1, "KGM"): Decimal(3)}


def test_units_are_never_mixed():
    left = stock([Movement(1, "KGM", 1, Decimal(5)), Movement(1, None, 1, Decimal(7))])
    assert left == {(1, "KGM"): Decimal(5), (1, None): Decimal(7)}


def test_an_amount_that_nobody_said_is_not_known():
    assert stock([Movement(1, "KGM", 1, Decimal(0), unsaid=1)]) == {(1, "KGM"): None}


def test_all_of_it_shipped_without_a_number_leaves_nothing():
    made = Movement(1, "KGM", 1, Decimal(100))
    assert stock([made, Movement(1, "KGM", -1, Decimal(0), unsaid=1)]) == {}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (("ObjectEvent", "ADD", "commissioning", "epc"), 1),
        (("ObjectEvent", "OBSERVE", "receiving", "epc"), 1),
        (("ObjectEvent", "OBSERVE", "shipping", "epc"), -1),
        (("ObjectEvent", "OBSERVE", "retail_selling", "epc"), -1),
        (("ObjectEvent", "DELETE", "destroying", "epc"), -1),
        (("ObjectEvent", "DELETE", None, "epc"), -1),
        (("ObjectEvent", "OBSERVE", "storing", "epc"), 0),
        (("ObjectEvent", "OBSERVE", "void_shipping", "epc"), 1),
        (("TransactionEvent", "ADD", "receiving", "epc"), 1),
        (("TransactionEvent", "ADD", None, "epc"), 0),
        (("TransformationEvent", None, None, "input"), -1),
        (("TransformationEvent", None, None, "output"), 1),
        (("AggregationEvent", "ADD", "packing", "child"), -1),
        (("AggregationEvent", "ADD", "packing", "parent"), 1),
        (("AggregationEvent", "DELETE", "unpacking", "child"), 1),
        (("AggregationEvent", "DELETE", "unpacking", "parent"), 0),
        (("AggregationEvent", "OBSERVE", None, "child"), 0),
    ],
)
def test_each_kind_of_event_moves_goods_its_way(kind, expected):
    assert effect_of(*kind) == expected


def line(event_id, amount, item_id=1):
    return Sent(event_id, item_id, None if amount is None else Decimal(amount), "KGM")


def receipt(amount, closes=False, item_id=1):
    return Arrived(item_id, None if amount is None else Decimal(amount), closes)


def test_a_shipment_nobody_confirmed_is_open():
    assert still_open([line(7, 10)], []) == [(line(7, 10), Decimal(10))]


def test_a_shipment_that_arrived_in_full_is_not_open():
    assert still_open([line(7, 10)], [receipt(10)]) == []


def test_a_part_that_arrived_leaves_the_rest_open():
    assert still_open([line(7, 10)], [receipt(4), receipt(1)]) == [(line(7, 10), Decimal(5))]


def test_a_receipt_that_closes_leaves_nothing_open():
    assert still_open([line(7, 10)], [receipt(4, closes=True)]) == []


def test_a_receipt_settles_the_oldest_shipment_first():
    sent = [line(7, 10), line(8, 10)]
    assert still_open(sent, [receipt(12)]) == [(line(8, 10), Decimal(8))]


def test_a_receipt_of_another_item_settles_nothing():
    assert still_open([line(7, 10)], [receipt(10, item_id=2)]) == [(line(7, 10), Decimal(10))]


def test_a_shipment_without_an_amount_is_open_until_something_arrives():
    assert still_open([line(7, None)], []) == [(line(7, None), None)]
    assert still_open([line(7, None)], [receipt(3)]) == []


amounts = st.decimals(min_value="0.1", max_value=1000, places=1)


@given(st.lists(amounts, max_size=5), st.lists(amounts, max_size=5))
def test_what_is_open_is_what_was_sent_less_what_arrived(sent, arrived):
    lines = [Sent(i, 1, amount, None) for i, amount in enumerate(sent)]
    left = still_open(lines, [Arrived(1, amount, False) for amount in arrived])
    assert sum(amount for _, amount in left) == max(sum(sent) - sum(arrived), 0)
