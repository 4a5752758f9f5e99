/*
 * Any bytes as the header of a webhook, and as the file of the secrets: nobody
 * who has no secret is believed, whatever he sends.
 */
#include <stdint.h>
#include <stdlib.h>

#include <sodium.h>

#include "signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str text = {(const char *)data, size};
    struct secrets secrets, found;
    struct pp_err err = {0};
    const char *label;

    if (sodium_init() < 0 ||
        secrets_read(PP_LIT("a whsec_of_a_fuzzer_0123456789\n"), &secrets,
                     &err) < 0)
        abort();
    if (signature_check(text, PP_LIT("{}"), INT64_C(1764072000000), 300,
                        &secrets, &label) == SIGNATURE_GOOD)
        abort();
    if (secrets_read(text, &found, &err) == 0 &&
        (found.count == 0 || found.count > SECRETS_MAX))
        abort();
    return 0;
}
