"""Chains: back from a shop's lot, forward from a farm's, and the recall of a hub's."""

import gc
import json
from collections.abc import Callable
from functools import partial

from bench.databases import Run, raw
from bench.figures import Figure, compared, interleaved, progress
from bench.replay import replay, statements_of
from bench.supply import Supply
from foodtrace.trace.chain.services import (
    descendant_ids,
    fingerprint,
    item_ids,
    trace_back,
    trace_forward,
)
from foodtrace.trace.store.session import Store

SAME = "same SQL, bare driver"


def questions(supply: Supply, count: int) -> dict[str, list[str]]:
    """Return the lots to ask about, by what is asked."""
    return {
        "back": supply.pick("shop", count),
        "forward": supply.pick("farm", count // 4),
        "hub": [supply.hub],
    }


def measure(url: str, edges: int, asked: dict[str, list[str]]) -> list[Figure]:
    """Return the figures of one database."""
    store = Store(url)
    run = raw(url)
    # A collection in the middle would count what the generator left behind.
    gc.collect()
    gc.freeze()
    database = f"{store.dialect} {edges:.0e}".replace("e+0", "e")
    progress(f"chains on {database}")
    try:
        return [
            *_read("trace back", database, store, run, trace_back, asked["back"]),
            *_read("trace forward", database, store, run, trace_forward, asked["forward"]),
            *_read("fingerprint", database, store, run, fingerprint, asked["back"]),
            *_recall(database, store, run, asked["hub"]),
        ]
    finally:
        store.close()
        gc.unfreeze()


def _read(
    work: str,
    database: str,
    store: Store,
    run: Run,
    read: Callable[..., object],
    lots: list[str],
) -> list[Figure]:
    def once(lot: str) -> None:
        with store.reading() as session:
            read(session, lot)

    pairs = [
        (partial(once, lot), partial(replay, run, statements_of(store, partial(once, lot))))
        for lot in lots
    ]
    times = interleaved(pairs)
    shares = (0.5, 0.99) if work == "trace back" else (0.5,)
    return compared(work, database, times, SAME, *shares)


def _recall(database: str, store: Store, run: Run, hub: list[str]) -> list[Figure]:
    with store.reading() as session:
        start = item_ids(session, hub)
        size = len(descendant_ids(session, start))

    def ours() -> None:
        with store.reading() as session:
            descendant_ids(session, start)

    times = interleaved([(ours, partial(_level_by_level, store.dialect, run, start))], 5)
    floor_is = "level by level, bare driver"
    work = f"recall of {size:,} lots"
    (figure,) = compared(work, database, times, floor_is, 0.5)
    return [Figure(work, database, figure.unit, figure.value, figure.floor, floor_is)]


def _level_by_level(dialect: str, run: Run, start: set[int]) -> set[int]:
    found = set(start)
    level = found
    while level:
        if dialect == "sqlite":
            rows = run(
                "SELECT child_id FROM json_each(?) JOIN edge ON parent_id = value",
                (json.dumps(list(level)),),
            )
        else:
            rows = run("SELECT child_id FROM edge WHERE parent_id = ANY(%s)", (list(level),))
        level = {row[0] for row in rows} - found
        found |= level
    return found
