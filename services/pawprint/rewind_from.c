#include "rewind_from.h"

#include <stdio.h>
#include <time.h>

#include "pp_mem.h"

static bool time_read(struct pp_str text, int64_t *ms_out)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M",
                                        "%Y-%m-%d"};
    char copy[32];

    if (pp_str_ends(text, PP_LIT("Z")))
        text.n--;
    if (text.n >= sizeof(copy))
        return false;
    snprintf(copy, sizeof(copy), "%.*s", PP_ARG(text));
    if (text.n > 10 && copy[10] == ' ')
        copy[10] = 'T';
    for (size_t i = 0; i < PP_COUNT(forms); i++) {
        struct tm parts = {0};
        const char *end = strptime(copy, forms[i], &parts);

        if (end && *end == '\0') {
            *ms_out = (int64_t)timegm(&parts) * 1000;
            return true;
        }
    }
    return false;
}

int rewind_from_read(struct pp_str text, struct rewind_from *out,
                     struct pp_err *err)
{
    *out = (struct rewind_from){REWIND_BEGINNING, 0};
    if (pp_str_eq(text, PP_LIT("beginning")))
        return 0;
    out->kind = REWIND_OFFSET;
    if (pp_str_int64(text, &out->value) && out->value >= 0)
        return 0;
    out->kind = REWIND_TIME;
    if (time_read(text, &out->value))
        return 0;
    return pp_err_set(err, PP_ERR_FATAL,
                      "--from takes beginning, an offset, or a time such as "
                      "2026-11-25T14:30Z");
}
