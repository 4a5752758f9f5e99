#ifndef PP_MESSAGE_H
#define PP_MESSAGE_H

#include <stdbool.h>

#include "pp_arena.h"
#include "pp_buf.h"
#include "pp_err.h"
#include "pp_str.h"

/*
 * What messages to people say, by kind: a mail's subject, HTML and text, and
 * a short form for the rest. common/messages has a file for each kind and is
 * compiled in; HTML and text are made of the same lines, so that they can't
 * say different things. docs/notifier.md describes the files.
 *
 * A message is rendered from values, one for each name in its file. No I/O;
 * one thread at a time.
 */
struct pp_messages;
struct pp_message;

/* More names than this in one file are refused at the start. */
#define PP_MESSAGE_NAMES_MAX 32

/* Reads and checks all that is compiled in. PP_ERR_FATAL names the file. */
int pp_messages_open(struct pp_messages **messages_out, struct pp_err *err);
void pp_messages_close(struct pp_messages **messages);

/* NULL: no such kind. */
const struct pp_message *pp_message_find(const struct pp_messages *messages,
                                         const char *kind);
/* The n-th kind, or NULL behind the last. */
const char *pp_message_kind(const struct pp_messages *messages, size_t n);

/* The values of one message; what they point at is someone else's. */
struct pp_message_values {
    struct pp_str of[PP_MESSAGE_NAMES_MAX];
};

/* True when the message has that name. An unknown name is passed over. */
bool pp_message_set(const struct pp_message *message, const char *name,
                    struct pp_str value, struct pp_message_values *values);

/* Its value; n is 0 when there is none. */
struct pp_str pp_message_get(const struct pp_message *message, const char *name,
                             const struct pp_message_values *values);

/*
 * Sets what a JSON object says: texts as they are, whole numbers as 12,345,
 * but for `subscription` and what ends in _id, which stay as they are.
 * What has no name in the message is passed over. PP_ERR_INVALID: it is no
 * object, or larger than the arena.
 */
int pp_message_facts(const struct pp_message *message, struct pp_str json,
                     struct pp_arena *arena, struct pp_message_values *values,
                     struct pp_err *err);

/* PP_ERR_INVALID names the first value that it needs and has not. */
int pp_message_check(const struct pp_message *message,
                     const struct pp_message_values *values,
                     struct pp_err *err);

/* The n-th name, or NULL; those that end in _at or _until are instants. */
const char *pp_message_name(const struct pp_message *message, size_t n);
bool pp_message_is_instant(const char *name);

/* The values that its file gives as an example. */
void pp_message_sample(const struct pp_message *message,
                       struct pp_message_values *values);

/* Each adds to out. Subject and short are one line. */
void pp_message_subject(const struct pp_message *message,
                        const struct pp_message_values *values,
                        struct pp_buf *out);
void pp_message_short(const struct pp_message *message,
                      const struct pp_message_values *values,
                      struct pp_buf *out);
void pp_message_html(const struct pp_messages *messages,
                     const struct pp_message *message,
                     const struct pp_message_values *values,
                     struct pp_buf *out);
void pp_message_text(const struct pp_message *message,
                     const struct pp_message_values *values,
                     struct pp_buf *out);

/* --- what embed.py makes, and for tests ------------------------------------
 */
struct pp_message_source {
    const char *kind; /* NULL ends the table */
    const char *text;
};
extern const struct pp_message_source pp_message_sources[];
extern const char pp_message_layout[];

int pp_messages_read(struct pp_messages **messages_out,
                     const struct pp_message_source *sources,
                     const char *layout, struct pp_err *err);

#endif
