"""Public logs as folders, written with all that an auditor reads, and audits of them."""

import base64
import json
from datetime import UTC, datetime

from foodtrace.trace.audit.auditing import Audit
from foodtrace.trace.audit.heads import open_head
from foodtrace.trace.audit.memory import Memory
from foodtrace.trace.audit.published import Sighting
from foodtrace.trace.audit.sources import Folder
from foodtrace.trace.log import checkpoints, merkle, notes, tiles
from foodtrace.trace.log.leaves import Field, Leaf, commit, commitment_of, open_fields
from foodtrace.trace.log.openings import dump_opening
from foodtrace.trace.log.policies import parse_policy

from .logs import LOG, REGULATOR, RETAILER, cosigned, files_of, write_files

YEAR = 2026
# Noon of 22 November 2026.
NOON = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp())
POLICY = parse_policy(
    (
        f"log {LOG.vkey}\nwitness regulator {REGULATOR.vkey}\nwitness retailer {RETAILER.vkey}\n"
        "group both all regulator retailer\nquorum both\n"
    ).encode()
)


def secret_of(number):
    return number.to_bytes(32, "big")


def leaf_at(seconds, number):
    """A leaf of some statement that nobody will ever open."""
    return Leaf(int(seconds * 1000), commitment_of(bytes(16), [number.to_bytes(32, "big")]))


class PublicLog:
    """A log that grows leaf by leaf, is cosigned, and is written as it is published.

    `heads` holds, by size, the times of its cosignatures.
    """

    def __init__(self, folder, *, year=YEAR, signer=LOG, cosigners=(REGULATOR, RETAILER)):
        self.folder, self.year, self.signer, self.cosigners = folder, year, signer, cosigners
        self.leaves = []
        self.public = []
        self.heads = {}

    def grow(self, count, *, at, every=0.0):
        """Add leaves from a time on, so many seconds apart."""
        start = len(self.leaves)
        self.leaves += [leaf_at(at + i * every, start + i) for i in range(count)]

    def state(self, kind, *, at, is_public=True, **members):
        """Add a statement; return its index."""
        index = len(self.leaves)
        fields = [Field("kind", kind), Field("n", "7")]
        fields += [Field(f"/{name}", json.dumps(value)) for name, value in members.items()]
        secret = secret_of(index)
        self.leaves.append(Leaf(int(at * 1000), commit(secret, fields)))
        if is_public:
            shown = {0, *range(2, len(fields))}
            opening = dump_opening(int(at * 1000), open_fields(secret, fields, shown))
            self.public.append({"year": self.year, "index": index, **opening})
        return index

    def cosign(self, *times):
        """Have the witnesses see the log as it is now."""
        self.heads.setdefault(len(self.leaves), []).extend(times)

    def head(self, size):
        entries = [leaf.entry for leaf in self.leaves[:size]]
        root = merkle.tree_root([merkle.leaf_hash(entry) for entry in entries])
        return checkpoints.Checkpoint(self.signer.name, size, root)

    def note(self, size, *times):
        note = cosigned(self.head(size), self.signer)
        return checkpoints.with_lines(
            note,
            [checkpoints.cosign(self.head(size), w, at) for at in times for w in self.cosigners],
        )

    def files(self):
        """What is published, by path below the year."""
        files = files_of([leaf.entry for leaf in self.leaves])
        size = len(self.leaves)
        times = self.heads.get(size, [])
        files["checkpoint"] = self.note(size, *times[-1:])
        if self.heads:
            last = max(self.heads)
            files["witnessed"] = self.note(last, *self.heads[last][-1:])
        files["keys"] = "".join(f"{json.dumps(each)}\n" for each in self.public).encode()
        for size, times in sorted(self.heads.items()):
            day = datetime.fromtimestamp(times[0], UTC).date()
            files.setdefault(f"history/{day}", b"")
            files[f"history/{day}"] += self.line(size, times)
        return files

    def line(self, size, times):
        note = self.note(size, *{times[0], times[-1]})
        parsed = notes.parse_note(note)
        own, *lines = parsed.lines
        said = {
            "size": size,
            "note": notes.format_note(parsed.text, [own]).decode(),
            "cosignatures": [notes.format_line(line).rstrip("\n") for line in lines],
        }
        return json.dumps(said).encode() + b"\n"

    def write(self):
        write_files(self.folder / str(self.year), self.files())
        write_listing(self.folder, self)
        return self

    def statement(self, index, fields, shown, size):
        """A statement of a bundle, with its proof to the head of this size."""
        files = files_of([leaf.entry for leaf in self.leaves[:size]])
        hash_at = tiles.TileHashes(lambda tile: files[tile.path], size)
        secret = secret_of(index)
        opening = dump_opening(self.leaves[index].time, open_fields(secret, fields, shown))
        proof = [encoded(each) for each in merkle.inclusion_proof(index, size, hash_at)]
        return {"log": self.signer.name, "year": self.year, "index": index, **opening} | {
            "proof": proof
        }


def write_listing(folder, *logs):
    listed = [
        {"year": log.year, "origin": log.signer.name, "vkey": log.signer.vkey, "closed": False}
        for log in logs
    ]
    (folder / "logs.json").write_text(json.dumps(listed))


def encoded(data):
    return base64.b64encode(data).decode()


class Live(Folder):
    """A folder as if somebody served it."""

    is_live = True


def audit(folder, *, policy=POLICY, now=NOON, memory=None, kept=(), things=(), full=False):
    """Audit a folder as if it were served; return the report and what is remembered."""
    return Audit(
        Live(folder),
        policy,
        now,
        memory or Memory(),
        [Sighting(open_head(note, policy), "the checkpoint that was kept") for note in kept],
        [(Folder(path.parent), path.name) for path in things],
        full,
    ).run()


def found(report):
    """The rules that do not hold, each once."""
    return sorted({each.rule.name for each in report.differences})
