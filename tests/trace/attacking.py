"""An installation whose operator cheats: root of the database, and the key of the log, in hand.

Its witnesses are honest, and live elsewhere: they cosign a head only if it keeps all that they
saw before. The auditor has the public files, the pinned policy and what it saw before.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete, insert, select, update

from foodtrace.consumer_web.app import create_public_app
from foodtrace.trace.audit.auditing import Audit
from foodtrace.trace.audit.heads import open_head
from foodtrace.trace.audit.memory import Memory
from foodtrace.trace.audit.published import Sighting
from foodtrace.trace.audit.sources import Folder, Missing, Unreadable
from foodtrace.trace.log import publishing
from foodtrace.trace.log.checkpoints import Checkpoint, cosign, sign_checkpoint
from foodtrace.trace.log.growing import grown
from foodtrace.trace.log.keeping import LogKeeper, attach
from foodtrace.trace.log.leaves import Leaf
from foodtrace.trace.log.merkle import (
    consistency_proof,
    extended,
    leaf_hash,
    root_of,
    verify_consistency,
)
from foodtrace.trace.log.models import Leaf as LeafRow
from foodtrace.trace.log.models import (
    LogCheckpoint,
    LogCosignature,
    LogState,
    LogTile,
)
from foodtrace.trace.log.notes import Signer, format_line
from foodtrace.trace.log.opening import newest_log
from foodtrace.trace.log.policies import parse_policy
from foodtrace.trace.log.tree import hash_at
from foodtrace.trace.store import guards

from ..web import settings_of
from .logs import REGULATOR, RETAILER

# Noon of 18 November 2026.
NOON = 1_795_003_200
SITE = "https://trace.example"


class Clock:
    """The clock of the service, in milliseconds; the operator may set it."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __call__(self):
        return int(self.seconds * 1000)


class Calendar:
    """What tells the service the date; the history of the log is kept by days."""

    def __init__(self, site):
        self.site = site

    def now(self, zone):
        return datetime.fromtimestamp(self.site.now, zone)


class Served:
    """The public site, read as the auditor reads it over HTTP."""

    is_live = True
    connections = 1

    def __init__(self, app, base):
        self.client = app.test_client()
        self.base = base

    def read(self, path, most):
        url = path if path.startswith("/") else f"{self.base}{path}"
        answer = self.client.get(url, headers={"Accept": "application/json, */*;q=0.9"})
        if answer.status_code == 404:
            raise Missing("the answer is 404")
        if answer.status_code != 200:
            raise Unreadable(f"the answer is {answer.status_code}")
        assert len(answer.data) <= most
        return answer.data

    def file(self, sha256, name, size):
        return self.read(f"/reports/{sha256}", size)

    def following(self, url, most):
        return self.read(url, most)


class Installation:
    """The service, its witnesses, and whoever audits it."""

    def __init__(self, store, folder, monkeypatch):
        self.store = store
        self.clock = Clock(NOON)
        self.now = NOON  # as honest clocks have it
        self.settings = replace(
            settings_of(store), data=folder, base_url=SITE, log_policy=folder / "policy"
        )
        self.seen = {}  # by witness: the head that it cosigned last
        monkeypatch.setattr(publishing, "datetime", Calendar(self))
        self.keeper = None
        self.start()
        (folder / "policy").write_bytes(self.policy_text)
        self.policy = parse_policy(self.policy_text)
        self.app = create_public_app(store, self.settings)
        self.app.testing = True

    def start(self):
        """Start the service: what a restart does, too."""
        if self.keeper is not None:
            self.keeper.close()
        attach(self.store, self.settings, clock=self.clock)
        self.keeper = LogKeeper(self.store, self.settings, clock=self.clock)

    @property
    def state(self):
        with self.store.reading() as session:
            return newest_log(session.connection())

    @property
    def policy_text(self):
        return (
            f"log {self.state.vkey}\n"
            f"witness regulator {REGULATOR.vkey}\nwitness retailer {RETAILER.vkey}\n"
            "group both all regulator retailer\nquorum both\n"
        ).encode()

    def wait(self, seconds):
        """Let time pass, on all clocks."""
        self.now += seconds
        self.clock.seconds += seconds

    def keep(self):
        """Sequence, sign, publish; then the witnesses look."""
        while self.keeper.keep(self.store, self.settings):
            pass
        assert self.store.standing.reason is None, self.store.standing.reason
        self.witness()

    def witness(self):
        """Ask both witnesses to cosign the newest head; say how many did."""
        with self.store.transaction() as session:
            connection = session.connection()
            state = newest_log(connection)
            row = session.execute(
                select(LogCheckpoint.size, LogCheckpoint.root)
                .where(LogCheckpoint.year == state.year)
                .order_by(LogCheckpoint.size.desc())
            ).first()
            head = Checkpoint(state.origin, row.size, bytes(row.root))
            willing = [
                signer
                for signer in (REGULATOR, RETAILER)
                if self._is_kept(self.seen.get(signer.name), head, connection, state.year)
            ]
            for signer in willing:
                self.seen[signer.name] = head
                self._add_line(session, state.year, head, signer)
        return len(willing)

    def _is_kept(self, old, new, connection, year):
        if old is None:
            return True
        try:
            proof = consistency_proof(old.size, new.size, hash_at(connection, year, new.size))
            verify_consistency(old.size, old.root, new.size, new.root, proof)
        except ValueError:
            return False
        return True

    def _add_line(self, session, year, head, signer):
        line = format_line(cosign(head, signer, int(self.now))).removesuffix("\n")
        at = {"year": year, "size": head.size, "witness": signer.name}
        known = (
            session.execute(
                select(LogCosignature.is_first).filter_by(**at).order_by(LogCosignature.is_first)
            )
            .scalars()
            .all()
        )
        if False in known:
            session.execute(delete(LogCosignature).filter_by(**at, is_first=False))
        session.execute(
            insert(LogCosignature).values(**at, is_first=not known, time=int(self.now), line=line)
        )

    # What the auditor does

    def checkpoint(self):
        """The newest checkpoint, as somebody keeps it."""
        return self.app.test_client().get("/log/2026/witnessed").data

    def audit(self, *, kept=(), memory=None, things=(), full=True, served=Served):
        """Audit the public site; return the report and what is remembered.

        A thing is the address of its page, or the file of a bundle.
        """
        return Audit(
            served(self.app, "/log/"),
            self.policy,
            self.now,
            memory or Memory(),
            [Sighting(open_head(note, self.policy), "the kept checkpoint") for note in kept],
            [self._thing(each, served) for each in things],
            full,
        ).run()

    def _thing(self, where, served):
        if isinstance(where, Path):
            return Folder(where.parent), where.name
        return served(self.app, ""), f"{where}?view=proof"

    # What only the operator can do

    def as_root(self, change):
        """Change the database with all its guards taken away."""
        with self.store.transaction() as session:
            connection = session.connection()
            guards.remove(connection, guards.RECORD | guards.LOG)
            change(session)

    def leaves(self, session, year=2026):
        """The leaves as they are stored, in their order."""
        rows = session.execute(select(LeafRow).filter_by(year=year).order_by(LeafRow.idx))
        return [Leaf(row.time, bytes(row.commitment)) for row in rows.scalars()]

    def forge(self, session, year=2026):
        """Make tiles, state and a signed head anew from the leaves as they are stored now."""
        leaves = self.leaves(session, year)
        hashes = [leaf_hash(leaf.entry) for leaf in leaves]
        session.execute(delete(LogTile).filter_by(year=year))
        tiles = [
            {"year": year, "level": each.level, "number": each.number, "hashes": each.hashes}
            for each in grown(0, hashes, lambda level, number: b"")
        ]
        session.execute(insert(LogTile), tiles)
        edge = extended(0, (), hashes)
        session.execute(
            update(LogState)
            .filter_by(year=year)
            .values(size=len(leaves), edge=b"".join(edge), time=max(each.time for each in leaves))
        )
        self.publish_forged(session, Checkpoint(self.state_in(session), len(leaves), root_of(edge)))

    def state_in(self, session):
        return newest_log(session.connection()).origin

    def publish_forged(self, session, head, year=2026):
        """Publish a head of one's own making, and burn all that were published before."""
        session.execute(delete(LogCosignature))
        session.execute(delete(LogCheckpoint))
        session.execute(
            insert(LogCheckpoint).values(
                year=year,
                size=head.size,
                root=head.root,
                note=sign_checkpoint(head, self.signer),
                signed_at=datetime.fromtimestamp(self.now, UTC),
            )
        )
        anchor = self.settings.anchor_folder / str(year)
        anchor.write_bytes(sign_checkpoint(head, self.signer))

    @property
    def signer(self):
        return Signer.from_text((self.settings.log_key_folder / "2026.key").read_text().strip())


def sentences(report):
    """What was found, one line each: rule, place, sentence."""
    return [f"{each.rule.name}: {each.place}: {each.found}" for each in report.differences]
