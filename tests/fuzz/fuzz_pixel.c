/*
 * Any bytes as the decoded query of GET /p.gif, "name=value" by lines: refused
 * with a reason, or a hit that keeps every limit.
 */
#include "accepted.h"
#include "hit_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pp_str value(const void *query, const char *name)
{
    struct pp_str rest = *(const struct pp_str *)query, line, key;

    while (pp_str_split(&rest, '\n', &line))
        if (pp_str_split(&line, '=', &key) && pp_str_eq(key, pp_str_of(name)))
            return line;
    return (struct pp_str){NULL, 0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str query = {(const char *)data, size};
    struct hit hit;

    if (hit_read_query(value, &query, &hit) == RESULT_ACCEPTED)
        accepted_check(&hit);
    return 0;
}
