"""End-to-end tests: hits in by HTTP, rows out of ClickHouse."""


class NotRun(Exception):
    """Something that the test needs can't be had here; it says what."""
