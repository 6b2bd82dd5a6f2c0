"""What follows from events: items, edges, lots; also late, twice, and declared wrong."""

from datetime import date
from decimal import Decimal

from sqlalchemy import select

from foodtrace.trace.capture.derivation import MOST_PAIRS
from foodtrace.trace.store.models import Event, EventItem, Item

from .acts import (
    ALBA,
    BRUNO,
    GTIN,
    capture,
    edges,
    hour,
    kilos,
    lot,
    make,
    pack,
    see,
    transform,
    unpack,
    wrong,
)


def test_it_works(store):
    capture(store, make(0, {"A": 100}), transform(1, {"A": 60}, {"B": 50}))
    assert edges(store) == ["A>B"]
    with store.reading() as session:
        parts = session.execute(
            select(EventItem.role, Item.canonical, EventItem.amount, EventItem.uom)
            .join(Item, Item.id == EventItem.item_id)
            .order_by(EventItem.event_id, EventItem.role)
        ).all()
    path = f"/01/{GTIN}/10/"
    assert parts == [
        ("epc", f"{path}A", Decimal(100), "KGM"),
        ("input", f"{path}A", Decimal(60), "KGM"),
        ("output", f"{path}B", Decimal(50), "KGM"),
    ]


def test_an_event_row_says_what_the_event_says(store):
    capture(
        store,
        see(
            3,
            {"A": 5},
            disposition="in_transit",
            readPoint={"id": "urn:epc:id:sgln:9506000.13435.0"},
            destinationList=[
                {"type": "possessing_party", "destination": "https://id.gs1.org/417/9506000134352"}
            ],
        ),
    )
    with store.reading() as session:
        row = session.scalars(select(Event)).one()
        assert (row.type, row.action, row.biz_step) == ("ObjectEvent", "OBSERVE", "shipping")
        assert row.disposition == "in_transit"
        assert row.event_time == hour(3)
        assert row.time_zone_offset == "+08:00"
        assert row.read_point == "/414/9506000134352"
        assert row.destination == "/417/9506000134352"
        assert row.party_id == ALBA.party_id
        assert row.hidden is False
        assert row.declared_at is None


def test_all_inputs_lead_to_all_outputs(store):
    capture(store, transform(1, {"A": 1, "B": 2}, {"C": 1, "D": 2}))
    assert edges(store) == ["A>C", "A>D", "B>C", "B>D"]


def test_an_item_named_twice_in_one_role_counts_once_with_the_sum(store):
    event = transform(1, {"A": 1}, {"B": 2})
    event["inputQuantityList"] *= 2
    capture(store, event)
    with store.reading() as session:
        amount = session.scalar(select(EventItem.amount).where(EventItem.role == "input"))
    assert amount == 2


def test_cycles_and_self_loops_are_recorded_as_they_are_stated(store):
    capture(
        store,
        transform(1, {"A": 1}, {"B": 1}),
        transform(2, {"B": 1}, {"A": 1}),
        transform(3, {"A": 1}, {"A": 1}),
    )
    assert edges(store) == ["A>A", "A>B", "B>A"]


def test_a_large_transformation_becomes_a_node_so_that_edges_grow_as_a_sum(store):
    inputs = {f"I{n}": 1 for n in range(21)}
    outputs = {f"O{n}": 1 for n in range(10)}
    assert len(inputs) * len(outputs) > MOST_PAIRS
    capture(store, transform(1, inputs, outputs))
    found = edges(store)
    assert len(found) == 31
    with store.reading() as session:
        (node,) = session.scalars(select(Item.canonical).where(Item.kind == "event"))
        event_id = session.scalar(select(Event.id))
    assert node == f"event:{event_id}"
    assert f"I0>{node}" in found
    assert f"{node}>O9" in found


def test_as_many_pairs_as_allowed_are_edges(store):
    inputs = {f"I{n}": 1 for n in range(MOST_PAIRS // 10)}
    capture(store, transform(1, inputs, {f"O{n}": 1 for n in range(10)}))
    assert len(edges(store)) == MOST_PAIRS


def test_events_with_one_transformation_id_are_one_transformation(store):
    together = {"transformationID": "urn:epc:id:gdti:0614141.12345.400"}
    capture(store, transform(1, {"A": 1}, {}, **together))
    capture(store, transform(2, {"B": 1}, {}, **together))
    assert edges(store) == []
    capture(store, transform(3, {}, {"C": 2}, **together))
    assert edges(store) == ["A>C", "B>C"]
    capture(store, transform(2, {"D": 1}, {}, **together))
    assert edges(store) == ["A>C", "B>C", "D>C"]


def test_nobody_adds_inputs_to_the_transformation_of_another(store):
    together = {"transformationID": "urn:epc:id:gdti:0614141.12345.400"}
    capture(store, transform(1, {"A": 1}, {"C": 1}, **together))
    capture(store, transform(2, {"X": 1}, {}, **together), actor=BRUNO)
    assert edges(store) == ["A>C"]


def test_what_lay_in_a_pallet_is_the_input_and_not_the_pallet(store):
    capture(
        store,
        pack(1, "=1", {"A": 5, "B": 5}),
        transform(2, ["=1"], {"C": 9}),
    )
    assert edges(store) == ["A>C", "B>C"]


def test_pallets_in_pallets_are_opened_at_any_depth(store):
    capture(
        store,
        pack(1, "=1", {"A": 5}),
        pack(1, "=2", ["=1", "#7"]),
        pack(1, "=3", ["=2"]),
        transform(2, ["=3"], {"C": 9}),
    )
    assert edges(store) == ["#7>C", "A>C"]


def test_a_pallet_of_unknown_contents_stays_an_input_so_that_the_chain_holds(store):
    capture(store, transform(2, ["=1"], {"C": 9}))
    assert edges(store) == ["=1>C"]


def test_only_what_lay_in_the_pallet_at_that_time_is_used(store):
    capture(
        store,
        pack(1, "=1", {"A": 5}),
        unpack(2, "=1"),
        pack(3, "=1", {"B": 5}),
        transform(4, ["=1"], {"C": 5}),
    )
    assert edges(store) == ["B>C"]


def test_a_packing_that_is_told_late_still_gives_the_right_parents(store):
    capture(store, transform(5, ["=2"], {"C": 9}))
    assert edges(store) == ["=2>C"]
    capture(store, pack(2, "=2", ["=1"]))
    assert edges(store) == ["=1>C"]
    capture(store, pack(1, "=1", {"A": 5}))
    assert edges(store) == ["A>C"]
    capture(store, pack(6, "=1", {"B": 5}))
    assert edges(store) == ["A>C"]


def test_a_late_packing_can_turn_edges_into_a_node(store):
    outputs = {f"O{n}": 1 for n in range(10)}
    capture(store, transform(5, ["=1"], outputs))
    assert len(edges(store)) == 10
    capture(store, pack(1, "=1", [f"#{n}" for n in range(30)]))
    assert len(edges(store)) == 40


def test_a_key_with_lot_and_serial_makes_the_serial_a_member_of_the_lot(store):
    capture(store, see(1, ["A#1", "A#2", "#3"]))
    assert edges(store, "member") == ["A>#1", "A>#2"]


def test_serials_that_are_made_belong_to_the_lot_of_the_ilmd(store):
    capture(store, make(1, ["#1", "#2"], {"cbvmda:lotNumber": "A"}))
    assert edges(store, "member") == ["A>#1", "A>#2"]
    assert lot(store, "A").amount == 2


def test_a_lot_made_of_itself_keeps_both_kinds_of_edges(store):
    capture(store, transform(1, {"A": 5}, ["A#1"]))
    assert edges(store) == ["A>#1"]
    assert edges(store, "member") == ["A>#1"]


def test_a_lot_has_the_facts_of_its_ilmd(store):
    capture(
        store,
        make(
            2,
            {"A": 100},
            {
                "cbvmda:lotNumber": "A",
                "foodtrace:productionDate": "2026-05-01",
                "cbvmda:itemExpirationDate": "2026-06-01T00:00:00+08:00",
                "foodtrace:origin": "山东省寿光市",
                "foodtrace:certificateNumber": "SD-1",
                "foodtrace:variety": "红宝石",
            },
        ),
    )
    row = lot(store, "A")
    assert row.product_identifier == f"/01/{GTIN}"
    assert row.lot_number == "A"
    assert (row.production_date, row.expiry_date) == (date(2026, 5, 1), date(2026, 6, 1))
    assert row.origin == "山东省寿光市"
    assert row.certificate_number == "SD-1"
    assert (row.amount, row.uom, row.party_id) == (100, "KGM", ALBA.party_id)
    assert row.made_at == hour(2)
    assert row.more == {"https://foodtrace.example/ns/variety": "红宝石"}


def test_a_lot_without_ilmd_has_a_row_too(store):
    capture(store, make(1, {"A": 3}), transform(2, {"A": 1}, {"B": 1}))
    assert lot(store, "A").amount == 3
    assert lot(store, "B").made_at == hour(2)


def test_a_date_that_is_none_is_left_out(store):
    capture(store, make(1, {"A": 3}, {"foodtrace:productionDate": "last spring"}))
    assert lot(store, "A").production_date is None


def test_what_is_made_in_several_events_adds_up(store):
    capture(store, make(1, {"A": 3}))
    capture(store, make(2, {"A": 4}, {"foodtrace:origin": "山东"}))
    row = lot(store, "A")
    assert (row.amount, row.origin, row.made_at) == (7, "山东", hour(1))


def test_amounts_in_different_units_are_not_added(store):
    capture(store, make(1, {"A": 3}), make(2, {"A": {"quantity": 4, "uom": "GRM"}}))
    assert lot(store, "A").amount is None


def test_the_lot_of_another_cannot_be_made_again(store):
    capture(store, make(1, {"A": 3}, {"foodtrace:origin": "山东"}))
    capture(store, make(0, {"A": 400}, {"foodtrace:origin": "elsewhere"}), actor=BRUNO)
    row = lot(store, "A")
    assert (row.party_id, row.amount, row.origin) == (ALBA.party_id, 3, "山东")


def test_merely_seeing_a_lot_does_not_make_it(store):
    capture(store, see(1, {"A": 3}))
    assert lot(store, "A") is None


def test_what_is_declared_wrong_has_no_effect_but_stays_visible(store):
    mistake = transform(1, {"A": 1}, {"B": 1})
    capture(store, mistake, transform(1, {"A": 1}, {"C": 1}))
    capture(store, wrong(mistake))
    assert edges(store) == ["A>C"]
    assert lot(store, "B") is None
    with store.reading() as session:
        found = session.scalars(
            select(Event).where(Event.event_id == mistake["eventID"]).order_by(Event.id)
        ).all()
        assert [row.declared_at is None for row in found] == [True, False]


def test_a_declaration_takes_the_members_and_lots_back(store):
    mistake = make(1, ["#1"], {"cbvmda:lotNumber": "A"})
    capture(store, make(0, {"A": 10}), mistake, actor=ALBA)
    assert lot(store, "A").amount is None
    capture(store, wrong(mistake))
    assert edges(store, "member") == []
    assert lot(store, "A").amount == 10


def test_when_the_first_maker_was_wrong_the_next_one_counts(store):
    mistake = make(1, {"A": 10})
    capture(store, mistake)
    capture(store, make(2, {"A": 20}), actor=BRUNO)
    assert lot(store, "A").party_id == ALBA.party_id
    capture(store, wrong(mistake))
    assert (lot(store, "A").party_id, lot(store, "A").amount) == (BRUNO.party_id, 20)


def test_a_declared_packing_changes_what_was_made_of_the_pallet(store):
    mistake = pack(1, "=1", {"A": 5})
    capture(store, mistake, pack(1, "=1", {"B": 5}), transform(2, ["=1"], {"C": 9}))
    capture(store, wrong(mistake))
    assert edges(store) == ["B>C"]


def test_a_declared_part_leaves_the_rest_of_its_transformation(store):
    together = {"transformationID": "urn:epc:id:gdti:0614141.12345.400"}
    mistake = transform(1, {"X": 1}, {}, **together)
    capture(store, mistake, transform(2, {"A": 1}, {"C": 1}, **together))
    assert edges(store) == ["A>C", "X>C"]
    capture(store, wrong(mistake))
    assert edges(store) == ["A>C"]


def test_a_declaration_that_arrives_before_its_event_holds_all_the_same(store):
    mistake = transform(1, {"A": 1}, {"B": 1})
    capture(store, wrong(mistake))
    capture(store, mistake)
    assert edges(store) == []
    assert lot(store, "B") is None


def test_event_and_declaration_may_come_in_one_document(store):
    mistake = transform(1, {"A": 1}, {"B": 1})
    captured = capture(store, mistake, wrong(mistake))
    assert captured.duplicates == []
    assert edges(store) == []


def test_only_who_captured_an_event_may_declare_it_wrong(store):
    statement = transform(1, {"A": 1}, {"B": 1})
    capture(store, statement)
    declared = capture(store, wrong(statement), actor=BRUNO)
    # Kept as Bruno's own word: a refusal would tell that somebody has such an event.
    assert declared.event_ids == [statement["eventID"]]
    assert edges(store) == ["A>B"]


def test_the_same_event_id_of_another_party_is_another_event(store):
    statement = make(1, {"A": 1})
    capture(store, statement)
    captured = capture(store, statement, actor=BRUNO)
    assert captured.event_ids == [statement["eventID"]]
    capture(store, wrong(statement))
    assert lot(store, "A").party_id == BRUNO.party_id


def test_amounts_keep_their_digits(store):
    capture(store, make(1, {"A": 0.1}), make(1, {"A": 0.2}))
    assert lot(store, "A").amount == Decimal("0.3")
    assert kilos(0.1) == {"quantity": 0.1, "uom": "KGM"}
