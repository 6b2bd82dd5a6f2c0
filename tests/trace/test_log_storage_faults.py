"""Whatever fails to be stored, or fails after it was stored: one history, and it goes on.

`make faults` does it with every plan, and where a tile of tiles is filled (65,536 leaves) too.
"""

import shutil
import uuid

import pytest

from ..conftest import administer, postgresql_url
from ..faults.storage import Failing
from ..faults.storing import Base, double, events_of, single, survive, survivors


@pytest.fixture(scope="module")
def base_of(tmp_path_factory, sqlite_template, postgresql_template):
    """Return the base of a database and a size, made once."""
    made = {}

    def base(dialect, size):
        if (dialect, size) not in made:
            folder = tmp_path_factory.mktemp(f"{dialect}-{size}")
            if dialect == "sqlite":
                file = tmp_path_factory.mktemp("base") / "base.sqlite"
                shutil.copy(sqlite_template, file)
                url = f"sqlite:///{file}"
            else:
                name = f"base_{uuid.uuid4().hex}"
                administer(f"CREATE DATABASE {name} TEMPLATE {postgresql_template}")
                url = postgresql_url(name)
            made[dialect, size] = Base(url, folder, size)
        return made[dialect, size]

    yield base
    for each in made.values():
        if each.url.startswith("postgresql"):
            administer(f"DROP DATABASE {each.url.rsplit('/', 1)[-1]} WITH (FORCE)")


def test_it_works(base_of, tmp_path):
    kept = base_of("sqlite", 254).copy(tmp_path)
    with Failing({}).over(kept.store) as failing:
        kept.capture(1)
        kept.keep_all()
    assert failing.log == [("commit", None), ("anchor", None), ("commit", None)]
    kept.close()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_one_failure_at_any_step_across_the_border_of_a_tile(base_of, tmp_path, dialect):
    plans = single(dialect)
    assert survivors(base_of(dialect, 255), tmp_path, plans, 1) == {}


def test_one_failure_at_any_step_of_three_captures(base_of, tmp_path):
    """From 254 to 257 leaves: a tile is filled, and the next begins."""
    plans = single("sqlite", captures=3)[::3]  # the ways to fail take turns; all: make faults
    assert survivors(base_of("sqlite", 254), tmp_path, plans, 3) == {}


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_two_failures_in_a_row_and_during_recovery(base_of, tmp_path, dialect):
    plans = double(dialect)[:: 3 if dialect == "sqlite" else 7]
    assert survivors(base_of(dialect, 255), tmp_path, plans, 1) == {}


# --- the controls: what these tests would find


def test_a_head_that_is_published_before_its_leaves_are_stored_is_found(
    base_of, tmp_path, monkeypatch
):
    from foodtrace.trace.log import keeping
    from foodtrace.trace.log.checkpoints import sign_checkpoint
    from foodtrace.trace.log.signers import load_signer

    sequence = keeping.sequence
    kept = base_of("sqlite", 255).copy(tmp_path)

    def early(connection, **options):
        done = sequence(connection, **options)
        if done:
            state = keeping.newest_log(connection)
            head = keeping.head_to_sign(connection, state.year)
            signer = load_signer(kept.settings.log_key_folder, state.year, state.vkey)
            kept.anchor.replace(state.year, sign_checkpoint(head.new, signer))
        return done

    monkeypatch.setattr(keeping, "sequence", early)
    with pytest.raises(AssertionError, match="nothing is recorded any more"):
        survive(kept, {0: "lost"}, events_of(1))
    kept.close()


def test_an_acknowledgement_before_the_commit_is_found(base_of, tmp_path, monkeypatch):
    kept = base_of("sqlite", 255).copy(tmp_path)
    monkeypatch.setattr("foodtrace.trace.store.session._Batch.error", None, raising=False)
    monkeypatch.setattr(
        "foodtrace.trace.store.session._Batch.__setattr__",
        lambda self, name, value: (
            None if name == "error" else object.__setattr__(self, name, value)
        ),
    )
    found = survive(kept, {0: "lost"}, events_of(1), is_retried=False)
    assert [each for each in found if "was acknowledged and is lost" in each]
