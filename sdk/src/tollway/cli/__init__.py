"""`tollway`, the customer's command line: login, logout, chat, models, usage, keys, credits, receipt, estimate.

It uses what every program may use of the SDK, and where `tollway login` saves.  Mistakes end with one line and exit
status 1 (2 where the command line itself is wrong); `--json` is for programs.  It needs `pip install tollway[cli]`.
"""
