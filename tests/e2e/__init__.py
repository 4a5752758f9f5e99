"""End-to-end tests: hits in by HTTP, rows out of ClickHouse."""
from kit.sentences import NotRun  # pylint: disable=unused-import
