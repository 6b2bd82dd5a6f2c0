"""The log that nobody can rewrite, keys of issuers, personal data kept apart, files of reports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from foodtrace.trace.store import guards

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQLite gives a row id only to INTEGER, never to BIGINT.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; what was recorded before gets its place in the log with the next start."""
    op.create_table(
        "certificate_file",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("party_id", ID, autoincrement=False, nullable=False),
        sa.Column("media_type", sa.String(length=80), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "party_id", name=op.f("pk_certificate_file")),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.String(length=600), nullable=False),
        sa.Column("series", sa.String(length=24), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "issuer_count",
        sa.Column("key_id", ID, autoincrement=False, nullable=False),
        sa.Column("lot", sa.String(length=500), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", "lot", name=op.f("pk_issuer_count")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "issuer_key",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("vouched_by", sa.String(length=10), nullable=False),
        sa.Column("voucher_id", ID, nullable=True),
        sa.Column("active_id", ID, nullable=True),
        sa.Column("revoked_id", ID, nullable=True),
        sa.Column("revoked_reason", sa.String(length=10), nullable=True),
        sa.Column("compromised_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("compromised_id", ID, nullable=True),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuer_key")),
        sa.UniqueConstraint("public_key", name=op.f("uq_issuer_key_public_key")),
    )
    op.create_index(op.f("ix_issuer_key_party_id"), "issuer_key", ["party_id"], unique=False)

    op.create_table(
        "issuer_signature",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("statement_id", ID, nullable=False),
        sa.Column("key_id", ID, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column(
            "numbers",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signature", sa.LargeBinary(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuer_signature")),
    )
    op.create_index(
        "ix_issuer_signature_statement_id",
        "issuer_signature",
        ["statement_id", "key_id"],
        unique=False,
    )
    op.create_index("uq_issuer_signature_n", "issuer_signature", ["key_id", "n"], unique=True)

    op.create_table(
        "log_state",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("vkey", sa.String(length=500), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("edge", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("is_closed", sa.Boolean(), nullable=False),
        sa.Column(
            "stopped",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_log_state")),
        sa.UniqueConstraint("origin", name=op.f("uq_log_state_origin")),
    )
    op.create_table(
        "personal",
        sa.Column("id", ID, nullable=False),
        sa.Column("document_id", ID, nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("place", sa.String(length=500), nullable=False),
        sa.Column("value", sa.String(length=2000), nullable=False),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personal")),
    )
    op.create_index("ix_personal_digest", "personal", ["digest"], unique=False)
    op.create_index("ix_personal_document_id", "personal", ["document_id"], unique=False)
    op.create_index("ix_personal_party_id", "personal", ["party_id", "id"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        # Its statistics hold samples of the values, and would keep them when they are erased.
        for column in ("value", "salt", "digest"):
            op.execute(f"ALTER TABLE personal ALTER COLUMN {column} SET STATISTICS 0")

    op.create_table(
        "stamp_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("idx", sa.BigInteger(), nullable=False),
        sa.Column("busy_until", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stamp_state")),
    )
    op.create_table(
        "time_stamp",
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("authority", sa.String(length=300), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_time_stamp")),
    )
    op.create_table(
        "witness_state",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=True),
        sa.Column("target", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("busy_until", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("warning", sa.String(length=500), nullable=True),
        sa.Column("warned_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("year", "name", name=op.f("pk_witness_state")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["year"], ["log_state.year"], name=op.f("fk_checkpoint_year_log_state")
        ),
        sa.PrimaryKeyConstraint("year", "size", name=op.f("pk_checkpoint")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_checkpoint_signed_at", "checkpoint", ["year", "signed_at"], unique=False
    )
    op.create_table(
        "log_tile",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["year"], ["log_state.year"], name=op.f("fk_log_tile_year_log_state")
        ),
        sa.PrimaryKeyConstraint("year", "level", "number", name=op.f("pk_log_tile")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cosignature",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(length=300), nullable=False),
        sa.Column("is_first", sa.Boolean(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.String(length=4000), nullable=False),
        sa.ForeignKeyConstraint(
            ["year", "size"],
            ["checkpoint.year", "checkpoint.size"],
            name=op.f("fk_cosignature_year_checkpoint"),
        ),
        sa.PrimaryKeyConstraint("year", "size", "witness", "is_first", name=op.f("pk_cosignature")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_cosignature_time", "cosignature", ["year", "time"], unique=False)
    op.create_index(
        "ix_cosignature_witness", "cosignature", ["year", "witness", "size"], unique=False
    )

    op.create_table(
        "leaf",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("statement_id", ID, nullable=True),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("secret", sa.LargeBinary(length=32), nullable=True),
        sa.Column("header", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statement.id"], name=op.f("fk_leaf_statement_id_statement")
        ),
        sa.ForeignKeyConstraint(["year"], ["log_state.year"], name=op.f("fk_leaf_year_log_state")),
        sa.PrimaryKeyConstraint("year", "idx", name=op.f("pk_leaf")),
        sqlite_with_rowid=False,
    )
    op.create_index("uq_leaf_statement_id", "leaf", ["statement_id"], unique=True)

    op.create_table(
        "unlogged",
        sa.Column("statement_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statement.id"], name=op.f("fk_unlogged_statement_id_statement")
        ),
        sa.PrimaryKeyConstraint("statement_id", name=op.f("pk_unlogged")),
    )
    op.create_index("ix_document_party_id", "document", ["party_id", "id"], unique=False)
    op.create_table(
        "numbered",
        sa.Column("thing", sa.String(length=500), nullable=False),
        sa.Column("statement_id", ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statement.id"], name=op.f("fk_numbered_statement_id_statement")
        ),
        sa.PrimaryKeyConstraint("thing", "statement_id", name=op.f("pk_numbered")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_statement_kind",
        "statement",
        ["kind"],
        unique=False,
        sqlite_where=sa.text("kind <> 'event'"),
        postgresql_where=sa.text("kind <> 'event'"),
    )
    op.add_column("certificate", sa.Column("file", sa.String(length=64), nullable=True))
    op.add_column("certificate", sa.Column("file_type", sa.String(length=80), nullable=True))
    op.add_column("certificate", sa.Column("file_size", sa.Integer(), nullable=True))
    op.add_column("certificate", sa.Column("file_is_public", sa.Boolean(), nullable=True))
    op.create_index("ix_certificate_file", "certificate", ["file"], unique=False)
    guards.install(op.get_bind(), guards.LOG)
    op.execute("INSERT INTO unlogged (statement_id) SELECT id FROM statement")


def downgrade() -> None:
    """Drop the tables."""
    guards.remove(op.get_bind(), guards.LOG)
    op.drop_index("ix_certificate_file", table_name="certificate")
    for column in ("file_is_public", "file_size", "file_type", "file"):
        op.drop_column("certificate", column)
    op.drop_index(
        "ix_statement_kind",
        table_name="statement",
        sqlite_where=sa.text("kind <> 'event'"),
        postgresql_where=sa.text("kind <> 'event'"),
    )
    op.drop_index("ix_document_party_id", table_name="document")

    op.drop_table("numbered")
    op.drop_table("unlogged")
    op.drop_index("uq_leaf_statement_id", table_name="leaf")

    op.drop_table("leaf")
    op.drop_index("ix_cosignature_witness", table_name="cosignature")
    op.drop_index("ix_cosignature_time", table_name="cosignature")

    op.drop_table("cosignature")
    op.drop_table("log_tile")
    op.drop_index("ix_checkpoint_signed_at", table_name="checkpoint")

    op.drop_table("checkpoint")
    op.drop_table("witness_state")
    op.drop_table("time_stamp")
    op.drop_table("stamp_state")
    op.drop_index("ix_personal_party_id", table_name="personal")
    op.drop_index("ix_personal_document_id", table_name="personal")
    op.drop_index("ix_personal_digest", table_name="personal")

    op.drop_table("personal")
    op.drop_table("log_state")
    op.drop_index("uq_issuer_signature_n", table_name="issuer_signature")
    op.drop_index("ix_issuer_signature_statement_id", table_name="issuer_signature")

    op.drop_table("issuer_signature")
    op.drop_index(op.f("ix_issuer_key_party_id"), table_name="issuer_key")

    op.drop_table("issuer_key")
    op.drop_table("issuer_count")
    op.drop_table("counter")
    op.drop_table("certificate_file")
