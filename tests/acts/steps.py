"""The requests that tests/acts/test_every_route.py makes, in order."""

from typing import Any

import msgspec

from tests.clients.test_sdk_admin import NEXT_PRICES
from tests.dashboard.browsing import PASSWORD

SPARE, JOINED = "http://127.0.0.1:9", "http://127.0.0.1:10"
ACCOUNT, OPERATOR = "/dashboard/accounts/{account_id}", "/dashboard/operator"


class Step(msgspec.Struct, frozen=True):
    """One request, by whom, and what the log says then.  `{name}` is filled in from what is known by then."""

    who: str
    method: str
    path: str
    action: str
    body: dict[str, Any] = {}
    learns: str = ""
    """What the answer's `id` is called from then on."""


LIMITS = {
    "requests_per_minute": "5",
    "input_tokens_per_minute": "",
    "output_tokens_per_minute": "",
    "concurrency": "",
}
"""A page's form has every field."""

STEPS = [
    Step("admin", "POST", "/admin/v1/accounts", "account.open", {"name": "acme", "grant_usd": "2"}, "account_id"),
    Step("admin", "POST", "/admin/v1/accounts/{account_id}/grants", "account.grant", {"amount_usd": "1"}),
    Step("admin", "PUT", "/admin/v1/accounts/{account_id}/credit_limit", "account.limit", {"credit_limit_usd": "3"}),
    Step("admin", "PATCH", "/admin/v1/accounts/{account_id}/limits", "account.limits", {"concurrency": 9}),
    Step("admin", "POST", "/admin/v1/keys", "key.create", {"account": "acme", "manages_keys": True}, "manager"),
    Step("admin", "PATCH", "/admin/v1/keys/{manager}", "key.change", {"cap_day_usd": "1"}),
    Step("admin", "PATCH", "/admin/v1/keys/{manager}/limits", "key.limits", {"concurrency": 8}),
    Step("admin", "POST", "/admin/v1/keys/{manager}/rotate", "key.rotate", learns="manager"),
    Step("admin", "PATCH", "/admin/v1/keys/{manager}", "key.change", {"scopes": ["usage:read", "payments", "keys"]}),
    Step("customer", "POST", "/v1/top_ups", "top_up.order", {"amount_usd": "10"}),
    Step("customer", "PUT", "/v1/auto_top_up", "auto_top_up.set", {"below_usd": "5", "amount_usd": "20", "daily_max_usd": "20"}),
    Step("customer", "DELETE", "/v1/auto_top_up", "auto_top_up.remove"),
    Step("admin", "POST", "/admin/v1/stripe/outbox/{intent}/retry", "outbox.retry"),
    Step("admin", "DELETE", "/admin/v1/accounts/{account_id}/suspensions/{because_of}", "account.lift"),
    Step("customer", "POST", "/v1/keys", "key.create", {"name": "theirs"}, "key_id"),
    Step("customer", "PATCH", "/v1/keys/{key_id}", "key.change", {"name": "still theirs"}),
    Step("customer", "PATCH", "/v1/keys/{key_id}/limits", "key.limits", {"concurrency": 7}),
    Step("customer", "POST", "/v1/keys/{key_id}/rotate", "key.rotate"),
    Step("customer", "DELETE", "/v1/keys/{key_id}", "key.revoke"),
    Step("customer", "POST", "/v1/projects", "project.create", {"name": "search"}, "project_id"),
    Step("customer", "PATCH", "/v1/projects/{project_id}", "project.change", {"cap_month_usd": "5"}),
    Step("customer", "POST", "/v1/alerts", "alert.add", {"kind": "credit_days", "thresholds": [7]}, "alert"),
    Step("customer", "DELETE", "/v1/alerts/{alert}", "alert.remove"),
    Step("admin", "POST", "/admin/v1/projects", "project.create", {"account": "acme", "name": "lab"}),
    Step("admin", "PATCH", "/admin/v1/projects/{project_id}", "project.change", {"archived": True}),
    Step("admin", "DELETE", "/admin/v1/keys/{manager}", "key.revoke"),
    Step("admin", "POST", "/admin/v1/prices", "prices.publish", {"toml": NEXT_PRICES}),
    Step("admin", "POST", "/admin/v1/workers", "worker.add", {"url": SPARE}),
    Step("admin", "PATCH", "/admin/v1/workers", "worker.change", {"name": SPARE, "weight": 3}),
    Step("admin", "DELETE", f"/admin/v1/workers?name={SPARE}", "worker.remove"),
    Step("joiner", "PUT", "/join/v1/worker", "worker.add", {"url": JOINED}),
    Step("joiner", "DELETE", f"/join/v1/worker?url={JOINED}", "worker.remove"),
    Step("owner", "POST", f"{ACCOUNT}/keys", "key.create", {"name": "from a page"}),
    Step("owner", "POST", f"{ACCOUNT}/keys/{{page_key}}/caps", "key.change", {"name": "capped", "cap_day": "1"}),
    Step("owner", "POST", f"{ACCOUNT}/keys/{{page_key}}/limits", "key.limits", LIMITS),
    Step("owner", "POST", f"{ACCOUNT}/keys/{{page_key}}/may", "key.change", {"scope:chat": "on"}),
    Step("owner", "POST", f"{ACCOUNT}/keys/{{page_key}}/rotate", "key.rotate"),
    Step("owner", "POST", f"{ACCOUNT}/projects", "project.create", {"name": "from a page", "cap_day": "1"}),
    Step("owner", "POST", f"{ACCOUNT}/projects/{{project_id}}/caps", "project.change", {"name": "renamed"}),
    Step("owner", "POST", f"{ACCOUNT}/members", "member.invite", {"email": "new@example.com", "role": "viewer"}),
    Step("owner", "POST", f"{ACCOUNT}/members/{{member}}", "member.change", {"role": "billing"}),
    Step("owner", "POST", f"{ACCOUNT}/alerts", "alert.add", {"kind": "credit_days", "marks": "7"}),
    Step("owner", "POST", f"{ACCOUNT}/alerts/rules/{{rule}}", "alert.remove"),
    Step("owner", "POST", f"{ACCOUNT}/alerts/targets", "alert_target.add", {"url": "https://hooks.invalid/"}),
    Step("owner", "POST", f"{ACCOUNT}/alerts/targets/{{target}}/{{test}}", "alert_target.test"),
    Step("owner", "POST", f"{ACCOUNT}/alerts/messages/{{message}}", "alert_message.again"),
    Step("owner", "POST", f"{ACCOUNT}/billing/top_ups", "top_up.order", {"amount": "10"}),
    Step("owner", "POST", f"{ACCOUNT}/billing/auto", "auto_top_up.set", {"below": "5", "amount": "20", "daily_max": "40"}),
    Step("owner", "POST", f"{ACCOUNT}/billing/auto", "auto_top_up.remove", {"act": "off"}),
    Step("operator", "POST", f"{OPERATOR}/payments/outbox/{{intent}}/retry", "outbox.retry"),
    Step("operator", "POST", f"{OPERATOR}/payments/suspensions/{{account_id}}/{{because_of}}", "account.lift"),
    Step("operator", "POST", f"{OPERATOR}/accounts", "account.open", {"name": "another"}),
    Step("operator", "POST", f"{OPERATOR}/accounts/{{account_id}}/grants", "account.grant", {"amount": "1"}),
    Step("operator", "POST", f"{OPERATOR}/accounts/{{account_id}}/limits", "account.limits", LIMITS),
    Step("operator", "POST", f"{OPERATOR}/workers", "worker.change", {"name": "{worker}", "cordoned": "yes"}),
    Step("operator", "POST", f"{OPERATOR}/workers/capacity", "worker.change", {"name": "{worker}", "weight": "2"}),
    Step("operator", "POST", f"{OPERATOR}/prices", "prices.publish",
         {"toml": NEXT_PRICES.replace("version = 99", "version = 100"), "effective_from": "2099-02-01T00:00", "sure": "version 100"}),
    Step("operator", "POST", "/dashboard/password", "password.change", {"password": PASSWORD, "again": PASSWORD}),
    Step("operator", "POST", "/dashboard/sessions", "session.end"),
    Step("operator", "POST", "/dashboard/sign-out", "session.end"),
    Step("nobody", "POST", "/dashboard/sign-in", "session.begin", {"email": "op@example.com", "password": PASSWORD}),
    Step("nobody", "POST", "/dashboard/link/{link}", "session.begin"),
]  # fmt: skip
