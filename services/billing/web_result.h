#ifndef WEB_RESULT_H
#define WEB_RESULT_H

/*
 * What became of a customer's call: the closed list of reasons that callers
 * are told. docs/api/billing.md says when each is given.
 */
enum web_result {
    WEB_OK,
    WEB_CREATED,
    WEB_SEE_OTHER,
    WEB_MALFORMED,
    WEB_MISSING_FIELD,
    WEB_UNKNOWN_FIELD,
    WEB_INVALID_FIELD,
    WEB_UNAUTHENTICATED,
    WEB_ACCOUNT_BLOCKED,
    WEB_FOREIGN_FORM,
    WEB_NOT_FOUND,
    WEB_ACCOUNT_CLOSED,
    WEB_METHOD_NOT_ALLOWED,
    WEB_TIMEOUT,
    WEB_ALREADY_SUBSCRIBED,
    WEB_NO_CUSTOMER,
    WEB_NO_SUBSCRIPTION,
    WEB_IN_PROGRESS,
    WEB_LINK_USED,
    WEB_TOO_LARGE,
    WEB_UNSUPPORTED_MEDIA_TYPE,
    WEB_UNKNOWN_PLAN,
    WEB_NOT_OFFERED,
    WEB_KEY_REUSED,
    WEB_RATE_LIMITED,
    WEB_NOT_CONFIGURED,
    WEB_STRIPE_AWAY,
    WEB_NOT_READY,
    WEB_RESULTS,
};

/* The reason as callers see it, its HTTP status, and a sentence for people. */
const char *web_result_name(enum web_result result);
unsigned web_result_status(enum web_result result);
const char *web_result_words(enum web_result result);

#endif
