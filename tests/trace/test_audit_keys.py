"""How an auditor reads who let the keys of a party in."""

import json

from foodtrace.trace.audit.keys import read_keys
from foodtrace.trace.audit.published import Public
from foodtrace.trace.audit.report import Report
from foodtrace.trace.issuers.texts import Voucher, enrolment_text, voucher_text
from foodtrace.trace.log.leaves import Field, Leaf, commit, open_fields
from foodtrace.trace.log.notes import Signer

from .auditing import encoded, found, secret_of

PARTY, REGULATOR = "urn:uuid:party", "urn:uuid:regulator"
OLD, NEW = (Signer("key", bytes([n]) * 32) for n in (1, 2))


def stated(index, kind, by, **members):
    fields = [Field("kind", kind), Field("party", by)]
    fields += [Field(f"/{name}", json.dumps(value)) for name, value in members.items()]
    secret = secret_of(index)
    opening = open_fields(secret, fields, set(range(len(fields))))
    return 2026, Public(index, Leaf(1000 * index, commit(secret, fields)), opening)


def public_key(signer):
    return encoded(signer.verifier.public_key)


def enrolled(index, signer, how, **members):
    text = enrolment_text(PARTY, "hall", signer.verifier.public_key)
    return stated(
        index, "key", PARTY, party=PARTY, name="hall", public_key=public_key(signer),
        proof=encoded(signer.sign(text)), how=how, **members,
    )  # fmt: skip


def confirmed(by, **members):
    first, new = enrolled(1, OLD, "first"), enrolled(2, NEW, "authority")
    said = stated(3, "key_confirmation", by, key=2, public_key=public_key(NEW), **members)
    report = Report()
    keys = read_keys([first, new, said], report, {2026: "log.example/2026"})
    return keys, report


def test_it_works():
    report = Report()
    keys = read_keys([enrolled(1, OLD, "first")], report, {2026: "log.example/2026"})
    assert keys[public_key(OLD)].is_good
    assert not report.differences
    assert not report.notes


def test_a_word_of_an_older_key_needs_no_further_proof():
    text = voucher_text(PARTY, NEW.verifier.public_key, OLD.verifier.public_key, replaces=True)
    voucher = Voucher(OLD.verifier.public_key, True, OLD.sign(text))
    said = {"by": public_key(OLD), "replaces": True, "signature": encoded(voucher.signature)}
    keys, report = confirmed(PARTY, voucher=said)
    assert [keys[public_key(each)].is_good for each in (OLD, NEW)] == [False, True]
    assert not report.differences
    assert not report.notes


def test_a_confirmation_by_a_regulator_is_told_with_the_names_of_both():
    keys, report = confirmed(REGULATOR)
    assert [keys[public_key(each)].is_good for each in (OLD, NEW)] == [False, True]
    assert not report.differences
    (note,) = report.notes
    assert note.rule.name == "key-let-in"
    assert PARTY in note.found
    assert REGULATOR in note.found


def test_a_party_that_confirms_its_own_key_by_its_word_alone_is_found():
    _keys, report = confirmed(PARTY)
    assert found(report) == ["key-let-in"]
    assert "whose key it is" in report.differences[0].found
