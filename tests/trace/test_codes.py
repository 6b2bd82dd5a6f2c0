"""Codes on single things: made in runs, given to lots, taken out of use."""

import threading
from collections import Counter
from secrets import token_urlsafe

import pytest
from sqlalchemy import select

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.capture.services import record_event
from foodtrace.trace.codes import scans, services
from foodtrace.trace.codes.models import UnitCode
from foodtrace.trace.codes.services import ALPHABET, Stretch
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound
from foodtrace.trace.gs1.gbt33993 import fits_gbt33993
from foodtrace.trace.gs1.identifiers import parse_identifier
from foodtrace.trace.masterdata.services import register_product
from foodtrace.trace.store.models import Statement

from .coding import farm, made, run_of

HOST = "https://trace.example"


def activate(store, owner, run_id, first, last, lot):
    with store.transaction() as session:
        return services.activate(
            session, owner.actor, run_id=run_id, first=first, last=last, lot=lot
        )


def end(store, owner, run_id, first, last, state="void", reason=None):
    with store.transaction() as session:
        return services.end_codes(
            session, owner.actor, run_id=run_id, first=first, last=last, state=state, reason=reason
        )


def stretches(store, owner, run_id):
    with store.reading() as session:
        found = services.get_run(session, owner.actor, run_id).stretches
        return [(each.first, each.last, each.state, each.lot) for each in found]


def statements(store, *kinds):
    with store.reading() as session:
        found = Counter(session.scalars(select(Statement.kind)))
        return [found[kind] for kind in kinds]


def test_it_works(store):
    alba = farm(store)
    run_id, codes = run_of(store, alba, 10)
    done = activate(store, alba, run_id, codes[2], codes[6], alba.lots[0])
    assert (done.first, done.last, done.lot) == (3, 7, alba.lots[0])
    assert stretches(store, alba, run_id) == [
        (1, 2, "waiting", None),
        (3, 7, "active", alba.lots[0]),
        (8, 10, "waiting", None),
    ]
    with store.reading() as session:
        known = scans.find_code(session, codes[2])
    assert (known.lot, known.state, known.position) == (alba.lots[0], "active", 3)
    assert (known.party_id, known.product) == (alba.party_id, alba.product)


def test_a_run_for_a_lot_is_active_at_once(store):
    alba = farm(store)
    run_id, _ = run_of(store, alba, 3, lot=alba.lots[0])
    assert stretches(store, alba, run_id) == [(1, 3, "active", alba.lots[0])]


def test_a_product_without_gtin_gets_codes_of_ours(store):
    alba = farm(store, gtin=None, lots=())
    _, codes = run_of(store, alba, 5)
    assert all(code == parse_identifier(code).canonical for code in codes)
    assert all(len(code) == len("/q/") + 27 for code in codes)


def test_serials_are_random_and_need_no_escapes(sqlite_store):
    alba = farm(sqlite_store)
    _, codes = run_of(sqlite_store, alba, 20_000)
    serials = [code.removeprefix(f"{alba.product}/21/") for code in codes]
    assert len(set(serials)) == 20_000
    assert {len(serial) for serial in serials} == {20}
    assert len(ALPHABET) == 64
    signs = Counter("".join(serials))
    assert set(signs) == set(ALPHABET)
    # 400,000 signs, 6,250 of each expected: six standard deviations
    assert all(abs(count - 6250) < 480 for count in signs.values())
    for code in codes[:200]:
        assert parse_identifier(HOST + code).canonical == code
        assert fits_gbt33993(HOST + code) == []


def test_a_million_guesses_find_nothing(sqlite_store):
    """Guessed as the serials are made: what is found in 120 bits would be a fault of ours."""
    alba = farm(sqlite_store)
    run_of(sqlite_store, alba, 20_000)
    with sqlite_store.reading() as session:
        known = {code[-20:] for code in session.scalars(select(UnitCode.canonical))}
    assert len(known) == 20_000
    assert not any(token_urlsafe(15) in known for _ in range(1_000_000))


@pytest.mark.parametrize("count", [0, -1, 20_001])
def test_a_run_has_1_to_20000_codes(sqlite_store, count):
    alba = farm(sqlite_store)
    with pytest.raises(Invalid, match="1 to 20000"), sqlite_store.transaction() as session:
        services.make_run(session, alba.actor, product=alba.product, count=count)


def test_codes_are_for_ones_own_products_and_lots(store):
    alba, bruno = farm(store), farm(store, "Bruno", "06907654321090")
    with store.transaction() as session:
        for product, lot in ((bruno.product, None), (alba.product, bruno.lots[0])):
            with pytest.raises(Invalid, match="You have no such"):
                services.make_run(session, alba.actor, product=product, lot=lot, count=1)
    run_id, codes = run_of(store, alba)
    for act in (activate, end):
        more = (alba.lots[0],) if act is activate else ()
        with pytest.raises(NotFound):
            act(store, bruno, run_id, codes[0], codes[1], *more)
    with pytest.raises(Invalid, match="no such lot"):
        activate(store, alba, run_id, codes[0], codes[1], bruno.lots[0])
    with store.reading() as session, pytest.raises(NotFound):
        services.codes_of_run(session, bruno.actor, run_id)
    carla = Actor("user:carla", alba.party_id, frozenset({Role.OPERATOR}))
    with store.reading() as session, pytest.raises(Forbidden):
        services.get_run(session, carla, run_id)


def test_a_lot_of_another_product_is_refused(store):
    alba = farm(store)
    run_id, codes = run_of(store, alba)
    with store.transaction() as session:
        product = register_product(
            session, alba.actor, party_id=alba.party_id, name="酱", gtin="06901234567908"
        )
        record_event(session, alba.actor, made(f"{product.identifier}/10/X"))
    with pytest.raises(Conflict, match="another product"):
        activate(store, alba, run_id, codes[0], codes[1], f"{product.identifier}/10/X")


def test_what_was_scanned_may_come_in_any_form(store):
    alba = farm(store)
    run_id, codes = run_of(store, alba)
    serial = codes[1].rpartition("/")[2]
    forms = [
        (HOST + codes[0], f"]Q3{HOST}{codes[1]}"),
        (codes[0], serial),
        (f" {codes[0]} ", f"(01){alba.product[4:]}(21){serial}"),
    ]
    for first, last in forms:
        done = activate(store, alba, run_id, first, last, HOST + alba.lots[0])
        assert (done.first, done.last) == (1, 2)
        with store.reading() as session:
            assert services.run_of_code(session, alba.actor, first) == run_id
            assert services.run_of_code(session, alba.actor, last) == run_id
    assert statements(store, "activation") == [1]


def test_the_wrong_order_is_refused_and_names_the_code(store):
    alba = farm(store)
    run_id, codes = run_of(store, alba)
    with pytest.raises(Conflict, match="comes before") as refusal:
        activate(store, alba, run_id, codes[4], codes[3], alba.lots[0])
    assert codes[3].rpartition("/")[2] in str(refusal.value)
    assert stretches(store, alba, run_id) == [(1, 10, "waiting", None)]


def test_codes_of_two_runs_are_refused(store):
    alba = farm(store)
    run_id, codes = run_of(store, alba)
    _, others = run_of(store, alba)
    with pytest.raises(Conflict, match="not of this run") as refusal:
        activate(store, alba, run_id, codes[0], others[3], alba.lots[0])
    assert others[3].rpartition("/")[2] in str(refusal.value)
    with pytest.raises(Conflict, match="not of this run"):
        activate(store, alba, run_id, alba.lots[0], codes[3], alba.lots[0])


def test_what_is_of_a_lot_already_is_not_given_to_another(store):
    alba = farm(store, lots=("L1", "L2"))
    run_id, codes = run_of(store, alba)
    activate(store, alba, run_id, codes[3], codes[5], alba.lots[0])
    with pytest.raises(Conflict, match="is of a lot already") as refusal:
        activate(store, alba, run_id, codes[0], codes[9], alba.lots[1])
    assert codes[3].rpartition("/")[2] in str(refusal.value)
    assert refusal.value.problems[0].values["position"] == 4
    with pytest.raises(Conflict, match="is of a lot already"):
        activate(store, alba, run_id, codes[3], codes[6], alba.lots[0])


def test_activating_twice_is_activating_once(store):
    alba = farm(store)
    run_id, codes = run_of(store, alba)
    first = activate(store, alba, run_id, codes[0], codes[9], alba.lots[0])
    assert activate(store, alba, run_id, codes[0], codes[9], alba.lots[0]) == first
    assert isinstance(first, Stretch)
    assert statements(store, "codes", "activation") == [1, 1]


def test_void_and_lost_codes_stay_so(store):
    alba = farm(store)
    run_id, codes = run_of(store, alba)
    end(store, alba, run_id, codes[0], codes[1], "void", "printed askew")
    end(store, alba, run_id, codes[0], codes[1], "void", "again")
    end(store, alba, run_id, codes[8], codes[9], "lost")
    activate(store, alba, run_id, codes[2], codes[4], alba.lots[0])
    end(store, alba, run_id, codes[4], codes[4])
    assert stretches(store, alba, run_id) == [
        (1, 2, "void", None),
        (3, 4, "active", alba.lots[0]),
        (5, 5, "void", alba.lots[0]),
        (6, 8, "waiting", None),
        (9, 10, "lost", None),
    ]
    with store.reading() as session:
        assert scans.find_code(session, codes[0]).reason == "printed askew"
    for act, more in ((activate, (alba.lots[0],)), (end, ("lost",))):
        with pytest.raises(Conflict, match="is out of use already") as refusal:
            act(store, alba, run_id, codes[0], codes[3], *more)
        assert codes[0].rpartition("/")[2] in str(refusal.value)
    with pytest.raises(Invalid, match="void or lost"):
        end(store, alba, run_id, codes[5], codes[5], "found")
    assert statements(store, "codes_end") == [3]


def test_two_who_activate_at_once_do_not_both_win(store):
    alba = farm(store, lots=("L1", "L2"))
    run_id, codes = run_of(store, alba, 400)
    outcomes = []
    together = threading.Barrier(2)

    def work(lot):
        together.wait()
        try:
            outcomes.append(activate(store, alba, run_id, codes[0], codes[-1], lot).lot)
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=work, args=(lot,)) for lot in alba.lots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = set(outcomes) - {"refused"}
    assert sorted(outcomes) == sorted(["refused", winner])
    assert stretches(store, alba, run_id) == [(1, 400, "active", winner)]


def test_runs_are_listed_newest_first_page_by_page(sqlite_store, monkeypatch):
    monkeypatch.setattr(services, "PAGE", 2)
    alba, bruno = farm(sqlite_store), farm(sqlite_store, "Bruno", "06907654321090")
    ids = [run_of(sqlite_store, alba, 1)[0] for _ in range(3)]
    run_of(sqlite_store, bruno, 1)
    with sqlite_store.reading() as session:
        page = services.list_runs(session, alba.actor)
        assert [run.id for run in page.runs] == [ids[2], ids[1]]
        rest = services.list_runs(session, alba.actor, after=page.next)
        assert ([run.id for run in rest.runs], rest.next) == ([ids[0]], None)
        assert services.counts_of(session, page.runs) == {
            ids[2]: {"waiting": 1},
            ids[1]: {"waiting": 1},
        }


def test_a_code_that_nobody_made_is_not_known(store):
    alba = farm(store)
    with store.reading() as session:
        assert scans.find_code(session, f"{alba.product}/21/x") is None
        with pytest.raises(Invalid, match="not of a roll of yours"):
            services.run_of_code(session, alba.actor, f"{alba.product}/21/x")
