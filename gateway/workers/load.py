"""What each worker has to do for us at the moment: requests, and tokens that it may still have to read or write."""

import msgspec


class Load(msgspec.Struct):
    requests: int = 0
    tokens: int = 0


class Work:
    """One request's part of a worker's load, from `begin` to `end`."""

    def __init__(self, load: Load, tokens: int) -> None:
        self._load = load
        self._tokens = tokens

    def begin(self) -> None:
        self._load.requests += 1
        self._load.tokens += self._tokens

    def end(self) -> None:
        self._load.requests -= 1
        self._load.tokens -= self._tokens
