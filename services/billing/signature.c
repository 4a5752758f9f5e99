#include "signature.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#define HEX_BYTES  (2 * crypto_auth_hmacsha256_BYTES)
#define TIME_BYTES 12

static const char *const verdict_names[SIGNATURE_VERDICTS] = {
    [SIGNATURE_GOOD] = "good",           [SIGNATURE_MISSING] = "missing",
    [SIGNATURE_MALFORMED] = "malformed", [SIGNATURE_NO_MATCH] = "no_match",
    [SIGNATURE_TOO_OLD] = "too_old",     [SIGNATURE_TOO_NEW] = "too_new",
};

const char *signature_verdict_name(enum signature_verdict verdict)
{
    return verdict_names[verdict];
}

/* --- the list of secrets -------------------------------------------------- */

static bool consists_of(struct pp_str text, const char *letters)
{
    for (size_t i = 0; i < text.n; i++)
        if (!text.p[i] || !strchr(letters, text.p[i]))
            return false;
    return true;
}

static bool next_word(struct pp_str *rest, struct pp_str *word)
{
    *rest = pp_str_trim(*rest);
    word->p = rest->p;
    word->n = 0;
    while (word->n < rest->n && rest->p[word->n] != ' ' &&
           rest->p[word->n] != '\t')
        word->n++;
    *rest = pp_str_sub(*rest, word->n, rest->n);
    return word->n > 0;
}

static bool read_instant(struct pp_str text, int64_t *ms_out)
{
    char copy[32];
    struct tm parts = {0};
    const char *end;

    if (text.n >= sizeof(copy))
        return false;
    snprintf(copy, sizeof(copy), "%.*s", PP_ARG(text));
    end = strptime(copy, "%Y-%m-%dT%H:%M:%SZ", &parts);
    *ms_out = (int64_t)timegm(&parts) * 1000;
    return end && *end == '\0' && *ms_out > 0;
}

static const char *read_line(struct pp_str line, struct secret *secret)
{
    struct pp_str label, text, until, more;

    *secret = (struct secret){0};
    if (!next_word(&line, &label) || !next_word(&line, &text))
        return "has to be LABEL SECRET [NOT-AFTER]";
    if (label.n >= sizeof(secret->label) ||
        !consists_of(label, "abcdefghijklmnopqrstuvwxyz0123456789-_"))
        return "has a label of other letters than a-z, 0-9, - and _";
    if (text.n >= sizeof(secret->text) || text.n < 16 ||
        !pp_str_starts(text, PP_LIT("whsec_")))
        return "has no secret that begins with whsec_";
    if (next_word(&line, &until) &&
        (!read_instant(until, &secret->not_after_ms) ||
         next_word(&line, &more)))
        return "has an end that is not like 2026-11-30T00:00:00Z";
    memcpy(secret->label, label.p, label.n);
    memcpy(secret->text, text.p, text.n);
    return NULL;
}

int secrets_read(struct pp_str text, struct secrets *secrets_out,
                 struct pp_err *err)
{
    struct pp_str line;
    int number = 0;

    *secrets_out = (struct secrets){0};
    while (pp_str_split(&text, '\n', &line)) {
        const char *wrong;

        number++;
        line = pp_str_trim(line);
        if (line.n == 0 || *line.p == '#')
            continue;
        if (secrets_out->count == SECRETS_MAX)
            return pp_err_set(err, PP_ERR_INVALID, "has more than %d secrets",
                              SECRETS_MAX);
        wrong = read_line(line, &secrets_out->list[secrets_out->count]);
        if (wrong)
            return pp_err_set(err, PP_ERR_INVALID, "line %d %s", number, wrong);
        secrets_out->count++;
    }
    if (secrets_out->count == 0)
        return pp_err_set(err, PP_ERR_INVALID, "has no secret");
    return 0;
}

static bool is_alive(const struct secret *secret, int64_t now_ms)
{
    return secret->not_after_ms == 0 || now_ms < secret->not_after_ms;
}

size_t secrets_alive(const struct secrets *secrets, int64_t now_ms)
{
    size_t count = 0;

    for (size_t i = 0; i < secrets->count; i++)
        count += is_alive(&secrets->list[i], now_ms);
    return count;
}

/* --- the header ----------------------------------------------------------- */

struct header {
    struct pp_str time; /* as it was sent: that is what is signed */
    int64_t time_s;
    size_t count;
    struct pp_str signatures[SIGNATURE_COUNT_MAX];
};

static bool read_time(struct pp_str value, struct header *header)
{
    if (header->time.p || value.n > TIME_BYTES ||
        !consists_of(value, "0123456789") || (value.n > 1 && *value.p == '0'))
        return false;
    header->time = value;
    return pp_str_int64(value, &header->time_s);
}

static bool read_pair(struct pp_str pair, struct header *header)
{
    static const char names[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t equals = pp_str_find(pair, '=');
    struct pp_str name = pp_str_sub(pair, 0, equals);
    struct pp_str value = pp_str_sub(pair, equals + 1, pair.n);

    if (equals == pair.n || name.n == 0 || value.n == 0 ||
        pp_str_find(value, '=') < value.n || !consists_of(name, names))
        return false;
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] <= ' ' || value.p[i] > '~')
            return false;
    if (pp_str_eq(name, PP_LIT("t")))
        return read_time(value, header);
    if (!pp_str_eq(name, PP_LIT("v1")))
        return true;
    if (header->count == SIGNATURE_COUNT_MAX)
        return false;
    header->signatures[header->count++] = value;
    return true;
}

static bool read_header(struct pp_str text, struct header *header)
{
    size_t begin = 0;

    *header = (struct header){0};
    if (text.n == 0 || text.n > SIGNATURE_HEADER_BYTES)
        return false;
    /* Not pp_str_split(), which passes over an empty last part. */
    while (begin <= text.n) {
        struct pp_str rest = pp_str_sub(text, begin, text.n);
        struct pp_str pair = pp_str_sub(rest, 0, pp_str_find(rest, ','));

        if (!read_pair(pair, header))
            return false;
        begin += pair.n + 1;
    }
    return header->time.p && header->count > 0;
}

/* --- the check ------------------------------------------------------------ */

static void sign(const struct secret *secret, struct pp_str time,
                 struct pp_str body, char hex[static HEX_BYTES + 1])
{
    crypto_auth_hmacsha256_state state;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret->text,
                                strlen(secret->text));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)time.p,
                                  time.n);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)".", 1);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.p,
                                  body.n);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_bin2hex(hex, HEX_BYTES + 1, mac, sizeof(mac));
    sodium_memzero(&state, sizeof(state));
}

/* 1 where they are the same; how far they are is not to be seen in the time. */
static unsigned same(struct pp_str given, const char *made)
{
    static const char zeros[HEX_BYTES];
    bool fits = given.n == HEX_BYTES;
    int differs = sodium_memcmp(fits ? given.p : zeros, made, HEX_BYTES);

    return (unsigned)(differs == 0) & (unsigned)fits;
}

enum signature_verdict signature_check(struct pp_str text, struct pp_str body,
                                       int64_t now_ms, int tolerance_s,
                                       const struct secrets *secrets,
                                       const char **label_out)
{
    struct header header;
    char hex[HEX_BYTES + 1];
    size_t found = 0; /* 1 + whose it is */

    *label_out = "";
    assert(tolerance_s >= 1 && tolerance_s <= SIGNATURE_TOLERANCE_MAX);
    if (!text.p)
        return SIGNATURE_MISSING;
    if (!read_header(text, &header))
        return SIGNATURE_MALFORMED;
    for (size_t s = 0; s < secrets->count; s++) {
        size_t alive = is_alive(&secrets->list[s], now_ms);

        sign(&secrets->list[s], header.time, body, hex);
        for (size_t i = 0; i < header.count; i++)
            found |= (alive & same(header.signatures[i], hex)) * (s + 1);
    }
    sodium_memzero(hex, sizeof(hex));
    if (!found)
        return SIGNATURE_NO_MATCH;
    if (header.time_s < now_ms / 1000 - tolerance_s)
        return SIGNATURE_TOO_OLD;
    if (header.time_s > now_ms / 1000 + tolerance_s)
        return SIGNATURE_TOO_NEW;
    /* The same secret may stand there twice, under two labels. */
    *label_out = secrets->list[found > secrets->count ? 0 : found - 1].label;
    return SIGNATURE_GOOD;
}
