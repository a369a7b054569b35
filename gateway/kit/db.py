"""One database, two doors: `read` runs on a few threads, `write` on one thread that commits in groups.

Rooms write plain functions of a connection and never commit.  The type of the connection says what it may do:
a `ReadConn` cannot write (SQLite's `query_only` and PostgreSQL's read-only transactions see to it).

**Group commit.**  The writer thread takes every function that is waiting, runs them in one transaction and commits
once; while it commits, the next group gathers.  Nobody sleeps to fill a batch.  If one function raises, the group
is rolled back and each runs again alone, so a stranger's mistake costs a caller time and nothing else.  A refusal
(a `TollwayError`) is no mistake: it is handed to its caller and the group goes on, so **a function refuses before it
writes, or not at all**.

**Functions given to `write` must be idempotent** (every row they insert has an id chosen by the caller): a group
is run again after a lost connection, also when it cannot be known whether the commit arrived.

Failure mode: closed.  While the database cannot be written, `write` raises `StorageUnavailable` after
`retry_s` seconds, and the request that wanted it is refused or ends unbilled.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, NewType, TypeVar, cast

from sqlalchemy import Connection, Insert, MetaData, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError

from gateway.errors import StorageUnavailable, TollwayError
from gateway.kit.engine import open_engine

T = TypeVar("T")
ReadConn = NewType("ReadConn", Connection)
WriteConn = NewType("WriteConn", Connection)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every room's tables.  Constraints are named, because SQLite migrations must be able to name them again."""

GROUP_SIZE_MAX = 256
_RETRY_PAUSE_S = 0.05

_Job = tuple[Callable[[WriteConn], Any], Callable[[Any, Exception | None], None]]
"""What is to be done, and who is told what came of it, in the writer's thread."""
_Outcome = tuple[Any, TollwayError | None]


class Database:
    """The engines of one URL.  `sqlite:///file.db` or `postgresql+psycopg://…`."""

    def __init__(self, url: str, *, read_threads: int = 4, retry_s: float = 5.0) -> None:
        self.url = url
        self._retry_s = retry_s
        self._reader = open_engine(url, pool_size=read_threads, read_only=True)
        self._writer = open_engine(url, pool_size=2, read_only=False)
        self._readers = ThreadPoolExecutor(read_threads, thread_name_prefix="db-read")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._kept: Connection | None = None
        """The writer thread's: to fetch one for each group, and to clean it afterwards, takes as long as a bill."""
        self._start_lock = threading.Lock()

    async def read(self, work: Callable[[ReadConn], T]) -> T:
        """Runs `work` in a read-only transaction.

        Raises:
            StorageUnavailable: the database did not answer.
        """
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, work)

    async def write(self, work: Callable[[WriteConn], T]) -> T:
        """Runs `work` in the next group; returns after its commit is durable.

        Cancelling the caller does not stop the work: it may have been committed.

        Raises:
            StorageUnavailable: the group could not be committed within `retry_s`.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def tell(result: Any, error: Exception | None) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
                loop.call_soon_threadsafe(_resolve, future, result, error)

        self._submit(work, tell)
        return await future

    def read_now(self, work: Callable[[ReadConn], T]) -> T:
        try:
            with self._reader.begin() as conn:
                return work(ReadConn(conn))
        except OperationalError as error:
            raise StorageUnavailable(
                "the ledger cannot be read at the moment; try again", retry_after_s=1
            ) from error

    def write_now(self, work: Callable[[WriteConn], T]) -> T:
        """`write` for programs without an event loop."""
        future: Future[T] = Future()
        self._submit(work, lambda result, error: _resolve(future, result, error))
        return future.result()

    def close(self) -> None:
        """Commits what was submitted, then closes every connection."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        if self._kept is not None:
            self._kept.close()
            self._kept = None
        self._readers.shutdown()
        self._reader.dispose()
        self._writer.dispose()

    def _submit(self, work: Callable[[WriteConn], T], tell: Callable[[Any, Exception | None], None]) -> None:
        if self._thread is None:
            with self._start_lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._write_groups, name="db-write", daemon=True)
                    self._thread.start()
        self._jobs.put((work, tell))

    def _write_groups(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            group = [job]
            while len(group) < GROUP_SIZE_MAX:
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    self._commit(group)
                    return
                group.append(job)
            self._commit(group)

    def _commit(self, group: list[_Job]) -> None:
        try:
            results = self._run(group)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is handed to whoever submitted the work
            if len(group) > 1:
                for job in group:
                    self._commit([job])
            else:
                group[0][1](None, error)
            return
        for (_, tell), outcome in zip(group, results, strict=True):
            tell(*outcome)

    def _run(self, group: list[_Job]) -> list[_Outcome]:
        """One transaction; tried again while the database is away, until `retry_s` is over."""
        deadline = time.monotonic() + self._retry_s
        while True:
            try:
                return self._outcomes(group)
            except DBAPIError as error:
                if not _passing(error):
                    raise
                if time.monotonic() > deadline:
                    raise StorageUnavailable(
                        "the ledger cannot be written at the moment, and work that cannot be billed is not started;"
                        " nothing was charged: try again",
                        retry_after_s=1,
                    ) from error
                time.sleep(_RETRY_PAUSE_S)

    def _outcomes(self, group: list[_Job]) -> list[_Outcome]:
        conn = self._kept = self._kept or self._writer.connect()
        try:
            with conn.begin():
                return [_outcome(work, WriteConn(conn)) for work, _ in group]
        except BaseException:  # whatever is wrong with it, the next group has another
            self._kept = None
            conn.close()
            raise


def _resolve(future: Any, result: Any, error: Exception | None) -> None:
    if future.done():
        return  # who asked did not wait
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _outcome(work: Callable[[WriteConn], Any], conn: WriteConn) -> _Outcome:
    try:
        return work(conn), None
    except TollwayError as refusal:
        return None, refusal


def _passing(error: DBAPIError) -> bool:
    """Whether it may be gone on the next try: a lost connection, a lock, a deadlock, a restart."""
    return error.connection_invalidated or isinstance(error, OperationalError)


@contextlib.contextmanager
def opened(url: str) -> Iterator[Database]:
    """A database for the length of a command."""
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


@cache
def upsert(dialect: str, table: Table, *changed: str, add: bool = False) -> Insert:
    """Inserts rows, or changes these columns of those that are there; with `add`, by the rows' amounts.

    Without columns: leaves those that are there alone.  Built once for each table: building a statement takes longer
    than running it.
    """
    statement: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    if not changed:
        return cast("Insert", statement.on_conflict_do_nothing())
    values = {
        name: table.c[name] + statement.excluded[name] if add else statement.excluded[name]
        for name in changed
    }
    return cast(
        "Insert", statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)
    )


def insert_once(conn: WriteConn, table: Table, row: dict[str, Any]) -> bool:
    """Whether it was not there before.  An INSERT's row count is -1 on PostgreSQL unless it is asked for."""
    statement = upsert(conn.dialect.name, table)
    return conn.execute(statement, row, execution_options={"preserve_rowcount": True}).rowcount == 1


def rows(kind: type[T], result: Any) -> list[T]:
    """Each row of a result as a struct with the same field names."""
    return [kind(**row) for row in cast("Any", result).mappings()]
