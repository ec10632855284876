"""Runs the migrations over the app's own engine; Alembic imports it."""

from alembic import context
from flask import current_app
from sqlalchemy import text

database = current_app.extensions["migrate"].db

with database.engine.execution_options(signet_writes=True).connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        # SQLite changes a table by copying it.
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # What a request may not, a migration of very many rows must: take its time.
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        context.run_migrations()
