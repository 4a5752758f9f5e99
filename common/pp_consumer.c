#include "pp_consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pp_consumer_rd.h"
#include "pp_kafka_rd.h"
#include "pp_mem.h"
#include "pp_time.h"

#define COMMIT_MS       10000
#define PARTITIONS_MAX  1024
#define HOLD_MS         50
#define NUDGE_MS        20
#define NUDGE_WAIT_MS   200
#define POSITION_IS_NEW INT64_MIN

/* How far a partition of ours was handed out, and how far it is done. */
struct position {
    bool ours;
    bool caught_up;
    bool stays; /* paused until `next` is tried again */
    struct pp_mono stays_since;
    int64_t next;      /* offset after the last one handed out */
    int64_t committed; /* or POSITION_IS_NEW: where next began */
};

struct pp_consumer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int fd;
    char *topic;
    size_t batch_count;
    rd_kafka_message_t **raw;    /* of the last poll, ours to destroy */
    struct pp_message *messages; /* views of raw */
    size_t raw_count;
    rd_kafka_message_t *early; /* came while nothing was to come */
    struct pp_mono nudged;
    int32_t nudged_partition;
    unsigned generation;
    bool closing;
    struct position positions[PARTITIONS_MAX];
    struct pp_err failed; /* of a callback, for the next poll to say */
};

static void messages_drop(struct pp_consumer *self)
{
    for (size_t i = 0; i < self->raw_count; i++)
        rd_kafka_message_destroy(self->raw[i]);
    self->raw_count = 0;
}

/* --- whose partitions they are -------------------------------------------- */

static void early_drop(struct pp_consumer *self)
{
    if (self->early)
        rd_kafka_message_destroy(self->early);
    self->early = NULL;
}

static void positions_forget(struct pp_consumer *self)
{
    early_drop(self);
    memset(self->positions, 0, sizeof(self->positions));
    self->generation++;
}

static struct position position_new(void)
{
    return (struct position){
        .ours = true, .next = POSITION_IS_NEW, .committed = POSITION_IS_NEW};
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct pp_consumer *self = opaque;
    rd_kafka_resp_err_t failed;

    positions_forget(self);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        for (int i = 0; i < list->cnt; i++) {
            int32_t partition = list->elems[i].partition;

            if (partition < PARTITIONS_MAX)
                self->positions[partition] = position_new();
        }
        failed = rd_kafka_assign(rk, list);
        /*
         * librdkafka remembers a pause beyond the assignment it was made in.
         * Of one that comes while it closes it drops the partitions, and with
         * them the answer that resuming would wait for, for ever.
         */
        if (!failed && !self->closing)
            failed = rd_kafka_resume_partitions(rk, list);
    } else {
        failed = rd_kafka_assign(rk, NULL);
    }
    if (failed)
        pp_kafka_err(&self->failed, failed, "assign partitions");
}

/* --- open and close ------------------------------------------------------- */

static int options_set(rd_kafka_conf_t *conf,
                       const struct pp_consumer_options *options,
                       struct pp_err *err)
{
    char kbytes[24];
    const struct pp_kafka_option rows[] = {
        {"group.id", options->group ? options->group : "none"},
        {"group.instance.id", options->instance_id},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "earliest"},
        {"isolation.level", "read_committed"},
        {"enable.partition.eof", "true"},
        {"partition.assignment.strategy", "range"},
        {"session.timeout.ms", "10000"},
        {"heartbeat.interval.ms", "500"},
        {"fetch.wait.max.ms", "100"},
        {"queued.max.messages.kbytes", kbytes},
        {"fetch.error.backoff.ms", "50"},
    };

    snprintf(kbytes, sizeof(kbytes), "%zu", options->fetch_bytes / 1024 + 1);
    for (size_t i = 0; i < PP_COUNT(rows); i++)
        if (rows[i].value && rows[i].value[0] &&
            pp_kafka_set(conf, rows[i].name, rows[i].value, err) < 0)
            return -1;
    /* Since librdkafka 2.2; nudge() is for those before. */
    (void)rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "10", NULL, 0);
    return 0;
}

/* Without a group: the partitions that the options name, all for us. */
static void take_partitions(struct pp_consumer *self,
                            const struct pp_consumer_options *options,
                            rd_kafka_topic_partition_list_t *list)
{
    for (int32_t i = 0; i < PARTITIONS_MAX; i++) {
        if (i > 0 && i >= options->partitions)
            break;
        /*
         * 0 leads to the first record there is, by auto.offset.reset. To ask
         * for the beginning by its name costs half a second in librdkafka.
         */
        rd_kafka_topic_partition_list_add(list, self->topic, i)->offset =
            options->from ? options->from[i] : 0;
        self->positions[i] = position_new();
    }
}

static int begin_to_read(struct pp_consumer *self,
                         const struct pp_consumer_options *options,
                         struct pp_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t code;

    if (options->group) {
        rd_kafka_topic_partition_list_add(list, self->topic,
                                          RD_KAFKA_PARTITION_UA);
        code = rd_kafka_subscribe(self->rk, list);
    } else {
        take_partitions(self, options, list);
        code = rd_kafka_assign(self->rk, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code ? pp_kafka_err(err, code, self->topic) : 0;
}

static int handle_open(struct pp_consumer *self,
                       const struct pp_kafka_access *access,
                       const struct pp_consumer_options *options,
                       struct pp_err *err)
{
    static const uint64_t one = 1;
    rd_kafka_conf_t *conf;
    char text[160];

    if (pp_kafka_conf(&conf, access, err) < 0)
        return -1;
    if (options_set(conf, options, err) < 0) {
        rd_kafka_conf_destroy(conf);
        return -1;
    }
    rd_kafka_conf_set_opaque(conf, self);
    if (options->group)
        rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    self->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (!self->rk) {
        rd_kafka_conf_destroy(conf);
        return pp_err_set(err, PP_ERR_FATAL, "kafka: %s", text);
    }
    rd_kafka_poll_set_consumer(self->rk);
    self->queue = rd_kafka_queue_get_consumer(self->rk);
    self->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (self->fd < 0)
        return pp_err_sys(err, PP_ERR_FATAL, "eventfd");
    rd_kafka_queue_io_event_enable(self->queue, self->fd, &one, sizeof(one));
    return 0;
}

int pp_consumer_open(struct pp_consumer **consumer_out,
                     const struct pp_kafka_access *access,
                     const struct pp_consumer_options *options,
                     struct pp_err *err)
{
    struct pp_consumer *self = pp_calloc(1, sizeof(*self));

    *consumer_out = self;
    self->fd = -1;
    self->topic = pp_strdup(options->topic);
    self->batch_count = options->batch_count;
    self->raw = pp_calloc(self->batch_count, sizeof(struct pp_message *));
    self->messages = pp_calloc(self->batch_count, sizeof(*self->messages));
    if (handle_open(self, access, options, err) < 0 ||
        begin_to_read(self, options, err) < 0) {
        pp_consumer_close(consumer_out);
        return -1;
    }
    return 0;
}

void pp_consumer_close(struct pp_consumer **consumer)
{
    struct pp_consumer *self = *consumer;

    if (!self)
        return;
    messages_drop(self);
    early_drop(self);
    if (self->queue)
        rd_kafka_queue_destroy(self->queue);
    self->closing = true;
    if (self->rk) {
        rd_kafka_consumer_close(self->rk);
        rd_kafka_destroy(self->rk);
    }
    if (self->fd >= 0)
        close(self->fd);
    free(self->messages);
    free(self->raw);
    free(self->topic);
    free(self);
    *consumer = NULL;
}

/* --- pausing and seeking ---------------------------------------------------
 */

static int pause_list(struct pp_consumer *self,
                      rd_kafka_topic_partition_list_t *list, bool pause,
                      struct pp_err *err)
{
    rd_kafka_resp_err_t code = pause
                                   ? rd_kafka_pause_partitions(self->rk, list)
                                   : rd_kafka_resume_partitions(self->rk, list);

    rd_kafka_topic_partition_list_destroy(list);
    return code ? pp_kafka_err(err, code, "pause") : 0;
}

static int pause_one(struct pp_consumer *self, int32_t partition, bool pause,
                     struct pp_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, self->topic, partition);
    return pause_list(self, list, pause, err);
}

/* Ends the list. One partition that could not be set is as bad as all. */
static int seek_list(struct pp_consumer *self,
                     rd_kafka_topic_partition_list_t *list, struct pp_err *err)
{
    rd_kafka_error_t *error =
        rd_kafka_seek_partitions(self->rk, list, COMMIT_MS);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; !error && !code && i < list->cnt; i++)
        code = list->elems[i].err;
    rd_kafka_topic_partition_list_destroy(list);
    if (error)
        return pp_kafka_error(err, error, "seek");
    return code ? pp_err_set(err, PP_ERR_AGAIN, "kafka: seek: %s",
                             rd_kafka_err2str(code))
                : 0;
}

static int seek_one(struct pp_consumer *self, int32_t partition, int64_t offset,
                    struct pp_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, self->topic, partition)->offset =
        offset;
    return seek_list(self, list, err);
}

/* --- reading -------------------------------------------------------------- */

/* What came instead of a record: an end, or an error. */
static void note_event(struct pp_consumer *self, const rd_kafka_message_t *raw)
{
    struct position *position;

    if (raw->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && raw->partition >= 0 &&
        raw->partition < PARTITIONS_MAX) {
        position = &self->positions[raw->partition];
        if (position->stays)
            return;
        position->caught_up = true;
        /* Behind the last record stand the marks of transactions. */
        if (position->ours && raw->offset > position->next)
            position->next = raw->offset;
        return;
    }
    char why[160];

    if (rd_kafka_fatal_error(self->rk, why, sizeof(why)))
        pp_err_set(&self->failed, PP_ERR_FATAL, "kafka: %s: %s", self->topic,
                   why);
}

static struct pp_message message_of(const rd_kafka_message_t *raw)
{
    rd_kafka_timestamp_type_t type;

    return (struct pp_message){
        .topic = rd_kafka_topic_name(raw->rkt),
        .partition = raw->partition,
        .offset = raw->offset,
        .timestamp_ms = rd_kafka_message_timestamp(raw, &type),
        .key = {raw->key, raw->key_len},
        .value = {raw->payload, raw->len},
        .raw = raw,
    };
}

/* Keeps what is a record of a partition of ours, drops the rest. */
static void take(struct pp_consumer *self, rd_kafka_message_t *raw)
{
    struct position *position = NULL;

    if (raw->partition >= 0 && raw->partition < PARTITIONS_MAX)
        position = &self->positions[raw->partition];
    if (raw->err || !position || !position->ours || position->stays) {
        note_event(self, raw);
        rd_kafka_message_destroy(raw);
        return;
    }
    if (position->committed == POSITION_IS_NEW)
        position->committed = raw->offset;
    position->next = raw->offset + 1;
    self->messages[self->raw_count] = message_of(raw);
    self->raw[self->raw_count++] = raw;
}

/* Another partition than last time that has more than was handed out. */
static bool is_behind(struct pp_consumer *self, int32_t *partition_out)
{
    int64_t low, high;

    for (int32_t i = 1; i <= PARTITIONS_MAX; i++) {
        int32_t one = (self->nudged_partition + i) % PARTITIONS_MAX;
        const struct position *position = &self->positions[one];

        if (!position->ours || position->stays || position->next < 0 ||
            rd_kafka_get_watermark_offsets(self->rk, self->topic, one, &low,
                                           &high) ||
            high <= position->next)
            continue;
        *partition_out = one;
        return true;
    }
    return false;
}

/*
 * librdkafka before 2.2 stops fetching when its queue is full, and looks
 * again after a second though the queue is empty long before. A question to
 * the broker makes its thread look at once.
 * [github.com/confluentinc/librdkafka/issues/2879]
 */
static void nudge(struct pp_consumer *self)
{
    struct pp_mono now = pp_mono_now();
    int64_t low, high;

    if (pp_mono_ms(self->nudged, now) < NUDGE_MS ||
        !is_behind(self, &self->nudged_partition))
        return;
    self->nudged = now;
    (void)rd_kafka_query_watermark_offsets(self->rk, self->topic,
                                           self->nudged_partition, &low, &high,
                                           NUDGE_WAIT_MS);
}

/*
 * One by one, though a batch call would cost a little less: partitions may be
 * given anew between two records, and then those before are of the old
 * assignment. They come again, so they must not be handed out now.
 */
static void gather(struct pp_consumer *self, int wait_ms)
{
    unsigned generation = self->generation;
    rd_kafka_message_t *raw;

    if (self->early) {
        take(self, self->early);
        self->early = NULL;
        wait_ms = 0;
    }
    while (self->raw_count < self->batch_count) {
        raw = rd_kafka_consumer_poll(self->rk, 0);
        if (!raw && wait_ms > 0) {
            nudge(self);
            raw = rd_kafka_consumer_poll(self->rk, wait_ms);
        }
        if (!raw)
            break;
        wait_ms = 0;
        if (generation != self->generation) {
            messages_drop(self);
            generation = self->generation;
        }
        take(self, raw);
    }
    if (generation != self->generation)
        messages_drop(self);
}

/* Partitions that stayed for long enough. */
static int try_again(struct pp_consumer *self, struct pp_err *err)
{
    struct pp_mono now = pp_mono_now();

    for (int32_t i = 0; i < PARTITIONS_MAX; i++) {
        struct position *position = &self->positions[i];

        if (!position->stays ||
            pp_mono_ms(position->stays_since, now) < PP_CONSUMER_STAY_MS)
            continue;
        if (pause_one(self, i, false, err) < 0 ||
            seek_one(self, i, position->next, err) < 0)
            return -1;
        position->stays = false;
    }
    return 0;
}

int pp_consumer_poll(struct pp_consumer *consumer, struct pp_messages *out,
                     int wait_ms, struct pp_err *err)
{
    eventfd_t woken;

    messages_drop(consumer);
    *out = (struct pp_messages){consumer->messages, 0};
    if (try_again(consumer, err) < 0)
        return -1;
    (void)eventfd_read(consumer->fd, &woken);
    gather(consumer, wait_ms);
    if (consumer->failed.kind != PP_ERR_NONE) {
        *err = consumer->failed;
        consumer->failed = (struct pp_err){0};
        return -1;
    }
    out->count = consumer->raw_count;
    return 0;
}

int pp_consumer_fd(const struct pp_consumer *consumer)
{
    return consumer->fd;
}

unsigned pp_consumer_generation(const struct pp_consumer *consumer)
{
    return consumer->generation;
}

bool pp_consumer_caught_up(const struct pp_consumer *consumer)
{
    bool any = false;

    for (size_t i = 0; i < PARTITIONS_MAX; i++) {
        if (!consumer->positions[i].ours)
            continue;
        if (!consumer->positions[i].caught_up)
            return false;
        any = true;
    }
    return any;
}

int64_t pp_consumer_lag(const struct pp_consumer *consumer)
{
    int64_t lag = 0, low, high;

    for (int32_t i = 0; i < PARTITIONS_MAX; i++) {
        const struct position *position = &consumer->positions[i];

        if (!position->ours ||
            rd_kafka_get_watermark_offsets(consumer->rk, consumer->topic, i,
                                           &low, &high) ||
            high < 0 || position->committed == POSITION_IS_NEW)
            continue;
        if (high > position->committed)
            lag += high - position->committed;
    }
    return lag;
}

/* --- commit and rewind ---------------------------------------------------- */

rd_kafka_consumer_group_metadata_t *pp_consumer_group(struct pp_consumer *c)
{
    return rd_kafka_consumer_group_metadata(c->rk);
}

rd_kafka_topic_partition_list_t *pp_consumer_offsets(struct pp_consumer *c)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(8);

    for (int32_t i = 0; i < PARTITIONS_MAX; i++)
        if (c->positions[i].ours && c->positions[i].next >= 0 &&
            c->positions[i].next != c->positions[i].committed)
            rd_kafka_topic_partition_list_add(list, c->topic, i)->offset =
                c->positions[i].next;
    return list;
}

void pp_consumer_committed(struct pp_consumer *c)
{
    for (size_t i = 0; i < PARTITIONS_MAX; i++)
        if (c->positions[i].ours && c->positions[i].next >= 0)
            c->positions[i].committed = c->positions[i].next;
}

int pp_consumer_commit(struct pp_consumer *consumer, struct pp_err *err)
{
    rd_kafka_topic_partition_list_t *list = pp_consumer_offsets(consumer);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (list->cnt > 0)
        code = rd_kafka_commit(consumer->rk, list, 0);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        return pp_kafka_err(err, code, "commit");
    pp_consumer_committed(consumer);
    return 0;
}

int pp_consumer_rewind(struct pp_consumer *consumer, struct pp_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(8);

    messages_drop(consumer);
    early_drop(consumer);
    for (int32_t i = 0; i < PARTITIONS_MAX; i++) {
        struct position *position = &consumer->positions[i];

        if (!position->ours || position->committed == POSITION_IS_NEW ||
            position->next == position->committed)
            continue;
        if (position->stays && pause_one(consumer, i, false, err) < 0)
            goto failed;
        rd_kafka_topic_partition_list_add(list, consumer->topic, i)->offset =
            position->committed;
        position->next = position->committed;
        position->stays = false;
    }
    if (list->cnt > 0)
        return seek_list(consumer, list, err);
    rd_kafka_topic_partition_list_destroy(list);
    return 0;

failed:
    rd_kafka_topic_partition_list_destroy(list);
    return -1;
}

/* --- marks ---------------------------------------------------------------- */

int pp_consumer_mark(struct pp_consumer *consumer, const struct pp_mark *marks,
                     size_t count, struct pp_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)count);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_t *one = rd_kafka_topic_partition_list_add(
            list, consumer->topic, marks[i].partition);

        one->offset = marks[i].offset;
        /* librdkafka takes notes for C strings. */
        one->metadata = pp_strndup(marks[i].note.p, marks[i].note.n);
        one->metadata_size = marks[i].note.n;
    }
    if (count > 0)
        code = rd_kafka_commit(consumer->rk, list, 0);
    for (int i = 0; !code && i < list->cnt; i++)
        code = list->elems[i].err;
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        return pp_kafka_err(err, code, "commit");
    for (size_t i = 0; i < count; i++)
        if (consumer->positions[marks[i].partition].ours)
            consumer->positions[marks[i].partition].committed = marks[i].offset;
    return 0;
}

/* One partition's answer, in memory of our own. */
static struct pp_mark mark_of(const rd_kafka_topic_partition_t *one)
{
    struct pp_mark mark = {one->partition, one->offset, {NULL, 0}};

    if (mark.offset < 0)
        mark.offset = -1;
    if (one->metadata_size > 0)
        mark.note = (struct pp_str){
            pp_strndup(one->metadata, one->metadata_size), one->metadata_size};
    return mark;
}

int pp_consumer_marks(struct pp_consumer *consumer, struct pp_marks *out,
                      struct pp_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(8);
    rd_kafka_resp_err_t code;

    *out = (struct pp_marks){0};
    for (int32_t i = 0; i < PARTITIONS_MAX; i++)
        if (consumer->positions[i].ours)
            rd_kafka_topic_partition_list_add(list, consumer->topic, i);
    code = rd_kafka_committed(consumer->rk, list, COMMIT_MS);
    for (int i = 0; !code && i < list->cnt; i++)
        code = list->elems[i].err;
    if (!code) {
        out->list = pp_calloc((size_t)list->cnt + 1, sizeof(*out->list));
        for (int i = 0; i < list->cnt; i++)
            out->list[out->count++] = mark_of(&list->elems[i]);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code ? pp_kafka_err(err, code, "read what is committed") : 0;
}

void pp_marks_fini(struct pp_marks *marks)
{
    for (size_t i = 0; i < marks->count; i++)
        free((char *)(uintptr_t)marks->list[i].note.p);
    free(marks->list);
    *marks = (struct pp_marks){0};
}

int pp_consumer_seek(struct pp_consumer *consumer, int32_t partition,
                     int64_t offset, struct pp_err *err)
{
    struct position *position = &consumer->positions[partition];

    if (position->stays && pause_one(consumer, partition, false, err) < 0)
        return -1;
    if (consumer->early && consumer->early->partition == partition)
        early_drop(consumer);
    if (seek_one(consumer, partition, offset, err) < 0)
        return -1;
    position->stays = false;
    position->caught_up = false;
    position->next = position->committed = offset;
    return 0;
}

/* All but those that stay, which remain paused. */
static int pause_all(struct pp_consumer *self, bool pause, struct pp_err *err)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(8);

    for (int32_t i = 0; i < PARTITIONS_MAX; i++)
        if (self->positions[i].ours && !self->positions[i].stays)
            rd_kafka_topic_partition_list_add(list, self->topic, i);
    return pause_list(self, list, pause, err);
}

/* While paused nothing comes but what a new assignment brings. */
static void wait_paused(struct pp_consumer *self, int wait_ms)
{
    unsigned generation = self->generation;
    struct pp_mono start = pp_mono_now();
    rd_kafka_message_t *raw;

    while (generation == self->generation &&
           pp_mono_ms(start, pp_mono_now()) < wait_ms) {
        raw = rd_kafka_consumer_poll(self->rk,
                                     wait_ms < HOLD_MS ? wait_ms : HOLD_MS);
        if (!raw)
            continue;
        if (!raw->err) {
            self->early = raw;
            return;
        }
        note_event(self, raw);
        rd_kafka_message_destroy(raw);
    }
}

int pp_consumer_hold(struct pp_consumer *consumer, int wait_ms,
                     struct pp_err *err)
{
    if (pause_all(consumer, true, err) < 0)
        return -1;
    if (!consumer->early)
        wait_paused(consumer, wait_ms);
    if (pause_all(consumer, false, err) < 0)
        return -1;
    if (consumer->failed.kind == PP_ERR_NONE)
        return 0;
    *err = consumer->failed;
    consumer->failed = (struct pp_err){0};
    return -1;
}

int64_t pp_consumer_next(const struct pp_consumer *consumer, int32_t partition)
{
    const struct position *position = &consumer->positions[partition];

    return position->ours && position->next >= 0 ? position->next : -1;
}

void pp_consumer_kept(const struct pp_consumer *consumer, int32_t partition,
                      int64_t *first_out, int64_t *end_out)
{
    *first_out = *end_out = -1;
    if (consumer->positions[partition].ours)
        rd_kafka_get_watermark_offsets(consumer->rk, consumer->topic, partition,
                                       first_out, end_out);
    if (*end_out < 0)
        *first_out = *end_out = -1;
}

int pp_consumer_bounds(struct pp_consumer *consumer, int32_t partition,
                       int64_t *first_out, int64_t *end_out, struct pp_err *err)
{
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        consumer->rk, consumer->topic, partition, first_out, end_out,
        COMMIT_MS);

    return code ? pp_kafka_err(err, code, "ask for the offsets") : 0;
}

int pp_consumer_stay(struct pp_consumer *consumer,
                     const struct pp_message *message, struct pp_err *err)
{
    struct position *position = &consumer->positions[message->partition];

    if (pause_one(consumer, message->partition, true, err) < 0)
        return -1;
    position->stays = true;
    position->stays_since = pp_mono_now();
    position->next = message->offset;
    position->caught_up = false;
    return 0;
}

bool pp_consumer_stays(const struct pp_consumer *consumer, int32_t partition)
{
    return consumer->positions[partition].stays;
}

struct pp_str pp_message_header(const struct pp_message *message,
                                const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t count;

    if (rd_kafka_message_headers(message->raw, &headers) ||
        rd_kafka_header_get_last(headers, name, &value, &count))
        return (struct pp_str){NULL, 0};
    return (struct pp_str){value, count};
}
