"""Answers that are sent piece by piece, guarded against slow readers.

A thread of the server makes the next piece when the reader has taken the last, and waits in
between. So only some of the threads may do this at once, and only few of them for one reader:
who reads slowly, or not at all, takes those, and all else goes on.
"""

import threading
import weakref
from collections import Counter
from collections.abc import Callable, Hashable, Iterator

from foodtrace.trace.errors import Problem, Unavailable, mark


class AnswerGate:
    """Places for so many answers at once, and for so many to the same reader."""

    def __init__(self, *, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._taken: Counter[Hashable] = Counter()
        self._lock = threading.RLock()  # a forgotten answer may end anywhere

    def sent(self, reader: Hashable, answer: Callable[[], Iterator[bytes]]) -> "SentAnswer":
        """Return an answer that holds a place until it is closed. Raises Unavailable."""
        with self._lock:
            if self._taken.total() >= self._most or self._taken[reader] >= self._most_each:
                raise Unavailable(
                    Problem(
                        "",
                        mark("Too many answers of this size are being sent"),
                        mark("Wait until yours have arrived, and ask again"),
                    )
                )
            self._taken[reader] += 1
        try:
            return SentAnswer(answer(), lambda: self._leave(reader))
        except BaseException:
            self._leave(reader)
            raise

    def _leave(self, reader: Hashable) -> None:
        with self._lock:
            self._taken[reader] -= 1
            if not self._taken[reader]:
                del self._taken[reader]


class SentAnswer(Iterator[bytes]):
    """The pieces of an answer. The server closes it, whether it was sent whole or not."""

    def __init__(self, pieces: Iterator[bytes], leave: Callable[[], None]) -> None:
        self._pieces = pieces
        # Once only, and also when nobody closes what was never sent.
        self._leave = weakref.finalize(self, leave)

    def __next__(self) -> bytes:
        """Return the next piece."""
        return next(self._pieces)

    def close(self) -> None:
        """Give the place to another answer."""
        self._leave()
