"""An auditor recomputes a public log, and says what is not as it was signed."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.audit.growth import Growth
from foodtrace.trace.audit.heads import Head, Window, open_head, windows
from foodtrace.trace.audit.memory import BrokenMemory, load, save
from foodtrace.trace.audit.rules import RULES
from foodtrace.trace.audit.sources import Folder, Unreadable
from foodtrace.trace.log import merkle, notes, tiles
from foodtrace.trace.log.checkpoints import Checkpoint
from foodtrace.trace.log.notes import Signer
from foodtrace.trace.log.policies import parse_policy

from .auditing import NOON, POLICY, PublicLog, audit, found, leaf_at, write_listing
from .logs import LOG, REGULATOR, RETAILER, files_of, write_files

MINUTE = 60


@pytest.fixture
def log(tmp_path):
    """A log of 600 entries in an hour, seen by its witnesses every five minutes."""
    log = PublicLog(tmp_path / "public")
    for part in range(12):
        log.grow(50, at=NOON - 3600 + part * 300, every=5)
        log.cosign(NOON - 3600 + part * 300 + 290)
    return log.write()


def test_it_works(log):
    report, memory = audit(log.folder)
    assert not report.differences
    (audited,) = report.logs
    assert (audited.size, audited.read, audited.holds) == (600, 600, True)
    assert audited.witnessed_at == NOON - 10
    assert memory.logs[LOG.name].size == 600


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 700])
def test_a_log_of_any_size_is_recomputed(tmp_path, size):
    log = PublicLog(tmp_path / "public")
    log.grow(size, at=NOON - 60)
    log.cosign(NOON - 30)
    report, _memory = audit(log.write().folder)
    assert not report.differences
    assert report.logs[0].root == log.head(size).root.hex()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 200_000))
def test_a_tree_grows_by_bundles_to_the_root_that_its_definition_gives(leaves):
    bundles = leaves // 256
    hashes = [merkle.leaf_hash(n.to_bytes(4, "big")) for n in range(256)]
    root = merkle.tree_root(hashes)
    growth = Growth()
    full = {}
    for _ in range(min(bundles, 300)):
        full.update(growth.add(hashes))
    count = growth.bundles
    assert merkle.root_of(growth.edge) == merkle.tree_root([root] * count)
    assert Growth(growth.levels).edge == growth.edge
    served = full | dict(growth.unfinished())
    above = {tile for tile in tiles.tiles_of(count * 256) if tile.level > 0}
    assert set(served) == above


def test_an_entry_that_was_altered_is_found(log):
    path = log.folder / "2026/tile/entries/001"
    data = bytearray(path.read_bytes())
    data[30 * 43 + 20] ^= 1
    path.write_bytes(data)
    report, memory = audit(log.folder)
    assert found(report) == ["append-only", "root", "tile"]
    tile = next(each for each in report.differences if each.rule.name == "tile")
    assert "it differs for entry 286" in tile.found
    assert not memory.logs


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2"])
def test_a_tile_that_was_altered_is_found(log, path):
    data = bytearray((log.folder / "2026" / path).read_bytes())
    data[40] ^= 1
    (log.folder / "2026" / path).write_bytes(data)
    report, _memory = audit(log.folder)
    assert [each.rule.name for each in report.differences] == ["tile"]
    assert path in report.differences[0].place


@pytest.mark.parametrize("path", ["tile/0/000", "tile/entries/001", "tile/1/000.p/2"])
def test_a_file_that_is_gone_is_found_and_the_rest_is_still_read(log, path):
    (log.folder / "2026" / path).unlink()
    report, _memory = audit(log.folder)
    assert [each.rule.name for each in report.differences] == ["readable"]
    assert report.logs[0].holds


def test_without_entries_and_hashes_no_root_can_be_computed(log):
    (log.folder / "2026/tile/entries/001").unlink()
    (log.folder / "2026/tile/0/001").unlink()
    report, memory = audit(log.folder)
    assert found(report) == ["readable"]
    assert not report.logs[0].holds
    assert not memory.logs


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xff", bytes(2 * 256), bytes(300 * 2)])
def test_what_is_no_bundle_is_found(log, data):
    (log.folder / "2026/tile/entries/000").write_bytes(data)
    report, _memory = audit(log.folder)
    assert "leaf" in found(report)


def test_a_leaf_of_another_version_is_found(tmp_path):
    log = PublicLog(tmp_path / "public")
    log.grow(3, at=NOON - 60)
    log.cosign(NOON - 30)
    log.write()
    entries = [leaf.entry for leaf in log.leaves]
    entries[1] = b"\x02" + entries[1][1:]
    write_files(log.folder / "2026", files_of(entries))
    report, _memory = audit(log.folder)
    (leaf,) = (each for each in report.differences if each.rule.name == "leaf")
    assert leaf.place.endswith("entry 1")


def test_a_time_that_goes_back_is_found(tmp_path):
    log = PublicLog(tmp_path / "public")
    log.grow(2, at=NOON - 60)
    log.grow(1, at=NOON - 62)
    log.cosign(NOON - 30)
    report, _memory = audit(log.write().folder)
    assert found(report) == ["time-order"]
    assert "2 seconds before" in report.differences[0].found
    assert report.differences[0].place.endswith("entry 2")


def test_an_entry_that_was_dated_back_is_found(tmp_path):
    log = PublicLog(tmp_path / "public")
    log.grow(4, at=NOON - 3600)
    log.cosign(NOON - 3590, NOON - 120)
    log.grow(1, at=NOON - 1800)
    log.cosign(NOON - 60)
    report, _memory = audit(log.write().folder)
    assert found(report) == ["time-window"]
    assert "it was dated back" in report.differences[0].found
    assert report.differences[0].place.endswith("entry 4")


def test_an_entry_that_was_dated_forward_is_found(tmp_path):
    log = PublicLog(tmp_path / "public")
    log.grow(4, at=NOON + 3600)
    log.cosign(NOON - 60)
    report, _memory = audit(log.write().folder)
    assert found(report) == ["time-window"]
    assert "it was dated forward" in report.differences[0].found


def test_an_entry_dated_forward_without_any_witness_is_found(tmp_path):
    log = PublicLog(tmp_path / "public")
    log.grow(4, at=NOON - 300)
    log.cosign(NOON - 200)
    log.grow(1, at=NOON + 3600)
    report, _memory = audit(log.write().folder)
    assert "dated forward" in report.differences[0].found


def test_a_minute_between_two_clocks_is_no_difference(tmp_path):
    log = PublicLog(tmp_path / "public")
    log.grow(4, at=NOON - 200)
    log.cosign(NOON - 205, NOON - 100)
    log.grow(1, at=NOON - 150)
    log.cosign(NOON - 90)
    report, _memory = audit(log.write().folder)
    assert not report.differences


def test_a_longer_time_without_witnesses_is_noted(tmp_path):
    log = PublicLog(tmp_path / "public")
    log.grow(4, at=NOON - 7200)
    log.cosign(NOON - 7190)
    log.grow(3, at=NOON - 3600)
    log.cosign(NOON - 60)
    report, _memory = audit(log.write().folder)
    assert not report.differences
    (note,) = report.notes
    assert note.rule.name == "time-known"
    # The first four too: before them no witness has seen anything.
    assert "7 of 7 entries. The longest time in between is 118 minutes." in note.found


def test_a_head_that_nobody_cosigned_cannot_frame_the_log(log):
    """Only the operator wrote it into the history; so it does not say when anything was there."""
    forged = Signer(REGULATOR.name, bytes(32), notes.COSIGNATURE)
    liar = PublicLog(log.folder, cosigners=(REGULATOR, RETAILER))
    liar.leaves = log.leaves
    text = liar.line(50, [NOON - 5]).replace(b"\n", b"")
    said = json.loads(text)
    head = liar.head(50)
    lines = [merkle_line(signer, head) for signer in (forged, replace_name(forged, RETAILER.name))]
    said["cosignatures"] = lines
    path = log.folder / "2026/history/2026-11-22"
    path.write_bytes(path.read_bytes() + json.dumps(said).encode() + b"\n")
    report, _memory = audit(log.folder)
    assert "time-window" not in found(report)


def merkle_line(signer, head):
    from foodtrace.trace.log.checkpoints import cosign

    # The id of the true key, with which this signature does not verify.
    true = REGULATOR if signer.name == REGULATOR.name else RETAILER
    line = cosign(head, signer, NOON - 5)
    return notes.format_line(line._replace(key_id=true.key_id)).rstrip("\n")


def replace_name(signer, name):
    return Signer(name, signer.seed, signer.kind)


def test_a_stale_log_is_found(log):
    report, _memory = audit(log.folder, now=NOON + 11 * MINUTE)
    assert found(report) == ["fresh"]
    assert "11 minutes ago" in report.differences[0].found


def test_a_copy_may_be_old(log):
    from foodtrace.trace.audit.auditing import Audit

    report, _memory = Audit(Folder(log.folder), POLICY, NOON + 86_400).run()
    assert not report.differences
    assert "fresh" in {each.rule.name for each in report.notes}


def test_a_cosignature_of_the_future_is_found(log):
    report, _memory = audit(log.folder, now=NOON - 3600)
    assert "fresh" in found(report)


def test_too_few_witnesses_are_found(log):
    path = log.folder / "2026/checkpoint"
    parsed = notes.parse_note(path.read_bytes())
    path.write_bytes(notes.format_note(parsed.text, parsed.lines[:2]))
    (log.folder / "2026/witnessed").unlink()
    report, _memory = audit(log.folder)
    assert found(report) == ["quorum"]


def test_a_head_that_is_not_cosigned_yet_is_no_difference(log):
    log.grow(1, at=NOON - 3)
    report, _memory = audit(log.write().folder)
    assert not report.differences
    assert report.logs[0].size == 601


@pytest.mark.parametrize("name", ["checkpoint", "witnessed"])
def test_a_checkpoint_of_another_key_is_found(log, name):
    other = PublicLog(log.folder, signer=Signer(LOG.name, bytes(32)))
    other.leaves = log.leaves
    (log.folder / "2026" / name).write_bytes(other.note(600, NOON - 10))
    report, _memory = audit(log.folder)
    assert "signed" in found(report)


def test_a_log_that_the_policy_does_not_know_is_found(log):
    other = Signer("other.example/2025", bytes(32))
    old = PublicLog(log.folder, year=2025, signer=other)
    write_listing(log.folder, old, log)
    report, _memory = audit(log.folder)
    assert found(report) == ["pinned"]
    assert other.vkey in report.differences[0].found


def test_a_log_that_is_not_published_any_more_is_found(log):
    (log.folder / "logs.json").write_text("[]")
    report, _memory = audit(log.folder)
    assert found(report) == ["pinned"]
    assert "is not published" in report.differences[0].found


@pytest.mark.parametrize("listing", ["", "{}", '[{"year": "x"}]', "[1]"])
def test_a_listing_that_cannot_be_read_is_found(log, listing):
    (log.folder / "logs.json").write_text(listing)
    report, _memory = audit(log.folder)
    assert found(report) == ["readable"]


def test_a_second_tree_is_found_by_a_checkpoint_that_was_kept(log):
    kept = log.note(300, NOON - 1800)
    log.leaves[20] = leaf_at(NOON - 3500, 12_345)
    report, _memory = audit(log.write().folder, kept=[kept])
    assert found(report) == ["append-only"]
    assert "A checkpoint of 300 entries was signed" in report.differences[0].found


def test_a_log_that_became_shorter_is_found(log):
    kept = log.note(600, NOON - 10)
    del log.leaves[550:]
    log.heads = {550: [NOON - 300]}
    report, _memory = audit(log.write().folder, kept=[kept])
    assert found(report) == ["forward"]
    assert "It has 550 entries now, and had 600" in report.differences[0].found


def test_a_history_that_does_not_fit_is_found(log):
    log.files()
    path = log.folder / "2026/history/2026-11-22"
    fork = PublicLog(log.folder)
    fork.leaves = [leaf_at(NOON - 3600, n + 5) for n in range(70)]
    path.write_bytes(path.read_bytes() + fork.line(70, [NOON - 3190]))
    report, _memory = audit(log.folder)
    assert found(report) == ["append-only"]
    assert "history/2026-11-22" in report.differences[0].place


@pytest.mark.parametrize("line", [b"\xff\n", b"{}\n", b"[]\n", b'{"size": 1, "note": "x"}\n'])
def test_a_history_that_is_none_is_found(log, line):
    (log.folder / "2026/history/2026-11-22").write_bytes(line)
    report, _memory = audit(log.folder)
    assert found(report) == ["readable"]


# What an auditor remembers


def test_the_next_audit_reads_only_what_is_new(log, tmp_path):
    _report, memory = audit(log.folder)
    save(tmp_path / "state", memory)
    log.grow(100, at=NOON + 60)
    log.cosign(NOON + 90)
    report, memory = audit(log.write().folder, now=NOON + 100, memory=load(tmp_path / "state"))
    assert not report.differences
    # Two whole bundles were read the first time.
    assert report.logs[0].read == 700 - 512
    assert memory.logs[LOG.name].size == 700


@pytest.mark.parametrize("sizes", [(1, 2), (255, 256), (256, 256), (256, 513), (511, 520)])
def test_audits_go_on_from_any_size(tmp_path, sizes):
    first, second = sizes
    log = PublicLog(tmp_path / "public")
    log.grow(first, at=NOON - 300)
    log.cosign(NOON - 290)
    _report, memory = audit(log.write().folder)
    if second > first:
        log.grow(second - first, at=NOON - 100)
        log.cosign(NOON - 90)
    report, memory = audit(log.write().folder, memory=memory)
    assert not report.differences
    fresh = audit(log.folder)[1]
    assert memory.logs[LOG.name] == fresh.logs[LOG.name]


def test_an_old_entry_that_was_altered_is_found_by_a_full_audit(log):
    _report, memory = audit(log.folder)
    path = log.folder / "2026/tile/entries/000"
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    assert not audit(log.folder, memory=memory)[0].differences
    assert "root" in found(audit(log.folder, memory=memory, full=True)[0])


def test_a_history_that_was_rewritten_and_signed_is_found_by_memory_alone(log):
    _report, memory = audit(log.folder)
    log.leaves[100] = leaf_at(NOON - 3000, 999_999)
    log.heads = {600: [NOON - 10]}
    report, later = audit(log.write().folder, memory=memory, full=True)
    assert found(report) == ["append-only"]
    assert "the audit before" in report.differences[0].place
    assert later.logs == memory.logs  # what is wrong is not taken for the truth


def test_a_log_that_was_set_back_is_found_by_memory_alone(log):
    _report, memory = audit(log.folder)
    del log.leaves[500:]
    log.heads = {500: [NOON - 10]}
    report, later = audit(log.write().folder, memory=memory)
    assert found(report) == ["forward"]
    assert later.logs[LOG.name].size == 500 or later.logs == memory.logs


def test_an_older_cosignature_than_before_is_found(log):
    _report, memory = audit(log.folder)
    log.heads[600] = [NOON - 300]
    report, _memory = audit(log.write().folder, memory=memory)
    assert found(report) == ["forward"]


@pytest.mark.parametrize("text", ["", "{}x", '{"format": "other"}', '{"logs": {"a": {}}}'])
def test_a_memory_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "state").write_text(text)
    with pytest.raises(BrokenMemory):
        load(tmp_path / "state")


def test_there_is_no_memory_before_the_first_audit(tmp_path):
    assert load(tmp_path / "state").logs == {}


# Public statements


def test_a_public_statement_is_what_was_logged(log):
    log.state("erasure", at=NOON - 9, ground="GDPR 17")
    log.cosign(NOON - 5)
    report, memory = audit(log.write().folder)
    assert not report.differences
    assert list(memory.logs[LOG.name].public) == [600]


def test_a_public_statement_that_was_altered_is_found(log):
    log.state("erasure", at=NOON - 9, ground="GDPR 17")
    log.cosign(NOON - 5)
    log.public[0]["fields"][2]["value"] = '"nothing"'
    report, _memory = audit(log.write().folder)
    assert found(report) == ["opening"]
    assert "is not what entry 600 commits to" in report.differences[0].found


def test_a_public_statement_that_is_hidden_later_is_found(log):
    log.state("key_end", at=NOON - 9, key=1, public_key="A")
    log.cosign(NOON - 5)
    _report, memory = audit(log.write().folder)
    log.public.clear()
    report, _memory = audit(log.write().folder, memory=memory)
    assert found(report) == ["public-stays"]


def test_a_key_that_is_shown_later_than_its_place_is_found(log):
    log.state("key", at=NOON - 9, party="p")
    log.cosign(NOON - 5)
    hidden, log.public = log.public, []
    _report, memory = audit(log.write().folder)
    log.public = hidden
    report, _memory = audit(log.write().folder, memory=memory)
    assert "public-stays" in found(report)


def test_a_statement_beyond_the_head_is_not_looked_at_yet(log):
    index = log.state("erasure", at=NOON - 9)
    del log.leaves[index]
    report, _memory = audit(log.write().folder)
    assert not report.differences


@pytest.mark.parametrize("line", ["{}", "[]", '{"index": 3}', "x"])
def test_a_public_statement_that_is_none_is_found(log, line):
    (log.folder / "2026/keys").write_text(f"{line}\n")
    report, _memory = audit(log.folder)
    assert found(report) == ["opening"]


# The turn of the year


@pytest.fixture
def years(tmp_path):
    """Two logs, the second of which begins where the first has ended."""
    signers = [Signer(f"log.example/{year}", bytes([year % 100]) * 32) for year in (2025, 2026)]
    old, new = (
        PublicLog(tmp_path / "public", year=year, signer=signer)
        for year, signer in zip((2025, 2026), signers, strict=True)
    )
    old.grow(5, at=NOON - 40 * 86_400)
    old.cosign(NOON - 40 * 86_400)
    new.state("log", at=NOON - 100, previous=old.note(5).decode())
    new.cosign(NOON - 60)
    policy = "".join(f"log {signer.vkey}\n" for signer in signers)
    witnesses = (
        f"witness a {REGULATOR.vkey}\nwitness b {RETAILER.vkey}\ngroup q all a b\nquorum q\n"
    )
    return old, new, parse_policy((policy + witnesses).encode())


def test_a_year_begins_where_the_one_before_has_ended(years):
    old, new, policy = years
    old.write()
    new.write()
    write_listing(new.folder, old, new)
    report, _memory = audit(new.folder, policy=policy)
    assert not report.differences
    assert [log.origin for log in report.logs] == ["log.example/2025", "log.example/2026"]


def test_a_year_that_was_exchanged_as_a_whole_is_found(years):
    old, new, policy = years
    old.leaves[2] = leaf_at(NOON - 40 * 86_400, 77)
    old.write()
    new.write()
    write_listing(new.folder, old, new)
    report, _memory = audit(new.folder, policy=policy)
    assert found(report) == ["years"]


def test_a_year_whose_beginning_is_hidden_is_found(years):
    old, new, policy = years
    new.public.clear()
    old.write()
    new.write()
    write_listing(new.folder, old, new)
    report, _memory = audit(new.folder, policy=policy)
    assert found(report) == ["years"]


# Windows


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 99), st.integers(0, 9)), max_size=12),
    st.integers(0, 15),
    st.integers(16, 31),
)
def test_a_window_holds_the_latest_head_without_and_the_earliest_with_a_leaf(seen, start, size):
    heads = [
        Head(Checkpoint("x", at, bytes(32)), b"", True, first, first + more)
        for at, first, more in seen
    ]
    spans = list(windows(heads, start, size))
    assert [index for each in spans for index in range(each.begin, each.end)] == [
        *range(start, size)
    ]
    for each in spans:
        for index in range(each.begin, each.end):
            after = [head.latest for head in heads if head.checkpoint.size <= index]
            before = [head.first for head in heads if head.checkpoint.size > index]
            assert each == Window(
                each.begin, each.end, max(after, default=None), min(before, default=None)
            )


def test_a_quorum_has_seen_a_head_when_the_last_of_its_witnesses_has(log):
    head = log.head(600)
    note = log.note(600)
    from foodtrace.trace.log.checkpoints import cosign, with_lines

    note = with_lines(note, [cosign(head, REGULATOR, 100), cosign(head, RETAILER, 200)])
    note = with_lines(note, [cosign(head, REGULATOR, 300)])
    opened = open_head(note, POLICY)
    assert (opened.first, opened.latest) == (200, 200)
    note = with_lines(note, [cosign(head, RETAILER, 290)])
    assert (open_head(note, POLICY).first, open_head(note, POLICY).latest) == (200, 290)


# Limits


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    (tmp_path / "file").write_bytes(bytes(11))
    with pytest.raises(Unreadable, match="more than the 10 bytes"):
        Folder(tmp_path).read("file", 10)


def test_the_names_of_the_rules_are_unique():
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_differences_of_one_rule_are_counted_from_a_hundred_on(tmp_path):
    log = PublicLog(tmp_path / "public")
    log.grow(300, at=NOON - 60, every=-0.001)
    log.cosign(NOON - 30)
    report, _memory = audit(log.write().folder)
    assert len(report.differences) == 100
    assert report.uncounted == {"time-order": 199}
    assert "and 199 more of time-order" in report.as_text()
    assert report.as_json()["more"] == {"time-order": 199}
