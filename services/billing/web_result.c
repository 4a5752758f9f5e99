#include "web_result.h"

static const struct {
    const char *name;
    unsigned status;
    const char *words;
} rows[WEB_RESULTS] = {
    [WEB_OK] = {"ok", 200, "Done."},
    [WEB_CREATED] = {"created", 201, "Done."},
    [WEB_SEE_OTHER] = {"see_other", 303, "It goes on elsewhere."},
    [WEB_MALFORMED] = {"malformed", 400, "That could not be understood."},
    [WEB_MISSING_FIELD] = {"missing_field", 400, "Something is missing."},
    [WEB_UNKNOWN_FIELD] = {"unknown_field", 400,
                           "There is something that nobody asked for."},
    [WEB_INVALID_FIELD] = {"invalid_field", 400, "A value can't be."},
    [WEB_UNAUTHENTICATED] = {"unauthenticated", 401,
                             "You are not signed in, or no longer. Ask for "
                             "another link to open this page."},
    [WEB_ACCOUNT_BLOCKED] = {"account_blocked", 403,
                             "The account is blocked. Please write to us."},
    [WEB_FOREIGN_FORM] = {"foreign_form", 403,
                          "The form was not one of this page, or an old one. "
                          "Please try again."},
    [WEB_NOT_FOUND] = {"not_found", 404, "There is nothing here."},
    [WEB_ACCOUNT_CLOSED] = {"account_closed", 404, "The account is closed."},
    [WEB_METHOD_NOT_ALLOWED] = {"method_not_allowed", 405,
                                "That can't be done here."},
    [WEB_TIMEOUT] = {"timeout", 408, "The request did not come in time."},
    [WEB_ALREADY_SUBSCRIBED] = {"already_subscribed", 409,
                                "There is a subscription already. It is "
                                "changed where it is managed."},
    [WEB_NO_CUSTOMER] = {"no_customer", 409,
                         "There is nothing to manage yet: no plan was ever "
                         "paid for."},
    [WEB_NO_SUBSCRIPTION] = {"no_subscription", 409,
                             "There is no subscription to change or to "
                             "cancel."},
    [WEB_IN_PROGRESS] = {"in_progress", 409,
                         "The same is being done right now."},
    [WEB_LINK_USED] = {"link_used", 410,
                       "The link was used already, or is older than ten "
                       "minutes. Ask for another one."},
    [WEB_TOO_LARGE] = {"too_large", 413, "That is too much."},
    [WEB_UNSUPPORTED_MEDIA_TYPE] = {"unsupported_media_type", 415,
                                    "That is of another kind."},
    [WEB_UNKNOWN_PLAN] = {"unknown_plan", 422, "There is no such plan."},
    [WEB_NOT_OFFERED] = {"not_offered", 422,
                         "This plan can't be bought that way."},
    [WEB_KEY_REUSED] = {"key_reused", 422,
                        "The same key came with another request."},
    [WEB_RATE_LIMITED] = {"rate_limited", 429,
                          "That was too often. Please wait a little."},
    [WEB_NOT_CONFIGURED] = {"billing_not_configured", 503,
                            "Payment is not set up yet. Nothing was changed."},
    [WEB_STRIPE_AWAY] = {"stripe_away", 503,
                         "The payment provider does not answer. Nothing was "
                         "changed; please try again in a minute."},
    [WEB_NOT_READY] = {"not_ready", 503,
                       "Something of ours does not answer. Nothing was "
                       "changed; please try again in a minute."},
};

const char *web_result_name(enum web_result result)
{
    return rows[result].name;
}

unsigned web_result_status(enum web_result result)
{
    return rows[result].status;
}

const char *web_result_words(enum web_result result)
{
    return rows[result].words;
}
