"""Predicted latencies beside the measured ones."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("runs", sa.Column("predicted_latency_ms", sa.Double))
    op.add_column("runs", sa.Column("predicted_latency_source", sa.Text))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("runs", "predicted_latency_source")
    op.drop_column("runs", "predicted_latency_ms")
