"""Fixtures that every test may use. Databases are real: SQLite and PostgreSQL."""

import os
import shutil
import uuid

import pytest
from hypothesis import settings

try:
    from foodtrace.trace.store.migrate import upgrade
    from foodtrace.trace.store.session import Store
except ModuleNotFoundError as error:
    pytest.exit(f"{error}: run make install", returncode=4)

from .foreign import GoVerifier
from .postgres import PostgresServer, fast_folder

SERVER = "FOODTRACE_TEST_POSTGRESQL"

# What is drawn at random is the same in every run: a failure is one that can be repeated.
settings.register_profile("suite", derandomize=True)
settings.load_profile("suite")

# Every commit is flushed to the disk, as in production: a folder in memory makes that quick.
if fast_folder():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(fast_folder()))


def pytest_addoption(parser):
    parser.addoption("--forbid-skips", action="store_true", help="a skipped test is a failure")


def pytest_configure(config):
    """Start PostgreSQL once a run: the workers of pytest-xdist share the first one's server."""
    if not hasattr(config, "workerinput") and SERVER not in os.environ:
        config.postgres = PostgresServer()
        os.environ[SERVER] = config.postgres.database("{}")


def pytest_unconfigure(config):
    server = getattr(config, "postgres", None)
    if server is not None:
        server.stop()
        del os.environ[SERVER]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if (
        report.skipped
        and item.config.getoption("--forbid-skips")
        and not hasattr(report, "wasxfail")
    ):
        report.outcome = "failed"
        report.longrepr = f"skipped, and skips are forbidden: {report.longrepr}"


def postgresql_url(database):
    return os.environ[SERVER].format(database)


def administer(statement):
    import psycopg

    with psycopg.connect(postgresql_url("postgres"), autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite"
    store = Store(f"sqlite:///{path}")
    upgrade(store)
    store.close()
    return path


@pytest.fixture(scope="session")
def postgresql_template():
    """The name of a migrated PostgreSQL database, to be copied."""
    name = f"template_{uuid.uuid4().hex}"
    administer(f"CREATE DATABASE {name}")
    store = Store(postgresql_url(name))
    upgrade(store)
    store.close()
    yield name
    administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(sqlite_template, tmp_path):
    path = tmp_path / "foodtrace.sqlite"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url_of_test(postgresql_template):
    name = f"test_{uuid.uuid4().hex}"
    administer(f"CREATE DATABASE {name} TEMPLATE {postgresql_template}")
    yield postgresql_url(name)
    administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    """The URL of an empty, migrated database; each test that asks for it runs on both."""
    name = "sqlite_url" if request.param == "sqlite" else "postgresql_url_of_test"
    return request.getfixturevalue(name)


@pytest.fixture
def store(database_url):
    """An empty, migrated store, on SQLite and on PostgreSQL."""
    store = Store(database_url)
    yield store
    store.close()


@pytest.fixture
def sqlite_store(sqlite_url):
    """An empty store on SQLite, for tests of what does not depend on the database."""
    store = Store(sqlite_url)
    yield store
    store.close()


@pytest.fixture(scope="session")
def go_verifier(tmp_path_factory):
    """The verifier of logs in Go, built once a run: the workers of pytest-xdist share it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    if (verifier := GoVerifier.built(folder)) is None:
        pytest.skip("no Go on PATH: .ci/system installs it")
    return verifier
