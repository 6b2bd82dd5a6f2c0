"""Twelve acts of an operator who owns database and log key: the auditor finds each of them."""

import hashlib
import json

import pytest
from sqlalchemy import delete, insert, select, update

from foodtrace.inspections.models import CertificateFile
from foodtrace.inspections.report_files import NamedReport, read_report
from foodtrace.inspections.services import issue_certificate
from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.audit.memory import Memory
from foodtrace.trace.capture.services import record_statement
from foodtrace.trace.issuers.projections import END, KEY
from foodtrace.trace.issuers.texts import encoded, enrolment_text
from foodtrace.trace.log.contents import contents, header_of
from foodtrace.trace.log.leaves import commit, fields_of
from foodtrace.trace.log.models import Leaf, LogCheckpoint, LogCosignature
from foodtrace.trace.store.models import Document, Statement

from ..inspections.conftest import certificate
from ..inspections.test_reports import REPORT, pdf
from .acts import ALBA, GTIN, capture, make, see
from .attacking import Installation, Served, sentences

LOT = f"/01/{GTIN}/10/A"
YEAR = 2026
ENTRIES = 6


@pytest.fixture
def site(store, tmp_path, monkeypatch):
    """A service whose record was seen by its witnesses for some minutes."""
    site = Installation(store, tmp_path, monkeypatch)
    for number in range(1, ENTRIES + 1):
        capture(store, see(number, {"A": None}) if number > 1 else make(1, {"A": 10, "B": 5}))
        site.keep()
        site.wait(60)
        site.witness()
    yield site
    site.keeper.close()


def one(report, rule):
    """All that was said of a rule that was found broken."""
    found = [line for line in sentences(report) if line.startswith(f"{rule}:")]
    assert found, sentences(report)
    return "\n".join(found)


def edited(session, index):
    """Change the body of the event behind a leaf; return its statement's id."""
    statement_id = session.scalar(select(Leaf.statement_id).filter_by(year=YEAR, idx=index))
    document_id = session.scalar(select(Statement.document_id).filter_by(id=statement_id))
    body = bytes(session.scalar(select(Document.body).filter_by(id=document_id)))
    assert b"shipping" in body
    session.execute(
        update(Document)
        .filter_by(id=document_id)
        .values(body=body.replace(b"shipping", b"arriving"))
    )
    return statement_id


def committed_again(session, statement_id):
    """Make the commitment of a leaf anew from the statement as it says now."""
    (stated,) = contents(session.connection(), [statement_id])
    row = session.execute(
        select(Leaf.secret, Leaf.header).filter_by(statement_id=statement_id)
    ).one()
    fields = fields_of(header_of(stated, bytes(row.header)), stated.content)
    commitment = commit(bytes(row.secret), fields)
    session.execute(update(Leaf).filter_by(statement_id=statement_id).values(commitment=commitment))


def test_without_an_attack_nothing_is_found(site):
    report, memory = site.audit(kept=[site.checkpoint()], things=[LOT])
    assert sentences(report) == []
    assert [(log.size, log.holds) for log in report.logs] == [(ENTRIES, True)]
    assert report.things == 1
    capture(site.store, see(9, {"A": None}))
    site.keep()
    report, _memory = site.audit(memory=memory, things=[LOT], full=False)
    assert sentences(report) == []


def test_attack_1_the_bytes_of_an_event_are_edited(site):
    site.as_root(lambda session: edited(session, 2))
    report, _memory = site.audit(things=[LOT])
    assert "is not what entry 2 of trace.example/log/2026 commits to" in one(report, "opening")


def test_attack_2_bytes_and_leaf_are_edited(site):
    kept = site.checkpoint()

    def attack(session):
        committed_again(session, edited(session, 2))

    site.as_root(attack)
    # The tiles still hold the old hash: the entry that is served is another one.
    report, _memory = site.audit()
    assert "give another root than was signed" in one(report, "root")
    assert "it differs for entry 2" in one(report, "tile")
    # With tiles and head made anew and signed, only what somebody has kept tells.
    site.as_root(site.forge)
    report, _memory = site.audit(kept=[kept])
    assert "A checkpoint of 6 entries was signed" in one(report, "append-only")


def test_attack_3_an_event_and_its_leaf_are_deleted(site):
    kept = site.checkpoint()

    def attack(session):
        session.execute(delete(Leaf).filter_by(year=YEAR, idx=2))
        for index in range(3, ENTRIES):
            session.execute(update(Leaf).filter_by(year=YEAR, idx=index).values(idx=index - 1))
        site.forge(session)

    site.as_root(attack)
    report, _memory = site.audit(kept=[kept])
    assert "It has 5 entries now, and had 6 in the kept checkpoint" in one(report, "forward")
    # The shorter log goes on growing, over what is known of the longer one.
    for number in (20, 21):
        capture(site.store, see(number, {"A": None}))
    site.as_root(lambda session: None)
    site.start()
    site.keeper.keep(site.store, site.settings)
    report, _memory = site.audit(kept=[kept])
    assert "A checkpoint of 6 entries was signed" in one(report, "append-only")


def test_attack_4_two_leaves_are_swapped(site):
    kept = site.checkpoint()

    def attack(session):
        for source, target in ((2, 900), (3, 2), (900, 3)):
            session.execute(update(Leaf).filter_by(year=YEAR, idx=source).values(idx=target))
        site.forge(session)

    site.as_root(attack)
    report, _memory = site.audit(kept=[kept])
    assert "A checkpoint of 6 entries was signed" in one(report, "append-only")
    assert "entry 3" in one(report, "time-order")


def test_attack_5_an_old_leaf_is_put_in_between(site):
    kept = site.checkpoint()

    def attack(session):
        for index in reversed(range(2, ENTRIES)):
            session.execute(update(Leaf).filter_by(year=YEAR, idx=index).values(idx=index + 1))
        before = site.leaves(session)[1]
        session.execute(
            insert(Leaf).values(year=YEAR, idx=2, time=before.time + 1, commitment=bytes(32))
        )
        site.forge(session)

    site.as_root(attack)
    report, _memory = site.audit(kept=[kept])
    assert "A checkpoint of 6 entries was signed" in one(report, "append-only")


def test_attack_6_the_clock_is_set_back_for_a_capture(site):
    # Nothing is recorded for two hours; the witnesses go on looking.
    for _ in range(12):
        site.wait(600)
        site.witness()
    site.clock.seconds -= 7000
    capture(site.store, see(9, {"A": None}))
    site.keep()
    report, _memory = site.audit()
    assert "the witnesses saw a log without it: it was dated back" in one(report, "time-window")
    assert len(report.differences) == 1


def test_attack_7_the_database_of_yesterday_is_restored_and_goes_on(site):
    kept = site.checkpoint()
    _report, memory = site.audit()

    def attack(session):
        for index in range(3, ENTRIES):
            session.execute(delete(Leaf).filter_by(year=YEAR, idx=index))
        session.execute(delete(LogCosignature).where(LogCosignature.size > 3))
        session.execute(delete(LogCheckpoint).where(LogCheckpoint.size > 3))
        site.forge(session)

    site.as_root(attack)
    # The witnesses see nothing that they could object to, until it grows beyond what they saw.
    report, _memory = site.audit(memory=memory)
    assert "It has 3 entries now, and had 6 in the audit before" in one(report, "forward")
    site.start()
    for number in range(20, 25):
        capture(site.store, see(number, {"A": None}))
    site.keeper.keep(site.store, site.settings)
    assert site.witness() == 0
    report, after = site.audit(memory=memory, kept=[kept])
    assert "A checkpoint of 6 entries was signed" in one(report, "append-only")
    assert after.logs == memory.logs
    # An audit that goes on from what it has seen finds it as well.
    report, _memory = site.audit(memory=memory, full=False)
    assert one(report, "append-only")


def test_attack_8_one_reader_is_shown_another_tree(site):
    """The auditor is that reader; somebody else has a checkpoint of the true log."""
    kept = site.checkpoint()

    def attack(session):
        session.execute(update(Leaf).filter_by(year=YEAR, idx=4).values(commitment=b"\7" * 32))
        site.forge(session)

    site.as_root(attack)
    assert site.witness() == 0
    report, _memory = site.audit(kept=[kept])
    assert "A checkpoint of 6 entries was signed" in one(report, "append-only")
    # Without any kept checkpoint the witnesses are missing, who have seen the true log.
    report, _memory = site.audit()
    assert "No published checkpoint has the cosignatures it needs" in one(report, "quorum")


def test_attack_9_an_older_checkpoint_is_published(site):
    kept = site.checkpoint()

    def attack(session):
        session.execute(delete(LogCosignature).where(LogCosignature.size > 4))
        session.execute(delete(LogCheckpoint).where(LogCheckpoint.size > 4))

    site.as_root(attack)
    report, _memory = site.audit(kept=[kept])
    assert "It has 4 entries now, and had 6" in one(report, "forward")
    # Who has kept nothing sees that the witnesses have not been there for long.
    site.wait(700)
    report, _memory = site.audit()
    assert "14 minutes ago" in one(report, "fresh")


def test_attack_10_an_event_is_left_out_of_what_a_consumer_sees(site, tmp_path):
    bundle = json.loads(site.app.test_client().get(f"{LOT}?view=proof").data)
    assert len(bundle["statements"]) == ENTRIES
    whole, holed = tmp_path / "whole.json", tmp_path / "holed.json"
    whole.write_text(json.dumps(bundle))
    report, memory = site.audit(things=[whole])
    assert sentences(report) == []
    del bundle["statements"][3]
    holed.write_text(json.dumps(bundle))
    report, _memory = site.audit(things=[holed])
    assert "number 4 of series" in one(report, "series")
    assert "is left out" in one(report, "series")
    # The newest one is missed by who has seen it before.
    bundle = json.loads(whole.read_text())
    del bundle["statements"][-1]
    holed.write_text(json.dumps(bundle))
    report, _memory = site.audit(things=[holed], memory=memory)
    assert "went to number 6; now it goes to 5" in one(report, "series-stays")
    assert sentences(site.audit(things=[holed], memory=Memory())[0]) == []


def test_an_entry_made_up_later_does_not_pass_for_the_one_that_has_its_number(site, tmp_path):
    bundle = json.loads(site.app.test_client().get(f"{LOT}?view=proof").data)
    older, later = bundle["statements"][2:4]
    older["index"], later["index"] = later["index"], older["index"]
    (tmp_path / "swapped.json").write_text(json.dumps(bundle))
    report, _memory = site.audit(things=[tmp_path / "swapped.json"])
    assert "number 3 of series" in one(report, "series")


def test_an_entry_is_of_the_year_of_its_log(site, tmp_path):
    bundle = json.loads(site.app.test_client().get(f"{LOT}?view=proof").data)
    bundle["statements"][2]["year"] -= 1
    (tmp_path / "older.json").write_text(json.dumps(bundle))
    report, _memory = site.audit(things=[tmp_path / "older.json"])
    assert "is not that of" in one(report, "bundle")


def enrol(site, number):
    """Have a party enrol a key; return its statement."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    public = private.public_key().public_bytes_raw()
    party, name = "urn:uuid:00000000-0000-4000-8000-000000000101", f"device {number}"
    proof = private.sign(enrolment_text(party, name, public))
    body = {
        "party": party,
        "name": name,
        "public_key": encoded(public),
        "proof": encoded(proof),
        "how": "first",
    }
    with site.store.transaction() as session:
        return record_statement(session, ALBA, KEY, body), encoded(public)


def test_attack_12_a_key_is_added_or_revoked_afterwards(site):
    key_id, public_key = enrol(site, 1)
    site.keep()
    with site.store.transaction() as session:
        record_statement(
            session, ALBA, END, {"key": key_id, "public_key": public_key, "reason": "ended"}
        )
    site.keep()
    kept = site.checkpoint()
    report, memory = site.audit()
    assert sentences(report) == []
    assert len(memory.logs["trace.example/log/2026"].public) == 2

    def hide(session):
        statement_id = session.scalar(select(Leaf.statement_id).filter_by(idx=ENTRIES + 1))
        session.execute(update(Statement).filter_by(id=statement_id).values(kind="event"))

    # The revocation is hidden, so that a signature after it looks good.
    site.as_root(hide)
    report, _memory = site.audit(memory=memory)
    assert f"keys, index {ENTRIES + 1}: At the audit before" in one(report, "public-stays")

    # Hidden from the beginning, it is missed as soon as another statement about keys follows.
    second, _public_key = enrol(site, 2)
    site.keep()
    report, _memory = site.audit()
    assert "number 2 of series" in one(report, "series")

    # A key is put where there was another statement, as if it had been there from the beginning.
    def put_first(session):
        row = session.execute(select(Leaf).filter_by(statement_id=second)).scalar_one()
        session.execute(update(Leaf).filter_by(year=YEAR, idx=1).values(idx=900))
        session.execute(update(Leaf).filter_by(year=YEAR, idx=row.idx).values(idx=1))
        session.execute(delete(Leaf).filter_by(idx=900))
        site.forge(session)

    site.as_root(put_first)
    report, _memory = site.audit(memory=memory, kept=[kept])
    assert "shown for the first time" in " ".join(sentences(report))
    assert "A checkpoint of 8 entries was signed" in one(report, "append-only")


def test_a_second_first_key_of_a_party_is_found(site):
    enrol(site, 1)
    enrol(site, 2)
    site.keep()
    report, _memory = site.audit()
    assert "the party has had another" in one(report, "key-let-in")


def test_attack_11_a_certificate_file_is_swapped_under_its_number(site):
    with site.store.transaction() as session:
        file = read_report(REPORT)
        issue_certificate(
            session,
            Actor("user:lab", 105, frozenset({Role.LABORATORY})),
            **certificate(lot=LOT),
            report=NamedReport(file.sha256, is_public=True),
            file=file,
        )
    site.keep()
    report, _memory = site.audit(things=[LOT])
    assert sentences(report) == []

    # The file alone: the site itself refuses to give out what it does not fit.
    other = pdf("Test report SDNT-2026-0117, all well")

    def swap(session):
        session.execute(update(CertificateFile).values(body=other, size=len(other)))

    site.as_root(swap)
    report, _memory = site.audit(things=[LOT])
    assert "It cannot be read" in one(report, "file")

    # A site that gives the other file out under the same number.
    class Cheating(Served):
        def read(self, path, most):
            return other if path.startswith("/reports/") else super().read(path, most)

    report, _memory = site.audit(things=[LOT], served=Cheating)
    assert f"Its SHA-256 is {hashlib.sha256(other).hexdigest()}" in one(report, "file")

    # The hash in the statement as well.
    def rename(session):
        row = session.execute(
            select(Document.id, Document.body)
            .join(Statement, Statement.document_id == Document.id)
            .where(Statement.kind == "certificate")
        ).one()
        fresh = hashlib.sha256(other).hexdigest().encode()
        body = bytes(row.body).replace(file.sha256.encode(), fresh)
        session.execute(update(Document).filter_by(id=row.id).values(body=body))

    site.as_root(rename)
    report, _memory = site.audit(things=[LOT], served=Cheating)
    assert "is not what entry 6 of trace.example/log/2026 commits to" in one(report, "opening")
