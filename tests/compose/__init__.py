"""Journeys on the stack of compose.yaml and compose.e2e.yaml, from outside."""
