"""How much a database reads for each statement that it is told: steps of SQLite's machine, rows of PostgreSQL's plans."""

import json
from collections import Counter
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

STEPS = 20
"""SQLite says so each time it has done so many."""


class Reading:
    """What one database of this process is told: `statements` since `clear`, each with its parameters.

    `database` is its name; other gateways of the test run live in this process, too, and their jobs go on.
    """

    def __init__(self) -> None:
        self.database: str | None = None
        self.statements: list[tuple[str, Any]] = []
        self.steps: Counter[str] = Counter()
        self._current: dict[int, str] = {}

    def __enter__(self) -> "Reading":
        event.listen(Pool, "connect", self._connected)
        event.listen(Engine, "before_cursor_execute", self._told)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Pool, "connect", self._connected)
        event.remove(Engine, "before_cursor_execute", self._told)

    def clear(self) -> None:
        self.statements.clear()
        self.steps.clear()

    def _connected(self, connection: Any, _record: Any) -> None:
        if hasattr(connection, "set_progress_handler"):
            number = id(connection)
            self._current.pop(number, None)
            connection.set_progress_handler(lambda: self._stepped(number), STEPS)

    def _stepped(self, connection: int) -> int:
        if connection in self._current:
            self.steps[self._current[connection]] += STEPS
        return 0

    def _told(self, conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if conn.engine.url.database != self.database:
            return
        self._current[id(cursor.connection)] = statement
        self.statements.append((statement, parameters))


class SqliteReads:
    """What was read, and which tables from one end to the other."""

    def __init__(self, reading: Reading, database: Any) -> None:
        self._reading, self._database = reading, database

    def reads(self) -> dict[str, int]:
        return dict(self._reading.steps)

    def scanned(self) -> set[tuple[str, str]]:
        """(table, statement)."""
        found = set()
        for statement, parameters in list(self._reading.statements):
            if statement.lstrip().startswith("SELECT"):
                explain = f"EXPLAIN QUERY PLAN {statement}"
                steps = self._database.read_now(
                    lambda conn: conn.connection.cursor().execute(explain, parameters).fetchall()  # noqa: B023
                )
                found |= {(step[3].split()[1], statement) for step in steps if step[3].startswith("SCAN ")}
        return found


class PostgresReads:
    def __init__(self, reading: Reading, database: Any) -> None:
        self._reading, self._database = reading, database
        self._scanned: set[tuple[str, str]] = set()

    def reads(self) -> dict[str, int]:
        """Rows that its nodes looked at, also those that no condition let through; each statement is run once more."""
        found: Counter[str] = Counter()
        self._scanned = set()
        for statement, parameters in list(self._reading.statements):
            if statement.lstrip().startswith("SELECT"):
                for node in self._nodes(statement, parameters):
                    if "Scan" in node["Node Type"]:
                        rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                        rows += node.get("Rows Removed by Index Recheck", 0)
                        found[statement] += round(rows * node["Actual Loops"])
                    if node["Node Type"] == "Seq Scan":
                        self._scanned.add((node["Relation Name"], statement))
        return dict(found)

    def scanned(self) -> set[tuple[str, str]]:
        return self._scanned

    def _nodes(self, statement: str, parameters: Any) -> list[dict[str, Any]]:
        explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"

        def run(conn: Any) -> Any:
            cursor: psycopg.Cursor[Any] = conn.connection.cursor()
            return cursor.execute(explain, parameters).fetchone()  # type: ignore[arg-type]

        (plan,) = self._database.read_now(run)
        return _flat((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])


def _flat(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(each for child in node.get("Plans", []) for each in _flat(child))]
