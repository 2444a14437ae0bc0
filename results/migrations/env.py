"""Alembic's entry point: upgrades the database behind the connection that `results.schema` hands over."""

from alembic import context

from results.models import Base
from results.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # also on SQLite: our connections begin transactions explicitly
)
with context.begin_transaction():
    context.run_migrations()
