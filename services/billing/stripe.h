#ifndef STRIPE_H
#define STRIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_buf.h"
#include "pp_config.h"
#include "pp_err.h"
#include "pp_str.h"

#include "pick.h"

/*
 * Stripe's REST API, as far as Pawprint asks it: GET, and POST of a form with
 * an idempotency key. [docs.stripe.com/api]
 *
 * A call is tried up to three times within 10 seconds where Stripe says that
 * this is right (connection lost, 409, 5xx, 429 of a lock; its header
 * Stripe-Should-Retry has the last word). A POST goes out again only under its
 * idempotency key, so that it acts once. One client belongs to one thread.
 */
struct stripe;

struct stripe_options {
    const char *key;     /* sk_... or rk_...; never logged */
    const char *url;     /* https://api.stripe.com */
    const char *version; /* value of Stripe-Version */
    const char *ca_file; /* empty: the system's authorities */
};

#define STRIPE_API_URL     "https://api.stripe.com"
#define STRIPE_API_VERSION "2026-07-29.dahlia"

/* Where it is and how it speaks, as settings; the key is each program's own. */
#define STRIPE_SETTINGS(options)                                               \
    PP_STR_CHECKED("PAWPRINT_STRIPE_URL", &(options)->url, STRIPE_API_URL,     \
                   stripe_url_wrong, "where Stripe's API is"),                 \
        PP_STR("PAWPRINT_STRIPE_VERSION", &(options)->version,                 \
               STRIPE_API_VERSION,                                             \
               "the version of Stripe's API that is asked for"),               \
        PP_STR("PAWPRINT_STRIPE_CA_FILE", &(options)->ca_file, "",             \
               "authorities for HTTPS; empty: the system's")

/* options are borrowed for the life of the client. Does not connect yet. */
int stripe_open(struct stripe **stripe_out,
                const struct stripe_options *options, struct pp_err *err);
void stripe_close(struct stripe **stripe);

/*
 * NULL, or what is wrong with these settings: the URL has to be https, or lead
 * to this machine; the key has to be of the mode ("live" or test).
 */
const char *stripe_url_wrong(const char *url);
const char *stripe_key_wrong(const char *key, bool is_live);

/* Whether a URL that Stripe handed out, or that an event carries, is on
 * Stripe's hosts, or on that of the API's URL where that is another. */
bool stripe_url_is_theirs(const struct stripe_options *options,
                          struct pp_str url);

/* Why a call did not do what it was to do. */
enum stripe_fault {
    STRIPE_NONE,
    STRIPE_AWAY,       /* no answer, 5xx, 429: the same may work later */
    STRIPE_DENIED,     /* 401, 403: our key is wrong, or may not do that */
    STRIPE_MISSING,    /* resource_missing: `param` says what */
    STRIPE_IN_USE,     /* another request holds that idempotency key */
    STRIPE_KEY_REUSED, /* idempotency_error: other parameters than before */
    STRIPE_CARD,       /* card_error */
    STRIPE_REFUSED,    /* any other 4xx: `code` says why */
    STRIPE_UNREADABLE, /* 2xx, and no JSON */
    STRIPE_FAULTS,
};

/* Valid until the next call of the same client. */
struct stripe_answer {
    enum stripe_fault fault;
    int status;       /* 0: there was no answer */
    struct pick body; /* the document; of an error, its object with `error` */
    char code[64], type[64], param[64]; /* of an error, or empty */
    char request_id[64];                /* for Stripe's support */
    int64_t retry_after_ms;             /* 0: it did not say */
};

/*
 * path begins with "/v1/", its query included and escaped. 0: 2xx. -1: *answer
 * says what; err->kind is PP_ERR_AGAIN (AWAY, IN_USE), PP_ERR_DENIED (DENIED)
 * or PP_ERR_INVALID (the others). What Stripe said is never in err but for its
 * code, type and request id: messages may hold a customer's data.
 */
int stripe_get(struct stripe *stripe, const char *path,
               struct stripe_answer *answer_out, struct pp_err *err);
int stripe_post(struct stripe *stripe, const char *path, struct pp_str form,
                const char *idempotency_key, struct stripe_answer *answer_out,
                struct pp_err *err);

/*
 * A body, name by name: stripe_form_add(&form, "line_items[0][price]", price).
 * Both are escaped here. NULL or an empty value is left out.
 */
void stripe_form_add(struct pp_buf *form, const char *name, const char *value);

/* The same for a path: the part behind a slash, or a query's value. */
void stripe_path_add(struct pp_buf *path, struct pp_str text);

/* "away", ...: for metrics and logs. */
const char *stripe_fault_name(enum stripe_fault fault);

/* Adds its metrics; before there are other threads. */
void stripe_metrics_add(void);

#endif
