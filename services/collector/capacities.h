#ifndef CAPACITIES_H
#define CAPACITIES_H

#include <stdbool.h>

#include "pp_capacity.h"
#include "pp_consumer.h"
#include "pp_registry.h"
#include "pp_str.h"

/*
 * Every account's capacity, in memory, fed by the compacted topic `capacity`:
 * whether a hit is taken is one look into a table. No I/O but in
 * capacities_read(); one thread.
 */
struct capacities;

#define CAPACITIES_ID_BYTES 32 /* of an account's id, at most */

struct capacities *capacities_new(void);
void capacities_free(struct capacities **capacities);

/*
 * Takes one record, framed: a newer version replaces an older one, never the
 * other way. PP_ERR_INVALID: it is none; PP_ERR_AGAIN: of a schema that is not
 * known here.
 */
int capacities_apply(struct capacities *capacities,
                     const struct pp_registry *registry, struct pp_str record,
                     struct pp_err *err);

/* Takes all that waits. What can't be read is logged and passed over. */
int capacities_read(struct capacities *capacities, struct pp_consumer *consumer,
                    const struct pp_registry *registry, struct pp_err *err);

/*
 * Whether a hit of the account is taken now; an account that was never heard
 * of is. *until_out is when one that is exhausted is taken again by itself.
 */
enum pp_capacity_verdict capacities_judge(const struct capacities *capacities,
                                          struct pp_str account_id,
                                          int64_t now_ms, int64_t *until_out);

bool capacities_has(const struct capacities *capacities,
                    struct pp_str account_id);
size_t capacities_count(const struct capacities *capacities);

/* --- changes, for share.c --------------------------------------------------
 */

struct capacities_entry {
    char account_id[CAPACITIES_ID_BYTES];
    int64_t version;
    int64_t reject_until_ms;
    unsigned char length; /* of account_id; 0: nothing is here */
    unsigned char state;  /* enum pp_capacity_state */
    bool blocked, closed;
    bool changed;
};

/* From now on what is taken counts as a change; what stands does not. */
void capacities_begin_changes(struct capacities *capacities);

/* Copies up to max entries that changed, which then count as told. */
size_t capacities_take_changes(struct capacities *capacities,
                               struct capacities_entry *entries_out,
                               size_t max);

/* These were not told after all: what their accounts are now is a change. */
void capacities_change_again(struct capacities *capacities,
                             const struct capacities_entry *entries,
                             size_t count);

#endif
