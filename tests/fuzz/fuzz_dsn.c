/*
 * Any bytes as a mail about a delivery: all that is read of it points into it,
 * and what is believed has the form that it is believed for.
 */
#include <stdlib.h>
#include <string.h>

#include "pp_dsn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_within(struct pp_str part, struct pp_str whole)
{
    check(part.n == 0 ||
          (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pp_str mail = {(const char *)data, size};
    struct pp_dsn dsn;

    pp_dsn_read(mail, &dsn);
    check(pp_dsn_kind_name(dsn.kind) != NULL);
    check_within(dsn.message_id, mail);
    check_within(dsn.recipient, mail);
    check_within(dsn.action, mail);
    check_within(dsn.status, mail);
    check_within(dsn.diagnostic, mail);
    check(!memchr(dsn.diagnostic.p, '\n', dsn.diagnostic.n));
    if (dsn.kind <= PP_DSN_DELIVERED) {
        check(dsn.message_id.n > 0 && dsn.status.n >= 5 && dsn.action.n > 0);
        for (size_t i = 0; i < dsn.status.n; i++)
            check(memchr("0123456789.", dsn.status.p[i], 11) != NULL);
    }
    return 0;
}
