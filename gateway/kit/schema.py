"""The database schema's version, and bringing it up to date with Alembic.

Alembic takes a fifth of a second to import, so it is imported only when there is something to do.
"""

from pathlib import Path

from sqlalchemy import create_engine, inspect, text

PACKAGE = Path(__file__).parent.parent


class SchemaError(Exception):
    """The database's schema is not one that this version can work on."""


def migrations_dir() -> Path:
    """Beside the package in a checkout, inside it in an installed wheel."""
    inside = PACKAGE / "migrations"
    return inside if inside.is_dir() else PACKAGE.parent / "migrations"


def head() -> str:
    """The newest revision: file names begin with it, `0001_…`, and sort."""
    newest = max(path.name for path in (migrations_dir() / "versions").glob("[0-9]*.py"))
    return newest.partition("_")[0]


def current(url: str) -> str | None:
    """The database's revision; None for an empty one."""
    engine = create_engine(url)
    try:
        with engine.connect() as conn:
            if not inspect(conn).has_table("alembic_version"):
                return None
            revision = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return None if revision is None else str(revision)
    finally:
        engine.dispose()


def upgrade(url: str, revision: str = "head") -> None:
    from alembic import command  # noqa: PLC0415 - slow to import, rarely needed

    command.upgrade(config(url), revision)


def downgrade(url: str, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - slow to import, rarely needed

    command.downgrade(config(url), revision)


def config(url: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 - alembic's Config, imported late
    from alembic.config import Config  # noqa: PLC0415 - slow to import, rarely needed

    settings = Config()
    settings.set_main_option("script_location", str(migrations_dir()))
    settings.attributes["url"] = url
    return settings
