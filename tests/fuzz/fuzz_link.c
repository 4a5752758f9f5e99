/*
 * Any bytes as the token of a link: none is believed but what we signed, and
 * of that any changed byte makes it none.
 */
#include <stdlib.h>
#include <string.h>

#include "pp_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY "0123456789abcdef0123456789abcdef"

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* The bytes as an id: it comes back as it was. */
static void check_id(const char *id)
{
    const struct pp_link_keys keys = {.list = {PP_LIT(KEY)}, .count = 1};
    char token[PP_LINK_BYTES_MAX], again[PP_LINK_ID_MAX + 1];
    struct pp_err err;

    if (pp_link_make(keys.list[0], "fuzz", id, 2000000000, token,
                     sizeof(token)) < 0)
        return;
    check(pp_link_read(&keys, "fuzz", pp_str_of(token), 1, again, sizeof(again),
                       &err) == 0);
    check(strcmp(id, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pp_link_keys keys = {.list = {PP_LIT(KEY)}, .count = 1};
    char id[PP_LINK_ID_MAX + 1], text[PP_LINK_ID_MAX + 2] = "";
    struct pp_str token = {(const char *)data, size};
    struct pp_err err;

    check(pp_link_read(&keys, "fuzz", token, 1, id, sizeof(id), &err) < 0);
    check(err.kind == PP_ERR_INVALID || err.kind == PP_ERR_DENIED);
    if (size < sizeof(text))
        memcpy(text, data, size);
    check_id(text);
    return 0;
}
