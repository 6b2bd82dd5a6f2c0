"""Asking witnesses: real ones on loopback, and those that are down, slow, lying or forgetful."""

import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select, update

from foodtrace.consumer_web.cli import main
from foodtrace.trace.errors import Invalid
from foodtrace.trace.log import asking, policy_file
from foodtrace.trace.log.asking import LAST_SECOND, ask, claim_due, take
from foodtrace.trace.log.checkpoints import cosign, cosignatures, open_checkpoint
from foodtrace.trace.log.cosigners import (
    WARNINGS_STAY,
    cosigners,
    head_of_size,
    lines_of,
    newest_head,
    standings,
)
from foodtrace.trace.log.keeping import LogKeeper, attach
from foodtrace.trace.log.models import LogCosignature, LogState, WitnessState
from foodtrace.trace.log.notes import COSIGNATURE, Signer, Verifier, format_line, parse_note
from foodtrace.trace.log.policy_file import policy_of
from foodtrace.trace.log.rounds import LEASE, REFRESH
from foodtrace.trace.witness.opening import open_witness
from foodtrace.trace.witness.state import create

from ..web import public_app, settings_of
from .acts import capture, make
from .kept import NOON, Clock
from .witnessing import answer_of, free_port, piece, serving_witness

YEAR = 2026
LATER = REFRESH + 1


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass  # whoever hangs up is what some tests are about


class LocalWitness:
    """A witness that listens on loopback; `answers` are given instead of its own."""

    def __init__(self, folder, name, number):
        self.folder, self.name = folder, name
        self.signer = Signer(f"{name}.example", bytes([number]) * 32, COSIGNATURE)
        self.received, self.answers, self.logs = [], [], []
        self.server = None
        folder.mkdir()
        (folder / "key").write_text(self.signer.to_text())
        (folder / "key").chmod(0o600)
        create(folder / "state", self.signer.vkey)
        self.port = free_port()

    @property
    def line(self):
        return f"witness {self.name} {self.signer.vkey} http://127.0.0.1:{self.port}/w/"

    def start(self):
        self.witness = open_witness(self.folder / "key", self.folder / "state", self.logs)
        self.server = Server(("127.0.0.1", self.port), self._handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.witness.state.close()
            self.server = None

    def forget(self):
        """Have an empty state put in the place of what it has seen."""
        self.stop()
        shutil.rmtree(self.folder / "state")
        create(self.folder / "state", self.signer.vkey)
        self.start()

    def _handler(local):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                local.received.append(body)
                if local.answers:
                    answer = local.answers.pop(0)
                    status, headers, text = answer(body) if callable(answer) else answer
                else:
                    status, headers, text = answered(local.witness, self.path, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *arguments):
                pass

        return Handler


def answered(witness, path, body):
    """What the application says, as its server would have it said."""
    status, headers, text = answer_of(witness, [piece(body)], path=path.removeprefix("/w"))
    return status, {name.decode(): value.decode() for name, value in headers.items()}, text


class Asking:
    """A log in a store, its policy, and its witnesses; `ask` asks those who are due."""

    def __init__(self, store, settings, keeper, folder, witnesses):
        self.store, self.keeper, self.witnesses = store, keeper, witnesses
        self.path = folder / "policy"
        self.settings = replace(settings, log_policy=self.path)
        self.count = 0
        self.now = asking.now_ms()
        self.grow()
        with store.reading() as session:
            self.vkey = session.scalar(select(LogState.vkey))
        names = " ".join(witness.name for witness in witnesses)
        lines = [f"log {self.vkey}", *(witness.line for witness in witnesses)]
        self.path.write_text("\n".join([*lines, f"group Q all {names}", "quorum Q", ""]))
        for witness in witnesses:
            witness.logs = [self.vkey]
            witness.start()

    @property
    def policy(self):
        return policy_of(self.settings)

    def grow(self):
        """Record something and publish; return the size of the log."""
        self.count += 1
        capture(self.store, make(self.count, {f"A#{self.count}": 10}))
        assert self.keeper()
        with self.store.reading() as session:
            return newest_head(session.connection(), YEAR).checkpoint.size

    def ask(self, *, later=LATER, **changes):
        """Ask those who are due so much later; return who was asked for what."""
        self.now += later
        claims = claim_due(self.store, self.policy, self.now)
        destinations = policy_file.policy_file(self.settings).destinations
        for claim in claims:
            take(self.store, replace(destinations, **changes), claim)
        return {claim.witness.name: claim.size for claim in claims}

    def standing(self, name="a", *, later=0):
        with self.store.reading() as session:
            found = standings(session, self.policy, YEAR, self.now + later)
        return next(each for each in found if each.name == name)

    def error(self, **options):
        """Ask, which fails; return what is said of it. Nothing is cosigned."""
        before = self.rows()
        self.ask(**options)
        assert self.rows() == before
        return self.standing().error

    def rows(self):
        with self.store.reading() as session:
            rows = session.execute(
                select(LogCosignature).order_by(
                    LogCosignature.size, LogCosignature.witness, LogCosignature.is_first.desc()
                )
            ).scalars()
            return [(row.size, row.witness, row.is_first, row.time, row.line) for row in rows]

    def cosigners(self, size):
        with self.store.reading() as session:
            return cosigners(session, self.policy, YEAR, size)

    def state_of(self, name="a"):
        with self.store.reading() as session:
            return session.get(WitnessState, (YEAR, f"{name}.example"))


@pytest.fixture
def settings(store, tmp_path):
    return replace(settings_of(store), data=tmp_path, base_url="https://trace.example")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keeper(store, settings, clock):
    """The log of a store, attached, and who keeps it."""
    attach(store, settings, clock=clock)
    keeper = LogKeeper(store, settings, clock=clock)
    yield lambda: keeper.keep(store, settings)
    keeper.close()


@pytest.fixture
def asked(store, settings, keeper, tmp_path):
    """A log with one head of one leaf, and a witness."""
    with witnessed(store, settings, keeper, tmp_path, "a") as asked:
        yield asked


@pytest.fixture
def both(store, settings, keeper, tmp_path):
    """A log with one head of one leaf, and two witnesses."""
    with witnessed(store, settings, keeper, tmp_path, "a", "b") as asked:
        yield asked


@contextmanager
def witnessed(store, settings, keeper, folder, *names):
    witnesses = [
        LocalWitness(folder / f"witness-{name}", name, number)
        for number, name in enumerate(names, start=50)
    ]
    asked = Asking(store, settings, keeper, folder, witnesses)
    yield asked
    for witness in witnesses:
        witness.stop()


def test_it_works(asked):
    began = int(time.time())
    assert asked.ask() == {"a": 1}
    ((size, name, is_first, when, line),) = asked.rows()
    assert (size, name, is_first) == (1, "a.example", True)
    assert began <= when <= time.time()
    with asked.store.reading() as session:
        note = head_of_size(session.connection(), YEAR, 1).note
        assert [format_line(each) for each in lines_of(session, YEAR, 1)] == [f"{line}\n"]
    found = cosignatures(
        parse_note(note + f"{line}\n".encode()), [asked.witnesses[0].signer.verifier]
    )
    assert [each.time for each in found] == [when]
    standing = asked.standing()
    assert (standing.size, standing.time, standing.error, standing.warning) == (1, when, None, None)


def test_two_witnesses_make_a_quorum_of_one_head(both):
    assert both.ask() == {"a": 1, "b": 1}
    assert both.cosigners(1) == {"a", "b"}
    assert both.policy.is_met(both.cosigners(1))
    both.grow()
    assert both.cosigners(2) == set()
    assert both.ask() == {"a": 2, "b": 2}
    assert both.policy.is_met(both.cosigners(2))
    assert both.cosigners(99) == set()


def test_what_has_grown_is_proved_from_what_the_witness_knows(asked):
    asked.ask()
    for _ in range(4):
        size = asked.grow()
    assert asked.ask() == {"a": size}
    assert asked.witnesses[0].received[-1].startswith(b"old 1\n")
    assert asked.cosigners(size) == {"a"}
    assert asked.standing().size == size


def test_the_same_head_is_cosigned_again_and_the_first_and_the_latest_are_kept(asked):
    witness = asked.witnesses[0]
    first = int(time.time())
    for elapsed in (0, 46, 92):
        witness.witness._now = lambda elapsed=elapsed: first + elapsed
        assert asked.ask() == {"a": 1}
    assert [(row[2], row[3]) for row in asked.rows()] == [(True, first), (False, first + 92)]
    with asked.store.reading() as session:
        (line,) = lines_of(session, YEAR, 1)
    assert int.from_bytes(line.signature[:8]) == first + 92
    assert asked.ask(later=REFRESH - 1) == {}
    assert asked.ask(later=1) == {"a": 1}


def test_an_answer_that_was_lost_is_learnt_from_the_next(asked):
    """The witness has cosigned, and the process that asked was killed before it heard."""
    asked.ask()
    with asked.store.transaction() as session:
        session.execute(delete(LogCosignature))
        session.execute(delete(WitnessState))
    size = asked.grow()
    assert asked.ask() == {"a": size}
    assert [body.split(b"\n")[0] for body in asked.witnesses[0].received] == [
        b"old 0", b"old 0", b"old 1",
    ]  # fmt: skip
    assert asked.cosigners(size) == {"a"}
    assert asked.standing().warning is None


def test_a_witness_that_another_process_has_brought_further_is_asked_for_the_newest_head(asked):
    asked.ask()
    claims = claim_due(asked.store, asked.policy, asked.now + LATER)
    asked.grow()
    destinations = policy_file.policy_file(asked.settings).destinations
    asked.ask(later=3 * LEASE)
    take(asked.store, destinations, claims[0])
    assert asked.standing().error is None
    assert asked.standing().size == 2


def test_a_witness_that_is_down_is_told_and_asked_less_often_and_stops_nobody(both):
    both.witnesses[0].stop()
    both.ask()
    assert both.cosigners(1) == {"b"}
    assert "no connection to 127.0.0.1" in both.standing("a").error
    assert both.standing("b").error is None
    assert both.grow() == 2
    assert both.ask(later=1999) == {}
    assert both.ask(later=1) == {"a": 1}
    assert both.ask(later=3000) == {"b": 2}
    assert both.ask(later=1000) == {"a": 2}
    both.witnesses[0].start()
    assert both.ask(later=8000) == {"a": 2}
    assert both.policy.is_met(both.cosigners(2))
    assert both.standing("a").error is None
    assert both.state_of("a").failures == 0


def test_a_witness_that_is_slow_is_cut_off(asked):
    free = threading.Event()

    def slow(body):
        free.wait(20)
        return 200, {}, b""

    asked.witnesses[0].answers.append(slow)
    assert asked.error(total_seconds=0.2) == "no whole answer in time"
    free.set()


def of_another_head(asked):
    def answer(body):
        checkpoint = open_checkpoint(body.split(b"\n\n", 1)[1], Verifier.from_vkey(asked.vkey))
        other = checkpoint._replace(size=checkpoint.size + 1)
        line = cosign(other, asked.witnesses[0].signer, int(time.time()))
        return 200, {}, format_line(line).encode()

    return answer


def of_another_key(asked):
    def answer(body):
        checkpoint = open_checkpoint(body.split(b"\n\n", 1)[1], Verifier.from_vkey(asked.vkey))
        stranger = Signer("a.example", bytes([99]) * 32, COSIGNATURE)
        return 200, {}, format_line(cosign(checkpoint, stranger, int(time.time()))).encode()

    return answer


NO_COSIGNATURES = [
    ((200, {}, b""), "no cosignature of the key in the policy"),
    ((200, {}, b"<html>welcome</html>"), "is no cosignature"),
    ((200, {}, b"\xff\xfe"), "is no cosignature"),
    ((200, {}, "— a.example !!!\n".encode()), "is no cosignature"),
    ((200, {}, b"\n\n"), "is no cosignature"),
    ((200, {}, "— x.example AAAAAAAA\n".encode() * 2000), "is no cosignature"),
    ((200, {}, b"x" * 10_000_000), "is no cosignature"),
    (of_another_head, "is no cosignature of this head"),
    (of_another_key, "no cosignature of the key in the policy"),
    ((302, {"Location": "http://127.0.0.1:1/"}, b""), "does not cosign (302"),
    ((404, {}, b"unknown\n"), "give its operator the public key (404 unknown)"),
    ((403, {}, b""), "does not accept the signature"),
    ((422, {}, b""), "takes the proof for wrong"),
    ((400, {}, b""), "malformed"),
    ((409, {}, b""), "two histories are told"),
    ((500, {}, b"\x00<b>oops"), "does not cosign (500 <b>oops)"),
    ((409, {"Content-Type": "text/x.tlog.size"}, b"1\n"), "the size that the proof was from"),
    ((409, {"Content-Type": "text/x.tlog.size"}, b"-1\n"), "a size that is none"),
    ((409, {"Content-Type": "text/x.tlog.size"}, b"9" * 5000), "a size that is none"),
    ((409, {"Content-Type": "text/x.tlog.size"}, b"\xff"), "a size that is none"),
]


def test_an_answer_that_is_no_cosignature_is_told_and_not_kept(asked):
    for answer, said in NO_COSIGNATURES:
        asked.witnesses[0].answers.append(answer(asked) if callable(answer) else answer)
        assert said in asked.error()
        assert asked.state_of().failures == 1
        assert asked.ask() == {"a": 1}
        assert asked.standing().error is None


def test_cosignatures_of_strangers_beside_the_right_one_are_ignored(asked):
    witness = asked.witnesses[0]

    def answer(body):
        status, _, line = answered(witness.witness, "/add-checkpoint", body)
        return status, {}, of_another_key(asked)(body)[2] + line

    witness.answers.append(answer)
    asked.ask()
    assert asked.cosigners(1) == {"a"}


def test_a_witness_that_names_another_size_each_time_is_given_up(asked):
    for _ in range(3):
        asked.grow()
    sizes = [b"1\n", b"2\n", b"3\n", b"1\n"]
    asked.witnesses[0].answers += [
        (409, {"Content-Type": "text/x.tlog.size"}, size) for size in sizes
    ]
    assert "another size each time" in asked.error()
    assert len(asked.witnesses[0].received) == 3


def test_a_witness_that_knows_more_than_there_is_means_that_an_old_record_was_restored(asked):
    """Or that the witness lies: so it is told, and it is asked again as if nothing were known."""
    far = (409, {"Content-Type": "text/x.tlog.size"}, b"900\n")
    asked.witnesses[0].answers += [far, far]
    for _ in range(2):
        assert "it has cosigned 900 leaves, and the newest head here has 1" in asked.error()
    assert asked.standing().size == 900
    assert asked.ask() == {"a": 1}
    assert asked.cosigners(1) == {"a"}


def test_a_witness_that_was_set_back_goes_on_and_a_warning_stays_for_a_week(asked, caplog):
    asked.grow()
    asked.ask()
    asked.witnesses[0].forget()
    size = asked.grow()
    asked.ask()
    assert asked.cosigners(size) == {"a"}
    standing = asked.standing()
    assert standing.error is None
    assert standing.warning.endswith("knows 0: its state was set back")
    assert "set back" in caplog.text
    assert asked.standing(later=WARNINGS_STAY).warning is None


def test_a_witness_that_was_told_another_history_is_not_brought_to_this_one(asked):
    """What the operator would see who shows the regulator a second log of the same key."""
    witness = asked.witnesses[0]
    asked.ask()
    with asked.store.reading() as session:
        head = head_of_size(session.connection(), YEAR, 1)
    fork = head.checkpoint._replace(root=bytes(32))
    witness.witness.state.advance(
        fork.origin,
        lambda kept: kept._replace(
            root=bytes(32), size=2, note=f"{fork._replace(size=2).text}\n— x AAAAAAAA\n".encode()
        ),
    )
    asked.grow()
    assert "two histories are told" in asked.error()
    assert asked.cosigners(2) == set()


def test_clocks_that_are_apart_are_told(asked):
    asked.witnesses[0].witness._now = lambda: int(time.time()) + 3600
    asked.ask()
    assert "seconds apart" in asked.standing().error
    assert asked.cosigners(1) == {"a"}
    assert asked.state_of().failures == 0


def test_a_time_that_no_page_can_show_is_not_kept(asked):
    asked.witnesses[0].witness._now = lambda: LAST_SECOND + 1
    asked.ask()
    assert "after the year 9999" in asked.standing().error
    assert asked.cosigners(1) == set()
    assert public_app(asked.store).test_client().get("/log/").status_code == 200


def test_of_several_processes_one_asks(both):
    """Each witness is claimed once, whoever comes first, on either database."""
    with ThreadPoolExecutor(6) as pool:
        now = both.now + LATER
        found = list(pool.map(lambda _: claim_due(both.store, both.policy, now), range(12)))
    assert sorted(claim.witness.name for claims in found for claim in claims) == ["a", "b"]


def test_what_a_killed_process_has_claimed_is_asked_by_another(asked):
    assert len(claim_due(asked.store, asked.policy, asked.now)) == 1
    assert asked.ask(later=LEASE - 1) == {}
    assert asked.ask(later=1) == {"a": 1}


def test_a_damaged_line_does_not_count(both):
    both.ask()
    with both.store.transaction() as session:
        line = session.scalar(
            select(LogCosignature.line).where(LogCosignature.witness == "b.example")
        )
        session.execute(
            update(LogCosignature)
            .where(LogCosignature.witness == "a.example")
            .values(line=line.replace("b.example", "a.example"))
        )
    assert both.cosigners(1) == {"b"}


def test_the_last_head_of_a_year_is_cosigned_after_the_next_has_begun(
    store, settings, keeper, clock, tmp_path
):
    with witnessed(store, settings, keeper, tmp_path, "a", "b") as both:
        both.ask()
        both.grow()
        clock.now = NOON + 60 * 24 * 3_600_000
        while keeper():
            pass
        with store.reading() as session:
            years = session.execute(select(LogState.year, LogState.vkey).order_by(LogState.year))
            (_, _), (year, vkey) = years.all()
            last = newest_head(session.connection(), YEAR).checkpoint.size
            first = newest_head(session.connection(), YEAR + 1).checkpoint.size
        for witness in both.witnesses:
            witness.stop()
            witness.logs = [both.vkey, vkey]
            witness.start()
        both.ask()
        assert both.cosigners(last) == {"a", "b"}
        assert year == YEAR + 1
        with store.reading() as session:
            assert cosigners(session, both.policy, year, first) == {"a", "b"}
        asked_before = len(both.witnesses[0].received)
        both.ask()
        # Of the log that is closed there is nothing more to say.
        assert len(both.witnesses[0].received) == asked_before + 1


def test_no_log_no_policy_and_no_address_mean_that_nobody_is_asked(store, settings, tmp_path):
    assert not ask(store, settings)
    path = tmp_path / "policy"
    path.write_text("quorum none\n")
    assert not ask(store, replace(settings, log_policy=path))
    signer = Signer("w.example", bytes(32), COSIGNATURE)
    path.write_text(f"witness w {signer.vkey}\nquorum w\n")
    assert not ask(store, replace(settings, log_policy=path))
    path.write_text(f"witness w {signer.vkey} https://w.example\nquorum w\n")
    assert not ask(store, replace(settings, log_policy=path))


def test_the_job_asks_two_programs_at_once(store, settings, keeper, tmp_path):
    """The witness as regulators run it, in processes of its own."""
    witnesses = [
        LocalWitness(tmp_path / f"witness-{name}", name, number)
        for number, name in enumerate(("a", "b"), start=60)
    ]
    asked = Asking(store, settings, keeper, tmp_path, witnesses)
    for witness in witnesses:
        witness.stop()
    text = asked.path.read_text().replace("/w/", "")
    asked.path.write_text(text)
    log = type("Log", (), {"signer": type("Key", (), {"vkey": asked.vkey})})
    first, second = witnesses
    with (
        serving_witness(first.folder, log, port=first.port),
        serving_witness(second.folder, log, port=second.port),
    ):
        assert ask(store, asked.settings)
        for thread in threading.enumerate():
            if thread.name == "foodtrace-asker":
                thread.join(30)
    assert asked.cosigners(1) == {"a", "b"}
    assert not ask(store, asked.settings)


# The policy of the installation


@pytest.fixture
def policy_settings(settings, tmp_path):
    return replace(settings, log_policy=tmp_path / "policy")


def witness_line(url, number=0, name="w"):
    return f"witness {name} {Signer('w.example', bytes([number]) * 32, COSIGNATURE).vkey} {url}\n"


def test_a_policy_is_read_again_when_it_changes_and_a_wrong_one_changes_nothing(
    policy_settings, caplog
):
    path = policy_settings.log_policy
    path.write_text("quorum none\n")
    assert policy_of(policy_settings).quorum == "none"
    path.write_text(witness_line("https://w.example/") + "quorum w\n")
    good = policy_of(policy_settings)
    assert good.quorum == "w"
    for text in ("quorum nobody\n", None):
        caplog.clear()
        path.unlink()
        if text:
            path.write_text(text)
        assert [policy_of(policy_settings) for _ in range(3)] == [good] * 3
        (record,) = caplog.records
        assert "the policy known before stays" in record.message
    path.write_text("quorum none\n")
    assert policy_of(policy_settings).quorum == "none"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("quorum nobody\n", "line 1: 'nobody'"),
        (witness_line("http://w.example/") + "quorum w\n", "https://"),
        (witness_line("http://localhost/") + "quorum w\n", "https://"),
        (witness_line("http://127.0.0.2/") + "quorum w\n", "https://"),
        (witness_line("http://[::1]:99999/") + "quorum w\n", "https://"),
        (witness_line("http://127.0.0.1@w.example/") + "quorum w\n", "https://"),
        (witness_line("https://user@w.example/") + "quorum w\n", "https://"),
        (witness_line("w.example") + "quorum w\n", "https://"),
        (
            witness_line("https://a.example") + witness_line("https://b.example", 1, "v")
            + "quorum w\n",
            "keys of one name",
        ),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_be_used_is_refused_at_the_start(policy_settings, text, said):
    policy_settings.log_policy.write_text(text)
    with pytest.raises(Invalid) as caught:
        policy_of(policy_settings)
    (problem,) = caught.value.problems
    assert problem.place == "FOODTRACE_LOG_POLICY"
    assert said in problem.text


def test_the_service_does_not_start_with_a_policy_that_cannot_be_used(tmp_path, monkeypatch):
    (tmp_path / "policy").write_text("quorum nobody\n")
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FOODTRACE_LOG_POLICY", str(tmp_path / "policy"))
    run = CliRunner().invoke(main, ["serve", "--port", str(free_port())])
    assert run.exit_code == 1
    assert "line 1: 'nobody' is defined on no line before" in run.output


def test_a_policy_that_is_not_there_is_refused(policy_settings):
    with pytest.raises(Invalid, match="No such file"):
        policy_of(policy_settings)


def test_a_witness_in_a_network_of_ours_is_asked_only_if_the_settings_say_so(policy_settings):
    policy_settings.log_policy.write_text(witness_line("https://w.example/") + "quorum w\n")
    destinations = policy_file.policy_file(policy_settings).destinations
    destinations = replace(destinations, resolve=lambda *_: ["10.1.2.3"], connect_seconds=0.05)
    with pytest.raises(asking.Unreachable, match="not a public address"):
        destinations.post("https://w.example/add-checkpoint", b"", {})
    with pytest.raises(Invalid):
        destinations.target_of("https://elsewhere.example/")
    with pytest.raises(Invalid):
        destinations.target_of("http://127.0.0.1/")
