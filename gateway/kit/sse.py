"""Server-sent events, as the WHATWG HTML standard section 9.2.6 parses them, for `data:` lines only.

Language-model servers send nothing else of meaning; comments, `event:` and `id:` lines are dropped.
"""

DONE = b"[DONE]"
END = b"\n\n"


def comment(text: str) -> bytes:
    """A line for people who read the wire; programs skip it."""
    return f": {text}\n\n".encode()


class EventTooLong(ValueError):
    """An event grew past the bound: the peer is broken or hostile."""


class Framer:
    """Bytes in, whole events out, as they came but for their line ends, which become LF.

    Chunk boundaries may fall anywhere, also between CR and LF.
    """

    __slots__ = ("_event_bytes_max", "_waiting")

    def __init__(self, event_bytes_max: int) -> None:
        self._waiting = b""
        self._event_bytes_max = event_bytes_max

    def feed(self, chunk: bytes) -> bytes:
        """The events that this chunk completes; nothing while there is none with data.

        Raises:
            EventTooLong: an event exceeds `event_bytes_max`.
        """
        came = self._waiting + chunk if self._waiting else chunk
        if b"\r" in came:
            came = came.replace(b"\r\n", b"\n")
        end = came.rfind(END)
        whole, self._waiting = (b"", came) if end < 0 else (came[: end + 2], came[end + 2 :])
        if len(self._waiting) > self._event_bytes_max:
            raise EventTooLong(f"an event of more than {self._event_bytes_max} bytes")
        return whole if b"data:" in whole else b""

    def finish(self) -> bytes:
        """What a stream that ended without its last blank line still held."""
        return self.feed(END)


def payloads(events: bytes) -> list[bytes]:
    """The data of each: its joined `data:` lines."""
    found: list[bytes] = []
    data: list[bytes] = []
    for line in events.split(b"\n"):
        if line.startswith(b"data:"):
            data.append(line[6:] if line.startswith(b"data: ") else line[5:])
        elif not line.rstrip(b"\r") and data:
            found.append(data[0] if len(data) == 1 else b"\n".join(data))
            data.clear()
    return found


def encode(payload: bytes) -> bytes:
    """One event.  The payload is one line: every JSON encoder here writes no newline."""
    return b"data: " + payload + END
