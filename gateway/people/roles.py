"""What a member of an account may do, by role."""

from typing import Literal, get_args

Role = Literal["owner", "admin", "developer", "billing", "viewer"]
Action = Literal[
    "see_usage",
    "see_keys",
    "manage_keys",
    "see_billing",
    "manage_billing",
    "manage_alerts",
    "manage_members",
    "manage_owners",
]

ROLES: tuple[Role, ...] = get_args(Role)

_SEES: frozenset[Action] = frozenset({"see_usage", "see_keys"})
MAY: dict[Role, frozenset[Action]] = {
    "owner": frozenset(get_args(Action)),
    "admin": frozenset(get_args(Action)) - {"manage_owners"},
    "developer": _SEES | {"manage_keys"},
    "billing": frozenset({"see_usage", "see_billing", "manage_billing", "manage_alerts"}),
    "viewer": _SEES,
}
"""Owners alone make and unmake owners, so that an admin cannot lock them out."""
