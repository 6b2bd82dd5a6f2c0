"""The WSGI server: granian, the same for the one-command run and for production.

Headers are read by the server's own loop, so that a client that is slow there holds a
connection and no thread. Bodies are read by threads: app.py lets 48 of them wait at most.
"""

import logging

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

THREADS = 64
MOST_CONNECTIONS = 1024  # a worker
HEADER_TIMEOUT_MS = 15_000
SECONDS_TO_FINISH = 10  # what is under way when the service is stopped


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out granian's advice against many threads: ours wait, they do not compute."""
    return "Python threads" not in record.getMessage()


def serve(host: str, port: int, *, workers: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way."""
    logging.getLogger("_granian").addFilter(_is_news)
    Granian(
        "foodtrace.consumer_web.app:from_environment",
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        runtime_threads=1,
        http=HTTPModes.http1,
        websockets=False,
        backlog=MOST_CONNECTIONS,
        backpressure=MOST_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS),
        respawn_failed_workers=True,
        workers_kill_timeout=SECONDS_TO_FINISH,
    ).serve()
