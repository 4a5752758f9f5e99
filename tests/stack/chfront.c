/*
 * chfront - ClickHouse's HTTP interface in front of ClickHouse as a library.
 *
 *   chfront [ADDRESS:]PORT DATADIR [USER PASSWORD]
 *
 * For tests and the demo: libchdb has the engine of a current ClickHouse but
 * no server. This file is what lies between the two, on 127.0.0.1 unless told.
 *
 * The engine's own client ends inline data at the first blank line and would
 * run the rest as SQL. So rows of an INSERT never enter the text of the query:
 * they go to a file in memory that the query names with FROM INFILE. The
 * engine also runs several statements at once, which a server refuses; the
 * front refuses them first. Every request has an engine connection of its own,
 * so that no setting outlives it.
 *
 * stdout gets one line per request: method, status, exception code, rows
 * written, settings, start of the query; separated by tabs.
 *
 * With decompress=1 the body is compressed frames. Each one's checksum is
 * compared before anything of it is used, and what is wrong with it is said
 * in a server's words and codes. [src/Compression/CompressedReadBufferBase.cpp]
 *
 * Not here: compress=1, frames of other methods than LZ4 and none, sessions,
 * external tables, the streaming of answers, and data for the input() function.
 * Those that have a parameter answer 501.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <lz4.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "pp_cityhash.h"

/* --- the engine: its package has no header ------------------------------- */

typedef struct chdb_connection_ *chdb_connection;
typedef struct chdb_result_ chdb_result;

chdb_connection *chdb_connect(int argc, char **argv);
void chdb_close_conn(chdb_connection *connection);
chdb_result *chdb_query_n(chdb_connection connection, const char *query,
                          size_t query_len, const char *format,
                          size_t format_len);
void chdb_destroy_query_result(chdb_result *result);
const char *chdb_result_error(chdb_result *result);
char *chdb_result_buffer(chdb_result *result);
size_t chdb_result_length(chdb_result *result);
uint64_t chdb_result_rows_read(chdb_result *result);
uint64_t chdb_result_bytes_read(chdb_result *result);
uint64_t chdb_result_rows_written(chdb_result *result);
uint64_t chdb_result_bytes_written(chdb_result *result);
void chdb_set_signal_handlers_enabled(bool enabled);

/* ClickHouse's exception codes, as far as the front itself uses them. */
enum {
    UNEXPECTED_END = 3,
    CANNOT_READ_ALL_DATA = 33,
    TOO_LARGE_COMPRESSED = 39,
    CHECKSUM_DOESNT_MATCH = 40,
    NOT_IMPLEMENTED = 48,
    SYNTAX_ERROR = 62,
    UNKNOWN_TYPE_OF_QUERY = 78,
    UNKNOWN_COMPRESSION_METHOD = 89,
    UNKNOWN_SETTING = 115,
    CORRUPTED_DATA = 246,
    CANNOT_DECOMPRESS = 271,
    AUTH_FAILED = 516,
    UNKNOWN_EXCEPTION = 1002,
};

static char *engine_argv[2];
static const char *auth_user = "default", *auth_password = "";
static char version[64];

/* --- bytes that grow ----------------------------------------------------- */

struct buf {
    char *p; /* always followed by a NUL once anything was added */
    size_t n, cap;
};

static void add(struct buf *buf, const void *bytes, size_t n)
{
    if (buf->n + n + 1 > buf->cap) {
        buf->cap = (buf->n + n + 1) * 2;
        buf->p = realloc(buf->p, buf->cap);
        if (!buf->p)
            abort();
    }
    if (n)
        memcpy(buf->p + buf->n, bytes, n);
    buf->n += n;
    buf->p[buf->n] = '\0';
}

static void add_text(struct buf *buf, const char *text)
{
    add(buf, text, strlen(text));
}

static void add_quoted(struct buf *buf, const char *text, char quote)
{
    add(buf, &quote, 1);
    for (; *text; text++) {
        if (*text == '\\' || *text == quote)
            add(buf, "\\", 1);
        add(buf, text, 1);
    }
    add(buf, &quote, 1);
}

/* --- a file of rows ------------------------------------------------------ */

/*
 * Rows go to a file in memory. Files that earlier requests have used stay
 * mapped: their pages are there and need no clearing.
 */
struct rows_file {
    int fd;  /* -1: none */
    char *p; /* the file, as far as cap */
    size_t n, cap;
};

#define ROWS_CAP ((size_t)1 << 20)

static struct {
    pthread_mutex_t lock;
    struct rows_file files[8];
    size_t count;
} spare = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Room for n more bytes behind those that are there. */
static char *rows_room(struct rows_file *rows, size_t n)
{
    size_t cap = rows->cap;

    while (cap < rows->n + n)
        cap *= 2;
    if (cap > rows->cap) {
        if (ftruncate(rows->fd, (off_t)cap) < 0)
            abort();
        rows->p = mremap(rows->p, rows->cap, cap, MREMAP_MAYMOVE);
        if (rows->p == MAP_FAILED)
            abort();
        rows->cap = cap;
    }
    return rows->p + rows->n;
}

static void rows_add(struct rows_file *rows, const void *p, size_t n)
{
    memcpy(rows_room(rows, n), p, n);
    rows->n += n;
}

static void rows_new(struct rows_file *rows)
{
    *rows = (struct rows_file){memfd_create("rows", MFD_CLOEXEC), NULL, 0,
                               ROWS_CAP};
    if (rows->fd < 0 || ftruncate(rows->fd, (off_t)ROWS_CAP) < 0)
        abort();
    rows->p =
        mmap(NULL, ROWS_CAP, PROT_READ | PROT_WRITE, MAP_SHARED, rows->fd, 0);
    if (rows->p == MAP_FAILED)
        abort();
}

static void rows_take(struct rows_file *rows)
{
    pthread_mutex_lock(&spare.lock);
    if (spare.count > 0)
        *rows = spare.files[--spare.count];
    else
        rows->fd = -1;
    pthread_mutex_unlock(&spare.lock);
    if (rows->fd < 0)
        rows_new(rows);
    rows->n = 0;
}

static void rows_give(struct rows_file *rows)
{
    bool kept = false;

    pthread_mutex_lock(&spare.lock);
    if (spare.count < sizeof(spare.files) / sizeof(*spare.files) &&
        ftruncate(rows->fd, (off_t)rows->cap) == 0) {
        spare.files[spare.count++] = *rows;
        kept = true;
    }
    pthread_mutex_unlock(&spare.lock);
    if (!kept) {
        munmap(rows->p, rows->cap);
        close(rows->fd);
    }
    rows->fd = -1;
}

/* Who reads the file reads what was added, and nothing of a request before. */
static bool rows_end(const struct rows_file *rows)
{
    return ftruncate(rows->fd, (off_t)rows->n) == 0;
}

/* --- one request --------------------------------------------------------- */

struct request {
    struct MHD_Connection *http;
    const char *method;
    struct buf body;       /* with decompress=1: what is no whole frame yet */
    struct buf settings;   /* k='v', k='v' as SET takes them */
    struct buf text;       /* the query as the client sent it */
    struct buf query;      /* the query as the engine gets it */
    struct rows_file rows; /* of an INSERT; with decompress=1 the whole body */
    bool unpacks;          /* decompress=1 */
    uint64_t written_rows;
    int status, code;
    char why[512]; /* the front's own refusal */
};

static const char *arg_of(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->http, MHD_GET_ARGUMENT_KIND, name);
}

static const char *header_of(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(r->http, MHD_HEADER_KIND, name);
}

static bool arg_is_on(const struct request *r, const char *name)
{
    const char *value = arg_of(r, name);

    return value && *value && strcmp(value, "0") != 0;
}

/* Returns false, for `return refuse(...)`. name is the code's symbol. */
__attribute__((format(printf, 4, 5))) static bool
refuse(struct request *r, int code, const char *name, const char *fmt, ...)
{
    char text[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    r->code = code;
    snprintf(r->why, sizeof(r->why), "Code: %d. DB::Exception: %s (%s)", code,
             text, name);
    return false;
}

/* --- reading SQL just closely enough ------------------------------------- */

/* A token is a quoted piece, a word, or one other character. */
struct scan {
    const char *s;
    size_t n, at;
    size_t begin, end; /* the current token; begin == n at the end */
};

static bool starts(const struct scan *in, size_t at, const char *with)
{
    size_t len = strlen(with);

    return in->n - at >= len && memcmp(in->s + at, with, len) == 0;
}

static size_t end_of_line(const struct scan *in, size_t at)
{
    const char *newline = memchr(in->s + at, '\n', in->n - at);

    return newline ? (size_t)(newline - in->s) : in->n;
}

static size_t skip_blanks_and_comments(const struct scan *in, size_t at)
{
    for (;;) {
        while (at < in->n && isspace((unsigned char)in->s[at]))
            at++;
        if (starts(in, at, "--") || starts(in, at, "# ") ||
            starts(in, at, "#!")) {
            at = end_of_line(in, at);
        } else if (starts(in, at, "/*")) {
            const char *end = memmem(in->s + at, in->n - at, "*/", 2);

            at = end ? (size_t)(end - in->s) + 2 : in->n;
        } else {
            return at;
        }
    }
}

static size_t end_of_quoted(const struct scan *in, size_t at)
{
    char quote = in->s[at++];

    while (at < in->n) {
        if (in->s[at] == '\\') {
            at += 2;
        } else if (in->s[at] != quote) {
            at++;
        } else if (at + 1 < in->n && in->s[at + 1] == quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    return in->n;
}

static size_t end_of_word(const struct scan *in, size_t at)
{
    while (at < in->n && (isalnum((unsigned char)in->s[at]) ||
                          in->s[at] == '_' || (in->s[at] & 0x80)))
        at++;
    return at;
}

/* $tag$ text $tag$; a lone dollar sign is a token of its own. */
static size_t end_of_heredoc(const struct scan *in, size_t at)
{
    size_t tag_end = end_of_word(in, at + 1);
    const char *end;

    if (tag_end >= in->n || in->s[tag_end] != '$')
        return at + 1;
    tag_end++;
    end = memmem(in->s + tag_end, in->n - tag_end, in->s + at, tag_end - at);
    return end ? (size_t)(end - in->s) + (tag_end - at) : in->n;
}

static bool next_token(struct scan *in)
{
    size_t at = skip_blanks_and_comments(in, in->at);

    in->begin = in->end = in->at = at;
    if (at >= in->n)
        return false;
    if (strchr("'\"`", in->s[at]) && in->s[at])
        in->end = end_of_quoted(in, at);
    else if (in->s[at] == '$')
        in->end = end_of_heredoc(in, at);
    else if (end_of_word(in, at) > at)
        in->end = end_of_word(in, at);
    else
        in->end = at + 1;
    in->at = in->end;
    return true;
}

static bool token_is(const struct scan *in, const char *word)
{
    return in->end - in->begin == strlen(word) &&
           strncasecmp(in->s + in->begin, word, in->end - in->begin) == 0;
}

enum rows {
    ROWS_NONE,    /* not an INSERT, or one that selects its rows */
    ROWS_DEFAULT, /* INSERT without a word about the format */
    ROWS_FORMAT,  /* INSERT ... FORMAT name */
    ROWS_VALUES,  /* INSERT ... VALUES */
};

struct statement {
    enum rows rows;
    size_t file_at; /* where FROM INFILE belongs */
    size_t end;     /* behind the format's name, or VALUES, or the statement */
    size_t next;    /* first byte of a second statement, or 0 */
    const char *unsupported;
};

/* Anything but semicolons behind the first one is a second statement. */
static void look_for_next(struct scan *in, struct statement *out)
{
    while (next_token(in)) {
        if (!token_is(in, ";")) {
            out->next = in->begin;
            return;
        }
    }
}

/* One word of an INSERT outside of parentheses; true when that settles it. */
static bool insert_word(struct scan *in, struct statement *out)
{
    if (token_is(in, "SETTINGS") || token_is(in, "FORMAT") ||
        token_is(in, "VALUES")) {
        if (out->file_at == SIZE_MAX)
            out->file_at = in->begin;
    }
    if (token_is(in, "VALUES")) {
        out->rows = ROWS_VALUES;
        out->end = in->end;
        return true;
    }
    if (token_is(in, "FORMAT")) {
        next_token(in);
        out->rows = ROWS_FORMAT;
        out->end = in->end;
        return true;
    }
    if (token_is(in, "SELECT") || token_is(in, "WITH"))
        out->rows = ROWS_NONE;
    if (token_is(in, "INFILE"))
        out->unsupported = "Query has infile and was send directly to server";
    return false;
}

static void scan_insert(struct scan *in, struct statement *out)
{
    int depth = 0;

    out->rows = ROWS_DEFAULT;
    out->file_at = SIZE_MAX;
    while (next_token(in)) {
        if (token_is(in, "(")) {
            depth++;
        } else if (token_is(in, ")")) {
            depth--;
        } else if (depth == 0 && token_is(in, ";")) {
            out->end = in->begin;
            look_for_next(in, out);
            break;
        } else if (depth == 0 && out->rows == ROWS_NONE) {
            if (token_is(in, "FORMAT"))
                out->unsupported = "rows for INSERT ... SELECT are not "
                                   "implemented by the local front";
        } else if (depth == 0 && insert_word(in, out)) {
            break;
        }
    }
    if (!out->end)
        out->end = in->n;
    if (out->file_at == SIZE_MAX)
        out->file_at = out->end;
}

/* The bytes behind an INSERT's format are rows and are not looked at. */
static struct statement read_statement(const char *text, size_t n)
{
    struct scan in = {.s = text, .n = n};
    struct statement out = {.rows = ROWS_NONE};

    if (next_token(&in) && token_is(&in, "INSERT")) {
        scan_insert(&in, &out);
        return out;
    }
    for (; in.begin < in.n; next_token(&in)) {
        if (token_is(&in, ";")) {
            look_for_next(&in, &out);
            break;
        }
    }
    return out;
}

/* --- compressed frames --------------------------------------------------- */

/* A checksum, then what it covers: method, both sizes, the data. */
#define SUM_BYTES  16
#define HEAD_BYTES 9
#define FRAME_MAX  ((size_t)1 << 30)

struct frame {
    const char *covered, *data;
    size_t covered_bytes, data_bytes, raw_bytes;
    unsigned char method;
};

static size_t number_at(const char *p)
{
    uint32_t number;

    memcpy(&number, p, sizeof(number));
    return number;
}

static bool cut(struct request *r, size_t have, size_t want)
{
    return refuse(r, CANNOT_READ_ALL_DATA, "CANNOT_READ_ALL_DATA",
                  "Cannot read all data. Bytes read: %zu. Bytes expected: %zu.",
                  have, want);
}

/* The first frame of n bytes, in the order in which a server finds faults. */
static bool take_frame(struct request *r, const char *p, size_t n,
                       struct frame *out)
{
    struct pp_city128 sum;

    if (n < SUM_BYTES + HEAD_BYTES)
        return cut(r, n, SUM_BYTES + HEAD_BYTES);
    out->covered = p + SUM_BYTES;
    out->data = out->covered + HEAD_BYTES;
    out->method = (unsigned char)out->covered[0];
    out->covered_bytes = number_at(out->covered + 1);
    out->raw_bytes = number_at(out->covered + 5);
    if (out->method != 0x02 && out->method != 0x82)
        return refuse(r, UNKNOWN_COMPRESSION_METHOD,
                      "UNKNOWN_COMPRESSION_METHOD",
                      "Unknown codec family code: %u", out->method);
    if (out->covered_bytes > FRAME_MAX || out->raw_bytes > FRAME_MAX)
        return refuse(r, TOO_LARGE_COMPRESSED, "TOO_LARGE_SIZE_COMPRESSED",
                      "Too large size_compressed_without_checksum: %zu",
                      out->covered_bytes);
    if (out->covered_bytes < HEAD_BYTES)
        return refuse(
            r, CORRUPTED_DATA, "CORRUPTED_DATA",
            "Can't decompress data: the compressed data size (%zu) is "
            "less than the header size",
            out->covered_bytes);
    if (out->covered_bytes > n - SUM_BYTES)
        return cut(r, n - SUM_BYTES - HEAD_BYTES,
                   out->covered_bytes - HEAD_BYTES);
    out->data_bytes = out->covered_bytes - HEAD_BYTES;
    sum = pp_cityhash128(out->covered, out->covered_bytes);
    if (memcmp(p, &sum, SUM_BYTES) != 0)
        return refuse(r, CHECKSUM_DOESNT_MATCH, "CHECKSUM_DOESNT_MATCH",
                      "Checksum doesn't match: corrupted data.");
    return true;
}

static bool unpack_frame(struct request *r, const struct frame *frame)
{
    int raw_bytes = (int)frame->raw_bytes;
    char *to = rows_room(&r->rows, frame->raw_bytes);
    bool whole;

    if (frame->method == 0x02) {
        whole = frame->data_bytes == frame->raw_bytes;
        if (whole)
            memcpy(to, frame->data, frame->raw_bytes);
    } else {
        whole = LZ4_decompress_safe(frame->data, to, (int)frame->data_bytes,
                                    raw_bytes) == raw_bytes;
    }
    if (!whole)
        return refuse(r, CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS",
                      "Cannot decompress LZ4-encoded data");
    r->rows.n += frame->raw_bytes;
    return true;
}

/* Whether a frame is there, as far as its own word about that can be had. */
static bool has_frame(const char *p, size_t n)
{
    return n >= SUM_BYTES + HEAD_BYTES &&
           n - SUM_BYTES >= number_at(p + SUM_BYTES + 1);
}

/* Takes the frames that are there; at the end, whatever is there. */
static void unpack(struct request *r, bool end)
{
    size_t at = 0;
    struct frame frame = {0};

    while (r->code == 0 && at < r->body.n &&
           (end || has_frame(r->body.p + at, r->body.n - at))) {
        if (take_frame(r, r->body.p + at, r->body.n - at, &frame) &&
            unpack_frame(r, &frame))
            at += SUM_BYTES + frame.covered_bytes;
    }
    memmove(r->body.p, r->body.p + at, r->body.n - at);
    r->body.n -= at;
}

/* --- from request to query ----------------------------------------------- */

/* Parameters with a meaning of their own; any other one is a setting. */
static bool is_reserved(const char *name)
{
    static const char *const reserved[] = {
        "query",
        "database",
        "user",
        "password",
        "default_format",
        "session_id",
        "session_timeout",
        "session_check",
        "query_id",
        "compress",
        "decompress",
        "buffer_size",
        "wait_end_of_query",
        "quota_key",
        "stacktrace",
        "role",
        "enable_http_compression",
        "http_zlib_compression_level",
        "add_http_cors_header",
        "client_protocol_version",
    };

    for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++) {
        if (strcmp(name, reserved[i]) == 0)
            return true;
    }
    return false;
}

static enum MHD_Result take_setting(void *cls, enum MHD_ValueKind kind,
                                    const char *name, const char *value)
{
    struct request *r = cls;

    (void)kind;
    if (is_reserved(name))
        return MHD_YES;
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_') {
            refuse(r, UNKNOWN_SETTING, "UNKNOWN_SETTING", "Unknown setting");
            return MHD_NO;
        }
    }
    if (r->settings.n)
        add_text(&r->settings, ", ");
    add_text(&r->settings, name);
    add_text(&r->settings, "=");
    add_quoted(&r->settings, value ? value : "", '\'');
    return MHD_YES;
}

static bool take_settings(struct request *r)
{
    MHD_get_connection_values(r->http, MHD_GET_ARGUMENT_KIND, take_setting, r);
    return r->code == 0;
}

/* ClickHouse's name of the body's encoding; NULL when it knows none. */
static const char *encoding_of(const struct request *r)
{
    static const char *const known[] = {"gzip", "deflate", "br",
                                        "zstd", "lz4",     "xz"};
    const char *encoding = header_of(r, "Content-Encoding");

    if (!encoding || !*encoding || strcmp(encoding, "identity") == 0)
        return "none";
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (strcmp(encoding, known[i]) == 0)
            return known[i];
    }
    return NULL;
}

/* Blanks and one newline end the query; what follows is the first row. */
static size_t first_row(const struct request *r, const struct statement *s)
{
    size_t at = s->end;

    if (s->rows != ROWS_FORMAT)
        return at;
    while (at < r->text.n && strchr(" \t\r", r->text.p[at]) && r->text.p[at])
        at++;
    return at < r->text.n && r->text.p[at] == '\n' ? at + 1 : at;
}

/* INSERT INTO t FORMAT X becomes INSERT INTO t FROM INFILE '...' FORMAT X. */
static void name_the_file(struct request *r, const struct statement *s,
                          const char *encoding)
{
    const char *fallback = arg_of(r, "default_format");
    size_t kept = s->end - s->file_at;
    char file[96];

    if (s->rows == ROWS_VALUES)
        kept -= strlen("VALUES");
    snprintf(file, sizeof(file),
             " FROM INFILE '/proc/self/fd/%d' COMPRESSION '%s' ", r->rows.fd,
             encoding);
    add(&r->query, r->text.p, s->file_at);
    add_text(&r->query, file);
    add(&r->query, r->text.p + s->file_at, kept);
    if (s->rows != ROWS_FORMAT) {
        add_text(&r->query, " FORMAT ");
        add_text(&r->query,
                 s->rows == ROWS_VALUES || !fallback ? "Values" : fallback);
    }
}

/* in_url: the query stood in the URL, so all of the body is rows. */
static bool build_insert(struct request *r, const struct statement *s,
                         const char *encoding, bool in_url)
{
    size_t at = first_row(r, s);

    if (s->rows == ROWS_FORMAT && r->text.p[s->end] == ';')
        return refuse(r, SYNTAX_ERROR, "SYNTAX_ERROR",
                      "You have excessive ';' symbol before data for INSERT.");
    if (r->rows.fd < 0)
        rows_take(&r->rows);
    name_the_file(r, s, encoding);
    if (s->rows == ROWS_FORMAT || r->text.p[at] != ';')
        rows_add(&r->rows, r->text.p + at, r->text.n - at);
    if (in_url && !r->unpacks)
        rows_add(&r->rows, r->body.p, r->body.n);
    if (!rows_end(&r->rows))
        return refuse(r, UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION",
                      "cannot keep the rows");
    return true;
}

static bool check_statement(struct request *r, const struct statement *s)
{
    if (s->next)
        return refuse(r, SYNTAX_ERROR, "SYNTAX_ERROR",
                      "Syntax error (Multi-statements are not allowed): "
                      "failed at position %zu",
                      s->next + 1);
    if (s->unsupported)
        return refuse(r, UNKNOWN_TYPE_OF_QUERY, "UNKNOWN_TYPE_OF_QUERY", "%s",
                      s->unsupported);
    return true;
}

/* Not all of what was unpacked is rows. */
static void rows_to_body(struct request *r)
{
    add(&r->body, r->rows.p, r->rows.n);
    r->rows.n = 0;
    r->unpacks = false;
}

/* The query is the one in the URL followed by the body, or either alone. */
static bool build_query(struct request *r)
{
    const char *encoding = encoding_of(r), *url = arg_of(r, "query");
    bool in_url = url && *url;
    struct statement s;

    if (!encoding)
        return refuse(r, NOT_IMPLEMENTED, "NOT_IMPLEMENTED",
                      "Unknown Content-Encoding");
    add_text(&r->text, in_url ? url : "");
    if (in_url)
        s = read_statement(r->text.p, r->text.n);
    if (r->unpacks &&
        !(in_url && s.rows != ROWS_NONE && first_row(r, &s) == r->text.n))
        rows_to_body(r);
    if (!in_url || s.rows == ROWS_NONE) {
        if (r->body.n && strcmp(encoding, "none") != 0)
            return refuse(r, NOT_IMPLEMENTED, "NOT_IMPLEMENTED",
                          "only the rows of an INSERT may be encoded");
        add(&r->text, "\n", in_url && r->body.n ? 1 : 0);
        add(&r->text, r->body.p, r->body.n);
        s = read_statement(r->text.p, r->text.n);
    }
    if (!r->text.n)
        return refuse(r, SYNTAX_ERROR, "SYNTAX_ERROR", "Empty query");
    if (!check_statement(r, &s))
        return false;
    if (s.rows != ROWS_NONE)
        return build_insert(r, &s, encoding, in_url);
    add(&r->query, r->text.p, r->text.n);
    return true;
}

/* --- answers ------------------------------------------------------------- */

static int status_of(int code)
{
    switch (code) {
    case 0:
        return MHD_HTTP_OK;
    case 26:
    case 27:
    case 38:
    case 41:
    case 42:
    case 43:
    case 44:
    case 50:
    case 53:
    case 62:
    case 63:
    case 69:
    case 70:
    case 72:
    case 117:
    case 130:
    case 386:
    case 456:
    case 457:
        return MHD_HTTP_BAD_REQUEST;
    case 164:
    case 192:
    case 193:
    case 194:
    case 497:
    case 516:
        return MHD_HTTP_FORBIDDEN;
    case 16:
    case 46:
    case 47:
    case 51:
    case 56:
    case 57:
    case 60:
    case 81:
    case 115:
    case 128:
        return MHD_HTTP_NOT_FOUND;
    case 48:
        return MHD_HTTP_NOT_IMPLEMENTED;
    case 159:
        return MHD_HTTP_REQUEST_TIMEOUT;
    case 223:
    case 307:
        return 413;
    default:
        return MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
}

static void log_clean(const char *text, size_t n, size_t most)
{
    for (size_t i = 0; i < n && i < most; i++)
        putchar_unlocked(iscntrl((unsigned char)text[i]) ? ' ' : text[i]);
}

static void log_request(const struct request *r)
{
    flockfile(stdout);
    printf("%s\t%d\t%d\t%llu\t", r->method, r->status, r->code,
           (unsigned long long)r->written_rows);
    log_clean(r->settings.p, r->settings.n, 1000);
    putchar_unlocked('\t');
    log_clean(r->text.p, r->text.n, 200);
    putchar_unlocked('\n');
    fflush(stdout);
    funlockfile(stdout);
}

/* Queues the answer, with its headers set by the caller, and gives it up. */
static enum MHD_Result answer(struct request *r, struct MHD_Response *response)
{
    enum MHD_Result queued;

    MHD_add_response_header(response, "X-ClickHouse-Server-Display-Name",
                            "pawprint-local");
    MHD_add_response_header(response, "X-ClickHouse-Timezone", "UTC");
    if (arg_of(r, "query_id"))
        MHD_add_response_header(response, "X-ClickHouse-Query-Id",
                                arg_of(r, "query_id"));
    if (!r->status)
        r->status = status_of(r->code);
    queued = MHD_queue_response(r->http, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result answer_text(struct request *r, const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

    MHD_add_response_header(response, "Content-Type",
                            "text/plain; charset=UTF-8");
    if (r->code) {
        char code[16];

        snprintf(code, sizeof(code), "%d", r->code);
        MHD_add_response_header(response, "X-ClickHouse-Exception-Code", code);
    }
    return answer(r, response);
}

static enum MHD_Result answer_error(struct request *r, const char *message)
{
    struct buf text = {0};
    enum MHD_Result queued;

    add_text(&text, message);
    if (!strstr(message, "(version ")) {
        add_text(&text, " (version ");
        add_text(&text, version);
        add_text(&text, ")");
    }
    add_text(&text, "\n");
    queued = answer_text(r, text.p);
    free(text.p);
    return queued;
}

static const char *content_type_of(const char *format)
{
    if (strstr(format, "JSON"))
        return "application/json; charset=UTF-8";
    if (strstr(format, "Native") || strstr(format, "Binary"))
        return "application/octet-stream";
    return "text/tab-separated-values; charset=UTF-8";
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static enum MHD_Result answer_result(struct request *r, chdb_result *result,
                                     const char *format, int64_t took_ns)
{
    size_t n = chdb_result_length(result);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        n, n ? chdb_result_buffer(result) : NULL, MHD_RESPMEM_MUST_COPY);
    char summary[400];

    r->written_rows = chdb_result_rows_written(result);
    snprintf(summary, sizeof(summary),
             "{\"read_rows\":\"%llu\",\"read_bytes\":\"%llu\","
             "\"written_rows\":\"%llu\",\"written_bytes\":\"%llu\","
             "\"total_rows_to_read\":\"0\",\"result_rows\":\"0\","
             "\"result_bytes\":\"%zu\",\"elapsed_ns\":\"%lld\"}",
             (unsigned long long)chdb_result_rows_read(result),
             (unsigned long long)chdb_result_bytes_read(result),
             (unsigned long long)r->written_rows,
             (unsigned long long)chdb_result_bytes_written(result), n,
             (long long)took_ns);
    MHD_add_response_header(response, "X-ClickHouse-Summary", summary);
    MHD_add_response_header(response, "Content-Type", content_type_of(format));
    return answer(r, response);
}

/* --- running it ---------------------------------------------------------- */

/* Never NULL: without memory for a result there is nothing left to say. */
static chdb_result *run(chdb_connection engine, const char *query, size_t n,
                        const char *format)
{
    chdb_result *result =
        chdb_query_n(engine, query, n, format, strlen(format));

    if (!result)
        abort();
    return result;
}

/*
 * USE and SET; returns the result that failed, or NULL. The engine's own client
 * takes a bare expression for a SELECT; a server calls it a syntax error.
 */
static chdb_result *prepare(const struct request *r, chdb_connection engine)
{
    const char *database = arg_of(r, "database");
    struct buf steps[3] = {{0}, {0}, {0}};
    chdb_result *failed = NULL;

    if (!database)
        database = header_of(r, "X-ClickHouse-Database");
    if (database && *database) {
        add_text(&steps[0], "USE ");
        add_quoted(&steps[0], database, '`');
    }
    add_text(&steps[1], "SET implicit_select=0");
    if (r->settings.n) {
        add_text(&steps[1], ", ");
        add(&steps[1], r->settings.p, r->settings.n);
    }
    if (strcmp(r->method, "GET") == 0 && !arg_is_on(r, "readonly"))
        add_text(&steps[2], "SET readonly=2");
    for (size_t i = 0; i < 3; i++) {
        if (steps[i].n && !failed) {
            chdb_result *done = run(engine, steps[i].p, steps[i].n, "TSV");

            if (chdb_result_error(done))
                failed = done;
            else
                chdb_destroy_query_result(done);
        }
        free(steps[i].p);
    }
    return failed;
}

static const char *format_of(const struct request *r)
{
    const char *format = arg_of(r, "default_format");

    if (!format)
        format = header_of(r, "X-ClickHouse-Format");
    return format ? format : "TabSeparated";
}

static enum MHD_Result execute(struct request *r)
{
    chdb_connection *engine = chdb_connect(2, engine_argv);
    const char *format = format_of(r), *error;
    int64_t started_ns = now_ns();
    enum MHD_Result queued;
    chdb_result *result;

    if (!engine) {
        refuse(r, UNKNOWN_EXCEPTION, "UNKNOWN_EXCEPTION", "no connection");
        return answer_error(r, r->why);
    }
    result = prepare(r, *engine);
    if (!result)
        result = run(*engine, r->query.p, r->query.n, format);
    error = chdb_result_error(result);
    if (error) {
        if (sscanf(error, "Code: %d", &r->code) != 1)
            r->code = UNKNOWN_EXCEPTION;
        queued = answer_error(r, error);
    } else {
        queued = answer_result(r, result, format, now_ns() - started_ns);
    }
    chdb_destroy_query_result(result);
    chdb_close_conn(engine);
    return queued;
}

/* Credentials come in headers of two kinds, or in the URL. */
static bool authenticate(struct request *r)
{
    const char *user = header_of(r, "X-ClickHouse-User"),
               *password = header_of(r, "X-ClickHouse-Key");
    char *basic_user = NULL, *basic_password = NULL;
    bool known;

    if (!user && !password) {
        basic_user =
            MHD_basic_auth_get_username_password(r->http, &basic_password);
        user = basic_user;
        password = basic_password;
    }
    if (!user && !password) {
        user = arg_of(r, "user");
        password = arg_of(r, "password");
    }
    known = strcmp(user ? user : "default", auth_user) == 0 &&
            strcmp(password ? password : "", auth_password) == 0;
    if (!known) {
        r->status = user || password ? 403 : 401;
        refuse(r, AUTH_FAILED, "AUTHENTICATION_FAILED",
               "Authentication failed: password is incorrect, or there is no "
               "user with such name.");
    }
    MHD_free(basic_user);
    MHD_free(basic_password);
    return known;
}

static bool understand(struct request *r)
{
    if (!authenticate(r) || !take_settings(r))
        return false;
    if (arg_is_on(r, "compress") || arg_of(r, "session_id"))
        return refuse(
            r, NOT_IMPLEMENTED, "NOT_IMPLEMENTED",
            "compress and session_id are not implemented by the local "
            "front");
    if (r->unpacks)
        unpack(r, true);
    return r->code == 0 && build_query(r);
}

static enum MHD_Result serve(struct request *r, const char *path)
{
    enum MHD_Result queued;

    if (strcmp(path, "/ping") == 0 || strcmp(path, "/replicas_status") == 0)
        return answer_text(r, "Ok.\n");
    if (strcmp(path, "/") != 0 && strcmp(path, "/query") != 0) {
        r->status = MHD_HTTP_NOT_FOUND;
        return answer_text(r, "There is no handle for this path\n");
    }
    queued = understand(r) ? execute(r) : answer_error(r, r->why);
    log_request(r);
    return queued;
}

/* --- HTTP ---------------------------------------------------------------- */

/* Called once for the headers, then per piece of the body, then at its end. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *http,
                                  const char *path, const char *method,
                                  const char *http_version, const char *piece,
                                  size_t *piece_bytes, void **state)
{
    struct request *r = *state;

    (void)cls;
    (void)http_version;
    if (!r) {
        r = calloc(1, sizeof(*r));
        if (!r)
            return MHD_NO;
        r->http = http;
        r->rows.fd = -1;
        r->unpacks = arg_is_on(r, "decompress");
        if (r->unpacks)
            rows_take(&r->rows);
        *state = r;
        return MHD_YES;
    }
    if (*piece_bytes) {
        add(&r->body, piece, *piece_bytes);
        if (r->unpacks)
            unpack(r, false);
        *piece_bytes = 0;
        return MHD_YES;
    }
    r->method = method;
    return serve(r, path);
}

static void on_end(void *cls, struct MHD_Connection *http, void **state,
                   enum MHD_RequestTerminationCode why)
{
    struct request *r = *state;

    (void)cls;
    (void)http;
    (void)why;
    if (!r)
        return;
    if (r->rows.fd >= 0)
        rows_give(&r->rows);
    free(r->body.p);
    free(r->settings.p);
    free(r->text.p);
    free(r->query.p);
    free(r);
    *state = NULL;
}

static struct MHD_Daemon *listen_on(const char *where)
{
    const char *port = strchr(where, ':');
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(port ? port + 1 : where)),
    };
    char host[INET_ADDRSTRLEN] = "127.0.0.1";

    if (port)
        snprintf(host, sizeof(host), "%.*s", (int)(port - where), where);
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        return NULL;
    return MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
            MHD_USE_POLL,
        0, NULL, NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
        /* URLs carry whole queries. */
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)256 << 10, MHD_OPTION_END);
}

/* The engine runs as long as one connection is open: this one. */
static chdb_connection *start_engine(const char *folder)
{
    static char name[] = "clickhouse", path[PATH_MAX + 16];
    chdb_connection *engine;
    chdb_result *result;

    snprintf(path, sizeof(path), "--path=%s", folder);
    engine_argv[0] = name;
    engine_argv[1] = path;
    chdb_set_signal_handlers_enabled(false);
    engine = chdb_connect(2, engine_argv);
    if (!engine)
        return NULL;
    result = run(*engine, "select version()", 16, "TSV");
    if (!chdb_result_error(result) && chdb_result_length(result))
        snprintf(version, sizeof(version), "%.*s",
                 (int)strcspn(chdb_result_buffer(result), "\n"),
                 chdb_result_buffer(result));
    chdb_destroy_query_result(result);
    return engine;
}

int main(int argc, char **argv)
{
    chdb_connection *engine;
    struct MHD_Daemon *daemon;
    sigset_t ends;
    int signal_number;

    if (argc != 3 && argc != 5) {
        fprintf(stderr,
                "usage: chfront [ADDRESS:]PORT DATADIR [USER PASSWORD]\n");
        return 2;
    }
    if (argc == 5) {
        auth_user = argv[3];
        auth_password = argv[4];
    }
    /* No thread of the engine may take the signals that end us. */
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);

    engine = start_engine(argv[2]);
    if (!engine) {
        fprintf(stderr, "chfront: the engine does not start on %s\n", argv[2]);
        return 1;
    }
    daemon = listen_on(argv[1]);
    if (!daemon) {
        perror("chfront: listen");
        chdb_close_conn(engine);
        return 1;
    }
    sigwait(&ends, &signal_number);
    MHD_stop_daemon(daemon);
    chdb_close_conn(engine);
    return 0;
}
