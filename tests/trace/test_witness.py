"""The witness: the standard's rules one by one, and the clock."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.log.notes import (
    Signer,
    format_note,
)
from foodtrace.trace.witness.logs import KnownLogs
from foodtrace.trace.witness.rules import MOST_HASHES, Refusal, parse_submission

from .witnessing import ORIGIN, GrowingLog, answer_of, cosigned, make_witness, refused

NOW = 1_800_000_000


@pytest.fixture(scope="module")
def log():
    return GrowingLog(300)


@pytest.fixture
def witness(tmp_path, log):
    witness = make_witness(tmp_path, log, now=lambda: NOW)
    yield witness
    witness.state.close()


def test_it_works(witness, log):
    assert cosigned(witness, log, 0, 20) == NOW
    assert cosigned(witness, log, 20, 300) == NOW
    assert witness.state.heads()[ORIGIN].size == 300


def test_the_example_of_the_standard_is_read():
    body = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""  # noqa: E501 - lines of the standard
    submission = parse_submission(body.encode())
    assert submission.old_size == 20852014
    assert len(submission.proof) == 4
    assert submission.checkpoint.size == 20852163
    assert len(submission.note.lines) == 2


def test_every_step_between_two_sizes_is_cosigned(tmp_path):
    log = GrowingLog(20)
    for old in range(20):
        for new in range(max(old, 1), 21):
            folder = tmp_path / f"{old}-{new}"
            witness = make_witness(folder, log)
            if old:
                cosigned(witness, log, 0, old)
            cosigned(witness, log, old, new)
            witness.state.close()


def test_an_unknown_origin_is_404(witness, log):
    other = GrowingLog(3, origin="other.example/log", signer=Signer("other.example/log", bytes(32)))
    assert refused(witness, other.submission(0, 3)).status == 404


def test_no_signature_of_a_known_key_is_403(witness, log):
    stranger = GrowingLog(3, signer=Signer(ORIGIN, bytes([8]) * 32))
    assert refused(witness, stranger.submission(0, 3)).status == 403
    assert witness.state.heads() == {}


def test_a_signature_of_another_text_is_403(witness, log):
    line = log.note(5).split(b"\n\n")[1]
    forged = log.checkpoint(6).text.encode() + b"\n" + line
    assert refused(witness, log.submission(0, 6, note=forged)).status == 403


def test_signatures_of_unknown_keys_are_ignored(witness, log):
    text = log.checkpoint(5).text
    stranger = Signer("stranger.example", bytes([3]) * 32)
    note = format_note(text, [stranger.line(text), log.signer.line(text)])
    assert b"w.example" in witness.add_checkpoint(log.submission(0, 5, note=note))


def test_each_of_several_keys_of_a_log_may_sign(tmp_path, log):
    witness = make_witness(tmp_path, log)
    second = GrowingLog(300, signer=Signer(ORIGIN, bytes([8]) * 32))
    witness.logs = KnownLogs([log.signer.vkey, second.signer.vkey])
    cosigned(witness, log, 0, 5)
    cosigned(witness, second, 5, 9)
    witness.state.close()


def test_an_old_size_above_the_new_one_is_400(witness, log):
    cosigned(witness, log, 0, 9)
    assert refused(witness, log.submission(9, 8, proof=[])).status == 400


def test_another_old_size_than_the_last_cosigned_one_is_409_and_says_it(witness, log):
    refusal = refused(witness, log.submission(5, 9))
    assert (refusal.status, refusal.size) == (409, 0)
    cosigned(witness, log, 0, 9)
    for old, new in [(0, 20), (5, 20), (10, 20), (0, 9), (5, 7)]:
        refusal = refused(witness, log.submission(old, new))
        assert (refusal.status, refusal.size) == (409, 9)
    assert witness.state.heads()[ORIGIN].size == 9


def test_a_proof_that_does_not_lead_there_is_422(witness, log):
    cosigned(witness, log, 0, 9)
    good = log.proof(9, 20)
    wrong = [[], good[:-1], [*good, bytes(32)], [bytes(32), *good[1:]], log.proof(10, 20)]
    for proof in wrong:
        assert refused(witness, log.submission(9, 20, proof=proof)).status == 422
    assert witness.state.heads()[ORIGIN].size == 9
    cosigned(witness, log, 9, 20)


def test_a_proof_where_there_is_nothing_to_prove_is_422(witness, log):
    assert refused(witness, log.submission(0, 9, proof=[bytes(32)])).status == 422
    cosigned(witness, log, 0, 9)
    assert refused(witness, log.submission(9, 9, proof=[bytes(32)])).status == 422


def test_the_same_checkpoint_again_is_cosigned_at_the_new_time(witness, log):
    cosigned(witness, log, 0, 9)
    witness._now = lambda: NOW + 60
    assert cosigned(witness, log, 9, 9) == NOW + 60


def test_another_root_of_the_same_size_is_409_without_a_size(witness, log):
    cosigned(witness, log, 0, 9)
    refusal = refused(witness, log.fork(4).submission(9, 9))
    assert (refusal.status, refusal.size) == (409, None)


def test_a_split_view_is_refused_and_kept_as_evidence(witness, log, tmp_path):
    """The log's own key signs both: what it signed stands in the file, in its own words."""
    cosigned(witness, log, 0, 9)
    fork = log.fork(4)
    assert refused(witness, fork.submission(9, 20)).status == 422
    for _ in range(3):
        assert refused(witness, fork.submission(9, 9)).status == 409
    (path,) = (tmp_path / "state" / "evidence").iterdir()
    assert log.note(9) in path.read_bytes()
    assert fork.note(9) in path.read_bytes()
    cosigned(witness, log, 9, 20)


def test_lines_of_strangers_are_neither_kept_nor_shown(witness, log, tmp_path):
    """Anybody may write them under a head that was published, in any name but the log's."""
    for old, new in [(0, 9), (9, 9), (9, 20)]:
        text = log.checkpoint(new).text
        strangers = [Signer(each, bytes(32)).line(text) for each in ("insult.example", ORIGIN)]
        note = format_note(text, [strangers[0], log.signer.line(text), strangers[1]])
        witness.add_checkpoint(log.submission(old, new, note=note))
        assert witness.state.heads()[ORIGIN].note == log.note(new)
    status, _, body = answer_of(witness, [], method="GET", path="/")
    assert (status, log.note(20) in body, b"insult" in body) == (200, True, False)
    fork = log.fork(4)
    text = fork.checkpoint(20).text
    note = format_note(text, [strangers[0], fork.signer.line(text)])
    assert refused(witness, fork.submission(20, 20, note=note)).is_evidence
    (path,) = (tmp_path / "state" / "evidence").iterdir()
    assert fork.note(20) in path.read_bytes()
    assert b"insult" not in path.read_bytes()


def test_strangers_cannot_fill_the_log_of_the_program(witness, log, caplog):
    cosigned(witness, log, 0, 9)
    for _ in range(5):
        assert refused(witness, log.submission(9, 20, proof=[bytes(32)])).status == 422
    assert len(caplog.records) == 1
    witness._now = lambda: NOW + 60
    assert refused(witness, log.submission(9, 20, proof=[bytes(32)])).status == 422
    assert len(caplog.records) == 2


def test_nobody_but_the_log_can_cause_evidence(witness, log, tmp_path, caplog):
    """Its heads are public: whoever sends one with a wrong proof shows nothing about the log."""
    cosigned(witness, log, 0, 9)
    assert refused(witness, log.submission(9, 20, proof=[bytes(32)])).status == 422
    assert not (tmp_path / "state" / "evidence").exists()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_evidence_that_cannot_be_written_changes_no_answer(witness, log, tmp_path):
    cosigned(witness, log, 0, 9)
    (tmp_path / "state" / "evidence").write_text("no folder")
    assert refused(witness, log.fork(4).submission(9, 9)).status == 409


def test_a_tree_without_leaves_is_a_beginning_and_proves_nothing(witness, log):
    cosigned(witness, log, 0, 0)
    assert witness.state.heads()[ORIGIN].size == 0
    cosigned(witness, log, 0, 0)
    cosigned(witness, log, 0, 7)
    assert refused(witness, log.submission(0, 0)).size == 7


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: b"",
        lambda body: b"\n\n",
        lambda body: body.replace(b"old 9", b"old 09"),
        lambda body: body.replace(b"old 9", b"old  9"),
        lambda body: body.replace(b"old 9", b"old +9"),
        lambda body: body.replace(b"old 9", b"old -9"),
        lambda body: body.replace(b"old 9", b"Old 9"),
        lambda body: body.replace(b"old 9", "old ٩".encode()),
        lambda body: body.replace(b"old 9", b"old 9223372036854775808"),
        lambda body: body.replace(b"old 9", b"old " + b"9" * 5000),
        lambda body: body.replace(b"old 9\n", b""),
        lambda body: body.replace(b"old 9\n", b"old 9\r\n"),
        lambda body: body.replace(b"old 9\n", b"old 9\n!!!\n"),
        lambda body: body.replace(b"old 9\n", b"old 9\n" + base64.b64encode(bytes(31)) + b"\n"),
        lambda body: body.replace(b"\n\n", b"\n", 1),
        lambda body: body.replace(b"\n20\n", b"\n020\n"),
        lambda body: body.replace(b"\n20\n", b"\n20\nan extension line\n"),
        lambda body: body.rstrip(b"\n"),
        lambda body: body + b"\n",
        lambda body: body.replace("—".encode(), b"-"),
        lambda body: body + b"\xff\n",
    ],
)
def test_a_malformed_submission_is_400(witness, log, spoil):
    cosigned(witness, log, 0, 9)
    assert refused(witness, spoil(log.submission(9, 20))).status == 400


def test_at_most_63_hashes_are_read(witness, log):
    cosigned(witness, log, 0, 9)
    many = [bytes(32)] * MOST_HASHES
    assert refused(witness, log.submission(9, 20, proof=many)).status == 422
    refusal = refused(witness, log.submission(9, 20, proof=[*many, bytes(32)]))
    assert refusal.status == 400
    assert "63" in refusal.reason


@settings(max_examples=150)
@given(
    st.binary(max_size=200)
    | st.builds(lambda n, rest: b"old %d\n" % n + rest, st.integers(0), st.binary())
)
def test_any_bytes_are_read_or_refused(data):
    with suppress(Refusal):
        parse_submission(data)


# The clock


def test_no_time_is_before_the_last_one_of_the_log(witness, log):
    """Else a witness would say of two sizes that the smaller was the largest it knew, later."""
    cosigned(witness, log, 0, 9)
    witness._now = lambda: NOW - 5
    assert cosigned(witness, log, 9, 20) == NOW
    witness._now = lambda: NOW - 3600
    assert refused(witness, log.submission(20, 30)).status == 503
    assert witness.state.heads()[ORIGIN].size == 20
    witness._now = lambda: NOW + 1
    assert cosigned(witness, log, 20, 30) == NOW + 1
