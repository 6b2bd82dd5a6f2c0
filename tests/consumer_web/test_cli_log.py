"""The commands for those who keep a log: status, export, check, accept, repair."""

import http.server
import json
import shutil
import threading
from contextlib import closing
from functools import partial

import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import func, insert, select, text, update

from foodtrace.consumer_web.cli import main
from foodtrace.consumer_web.opening import open_store
from foodtrace.trace.log.contents import StoredHeader
from foodtrace.trace.log.keeping import LogKeeper
from foodtrace.trace.log.models import (
    Counter,
    Leaf,
    LogCheckpoint,
    LogState,
    LogTile,
    Unlogged,
    WitnessState,
)
from foodtrace.trace.log.notes import COSIGNATURE, Signer
from foodtrace.trace.log.openings import load_opening
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.models import Document, Statement
from foodtrace.trace.store.session import Store

from ..trace.acts import ALBA, BRUNO, capture, make
from ..web import public_app


@pytest.fixture
def environment(database_url, tmp_path, monkeypatch):
    """The environment of an installation on a migrated database; keys and anchor apart."""
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", database_url)
    monkeypatch.setenv("FOODTRACE_BASE_URL", "https://trace.example")
    monkeypatch.setenv("FOODTRACE_LOG_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("FOODTRACE_ANCHOR", str(tmp_path / "anchor"))
    (tmp_path / "data").mkdir()


class Service:
    """What a serving process does with its store and its log."""

    def __init__(self):
        self.settings = Settings.from_environment()
        self.store = open_store(self.settings)
        self._keeper = LogKeeper(self.store, self.settings)

    def record(self, count, first=1, party=ALBA):
        """Record events about three lots, each a statement of its own in the log."""
        events = [make(n % 24, {f"L{n % 3}": 1}) for n in range(first, first + count)]
        capture(self.store, *events, actor=party)

    def keep(self):
        while self._keeper.keep(self.store, self.settings):
            pass

    def close(self):
        self._keeper.close()
        self.store.close()


@pytest.fixture
def service(environment):
    opened = []

    def start():
        opened.append(Service())
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def run(*words, **options):
    return CliRunner().invoke(main, ["log", *words], **options)


def tamper(store, statement):
    """Change what nothing should change, as one with the rights of the database's owner can."""
    with store.writers.begin() as connection:
        if store.dialect == "postgresql":
            connection.execute(text("SET session_replication_role = replica"))
        else:
            for (trigger,) in connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            ).all():
                connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(statement)
        if store.dialect == "postgresql":
            connection.execute(text("SET session_replication_role = origin"))


def kept(store):
    """Return the whole database as a backup: the rows of all tables of the record and the log."""
    return Backup(store)


class Backup:
    """The tables of a database at some moment; `restore` sets the database back to it."""

    def __init__(self, store):
        from foodtrace.trace.store.models import Base

        self.tables = Base.metadata.sorted_tables
        with store.readers.connect() as connection:
            self.rows = {
                table: [row._asdict() for row in connection.execute(select(table))]
                for table in self.tables
            }

    def restore(self, store):
        with store.writers.begin() as connection:
            if store.dialect == "postgresql":
                connection.execute(text("SET session_replication_role = replica"))
            else:
                for (name,) in connection.execute(
                    text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                ).all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            for table in reversed(self.tables):
                connection.execute(table.delete())
            for table in self.tables:
                if self.rows[table]:
                    connection.execute(table.insert(), self.rows[table])
            if store.dialect == "postgresql":
                connection.execute(text("SET session_replication_role = origin"))
                connection.execute(
                    text(
                        "SELECT setval(pg_get_serial_sequence('statement', 'id'), "
                        "(SELECT max(id) FROM statement))"
                    )
                )


def numbers(store):
    """Return of each leaf the numbers that its statement has, as names of counter and number."""
    decode = msgspec.json.Decoder(StoredHeader).decode
    query = (
        select(Leaf.header, Document.party_id)
        .outerjoin(Statement, Statement.id == Leaf.statement_id)
        .outerjoin(Document, Document.id == Statement.document_id)
        .order_by(Leaf.year, Leaf.idx)
    )
    with store.reading() as session:
        rows = session.execute(query).all()
    found = []
    for header, party_id in rows:
        said = None if header is None else decode(header)
        series = () if said is None else [(name, number) for name, number, _ in said.numbers]
        found.append(None if said is None else {(party_id, said.n), *series})
    return found


def vkey(store):
    with store.reading() as session:
        return session.scalar(select(LogState.vkey))


def size(store):
    with store.reading() as session:
        return session.scalar(select(LogState.size))


def test_it_works(service, tmp_path):
    one = service()
    one.record(3)
    one.keep()
    done = run("export", str(tmp_path / "public"))
    assert done.exit_code == 0, done.output
    assert run("check").exit_code == 0
    screen = run("status").output
    assert "trace.example/log/20" in screen
    assert "recording" in screen
    assert "3 published" in screen


# Export


def test_what_is_exported_is_what_is_served(service, tmp_path):
    one = service()
    one.record(300)
    one.keep()
    folder = tmp_path / "public"
    assert run("export", str(folder)).exit_code == 0
    client = public_app(one.store, data=tmp_path / "data").test_client()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 9  # logs.json, checkpoint, keys, a day, 3 tiles of hashes, 2 of entries
    for path in files:
        served = client.get(f"/log/{path.relative_to(folder)}")
        assert served.status_code == 200, path
        assert served.data == path.read_bytes(), path


def test_an_export_that_is_run_again_writes_what_has_come_since(service, tmp_path, go_verifier):
    one = service()
    folder = tmp_path / "public"
    one.record(255)
    one.keep()
    run("export", str(folder))
    (log,) = (path for path in folder.iterdir() if path.is_dir())
    old = tmp_path / "old"
    old.write_bytes((log / "checkpoint").read_bytes())
    first = (log / "tile/0/000.p/255").stat().st_mtime_ns
    one.record(5, first=300)
    one.keep()
    assert "5 new tiles" in run("export", str(folder)).output
    assert (log / "tile/0/000.p/255").stat().st_mtime_ns == first
    found = go_verifier.verify(log, key=vkey(one.store), olds=[old])
    assert found["size"] == 260
    assert found["continues"]
    assert not list(folder.rglob("*.new"))


def test_entries_that_were_changed_are_not_exported(service, tmp_path):
    """What was exported before is what the log is repaired from."""
    one = service()
    one.record(5)
    one.keep()
    tamper(one.store, update(Leaf).where(Leaf.idx == 2).values(time=1))
    refused = run("export", str(tmp_path / "public"))
    assert refused.exit_code == 1
    assert "they do not fit its tree" in refused.output
    assert not list(tmp_path.rglob("checkpoint"))


def test_a_log_is_not_exported_over_another_one(service, tmp_path):
    one = service()
    folder = tmp_path / "public"
    one.record(5)
    backup = kept(one.store)
    one.record(5, first=6)
    one.keep()
    run("export", str(folder))
    backup.restore(one.store)
    one.close()
    shutil.rmtree(tmp_path / "anchor")
    two = service()
    two.record(20, first=50)
    two.keep()
    before = (next(folder.glob("2*")) / "checkpoint").read_bytes()
    refused = run("export", str(folder))
    assert refused.exit_code == 1
    assert "does not go on" in refused.output
    assert (next(folder.glob("2*")) / "checkpoint").read_bytes() == before


# Check and accept


def test_every_difference_is_told(service):
    one = service()
    one.record(12)
    one.keep()
    store = one.store
    with store.reading() as session:
        first = session.scalar(select(func.min(Document.id)))
        body = session.scalar(select(Document.body).where(Document.id == first))
        year = session.scalar(select(LogState.year))
    changed = body.replace(b"L1", b"L7")
    assert changed != body
    tamper(store, update(Document).where(Document.id == first).values(body=changed))
    tamper(store, update(Leaf).where(Leaf.idx == 5).values(commitment=bytes(32)))
    tamper(store, update(LogTile).values(hashes=func.substr(LogTile.hashes, 33)))
    tamper(store, update(Counter).where(Counter.name == "101").values(last=99))
    found = run("check")
    assert found.exit_code == 1
    for expected in (
        f"{year}: The statement No. 1 is not the one that the leaf 0 was made of.",
        "is not the one that the leaf 5 was made of",
        "The tile 0 of level 0 is not that of its leaves",
        "Its state does not give the root of its leaves",
        "The leaves do not give the head that was signed at 12",
        "another tree that was signed at 12",
        "The counter '101' stands at 99",
    ):
        assert expected in found.output


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (Leaf.__table__.delete().where(Leaf.idx == 3), "The leaves 3 to 3 are missing"),
        (LogTile.__table__.delete(), "The tile 0 of level 0 is missing"),
        (update(Leaf).where(Leaf.idx == 3).values(time=1), "The leaf 3 is older than the one"),
        (update(LogState).values(size=7), "There are 8 leaves; its state says 7"),
        (update(LogCheckpoint).values(root=bytes(32)), "says something else than its note"),
        (update(Leaf).where(Leaf.idx == 3).values(header=b"[]"), "The leaf 3 cannot be read"),
        (Counter.__table__.delete(), "The counter '101' is missing"),
    ],
)
def test_each_kind_of_damage_is_found(service, statement, expected):
    one = service()
    one.record(8)
    one.keep()
    assert run("check").exit_code == 0
    tamper(one.store, statement)
    found = run("check")
    assert found.exit_code == 1
    assert expected in found.output


def test_a_statement_that_was_hidden_from_the_log_is_found(service):
    one = service()
    one.record(2)
    one.keep()
    with one.store.reading() as session:
        document_id = session.scalar(select(func.min(Document.id)))
    added = Statement.__table__.insert().values(
        id=900, kind="event", document_id=document_id, start=0, length=1
    )
    tamper(one.store, added)
    assert "1 have no leaf; the first is No. 900" in run("check").output


def test_an_anchor_that_was_lost_is_accepted_after_a_full_check(service, tmp_path, caplog):
    one = service()
    one.record(4)
    one.keep()
    shutil.rmtree(tmp_path / "anchor")
    two = service()
    assert two.store.standing.reason is not None
    assert "READ-ONLY" in run("status").output
    assert "It is missing, and 4 were published" in run("check").output
    assert run("accept", input="n\n").exit_code == 1
    assert run("accept", "--yes").exit_code == 0
    assert run("check").exit_code == 0
    assert "recording goes on" not in caplog.text
    two.keep()
    assert two.store.standing.reason is None
    assert "recording goes on" in caplog.text
    two.record(1, first=9)


@pytest.mark.parametrize("content", [b"", b"nonsense\n"])
def test_an_anchor_that_cannot_be_read_is_accepted(service, tmp_path, content):
    one = service()
    one.record(4)
    one.keep()
    (path,) = (path for path in (tmp_path / "anchor").iterdir() if path.name.isdigit())
    good = path.read_bytes()
    path.write_bytes(content)
    assert run("accept", "--yes").exit_code == 0
    assert path.read_bytes() == good


def test_nothing_is_accepted_while_more_is_wrong_than_the_anchor(service, tmp_path):
    one = service()
    one.record(4)
    one.keep()
    shutil.rmtree(tmp_path / "anchor")
    tamper(one.store, update(Leaf).where(Leaf.idx == 2).values(time=1))
    refused = run("accept", "--yes")
    assert refused.exit_code == 1
    assert "nothing was changed" in refused.output
    assert not (tmp_path / "anchor").exists()


def test_a_database_is_not_accepted_while_a_witness_has_cosigned_more(
    service, tmp_path, monkeypatch
):
    one = service()
    one.record(4)
    one.keep()
    shutil.rmtree(tmp_path / "anchor")
    witness = Signer.generate("regulator.example/w", COSIGNATURE)
    policy = tmp_path / "policy"
    line = f"witness regulator {witness.vkey} https://regulator.example/"
    policy.write_text(f"log {vkey(one.store)}\n{line}\nquorum regulator\n")
    monkeypatch.setenv("FOODTRACE_LOG_POLICY", str(policy))
    with one.store.writers.begin() as connection:
        year = connection.execute(select(LogState.year)).scalar_one()
        said = {"year": year, "name": "regulator.example/w", "size": 7, "time": 1}
        connection.execute(insert(WitnessState).values(said))
    refused = run("accept", "--yes")
    assert refused.exit_code == 1
    assert "The witness regulator has cosigned 7 entries, and 4 are published" in refused.output
    assert not (tmp_path / "anchor").exists()
    with one.store.writers.begin() as connection:
        connection.execute(update(WitnessState).values(size=4))
    assert run("accept", "--yes").exit_code == 0


def test_a_database_that_was_set_back_is_not_accepted(service):
    one = service()
    one.record(4)
    one.keep()
    backup = kept(one.store)
    one.record(4, first=5)
    one.keep()
    backup.restore(one.store)
    refused = run("accept", "--yes")
    assert refused.exit_code == 1
    assert "8 leaves were signed, and this database has 4: it was set back" in refused.output


def test_a_record_that_was_stopped_goes_on_when_it_was_put_right(service):
    one = service()
    one.record(4)
    one.keep()
    one.record(1, first=5)
    if one.store.dialect == "postgresql":
        one.keep()
        one.record(1, first=6)
    with one.store.reading() as session:
        last = session.execute(select(Leaf).order_by(Leaf.idx.desc()).limit(1)).scalar_one()
    if one.store.dialect == "postgresql":
        one.keep()
    stopped = update(LogState).values(stopped={"rule": "something", "fix": "look", "values": {}})
    with one.store.writers.begin() as connection:
        connection.execute(stopped)
    one.keep()
    assert one.store.standing.reason is not None
    assert last.idx >= 3
    assert run("accept", "--yes").exit_code == 0
    one.keep()
    assert one.store.standing.reason is None
    one.record(1, first=30)
    one.keep()
    assert run("check").exit_code == 0


# Repair


@pytest.fixture
def set_back(service, tmp_path):
    """An installation whose database was set back by 7 of 12 leaves; its files are public."""
    one = service()
    one.record(5)
    one.keep()
    backup = kept(one.store)
    one.record(4, first=6)
    one.record(3, first=10, party=BRUNO)
    one.keep()
    before = numbers(one.store)
    assert run("export", str(tmp_path / "public")).exit_code == 0
    backup.restore(one.store)
    one.close()
    return before


def test_a_log_is_repaired_from_the_public_files(set_back, service, tmp_path, go_verifier):
    public = tmp_path / "public"
    (log,) = (path for path in public.iterdir() if path.is_dir())
    old = tmp_path / "old"
    old.write_bytes((log / "checkpoint").read_bytes())
    read_only = service()
    assert "set back" in read_only.store.standing.reason.text
    done = run("repair", str(public))
    assert done.exit_code == 0, done.output
    assert "7 leaves brought back, 5 to 11" in done.output
    read_only.keep()
    assert read_only.store.standing.reason is None
    read_only.record(5, first=20)
    read_only.keep()
    assert run("check").output == "No differences.\n"
    assert run("export", str(public)).exit_code == 0
    found = go_verifier.verify(log, key=vkey(read_only.store), olds=[old])
    assert (found["size"], len(found["continues"])) == (18, 1)
    (line,) = map(json.loads, (log / "keys").read_bytes().splitlines())
    said = dict(load_opening(line)[1].fields)
    assert (line["index"], said["kind"], said["/first"], said["/last"]) == (12, "lost", "5", "11")
    (tmp_path / "policy").write_text(f"log {vkey(read_only.store)}\nquorum none\n")
    audit = ["audit", str(public), "--policy", str(tmp_path / "policy")]
    told = " ".join(CliRunner().invoke(main, audit).output.split())
    assert "the entries 5 to 11 were brought back without their statements" in told


def test_no_number_that_a_lost_statement_may_have_had_is_given_again(set_back, service, tmp_path):
    run("repair", str(tmp_path / "public"))
    one = service()
    one.record(6, first=40)
    one.record(6, first=60, party=BRUNO)
    one.keep()
    after = numbers(one.store)
    assert after[5:12] == [None] * 7
    lost, given = set().union(*set_back[5:12]), set().union(*after[12:])
    assert (len(lost), len(given)) == (14, 25)
    assert lost.isdisjoint(given)
    with one.store.reading() as session:
        assert min(session.scalars(select(Leaf.statement_id).where(Leaf.idx >= 12))) > 12


def test_a_repair_twice_changes_nothing_more(set_back, service, tmp_path):
    assert run("repair", str(tmp_path / "public")).exit_code == 0
    again = run("repair", str(tmp_path / "public"))
    assert again.exit_code == 0
    assert "not behind" in again.output
    assert size(service().store) == 13


def test_a_log_is_repaired_from_a_site(set_back, service, tmp_path):
    handler = partial(Quiet, directory=str(tmp_path / "public"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = run("repair", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert "7 leaves brought back" in done.output
    assert service().store.standing.reason is None


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("damage", ["bit", "missing", "short", "old", "empty"])
def test_files_that_do_not_lead_to_the_anchor_repair_nothing(set_back, service, tmp_path, damage):
    public = tmp_path / "public"
    (log,) = (path for path in public.iterdir() if path.is_dir())
    bundle = log / "tile/entries/000.p/12"
    data = bytearray(bundle.read_bytes())
    if damage == "bit":
        data[43 * 7 + 20] ^= 1
        bundle.write_bytes(data)
    elif damage == "missing":
        bundle.unlink()
    elif damage == "short":
        bundle.write_bytes(data[:-43])
    elif damage == "old":
        run_head_of_database(log)
    else:
        (log / "checkpoint").write_bytes(b"")
    refused = run("repair", str(public))
    assert refused.exit_code == 1
    assert len(refused.output.splitlines()) == 1
    one = service()
    assert size(one.store) == 5
    assert one.store.standing.reason is not None


def run_head_of_database(log):
    """Put the head that the database still has where the files have a newer one."""
    settings = Settings.from_environment()
    with closing(Store(settings.database_url)) as store, store.reading() as session:
        (log / "checkpoint").write_bytes(session.scalar(select(LogCheckpoint.note)))


def test_a_log_that_the_database_does_not_know_at_all_is_repaired(service, tmp_path):
    one = service()
    empty = kept(one.store)
    empty.rows[LogState.__table__] = []
    one.record(5)
    one.keep()
    run("export", str(tmp_path / "public"))
    empty.restore(one.store)
    one.close()
    assert "5 leaves brought back, 0 to 4" in run("repair", str(tmp_path / "public")).output
    two = service()
    two.record(3, first=7)
    two.keep()
    assert run("check").exit_code == 0
    with two.store.reading() as session:
        assert session.scalar(select(func.count()).select_from(Unlogged)) == 0


def test_what_is_no_place_with_files_is_refused(environment):
    assert run("repair", "nowhere").exit_code == 2


# The process that keeps the log


def test_on_sqlite_the_log_is_kept_where_is_recorded(sqlite_url, tmp_path, monkeypatch):
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path))
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", sqlite_url)
    refused = CliRunner().invoke(main, ["sequencer"])
    assert refused.exit_code == 1
    assert "On SQLite the process that records keeps the log" in refused.output
    assert "Run foodtrace serve alone" in refused.output
    monkeypatch.setenv("FOODTRACE_SEQUENCER", "elsewhere")
    refused = CliRunner().invoke(main, ["serve", "--port", "18999"])
    assert refused.exit_code == 1
    assert "FOODTRACE_SEQUENCER" in refused.output


def test_what_is_no_choice_of_who_sequences_is_refused(environment, monkeypatch):
    monkeypatch.setenv("FOODTRACE_SEQUENCER", "yes")
    assert "Write here or elsewhere" in run("status").output
