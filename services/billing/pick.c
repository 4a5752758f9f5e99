#include "pick.h"

#include <string.h>

static const struct pick none = {.kind = PP_JSON_ERROR};

int pick_document(struct pp_str text, struct pp_arena *arena,
                  struct pick *document_out, struct pp_err *err)
{
    struct pp_json json;
    enum pp_json_token token;

    *document_out = none;
    pp_json_init(&json, text, arena, PICK_DEPTH);
    token = pp_json_next(&json);
    if (!pp_json_skip(&json, token) || pp_json_next(&json) != PP_JSON_END)
        return pp_err_set(err, PP_ERR_INVALID, "json: %s",
                          json.error ? json.error : "no value");
    *document_out =
        (struct pick){.kind = token, .raw = pp_str_trim(text), .arena = arena};
    return 0;
}

/* The value that comes next, passed over. */
static struct pick take_value(struct pp_json *json, enum pp_json_token token,
                              const char *begin)
{
    struct pick value = {.kind = token, .arena = json->arena};

    if (token == PP_JSON_STRING || token == PP_JSON_NUMBER)
        value.str = json->str;
    if (!pp_json_skip(json, token))
        return none;
    value.raw = pp_str_trim((struct pp_str){begin, (size_t)(json->p - begin)});
    /* In front of a value there may be the colon or the comma. */
    while (value.raw.n && (*value.raw.p == ':' || *value.raw.p == ',' ||
                           *value.raw.p == ' ' || *value.raw.p == '\n' ||
                           *value.raw.p == '\r' || *value.raw.p == '\t'))
        value.raw = pp_str_sub(value.raw, 1, value.raw.n);
    return value;
}

static struct pick member(struct pick from, struct pp_str name)
{
    struct pp_json json;
    enum pp_json_token token;

    if (from.kind != PP_JSON_OBJECT)
        return none;
    pp_json_init(&json, from.raw, from.arena, PICK_DEPTH);
    (void)pp_json_next(&json);
    while ((token = pp_json_next(&json)) == PP_JSON_KEY) {
        bool is_it = pp_str_eq(json.str, name);
        const char *begin = json.p;

        token = pp_json_next(&json);
        if (is_it)
            return take_value(&json, token, begin);
        if (!pp_json_skip(&json, token))
            break;
    }
    return none;
}

struct pick pick_at(struct pick from, const char *path)
{
    struct pp_str rest = pp_str_of(path), name;

    while (pp_str_split(&rest, '.', &name))
        from = member(from, name);
    return from;
}

void pick_list(struct pick from, struct pick_list *list)
{
    list->is_list = from.kind == PP_JSON_ARRAY;
    if (!list->is_list)
        return;
    pp_json_init(&list->json, from.raw, from.arena, PICK_DEPTH);
    (void)pp_json_next(&list->json);
}

bool pick_next(struct pick_list *list, struct pick *element_out)
{
    const char *begin = list->json.p;
    enum pp_json_token token;

    *element_out = none;
    if (!list->is_list)
        return false;
    token = pp_json_next(&list->json);
    if (token == PP_JSON_ARRAY_END || token == PP_JSON_ERROR)
        list->is_list = false;
    else
        *element_out = take_value(&list->json, token, begin);
    return element_out->kind != PP_JSON_ERROR;
}

bool pick_is_there(struct pick value)
{
    return value.kind != PP_JSON_ERROR && value.kind != PP_JSON_NULL;
}

bool pick_is_true(struct pick value)
{
    return value.kind == PP_JSON_TRUE;
}

struct pp_str pick_text(struct pick value)
{
    return value.kind == PP_JSON_STRING ? value.str : PP_LIT("");
}

struct pp_str pick_id(struct pick value)
{
    return pick_text(value.kind == PP_JSON_OBJECT ? pick_at(value, "id")
                                                  : value);
}

int64_t pick_number(struct pick value)
{
    int64_t number;

    if (value.kind != PP_JSON_NUMBER || !pp_json_int64(value.str, &number))
        return 0;
    return number;
}

/* Beyond the year 9999 no instant is Stripe's. */
int64_t pick_instant_ms(struct pick seconds)
{
    int64_t number = pick_number(seconds);

    return number > 0 && number < INT64_C(253402300800) ? number * 1000 : 0;
}
