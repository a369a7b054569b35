"""`/admin/v1/prices`: every version of the price book, and the entry of the next."""

from litestar import get, post
from litestar.params import JSONBody

from gateway.acts.prices import publish_later
from gateway.api.schemas.models import NewPrices, PriceBookInfo, price_book_info
from gateway.api.schemas.shapes import ListOf
from gateway.api.wiring import TheCaller, TheGateway
from gateway.catalog import store as catalog
from gateway.catalog.read_toml import PriceBookError, parse
from gateway.errors import BadRequest


@get("/admin/v1/prices")
async def list_prices(gateway: TheGateway) -> ListOf[PriceBookInfo]:
    """List every version of the price book, the oldest first."""
    in_force = gateway.catalog.book.version
    books = await gateway.database.read(catalog.list_books)
    return ListOf([price_book_info(book, book.version == in_force) for book in books])


@post("/admin/v1/prices", refusals=(409,))
async def publish_prices(gateway: TheGateway, caller: TheCaller, data: JSONBody[NewPrices]) -> PriceBookInfo:
    """Enter a price book, as TOML, that takes effect later.  Gateways that run pick it up by themselves."""
    try:
        book = parse(data.toml, "toml")
    except PriceBookError as error:
        raise BadRequest(str(error), param="toml") from error
    await gateway.database.write(lambda conn: publish_later(conn, caller.actor, book))
    return price_book_info(book)
