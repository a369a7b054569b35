"""Tollway's gateway: a usage-metered front door to language models.

`ls gateway` is the business: `keys/` who calls, `accounts/` who pays, `catalog/` what it costs, `tokens/` how
big it is, `credit/` the money, `workers/` who generates, `inference/` one request in order, `metering/` what
was used.  Start reading at `inference/pipeline.py`.
"""

__version__ = "0.1.0"
