"""The tables of runs and evaluations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "runs",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("experiment", sa.Text, nullable=False, index=True),
        sa.Column("method", sa.Text, nullable=False, index=True),
        sa.Column("space", sa.Text, nullable=False, index=True),
        sa.Column("dataset", sa.Text, nullable=False, index=True),
        sa.Column("search_seed", sa.Integer, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("architecture", sa.Text),
        sa.Column("operation_counts", sa.JSON),
        sa.Column("skip_ratio", sa.Double),
        sa.Column("zero_ratio", sa.Double),
        sa.Column("connected", sa.Boolean),
        sa.Column("parameters_m", sa.Double),
        sa.Column("flops_m", sa.Double),
        sa.Column("latency_ms", sa.Double),
        sa.Column("latency_source", sa.Text),
        sa.Column("search_seconds_step", sa.Double),
        sa.Column("search_seconds_data", sa.Double),
        sa.Column("search_seconds_validation", sa.Double),
        sa.Column("simulated_seconds", sa.Double),
        sa.Column("device", sa.Text),
        sa.Column("device_days", sa.Double),
        sa.Column("peak_memory_mib", sa.Double),
        sa.Column("steps", sa.Integer),
        sa.Column("versions", sa.JSON),
        sa.Column("git_commit", sa.Text),
        sa.Column("host", sa.Text),
        sa.Column("threads", sa.Integer),
        sa.Column("created_at", sa.DateTime),
        sa.Column("finished_at", sa.DateTime),
    )
    op.create_table(
        "evaluations",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("run_id", sa.String(12), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("split", sa.String(16), nullable=False),
        sa.Column("epochs", sa.Integer, nullable=False),
        sa.Column("evaluation_seed", sa.Integer),
        sa.Column("error_percent", sa.Double, nullable=False),
        sa.Column("provenance", sa.Text, nullable=False),
        sa.UniqueConstraint("run_id", "source", "dataset", "split", "epochs", "evaluation_seed"),
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("evaluations")
    op.drop_table("runs")
