#include "deliver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_crash.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_service.h"
#include "pp_time.h"
#include "pp_topics.h"

#include "reject.h"
#include "rejected.h"

#define FLUSH_MS     15000
#define HOLD_MS      200
#define REJECTED_MS  30000
#define FENCE_MS_MAX 30000
#define RECORD_BYTES ((size_t)2 << 20)
#define RESTART_MS   5000 /* uptime is in whole seconds */

static struct pp_counter rows_stored =
    PP_COUNTER("pawprint_writer_rows_total", "rows that ClickHouse confirmed");
static struct pp_counter inserts =
    PP_COUNTER("pawprint_writer_inserts_total", "inserts that were sent");
static struct pp_counter rows_found =
    PP_COUNTER("pawprint_writer_rows_found_total",
               "rows that were there already when they were asked for");
static struct pp_counter rows_twice =
    PP_COUNTER("pawprint_writer_rows_twice_total",
               "rows that were found stored twice; there should be none");
static struct pp_counter doubts =
    PP_COUNTER("pawprint_writer_doubts_total",
               "times that ClickHouse was asked what it has stored");
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
    [STORE_WAIT] = FAILURE("wait"),     [STORE_DOUBT] = FAILURE("doubt"),
    [STORE_LATE] = FAILURE("late"),     [STORE_ROW] = FAILURE("row"),
    [STORE_LAYOUT] = FAILURE("layout"), [STORE_ACCESS] = FAILURE("access"),
};
static struct pp_gauge restarts =
    PP_GAUGE("pawprint_writer_server_restarts",
             "times that ClickHouse was seen to have started anew");

void deliver_metrics(void)
{
    static struct pp_metric *const metrics[] = {
        &rows_stored.metric, &inserts.metric,  &rows_found.metric,
        &rows_twice.metric,  &doubts.metric,   &rejected.metric,
        &denied.metric,      &restarts.metric,
    };

    for (size_t i = 0; i < PP_COUNT(metrics); i++)
        pp_metrics_add(metrics[i]);
    for (size_t i = STORE_WAIT; i < STORE_VERDICTS; i++)
        pp_metrics_add(&failures[i].metric);
}

void deliver_init(struct delivery *self)
{
    pp_buf_init(&self->record, RECORD_BYTES);
    pp_buf_init(&self->note, LEDGER_PARTITIONS * INTENT_BYTES);
    self->batch = batch_new();
    self->ledger = ledger_new(self->epoch);
}

void deliver_fini(struct delivery *self)
{
    batch_free(&self->batch);
    ledger_free(&self->ledger);
    pp_buf_fini(&self->record);
    pp_buf_fini(&self->note);
}

static int64_t mono_ms(void)
{
    return pp_mono_now().ns / 1000000;
}

/* --- the server's clock ----------------------------------------------------
 */

/*
 * Reads it. A server that was started since may have lost its last seconds:
 * PP_ERR_AGAIN, and all that is not committed is in doubt.
 */
static int read_clock(struct delivery *self, int64_t *now_ms_out,
                      struct pp_err *err)
{
    struct store_clock clock;
    bool anew;

    if (store_clock(self->store, &clock, err) < 0)
        return -1;
    anew =
        self->clock_known && clock.started_ms > self->started_ms + RESTART_MS;
    self->clock_ms = clock.now_ms - mono_ms();
    self->started_ms = clock.started_ms;
    self->clock_known = true;
    *now_ms_out = clock.now_ms;
    if (anew)
        pp_gauge_add(&restarts, 1);
    if (!anew || self->lag_ms == 0)
        return 0;
    self->start_over = true;
    return pp_err_set(err, PP_ERR_AGAIN, "clickhouse has started anew");
}

/* --- marks in Kafka --------------------------------------------------------
 */

/* Commits where each partition stands, with the note about it. */
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

static int declare(struct delivery *self, struct pp_err *err)
{
    int64_t now_ms;

    if (!self->clock_known && read_clock(self, &now_ms, err) < 0)
        return -1;
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++)
        if (ledger_part(self->ledger, i))
            ledger_declare(self->ledger, i, pp_consumer_next(self->events, i));
    ledger_ripen(self->ledger, mono_ms(), self->lag_ms);
    ledger_next_salt(self->ledger, mono_ms() + self->clock_ms + self->fence_ms);
    pp_crash_point("W1");
    if (write_marks(self, err) < 0)
        return -1;
    pp_crash_point("W2");
    return 0;
}

/* --- doubt -----------------------------------------------------------------
 */

/* Waits as a member of the group. */
static int hold(struct delivery *self, int64_t wait_ms, struct pp_err *err)
{
    unsigned generation = pp_consumer_generation(self->events);

    while (wait_ms > 0) {
        int part_ms = wait_ms < HOLD_MS ? (int)wait_ms : HOLD_MS;

        if (pp_consumer_hold(self->events, part_ms, err) < 0)
            return -1;
        if (generation != pp_consumer_generation(self->events))
            return pp_err_set(err, PP_ERR_AGAIN,
                              "the partitions were given anew");
        if (!pp_service_running())
            return pp_err_set(err, PP_ERR_AGAIN, "told to stop");
        wait_ms -= part_ms;
    }
    return 0;
}

/* Until no insert of before can succeed any more. */
static int wait_for_others(struct delivery *self, struct pp_err *err)
{
    int64_t began_ms, now_ms;
    int running;

    if (read_clock(self, &began_ms, err) < 0)
        return -1;
    for (now_ms = began_ms; now_ms <= ledger_until(self->ledger);) {
        if (hold(self, ledger_until(self->ledger) - now_ms + 1, err) < 0 ||
            read_clock(self, &now_ms, err) < 0)
            return -1;
    }
    for (;;) {
        if (store_running(self->store, began_ms, &running, err) < 0)
            return -1;
        if (running == 0)
            return 0;
        if (hold(self, HOLD_MS, err) < 0)
            return -1;
    }
}

static bool in_doubt(const struct delivery *self)
{
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        const struct ledger_part *part = ledger_part(self->ledger, i);

        if (part && part->settled < part->doubt &&
            part->settled < pp_consumer_next(self->events, i))
            return true;
    }
    return false;
}

/* Takes the rows that were rejected off what is still to be stored. */
static int skip_rejected(struct delivery *self, struct pp_err *err)
{
    const struct rejected_query query = {
        .access = self->kafka,
        .registry = self->registry,
        .rejects_topic = self->rejects_topic,
        .events_topic = self->events_topic,
        .epoch = self->epoch,
        .wait_ms = REJECTED_MS,
    };
    struct batch_stored *list;
    size_t count;

    if (batch_next(self->batch).count == 0)
        return 0;
    if (rejected_read(&query, &list, &count, err) < 0)
        return -1;
    (void)batch_skip(self->batch, list, count); /* some stand there twice */
    free(list);
    return 0;
}

/* Takes the rows that are there off what is still to be stored. */
static int resolve(struct delivery *self, struct pp_err *err)
{
    static struct store_range ranges[LEDGER_PARTITIONS];
    size_t range_count = 0, count, twice;
    struct batch_stored *list;

    pp_counter_add(&doubts, 1);
    if (wait_for_others(self, err) < 0)
        return -1;
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        const struct ledger_part *part = ledger_part(self->ledger, i);
        int64_t end = pp_consumer_next(self->events, i);

        if (part && part->settled < end)
            ranges[range_count++] = (struct store_range){i, part->settled, end};
    }
    if (store_present(self->store, self->epoch, ranges, range_count, &list,
                      &count, err) < 0)
        return -1;
    pp_crash_point("W8a");
    twice = batch_skip(self->batch, list, count);
    free(list);
    pp_counter_add(&rows_found, count);
    pp_counter_add(&rows_twice, twice);
    pp_info("doubt.resolved", "rows=%zu found=%zu", batch_rows(self->batch),
            count);
    if (twice)
        pp_error("rows.twice", "rows=%zu", twice);
    return skip_rejected(self, err);
}

/* --- insert ----------------------------------------------------------------
 */

static enum store_verdict
send_group(struct delivery *self, struct batch_group group, struct pp_err *err)
{
    const struct row_identity identity =
        batch_record(self->batch, group.rows[0]).identity;
    struct native *block = batch_block(self->batch, group);
    enum store_verdict verdict;
    char token[160];

    snprintf(token, sizeof(token),
             "pp.%" PRId64 ".%" PRId64 ".%d.%" PRId64 ".%zu", self->epoch,
             ledger_salt(self->ledger), identity.partition, identity.offset,
             group.count);
    row_set_valid_until(block, ledger_until(self->ledger));
    pp_crash_point("W3");
    verdict = store_insert(self->store, block, token, err);
    pp_crash_point("W6");
    pp_counter_add(&inserts, 1);
    if (verdict != STORE_STORED) {
        pp_counter_add(&failures[verdict], 1);
        return verdict;
    }
    batch_done(self->batch, group);
    pp_counter_add(&rows_stored, group.count);
    *err = (struct pp_err){0};
    return verdict;
}

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
    return pp_producer_send(self->rejects, &out, err);
}

/*
 * One of these rows is at fault. Halves them until it stands alone: what is
 * before it gets stored on the way, what is behind it stays to be stored.
 */
static enum store_verdict bisect(struct delivery *self,
                                 struct batch_group group, struct pp_err *err)
{
    uint32_t *rows = pp_calloc(group.count, sizeof(*rows));
    size_t first = 0, end = group.count;
    enum store_verdict verdict = STORE_STORED;
    struct batch_record record;

    memcpy(rows, group.rows, group.count * sizeof(*rows));
    while (end - first > 1) {
        const struct batch_group half = {rows + first, (end - first) / 2};

        verdict = send_group(self, half, err);
        pp_crash_point("W9");
        if (verdict == STORE_STORED)
            first += half.count;
        else if (verdict == STORE_ROW)
            end = first + half.count;
        else
            break;
    }
    if (end - first == 1) {
        record = batch_record(self->batch, rows[first]);
        pp_warn("row.rejected", "partition=%d offset=%lld",
                record.identity.partition, (long long)record.identity.offset);
        batch_done(self->batch, (struct batch_group){rows + first, 1});
        verdict =
            deliver_reject(self, &record, "refused_by_clickhouse", err) < 0
                ? STORE_DOUBT
                : STORE_STORED;
    }
    free(rows);
    return verdict;
}

/* What was erased up to now is not declared any more. */
static int deny_erased(struct delivery *self, struct pp_err *err)
{
    size_t count;

    if (erased_deny(self->erased, self->batch, &count, err) < 0)
        return -1;
    pp_counter_add(&denied, count);
    return 0;
}

/* One declaration, one group. */
static int store_group(struct delivery *self, struct pp_err *err)
{
    struct batch_group group;
    enum store_verdict verdict;
    int64_t now_ms;

    if (deny_erased(self, err) < 0)
        return -1;
    group = batch_next(self->batch);
    if (group.count == 0)
        return 0;
    if (declare(self, err) < 0)
        return -1;
    verdict = send_group(self, group, err);
    if (verdict == STORE_ROW)
        verdict = bisect(self, group, err);
    if (verdict == STORE_STORED)
        return 0;
    if (verdict == STORE_LATE) { /* definite: it takes longer to begin */
        if (self->fence_ms < FENCE_MS_MAX / 2)
            self->fence_ms *= 2;
        return read_clock(self, &now_ms, err);
    }
    if (verdict == STORE_LAYOUT || verdict == STORE_ACCESS)
        pp_error("insert.refused", "verdict=%s why=%s",
                 store_verdict_name(verdict), err->msg);
    err->kind = PP_ERR_AGAIN;
    ledger_doubt(self->ledger);
    return -1;
}

int deliver(struct delivery *self, struct pp_err *err)
{
    if (in_doubt(self)) {
        if (resolve(self, err) < 0)
            return -1;
        pp_crash_point("W8b");
    }
    while (batch_next(self->batch).count > 0) {
        if (store_group(self, err) < 0)
            return -1;
        pp_crash_point("W8c");
    }
    if (pp_producer_flush(self->rejects, FLUSH_MS, err) < 0)
        return -1;
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++)
        if (ledger_part(self->ledger, i))
            ledger_settle(self->ledger, i, pp_consumer_next(self->events, i),
                          batch_last(self->batch, i), mono_ms());
    batch_reset(self->batch);
    pp_crash_point("W7");
    return 0;
}

int deliver_rest(struct delivery *self, struct pp_err *err)
{
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        const struct ledger_part *part = ledger_part(self->ledger, i);

        /* Behind the last record stand the marks of transactions. */
        if (part && part->settled >= part->doubt)
            ledger_settle(self->ledger, i, pp_consumer_next(self->events, i),
                          -1, mono_ms());
    }
    ledger_ripen(self->ledger, mono_ms(), self->lag_ms);
    return write_marks(self, err);
}

/* --- partitions ------------------------------------------------------------
 */

static int64_t newest_of(const struct batch_stored *list, size_t count,
                         int32_t partition)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].partition == partition)
            return list[i].offset;
    return -1;
}

static int own_all(struct delivery *self, const struct pp_marks *marks,
                   bool *moved_out, struct pp_err *err)
{
    struct batch_stored *newest;
    size_t count;
    bool moved = self->start_over;

    if (store_newest(self->store, self->epoch, &newest, &count, err) < 0)
        return -1;
    ledger_reset(self->ledger);
    for (size_t i = 0; i < marks->count; i++) {
        const struct pp_mark *mark = &marks->list[i];
        const struct ledger_found found = {
            mark->partition, mark->offset, mark->note,
            newest_of(newest, count, mark->partition)};
        int64_t from = ledger_own(self->ledger, &found);

        self->marked[mark->partition] = mark->offset;
        moved = moved || (mark->offset >= 0 && from != mark->offset);
    }
    free(newest);
    *moved_out = moved;
    for (size_t i = 0; moved && i < marks->count; i++) {
        int32_t partition = marks->list[i].partition;

        if (pp_consumer_seek(self->events, partition,
                             ledger_part(self->ledger, partition)->committed,
                             err) < 0)
            return -1;
    }
    return 0;
}

int deliver_own(struct delivery *self, bool *moved_out, struct pp_err *err)
{
    struct pp_marks marks;
    int result = -1;

    batch_reset(self->batch);
    if (pp_consumer_marks(self->events, &marks, err) == 0) {
        result = own_all(self, &marks, moved_out, err);
        pp_marks_fini(&marks);
    }
    self->start_over = result < 0;
    return result;
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
