"""An account's credit while its row is locked: everything that may happen to it, as arithmetic on a copy.

`store.lock_purses` reads them under the account's lock and `store.save_purses` writes them back in the same
transaction.  P1 is checked here before it is written, and by the database's CHECK when it is.
"""

import msgspec

from gateway.credit.burn import burn, order
from gateway.credit.types import NEVER_US, PRIORITIES, Balance, Grant, GrantKind, GrantUse, OpenGrant
from gateway.kit.clock import month_begin_us, next_month_us, rfc3339
from gateway.kit.ids import new_id


class Purse:
    """One account's counters and open grants, and the rows that they will add."""

    def __init__(self, balance: Balance, open_grants: list[OpenGrant]) -> None:
        self.balance = balance
        self.open_grants = open_grants
        self.new_grants: list[Grant] = []
        self.new_uses: list[GrantUse] = []

    @property
    def available_nanousd(self) -> int:
        return self.balance.available_nanousd

    def draw(self, amount_nanousd: int) -> None:
        """Sets credit aside for a lease."""
        assert 0 <= amount_nanousd <= max(self.available_nanousd, 0), "P1: nobody draws what is not there"
        self._change(held_nanousd=self.balance.held_nanousd + amount_nanousd)

    def give_back(self, amount_nanousd: int) -> None:
        """Of a lease: what it did not spend."""
        assert 0 <= amount_nanousd <= self.balance.held_nanousd, "only what is held can be given back"
        self._change(held_nanousd=self.balance.held_nanousd - amount_nanousd)

    def spend(self, amount_nanousd: int, request_id: str, begun_us: int) -> None:
        """Settles a request from what is held: the grants burn down, in the order of `burn.py`."""
        assert 0 <= amount_nanousd <= self.balance.held_nanousd, "a bill is at most its hold"
        self._change(
            held_nanousd=self.balance.held_nanousd - amount_nanousd,
            settled_nanousd=self.balance.settled_nanousd + amount_nanousd,
        )
        self._burn(amount_nanousd, request_id, begun_us)

    def add(self, grant: Grant, *, first: str | None = None) -> None:
        """Credit given or, by a correction, taken, of the grant `first` first; what a postpaid account owes is paid at once."""
        owed = max(0, self.balance.settled_nanousd - self.balance.granted_nanousd)
        self._change(granted_nanousd=self.balance.granted_nanousd + grant.amount_nanousd)
        assert grant.amount_nanousd >= 0 or self.available_nanousd >= 0, "P1: credit in use cannot be taken"
        self.new_grants.append(grant)
        if grant.amount_nanousd < 0:
            self._take(-grant.amount_nanousd, grant, first)
            return
        opened = OpenGrant(
            grant_id=grant.id,
            account_id=grant.account_id,
            left_nanousd=grant.amount_nanousd,
            expires_us=NEVER_US if grant.expires_us is None else grant.expires_us,
            priority=grant.priority,
            created_us=grant.created_us,
        )
        self.open_grants.append(opened)
        self._change(turn_us=min(self.balance.turn_us, opened.expires_us))
        self._burn(min(owed, grant.amount_nanousd), grant.id, grant.created_us)

    def _take(self, amount_nanousd: int, by: Grant, first: str | None) -> None:
        source = [grant for grant in self.open_grants if grant.grant_id == first]
        others = [grant for grant in self.open_grants if grant.grant_id != first]
        part = min(amount_nanousd, sum(grant.left_nanousd for grant in source))
        source, uses = burn(source, part, by.id, by.created_us)
        self.open_grants, self.new_uses = source + others, self.new_uses + uses
        self._burn(amount_nanousd - part, by.id, by.created_us)

    def turn(self, monthly_free_nanousd: int, now_us: int) -> None:
        """Takes back what expired and gives the month's free tier, if it is time; again: changes nothing.

        Running requests began before, so what they hold pins the credit that they would burn first, and that is
        what expires: what is left of it when they end is taken then.
        """
        if self.balance.turn_us > now_us:
            return
        pinned = self.balance.held_nanousd
        for grant in sorted(self.open_grants, key=order):
            if grant.expires_us <= now_us:
                unused = max(0, grant.left_nanousd - pinned)
                pinned -= grant.left_nanousd - unused
                if unused:
                    self._expire(grant, unused, now_us)
        if self.balance.renew_us <= now_us:
            self._change(renew_us=next_month_us(now_us))
            if monthly_free_nanousd:
                self.add(_monthly_free(self.balance.account_id, monthly_free_nanousd, now_us))
        expiries = [grant.expires_us for grant in self.open_grants if grant.left_nanousd]
        self._change(turn_us=min([self.balance.renew_us, *expiries]))

    def _expire(self, grant: OpenGrant, unused: int, now_us: int) -> None:
        row = new_grant(
            grant.account_id,
            "expiry",
            -unused,
            f"unused when it expired at {rfc3339(grant.expires_us)}: {grant.grant_id}",
            now_us,
        )
        self._change(granted_nanousd=self.balance.granted_nanousd - unused)
        self.new_grants.append(row)
        self.open_grants.remove(grant)
        rest, uses = burn([grant], unused, row.id, now_us)
        self.open_grants += rest
        self.new_uses += uses

    def _burn(self, amount_nanousd: int, used_by: str, at_us: int) -> None:
        self.open_grants, uses = burn(self.open_grants, amount_nanousd, used_by, at_us)
        self.new_uses += uses

    def _change(self, **fields: int) -> None:
        self.balance = msgspec.structs.replace(self.balance, **fields)


def new_grant(
    account_id: str,
    kind: GrantKind,
    amount_nanousd: int,
    reason: str,
    now_us: int,
    *,
    expires_us: int | None = None,
    priority: int | None = None,
) -> Grant:
    return Grant(
        id=new_id("grt"),
        account_id=account_id,
        kind=kind,
        amount_nanousd=amount_nanousd,
        reason=reason,
        created_us=now_us,
        expires_us=expires_us,
        priority=PRIORITIES[kind] if priority is None else priority,
    )


def _monthly_free(account_id: str, amount_nanousd: int, now_us: int) -> Grant:
    """Its id names account and month: the table itself lets it be given once."""
    month = rfc3339(month_begin_us(now_us))[:7]
    grant = new_grant(
        account_id,
        "monthly_free",
        amount_nanousd,
        f"free tier of {month}",
        now_us,
        expires_us=next_month_us(now_us),
    )
    return msgspec.structs.replace(grant, id=f"grt_monthly_free_{month}_{account_id}")
