"""Every route but the three of inference (completions.py), by subject: what is answered, and what the document describes."""

from litestar.handlers import HTTPRouteHandler

from gateway.api import (
    admin,
    audit,
    customer,
    health,
    keys,
    log,
    metrics,
    preview,
    prices,
    receipts,
    statements,
    usage,
    workers,
)
from gateway.api.openapi.operations import Tag

ROUTES: dict[Tag, tuple[HTTPRouteHandler, ...]] = {
    "inference": (
        preview.tokenize,
        preview.estimate,
        customer.list_models,
        customer.get_model,
    ),
    "account": (
        customer.get_credits,
        keys.list_own_keys,
        keys.create_own_key,
        keys.change_own_key,
        keys.revoke_own_key,
        keys.rotate_own_key,
        receipts.list_receipts,
        receipts.get_receipt,
        usage.get_usage,
        statements.get_statement,
    ),
    "admin": (
        admin.list_accounts,
        admin.create_account,
        admin.get_account_credits,
        admin.create_grant,
        admin.put_credit_limit,
        statements.get_account_statement,
        admin.list_keys,
        admin.create_account_key,
        admin.patch_key,
        admin.revoke_any_key,
        admin.rotate_any_key,
        usage.get_all_usage,
        receipts.get_any_receipt,
        audit.get_audit,
        audit.list_drift,
        log.list_log,
        prices.list_prices,
        prices.publish_prices,
        workers.list_workers,
        workers.add_worker,
        workers.change_worker,
        workers.remove_worker,
        metrics.metrics,
    ),
    "join": (workers.join, workers.leave),
    "health": (health.healthz, health.readyz),
}
