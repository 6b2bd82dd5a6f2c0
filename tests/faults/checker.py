"""What must be true of a record and its log after any fault: the list of what is not.

It reads the tables itself and uses no code of the log but the pure rules of trees and leaves.
"""

from collections import Counter
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import text

from foodtrace.trace.log.checkpoints import open_checkpoint
from foodtrace.trace.log.contents import contents, header_of
from foodtrace.trace.log.leaves import Leaf, commit, fields_of
from foodtrace.trace.log.merkle import EMPTY_ROOT, extended, leaf_hash, root_of, tree_root
from foodtrace.trace.log.notes import Verifier


@dataclass
class Seen:
    """What people outside have seen while the faults happened."""

    # eventIDs of events that the service said are stored.
    acknowledged: set = field(default_factory=set)
    # (origin, size) -> roots of the heads that were published or signed.
    heads: dict = field(default_factory=dict)
    # What was wrong at once when it was seen.
    wrong: list = field(default_factory=list)

    def see(self, note, vkey):
        """Keep a head that somebody could see; it must be signed."""
        head = open_checkpoint(note, Verifier.from_vkey(vkey))
        self.heads.setdefault((head.origin, head.size), set()).add(head.root)
        return head


def violations(store, anchor, seen=None, *, is_quiet=True):
    """Return what is wrong, in one sentence each; the log must be kept by nobody meanwhile.

    With `is_quiet`, nothing may wait for its place any more, or for its publication.
    """
    seen = seen or Seen()
    found = list(seen.wrong)
    with store.reading() as session:
        connection = session.connection()
        logs = connection.execute(text("SELECT * FROM log_state ORDER BY year")).all()
        stored = _leaves_of(connection)
        found += _places(connection, stored, is_quiet=is_quiet)
        for log in logs:
            rows = [row for row in stored if row.year == log.year]
            notes = [
                bytes(row.note)
                for row in connection.execute(
                    text("SELECT note FROM checkpoint WHERE year = :year ORDER BY size"),
                    {"year": log.year},
                )
            ]
            heads = [seen.see(note, log.vkey) for note in notes]
            signed = anchor.note(log.year)
            if signed is not None:
                heads.append(seen.see(signed, log.vkey))
            found += _order(log, rows)
            found += _heads(log, rows, seen)
            if is_quiet and rows and not (heads and heads[-1].size == len(rows) == log.size):
                found.append(f"the head of {log.year} is not that of its {len(rows)} leaves")
            if is_quiet and notes and bytes(signed or b"") != notes[-1]:
                found.append(f"the anchor of {log.year} is not what was published last")
        found += _numbers(connection, stored)
        found += _commitments(connection, stored)
        found += _events(connection, seen.acknowledged)
    return found


def _leaves_of(connection):
    return connection.execute(text("SELECT * FROM leaf ORDER BY year, idx")).all()


def _places(connection, stored, *, is_quiet):
    """Every statement has one place, or waits for it."""
    statements = set(connection.execute(text("SELECT id FROM statement")).scalars())
    waiting = set(connection.execute(text("SELECT statement_id FROM unlogged")).scalars())
    placed = Counter(row.statement_id for row in stored if row.statement_id is not None)
    yield from (f"statement {i} has {n} places" for i, n in placed.items() if n > 1)
    yield from (f"statement {i} has a place and waits" for i in waiting & placed.keys())
    yield from (f"statement {i} has no place" for i in statements - placed.keys() - waiting)
    if is_quiet:
        yield from (f"statement {i} still waits" for i in waiting)


def _order(log, rows):
    """Indexes have no gap, and the time never goes back."""
    for index, row in enumerate(rows):
        if row.idx != index:
            yield f"leaf {index} of {log.year} is missing"
            return
    times = [row.time for row in rows]
    if times != sorted(times):
        yield f"the time of {log.year} goes back"
    if log.size != len(rows):
        yield f"the log {log.year} says {log.size} and has {len(rows)} leaves"


def _heads(log, rows, seen):
    """Every head that was ever seen is one of this tree: there was no other history."""
    hashes = [leaf_hash(Leaf(row.time, bytes(row.commitment)).entry) for row in rows]
    sizes = sorted(size for origin, size in seen.heads if origin == log.origin)
    at, edge, roots = 0, (), {}
    for size in sizes:
        if size <= len(hashes):
            edge = extended(at, edge, hashes[at:size])
            at, roots[size] = size, root_of(edge)
    for size in sizes:
        known = seen.heads[log.origin, size]
        if len(known) > 1:
            yield f"two heads of size {size} of {log.year} were signed"
        elif size > len(hashes):
            yield f"a head of size {size} of {log.year} was seen, and {len(hashes)} are left"
        elif known != {roots[size]}:
            yield f"the head of size {size} of {log.year} is not of this tree"
    edge = extended(at, edge, hashes[at:])
    if (root_of(edge) if hashes else EMPTY_ROOT) != tree_root(hashes):
        yield f"two ways to the root of {log.year} differ"


def _numbers(connection, stored):
    """Each party's numbers, and those of each series, have no gap and no repetition."""
    rows = connection.execute(
        text(
            "SELECT statement.id, document.party_id"
            " FROM statement JOIN document ON document.id = document_id"
        )
    )
    parties = {row.id: row.party_id for row in rows}
    last = Counter()
    for row in stored:
        if row.header is None:
            continue
        _, n, numbers = msgspec.json.decode(bytes(row.header))
        party = f"party {parties.get(row.statement_id)}"
        for name, number in [(party, n), *((series, m) for series, m, _thing in numbers)]:
            if number != last[name] + 1:
                yield f"number {number} of {name} follows {last[name]}"
            last[name] = number


def _commitments(connection, stored):
    """Each leaf is that of its statement, as it is on record."""
    rows = {row.statement_id: row for row in stored if row.statement_id is not None}
    for stated in contents(connection, list(rows)):
        row = rows[stated.id]
        fields = fields_of(header_of(stated, bytes(row.header)), stated.content)
        if commit(bytes(row.secret), fields) != bytes(row.commitment):
            yield f"statement {stated.id} is not the one of its leaf"


def _events(connection, acknowledged):
    """Whatever was acknowledged is recorded; nothing is recorded twice."""
    ids = connection.execute(text("SELECT id FROM statement WHERE kind = 'event'")).scalars().all()
    recorded = Counter(
        msgspec.json.decode(each.content)["eventID"] for each in contents(connection, ids)
    )
    derived = set(connection.execute(text("SELECT event_id FROM event")).scalars())
    yield from (f"event {i} was acknowledged and is lost" for i in acknowledged - recorded.keys())
    yield from (f"event {i} is recorded {n} times" for i, n in recorded.items() if n > 1)
    yield from (f"event {i} is recorded and not found" for i in recorded.keys() - derived)
