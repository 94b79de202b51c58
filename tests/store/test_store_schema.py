"""The tables: made, brought up, refused; the same in the code and in the migrations."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from engine.config import StoreOptions
from engine.store import migrations, schema
from engine.store.database import Database
from engine.store.errors import SchemaError, StoreDown
from engine.store.store import Store
from engine.store.tables import metadata


def test_migrations_make_what_the_code_expects(database):
    """The code's tables and those that the migrations make differ in nothing: else one of the two is wrong."""
    def differences(connection):
        ours = ("segment_words", schema.VERSION_TABLE, "ix_transcription_segments_words")
        context = MigrationContext.configure(connection, opts={
            "compare_type": True, "include_name": lambda name, kind, parents: not str(name).startswith(ours)})
        return compare_metadata(context, metadata)

    assert database.run(differences) == []


def test_each_step_can_be_taken_back(fresh):
    """A downgrade leaves nothing, and what is upgraded again is current: an operator can go back a version."""
    schema.downgrade(fresh, "base")
    assert fresh.run(lambda connection: inspect(connection).get_table_names()) == [schema.VERSION_TABLE]
    assert fresh.run(schema.look).state == "empty"
    assert schema.upgrade(fresh) == schema.Schema("current", schema.REVISIONS[-1])
    assert schema.upgrade(fresh).state == "current"


def test_the_steps_are_those_of_the_folder():
    """``REVISIONS`` saves reading the folder at every start; it must not fall behind."""
    config = Config()
    config.set_main_option("script_location", str(next(iter(migrations.__path__))))
    config.set_main_option("path_separator", "os")
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == schema.REVISIONS


def test_sqlite_is_made_by_itself_and_postgres_by_the_operator(home, postgres_url):
    """One file belongs to one engine; a database that nodes share is not changed by whichever starts first."""
    own, shared = Database(StoreOptions()), Database(StoreOptions(url=postgres_url))
    schema.ready(own)
    assert own.run(schema.look).state == "current"
    with pytest.raises(SchemaError, match="run `trunkline db init`"):
        schema.ready(shared)
    schema.upgrade(shared)
    schema.ready(shared)
    own.close()
    shared.close()


def test_newer_tables_are_left_alone(fresh):
    """An engine that was set back must not write into tables whose meaning it does not know."""
    fresh.run(lambda connection: connection.execute(text(
        f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'")), write=True)
    for act in (schema.ready, schema.upgrade):
        with pytest.raises(SchemaError, match="9999.*install a newer Trunkline"):
            act(fresh)


def test_a_query_that_takes_too_long_ends(database):
    """A search must not hold a thread, or a connection, for ever; what follows works."""
    endless = ("SELECT pg_sleep(60)" if not database.is_sqlite else
               "WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a) SELECT max(x) FROM a")
    with pytest.raises(StoreDown, match="timeout_s"):
        database.run(lambda connection: connection.execute(text(endless)).all(), patience_s=0.2)
    assert database.run(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1


def test_a_connection_that_was_lost_while_idle_is_replaced(server, postgres_url):
    """PostgreSQL restarts, firewalls drop what is silent: the next query must not fail for it."""
    database = Database(StoreOptions(url=postgres_url))
    mine = database.run(lambda connection: connection.execute(text("SELECT pg_backend_pid()")).scalar())
    other = Database(StoreOptions(url=postgres_url))
    other.run(lambda connection: connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine}))
    assert database.run(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
    database.close()
    other.close()


@pytest.mark.parametrize(("url", "told"), [
    ("mysql://host/db", "must begin with"), ("postgresql://user:hunter2@h:notaport/db", "store.url is no address")])
def test_a_wrong_address_is_told_without_its_password(home, url, told):
    """The error names the option; a password in it is not repeated in logs."""
    with pytest.raises(Exception, match=told) as fault:
        Store(StoreOptions(url=url), home)
    assert "hunter2" not in str(fault.value)


def test_the_address_is_a_secret_in_listings(home):
    """A call's log lists the options that differ from the defaults; the address may hold a password."""
    from engine.configfile import differences, load

    config = load(None, {"TRUNKLINE_STORE__URL": "postgresql://me:hunter2@host/db"})
    assert differences(config) == {"store.url": "***"}
    assert "hunter2" not in Database(config.store).address
