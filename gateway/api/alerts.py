"""`/v1/alerts`: when an account is told about its spending and credit.  Whom is said on its page."""

from litestar import delete, get, post
from litestar.params import JSONBody

from gateway.acts import alerts as acts
from gateway.alerts import store
from gateway.alerts.manage import new_rule
from gateway.api.customer import account_of
from gateway.api.schemas.alerts import AlertInfo, NewAlert, alert_info
from gateway.api.schemas.shapes import ListOf, usd
from gateway.api.wiring import AlertId, TheCaller, TheGateway
from gateway.kit.clock import now_us
from gateway.kit.db import ReadConn
from gateway.kit.ids import new_id

FIRINGS_MAX = 1000


@get("/v1/alerts")
async def list_own_alerts(gateway: TheGateway, caller: TheCaller) -> ListOf[AlertInfo]:
    """List the account's alerts, the oldest first, and which of them fire."""
    account_id = account_of(caller)

    def read(conn: ReadConn) -> list[AlertInfo]:
        open_ = store.list_firings(conn, account_id, limit=FIRINGS_MAX, only_open=True)
        firing = {rule.id for _, rule in open_}
        return [alert_info(rule, firing) for rule in store.list_rules(conn, account_id)]

    return ListOf(await gateway.database.read(read))


@post("/v1/alerts", refusals=(404, 409))
async def create_own_alert(gateway: TheGateway, caller: TheCaller, data: JSONBody[NewAlert]) -> AlertInfo:
    """Make an alert.  The key that asks must manage keys."""
    amount = 0 if data.amount_usd is None else usd(data.amount_usd, "amount_usd")
    rule = new_rule(
        new_id("alr"), account_of(caller), data.kind, amount, data.thresholds, now_us(), key_id=data.key_id
    )
    await gateway.database.write(lambda conn: acts.add_own_rule(conn, caller, rule))
    return alert_info(rule)


@delete("/v1/alerts/{alert_id:str}", status_code=200, refusals=(404,))
async def remove_own_alert(gateway: TheGateway, caller: TheCaller, alert_id: AlertId) -> AlertInfo:
    """Remove an alert: it says nothing any more.  The key that asks must manage keys."""
    now = now_us()
    gone = await gateway.database.write(lambda conn: acts.remove_own_rule(conn, caller, alert_id, now))
    return alert_info(gone)
