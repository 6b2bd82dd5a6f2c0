"""`foodtrace link`: Digital Links and element strings, with no database in sight."""

import pytest
from click.testing import CliRunner

from foodtrace.consumer_web.cli import main


@pytest.fixture
def link(monkeypatch):
    """Run `foodtrace link` where no database can be opened."""
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    def run(*arguments):
        return CliRunner().invoke(main, ["link", *arguments])

    return run


def test_it_prints_the_element_string(link):
    result = link("parse", "https://a.example/s/01/09506000134352/10/L%2F1?17=261200&lang=zh")
    assert (result.exit_code, result.output) == (0, "^010950600013435210L/1^17261200\n")


def test_it_refuses_with_place_rule_and_fix(link):
    result = link("parse", "https://a.example/01/09506000134353")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: (01):14: The check digit of (01) GTIN 09506000134353 is wrong. "
        "Compare the digits with the label: at least one was mistyped.\n"
    )


def test_short_gtins_and_words_are_read_if_asked_for(link):
    uri = "https://a.example/gtin/9506000134352/lot/L1"
    assert link("parse", uri).exit_code == 1
    assert link("parse", "--words", "--short-gtin", uri).output == "^010950600013435210L1\n"


@pytest.mark.parametrize(
    "text", ["(10)L/1(01)09506000134352(17)261231", "^10L/1^010950600013435217261231"]
)
def test_it_builds_a_link(link, text):
    expected = "/01/09506000134352/10/L%2F1?17=261231\n"
    assert link("build", text).output == f"https://id.gs1.org{expected}"
    assert link("build", "--stem", "https://a.example/s/", text).output == (
        f"https://a.example/s{expected}"
    )


def test_it_builds_nothing_without_a_key(link):
    result = link("build", "(10)L1")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: (10): ")


def test_without_a_link_the_use_is_wrong(link):
    assert link("parse").exit_code == 2
