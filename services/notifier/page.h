#ifndef PAGE_H
#define PAGE_H

#include <stdbool.h>

#include "pp_buf.h"

/*
 * The pages of the public port: small, without scripts and without anything
 * from elsewhere, readable on a phone. Each adds a whole document to out; what
 * comes from the database is escaped. Pure; any thread.
 */

/* What may stand in a page: the value of Content-Security-Policy. */
#define PAGE_POLICY_BYTES 240
void page_policy(char policy[static PAGE_POLICY_BYTES]);

/* What a page about muting an alert knows. */
struct page_snooze {
    const char *rule;  /* what it is called in mails */
    const char *site;  /* its name */
    const char *until; /* in words; empty: it is not muted */
};

/* Asks for how long; done: it has just been muted, or not any more. */
void page_snooze(struct pp_buf *out, const struct page_snooze *is, bool done);

/* About mails of a kind that can be switched off. */
void page_unsubscribe(struct pp_buf *out, const char *kind, bool opted_out,
                      bool done);

/* What a page about a subscription to reports knows. */
struct page_report {
    const char *site;  /* its name; empty: it is not known any more */
    const char *every; /* day, week or month */
    bool confirmed, unsubscribed;
};

/* Asks what is to become of it; done: it has just been done. */
void page_report(struct pp_buf *out, const struct page_report *is, bool done);

/* Why there is nothing to see. */
void page_problem(struct pp_buf *out, const char *heading, const char *text);

#endif
