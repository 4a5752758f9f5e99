#include "result.h"

static const struct {
    const char *name;
    unsigned status;
} rows[RESULT_COUNT] = {
    [RESULT_ACCEPTED] = {"accepted", 202},
    [RESULT_PREFLIGHT] = {"preflight", 204},
    [RESULT_MALFORMED] = {"malformed", 400},
    [RESULT_MISSING_FIELD] = {"missing_field", 400},
    [RESULT_INVALID_FIELD] = {"invalid_field", 400},
    [RESULT_EMPTY_BATCH] = {"empty_batch", 400},
    [RESULT_TOO_MANY_HITS] = {"too_many_hits", 400},
    [RESULT_CAPACITY_EXHAUSTED] = {"capacity_exhausted", 402},
    [RESULT_ACCOUNT_BLOCKED] = {"account_blocked", 403},
    [RESULT_FOREIGN_ORIGIN] = {"foreign_origin", 403},
    [RESULT_UNKNOWN_SITE] = {"unknown_site", 404},
    [RESULT_NOT_FOUND] = {"not_found", 404},
    [RESULT_METHOD_NOT_ALLOWED] = {"method_not_allowed", 405},
    [RESULT_TIMEOUT] = {"timeout", 408},
    [RESULT_TOO_LARGE] = {"too_large", 413},
    [RESULT_UNSUPPORTED_MEDIA_TYPE] = {"unsupported_media_type", 415},
    [RESULT_UNSUPPORTED_ENCODING] = {"unsupported_encoding", 415},
    [RESULT_RATE_LIMITED] = {"rate_limited", 429},
    [RESULT_NOT_READY] = {"not_ready", 503},
    [RESULT_NOT_DURABLE] = {"not_durable", 503},
};

const char *result_name(enum result result)
{
    return rows[result].name;
}

unsigned result_status(enum result result)
{
    return rows[result].status;
}
