/*
 * Any bytes as a backup's manifest: refused, or it holds together, and says
 * the same when it is written and read again.
 */
#include <stdlib.h>

#include "manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read(const struct manifest *m)
{
    struct pp_err err = {0};
    struct manifest again;
    struct pp_buf text;

    pp_buf_init(&text, MANIFEST_BYTES_MAX);
    manifest_write(m, &text);
    if (manifest_read(pp_buf_str(&text), &again, &err) < 0 ||
        manifest_bytes(&again) != manifest_bytes(m) ||
        again.events.site_count != m->events.site_count)
        abort();
    manifest_fini(&again);
    pp_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_err err = {0};
    struct manifest m;

    if (manifest_read((struct pp_str){(const char *)data, size}, &m, &err) == 0)
        write_and_read(&m);
    manifest_fini(&m);
    return 0;
}
