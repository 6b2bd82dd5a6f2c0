"""`foodtrace hash`: event hashes of files, with no database in sight."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from foodtrace.consumer_web.cli import main

EXAMPLES = Path(__file__).parents[1] / "data/event_hash/examples"


@pytest.fixture
def hashes(monkeypatch):
    """Run `foodtrace hash` where no database can be opened."""
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    def run(*arguments, text=None):
        return CliRunner().invoke(main, ["hash", *map(str, arguments)], input=text)

    return run


def published(name, end="hashes"):
    return (EXAMPLES / f"{name}.{end}").read_text("utf-8")


@pytest.mark.parametrize(
    "name", ["TimeStampRoundOff.jsonld", "SensorDataExamples.xml", "epcisQueryDocument.xml"]
)
def test_it_prints_one_hash_a_line(hashes, name):
    result = hashes(EXAMPLES / name)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.split() == published(name.partition(".")[0]).split()


def test_it_prints_what_is_hashed(hashes):
    result = hashes("--pre-hash", EXAMPLES / "persistentDisposition.jsonld")
    assert result.stdout.strip() == published("persistentDisposition", "prehashes").strip()


def test_files_come_in_the_order_given_and_one_may_be_standard_input(hashes):
    path = EXAMPLES / "persistentDisposition.xml"
    text = (EXAMPLES / "ReferenceEventHashAlgorithm.jsonld").read_bytes()
    result = hashes("-", path, text=text)
    expected = published("ReferenceEventHashAlgorithm") + published("persistentDisposition")
    assert result.stdout.split() == expected.split()


def test_a_bad_file_is_named_with_place_and_fix_and_the_others_are_done(hashes, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_bytes(b'{"type": "EPCISDocument",\n]')
    good = EXAMPLES / "persistentDisposition.xml"
    half = tmp_path / "half.xml"
    half.write_bytes(good.read_bytes().replace(b"OBSERVE", b"LOOK", 1))
    result = hashes(broken, half, good)
    assert result.exit_code == 1
    assert result.stdout.split() == published("persistentDisposition").split()
    assert f"{broken}: refused\n  line 2, column 1: The JSON is broken" in result.stderr
    assert f"{half}: refused\n  line " in result.stderr
    assert result.stderr.endswith("2 of 3 files refused\n")


def test_what_standard_input_holds_is_refused_by_that_name(hashes):
    result = hashes("-", text=b"hello")
    assert result.exit_code == 1
    assert result.stderr.startswith("standard input: refused\n")


def test_a_file_that_is_not_there_is_wrong_use(hashes, tmp_path):
    assert hashes(tmp_path / "none.json").exit_code == 2
