"""Tollway's Python SDK: chat through a usage-metered gateway, and know what each answer cost.

Example:
    client = tollway.Tollway()  # the key from TOLLWAY_API_KEY, the gateway's URL from TOLLWAY_BASE_URL
    answer = client.chat.complete(model="magistral-small-2509", messages="Hello")
    print(answer.text, answer.cost)
"""

from tollway import webhooks as webhooks
from tollway._budget import Budget
from tollway._client import AsyncTollway, Tollway
from tollway._content import image, user
from tollway._core.fields import ChatFields, EmbeddingsFields, FimFields, PromptFields
from tollway._errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationFailed,
    BadRequest,
    BudgetExceeded,
    Conflict,
    ContextTooLong,
    InsufficientCredits,
    InvalidOutput,
    KeyCapReached,
    NotFound,
    PermissionDenied,
    ProjectCapReached,
    RateLimited,
    RequestTooLarge,
    ServerError,
    StreamInterrupted,
    TollwayError,
)
from tollway._money import Money, Usd
from tollway._shells.stream import AsyncChatStream, ChatStream
from tollway._tools import AnyTool, Tool, run_tools, run_tools_async, tool
from tollway._types.account import (
    Credits,
    Grant,
    GroupBy,
    Key,
    KeyMay,
    KeyScope,
    Model,
    NewKey,
    Page,
    Project,
    Receipt,
    ReceiptLine,
    ReceiptUsage,
    Request,
)
from tollway._types.alerts import Alert, AlertKind
from tollway._types.chat import (
    ChatCompletion,
    Choice,
    Finished,
    Message,
    Parsed,
    ReasoningDelta,
    StreamEvent,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from tollway._types.limits import LimitCounts, Limits, OwnLimits
from tollway._types.payments import AutoTopUp, Invoice, InvoiceLine, TopUp
from tollway._types.texts import Embeddings, Estimate, Tier, Tokenized
from tollway._types.usage import UsageDetail, UsageLine, UsageRow

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "Alert",
    "AlertKind",
    "AnyTool",
    "AsyncChatStream",
    "AsyncTollway",
    "AuthenticationFailed",
    "AutoTopUp",
    "BadRequest",
    "Budget",
    "BudgetExceeded",
    "ChatCompletion",
    "ChatFields",
    "ChatStream",
    "Choice",
    "Conflict",
    "ContextTooLong",
    "Credits",
    "Embeddings",
    "EmbeddingsFields",
    "Estimate",
    "FimFields",
    "Finished",
    "Grant",
    "GroupBy",
    "InsufficientCredits",
    "InvalidOutput",
    "Invoice",
    "InvoiceLine",
    "Key",
    "KeyCapReached",
    "KeyMay",
    "KeyScope",
    "LimitCounts",
    "Limits",
    "Message",
    "Model",
    "Money",
    "NewKey",
    "NotFound",
    "OwnLimits",
    "Page",
    "Parsed",
    "PermissionDenied",
    "Project",
    "ProjectCapReached",
    "PromptFields",
    "RateLimited",
    "ReasoningDelta",
    "Receipt",
    "ReceiptLine",
    "ReceiptUsage",
    "Request",
    "RequestTooLarge",
    "ServerError",
    "StreamEvent",
    "StreamInterrupted",
    "TextDelta",
    "Tier",
    "TokenUsage",
    "Tokenized",
    "Tollway",
    "TollwayError",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "TopUp",
    "Usage",
    "UsageDetail",
    "UsageLine",
    "UsageRow",
    "Usd",
    "image",
    "run_tools",
    "run_tools_async",
    "tool",
    "user",
]
