#include "script.h"

#include "pp_metrics.h"

static const struct {
    const char *coding;
    enum script_encoding encoding;
} smallest_first[] = {
    {"br", SCRIPT_BR},
    {"gzip", SCRIPT_GZIP},
};

static struct pp_counter requests = PP_COUNTER(
    "pawprint_collector_script_requests_total", "requests for the script");

void script_metrics_add(void)
{
    pp_metrics_add(&requests.metric);
}

/* "q=0", "q=0.0" and so on: this coding is not wanted. */
static bool is_forbidden(struct pp_str parameters)
{
    struct pp_str one;

    while (pp_str_split(&parameters, ';', &one)) {
        one = pp_str_trim(one);
        if (!pp_str_starts(one, PP_LIT("q=0")) &&
            !pp_str_starts(one, PP_LIT("Q=0")))
            continue;
        for (size_t i = 2; i < one.n; i++)
            if (one.p[i] != '0' && one.p[i] != '.')
                return false;
        return true;
    }
    return false;
}

static bool is_allowed(struct pp_str accept_encoding, struct pp_str coding)
{
    struct pp_str part, name;

    while (pp_str_split(&accept_encoding, ',', &part))
        if (pp_str_split(&part, ';', &name) &&
            pp_str_eq_nocase(pp_str_trim(name), coding))
            return !is_forbidden(part);
    return false;
}

enum script_encoding script_choose(struct pp_str accept_encoding)
{
    for (size_t i = 0; i < sizeof(smallest_first) / sizeof(*smallest_first);
         i++)
        if (is_allowed(accept_encoding, pp_str_of(smallest_first[i].coding)))
            return smallest_first[i].encoding;
    return SCRIPT_PLAIN;
}

bool script_is_current(struct pp_str if_none_match,
                       const struct script_form *form)
{
    struct pp_str tag;

    while (pp_str_split(&if_none_match, ',', &tag)) {
        tag = pp_str_trim(tag);
        if (pp_str_starts(tag, PP_LIT("W/"))) /* compared weakly */
            tag = pp_str_sub(tag, 2, tag.n);
        if (pp_str_eq(tag, PP_LIT("*")) ||
            pp_str_eq(tag, pp_str_of(form->etag)))
            return true;
    }
    return false;
}

void script_get(struct pp_http_request *request, void *context)
{
    static const char *const codings[SCRIPT_ENCODINGS] = {
        [SCRIPT_GZIP] = "gzip", [SCRIPT_BR] = "br"};
    enum script_encoding encoding =
        script_choose(pp_http_header(request, "Accept-Encoding"));
    const struct script_form *form = &script_forms[encoding];
    struct pp_http_field fields[] = {
        {"ETag", form->etag},
        {"Cache-Control",
         "public, max-age=86400, stale-while-revalidate=604800"},
        {"Vary", "Accept-Encoding"},
        {"Access-Control-Allow-Origin", "*"},
        {"Cross-Origin-Resource-Policy", "cross-origin"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Type", "text/javascript; charset=utf-8"},
        {codings[encoding] ? "Content-Encoding" : NULL, codings[encoding]},
        {0},
    };

    (void)context;
    pp_counter_add(&requests, 1);
    if (script_is_current(pp_http_header(request, "If-None-Match"), form)) {
        fields[6] = (struct pp_http_field){0}; /* what a body has it has not */
        pp_http_reply(request, 304, fields, (struct pp_str){NULL, 0});
        return;
    }
    pp_http_reply(request, 200, fields, form->bytes);
}
