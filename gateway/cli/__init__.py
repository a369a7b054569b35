"""`tollway-gateway`: serve, demo, migrate, keys, accounts, people, prices, usage, drift, audit, log, doctor.

Every command takes `--data-dir`; with `--json` the output is for programs.  Mistakes end with one sentence and
exit status 1, never with a traceback.
"""
