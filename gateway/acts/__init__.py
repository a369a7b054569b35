"""What people may change, each with its line in the audit log, in the transaction of the change.

The admin API, the pages, the command line and the first start change accounts, keys, prices, workers and people through here
and nowhere else (tests/shape/test_house.py): every act takes `by`, who does it, so nothing is changed by nobody.  `by` is an
e-mail address, `key:ID NAME`, `cli:USER`, or in words a program that acts by itself.

Failure mode: closed.  A line that cannot be written takes its change with it.
"""
