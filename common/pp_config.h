#ifndef PP_CONFIG_H
#define PP_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "pp_err.h"

/*
 * Settings from the environment, checked at start, self-documenting.
 *
 * A service has one table of settings; from its rows come the values, --help
 * and docs/configuration.md. All of it is for the start, before there are
 * other threads.
 *
 * A variable that is empty counts as unset. NAME_FILE may be set instead of
 * NAME: the value then is the first line of the file at that path, which is
 * how secrets are mounted. No value is ever put in a message.
 */
enum pp_setting_kind {
    PP_SETTING_STR,
    PP_SETTING_INT,
    PP_SETTING_BOOL,
    PP_SETTING_SECRET,
    PP_SETTING_CHOICE,
};

struct pp_setting {
    const char *name; /* NULL ends the table */
    enum pp_setting_kind kind;
    union {
        const char **text;
        int *number;
        bool *flag;
    } to;
    const char *fallback; /* the default as text; NULL: has to be set */
    const char *help;     /* one line */
    int min, max;         /* of a number, inclusive */
    /* Of a text, or NULL: what it has to be, "has to be ...", when it is
     * wrong; NULL when it is right. */
    const char *(*wrong)(const char *text);
    const char *words; /* of a choice: "one two three" */
};

/*
 * A row: variable, where its value goes, default, one line of help. The
 * default is text, checked like a value; NULL makes the variable required,
 * and "" is an empty text.
 *
 *   PP_INT("PAWPRINT_ACK_MS", &cfg.ack_ms, "10000", "longest wait for ...")
 */
#define PP_STR(name_, to_, fallback_, help_)                                   \
    {                                                                          \
        .name = (name_), .kind = PP_SETTING_STR, .to.text = (to_),             \
        .fallback = (fallback_), .help = (help_),                              \
    }

/* The same, for a text that wrong_() has to find right. */
#define PP_STR_CHECKED(name_, to_, fallback_, wrong_, help_)                   \
    {                                                                          \
        .name = (name_), .kind = PP_SETTING_STR, .to.text = (to_),             \
        .fallback = (fallback_), .wrong = (wrong_), .help = (help_),           \
    }

/* The same, for a value that is never printed, not even its default. */
#define PP_SECRET(name_, to_, fallback_, help_)                                \
    {                                                                          \
        .name = (name_), .kind = PP_SETTING_SECRET, .to.text = (to_),          \
        .fallback = (fallback_), .help = (help_),                              \
    }

/* A whole decimal number. */
#define PP_INT(name_, to_, fallback_, help_)                                   \
    PP_INT_RANGE(name_, to_, fallback_, INT_MIN, INT_MAX, help_)
#define PP_INT_RANGE(name_, to_, fallback_, min_, max_, help_)                 \
    {                                                                          \
        .name = (name_), .kind = PP_SETTING_INT, .to.number = (to_),           \
        .fallback = (fallback_), .help = (help_), .min = (min_),               \
        .max = (max_),                                                         \
    }

/* true, yes, on, 1 or false, no, off, 0, in any case. */
#define PP_BOOL(name_, to_, fallback_, help_)                                  \
    {                                                                          \
        .name = (name_), .kind = PP_SETTING_BOOL, .to.flag = (to_),            \
        .fallback = (fallback_), .help = (help_),                              \
    }

/* One of some words, in any case; to is which of them, from 0. */
#define PP_CHOICE(name_, to_, fallback_, words_, help_)                        \
    {                                                                          \
        .name = (name_), .kind = PP_SETTING_CHOICE, .to.number = (to_),        \
        .fallback = (fallback_), .help = (help_), .words = (words_),           \
    }

/*
 * Reads and checks all settings. PP_ERR_FATAL lists by name what is wrong, as
 * much as err holds and then how many more; the valid ones are set also then.
 * Texts stay valid to the end of the process, unless the environment is
 * changed; they belong to nobody who would free them.
 */
int pp_config_load(const struct pp_setting *settings, struct pp_err *err);

/* Prints the settings as aligned text, for --help. */
void pp_config_help(const struct pp_setting *settings, FILE *out);

/* Prints the settings as a Markdown table, for docs/configuration.md. */
void pp_config_markdown(const struct pp_setting *settings, FILE *out);

/*
 * For PP_STR_CHECKED: an address of ours as people reach it, without a path,
 * "https://pawprint.example". What it has to be, or NULL when it is right.
 */
const char *pp_config_url_wrong(const char *text);

#endif
