#include "hit_json.h"

#include <math.h>
#include <string.h>

#define PROP_KEY_BYTES   64
#define PROP_VALUE_BYTES 512
#define MS_MAX           86400000 /* a page that loads for a day */
#define SCREEN_MAX_PX    1000000
#define EXACT_MAX        9007199254740992.0 /* 2^53: every double is itself */

/* --- one field ------------------------------------------------------------ */

static bool is_text(struct pp_str text, size_t min, size_t max)
{
    return text.n >= min && text.n <= max &&
           (text.n == 0 || !memchr(text.p, '\0', text.n));
}

static enum result take_text(enum pp_json_token token, struct pp_str value,
                             size_t min, size_t max, struct pp_str *out)
{
    if (token != PP_JSON_STRING)
        return RESULT_MALFORMED;
    if (!is_text(value, min, max))
        return RESULT_INVALID_FIELD;
    *out = value;
    return RESULT_ACCEPTED;
}

static enum result take_long(enum pp_json_token token, struct pp_str value,
                             bool *has_out, int64_t *out)
{
    double real;

    if (token != PP_JSON_NUMBER)
        return RESULT_MALFORMED;
    if (!pp_json_int64(value, out)) {
        /* 2.0 and 2e3 are whole numbers too [JSON Schema 2020-12, 6.1.1] */
        if (!pp_json_double(value, &real) || !(fabs(real) <= EXACT_MAX) ||
            real != floor(real))
            return RESULT_INVALID_FIELD;
        *out = (int64_t)real;
    }
    *has_out = true;
    return RESULT_ACCEPTED;
}

static enum result take_int(enum pp_json_token token, struct pp_str value,
                            int32_t max, bool *has_out, int32_t *out)
{
    int64_t number = 0;
    enum result result = take_long(token, value, has_out, &number);

    if (result != RESULT_ACCEPTED)
        return result;
    if (number < 0 || number > max)
        return RESULT_INVALID_FIELD;
    *out = (int32_t)number;
    return RESULT_ACCEPTED;
}

static enum result take_double(enum pp_json_token token, struct pp_str value,
                               bool *has_out, double *out)
{
    if (token != PP_JSON_NUMBER)
        return RESULT_MALFORMED;
    if (!pp_json_double(value, out))
        return RESULT_INVALID_FIELD;
    *has_out = true;
    return RESULT_ACCEPTED;
}

bool hit_kind_of(struct pp_str name, enum hit_kind *kind_out)
{
    static const char *const names[] = {
        [HIT_KIND_PAGEVIEW] = "pageview",
        [HIT_KIND_CUSTOM] = "custom",
        [HIT_KIND_TIMING] = "timing",
        [HIT_KIND_VITAL] = "vital",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!pp_str_eq(name, pp_str_of(names[i])))
            continue;
        *kind_out = (enum hit_kind)i;
        return true;
    }
    return false;
}

static enum result take_kind(enum pp_json_token token, struct pp_str value,
                             enum hit_kind *out)
{
    if (token != PP_JSON_STRING)
        return RESULT_MALFORMED;
    return hit_kind_of(value, out) ? RESULT_ACCEPTED : RESULT_INVALID_FIELD;
}

/* --- properties ----------------------------------------------------------- */

/* Reads the object's pairs; those beyond the limits are read and dropped. */
static enum result read_pairs(struct pp_json *json, struct pp_str pairs[][2],
                              int *count)
{
    enum result result = RESULT_ACCEPTED;
    enum pp_json_token token;

    while ((token = pp_json_next(json)) == PP_JSON_KEY) {
        struct pp_str key = json->str;

        token = pp_json_next(json);
        if (token != PP_JSON_STRING) {
            if (token != PP_JSON_NULL)
                result = RESULT_MALFORMED;
            if (!pp_json_skip(json, token))
                return RESULT_MALFORMED;
            continue;
        }
        if (*count == HIT_PROPS_MAX || !is_text(key, 1, PROP_KEY_BYTES) ||
            !is_text(json->str, 0, PROP_VALUE_BYTES)) {
            result = RESULT_INVALID_FIELD;
            continue;
        }
        pairs[*count][0] = key;
        pairs[(*count)++][1] = json->str;
    }
    return token == PP_JSON_OBJECT_END ? result : RESULT_MALFORMED;
}

/* As the map that Avro writes, in the arena. */
static enum result take_props(struct pp_json *json, enum pp_json_token token,
                              struct pp_avro_map *out)
{
    struct pp_str pairs[HIT_PROPS_MAX][2];
    enum result result;
    struct pp_buf map;
    char *copy = NULL;
    int count = 0;

    if (token != PP_JSON_OBJECT) {
        (void)pp_json_skip(json, token); /* json keeps what is wrong */
        return RESULT_MALFORMED;
    }
    result = read_pairs(json, pairs, &count);
    if (result != RESULT_ACCEPTED || count == 0)
        return result;
    pp_buf_init(&map, (size_t)64 << 10);
    pp_avro_map_begin(&map, count);
    for (int i = 0; i < count; i++) {
        pp_avro_put_bytes(&map, pairs[i][0]);
        pp_avro_put_bytes(&map, pairs[i][1]);
    }
    pp_avro_map_end(&map);
    if (!map.overflow)
        copy = pp_arena_alloc(json->arena, map.n);
    if (copy) {
        memcpy(copy, map.p, map.n);
        out->blocks = (struct pp_str){copy, map.n};
    }
    pp_buf_fini(&map);
    return copy ? RESULT_ACCEPTED : RESULT_INVALID_FIELD;
}

/* --- a hit ---------------------------------------------------------------- */

/* One list of cases: what each field may be. */
static enum result take_field(struct pp_json *json, struct pp_str key,
                              enum pp_json_token token, struct hit *hit)
{
    struct pp_str value = json->str;

#define IS(name) pp_str_eq(key, PP_LIT(name))
    if (IS("site"))
        return take_text(token, value, 1, 32, &hit->site_id);
    if (IS("url"))
        return take_text(token, value, 1, HIT_URL_BYTES, &hit->url);
    if (IS("kind"))
        return take_kind(token, value, &hit->kind);
    if (IS("id"))
        return take_text(token, value, 1, HIT_NAME_BYTES, &hit->event_id);
    if (IS("name"))
        return take_text(token, value, 1, HIT_NAME_BYTES, &hit->name);
    if (IS("referrer"))
        return take_text(token, value, 0, HIT_URL_BYTES, &hit->referrer);
    if (IS("value"))
        return take_double(token, value, &hit->has_value, &hit->value);
    if (IS("at"))
        return take_long(token, value, &hit->has_at_ms, &hit->at_ms);
    if (IS("sent_at"))
        return take_long(token, value, &hit->has_sent_at_ms, &hit->sent_at_ms);
    if (IS("screen"))
        return take_int(token, value, SCREEN_MAX_PX, &hit->has_screen_width_px,
                        &hit->screen_width_px);
    if (IS("ttfb"))
        return take_int(token, value, MS_MAX, &hit->has_ttfb_ms, &hit->ttfb_ms);
    if (IS("dom"))
        return take_int(token, value, MS_MAX, &hit->has_dom_ms, &hit->dom_ms);
    if (IS("load"))
        return take_int(token, value, MS_MAX, &hit->has_load_ms, &hit->load_ms);
#undef IS
    return RESULT_ACCEPTED; /* not ours: ignored */
}

static enum result read_value(struct pp_json *json, struct pp_str key,
                              struct hit *hit)
{
    enum pp_json_token token = pp_json_next(json);
    enum result result;

    if (token == PP_JSON_NULL)
        return RESULT_ACCEPTED;
    if (pp_str_eq(key, PP_LIT("props")))
        return take_props(json, token, &hit->props);
    result = take_field(json, key, token, hit);
    return pp_json_skip(json, token) ? result : RESULT_MALFORMED;
}

enum result hit_check(const struct hit *hit)
{
    if (!hit->site_id.n || !hit->url.n)
        return RESULT_MISSING_FIELD;
    if (!hit->name.n &&
        (hit->kind == HIT_KIND_CUSTOM || hit->kind == HIT_KIND_VITAL))
        return RESULT_MISSING_FIELD;
    if (hit->kind == HIT_KIND_VITAL && !hit->has_value)
        return RESULT_MISSING_FIELD;
    return hit_hostname(hit->url).n ? RESULT_ACCEPTED : RESULT_INVALID_FIELD;
}

enum result hit_read(struct pp_json *json, struct hit *hit_out)
{
    enum result first = RESULT_ACCEPTED; /* what was wrong first */
    enum pp_json_token token;

    *hit_out = (struct hit){0};
    while ((token = pp_json_next(json)) == PP_JSON_KEY) {
        enum result result = read_value(json, json->str, hit_out);

        if (first == RESULT_ACCEPTED)
            first = result;
    }
    if (token != PP_JSON_OBJECT_END)
        return RESULT_MALFORMED;
    return first == RESULT_ACCEPTED ? hit_check(hit_out) : first;
}

enum result hit_read_one(struct pp_str body, struct pp_arena *arena,
                         struct hit *hit_out)
{
    enum result result = RESULT_MALFORMED;
    struct pp_json json;

    pp_json_init(&json, body, arena, HIT_JSON_DEPTH);
    if (pp_json_next(&json) == PP_JSON_OBJECT)
        result = hit_read(&json, hit_out);
    return pp_json_next(&json) == PP_JSON_END ? result : RESULT_MALFORMED;
}

enum result hit_read_batch(struct pp_str body, struct pp_arena *arena,
                           struct hit *hits_out, enum result *results_out,
                           size_t *count_out)
{
    enum pp_json_token token;
    struct pp_json json;
    size_t count = 0;

    *count_out = 0;
    pp_json_init(&json, body, arena, HIT_JSON_DEPTH);
    if (pp_json_next(&json) != PP_JSON_ARRAY)
        return RESULT_MALFORMED;
    while ((token = pp_json_next(&json)) > PP_JSON_END &&
           token != PP_JSON_ARRAY_END) {
        if (count == HIT_BATCH_MAX)
            return RESULT_TOO_MANY_HITS;
        if (token == PP_JSON_OBJECT) {
            results_out[count] = hit_read(&json, &hits_out[count]);
        } else {
            hits_out[count] = (struct hit){0};
            results_out[count] = RESULT_MALFORMED;
            if (!pp_json_skip(&json, token))
                return RESULT_MALFORMED;
        }
        count++;
    }
    if (token != PP_JSON_ARRAY_END || pp_json_next(&json) != PP_JSON_END)
        return RESULT_MALFORMED;
    *count_out = count;
    return count ? RESULT_ACCEPTED : RESULT_EMPTY_BATCH;
}

struct pp_str hit_hostname(struct pp_str url)
{
    static const struct pp_str nothing = {NULL, 0};
    struct pp_str rest = url, scheme;
    size_t n = 0;

    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7F)
            return nothing; /* a URL has no blanks and no controls */
    if (!pp_str_split(&rest, ':', &scheme) ||
        !pp_str_starts(rest, PP_LIT("//")) ||
        (!pp_str_eq_nocase(scheme, PP_LIT("http")) &&
         !pp_str_eq_nocase(scheme, PP_LIT("https"))))
        return nothing;
    rest = pp_str_sub(rest, 2, rest.n);
    while (n < rest.n && !strchr("/?#\\", rest.p[n]))
        n++;
    rest.n = n;
    if (pp_str_find(rest, '@') < rest.n)
        return nothing; /* a name or password does not belong here */
    if (rest.n && rest.p[0] == '[') {
        n = pp_str_find(rest, ']');
        return n < rest.n ? pp_str_sub(rest, 1, n - 1) : nothing;
    }
    return pp_str_sub(rest, 0, pp_str_find(rest, ':'));
}
