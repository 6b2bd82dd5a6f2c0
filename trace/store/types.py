"""Column types that mean the same on SQLite and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer
from sqlalchemy.types import TypeDecorator

# SQLite gives a row id only to INTEGER, never to BIGINT.
Id = BigInteger().with_variant(Integer(), "sqlite")

# What both databases can keep: a larger number in an address or a form names nothing.
LARGEST_ID = 2**63 - 1

AMOUNT_SCALE = 6


class UtcTime(TypeDecorator[datetime]):
    """A point in time. Naive times are refused; what comes back is in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; SQLite keeps no zone, so none is sent there."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return an aware time in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None] | None:
        """Read SQLite's text in one step: a page reads thousands of times."""
        return (
            _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)
        )


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


class Amount(TypeDecorator[Decimal]):
    """An exact amount, kept as a whole number of millionths: sums never drift."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Scale to millionths; finer digits are rounded half to even."""
        return None if value is None else round(value.scaleb(AMOUNT_SCALE))

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], Decimal | None]:
        """Return Decimals without trailing zeros (``12.5``, not ``12.500000``)."""
        return _from_millionths


def _from_millionths(value: Any) -> Decimal | None:
    if value is None:
        return None
    whole, rest = divmod(int(value), 10**AMOUNT_SCALE)
    return Decimal(int(value)).scaleb(-AMOUNT_SCALE).normalize() if rest else Decimal(whole)
