/*
 * Settings: one table, read three ways. Loading goes on after a mistake, so
 * that whoever deploys sees all of them at once.
 */
#include "pp_config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"
#include "pp_str.h"

#define NAME_BYTES     128
#define LINE_BYTES     8192 /* the longest value in a file */
#define PROBLEMS_BYTES 208  /* leaves room for "; and N more" in err->msg */

/* Values that came from files; kept to the end of the process. */
static struct kept {
    struct kept *next;
    char *text;
} * kept_texts;

struct problems {
    char text[PROBLEMS_BYTES];
    size_t n;
    unsigned left_out;
};

static void problem(struct problems *all, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void problem(struct problems *all, const char *fmt, ...)
{
    char one[PROBLEMS_BYTES];
    const char *between = all->n > 0 ? "; " : "";
    size_t n;
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(one, sizeof(one), fmt, args);
    va_end(args);
    n = strlen(between) + strlen(one);
    if (all->left_out > 0 || n >= sizeof(all->text) - all->n) {
        all->left_out++;
        return;
    }
    (void)snprintf(all->text + all->n, sizeof(all->text) - all->n, "%s%s",
                   between, one);
    all->n += n;
}

static const char *keep(const char *text)
{
    struct kept *kept = pp_malloc(sizeof(*kept));

    kept->text = pp_strdup(text);
    kept->next = kept_texts;
    kept_texts = kept;
    return kept->text;
}

/* --- where a value comes from -------------------------------------------- */

/* NULL when it is unset or empty. */
static const char *variable(const char *name)
{
    const char *text = getenv(name);

    return text && text[0] != '\0' ? text : NULL;
}

/* The file's first line, kept; NULL after saying what is wrong. */
static const char *first_line(const char *name, const char *path,
                              struct problems *all)
{
    char line[LINE_BYTES];
    const char *text = NULL;
    FILE *file = fopen(path, "re");
    bool whole;

    if (!file) {
        problem(all, "%s: can't open the file: %s", name, strerror(errno));
        return NULL;
    }
    errno = 0;
    if (!fgets(line, sizeof(line), file)) {
        problem(all, "%s: can't read the file: %s", name,
                errno ? strerror(errno) : "it is empty");
    } else {
        whole = strchr(line, '\n') || feof(file);
        line[strcspn(line, "\r\n")] = '\0';
        if (!whole)
            problem(all, "%s: the file's first line is too long", name);
        else if (line[0] == '\0')
            problem(all, "%s: the file's first line is empty", name);
        else
            text = keep(line);
    }
    explicit_bzero(line, sizeof(line));
    (void)fclose(file);
    return text;
}

/* The value or default as text; NULL after saying what is wrong. */
static const char *find_value(const struct pp_setting *setting,
                              struct problems *all)
{
    char file_name[NAME_BYTES];
    const char *text = variable(setting->name);
    const char *path;

    (void)snprintf(file_name, sizeof(file_name), "%s_FILE", setting->name);
    path = variable(file_name);
    if (text && path) {
        problem(all, "set %s or %s, not both", setting->name, file_name);
        return NULL;
    }
    if (path)
        return first_line(file_name, path, all);
    if (!text)
        text = setting->fallback;
    if (!text)
        problem(all, "%s has to be set", setting->name);
    return text;
}

/* --- what a value means -------------------------------------------------- */

static void set_number(const struct pp_setting *setting, const char *text,
                       struct problems *all)
{
    int64_t number;

    if (pp_str_int64(pp_str_of(text), &number) && number >= setting->min &&
        number <= setting->max)
        *setting->to.number = (int)number;
    else
        problem(all, "%s has to be a whole number from %d to %d", setting->name,
                setting->min, setting->max);
}

static void set_flag(const struct pp_setting *setting, const char *text,
                     struct problems *all)
{
    static const struct {
        const char *word;
        bool flag;
    } words[] = {
        {"true", true},   {"yes", true}, {"on", true},   {"1", true},
        {"false", false}, {"no", false}, {"off", false}, {"0", false},
    };

    for (size_t i = 0; i < PP_COUNT(words); i++) {
        if (pp_str_eq_nocase(pp_str_of(text), pp_str_of(words[i].word))) {
            *setting->to.flag = words[i].flag;
            return;
        }
    }
    problem(all, "%s has to be true or false", setting->name);
}

static void set_text(const struct pp_setting *setting, const char *text,
                     struct problems *all)
{
    const char *wrong = setting->wrong ? setting->wrong(text) : NULL;

    if (wrong)
        problem(all, "%s %s", setting->name, wrong);
    else
        *setting->to.text = text;
}

static void set_choice(const struct pp_setting *setting, const char *text,
                       struct problems *all)
{
    struct pp_str rest = pp_str_of(setting->words), word;
    int which = 0;

    while (pp_str_split(&rest, ' ', &word)) {
        if (pp_str_eq_nocase(pp_str_of(text), word)) {
            *setting->to.number = which;
            return;
        }
        which++;
    }
    problem(all, "%s has to be one of: %s", setting->name, setting->words);
}

static void set_value(const struct pp_setting *setting, const char *text,
                      struct problems *all)
{
    switch (setting->kind) {
    case PP_SETTING_STR:
    case PP_SETTING_SECRET:
        set_text(setting, text, all);
        break;
    case PP_SETTING_INT:
        set_number(setting, text, all);
        break;
    case PP_SETTING_BOOL:
        set_flag(setting, text, all);
        break;
    case PP_SETTING_CHOICE:
        set_choice(setting, text, all);
        break;
    }
}

int pp_config_load(const struct pp_setting *settings, struct pp_err *err)
{
    struct problems all = {.n = 0};

    for (const struct pp_setting *s = settings; s->name; s++) {
        const char *text = find_value(s, &all);

        if (text)
            set_value(s, text, &all);
    }
    if (all.left_out > 0)
        return pp_err_set(err, PP_ERR_FATAL, "%s; and %u more", all.text,
                          all.left_out);
    if (all.n > 0)
        return pp_err_set(err, PP_ERR_FATAL, "%s", all.text);
    return 0;
}

/* --- what a person reads ------------------------------------------------- */

static bool has_range(const struct pp_setting *setting)
{
    return setting->kind == PP_SETTING_INT &&
           (setting->min != INT_MIN || setting->max != INT_MAX);
}

static const char *kind_text(enum pp_setting_kind kind)
{
    switch (kind) {
    case PP_SETTING_STR:
        return "text";
    case PP_SETTING_INT:
        return "number";
    case PP_SETTING_BOOL:
        return "true or false";
    case PP_SETTING_SECRET:
        return "secret";
    case PP_SETTING_CHOICE:
        return "one of";
    }
    return "";
}

/* Never a secret's default, which may be one in use somewhere. */
static const char *fallback_text(const struct pp_setting *setting)
{
    if (!setting->fallback)
        return "required";
    if (setting->fallback[0] == '\0')
        return "empty";
    return setting->kind == PP_SETTING_SECRET ? "not shown" : NULL;
}

void pp_config_help(const struct pp_setting *settings, FILE *out)
{
    int width = 0;

    for (const struct pp_setting *s = settings; s->name; s++)
        if ((int)strlen(s->name) > width)
            width = (int)strlen(s->name);
    for (const struct pp_setting *s = settings; s->name; s++) {
        const char *special = fallback_text(s);

        (void)fprintf(out, "  %-*s  %s (", width, s->name, s->help);
        if (has_range(s))
            (void)fprintf(out, "%d to %d; ", s->min, s->max);
        if (s->words)
            (void)fprintf(out, "one of %s; ", s->words);
        if (!s->fallback)
            (void)fprintf(out, "required)\n");
        else
            (void)fprintf(out, "default: %s)\n",
                          special ? special : s->fallback);
    }
}

/* A bar would end the cell. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            (void)fputc('\\', out);
        (void)fputc(*text, out);
    }
}

void pp_config_markdown(const struct pp_setting *settings, FILE *out)
{
    (void)fprintf(out, "| Variable | Value | Default | Meaning |\n"
                       "|---|---|---|---|\n");
    for (const struct pp_setting *s = settings; s->name; s++) {
        const char *special = fallback_text(s);

        (void)fprintf(out, "| `%s` | %s", s->name, kind_text(s->kind));
        if (has_range(s))
            (void)fprintf(out, " from %d to %d", s->min, s->max);
        if (s->words)
            (void)fprintf(out, " %s", s->words);
        (void)fprintf(out, special ? " | " : " | `");
        print_cell(out, special ? special : s->fallback);
        (void)fprintf(out, special ? " | " : "` | ");
        print_cell(out, s->help);
        (void)fprintf(out, " |\n");
    }
}

const char *pp_config_url_wrong(const char *text)
{
    struct pp_str url = pp_str_of(text);

    if (pp_str_starts(url, PP_LIT("https://")))
        url = pp_str_sub(url, 8, url.n);
    else if (pp_str_starts(url, PP_LIT("http://")))
        url = pp_str_sub(url, 7, url.n);
    else
        return "has to begin with https://, or for trying it out http://";
    if (url.n == 0 || url.n > 255 || strpbrk(url.p, "/?# ;'\"<>|\\"))
        return "has to be an address without a path, like "
               "https://pawprint.example";
    return NULL;
}
