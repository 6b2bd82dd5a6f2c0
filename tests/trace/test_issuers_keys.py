"""Keys of parties' devices: who lets them in, and how they end."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.errors import Conflict, Forbidden, Invalid, NotFound
from foodtrace.trace.issuers import keys
from foodtrace.trace.issuers.models import IssuerKey
from foodtrace.trace.store.models import Document, Statement

from .signing import Device, enrol, identifier_of, party_of
from .test_notes import OTHER_SPELLINGS, SMALL_ORDER

RUTH = Actor("user:ruth", None, frozenset({Role.REGULATOR}))


@pytest.fixture
def alba(store):
    return party_of(store)


def act(store, service, *arguments, **options):
    with store.transaction() as session:
        key = service(session, *arguments, **options)
        session.expunge(key)
        return key


def key_of(store, device):
    with store.reading() as session:
        return session.scalars(select(IssuerKey).where(IssuerKey.public_key == device.public)).one()


def states(store, *devices):
    return [keys.state_of(key_of(store, device)) for device in devices]


def test_it_works(store, alba):
    key = enrol(store, alba, Device())
    assert (key.vouched_by, key.active_id, keys.state_of(key)) == ("first", key.id, "good")


def test_what_a_key_says_of_itself_is_on_record(store, alba):
    device = Device("  hall\u3000 2 ")
    device.name = "hall 2"
    key = enrol(store, alba, device)
    with store.reading() as session:
        body = session.scalars(
            select(Document.body)
            .join(Statement, Statement.document_id == Document.id)
            .where(Statement.id == key.id, Statement.kind == "key")
        ).one()
    assert b'"name":"hall 2"' in body
    assert b'"how":"first"' in body


def test_the_same_request_again_gives_the_same_key(store, alba):
    device = Device()
    assert enrol(store, alba, device).id == enrol(store, alba, device).id


def test_a_key_under_another_name_is_refused(store, alba):
    device = Device()
    enrol(store, alba, device)
    device.name = "another name"
    with pytest.raises(Conflict, match="enrolled before"):
        enrol(store, alba, device)


def test_a_key_of_another_party_is_refused(store, alba):
    device = Device()
    enrol(store, party_of(store, "Bruno"), device)
    with pytest.raises(Conflict, match="enrolled before"):
        enrol(store, alba, device)


def test_the_device_must_show_that_it_has_the_key(store, alba):
    device, other = Device(), Device()
    device.private = other.private
    with pytest.raises(Invalid, match="not the key's signature"):
        enrol(store, alba, device)


def test_a_proof_for_another_party_is_none(store, alba):
    device, bruno = Device(), party_of(store, "Bruno")
    proof = device.proof(identifier_of(store, bruno))
    with store.transaction() as session, pytest.raises(Invalid, match="not the key's signature"):
        keys.enrol_key(session, alba, public_key=device.public, name=device.name, proof=proof)


@pytest.mark.parametrize("key", SMALL_ORDER + OTHER_SPELLINGS)
def test_a_point_under_which_one_signature_fits_many_texts_is_no_key(sqlite_store, key):
    alba = party_of(sqlite_store)
    with sqlite_store.transaction() as session, pytest.raises(Invalid, match="no Ed25519 key"):
        keys.enrol_key(session, alba, public_key=bytes.fromhex(key), name="odd", proof=bytes(64))


@pytest.mark.parametrize("name", ["", "  ", "a\nparty b", "a\x00b", "x" * 101, "a\u202eb"])
def test_a_name_that_nobody_can_read_is_refused(sqlite_store, name):
    alba, device = party_of(sqlite_store), Device(name)
    if name == "a\nparty b":  # a line end becomes a blank; the proof is then of another text
        with pytest.raises(Invalid, match="not the key's signature"):
            enrol(sqlite_store, alba, device)
    else:
        with pytest.raises(Invalid, match="visible characters"):
            enrol(sqlite_store, alba, device)


@pytest.mark.parametrize("role", [Role.INSPECTOR, Role.REGULATOR, Role.ADMINISTRATOR])
def test_only_those_who_act_have_keys(sqlite_store, role):
    who = party_of(sqlite_store, role=role)
    with pytest.raises(Forbidden):
        enrol(sqlite_store, who, Device())


def test_a_second_device_waits_until_the_first_lets_it_in(store, alba):
    first, second = Device(), Device("office")
    enrol(store, alba, first)
    waiting = enrol(store, alba, second)
    assert keys.state_of(waiting) == "waiting"
    voucher = first.voucher(identifier_of(store, alba), second)
    key = act(store, keys.confirm_key, alba, key_id=waiting.id, voucher=voucher)
    assert (key.vouched_by, key.voucher_id) == ("key", key_of(store, first).id)
    assert key.active_id > waiting.id
    assert states(store, first, second) == ["good", "good"]


def test_a_second_device_is_good_at_once_when_it_brings_the_word_of_the_first(store, alba):
    first, second = Device(), Device("office")
    enrol(store, alba, first)
    key = enrol(store, alba, second, voucher=first.voucher(identifier_of(store, alba), second))
    assert (keys.state_of(key), key.active_id) == ("good", key.id)


def test_a_key_that_replaces_another_ends_it(store, alba):
    old, new = Device(), Device("new phone")
    enrol(store, alba, old)
    voucher = old.voucher(identifier_of(store, alba), new, replaces=True)
    key = enrol(store, alba, new, voucher=voucher)
    ended = key_of(store, old)
    assert (ended.revoked_id, ended.revoked_reason) == (key.id, "replaced")
    assert states(store, old, new) == ["ended", "good"]


def test_the_word_for_another_use_or_key_does_not_count(store, alba):
    first, second, third = Device(), Device("office"), Device("third")
    enrol(store, alba, first)
    party = identifier_of(store, alba)
    voucher = first.voucher(party, second)
    for wrong in (
        replace(voucher, replaces=True),
        first.voucher(party, third),
        first.voucher(identifier_of(store, party_of(store, "Bruno")), second),
        replace(third.voucher(party, second), by=first.public),
    ):
        with pytest.raises(Invalid, match="not the key's signature"):
            enrol(store, alba, second, voucher=wrong)


def test_a_key_that_is_not_good_lets_nobody_in(store, alba):
    first, second, third = Device(), Device("office"), Device("third")
    party = identifier_of(store, alba)
    act(store, keys.end_key, alba, key_id=enrol(store, alba, first).id, reason="ended")
    with pytest.raises(Invalid, match="no key of your organisation that is good"):
        enrol(store, alba, second, voucher=first.voucher(party, second))
    bruno = Device()
    enrol(store, party_of(store, "Bruno"), bruno)
    with pytest.raises(Invalid, match="no key of your organisation that is good"):
        enrol(store, alba, third, voucher=bruno.voucher(party, third))


def test_after_all_keys_are_ended_one_has_to_say_that_they_are_lost(store, alba):
    first, second = Device(), Device("office")
    act(store, keys.end_key, alba, key_id=enrol(store, alba, first).id, reason="lost")
    with pytest.raises(Conflict, match="All keys of your organisation are ended"):
        enrol(store, alba, second)
    waiting = enrol(store, alba, second, lost_all=True)
    assert (waiting.vouched_by, keys.state_of(waiting)) == ("authority", "waiting")


def test_a_regulator_lets_a_key_in_when_all_are_lost_and_the_others_end(store, alba):
    lost, new, others = Device(), Device("new"), Device("Bruno's")
    enrol(store, alba, lost)
    enrol(store, party_of(store, "Bruno"), others)
    waiting = enrol(store, alba, new, lost_all=True)
    with store.reading() as session:
        assert [key.id for key in keys.keys_to_confirm(session, RUTH)] == [waiting.id]
    key = act(store, keys.confirm_key, RUTH, key_id=waiting.id)
    assert (key.vouched_by, key.active_id, key.voucher_id) == ("authority",) + (key.active_id,) * 2
    assert states(store, lost, new, others) == ["ended", "good", "good"]
    assert key_of(store, lost).revoked_reason == "lost"
    with store.reading() as session:
        assert not keys.keys_to_confirm(session, RUTH)


def test_a_regulator_does_not_let_in_what_an_older_key_has_to(store, alba):
    enrol(store, alba, Device())
    waiting = enrol(store, alba, Device("office"))
    with pytest.raises(Conflict, match="Another key of the organisation"):
        act(store, keys.confirm_key, RUTH, key_id=waiting.id)


def test_a_party_does_not_confirm_that_its_keys_are_lost(store, alba):
    enrol(store, alba, Device())
    waiting = enrol(store, alba, Device("office"), lost_all=True)
    with pytest.raises(Forbidden):
        act(store, keys.confirm_key, alba, key_id=waiting.id)


def test_a_key_is_let_in_once(store, alba):
    first = Device()
    key = enrol(store, alba, first)
    voucher = first.voucher(identifier_of(store, alba), first)
    for who, word in ((alba, voucher), (RUTH, None)):
        with pytest.raises(Conflict, match="does not wait"):
            act(store, keys.confirm_key, who, key_id=key.id, voucher=word)
    with pytest.raises(NotFound):
        act(store, keys.confirm_key, RUTH, key_id=10**30)


def test_a_request_can_be_taken_back(store, alba):
    enrol(store, alba, Device())
    second = Device("office")
    act(store, keys.end_key, alba, key_id=enrol(store, alba, second).id, reason="ended")
    assert states(store, second) == ["ended"]
    with pytest.raises(Conflict, match="does not wait"):
        act(store, keys.confirm_key, RUTH, key_id=key_of(store, second).id)


def test_a_key_ends_once_and_only_by_its_party(store, alba):
    key = enrol(store, alba, Device())
    with pytest.raises(NotFound):
        act(store, keys.end_key, party_of(store, "Bruno"), key_id=key.id, reason="ended")
    act(store, keys.end_key, alba, key_id=key.id, reason="ended")
    with pytest.raises(Conflict, match="ended already"):
        act(store, keys.end_key, alba, key_id=key.id, reason="ended")


def test_an_ended_key_is_not_enrolled_again(store, alba):
    device = Device()
    act(store, keys.end_key, alba, key_id=enrol(store, alba, device).id, reason="ended")
    with pytest.raises(Conflict, match="enrolled before"):
        enrol(store, alba, device, lost_all=True)


@pytest.mark.parametrize(
    "since", ["0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z", "1969-12-31T00:00:00-08:00"]
)
def test_a_key_may_have_been_in_other_hands_from_the_beginning(store, alba, since):
    key = enrol(store, alba, Device())
    since = datetime.fromisoformat(since)
    found = act(store, keys.declare_compromised, alba, key_id=key.id, since=since)
    assert found.compromised_since == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_key_in_other_hands_ends_and_earlier_times_can_be_added(store, alba):
    key, day = enrol(store, alba, Device()), timedelta(days=1)
    now = datetime.now(UTC)
    found = act(store, keys.declare_compromised, alba, key_id=key.id, since=now - day)
    assert (found.revoked_reason, found.revoked_id) == ("stolen", found.compromised_id)
    with pytest.raises(Conflict, match="earlier time was given"):
        act(store, keys.declare_compromised, alba, key_id=key.id, since=now)
    earlier = act(store, keys.declare_compromised, alba, key_id=key.id, since=now - 2 * day)
    assert earlier.compromised_since == now - 2 * day
    assert earlier.revoked_id == found.revoked_id
    with pytest.raises(Invalid, match="in the future"):
        act(store, keys.declare_compromised, alba, key_id=key.id, since=now + day)


def test_the_list_shows_good_keys_first_and_those_of_the_party_only(store, alba):
    first, second = Device(), Device("office")
    party = identifier_of(store, alba)
    act(store, keys.end_key, alba, key_id=enrol(store, alba, first).id, reason="lost")
    enrol(store, alba, second, lost_all=True)
    enrol(store, party_of(store, "Bruno"), Device())
    with store.reading() as session:
        assert [key.name for key in keys.list_keys(session, alba)] == ["office", "packing hall"]
    assert party


def test_a_party_has_so_many_keys_and_no_more(sqlite_store):
    alba = party_of(sqlite_store)
    for number in range(keys.MOST_KEYS):
        enrol(sqlite_store, alba, Device(f"device {number}"))
    with pytest.raises(Conflict, match="has 50 keys already"):
        enrol(sqlite_store, alba, Device("one more"))


def test_of_two_devices_at_once_one_is_the_first(store, alba):
    devices = [Device(f"device {number}") for number in range(4)]
    ready = threading.Barrier(len(devices))

    def run(device):
        ready.wait()
        enrol(store, alba, device)

    threads = [threading.Thread(target=run, args=(device,)) for device in devices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states(store, *devices)) == ["good", "waiting", "waiting", "waiting"]
