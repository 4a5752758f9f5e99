#ifndef LINKS_H
#define LINKS_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_link.h"
#include "pp_str.h"

/*
 * The links that mails lead to the public port by: which there are, and what
 * each of them is about. Without keys there are none. Pure; any thread.
 */
#define LINKS_SNOOZE      "snooze"
#define LINKS_UNSUBSCRIBE "unsubscribe"
#define LINKS_CONFIRM     "confirm"

struct links {
    struct pp_link_keys keys;
    struct pp_str url; /* "https://pawprint.example" */
};

/*
 * keys and url are borrowed; the latter is what links_url_wrong() finds right.
 * PP_ERR_FATAL: a key is too short, or only one of them is set.
 */
int links_read(struct links *links_out, const char *keys, const char *url,
               struct pp_err *err);
bool links_are_on(const struct links *links);

/* For pp_config: what the text has to be, or NULL when it is right. */
const char *links_url_wrong(const char *text);

/* Adds where one mutes an alert rule: 30 days long. Nothing when off. */
void links_add_snooze(const struct links *links, struct pp_str alert_id,
                      int64_t now_s, struct pp_buf *out);

/*
 * Who gets mails of a kind. The address is only there as a hash, the one that
 * address_hash() of the database gives, so that no URL and no table names it.
 */
#define LINKS_HASH_BYTES 33

struct links_subscription {
    char account_id[64]; /* empty: of no account */
    char kind[40];
    char address_hash[LINKS_HASH_BYTES];
};

/* Can mails of that kind be switched off by who gets them? */
bool links_is_switchable(const char *kind);

/* Adds where one does that: 400 days long. Nothing when off. */
void links_add_unsubscribe(const struct links *links, const char *account_id,
                           const char *kind, struct pp_str address,
                           int64_t now_s, struct pp_buf *out);

/* Takes the id of such a link apart; false: it is none of ours. */
bool links_subscription(const char *id, struct links_subscription *is_out);

/*
 * The same of one subscription to reports, by its number: no more of them; and
 * yes, somebody wants them, 7 days long. Nothing when off, or it is no number.
 */
void links_add_report_unsubscribe(const struct links *links,
                                  struct pp_str subscription_id, int64_t now_s,
                                  struct pp_buf *out);
void links_add_report_confirm(const struct links *links,
                              struct pp_str subscription_id, int64_t now_s,
                              struct pp_buf *out);

/* Whether the id of a link is that of a subscription to reports: its number. */
bool links_report(const char *id, int64_t *subscription_id_out);

#endif
