"""A stateful fake of Stripe for tests and development; README.md.

It has the name of Stripe's own library, which therefore needs a process of its
own; see library.py.

The pieces, from the inside out: clock, world (objects, events, timers);
invoices, subscriptions, schedules, checkout (what Stripe does with them);
shapes (how a version of the API shows them); form, errors, idempotency, faults,
mirror (what surrounds a request); api (its routes under /v1), control (ours
under /_fake), pages (for a browser); sender (webhooks); server (HTTP).
"""
