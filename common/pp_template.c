#include "pp_template.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

enum step_kind { STEP_TEXT, STEP_VALUE, STEP_IF, STEP_UNLESS };

struct step {
    enum step_kind kind;
    struct pp_str text; /* points into the template's text */
    size_t name;
    size_t end; /* of a section: the step behind it */
};

struct pp_template {
    struct step *steps;
    size_t count, capacity;
};

/* What is being read. */
struct reader {
    struct pp_template *template;
    struct pp_str text;
    const struct pp_str *names;
    size_t names_count;
    size_t at;
    size_t open[PP_TEMPLATE_DEPTH_MAX]; /* steps of sections not closed yet */
    size_t depth;
};

static struct step *add_step(struct pp_template *template, enum step_kind kind)
{
    if (template->count == template->capacity) {
        template->capacity = template->capacity ? 2 * template->capacity : 8;
        template->steps = pp_realloc(
            template->steps, template->capacity * sizeof(*template->steps));
    }
    template->steps[template->count] = (struct step){.kind = kind};
    return &template->steps[template->count++];
}

static int wrong(const struct reader *reader, const char *what,
                 struct pp_str name, struct pp_err *err)
{
    return pp_err_set(err, PP_ERR_FATAL, "template: at byte %zu: %s '%.*s'",
                      reader->at, what, PP_ARG(pp_str_sub(name, 0, 60)));
}

static bool find_name(const struct reader *reader, struct pp_str name,
                      size_t *index_out)
{
    for (size_t i = 0; i < reader->names_count; i++) {
        if (name.n && pp_str_eq(reader->names[i], name)) {
            *index_out = i;
            return true;
        }
    }
    return false;
}

static int close_section(struct reader *reader, struct pp_str name,
                         size_t index, struct pp_err *err)
{
    struct step *steps = reader->template->steps;

    if (reader->depth == 0 ||
        steps[reader->open[reader->depth - 1]].name != index)
        return wrong(reader, "closes what is not open:", name, err);
    steps[reader->open[--reader->depth]].end = reader->template->count;
    return 0;
}

/* tag is what stands between the braces. */
static int read_tag(struct reader *reader, struct pp_str tag,
                    struct pp_err *err)
{
    char mark = tag.n ? tag.p[0] : '\0';
    struct pp_str name = tag;
    struct step *step;
    size_t index;

    if (mark == '#' || mark == '^' || mark == '/')
        name = pp_str_sub(tag, 1, tag.n);
    if (!find_name(reader, name, &index))
        return wrong(reader, "no such name:", name, err);
    if (mark == '/')
        return close_section(reader, name, index, err);
    if (name.n == tag.n) {
        add_step(reader->template, STEP_VALUE)->name = index;
        return 0;
    }
    if (reader->depth == PP_TEMPLATE_DEPTH_MAX)
        return wrong(reader, "too many sections around", name, err);
    reader->open[reader->depth++] = reader->template->count;
    step = add_step(reader->template, mark == '#' ? STEP_IF : STEP_UNLESS);
    step->name = index;
    return 0;
}

static const char *find_braces(struct pp_str text, const char *braces)
{
    return text.n ? memmem(text.p, text.n, braces, 2) : NULL;
}

/* One piece of text and the tag behind it. */
static int read_piece(struct reader *reader, struct pp_err *err)
{
    struct pp_str rest = pp_str_sub(reader->text, reader->at, reader->text.n);
    const char *open = find_braces(rest, "{{"), *close;
    size_t before = open ? (size_t)(open - rest.p) : rest.n;
    struct pp_str tag;

    if (before)
        add_step(reader->template, STEP_TEXT)->text =
            pp_str_sub(rest, 0, before);
    reader->at += before;
    if (!open)
        return 0;
    tag = pp_str_sub(rest, before + 2, rest.n);
    close = find_braces(tag, "}}");
    if (!close)
        return wrong(reader, "{{ without }}", (struct pp_str){"", 0}, err);
    tag.n = (size_t)(close - tag.p);
    if (read_tag(reader, tag, err) < 0)
        return -1;
    reader->at += tag.n + 4;
    return 0;
}

int pp_template_open(struct pp_template **template_out, struct pp_str text,
                     const struct pp_str *names, size_t count,
                     struct pp_err *err)
{
    struct reader reader = {
        .template = pp_calloc(1, sizeof(struct pp_template)),
        .text = text,
        .names = names,
        .names_count = count,
    };
    int result = 0;

    *template_out = reader.template;
    while (result == 0 && reader.at < text.n)
        result = read_piece(&reader, err);
    if (result == 0 && reader.depth > 0)
        result = wrong(&reader, "a section is not closed",
                       (struct pp_str){"", 0}, err);
    if (result < 0)
        pp_template_close(template_out);
    return result;
}

void pp_template_close(struct pp_template **template)
{
    if (!*template)
        return;
    free((*template)->steps);
    free(*template);
    *template = NULL;
}

void pp_template_render(const struct pp_template *template,
                        const struct pp_str *values,
                        enum pp_template_context context, struct pp_buf *out)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct step *step = &template->steps[i];

        switch (step->kind) {
        case STEP_TEXT:
            pp_buf_add_str(out, step->text);
            break;
        case STEP_VALUE:
            pp_template_escape(out, values[step->name], context);
            break;
        case STEP_IF:
        case STEP_UNLESS:
            if ((values[step->name].n > 0) != (step->kind == STEP_IF))
                i = step->end - 1;
            break;
        }
    }
}

/* --- escaping --------------------------------------------------------------
 */

/* An ASCII character; NULL: as it is. */
static const char *escape_of(unsigned char c, enum pp_template_context context)
{
    bool html = context == PP_TEMPLATE_HTML;

    if (c == '\n' && context != PP_TEMPLATE_HEADER)
        return html                          ? "<br>"
               : context == PP_TEMPLATE_JSON ? "\\n"
               : context == PP_TEMPLATE_URL  ? "%0A"
                                             : NULL;
    if (c < 0x20 || c == 0x7F)
        return context == PP_TEMPLATE_URL ? "%20" : " ";
    if (html || context == PP_TEMPLATE_SLACK) {
        switch (c) {
        case '&':
            return "&amp;";
        case '<':
            return "&lt;";
        case '>':
            return "&gt;";
        case '"':
            return html ? "&quot;" : NULL;
        case '\'':
            return html ? "&#39;" : NULL;
        default:
            return NULL;
        }
    }
    if (context == PP_TEMPLATE_JSON)
        return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : NULL;
    return NULL;
}

/* RFC 3986's unreserved stay. */
static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

static void add_ascii(struct pp_buf *out, unsigned char c,
                      enum pp_template_context context)
{
    const char *instead = escape_of(c, context);

    if (instead)
        pp_buf_add_text(out, instead);
    else if (context == PP_TEMPLATE_URL && !is_unreserved(c))
        pp_buf_printf(out, "%%%02X", c);
    else
        pp_buf_add_byte(out, c);
}

/* A whole character beyond ASCII. */
static void add_wide(struct pp_buf *out, struct pp_str character,
                     enum pp_template_context context)
{
    const unsigned char *p = (const unsigned char *)character.p;

    /* U+0080 to U+009F are control characters, too. */
    if (character.n == 2 && p[0] == 0xC2 && p[1] < 0xA0) {
        add_ascii(out, ' ', context);
        return;
    }
    for (size_t i = 0; i < character.n; i++) {
        if (context == PP_TEMPLATE_URL)
            pp_buf_printf(out, "%%%02X", p[i]);
        else
            pp_buf_add_byte(out, p[i]);
    }
}

/* The character that text begins with; n is 0 when it is none. */
static struct pp_str first_character(struct pp_str text)
{
    for (size_t n = 2; n <= 4 && n <= text.n; n++)
        if (pp_str_is_utf8(pp_str_sub(text, 0, n)))
            return pp_str_sub(text, 0, n);
    return pp_str_sub(text, 0, 0);
}

void pp_template_escape(struct pp_buf *out, struct pp_str value,
                        enum pp_template_context context)
{
    for (size_t i = 0; i < value.n;) {
        unsigned char c = (unsigned char)value.p[i];
        struct pp_str character;

        if (c < 0x80) {
            add_ascii(out, c, context);
            i++;
            continue;
        }
        character = first_character(pp_str_sub(value, i, value.n));
        i += character.n ? character.n : 1;
        add_wide(out, character.n ? character : PP_LIT("\xEF\xBF\xBD"),
                 context);
    }
}
