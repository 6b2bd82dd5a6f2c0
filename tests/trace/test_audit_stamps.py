"""An auditor verifies the time stamps of the days, if it has the authority's certificate."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest
from click.testing import CliRunner

from foodtrace.consumer_web.cli import main
from foodtrace.trace.audit import stamps
from foodtrace.trace.audit.auditing import Audit
from foodtrace.trace.audit.memory import Memory
from foodtrace.trace.audit.rules import READABLE, STAMPED
from foodtrace.trace.audit.stamps import MOST_DAYS
from foodtrace.trace.log.authority import request_of
from foodtrace.trace.log.notes import Signer
from foodtrace.trace.log.policies import parse_policy
from foodtrace.trace.log.tokens import Trust

from .auditing import Live, PublicLog, found
from .logs import REGULATOR, RETAILER
from .stamping import Files, run

DAY = timedelta(days=1)
POLICY_FILE = f"""\
log %s
witness regulator {REGULATOR.vkey}
witness retailer {RETAILER.vkey}
group both all regulator retailer
quorum both
"""


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("audited-tsa"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory):
    return Files(tmp_path_factory.mktemp("stranger-tsa"), name="Somebody else")


@dataclass
class Day:
    """A day in the list as it is published, and its files."""

    day: date
    size: int
    time: str | None
    token: bytes = b""
    note: bytes = b""


class StampedLog:
    """A log with a head on each of three days, stamped now: tokens say the true time.

    The last day was yesterday.
    """

    def __init__(self, folder, authority):
        self.now = datetime.now(UTC)
        today = self.now.date()
        self.days = []
        year = (today - 3 * DAY).year
        signer = Signer(f"log.example/{year}", bytes(range(32)))
        self.policy_file = POLICY_FILE % signer.vkey
        self.policy = parse_policy(self.policy_file.encode())
        self.log = PublicLog(folder, year=year, signer=signer)
        self.authority = authority
        for back in (3, 2, 1):
            self.grow(today - back * DAY)
            self.stamp(today - back * DAY)
        at = int(self.now.timestamp())
        self.log.grow(1, at=at - 60)
        self.log.cosign(at - 30)

    def grow(self, day):
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        for second in (0, 300):
            at = int(noon.timestamp()) + second
            self.log.grow(5, at=at)
            self.log.cosign(at + 5)

    def stamp(self, day, *, size=None, authority=None):
        size = len(self.log.leaves) if size is None else size
        note = self.log.note(size)
        token = (authority or self.authority).reply(request_of(note).as_bytes())
        now = datetime.now(UTC).replace(microsecond=0)
        self.days.append(Day(day, size, None, token, note))
        self.days[-1].time = self.time_of(token, now)

    @staticmethod
    def time_of(token, near):
        """The time in a token that was made just now."""
        written = (f"{near - timedelta(seconds=back):%Y%m%d%H%M%SZ}" for back in count())
        found = next(each for each in written if each.encode() in token)
        return datetime.strptime(found, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).isoformat()

    def audit(self, trust="authority", **options):
        folder = self.log.write().folder
        stamps = folder / str(self.log.year) / "stamps"
        stamps.mkdir(exist_ok=True)
        listed = [
            {"day": str(each.day), "size": each.size, "time": each.time, "authority": None}
            for each in self.days
        ]
        (stamps / "days.json").write_text(json.dumps(listed))
        for each in self.days:
            if each.time is not None:
                (stamps / f"{each.day}.tsr").write_bytes(each.token)
                (stamps / f"{each.day}.note").write_bytes(each.note)
        now = self.now.timestamp() + 30
        given = Trust.from_pem(self.authority.certificate.read_bytes()) if trust else None
        options = {"now": now, "memory": Memory(), **options}
        return Audit(Live(folder), self.policy, trust=given, **options).run()


@pytest.fixture
def log(tmp_path, authority):
    return StampedLog(tmp_path / "public", authority)


def said(report):
    assert found(report) == ["stamped"]
    (difference,) = report.differences
    return difference.found


def test_it_works(log):
    report, _memory = log.audit()
    assert not report.differences
    assert report.logs[0].stamped == 3
    assert "; 3 stamps verified" in report.as_text()


def test_without_the_certificate_the_report_says_that_nothing_was_verified(log):
    log.days[0].token = b"none"
    report, _memory = log.audit(trust=None)
    assert not report.differences
    assert "were not verified" in next(each.found for each in report.notes if each.rule is STAMPED)
    assert report.logs[0].stamped is None


def test_a_log_that_publishes_no_stamps_is_found_by_who_has_the_certificate(log):
    log.audit()
    (log.log.folder / str(log.log.year) / "stamps/days.json").unlink()
    folder, now = Live(log.log.folder), log.now.timestamp()
    report, _memory = Audit(folder, log.policy, now).run()
    assert not report.differences
    assert not [each for each in report.notes if each.rule is STAMPED]
    trust = Trust.from_pem(log.authority.certificate.read_bytes())
    report, _memory = Audit(folder, log.policy, now, trust=trust).run()
    assert found(report) == ["readable"]


def test_a_stamp_of_another_authority_is_found(log, stranger):
    log.days.pop()
    log.stamp(log.now.date() - DAY, authority=stranger)
    assert "does not hold" in said(log.audit()[0])


def test_a_stamp_of_another_head_is_found(log):
    log.days[1].token = log.days[0].token
    log.days[1].time = log.days[0].time
    assert "Mismatch between messages" in said(log.audit()[0])


def test_a_stamp_over_another_kind_of_digest_is_found(log):
    folder = log.authority.folder
    (folder / "note").write_bytes(log.days[1].note)
    run(folder, "openssl", "ts", "-query", "-data", "note", "-sha384", "-out", "long.tsq")
    log.days[1].token = log.authority.reply((folder / "long.tsq").read_bytes())
    assert "another kind of digest" in said(log.audit()[0])


@pytest.mark.parametrize("token", [b"", b"\x30\x80", b"<html>", b"\x30\x84\xff\xff\xff\xff"])
def test_what_is_no_stamp_is_found(log, token):
    log.days[1].token = token
    assert "is no time stamp" in said(log.audit()[0])


def test_a_stamp_that_is_too_large_is_not_read(log):
    log.days[1].token += bytes(65_536)
    report, _memory = log.audit()
    assert found(report) == ["readable"]


@pytest.mark.parametrize("kind", ["tsr", "note"])
def test_a_stamp_that_is_gone_is_found(log, kind, monkeypatch):
    gone = f"{log.days[1].day}.{kind}"
    read = Live.read
    monkeypatch.setattr(
        Live, "read", lambda self, path, most: read(self, path.replace(gone, "gone"), most)
    )
    report, _memory = log.audit()
    assert [(each.rule, gone[:10] in each.place) for each in report.differences] == [
        (READABLE, True)
    ]


def test_a_stamped_head_that_the_log_has_not_signed_is_found(log):
    note = log.log.note(20).replace(b"\n20\n", b"\n19\n")
    log.days[1].note, log.days[1].token = note, log.authority.reply(request_of(note).as_bytes())
    report, _memory = log.audit()
    assert found(report) == ["signed"]


def test_a_stamped_head_of_another_history_is_found(log, tmp_path):
    other = StampedLog(tmp_path / "other", log.authority)
    other.log.leaves[3] = other.log.leaves[2]
    other.days.pop()
    other.stamp(log.days[2].day, size=30)
    log.days[2] = other.days[-1]
    report, _memory = log.audit()
    assert found(report) == ["append-only"]


def test_a_stamped_head_that_is_larger_than_the_log_is_found(log):
    del log.log.heads[31]
    log.log.leaves[20:] = []
    for size in (25, 30):
        del log.log.heads[size]
    report, _memory = log.audit()
    assert "forward" in found(report)


def test_days_without_a_stamp_are_said(log):
    log.days[0].time = log.days[1].time = None
    report, _memory = log.audit()
    assert not report.differences
    days = f"Of 3 days {log.days[0].day}, {log.days[1].day} have no stamp yet."
    assert days in [each.found for each in report.notes]
    assert report.logs[0].stamped == 1


def test_a_day_with_heads_that_is_not_listed_is_found(log):
    del log.days[1]
    assert "is not in the list" in said(log.audit()[0])


def test_a_head_that_is_not_the_last_of_its_day_is_found(log):
    log.days[1:2] = []
    log.stamp(log.now.date() - 2 * DAY, size=15)
    log.days.sort(key=lambda each: each.day)
    assert "The last head of this day has 20 entries" in said(log.audit()[0])


def test_a_list_that_names_another_head_is_found(log):
    log.days[1].size = 21
    assert "the list says 21" in said(log.audit()[0])


def test_a_list_that_names_another_time_is_found(log):
    log.days[1].time = "2026-01-01T00:00:00Z"
    assert "the list says another time" in said(log.audit()[0])


def test_a_stamp_of_a_day_that_is_not_over_is_found(log):
    log.stamp(log.now.date() + DAY)
    assert "before the day was over" in said(log.audit()[0])


def test_a_stamp_that_comes_a_month_later_is_found(tmp_path, authority, monkeypatch):
    log = StampedLog(tmp_path / "public", authority)
    for each in log.days:
        each.day -= timedelta(days=40)
    monkeypatch.setattr(stamps, "_why_no_list", lambda _listed, _log: None)
    report, _memory = log.audit()
    assert "more than 31 days after" in report.differences[0].found


def test_a_stamp_that_comes_days_later_is_said(log, monkeypatch):
    for each in log.days:
        each.day -= timedelta(days=5)
    monkeypatch.setattr(stamps, "_why_no_list", lambda _listed, _log: None)
    report, _memory = log.audit()
    late = [each for each in report.notes if each.rule is STAMPED]
    assert len(late) == 3
    assert "It was made late" in late[0].found


def test_a_stamp_before_the_last_entry_of_its_head_is_found(log):
    log.log.leaves[29] = log.log.leaves[30]
    log.log.leaves[29] = type(log.log.leaves[29])(
        int(log.now.timestamp() + 900) * 1000, log.log.leaves[29].commitment
    )
    log.days.pop()
    log.stamp(log.now.date() - DAY, size=30)
    report, _memory = log.audit()
    wrong = [each.found for each in report.differences if each.rule is STAMPED]
    assert len(wrong) == 1
    assert "the last entry of the head says" in wrong[0]


def test_a_stamp_that_is_yet_to_come_is_found(log):
    """As under a clock of the authority that is wrong."""
    at = (log.now - timedelta(hours=1)).timestamp()
    report, _memory = log.audit(now=at)
    assert "yet to come" in next(e.found for e in report.differences if e.rule is STAMPED)


@pytest.mark.parametrize(
    "listed",
    [
        "{}",
        "[" * 100_000,
        '[{"day": "0001-01-01", "size": 1, "time": null}]',
        '[{"day": "9999-12-31", "size": 1, "time": "9999-12-31T23:59:59Z"}]',
        '[{"day": "2026-02-31", "size": 1, "time": null}]',
        '[{"day": "2026-02-01", "size": 1, "time": "2026-02-01T00:00:00"}]',
        json.dumps([{"day": "2026-02-01", "size": 1, "time": None}] * 2),
        json.dumps([{"day": "2026-02-01", "size": 1, "time": None}] * (MOST_DAYS + 1)),
        " " * 10**6,
    ],
)
def test_a_list_that_is_none_is_refused(log, listed, monkeypatch):
    read = Live.read

    def spoilt(self, path, most):
        data = read(self, path, most)
        return listed.encode()[: most + 1] if path.endswith("days.json") else data

    monkeypatch.setattr(Live, "read", spoilt)
    report, _memory = log.audit()
    assert found(report) in (["readable"], ["stamped"])
    assert report.logs[0].stamped is None


def test_the_command_takes_the_certificate(log, tmp_path):
    log.audit()
    policy = tmp_path / "policy"
    policy.write_text(log.policy_file)
    words = ["audit", str(log.log.folder), "--policy", str(policy), "--tsa-certificate"]
    made = CliRunner().invoke(main, [*words, str(log.authority.certificate)])
    assert made.exit_code == 0, made.output
    assert "3 stamps verified" in made.output
    made = CliRunner().invoke(main, [*words, str(log.authority.folder / "signer.pem")])
    assert made.exit_code == 2
    assert "it holds no root certificate" in made.output
