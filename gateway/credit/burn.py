"""Which grant pays: soonest to expire, then priority, then oldest (DESIGN section 3).  Pure."""

from gateway.credit.types import GrantUse, OpenGrant


def order(grant: OpenGrant) -> tuple[int, int, int, str]:
    """The burn-down order, total: two grants never tie."""
    return (grant.expires_us, grant.priority, grant.created_us, grant.grant_id)


def burn(
    grants: list[OpenGrant], amount_nanousd: int, used_by: str, at_us: int
) -> tuple[list[OpenGrant], list[GrantUse]]:
    """The grants after paying `amount_nanousd`, and who paid; what they cannot pay is owed (a postpaid account).

    Credit that had expired by `at_us`, when the request began, comes last: it is only still here because other
    requests hold it.
    """
    after, uses = [], []
    for grant in sorted(grants, key=lambda grant: (grant.expires_us <= at_us, order(grant))):
        part = min(grant.left_nanousd, amount_nanousd)
        if part:
            amount_nanousd -= part
            uses.append(GrantUse(grant_id=grant.grant_id, used_by=used_by, amount_nanousd=part))
            grant = less(grant, part)  # noqa: PLW2901 - the same grant, afterwards
        after.append(grant)
    return after, uses


def less(grant: OpenGrant, part: int) -> OpenGrant:
    return OpenGrant(
        grant_id=grant.grant_id,
        account_id=grant.account_id,
        left_nanousd=grant.left_nanousd - part,
        expires_us=grant.expires_us,
        priority=grant.priority,
        created_us=grant.created_us,
    )
