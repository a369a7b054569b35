"""What an account's month adds up to, as its statement says it.  Pure: months of parts, added, are the month of the whole."""

Kind = tuple[str, str, int, int]
"""Of a statement's line: model, token class, list price (nano-dollars per million tokens), discount in percent."""


class Month:
    """Tokens and cost of each kind of line; by price book how many requests, and the first and last receipt; by grant
    what it paid.
    """

    def __init__(self) -> None:
        self.lines: dict[Kind, tuple[int, int]] = {}
        self.counts: dict[int, tuple[int, int, int]] = {}
        self.uses: dict[str, int] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Month) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def add_line(self, kind: Kind, tokens: int, cost_nanousd: int) -> None:
        known, paid = self.lines.get(kind, (0, 0))
        self.lines[kind] = (known + tokens, paid + cost_nanousd)

    def add_requests(self, price_version: int, requests: int, first_seq: int, last_seq: int) -> None:
        known, first, last = self.counts.get(price_version, (0, first_seq, last_seq))
        self.counts[price_version] = (known + requests, min(first, first_seq), max(last, last_seq))

    def add_use(self, grant_id: str, nanousd: int) -> None:
        self.uses[grant_id] = self.uses.get(grant_id, 0) + nanousd

    def add(self, other: "Month") -> None:
        for kind, (tokens, cost) in other.lines.items():
            self.add_line(kind, tokens, cost)
        for version, counted in other.counts.items():
            self.add_requests(version, *counted)
        for grant_id, nanousd in other.uses.items():
            self.add_use(grant_id, nanousd)
