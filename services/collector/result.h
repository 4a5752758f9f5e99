#ifndef RESULT_H
#define RESULT_H

/*
 * What became of a hit or a request: the closed list of reasons that senders
 * are told and that we count. docs/api/collector.md says when each is given.
 */
enum result {
    RESULT_ACCEPTED,
    RESULT_PREFLIGHT,
    RESULT_MALFORMED,
    RESULT_MISSING_FIELD,
    RESULT_INVALID_FIELD,
    RESULT_EMPTY_BATCH,
    RESULT_TOO_MANY_HITS,
    RESULT_CAPACITY_EXHAUSTED,
    RESULT_ACCOUNT_BLOCKED,
    RESULT_FOREIGN_ORIGIN,
    RESULT_UNKNOWN_SITE,
    RESULT_NOT_FOUND,
    RESULT_METHOD_NOT_ALLOWED,
    RESULT_TIMEOUT,
    RESULT_TOO_LARGE,
    RESULT_UNSUPPORTED_MEDIA_TYPE,
    RESULT_UNSUPPORTED_ENCODING,
    RESULT_RATE_LIMITED,
    RESULT_NOT_READY,
    RESULT_NOT_DURABLE,
    RESULT_COUNT,
};

/* The reason as senders see it, and its HTTP status. */
const char *result_name(enum result result);
unsigned result_status(enum result result);

#endif
