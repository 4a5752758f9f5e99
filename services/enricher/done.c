#include "done.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "pp_mem.h"

#include "print.h"

#define PARTITIONS_MAX 1024
#define KEY_BYTES      48

/* Of one partition: the offset after the last one, and the last one's time. */
struct place {
    int64_t next;
    int64_t until_ms;
    bool changed; /* since it was written */
};

struct done {
    char key[KEY_BYTES];
    struct place places[PARTITIONS_MAX];
};

struct done *done_new(int64_t hits_epoch, int64_t events_epoch)
{
    struct done *done = pp_calloc(1, sizeof(*done));

    snprintf(done->key, sizeof(done->key), "done:%" PRId64 ":%" PRId64,
             hits_epoch, events_epoch);
    return done;
}

void done_free(struct done **done)
{
    free(*done);
    *done = NULL;
}

static bool has_place(int64_t partition)
{
    return partition >= 0 && partition < PARTITIONS_MAX;
}

bool done_has(const struct done *done, const struct pp_message *hit)
{
    const struct place *place;

    if (!has_place(hit->partition))
        return false;
    place = &done->places[hit->partition];
    return hit->offset < place->next && hit->timestamp_ms <= place->until_ms;
}

/* Offsets rise; where they fall, Kafka lost some, and what counts is new. */
void done_note(struct done *done, const struct pp_message *hit)
{
    struct place *place;

    if (!has_place(hit->partition) || done_has(done, hit))
        return;
    place = &done->places[hit->partition];
    place->next = hit->offset + 1;
    if (hit->timestamp_ms > place->until_ms)
        place->until_ms = hit->timestamp_ms;
    place->changed = true;
}

/* --- in Redis -------------------------------------------------------------
 */

/* "<next> <until_ms>", of a field that is the partition's number. */
static void take_place(struct done *done, struct pp_str field,
                       struct pp_str value)
{
    struct pp_str next;
    int64_t partition;
    struct place place = {0};

    if (pp_str_int64(field, &partition) && has_place(partition) &&
        pp_str_split(&value, ' ', &next) && pp_str_int64(next, &place.next) &&
        pp_str_int64(value, &place.until_ms))
        done->places[partition] = place;
}

int done_read(struct done *done, struct pp_redis *redis, struct pp_arena *arena,
              struct pp_err *err)
{
    const struct pp_str arguments[] = {PP_LIT("HGETALL"), pp_str_of(done->key)};
    struct pp_redis_value value;

    if (pp_redis_do(redis, arguments, PP_COUNT(arguments), &value, arena, err) <
        0)
        return -1;
    for (size_t i = 0; i + 1 < value.count; i += 2)
        take_place(done, value.list[i].text, value.list[i + 1].text);
    return 0;
}

/* Gives how many arguments the command has; 2 of them say nothing. */
static int command_of(struct done *done, struct pp_arena *arena,
                      struct pp_str arguments[static 2 + 2 * PARTITIONS_MAX])
{
    int count = 0;

    arguments[count++] = PP_LIT("HSET");
    arguments[count++] = pp_str_of(done->key);
    for (int i = 0; i < PARTITIONS_MAX; i++) {
        const struct place *place = &done->places[i];

        if (!place->changed)
            continue;
        arguments[count++] = print(arena, "%d", i);
        arguments[count++] =
            print(arena, "%" PRId64 " %" PRId64, place->next, place->until_ms);
    }
    return count;
}

void done_write(struct done *done, struct pp_redis *redis,
                struct pp_arena *arena)
{
    struct pp_str arguments[2 + 2 * PARTITIONS_MAX];
    int count = command_of(done, arena, arguments);
    struct pp_redis_value value;
    struct pp_err err = {0};

    if (count == 2 ||
        pp_redis_do(redis, arguments, count, &value, arena, &err) < 0)
        return;
    for (int i = 0; i < PARTITIONS_MAX; i++)
        done->places[i].changed = false;
}
