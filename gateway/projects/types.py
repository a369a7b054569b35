import msgspec


class Project(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    account_id: str
    name: str
    created_us: int
    archived_us: int | None = None
    cap_day_nanousd: int | None = None
    cap_month_nanousd: int | None = None
    cap_total_nanousd: int | None = None
    """Its budget: the most its keys may spend together per UTC day, per UTC month and in all; None: no limit of its own."""
