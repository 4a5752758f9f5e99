#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

/* A partition was settled up to end at this time. */
struct settled {
    int32_t partition;
    int64_t end;
    int64_t at_ms;
};

struct ledger {
    int64_t epoch, salt, until_ms, others_until_ms;
    struct ledger_part parts[LEDGER_PARTITIONS];
    struct settled *ripening; /* oldest first */
    size_t first, count, capacity;
};

struct ledger *ledger_new(int64_t epoch)
{
    struct ledger *ledger = pp_calloc(1, sizeof(*ledger));

    ledger->epoch = epoch;
    return ledger;
}

void ledger_free(struct ledger **ledger)
{
    if (!*ledger)
        return;
    free((*ledger)->ripening);
    free(*ledger);
    *ledger = NULL;
}

void ledger_reset(struct ledger *ledger)
{
    memset(ledger->parts, 0, sizeof(ledger->parts));
    ledger->first = ledger->count = 0;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t ledger_own(struct ledger *ledger, const struct ledger_found *found)
{
    struct ledger_part *part = &ledger->parts[found->partition];
    struct intent intent = {.end = 0, .last = -1};
    bool known = intent_read(found->note, &intent) && found->committed >= 0;

    /* Without a note of ours somebody set the offset by hand. */
    if (!known)
        intent = (struct intent){.epoch = ledger->epoch, .last = -1};
    *part = (struct ledger_part){.ours = true,
                                 .committed = larger(found->committed, 0),
                                 .last = found->stored};
    if (intent.epoch != ledger->epoch || found->stored < intent.last)
        part->committed = 0;
    if (intent.epoch == ledger->epoch) {
        ledger->salt = larger(ledger->salt, intent.salt);
        ledger->until_ms = larger(ledger->until_ms, intent.until_ms);
        ledger->others_until_ms =
            larger(ledger->others_until_ms, intent.until_ms);
        part->doubt = intent.end;
    }
    part->doubt = larger(part->doubt, found->stored + 1);
    part->settled = part->committed;
    part->declared = larger(part->committed, part->doubt);
    return part->committed;
}

const struct ledger_part *ledger_part(const struct ledger *ledger,
                                      int32_t partition)
{
    if (partition < 0 || partition >= LEDGER_PARTITIONS ||
        !ledger->parts[partition].ours)
        return NULL;
    return &ledger->parts[partition];
}

void ledger_declare(struct ledger *ledger, int32_t partition, int64_t end)
{
    struct ledger_part *part = &ledger->parts[partition];

    part->declared = larger(part->declared, end);
}

void ledger_doubt(struct ledger *ledger)
{
    for (size_t i = 0; i < LEDGER_PARTITIONS; i++)
        ledger->parts[i].doubt = ledger->parts[i].declared;
    ledger->others_until_ms = larger(ledger->others_until_ms, ledger->until_ms);
}

int64_t ledger_others_until(const struct ledger *ledger)
{
    return ledger->others_until_ms;
}

void ledger_others_gone(struct ledger *ledger)
{
    ledger->others_until_ms = 0;
}

int64_t ledger_asks_from(const struct ledger_found *found)
{
    struct intent intent;
    int64_t from = larger(found->committed, 0);

    if (!intent_read(found->note, &intent))
        return from;
    return intent.last < from ? larger(intent.last, 0) : from;
}

static void ripen_later(struct ledger *ledger, const struct settled *settled)
{
    if (ledger->first > 0 && ledger->first == ledger->count)
        ledger->first = ledger->count = 0;
    if (ledger->count == ledger->capacity) {
        ledger->capacity = ledger->capacity ? ledger->capacity * 2 : 256;
        ledger->ripening = pp_realloc(
            ledger->ripening, ledger->capacity * sizeof(*ledger->ripening));
    }
    ledger->ripening[ledger->count++] = *settled;
}

void ledger_settle(struct ledger *ledger, int32_t partition, int64_t end,
                   int64_t last, int64_t now_ms)
{
    struct ledger_part *part = &ledger->parts[partition];

    if (end <= part->settled)
        return;
    part->settled = end;
    part->declared = larger(part->declared, end);
    part->last = larger(part->last, last);
    ripen_later(ledger, &(struct settled){partition, end, now_ms});
}

bool ledger_ripe(const struct ledger *ledger, int64_t now_ms, int64_t lag_ms)
{
    return ledger->first < ledger->count &&
           now_ms - ledger->ripening[ledger->first].at_ms >= lag_ms;
}

void ledger_ripen(struct ledger *ledger, int64_t now_ms, int64_t lag_ms)
{
    size_t left;

    for (; ledger->first < ledger->count; ledger->first++) {
        const struct settled *one = &ledger->ripening[ledger->first];

        if (now_ms - one->at_ms < lag_ms)
            break;
        ledger->parts[one->partition].committed = one->end;
    }
    left = ledger->count - ledger->first;
    if (ledger->first > left) { /* what is gone is the larger part */
        memmove(ledger->ripening, ledger->ripening + ledger->first,
                left * sizeof(*ledger->ripening));
        ledger->first = 0;
        ledger->count = left;
    }
}

struct intent ledger_intent(const struct ledger *ledger, int32_t partition)
{
    const struct ledger_part *part = &ledger->parts[partition];

    return (struct intent){ledger->epoch, part->declared, part->last,
                           ledger->salt, ledger->until_ms};
}

int64_t ledger_salt(const struct ledger *ledger)
{
    return ledger->salt;
}

int64_t ledger_until(const struct ledger *ledger)
{
    return ledger->until_ms;
}

void ledger_next_salt(struct ledger *ledger, int64_t until_ms)
{
    ledger->salt = larger(ledger->salt + 1, until_ms);
    ledger->until_ms = until_ms;
}
