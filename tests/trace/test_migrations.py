"""The tables that the migrations make are those that the program expects."""

from foodtrace.trace.store.migrate import is_current


def test_it_works(store):
    assert is_current(store)
