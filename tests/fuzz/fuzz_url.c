/*
 * Any bytes as the address of a page: refused, or taken apart into a host and
 * a path within their limits. Put together again they give the same parts.
 */
#include <stdlib.h>

#include "pp_buf.h"

#include "url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool is_text(struct pp_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F)
            return false;
    }
    return pp_str_is_utf8(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str text = {(const char *)data, size};
    struct pp_arena arena;
    struct pp_buf buf;
    struct pp_err err;
    struct url url, again;

    pp_arena_init(&arena, 2 * URL_ARENA_BYTES(size));
    pp_buf_init(&buf, size + 64);
    if (url_parse(text, &arena, &url, &err) == 0) {
        check(url.hostname.n && url.hostname.n <= URL_HOSTNAME_MAX_BYTES);
        check(url.pathname.n && url.pathname.n <= URL_PATHNAME_MAX_BYTES);
        check(url.pathname.p[0] == '/');
        check(is_text(url.hostname) && is_text(url.pathname));
        check(is_text(url.utm_source) && is_text(url.utm_medium));
        check(url.utm_campaign.n <= URL_UTM_MAX_BYTES);

        pp_buf_add_text(&buf, "http://");
        pp_buf_add_str(&buf, url.hostname);
        pp_buf_add_str(&buf, url.pathname);
        pp_buf_add_byte(&buf, '?');
        pp_buf_add_str(&buf, url.query);
        check(url_parse(pp_buf_str(&buf), &arena, &again, &err) == 0);
        check(pp_str_eq(again.hostname, url.hostname));
        check(pp_str_eq(again.pathname, url.pathname));
        check(pp_str_eq(again.utm_source, url.utm_source));
        check(again.clicks == url.clicks);
    } else {
        check(err.kind == PP_ERR_INVALID);
    }
    pp_buf_fini(&buf);
    pp_arena_fini(&arena);
    return 0;
}
