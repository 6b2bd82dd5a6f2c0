"""One capture, its place, the signed head, the anchor and its publication: one process."""

import logging
import os
import signal
from contextlib import suppress

from sqlalchemy.exc import DBAPIError

from foodtrace.trace.errors import ReadOnly, Unavailable
from foodtrace.trace.store.session import Store
from foodtrace.trace.store.silence import HeardConnection

from ..trace.acts import capture, make
from ..trace.kept import Kept
from .errors import make_error


def event(name):
    """The event of a name: the same each time, as a client sends it again."""
    made = make(1, {"A": 1})
    return {**made, "eventID": f"urn:uuid:00000000-0000-4000-8000-{int(name):012d}"}


def run(folder, url, name):
    """Do it all once, and say on standard output what was acknowledged."""
    kept = Kept(Store(url), folder)
    with suppress(Unavailable, DBAPIError):
        capture(kept.store, event(name), key=name)
        os.write(1, b"acknowledged\n")
    with suppress(Unavailable, DBAPIError, OSError):
        while kept.keep():
            pass
    kept.close()


def start(folder, url, name, error):
    """Fork a process that waits for SIGCONT and then does the cycle.

    Returns its id, and the end of a pipe that its standard output goes to. All modules are
    loaded already: what it calls is what the cycle needs.
    """
    outlet, inlet = os.pipe()
    pid = os.fork()
    if pid:
        os.close(inlet)
        return pid, outlet
    status = 1
    try:
        logging.disable()
        os.dup2(inlet, 1)
        if error:
            os.environ["FOODTRACE_DATA"] = str(folder)
            os.environ["FOODTRACE_DATABASE_URL"] = url
            make_error(error)
        # Nothing here takes long. libpq hides that it could not send, and waits for an answer.
        HeardConnection.longest_silence = 1.0
        os.kill(os.getpid(), signal.SIGSTOP)
        run(folder, url, name)
        status = 0
    except ReadOnly:
        status = 2
    finally:
        os._exit(status)
