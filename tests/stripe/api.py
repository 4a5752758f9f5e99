"""The routes under /v1: parameters in, objects out."""
import re

from stripe import form, shapes
from stripe.errors import invalid, missing, required, unknown
from stripe.schedules import Schedules
from stripe.subscriptions import ENDED, MISSING_METHOD

ROUTES = []
BEHAVIORS = ("allow_incomplete", "default_incomplete", "error_if_incomplete",
             "pending_if_incomplete")
STATUSES = ("incomplete", "incomplete_expired", "trialing", "active",
            "past_due", "canceled", "unpaid", "paused")
LIST = "limit starting_after ending_before"

# What stands in parameters that are objects or arrays of them; what is not
# named here, such as metadata, may hold any names. stripe-mock does not look
# that deep. [Stripe API, Checkout Sessions, Subscriptions, Customer portal]
MEMBERS = {
    "automatic_tax": "enabled liability",
    "cancellation_details": "comment feedback",
    "created": "gt gte lt lte",
    "customer_update": "address name shipping",
    "end_behavior": "missing_payment_method",
    "flow_data": "type after_completion subscription_cancel "
                 "subscription_update subscription_update_confirm",
    "items": "id price quantity metadata deleted",
    "line_items": "price quantity metadata",
    "pause_collection": "behavior resumes_at",
    "phases": "items start_date end_date metadata proration_behavior",
    "recurring": "interval interval_count usage_type",
    "subscription_data": "metadata description trial_period_days trial_end "
                         "trial_settings billing_cycle_anchor "
                         "proration_behavior default_tax_rates",
    "tax_id_collection": "enabled required",
    "trial_settings": "end_behavior",
}


def route(method, path, takes=""):
    """{} in the path is an id; takes are the parameters beside expand."""
    pattern = re.compile(re.escape(path).replace(r"\{\}", "([^/]+)"))

    def add(handler):
        ROUTES.append((method, pattern, set(takes.split()) | {"expand"}, handler))
        return handler
    return add


# --- parameters ------------------------------------------------------------

def need(params, *names):
    for name in names:
        if params.get(name) in (None, ""):
            raise required(name)
    return [params[name] for name in names]


def whole(value, param):
    try:
        return int(value)
    except (TypeError, ValueError) as why:
        raise invalid(f"Invalid integer: {value}", param,
                      "parameter_invalid_integer") from why


def truth(value, param):
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", param)
    return value == "true"


def one_of(value, values, param):
    if value not in values:
        raise invalid(f"Invalid {param}: must be one of {', '.join(values)}",
                      param)
    return value


def array(value, param):
    if not isinstance(value, list):
        raise invalid("Invalid array", param)
    return value


def nested(value, param):
    if not isinstance(value, dict):
        raise invalid("Invalid object", param)
    return value


def merge_metadata(old, given):
    """"" removes a key, or all of them."""
    if given == "":
        return {}
    merged = {**old, **nested(given, "metadata")}
    return {name: value for name, value in merged.items() if value != ""}


def in_range(instant, wanted, param):
    """Of a filter such as created[gte]."""
    if not isinstance(wanted, dict):
        return instant == whole(wanted, param)
    tests = {"gt": instant.__gt__, "gte": instant.__ge__,
             "lt": instant.__lt__, "lte": instant.__le__}
    return all(tests[one_of(name, tests, param)](whole(value, param))
               for name, value in wanted.items())


def check_members(name, value, shown=None):
    """Refuses a name within an object that Stripe does not know there."""
    shown = shown or name
    if isinstance(value, list):
        for place, one in enumerate(value):
            check_members(name, one, f"{shown}[{place}]")
    elif isinstance(value, dict) and name in MEMBERS:
        for word, member in value.items():
            if word not in MEMBERS[name].split():
                raise unknown(f"{shown}[{word}]")
            check_members(word, member, f"{shown}[{word}]")


class Api:
    def __init__(self, world, invoices, subscriptions, checkout):
        self.world, self.invoices = world, invoices
        self.subscriptions, self.checkout = subscriptions, checkout
        self.schedules = Schedules(world, subscriptions)

    def run(self, method, path, params, version):
        """The answer of a request as JSON would have it; or StripeError."""
        handler, names, takes = self.find(method, path)
        for name, value in params.items():
            if name not in takes:
                raise unknown(name)
            check_members(name, value)
        paths = params.pop("expand", [])
        answer = handler(self, params, *names)
        if isinstance(answer, list):
            answer = self.page(path, params, answer, version)
        else:
            answer = shapes.show(answer, version)
        return shapes.expand(self.world, answer, array(paths, "expand"), version)

    def find(self, method, path):
        for wanted, pattern, takes, handler in ROUTES:
            match = pattern.fullmatch(path)
            if match and wanted == method:
                return handler, match.groups(), takes
        raise invalid(f"Unrecognized request URL ({method}: {path}).",
                      status=404)

    def page(self, path, params, found, version):
        """The part of a list that was asked for. [Stripe API, Pagination]"""
        limit = whole(params.get("limit", "10"), "limit")
        if not 1 <= limit <= 100:
            raise invalid("limit must be between 1 and 100", "limit")
        names = [one["id"] for one in found]
        for word in ("starting_after", "ending_before"):
            if params.get(word) and params[word] not in names:
                raise missing(path.rpartition("/")[2].rstrip("s"),
                              params[word], word)
        if params.get("ending_before"):
            newer = found[:names.index(params["ending_before"])]
            page, more = newer[-limit:], len(newer) > limit
        else:
            if params.get("starting_after"):
                found = found[names.index(params["starting_after"]) + 1:]
            page, more = found[:limit], len(found) > limit
        return shapes.listed(path, [shapes.show(one, version) for one in page],
                             more)

    # --- customers ---------------------------------------------------------

    @route("POST", "/v1/customers",
           "email name metadata description preferred_locales address phone")
    def create_customer(self, params):
        return self.checkout.new_customer(
            params.get("email"), params.get("name"),
            merge_metadata({}, params.get("metadata", {})))

    @route("GET", "/v1/customers", LIST + " email created")
    def list_customers(self, params):
        return [one for one in self.world.all("customer")
                if not one.get("deleted") and
                params.get("email") in (None, one["email"])]

    @route("GET", "/v1/customers/{}")
    def get_customer(self, _, name):
        return self.world.get("customer", name)

    @route("POST", "/v1/customers/{}",
           "email name metadata description preferred_locales address phone")
    def change_customer(self, params, name):
        one = self.checkout.customer(name, "id")
        if "metadata" in params:
            params["metadata"] = merge_metadata(one["metadata"],
                                                params["metadata"])
        self.world.change(one, "customer.updated", **params)
        return one

    @route("DELETE", "/v1/customers/{}")
    def delete_customer(self, _, name):
        one = self.checkout.customer(name, "id")
        self.checkout.delete_customer(one)
        return one

    # --- prices, products --------------------------------------------------

    @route("GET", "/v1/prices", LIST + " lookup_keys active product type currency")
    def list_prices(self, params):
        keys = params.get("lookup_keys")
        active = params.get("active")
        return [one for one in self.world.all("price")
                if (keys is None or one["lookup_key"] in keys) and
                (active is None or one["active"] == truth(active, "active")) and
                params.get("product") in (None, one["product"])]

    @route("POST", "/v1/prices", "product currency unit_amount recurring "
           "lookup_key metadata nickname")
    def create_price(self, params):
        product, currency = need(params, "product", "currency")
        self.world.get("product", product, "product")
        interval = nested(params.get("recurring"), "recurring").get("interval")
        one = self.world.add_price(
            product, one_of(interval, ("month", "year"), "recurring[interval]"),
            whole(params.get("unit_amount"), "unit_amount"), currency,
            lookup_key=params.get("lookup_key"))
        self.world.emit("price.created", one)
        return one

    @route("GET", "/v1/prices/{}")
    def get_price(self, _, name):
        return self.world.get("price", name)

    @route("POST", "/v1/prices/{}", "active lookup_key metadata nickname")
    def change_price(self, params, name):
        one = self.world.get("price", name)
        if "active" in params:
            params["active"] = truth(params["active"], "active")
        self.world.change(one, "price.updated", **params)
        return one

    @route("GET", "/v1/products", LIST + " active ids")
    def list_products(self, _):
        return self.world.all("product")

    @route("GET", "/v1/products/{}")
    def get_product(self, _, name):
        return self.world.get("product", name)

    # --- checkout, portal --------------------------------------------------

    @route("POST", "/v1/checkout/sessions",
           "mode customer customer_email client_reference_id line_items "
           "success_url cancel_url subscription_data metadata ui_mode "
           "allow_promotion_codes payment_method_collection automatic_tax "
           "tax_id_collection customer_update locale expires_at "
           "billing_address_collection payment_method_types")
    def create_session(self, params):
        items, _ = need(params, "line_items", "success_url")
        if params.get("mode") != "subscription":
            raise invalid("This fake has sessions of mode subscription only",
                          "mode")
        if params.get("customer_update") and not params.get("customer"):
            raise invalid("`customer_update` can only be used with `customer`.",
                          "customer_update")
        price, quantity = self.line_item(array(items, "line_items"))
        expires_at = params.get("expires_at")
        return self.checkout.open(
            price, quantity, params.get("customer"),
            expires_at and whole(expires_at, "expires_at"),
            customer_email=params.get("customer_email"),
            client_reference_id=params.get("client_reference_id"),
            success_url=params["success_url"],
            cancel_url=params.get("cancel_url"), locale=params.get("locale"),
            metadata=merge_metadata({}, params.get("metadata", {})),
            payment_method_collection=params.get("payment_method_collection",
                                                 "always"),
            _subscription=self.subscription_data(
                params.get("subscription_data", {})))

    def line_item(self, items):
        if len(items) != 1:
            raise invalid("This fake has one line item only", "line_items")
        name = nested(items[0], "line_items[0]").get("price")
        if not name:
            raise required("line_items[0][price]")
        price = self.world.get("price", name, "line_items[0][price]")
        if not price["active"]:
            raise invalid(f"The price `{name}` is inactive.",
                          "line_items[0][price]", "price_inactive")
        return price, whole(items[0].get("quantity", "1"),
                            "line_items[0][quantity]")

    def subscription_data(self, given):
        days = nested(given, "subscription_data").get("trial_period_days", "0")
        return {"trial_days": whole(
                    days, "subscription_data[trial_period_days]"),
                "metadata": merge_metadata({}, given.get("metadata", {})),
                "missing_method": self.missing_method(given)}

    def missing_method(self, given):
        return one_of(given.get("trial_settings", {}).get("end_behavior", {})
                      .get("missing_payment_method", "create_invoice"),
                      MISSING_METHOD, "trial_settings")

    @route("GET", "/v1/checkout/sessions",
           LIST + " customer subscription status created")
    def list_sessions(self, params):
        return [one for one in self.world.all("checkout.session")
                if all(params.get(word) in (None, one[word])
                       for word in ("customer", "subscription", "status"))]

    @route("GET", "/v1/checkout/sessions/{}")
    def get_session(self, _, name):
        return self.world.get("checkout.session", name)

    @route("POST", "/v1/checkout/sessions/{}/expire")
    def expire_session(self, _, name):
        one = self.world.get("checkout.session", name)
        self.checkout.expire_now(one)
        return one

    @route("POST", "/v1/billing_portal/sessions",
           "customer return_url configuration flow_data locale on_behalf_of")
    def create_portal(self, params):
        customer, = need(params, "customer")
        flow = params.get("flow_data")
        if flow:
            one_of(nested(flow, "flow_data").get("type"), (
                "subscription_update", "subscription_update_confirm",
                "subscription_cancel", "payment_method_update"),
                "flow_data[type]")
        return self.checkout.open_portal(
            customer, return_url=params.get("return_url"), flow=flow,
            locale=params.get("locale"),
            configuration=params.get("configuration", "bpc_fake"))

    # --- subscriptions -----------------------------------------------------

    @route("GET", "/v1/subscriptions", LIST + " customer status price created")
    def list_subscriptions(self, params):
        status = params.get("status")
        if status is not None:
            one_of(status, (*STATUSES, "all", "ended"), "status")
        if "customer" in params:
            self.world.get("customer", params["customer"], "customer")
        wanted = {None: [one for one in STATUSES if one not in ENDED],
                  "all": STATUSES, "ended": ENDED}.get(status, [status])
        return [one for one in self.world.all("subscription")
                if one["status"] in wanted and
                params.get("customer") in (None, one["customer"]) and
                params.get("price") in (None, one["items"][0]["price"]["id"])]

    @route("POST", "/v1/subscriptions",
           "customer items metadata trial_period_days trial_settings "
           "payment_behavior default_payment_method")
    def create_subscription(self, params):
        name, items = need(params, "customer", "items")
        price, quantity = self.line_item(array(items, "items"))
        return self.subscriptions.make(
            self.checkout.customer(name), price, quantity,
            whole(params.get("trial_period_days", "0"), "trial_period_days"),
            merge_metadata({}, params.get("metadata", {})),
            one_of(params.get("payment_behavior", "allow_incomplete"),
                   BEHAVIORS, "payment_behavior"), self.missing_method(params))

    @route("GET", "/v1/subscriptions/{}")
    def get_subscription(self, _, name):
        return self.world.get("subscription", name)

    @route("POST", "/v1/subscriptions/{}",
           "items cancel_at_period_end cancel_at metadata pause_collection "
           "proration_behavior payment_behavior trial_end default_payment_method")
    def change_subscription(self, params, name):
        one = self.world.get("subscription", name)
        self.subscriptions.alive(one)
        if "metadata" in params:
            self.world.change(one, "customer.subscription.updated",
                              metadata=merge_metadata(one["metadata"],
                                                      params["metadata"]))
        if "items" in params:
            self.change_items(one, params)
        if "cancel_at_period_end" in params:
            self.subscriptions.cancel_later(one, truth(
                params["cancel_at_period_end"], "cancel_at_period_end"))
        if "cancel_at" in params:
            self.subscriptions.cancel_at(one, whole(
                params["cancel_at"], "cancel_at") if params["cancel_at"] else None)
        if "pause_collection" in params:
            self.pause_collection(one, params["pause_collection"])
        if "trial_end" in params:
            one_of(params["trial_end"], ("now",), "trial_end")
            self.subscriptions.end_trial_now(one)
        return one

    def change_items(self, one, params):
        given = nested(array(params["items"], "items")[0], "items[0]")
        if given.get("id") != one["items"][0]["id"]:
            raise invalid("This fake has one item a subscription: name it",
                          "items[0][id]")
        price = one["items"][0]["price"]
        if "price" in given:
            price = self.world.get("price", given["price"], "items[0][price]")
        self.subscriptions.change_price(
            one, price, whole(given.get("quantity", "1"), "items[0][quantity]"),
            params.get("payment_behavior"),
            params.get("proration_behavior", "create_prorations"))

    def pause_collection(self, one, given):
        wanted = None
        if given != "":
            until = nested(given, "pause_collection").get("resumes_at")
            wanted = {"behavior": one_of(
                given.get("behavior"), ("keep_as_draft", "mark_uncollectible",
                                        "void"), "pause_collection[behavior]"),
                "resumes_at": until and whole(until,
                                              "pause_collection[resumes_at]")}
        self.subscriptions.pause_collection(one, wanted)

    @route("DELETE", "/v1/subscriptions/{}", "invoice_now prorate "
           "cancellation_details")
    def cancel_subscription(self, _, name):
        one = self.world.get("subscription", name)
        if one["status"] in ENDED:
            raise missing("subscription", name)
        self.subscriptions.end(one, "canceled", "cancellation_requested")
        return one

    @route("POST", "/v1/subscriptions/{}/resume",
           "billing_cycle_anchor proration_behavior")
    def resume_subscription(self, _, name):
        one = self.world.get("subscription", name)
        self.subscriptions.resume(one)
        return one

    # --- schedules ---------------------------------------------------------

    @route("POST", "/v1/subscription_schedules", "from_subscription")
    def create_schedule(self, params):
        name, = need(params, "from_subscription")
        return self.schedules.from_subscription(
            self.world.get("subscription", name, "from_subscription"))

    @route("GET", "/v1/subscription_schedules", LIST + " customer")
    def list_schedules(self, params):
        return [one for one in self.world.all("subscription_schedule")
                if params.get("customer") in (None, one["customer"])]

    @route("GET", "/v1/subscription_schedules/{}")
    def get_schedule(self, _, name):
        return self.world.get("subscription_schedule", name)

    @route("POST", "/v1/subscription_schedules/{}",
           "phases end_behavior metadata proration_behavior")
    def change_schedule(self, params, name):
        one = self.world.get("subscription_schedule", name)
        phases = array(params.get("phases"), "phases")
        self.schedules.set_phases(
            one, [self.phase(place, given) for place, given in enumerate(phases)],
            params.get("end_behavior", "release"))
        return one

    def phase(self, place, given):
        param = f"phases[{place}][items]"
        price, _ = self.line_item(array(nested(given, "phases").get("items"),
                                        param))
        dates = [given.get(word) and whole(given[word], word)
                 for word in ("start_date", "end_date")]
        return self.schedules.phase(*dates, price["id"])

    @route("POST", "/v1/subscription_schedules/{}/release")
    def release_schedule(self, _, name):
        one = self.world.get("subscription_schedule", name)
        self.schedules.release(one)
        return one

    @route("POST", "/v1/subscription_schedules/{}/cancel")
    def cancel_schedule(self, _, name):
        one = self.world.get("subscription_schedule", name)
        self.schedules.cancel(one)
        return one

    # --- invoices, charges, disputes ---------------------------------------

    @route("GET", "/v1/invoices", LIST + " customer subscription status created")
    def list_invoices(self, params):
        return [one for one in self.world.all("invoice")
                if all(params.get(word) in (None, one[word])
                       for word in ("customer", "subscription", "status"))]

    @route("GET", "/v1/invoices/{}")
    def get_invoice(self, _, name):
        return self.world.get("invoice", name)

    @route("POST", "/v1/invoices/{}/pay")
    def pay_invoice(self, _, name):
        one = self.world.get("invoice", name)
        self.invoices.pay(one)
        return one

    @route("POST", "/v1/invoices/{}/void")
    def void_invoice(self, _, name):
        one = self.world.get("invoice", name)
        self.invoices.void(one)
        return one

    @route("GET", "/v1/charges", LIST + " customer")
    def list_charges(self, params):
        return [one for one in self.world.all("charge")
                if params.get("customer") in (None, one["customer"])]

    @route("GET", "/v1/charges/{}")
    def get_charge(self, _, name):
        return self.world.get("charge", name)

    @route("GET", "/v1/disputes/{}")
    def get_dispute(self, _, name):
        return self.world.get("dispute", name)

    # --- events ------------------------------------------------------------

    @route("GET", "/v1/events", LIST + " type types created delivery_success")
    def list_events(self, params):
        success, created = params.get("delivery_success"), params.get("created")
        found = self.world.all("event")
        if success is not None:
            wanted = truth(success, "delivery_success")
            found = [one for one in found if one["_delivered"] == wanted]
        if created is not None:
            found = [one for one in found
                     if in_range(one["created"], created, "created")]
        kinds = params.get("types", [])
        kinds = array(kinds, "types") + (
            [params["type"]] if "type" in params else [])
        return [one for one in found if not kinds or
                any(shapes.fits(one["type"], kind) for kind in kinds)]

    @route("GET", "/v1/events/{}")
    def get_event(self, _, name):
        return self.world.get("event", name)


def parameters(query, body):
    """Of a request: what stands in its address and in its body."""
    return {**form.decode(query), **form.decode(body)}
