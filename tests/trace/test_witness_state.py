"""The state of a witness and the logs that it knows: what is damaged cosigns nothing."""

import sqlite3

import pytest

from foodtrace.trace.errors import Invalid, Unavailable
from foodtrace.trace.log.notes import COSIGNATURE, Signer
from foodtrace.trace.witness.logs import KnownLogs
from foodtrace.trace.witness.state import FILE, DamagedState, create, open_state

from .witnessing import ORIGIN, GrowingLog, cosigned, make_witness, reopened

NOW = 1_800_000_000


@pytest.fixture(scope="module")
def log():
    return GrowingLog(300)


@pytest.fixture
def witness(tmp_path, log):
    witness = make_witness(tmp_path, log, now=lambda: NOW)
    yield witness
    witness.state.close()


def test_a_state_that_is_not_there_is_refused_and_never_begun_anew(tmp_path, log):
    """A disk that is not mounted must not make a witness forget."""
    make_witness(tmp_path, log).state.close()
    (tmp_path / "state").rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="not here"):
        reopened(tmp_path, log)
    assert not (tmp_path / "state").exists()


def test_the_state_of_another_key_is_refused(tmp_path, log):
    make_witness(tmp_path, log).state.close()
    other = Signer("w.example", bytes([5]) * 32, COSIGNATURE)
    with pytest.raises(Unavailable, match="another key"):
        open_state(tmp_path / "state", other.vkey)


def test_no_state_is_made_over_another(tmp_path):
    create(tmp_path / "state", "a")
    before = (tmp_path / "state" / FILE).read_bytes()
    with pytest.raises(FileExistsError):
        create(tmp_path / "state", "b")
    assert (tmp_path / "state" / FILE).read_bytes() == before


@pytest.mark.parametrize("spoil", ["garbage", "empty", "cut", "flipped"])
def test_a_damaged_state_is_refused(tmp_path, log, spoil):
    witness = make_witness(tmp_path, log)
    cosigned(witness, log, 0, 9)
    witness.state.close()
    path = tmp_path / "state" / FILE
    data = path.read_bytes()
    root = data.index(log.checkpoint(9).root)
    path.write_bytes(
        {
            "garbage": b"x" * len(data),
            "empty": b"",
            "cut": data[: len(data) // 2],
            "flipped": data[:root] + bytes([data[root] ^ 1]) + data[root + 1 :],
        }[spoil]
    )
    with pytest.raises(Unavailable, match="cannot be used"):
        reopened(tmp_path, log)


def test_a_state_that_is_damaged_while_it_serves_cosigns_nothing(tmp_path, log):
    witness = make_witness(tmp_path, log)
    cosigned(witness, log, 0, 9)
    with sqlite3.connect(tmp_path / "state" / FILE) as file:
        file.execute("UPDATE head SET note = x'00'")
    file.close()
    with pytest.raises(DamagedState, match="damaged"):
        witness.add_checkpoint(log.submission(9, 20))
    witness.state.close()


def test_a_head_can_neither_be_removed_nor_go_back(witness, log):
    cosigned(witness, log, 0, 9)
    for statement in ("DELETE FROM head", "UPDATE head SET size = 8", "UPDATE head SET time = 1"):
        with pytest.raises(sqlite3.IntegrityError):
            witness.state._file.execute(statement)


def test_the_same_head_in_the_same_second_is_written_once(witness, log):
    """Heads are public: anybody can send one again and again."""
    cosigned(witness, log, 0, 9)
    written = witness.state._file.total_changes
    for _ in range(3):
        assert cosigned(witness, log, 9, 9) == NOW
    assert witness.state._file.total_changes == written
    cosigned(witness, log, 9, 20)
    assert witness.state._file.total_changes == written + 1


def test_a_state_that_cannot_be_written_is_refused(tmp_path, log, monkeypatch):
    """As on a disk that was mounted for reading only; the system's administrator may write all."""
    make_witness(tmp_path, log).state.close()
    path = tmp_path / "state" / FILE
    real = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda file, **options: real(file.replace("=rw", "=ro"), **options)
    )
    with pytest.raises(Unavailable, match="readonly"):
        reopened(tmp_path, log)
    assert path.exists()


def test_a_commit_that_fails_is_not_cosigned(witness, log):
    cosigned(witness, log, 0, 9)
    file = witness.state._file

    class Full:
        in_transaction = True

        def execute(self, statement, *values):
            if statement == "COMMIT":
                raise sqlite3.OperationalError("database or disk is full")
            return file.execute(statement, *values)

    witness.state._file = Full()
    with pytest.raises(DamagedState, match="full"):
        witness.add_checkpoint(log.submission(9, 20))
    witness.state._file = file
    assert witness.state.heads()[ORIGIN].size == 9
    cosigned(witness, log, 9, 20)


def test_whoever_holds_the_file_too_long_stops_the_cosigning_and_not_for_ever(
    tmp_path, log, monkeypatch
):
    monkeypatch.setattr("foodtrace.trace.witness.state.SECONDS_TO_WAIT", 0.05)
    witness = make_witness(tmp_path, log)
    other = sqlite3.connect(tmp_path / "state" / FILE, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DamagedState, match="locked"):
        witness.add_checkpoint(log.submission(0, 9))
    other.execute("ROLLBACK")
    other.close()
    cosigned(witness, log, 0, 9)
    witness.state.close()


# The logs that are known


def test_a_log_can_be_added_while_it_serves(tmp_path, log):
    next_year = Signer("trace.example/log/2027", bytes([2]) * 32)
    path = tmp_path / "logs"
    path.write_text(f"# logs of our province\n\n{log.signer.vkey}\n")
    known = KnownLogs([], path)
    assert known.origins() == [ORIGIN]
    path.write_text(f"{log.signer.vkey}\n  {next_year.vkey}  \n")
    assert known.verifiers_of(next_year.name) == [next_year.verifier]
    assert known.origins() == [ORIGIN, next_year.name]


@pytest.mark.parametrize("text", ["nonsense\n", "no end", "\udcff\n", None])
def test_a_list_that_cannot_be_read_changes_nothing_and_is_told_once(tmp_path, log, text, caplog):
    path = tmp_path / "logs"
    path.write_text(f"{log.signer.vkey}\n")
    known = KnownLogs([], path)
    path.unlink()
    if text is not None:
        path.write_text(text, errors="surrogateescape")
    for _ in range(3):
        assert known.verifiers_of(ORIGIN) == [log.signer.verifier]
    (record,) = caplog.records
    assert "the logs known before stay" in record.message
    path.write_text("# none any more\n")
    assert known.verifiers_of(ORIGIN) == []


@pytest.mark.parametrize("vkey", ["", "x", Signer("w.example", bytes(32), COSIGNATURE).vkey])
def test_what_is_no_key_of_a_log_is_refused_at_the_start(vkey, tmp_path):
    with pytest.raises(Invalid, match="names no log"):
        KnownLogs([vkey])
    (tmp_path / "logs").write_text(f"\n{vkey or 'x'}\n")
    with pytest.raises(Invalid, match="line 2"):
        KnownLogs([], tmp_path / "logs")
