"""One wide event per request, as one JSON line on standard error.  Never a prompt, an answer or a secret.

The configuration is the fast one of structlog's performance page: bytes loggers, a cached bound logger, msgspec.
"""

import asyncio
import sys
from typing import Any, cast

import msgspec
import structlog

from gateway.kit.clock import now_us, rfc3339

_encoder = msgspec.json.Encoder(enc_hook=str)


def _serialize(event: Any, **_: Any) -> bytes:
    return _encoder.encode(event)


_logger = cast("structlog.typing.FilteringBoundLogger", structlog.get_logger())
_json_lines = False
_lines: list[bytes] = []
"""Of this turn of the event loop."""


def configure(*, json_lines: bool) -> None:
    """Call once, at the edge of the program.  JSON lines for machines; aligned text for a person at a terminal."""
    global _logger, _json_lines  # noqa: PLW0603 - the logger before remembers how it was configured
    _json_lines = json_lines
    shared: list[structlog.types.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if json_lines:
        structlog.configure(
            processors=[
                *shared,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(serializer=_serialize),
            ],
            logger_factory=structlog.BytesLoggerFactory(file=sys.stderr.buffer),
            cache_logger_on_first_use=True,
        )
    else:
        structlog.configure(
            processors=[*shared, _console()],
            logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
            cache_logger_on_first_use=True,
        )
    _logger = structlog.get_logger()


def _console() -> structlog.dev.ConsoleRenderer:
    """Tracebacks are plain: structlog's own choice where rich is installed shows every local variable, keys among them."""
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def logger() -> structlog.typing.FilteringBoundLogger:
    """One for all: structlog puts a logger together at its first word, and remembers it only for this one."""
    return _logger


def tell(event: str, fields: dict[str, object]) -> None:
    """`logger().info(event, **fields)` for what is written thousands of times a second: the same line, without structlog's chain,
    and lines of one turn of the event loop leave together.
    """
    if not _json_lines:
        _logger.info(event, **fields)
        return
    fields |= {"event": event, "level": "info", "timestamp": rfc3339(now_us())}
    _lines.append(_encoder.encode(fields) + b"\n")
    if len(_lines) == 1:
        asyncio.get_running_loop().call_soon(_write_lines)


def _write_lines() -> None:
    written = b"".join(_lines)
    _lines.clear()
    sys.stderr.buffer.write(written)
    sys.stderr.buffer.flush()
