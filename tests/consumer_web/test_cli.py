"""The command line: what it prints where, and how it refuses."""

import socket

import pytest
from alembic import command
from click.testing import CliRunner

from foodtrace.consumer_web.cli import main
from foodtrace.consumer_web.serving import free_address
from foodtrace.trace.access.keys import actor_of_key
from foodtrace.trace.access.models import User
from foodtrace.trace.masterdata.services import find_party
from foodtrace.trace.store.migrate import configuration, is_current
from foodtrace.trace.store.session import Store

from ..trace.acts import capture, make, rows
from ..web import Browser, staff_app


@pytest.fixture
def environment(tmp_path, monkeypatch):
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path))
    monkeypatch.delenv("FOODTRACE_DATABASE_URL", raising=False)
    return f"sqlite:///{tmp_path}/foodtrace.sqlite"


@pytest.fixture
def migrated(database_url, environment, monkeypatch):
    """The environment of an installation on a migrated database."""
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", database_url)
    store = Store(database_url)
    yield store
    store.close()


def run(*words, **options):
    return CliRunner().invoke(main, words, **options)


def test_every_command_is_there():
    assert set(main.commands) == {
        "serve", "migrate", "user", "key", "demo", "import", "rebuild", "export", "hash", "link",
        "log", "sequencer", "witness", "audit", "erase",
    }  # fmt: skip


def test_migrate_makes_the_tables_and_does_no_harm_twice(environment):
    for _ in range(2):
        assert run("migrate").exit_code == 0
    store = Store(environment)
    assert is_current(store)
    store.close()


def test_migrate_makes_anew_what_another_version_of_the_program_derived(migrated):
    capture(migrated, make(1, {"A#1": 1}))
    before = rows(migrated)
    with migrated.transaction() as session:
        command.downgrade(configuration(session.connection()), "0001")
        command.upgrade(configuration(session.connection()), "head")
    refused = run("rebuild")
    assert refused.exit_code == 1
    assert "foodtrace migrate" in refused.stderr
    migrated_again = run("migrate")
    assert migrated_again.exit_code == 0
    assert "1 statements read again" in migrated_again.stderr
    assert rows(migrated) == before
    assert "read again" not in run("migrate").stderr


@pytest.mark.parametrize(
    "words",
    [
        ("serve",),
        ("key", "create", "--role", "regulator"),
        ("user", "create", "li.na", "--role", "regulator"),
        ("rebuild",),
    ],
    ids=" ".join,
)
def test_before_migrating_every_command_says_what_to_do(environment, words):
    result = run(*words)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "foodtrace migrate" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_key_is_printed_alone_and_its_party_is_registered(migrated):
    result = run("key", "create", "--role", "producer", "--party", "青山农场")
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    with migrated.reading() as session:
        party = find_party(session, name="青山农场")
        actor = actor_of_key(session, line)
    assert (actor.party_id, actor.roles) == (party.id, {"producer"})
    assert "青山农场" in result.stderr


def test_a_known_party_is_not_registered_again(migrated):
    run("key", "create", "--role", "producer", "--party", "青山农场")
    again = run("key", "create", "--role", "laboratory", "--party", "青山农场")
    assert again.exit_code == 0
    assert again.stderr == ""


def test_a_generated_password_is_printed_alone_and_signs_in(migrated):
    result = run("user", "create", "Li.Na", "--role", "inspector", "--role", "regulator")
    (password,) = result.stdout.splitlines()
    assert Browser(staff_app(migrated)).sign_in("li.na", password).status_code == 302


def test_a_password_from_standard_input_is_not_printed(migrated):
    result = run(
        "user", "create", "zhang", "--role", "producer", "--party", "青山农场",
        "--display-name", "张三", "--password-stdin", input="a sentence from a pipe\n",
    )  # fmt: skip
    assert (result.exit_code, result.stdout) == (0, "")
    assert (
        Browser(staff_app(migrated)).sign_in("zhang", "a sentence from a pipe").status_code == 302
    )
    with migrated.reading() as session:
        assert session.query(User).one().display_name == "张三"


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("key", "create", "--role", "king"), 2, "king"),
        (("key", "create"), 2, "--role"),
        (("key", "create", "--role", "producer"), 1, "organisation"),
        (("user", "create", "a b", "--role", "inspector"), 1, "user name"),
        (("user", "create", "li.na"), 2, "--role"),
        (("serve", "--port", "0"), 2, "port"),
        (("nonsense",), 2, "nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_said_in_one_sentence(migrated, words, status, says):
    result = run(*words)
    assert result.exit_code == status
    assert result.stdout == ""
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_a_refused_account_leaves_no_party_behind(migrated):
    run("user", "create", "a b", "--role", "producer", "--party", "青山农场")
    with migrated.reading() as session:
        assert find_party(session, name="青山农场") is None


def test_a_bad_database_address_is_named(environment, monkeypatch):
    monkeypatch.setenv("FOODTRACE_DATABASE_URL", "nonsense")
    result = run("migrate")
    assert result.exit_code == 1
    assert "FOODTRACE_DATABASE_URL" in result.stderr


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_that_is_taken_is_not_served_a_second_time(environment, shared):
    run("migrate")
    with socket.socket() as other:
        if shared:  # another foodtrace, whose server would share the port
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = run("serve", "--host", "localhost", "--port", str(port))
    assert result.exit_code == 1
    assert f"port {port}" in result.stderr


def test_an_address_of_another_machine_is_refused_in_one_sentence(environment):
    run("migrate")
    result = run("serve", "--host", "203.0.113.1", "--port", "8000")
    assert result.exit_code == 1
    assert "203.0.113.1" in result.stderr


def test_the_usual_names_of_this_machine_can_be_served():
    names = {name: free_address(name, _free_port()) for name in ("localhost", "127.0.0.1")}
    assert set(names.values()) == {"127.0.0.1"}


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FOODTRACE_DATA", str(tmp_path / "file"))
    monkeypatch.delenv("FOODTRACE_DATABASE_URL", raising=False)
    result = run("migrate")
    assert result.exit_code == 1
    assert "Error:" in result.stderr
    assert str(tmp_path / "file") in result.stderr


def test_an_export_into_no_folder_is_refused_in_one_sentence(migrated, tmp_path):
    result = run("export", str(tmp_path / "nowhere" / "events.json"))
    assert result.exit_code == 1
    assert "nowhere" in result.stderr
