#include "pp_plans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_arena.h"
#include "pp_json.h"
#include "pp_mem.h"

#define PLANS_MAX  64
#define FILE_BYTES ((size_t)1 << 20)
#define DEPTH      8

static const char *const intervals[PP_PLAN_INTERVALS] = {
    [PP_PLAN_MONTH] = "month",
    [PP_PLAN_YEAR] = "year",
};

struct pp_plans {
    size_t count;
    struct pp_plan list[PLANS_MAX];
    struct pp_arena texts;
};

/* Which fields of a plan were there. */
enum {
    HAS_CODE = 1,
    HAS_NAME = 2,
    HAS_LIMIT = 4,
    HAS_ALERTS = 8,
    HAS_GRACE = 16,
    HAS_FEATURES = 32,
    HAS_PRICES = 64,
    HAS_ALL = 127,
    HAS_OFFERS = 128,  /* may be missing: nothing is sold */
    HAS_CEILING = 256, /* or not */
};

static int wrong(struct pp_err *err, const char *what)
{
    return pp_err_set(err, PP_ERR_FATAL, "plans: %s", what);
}

static const char *keep(struct pp_plans *plans, struct pp_str text)
{
    char *copy = pp_arena_alloc(&plans->texts, text.n + 1);

    if (!copy)
        abort(); /* the file is smaller than the arena */
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return copy;
}

static int read_text(struct pp_plans *plans, struct pp_json *json,
                     const char **text_out, struct pp_err *err)
{
    if (pp_json_next(json) != PP_JSON_STRING || json->str.n == 0)
        return wrong(err, "code and display_name are texts");
    *text_out = keep(plans, json->str);
    return 0;
}

static int read_number(struct pp_json *json, int64_t max, int64_t *number_out,
                       struct pp_err *err)
{
    if (pp_json_next(json) != PP_JSON_NUMBER ||
        !pp_json_int64(json->str, number_out) || *number_out < 0 ||
        *number_out > max)
        return wrong(err, "a number is missing or out of its limits");
    return 0;
}

static int read_small(struct pp_json *json, int max, int *number_out,
                      struct pp_err *err)
{
    int64_t number;

    if (read_number(json, max, &number, err) < 0)
        return -1;
    *number_out = (int)number;
    return 0;
}

/* A whole number from 0; null is unlimited. */
static int read_limit(struct pp_json *json, int64_t *limit_out,
                      struct pp_err *err)
{
    struct pp_json ahead = *json;

    if (pp_json_next(&ahead) == PP_JSON_NULL) {
        *json = ahead;
        *limit_out = PP_PLAN_UNLIMITED;
        return 0;
    }
    return read_number(json, INT64_MAX, limit_out, err);
}

static int read_list(struct pp_plans *plans, struct pp_json *json,
                     const char **list, size_t *count_out, struct pp_err *err)
{
    enum pp_json_token token;

    if (pp_json_next(json) != PP_JSON_ARRAY)
        return wrong(err, "features and price_ids are lists of texts");
    *count_out = 0;
    while ((token = pp_json_next(json)) == PP_JSON_STRING) {
        if (*count_out == PP_PLAN_LIST_MAX || json->str.n == 0)
            return wrong(err, "a list has an empty text, or too many");
        list[(*count_out)++] = keep(plans, json->str);
    }
    if (token != PP_JSON_ARRAY_END)
        return wrong(err, "features and price_ids are lists of texts");
    return 0;
}

/* {"price_id": "...", "amount": 900, "currency": "usd"} */
static int read_offer(struct pp_plans *plans, struct pp_json *json,
                      struct pp_plan_offer *offer, struct pp_err *err)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    enum pp_json_token token;
    bool has_amount = false;

    if (pp_json_next(json) != PP_JSON_OBJECT)
        return wrong(err, "an offer is an object");
    while ((token = pp_json_next(json)) == PP_JSON_KEY) {
        int result;

        if (pp_str_eq(json->str, PP_LIT("price_id"))) {
            result = read_text(plans, json, &offer->price_id, err);
        } else if (pp_str_eq(json->str, PP_LIT("currency"))) {
            result = read_text(plans, json, &offer->currency, err);
        } else if (pp_str_eq(json->str, PP_LIT("amount"))) {
            has_amount = true;
            result = read_number(json, INT64_C(999999999), &offer->amount, err);
        } else {
            result = wrong(err, "an offer has price_id, amount and currency");
        }
        if (result < 0)
            return -1;
    }
    if (token != PP_JSON_OBJECT_END || !offer->price_id || !has_amount ||
        !offer->currency || strlen(offer->currency) != 3 ||
        strspn(offer->currency, letters) != 3)
        return wrong(err, "an offer has price_id, amount and currency");
    return 0;
}

/* By how often it is paid. */
static int read_offers(struct pp_plans *plans, struct pp_json *json,
                       struct pp_plan *plan, struct pp_err *err)
{
    enum pp_json_token token;

    if (pp_json_next(json) != PP_JSON_OBJECT)
        return wrong(err, "offers are an object of month and year");
    while ((token = pp_json_next(json)) == PP_JSON_KEY) {
        int i = 0;

        while (i < PP_PLAN_INTERVALS &&
               !pp_str_eq(json->str, pp_str_of(intervals[i])))
            i++;
        if (i == PP_PLAN_INTERVALS || plan->offers[i].price_id)
            return wrong(err, "offers are month and year, each once");
        if (read_offer(plans, json, &plan->offers[i], err) < 0)
            return -1;
    }
    if (token != PP_JSON_OBJECT_END)
        return wrong(err, "offers are an object of month and year");
    return 0;
}

/* A field that nobody knows is a slip of the pen, and would be missed. */
static int read_field(struct pp_plans *plans, struct pp_json *json,
                      struct pp_plan *plan, unsigned *has, struct pp_err *err)
{
    struct pp_str name = json->str;
    unsigned field;
    int result;

    if (pp_str_eq(name, PP_LIT("code"))) {
        field = HAS_CODE;
        result = read_text(plans, json, &plan->code, err);
    } else if (pp_str_eq(name, PP_LIT("display_name"))) {
        field = HAS_NAME;
        result = read_text(plans, json, &plan->display_name, err);
    } else if (pp_str_eq(name, PP_LIT("monthly_limit"))) {
        field = HAS_LIMIT;
        result = read_limit(json, &plan->monthly_limit, err);
    } else if (pp_str_eq(name, PP_LIT("max_alerts"))) {
        field = HAS_ALERTS;
        result = read_small(json, INT32_MAX, &plan->max_alerts, err);
    } else if (pp_str_eq(name, PP_LIT("grace_days"))) {
        field = HAS_GRACE;
        result = read_small(json, PP_PLAN_GRACE_DAYS, &plan->grace_days, err);
    } else if (pp_str_eq(name, PP_LIT("grace_ceiling"))) {
        field = HAS_CEILING;
        result = read_limit(json, &plan->grace_ceiling, err);
    } else if (pp_str_eq(name, PP_LIT("features"))) {
        field = HAS_FEATURES;
        result =
            read_list(plans, json, plan->features, &plan->feature_count, err);
    } else if (pp_str_eq(name, PP_LIT("price_ids"))) {
        field = HAS_PRICES;
        result =
            read_list(plans, json, plan->price_ids, &plan->price_id_count, err);
    } else if (pp_str_eq(name, PP_LIT("offers"))) {
        field = HAS_OFFERS;
        result = read_offers(plans, json, plan, err);
    } else {
        return pp_err_set(err, PP_ERR_FATAL, "plans: no field is called %.*s",
                          PP_ARG(name));
    }
    *has |= field;
    return result;
}

static bool code_is_right(const char *code)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    size_t length = strlen(code);

    return length >= 1 && length <= 32 && strspn(code, letters) == length;
}

/* What is sold has to be known again when a subscription has it. */
static bool offers_are_right(const struct pp_plan *plan)
{
    for (int i = 0; i < PP_PLAN_INTERVALS; i++) {
        size_t k = 0;

        if (!plan->offers[i].price_id)
            continue;
        while (k < plan->price_id_count &&
               strcmp(plan->price_ids[k], plan->offers[i].price_id) != 0)
            k++;
        if (k == plan->price_id_count)
            return false;
    }
    return true;
}

/* A plan is found by its code, and by any price: neither may be another's. */
static int check(const struct pp_plans *plans, const struct pp_plan *plan,
                 struct pp_err *err)
{
    if (!code_is_right(plan->code))
        return wrong(err, "a code has A-Z, 0-9 and _, at most 32");
    if (pp_plans_find(plans, pp_str_of(plan->code)))
        return pp_err_set(err, PP_ERR_FATAL, "plans: %s is there twice",
                          plan->code);
    if (plan->grace_ceiling != PP_PLAN_UNLIMITED &&
        plan->grace_ceiling <= plan->monthly_limit)
        return pp_err_set(err, PP_ERR_FATAL,
                          "plans: grace_ceiling of %s is not above its limit",
                          plan->code);
    for (size_t i = 0; i < plan->price_id_count; i++)
        if (pp_plans_of_price(plans, pp_str_of(plan->price_ids[i])))
            return pp_err_set(err, PP_ERR_FATAL, "plans: price %s is of two",
                              plan->price_ids[i]);
    if (!offers_are_right(plan))
        return pp_err_set(err, PP_ERR_FATAL,
                          "plans: what %s offers is not among its price_ids",
                          plan->code);
    return 0;
}

static int read_plan(struct pp_plans *plans, struct pp_json *json,
                     struct pp_err *err)
{
    struct pp_plan plan = {.grace_ceiling = PP_PLAN_UNLIMITED};
    enum pp_json_token token;
    unsigned has = 0;

    while ((token = pp_json_next(json)) == PP_JSON_KEY)
        if (read_field(plans, json, &plan, &has, err) < 0)
            return -1;
    if (token != PP_JSON_OBJECT_END)
        return wrong(err, json->error ? json->error : "no plan");
    if ((has & HAS_ALL) != HAS_ALL)
        return pp_err_set(err, PP_ERR_FATAL, "plans: %s lacks a field",
                          plan.code ? plan.code : "one");
    if (plans->count == PLANS_MAX)
        return wrong(err, "too many");
    if (check(plans, &plan, err) < 0)
        return -1;
    plans->list[plans->count++] = plan;
    return 0;
}

static int read_all(struct pp_plans *plans, struct pp_str text,
                    struct pp_err *err)
{
    enum pp_json_token token;
    struct pp_json json;

    pp_json_init(&json, text, &plans->texts, DEPTH);
    if (pp_json_next(&json) != PP_JSON_OBJECT ||
        pp_json_next(&json) != PP_JSON_KEY ||
        !pp_str_eq(json.str, PP_LIT("plans")) ||
        pp_json_next(&json) != PP_JSON_ARRAY)
        return wrong(err, "expected {\"plans\": [...]}");
    while ((token = pp_json_next(&json)) == PP_JSON_OBJECT)
        if (read_plan(plans, &json, err) < 0)
            return -1;
    if (token != PP_JSON_ARRAY_END ||
        pp_json_next(&json) != PP_JSON_OBJECT_END ||
        pp_json_next(&json) != PP_JSON_END)
        return wrong(err, json.error ? json.error : "no list of plans");
    if (!pp_plans_find(plans, PP_LIT(PP_PLAN_DEFAULT)))
        return wrong(err, "there has to be " PP_PLAN_DEFAULT
                          ", of those who chose none");
    return 0;
}

int pp_plans_read(struct pp_plans **plans_out, struct pp_str text,
                  struct pp_err *err)
{
    struct pp_plans *plans = pp_calloc(1, sizeof(*plans));

    pp_arena_init(&plans->texts, 4 * FILE_BYTES);
    if (text.n > FILE_BYTES ? wrong(err, "the file is too large")
                            : read_all(plans, text, err) < 0) {
        pp_plans_close(&plans);
        return -1;
    }
    *plans_out = plans;
    return 0;
}

int pp_plans_open(struct pp_plans **plans_out, const char *path,
                  struct pp_err *err)
{
    char *text;
    FILE *file;
    size_t n;
    int result;

    if (!*path)
        return pp_plans_read(plans_out, pp_str_of(pp_plans_built_in), err);
    file = fopen(path, "r");
    if (!file)
        return pp_err_sys(err, PP_ERR_FATAL, "%s", path);
    text = pp_malloc(FILE_BYTES + 1);
    n = fread(text, 1, FILE_BYTES + 1, file);
    fclose(file);
    result = pp_plans_read(plans_out, (struct pp_str){text, n}, err);
    free(text);
    return result;
}

void pp_plans_close(struct pp_plans **plans)
{
    if (!*plans)
        return;
    pp_arena_fini(&(*plans)->texts);
    free(*plans);
    *plans = NULL;
}

size_t pp_plans_count(const struct pp_plans *plans)
{
    return plans->count;
}

const struct pp_plan *pp_plans_at(const struct pp_plans *plans, size_t i)
{
    return &plans->list[i];
}

const struct pp_plan *pp_plans_find(const struct pp_plans *plans,
                                    struct pp_str code)
{
    for (size_t i = 0; i < plans->count; i++)
        if (pp_str_eq(pp_str_of(plans->list[i].code), code))
            return &plans->list[i];
    return NULL;
}

const struct pp_plan *pp_plans_of_price(const struct pp_plans *plans,
                                        struct pp_str price_id)
{
    for (size_t i = 0; i < plans->count; i++)
        for (size_t k = 0; k < plans->list[i].price_id_count; k++)
            if (pp_str_eq(pp_str_of(plans->list[i].price_ids[k]), price_id))
                return &plans->list[i];
    return NULL;
}

const char *pp_plan_interval_name(enum pp_plan_interval interval)
{
    return intervals[interval];
}
