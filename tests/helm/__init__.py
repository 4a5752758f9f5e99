"""Tests of the chart helm/pawprint: what Helm makes of it, for every set of values."""
from kit.sentences import NotRun  # pylint: disable=unused-import
