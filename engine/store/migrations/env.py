"""How Alembic runs the steps: on the connection that ``engine/store/schema.py`` gives it, in its transaction."""

from alembic import context

from engine.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata,
                  version_table=context.config.attributes["version_table"], transactional_ddl=False)
context.run_migrations()
