"""Server-sent events, as the WHATWG HTML standard section 9.2.6 parses them, for `data:` lines only.

Language-model servers send nothing else of meaning; comments, `event:` and `id:` lines are dropped.
"""

DONE = b"[DONE]"


def comment(text: str) -> bytes:
    """A line for people who read the wire; programs skip it."""
    return f": {text}\n\n".encode()


class LineTooLong(ValueError):
    """A line grew past the bound: the peer is broken or hostile."""


class Decoder:
    """Bytes in, payloads out; a payload is the joined `data:` lines of one event.

    Chunk boundaries may fall anywhere, also between CR and LF.
    """

    __slots__ = ("_buffer", "_data", "_line_bytes_max")

    def __init__(self, line_bytes_max: int) -> None:
        self._buffer = b""
        self._data: list[bytes] = []
        self._line_bytes_max = line_bytes_max

    def feed(self, chunk: bytes) -> list[bytes]:
        """Payloads completed by this chunk.

        Raises:
            LineTooLong: a line exceeds `line_bytes_max`.
        """
        lines = (self._buffer + chunk).replace(b"\r\n", b"\n").split(b"\n")
        self._buffer = lines.pop()
        if len(self._buffer) > self._line_bytes_max:
            raise LineTooLong(f"a line of more than {self._line_bytes_max} bytes")
        payloads: list[bytes] = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif not line.rstrip(b"\r") and self._data:
                payloads.append(b"\n".join(self._data))
                self._data.clear()
        return payloads

    def finish(self) -> list[bytes]:
        """What a stream that ended without its last blank line still held."""
        return self.feed(b"\n\n")


def encode(payload: bytes) -> bytes:
    """One event.  The payload is one line: every JSON encoder here writes no newline."""
    return b"data: " + payload + b"\n\n"
