#include "recover.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "pp_crash.h"
#include "pp_log.h"
#include "pp_mem.h"
#include "pp_metrics.h"
#include "pp_service.h"
#include "pp_time.h"

#include "rejected.h"

#define HOLD_MS        200
#define REJECTED_MS    30000
#define SAMPLE_OFFSETS 16
#define RESTART_MS                                                             \
    1500 /* uptime is in whole seconds: a start seems to move by 1 */

static struct pp_counter rows_found =
    PP_COUNTER("pawprint_writer_rows_found_total",
               "rows that were there already when they were asked for");
static struct pp_counter rows_twice =
    PP_COUNTER("pawprint_writer_rows_twice_total",
               "rows that were found stored twice; there should be none");
static struct pp_counter doubts =
    PP_COUNTER("pawprint_writer_doubts_total",
               "times that ClickHouse was asked what it has stored");
static struct pp_counter records_gone =
    PP_COUNTER("pawprint_writer_records_gone_total",
               "records that Kafka had dropped before they were settled; there "
               "should be none");
static struct pp_gauge restarts =
    PP_GAUGE("pawprint_writer_server_restarts",
             "times that ClickHouse was seen to have started anew");

void recover_metrics(void)
{
    pp_metrics_add(&rows_found.metric);
    pp_metrics_add(&rows_twice.metric);
    pp_metrics_add(&doubts.metric);
    pp_metrics_add(&records_gone.metric);
    pp_metrics_add(&restarts.metric);
}

static int64_t mono_ms(void)
{
    return pp_mono_now().ns / 1000000;
}

int recover_clock(struct delivery *self, int64_t *now_ms_out,
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

    if (ledger_others_until(self->ledger) == 0)
        return 0;
    if (recover_clock(self, &began_ms, err) < 0)
        return -1;
    for (now_ms = began_ms; now_ms <= ledger_others_until(self->ledger);) {
        if (hold(self, ledger_others_until(self->ledger) - now_ms + 1, err) <
                0 ||
            recover_clock(self, &now_ms, err) < 0)
            return -1;
    }
    for (;;) {
        if (store_running(self->store, now_ms, &running, err) < 0)
            return -1;
        if (running == 0)
            break;
        if (hold(self, HOLD_MS, err) < 0)
            return -1;
    }
    ledger_others_gone(self->ledger);
    return 0;
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

    if (batch_next(self->flying).count == 0)
        return 0;
    if (rejected_read(&query, &list, &count, err) < 0)
        return -1;
    batch_skip_rejected(self->flying, list, count);
    free(list);
    return 0;
}

bool recover_needed(const struct delivery *self)
{
    if (self->asked)
        return false;
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        const struct ledger_part *part = ledger_part(self->ledger, i);

        if (part && part->settled < part->doubt &&
            part->settled < self->flying_end[i])
            return true;
    }
    return false;
}

int recover_doubt(struct delivery *self, struct pp_err *err)
{
    static struct store_range ranges[LEDGER_PARTITIONS];
    size_t range_count = 0, count, twice;
    struct batch_stored *list;

    pp_counter_add(&doubts, 1);
    if (wait_for_others(self, err) < 0)
        return -1;
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        const struct ledger_part *part = ledger_part(self->ledger, i);

        if (part && part->settled < self->flying_end[i])
            ranges[range_count++] =
                (struct store_range){i, part->settled, self->flying_end[i]};
    }
    if (store_present(self->store, self->epoch, ranges, range_count, &list,
                      &count, err) < 0)
        return -1;
    pp_crash_point("W8a");
    twice = batch_skip(self->flying, list, count);
    free(list);
    pp_counter_add(&rows_found, count);
    pp_counter_add(&rows_twice, twice);
    pp_info("doubt.resolved", "rows=%zu found=%zu", batch_rows(self->flying),
            count);
    if (twice)
        pp_error("rows.twice", "rows=%zu", twice);
    if (skip_rejected(self, err) < 0)
        return -1;
    self->asked = true;
    return 0;
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

/* Whether Kafka still has, or has at all, what stands committed. */
static int check_bounds(struct delivery *self, const struct pp_mark *mark,
                        struct pp_err *err)
{
    int64_t first, end;

    if (mark->offset < 0)
        return 0;
    if (pp_consumer_bounds(self->events, mark->partition, &first, &end, err) <
        0)
        return -1;
    if (mark->offset > end)
        return pp_err_set(err, PP_ERR_FATAL,
                          "%s/%d ends at %" PRId64 ", but %" PRId64
                          " is committed: the topic was made anew or has lost "
                          "records; `pawprint topics` knows the first",
                          self->events_topic, mark->partition, end,
                          mark->offset);
    if (first > mark->offset) {
        pp_counter_add(&records_gone, (uint64_t)(first - mark->offset));
        pp_error("records.gone",
                 "partition=%d count=%lld why=\"Kafka kept them for too short "
                 "a time\"",
                 mark->partition, (long long)(first - mark->offset));
    }
    return 0;
}

static struct ledger_found found_of(const struct pp_mark *mark)
{
    return (struct ledger_found){mark->partition, mark->offset, mark->note, -1};
}

/* The newest stored offsets, as far as they matter. */
static int ask_newest(struct delivery *self, const struct pp_marks *marks,
                      struct batch_stored **list_out, size_t *count_out,
                      struct pp_err *err)
{
    static struct store_range ranges[LEDGER_PARTITIONS];

    for (size_t i = 0; i < marks->count; i++) {
        const struct ledger_found found = found_of(&marks->list[i]);

        if (check_bounds(self, &marks->list[i], err) < 0)
            return -1;
        ranges[i] = (struct store_range){found.partition,
                                         ledger_asks_from(&found), INT64_MAX};
    }
    return store_newest(self->store, self->epoch, ranges, marks->count,
                        list_out, count_out, err);
}

static int seek_all(struct delivery *self, const struct pp_marks *marks,
                    struct pp_err *err)
{
    for (size_t i = 0; i < marks->count; i++) {
        int32_t partition = marks->list[i].partition;

        if (pp_consumer_seek(self->events, partition,
                             ledger_part(self->ledger, partition)->committed,
                             err) < 0)
            return -1;
    }
    return 0;
}

static int own_all(struct delivery *self, const struct pp_marks *marks,
                   bool *moved_out, struct pp_err *err)
{
    struct batch_stored *newest;
    size_t count;
    bool moved = self->start_over;

    if (ask_newest(self, marks, &newest, &count, err) < 0)
        return -1;
    ledger_reset(self->ledger);
    for (size_t i = 0; i < marks->count; i++) {
        const struct pp_mark *mark = &marks->list[i];
        struct ledger_found found = found_of(mark);
        int64_t from;

        found.stored = self->samples[mark->partition].gone
                           ? -1
                           : newest_of(newest, count, mark->partition);
        from = ledger_own(self->ledger, &found);
        self->marked[mark->partition] = mark->offset;
        moved = moved || (mark->offset >= 0 && from != mark->offset);
    }
    free(newest);
    *moved_out = moved;
    return moved ? seek_all(self, marks, err) : 0;
}

/* How many rows each sample has now. */
static int count_samples(struct delivery *self, const struct sample *samples,
                         int rows_out[LEDGER_PARTITIONS], struct pp_err *err)
{
    static struct store_range ranges[LEDGER_PARTITIONS];
    struct batch_stored *list;
    size_t range_count = 0, count;

    memset(rows_out, 0, LEDGER_PARTITIONS * sizeof(*rows_out));
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++)
        if (samples[i].last >= 0)
            ranges[range_count++] = (struct store_range){
                i, samples[i].last - SAMPLE_OFFSETS, samples[i].last + 1};
    if (range_count == 0)
        return 0;
    if (store_present(self->store, self->epoch, ranges, range_count, &list,
                      &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        rows_out[list[i].partition]++;
    free(list);
    return 0;
}

/*
 * The newest offsets of each partition, to be counted again later. Without an
 * answer the older samples stay: what was not counted would miss nothing.
 */
static int take_samples(struct delivery *self, struct pp_err *err)
{
    static struct sample samples[LEDGER_PARTITIONS];
    static int rows[LEDGER_PARTITIONS];

    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        const struct ledger_part *part = ledger_part(self->ledger, i);

        samples[i] = (struct sample){part ? part->last : -1, 0, false};
    }
    if (count_samples(self, samples, rows, err) < 0)
        return -1;
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        samples[i].rows = rows[i];
        self->samples[i] = samples[i];
    }
    self->sampled_ms = mono_ms();
    return 0;
}

/*
 * The erasure of a site takes some of the rows, an old backup nearly all. Who
 * takes one for the other reads more than need be, and stores nothing wrong.
 */
int recover_check(struct delivery *self, struct pp_err *err)
{
    static int rows[LEDGER_PARTITIONS];
    int gone = 0;

    if (mono_ms() - self->sampled_ms < self->check_ms)
        return 0;
    if (count_samples(self, self->samples, rows, err) < 0)
        return -1;
    for (int32_t i = 0; i < LEDGER_PARTITIONS; i++) {
        self->samples[i].gone = rows[i] < (self->samples[i].rows + 1) / 2;
        gone += self->samples[i].gone;
    }
    if (gone == 0)
        return take_samples(self, err);
    pp_warn("rows.gone", "partitions=%d why=%s", gone,
            "a backup was restored, or a large site erased");
    self->start_over = true;
    return pp_err_set(err, PP_ERR_AGAIN, "stored rows are gone: reading again");
}

int recover_own(struct delivery *self, bool *moved_out, struct pp_err *err)
{
    struct pp_marks marks;
    int result = -1;

    deliver_forget(self);
    if (pp_consumer_marks(self->events, &marks, err) == 0) {
        result = own_all(self, &marks, moved_out, err);
        pp_marks_fini(&marks);
    }
    self->start_over = result < 0;
    for (size_t i = 0; result == 0 && i < LEDGER_PARTITIONS; i++)
        self->samples[i] = (struct sample){.last = -1};
    return result;
}
