"""For schemathesis: what a contract says in words only."""
import datetime
import json
import re
import uuid

import schemathesis


@schemathesis.serializer("text/plain")
def text_plain(_ctx, value):
    """text/plain bodies are JSON here."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@schemathesis.hook
def before_call(_ctx, case, _kwargs):
    """A good key would say that this is a request of before; it never is. And
    a range of two dates is neither empty nor too long."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!-~]{1,255}", key):
        case.headers["Idempotency-Key"] = (uuid.uuid4().hex + key)[:255]
    query = case.query or {}
    if is_date(query.get("from")) and is_date(query.get("to")):
        query["to"] = str(datetime.date.fromisoformat(query["from"]) +
                          datetime.timedelta(days=1))


def is_date(text):
    try:
        return datetime.date.fromisoformat(text) < datetime.date.max
    except (TypeError, ValueError):
        return False
