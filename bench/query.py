"""Queries over a million events: pages of typical questions, against hand-written statements.

Ours is the whole answer, from the parameters to the bytes of the query document. The floor is the
best statement that we know for the same page, on the bare driver, with the bytes of the events.
"""

import gc
import random
import re
import sqlite3
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from bench.databases import Run, migrate, raw
from bench.figures import Figure, compared, interleaved, progress
from bench.journal import (
    COLUMNS,
    NAMESPACE,
    PARTIES,
    START,
    STEPS,
    YEAR,
    Journal,
    field_of_parameter,
)
from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.query.keys import key_of
from foodtrace.trace.query.parameters import query_of
from foodtrace.trace.query.results import ENCODER, as_result, query_document
from foodtrace.trace.query.services import find_events
from foodtrace.trace.store.session import Store
from tests.postgres import PostgresServer

PER_PAGE = 30
PAGE = 50
SECRET = "a secret of the benchmark"
PREFIXES = {"ex": NAMESPACE}
REGULATOR = Actor("bench", None, frozenset({Role.REGULATOR}))
FLOOR = "one statement by hand, bare driver"
ROUNDS = 200

# What every floor fetches of a page: the bytes of its events.
_PAGE = (
    "SELECT e.id, e.event_id, e.record_time, substr(d.body, s.start + 1, s.length) FROM ({found}) e"
    " JOIN statement s ON s.id = e.id JOIN document d ON d.id = s.document_id"
    " ORDER BY e.{time} DESC, e.id DESC"
)
_EVENT = "SELECT e.id, e.event_id, e.record_time, e.event_time FROM "
_NEWEST = f" ORDER BY e.record_time DESC, e.id DESC LIMIT {PER_PAGE}"
_OF_ITEM = "SELECT p.event_id FROM item i JOIN event_item p ON p.item_id = i.id WHERE "
_OF_KEY = "SELECT k.event_id FROM event_key k WHERE "
_OF_NUMBER = "SELECT n.event_id FROM event_number n WHERE "
_LOOKED_UP = _EVENT + "event e WHERE e.id IN ({few})" + _NEWEST

Asked = dict[str, Any]


def measure(folder: Path, server: PostgresServer, quick: bool) -> list[Figure]:
    """Measure on both databases, one after the other."""
    journal = Journal(20_000 if quick else 1_000_000)
    figures: list[Figure] = []
    for fill in (partial(_sqlite, folder), partial(_postgresql, server)):
        progress(f"loading {journal.events:,} events")
        url = fill(journal)
        figures += _measure(url, journal, 20 if quick else ROUNDS)
    return figures


def _sqlite(folder: Path, journal: Journal) -> str:
    path = folder / "journal.sqlite"
    url = f"sqlite:///{path}"
    migrate(url)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = 0")
    for table, columns in COLUMNS.items():
        names = columns.split()
        places = ", ".join("?" * len(names))
        connection.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", journal.rows(table)
        )
        connection.commit()
    connection.execute("ANALYZE")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return url


def _postgresql(server: PostgresServer, journal: Journal) -> str:
    server.run("CREATE DATABASE journal")
    url = server.database("journal")
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET timezone = 'UTC'")
        for table, columns in COLUMNS.items():
            names = ", ".join(columns.split())
            with connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in journal.rows(table):
                    copy.write_row(row)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return url


def _measure(url: str, journal: Journal, rounds: int) -> list[Figure]:
    store = Store(url)
    run = raw(url)
    chance = random.Random(1)
    gc.collect()
    gc.freeze()
    database = f"{store.dialect} {journal.events:.0e}".replace("e+0", "e")
    progress(f"queries on {database}")
    try:
        figures = []
        for work, question in QUESTIONS.items():
            pairs = []
            for _ in range(rounds):
                parameters, actor, sql, values = question(journal, chance)
                ours = partial(_answer, store, actor, parameters)
                pairs.append((ours, partial(run, _for(store.dialect, sql), values)))
            figures += compared(work, database, interleaved(pairs), FLOOR, 0.5, 0.99)
        return [*figures, *_deep(store, run, database, rounds)]
    finally:
        store.close()
        gc.unfreeze()


def _answer(store: Store, actor: Actor, parameters: Asked, token: str | None = None) -> str | None:
    query = query_of(parameters, PREFIXES)
    with store.reading() as session:
        page = find_events(session, actor, query, per_page=PER_PAGE, secret=SECRET, token=token)
    ENCODER.encode(query_document([as_result(each) for each in page.events]))
    return page.next_token


def _deep(store: Store, run: Run, database: str, rounds: int) -> list[Figure]:
    """Measure the 50th page of everything."""
    token = None
    for _ in range(PAGE - 1):
        token = _answer(store, REGULATOR, {}, token)
    found = f"{_EVENT}event e{_NEWEST} OFFSET {PER_PAGE * (PAGE - 1) - 1}".replace(
        f"LIMIT {PER_PAGE}", "LIMIT 1"
    )
    ((last, _, time, _),) = run(found, ())
    sql = _page(f"{_EVENT}event e WHERE (e.record_time, e.id) < (?, ?){_NEWEST}")
    floor = partial(run, _for(store.dialect, sql), (time, last))
    ours = partial(_answer, store, REGULATOR, {}, token)
    times = interleaved([(ours, floor)] * rounds)
    return compared(f"page {PAGE} of all events", database, times, FLOOR, 0.5, 0.99)


def _for(dialect: str, sql: str) -> str:
    if dialect == "sqlite":
        return sql
    # Of a subquery PostgreSQL expects so many rows that it would rather read whole tables.
    looked_up = re.sub(r"IN \((SELECT .*?)\)( ORDER BY)", r"= ANY(ARRAY(\1))\2", sql)
    return looked_up.replace("?", "%s")


def _page(found: str, time: str = "record_time") -> str:
    return _PAGE.format(found=found, time=time)


def _few(found: str) -> str:
    return _page(_LOOKED_UP.format(few=found))


Question = Callable[[Journal, random.Random], tuple[Asked, Actor, str, Sequence[Any]]]


def _by_lot(journal: Journal, chance: random.Random) -> tuple[Asked, Actor, str, Sequence[Any]]:
    lot = journal.canonical(chance.randrange(journal.lots))
    asked = {"MATCH_anyEPCClass": [f"https://id.gs1.org{lot}"]}
    return asked, REGULATOR, _few(f"{_OF_ITEM}i.canonical = ?"), (lot,)


def _by_pattern(journal: Journal, chance: random.Random) -> tuple[Asked, Actor, str, Sequence[Any]]:
    gtin = journal.product(chance.randrange(journal.lots))
    # The digit in front, the company prefix of seven, and the reference without check digit.
    asked = {"MATCH_anyEPCClass": [f"urn:epc:idpat:lgtin:{gtin[1:8]}.{gtin[0]}{gtin[8:13]}.*"]}
    low, high = f"/01/{gtin}/10/", f"/01/{gtin}/100"
    return asked, REGULATOR, _few(f"{_OF_ITEM}{_RANGE}"), (low, high)


_RANGE = "i.canonical >= ? AND i.canonical < ?"


def _by_step_and_day(
    journal: Journal, chance: random.Random
) -> tuple[Asked, Actor, str, Sequence[Any]]:
    day = START + chance.random() * (YEAR - timedelta(days=1))
    until = day + timedelta(days=1)
    step = STEPS[chance.randrange(len(STEPS))]
    asked = {
        "EQ_bizStep": [step],
        "GE_eventTime": day.isoformat(),
        "LT_eventTime": until.isoformat(),
        "orderBy": "eventTime",
    }
    found = (
        f"{_EVENT}event e WHERE e.event_time >= ? AND e.event_time < ? AND e.biz_step = ?"
        f" ORDER BY e.event_time DESC, e.id DESC LIMIT {PER_PAGE}"
    )
    values = (f"{day:%Y-%m-%d %H:%M:%S.%f}", f"{until:%Y-%m-%d %H:%M:%S.%f}", step)
    return asked, REGULATOR, _page(found, "event_time"), values


def _by_ilmd(journal: Journal, chance: random.Random) -> tuple[Asked, Actor, str, Sequence[Any]]:
    grower = f"grower {chance.randrange(journal.growers())}"
    key = key_of(f"ILMD_{NAMESPACE}grower", grower)
    asked = {"EQ_ILMD_ex:grower": [grower]}
    return asked, REGULATOR, _few(f"{_OF_KEY}k.key = ?"), (key,)


def _by_sensor(
    _journal: Journal, _chance: random.Random
) -> tuple[Asked, Actor, str, Sequence[Any]]:
    field = field_of_parameter("GT_value_CEL")
    found = f"{_OF_NUMBER}n.field = ? AND n.value > 10"
    return {"GT_value_CEL": 10}, REGULATOR, _few(found), (field,)


def _newest(_journal: Journal, chance: random.Random) -> tuple[Asked, Actor, str, Sequence[Any]]:
    party = 1 + chance.randrange(PARTIES)
    actor = Actor("bench", party, frozenset({Role.PRODUCER}))
    return {}, actor, _page(f"{_EVENT}event e WHERE e.party_id = ?{_NEWEST}"), (party,)


def _step_of_party(
    _journal: Journal, chance: random.Random
) -> tuple[Asked, Actor, str, Sequence[Any]]:
    party = 1 + chance.randrange(PARTIES)
    actor = Actor("bench", party, frozenset({Role.PRODUCER}))
    found = f"{_EVENT}event e WHERE e.party_id = ? AND e.biz_step = 'shipping'{_NEWEST}"
    return {"EQ_bizStep": ["shipping"]}, actor, _page(found), (party,)


QUESTIONS: dict[str, Question] = {
    "events of a lot": _by_lot,
    "events of a product's lots": _by_pattern,
    "a step on a day": _by_step_and_day,
    "a value of the ILMD": _by_ilmd,
    "warmer than 10 degrees": _by_sensor,
    "newest of a party": _newest,
    "newest of a party, one step": _step_of_party,
}
