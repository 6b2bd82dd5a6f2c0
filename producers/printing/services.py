"""What one can do with print jobs: order labels, look at them beforehand, and fetch the file."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from foodtrace.producers.printing.contents import Subject, labels_of, lot_contents, run_contents
from foodtrace.producers.printing.drawing import Design, DrawnLabel
from foodtrace.producers.printing.formats import check_format, file_kind
from foodtrace.producers.printing.layouts import layout_of
from foodtrace.producers.printing.models import PrintJob
from foodtrace.producers.printing.texts import Facts
from foodtrace.trace.access.actor import Actor
from foodtrace.trace.access.policy import require
from foodtrace.trace.errors import Conflict, Invalid, NotFound, Problem, Unprocessable, mark
from foodtrace.trace.masterdata.models import Party
from foodtrace.trace.masterdata.rules import check_text
from foodtrace.trace.settings import Settings

MOST_LABELS = 20_000
LONGEST_REASON = 200
PAGE = 50
WAITING, DRAWING, RELEASED, REFUSED, PAST = "waiting", "drawing", "released", "refused", "past"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be printed and how: a lot, or the codes of a run from `first` to `last`."""

    layout: str
    format: str = "pdf"
    dpi: int = 300
    copies: int = 1
    lot: str | None = None
    run: int | None = None
    first: int = 1
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """An order before it is given: its first label, and whether it was printed before."""

    label: DrawnLabel
    labels: int
    missing: Sequence[str]  # letters that are drawn as boxes
    before: PrintJob | None


@dataclass(frozen=True, slots=True)
class JobList:
    """One page of jobs, newest first; `next` is the cursor of the next page."""

    jobs: tuple[PrintJob, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class PrintFile:
    """The file of a job, and what it is called."""

    path: Path
    name: str
    media_type: str


def preview(session: Session, actor: Actor, settings: Settings, order: Order) -> Preview:
    """Draw the first label of an order. Raises what ordering it would raise, but for a reason."""
    subject, _, design, _ = _designed(session, actor, settings, order)
    before = _printed_before(session, actor, subject)
    label = design.draw(design.labels[0])
    return Preview(label, subject.codes * order.copies, design.missing, before)


def order_labels(
    session: Session,
    actor: Actor,
    settings: Settings,
    order: Order,
    *,
    reason: str | None = None,
    key: str | None = None,
) -> PrintJob:
    """Have labels drawn; what was printed before needs a reason.

    An order that came with this key before is not given again. Raises Invalid where the
    labels cannot be as ordered, NotFound and Conflict as their contents do.
    """
    subject, facts, _, dpi = _designed(session, actor, settings, order)
    # Two orders for one thing: the second waits here until the first is recorded.
    session.execute(select(Party.id).where(Party.id == actor.party_id).with_for_update())
    task = {
        "layout": order.layout,
        "format": order.format,
        "dpi": dpi,
        "copies": order.copies,
        "facts": asdict(facts),
    }
    known = session.get(PrintJob, _job_id(actor, key)) if key else None
    if known is not None:
        return _same(known, subject, task)
    reason = _reason(session, actor, subject, reason)
    job = PrintJob(
        id=_job_id(actor, key),
        party_id=actor.party_id or 0,
        created_by=actor.name,
        created_at=datetime.now(UTC),
        subject=subject.name,
        first=subject.first,
        last=subject.last,
        task=task,
        labels=subject.codes * order.copies,
        state=WAITING,
        reason=reason,
    )
    session.add(job)
    session.flush()
    return job


def list_jobs(session: Session, actor: Actor, *, after: str | None = None) -> JobList:
    """Return the jobs of the actor's party, newest first, PAGE at a time."""
    require(actor, "lot.move", owner=actor.party_id or 0)
    query = select(PrintJob).where(PrintJob.party_id == actor.party_id)
    if after is not None:
        last = get_job(session, actor, after)
        query = query.where(
            (PrintJob.created_at < last.created_at)
            | ((PrintJob.created_at == last.created_at) & (PrintJob.id < last.id))
        )
    jobs = session.scalars(
        query.order_by(PrintJob.created_at.desc(), PrintJob.id.desc()).limit(PAGE + 1)
    ).all()
    return JobList(tuple(jobs[:PAGE]), jobs[PAGE - 1].id if len(jobs) > PAGE else None)


def get_job(session: Session, actor: Actor, job_id: str) -> PrintJob:
    """Return a job of the actor's party. Raises NotFound."""
    require(actor, "lot.move", owner=actor.party_id or 0)
    # Letters and digits: PostgreSQL refuses to look for a NUL.
    job = session.get(PrintJob, job_id) if job_id.isalnum() else None
    if job is None or job.party_id != actor.party_id:
        raise NotFound()
    return job


def get_file(session: Session, actor: Actor, settings: Settings, job_id: str) -> PrintFile:
    """Return the file of a released job.

    Raises NotFound for another's job, Conflict for one that is not released or whose file is
    gone.
    """
    job = get_job(session, actor, job_id)
    path = file_of(settings, job)
    if job.state != RELEASED or not path.is_file():
        raise Conflict(
            Problem(
                "",
                mark("This job has no file: it is not released yet, or was removed after 30 days"),
                mark("Wait until the job is released, or order the labels again"),
            )
        )
    kind = file_kind(job.task["format"], subject_of(job).codes)
    return PrintFile(path, f"labels-{job.id}.{kind[0]}", kind[1])


def subject_of(job: PrintJob) -> Subject:
    """Return what the labels of a job are for."""
    return Subject(job.subject, job.first, job.last)


def file_of(settings: Settings, job: PrintJob) -> Path:
    """Return where the file of a job is, or will be."""
    suffix, _ = file_kind(job.task["format"], subject_of(job).codes)
    return settings.data / "prints" / f"{job.id}.{suffix}"


def _designed(
    session: Session, actor: Actor, settings: Settings, order: Order
) -> tuple[Subject, Facts, Design, int]:
    """Return what an order is for, the design of its first label, and the density."""
    require(actor, "lot.move", owner=actor.party_id or 0)
    layout = layout_of(order.layout)
    dpi = check_format(order.format, layout, order.dpi)
    if order.run is not None:
        subject, facts = run_contents(session, actor, order.run, order.first, order.last)
    elif order.lot is not None:
        subject, facts = lot_contents(session, actor, order.lot)
    else:
        raise Invalid(
            Problem("lot", mark("Nothing is named to be printed"), mark("Choose a lot or a run"))
        )
    _check_count(subject, order.copies)
    one = Subject(subject.name, subject.first, subject.first)
    design = Design(layout, dpi, facts, labels_of(session, one, settings.base_url))
    return subject, facts, design, dpi


def _check_count(subject: Subject, copies: int) -> None:
    if subject.run_id is not None and copies != 1:
        raise Invalid(
            Problem(
                "copies",
                mark("A code of a single thing is printed once"),
                mark("Order one copy; make more codes for more things"),
            )
        )
    if not 1 <= subject.codes * copies <= MOST_LABELS:
        raise Invalid(
            Problem(
                "copies",
                mark("A job has 1 to %(most)s labels"),
                mark("Order several jobs"),
                {"most": MOST_LABELS},
            )
        )


def _printed_before(session: Session, actor: Actor, subject: Subject) -> PrintJob | None:
    """Return the newest job of the party that has one of these labels."""
    return session.scalars(
        select(PrintJob)
        .where(
            PrintJob.party_id == actor.party_id,
            PrintJob.subject == subject.name,
            PrintJob.first <= subject.last,
            PrintJob.last >= subject.first,
            PrintJob.state != REFUSED,
        )
        .order_by(PrintJob.created_at.desc())
        .limit(1)
    ).one_or_none()


def _reason(session: Session, actor: Actor, subject: Subject, reason: str | None) -> str | None:
    if reason:
        check_text("reason", reason, LONGEST_REASON)
        return reason
    if _printed_before(session, actor, subject) is not None:
        raise Invalid(
            Problem(
                "reason",
                mark("Labels of this were ordered before"),
                mark("Write why they are printed again"),
            )
        )
    return None


def _same(known: PrintJob, subject: Subject, task: dict[str, object]) -> PrintJob:
    if subject_of(known) == subject and known.task == task:
        return known
    raise Unprocessable(
        Problem(
            "Idempotency-Key",
            mark("This key came with another request before"),
            mark("Make a new key for a new act"),
        )
    )


def _job_id(actor: Actor, key: str | None) -> str:
    if key is None:
        return secrets.token_hex(10)
    return hashlib.sha256(f"{actor.party_id} {key}".encode()).hexdigest()[:20]
