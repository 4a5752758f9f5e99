#ifndef INBOX_H
#define INBOX_H

#include "pp_pg.h"

#include "notice.h"

/*
 * The inbox of Stripe's events in Postgres. One connection, one thread.
 */

/* What a body is taken in with. */
struct inbox_entry {
    struct notice notice;
    struct pp_str body;
    const char *label; /* of the secret it was signed with, or "" */
    bool is_foreign;   /* of the other mode */
    bool is_new;       /* set by inbox_add(): it was not there */
};

/*
 * Adds the event, and what staff are told of it, in the caller's transaction;
 * one that is there already changes nothing.
 */
int inbox_add(struct pp_pg *pg, struct inbox_entry *entry, struct pp_err *err);

/* Keeps a body that is no event; the last 100, and of each 64 KiB. */
int inbox_add_unreadable(struct pp_pg *pg, struct pp_str body,
                         const char *label, const char *why,
                         struct pp_err *err);

/*
 * Tells staff, in the caller's transaction: once for each key, ever. account_id
 * and detail may be NULL.
 */
int inbox_tell_staff(struct pp_pg *pg, const char *key, const char *account_id,
                     const char *what, const char *detail, struct pp_err *err);

/* --- what workers do ------------------------------------------------------
 */

#define INBOX_ATTEMPTS  12 /* over about a day; then an event is dead */
#define INBOX_TAKEN_MAX 50

/*
 * The events of one customer, or one event without. While they are held no
 * other process gets events of that customer; a process that dies lets go of
 * them at once.
 */
struct inbox_lot {
    char customer[NOTICE_ID_BYTES]; /* or empty */
    char ids[INBOX_TAKEN_MAX][NOTICE_ID_BYTES];
    int count;
};

/*
 * Takes a lot. 1: there is one; 0: nothing is due, or others have it. Each of
 * its events has one attempt more.
 */
int inbox_take(struct pp_pg *pg, struct inbox_lot *lot_out, struct pp_err *err);

/* Lets go of the lot, after one of the below. */
int inbox_let_go(struct pp_pg *pg, const struct inbox_lot *lot,
                 struct pp_err *err);

/* In the caller's transaction: state is 'done' or 'ignored'. */
int inbox_finish(struct pp_pg *pg, const char *event_id, const char *state,
                 const char *why, struct pp_err *err);

/*
 * In a transaction of its own: it is tried again, later each time, or dead, in
 * which case staff are told. *is_dead_out says which.
 */
int inbox_fail(struct pp_pg *pg, const char *event_id, const char *why,
               bool *is_dead_out, struct pp_err *err);

/* The same when Stripe is away: the attempt does not count. */
int inbox_postpone(struct pp_pg *pg, const struct inbox_lot *lot,
                   int64_t wait_ms, const char *why, struct pp_err *err);

/* What waits, for metrics. */
struct inbox_waiting {
    int64_t open, oldest_s, dead;
};
int inbox_look(struct pp_pg *pg, struct inbox_waiting *out, struct pp_err *err);

/* Lets go of bodies of more than 90 days, and of rows of more than 400. */
int inbox_forget(struct pp_pg *pg, struct pp_err *err);

#endif
