"""What is on a disk when the power goes: flushed files and names; `make faults` does more."""

import random
import subprocess
import sys

import pytest

from foodtrace.trace.store.migrate import is_current, upgrade
from foodtrace.trace.store.session import Store

from ..faults.disk import File, Volume, put
from ..faults.kills import ROOT
from ..faults.power import Power
from ..faults.recording import CHANGES, STRACE, Player, events_of, said

ANY = random.Random(1)


@pytest.fixture
def volume(tmp_path):
    """A disk on which there is a folder `kept` and in it a file `old`."""
    ANY.seed(1)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "old").write_bytes(b"old")
    return Volume(tmp_path)


def written(volume, name, data, place=0):
    volume.write(f"{volume.root}/{name}", place, data).is_done = True


def flushed(volume, name):
    node = volume.node(f"{volume.root}/{name}".rstrip("/"))
    node.end_flush(node.begin_flush())


def left(volume, ratio=0, piece=4_096):
    return volume.after_cut(ratio, piece, ANY)


def test_it_works(volume):
    """What is flushed is there, what is not may be there."""
    written(volume, "kept/old", b"new")
    assert left(volume, 0) == {"kept": None, "kept/old": b"old"}
    assert left(volume, 1) == {"kept": None, "kept/old": b"new"}
    flushed(volume, "kept/old")
    assert left(volume, 0) == {"kept": None, "kept/old": b"new"}


def test_what_is_written_while_a_flush_runs_is_not_flushed_by_it(volume):
    written(volume, "kept/old", b"new")
    file = volume.node(f"{volume.root}/kept/old")
    covered = file.begin_flush()
    written(volume, "kept/old", b"later")
    file.end_flush(covered)
    assert left(volume)["kept/old"] == b"new"


def test_a_flushed_file_whose_name_is_not_flushed_may_be_gone(volume):
    volume.make(f"{volume.root}/kept/fresh", File())
    written(volume, "kept/fresh", b"data")
    flushed(volume, "kept/fresh")
    assert "kept/fresh" not in left(volume)
    flushed(volume, "kept")
    assert left(volume)["kept/fresh"] == b"data"


def test_a_name_that_was_given_to_another_file_is_the_old_one_or_the_new_one(volume):
    volume.make(f"{volume.root}/kept/fresh", File())
    written(volume, "kept/fresh", b"data")
    flushed(volume, "kept/fresh")
    flushed(volume, "kept")
    volume.rename(f"{volume.root}/kept/fresh", f"{volume.root}/kept/old")
    found = {frozenset(left(volume, 0.5).items()) for _ in range(50)}
    assert found == {
        frozenset({("kept", None), ("kept/old", b"old"), ("kept/fresh", b"data")}),
        frozenset({("kept", None), ("kept/old", b"data")}),
    }


def test_of_a_large_write_any_pieces_may_be_there(volume):
    written(volume, "kept/old", b"a" * 3 * 512, place=0)
    found = {left(volume, 0.5, 512)["kept/old"] for _ in range(200)}
    assert b"old" + bytes(509) + b"a" * 512 in found  # the second piece, and not the first
    assert {b"old", b"a" * 1_536} < found
    assert len(found) > 8


def test_the_calls_of_threads_are_told_apart():
    lines = [
        '7  pwrite64(3</d/f>, "\\x61\\x62", 2, 5 <unfinished ...>',
        "8  fsync(4</d/g>)               = 0",
        "7  <... pwrite64 resumed>)      = 2",
        '8  sendto(5<socket:[1]>, "\\x68\\x69", 2, 0, NULL, 0) = 2',
        "8  fsync(4</d/g> <unfinished ...>",
        "8  +++ killed by SIGKILL +++",
    ]
    hexed = [line.replace("socket:[1]", "".join(f"\\x{o:02x}" for o in b"socket:[1]"))
             for line in lines]  # fmt: skip
    events = list(events_of(hexed))
    assert [(event.name, event.is_end) for event in events] == [
        ("pwrite64", False), ("fsync", False), ("fsync", True), ("pwrite64", True),
        ("sendto", False), ("sendto", True), ("fsync", False),
    ]  # fmt: skip
    assert events[3].begun is events[0]
    assert [said(event) for event in events if said(event)] == [b"hi"]


def test_a_call_that_the_play_does_not_know_is_an_error(volume):
    path = "".join(f"\\x{octet:02x}" for octet in f"{volume.root}/kept".encode())
    line = f'7  symlink("{path}", "{path}")          = 0'
    player = Player([volume], "/")
    began, ended = events_of([line])
    player.play(began)
    with pytest.raises(ValueError, match="symlink is not known"):
        player.play(ended)


# --- the program


def recorded(folder, program):
    """Run a program that writes into the folder; return the folder as it was, and the calls."""
    ANY.seed(1)
    folder.mkdir()
    volume, trace = Volume(folder), folder.parent / "strace.txt"
    subprocess.run(
        [*STRACE, "-o", trace, sys.executable, "-c", program],
        cwd=ROOT, check=True, env={"FOODTRACE_DATA": f"{folder}/new/data", "PATH": "/usr/bin"},
    )  # fmt: skip
    return volume, list(events_of(trace.read_text().splitlines()))


def left_after(folder, program):
    """Run a program that writes into the folder; return what is flushed when it ends."""
    volume, events = recorded(folder, program)
    player = Player([volume], str(ROOT))
    for event in events:
        player.play(event)
    assert left(volume, 1) == Volume(folder).after_cut(1, 1, ANY)
    return left(volume)


ADVANCE = """
from foodtrace.trace.log.anchor import Anchor
from foodtrace.trace.settings import Settings
anchor = Anchor(Settings.from_environment().anchor_folder)
anchor.advance(2026, None, b"a note that nobody reads")
"""


def test_the_secret_and_the_anchor_are_on_the_disk_with_all_folders_above(tmp_path):
    found = left_after(tmp_path / "disk", ADVANCE)
    assert len(found["new/data/secret.key"]) == 43
    assert found["new/data/anchor/2026"] == b"a note that nobody reads"


def test_an_anchor_that_is_not_flushed_is_found_out(tmp_path):
    error = "from tests.faults.errors import make_error; make_error('anchor-unflushed')"
    assert "new/data/anchor/2026" not in left_after(tmp_path / "disk", error + ADVANCE)


def test_the_key_of_a_log_is_on_the_disk_with_all_folders_above(tmp_path):
    make = "from foodtrace.trace.log.signers import make_signer; from pathlib import Path;"
    path = tmp_path / "disk" / "new" / "keys"
    found = left_after(tmp_path / "disk", f"{make} make_signer(Path({str(path)!r}), 2026, 'a/b')")
    assert found["new/keys/2026.key"].startswith(b"PRIVATE+KEY+a/b+")


def test_a_database_is_on_the_disk_with_all_folders_above(tmp_path):
    path = tmp_path / "disk" / "new" / "data" / "log.sqlite"
    found = left_after(
        tmp_path / "disk",
        "from foodtrace.trace.store.session import Store\n"
        f"store = Store('sqlite:///{path}')\n"
        "with store.transaction() as session:\n"
        "    session.connection().exec_driver_sql('CREATE TABLE t (x)')\n",
    )
    assert "new/data/log.sqlite" in found


def test_after_a_cut_while_the_tables_are_made_they_are_made_again(tmp_path):
    volume, events = recorded(
        tmp_path / "disk",
        "from foodtrace.trace.store.migrate import upgrade\n"
        "from foodtrace.trace.store.session import Store\n"
        f"store = Store('sqlite:///{tmp_path}/disk/log.sqlite')\n"
        "upgrade(store)\n"
        "store.close()\n",
    )
    player = Player([volume], str(ROOT))
    writes = [number for number, event in enumerate(events) if event.name in CHANGES]
    moments = {*ANY.sample(writes, 4), writes[-1]}
    for number, event in enumerate(events):
        player.play(event)
        if number in moments:
            put(left(volume, 0.5), tmp_path / str(number))
    for number in moments:
        store = Store(f"sqlite:///{tmp_path}/{number}/log.sqlite")
        upgrade(store)
        assert is_current(store)
        with store.connection() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
        store.close()


def test_a_service_whose_power_is_cut_loses_nothing(tmp_path):
    power = Power(tmp_path, "sqlite")
    power.round(0, 2, kinds=("both",), ratios=(0, 0.5))
    assert power.cuts.violations == []
    assert power.cuts.acknowledged > 0
    assert power.cuts.opened >= 2
