"""A device with a key, as a partner's program has one, and parties that sign."""

import base64
import hashlib
import os

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from foodtrace.trace.access.actor import SYSTEM, Actor, Role
from foodtrace.trace.issuers import keys, signatures
from foodtrace.trace.issuers.signatures import Given
from foodtrace.trace.issuers.texts import (
    LotNumber,
    Voucher,
    enrolment_text,
    signing_text,
    voucher_text,
)
from foodtrace.trace.masterdata.services import ensure_party, find_party

AT = "2026-05-01T09:00:00Z"


class Device:
    """A key, and how often it has signed: in all and for each lot."""

    def __init__(self, name="packing hall"):
        self.name = name
        self.private = Ed25519PrivateKey.generate()
        self.public = self.private.public_key().public_bytes_raw()
        self.n = 0
        self.lots = {}

    def proof(self, party):
        return self.private.sign(enrolment_text(party, self.name, self.public))

    def voucher(self, party, new, *, replaces=False):
        text = voucher_text(party, new.public, self.public, replaces=replaces)
        return Voucher(self.public, replaces, self.private.sign(text))

    def sign(self, statement, **changed):
        """Return the next signature of a statement (Unsigned); `changed` says what is wrong."""
        n = changed.get("n", self.n + 1)
        numbers = changed.get("numbers", {lot: self.lots.get(lot, 0) + 1 for lot in statement.lots})
        lots = tuple(LotNumber(os.urandom(16), number, lot) for lot, number in numbers.items())
        content = hashlib.sha256(changed.get("content", statement.content)).hexdigest()
        digests = [each.digest for each in lots]
        at = changed.get("at", AT)
        kind = changed.get("kind", statement.kind)
        text = signing_text(self.public, kind, content, n, at, digests)
        self.n, self.lots = n, self.lots | numbers
        return Given(statement.id, self.public, n, at, lots, self.private.sign(text))


def party_of(store, name="Alba", role=Role.PRODUCER):
    """Return somebody who acts for a party of this name."""
    with store.transaction() as session:
        party = ensure_party(session, SYSTEM, name)
        return Actor(f"key:{name}", party.id, frozenset({role}))


def identifier_of(store, actor):
    with store.reading() as session:
        return find_party(session, party_id=actor.party_id).identifier


def enrol(store, actor, device, **options):
    with store.transaction() as session:
        key = keys.enrol_key(
            session,
            actor,
            public_key=device.public,
            name=device.name,
            proof=device.proof(identifier_of(store, actor)),
            **options,
        )
        session.expunge(key)
        return key


def to_sign(store, actor, **options):
    """Return what is not signed, oldest first."""
    with store.reading() as session:
        return signatures.unsigned(session, actor, **options)[::-1]


def send(store, actor, *given):
    with store.transaction() as session:
        return signatures.add_signatures(session, actor, given)


def base64_of(value):
    return base64.b64encode(value).decode()
