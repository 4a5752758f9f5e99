"""The routes under /_fake, by which a test or a developer plays everybody
else: the customer, the bank, time, and the network. JSON in, JSON out.
"""
import json
import re

from stripe import shapes
from stripe.errors import invalid

ROUTES = []


def route(method, path):
    pattern = re.compile("/_fake" + path.replace("{}", "([^/]+)"))

    def add(handler):
        ROUTES.append((method, pattern, handler))
        return handler
    return add


class Control:
    """Whoever calls run() holds no lock; a handler holds the world's."""

    def __init__(self, desk, checkout, sender):
        self.desk, self.checkout, self.sender = desk, checkout, sender
        self.world, self.api = desk.world, desk.api
        self.invoices = checkout.invoices

    def run(self, method, path, given):
        for wanted, pattern, handler in ROUTES:
            match = pattern.fullmatch(path)
            if match and wanted == method:
                with self.world.lock:
                    return handler(self, given, *match.groups())
        raise invalid(f"No such control: {method} {path}", status=404)

    def shown(self, one):
        return shapes.show(one, self.world.settings["api_version"])

    @route("GET", "")
    def state(self, _):
        return {"now": self.world.clock.now(),
                "objects": {kind: len(ones)
                            for kind, ones in self.world.kinds.items()},
                "endpoint": self.sender.url, "settings": self.world.settings,
                "chaos": self.sender.chaos, "faults": self.desk.faults.faults,
                "pending": self.sender.pending(),
                "mirror": self.desk.mirror.path is not None}

    @route("POST", "/reset")
    def reset(self, _):
        """As started; the endpoint stays."""
        self.sender.clear()
        self.world.reset()
        self.desk.clear()
        self.desk.mirror.clear()
        return {}

    @route("POST", "/settings")
    def change_settings(self, given):
        strange = set(given) - set(self.world.settings)
        if strange:
            raise invalid(f"No such setting: {', '.join(sorted(strange))}")
        if "api_version" in given:
            shapes.check(given["api_version"])
        self.world.settings.update(given)
        return self.world.settings

    @route("POST", "/clock")
    def pass_time(self, given):
        """{"advance": seconds, "customer": only this one, or all without it};
        {"stand": true, "customer": ...}: that one's stands between two moves"""
        customer = given.get("customer")
        stands = given.get("stand", False)
        seconds = given.get("advance", 0 if stands else None)
        if not isinstance(seconds, int) or seconds < 0:
            raise invalid("advance is a number of seconds; time goes forward",
                          "advance")
        if customer:
            self.world.get("customer", customer, "customer")
        if stands:
            if not customer:
                raise invalid("only the clock of one customer stands",
                              "customer")
            self.world.clock.stand(customer)
        self.world.advance(seconds, customer)
        return {"now": self.world.clock.now(customer)}

    # --- the customer ------------------------------------------------------

    @route("POST", "/checkout/{}/complete")
    def complete(self, given, name):
        one = self.world.get("checkout.session", name)
        return self.shown(self.checkout.complete(one, given.get("payment", "ok")))

    @route("POST", "/checkout/{}/settle")
    def settle(self, given, name):
        outcome = given.get("outcome", "succeeded")
        if outcome not in ("succeeded", "failed"):
            raise invalid("outcome is succeeded or failed", "outcome")
        one = self.world.get("checkout.session", name)
        self.checkout.settle(one, outcome)
        return self.shown(one)

    @route("POST", "/customers/{}/payment")
    def payment(self, given, name):
        """{"method": ok, declined, requires_action, processing or none}"""
        one = self.checkout.customer(name, "id")
        self.invoices.set_payment(one, given.get("method"))
        return self.shown(one)

    @route("POST", "/subscriptions/{}/downgrade")
    def downgrade(self, given, name):
        """{"price": ...} from the end of the period on, by a schedule."""
        subscription = self.world.get("subscription", name)
        price = self.world.get("price", given.get("price"), "price")
        schedules = self.api.schedules
        one = schedules.from_subscription(subscription)
        first = dict(one["phases"][0])
        schedules.set_phases(one, [first, schedules.phase(
            first["end_date"], None, price["id"])])
        return self.shown(one)

    # --- the bank, and those who delete ------------------------------------

    @route("POST", "/customers/{}/dispute")
    def dispute(self, given, name):
        return self.shown(self.invoices.dispute(
            name, given.get("reason", "fraudulent")))

    @route("POST", "/disputes/{}/close")
    def close_dispute(self, given, name):
        one = self.world.get("dispute", name)
        self.invoices.close_dispute(one, given.get("status"))
        return self.shown(one)

    @route("POST", "/customers/{}/refund")
    def refund(self, _, name):
        return self.shown(self.invoices.refund(name))

    @route("POST", "/customers/{}/forget")
    def forget(self, _, name):
        self.world.get("customer", name)
        self.world.forget(name)
        return {}

    # --- events and their delivery -----------------------------------------

    @route("POST", "/endpoint")
    def endpoint(self, given):
        """{"url": ..., "secrets": [...], "types": [...]}: a signature for each
        secret; other types than those don't go out."""
        sender = self.sender
        sender.url = given.get("url", sender.url)
        sender.secrets = given.get("secrets", sender.secrets)
        sender.types = given.get("types", sender.types)
        return {"url": sender.url, "types": sender.types,
                "secrets": len(sender.secrets)}

    @route("POST", "/chaos")
    def chaos(self, given):
        """With a customer: dice of its own for what is told about it."""
        if "customer" in given:
            self.sender.set_dice(given["customer"], given.get("seed"))
            return self.sender.chaos
        try:
            self.sender.settle(dict(given))
        except ValueError as why:
            raise invalid(str(why)) from why
        return self.sender.chaos

    @route("POST", "/hold")
    def hold(self, _):
        self.sender.hold()
        return {}

    @route("POST", "/release")
    def release(self, given):
        """{"shuffled": true}"""
        return {"released": self.sender.release(given.get("shuffled", False))}

    @route("POST", "/events")
    def made_up(self, given):
        """{"type": ..., "object": {...}, "livemode": ...}: whatever is said."""
        about = given.get("object")
        if not isinstance(about, dict) or not given.get("type"):
            raise invalid("an event has a type and an object")
        about.setdefault("object", "made_up")
        listener, self.world.listener = self.world.listener, lambda event: None
        try:
            event = self.world.emit(given["type"], about)
        finally:
            self.world.listener = listener
        del self.world.kinds["event"][event["id"]]
        for name in ("id", "livemode", "created", "api_version"):
            event[name] = given.get(name, event[name])
        self.world.kinds["event"][event["id"]] = event
        self.world.listener(event)
        return self.shown(event)

    @route("POST", "/send")
    def send(self, given):
        """{"body": ...}: any body, signed; a text goes as it is."""
        body = given.get("body")
        if not isinstance(body, str):
            body = json.dumps(body)
        self.sender.send_bytes({"id": None, "type": None}, body.encode(),
                               plainly=True)
        return {}

    @route("POST", "/events/{}/resend")
    def resend(self, _, name):
        self.sender.send(self.world.get("event", name), plainly=True)
        return {}

    @route("GET", "/deliveries")
    def deliveries(self, _):
        with self.sender.wake:
            return {"pending": len(self.sender.queue) + self.sender.busy,
                    "deliveries": [one.shown() for one in self.sender.all]}

    # --- requests ----------------------------------------------------------

    @route("POST", "/faults")
    def add_fault(self, given):
        self.desk.faults.add(given)
        return {"faults": self.desk.faults.faults}

    @route("DELETE", "/faults")
    def no_faults(self, _):
        self.desk.faults.clear()
        return {}

    @route("GET", "/requests")
    def requests(self, _):
        return {"requests": self.desk.requests}

    @route("GET", "/refused")
    def refused(self, _):
        """What the real stripe-mock did not accept of the requests."""
        mirror = self.desk.mirror
        return {"mirror": mirror.path is not None, "refused": mirror.refused,
                "forwarded": mirror.forwarded}
