"""Pick up price books that were published since, so that a price entered today applies when it says, everywhere."""

import asyncio

from gateway.catalog.snapshot import Catalog
from gateway.catalog.store import from_now_on
from gateway.errors import StorageUnavailable
from gateway.kit.clock import now_us
from gateway.kit.db import Database
from gateway.kit.log import logger
from gateway.workers.registry import Registry

EVERY_S = 5.0
"""How long before it takes effect a book must be published, so that no process misses its beginning."""


async def refresh_prices(database: Database, catalog: Catalog, workers: Registry) -> None:
    """Runs for the life of the process."""
    in_force = catalog.book.version
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            books = await database.read(lambda conn: from_now_on(conn, now_us()))
        except StorageUnavailable as error:
            logger().warning("prices_not_read", reason=error.message)
            continue
        if [book.version for book in books] != catalog.versions:
            catalog.load(*books)
        if catalog.book.version != in_force:
            in_force = catalog.book.version
            logger().info("price_book_in_force", version=in_force)
            workers.look_again()  # what a worker offers may be priced now
