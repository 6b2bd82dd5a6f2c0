"""Guess serials of a product, as somebody does who looks for codes to copy: none may be found.

    python -m bench.guesses --guesses 1000000

Each guess is a request to the whole public application over a demonstration made for it, as a
program asks (no page is drawn for what is found). Half of the guesses look like real serials (20
symbols), half are what people try: counted numbers, dates, the printed one with a digit changed.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from multiprocessing import Process, Queue
from pathlib import Path
from typing import Any

from foodtrace.consumer_web.app import create_public_app
from foodtrace.consumer_web.demonstration import making
from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.codes.services import make_run
from foodtrace.trace.masterdata.services import find_product
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

PRODUCT = "/01/09521000890022"
SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
REGISTERED = 10_000


def made(folder: Path) -> Settings:
    """Make a demonstration with serials to be found, and return its settings."""
    url = f"sqlite:///{folder / 'foodtrace.sqlite'}"
    settings = Settings(folder, url, "http://localhost", "for measuring only " * 2, False)
    foodtrace = Path(sys.executable).with_name("foodtrace")
    environment = {"FOODTRACE_DATA": str(folder), "FOODTRACE_DATABASE_URL": url}
    subprocess.run([foodtrace, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
    store = Store(url)
    making.make(store, settings, datetime.now(UTC).date())
    with store.transaction() as session:
        product = find_product(session, PRODUCT)
        assert product is not None
        maker = Actor("user:bench", product.party_id, frozenset({Role.PRODUCER}))
        make_run(session, maker, product=PRODUCT, count=REGISTERED)
    store.close()
    return settings


def guess(settings: Settings, count: int, seed: int, answers: "Queue[Any]") -> None:
    """Guess, and put how often each status came into the queue."""
    store = Store(settings.database_url)
    application = create_public_app(store, settings)
    chance = random.Random(seed)
    statuses: Counter[str] = Counter()

    def start(status: str, _headers: Any, _error: Any = None) -> Any:
        statuses[status] += 1

    for number in range(count):
        serial = _serial(chance, number)
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"{PRODUCT}/21/{serial}",
            "QUERY_STRING": "linkType=linkset",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
        }
        for _ in application(environ, start):
            pass
    answers.put(statuses)


def _serial(chance: random.Random, number: int) -> str:
    if number % 2:
        return "".join(chance.choices(SYMBOLS, k=20))
    return chance.choice((str(number), f"{number:06d}", f"2026{number:08d}", f"SN{number}"))


def main() -> None:
    """Guess and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guesses", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    settings = made(folder)
    answers: Queue[Any] = Queue()
    share = options.guesses // options.processes
    started = time.monotonic()
    workers = [
        Process(target=guess, args=(settings, share, seed, answers))
        for seed in range(options.processes)
    ]
    for worker in workers:
        worker.start()
    statuses: Counter[str] = Counter()
    for _ in workers:
        statuses += answers.get()
    seconds = time.monotonic() - started
    total = statuses.total()
    print(f"{total} guesses in {seconds:.0f} s, {REGISTERED} serials registered: {dict(statuses)}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
