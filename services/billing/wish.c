#include "wish.h"

#include <string.h>

#include "pp_arena.h"
#include "pp_json.h"
#include "pp_mem.h"

#define DEPTH 4

enum { HAS_PLAN = 1, HAS_INTERVAL = 2, HAS_BOTH = 3 };

static bool interval_of(struct pp_str text, enum pp_plan_interval *out)
{
    for (int i = 0; i < PP_PLAN_INTERVALS; i++) {
        enum pp_plan_interval interval = (enum pp_plan_interval)i;

        if (pp_str_eq(text, pp_str_of(pp_plan_interval_name(interval)))) {
            *out = interval;
            return true;
        }
    }
    return false;
}

/* A text that fits and has no NUL; what it says is judged by the catalogue. */
static enum web_result take_plan(struct pp_str text, struct wish *wish)
{
    if (text.n == 0 || text.n >= sizeof(wish->plan) ||
        pp_str_find(text, '\0') < text.n)
        return WEB_INVALID_FIELD;
    memcpy(wish->plan, text.p, text.n);
    wish->plan[text.n] = '\0';
    return WEB_OK;
}

static enum web_result read_member(struct pp_json *json, struct wish *wish,
                                   unsigned *has)
{
    bool is_plan = pp_str_eq(json->str, PP_LIT("plan"));
    bool is_interval = pp_str_eq(json->str, PP_LIT("interval"));
    unsigned member = is_plan ? HAS_PLAN : HAS_INTERVAL;
    enum pp_json_token token;

    if (!is_plan && !is_interval)
        return WEB_UNKNOWN_FIELD;
    if (*has & member)
        return WEB_INVALID_FIELD; /* twice: which one is meant? */
    *has |= member;
    token = pp_json_next(json);
    if (token == PP_JSON_ERROR)
        return WEB_MALFORMED;
    if (token != PP_JSON_STRING)
        return WEB_INVALID_FIELD;
    if (is_plan)
        return take_plan(json->str, wish);
    return interval_of(json->str, &wish->interval) ? WEB_OK : WEB_INVALID_FIELD;
}

static enum web_result read_wish(struct pp_json *json, struct wish *wish)
{
    enum web_result result = WEB_OK;
    enum pp_json_token token;
    unsigned has = 0;

    if (pp_json_next(json) != PP_JSON_OBJECT)
        return WEB_MALFORMED;
    while (result == WEB_OK && (token = pp_json_next(json)) == PP_JSON_KEY)
        result = read_member(json, wish, &has);
    if (result != WEB_OK)
        return result;
    if (token != PP_JSON_OBJECT_END || pp_json_next(json) != PP_JSON_END)
        return WEB_MALFORMED;
    return has == HAS_BOTH ? WEB_OK : WEB_MISSING_FIELD;
}

enum web_result wish_of_json(struct pp_str body, struct wish *wish_out)
{
    struct pp_arena arena;
    struct pp_json json;
    enum web_result result;

    *wish_out = (struct wish){0};
    if (body.n > WISH_BODY_BYTES)
        return WEB_TOO_LARGE;
    pp_arena_init(&arena, 2 * WISH_BODY_BYTES);
    pp_json_init(&json, body, &arena, DEPTH);
    result = read_wish(&json, wish_out);
    pp_arena_fini(&arena);
    return result;
}

/* --- the portal ----------------------------------------------------------- */

static enum web_result flow_of(struct pp_str text, enum wish_flow *out)
{
    static const char *const names[] = {[WISH_UPDATE] = "update",
                                        [WISH_CANCEL] = "cancel",
                                        [WISH_PAYMENT] = "payment_method"};

    for (size_t i = WISH_UPDATE; i < PP_COUNT(names); i++) {
        if (pp_str_eq(text, pp_str_of(names[i]))) {
            *out = (enum wish_flow)i;
            return WEB_OK;
        }
    }
    return WEB_INVALID_FIELD;
}

static enum web_result read_flow(struct pp_json *json, enum wish_flow *out)
{
    enum web_result result = WEB_OK;
    enum pp_json_token token;
    bool has = false;

    if (pp_json_next(json) != PP_JSON_OBJECT)
        return WEB_MALFORMED;
    while (result == WEB_OK && (token = pp_json_next(json)) == PP_JSON_KEY) {
        if (!pp_str_eq(json->str, PP_LIT("flow")))
            return WEB_UNKNOWN_FIELD;
        if (has)
            return WEB_INVALID_FIELD; /* twice: which one is meant? */
        has = true;
        token = pp_json_next(json);
        if (token == PP_JSON_ERROR)
            return WEB_MALFORMED;
        result = token == PP_JSON_STRING ? flow_of(json->str, out)
                                         : WEB_INVALID_FIELD;
    }
    if (result != WEB_OK)
        return result;
    return token == PP_JSON_OBJECT_END && pp_json_next(json) == PP_JSON_END
               ? WEB_OK
               : WEB_MALFORMED;
}

enum web_result wish_flow_of_json(struct pp_str body, enum wish_flow *flow_out)
{
    struct pp_arena arena;
    struct pp_json json;
    enum web_result result;

    *flow_out = WISH_ANY;
    if (body.n > WISH_BODY_BYTES)
        return WEB_TOO_LARGE;
    if (pp_str_trim(body).n == 0)
        return WEB_OK;
    pp_arena_init(&arena, 2 * WISH_BODY_BYTES);
    pp_json_init(&json, body, &arena, DEPTH);
    result = read_flow(&json, flow_out);
    pp_arena_fini(&arena);
    return result;
}

/* --- forms ---------------------------------------------------------------- */

static int hex_of(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    if (letter >= 'a' && letter <= 'f')
        return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F')
        return letter - 'A' + 10;
    return -1;
}

/* How many bytes the text is decoded; a broken escape stands for itself. */
static bool decode(struct pp_str text, char *out, size_t bytes)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        char letter = text.p[i];

        if (letter == '+') {
            letter = ' ';
        } else if (letter == '%' && i + 2 < text.n &&
                   hex_of(text.p[i + 1]) >= 0 && hex_of(text.p[i + 2]) >= 0) {
            letter = (char)(hex_of(text.p[i + 1]) * 16 + hex_of(text.p[i + 2]));
            i += 2;
        }
        if (letter == '\0' || n + 1 >= bytes)
            return false;
        out[n++] = letter;
    }
    out[n] = '\0';
    return true;
}

bool wish_form_value(struct pp_str form, const char *name, char *value_out,
                     size_t bytes)
{
    struct pp_str rest = form, part;
    bool found = false;

    while (pp_str_split(&rest, '&', &part)) {
        size_t at = pp_str_find(part, '=');

        if (!pp_str_eq(pp_str_sub(part, 0, at), pp_str_of(name)))
            continue;
        if (found ||
            !decode(pp_str_sub(part, at + 1, part.n), value_out, bytes))
            return false;
        found = true;
    }
    return found;
}

enum web_result wish_of_form(struct pp_str form, struct wish *wish_out)
{
    char interval[8];

    *wish_out = (struct wish){0};
    if (form.n > WISH_BODY_BYTES)
        return WEB_TOO_LARGE;
    if (!wish_form_value(form, "plan", wish_out->plan,
                         sizeof(wish_out->plan)) ||
        !wish_form_value(form, "interval", interval, sizeof(interval)) ||
        !interval_of(pp_str_of(interval), &wish_out->interval))
        return WEB_INVALID_FIELD;
    return WEB_OK;
}

enum web_result wish_flow_of_form(struct pp_str form, enum wish_flow *flow_out)
{
    char name[16];

    *flow_out = WISH_ANY;
    if (form.n > WISH_BODY_BYTES)
        return WEB_TOO_LARGE;
    return wish_form_value(form, "flow", name, sizeof(name))
               ? flow_of(pp_str_of(name), flow_out)
               : WEB_OK;
}

enum web_result wish_offer(const struct wish *wish,
                           const struct pp_plans *plans,
                           const struct pp_plan **plan_out,
                           const struct pp_plan_offer **offer_out)
{
    const struct pp_plan *plan = pp_plans_find(plans, pp_str_of(wish->plan));
    bool is_sold = false;

    if (!plan)
        return WEB_UNKNOWN_PLAN;
    *plan_out = plan;
    *offer_out = &plan->offers[wish->interval];
    if ((*offer_out)->price_id)
        return WEB_OK;
    for (int i = 0; i < PP_PLAN_INTERVALS; i++)
        is_sold |= plan->offers[i].price_id != NULL;
    return is_sold || strcmp(plan->code, PP_PLAN_DEFAULT) == 0
               ? WEB_NOT_OFFERED
               : WEB_NOT_CONFIGURED;
}
