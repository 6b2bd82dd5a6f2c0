"""Capture jobs, XML, master data of documents, and all that queries and subscriptions need."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite gives a row id only to INTEGER, never to BIGINT.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, columns and indexes; what was captured before is finished."""
    op.create_table(
        "derivation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_derivation")),
    )
    op.create_table(
        "event_key",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "event_id", name=op.f("pk_event_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_number",
        sa.Column("field", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), autoincrement=False, nullable=False),
        sa.Column("event_id", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("field", "value", "event_id", name=op.f("pk_event_number")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_event_number_event_id", "event_number", ["event_id", "field", "value"], unique=False
    )

    op.create_table(
        "master_attribute",
        sa.Column("party_id", ID, autoincrement=False, nullable=False),
        sa.Column("element", sa.String(length=500), nullable=False),
        sa.Column("attribute", sa.String(length=500), nullable=False),
        sa.Column("value_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vocabulary", sa.String(length=500), nullable=False),
        sa.Column("value", sa.String(length=10000), nullable=False),
        sa.PrimaryKeyConstraint(
            "party_id", "element", "attribute", "value_number", name=op.f("pk_master_attribute")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "master_child",
        sa.Column("party_id", ID, autoincrement=False, nullable=False),
        sa.Column("parent", sa.String(length=500), nullable=False),
        sa.Column("child", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("party_id", "parent", "child", name=op.f("pk_master_child")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "named_query",
        sa.Column("id", ID, nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "query",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_named_query")),
    )
    op.create_index("uq_named_query_name", "named_query", ["party_id", "name"], unique=True)

    op.create_table(
        "observed",
        sa.Column("party_id", ID, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=11), nullable=False),
        sa.Column("value", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("party_id", "kind", "value", name=op.f("pk_observed")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_observed_kind", "observed", ["kind", "value"], unique=False)

    op.create_table(
        "subscription",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("query_id", ID, nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("sees_all", sa.Boolean(), nullable=False),
        sa.Column("dest", sa.String(length=2000), nullable=False),
        sa.Column("secret", sa.String(length=500), nullable=False),
        sa.Column(
            "schedule",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column("report_if_empty", sa.Boolean(), nullable=False),
        sa.Column("initial_record_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "formats",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.Column("position", ID, nullable=False),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_notified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["query_id"],
            ["named_query.id"],
            name=op.f("fk_subscription_query_id_named_query"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
    )
    op.create_index("ix_subscription_due_at", "subscription", ["due_at"], unique=False)
    op.create_index(op.f("ix_subscription_query_id"), "subscription", ["query_id"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("subscription_id", sa.String(length=40), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_delivery_subscription_id_subscription"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(
        "ix_delivery_subscription_id", "delivery", ["subscription_id", "created_at"], unique=False
    )
    op.create_index(
        "ix_delivery_waiting",
        "delivery",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_delivery_next",
        "delivery",
        ["subscription_id", "created_at"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_delivery_done",
        "delivery",
        ["finished_at"],
        unique=False,
        sqlite_where=sa.text("state = 'done'"),
        postgresql_where=sa.text("state = 'done'"),
    )

    op.add_column(
        "capture", sa.Column("state", sa.String(length=8), nullable=False, server_default="done")
    )
    op.add_column(
        "capture",
        sa.Column("behaviour", sa.String(length=8), nullable=False, server_default="rollback"),
    )
    op.add_column("capture", sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_capture_created_at", "capture", ["party_id", "created_at", "id"], unique=False
    )
    op.create_index(
        "ix_capture_newest",
        "capture",
        ["created_at", "id"],
        unique=False,
        sqlite_where=sa.text("state <> 'act'"),
        postgresql_where=sa.text("state <> 'act'"),
    )
    op.create_index(
        "ix_capture_waiting",
        "capture",
        ["created_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )

    op.add_column("document", sa.Column("original", sa.LargeBinary(), nullable=True))

    op.drop_index(op.f("ix_event_party_id"), table_name="event")
    op.drop_index(op.f("ix_event_event_time"), table_name="event")
    op.create_index("ix_event_event_time", "event", ["event_time", "id"], unique=False)
    op.create_index(
        "ix_event_party_event_time", "event", ["party_id", "event_time", "id"], unique=False
    )
    op.create_index(
        "ix_event_party_record_time", "event", ["party_id", "record_time", "id"], unique=False
    )
    op.create_index("ix_event_record_time", "event", ["record_time", "id"], unique=False)

    op.add_column(
        "event_item", sa.Column("is_class", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    if op.get_context().dialect.name == "postgresql":
        op.create_index(
            "ix_item_canonical_bytes", "item", [sa.text('canonical COLLATE "C"')], unique=False
        )
    # What follows from no statement follows from those that come.
    op.execute(
        "INSERT INTO derivation (id, version) "
        "SELECT 1, 2 WHERE NOT EXISTS (SELECT 1 FROM statement)"
    )
    op.execute("UPDATE capture SET finished_at = created_at")
    op.execute("UPDATE capture SET state = 'act' WHERE \"key\" LIKE 'once:%'")


def downgrade() -> None:
    """Take them away."""
    if op.get_context().dialect.name == "postgresql":
        op.drop_index("ix_item_canonical_bytes", table_name="item")
    op.drop_column("event_item", "is_class")

    op.drop_index("ix_event_record_time", table_name="event")
    op.drop_index("ix_event_party_record_time", table_name="event")
    op.drop_index("ix_event_party_event_time", table_name="event")
    op.drop_index("ix_event_event_time", table_name="event")
    op.create_index(op.f("ix_event_event_time"), "event", ["event_time"], unique=False)
    op.create_index(op.f("ix_event_party_id"), "event", ["party_id"], unique=False)

    op.drop_column("document", "original")

    op.drop_index(
        "ix_capture_waiting",
        table_name="capture",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_index(
        "ix_capture_newest",
        table_name="capture",
        sqlite_where=sa.text("state <> 'act'"),
        postgresql_where=sa.text("state <> 'act'"),
    )
    op.drop_index("ix_capture_created_at", table_name="capture")
    op.drop_column("capture", "finished_at")
    op.drop_column("capture", "behaviour")
    op.drop_column("capture", "state")

    op.drop_index(
        "ix_delivery_next",
        table_name="delivery",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_index(
        "ix_delivery_done",
        table_name="delivery",
        sqlite_where=sa.text("state = 'done'"),
        postgresql_where=sa.text("state = 'done'"),
    )
    op.drop_index(
        "ix_delivery_waiting",
        table_name="delivery",
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_index("ix_delivery_subscription_id", table_name="delivery")

    op.drop_table("delivery")
    op.drop_index(op.f("ix_subscription_query_id"), table_name="subscription")
    op.drop_index("ix_subscription_due_at", table_name="subscription")

    op.drop_table("subscription")
    op.drop_index("ix_observed_kind", table_name="observed")

    op.drop_table("observed")
    op.drop_index("uq_named_query_name", table_name="named_query")

    op.drop_table("named_query")
    op.drop_table("master_child")
    op.drop_table("master_attribute")
    op.drop_index("ix_event_number_event_id", table_name="event_number")

    op.drop_table("event_number")
    op.drop_table("event_key")
    op.drop_table("derivation")
