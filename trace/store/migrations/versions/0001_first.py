"""The first tables."""

import importlib
import importlib.util

from alembic import op

from foodtrace.trace.store import guards
from foodtrace.trace.store.models import Base

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    for name in ("trace.masterdata", "trace.access", "producers", "inspections"):
        if importlib.util.find_spec(f"foodtrace.{name}.models"):
            importlib.import_module(f"foodtrace.{name}.models")
    Base.metadata.create_all(op.get_bind())
    guards.install(op.get_bind())


def downgrade() -> None:
    """Drop the tables."""
    guards.remove(op.get_bind())
    Base.metadata.drop_all(op.get_bind())
