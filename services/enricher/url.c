#include "url.h"

#include <arpa/inet.h>
#include <string.h>

#include "pp_mem.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* C0, DEL and C1, the latter as UTF-8 writes it. */
static bool has_control(struct pp_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char byte = (unsigned char)text.p[i];

        if (byte < 0x20 || byte == 0x7F)
            return true;
        if (byte == 0xC2 && i + 1 < text.n &&
            (unsigned char)text.p[i + 1] < 0xA0)
            return true;
    }
    return false;
}

/* Takes what stands behind the first such byte off *text. */
static struct pp_str cut_behind(struct pp_str *text, char byte)
{
    size_t at = pp_str_find(*text, byte);
    struct pp_str behind = pp_str_sub(*text, at + 1, text->n);

    *text = pp_str_sub(*text, 0, at);
    return behind;
}

static bool is_port(struct pp_str text)
{
    unsigned port = 0;

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text.p[i] - '0');
        if (port > 65535)
            return false;
    }
    return true; /* "host:" has the port of its scheme */
}

static bool is_ipv6(struct pp_str text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (text.n >= sizeof copy)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return inet_pton(AF_INET6, copy, &address) == 1;
}

/* Letters, digits, "-", "_", all beyond ASCII; no label is empty. */
static bool is_name(struct pp_str host)
{
    char before = '.';

    for (size_t i = 0; i < host.n; i++) {
        char c = host.p[i];
        bool letter = (lower(c) >= 'a' && lower(c) <= 'z') ||
                      (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                      (unsigned char)c >= 0x80;

        if (!letter && (c != '.' || before == '.'))
            return false;
        before = c;
    }
    return true;
}

/* Takes "host", "host:port" or "[ipv6]:port" apart; the reason if it can't. */
static const char *find_host(struct pp_str authority, struct pp_str *host_out)
{
    struct pp_str host = authority, port;

    if (pp_str_find(authority, '@') < authority.n)
        return "it has a user name or password";
    if (host.n && host.p[0] == '[') {
        size_t end = pp_str_find(host, ']');

        port = pp_str_sub(host, end + 1, host.n);
        host = pp_str_sub(host, 0, end + 1);
        if (host.n < end + 1 || !is_ipv6(pp_str_sub(host, 1, end - 1)))
            return "its host is no IPv6 address";
        if (port.n && port.p[0] != ':')
            return "something follows the host";
        port = pp_str_sub(port, 1, port.n);
    } else {
        port = cut_behind(&host, ':');
        if (host.n && host.p[host.n - 1] == '.')
            host.n--;
        if (!host.n)
            return "it has no host";
        if (!is_name(host) || host.p[host.n - 1] == '.')
            return "its host has a character or dot that none can have";
    }
    if (!is_port(port))
        return "its port is no number up to 65535";
    if (host.n > URL_HOSTNAME_MAX_BYTES)
        return "its host is too long";
    *host_out = host;
    return NULL;
}

static bool make_lower(struct pp_str *text, struct pp_arena *arena)
{
    size_t first = 0;
    char *copy;

    while (first < text->n && lower(text->p[first]) == text->p[first])
        first++;
    if (first == text->n)
        return true;
    copy = pp_arena_alloc(arena, text->n);
    if (!copy)
        return false;
    for (size_t i = 0; i < text->n; i++)
        copy[i] = lower(text->p[i]);
    *text = (struct pp_str){copy, text->n};
    return true;
}

/* At most URL_PATHNAME_MAX_BYTES, with no half character or "%" escape. */
static struct pp_str cut_path(struct pp_str path)
{
    struct pp_str cut = pp_str_cut_utf8(path, URL_PATHNAME_MAX_BYTES);

    if (cut.n == path.n)
        return path;
    for (size_t back = 1; back <= 2 && back < cut.n; back++) {
        if (cut.p[cut.n - back] == '%')
            return pp_str_sub(cut, 0, cut.n - back);
    }
    return cut;
}

static bool decode(struct pp_str raw, struct pp_arena *arena,
                   struct pp_str *out)
{
    struct pp_str decoded = raw;
    char *copy;

    if (pp_str_find(raw, '%') < raw.n || pp_str_find(raw, '+') < raw.n) {
        copy = pp_arena_alloc(arena, raw.n);
        if (!copy)
            return false;
        decoded = (struct pp_str){copy, 0};
        for (size_t i = 0; i < raw.n; i++) {
            char c = raw.p[i];

            if (c == '%' && i + 2 < raw.n && hex(raw.p[i + 1]) >= 0 &&
                hex(raw.p[i + 2]) >= 0) {
                c = (char)(hex(raw.p[i + 1]) * 16 + hex(raw.p[i + 2]));
                i += 2;
            } else if (c == '+') {
                c = ' ';
            }
            copy[decoded.n++] = c;
        }
        if (!pp_str_is_utf8(decoded) || has_control(decoded))
            decoded = raw;
    }
    *out =
        pp_str_trim(pp_str_cut_utf8(pp_str_trim(decoded), URL_UTM_MAX_BYTES));
    return true;
}

static unsigned click_of(struct pp_str name)
{
    static const struct {
        const char *name;
        enum url_click click;
    } known[] = {
        {"gclid", URL_GCLID},         {"gbraid", URL_GBRAID},
        {"wbraid", URL_WBRAID},       {"dclid", URL_DCLID},
        {"msclkid", URL_MSCLKID},     {"fbclid", URL_FBCLID},
        {"twclid", URL_TWCLID},       {"ttclid", URL_TTCLID},
        {"li_fat_id", URL_LI_FAT_ID}, {"rdt_cid", URL_RDT_CID},
        {"epik", URL_EPIK},           {"sccid", URL_SCCID},
        {"yclid", URL_YCLID},
    };

    for (size_t i = 0; i < PP_COUNT(known); i++) {
        if (pp_str_eq_nocase(name, pp_str_of(known[i].name)))
            return known[i].click;
    }
    return 0;
}

/* Fills in the utm fields and clicks from the query; false: arena full. */
static bool read_query(struct url *url, struct pp_arena *arena)
{
    struct {
        struct pp_str name;
        struct pp_str *value_out;
        bool seen;
    } wanted[] = {
        {PP_LIT("utm_source"), &url->utm_source, false},
        {PP_LIT("utm_medium"), &url->utm_medium, false},
        {PP_LIT("utm_campaign"), &url->utm_campaign, false},
    };
    struct pp_str rest = url->query, name, value;

    while (pp_str_split(&rest, '&', &name)) {
        value = cut_behind(&name, '=');
        if (value.n)
            url->clicks |= click_of(name);
        for (size_t i = 0; i < PP_COUNT(wanted); i++) {
            if (wanted[i].seen || !pp_str_eq_nocase(name, wanted[i].name))
                continue;
            wanted[i].seen = true;
            if (!decode(value, arena, wanted[i].value_out))
                return false;
        }
    }
    return true;
}

int url_parse(struct pp_str text, struct pp_arena *arena, struct url *out,
              struct pp_err *err)
{
    struct pp_str rest, authority;
    struct url url = {0};
    const char *reason;
    size_t scheme = pp_str_find(text, ':');

    if (!pp_str_is_utf8(text))
        return pp_err_set(err, PP_ERR_INVALID, "the URL is not UTF-8");
    if (has_control(text))
        return pp_err_set(err, PP_ERR_INVALID,
                          "the URL has a control character");
    rest = pp_str_sub(text, scheme, text.n);
    if ((!pp_str_eq_nocase(pp_str_sub(text, 0, scheme), PP_LIT("http")) &&
         !pp_str_eq_nocase(pp_str_sub(text, 0, scheme), PP_LIT("https"))) ||
        !pp_str_starts(rest, PP_LIT("://")))
        return pp_err_set(err, PP_ERR_INVALID,
                          "the URL does not start with http:// or https://");

    /* From the right: the fragment, the query, the path. */
    authority = pp_str_sub(rest, 3, rest.n);
    (void)cut_behind(&authority, '#');
    url.query = cut_behind(&authority, '?');
    scheme = pp_str_find(authority, '/');
    url.pathname = cut_path(pp_str_sub(authority, scheme, authority.n));
    authority = pp_str_sub(authority, 0, scheme);
    if (!url.pathname.n)
        url.pathname = PP_LIT("/");

    reason = find_host(authority, &url.hostname);
    if (reason)
        return pp_err_set(err, PP_ERR_INVALID, "the URL is refused: %s",
                          reason);
    if (!make_lower(&url.hostname, arena) || !read_query(&url, arena))
        return pp_err_set(err, PP_ERR_FATAL,
                          "the arena has no room to read a URL");
    *out = url;
    return 0;
}
