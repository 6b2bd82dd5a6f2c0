"""All derived tables follow from the statements alone: thrown away, they come back the same."""

import random
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.capture.rebuild import derived_tables, rebuild
from foodtrace.trace.capture.services import capture_document, record_event
from foodtrace.trace.codes import services as codes_of_things
from foodtrace.trace.epcis.reader import read_document, read_event
from foodtrace.trace.masterdata import services as masterdata

from .acts import (
    ALBA,
    BRUNO,
    capture,
    count,
    make,
    pack,
    rows,
    rows_by_name,
    see,
    transform,
    unpack,
    wrong,
)
from .coding import farm, run_of

CAPTURE = Path(__file__).parents[1] / "data/epcis/Capture"
DERIVED = (
    "item", "event", "event_item", "event_key", "event_number", "observed", "edge", "containment",
)  # fmt: skip


def rebuilt(store, **options):
    with store.transaction() as session:
        return rebuild(session, **options)


def a_busy_week():
    """Documents with everything that is difficult: late, nested, many to many, wrong."""
    mistake = transform(4, {"A": 1}, {"X": 1})
    packing = pack(1, "=1", {"A": 5, "B": 5})
    together = {"transformationID": "urn:epc:id:gdti:0614141.12345.400"}
    return [
        [make(0, {"A": 10, "B": 10}, {"foodtrace:origin": "山东"}), mistake],
        [transform(5, ["=2"], {"C": 9}), see(6, ["A#1", "=2"])],
        [packing, pack(2, "=2", ["=1"])],
        [make(1, ["#5", "#6"], {"cbvmda:lotNumber": "A"}), unpack(7, "=2")],
        [transform(8, {f"I{n}": 1 for n in range(30)}, {f"O{n}": 1 for n in range(10)})],
        [transform(9, {"C": 1}, {}, **together)],
        [wrong(mistake), make(2, {"A": 3})],
        [transform(9, {}, {"D": 1}, **together), wrong(packing)],
    ]


def test_it_works(store):
    for events in a_busy_week():
        capture(store, *events)
    before = rows(store)
    assert all(before[table] for table in DERIVED)
    assert rebuilt(store) == 14
    assert rows(store) == before


def test_the_published_documents_come_back_the_same(store):
    folders = (CAPTURE / "Documents", CAPTURE / "Events", CAPTURE.parent / "Query")
    for path in (path for folder in folders for path in sorted(folder.glob("*.json*"))):
        read = read_event if path.parent.name == "Events" else read_document
        read_in = read(path.read_bytes(), now=datetime.now(UTC))
        with store.transaction() as session:
            capture_document(session, SYSTEM, read_in, content_type="application/json", key=None)
    before = rows(store)
    rebuilt(store)
    assert rows(store) == before


def test_the_register_comes_back_the_same_with_its_history(store):
    with store.transaction() as session:
        party = masterdata.register_party(session, SYSTEM, name="绿源农场", kind="farm")
        masterdata.register_place(session, SYSTEM, party_id=party.id, name="一号大棚")
        product = masterdata.register_product(
            session, SYSTEM, party_id=party.id, name="番茄", gtin="9506000134352"
        )
        masterdata.revise_product(session, SYSTEM, product_id=product.id, name="有机番茄")
        record_event(session, ALBA, make(1, {"A": 1}))
    before = rows(store)
    assert len(before["revision"]) == 4
    rebuilt(store)
    assert rows(store) == before


def test_rows_that_follow_from_nothing_are_gone(store):
    capture(store, make(0, {"A": 10}))
    before = rows(store)
    with store.transaction() as session:
        for table in reversed(derived_tables()):
            session.execute(table.delete())
    assert not any(rows(store).values())
    rebuilt(store)
    assert rows(store) == before


def test_what_is_captured_after_a_rebuild_goes_on_where_it_was(store):
    capture(store, make(0, {"A": 10}), pack(1, "=1", {"A": 4}))
    rebuilt(store)
    capture(store, transform(2, ["=1"], {"B": 1}))
    before = rows(store)
    rebuilt(store)
    assert rows(store) == before


def test_a_rebuild_that_fails_leaves_everything_as_it_was(store):
    for events in a_busy_week():
        capture(store, *events)
    before = rows(store)

    def fail(done, total):
        if done > total // 2:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        rebuilt(store, progress=fail)
    assert rows(store) == before
    capture(store, make(20, {"Z": 1}))
    after = rows(store)
    rebuilt(store)
    assert rows(store) == after


def test_progress_is_told(store):
    capture(store, make(0, {"A": 1}), make(1, {"B": 1}))
    capture(store, make(2, {"C": 1}))
    told = []
    rebuilt(store, progress=lambda done, total: told.append((done, total)))
    assert told == [(2, 3), (3, 3)]


def test_the_record_itself_is_not_touched(store):
    capture(store, make(0, {"A": 1}))
    before = count(store, "document", "statement", "capture")
    rebuilt(store)
    assert count(store, "document", "statement", "capture") == before


def test_what_many_captured_at_once_is_what_one_would_have_captured(store):
    """Ids differ with the order of arrival; nothing else does."""
    week = a_busy_week()
    late = [event for _ in range(2) for event in week.pop() if "errorDeclaration" not in event]
    for number in range(12):
        week.append(
            [
                make(number, {"A": 1, f"L{number}": 2}),
                pack(number, "=1", [f"#{number}"]),
                transform(20 + number % 3, ["=1"], {f"P{number}": 1}),
                unpack(number + 1, "=1", [f"#{number - 1}"]),
            ]
        )
    random.Random(7).shuffle(week)
    failures = []

    def work(documents, actor):
        try:
            for events in documents:
                capture(store, *events, actor=actor)
        except Exception as error:
            failures.append(error)

    threads = [
        threading.Thread(target=work, args=(week[number::6], ALBA if number % 3 else BRUNO))
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    capture(store, *late)
    before = rows_by_name(store)
    rebuilt(store)
    assert rows_by_name(store) == before


def test_codes_on_things_come_back_the_same(store):
    alba = farm(store, lots=("L1", "L2"))
    run_id, codes = run_of(store, alba, 12)
    run_of(store, alba, 3, lot=alba.lots[1])
    with store.transaction() as session:
        stretch = {"run_id": run_id, "first": codes[2], "last": codes[7]}
        codes_of_things.activate(session, alba.actor, **stretch, lot=alba.lots[0])
        spoilt = stretch | {"first": codes[4], "last": codes[4], "state": "void"}
        codes_of_things.end_codes(session, alba.actor, **spoilt, reason="torn")
        lost = stretch | {"first": codes[8], "last": codes[11], "state": "lost"}
        codes_of_things.end_codes(session, alba.actor, **lost)
    before = rows(store)
    assert (len(before["code_run"]), len(before["unit_code"])) == (2, 15)
    rebuilt(store)
    assert rows(store) == before
