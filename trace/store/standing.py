"""Whether a store may record: a record that is not what was signed of it is only read."""

import threading

from foodtrace.trace.errors import Problem, ReadOnly


class Standing:
    """Whether new statements may be recorded, and if not, why. Shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: Problem | None = None
        # Counts the changes: what was shown under another standing is shown anew.
        self.changes = 0

    @property
    def reason(self) -> Problem | None:
        """Why nothing may be recorded; None while all is well."""
        return self._reason

    def stop(self, reason: Problem) -> None:
        """Refuse what is to be recorded from now on."""
        self._set(reason)

    def resume(self) -> None:
        """Record again."""
        self._set(None)

    def require(self) -> None:
        """Raise ReadOnly when nothing may be recorded."""
        if self._reason is not None:
            raise ReadOnly(self._reason)

    def _set(self, reason: Problem | None) -> None:
        with self._lock:
            if reason != self._reason:
                self._reason = reason
                self.changes += 1
