#include "deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_crash.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_time.h"
#include "pp_topics.h"

#include "recover.h"
#include "reject.h"

#define FLUSH_MS     15000
#define FENCE_MS_MAX 30000
#define RECORD_BYTES ((size_t)2 << 20)
#define STRANGE_ANSWERS                                                        \
    5 /* of a code that nobody knows, until it is a row's                      \
       */
#define PROBES   8
#define FEW_ROWS 64 /* may all be at fault */

static struct pp_counter rows_stored =
    PP_COUNTER("pawprint_writer_rows_total", "rows that ClickHouse confirmed");
static struct pp_counter inserts =
    PP_COUNTER("pawprint_writer_inserts_total", "inserts that were answered");
static struct pp_counter sent_bytes =
    PP_COUNTER("pawprint_writer_sent_bytes_total",
               "bytes of the bodies of inserts, compressed");
static struct pp_counter rejected =
    PP_COUNTER("pawprint_writer_rejects_total",
               "records that are no event, or that ClickHouse refuses");
static struct pp_counter denied =
    PP_COUNTER("pawprint_writer_denied_total",
               "events of erased sites, which are not stored");
#define FAILURE(verdict_)                                                      \
    PP_COUNTER_WITH("pawprint_writer_insert_failures_total",                   \
                    "inserts that were not confirmed", {"verdict", verdict_})
static struct pp_counter failures[STORE_VERDICTS] = {
    [STORE_WAIT] = FAILURE("wait"),       [STORE_DOUBT] = FAILURE("doubt"),
    [STORE_LATE] = FAILURE("late"),       [STORE_ROW] = FAILURE("row"),
    [STORE_LAYOUT] = FAILURE("layout"),   [STORE_ACCESS] = FAILURE("access"),
    [STORE_CROWDED] = FAILURE("crowded"), [STORE_UNKNOWN] = FAILURE("unknown"),
};

void deliver_metrics(void)
{
    pp_metrics_add(&rows_stored.metric);
    pp_metrics_add(&inserts.metric);
    pp_metrics_add(&sent_bytes.metric);
    pp_metrics_add(&rejected.metric);
    pp_metrics_add(&denied.metric);
    for (size_t i = STORE_WAIT; i < STORE_VERDICTS; i++)
        pp_metrics_add(&failures[i].metric);
}

void deliver_init(struct delivery *self)
{
    pp_buf_init(&self->record, RECORD_BYTES);
    pp_buf_init(&self->note, LEDGER_PARTITIONS * INTENT_BYTES);
    self->filling = batch_new();
    self->flying = batch_new();
    self->ledger = ledger_new(self->epoch);
    self->samples = pp_calloc(LEDGER_PARTITIONS, sizeof(*self->samples));
    for (size_t i = 0; i < LEDGER_PARTITIONS; i++)
        self->samples[i].last = -1;
}

void deliver_fini(struct delivery *self)
{
    if (self->ledger)
        deliver_forget(self);
    batch_free(&self->filling);
    batch_free(&self->flying);
    ledger_free(&self->ledger);
    free(self->samples);
    pp_buf_fini(&self->record);
    pp_buf_fini(&self->note);
}

void deliver_forget(struct delivery *self)
{
    struct pp_err ignored = {0}; /* whether it is stored will be asked */

    if (self->group.count > 0)
        (void)sender_end(self->sender, &ignored);
    self->group.count = 0;
    self->busy = false;
    batch_reset(self->filling);
    batch_reset(self->flying);
}

static int64_t mono_ms(void)
{
    return pp_mono_now().ns / 1000000;
}

/* --- marks in Kafka --------------------------------------------------------
 */

/* Commit where each partition stands, with the note about it. */
static int write_marks(struct delivery *self, struct pp_err *err)
{
    static struct pp_mark marks[LEDGER_PARTITIONS];
    size_t count = 0;

    pp_buf_reset(&self->note);
    (void)pp_buf_room(&self->note, LEDGER_PARTITIONS * INTENT_BYTES);
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        const struct ledger_part *part = ledger_part(self->ledger, i);
        struct intent intent;

        if (!part)
            continue;
        intent = ledger_intent(self->ledger, i);
        if (part->committed == self->marked[i] &&
            part->declared == part->settled)
            continue; /* nothing new to say */
        marks[count] = (struct pp_mark){
            i, part->committed, {self->note.p + self->note.n, 0}};
        intent_write(&intent, &self->note); /* has room: it does not move */
        marks[count].note.n =
            (size_t)(self->note.p + self->note.n - marks[count].note.p);
        count++;
    }
    if (pp_consumer_mark(self->events, marks, count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        self->marked[marks[i].partition] = marks[i].offset;
    return 0;
}

/*
 * Before offsets are committed, a server that may lose rows must not have
 * been restarted since they were stored.
 */
static int ripen(struct delivery *self, struct pp_err *err)
{
    bool ripe = ledger_ripe(self->ledger, mono_ms(), self->lag_ms);
    int64_t now_ms;

    if ((!self->clock_known || (ripe && self->lag_ms > 0)) &&
        recover_clock(self, &now_ms, err) < 0)
        return -1;
    ledger_ripen(self->ledger, mono_ms(), self->lag_ms);
    return 0;
}

static int declare(struct delivery *self, struct pp_err *err)
{
    if (ripen(self, err) < 0)
        return -1;
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++)
        if (ledger_part(self->ledger, i))
            ledger_declare(self->ledger, i, self->flying_end[i]);
    ledger_next_salt(self->ledger, mono_ms() + self->clock_ms + self->fence_ms);
    pp_crash_point("W1");
    if (write_marks(self, err) < 0)
        return -1;
    pp_crash_point("W2");
    return 0;
}

/* --- rejects ---------------------------------------------------------------
 */

int deliver_reject(struct delivery *self, const struct batch_record *record,
                   const char *reason, struct pp_err *err)
{
    const struct reject row = {
        .stage = PP_LIT("writer"),
        .reason = pp_str_of(reason),
        .rejected_at_ms = pp_wall_now().ms,
        .topic = pp_str_of(self->events_topic),
        .partition = record->identity.partition,
        .offset = record->identity.offset,
        .original = record->value,
    };
    char epoch[24];
    struct pp_kafka_header headers[] = {{PP_TOPICS_HEADER, {epoch, 0}}, {0}};
    struct pp_record out = {
        .topic = self->rejects_topic, .key = record->key, .headers = headers};

    headers[0].value.n =
        (size_t)snprintf(epoch, sizeof(epoch), "%" PRId64, self->epoch);
    pp_buf_reset(&self->record);
    pp_registry_put(self->registry, REJECT_FINGERPRINT, &self->record);
    reject_encode(&row, &self->record);
    out.value = pp_buf_str(&self->record);
    pp_counter_add(&rejected, 1);
    self->rejects_wait = true;
    return pp_producer_send(self->rejects, &out, err);
}

static enum store_verdict reject_row(struct delivery *self, uint32_t row,
                                     struct pp_err *err)
{
    const struct batch_record record = batch_record(self->flying, row);

    pp_warn("row.rejected", "partition=%d offset=%lld why=%s",
            record.identity.partition, (long long)record.identity.offset,
            err->msg);
    batch_reject(self->flying, row);
    return deliver_reject(self, &record, "refused_by_clickhouse", err) < 0
               ? STORE_DOUBT
               : STORE_STORED;
}

/* --- insert ----------------------------------------------------------------
 */

static void begin_insert(struct delivery *self, struct batch_group group)
{
    const struct row_identity identity =
        batch_record(self->flying, group.rows[0]).identity;
    struct native *block = batch_block(self->flying, group);
    char token[160];

    snprintf(token, sizeof(token),
             "pp.%" PRId64 ".%" PRId64 ".%d.%" PRId64 ".%zu", self->epoch,
             ledger_salt(self->ledger), identity.partition, identity.offset,
             group.count);
    row_set_valid_until(block, ledger_until(self->ledger));
    pp_crash_point("W3");
    sender_begin(self->sender, block, token);
    self->group = group;
}

static enum store_verdict end_insert(struct delivery *self, struct pp_err *err)
{
    enum store_verdict verdict = sender_end(self->sender, err);
    struct batch_group group = self->group;

    pp_crash_point("W6");
    self->group.count = 0;
    pp_counter_add(&inserts, 1);
    pp_counter_add(&sent_bytes, sender_take_bytes(self->sender));
    if (verdict != STORE_STORED) {
        pp_counter_add(&failures[verdict], 1);
        return verdict;
    }
    batch_done(self->flying, group);
    pp_counter_add(&rows_stored, group.count);
    pace_worked(&self->pace);
    return verdict;
}

static enum store_verdict
insert_now(struct delivery *self, struct batch_group group, struct pp_err *err)
{
    if (declare(self, err) < 0)
        return STORE_DOUBT;
    begin_insert(self, group);
    return end_insert(self, err);
}

/* An unknown answer blames a row only when it has come again and again. */
static bool blames_a_row(const struct delivery *self,
                         enum store_verdict verdict)
{
    return verdict == STORE_ROW || (verdict == STORE_UNKNOWN &&
                                    self->strange_answers >= STRANGE_ANSWERS);
}

/*
 * The first of these rows was refused, and none of them is stored. It alone
 * is at fault only when others get through: else the table or the server is.
 */
static enum store_verdict check_others(struct delivery *self,
                                       struct batch_group group,
                                       struct pp_err *err)
{
    const struct batch_group rest = {group.rows + 1, group.count - 1};
    enum store_verdict verdict = insert_now(self, rest, err);

    for (size_t i = 0;
         i < PROBES && rest.count > 1 && blames_a_row(self, verdict); i++)
        verdict = insert_now(
            self,
            (struct batch_group){rest.rows + i * (rest.count - 1) / PROBES, 1},
            err);
    return blames_a_row(self, verdict) && rest.count > 1 ? STORE_LAYOUT
                                                         : verdict;
}

/*
 * One of these rows is at fault. Halves them until it stands alone: what is
 * before it gets stored on the way, what is behind it stays to be stored. It
 * is then known by elimination; where the answers are of an unknown kind it
 * is sent alone as well.
 */
static enum store_verdict narrow(struct delivery *self, const uint32_t *rows,
                                 size_t *first, size_t *end, struct pp_err *err)
{
    enum store_verdict verdict = STORE_ROW;

    while (*end - *first > 1) {
        const struct batch_group half = {rows + *first, (*end - *first) / 2};

        verdict = insert_now(self, half, err);
        pp_crash_point("W9");
        if (verdict == STORE_STORED)
            *first += half.count;
        else if (blames_a_row(self, verdict))
            *end = *first + half.count;
        else
            return verdict;
    }
    if (self->strange_answers >= STRANGE_ANSWERS)
        return insert_now(self, (struct batch_group){rows + *first, 1}, err);
    return STORE_ROW;
}

static enum store_verdict bisect(struct delivery *self,
                                 struct batch_group group, struct pp_err *err)
{
    uint32_t *rows = pp_calloc(group.count, sizeof(*rows));
    size_t first = 0, end = group.count;
    struct pp_err why = *err;
    enum store_verdict verdict;

    memcpy(rows, group.rows, group.count * sizeof(*rows));
    verdict = narrow(self, rows, &first, &end, err);
    if (blames_a_row(self, verdict) && first == 0 && group.count > FEW_ROWS)
        verdict =
            check_others(self, (struct batch_group){rows, group.count}, err);
    else if (blames_a_row(self, verdict))
        verdict = STORE_STORED;
    else
        end = first; /* nobody is to blame, as yet */
    if (end > first && (verdict == STORE_STORED || blames_a_row(self, verdict)))
        verdict = reject_row(self, rows[first], &why);
    free(rows);
    return verdict;
}

/* What an insert that was not stored leads to. */
static int after_failure(struct delivery *self, enum store_verdict verdict,
                         struct pp_err *err)
{
    int64_t now_ms;

    if (verdict == STORE_LATE) { /* definite: it takes longer to begin */
        if (self->fence_ms < FENCE_MS_MAX / 2)
            self->fence_ms *= 2;
        return recover_clock(self, &now_ms, err);
    }
    if (verdict == STORE_CROWDED)
        pace_slower(&self->pace);
    if (verdict == STORE_LAYOUT || verdict == STORE_ACCESS) {
        pp_error("insert.refused", "verdict=%s why=%s",
                 store_verdict_name(verdict), err->msg);
        self->look_again = true;
    }
    err->kind = PP_ERR_AGAIN;
    ledger_doubt(self->ledger);
    self->asked = false;
    return -1;
}

/* The insert that is under way has its answer. */
static int land(struct delivery *self, struct pp_err *err)
{
    struct batch_group group = self->group;
    enum store_verdict verdict = end_insert(self, err);

    if (verdict == STORE_ROW || (verdict == STORE_UNKNOWN &&
                                 ++self->strange_answers >= STRANGE_ANSWERS))
        verdict = bisect(self, group, err);
    if (verdict != STORE_STORED)
        return after_failure(self, verdict, err);
    *err = (struct pp_err){0};
    return 0;
}

/* What was rejected is in Kafka before its offset counts as settled. */
static int flush_rejects(struct delivery *self, struct pp_err *err)
{
    if (self->rejects_wait &&
        pp_producer_flush(self->rejects, FLUSH_MS, err) < 0)
        return -1;
    self->rejects_wait = false;
    return 0;
}

static int settle(struct delivery *self, struct pp_err *err)
{
    if (flush_rejects(self, err) < 0)
        return -1;
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++)
        if (ledger_part(self->ledger, i))
            ledger_settle(self->ledger, i, self->flying_end[i],
                          batch_last(self->flying, i), mono_ms());
    pp_debug("batch.stored", "rows=%zu", batch_rows(self->flying));
    batch_reset(self->flying);
    self->busy = false;
    self->strange_answers = 0;
    pp_crash_point("W7");
    return 0;
}

/* The table may have other columns by now, or have got back one. */
static int look_again(struct delivery *self, struct pp_err *err)
{
    struct store_facts facts;

    if (!self->look_again)
        return 0;
    if (store_look(self->store, &facts, err) < 0)
        return -1;
    sender_learn(self->sender, &facts);
    self->look_again = false;
    return 0;
}

void deliver_prepare(struct delivery *self)
{
    struct batch_group group = batch_next(self->filling);

    if (group.count == batch_rows(self->filling))
        sender_prepare(self->sender, batch_block(self->filling, group));
}

void deliver_offer(struct delivery *self)
{
    struct batch *empty = self->flying;

    self->flying = self->filling;
    self->flying_since_ms = self->filling_since_ms;
    self->filling = empty;
    self->busy = true;
    self->asked = false;
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++)
        if (ledger_part(self->ledger, i))
            self->flying_end[i] = pp_consumer_next(self->events, i);
}

/* What was erased up to now is not declared any more. */
static int deny_erased(struct delivery *self, struct pp_err *err)
{
    size_t count;

    if (erased_deny(self->erased, self->flying, &count, err) < 0)
        return -1;
    pp_counter_add(&denied, count);
    return 0;
}

int deliver_step(struct delivery *self, int wait_ms, struct pp_err *err)
{
    struct batch_group group;

    if (!self->busy)
        return 0;
    if (self->group.count > 0) {
        if (!sender_done(self->sender, wait_ms))
            return 0;
        if (land(self, err) < 0)
            return -1;
        pp_crash_point("W8c");
    }
    if (look_again(self, err) < 0)
        return -1;
    if (recover_needed(self)) {
        if (recover_doubt(self, err) < 0)
            return -1;
        pp_crash_point("W8b");
    }
    if (deny_erased(self, err) < 0)
        return -1;
    group = batch_next(self->flying);
    if (group.count == 0)
        return settle(self, err);
    if (declare(self, err) < 0)
        return -1;
    begin_insert(self, group);
    return 0;
}

int deliver_rest(struct delivery *self, struct pp_err *err)
{
    if (flush_rejects(self, err) < 0)
        return -1;
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        const struct ledger_part *part = ledger_part(self->ledger, i);

        /* Behind the last record stand the marks of transactions. */
        if (part && part->settled >= part->doubt)
            ledger_settle(self->ledger, i, pp_consumer_next(self->events, i),
                          -1, mono_ms());
    }
    if (!ledger_ripe(self->ledger, mono_ms(), self->lag_ms))
        return 0;
    return ripen(self, err) < 0 ? -1 : write_marks(self, err);
}

int64_t deliver_lag(const struct delivery *self)
{
    int64_t lag = 0, first, end;

    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        const struct ledger_part *part = ledger_part(self->ledger, i);

        if (!part)
            continue;
        pp_consumer_kept(self->events, i, &first, &end);
        if (first < part->settled)
            first = part->settled;
        lag += end > first ? end - first : 0;
    }
    return lag;
}
