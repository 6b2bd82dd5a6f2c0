"""A log that grows with the stage, and two witnesses of three that a policy names."""

import base64
import time
from dataclasses import replace

from sqlalchemy import insert, select

from foodtrace.trace.log.checkpoints import cosign, parse_checkpoint
from foodtrace.trace.log.keeping import LogKeeper, attach
from foodtrace.trace.log.leaves import Field
from foodtrace.trace.log.models import LogCheckpoint, LogCosignature
from foodtrace.trace.log.notes import COSIGNATURE, Signer, format_line, parse_note
from foodtrace.trace.log.opening import newest_log
from foodtrace.trace.log.openings import load_opening
from foodtrace.trace.log.policies import parse_policy
from foodtrace.trace.log.proofs import TlogProof, verify_proof
from foodtrace.trace.log.series import gaps_of

REGULATOR = Signer("regulator.example/w", bytes([1]) * 32, COSIGNATURE)
RETAILER = Signer("retailer.example/w", bytes([2]) * 32, COSIGNATURE)
SLEEPING = Signer("sleeping.example/w", bytes([3]) * 32, COSIGNATURE)


class Proving:
    """The log of a store: kept, cosigned, and asked as the public does."""

    def __init__(self, store, settings):
        self.store = store
        self.settings = replace(settings, log_policy=settings.data / "policy")
        attach(store, self.settings)
        self._keeper = LogKeeper(store, self.settings)
        with store.reading() as session:
            self.vkey = newest_log(session.connection()).vkey
        self.settings.log_policy.write_text(self.policy_text)

    @property
    def policy_text(self):
        return (
            f"log {self.vkey}\nwitness regulator {REGULATOR.vkey}\nwitness shop {RETAILER.vkey}\n"
            f"witness sleeping {SLEEPING.vkey}\ngroup others any shop sleeping\n"
            "group both all regulator others\nquorum both\n"
        )

    @property
    def policy(self):
        return parse_policy(self.policy_text.encode())

    def publish(self, *witnesses):
        """Sign what is recorded, and have these witnesses cosign it."""
        while self._keeper.keep(self.store, self.settings):
            pass
        with self.store.transaction() as session:
            head = session.scalars(
                select(LogCheckpoint).order_by(LogCheckpoint.size.desc()).limit(1)
            ).one()
            checkpoint = parse_checkpoint(parse_note(head.note).text)
            for witness in witnesses:
                now = int(time.time())
                line = format_line(cosign(checkpoint, witness, now)).removesuffix("\n")
                session.execute(
                    insert(LogCosignature).values(
                        year=head.year,
                        size=head.size,
                        witness=witness.verifier.name,
                        is_first=True,
                        time=now,
                        line=line,
                    )
                )

    def close(self):
        self._keeper.close()


class Wrong(AssertionError):
    """What the checker found."""


def check(bundle, policy):
    """Check a bundle as anybody can, with the rules of docs/proofs.md; raise Wrong."""
    numbers = []
    for statement in bundle["statements"]:
        leaf, opening = load_opening(statement)
        numbers += [field.value for field in opening.fields if field.name == "number"]
        if statement["proof"] is not None:
            note = bundle["checkpoints"][statement["log"]].encode()
            path = tuple(map(base64.b64decode, statement["proof"]))
            verify_proof(leaf.entry, TlogProof(statement["index"], path, note), policy)
    if gaps := gaps_of(numbers, bundle["things"]):
        raise Wrong("; ".join(map(str, gaps)))


def fields_of(statement):
    """What is shown of a statement, by name; of its numbers the last."""
    return dict(Field(one["name"], one["value"]) for one in statement["fields"] if "name" in one)
