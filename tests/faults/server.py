"""The service as `foodtrace serve` runs it, with an error made on purpose if one is asked for.

Or in processes that are forked from one that has loaded all modules: they are there again
within a fraction of a second, so that many can be killed.
"""

import os
import signal
import socket
import threading
from pathlib import Path

from foodtrace.consumer_web import serving

from .errors import error_of_environment


def application():
    """Return the service, in a worker."""
    error_of_environment()
    from foodtrace.consumer_web.app import from_environment

    return from_environment()


def run(port, workers):
    """Serve until the process is ended, by granian."""
    serving._application = application
    serving.serve("127.0.0.1", port, workers=workers)


def run_forked(port, workers, pids):
    """Serve by forked processes, whose ids are in the file `pids`; fork others when they end."""
    import foodtrace.consumer_web.app  # noqa: F401  what they all need

    listener = socket.create_server(("127.0.0.1", port), backlog=256)
    running = set()
    while True:
        while len(running) < workers:
            running.add(_fork(listener))
        whole = Path(f"{pids}.new")
        whole.write_text(" ".join(map(str, running)))
        whole.replace(pids)
        running.discard(os.wait()[0])


def _fork(listener):
    pid = os.fork()
    if pid:
        return pid
    try:
        _serve(listener)
    finally:
        os._exit(1)


def _serve(listener):
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_):
            """Say nothing."""

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    server = make_server(
        "127.0.0.1",
        listener.getsockname()[1],
        application(),
        threaded=True,
        request_handler=Quiet,
        fd=listener.fileno(),
    )
    threading.Thread(target=server.serve_forever).start()
    threading.Event().wait()
