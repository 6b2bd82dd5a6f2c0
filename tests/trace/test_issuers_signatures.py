"""Signatures of devices under what their party stated, and what each is worth."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select

from foodtrace.trace.access.actor import Role
from foodtrace.trace.capture.rebuild import rebuild
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound
from foodtrace.trace.issuers import keys
from foodtrace.trace.issuers.models import IssuerCount, IssuerSignature
from foodtrace.trace.issuers.signatures import Unsigned, add_signatures, next_numbers
from foodtrace.trace.issuers.signers import signers_of
from foodtrace.trace.issuers.texts import LotNumber
from foodtrace.trace.issuers.validity import Standing
from foodtrace.trace.log.contents import contents, header_of
from foodtrace.trace.log.keeping import LogKeeper, attach
from foodtrace.trace.log.leaves import fields_of
from foodtrace.trace.log.models import Leaf
from foodtrace.trace.store.models import Event
from foodtrace.trace.store.types import LARGEST_ID

from ..web import settings_of
from .acts import GTIN, capture, make, rows, see, statement_bytes, transform
from .signing import Device, enrol, identifier_of, party_of, send, to_sign
from .test_log_keeping import Clock
from .test_notes import ORDER

A, B = f"/01/{GTIN}/10/A", f"/01/{GTIN}/10/B"


@pytest.fixture
def keep(store, tmp_path):
    """The log of the store, attached; called, it gives what waits its place."""
    settings, clock = replace(settings_of(store), data=tmp_path), Clock()
    attach(store, settings, clock=clock)
    keeper = LogKeeper(store, settings, clock=clock)
    yield lambda: keeper.keep(store, settings)
    keeper.close()


@pytest.fixture
def alba(store, keep):
    return party_of(store)


@pytest.fixture
def device(store, alba):
    device = Device()
    enrol(store, alba, device)
    return device


def stated(store, keep, alba, *events):
    """Capture events and return them as they are to be signed, oldest first."""
    known = {each.id for each in to_sign(store, alba)}
    capture(store, *events, actor=alba)
    keep()
    return [each for each in to_sign(store, alba) if each.id not in known]


def end(store, alba, key_id):
    with store.transaction() as session:
        keys.end_key(session, alba, key_id=key_id, reason="ended")


def id_of(store, device):
    with store.reading() as session:
        return keys.find_key(session, device.public).id


def signers(store, *statements):
    with store.reading() as session:
        found = signers_of(session, [each.id for each in statements])
    return [found[each.id].standing if each.id in found else None for each in statements]


def test_it_works(store, keep, alba, device):
    (made,) = stated(store, keep, alba, make(1, {"A": 10}))
    (signature_id,) = send(store, alba, device.sign(made))
    keep()
    with store.reading() as session:
        (signer,) = signers_of(session, [made.id]).values()
        leaf = session.scalars(select(Leaf).where(Leaf.statement_id == signature_id)).one()
    assert (signer.standing, signer.party, signer.device) == ("signed", "Alba", "packing hall")
    assert (signer.year, signer.idx) == (leaf.year, leaf.idx)
    assert signer.public_key == device.public


def test_what_is_to_be_signed_are_the_exact_bytes(store, keep, alba):
    made, seen = stated(store, keep, alba, make(1, {"A": 10, "B": 5}), see(2, ["A"]))
    assert (made.lots, seen.lots) == ((A, B), (A,))
    with store.reading() as session:
        assert made.content == statement_bytes(session, made.id)


def test_what_is_signed_is_not_asked_for_again(store, keep, alba, device):
    made, seen = stated(store, keep, alba, make(1, {"A": 10}), see(2, ["A"]))
    send(store, alba, device.sign(seen))
    assert [each.id for each in to_sign(store, alba)] == [made.id]
    assert [each.id for each in to_sign(store, alba, ids=[made.id, seen.id])] == [made.id]
    assert to_sign(store, alba, ids=[seen.id]) == []


def test_the_newest_are_asked_for_first_and_older_ones_page_by_page(store, keep, alba):
    found = stated(store, keep, alba, *(see(n, [f"A#{n}"]) for n in range(1, 6)))
    ids = [each.id for each in found]
    first = [each.id for each in to_sign(store, alba, limit=2)]
    assert first == ids[3:]
    assert [each.id for each in to_sign(store, alba, limit=2, before=ids[3])] == ids[1:3]


def test_nobody_sees_or_signs_what_another_stated(store, keep, alba, device):
    bruno = party_of(store, "Bruno")
    (made,) = stated(store, keep, bruno, make(1, {"A": 10}))
    assert to_sign(store, alba) == []
    with pytest.raises(NotFound):
        send(store, alba, device.sign(made))
    with pytest.raises(NotFound):
        send(store, alba, device.sign(replace(made, id=LARGEST_ID), n=1, numbers={A: 1}))


def test_a_key_of_another_party_does_not_sign(store, keep, alba, device):
    """Neither sent by the party of the statement, nor by that of the key."""
    bruno = party_of(store, "Bruno")
    (made,) = stated(store, keep, bruno, make(1, {"A": 10}))
    with pytest.raises(Invalid, match="no key of your organisation"):
        send(store, bruno, device.sign(made))
    with pytest.raises(Invalid, match="no key of your organisation"):
        send(store, bruno, Device().sign(made))


def test_only_those_who_act_sign(store, keep, alba):
    for role in (Role.INSPECTOR, Role.REGULATOR, Role.ADMINISTRATOR):
        with pytest.raises(Forbidden):
            to_sign(store, replace(alba, roles=frozenset({role})))
        with pytest.raises(Forbidden):
            send(store, replace(alba, roles=frozenset({role})))


def test_a_signature_that_is_sent_twice_is_taken_once(store, keep, alba, device):
    (made,) = stated(store, keep, alba, make(1, {"A": 10}))
    given = device.sign(made)
    assert send(store, alba, given) == send(store, alba, given, given)[:1]
    with store.reading() as session:
        assert len(session.scalars(select(IssuerSignature)).all()) == 1


def test_a_signature_under_a_new_number_is_refused(store, keep, alba, device):
    made, seen = stated(store, keep, alba, make(1, {"A": 10}), see(2, ["A"]))
    given = device.sign(made)
    send(store, alba, given)
    with pytest.raises(Conflict, match="already, as its number 1"):
        send(store, alba, replace(given, n=2))
    with pytest.raises(Conflict, match="already, as its number 1"):
        send(store, alba, device.sign(made))
    moved = replace(given, statement_id=seen.id, n=2, lots=(replace(given.lots[0], number=2),))
    with pytest.raises(Invalid, match="not the key's signature"):
        send(store, alba, moved)


def test_numbers_have_no_gap_and_the_next_is_named(store, keep, alba, device):
    made, seen = stated(store, keep, alba, make(1, {"A": 10}), see(2, ["A"]))
    with pytest.raises(Conflict) as refused:
        send(store, alba, device.sign(made, n=3, numbers={A: 2}))
    assert [(p.place, p.values["expected"]) for p in refused.value.problems] == [
        ("signatures/0/n", 1),
        ("signatures/0/lots/0/number", 1),
    ]
    device.n, device.lots = 0, {}
    send(store, alba, device.sign(made), device.sign(seen))
    with store.reading() as session:
        key = keys.find_key(session, device.public)
        found = next_numbers(session, key, [A, B])
    assert (found.n, found.lots) == (3, {A: 3, B: 1})


def test_each_lot_has_numbers_of_its_own(store, keep, alba, device):
    first, second = stated(store, keep, alba, make(1, {"A": 10}), transform(2, {"A": 5}, {"B": 5}))
    send(store, alba, device.sign(first), device.sign(second))
    with store.reading() as session:
        rows = session.execute(select(IssuerCount.lot, IssuerCount.last)).all()
        numbers = session.scalars(select(IssuerSignature.numbers).order_by(IssuerSignature.n))
        assert list(numbers) == [{A: 1}, {A: 2, B: 1}]
    assert sorted(map(tuple, rows)) == [(A, 2), (B, 1)]


def test_a_signature_names_every_lot_once_and_no_other(store, keep, alba, device):
    (made,) = stated(store, keep, alba, make(1, {"A": 10, "B": 5}))
    for lots in ({}, {A: 1}, {A: 1, B: 1, "/01/x/10/C": 1}):
        with pytest.raises(Invalid, match="The lots of this statement are"):
            send(store, alba, device.sign(made, n=1, numbers=lots))
    given = device.sign(made, n=1)
    with pytest.raises(Invalid, match="The lots of this statement are"):
        send(store, alba, replace(given, lots=(*given.lots, given.lots[0])))


@pytest.mark.parametrize("wrong", [{"content": b"{}"}, {"kind": "recall"}])
def test_a_signature_of_other_bytes_or_of_another_kind_is_refused(store, keep, alba, device, wrong):
    (made,) = stated(store, keep, alba, make(1, {"A": 10}))
    with pytest.raises(Invalid, match="not the key's signature"):
        send(store, alba, device.sign(made, **wrong))


def test_every_part_of_a_signature_is_signed(store, keep, alba, device):
    (made,) = stated(store, keep, alba, make(1, {"A": 10}))
    given = device.sign(made)
    for changed in (
        {"signed_at": "2026-05-01T09:00:01Z"},
        {"lots": (LotNumber(bytes(16), 1, A),)},
        {"signature": given.signature[:-1] + bytes([given.signature[-1] ^ 1])},
        {"signature": bytes(64)},
    ):
        with pytest.raises(Invalid, match="not the key's signature"):
            send(store, alba, replace(given, **changed))
    assert send(store, alba, given)


def test_the_other_spelling_of_a_signature_is_refused(store, keep, alba, device):
    """S and S + order satisfy the same equation; only the smaller one is a signature."""
    (made,) = stated(store, keep, alba, make(1, {"A": 10}))
    given = device.sign(made)
    s = int.from_bytes(given.signature[32:], "little") + ORDER
    with pytest.raises(Invalid, match="not the key's signature"):
        send(store, alba, replace(given, signature=given.signature[:32] + s.to_bytes(32, "little")))
    assert send(store, alba, given)
    with pytest.raises(Conflict, match="already"):
        send(store, alba, replace(given, signature=given.signature[:32] + s.to_bytes(32, "little")))


def test_a_signature_from_the_future_is_refused(store, keep, alba, device):
    (made,) = stated(store, keep, alba, make(1, {"A": 10}))
    later = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    with pytest.raises(Invalid, match="in the future"):
        send(store, alba, device.sign(made, at=later))


def test_an_ended_key_does_not_sign_but_what_it_signed_stays(store, keep, alba, device):
    made, seen = stated(store, keep, alba, make(1, {"A": 10}), see(2, ["A"]))
    send(store, alba, device.sign(made))
    end(store, alba, id_of(store, device))
    with pytest.raises(Conflict, match="is not good"):
        send(store, alba, device.sign(seen))
    keep()
    assert signers(store, made, seen) == [Standing.SIGNED, None]


def test_a_key_that_waits_does_not_sign(store, keep, alba, device):
    (made,) = stated(store, keep, alba, make(1, {"A": 10}))
    second = Device("office")
    enrol(store, alba, second)
    with pytest.raises(Conflict, match="is not good"):
        send(store, alba, second.sign(made))


def test_a_key_can_be_replaced_in_the_middle_of_a_batch(store, keep, alba, device):
    batch = stated(store, keep, alba, *(see(n, ["A"]) for n in range(1, 7)))
    given = [device.sign(each) for each in batch]
    send(store, alba, *given[:3])
    new = Device("new phone")
    voucher = device.voucher(identifier_of(store, alba), new, replaces=True)
    enrol(store, alba, new, voucher=voucher)
    with pytest.raises(Conflict, match="is not good"):
        send(store, alba, *given)
    assert signers(store, *batch) == [Standing.SIGNED] * 3 + [None] * 3
    assert send(store, alba, *given[:3]), "what was taken before is answered as before"
    send(store, alba, *(new.sign(each) for each in batch[3:]))
    keep()
    assert signers(store, *batch) == [Standing.SIGNED] * 6


def test_of_a_batch_all_are_taken_or_none(store, keep, alba, device):
    first, second = stated(store, keep, alba, see(1, ["A"]), see(2, ["A"]))
    with pytest.raises(Conflict, match="next number"):
        send(store, alba, device.sign(first), device.sign(second, n=5))
    assert signers(store, first, second) == [None, None]


def test_so_many_come_at_once_and_no_more(store, keep, alba, device):
    (made,) = stated(store, keep, alba, make(1, {"A": 10}))
    with pytest.raises(Invalid, match="At most 100"):
        send(store, alba, *[device.sign(made)] * 101)


def test_what_a_key_signed_in_other_hands_is_confirmed_again_with_another(
    store, keep, alba, device
):
    before, after = stated(store, keep, alba, see(1, ["A"]), see(2, ["A"]))
    send(store, alba, device.sign(before))
    keep()
    with store.reading() as session:
        last = session.scalar(select(Leaf.time).order_by(Leaf.time.desc()).limit(1))
    send(store, alba, device.sign(after))
    keep()
    since = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=last + 1)
    with store.transaction() as session:
        keys.declare_compromised(session, alba, key_id=id_of(store, device), since=since)
    keep()
    assert signers(store, before, after) == [Standing.SIGNED, Standing.RECONFIRM]
    assert [each.id for each in to_sign(store, alba)] == [after.id]
    new = Device("new")
    waiting = enrol(store, alba, new, lost_all=True)
    with store.transaction() as session:
        ruth = replace(alba, party_id=None, roles=frozenset({Role.REGULATOR}))
        keys.confirm_key(session, ruth, key_id=waiting.id)
    send(store, alba, new.sign(after))
    keep()
    assert signers(store, before, after) == [Standing.SIGNED, Standing.SIGNED]
    assert to_sign(store, alba) == []


def test_what_concerns_keys_is_not_signed(store, keep, alba, device):
    (made,) = stated(store, keep, alba, make(1, {"A": 10}))
    (signature,) = send(store, alba, device.sign(made))
    keep()
    for statement_id in (signature, id_of(store, device)):
        with pytest.raises(Invalid, match="What concerns keys"):
            send(store, alba, device.sign(replace(made, id=statement_id), n=2, numbers={A: 2}))


def test_what_has_no_place_in_the_log_yet_is_signed_a_moment_later(sqlite_store):
    """No log is attached here: what is captured waits."""
    alba, device = party_of(sqlite_store), Device()
    enrol(sqlite_store, alba, device)
    capture(sqlite_store, make(1, {"A": 10}), actor=alba)
    assert to_sign(sqlite_store, alba) == []
    with sqlite_store.reading() as session:
        event_id = session.scalar(select(Event.id))
    made = Unsigned(event_id, "event", b"", (A,), 0, 0, datetime.now(UTC))
    with pytest.raises(Conflict, match="no place in the log yet"):
        send(sqlite_store, alba, device.sign(made))


def test_the_log_numbers_a_signature_with_the_lots_of_what_is_signed(store, keep, alba, device):
    (made,) = stated(store, keep, alba, make(1, {"A": 10}))
    (signature,) = send(store, alba, device.sign(made))
    keep()
    with store.reading() as session:
        leaf = session.scalars(select(Leaf).where(Leaf.statement_id == signature)).one()
        (found,) = contents(session.connection(), [signature])
        header = header_of(found, leaf.header)
        names = [field.name for field in fields_of(header, found.content)]
    assert [(n.number, n.canonical) for n in header.numbers] == [(2, A)]
    assert {"/lots", "/lot0", "/signature", "/content"} <= set(names)


def test_a_lot_can_be_shown_without_the_others(store, keep, alba, device):
    """The signed text holds their digests only: guessing the name of a lot does not help."""
    made = stated(store, keep, alba, make(1, {"A": 10, "B": 5}))[0]
    (signature,) = send(store, alba, device.sign(made))
    with store.reading() as session:
        body = json.loads(statement_bytes(session, signature))
    shown = {name: value for name, value in body.items() if name not in ("lot0", "lot1")}
    assert A not in json.dumps(shown)
    assert len(body["lots"]) == 2
    assert {body["lot0"]["lot"], body["lot1"]["lot"]} == {A, B}


def test_two_devices_at_once_do_not_disturb_each_other(store, keep, alba, device):
    second = Device("office")
    enrol(store, alba, second, voucher=device.voucher(identifier_of(store, alba), second))
    batch = stated(store, keep, alba, *(see(n, ["A"]) for n in range(1, 9)))
    ready, failures = threading.Barrier(2), []

    def run(own):
        ready.wait()
        try:
            for each in batch:
                send(store, alba, own.sign(each))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(own,)) for own in (device, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with store.reading() as session:
        taken = session.execute(select(IssuerSignature.key_id, IssuerSignature.n)).all()
    assert sorted(map(tuple, taken)) == [
        (key, n) for key in sorted(map(lambda d: id_of(store, d), (device, second)))
        for n in range(1, 9)
    ]  # fmt: skip


def test_one_device_in_two_places_at_once_gets_each_number_once(store, keep, alba, device):
    first, second = stated(store, keep, alba, see(1, ["A"]), see(2, ["B"]))
    one, two = device.sign(first, n=1), device.sign(second, n=1)
    ready, outcomes = threading.Barrier(2), []

    def run(given):
        ready.wait()
        try:
            send(store, alba, given)
            outcomes.append("taken")
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=run, args=(given,)) for given in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "taken"]


def test_who_signed_is_found_in_one_query(store, keep, alba, device):
    batch = stated(store, keep, alba, *(see(n, ["A"]) for n in range(1, 6)))
    send(store, alba, *(device.sign(each) for each in batch))
    queries = []
    with store.reading() as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", lambda *args: queries.append(args[2]))
        assert len(signers_of(session, [each.id for each in batch])) == 5
        assert [query for query in queries if query != "BEGIN"] == queries[-1:]


def test_keys_and_signatures_follow_from_the_statements(store, keep, alba, device):
    made, seen = stated(store, keep, alba, make(1, {"A": 10, "B": 5}), see(2, ["A"]))
    send(store, alba, device.sign(made), device.sign(seen))
    second, third, lost = Device("office"), Device("third"), Device("lost")
    party = identifier_of(store, alba)
    enrol(store, alba, second, voucher=device.voucher(party, second, replaces=True))
    waiting = enrol(store, alba, third)
    with store.transaction() as session:
        voucher = second.voucher(party, third)
        keys.confirm_key(session, alba, key_id=waiting.id, voucher=voucher)
        at = datetime.now(UTC) - timedelta(days=1)
        keys.declare_compromised(session, alba, key_id=waiting.id, since=at)
        keys.end_key(session, alba, key_id=id_of(store, second), reason="lost")
    waiting = enrol(store, alba, lost, lost_all=True)
    with store.transaction() as session:
        ruth = replace(alba, party_id=None, roles=frozenset({Role.REGULATOR}))
        keys.confirm_key(session, ruth, key_id=waiting.id)
    before = rows(store)
    assert all(before[name] for name in ("issuer_key", "issuer_signature", "issuer_count"))
    with store.transaction() as session:
        rebuild(session)
    assert rows(store) == before


def test_a_signature_of_nothing_is_nothing(store, keep, alba):
    with store.transaction() as session:
        assert add_signatures(session, alba, []) == []
