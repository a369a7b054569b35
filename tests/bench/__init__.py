"""`make bench`, `bench-sdk`, `bench-pages`: measured in one run, compared as ratios.  Nothing here is a test: a timed test fails on a busy day."""
