"""The books of this process: the one in force, indexed for the request path, and those that will follow it.

A `Snapshot` is immutable, and a request keeps the one it began with.  A book that was published for later takes over
by the clock; `load` brings books that were published meanwhile.
"""

from gateway.catalog.types import Model, PriceBook
from gateway.errors import UnknownModel
from gateway.kit.clock import now_us


class Snapshot:
    def __init__(self, book: PriceBook) -> None:
        self.book = book
        self._by_name = {name: model for model in book.models for name in (model.id, *model.aliases)}

    def find(self, name: str) -> Model | None:
        """By id or alias."""
        return self._by_name.get(name)

    def require(self, name: str) -> Model:
        """Raises UnknownModel, which lists what there is."""
        model = self._by_name.get(name)
        if model is None:
            offered = ", ".join(model.id for model in self.book.models)
            raise UnknownModel(
                f"the model {name!r} is not in the price book; there are: {offered}", param="model"
            )
        return model


class Catalog:
    def __init__(self, *books: PriceBook) -> None:
        """The book in force first, then those to come in the order in which they take effect."""
        self.load(*books)

    def load(self, *books: PriceBook) -> None:
        assert books, "without a book nothing has a price"
        self._now, *self._later = [Snapshot(book) for book in books]

    def now(self) -> Snapshot:
        """The snapshot in force at this instant."""
        while self._later and self._later[0].book.effective_from_us <= now_us():
            self._now = self._later.pop(0)
        return self._now

    @property
    def book(self) -> PriceBook:
        return self.now().book

    @property
    def versions(self) -> list[int]:
        """Of the book in force and of those to come."""
        return [self.book.version, *(snapshot.book.version for snapshot in self._later)]

    def find(self, name: str) -> Model | None:
        return self.now().find(name)

    def require(self, name: str) -> Model:
        """Raises UnknownModel."""
        return self.now().require(name)
