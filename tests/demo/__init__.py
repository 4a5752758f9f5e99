"""The visits of `make demo`."""
