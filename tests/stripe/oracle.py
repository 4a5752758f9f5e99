"""What Stripe's own library for Python signs, and what it believes.

A process of its own, as oracle.js: the library has the same name as this folder.
A line of JSON in ({"secret", "body" in base64, "at", "header"}), a line out: with
a header, whether the library believes it; without, the header it makes.
"""
import base64
import json
import sys

sys.path.pop(0)  # this folder's parent may come before the library
import stripe  # pylint: disable=wrong-import-position

fault = getattr(stripe, "error", stripe)


def answer(secret, body, at=None, header=None):
    text = base64.b64decode(body).decode()
    if header is None:
        made = stripe.WebhookSignature._compute_signature(f"{at}.{text}", secret)
        return f"t={at},v1={made}"
    try:
        stripe.WebhookSignature.verify_header(text, header, secret, 300)
        return True
    except (fault.SignatureVerificationError, ValueError):
        return False


for line in sys.stdin:
    print(json.dumps(answer(**json.loads(line))), flush=True)
