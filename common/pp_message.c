#include "pp_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_json.h"
#include "pp_mem.h"
#include "pp_template.h"

#define BLOCKS_MAX  24
#define KINDS_MAX   64
#define WIDTH       72 /* of a line of text */
#define VALUE_BYTES ((size_t)64 << 10)

/* --- what is kept ----------------------------------------------------------
 */

/* A line of a file that is shown: words, and what stands beside them. */
enum block_kind {
    BLOCK_TEXT,
    BLOCK_ROW,
    BLOCK_BUTTON,
    BLOCK_LINK,
    BLOCK_SMALL
};

struct block {
    enum block_kind kind;
    struct pp_template *text;
    struct pp_template *beside; /* a row's label, a link's URL, or NULL */
};

struct pp_message {
    const char *kind;
    struct pp_str names[PP_MESSAGE_NAMES_MAX]; /* NUL follows each */
    struct pp_str samples[PP_MESSAGE_NAMES_MAX];
    bool needed[PP_MESSAGE_NAMES_MAX];
    size_t names_count;
    struct pp_template *subject, *heading, *brief;
    struct block blocks[BLOCKS_MAX];
    size_t blocks_count;
    char *copy; /* of the file; names and templates point into it */
};

enum part {
    PART_TOP,
    PART_HEADING,
    PART_TEXT,
    PART_ROWS,
    PART_ROW,
    PART_ROWS_END,
    PART_BUTTON,
    PART_LINK,
    PART_SMALL,
    PART_BOTTOM,
    PART_COUNT,
};

struct pp_messages {
    struct pp_message *all[KINDS_MAX];
    size_t count;
    struct pp_template *layout[PART_COUNT];
};

static const struct pp_str layout_names[] = {
    {"subject", 7}, {"short", 5}, {"label", 5}, {"text", 4}, {"url", 3},
};

/* What every message may say; the rest is declared in its file. */
static const struct {
    const char *name, *sample;
} common_names[] = {
    {"account", "Kettles and cups"},
    {"account_id", "k3ttl3scups1"},
    {"site", "kettles.example"},
};

/* --- reading a file --------------------------------------------------------
 */

static int add_name(struct pp_message *message, struct pp_str name,
                    struct pp_str sample, bool needed, struct pp_err *err)
{
    size_t i = message->names_count;

    if (i == PP_MESSAGE_NAMES_MAX || name.n == 0)
        return pp_err_set(err, PP_ERR_FATAL, "message %s: %s", message->kind,
                          i ? "too many names" : "no name");
    message->names[i] = name;
    message->samples[i] = sample;
    message->needed[i] = needed;
    message->names_count++;
    return 0;
}

static int open_template(const struct pp_message *message, struct pp_str text,
                         struct pp_template **out, struct pp_err *err)
{
    struct pp_err why = {0};

    if (*out)
        return pp_err_set(err, PP_ERR_FATAL, "message %s: twice: %.*s",
                          message->kind, PP_ARG(pp_str_sub(text, 0, 60)));
    if (pp_template_open(out, text, message->names, message->names_count,
                         &why) == 0)
        return 0;
    return pp_err_set(err, PP_ERR_FATAL, "message %s: %s in '%.*s'",
                      message->kind, why.msg, PP_ARG(pp_str_sub(text, 0, 60)));
}

/* "need NAME = EXAMPLE": the copy gets a NUL behind the name. */
static int read_name(struct pp_message *message, struct pp_str rest,
                     bool needed, struct pp_err *err)
{
    size_t end = pp_str_find(rest, '=');
    struct pp_str name = pp_str_trim(pp_str_sub(rest, 0, end));

    if (end == rest.n)
        return pp_err_set(err, PP_ERR_FATAL, "message %s: %.*s has no example",
                          message->kind, PP_ARG(name));
    message->copy[(size_t)(name.p - message->copy) + name.n] = '\0';
    return add_name(message, name,
                    pp_str_trim(pp_str_sub(rest, end + 1, rest.n)), needed,
                    err);
}

/* Where the last " | " begins. */
static size_t find_bar(struct pp_str text)
{
    for (size_t i = text.n; i >= 3; i--)
        if (memcmp(text.p + i - 3, " | ", 3) == 0)
            return i - 3;
    return text.n;
}

static int read_block(struct pp_message *message, enum block_kind kind,
                      struct pp_str rest, struct pp_err *err)
{
    bool two = kind == BLOCK_ROW || kind == BLOCK_BUTTON || kind == BLOCK_LINK;
    size_t bar = two ? find_bar(rest) : rest.n;
    struct pp_str left = pp_str_sub(rest, 0, bar), right;
    struct block *block;

    if (message->blocks_count == BLOCKS_MAX || (two && bar == rest.n))
        return pp_err_set(err, PP_ERR_FATAL, "message %s: %s at '%.*s'",
                          message->kind, two ? "no bar" : "too many lines",
                          PP_ARG(pp_str_sub(rest, 0, 60)));
    block = &message->blocks[message->blocks_count++];
    block->kind = kind;
    right = pp_str_sub(rest, bar + 3, rest.n);
    if (two && open_template(message, kind == BLOCK_ROW ? left : right,
                             &block->beside, err) < 0)
        return -1;
    return open_template(message, kind == BLOCK_ROW ? right : left,
                         &block->text, err);
}

static int read_line(struct pp_message *message, struct pp_str line,
                     struct pp_err *err)
{
    static const char *const blocks[] = {
        [BLOCK_TEXT] = "text",     [BLOCK_ROW] = "row",
        [BLOCK_BUTTON] = "button", [BLOCK_LINK] = "link",
        [BLOCK_SMALL] = "small",
    };
    size_t end = pp_str_find(line, ' ');
    struct pp_str word = pp_str_sub(line, 0, end);
    struct pp_str rest = pp_str_trim(pp_str_sub(line, end, line.n));

    if (word.n == 0 || word.p[0] == '#')
        return 0;
    if (pp_str_eq(word, PP_LIT("need")) || pp_str_eq(word, PP_LIT("may")))
        return read_name(message, rest, word.n == 4, err);
    if (pp_str_eq(word, PP_LIT("subject")))
        return open_template(message, rest, &message->subject, err);
    if (pp_str_eq(word, PP_LIT("heading")))
        return open_template(message, rest, &message->heading, err);
    if (pp_str_eq(word, PP_LIT("short")))
        return open_template(message, rest, &message->brief, err);
    for (size_t i = 0; i < PP_COUNT(blocks); i++)
        if (pp_str_eq(word, pp_str_of(blocks[i])))
            return read_block(message, (enum block_kind)i, rest, err);
    return pp_err_set(err, PP_ERR_FATAL, "message %s: what is '%.*s'?",
                      message->kind, PP_ARG(pp_str_sub(word, 0, 60)));
}

static int read_message(struct pp_message *message, const char *text,
                        struct pp_err *err)
{
    struct pp_str rest, line;

    message->copy = pp_strdup(text);
    rest = pp_str_of(message->copy);
    for (size_t i = 0; i < PP_COUNT(common_names); i++)
        if (add_name(message, pp_str_of(common_names[i].name),
                     pp_str_of(common_names[i].sample), false, err) < 0)
            return -1;
    while (pp_str_split(&rest, '\n', &line))
        if (read_line(message, line, err) < 0)
            return -1;
    if (!message->subject || !message->heading || !message->brief)
        return pp_err_set(err, PP_ERR_FATAL,
                          "message %s: subject, heading or short is missing",
                          message->kind);
    return 0;
}

/* --- reading all of them ---------------------------------------------------
 */

/* The lines behind "== name", up to the next of them. */
static int read_part(struct pp_messages *messages, const char *layout,
                     enum part part, struct pp_err *err)
{
    static const char *const titles[] = {
        [PART_TOP] = "== top\n",       [PART_HEADING] = "== heading\n",
        [PART_TEXT] = "== text\n",     [PART_ROWS] = "== rows\n",
        [PART_ROW] = "== row\n",       [PART_ROWS_END] = "== rows end\n",
        [PART_BUTTON] = "== button\n", [PART_LINK] = "== link\n",
        [PART_SMALL] = "== small\n",   [PART_BOTTOM] = "== bottom\n",
    };
    const char *at = strstr(layout, titles[part]), *end;

    if (!at)
        return pp_err_set(err, PP_ERR_FATAL, "layout.html: no line %s",
                          titles[part]);
    at += strlen(titles[part]);
    end = strstr(at, "\n== ");
    return pp_template_open(
        &messages->layout[part],
        (struct pp_str){at, end ? (size_t)(end + 1 - at) : strlen(at)},
        layout_names, PP_COUNT(layout_names), err);
}

int pp_messages_read(struct pp_messages **messages_out,
                     const struct pp_message_source *sources,
                     const char *layout, struct pp_err *err)
{
    struct pp_messages *messages = pp_calloc(1, sizeof(*messages));
    int result = 0;

    *messages_out = messages;
    for (int i = 0; i < PART_COUNT && result == 0; i++)
        result = read_part(messages, layout, (enum part)i, err);
    for (; sources->kind && result == 0; sources++) {
        struct pp_message *message = pp_calloc(1, sizeof(*message));

        if (messages->count == KINDS_MAX)
            abort();
        message->kind = sources->kind;
        messages->all[messages->count++] = message;
        result = read_message(message, sources->text, err);
    }
    if (result < 0)
        pp_messages_close(messages_out);
    return result;
}

int pp_messages_open(struct pp_messages **messages_out, struct pp_err *err)
{
    return pp_messages_read(messages_out, pp_message_sources, pp_message_layout,
                            err);
}

static void free_message(struct pp_message *message)
{
    pp_template_close(&message->subject);
    pp_template_close(&message->heading);
    pp_template_close(&message->brief);
    for (size_t i = 0; i < message->blocks_count; i++) {
        pp_template_close(&message->blocks[i].text);
        pp_template_close(&message->blocks[i].beside);
    }
    free(message->copy);
    free(message);
}

void pp_messages_close(struct pp_messages **messages)
{
    if (!*messages)
        return;
    for (size_t i = 0; i < (*messages)->count; i++)
        free_message((*messages)->all[i]);
    for (int i = 0; i < PART_COUNT; i++)
        pp_template_close(&(*messages)->layout[i]);
    free(*messages);
    *messages = NULL;
}

const struct pp_message *pp_message_find(const struct pp_messages *messages,
                                         const char *kind)
{
    for (size_t i = 0; i < messages->count; i++)
        if (strcmp(messages->all[i]->kind, kind) == 0)
            return messages->all[i];
    return NULL;
}

const char *pp_message_kind(const struct pp_messages *messages, size_t n)
{
    return n < messages->count ? messages->all[n]->kind : NULL;
}

/* --- values ----------------------------------------------------------------
 */

static size_t index_of(const struct pp_message *message, struct pp_str name)
{
    size_t i = 0;

    while (i < message->names_count && !pp_str_eq(message->names[i], name))
        i++;
    return i;
}

bool pp_message_set(const struct pp_message *message, const char *name,
                    struct pp_str value, struct pp_message_values *values)
{
    size_t i = index_of(message, pp_str_of(name));

    if (i == message->names_count)
        return false;
    values->of[i] = value;
    return true;
}

struct pp_str pp_message_get(const struct pp_message *message, const char *name,
                             const struct pp_message_values *values)
{
    size_t i = index_of(message, pp_str_of(name));

    return i < message->names_count ? values->of[i] : (struct pp_str){NULL, 0};
}

const char *pp_message_name(const struct pp_message *message, size_t n)
{
    return n < message->names_count ? message->names[n].p : NULL;
}

bool pp_message_is_instant(const char *name)
{
    return pp_str_ends(pp_str_of(name), PP_LIT("_at")) ||
           pp_str_ends(pp_str_of(name), PP_LIT("_until"));
}

/* 1234567 becomes 1,234,567; what is no whole number stays. */
static struct pp_str with_commas(struct pp_str number, struct pp_arena *arena)
{
    char text[48];
    size_t n = 0;
    int64_t value;
    size_t sign = number.n && number.p[0] == '-';

    if (!pp_json_int64(number, &value) || number.n > 24)
        return number;
    for (size_t i = 0; i < number.n; i++) {
        if (i > sign && (number.n - i) % 3 == 0)
            text[n++] = ',';
        text[n++] = number.p[i];
    }
    return (struct pp_str){pp_arena_text(arena, (struct pp_str){text, n}), n};
}

/* What the number is of is not counted: links are made of it. */
static bool is_id(struct pp_str name)
{
    return pp_str_eq(name, PP_LIT("subscription")) ||
           pp_str_ends(name, PP_LIT("_id"));
}

/* One member of that name; json stands behind its key. */
static bool take_value(struct pp_json *json, struct pp_str name,
                       enum pp_json_token token, struct pp_arena *arena,
                       struct pp_str *value)
{
    if (token == PP_JSON_STRING || (token == PP_JSON_NUMBER && is_id(name)))
        *value = json->str;
    else if (token == PP_JSON_NUMBER)
        *value = with_commas(json->str, arena);
    else if (token == PP_JSON_TRUE)
        *value = PP_LIT("yes");
    else
        *value = (struct pp_str){NULL, 0};
    return pp_json_skip(json, token) && (value->p || value->n == 0);
}

int pp_message_facts(const struct pp_message *message, struct pp_str text,
                     struct pp_arena *arena, struct pp_message_values *values,
                     struct pp_err *err)
{
    struct pp_str passed_over;
    enum pp_json_token token;
    struct pp_json json;

    pp_json_init(&json, text, arena, 8);
    token = pp_json_next(&json);
    if (token == PP_JSON_OBJECT)
        token = pp_json_next(&json);
    else
        token = PP_JSON_ERROR;
    while (token == PP_JSON_KEY) {
        struct pp_str name = json.str;
        size_t i = index_of(message, name);

        if (!take_value(&json, name, pp_json_next(&json), arena,
                        i < message->names_count ? &values->of[i]
                                                 : &passed_over))
            break;
        token = pp_json_next(&json);
    }
    if (token != PP_JSON_OBJECT_END || pp_json_next(&json) != PP_JSON_END)
        return pp_err_set(err, PP_ERR_INVALID, "facts: %s",
                          json.error ? json.error : "not a small object");
    return 0;
}

int pp_message_check(const struct pp_message *message,
                     const struct pp_message_values *values, struct pp_err *err)
{
    for (size_t i = 0; i < message->names_count; i++)
        if (message->needed[i] && values->of[i].n == 0)
            return pp_err_set(err, PP_ERR_INVALID, "a %s needs the fact '%s'",
                              message->kind, message->names[i].p);
    return 0;
}

void pp_message_sample(const struct pp_message *message,
                       struct pp_message_values *values)
{
    for (size_t i = 0; i < message->names_count; i++)
        values->of[i] = message->samples[i];
}

/* --- rendering -------------------------------------------------------------
 */

/* Words before they are put anywhere: a buffer of the caller's. */
static struct pp_str words_of(const struct pp_template *template,
                              const struct pp_message_values *values,
                              struct pp_buf *buf)
{
    pp_buf_reset(buf);
    if (template)
        pp_template_render(template, values->of, PP_TEMPLATE_TEXT, buf);
    return pp_str_trim(pp_buf_str(buf));
}

static void add_line(const struct pp_template *template,
                     const struct pp_message_values *values, struct pp_buf *out)
{
    struct pp_buf words;

    pp_buf_init(&words, VALUE_BYTES);
    pp_template_escape(out, words_of(template, values, &words),
                       PP_TEMPLATE_HEADER);
    pp_buf_fini(&words);
}

void pp_message_subject(const struct pp_message *message,
                        const struct pp_message_values *values,
                        struct pp_buf *out)
{
    add_line(message->subject, values, out);
}

void pp_message_short(const struct pp_message *message,
                      const struct pp_message_values *values,
                      struct pp_buf *out)
{
    add_line(message->brief, values, out);
}

/* Nothing that a mail program would run, or that ends early. */
static bool is_url(struct pp_str url)
{
    if (!pp_str_starts(url, PP_LIT("https://")) &&
        !pp_str_starts(url, PP_LIT("http://")))
        return false;
    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= ' ' || strchr("<>\"\\`{}", url.p[i]))
            return false;
    return true;
}

/* The two sides of a block; false when it is left out. */
static bool sides_of(const struct block *block,
                     const struct pp_message_values *values,
                     struct pp_buf sides[2], struct pp_str *text,
                     struct pp_str *beside)
{
    *text = words_of(block->text, values, &sides[0]);
    *beside = words_of(block->beside, values, &sides[1]);
    if (block->kind == BLOCK_BUTTON || block->kind == BLOCK_LINK)
        return text->n && is_url(*beside);
    return text->n > 0;
}

/* Calls show for each block that says something. */
static void each_block(const struct pp_message *message,
                       const struct pp_message_values *values,
                       void (*show)(void *context, enum block_kind kind,
                                    struct pp_str text, struct pp_str beside),
                       void *context)
{
    struct pp_str text, beside;
    struct pp_buf sides[2];

    pp_buf_init(&sides[0], VALUE_BYTES);
    pp_buf_init(&sides[1], VALUE_BYTES);
    for (size_t i = 0; i < message->blocks_count; i++)
        if (sides_of(&message->blocks[i], values, sides, &text, &beside))
            show(context, message->blocks[i].kind, text, beside);
    pp_buf_fini(&sides[0]);
    pp_buf_fini(&sides[1]);
}

/* What stands below, whoever it is sent to. */
static void add_footer(const struct pp_message *message,
                       const struct pp_message_values *values,
                       struct pp_buf *out)
{
    struct pp_str account = pp_message_get(message, "account", values);

    pp_buf_add_text(out, "Pawprint sent this");
    if (account.n) {
        pp_buf_add_text(out, " about the account ");
        pp_template_escape(out, account, PP_TEMPLATE_HEADER);
    }
    pp_buf_add_byte(out, '.');
}

/* --- as HTML ---------------------------------------------------------------
 */
struct html {
    const struct pp_messages *messages;
    struct pp_buf *out;
    bool in_rows;
};

static void add_part(const struct html *html, enum part part,
                     struct pp_str text, struct pp_str beside)
{
    struct pp_str values[PP_COUNT(layout_names)] = {
        text, beside, beside, text, beside,
    };

    pp_template_render(html->messages->layout[part], values, PP_TEMPLATE_HTML,
                       html->out);
}

static void leave_rows(struct html *html, bool stays)
{
    const struct pp_str none = {NULL, 0};

    if (html->in_rows != stays)
        add_part(html, stays ? PART_ROWS : PART_ROWS_END, none, none);
    html->in_rows = stays;
}

static void show_html(void *context, enum block_kind kind, struct pp_str text,
                      struct pp_str beside)
{
    static const enum part parts[] = {
        [BLOCK_TEXT] = PART_TEXT,     [BLOCK_ROW] = PART_ROW,
        [BLOCK_BUTTON] = PART_BUTTON, [BLOCK_LINK] = PART_LINK,
        [BLOCK_SMALL] = PART_SMALL,
    };
    struct html *html = context;

    leave_rows(html, kind == BLOCK_ROW);
    add_part(html, parts[kind], text, beside);
}

void pp_message_html(const struct pp_messages *messages,
                     const struct pp_message *message,
                     const struct pp_message_values *values, struct pp_buf *out)
{
    struct html html = {.messages = messages, .out = out};
    const struct pp_str none = {NULL, 0};
    struct pp_buf words, more;

    pp_buf_init(&words, VALUE_BYTES);
    pp_buf_init(&more, VALUE_BYTES);
    add_part(&html, PART_TOP, words_of(message->subject, values, &words),
             words_of(message->brief, values, &more));
    add_part(&html, PART_HEADING, words_of(message->heading, values, &words),
             none);
    each_block(message, values, show_html, &html);
    leave_rows(&html, false);
    pp_buf_reset(&words);
    add_footer(message, values, &words);
    add_part(&html, PART_BOTTOM, pp_buf_str(&words), none);
    pp_buf_fini(&words);
    pp_buf_fini(&more);
}

/* --- as text ---------------------------------------------------------------
 */
struct plain {
    struct pp_buf *out;
    size_t label_width;
    bool in_rows;
};

static size_t width_of(struct pp_str text)
{
    size_t width = 0;

    for (size_t i = 0; i < text.n; i++)
        width += ((unsigned char)text.p[i] & 0xC0) != 0x80;
    return width;
}

/* One line of words, broken between them. */
static void add_wrapped(struct pp_buf *out, struct pp_str line)
{
    struct pp_str word;
    size_t column = 0;

    while (pp_str_split(&line, ' ', &word)) {
        size_t width = width_of(word);

        if (width == 0)
            continue;
        if (column > 0) {
            bool fits = column + 1 + width <= WIDTH;

            pp_buf_add_byte(out, fits ? ' ' : '\n');
            column = fits ? column + 1 : 0;
        }
        pp_buf_add_str(out, word);
        column += width;
    }
    pp_buf_add_byte(out, '\n');
}

static void add_paragraph(struct pp_buf *out, struct pp_str text)
{
    struct pp_str line;

    pp_buf_add_byte(out, '\n');
    while (pp_str_split(&text, '\n', &line))
        add_wrapped(out, line);
}

static void show_plain(void *context, enum block_kind kind, struct pp_str text,
                       struct pp_str beside)
{
    struct plain *plain = context;
    bool begins = !plain->in_rows;

    plain->in_rows = kind == BLOCK_ROW;
    if (kind == BLOCK_ROW) {
        pp_buf_printf(plain->out, "%s  %.*s:%*s", begins ? "\n" : "",
                      PP_ARG(beside),
                      (int)(plain->label_width + 1 - width_of(beside)), "");
        pp_template_escape(plain->out, text, PP_TEMPLATE_HEADER);
        pp_buf_add_byte(plain->out, '\n');
        return;
    }
    add_paragraph(plain->out, text);
    if (kind == BLOCK_BUTTON || kind == BLOCK_LINK) {
        plain->out->n--; /* the URL is of the same paragraph */
        pp_buf_printf(plain->out, ":\n%.*s\n", PP_ARG(beside));
    }
}

static void measure_labels(void *context, enum block_kind kind,
                           struct pp_str text, struct pp_str beside)
{
    struct plain *plain = context;
    size_t width = width_of(beside);

    (void)text;
    if (kind == BLOCK_ROW && width > plain->label_width)
        plain->label_width = width;
}

void pp_message_text(const struct pp_message *message,
                     const struct pp_message_values *values, struct pp_buf *out)
{
    struct plain plain = {.out = out};
    struct pp_str heading;
    struct pp_buf words;

    pp_buf_init(&words, VALUE_BYTES);
    heading = words_of(message->heading, values, &words);
    pp_template_escape(out, heading, PP_TEMPLATE_HEADER);
    pp_buf_add_byte(out, '\n');
    for (size_t i = 0; i < width_of(heading) && i < WIDTH; i++)
        pp_buf_add_byte(out, '-');
    pp_buf_add_byte(out, '\n');
    each_block(message, values, measure_labels, &plain);
    each_block(message, values, show_plain, &plain);
    pp_buf_add_text(out, "\n-- \n");
    add_footer(message, values, out);
    pp_buf_add_byte(out, '\n');
    pp_buf_fini(&words);
}
