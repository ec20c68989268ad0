"""Run by alembic: migrates the connection that `nta.catalogue.database.prepare` gives it."""

from alembic import context

from nta.catalogue.tables import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,  # also in SQLite, whose transactions we begin ourselves
)
with context.begin_transaction():
    context.run_migrations()
