"""Tollway's Python SDK: chat through a usage-metered gateway, and know what each answer cost.

client = tollway.Tollway(api_key="tw_…")
answer = client.chat.complete(model="smollm2-135m", messages=[{"role": "user", "content": "Hello"}])
print(answer.text, answer.cost)
"""

from ._client import AsyncTollway, Tollway
from ._errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationFailed,
    BadRequest,
    Conflict,
    InsufficientCredits,
    NotFound,
    PermissionDenied,
    RateLimited,
    RequestTooLarge,
    ServerError,
    StreamInterrupted,
    TollwayError,
)
from ._money import Money
from ._stream import AsyncChatStream, ChatStream
from ._types import (
    ChatCompletion,
    Choice,
    Credits,
    Finished,
    Grant,
    Model,
    ReasoningDelta,
    Receipt,
    ReceiptLine,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageRow,
)

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncChatStream",
    "AsyncTollway",
    "AuthenticationFailed",
    "BadRequest",
    "ChatCompletion",
    "ChatStream",
    "Choice",
    "Conflict",
    "Credits",
    "Finished",
    "Grant",
    "InsufficientCredits",
    "Model",
    "Money",
    "NotFound",
    "PermissionDenied",
    "RateLimited",
    "ReasoningDelta",
    "Receipt",
    "ReceiptLine",
    "RequestTooLarge",
    "ServerError",
    "StreamInterrupted",
    "TextDelta",
    "TokenUsage",
    "Tollway",
    "TollwayError",
    "ToolCall",
    "ToolCallDelta",
    "Usage",
    "UsageRow",
]
