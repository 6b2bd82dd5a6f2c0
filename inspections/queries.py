"""Certificates and recalls as they are read from their tables."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Row,
    Select,
    literal,
    null,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import Session

from foodtrace.inspections import models
from foodtrace.inspections.findings import Certificate, Findings, Recall, Report
from foodtrace.inspections.report_files import name_of
from foodtrace.inspections.rules import (
    CertificateKind,
    Comparator,
    Limit,
    Outcome,
    Result,
    Verdict,
)
from foodtrace.trace.chain.recalled import recall_source
from foodtrace.trace.masterdata.models import Party
from foodtrace.trace.store.sets import text_rows

Column = ColumnElement[Any]
Rows = Select[*tuple[Any, ...]]

_PARTY: tuple[Column, ...] = (Party.name.label("party_name"), Party.name_en.label("party_name_en"))
_CERTIFICATE: tuple[Column, ...] = tuple(
    getattr(models.Certificate, name).label(f"certificate_{name}")
    for name in (
        "id",
        "lot",
        "number",
        "kind",
        "party_id",
        "sampled_on",
        "sampled_at",
        "sampled_by",
        "sample_amount",
        "sample_uom",
        "issued_on",
        "valid_until",
        "verdict",
        "recorded_at",
        "withdrawn_at",
        "withdrawal_reason",
        "file",
        "file_type",
        "file_size",
        "file_is_public",
    )
)
_RESULT: tuple[Column, ...] = tuple(
    getattr(models.Result, name).label(f"result_{name}")
    for name in (
        "position",
        "analyte",
        "analyte_en",
        "analyte_code",
        "method",
        "outcome",
        "value",
        "unit",
        "limit_comparator",
        "limit_value",
        "limit_standard",
        "limit_effective_on",
    )
)
_RECALL: tuple[Column, ...] = tuple(
    getattr(models.Recall, name).label(f"recall_{name}")
    for name in (
        "id",
        "lot",
        "recall_class",
        "party_id",
        "reason",
        "reason_en",
        "hazard",
        "hazard_en",
        "advice",
        "advice_en",
        "compensation",
        "compensation_en",
        "contact",
        "area",
        "notice_url",
        "opened_at",
        "recorded_at",
        "ended_at",
        "end_statement",
    )
)


def findings_among(session: Session, canonicals: Collection[str]) -> Findings:
    """Return the certificates and recalls of these lots, newest first, in one query.

    Recalls and certificates with their results come as one UNION ALL, each padded with
    the other's columns, because a page may ask the database only a few times.
    """
    rows = session.execute(_findings(), {"lots": sorted(canonicals)}).all()
    return Findings(
        tuple(sorted(_certificates(rows), key=lambda c: (c.issued_on, c.id), reverse=True)),
        tuple(sorted(_recalls(rows), key=lambda r: r.id, reverse=True)),
    )


def certificates_where(
    session: Session, *conditions: ColumnElement[bool], limit: int
) -> tuple[Certificate, ...]:
    """Return the newest certificates that meet the conditions, with their results."""
    chosen = (
        select(models.Certificate.id)
        .where(*conditions)
        .order_by(models.Certificate.id.desc())
        .limit(limit)
    )
    rows = session.execute(_select_certificates(()).where(models.Certificate.id.in_(chosen)))
    return tuple(sorted(_certificates(rows.all()), key=lambda c: c.id, reverse=True))


def recalls_where(
    session: Session, *conditions: ColumnElement[bool], limit: int
) -> tuple[Recall, ...]:
    """Return the newest recalls that meet the conditions."""
    rows = session.execute(
        _select_recalls(()).where(*conditions).order_by(models.Recall.id.desc()).limit(limit)
    )
    return tuple(_recalls(rows.all()))


@recall_source
def recalled_lots(session: Session) -> Sequence[str]:
    """Return the lots that a recall names which nobody has ended."""
    return session.scalars(
        select(models.Recall.lot).where(models.Recall.ended_at.is_(None)).distinct()
    ).all()


@lru_cache(maxsize=1)
def _findings() -> CompoundSelect[*tuple[Any, ...]]:
    """Return the statement of `findings_among`: making it costs more than running it."""
    lots = text_rows("lots")
    certificates = _select_certificates(_RECALL).where(
        models.Certificate.lot.in_(select(lots.c.id))
    )
    recalls = _select_recalls((*_CERTIFICATE, *_RESULT)).where(
        models.Recall.lot.in_(select(lots.c.id))
    )
    return union_all(certificates, recalls)


def _select_certificates(padding: Iterable[Column]) -> Rows:
    return (
        select(literal("c").label("what"), *_PARTY, *_CERTIFICATE, *_RESULT, *_empty(padding))
        .select_from(models.Certificate)
        .outerjoin(models.Result, models.Result.certificate_id == models.Certificate.id)
        .outerjoin(Party, Party.id == models.Certificate.party_id)
    )


def _select_recalls(padding: Iterable[Column]) -> Rows:
    return (
        select(literal("r").label("what"), *_PARTY, *_empty(padding), *_RECALL)
        .select_from(models.Recall)
        .outerjoin(Party, Party.id == models.Recall.party_id)
    )


def _empty(columns: Iterable[Column]) -> Iterator[ColumnElement[Any]]:
    """Return NULLs that stand in for the columns and keep their names and types."""
    for column in columns:
        yield type_coerce(null(), column.type).label(column.key)


def _certificates(rows: Sequence[Row[Any]]) -> Iterator[Certificate]:
    results: dict[int, dict[int, Result]] = {}
    heads: dict[int, Row[Any]] = {}
    for row in rows:
        if row.what == "c":
            heads[row.certificate_id] = row
            if row.result_position is not None:
                results.setdefault(row.certificate_id, {})[row.result_position] = _result(row)
    for certificate_id, row in heads.items():
        facts = _facts(row, _CERTIFICATE, "certificate_")
        facts["kind"] = CertificateKind(facts["kind"])
        facts["verdict"] = Verdict(facts["verdict"])
        facts["report"] = _report(facts)
        tested = sorted(results.get(certificate_id, {}).items())
        yield Certificate(
            **facts,
            laboratory=row.party_name or "",
            laboratory_en=row.party_name_en,
            results=tuple(result for _, result in tested),
        )


def _report(facts: dict[str, Any]) -> Report | None:
    """Take what is said of the report out of the facts of a certificate."""
    sha256, media_type = facts.pop("file"), facts.pop("file_type")
    size, is_public = facts.pop("file_size"), facts.pop("file_is_public")
    if sha256 is None:
        return None
    return Report(sha256, name_of(facts["number"], media_type), size, media_type, is_public)


def _recalls(rows: Sequence[Row[Any]]) -> Iterator[Recall]:
    for row in rows:
        if row.what == "r":
            yield Recall(
                **_facts(row, _RECALL, "recall_"),
                authority=row.party_name,
                authority_en=row.party_name_en,
            )


def _facts(row: Row[Any], columns: Iterable[Column], prefix: str) -> dict[str, Any]:
    values = row._mapping
    return {key.removeprefix(prefix): values[key] for key in (str(c.key) for c in columns)}


def _result(row: Row[Any]) -> Result:
    limit = None
    if row.result_limit_comparator is not None:
        limit = Limit(
            Comparator(row.result_limit_comparator),
            _decimal(row.result_limit_value),
            row.result_limit_standard or "",
            row.result_limit_effective_on,
        )
    return Result(
        analyte=row.result_analyte,
        outcome=Outcome(row.result_outcome),
        value=_decimal(row.result_value),
        unit=row.result_unit,
        analyte_en=row.result_analyte_en,
        analyte_code=row.result_analyte_code,
        method=row.result_method,
        limit=limit,
    )


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
