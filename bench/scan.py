"""A scanned code: pages from the cache beside nginx, pages made anew beside raw SQL + Jinja."""

import shutil
import urllib.request
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from flask import Flask, template_rendered

from bench.databases import fill_postgresql, fill_sqlite, raw
from bench.figures import Figure, compared, interleaved, median_of, progress
from bench.load import get
from bench.replay import replay, statements_of
from bench.servers import Server, foodtrace, granian, nginx
from bench.supply import SHORT_LEVELS, Supply
from foodtrace.consumer_web.app import create_public_app
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store
from tests.postgres import PostgresServer

ROUNDS = 3
CONNECTIONS = 32


def measure(folder: Path, server: PostgresServer, quick: bool) -> list[Figure]:
    """Return the figures for SQLite and PostgreSQL."""
    progress("many short chains")
    supply = Supply(20_000 if quick else 60_000, SHORT_LEVELS, with_hub=False)
    lots = supply.pick("shop", 60 if quick else 300)
    urls = {
        "sqlite": fill_sqlite(folder / "scan.sqlite", supply),
        "postgresql": fill_postgresql(server, supply, "scan"),
    }
    figures = []
    for database, url in urls.items():
        settings = Settings(folder, url, "http://127.0.0.1:8000", "secret", secure_cookies=False)
        figures += _cold(database, settings, lots)
        figures += _hot(folder, database, url, lots, 1 if quick else 4)
    return figures


def _cold(database: str, settings: Settings, lots: list[str]) -> list[Figure]:
    progress(f"cold scans on {database}")
    store = Store(settings.database_url)
    app = create_public_app(store, settings)
    bare = raw(settings.database_url)
    client = app.test_client()

    def ours(lot: str) -> None:
        # A query that the page cache does not know: the page is made anew.
        page = client.get(lot, query_string={"anew": "1"}, headers={"Accept": "text/html"})
        assert page.status_code == 200

    pairs = []
    for lot in lots:
        statements = statements_of(store, partial(ours, lot))
        render = _template_of(app, partial(ours, lot))
        pairs.append((partial(ours, lot), partial(_floor, app, bare, statements, render, lot)))
    times = interleaved(pairs)
    store.close()
    return compared("cold scan", database, times, "same SQL, bare driver + Jinja", 0.5, 0.99)


def _template_of(app: Flask, work: partial[None]) -> partial[str]:
    """Do the work once; return the rendering of its page, with everything looked up."""
    rendered: list[partial[str]] = []

    def note(_app: Flask, template: object, context: dict[str, object], **_: object) -> None:
        rendered.append(partial(template.render, context))  # type: ignore[attr-defined]

    with template_rendered.connected_to(note, app):
        work()
    return rendered[-1]


def _floor(app: Flask, bare: object, statements: object, render: partial[str], lot: str) -> None:
    replay(bare, statements)  # type: ignore[arg-type]
    with app.test_request_context(lot):
        render()


def _hot(folder: Path, database: str, url: str, lots: list[str], seconds: int) -> list[Figure]:
    progress(f"hot scans on {database}")
    environment = {"FOODTRACE_DATA": str(folder), "FOODTRACE_DATABASE_URL": url}
    paths = folder / "paths"
    paths.write_text("\n".join(lots) + "\n")
    www = folder / "www"
    with ExitStack() as stack:
        product = stack.enter_context(foodtrace(environment).running())
        size = _keep_pages(product, lots, www)
        floors = {
            "granian, bytes from memory": granian(
                "bench.memory:app", {"FOODTRACE_BENCH_PAGES": str(www)}, 4
            )
        }
        if binary := shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin"):
            floors = {"nginx, static file": nginx(folder, binary), **floors}
        servers = [product, *(stack.enter_context(floor.running()) for floor in floors.values())]
        _costs(servers, paths, seconds)  # every worker has every page after this
        cost, *bare = median_of([_costs(servers, paths, seconds) for _ in range(ROUNDS)])
    work = f"hot scan, {size / 1000:.1f} kB, CPU"
    return [
        Figure(work, database, "µs", cost, floor, name)
        for name, floor in zip(floors, bare, strict=True)
    ]


def _costs(servers: list[Server], paths: Path, seconds: int) -> list[float]:
    """Return the processor time of each server for a request, in microseconds."""
    found = []
    for server in servers:
        before = server.cpu()
        answered = get(server.url, paths, CONNECTIONS, seconds)
        found.append((server.cpu() - before) / answered.requests * 1e6)
    return found


def _keep_pages(product: Server, lots: list[str], www: Path) -> int:
    """Write what the service answers to files of the same paths; return their mean size."""
    shutil.rmtree(www, ignore_errors=True)
    for lot in lots:
        path = www / lot.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        asked = urllib.request.Request(product.url + lot, headers={"Accept": "text/html"})
        with urllib.request.urlopen(asked) as answer:
            path.write_bytes(answer.read())
    return sum((www / lot.removeprefix("/")).stat().st_size for lot in lots) // len(lots)
