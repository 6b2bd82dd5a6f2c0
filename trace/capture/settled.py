"""Up to which event everything is recorded that ever will be.

PostgreSQL gives ids before it commits, and captures run side by side: while a capture is
under way, ids appear later that are smaller than some that are there already. Whoever
remembers how far it has read would miss them. So the newest id is taken first, then the
captures that are under way; once those have ended, no smaller id can appear. Nobody waits
for us: captures that begin meanwhile take larger ids.
"""

import time

from sqlalchemy import func, select

from foodtrace.trace.capture.events import captures_under_way
from foodtrace.trace.store.models import Event
from foodtrace.trace.store.session import Store

PATIENCE_SECONDS = 0.5
_PAUSE_SECONDS = 0.01


def settled_id(store: Store, patience: float = PATIENCE_SECONDS) -> int | None:
    """Return the id of the newest event for which nothing older can appear any more.

    None when a capture that was under way has not ended after `patience` seconds.
    """
    give_up = time.monotonic() + patience
    with store.reading() as session:
        newest = session.scalar(select(func.max(Event.id))) or 0
        earlier = captures_under_way(session)
        while earlier:
            if time.monotonic() >= give_up:
                return None
            time.sleep(_PAUSE_SECONDS)
            earlier &= captures_under_way(session)
    return newest
