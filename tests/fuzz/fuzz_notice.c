/*
 * Any bytes as an event of Stripe's: no event, or one whose ids may stand in a
 * path.
 */
#include <stdint.h>
#include <stdlib.h>

#include "effect.h"
#include "notice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_id(const char *id)
{
    if (*id && !notice_is_id(pp_str_of(id)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_arena arena;
    struct notice notice;
    struct pp_err err = {0};

    pp_arena_init(&arena, NOTICE_ARENA_BYTES(size));
    if (notice_read((struct pp_str){(const char *)data, size}, &arena, &notice,
                    &err) == 0) {
        if (!notice.id[0] || !notice.type[0])
            abort();
        check_id(notice.id);
        check_id(notice.object_id);
        check_id(notice.customer);
        (void)effect_of(pp_str_of(notice.type));
    }
    pp_arena_fini(&arena);
    return 0;
}
