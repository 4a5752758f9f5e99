#include "links.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "pp_config.h"
#include "pp_mem.h"

#define DAY_S         INT64_C(86400)
#define SNOOZE_S      (30 * DAY_S)
#define UNSUBSCRIBE_S (400 * DAY_S)
#define CONFIRM_S     (7 * DAY_S)
#define REPORT        "report/"

const char *links_url_wrong(const char *text)
{
    return *text ? pp_config_url_wrong(text) : NULL;
}

int links_read(struct links *links_out, const char *keys, const char *url,
               struct pp_err *err)
{
    *links_out = (struct links){.url = pp_str_of(url)};
    if (pp_link_keys_read(keys, &links_out->keys, err) < 0)
        return -1;
    if ((links_out->keys.count > 0) != (links_out->url.n > 0))
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_LINK_KEYS and PAWPRINT_LINK_URL go "
                          "together");
    return 0;
}

bool links_are_on(const struct links *links)
{
    return links->keys.count > 0;
}

static void add(const struct links *links, const char *what, const char *id,
                int64_t until_s, struct pp_buf *out)
{
    char token[PP_LINK_BYTES_MAX];

    if (links_are_on(links) && pp_link_make(links->keys.list[0], what, id,
                                            until_s, token, sizeof(token)) == 0)
        pp_buf_printf(out, "%.*s/n/%s/%s", PP_ARG(links->url), what, token);
}

void links_add_snooze(const struct links *links, struct pp_str alert_id,
                      int64_t now_s, struct pp_buf *out)
{
    char id[24];
    int64_t number;

    if (!pp_str_int64(alert_id, &number) || alert_id.n >= sizeof(id))
        return;
    snprintf(id, sizeof(id), "%.*s", PP_ARG(alert_id));
    add(links, LINKS_SNOOZE, id, now_s + SNOOZE_S, out);
}

/* What nobody may miss has no switch: that the limit is reached, that data is
 * refused, that it is taken again, that an account is blocked. */
bool links_is_switchable(const char *kind)
{
    static const char *const kinds[] = {"usage_warning", "grace_reminder",
                                        "announcement"};

    for (size_t i = 0; i < PP_COUNT(kinds); i++)
        if (strcmp(kinds[i], kind) == 0)
            return true;
    return false;
}

/* As the database's address_hash(): SHA-256 of it in lower case, cut. */
static void hash_address(struct pp_str address,
                         char hash[static LINKS_HASH_BYTES])
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < address.n; i++) {
        unsigned char c = (unsigned char)address.p[i];

        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c + 32);
        crypto_hash_sha256_update(&state, &c, 1);
    }
    crypto_hash_sha256_final(&state, sum);
    sodium_bin2hex(hash, LINKS_HASH_BYTES, sum, (LINKS_HASH_BYTES - 1) / 2);
}

void links_add_unsubscribe(const struct links *links, const char *account_id,
                           const char *kind, struct pp_str address,
                           int64_t now_s, struct pp_buf *out)
{
    char hash[LINKS_HASH_BYTES], id[PP_LINK_ID_MAX + 1];
    int n;

    if (!links_is_switchable(kind))
        return;
    hash_address(address, hash);
    n = snprintf(id, sizeof(id), "%s/%s/%s", account_id ? account_id : "", kind,
                 hash);
    if (n > 0 && (size_t)n < sizeof(id))
        add(links, LINKS_UNSUBSCRIBE, id, now_s + UNSUBSCRIBE_S, out);
}

static bool copy(struct pp_str part, char *out, size_t size)
{
    snprintf(out, size, "%.*s", PP_ARG(part));
    return part.n < size;
}

bool links_subscription(const char *id, struct links_subscription *is_out)
{
    struct pp_str all = pp_str_of(id), rest;
    size_t first = pp_str_find(all, '/'), second;

    rest = pp_str_sub(all, first + 1, all.n);
    second = pp_str_find(rest, '/');
    return second < rest.n &&
           copy(pp_str_sub(all, 0, first), is_out->account_id,
                sizeof(is_out->account_id)) &&
           copy(pp_str_sub(rest, 0, second), is_out->kind,
                sizeof(is_out->kind)) &&
           copy(pp_str_sub(rest, second + 1, rest.n), is_out->address_hash,
                sizeof(is_out->address_hash)) &&
           links_is_switchable(is_out->kind);
}

static void add_report(const struct links *links, const char *what,
                       struct pp_str subscription_id, int64_t until_s,
                       struct pp_buf *out)
{
    char id[40];
    int64_t number;

    if (!pp_str_int64(subscription_id, &number) || number < 1)
        return;
    snprintf(id, sizeof(id), REPORT "%" PRId64, number);
    add(links, what, id, until_s, out);
}

void links_add_report_unsubscribe(const struct links *links,
                                  struct pp_str subscription_id, int64_t now_s,
                                  struct pp_buf *out)
{
    add_report(links, LINKS_UNSUBSCRIBE, subscription_id, now_s + UNSUBSCRIBE_S,
               out);
}

void links_add_report_confirm(const struct links *links,
                              struct pp_str subscription_id, int64_t now_s,
                              struct pp_buf *out)
{
    add_report(links, LINKS_CONFIRM, subscription_id, now_s + CONFIRM_S, out);
}

bool links_report(const char *id, int64_t *subscription_id_out)
{
    struct pp_str all = pp_str_of(id), before = PP_LIT(REPORT);

    return pp_str_starts(all, before) &&
           pp_str_int64(pp_str_sub(all, before.n, all.n),
                        subscription_id_out) &&
           *subscription_id_out > 0;
}
