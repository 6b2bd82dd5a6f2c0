"""Open what the disks hold after a power cut, and say what is wrong with it."""

import json
import shutil
import time
from dataclasses import dataclass, field

from foodtrace.consumer_web.app import create_staff_app
from foodtrace.trace.settings import _kept_secret
from foodtrace.trace.store.session import Store
from foodtrace.trace.web import SETTINGS, STORE

from ..trace.kept import Kept
from ..web import bearer
from .checker import Seen
from .cluster import Cluster, wrong_tables
from .disk import put
from .kills import free_port

# How a head begins that is published.
_HEAD = b"trace.example/log/"
_AGAIN = 12  # so many of the answered, and of the others, are sent again


@dataclass
class Cuts:
    """What happened, and what was wrong.

    `states` is what the disks might have held, `opened` those of them that differed; `wrong` is
    how many of these were not as they should be.
    """

    rounds: int = 0
    calls: int = 0
    acknowledged: int = 0
    moments: int = 0
    states: int = 0
    opened: int = 0
    wrong: int = 0
    unanswered: int = 0
    resent: int = 0
    seconds: float = 0.0
    violations: list = field(default_factory=list)


@dataclass
class Known:
    """What people outside know at a moment, and the heads that were signed by then."""

    acknowledged: set = field(default_factory=set)
    heads: set = field(default_factory=set)

    def hear(self, said):
        """Take in what the service says, or signs; return whether that is an acknowledgement."""
        if said.startswith(_HEAD):
            self.heads.add(said)
        if not said.startswith(b"{") or b'"eventIDs"' not in said:
            return False
        answer = json.loads(said)
        if answer.get("success") and not answer.get("running"):
            self.acknowledged.update(answer["eventIDs"])
        return bool(answer.get("success"))

    def without(self, sent):
        """Return the keys of what was sent, and not acknowledged by now."""
        return [key for key, body in sent.items() if not _ids(body) <= self.acknowledged]

    def copy(self):
        return Known(set(self.acknowledged), set(self.heads))


class Judge:
    """Opens one content of the disks after the other, in a folder of its own."""

    def __init__(self, folder, dialect, key, random, cuts):
        self.folder, self.dialect, self.key = folder, dialect, key
        self.random, self.cuts = random, cuts
        self.app = None  # as they send again: made once, over one record after the other

    def put(self, contents, disks):
        """Make disks of this content."""
        shutil.rmtree(disks, ignore_errors=True)
        for name, content in zip(("database", "anchor"), contents, strict=True):
            put(content, disks / name)
        if self.dialect == "postgresql":
            Cluster(disks / "database" / "pg", 0).own()

    def judged(self, contents, known, sent):
        """Return what is wrong with what the disks hold, by what is known and was sent."""
        self.cuts.opened += 1
        disks = self.folder / "judged"
        self.put(contents, disks)
        url, cluster = sqlite_url(disks), None
        log = (self.folder / "judged.log").open("ab")
        try:
            if self.dialect == "postgresql":
                cluster = cluster_of(disks)
                cluster.start(log)
                url = cluster.url("postgres")
            found = self._looked(url, disks, known, sent)
            if cluster:
                cluster.stop()
                cluster = None
        except Exception as error:
            return [f"{type(error).__name__}: {str(error)[:300]}"]
        finally:
            log.close()
            if cluster and cluster.process:
                cluster.process.kill()
                cluster.process.wait()
        return found

    def _looked(self, url, disks, known, sent):
        store = Store(url)
        settings = {"anchor": disks / "anchor" / "heads"}
        kept = Kept(store, disks / "database" / "data", lambda: time.time_ns() // 10**6, **settings)
        try:
            if kept.reason is not None:
                return [f"nothing is recorded any more: {kept.reason}"]
            # That it is there and empty is what a cut leaves of a file that is not flushed.
            if len(_kept_secret(kept.settings.data)) < 32:
                return ["the secret of the service is lost"]
            with store.connection() as connection:
                found = _corrupt(connection)
            seen = Seen(set(known.acknowledged))
            for note in known.heads:
                seen.see(note, kept.state().vkey)
            found += kept.violations(seen, is_quiet=False)
            found += self._resent(kept, seen, known, sent)
            kept.keep_all()
            return found + kept.violations(seen)
        finally:
            kept.close()

    def _resent(self, kept, seen, known, sent):
        """Some is sent again, answered or not: it is there in the end, and once."""
        if self.app is None:
            self.app = create_staff_app(kept.store, kept.settings)
        self.app.extensions |= {STORE: kept.store, SETTINGS: kept.settings}
        client = self.app.test_client()
        told = len(seen.acknowledged)
        unanswered = known.without(sent)
        others = sorted(sent.keys() - unanswered)
        for key in (*_some(unanswered, self.random), *_some(others, self.random)):
            answer = client.post(
                "/epcis/capture",
                data=sent[key],
                headers={**bearer(self.key), "Idempotency-Key": key},
                content_type="application/json",
            )
            if answer.status_code != 202 or not answer.json["success"]:
                yield f"what is sent again is answered with {answer.status_code}: {answer.text}"
            else:
                seen.acknowledged.update(answer.json["eventIDs"])
                self.cuts.resent += 1
        self.cuts.unanswered += len(seen.acknowledged) - told


def _some(names, random):
    return random.sample(names, min(_AGAIN, len(names)))


def _ids(body):
    """The eventIDs of a document that a writer sends."""
    return {each["eventID"] for each in json.loads(body)["epcisBody"]["eventList"]}


def sqlite_url(disks):
    """Where the database is on the disks."""
    return f"sqlite:///{disks}/database/data/foodtrace.sqlite"


def cluster_of(disks):
    """Return the server that is on the disks, at a port that is free."""
    return Cluster(disks / "database" / "pg", free_port())


def _corrupt(connection):
    if connection.dialect.name == "postgresql":
        return wrong_tables(connection)
    told = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    return [] if told == ["ok"] else told
