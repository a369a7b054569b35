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
    GroupBy,
    Message,
    Model,
    ReasoningDelta,
    Receipt,
    ReceiptLine,
    ReceiptUsage,
    StreamEvent,
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
    "GroupBy",
    "InsufficientCredits",
    "Message",
    "Model",
    "Money",
    "NotFound",
    "PermissionDenied",
    "RateLimited",
    "ReasoningDelta",
    "Receipt",
    "ReceiptLine",
    "ReceiptUsage",
    "RequestTooLarge",
    "ServerError",
    "StreamEvent",
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
