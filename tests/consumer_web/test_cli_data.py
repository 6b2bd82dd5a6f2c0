"""The commands demo, import, rebuild and export, run as a person types them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from foodtrace.consumer_web import cli_export
from foodtrace.consumer_web.cli import main
from foodtrace.consumer_web.demonstration import acts
from foodtrace.trace.access.actor import SYSTEM
from foodtrace.trace.capture.export import each_event
from foodtrace.trace.capture.export_formats import FORMATS
from foodtrace.trace.chain.services import trace_back
from foodtrace.trace.epcis.context import STANDARD_PREFIXES, prefixes_of
from foodtrace.trace.epcis.translation import CbvFormat, EpcFormat, translated
from foodtrace.trace.store.models import Event
from foodtrace.trace.store.session import Store

DATA = Path(__file__).parents[1] / "data/epcis"
DAY = ("--date", "2026-11-20")
URL = f"http://127.0.0.1:8000{acts.GOOD_JAR}"


@pytest.fixture
def foodtrace(tmp_path, monkeypatch):
    """Run `foodtrace` in a folder of its own."""
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def run(foodtrace, sqlite_url, monkeypatch):
    """Run `foodtrace` on an empty SQLite database."""
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", sqlite_url)
    return foodtrace


@pytest.fixture
def run_on_both(foodtrace, database_url, monkeypatch):
    """Run `foodtrace` on an empty database, SQLite and PostgreSQL."""
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", database_url)
    return foodtrace


@pytest.fixture
def other_database(sqlite_template, tmp_path):
    """The URL of a second empty database."""
    path = tmp_path / "other.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


def event(number, **changes):
    return {
        "type": "ObjectEvent",
        "eventID": f"urn:uuid:00000000-0000-4000-8000-{number:012}",
        "eventTime": "2026-05-01T08:00:00+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
        "bizStep": "storing",
        "epcList": ["https://id.gs1.org/00/395210008000000015"],
        **changes,
    }


def document(*events, context="https://ref.gs1.org/standards/epcis/epcis-context.jsonld"):
    return {
        "@context": context,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-05-01T08:00:00+08:00",
        "epcisBody": {"eventList": list(events)},
    }


def write(name, content):
    with open(name, "w") as file:
        json.dump(content, file)
    return name


def events_of(url):
    store = Store(url)
    found = list(each_event(store.reading, SYSTEM))
    store.close()
    return found


def test_demo_prints_a_code_its_address_and_accounts(run):
    done = run("demo", *DAY)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert URL in lines
    assert [line for line in lines if line.startswith("http")] == [URL]
    assert "█" in done.stdout
    assert "shifan.regulator" in done.stdout


def test_demo_if_empty_prints_the_same_again(run):
    first = run("demo", "--if-empty", *DAY).stdout
    assert run("demo", "--if-empty").stdout == first


def test_demo_if_empty_leaves_other_data_alone(run, sqlite_url):
    run("import", write("a.json", document(event(1))))
    done = run("demo", "--if-empty")
    assert (done.exit_code, done.stdout) == (0, "")
    assert len(events_of(sqlite_url)) == 1


def test_demo_refuses_a_day_to_come(run):
    done = run("demo", "--date", "2999-01-01")
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert "future" in done.output


def test_import_takes_xml_and_answers_to_queries(run_on_both):
    xml = DATA / "XML-2.0/Capture/Documents/Combination_of_different_event.xml"
    old = DATA / "XML-1.2/Capture/Documents/GS1_US_Pharma_Example_2_2_1_1.xml"
    bare = sorted((DATA / "XML-2.0/Capture/Events").iterdir())[0]
    answer = DATA / "Query/queryDocument.json"
    done = run_on_both("import", xml, old, bare, answer)
    assert done.exit_code == 0, done.output
    reports = done.stdout.splitlines()
    assert len(reports) == 4
    assert all(int(each.split(": ")[-1].split()[0]) > 0 for each in reports)
    again = run_on_both("import", xml, old, bare, answer)
    assert again.stdout.count("imported before, nothing to do") == 4


def test_import_names_the_place_in_a_file_of_xml(run, tmp_path):
    (tmp_path / "bad.xml").write_text("<ObjectEvent>\n<action>EAT</action>\n</ObjectEvent>")
    done = run("import", "bad.xml")
    assert done.exit_code == 1
    assert "line 2, ObjectEvent/action: The value is not one of" in done.output


def test_import_reports_each_file(run_on_both):
    files = write("a.json", document(event(1), event(2))), write("b.json", document(event(2)))
    done = run_on_both("import", *files)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        "a.json: 2 events accepted, 0 known already",
        "b.json: 0 events accepted, 1 known already",
    ]


def test_a_file_may_hold_one_event_alone(run, sqlite_url):
    bare = {"@context": document()["@context"], **event(1)}
    done = run("import", write("one.json", bare))
    assert (done.exit_code, done.stdout) == (0, "one.json: 1 events accepted, 0 known already\n")
    assert len(events_of(sqlite_url)) == 1


def test_importing_again_changes_nothing(run, sqlite_url):
    write("a.json", document(event(1)))
    run("import", "a.json")
    done = run("import", "a.json")
    assert (done.exit_code, done.stdout) == (0, "a.json: imported before, nothing to do\n")
    assert len(events_of(sqlite_url)) == 1


def test_import_goes_on_after_a_refusal_and_says_where_and_why(run, sqlite_url):
    broken = document(event(1, action="REMOVE"), event(2))
    done = run("import", write("bad.json", broken), write("good.json", document(event(3))))
    assert done.exit_code == 1
    assert "bad.json: refused, nothing of it is stored" in done.stdout
    assert "/epcisBody/eventList/0/action" in done.stdout
    assert "good.json: 1 events accepted" in done.stdout
    assert "1 of 2 files refused" in done.stderr
    assert len(events_of(sqlite_url)) == 1


def test_import_refuses_what_is_not_json(run):
    with open("a.json", "w") as file:
        file.write("<xml/>")
    done = run("import", "a.json")
    assert done.exit_code == 1
    assert "Traceback" not in done.output


def test_import_for_a_party_says_who_captured(run, sqlite_url):
    run("import", "--party", "示范农场", write("a.json", document(event(1))))
    done = run("export", "--party", "示范农场")
    assert len(json.loads(done.stdout)["epcisBody"]["eventList"]) == 1
    store = Store(sqlite_url)
    with store.reading() as session:
        assert session.scalars(select(Event.party_id)).one() > 0
    store.close()


def test_a_database_that_is_not_migrated_is_named(run, tmp_path, monkeypatch):
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", f"sqlite:///{tmp_path / 'new.sqlite'}")
    for command in ("demo", "rebuild", "export"):
        done = run(command)
        assert done.exit_code == 1
        assert "foodtrace migrate" in done.output


@pytest.mark.parametrize("name", FORMATS)
def test_export_and_import_keep_every_event(
    run_on_both, other_database, monkeypatch, database_url, name
):
    run_on_both("demo", *DAY)
    assert run_on_both("export", "--format", name, "all").exit_code == 0
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", other_database)
    done = run_on_both("import", "all")
    assert done.exit_code == 0, done.output
    kept = in_bare_words if name == "xml" else bytes
    assert list(map(kept, events_of(other_database))) == list(map(kept, events_of(database_url)))
    assert "imported before" in run_on_both("import", "all").stdout


def in_bare_words(text):
    """An event as values: XML keeps neither the order of names nor which form a word had."""
    said = json.loads(text)
    return translated(
        said,
        prefixes_of(said["@context"], STANDARD_PREFIXES, ""),
        epc_format=EpcFormat.NEVER_TRANSLATES,
        cbv_format=CbvFormat.NO_PREFERENCE,
    )


def exported_ids(done):
    assert done.exit_code == 0, done.output
    return [each["eventID"][-1] for each in json.loads(done.stdout)["epcisBody"]["eventList"]]


def test_only_what_a_query_finds_is_exported(run_on_both):
    sent = [event(1), event(2, bizStep="shipping"), event(3, bizStep="shipping")]
    run_on_both("import", "--party", "Farm", write("a.json", document(*sent)))
    other = document(event(4, bizStep="shipping"))
    run_on_both("import", "--party", "Mill", write("b.json", other))
    query = "EQ_bizStep=shipping&GE_eventTime=2026-05-01T00:00:00%2B08:00"
    assert exported_ids(run_on_both("export", "--query", query)) == ["2", "3", "4"]
    assert exported_ids(run_on_both("export", "--query", query, "--party", "Farm")) == ["2", "3"]
    assert exported_ids(run_on_both("export", "--party", "Mill")) == ["4"]


@pytest.mark.parametrize("query", ["EQ_bizSteps=shipping", "GE_eventTime=yesterday", "nonsense"])
def test_a_query_that_is_none_is_refused_in_one_sentence(run, query):
    done = run("export", "--query", query)
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert done.stdout == ""
    assert query.partition("=")[0] in done.stderr


def test_lines_go_to_one_file_however_many(run, monkeypatch, tmp_path):
    monkeypatch.setattr(cli_export, "MOST_EVENTS", 2)
    run("import", write("a.json", document(*(event(number) for number in range(5)))))
    done = run("export", "--format", "ndjson", "all.ndjson")
    assert done.stderr.splitlines() == ["all.ndjson"]
    lines = (tmp_path / "all.ndjson").read_text().splitlines()
    assert [json.loads(line)["eventID"][-1] for line in lines] == list("01234")


def test_a_file_of_lines_is_imported_whole_or_not_at_all(run, sqlite_url, monkeypatch, tmp_path):
    monkeypatch.setattr("foodtrace.trace.epcis.lines.MOST_EVENTS", 1)
    good = [json.dumps(event(number)) for number in range(3)]
    (tmp_path / "a.ndjson").write_text("\n".join([*good, json.dumps(event(3, action="GO"))]))
    done = run("import", "a.ndjson")
    assert done.exit_code == 1
    assert "a.ndjson: refused, nothing of it is stored\n  line 4/action: " in done.stdout
    assert events_of(sqlite_url) == []
    (tmp_path / "a.ndjson").write_text("\n".join([*good, good[0]]))
    assert run("import", "a.ndjson").stdout == "a.ndjson: 3 events accepted, 1 known already\n"


def test_an_exported_event_keeps_the_prefixes_of_its_document(run):
    context = [
        "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
        {"mill": "https://mill.example/"},
    ]
    write("a.json", document(event(1, **{"mill:shift": "1"}), context=context))
    assert run("import", "a.json").exit_code == 0
    exported = json.loads(run("export").stdout)
    (found,) = exported["epcisBody"]["eventList"]
    assert (found["@context"], found["mill:shift"]) == (context, "1")


def test_an_export_keeps_numbers_as_they_were_written(run):
    quantity = '{"epcClass": "https://id.gs1.org/01/09521000890022/10/YL01", "quantity": 1.50}'
    text = json.dumps(document(event(1, quantityList=["QUANTITY"])))
    with open("a.json", "w") as file:
        file.write(text.replace('"QUANTITY"', quantity))
    assert run("import", "a.json").exit_code == 0
    assert '"quantity":1.50' in run("export").stdout.replace(" ", "")


def test_an_export_that_no_document_can_hold_goes_to_several_files(run, monkeypatch, tmp_path):
    monkeypatch.setattr(cli_export, "MOST_EVENTS", 2)
    run("import", write("a.json", document(*(event(number) for number in range(5)))))
    done = run("export", "all.json")
    assert done.stderr.splitlines() == ["all.json", "all-2.json", "all-3.json"]
    counts = [
        len(json.loads((tmp_path / name).read_text())["epcisBody"]["eventList"])
        for name in done.stderr.split()
    ]
    assert counts == [2, 2, 1]


def test_an_empty_database_is_exported_as_a_document_without_events(run):
    assert json.loads(run("export").stdout)["epcisBody"]["eventList"] == []


def test_rebuild_makes_the_same_chain_again(run_on_both, database_url):
    run_on_both("demo", *DAY)

    def chain():
        store = Store(database_url)
        with store.reading() as session:
            found = trace_back(session, acts.GOOD_JAR)
        store.close()
        return found

    before = chain()
    done = run_on_both("rebuild")
    assert done.exit_code == 0, done.output
    assert "statements read again" in done.stderr
    assert chain() == before
