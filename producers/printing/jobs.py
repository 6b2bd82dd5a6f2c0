"""Drawing what was ordered: by a thread of the process, label after label, each read back.

A job is claimed in a short transaction and heard of every second. What is not heard of for
LEASE was cut off with its process, and is drawn again from the start.
"""

import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from foodtrace.producers.printing.checking import check_label
from foodtrace.producers.printing.contents import labels_of
from foodtrace.producers.printing.drawing import Design, DrawnLabel
from foodtrace.producers.printing.formats import FORMATS
from foodtrace.producers.printing.layouts import layout_of
from foodtrace.producers.printing.models import PrintJob
from foodtrace.producers.printing.services import (
    DRAWING,
    PAST,
    REFUSED,
    RELEASED,
    WAITING,
    file_of,
    subject_of,
)
from foodtrace.producers.printing.texts import Facts
from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.settings import Settings
from foodtrace.trace.store.session import Store

# Longer than it takes to close the largest file, when nothing is heard of the job.
LEASE = timedelta(minutes=3)
PROGRESS_SECONDS = 1.0
MOST_ATTEMPTS = 3
FILES_ARE_KEPT = timedelta(days=30)
_MOST_TIDIED = 100
_MOST_NAMED = 20

_drawing = threading.Lock()
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is ours to draw, for the `attempt`-th time."""

    job: PrintJob
    attempt: int


class Overtaken(Exception):
    """Somebody else draws this job by now."""


class NotReadable(Exception):
    """A label that was drawn is not as it must be."""

    def __init__(self, number: int, problem: Problem) -> None:
        super().__init__(problem.text)
        self.number, self.problem = number, problem


def print_labels(store: Store, settings: Settings) -> bool:
    """Begin to draw what waits, in a thread of its own; a job of the worker.

    One thread at a time: drawing takes all of a processor, and pages wait for it too.
    """
    if not _drawing.acquire(blocking=False):
        return False
    claim = None
    try:
        claim = claim_next(store, datetime.now(UTC))
        if claim is not None:
            threading.Thread(
                target=_draw_all,
                args=(store, settings, claim),
                name="foodtrace-labels",
                daemon=True,
            ).start()
    finally:
        if claim is None:
            _drawing.release()
    return claim is not None


def draw_next(store: Store, settings: Settings) -> bool:
    """Draw the job that waits longest, here and now; answer whether there was one."""
    claim = claim_next(store, datetime.now(UTC))
    if claim is not None:
        draw(store, settings, claim)
    return claim is not None


def claim_next(store: Store, now: datetime) -> Claim | None:
    """Claim the job that waits longest, or one of which nothing was heard for LEASE."""
    with store.reading() as session:
        if session.scalar(select(PrintJob.id).where(_is_due(now)).limit(1)) is None:
            return None
    with store.transaction() as session:
        job = session.scalars(
            select(PrintJob)
            .where(_is_due(now))
            .order_by(PrintJob.created_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).one_or_none()
        if job is None:
            return None
        job.attempts += 1
        job.state, job.alive_at, job.drawn = DRAWING, now, 0
        return Claim(job, job.attempts)


def draw(store: Store, settings: Settings, claim: Claim) -> None:
    """Draw a claimed job into its file, and release it when every label was read back."""
    if claim.attempt > MOST_ATTEMPTS:  # cut off every time, perhaps by the job itself
        _finish(store, claim, REFUSED, _as_finding(_failed()))
        return
    try:
        finding = _write(store, settings, claim)
    except Overtaken:
        return
    except NotReadable as refusal:
        finding = _as_finding(refusal.problem) | {"label": refusal.number}
        _finish(store, claim, REFUSED, finding)
    except Invalid as refusal:
        _finish(store, claim, REFUSED, _as_finding(refusal.problems[0]))
    except Exception:
        _log.exception("print job %s could not be drawn", claim.job.id)
        if claim.attempt >= MOST_ATTEMPTS:
            _finish(store, claim, REFUSED, _as_finding(_failed()))
    else:
        _finish(store, claim, RELEASED, finding)


def tidy_prints(store: Store, settings: Settings) -> bool:
    """Remove the files of jobs that ended long ago; a job of the worker."""
    return tidy_prints_at(store, settings, datetime.now(UTC))


def tidy_prints_at(store: Store, settings: Settings, now: datetime) -> bool:
    """Remove the files of jobs that were released FILES_ARE_KEPT before `now`."""
    old = (
        select(PrintJob)
        .where(PrintJob.state == RELEASED, PrintJob.finished_at < now - FILES_ARE_KEPT)
        .limit(_MOST_TIDIED)
    )
    with store.reading() as session:
        jobs = session.scalars(old).all()
    for job in jobs:
        file_of(settings, job).unlink(missing_ok=True)
    if jobs:
        with store.transaction() as session:
            session.execute(
                update(PrintJob).where(PrintJob.id.in_([job.id for job in jobs])).values(state=PAST)
            )
    return bool(jobs)


JOBS = (print_labels, tidy_prints)


def _draw_all(store: Store, settings: Settings, first: Claim) -> None:
    claim: Claim | None = first
    try:
        while claim is not None:
            draw(store, settings, claim)
            claim = claim_next(store, datetime.now(UTC))
    except Exception:
        # The database is away, say: the job is drawn again when its lease is over.
        _log.exception("labels could not be drawn")
    finally:
        _drawing.release()


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(
        PrintJob.state == WAITING,
        and_(PrintJob.state == DRAWING, PrintJob.alive_at < now - LEASE),
    )


def _write(store: Store, settings: Settings, claim: Claim) -> dict[str, object] | None:
    """Write the file of a job; return what its reader should know of it."""
    job = claim.job
    with store.reading() as session:
        labels = labels_of(session, subject_of(job), settings.base_url)
    task = job.task
    design = Design(layout_of(task["layout"]), task["dpi"], Facts(**task["facts"]), labels)
    with _whole_file(file_of(settings, job)) as file:
        drawn = _checked(store, claim, design, task["copies"])
        FORMATS[task["format"]].write(file, design, drawn, task["copies"])
        _report(store, claim, job.labels)
    return _as_finding(_boxes(design)) if design.missing else None


def _checked(store: Store, claim: Claim, design: Design, copies: int) -> Iterator[DrawnLabel]:
    """Yield each label once it was drawn and read back; say now and then how far it is."""
    said = time.monotonic()
    for number, each in enumerate(design.labels, 1):
        label = design.draw(each)
        problem = check_label(label.bitmap(), each.url, label.symbol.side, label.plan.dpi)
        if problem is not None:
            raise NotReadable(number, problem)
        if time.monotonic() - said >= PROGRESS_SECONDS:
            _report(store, claim, (number - 1) * copies)
            said = time.monotonic()
        yield label


def _report(store: Store, claim: Claim, drawn: int) -> None:
    """Say how many labels are drawn; raise Overtaken where the job is not ours any more."""
    with store.transaction() as session:
        if not _set(session, claim, drawn=drawn, alive_at=datetime.now(UTC)):
            raise Overtaken


def _finish(store: Store, claim: Claim, state: str, finding: dict[str, object] | None) -> None:
    now = datetime.now(UTC)
    with store.transaction() as session:
        _set(session, claim, state=state, finding=finding, finished_at=now)


def _set(session: Session, claim: Claim, **values: object) -> bool:
    """Change a job while it is ours; answer whether it is."""
    found = session.execute(
        update(PrintJob)
        .where(
            PrintJob.id == claim.job.id,
            PrintJob.state == DRAWING,
            PrintJob.attempts == claim.attempt,
        )
        .values(**values)
        .returning(PrintJob.id)
    )
    return found.first() is not None


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that appears under its name when it is whole, and not at all otherwise."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _as_finding(problem: Problem) -> dict[str, object]:
    return {"rule": problem.rule, "values": dict(problem.values)}


def _boxes(design: Design) -> Problem:
    return Problem(
        "",
        mark("The font lacks %(letters)s: a box stands in their place"),
        "",
        {"letters": " ".join(design.missing[:_MOST_NAMED])},
    )


def _failed() -> Problem:
    return Problem("", mark("The labels could not be drawn for a fault on our side"))
