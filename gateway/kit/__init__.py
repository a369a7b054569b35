"""Knows no domain: what could be published apart from Tollway.  Imports no room."""
