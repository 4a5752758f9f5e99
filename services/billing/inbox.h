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
 * Adds the events, and what staff are told of them, in the caller's
 * transaction; one that is there already changes nothing. A few statements for
 * all of them: where one can't be, none of them is there.
 */
int inbox_add(struct pp_pg *pg, struct inbox_entry *const *entries,
              size_t count, struct pp_err *err);

/* Whether inbox_add() of them is one statement, which needs no transaction. */
bool inbox_is_one(struct inbox_entry *const *entries, size_t count);

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
 * A customer's lock, of this connection: who is killed, or loses it, lets go
 * at once. It keeps two from asking Stripe for the same; that nothing goes
 * wrong where it is lost is up to the numbers of sync.h. inbox_lock() waits.
 */
int inbox_lock(struct pp_pg *pg, const char *customer, struct pp_err *err);
void inbox_unlock(struct pp_pg *pg, const char *customer);

/* The events of one customer, or one event without, under the lock. */
struct inbox_lot {
    char key[NOTICE_ID_BYTES];      /* of the lock */
    char customer[NOTICE_ID_BYTES]; /* or empty */
    char ids[INBOX_TAKEN_MAX][NOTICE_ID_BYTES];
    int count;
    int done_count; /* of INBOX_DONE */
};

enum inbox_taken {
    INBOX_NONE,   /* nothing is due */
    INBOX_DONE,   /* some, from which nothing follows, are done: ask again */
    INBOX_OTHERS, /* somebody else has that customer: ask again */
    INBOX_TAKEN,
};

/*
 * Takes a lot; or, where what is due first is of a type from which nothing
 * follows, ends all of these that are due, whosever they are. Each of its
 * events has one attempt more from here on, so that one that kills its worker
 * ends as dead, too. inbox_unlock(lot.key) after it.
 */
int inbox_take(struct pp_pg *pg, enum inbox_taken *taken_out,
               struct inbox_lot *lot_out, struct pp_err *err);

/* In the caller's transaction: state is 'done' or 'ignored', why may be "". */
int inbox_finish(struct pp_pg *pg, const char *event_id, const char *state,
                 const char *why, struct pp_err *err);

/*
 * In the caller's transaction: it is tried again, later each time, or dead, in
 * which case staff are told.
 */
int inbox_fail(struct pp_pg *pg, const char *event_id, const char *why,
               bool *is_dead_out, struct pp_err *err);

/* Stripe is away: the lot is tried again then, and the attempt does not count.
 */
int inbox_postpone(struct pp_pg *pg, const struct inbox_lot *lot,
                   int64_t wait_ms, const char *why, struct pp_err *err);

/* We know now whose it is; it is taken again, under that lock. */
int inbox_set_customer(struct pp_pg *pg, const char *event_id,
                       const char *customer, struct pp_err *err);

/* Has it tried again now, attempts and all. False: there is none in `state`;
 * state may be NULL for any. */
int inbox_put_back(struct pp_pg *pg, const char *event_id, const char *state,
                   bool *is_there_out, struct pp_err *err);

/* What waits, for metrics. */
struct inbox_waiting {
    int64_t open, oldest_s, dead;
};
int inbox_look(struct pp_pg *pg, struct inbox_waiting *out, struct pp_err *err);

/* Lets go of bodies of more than 90 days, and of rows of more than 400. */
int inbox_forget(struct pp_pg *pg, struct pp_err *err);

#endif
