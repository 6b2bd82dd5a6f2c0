"""Capture over HTTP: events a second and processor time an event.

Beside each figure stands that of the bare pipeline, and that of the service without its log.
"""

import json
import os
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.figures import Figure, median_of, progress
from bench.load import post
from bench.servers import BIN, Server, foodtrace, granian
from foodtrace.consumer_web.serving import THREADS
from tests.postgres import PostgresServer

GTIN = "09506000134352"
CONTEXT = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"foodtrace": "https://foodtrace.example/ns/"},
]
ROUNDS = 3
# Events a request, connections, and requests a round: a round ends when all are sent.
SHAPES = ((1, 1, 2000), (1, 32, 8000), (100, 1, 100), (100, 32, 400))
FLOOR = "parse + schema + hash + insert"
WITHOUT = "the service without its log"


def measure(folder: Path, server: PostgresServer, quick: bool) -> list[Figure]:
    """Return the figures for SQLite and PostgreSQL."""
    server.run("CREATE DATABASE capture")
    server.run("CREATE DATABASE pipeline")
    server.run("CREATE DATABASE without_log")
    names = ("capture", "pipeline", "without_log")
    urls = {
        "sqlite": [f"sqlite:///{folder}/{name}.sqlite" for name in names],
        "postgresql": [server.database(name) for name in names],
    }
    figures = []
    for database, (ours, floor, bare) in urls.items():
        with ExitStack() as stack:
            own = _environment(folder / database, ours)
            other = _environment(folder / f"{database}-without", bare)
            keys = (_prepare(own), "", _prepare(other))
            workers = 1 if database == "sqlite" else os.cpu_count() or 1
            servers = [
                stack.enter_context(starting.running())
                for starting in (
                    foodtrace(own),
                    granian("bench.pipeline:app", {"FOODTRACE_BENCH_DATABASE": floor}, 64),
                    granian("bench.without_log:app", other, THREADS, workers),
                )
            ]
            for shape in SHAPES:
                figures += _shape(database, servers, keys, shape, 4 if quick else 1)
    return figures


def _environment(data: Path, url: str) -> dict[str, str]:
    return {"FOODTRACE_DATA": str(data), "FOODTRACE_DATABASE_URL": url}


def _prepare(environment: dict[str, str]) -> str:
    """Make the tables and a key; return the key."""
    full = {**os.environ, **environment}
    command = str(BIN / "foodtrace")
    subprocess.run([command, "migrate"], env=full, check=True, capture_output=True)
    made = subprocess.run(
        [command, "key", "create", "--role", "producer", "--party", "Bench"],
        env=full,
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout.strip()


def _shape(
    database: str,
    servers: Sequence[Server],
    keys: Sequence[str],
    shape: tuple[int, int, int],
    shortened: int,
) -> list[Figure]:
    events, connections, requests = shape
    progress(f"capture on {database}: {events} a request, {connections} connections")
    rates, costs = [], []
    for _ in range(ROUNDS):
        bodies = list(documents(requests // shortened, events))
        rate, cost = [], []
        for server, key in zip(servers, keys, strict=True):
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/ld+json"}
            before = server.cpu()
            answered = post(server.url, "/epcis/capture", bodies, connections, headers)
            stored = answered.requests * events
            rate.append(stored / answered.seconds)
            cost.append((server.cpu() - before) / stored * 1e6)
        rates.append(rate)
        costs.append(cost)
    work = f"capture {events} a request, {connections} conn."
    ours, floor, bare = median_of(rates)
    own_cost, floor_cost, bare_cost = median_of(costs)
    return [
        Figure(work, database, "events/s", ours, floor, FLOOR),
        Figure(work, database, "events/s", ours, bare, WITHOUT),
        Figure(f"{work}, CPU an event", database, "µs", own_cost, floor_cost, FLOOR),
        Figure(f"{work}, CPU an event", database, "µs", own_cost, bare_cost, WITHOUT),
    ]


def documents(count: int, events: int) -> Iterator[bytes]:
    """Yield documents of new events: each makes a lot of 2 or 3 others."""
    run_name = uuid.uuid4().hex[:8]
    for number in range(count):
        first = number * events
        document = {
            "@context": CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-05-01T08:00:00Z",
            "epcisBody": {"eventList": [_event(run_name, first + each) for each in range(events)]},
        }
        yield json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _event(run_name: str, number: int) -> dict[str, object]:
    """One event of about 900 bytes and 3.5 items."""
    number += 3  # the first ones have parents too
    parents = range(number - 2 - number % 2, number)
    return {
        "type": "TransformationEvent",
        "eventID": f"urn:uuid:{run_name}-0000-4000-8000-{number:012x}",
        "eventTime": "2026-05-01T10:00:00.000+08:00",
        "eventTimeZoneOffset": "+08:00",
        "bizStep": "commissioning",
        "disposition": "active",
        "readPoint": {"id": "https://id.gs1.org/414/6901234000009"},
        "bizLocation": {"id": "https://id.gs1.org/414/6901234000009"},
        "bizTransactionList": [
            {"type": "po", "bizTransaction": "urn:epc:id:gdti:0614141.06012.1234"}
        ],
        "inputQuantityList": [_amount(run_name, parent, 5) for parent in parents],
        "outputQuantityList": [_amount(run_name, number, 10)],
        "ilmd": {"foodtrace:productionDate": "2026-05-01", "foodtrace:origin": "山东省寿光市"},
    }


def _amount(run_name: str, number: int, amount: int) -> dict[str, object]:
    name = f"https://id.gs1.org/01/{GTIN}/10/{run_name}{number:x}"
    return {"epcClass": name, "quantity": amount, "uom": "KGM"}
