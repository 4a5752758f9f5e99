/*
 * Any bytes as a record of each schema: they are read within their bounds, or
 * refused. What was read encodes, and reads again as the same bytes.
 */
#include <stdlib.h>

#include "counts.h"
#include "event.h"
#include "hit.h"
#include "reject.h"
#include "site.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TRY(record, fingerprint)                                               \
    do {                                                                       \
        struct record first, second;                                           \
                                                                               \
        pp_buf_reset(&once);                                                   \
        pp_buf_reset(&twice);                                                  \
        if (record##_decode(fingerprint, body, &first, &err) < 0)              \
            break;                                                             \
        record##_encode(&first, &once);                                        \
        if (record##_decode(fingerprint, pp_buf_str(&once), &second, &err) <   \
            0)                                                                 \
            abort();                                                           \
        record##_encode(&second, &twice);                                      \
        if (!pp_str_eq(pp_buf_str(&once), pp_buf_str(&twice)))                 \
            abort();                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str body = {(const char *)data, size};
    struct pp_avro_frame frame;
    struct pp_buf once, twice;
    struct pp_err err;

    pp_buf_init(&once, (size_t)1 << 20);
    pp_buf_init(&twice, (size_t)1 << 20);
    TRY(hit, HIT_FINGERPRINT);
    TRY(event, EVENT_FINGERPRINT);
    TRY(reject, REJECT_FINGERPRINT);
    TRY(site, SITE_FINGERPRINT);
    TRY(counts, COUNTS_FINGERPRINT);
    (void)pp_avro_frame_get(&body, &frame, &err);
    pp_buf_fini(&once);
    pp_buf_fini(&twice);
    return 0;
}
