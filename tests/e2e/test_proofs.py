"""A shopper, or who helps them, checks the proof of a code in a browser; somebody tampers."""

import base64
import json
import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe

from foodtrace.consumer_web.demonstration import acts
from foodtrace.trace.log.checkpoints import cosign, parse_checkpoint, with_lines
from foodtrace.trace.log.notes import COSIGNATURE, Signer, parse_note

from .following import follow

LANGUAGES = ("zh-CN", "en")
REGULATOR = Signer("regulator.example/w", bytes([1]) * 32, COSIGNATURE)
RETAILER = Signer("retailer.example/w", bytes([2]) * 32, COSIGNATURE)
NO_ED25519 = """
const known = SubtleCrypto.prototype.importKey;
SubtleCrypto.prototype.importKey = function (form, key, name, ...more) {
  if (name === "Ed25519") return Promise.reject(new DOMException("", "NotSupportedError"));
  return known.call(this, form, key, name, ...more);
};
"""


@pytest.fixture
def open_proof(visit, site):
    """Open a proof page, with what the file for programs says changed on its way."""

    def open_page(change=None, *, lang="en", script=None, **options):
        page = visit(java_script_enabled=True, locale=lang, **options)
        if script:
            page.add_init_script(script)
        if change:
            page.route("**/*view=proof*", lambda route: tamper(route, change))
        page.goto(f"{site.url}{acts.GOOD_JAR}?view=proof&lang={lang}")
        return checked(page)

    return open_page


def tamper(route, change):
    if "text/html" in route.request.headers["accept"]:
        return route.continue_()
    answer = route.fetch()
    bundle = answer.json()
    change(bundle)
    return route.fulfill(response=answer, body=json.dumps(bundle))


def checked(page):
    page.wait_for_selector("#checker[data-result]")
    return page


def result(page):
    return page.locator("#checker").get_attribute("data-result")


def faults(page):
    return page.locator("#faults").inner_text()


def own(bundle):
    """The statements about the code itself, in the order of the log."""
    return [each for each in bundle["statements"] if "number" in names(each)]


def names(statement):
    return [field.get("name") for field in statement["fields"]]


def place(statement):
    return f"{statement['year']}/{statement['index']}"


def the_step(bundle):
    """A step in the middle of the longest series."""
    series = {}
    for each in own(bundle):
        value = next(one["value"] for one in each["fields"] if one.get("name") == "number")
        series.setdefault(value.split(" ")[0], []).append(each)
    longest = max(series.values(), key=len)
    assert len(longest) >= 3
    return longest[1]


def test_it_works(open_proof):
    page = open_proof()
    assert result(page) == "good"
    text = page.locator("#result").inner_text()
    assert int(re.search(r"\d+", text)[0]) == page.locator("article[id]").count() > 20
    assert page.locator("article .mark.pass").count() == page.locator("article[id]").count()
    assert "the key that this service names itself" in page.locator("#notes").inner_text()
    assert faults(page) == ""


def change_a_value(bundle):
    field = next(one for one in the_step(bundle)["fields"] if one.get("name") == "/bizStep")
    field["value"] = field["value"][:-2] + "X" + field["value"][-1]


def change_the_leaf(bundle):
    the_step(bundle)["time"] += 1


def change_the_path(bundle):
    hashes = the_step(bundle)["proof"]
    octets = bytearray(base64.b64decode(hashes[2]))
    octets[7] ^= 1
    hashes[2] = base64.b64encode(octets).decode()


@pytest.mark.parametrize("change", [change_a_value, change_the_leaf, change_the_path])
def test_one_byte_changed_is_found_and_the_entry_named(open_proof, change):
    changed = []

    def note(bundle):
        change(bundle)
        changed.append(place(the_step(bundle)))

    page = open_proof(note)
    assert result(page) == "bad"
    assert faults(page) == (f"No. {changed[0]}: what is shown does not give the entry of the log")
    line = page.locator(f"#n{changed[0].replace('/', '-')}")
    assert line.locator("[data-state]").inner_text() == "does not fit"
    assert page.locator("article .mark.fail").count() == 1


def test_a_wrong_signature_is_found(open_proof):
    def change(bundle):
        for origin, note in bundle["checkpoints"].items():
            text, _, line = note.rpartition(" ")
            octets = bytearray(base64.b64decode(line))
            octets[20] ^= 1
            bundle["checkpoints"][origin] = f"{text} {base64.b64encode(octets).decode()}\n"

    page = open_proof(change)
    assert result(page) == "bad"
    assert faults(page).startswith("The signature of the log ")
    assert page.locator("article .mark.pass").count() == 0


def test_a_step_left_out_is_found_though_the_page_leaves_it_out_too(open_proof):
    left_out = []

    def change(bundle):
        step = the_step(bundle)
        left_out.append(place(step))
        bundle["statements"].remove(step)

    page = open_proof(change)
    said = faults(page)
    assert result(page) == "bad"
    assert "A number is left out, or stands twice: 2 was expected, 3 found" in said
    assert f"No. {left_out[0]}: this page and the file for programs say different" in said


def lie_beside_a_digest(bundle):
    field = next(one for one in the_step(bundle)["fields"] if "digest" in one)
    field.update(name="/verdict", value='"pass"', salt="AAAAAAAAAAAAAAAAAAAAAA==")


def take_the_proof_away(bundle):
    the_step(bundle)["proof"] = None


def take_the_heads_away(bundle):
    bundle["checkpoints"] = {}


def wait_for_ever(bundle):
    take_the_heads_away(bundle)
    for each in bundle["statements"]:
        each["proof"] = None
        each["time"] -= 2 * 3600_000


def put_a_later_entry_in_its_place(bundle):
    statements = bundle["statements"]
    at = statements.index(the_step(bundle))
    statements[at], statements[at + 1] = statements[at + 1], statements[at]


def call_it_of_another_year(bundle):
    the_step(bundle)["year"] += 1


def show_another_code(bundle):
    bundle["thing"] = bundle["things"][0] = acts.RECALLED_JAR


def number_nothing(bundle):
    bundle["things"] = []


def show_nothing_numbered(bundle):
    for each in own(bundle):
        bundle["statements"].remove(each)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lie_beside_a_digest, "what is shown does not give the entry of the log"),
        (take_the_proof_away, "it is not proved, and has to be by now"),
        (take_the_heads_away, "it is not proved, and has to be by now"),
        (wait_for_ever, "it is not proved, and has to be by now"),
        (put_a_later_entry_in_its_place, "does not stand in the order of the log"),
        (call_it_of_another_year, "does not stand in the order of the log"),
        (show_another_code, "is not numbered for this code"),
        (number_nothing, "is not numbered for this code"),
        (show_nothing_numbered, "is not numbered for this code"),
    ],
)
def test_what_only_looks_like_a_proof_is_found(open_proof, change, said):
    page = open_proof(change)
    assert result(page) == "bad"
    assert said in faults(page)


def test_what_waits_for_a_signed_state_is_counted(open_proof):
    def wait(bundle):
        bundle["checkpoints"] = {}
        for each in bundle["statements"]:
            each["proof"], each["time"] = None, int(time.time() * 1000)

    page = open_proof(wait)
    assert result(page) == "early"
    assert re.match(r"Not checked yet: none of the [1-9]\d* ", page.locator("#result").inner_text())


def test_a_file_that_does_not_arrive_is_no_fault_of_the_record(visit, site):
    page = visit(java_script_enabled=True, locale="en")

    def fail(route):
        if "text/html" in route.request.headers["accept"]:
            return route.continue_()
        return route.fulfill(status=503, body="")

    page.route("**/*view=proof*", fail)
    page.goto(f"{site.url}{acts.GOOD_JAR}?view=proof&lang=en")
    checked(page)
    assert result(page) == "unchecked"
    assert page.locator("#result").inner_text() == "Nothing was checked"
    assert faults(page) == "The file for programs did not arrive (503). Try again."
    assert page.locator("article .mark.pass").count() == 0


def test_a_page_that_says_another_thing_than_its_proof_is_found(visit, site):
    page = visit(java_script_enabled=True, locale="en")

    def lie(route):
        if "text/html" not in route.request.headers["accept"]:
            return route.continue_()
        answer = route.fetch()
        return route.fulfill(
            response=answer, body=answer.text().replace("retail_selling", "storing")
        )

    page.route("**/*view=proof*", lie)
    page.goto(f"{site.url}{acts.GOOD_JAR}?view=proof&lang=en")
    checked(page)
    assert result(page) == "bad"
    assert "this page and the file for programs say different things" in faults(page)


def unfold(page):
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")


def policy_of(vkey):
    return (
        f"log {vkey}\nwitness regulator {REGULATOR.vkey}\nwitness shop {RETAILER.vkey}\n"
        "group both all regulator shop\nquorum both\n"
    )


def cosigned_by(*witnesses, spoil=False):
    def change(bundle):
        for origin, note in bundle["checkpoints"].items():
            head = parse_checkpoint(parse_note(note.encode()).text)
            lines = [cosign(head, witness, int(time.time()) + spoil) for witness in witnesses]
            if spoil:
                other = head._replace(size=head.size + 1)
                lines = [cosign(other, witness, int(time.time())) for witness in witnesses]
            bundle["checkpoints"][origin] = with_lines(note.encode(), lines).decode()

    return change


def with_policy(page, change=None):
    key = page.evaluate("async () => (await (await fetch('?view=proof')).json()).logs[0].vkey")
    page.locator("details", has_text="Whose signatures count").locator("summary").click()
    page.fill("#policy", policy_of(key) if change is None else change(key))
    page.evaluate("delete document.getElementById('checker').dataset.result")
    page.click("#again")
    return checked(page)


def test_a_policy_that_the_reader_brings_counts_the_witnesses(open_proof):
    page = with_policy(open_proof(cosigned_by(REGULATOR, RETAILER)))
    assert result(page) == "good"
    assert page.locator("#notes").inner_text() == (
        "Witnesses: regulator, shop. That is what the policy asks for."
    )
    page = with_policy(open_proof(cosigned_by(RETAILER)))
    assert page.locator("#notes").inner_text() == "Witnesses: shop. The policy asks for more."


def test_a_witness_that_saw_another_log_is_found(open_proof):
    page = with_policy(open_proof(cosigned_by(REGULATOR, spoil=True)))
    assert result(page) == "bad"
    assert "The signature of the witness regulator is wrong" in faults(page)


def test_another_key_of_the_log_is_found(open_proof):
    other = Signer("other.example/log/2026", bytes([9]) * 32).vkey
    page = with_policy(open_proof(), lambda _key: policy_of(other))
    assert result(page) == "bad"
    assert faults(page).startswith("The policy does not know the log ")


def test_what_is_no_policy_says_in_which_line(open_proof):
    page = with_policy(open_proof(), lambda key: f"log {key}\nwitness x\nquorum none\n")
    assert result(page) == "unchecked"
    assert faults(page) == "The policy cannot be read, line 2"


def test_a_browser_without_ed25519_says_what_it_did_not_check(open_proof):
    page = open_proof(script=NO_ED25519)
    assert result(page) == "good"
    assert "signatures were not" in page.locator("#notes").inner_text()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_usable_by_everybody(open_proof, lang, width):
    wrong = []
    page = open_proof(lang=lang, viewport={"width": width, "height": 800})
    page.on("console", lambda message: wrong.append(message.text))
    unfold(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert wrong == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_without_scripts_everything_is_there_to_be_read(visit, site, lang):
    page = visit(locale=lang)
    page.goto(f"{site.url}{acts.GOOD_JAR}?view=proof&lang={lang}")
    assert page.locator("noscript").inner_text()
    assert not page.locator("#checker").is_visible()
    assert page.locator("article[id]").count() > 20
    page.locator("article summary").first.click()
    assert page.locator("article .fields").first.is_visible()
    with page.expect_download() as download:
        page.locator("article a[download]").first.click()
    assert download.value.suggested_filename.endswith(".tlog-proof")


def test_the_way_from_the_label_to_the_file_for_programs(visit, site):
    page = visit(locale="en")
    page.goto(f"{site.url}{acts.GOOD_JAR}?lang=en")
    follow(page.get_by_role("link", name="Check it yourself"))
    with page.expect_download() as download:
        page.get_by_role("link", name="All of it as one file").click()
    assert json.loads(download.value.path().read_text())["format"] == "foodtrace-proof/1"
