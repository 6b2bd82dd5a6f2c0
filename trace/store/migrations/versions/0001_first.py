"""The first tables, and the triggers that keep the record append-only."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from foodtrace.trace.store import guards

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite gives a row id only to INTEGER, never to BIGINT.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "account",
        sa.Column("id", ID, nullable=False),
        sa.Column("username", sa.String(length=32), nullable=False),
        sa.Column("display_name", sa.String(length=100), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("party_id", ID, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tf_primary_method", sa.String(length=64), nullable=True),
        sa.Column("tf_totp_secret", sa.String(length=255), nullable=True),
        sa.Column("tf_last_counter", ID, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_account_fs_uniquifier")),
        sa.UniqueConstraint("username", name=op.f("uq_account_username")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("party_id", ID, nullable=True),
        sa.Column("note", sa.String(length=100), nullable=True),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_table(
        "certificate",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("lot", sa.String(length=500), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("sampled_on", sa.Date(), nullable=False),
        sa.Column("sampled_at", sa.String(length=200), nullable=True),
        sa.Column("sampled_by", sa.String(length=200), nullable=True),
        sa.Column("sample_amount", sa.BigInteger(), nullable=True),
        sa.Column("sample_uom", sa.String(length=3), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawal_id", ID, nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawal_reason", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
    )
    op.create_index(op.f("ix_certificate_lot"), "certificate", ["lot"], unique=False)
    op.create_index("uq_certificate_number", "certificate", ["party_id", "number"], unique=True)
    op.create_table(
        "document",
        sa.Column("id", ID, nullable=False),
        sa.Column("party_id", ID, nullable=True),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("content_type", sa.String(length=80), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
    )
    op.create_table(
        "item",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("canonical", sa.String(length=500), nullable=False),
        sa.Column("gtin", sa.String(length=14), nullable=True),
        sa.Column("lot", sa.String(length=20), nullable=True),
        sa.Column("serial", sa.String(length=28), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
        sa.UniqueConstraint("canonical", name=op.f("uq_item_canonical")),
    )
    op.create_index("ix_item_gtin", "item", ["gtin", "lot"], unique=False)
    op.create_table(
        "party",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("identifier", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=True),
        sa.Column("food_licence", sa.String(length=16), nullable=True),
        sa.Column("region", sa.String(length=100), nullable=True),
        sa.Column("address", sa.String(length=300), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("revision", ID, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party")),
        sa.UniqueConstraint("identifier", name=op.f("uq_party_identifier")),
        sa.UniqueConstraint("uscc", name=op.f("uq_party_uscc")),
    )
    op.create_index(op.f("ix_party_name"), "party", ["name"], unique=False)
    op.create_table(
        "recall",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("lot", sa.String(length=500), nullable=False),
        sa.Column("recall_class", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=1000), nullable=False),
        sa.Column("reason_en", sa.String(length=1000), nullable=True),
        sa.Column("hazard", sa.String(length=1000), nullable=False),
        sa.Column("hazard_en", sa.String(length=1000), nullable=True),
        sa.Column("advice", sa.String(length=1000), nullable=False),
        sa.Column("advice_en", sa.String(length=1000), nullable=True),
        sa.Column("compensation", sa.String(length=500), nullable=False),
        sa.Column("compensation_en", sa.String(length=500), nullable=True),
        sa.Column("contact", sa.String(length=100), nullable=False),
        sa.Column("area", sa.String(length=300), nullable=True),
        sa.Column("notice_url", sa.String(length=500), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_id", ID, nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_statement", sa.String(length=1000), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall")),
    )
    op.create_index(op.f("ix_recall_lot"), "recall", ["lot"], unique=False)
    op.create_index(op.f("ix_recall_opened_at"), "recall", ["opened_at"], unique=False)
    op.create_table(
        "account_role",
        sa.Column("account_id", ID, nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_account_role_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "name", name=op.f("pk_account_role")),
    )
    op.create_table(
        "capture",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("document_id", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "result",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_capture_document_id_document")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capture")),
    )
    op.create_index("uq_capture_key", "capture", ["party_id", "key"], unique=True)
    op.create_table(
        "certificate_result",
        sa.Column("certificate_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("analyte", sa.String(length=100), nullable=False),
        sa.Column("analyte_en", sa.String(length=100), nullable=True),
        sa.Column("analyte_code", sa.String(length=40), nullable=True),
        sa.Column("method", sa.String(length=100), nullable=True),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("value", sa.String(length=42), nullable=True),
        sa.Column("unit", sa.String(length=20), nullable=False),
        sa.Column("limit_comparator", sa.String(length=6), nullable=True),
        sa.Column("limit_value", sa.String(length=42), nullable=True),
        sa.Column("limit_standard", sa.String(length=100), nullable=True),
        sa.Column("limit_effective_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["certificate.id"],
            name=op.f("fk_certificate_result_certificate_id_certificate"),
        ),
        sa.PrimaryKeyConstraint("certificate_id", "position", name=op.f("pk_certificate_result")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "containment",
        sa.Column("content_id", ID, nullable=False),
        sa.Column("container_id", ID, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("uom", sa.String(length=3), nullable=True),
        sa.ForeignKeyConstraint(
            ["container_id"], ["item.id"], name=op.f("fk_containment_container_id_item")
        ),
        sa.ForeignKeyConstraint(
            ["content_id"], ["item.id"], name=op.f("fk_containment_content_id_item")
        ),
        sa.PrimaryKeyConstraint("content_id", "container_id", "since", name=op.f("pk_containment")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_containment_container_id", "containment", ["container_id", "content_id"], unique=False
    )
    op.create_table(
        "place",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("identifier", sa.String(length=100), nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=True),
        sa.Column("region", sa.String(length=100), nullable=True),
        sa.Column("address", sa.String(length=300), nullable=True),
        sa.Column("revision", ID, nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_place_party_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place")),
        sa.UniqueConstraint("identifier", name=op.f("uq_place_identifier")),
    )
    op.create_index("uq_place_name", "place", ["party_id", "name"], unique=True)
    op.create_table(
        "product",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("identifier", sa.String(length=100), nullable=False),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("name_en", sa.String(length=200), nullable=True),
        sa.Column("brand", sa.String(length=100), nullable=True),
        sa.Column("net_content", sa.String(length=100), nullable=True),
        sa.Column("storage", sa.String(length=200), nullable=True),
        sa.Column("shelf_life_days", sa.Integer(), nullable=True),
        sa.Column("standard", sa.String(length=100), nullable=True),
        sa.Column("ingredients", sa.String(length=1000), nullable=True),
        sa.Column("allergens", sa.String(length=300), nullable=True),
        sa.Column("revision", ID, nullable=False),
        sa.ForeignKeyConstraint(["party_id"], ["party.id"], name=op.f("fk_product_party_id_party")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("identifier", name=op.f("uq_product_identifier")),
    )
    op.create_index(op.f("ix_product_party_id"), "product", ["party_id"], unique=False)
    op.create_table(
        "sign_in",
        sa.Column("token_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", ID, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_sign_in_account_id_account"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_sign_in")),
    )
    op.create_index(op.f("ix_sign_in_account_id"), "sign_in", ["account_id"], unique=False)
    op.create_table(
        "statement",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("document_id", ID, nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_statement_document_id_document")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement")),
    )
    op.create_index(op.f("ix_statement_document_id"), "statement", ["document_id"], unique=False)
    op.create_table(
        "event",
        sa.Column("id", ID, nullable=False),
        sa.Column("event_id", sa.String(length=500), nullable=False),
        sa.Column("type", sa.String(length=20), nullable=False),
        sa.Column("action", sa.String(length=7), nullable=True),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_zone_offset", sa.String(length=6), nullable=False),
        sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("biz_step", sa.String(length=500), nullable=True),
        sa.Column("disposition", sa.String(length=500), nullable=True),
        sa.Column("read_point", sa.String(length=500), nullable=True),
        sa.Column("biz_location", sa.String(length=500), nullable=True),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("source", sa.String(length=500), nullable=True),
        sa.Column("destination", sa.String(length=500), nullable=True),
        sa.Column("transformation_id", sa.String(length=500), nullable=True),
        sa.Column("temperature_low", sa.BigInteger(), nullable=True),
        sa.Column("temperature_high", sa.BigInteger(), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["statement.id"], name=op.f("fk_event_id_statement")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_destination", "event", ["destination", "biz_step"], unique=False)
    op.create_index(op.f("ix_event_event_id"), "event", ["event_id"], unique=False)
    op.create_index("ix_event_event_time", "event", ["event_time"], unique=False)
    op.create_index(op.f("ix_event_party_id"), "event", ["party_id"], unique=False)
    op.create_index(
        op.f("ix_event_transformation_id"), "event", ["transformation_id"], unique=False
    )
    op.create_index(
        "uq_event_declaration",
        "event",
        ["party_id", "event_id"],
        unique=True,
        sqlite_where=sa.text("declared_at IS NOT NULL"),
        postgresql_where=sa.text("declared_at IS NOT NULL"),
    )
    op.create_index(
        "uq_event_event_id",
        "event",
        ["party_id", "event_id"],
        unique=True,
        sqlite_where=sa.text("declared_at IS NULL"),
        postgresql_where=sa.text("declared_at IS NULL"),
    )
    op.create_table(
        "revision",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["id"], ["statement.id"], name=op.f("fk_revision_id_statement")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
    )
    op.create_index("ix_revision_subject_id", "revision", ["subject_id", "id"], unique=False)
    op.create_table(
        "edge",
        sa.Column("parent_id", ID, nullable=False),
        sa.Column("child_id", ID, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=6), nullable=False),
        sa.ForeignKeyConstraint(["child_id"], ["item.id"], name=op.f("fk_edge_child_id_item")),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_edge_event_id_event")),
        sa.ForeignKeyConstraint(["parent_id"], ["item.id"], name=op.f("fk_edge_parent_id_item")),
        sa.PrimaryKeyConstraint("parent_id", "child_id", "event_id", "kind", name=op.f("pk_edge")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_edge_child_id", "edge", ["child_id", "parent_id", "event_id", "kind"], unique=False
    )
    op.create_table(
        "event_item",
        sa.Column("event_id", ID, nullable=False),
        sa.Column("role", sa.String(length=6), nullable=False),
        sa.Column("item_id", ID, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("uom", sa.String(length=3), nullable=True),
        sa.ForeignKeyConstraint(
            ["event_id"], ["event.id"], name=op.f("fk_event_item_event_id_event")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_event_item_item_id_item")),
        sa.PrimaryKeyConstraint("event_id", "role", "item_id", name=op.f("pk_event_item")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_event_item_item_id",
        "event_item",
        ["item_id", "event_id", "role", "amount", "uom"],
        unique=False,
    )
    op.create_table(
        "lot",
        sa.Column("item_id", ID, autoincrement=False, nullable=False),
        sa.Column("event_id", ID, nullable=False),
        sa.Column("product_identifier", sa.String(length=100), nullable=True),
        sa.Column("party_id", ID, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lot_number", sa.String(length=20), nullable=True),
        sa.Column("production_date", sa.Date(), nullable=True),
        sa.Column("expiry_date", sa.Date(), nullable=True),
        sa.Column("origin", sa.String(length=200), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("uom", sa.String(length=3), nullable=True),
        sa.Column("certificate_number", sa.String(length=100), nullable=True),
        sa.Column(
            "more",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_lot_event_id_event")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_lot_item_id_item")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_lot")),
    )
    op.create_index(op.f("ix_lot_party_id"), "lot", ["party_id"], unique=False)
    op.create_index(op.f("ix_lot_product_identifier"), "lot", ["product_identifier"], unique=False)
    guards.install(op.get_bind(), guards.RECORD)


def downgrade() -> None:
    """Drop the tables."""
    guards.remove(op.get_bind(), guards.RECORD)
    guards.remove_function(op.get_bind())
    op.drop_index(op.f("ix_lot_product_identifier"), table_name="lot")
    op.drop_index(op.f("ix_lot_party_id"), table_name="lot")
    op.drop_table("lot")
    op.drop_index("ix_event_item_item_id", table_name="event_item")
    op.drop_table("event_item")
    op.drop_index("ix_edge_child_id", table_name="edge")
    op.drop_table("edge")
    op.drop_index("ix_revision_subject_id", table_name="revision")
    op.drop_table("revision")
    op.drop_index(
        "uq_event_event_id",
        table_name="event",
        sqlite_where=sa.text("declared_at IS NULL"),
        postgresql_where=sa.text("declared_at IS NULL"),
    )
    op.drop_index(
        "uq_event_declaration",
        table_name="event",
        sqlite_where=sa.text("declared_at IS NOT NULL"),
        postgresql_where=sa.text("declared_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_event_transformation_id"), table_name="event")
    op.drop_index(op.f("ix_event_party_id"), table_name="event")
    op.drop_index("ix_event_event_time", table_name="event")
    op.drop_index(op.f("ix_event_event_id"), table_name="event")
    op.drop_index("ix_event_destination", table_name="event")
    op.drop_table("event")
    op.drop_index(op.f("ix_statement_document_id"), table_name="statement")
    op.drop_table("statement")
    op.drop_index(op.f("ix_sign_in_account_id"), table_name="sign_in")
    op.drop_table("sign_in")
    op.drop_index(op.f("ix_product_party_id"), table_name="product")
    op.drop_table("product")
    op.drop_index("uq_place_name", table_name="place")
    op.drop_table("place")
    op.drop_index("ix_containment_container_id", table_name="containment")
    op.drop_table("containment")
    op.drop_table("certificate_result")
    op.drop_index("uq_capture_key", table_name="capture")
    op.drop_table("capture")
    op.drop_table("account_role")
    op.drop_index(op.f("ix_recall_opened_at"), table_name="recall")
    op.drop_index(op.f("ix_recall_lot"), table_name="recall")
    op.drop_table("recall")
    op.drop_index(op.f("ix_party_name"), table_name="party")
    op.drop_table("party")
    op.drop_index("ix_item_gtin", table_name="item")
    op.drop_table("item")
    op.drop_table("document")
    op.drop_index("uq_certificate_number", table_name="certificate")
    op.drop_index(op.f("ix_certificate_lot"), table_name="certificate")
    op.drop_table("certificate")
    op.drop_table("api_key")
    op.drop_table("account")
