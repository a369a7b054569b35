"""How much at once: requests and tokens per minute, and requests at the same time, per account and per key, across processes.

Windows are minutes of the clock.  A process draws a share of a window from the database and spends it in memory: generously
while there is plenty, exactly what is asked when there is little (ADR 0013); so what all processes admit in a minute never
exceeds the limit.  What a dead process held of slots is free when its row expires.  What nobody limited costs nothing.

Failure mode: open.  If the database cannot say, the request goes on, and is counted in `tollway_limits_unknown_total`: a limit
protects capacity, and a gateway that cannot ask its database stops by itself, because credit fails closed (credit/).
"""
