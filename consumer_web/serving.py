"""The WSGI server: granian, the same for the one-command run and for production.

Headers are read by the server's own loop, so that a client that is slow there holds a
connection and no thread. Bodies are read by threads: app.py lets 82 of them wait.
"""

import logging
import socket
from typing import TYPE_CHECKING

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from foodtrace.trace.errors import Problem, Unavailable, mark

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THREADS = 96
MOST_CONNECTIONS = 1024  # a worker
HEADER_TIMEOUT_MS = 15_000
SECONDS_TO_FINISH = 10  # what is under way when the service is stopped


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out granian's advice against many threads: ours wait, they do not compute."""
    return "Python threads" not in record.getMessage()


def free_address(host: str, port: int) -> str:
    """Return the IP address of `host`; raise Unavailable unless one may listen there.

    Two granians share a port without a word (SO_REUSEPORT), and half the requests would
    go to the other's database. So the port is tried first without sharing.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # IPv4 first: "localhost" is what everybody means by 127.0.0.1.
        family, kind, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise Unavailable(
            Problem(
                "",
                mark("Nothing can be served on %(host)s, port %(port)s: %(reason)s"),
                mark("Stop the program that listens there, or choose another --host or --port"),
                {"host": host, "port": port, "reason": error.strerror or str(error)},
            )
        ) from None
    return str(address[0])


def serve(host: str, port: int, *, workers: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way."""
    logging.getLogger("_granian").addFilter(_is_news)
    Granian(
        "foodtrace.consumer_web.app:from_environment",
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
    ).serve(target_loader=_application, wrap_loader=False)


def _application() -> "WSGIApplication":
    """Return the service, in a worker.

    Granian's own loader would look for modules in the working directory first, and there
    a clone of this project may lie, or what somebody else has put there.
    """
    from foodtrace.consumer_web.app import from_environment

    return from_environment()
