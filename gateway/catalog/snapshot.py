"""The book in force, indexed for the request path.  Immutable: a new book is a new snapshot."""

from gateway.catalog.types import Model, PriceBook
from gateway.errors import UnknownModel


class Catalog:
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
