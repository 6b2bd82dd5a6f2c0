"""Links of things, codes on single things and their scans, and print jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# SQLite gives a row id only to INTEGER, never to BIGINT.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "code_run",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("product", sa.String(length=500), nullable=False),
        sa.Column("lot", sa.String(length=500), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_code_run")),
    )
    op.create_index(op.f("ix_code_run_party_id"), "code_run", ["party_id"], unique=False)

    op.create_table(
        "code_warning",
        sa.Column("canonical", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scans", sa.Integer(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("canonical", "kind", name=op.f("pk_code_warning")),
    )
    op.create_table(
        "print_job",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subject", sa.String(length=500), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column(
            "task",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("labels", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column(
            "finding",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("alive_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_job")),
    )
    op.create_index("ix_print_job_party_id", "print_job", ["party_id", "created_at"], unique=False)
    op.create_index("ix_print_job_state", "print_job", ["state", "created_at"], unique=False)
    op.create_index("ix_print_job_subject", "print_job", ["subject", "party_id"], unique=False)

    op.create_table(
        "scan",
        sa.Column("id", ID, nullable=False),
        sa.Column("canonical", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client", sa.LargeBinary(length=16), nullable=False),
        sa.Column("region", sa.String(length=2), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan")),
    )
    op.create_index("ix_scan_at", "scan", ["at"], unique=False)
    op.create_index("ix_scan_canonical", "scan", ["canonical", "at"], unique=False)

    op.create_table(
        "scan_total",
        sa.Column("canonical", sa.String(length=120), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("canonical", name=op.f("pk_scan_total")),
    )

    op.create_table(
        "thing_link",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("anchor", sa.String(length=500), nullable=False),
        sa.Column("link_type", sa.String(length=60), nullable=False),
        sa.Column("href", sa.String(length=2000), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=True),
        sa.Column("media_type", sa.String(length=100), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thing_link")),
    )
    op.create_index("ix_thing_link_anchor", "thing_link", ["anchor", "link_type"], unique=False)

    op.create_table(
        "unit_code",
        sa.Column("canonical", sa.String(length=120), nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("lot", sa.String(length=500), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["code_run.id"], name=op.f("fk_unit_code_run_id_code_run")
        ),
        sa.PrimaryKeyConstraint("canonical", name=op.f("pk_unit_code")),
    )
    op.create_index(op.f("ix_unit_code_lot"), "unit_code", ["lot"], unique=False)
    op.create_index("uq_unit_code_run_id", "unit_code", ["run_id", "position"], unique=True)


def downgrade() -> None:
    """Drop the tables."""
    op.drop_index("uq_unit_code_run_id", table_name="unit_code")
    op.drop_index(op.f("ix_unit_code_lot"), table_name="unit_code")

    op.drop_table("unit_code")
    op.drop_index("ix_thing_link_anchor", table_name="thing_link")

    op.drop_table("thing_link")
    op.drop_table("scan_total")
    op.drop_index("ix_scan_canonical", table_name="scan")
    op.drop_index("ix_scan_at", table_name="scan")

    op.drop_table("scan")
    op.drop_index("ix_print_job_subject", table_name="print_job")
    op.drop_index("ix_print_job_state", table_name="print_job")
    op.drop_index("ix_print_job_party_id", table_name="print_job")

    op.drop_table("print_job")
    op.drop_table("code_warning")
    op.drop_index(op.f("ix_code_run_party_id"), table_name="code_run")

    op.drop_table("code_run")
