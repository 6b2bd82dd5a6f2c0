"""Files of an export are written whole or not at all, and nowhere else."""

from datetime import date

from foodtrace.trace.log.exporting import _days, _write


def test_it_works(tmp_path):
    path = tmp_path / "2026" / "checkpoint"
    _write(path, [b"one"])
    _write(path, [b"t", b"wo"])
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_no_link_is_written_through(tmp_path):
    """Whoever else may write into the folder must not have other files of ours overwritten."""
    (tmp_path / "ours").write_bytes(b"ours")
    (tmp_path / ".checkpoint.new").symlink_to(tmp_path / "ours")
    (tmp_path / "checkpoint").symlink_to(tmp_path / "ours")
    _write(tmp_path / "checkpoint", [b"head"])
    assert (tmp_path / "ours").read_bytes() == b"ours"
    assert (tmp_path / "checkpoint").read_bytes() == b"head"
    assert not (tmp_path / "checkpoint").is_symlink()


def test_what_a_killed_export_has_left_is_replaced(tmp_path):
    (tmp_path / ".checkpoint.new").write_bytes(b"ha")
    _write(tmp_path / "checkpoint", [b"head"])
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_only_days_of_the_log_that_may_have_grown_are_written_again(tmp_path):
    first, last = date(2026, 1, 1), date(2026, 1, 9)
    assert len(_days(tmp_path / "none", first, last)) == 9
    for name in ("2026-01-03", "2026-01-07", "2031-01-01", "notes.txt"):
        (tmp_path / name).touch()
    assert _days(tmp_path, first, last) == [date(2026, 1, day) for day in (6, 7, 8, 9)]
