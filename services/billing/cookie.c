#include "cookie.h"

/* A browser takes __Host- only over https, and for this very host. */
static const char *name_of(bool is_https)
{
    return is_https ? "__Host-pawprint" : "pawprint";
}

struct pp_str cookie_session(struct pp_str header, bool is_https)
{
    struct pp_str rest = header, part, found = {0};

    while (pp_str_split(&rest, ';', &part)) {
        struct pp_str pair = pp_str_trim(part);
        size_t at = pp_str_find(pair, '=');

        if (!pp_str_eq(pp_str_sub(pair, 0, at), pp_str_of(name_of(is_https))))
            continue;
        if (found.p)
            return (struct pp_str){0}; /* two: somebody put one there */
        found = pp_str_sub(pair, at + 1, pair.n);
    }
    return found;
}

void cookie_set(struct pp_buf *out, const char *session, int seconds,
                bool is_https)
{
    pp_buf_printf(out, "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                  name_of(is_https), session, seconds,
                  is_https ? "; Secure" : "");
}
