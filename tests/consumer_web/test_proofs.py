"""The proof of what a page says: the bundle, its page, the proof files."""

import base64
import copy
import gzip
import json
import random
import subprocess
import sys

import pytest
from sqlalchemy import event

from foodtrace.consumer_web.proofs import bundles
from foodtrace.trace.log.checkpoints import Checkpoint, cosign, sign_checkpoint, with_lines
from foodtrace.trace.log.leaves import parse_leaf
from foodtrace.trace.log.merkle import ProofError, inclusion_proof
from foodtrace.trace.log.notes import COSIGNATURE, Signer
from foodtrace.trace.log.proofs import TlogProof, format_proof, parse_proof, verify_proof
from foodtrace.trace.log.series import gaps_of

from .conftest import BOTH_DATABASES, CHILI, CHILI_LOT, NOW, SAUCE, SAUCE_LOT, browser_of
from .proving import REGULATOR, RETAILER, SLEEPING, Proving, check, fields_of
from .test_scan import HIDDEN, long_chain

JSON = {"Accept": "application/json"}
SECRETS = (b'"party"', b'"content"', b'"n"', b"readPoint", b"quantity", b"sourceList")


@pytest.fixture
def proving(stage, settings):
    found = Proving(stage.store, settings)
    yield found
    found.close()


@pytest.fixture
def web(stage, proving):
    return browser_of(stage.store, proving.settings)


def bundle_of(web, path, **query):
    answer = web.get(path, query_string={"view": "proof", **query}, headers=JSON)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    return answer.json


@BOTH_DATABASES
def test_it_works(stage, proving, web):
    stage.whole_chain()
    proving.publish(REGULATOR, RETAILER)
    bundle = bundle_of(web, SAUCE_LOT)
    check(bundle, proving.policy)
    assert bundle["things"] == [SAUCE_LOT]
    shown = [fields_of(each) for each in bundle["statements"]]
    steps = [each["/bizStep"] for each in shown if each.get("kind") == "event"]
    assert steps.count('"commissioning"') == 2  # of the sauce, and of what went into it
    assert sum(each.get("kind") == "certificate" for each in shown) == 1


def test_every_statement_about_the_lot_is_numbered_and_all_are_there(stage, proving, web):
    stage.whole_chain()
    stage.withdraw(stage.certify(SAUCE_LOT, number="HD-2"))
    stage.recall(SAUCE_LOT)
    proving.publish()
    bundle = bundle_of(web, SAUCE_LOT)
    numbers = [fields_of(each).get("number") for each in bundle["statements"]]
    own = [value.split(" ") for value in numbers if value]
    series = {}
    for name, number, thing in own:
        assert thing == SAUCE_LOT
        series.setdefault(name, []).append(int(number))
    # Bruno made and shipped it, Carla received and sold it, Ines certified, Rosa recalled.
    assert sorted(series.values()) == [[1], [1, 2], [1, 2], [1, 2, 3]]
    kinds = [fields_of(each)["kind"] for each in bundle["statements"]]
    assert (kinds.count("withdrawal"), kinds.count("recall")) == (1, 1)


def test_a_hidden_step_shows_its_number_and_nothing_else(stage, proving, web):
    stage.made(stage.bruno, SAUCE_LOT, 10)
    stage.observed(stage.bruno, SAUCE_LOT, "storing", 8, **HIDDEN)
    stage.shipped(stage.bruno, SAUCE_LOT, stage.carla, 5)
    proving.publish()
    bundle = bundle_of(web, SAUCE_LOT)
    check(bundle, proving.policy)
    blank = bundle["statements"][1]
    assert fields_of(blank).keys() == {"number"}
    assert fields_of(blank)["number"].split(" ")[1:] == ["2", SAUCE_LOT]
    assert "storing" not in json.dumps(bundle)


def test_a_declaration_that_the_page_does_not_show_is_a_blank(stage, proving, web):
    wrong = {"eventID": "urn:uuid:11111111-1111-4111-8111-111111111111"}
    stage.made(stage.bruno, SAUCE_LOT, 10)
    stage.shipped(stage.bruno, SAUCE_LOT, stage.carla, 5, **wrong)
    declared = {"errorDeclaration": {"declarationTime": NOW.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    stage.shipped(stage.bruno, SAUCE_LOT, stage.carla, 5, **wrong, **declared)
    proving.publish()
    bundle = bundle_of(web, SAUCE_LOT)
    check(bundle, proving.policy)
    assert fields_of(bundle["statements"][2]).keys() == {"number"}


def test_nothing_is_opened_that_the_page_does_not_show(stage, proving, web):
    stage.whole_chain()
    proving.publish()
    answer = web.get(SAUCE_LOT + "?view=proof", headers=JSON)
    for secret in SECRETS:
        assert secret not in answer.data
    allowed = {name for names in bundles.FIELDS.values() for name in names} | {"number"}
    for statement in answer.json["statements"]:
        names = fields_of(statement).keys()
        assert {name for name in names if not name.startswith("/ilmd/")} <= allowed
    # The lot that went into it has customers of its own: how many it does not say.
    assert CHILI_LOT not in answer.text


def test_label_facts_are_opened_of_the_lot_itself_only(stage, proving, web):
    stage.whole_chain()
    proving.publish()
    statements = [fields_of(each) for each in bundle_of(web, SAUCE_LOT)["statements"]]
    labelled = [each for each in statements if any(name.startswith("/ilmd/") for name in each)]
    assert [each["/ilmd/cbvmda:lotNumber"] for each in labelled] == ['"S1"']


@pytest.mark.parametrize("part", ["value", "salt", "time", "index", "proof", "digest"])
def test_whatever_is_changed_does_not_fit(stage, proving, web, part):
    stage.whole_chain()
    proving.publish(REGULATOR, RETAILER)
    bundle = bundle_of(web, SAUCE_LOT)
    statement = bundle["statements"][3]
    field = next(each for each in statement["fields"] if "name" in each)
    flipped = base64.b64encode(bytes(32)).decode()
    if part == "value":
        field["value"] += "x"
    elif part == "salt":
        statement["salt"] = base64.b64encode(bytes(16)).decode()
    elif part == "proof":
        statement["proof"][0] = flipped
    elif part == "digest":
        next(each for each in statement["fields"] if "digest" in each)["digest"] = flipped
    else:
        statement[part] += 1
    with pytest.raises(ProofError):
        check(bundle, proving.policy)


def test_a_thousand_omissions_from_the_middle_are_all_found(stage, proving, web):
    with stage.together():
        stage.made(stage.bruno, SAUCE_LOT, 60)
        for day in range(50, 10, -1):
            hidden = HIDDEN if day % 3 == 0 else {}
            stage.observed(stage.bruno, SAUCE_LOT, "storing", day, **hidden)
            stage.observed(stage.carla, SAUCE_LOT, "inspecting", day)
        for number in range(4):
            stage.observed(stage.diego, SAUCE_LOT, "storing", 5 - number)
    proving.publish()
    whole = bundle_of(web, SAUCE_LOT)
    check(whole, proving.policy)
    last = {}
    for place, statement in enumerate(whole["statements"]):
        last[fields_of(statement)["number"].split(" ")[0]] = place
    chance = random.Random(20261122)
    numbers = [fields_of(statement)["number"] for statement in whole["statements"]]
    middle = [place for place in range(len(numbers)) if place not in last.values()]
    found = 0
    for _ in range(1_000):
        left_out = set(chance.sample(middle, chance.randint(1, 5)))
        kept = [value for place, value in enumerate(numbers) if place not in left_out]
        found += bool(gaps_of(kept, whole["things"]))
    assert gaps_of(numbers, whole["things"]) == []
    assert found == 1_000


def test_the_end_cut_off_is_not_found_and_the_page_says_so(stage, proving, web):
    stage.whole_chain()
    proving.publish()
    bundle = bundle_of(web, SAUCE_LOT)
    check({**bundle, "statements": bundle["statements"][:-1]}, proving.policy)
    page = web.get(SAUCE_LOT + "?view=proof&lang=en").text
    assert "That nothing newer is held back" in page


def test_a_large_bundle_comes_in_parts_that_are_complete_together(stage, proving, web, monkeypatch):
    monkeypatch.setattr(bundles, "MOST_STATEMENTS", 3)
    stage.whole_chain()
    proving.publish()
    parts, query = [], {}
    while True:
        part = bundle_of(web, SAUCE_LOT, **query)
        parts += part["statements"]
        if "next" not in part:
            break
        query = {"after": part["next"].rpartition("after=")[2]}
    places = [(each["year"], each["index"]) for each in parts]
    assert places == sorted(set(places))
    assert len(parts) == 8
    check({**part, "statements": parts}, proving.policy)
    assert f"{places[2][0]}/{places[2][1]}" in web.get(SAUCE_LOT + "?view=proof").text


def test_what_is_no_place_is_refused(stage, proving, web):
    stage.made(stage.bruno, SAUCE_LOT, 10)
    assert web.get(SAUCE_LOT + "?view=proof&after=x/1", headers=JSON).status_code == 400


def test_what_is_not_signed_yet_says_so(stage, proving, web):
    stage.made(stage.bruno, SAUCE_LOT, 10)
    (statement,) = bundle_of(web, SAUCE_LOT)["statements"]
    assert statement["proof"] is None
    page = web.get(SAUCE_LOT + "?view=proof&lang=en").text
    assert "No state of the log is signed yet" in page
    assert (
        web.get(f"/log/{statement['year']}/proof/{statement['index']}.tlog-proof").status_code
        == 404
    )


def test_a_product_has_no_proof(stage, proving, web):
    assert web.get(f"{SAUCE}?view=proof", headers=JSON).status_code == 404
    assert web.get(f"{CHILI}?view=proof").status_code == 404


def proof_of(web, statement):
    answer = web.get(f"/log/{statement['year']}/proof/{statement['index']}.tlog-proof")
    assert answer.status_code == 200
    return answer.data


def test_a_proof_file_is_whole_and_verifies_with_the_quorum(stage, proving, web):
    stage.whole_chain()
    proving.publish(REGULATOR, RETAILER)
    statement = bundle_of(web, SAUCE_LOT)["statements"][-1]
    data = proof_of(web, statement)
    proof = parse_proof(data)
    assert len(data) <= 10 * 1024
    assert parse_leaf(proof.extra).time == statement["time"]
    assert verify_proof(proof.extra, proof, proving.policy).is_quorum


def test_a_proof_stays_below_ten_kilobytes_in_a_log_of_two_to_the_forty():
    """The longest path there is, under a head that eight witnesses have cosigned."""
    size = 2**40
    path = inclusion_proof(size - 1, size, lambda level, index: bytes([level]) * 32)
    head = Checkpoint("trace.example.org/log/2026", size, bytes(32))
    signer = Signer(head.origin, bytes([5]) * 32)
    lines = [
        cosign(head, Signer(f"witness-{number}.example.org", bytes([number]) * 32, COSIGNATURE), 1)
        for number in range(1, 9)
    ]
    note = with_lines(sign_checkpoint(head, signer), lines)
    proof = format_proof(TlogProof(size - 1, tuple(path), note, bytes(41)))
    assert len(path) == 40
    assert len(proof) <= 10 * 1024


def test_a_proof_takes_the_newest_head_with_a_quorum_else_the_newest(stage, proving, web):
    stage.made(stage.bruno, SAUCE_LOT, 10)
    proving.publish(REGULATOR, RETAILER)
    stage.shipped(stage.bruno, SAUCE_LOT, stage.carla, 5)
    proving.publish(RETAILER)
    old, new = bundle_of(web, SAUCE_LOT)["statements"]
    sizes = []
    for statement, is_quorum in ((old, True), (new, False)):
        proof = parse_proof(proof_of(web, statement))
        verified = verify_proof(proof.extra, proof, proving.policy)
        assert verified.is_quorum is is_quorum
        sizes.append(verified.checkpoint.size)
    assert sizes[0] < sizes[1]


def test_there_is_no_proof_of_what_is_not_there(web):
    for path in ("2026/proof/99999999", "1999/proof/0", "99999999999999999999/proof/1"):
        assert web.get(f"/log/{path}.tlog-proof").status_code == 404


def test_the_lines_on_the_page_check_a_proof_file(stage, proving, web, tmp_path):
    stage.whole_chain()
    proving.publish(REGULATOR)
    statement = bundle_of(web, SAUCE_LOT)["statements"][0]
    page = web.get(SAUCE_LOT + "?view=proof&lang=en").text
    lines = page.split('<pre id="foreign">')[1].split("</pre>")[0].split("# check.py\n")[1]
    script = tmp_path / "check.py"
    script.write_text(lines.replace("&#34;", '"'))
    file = tmp_path / "x.tlog-proof"
    file.write_bytes(proof_of(web, statement))
    command = [sys.executable, script, file, proving.vkey]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout[:12]) == (0, "in the log: "), run.stderr
    file.write_bytes(file.read_bytes().replace(b"index ", b"index 1"))
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_the_main_page_says_received_recorded_witnessed(stage, proving, web):
    stage.whole_chain()
    said = []
    for day, witnesses in enumerate([(), (RETAILER,), (REGULATOR, RETAILER)], start=1):
        page = web.get(SAUCE_LOT + "?lang=en").text
        said.append(page[page.index('id="proof"') :])
        proving.publish(*witnesses)
        stage.observed(stage.carla, SAUCE_LOT, "inspecting", day)
    page = web.get(SAUCE_LOT + "?lang=en").text
    said.append(page[page.index('id="proof"') :])
    assert "by nobody yet" in said[0]
    assert "Proof file of this entry" not in said[0]
    assert "Proof file of this entry" in said[1]
    assert "by shop · fewer than are asked for" in said[2]
    assert "by regulator, shop" in said[3]
    assert "are recorded and 0 witnessed" in said[2]


def test_a_kept_page_is_made_anew_when_the_log_says_more(stage, proving, web):
    stage.whole_chain()
    proving.publish()
    first = web.get(SAUCE_LOT + "?lang=en").text
    proving.publish(REGULATOR)
    second = web.get(SAUCE_LOT + "?lang=en").text
    assert "by nobody yet" in first
    assert "by regulator" in second


def test_a_kept_page_is_made_anew_when_the_policy_changes(stage, proving, web):
    stage.whole_chain()
    proving.publish(RETAILER)
    first = web.get(SAUCE_LOT + "?lang=en").text
    text = proving.policy_text.replace("quorum both", "quorum shop")
    proving.settings.log_policy.write_text(text)
    second = web.get(SAUCE_LOT + "?lang=en").text
    assert "by shop · fewer than are asked for" in first
    assert "fewer than are asked for" not in second


def test_what_all_witnesses_have_seen_is_kept_while_the_log_goes_on(stage, proving, web):
    stage.whole_chain()
    proving.publish(REGULATOR, RETAILER, SLEEPING)
    web.get(SAUCE_LOT + "?lang=en")
    stage.made(stage.alba, f"{CHILI}/10/OTHER", 3)
    proving.publish()
    sent = queries(stage, lambda: web.get(SAUCE_LOT + "?lang=en"))
    assert not any("FROM leaf" in one or "JOIN leaf" in one for one in sent)


def queries(stage, act):
    sent = []

    def note(_connection, _cursor, statement, *_more):
        sent.append(statement)

    event.listen(stage.store.readers, "before_cursor_execute", note)
    act()
    event.remove(stage.store.readers, "before_cursor_execute", note)
    return [one for one in sent if not one.startswith(("BEGIN", "PRAGMA", "SET"))]


def test_the_page_takes_one_query_for_the_log_and_one_for_signatures_whatever_its_size(
    stage, proving, web
):
    stage.made(stage.alba, CHILI_LOT, 20)
    few = queries(stage, lambda: web.get(CHILI_LOT + "?lang=en&all=1"))
    long_chain(stage, 20)
    many = queries(stage, lambda: web.get(SAUCE_LOT + "?lang=en&all=1"))
    assert [
        sum("FROM leaf" in one or "JOIN leaf" in one for one in each) for each in (few, many)
    ] == [2, 2]
    assert len(few) == len(many)


def test_the_proof_section_keeps_the_page_within_fifteen_kilobytes(stage, proving, web):
    long_chain(stage, 100)
    proving.publish(REGULATOR, RETAILER)
    answer = web.get(SAUCE_LOT, headers={"Accept-Encoding": "gzip"})
    assert len(answer.data) <= 15_000
    assert "<script src" not in gzip.decompress(answer.data).decode()


def test_only_the_proof_page_has_a_script_and_only_its_own(stage, proving, web):
    stage.whole_chain()
    main = web.get(SAUCE_LOT)
    proof = web.get(SAUCE_LOT + "?view=proof")
    assert "script-src" not in main.headers["Content-Security-Policy"]
    policy = proof.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    (address,) = [part.split('"')[0] for part in proof.text.split('<script src="')[1:]]
    script = web.get(address)
    assert (script.status_code, script.mimetype) == (200, "text/javascript")


def test_two_answers_are_the_same_octets(stage, proving, web):
    stage.whole_chain()
    proving.publish(REGULATOR)
    first, second = (copy.copy(web.get(SAUCE_LOT + "?view=proof", headers=JSON).data) for _ in "12")
    assert first == second
