"""Tests of the chart helm/pawprint: what Helm makes of it, for every set of values."""


class NotRun(Exception):
    """It can't be run here; says why."""
