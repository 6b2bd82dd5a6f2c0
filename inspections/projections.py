"""What the statements of those who check say, and the rows that follow from them.

A certificate's statement:

    {"number": "SDNT-2026-0117", "lot": "/01/06901234567892/10/L1", "kind": "commissioned",
     "sampled_on": "2026-11-02", "issued_on": "2026-11-05", "verdict": "pass",
     "results": [{"analyte": "镉", "outcome": "measured", "value": "0.050", "unit": "mg/kg",
                  "limit": {"comparator": "<=", "value": "0.2", "standard": "GB 2762-2025"}}]}

Numbers are texts, as written; what is not said is left out. Where there is a test report, `file`
has its `sha256` in hex, `name`, `size` in bytes, `type` and whether it `is_public`. A recall's
statement has the columns of its row by name; withdrawals and ends name the statement that they
concern.
Fields are only ever added: old statements are read for good.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from foodtrace.inspections import models
from foodtrace.inspections.rules import Result
from foodtrace.trace.capture.projections import Body, Received, projection


def statement(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts as JSON values: dates and numbers as texts, nothing that is None."""
    return {name: _value(value) for name, value in facts.items() if value is not None}


def result_statement(result: Result) -> dict[str, Any]:
    """Return one result as JSON values."""
    return statement(asdict(result))


def _value(value: Any) -> Any:
    match value:
        case Mapping():
            return statement(value)
        case list() | tuple():
            return [_value(member) for member in value]
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case StrEnum():
            return value.value
        case _:
            return value


@projection("certificate", models.Certificate, models.Result, about=lambda body: str(body["lot"]))
def certificate(session: Session, statement_id: int, body: Body, received: Received) -> None:
    """Add the certificate and its results."""
    file = body.get("file", {})
    session.add(
        models.Certificate(
            id=statement_id,
            party_id=received.party_id,
            number=body["number"],
            lot=body["lot"],
            kind=body["kind"],
            sampled_on=date.fromisoformat(body["sampled_on"]),
            sampled_at=body.get("sampled_at"),
            sampled_by=body.get("sampled_by"),
            sample_amount=_decimal(body.get("sample_amount")),
            sample_uom=body.get("sample_uom"),
            issued_on=date.fromisoformat(body["issued_on"]),
            valid_until=_date(body.get("valid_until")),
            verdict=body["verdict"],
            recorded_at=received.at,
            file=file.get("sha256"),
            file_type=file.get("type"),
            file_size=file.get("size"),
            file_is_public=file.get("is_public"),
        )
    )
    session.flush()
    session.add_all(
        _result(statement_id, position, result)
        for position, result in enumerate(body["results"], start=1)
    )
    session.flush()


def _result(certificate_id: int, position: int, body: Body) -> models.Result:
    limit = body.get("limit", {})
    return models.Result(
        certificate_id=certificate_id,
        position=position,
        analyte=body["analyte"],
        analyte_en=body.get("analyte_en"),
        analyte_code=body.get("analyte_code"),
        method=body.get("method"),
        outcome=body["outcome"],
        value=body.get("value"),
        unit=body["unit"],
        limit_comparator=limit.get("comparator"),
        limit_value=limit.get("value"),
        limit_standard=limit.get("standard"),
        limit_effective_on=_date(limit.get("effective_on")),
    )


@projection("withdrawal", models.Certificate, about=lambda body: int(body["certificate"]))
def withdrawal(session: Session, statement_id: int, body: Body, received: Received) -> None:
    """Mark the certificate withdrawn; its row stays."""
    session.execute(
        update(models.Certificate)
        .where(models.Certificate.id == body["certificate"])
        .values(
            withdrawal_id=statement_id,
            withdrawn_at=datetime.fromisoformat(body["withdrawn_at"]),
            withdrawal_reason=body["reason"],
        )
    )


@projection("recall", models.Recall, about=lambda body: str(body["lot"]))
def recall(session: Session, statement_id: int, body: Body, received: Received) -> None:
    """Add the recall."""
    session.add(
        models.Recall(
            id=statement_id,
            party_id=received.party_id,
            opened_at=datetime.fromisoformat(body["opened_at"]),
            recorded_at=received.at,
            lot=body["lot"],
            recall_class=body["recall_class"],
            reason=body["reason"],
            reason_en=body.get("reason_en"),
            hazard=body["hazard"],
            hazard_en=body.get("hazard_en"),
            advice=body["advice"],
            advice_en=body.get("advice_en"),
            compensation=body["compensation"],
            compensation_en=body.get("compensation_en"),
            contact=body["contact"],
            area=body.get("area"),
            notice_url=body.get("notice_url"),
        )
    )
    session.flush()


@projection("recall_end", models.Recall, about=lambda body: int(body["recall"]))
def recall_end(session: Session, statement_id: int, body: Body, received: Received) -> None:
    """Mark the recall ended; its row stays."""
    session.execute(
        update(models.Recall)
        .where(models.Recall.id == body["recall"])
        .values(
            end_id=statement_id,
            ended_at=datetime.fromisoformat(body["ended_at"]),
            end_statement=body["statement"],
        )
    )


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
