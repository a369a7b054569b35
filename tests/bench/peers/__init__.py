"""Tollway beside its peers, in one run on one machine: `make bench` (docs/performance.md says what each figure means)."""
