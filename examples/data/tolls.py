"""The day's tolls by kind of vehicle.  It is wrong, so that debug_code.py has something to mend."""

PRICE_PER_AXLE = 3
CROSSINGS = ["car 2", "lorry 5", "car 2", "bus 3"]


def tolls(crossings: list[str]) -> dict[str, int]:
    """Dollars, from lines of a kind and its axles."""
    sums: dict[str, int] = {}
    for crossing in crossings:
        kind, axles = crossing.split()
        sums[kind] += PRICE_PER_AXLE * axles
    return sums


found = tolls(CROSSINGS)
assert found == {"car": 12, "lorry": 15, "bus": 9}, found
