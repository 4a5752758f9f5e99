"""An upgrade that is paid at Stripe is in force in every collector at once."""
import contextlib
import time

from crash.upgrade import COLLECTORS, Watch
from e2e.test_usage_capacity import SOON_S, Account, sql
from e2e.test_usage_edges import Program
from kit import billing, stack
from kit.hits import Sender
from stripe import journeys

RUNS = 3


class Buyer(Account):
    """An account that is refused, and whom Stripe may sell a plan."""

    def __init__(self, stripe):
        super().__init__("buyer")
        self.customer = stripe.post("/customers", email="buyer@example.com")["id"]
        sql(f"""UPDATE billing_profile SET stripe_customer_id =
            '{self.customer}' WHERE account_id = '{self.id}'""")
        self.who = journeys.Traveller(stripe, self.customer, self.id)
        self.use(3)

    def is_refused(self, url):
        return self.send(Sender(url)) == 402

    def run_dry(self):
        """On a plan of three events without grace, as if nobody gave it."""
        self.plan("NOW")
        sql(f"""UPDATE billing_profile SET plan_source = 'default' WHERE
            account_id = '{self.id}'""")
        self.exhaust()

    def pay(self, urls):
        """Seconds from the payment until the last collector takes hits."""
        watches = [Watch(self, url) for url in urls]
        for watch in watches:
            watch.start()
        began = time.monotonic()
        self.who.checkout(journeys.PREMIUM)
        for watch in watches:
            watch.join()
            assert watch.at, "a collector never took it"
        return max(watch.at for watch in watches) - began

    def cancel(self, stripe):
        stripe.v1("DELETE", f"/subscriptions/{self.who.subscription}")
        stack.until("canceled", lambda: sql(
            "SELECT plan_code FROM billing_profile WHERE account_id = "
            f"'{self.id}'") == "FREE", 10)
        # An event of the payment that comes late would set the plan once more.
        stack.until("all is done", lambda: not stripe.look()["pending"] and sql(
            "SELECT count(*) FROM stripe_event WHERE state IN ('new', 'failed') "
            f"AND customer_id = '{self.customer}'") == "0", 20)


def test_an_upgrade_at_stripe_is_in_force_in_every_collector_within_two_seconds():
    stripe, took = billing.stripe(), []
    stack.services("down", "billing")
    with contextlib.ExitStack() as open_ones:
        open_ones.callback(stack.services, "up", "billing")
        open_ones.enter_context(billing.running(PAWPRINT_PLANS=""))
        urls = [stack.collector(), *(
            open_ones.enter_context(Program("collector")).url()
            for _ in range(COLLECTORS - 1))]
        buyer = Buyer(stripe)
        for _ in range(RUNS):
            buyer.run_dry()
            for url in urls:
                stack.until("refused by each",
                            lambda u=url: buyer.is_refused(u), 20)
            took.append(buyer.pay(urls))
            assert took[-1] < SOON_S, took
            buyer.cancel(stripe)
    return (f"{RUNS} upgrades in {COLLECTORS} collectors, the slowest "
            f"{1000 * max(took):.0f} ms from the payment on")
