"""A real chain as rows, moves, reach and drawing."""

from decimal import Decimal

import pytest
from sqlalchemy import event as sqlalchemy_event

from foodtrace.inspections import lots, services
from foodtrace.inspections.chain_graph import CLAIMED, GAP, MADE, MOVED, draw_chain
from foodtrace.inspections.tracing import Standing, descendants, moves_of, recalled
from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.chain.ledger import State
from foodtrace.trace.chain.model import Link
from foodtrace.trace.errors import Forbidden, Invalid, NotFound

from .chains import (
    APPLE,
    GTIN,
    JAM,
    SALT,
    add_jam,
    add_members,
    event,
    hands_over,
    makes,
    processes,
    quantity,
)
from .conftest import CADMIUM, RECALL, actor, add_laboratory, certificate

REGULATOR = actor(Role.REGULATOR)


@pytest.fixture
def jam(store):
    with store.transaction() as session:
        return add_jam(session)


def view(store, canonical):
    with store.reading() as session:
        return lots.view_lot(session, REGULATOR, canonical)


def standings(chain):
    return {
        (chain.items[move.item_id].lot, move.sender.party.name_en, move.recipient.party.name_en): (
            move.standing
        )
        for move in moves_of(chain)
    }


def test_a_lot_is_shown_with_what_it_came_from_and_what_became_of_it(store, jam):
    found = {row.item.lot for row in view(store, APPLE).rows}
    assert found == {"APPLE", "JAM"}
    assert {row.item.lot for row in view(store, JAM).rows} == {"APPLE", "JAM", "SALT"}


def test_a_handing_over_is_confirmed_only_when_both_sides_record_it(store, jam):
    assert standings(view(store, JAM).chain) == {
        ("APPLE", "Alba Orchard", "Bruno Jams"): Standing.CONFIRMED,
        ("JAM", "Bruno Jams", "Carla's Shop"): Standing.CLAIMED_BY_SENDER,
    }


def test_a_recipient_alone_only_claims(sqlite_store):
    with sqlite_store.transaction() as session:
        members = add_members(session)
        makes(session, members.alba, 1, APPLE)
        hands_over(session, members.bruno, 2, "receiving", APPLE, 5, members.alba, members.bruno)
    assert set(standings(view(sqlite_store, APPLE).chain).values()) == {
        Standing.CLAIMED_BY_RECIPIENT
    }


def test_nobody_confirms_for_another(sqlite_store):
    with sqlite_store.transaction() as session:
        members = add_members(session)
        makes(session, members.alba, 1, APPLE)
        for step in ("shipping", "receiving"):
            hands_over(session, members.dora, 2, step, APPLE, 5, members.alba, members.bruno)
    assert set(standings(view(sqlite_store, APPLE).chain).values()) == {Standing.CLAIMED_BY_OTHERS}


def test_rows_are_in_time_order_and_say_how_much(store, jam):
    rows = view(store, JAM).rows
    assert [row.hop.event_time for row in rows] == sorted(row.hop.event_time for row in rows)
    (received,) = (row for row in rows if row.hop.biz_step == "receiving")
    assert (received.amount, received.uom) == (Decimal(60), "KGM")
    assert received.standing is Standing.CONFIRMED
    assert received.sender.party.name_en == "Alba Orchard"


def test_what_was_declared_wrong_stays_in_the_table_as_void(store, jam):
    with store.transaction() as session:
        made = event(
            session,
            jam.carla,
            6,
            action="OBSERVE",
            bizStep="storing",
            quantityList=[quantity(JAM, 40, None)],
        )
        event(
            session,
            jam.carla,
            6,
            eventID=made.event_id,
            action="OBSERVE",
            bizStep="storing",
            quantityList=[quantity(JAM, 40, None)],
            errorDeclaration={"declarationTime": "2026-11-07T08:00:00+08:00"},
        )
    void = [row for row in view(store, JAM).rows if row.hop.event_id == made.event_id]
    assert [row.standing for row in void] == [Standing.VOID] * 2


def test_the_holdings_say_where_everything_is(store, jam):
    found = view(store, APPLE)
    where = {
        (found.chain.items[held.item_id].lot, held.state, held.party.name_en): held.amount
        for held in found.holdings
    }
    assert where[("APPLE", State.HELD, "Alba Orchard")] == 40
    assert where[("JAM", State.HELD, "Bruno Jams")] == 160
    assert where[("JAM", State.IN_TRANSIT, "Bruno Jams")] == 40


def test_a_recall_reaches_every_descendant_and_no_copy_is_stored(store, jam):
    with store.transaction() as session:
        services.open_recall(session, REGULATOR, **RECALL | {"lot": APPLE})
    found = view(store, JAM)
    assert [recall.lot for recall in found.recalls] == [APPLE]
    assert {found.chain.items[key].lot for key in found.affected} == {"APPLE", "JAM"}
    assert view(store, SALT).recalls == ()
    with store.reading() as session:
        reach = lots.reach_of(session, REGULATOR, APPLE)
    assert [item.lot for item in reach.lots] == ["APPLE", "JAM"]
    assert reach.holders == 2


def test_a_lot_made_after_the_recall_is_reached_too(store, jam):
    cake = f"/01/{GTIN}/10/CAKE"
    with store.transaction() as session:
        services.open_recall(session, REGULATOR, **RECALL | {"lot": APPLE})
        processes(session, jam.bruno, 6, [(JAM, 10, None)], [(cake, 5, None)])
    assert [recall.lot for recall in view(store, cake).recalls] == [APPLE]


def test_an_ended_recall_affects_nothing_and_is_still_told(store, jam):
    with store.transaction() as session:
        found = services.open_recall(session, REGULATOR, **RECALL | {"lot": APPLE})
        services.end_recall(session, REGULATOR, recall_id=found, conclusion="已销毁")
    ended = view(store, JAM)
    assert ended.affected == frozenset()
    assert [recall.is_open for recall in ended.recalls] == [False]


def test_the_page_of_a_lot_takes_seven_queries_whatever_its_chain(store, jam):
    statements = []
    sqlalchemy_event.listen(
        store.readers, "before_cursor_execute", lambda *call: statements.append(call[2])
    )
    view(store, SALT)
    few = [text for text in statements if not text.startswith("BEGIN")]
    statements.clear()
    view(store, JAM)
    many = [text for text in statements if not text.startswith("BEGIN")]
    assert len(few) == len(many) == 7


def test_the_graph_has_one_node_a_lot_and_holder_and_says_what_is_proved(store, jam):
    found = view(store, JAM)
    drawn = draw_chain(found.chain, found.affected, href=lambda item: item.canonical, english=True)
    labels = {box.node.key: box.node.lines[1:] for box in drawn.drawing.boxes}
    assert sorted(labels.values()) == [
        ("APPLE", "Alba Orchard"),
        ("APPLE", "Bruno Jams"),
        ("JAM", "Bruno Jams"),
        ("JAM", "Carla's Shop"),
        ("SALT", "Bruno Jams"),
        ("SALT", "Dora Salt"),
    ]
    lines = {
        (*labels[line.edge.start], *labels[line.edge.end]): line.edge.style
        for line in drawn.drawing.lines
    }
    assert lines == {
        ("APPLE", "Alba Orchard", "APPLE", "Bruno Jams"): MOVED,
        ("APPLE", "Bruno Jams", "JAM", "Bruno Jams"): MADE,
        ("SALT", "Bruno Jams", "JAM", "Bruno Jams"): MADE,
        ("SALT", "Dora Salt", "SALT", "Bruno Jams"): GAP,
        ("JAM", "Bruno Jams", "JAM", "Carla's Shop"): CLAIMED,
    }


def test_a_recalled_node_has_a_word_and_not_only_a_colour(store, jam):
    with store.transaction() as session:
        services.open_recall(session, REGULATOR, **RECALL | {"lot": APPLE})
    found = view(store, JAM)
    drawn = draw_chain(found.chain, found.affected, href=lambda item: item.canonical)
    marks = {box.node.lines[1]: box.node.mark for box in drawn.drawing.boxes}
    assert marks == {"APPLE": "recalled", "JAM": "recalled", "SALT": ""}


def test_lots_made_of_each_other_are_traced_and_drawn(sqlite_store):
    one, other = f"/01/{GTIN}/10/ONE", f"/01/{GTIN}/10/OTHER"
    with sqlite_store.transaction() as session:
        alba = add_members(session).alba
        processes(session, alba, 1, [(one, 10)], [(other, 10)])
        processes(session, alba, 2, [(other, 5)], [(one, 5)])
        processes(session, alba, 3, [(one, 1)], [(one, 1)])
        services.open_recall(session, REGULATOR, **RECALL | {"lot": other})
    found = view(sqlite_store, one)
    drawn = draw_chain(found.chain, found.affected, href=lambda item: item.canonical)
    assert {found.chain.items[key].lot for key in found.affected} == {"ONE", "OTHER"}
    assert len(drawn.drawing.lines) == 3


def test_a_chain_of_many_lots_is_drawn_by_organisation(sqlite_store):
    outputs = [(f"/01/{GTIN}/10/J{number}", 1) for number in range(310)]
    with sqlite_store.transaction() as session:
        members = add_members(session)
        makes(session, members.alba, 1, APPLE)
        processes(session, members.alba, 2, [(APPLE, 100)], outputs)
        lot, amount = outputs[0]
        for who, step in ((members.alba, "shipping"), (members.carla, "receiving")):
            hands_over(session, who, 3, step, lot, amount, members.alba, members.carla)
        services.open_recall(session, REGULATOR, **RECALL | {"lot": APPLE})
    found = view(sqlite_store, APPLE)
    drawn = draw_chain(found.chain, found.affected, href=lambda item: item.canonical, english=True)
    assert drawn.is_summary
    boxes = {box.node.lines: box.node.mark for box in drawn.drawing.boxes}
    assert boxes == {("Alba Orchard", "312"): "recalled", ("Carla's Shop", "1"): "recalled"}
    assert [line.edge.style for line in drawn.drawing.lines] == [MOVED]
    assert len({row.item.lot for row in found.rows}) == 311


def test_the_walk_down_a_ladder_visits_each_item_once():
    ladder = [
        Link(2 * n + a, 2 * n + 2 + b, n, "made")
        for n in range(2000)
        for a in (0, 1)
        for b in (0, 1)
    ]
    assert len(descendants(ladder, {0})) == 4001


def test_only_those_who_may_read_every_chain_see_one_here(store, jam):
    everybody = [Role.INSPECTOR, Role.REGULATOR, Role.ADMINISTRATOR]
    with store.reading() as session:
        for role in Role:
            who = Actor("user:someone", jam.bruno.party.id, frozenset({role}))
            if role in everybody:
                assert lots.view_lot(session, who, JAM).chain.root.canonical == JAM
                continue
            with pytest.raises(Forbidden):
                lots.view_lot(session, who, JAM)
            with pytest.raises(Forbidden):
                lots.search_lots(session, who, "JAM")


def test_a_maker_sees_what_a_recall_of_its_own_lot_reaches_and_of_no_other(store, jam):
    with store.reading() as session:
        assert len(lots.reach_of(session, jam.alba.actor, APPLE).lots) == 2
        with pytest.raises(NotFound):
            lots.reach_of(session, jam.alba.actor, SALT)
        with pytest.raises(Invalid):
            lots.reach_of(session, jam.alba.actor, f"/01/{GTIN}/10/NEVER")


SEARCHES = [
    (JAM, {"JAM"}),
    ("https://shop.example" + JAM, {"JAM"}),
    (f"(01){GTIN}(10)JAM", {"JAM"}),
    ("salt", {"SALT"}),
    (GTIN, {"APPLE", "JAM", "SALT"}),
    (GTIN[1:], {"APPLE", "JAM", "SALT"}),
    ("苹果酱", {"APPLE", "JAM", "SALT"}),
    ("apple JAM", {"APPLE", "JAM", "SALT"}),
    ("阿尔巴", {"APPLE"}),
    ("bruno", {"JAM"}),
    ("SDNT-2026-0117", {"JAM"}),
    ("", {"APPLE", "JAM", "SALT"}),
    ("106901234500000010", {None}),
    ("%", set()),
    ("_", set()),
    ("nothing like it", set()),
]


def test_a_lot_is_found_by_code_number_name_and_certificate(sqlite_store):
    with sqlite_store.transaction() as session:
        members = add_jam(session)
        event(
            session,
            members.bruno,
            5,
            type="AggregationEvent",
            action="ADD",
            bizStep="packing",
            parentID="https://id.gs1.org/00/106901234500000010",
            childQuantityList=[quantity(JAM, 10, None)],
        )
        laboratory = add_laboratory(session)
        services.issue_certificate(session, laboratory, **certificate(lot=JAM, results=[CADMIUM]))
    with sqlite_store.reading() as session:
        for text, expected in SEARCHES:
            found = lots.search_lots(session, REGULATOR, text)
            assert {lot.lot_number for lot in found} == expected, text


def test_rebuilding_makes_certificates_and_recalls_again(store, jam):
    with store.transaction() as session:
        laboratory = add_laboratory(session)
        withdrawn = services.issue_certificate(session, laboratory, **certificate(lot=JAM))
        services.withdraw_certificate(
            session, laboratory, certificate_id=withdrawn, reason="录入错误"
        )
        services.issue_certificate(session, laboratory, **certificate(lot=JAM, number="2"))
        ended = services.open_recall(session, REGULATOR, **RECALL | {"lot": APPLE})
        services.end_recall(session, REGULATOR, recall_id=ended, conclusion="已销毁")
        services.open_recall(session, REGULATOR, **RECALL | {"lot": JAM})
        before = services.findings_of(session, [APPLE, JAM])
    with store.transaction() as session:
        rebuild(session)
    with store.reading() as session:
        after = services.findings_of(session, [APPLE, JAM])
    assert len(after.certificates) == len(after.recalls) == 2
    assert after == before


def test_recalled_items_are_found_by_the_codes_of_their_recalls(store, jam):
    chain = view(store, JAM).chain
    assert {chain.items[key].lot for key in recalled(chain, {SALT})} == {"SALT", "JAM"}
    assert recalled(chain, {"/01/09506000134352/10/OTHER"}) == set()
