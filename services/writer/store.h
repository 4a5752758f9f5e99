#ifndef STORE_H
#define STORE_H

#include "pp_clickhouse.h"

#include "batch.h"
#include "body.h"

/*
 * ClickHouse as the writer needs it: what server it is, one insert and what
 * its answer means, and what is stored. I/O; belongs to one thread.
 */
struct store;

int store_open(struct store **store_out,
               const struct pp_clickhouse_access *access, struct pp_err *err);
void store_close(struct store **store);

/* What the server knows and the table has. */
struct store_facts {
    char version[40];
    bool tokens; /* the table drops an insert that it has seen, by its token */
    bool fenced; /* it refuses an insert that comes after its deadline */
    bool synced; /* it is on disk before the server answers */
    bool is_old; /* before 2020: seconds only, and fewer settings */
    bool knows_tokens, knows_async, knows_partitions; /* settings */
    struct row_types types;
};

/*
 * Asks for them; questions and inserts of this store go by them from then on.
 * Called again whenever the table may have changed. PP_ERR_AGAIN says
 * too that the table has not what a row needs, as yet.
 */
int store_look(struct store *store, struct store_facts *facts_out,
               struct pp_err *err);

/* The same facts for another store of the same server. */
void store_learn(struct store *store, const struct store_facts *facts);

/* The server's clock, and when it was started by that clock. */
struct store_clock {
    int64_t now_ms;
    int64_t started_ms;
};

int store_clock(struct store *store, struct store_clock *out,
                struct pp_err *err);

/*
 * How many inserts of writers run since before an instant of the server's
 * clock: one that this one knows nothing of may still end well. Those that no
 * writer waits for any more are told to end.
 */
int store_running(struct store *store, int64_t before_ms, int *count_out,
                  struct pp_err *err);

struct store_range {
    int32_t partition;
    int64_t first, end; /* end is not in it */
};

/* The newest stored offset within each range, where there is one. */
int store_newest(struct store *store, int64_t epoch,
                 const struct store_range *ranges, size_t range_count,
                 struct batch_stored **list_out, size_t *count_out,
                 struct pp_err *err);

/* The rows of these ranges that are stored, in order. The caller frees it. */
int store_present(struct store *store, int64_t epoch,
                  const struct store_range *ranges, size_t range_count,
                  struct batch_stored **list_out, size_t *count_out,
                  struct pp_err *err);

/* What an insert's answer means. Codes are ClickHouse's. */
enum store_verdict {
    STORE_STORED,
    STORE_WAIT,    /* nothing is stored, and it may work later */
    STORE_DOUBT,   /* nobody knows whether it is stored */
    STORE_LATE,    /* its deadline was over: nothing is stored */
    STORE_ROW,     /* a row is at fault: nothing is stored */
    STORE_LAYOUT,  /* the table is not as we need it: nothing is stored */
    STORE_ACCESS,  /* we may not: nothing is stored */
    STORE_CROWDED, /* it has too many parts: nothing is stored; send less often
                    */
    STORE_UNKNOWN, /* a code that we don't know: as doubt, at first */
    STORE_VERDICTS,
};

const char *store_verdict_name(enum store_verdict verdict);

/* The verdict on a code of ClickHouse's; 0 is an answer that never came. */
enum store_verdict store_judge(int code, const char *message);

/*
 * Makes nearly all of a block's insert. The store is not used; facts are those
 * of the table that it will go to.
 */
void store_prepare(struct body *body, struct native *block,
                   const struct store_facts *facts);

/*
 * One insert of one block. body is memory to make it in, or holds what was
 * prepared of it. token is unlike that of any other insert. A verdict that is
 * not STORE_STORED has its reason in err.
 */
enum store_verdict store_insert(struct store *store, struct native *block,
                                struct body *body, const char *token,
                                struct pp_err *err);

/* What it goes by; until store_learn() or store_look(). */
const struct store_facts *store_known(const struct store *store);

/* Bytes of the bodies that inserts have sent, compressed. */
uint64_t store_sent_bytes(const struct store *store);

#endif
