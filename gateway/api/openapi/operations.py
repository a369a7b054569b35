"""What the document says of one operation, read off its handler."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg, ParameterKwarg, PathParameter, QueryParameter

from gateway.api.filters import selection
from gateway.api.log import lines
from gateway.inference.request import MISTRAL_PREFIX

Tag = Literal["inference", "account", "admin", "join", "health", "stripe"]
"""By subject; each has its kind of key."""

JSON = "application/json"
_DEPENDENCIES: dict[str, Callable[..., Any]] = {"selection": selection, "lines": lines}
"""Those that read parameters of their own."""
_TYPED = re.compile(r"{(\w+):\w+}")
_STATUS = {"POST": 201}


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """`place` is `path`, `query` or `header`; `limits` are JSON schema's words beside the type's own."""

    name: str
    place: str
    type: Any
    required: bool
    default: Any = None
    description: str = ""
    limits: dict[str, Any] = {}


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """`answers` maps a media type to what it holds (None: bytes of its own kind); `body` lists what may be sent."""

    tag: Tag
    method: str
    path: str
    id: str
    text: str
    parameters: tuple[Parameter, ...] = ()
    body: tuple[Any, ...] = ()
    status: int = 200
    answers: dict[str, Any]
    headers: dict[str, str] = {}
    refusals: tuple[int | str, ...] = ()


def operation_of(tag: Tag, handler: HTTPRouteHandler) -> Operation:
    """`refusals`, `body` and `answers` of the handler's `opt` say what its signature cannot."""
    function: Any = handler.fn
    (path,) = (path for path in handler.paths if not path.startswith(MISTRAL_PREFIX))
    (method,) = handler.http_methods
    hints = get_type_hints(function, include_extras=True)
    returns = hints.pop("return")
    parameters = tuple(_parameters(function))
    body = handler.opt.get("body") or tuple(_body(hints))
    return Operation(
        tag=tag,
        method=str(method).lower(),
        path=_TYPED.sub(r"{\1}", path),
        id=function.__name__,
        text=inspect.getdoc(function) or "",
        parameters=parameters,
        body=body,
        status=_status(handler, str(method)),
        answers=handler.opt.get("answers") or {JSON: returns},
        refusals=(
            *((400,) if parameters or body else ()),
            *((413,) if body else ()),
            *_of_everybody(tag),
            *handler.opt.get("refusals", ()),
        ),
    )


def _of_everybody(tag: Tag) -> tuple[int, ...]:
    """Whoever has no key is refused; of the account's part operators are, of theirs the accounts."""
    if tag in ("health", "stripe"):
        return ()
    return (401, 403, 503) if tag in ("account", "admin") else (401, 503)


def _status(handler: HTTPRouteHandler, method: str) -> int:
    given = handler.status_code
    return given if isinstance(given, int) else _STATUS.get(method, 200)


def _parameters(function: Callable[..., Any]) -> Iterator[Parameter]:
    hints = get_type_hints(function, include_extras=True)
    for name, given in inspect.signature(function).parameters.items():
        if name in _DEPENDENCIES:
            yield from _parameters(_DEPENDENCIES[name])
        for kind in _kinds(hints.get(name)):
            if isinstance(kind, QueryParameter | PathParameter):
                yield _parameter(given, hints[name], kind)


def _parameter(given: inspect.Parameter, hint: Any, kind: ParameterKwarg) -> Parameter:
    required = given.default is inspect.Parameter.empty
    words = {"minimum": kind.ge, "maximum": kind.le, "format": kind.format, **(kind.schema_extra or {})}
    return Parameter(
        name=given.name,
        place="path" if isinstance(kind, PathParameter) else "query",
        type=get_args(hint)[0],
        required=required,
        default=None if required else given.default,
        description=kind.description or "",
        limits={word: value for word, value in words.items() if value is not None},
    )


def _body(hints: dict[str, Any]) -> Iterator[Any]:
    for hint in hints.values():
        if any(isinstance(kind, BodyKwarg) for kind in _kinds(hint)):
            yield get_args(hint)[0]


def _kinds(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()
