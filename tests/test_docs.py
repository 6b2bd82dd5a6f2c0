"""The documents say what is there: every route, command and setting, and curl lines that work."""

import json
import re
import shlex
import shutil
from datetime import UTC, date, datetime
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import click
import pytest
from babel.messages.pofile import read_po
from fpdf import FPDF

from foodtrace.consumer_web.cli import main
from foodtrace.consumer_web.demonstration import making
from foodtrace.producers.printing.jobs import draw_next
from foodtrace.trace.log.keeping import LogKeeper, attach
from foodtrace.trace.masterdata.services import find_party
from foodtrace.trace.store.session import Store

from .web import add_key, public_app, settings_of, staff_app

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
API = (DOCS / "api.md").read_text()
EPCIS = (DOCS / "epcis.md").read_text()
GUIDES = ("consumers", "producers", "laboratories", "regulators")
SERVER = "http://127.0.0.1:8000"
NEVER_TOLD = {"HEAD", "OPTIONS"}
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^cat > (\S+) <<'END'\n(.*?)^END$", re.MULTILINE | re.DOTALL)
_ROUTE = re.compile(r"`(GET|POST|PATCH|PUT|DELETE) (/(?:api/v1|epcis)\S*)`")


def routes_of(app):
    """Every route of the machines' interfaces, its variables written as documents write them."""
    return {
        (method, re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - NEVER_TOLD
        if rule.rule.startswith(("/api/", "/epcis"))
    }


def test_every_route_for_programs_is_documented_and_no_other(sqlite_store):
    assert set(_ROUTE.findall(API + EPCIS)) == routes_of(staff_app(sqlite_store))


class Reader:
    """Somebody who types what a page says, one curl line after the other."""

    def __init__(self, app, variables):
        self.client = app.test_client()
        self.variables = variables
        self.files = {}
        # What the service does by itself after a request to an address.
        self.meanwhile = {}

    def read(self, block):
        """Do what one block says; return the answers to its curl lines."""
        for name, text in _FILE.findall(block):
            self.files[name] = text
        lines = _FILE.sub("", block).splitlines()
        for line in lines:
            if line.startswith("sed "):
                self.edit(line)
        curls = re.findall(r"^curl (?:(?!^\w).*\n)+", "\n".join(lines) + "\n", re.MULTILINE)
        return [self.send(shlex.split(self.with_variables(curl))) for curl in curls]

    def with_variables(self, line):
        return re.sub(r"\$([A-Z]+)", lambda found: self.variables[found[1]], line)

    def edit(self, line):
        *edits, source, _, target = shlex.split(line.removeprefix("sed "))
        text = self.files[source]
        for edit in (word for word in edits if word != "-e"):
            _, wanted, given, _ = edit.split("/")
            text = text.replace(wanted, given)
        self.files[target] = text

    def send(self, words):
        method, body, address, target, headers = "GET", None, None, None, []
        words = iter(words[1:])
        for word in words:
            if word == "-H":
                headers.append(tuple(next(words).split(": ", 1)))
            elif word in ("-d", "--data-binary"):
                given = next(words)
                body = self.files[given[1:]] if given.startswith("@") else given
                method = "POST" if method == "GET" else method
            elif word == "-X":
                method = next(words)
            elif word == "-o":
                target = next(words)
            elif word != "-i":
                address = word.removeprefix(SERVER)
        answer = self.client.open(address, method=method, headers=headers, data=body)
        self.files[target] = answer.get_data()
        answer.close()
        self.remember(method, address, answer)
        self.meanwhile.get(address, lambda: None)()
        return answer

    def remember(self, method, address, answer):
        """Keep what the text says to take from the answer: an id, a version."""
        self.variables["ETAG"] = answer.headers.get("ETag", "")
        found = answer.get_json(silent=True)
        if method == "POST" and answer.status_code in (201, 202):
            for path, name, field in (
                ("/epcis/capture", "CAPTURE", "captureID"),
                ("/epcis/queries/cold/subscriptions", "SUBSCRIPTION", "subscriptionID"),
                ("/api/v1/certificates", "CERTIFICATE", "id"),
                ("/api/v1/reports", "REPORT", "sha256"),
                ("/api/v1/recalls", "RECALL", "id"),
                ("/api/v1/prints", "JOB", "id"),
                ("/api/v1/links", "LINK", "id"),
                ("/api/v1/keys", "SIGNER", "id"),
                ("/api/v1/code-runs", "RUN", "id"),
                ("/api/v1/code-runs", "FIRST", "first"),
                ("/api/v1/code-runs", "LAST", "last"),
            ):
                if address == path:
                    self.variables[name] = str(found[field])


@pytest.fixture
def reader(sqlite_template, tmp_path):
    """A reader before the demonstration, with the keys that the page has one make."""
    store = Store(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'made.sqlite')}")
    making.make(store, settings_of(store, data=tmp_path), date(2026, 9, 30))
    variables = {"SERVER": SERVER}
    made = re.findall(r'^(\w+)="(.*?)(?:\$\(.*--role (\w+) --party (\S+)\))?"$', API, re.MULTILINE)
    for name, text, role, party in made:
        if role:
            with store.reading() as session:
                party_id = find_party(session, name=party).id
            text += add_key(store, role, party_id)
        variables[name] = text
    hosts = frozenset({("erp.partner.example", 443)})
    settings = settings_of(store, data=tmp_path, webhook_hosts=hosts)
    reader = Reader(staff_app(store, data=tmp_path, webhook_hosts=hosts), variables)
    report = FPDF()
    report.add_page()
    reader.files["report.pdf"] = bytes(report.output())
    reader.meanwhile["/api/v1/prints"] = lambda: draw_next(store, settings)
    yield reader
    store.close()


@pytest.mark.parametrize(("page", "least"), [(API, 35), (EPCIS, 35)], ids=["api", "epcis"])
def test_every_curl_line_does_what_the_page_says(reader, page, least):
    blocks = _BLOCK.findall(page)
    sent = 0
    for (language, block), (_, shown) in pairwise([*blocks, ("", "")]):
        if language != "sh":
            continue
        answers = reader.read(block)
        sent += len(answers)
        if '"status":' in shown:
            assert answers.pop().get_json() == json.loads(shown)
        for answer in answers:
            assert answer.status_code < 300, f"{block}\n{answer.text}"
    assert sent >= least


def test_every_curl_line_about_the_resolver_is_answered(sqlite_template, tmp_path):
    store = Store(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'made.sqlite')}")
    making.make(store, settings_of(store, data=tmp_path), date(2026, 9, 30))
    page = (DOCS / "resolver.md").read_text()
    lot = re.search(r"^LOT=\$SERVER(\S+)$", page, re.MULTILINE)[1]
    reader = Reader(public_app(store), {"SERVER": SERVER, "LOT": SERVER + lot})
    blocks = [block for language, block in _BLOCK.findall(page) if language == "sh"]
    statuses = [answer.status_code for block in blocks for answer in reader.read(block)]
    store.close()
    assert statuses == [200, 200, 307, 307, 200, 200, 200]


def test_every_curl_line_about_the_log_is_answered(sqlite_template, tmp_path):
    store = Store(f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'made.sqlite')}")
    settings = settings_of(store, data=tmp_path)
    when = int(datetime(2026, 9, 30, tzinfo=UTC).timestamp() * 1000)
    attach(store, settings, clock=lambda: when)
    making.make(store, settings, date(2026, 9, 30))
    LogKeeper(store, settings, clock=lambda: when).keep(store, settings)
    page = (DOCS / "log.md").read_text()
    reader = Reader(public_app(store), {"SERVER": SERVER, "LOG": f"{SERVER}/log/2026"})
    blocks = [block for language, block in _BLOCK.findall(page) if language == "sh"]
    answers = [answer.status_code for block in blocks for answer in reader.read(block)]
    store.close()
    assert answers == [200] * 5
    entry, hashed = reader.files["entries"][2:43], reader.files["hashes"][:32]
    assert sha256(b"\0" + entry).digest() == hashed


def commands_of(group, path=("foodtrace",)):
    """Every command that does something, as it is typed."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands_of(command, (*path, name))
        else:
            yield " ".join((*path, name))


def test_every_command_is_in_the_manual_and_no_other():
    known = set(commands_of(main))
    text = (DOCS / "operations.md").read_text() + (ROOT / "README.md").read_text()
    typed = re.findall(
        r"\bfoodtrace ((?:user |key |link |witness |log )?[a-z]+)\b", "\n".join(_code_of(text))
    )
    assert {f"foodtrace {name}" for name in typed} == known


def _code_of(text):
    """The parts of a page that are typed: blocks, and spans in backticks."""
    blocks = [block for _, block in re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL)]
    return blocks + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def test_every_setting_is_in_the_manual_and_no_other():
    read = {
        name
        for folder in ("trace", "producers", "inspections", "consumer_web")
        for module in (ROOT / folder).rglob("*.py")
        for name in re.findall(r'environ(?:\.get\(|\[)\s*"(FOODTRACE_\w+)"', module.read_text())
    }
    assert read
    for page in (DOCS / "operations.md", ROOT / "README.md", ROOT / "README.zh-CN.md"):
        assert set(re.findall(r"FOODTRACE_[A-Z_]+", page.read_text())) == read, page.name


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *DOCS.glob("*.md")], ids=lambda page: page.name
)
def test_links_and_pictures_of_a_page_exist(page):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_guide_is_there_in_both_languages():
    for name in GUIDES:
        assert (DOCS / f"guide-{name}.md").exists()
        assert (DOCS / f"guide-{name}.zh-CN.md").exists()


def test_what_a_guide_prints_in_bold_stands_on_the_pages_in_that_language():
    catalogues = [*ROOT.glob("*/translations/*/LC_MESSAGES/messages.po")]
    assert len(catalogues) == 4
    english, chinese = set(), set()
    for path in catalogues:
        for message in read_po(BytesIO(path.read_bytes()), locale="zh_Hans_CN"):
            texts = message.id if isinstance(message.id, tuple) else (message.id,)
            english.update(texts)
            chinese.update([message.string] if len(texts) == 1 else message.string)
    for page in DOCS.glob("guide-*.md"):
        known = chinese if ".zh-CN" in page.name else english
        bold = re.findall(r"\*\*(.+?)\*\*", page.read_text().replace("\n   ", " "))
        assert bold
        assert [text for text in bold if text not in known] == [], page.name


def test_one_chinese_word_says_that_a_certificate_is_withdrawn():
    texts = [*ROOT.glob("*/translations/*/LC_MESSAGES/messages.po"), *DOCS.glob("*.zh-CN.md")]
    assert any("撤销检验报告" in path.read_text() for path in texts)
    # Consent is withdrawn with the word of the law (PIPL, article 15).
    said = {path.name: path.read_text().replace("撤回同意", "") for path in texts}
    assert [name for name, text in said.items() if "撤回" in text] == []
