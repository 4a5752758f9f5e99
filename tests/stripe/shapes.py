"""How a version of the API shows an object.

Since 2025-03-31 a period stands on the subscription's items and an invoice
names its subscription under `parent`; before, both stood on top.
[Stripe API changelog, 2025-03-31.basil]
"""
import re

from stripe.errors import invalid

VERSION = re.compile(r"20\d\d-\d\d-\d\d(\.[a-z]+)?")
PERIODS_ON_ITEMS = "2025-03-31"
PERIOD = ("current_period_start", "current_period_end")


def check(version):
    if not VERSION.fullmatch(version):
        raise invalid(f"Invalid Stripe API version: {version}")
    return version


def fits(kind, wanted):
    """Whether a type of event is meant: charge.* is all below charge, * is all."""
    return kind == wanted or \
        wanted.endswith("*") and kind.startswith(wanted[:-1])


def listed(url, data, has_more=False):
    return {"object": "list", "url": url, "has_more": has_more, "data": data}


def subscription(one, version):
    new = version >= PERIODS_ON_ITEMS
    items = [dict(item) for item in one["items"]]
    for item in items:
        if new:
            item.update({name: one[name] for name in PERIOD})
    shown = {**one, "items": listed(
        f"/v1/subscription_items?subscription={one['id']}", items)}
    if new:
        for name in PERIOD:
            del shown[name]
    return shown


def invoice(one, version):
    shown = dict(one)
    name = shown.pop("subscription")
    if version >= PERIODS_ON_ITEMS:
        shown["parent"] = {
            "type": "subscription_details", "quote_details": None,
            "subscription_details": {"subscription": name,
                                     "metadata": one["_metadata"]}}
    else:
        shown["subscription"] = name
        shown["paid"] = one["status"] == "paid"
    return shown


def event(one, _version):
    about = show(one["_about"], one["api_version"])
    data = {"object": about}
    if one["_previous"] is not None:
        data["previous_attributes"] = public(one["_previous"])
    return {**one, "data": data, "pending_webhooks": 0 if one["_delivered"] else 1}


def session(one, version):
    return {**one, "ui_mode": "hosted_page" if version >= "2026" else "hosted"}


SHAPES = {"subscription": subscription, "invoice": invoice, "event": event,
          "checkout.session": session}


def public(one):
    """Without the fields that are ours."""
    if isinstance(one, dict):
        return {name: public(value) for name, value in one.items()
                if not name.startswith("_")}
    if isinstance(one, list):
        return [public(value) for value in one]
    return one


def show(one, version):
    shape = SHAPES.get(one.get("object"), lambda one, _: one)
    if one.get("deleted"):
        return {name: one[name] for name in ("id", "object", "deleted")}
    if "id" not in one:  # an invoice to come has none, and is as it was given
        return public(one)
    try:
        return public(shape(one, version))
    except (KeyError, TypeError):  # a made-up event's object is as it was given
        return public(one)


def expand(world, tree, paths, version):
    """Puts objects in place of their ids: expand[]=data.customer."""
    for path in paths:
        for place, word in places(tree, path.split(".")):
            name = place.get(word)
            about = world.find(name) if isinstance(name, str) else None
            if about:
                place[word] = show(about, version)
            elif word not in place:
                raise invalid(f"This property cannot be expanded ({path}).",
                              "expand")
    return tree


def places(tree, words):
    if isinstance(tree, list):
        for one in tree:
            yield from places(one, words)
    elif isinstance(tree, dict):
        if len(words) == 1:
            yield tree, words[0]
        else:
            yield from places(tree.get(words[0]), words[1:])
