#ifndef PP_PLANS_H
#define PP_PLANS_H

#include <stddef.h>
#include <stdint.h>

#include "pp_config.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * The plan catalogue: what an account may use for what it pays. It is one file
 * in JSON, checked whole when it is read and constant from then on; any thread
 * may ask. schemas/plans.json is built in; an operator may name one of his own.
 */
struct pp_plans;

#define PP_PLAN_UNLIMITED  INT64_C(-1)
#define PP_PLAN_DEFAULT    "FREE" /* of accounts that chose none */
#define PP_PLAN_LIST_MAX   16     /* features, and price ids, of one plan */
#define PP_PLAN_GRACE_DAYS 31     /* at most */

#define PP_PLANS_SETTING(path)                                                 \
    PP_STR("PAWPRINT_PLANS", path, "",                                         \
           "file with the plan catalogue; empty: the one that is built in")

struct pp_plan {
    const char *code; /* "BASIC": A-Z, 0-9 and _, at most 32 */
    const char *display_name;
    int64_t monthly_limit; /* events a usage window; or PP_PLAN_UNLIMITED */
    int max_alerts;
    int grace_days;
    /* In grace so many events of a window are taken at most, more than
     * monthly_limit; or PP_PLAN_UNLIMITED, as where the file says nothing. */
    int64_t grace_ceiling;
    size_t feature_count, price_id_count;
    const char *features[PP_PLAN_LIST_MAX];
    const char *price_ids[PP_PLAN_LIST_MAX]; /* of Stripe; of one plan only */
};

/* path: a file, or empty for the one built in. PP_ERR_FATAL says what is wrong
 * with it. */
int pp_plans_open(struct pp_plans **plans_out, const char *path,
                  struct pp_err *err);
void pp_plans_close(struct pp_plans **plans);

/* The same from a text. */
int pp_plans_read(struct pp_plans **plans_out, struct pp_str text,
                  struct pp_err *err);

/* In the file's order. */
size_t pp_plans_count(const struct pp_plans *plans);
const struct pp_plan *pp_plans_at(const struct pp_plans *plans, size_t i);

/* NULL: there is none. */
const struct pp_plan *pp_plans_find(const struct pp_plans *plans,
                                    struct pp_str code);
const struct pp_plan *pp_plans_of_price(const struct pp_plans *plans,
                                        struct pp_str price_id);

/* schemas/plans.json, put in at build time. */
extern const char pp_plans_built_in[];

#endif
