#include "intent.h"

#include <inttypes.h>

#include "pp_mem.h"

#define VERSION "w1"

void intent_write(const struct intent *intent, struct pp_buf *out)
{
    pp_buf_printf(out,
                  VERSION " epoch=%" PRId64 " end=%" PRId64 " last=%" PRId64
                          " salt=%" PRId64 " until=%" PRId64,
                  intent->epoch, intent->end, intent->last, intent->salt,
                  intent->until_ms);
}

bool intent_read(struct pp_str note, struct intent *out)
{
    const struct {
        const char *name;
        int64_t *value;
    } fields[] = {
        {"epoch", &out->epoch}, {"end", &out->end},        {"last", &out->last},
        {"salt", &out->salt},   {"until", &out->until_ms},
    };
    struct pp_str word, name;

    if (!pp_str_split(&note, ' ', &word) || !pp_str_eq(word, PP_LIT(VERSION)))
        return false;
    for (size_t i = 0; i < PP_COUNT(fields); i++)
        if (!pp_str_split(&note, ' ', &word) ||
            !pp_str_split(&word, '=', &name) ||
            !pp_str_eq(name, pp_str_of(fields[i].name)) ||
            !pp_str_int64(word, fields[i].value))
            return false;
    return true;
}
