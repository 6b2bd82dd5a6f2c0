"""Time stamps: of days and certificates, by an authority that works, lies, is away or is slow."""

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rfc3161_client import decode_timestamp_response
from sqlalchemy import insert, select, update

from foodtrace.inspections import services
from foodtrace.trace.audit.published import Named
from foodtrace.trace.audit.report import Report
from foodtrace.trace.audit.sources import Folder
from foodtrace.trace.audit.stamps import read_stamps
from foodtrace.trace.errors import Invalid, Problem
from foodtrace.trace.log.authority import Authority, NotStamped, authority_of, request_of
from foodtrace.trace.log.keeping import LogKeeper, attach
from foodtrace.trace.log.leaves import Leaf as Entry
from foodtrace.trace.log.leaves import parse_leaf, salts_of
from foodtrace.trace.log.models import Leaf, LogCheckpoint, LogState, StampState, TimeStamp
from foodtrace.trace.log.opening import newest_log
from foodtrace.trace.log.policies import parse_policy
from foodtrace.trace.log.stamping import FIRST_PAUSE_MS, LEASE_MS, LONGEST_PAUSE_MS, PORTION, stamp
from foodtrace.trace.log.stamps import public_stamps, stamps_of
from foodtrace.trace.log.tokens import Trust, in_der_order
from foodtrace.trace.store.models import Statement

from ..inspections.conftest import add_cast, certificate
from ..web import public_app, settings_of
from .acts import capture, make
from .stamping import Files, LocalAuthority, run

ROOT = Path(__file__).parents[2]
DAY = timedelta(days=1)
DAY_MS = 24 * 3_600_000


class Clock:
    """A clock that a test sets; it begins with the true time, which tokens have."""

    def __init__(self):
        self.now = int(datetime.now(UTC).timestamp() * 1000)

    def __call__(self):
        return self.now


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="session")
def other_files(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("other-tsa"), name="Somebody else")


@pytest.fixture
def tsa(files):
    server = LocalAuthority(files)
    yield server
    server.close()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def settings(store, tmp_path, tsa):
    return replace(
        settings_of(store),
        data=tmp_path,
        base_url="https://trace.example",
        tsa_url=tsa.url,
        tsa_certificate=tsa.files.certificate,
    )


@pytest.fixture
def keep(store, settings):
    """The log of the store, attached; called, it signs and publishes."""
    attach(store, settings)
    keeper = LogKeeper(store, settings)

    def work():
        while keeper.keep(store, settings):
            pass

    work()
    yield work
    keeper.close()


def stamps(store):
    with store.reading() as session:
        return session.scalars(select(TimeStamp).order_by(TimeStamp.time)).all()


def state(store):
    with store.reading() as session:
        return session.scalars(select(StampState)).one_or_none()


def year_of(store):
    with store.reading() as session:
        return newest_log(session.connection()).year


def published(store):
    with store.reading() as session:
        return session.scalars(select(LogCheckpoint).order_by(LogCheckpoint.size)).all()


def begin(store, settings, clock, days_ago=0):
    """Have the stamping begin some days ago, when nothing was due yet."""
    begun = clock.now - days_ago * DAY_MS
    assert not stamp(store, settings, clock=lambda: begun)


def add_head(store, size, at, note=None):
    """Write a head as it was published at another time; what it says does not matter here."""
    note = note or f"a head of {size} leaves\n".encode()
    row = {"year": year_of(store), "size": size, "root": bytes(32), "note": note, "signed_at": at}
    with store.transaction() as session:
        session.execute(insert(LogCheckpoint), row)


def certify(store, keep, number="SDNT-2026-0117"):
    """Issue a certificate and publish its leaf; return the leaf."""
    with store.reading() as session:
        is_new = session.scalar(select(Statement.id).where(Statement.kind == "certificate")) is None
    if is_new:
        store.cast = add_cast(store)
    with store.transaction() as session:
        found = services.issue_certificate(session, store.cast.lab_a, **certificate(number=number))
    keep()
    with store.reading() as session:
        return session.scalars(select(Leaf).where(Leaf.statement_id == found)).one()


def salt_of(leaf):
    return salts_of(bytes(leaf.secret), 0)[0].hex()


def openssl_accepts(files, token, data, folder):
    """Ask the program that the documentation names."""
    (folder / "stamp.tsr").write_bytes(token)
    (folder / "stamped").write_bytes(data)
    done = subprocess.run(
        [
            *("openssl", "ts", "-verify", "-in", "stamp.tsr", "-data", "stamped"),
            *("-CAfile", str(files.certificate)),
        ],
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode == 0 and b"Verification: OK" in done.stdout


def test_it_works(store, settings, keep, clock, tsa, tmp_path):
    begin(store, settings, clock)
    capture(store, make(1, {"A#1": 10}))
    keep()
    clock.now += DAY_MS
    assert stamp(store, settings, clock=clock)
    assert not stamp(store, settings, clock=clock)
    (kept,) = stamps(store)
    head = published(store)[-1]
    assert kept.subject == f"checkpoint/{year_of(store)}/{head.size}"
    assert kept.authority == tsa.url
    assert openssl_accepts(tsa.files, kept.token, head.note, tmp_path)
    assert not openssl_accepts(tsa.files, kept.token, head.note + b"x", tmp_path)


def test_anybody_gets_the_stamp_of_a_day_and_openssl_takes_it(
    store, settings, keep, clock, tsa, tmp_path
):
    begin(store, settings, clock, days_ago=2)
    add_head(store, 900, datetime.now(UTC) - DAY, b"the last head of yesterday\n")
    assert stamp(store, settings, clock=clock)
    client = public_app(store).test_client()
    root = f"/log/{year_of(store)}/stamps"
    (day,) = client.get(f"{root}/days.json").json
    assert (day["size"], day["authority"]) == (900, tsa.url)
    token = client.get(f"{root}/{day['day']}.tsr")
    note = client.get(f"{root}/{day['day']}.note")
    assert token.content_type == "application/timestamp-reply"
    assert note.data == b"the last head of yesterday\n"
    assert openssl_accepts(tsa.files, token.data, note.data, tmp_path)
    assert token.headers["Access-Control-Allow-Origin"] == "*"
    for other in ("2001-01-01", "0001-01-01", "9999-12-31"):
        assert client.get(f"{root}/{other}.tsr").status_code == 404


def test_what_the_documentation_has_one_type_says_ok(store, settings, keep, clock, tsa, tmp_path):
    begin(store, settings, clock, days_ago=2)
    add_head(store, 900, datetime.now(UTC) - DAY)
    assert stamp(store, settings, clock=clock)
    page = (ROOT / "docs" / "timestamps.md").read_text()
    typed = [line.split() for line in page.splitlines() if line.startswith("openssl ")]
    lines = [words for words in typed if not any("$" in word for word in words)]  # of the day
    for path, data in public_stamps(store.reading, year_of(store), clock=clock):
        kind = path.rpartition(".")[2]
        (name,) = {word for line in lines for word in line if word.endswith(f".{kind}")} or {kind}
        (tmp_path / name).write_bytes(data)
    (tmp_path / "authority.pem").write_bytes(tsa.files.certificate.read_bytes())
    verified, shown = (run(tmp_path, *line).stdout for line in lines)
    assert b"Verification: OK" in verified
    assert b"Time stamp:" in shown


def test_what_is_published_is_what_an_auditor_reads(store, settings, keep, clock, tsa, tmp_path):
    begin(store, settings, clock)
    capture(store, make(1, {"A#1": 10}))
    keep()
    clock.now += DAY_MS
    assert stamp(store, settings, clock=clock)
    for path, data in public_stamps(store.reading, year_of(store), clock=clock):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    with store.reading() as session:
        log = session.scalars(select(LogState)).one()
    policy = parse_policy(f"log {log.vkey}\nquorum none\n".encode())
    trust, report = Trust.from_pem(tsa.files.certificate.read_bytes()), Report()
    named = Named(log.year, log.origin)
    stamps = read_stamps(Folder(tmp_path), named, policy, trust, report)
    assert not report.differences
    assert [each.day for each in stamps.found] == list(stamps.days)
    assert len(stamps.found) == 1


def test_a_day_is_stamped_when_it_is_over_and_not_before(store, settings, keep, clock, tsa):
    begin(store, settings, clock)
    capture(store, make(1, {"A#1": 10}))
    keep()
    assert not stamp(store, settings, clock=clock)
    assert tsa.queries == []
    clock.now += DAY_MS
    assert stamp(store, settings, clock=clock)


def test_a_certificate_is_stamped_at_once(store, settings, keep, clock, tsa, tmp_path):
    begin(store, settings, clock)
    leaf = certify(store, keep)
    assert stamp(store, settings, clock=clock)
    assert not stamp(store, settings, clock=clock)
    with store.reading() as session:
        found = stamps_of(session, [leaf.statement_id])[leaf.statement_id]
    assert found.path == f"{leaf.year}/stamps/{leaf.idx}/{salt_of(leaf)}"
    client = public_app(store).test_client()
    token, entry = (client.get(f"/log/{found.path}.{kind}").data for kind in ("tsr", "entry"))
    assert parse_leaf(entry) == Entry(leaf.time, bytes(leaf.commitment))
    assert openssl_accepts(tsa.files, token, entry, tmp_path)


def test_nobody_finds_out_which_leaves_are_certificates(store, settings, keep, clock):
    begin(store, settings, clock)
    leaf = certify(store, keep)
    assert stamp(store, settings, clock=clock)
    client = public_app(store).test_client()
    root = f"/log/{leaf.year}/stamps/{leaf.idx}"
    assert client.get(f"{root}/{salt_of(leaf)}.tsr").status_code == 200
    for wrong in (bytes(16).hex(), salt_of(leaf)[:-2], salt_of(leaf).upper() + "x", ""):
        assert client.get(f"{root}/{wrong}.tsr").status_code == 404
    assert client.get(f"/log/{leaf.year}/stamps/days.json").json == []


def test_only_certificates_are_stamped_one_by_one(store, settings, keep, clock, tsa):
    begin(store, settings, clock)
    for number in range(3):
        capture(store, make(number, {f"A#{number}": 1}))
    keep()
    assert not stamp(store, settings, clock=clock)
    assert tsa.queries == []


def test_certificates_from_before_the_first_day_are_not_stamped(store, settings, keep, clock, tsa):
    certify(store, keep)
    begin(store, settings, clock)
    assert not stamp(store, settings, clock=clock)
    later = certify(store, keep, number="SDNT-2026-0118")
    assert stamp(store, settings, clock=clock)
    assert [each.subject for each in stamps(store)] == [f"leaf/{later.year}/{later.idx}"]


def test_many_leaves_between_certificates_are_looked_through_in_portions(
    sqlite_store, tmp_path, files, clock
):
    # One statement of many events gives many leaves.
    store, tsa = sqlite_store, LocalAuthority(files)
    settings = replace(
        settings_of(store), data=tmp_path, tsa_url=tsa.url, tsa_certificate=files.certificate
    )
    attach(store, settings)
    keeper = LogKeeper(store, settings)
    keeper.keep(store, settings)
    begin(store, settings, clock)
    for start in range(0, PORTION + 50, 350):
        capture(store, *(make(n, {f"B#{n}": 1}) for n in range(start, start + 350)))
    leaf = certify(store, lambda: keeper.keep(store, settings))
    before = state(store).idx
    assert stamp(store, settings, clock=clock)
    assert (stamps(store), state(store).idx) == ([], before + PORTION)
    assert stamp(store, settings, clock=clock)
    assert [each.subject for each in stamps(store)] == [f"leaf/{leaf.year}/{leaf.idx}"]
    tsa.close()


def test_without_an_authority_nothing_happens(store, settings, keep, clock):
    alone = replace(settings, tsa_url=None, tsa_certificate=None)
    assert not stamp(store, alone, clock=clock)
    assert state(store) is None
    year = year_of(store)
    assert public_app(store).test_client().get(f"/log/{year}/stamps/days.json").status_code == 404


def test_a_record_that_is_read_only_is_not_stamped(store, settings, keep, clock, tsa):
    begin(store, settings, clock, days_ago=2)
    add_head(store, 900, datetime.now(UTC) - DAY)
    store.standing.stop(Problem("", "something is wrong"))
    assert not stamp(store, settings, clock=clock)
    assert tsa.queries == []


# An authority that is away


def test_an_authority_that_was_away_for_three_days_catches_up_and_the_gap_shows(
    store, settings, keep, clock, tsa
):
    begin(store, settings, clock, days_ago=4)
    now = datetime.now(UTC)
    for ago in (3, 2, 1):
        add_head(store, 900 - ago, now - ago * DAY)
        tsa.answers = [503]
        at = clock.now - (ago - 1) * DAY_MS
        assert not stamp(store, settings, clock=lambda at=at: at)
    assert (state(store).failures, "503" in state(store).error) == (3, True)
    days = f"/log/{year_of(store)}/stamps/days.json"
    client = public_app(store).test_client()
    assert [day["time"] for day in client.get(days).json] == [None, None, None]
    clock.now += LONGEST_PAUSE_MS
    assert [stamp(store, settings, clock=clock) for _ in range(4)] == [True, True, True, False]
    found = client.get(days).json
    assert [day["size"] for day in found] == [897, 898, 899]
    for day, ago in zip(found, (3, 2, 1), strict=True):
        stamped = datetime.fromisoformat(day["time"])
        assert day["day"] == (now - ago * DAY).date().isoformat()
        assert stamped - (now - ago * DAY) > timedelta(days=ago) - timedelta(minutes=1)
    assert (state(store).failures, state(store).error) == (0, None)


def test_certificates_wait_for_the_authority_and_are_stamped_in_their_order(
    store, settings, keep, clock, tsa
):
    begin(store, settings, clock)
    first = certify(store, keep)
    tsa.answers = [500]
    assert not stamp(store, settings, clock=clock)
    second = certify(store, keep, number="SDNT-2026-0118")
    clock.now += FIRST_PAUSE_MS + 1
    assert stamp(store, settings, clock=clock)
    assert stamp(store, settings, clock=clock)
    assert {each.subject for each in stamps(store)} == {
        f"leaf/{each.year}/{each.idx}" for each in (first, second)
    }


def test_it_is_asked_ever_more_rarely_and_at_least_once_an_hour(store, settings, keep, clock, tsa):
    begin(store, settings, clock, days_ago=2)
    add_head(store, 900, datetime.now(UTC) - DAY)
    waits = []
    for _ in range(9):
        tsa.answers = [503]
        assert not stamp(store, settings, clock=clock)
        waits.append(state(store).busy_until - clock.now)
        asked = len(tsa.queries)
        clock.now += waits[-1] - 1
        assert not stamp(store, settings, clock=clock)
        assert len(tsa.queries) == asked
        clock.now += 1
    assert waits[:3] == [FIRST_PAUSE_MS, 2 * FIRST_PAUSE_MS, 4 * FIRST_PAUSE_MS]
    assert waits[-1] == LONGEST_PAUSE_MS


def test_an_authority_that_nobody_answers_for_stops_nothing(store, settings, keep, clock, tsa):
    tsa.close()
    begin(store, settings, clock)
    certify(store, keep)
    assert not stamp(store, settings, clock=clock)
    assert "no connection" in state(store).error
    size = published(store)[-1].size
    capture(store, make(77, {"C#1": 1}))
    keep()
    assert published(store)[-1].size == size + 1


def test_a_clock_that_was_ahead_for_a_while_does_not_stop_it_for_years(
    store, settings, keep, clock, tsa
):
    begin(store, settings, clock, days_ago=2)
    add_head(store, 900, datetime.now(UTC) - DAY)
    tsa.answers = [503]
    assert not stamp(store, settings, clock=lambda: clock.now + 4 * 365 * DAY_MS)
    assert stamp(store, settings, clock=clock)


# Several processes


def test_one_process_at_a_time_asks(store, settings, keep, clock, tsa):
    begin(store, settings, clock, days_ago=2)
    add_head(store, 900, datetime.now(UTC) - DAY)
    inner = []

    def meanwhile(query):
        inner.append(stamp(store, settings, clock=clock))
        return tsa.files.reply(query)

    tsa.answers = [meanwhile]
    assert stamp(store, settings, clock=clock)
    assert (inner, len(tsa.queries)) == ([False], 1)


def test_who_was_too_slow_undoes_nothing(store, settings, keep, clock, tsa):
    begin(store, settings, clock)
    certify(store, keep)

    def meanwhile(query):
        later = clock.now + LEASE_MS + 1
        assert stamp(store, settings, clock=lambda: later)
        certify(store, keep, number="SDNT-2026-0118")
        assert stamp(store, settings, clock=lambda: later)
        return tsa.files.reply(query)

    tsa.answers = [meanwhile]
    assert stamp(store, settings, clock=clock)
    assert len(stamps(store)) == 2
    clock.now += 2 * LEASE_MS
    assert not stamp(store, settings, clock=clock)


def test_what_a_process_left_undone_when_it_died_is_done_by_the_next(
    store, settings, keep, clock, tsa
):
    begin(store, settings, clock)
    certify(store, keep)
    with store.transaction() as session:
        session.execute(update(StampState).values(busy_until=clock.now + LEASE_MS))
    assert not stamp(store, settings, clock=clock)
    clock.now += LEASE_MS + 1
    assert stamp(store, settings, clock=clock)


# An authority that lies


def refusal(store, settings, clock, tsa, answer):
    """Return why this answer is refused; nothing of it is kept."""
    tsa.answers = [answer]
    assert not stamp(store, settings, clock=clock)
    assert stamps(store) == []
    return state(store).error


@pytest.fixture
def due(store, settings, keep, clock):
    """One head waits for its stamp."""
    begin(store, settings, clock, days_ago=2)
    add_head(store, 900, datetime.now(UTC) - DAY)


def test_a_token_over_other_data_is_refused(store, settings, clock, tsa, due):
    def answer(query):
        request = request_of(b"another head")
        # The number that was sent, over other data: as somebody would who replaces the digest.
        mine = query.replace(_digest(query), request.message_imprint.message)
        return tsa.files.reply(mine)

    assert "Mismatch between messages" in refusal(store, settings, clock, tsa, answer)


def test_an_answer_to_another_request_is_refused(store, settings, clock, tsa, due):
    old = tsa.files.reply(request_of(b"a head of 900 leaves\n").as_bytes())
    assert "Nonce mismatch" in refusal(store, settings, clock, tsa, old)


def test_the_token_of_another_authority_is_refused(store, settings, clock, tsa, due, other_files):
    said = refusal(store, settings, clock, tsa, other_files.reply)
    assert "Error while verifying certificates" in said


def test_a_certificate_that_is_not_for_time_stamps_is_refused(tmp_path, files):
    """OpenSSL itself signs no such token; a key of the same root that is for something else."""
    wrong = Files(tmp_path / "wrong", extensions="not_for_time")
    with pytest.raises(subprocess.CalledProcessError):
        wrong.reply(request_of(b"data").as_bytes())


def test_a_refusal_of_the_authority_is_told(store, settings, clock, tsa, due):
    def answer(query):
        return tsa.files.reply(b"\x30\x03\x02\x01\x01")  # a request without anything in it

    assert "refuses (status 2)" in refusal(store, settings, clock, tsa, answer)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>It works!</html>",
        b"\x00" * 1_000,
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x80" * 5_000,
        b"\x30" * 10 * 1024 * 1024,
    ],
    ids=["nothing", "page", "zeros", "length", "nested", "huge"],
)
def test_garbage_is_refused(store, settings, clock, tsa, due, answer):
    assert refusal(store, settings, clock, tsa, answer)


def test_a_huge_answer_with_a_token_in_front_is_refused(store, settings, clock, tsa, due):
    assert refusal(
        store, settings, clock, tsa, lambda query: tsa.files.reply(query) + b"\0" * 10**6
    )


def test_a_redirection_is_not_followed(store, settings, clock, tsa, due):
    assert "302" in refusal(store, settings, clock, tsa, 302)
    assert len(tsa.queries) == 1


def test_an_authority_whose_clock_is_wrong_is_refused(files):
    authority = local(files)
    request = request_of(b"data")
    answer = files.reply(request.as_bytes())
    now = datetime.now(UTC)
    assert abs(authority.judged(answer, request, now).time - now) < timedelta(seconds=60)
    for apart in (timedelta(minutes=6), timedelta(days=-1), timedelta(days=400)):
        with pytest.raises(NotStamped, match="seconds apart"):
            authority.judged(answer, request, now + apart)


def local(files):
    settings = settings_of(
        _NoStore, tsa_url="http://127.0.0.1:9/tsa", tsa_certificate=files.certificate
    )
    return authority_of(settings)


class _NoStore:
    url = "sqlite://"


def _digest(query):
    """Return the digest in a request: 32 bytes behind the head of an OCTET STRING."""
    start = query.index(b"\x04\x20") + 2
    return query[start : start + 32]


@pytest.fixture(scope="session")
def answered(files):
    request = request_of(b"data")
    return request, files.reply(request.as_bytes()), local(files)


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_answer_is_refused_or_says_the_same(answered, data):
    request, answer, authority = answered
    place = data.draw(st.integers(0, len(answer) - 1))
    if data.draw(st.booleans()):
        damaged = answer[:place]
    else:
        byte = data.draw(st.integers(0, 255))
        damaged = answer[:place] + bytes([byte]) + answer[place + 1 :]
    try:
        token = authority.judged(damaged, request, datetime.now(UTC))
    except NotStamped:
        return
    assert token.time == decode_timestamp_response(answer).tst_info.gen_time


def test_an_answer_with_certificates_in_any_order_is_kept_as_it_came(files, other_files):
    pair = (files.certificate, other_files.certificate)
    answers = []
    for further in (pair, pair[::-1]):
        request = request_of(b"data")
        answers.append(files.reply(request.as_bytes(), *further))
        token = local(files).judged(answers[-1], request, datetime.now(UTC))
        assert token.answer == answers[-1]
    # OpenSSL writes them as they are configured: in one of the two orders they are not as in DER.
    assert any(in_der_order(answer) != answer for answer in answers)


# Settings


def test_an_authority_needs_its_certificate(files):
    with pytest.raises(Invalid, match="it is not set"):
        authority_of(settings_of(_NoStore, tsa_url="https://tsa.example/"))


@pytest.mark.parametrize("content", ["", "no certificate", "signer"])
def test_a_file_without_a_root_certificate_is_refused(files, tmp_path, content):
    path = tmp_path / "tsa.pem"
    path.write_text((files.folder / "signer.pem").read_text() if content == "signer" else content)
    with pytest.raises(Invalid, match="FOODTRACE_TSA_CERTIFICATE"):
        authority_of(settings_of(_NoStore, tsa_url="https://tsa.example/", tsa_certificate=path))


@pytest.mark.parametrize("url", ["http://tsa.example/", "tsa.example", "https://a@tsa.example/"])
def test_an_address_that_is_none_is_refused(files, url):
    with pytest.raises(Invalid, match="FOODTRACE_TSA_URL"):
        authority_of(settings_of(_NoStore, tsa_url=url, tsa_certificate=files.certificate))


def test_an_authority_at_a_private_address_is_not_asked(files):
    settings = settings_of(
        _NoStore, tsa_url="https://tsa.example/", tsa_certificate=files.certificate
    )
    authority = authority_of(settings)
    hidden = replace(authority.destinations, resolve=lambda host, port: ["10.1.2.3"])
    asked = Authority(authority.url, authority.trust, hidden)
    with pytest.raises(NotStamped, match="not a public address"):
        asked.stamp(b"data")


# The export, and the turn of the year


def test_the_export_has_every_stamp_of_a_day_and_no_certificate(store, settings, keep, clock, tsa):
    begin(store, settings, clock, days_ago=3)
    now = datetime.now(UTC)
    certify(store, keep)
    assert stamp(store, settings, clock=clock)
    add_head(store, 900, now - 2 * DAY, b"older\n")
    assert stamp(store, settings, clock=clock)
    add_head(store, 901, now - DAY, b"newer\n")
    year = year_of(store)
    found = dict(public_stamps(store.reading, year, clock=clock))
    older = (now - 2 * DAY).date().isoformat()
    root = f"{year}/stamps"
    assert set(found) == {f"{root}/days.json", f"{root}/{older}.tsr", f"{root}/{older}.note"}
    assert found[f"{root}/{older}.note"] == b"older\n"
    assert [day["time"] is None for day in json.loads(found[f"{root}/days.json"])] == [False, True]


def test_the_last_heads_of_two_logs_on_one_day_are_both_stamped(store, settings, keep, clock, tsa):
    begin(store, settings, clock, days_ago=2)
    year, yesterday = year_of(store), datetime.now(UTC) - DAY
    add_head(store, 900, yesterday)
    with store.transaction() as session:
        row = session.scalars(select(LogState)).one()
        next_log = {"year": year + 1, "origin": "next", "vkey": row.vkey, "size": 1, "edge": b""}
        session.execute(
            insert(LogState), next_log | {"time": row.time, "epoch": 0, "is_closed": False}
        )
    add_head(store, 1, yesterday)
    assert stamp(store, settings, clock=clock)
    assert stamp(store, settings, clock=clock)
    assert not stamp(store, settings, clock=clock)
    assert {each.subject for each in stamps(store)} == {
        f"checkpoint/{year}/900", f"checkpoint/{year + 1}/1"
    }  # fmt: skip
