#ifndef PP_LOG_H
#define PP_LOG_H

#include <stdbool.h>

/*
 * One line per event, on stdout: an event name and typed pairs, as JSON.
 *
 *   pp_info("batch.sent", "events=%zu took_ms=%d", n, ms);
 *   {"at":"2026-11-24T03:45:23.123Z","level":"info","service":"enricher",
 *    "event":"batch.sent","events":512,"took_ms":38}       (on one line)
 *
 * We never log what a visitor sent: no address, no header, no path, no
 * property. Values are ours: counts, times, names of topics and of settings
 * (never a secret's value), messages of errors. Escaping makes it impossible
 * to forge a line; it does not make a visitor's data fit to be kept.
 *
 * Logging from any thread is safe and allocates nothing; errno survives. A
 * line is one write(2) of at most PIPE_BUF bytes, so that lines of several
 * threads or processes never mix. What can't be written is lost.
 */
enum pp_log_level {
    PP_LOG_DEBUG,
    PP_LOG_INFO,  /* a change of state */
    PP_LOG_WARN,  /* we coped */
    PP_LOG_ERROR, /* someone should look */
    PP_LOG_FATAL, /* we are exiting; exiting itself is the caller's */
};

/* A line's size, with its newline; and a text value's, escaped. */
#define PP_LOG_LINE_BYTES  4096
#define PP_LOG_VALUE_BYTES 1024

/*
 * Names the service and drops what is below level. service is borrowed for
 * as long as anything logs. Call it before there are other threads.
 */
void pp_log_open(const char *service, enum pp_log_level level);

/* Writes to fd instead of stdout; fd stays the caller's. For tests. */
void pp_log_to(int fd);

/* "debug", "info", "warn", "error" or "fatal"; false when it is none. */
bool pp_log_level_of(const char *text, enum pp_log_level *level_out);

/*
 * pairs is a printf format of key=value separated by single blanks; NULL is
 * none. A value that is one %d, %i, %u, %f, %g or %e is a JSON number (null
 * when not finite); anything else, such as topic=%s, peer=%s:%d, id=%x,
 * mark=%c or why=timeout, is a JSON string. Lengths h, l, ll, z, j, t and a
 * precision work, a width is ignored. A NULL alone in %s is null. Invalid
 * UTF-8 becomes U+FFFD.
 *
 * A text that is too long is cut; a pair that does not fit is left out.
 */
void pp_debug(const char *event, const char *pairs, ...)
    __attribute__((format(printf, 2, 3)));
void pp_info(const char *event, const char *pairs, ...)
    __attribute__((format(printf, 2, 3)));
void pp_warn(const char *event, const char *pairs, ...)
    __attribute__((format(printf, 2, 3)));
void pp_error(const char *event, const char *pairs, ...)
    __attribute__((format(printf, 2, 3)));
void pp_fatal(const char *event, const char *pairs, ...)
    __attribute__((format(printf, 2, 3)));

#endif
