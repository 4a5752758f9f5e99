"""Errors as Stripe says them. [Stripe API, Errors]"""


class StripeError(Exception):
    """Becomes the answer {"error": {...}} with its status."""

    def __init__(self, status, kind, message, **fields):
        super().__init__(message)
        self.status, self.headers = status, {}
        self.body = {"error": {
            "type": kind, "message": message,
            **{name: value for name, value in fields.items()
               if value is not None}}}


def invalid(message, param=None, code=None, status=400):
    return StripeError(status, "invalid_request_error", message, param=param,
                       code=code)


def missing(kind, name, param="id"):
    """404 for the object of a path; 400 for one that a parameter names."""
    return invalid(f"No such {kind}: '{name}'", param, "resource_missing",
                   404 if param == "id" else 400)


def required(param):
    return invalid(f"Missing required param: {param}.", param,
                   "parameter_missing")


def unknown(param):
    return invalid(f"Received unknown parameter: {param}", param,
                   "parameter_unknown")


def declined(message="Your card was declined.", code="card_declined"):
    return StripeError(402, "card_error", message, code=code,
                       decline_code="generic_decline")
