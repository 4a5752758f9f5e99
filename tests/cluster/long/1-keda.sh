# Sourced by run: KEDA scales consumers.
