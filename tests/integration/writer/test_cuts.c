#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pp_cityhash.h"
#include "pp_clickhouse.h"
#include "pp_frames.h"
#include "pp_httpc.h"
#include "pp_time.h"

#include "body.h"
#include "row.h"

#include "test.h"

/*
 * The writer's own inserts, over bare sockets, whole and broken off: to the
 * engine of today behind the stack's front, and to Debian's real server, where
 * PAWPRINT_OLD_CLICKHOUSE_URL says that it runs (tests/stack/old-clickhouse).
 *
 *   CUTS=10000    so many cut bodies, with progress; else 300
 *   SEED=7        the same cuts as another time; a failure says its seed
 */
#define CALL_MS    30000
#define BODY_BYTES ((size_t)64 << 20)
#define COLUMNS    64
#define SETTLED_MS 50
#define FLIPS      40

/* Cut bodies between two looks at what they left. */
#define CUTS_A_LOOK 100

/* --- servers -------------------------------------------------------------- */

struct column {
    char name[64], type[64], there[64]; /* type, and what it is on a server */
};

static struct server {
    const char *name, *url;
    bool old;
    struct pp_clickhouse *clickhouse;
} servers[2];
static size_t server_count;

static struct column columns[COLUMNS];
static size_t column_count;

static struct pp_str ask(struct server *server, const char *sql)
{
    const struct pp_clickhouse_call call = {.sql = sql, .timeout_ms = CALL_MS};
    struct pp_err err = {0};
    struct pp_str answer;

    if (pp_clickhouse_run(server->clickhouse, &call, &answer, &err) < 0)
        fail_msg("%s: %.300s: %s", server->name, sql, err.msg);
    return answer;
}

static int64_t number(struct server *server, const char *sql)
{
    int64_t value = -1;

    if (!pp_str_int64(pp_str_trim(ask(server, sql)), &value))
        fail_msg("%s: %s gives no number", server->name, sql);
    return value;
}

/*
 * 18.16 has neither DateTime64 nor Map; these have the same bytes, as long as
 * every map is empty. (It makes two columns of an Array of Tuple.)
 */
static const char *old_type(const char *type)
{
    if (strncmp(type, "DateTime64", 10) == 0)
        return "Int64";
    if (strcmp(type, "Map(String, String)") == 0)
        return "Array(String)";
    return type;
}

static void run_file(struct server *server, const char *path)
{
    char sql[16384], *statement = sql, *end;
    FILE *file = fopen(path, "r");
    size_t n;

    assert_non_null(file);
    n = fread(sql, 1, sizeof(sql) - 1, file);
    fclose(file);
    sql[n] = '\0';
    while ((end = strstr(statement, ";\n"))) {
        *end = '\0';
        ask(server, statement);
        statement = end + 2;
    }
}

/* The columns as today's engine has them after our own migrations. */
static void read_columns(struct server *server)
{
    struct pp_str rest =
        ask(server, "SELECT name, type FROM system.columns WHERE"
                    " database = 'cuts_test' AND table = 'events'"
                    " ORDER BY position");

    column_count = 0;
    while (rest.n > 0) {
        struct column *column = &columns[column_count++];
        size_t tab = pp_str_find(rest, '\t'), line = pp_str_find(rest, '\n');

        assert_true(column < columns + COLUMNS);
        snprintf(column->name, sizeof(column->name), "%.*s", (int)tab, rest.p);
        snprintf(column->type, sizeof(column->type), "%.*s",
                 (int)(line - tab - 1), rest.p + tab + 1);
        /* TabSeparated quotes quotes. */
        for (char *at; (at = strchr(column->type, '\\'));)
            memmove(at, at + 1, strlen(at));
        snprintf(column->there, sizeof(column->there), "%s",
                 old_type(column->type));
        rest = pp_str_sub(rest, line + 1, rest.n);
    }
}

static void make_old_table(struct server *server)
{
    struct pp_buf sql;

    pp_buf_init(&sql, 16384);
    pp_buf_add_text(&sql, "CREATE TABLE events (");
    for (size_t i = 0; i < column_count; i++)
        pp_buf_printf(&sql, "%s%s %s", i ? ", " : "", columns[i].name,
                      columns[i].there);
    pp_buf_printf(&sql,
                  ") ENGINE = MergeTree PARTITION BY"
                  " toYYYYMM(toDateTime(intDiv(event_at, 1000)))"
                  " ORDER BY (site_id, event_at)%c",
                  '\0');
    ask(server, sql.p);
    pp_buf_fini(&sql);
}

static void make_table(struct server *server)
{
    ask(server, "DROP TABLE IF EXISTS events");
    if (server->old) {
        make_old_table(server);
        return;
    }
    run_file(server, "schemas/clickhouse/0001_events.sql");
    run_file(server, "schemas/clickhouse/0002_fence.sql");
    run_file(server, "schemas/clickhouse/0003_retention.sql");
    read_columns(server);
}

static void open_server(const char *name, const char *url, bool old)
{
    struct server *server = &servers[server_count++];
    const struct pp_clickhouse_access access = {
        .url = url, .database = "cuts_test", .user = "default", .password = ""};
    const struct pp_clickhouse_call create = {
        .sql = "CREATE DATABASE IF NOT EXISTS cuts_test",
        .timeout_ms = CALL_MS,
        .without_database = true,
    };
    struct pp_err err = {0};
    struct pp_str answer;

    *server = (struct server){.name = name, .url = url, .old = old};
    if (pp_clickhouse_open(&server->clickhouse, &access, &err) < 0 ||
        pp_clickhouse_run(server->clickhouse, &create, &answer, &err) < 0)
        fail_msg("%s: %s", name, err.msg);
}

static int open_servers(void **state)
{
    const char *old = getenv("PAWPRINT_OLD_CLICKHOUSE_URL");

    (void)state;
    open_server("ClickHouse of today", getenv("PAWPRINT_CLICKHOUSE_URL"),
                false);
    if (old)
        open_server("ClickHouse 18.16", old, true);
    else
        print_message("ClickHouse 18.16: NOT RUN\n");
    return 0;
}

static int close_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < server_count; i++) {
        ask(&servers[i], "DROP DATABASE cuts_test");
        pp_clickhouse_close(&servers[i].clickhouse);
    }
    return 0;
}

/* Each test begins with empty tables. */
static int make_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < server_count; i++)
        make_table(&servers[i]);
    return 0;
}

/* --- bodies ---------------------------------------------------------------
 */

static uint64_t seed, dice_state;

static uint64_t dice(uint64_t sides)
{
    dice_state ^= dice_state << 13; /* Marsaglia's xorshift64 */
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return dice_state % sides;
}

static struct pp_str text(char *to, size_t size, const char *what, uint64_t n)
{
    return (struct pp_str){
        to, (size_t)snprintf(to, size, "%s%llu", what, (unsigned long long)n)};
}

/* Not over yet, and in one month whatever is added to it. */
static int64_t first_of_month_ms(void)
{
    time_t now = time(NULL);
    struct tm date;

    gmtime_r(&now, &date);
    return (int64_t)(now / 86400 - (date.tm_mday - 1)) * 86400000;
}

/* A visit's page, with the values of its own that a row has. */
static void put_row(struct native *block, int64_t offset, bool old)
{
    const struct row_identity identity = {1, (int32_t)dice(8), offset};
    char id[40], path[40], browser[40];
    struct pp_buf props;
    struct event event = {
        .event_id = text(id, sizeof(id), "e-", dice(UINT64_MAX)),
        .site_id = PP_LIT("site"),
        .account_id = PP_LIT("account"),
        .received_at_ms = first_of_month_ms() + offset,
        .event_at_ms = first_of_month_ms() + (int64_t)dice(100000),
        .kind = EVENT_KIND_TIMING,
        .retention_days = 400,
        .has_visitor = dice(4) != 0,
        .visitor = (int64_t)dice(1000),
        .hostname = PP_LIT("shop.example"),
        .pathname = text(path, sizeof(path), "/kettles/", dice(500)),
        .browser = text(browser, sizeof(browser), "browser ", dice(300)),
        .has_ttfb_ms = true,
        .ttfb_ms = (int32_t)offset,
        .has_load_ms = true,
        .load_ms = (int32_t)dice(5000),
    };

    pp_buf_init(&props, 256);
    pp_avro_map_begin(&props, 1);
    pp_avro_put_bytes(&props, PP_LIT("plan"));
    pp_avro_put_bytes(&props, event.pathname);
    pp_avro_map_end(&props);
    if (offset % 3 == 0 && !old)
        event.props.blocks = pp_buf_str(&props);
    row_put(block, &event, &identity);
    pp_buf_fini(&props);
}

/* The types that the old server's table has. */
static struct row_types old_types(void)
{
    struct row_types types;
    struct pp_err err = {0};
    struct pp_buf table;

    pp_buf_init(&table, 16384);
    for (size_t i = 0; i < column_count; i++)
        pp_buf_printf(&table, "%s\t%s\n", columns[i].name, columns[i].there);
    if (row_types_of(pp_buf_str(&table), &types, &err) < 0)
        fail_msg("%s", err.msg);
    pp_buf_fini(&table);
    return types;
}

/* What the writer sends for so many rows. The caller ends body. */
static void make_body(struct pp_buf *body, size_t rows, bool old)
{
    struct native *block = row_block_new();
    struct row_types types = old_types();
    struct body whole;

    for (size_t i = 0; i < rows; i++)
        put_row(block, (int64_t)i, old);
    if (old)
        row_set_types(block, &types);
    row_set_valid_until(block, pp_wall_now().ms + 24 * 3600 * 1000);
    body_init(&whole, BODY_BYTES);
    pp_buf_init(body, BODY_BYTES);
    pp_buf_add_str(body, body_end(&whole, block));
    assert_false(whole.frames.overflow);
    body_fini(&whole);
    native_free(&block);
}

/* --- HTTP by hand ---------------------------------------------------------
 */

static int dial(const struct server *server)
{
    const char *colon = strrchr(server->url, ':');
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(colon + 1)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    if (connect(fd, (void *)&address, sizeof(address)) < 0)
        fail_msg("%s does not listen any more", server->name);
    return fd;
}

/* The server may have refused it already; then nobody reads the rest. */
static void send_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        p += sent;
        n -= (size_t)sent;
    }
}

static void add_request(struct pp_buf *out, const struct server *server,
                        const char *sql, bool chunked, size_t body_bytes)
{
    pp_buf_add_text(out, "POST /?database=cuts_test&decompress=1"
                         "&wait_end_of_query=1&max_insert_block_size=10000000");
    if (!server->old)
        pp_buf_add_text(out, "&async_insert=0&max_partitions_per_insert_block="
                             "1");
    pp_buf_add_text(out, "&query=");
    pp_httpc_escape(out, pp_str_of(sql));
    pp_buf_add_text(out, " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                         "Connection: close\r\n");
    if (chunked)
        pp_buf_add_text(out, "Transfer-Encoding: chunked\r\n\r\n");
    else
        pp_buf_printf(out, "Content-Length: %zu\r\n\r\n", body_bytes);
}

/* Adds body in chunks; says where its last byte is followed by the end. */
static size_t add_chunks(struct pp_buf *out, struct pp_str body)
{
    size_t last = 0;

    while (body.n > 0) {
        size_t n = 1 + dice(body.n < 70000 ? body.n : 70000);

        pp_buf_printf(out, "%zx\r\n", n);
        pp_buf_add(out, body.p, n);
        last = out->n;
        pp_buf_add_text(out, "\r\n");
        body = pp_str_sub(body, n, body.n);
    }
    pp_buf_add_text(out, "0\r\n\r\n");
    return last;
}

/* The status of the answer, with its text; 0 when none came. */
static int read_answer(int fd, struct pp_buf *answer)
{
    char piece[4096];
    int status = 0;
    ssize_t n;

    pp_buf_reset(answer);
    while ((n = recv(fd, piece, sizeof(piece), 0)) > 0)
        pp_buf_add(answer, piece, (size_t)n);
    pp_buf_add_byte(answer, '\0');
    if (sscanf(answer->p, "HTTP/1.1 %d", &status) != 1)
        return 0;
    return status;
}

/* ClickHouse's number of an error, as both say it in the answer's text. */
static int code_of(const struct pp_buf *answer)
{
    const char *at = strstr(answer->p, "Code: ");
    int code = 0;

    if (at)
        sscanf(at, "Code: %d", &code);
    return code;
}

static int post(const struct server *server, const char *sql, bool chunked,
                struct pp_str body, int *code_out)
{
    struct pp_buf request, answer;
    int fd = dial(server), status;

    pp_buf_init(&request, BODY_BYTES);
    pp_buf_init(&answer, (size_t)1 << 20);
    add_request(&request, server, sql, chunked, body.n);
    if (chunked)
        add_chunks(&request, body);
    else
        pp_buf_add_str(&request, body);
    send_all(fd, request.p, request.n);
    status = read_answer(fd, &answer);
    *code_out = code_of(&answer);
    close(fd);
    pp_buf_fini(&request);
    pp_buf_fini(&answer);
    return status;
}

/* --- tests ----------------------------------------------------------------
 */

/* They are there, each with its own values, in one part. */
static void assert_stored(struct server *server, size_t rows)
{
    char right[512];

    snprintf(right, sizeof(right),
             "SELECT countIf(ttfb_ms = kafka_offset AND load_ms < 5000 AND"
             " startsWith(pathname, '/kettles/') AND"
             " startsWith(browser, 'browser ') AND length(props) = %s)"
             " FROM events",
             server->old ? "0" : "(kafka_offset % 3 = 0)");
    assert_int_equal(number(server, "SELECT count() FROM events"), rows);
    if (rows == 0)
        return;
    assert_int_equal(
        number(server, "SELECT uniqExact(kafka_offset) FROM events"), rows);
    assert_int_equal(number(server, right), rows);
    assert_int_equal(number(server, "SELECT count() FROM system.parts WHERE"
                                    " database = 'cuts_test' AND active"),
                     1);
}

static void a_whole_body_stores_exactly_its_rows(void **state)
{
    static const size_t sizes[] = {1, 300, 20000};

    (void)state;
    for (size_t i = 0; i < server_count * 2 * PP_COUNT(sizes); i++) {
        struct server *server = &servers[i % server_count];
        size_t rows = sizes[i / server_count / 2];
        struct pp_buf body;
        int code;

        make_table(server);
        make_body(&body, rows, server->old);
        if (post(server, row_insert_sql(), i / server_count % 2 != 0,
                 pp_buf_str(&body), &code) != 200)
            fail_msg("%s refuses %zu rows: code %d", server->name, rows, code);
        assert_stored(server, rows);
        pp_buf_fini(&body);
    }
}

/* Until no insert runs any more: what was cut is over for the server then. */
static void settle(struct server *server)
{
    const struct timespec pause = {0, SETTLED_MS * 1000000L};

    for (int quiet = 0; quiet < 2;) {
        nanosleep(&pause, NULL);
        if (number(server, "SELECT count() FROM system.processes WHERE"
                           " substring(query, 1, 6) = 'INSERT'") == 0)
            quiet++;
        else
            quiet = 0;
    }
}

/*
 * How a client can go: with a FIN, with a RST, or with a FIN while it still
 * listens, as a proxy does whose own client has gone. An INSERT without a byte
 * of body is one of no rows for 18.16, so then its 200 is no lie.
 */
static void hang_up(int fd, bool without_body)
{
    static const struct linger at_once = {1, 0};
    static const struct timeval patience = {10, 0};
    struct pp_buf answer;

    switch (dice(3)) {
    case 0:
        break;
    case 1:
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        break;
    default:
        pp_buf_init(&answer, (size_t)1 << 20);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        shutdown(fd, SHUT_WR);
        if (read_answer(fd, &answer) == 200 && !without_body)
            fail_msg("a cut body is answered with 200: SEED=%llu",
                     (unsigned long long)seed);
        pp_buf_fini(&answer);
    }
    close(fd);
}

/* Any byte, or, as often as not, one where a frame or a chunk begins. */
static size_t cut_place(struct pp_str body)
{
    size_t places[256], count = 0;
    struct pp_str in = body;
    struct pp_err err = {0};
    struct pp_buf raw;

    if (dice(2) == 0)
        return dice(body.n);
    pp_buf_init(&raw, BODY_BYTES);
    while (in.n > 0 && count < PP_COUNT(places)) {
        places[count++] = body.n - in.n;
        assert_int_equal(pp_frames_next(&in, &raw, &err), 0);
    }
    pp_buf_fini(&raw);
    return places[dice(count)];
}

/* Adds chunks that end before the body does; false without a byte of it. */
static bool add_cut_chunks(struct pp_buf *request, struct pp_str body)
{
    size_t begin = request->n, end;
    const char *line;

    if (dice(2) == 0) { /* behind a whole chunk */
        end = add_chunks(request, pp_str_sub(body, 0, cut_place(body)));
        request->n = end ? end + 2 : begin;
        return end > 0;
    }
    /* anywhere, within a chunk's length as well */
    end = add_chunks(request, body);
    request->n = begin + dice(end - begin);
    line = memchr(request->p + begin, '\n', request->n - begin);
    return line && line + 1 < request->p + request->n;
}

/* Sends a request whose body ends at a byte before its last one. */
static void send_cut(const struct server *server, struct pp_str body)
{
    bool chunked = dice(2) == 0, some;
    struct pp_buf request;
    int fd = dial(server);

    pp_buf_init(&request, BODY_BYTES);
    add_request(&request, server, row_insert_sql(), chunked, body.n);
    if (chunked) {
        some = add_cut_chunks(&request, body);
    } else {
        size_t cut = cut_place(body);

        pp_buf_add(&request, body.p, cut);
        some = cut > 0;
    }
    send_all(fd, request.p, request.n);
    hang_up(fd, !some);
    pp_buf_fini(&request);
}

static void assert_no_row(int cut)
{
    for (size_t i = 0; i < server_count; i++) {
        settle(&servers[i]);
        if (number(&servers[i], "SELECT count() FROM events") != 0)
            fail_msg("%s has rows of one of the %d bodies before cut %d:"
                     " SEED=%llu",
                     servers[i].name, CUTS_A_LOOK, cut,
                     (unsigned long long)seed);
    }
}

static void no_cut_body_leaves_a_row(void **state)
{
    static const size_t sizes[] = {1, 300, 12000};
    const char *asked = getenv("CUTS"), *as_before = getenv("SEED");
    int cuts = asked ? atoi(asked) : 300;
    struct pp_buf bodies[PP_COUNT(servers)][PP_COUNT(sizes)];

    (void)state;
    seed =
        as_before ? strtoull(as_before, NULL, 10) : (uint64_t)pp_wall_now().ms;
    dice_state = seed * 2 + 1; /* never 0 */
    for (size_t i = 0; i < server_count; i++)
        for (size_t j = 0; j < PP_COUNT(sizes); j++)
            make_body(&bodies[i][j], sizes[j], servers[i].old);
    for (int i = 1; i <= cuts; i++) {
        for (size_t j = 0; j < server_count; j++)
            send_cut(&servers[j],
                     pp_buf_str(&bodies[j][dice(PP_COUNT(sizes))]));
        if (i % CUTS_A_LOOK != 0 && i != cuts)
            continue;
        assert_no_row(i);
        if (asked)
            print_message("%d of %d cuts, no row\n", i, cuts);
    }
    for (size_t i = 0; i < server_count; i++)
        for (size_t j = 0; j < PP_COUNT(sizes); j++)
            pp_buf_fini(&bodies[i][j]);
}

/* All rows came, only the mark behind the last chunk did not. */
static void a_body_without_its_end_is_stored_whole_or_not_at_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < server_count * 10; i++) {
        struct server *server = &servers[i % server_count];
        struct pp_buf body, request;
        int fd = dial(server);
        int64_t count;

        make_body(&body, 300, server->old);
        pp_buf_init(&request, BODY_BYTES);
        add_request(&request, server, row_insert_sql(), true, 0);
        request.n = add_chunks(&request, pp_buf_str(&body)) + dice(6);
        send_all(fd, request.p, request.n);
        close(fd);
        settle(server);
        count = number(server, "SELECT count() FROM events");
        if (count != 0 && count != 300)
            fail_msg("%s has %lld of 300 rows", server->name, (long long)count);
        make_table(server);
        pp_buf_fini(&body);
        pp_buf_fini(&request);
    }
}

static void a_body_with_a_flipped_bit_is_refused_and_leaves_no_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < server_count * FLIPS; i++) {
        struct server *server = &servers[i % server_count];
        struct pp_buf body;
        int code, status;
        size_t at;

        make_body(&body, 100, server->old);
        at = dice(body.n);
        body.p[at] = (char)(body.p[at] ^ 1 << dice(8));
        status = post(server, row_insert_sql(), dice(2) == 0, pp_buf_str(&body),
                      &code);
        if (status < 400 || code == 0)
            fail_msg("%s answers %d, code %d, to a flip at byte %zu",
                     server->name, status, code, at);
        pp_buf_fini(&body);
    }
    for (size_t i = 0; i < server_count; i++)
        assert_stored(&servers[i], 0);
}

/* The code tells the writer what happened, so the front has to have a real
 * server's. The head of a frame: 16 bytes of sum, method, two sizes. */
static void what_is_wrong_with_a_frame_is_told_by_its_code(void **state)
{
    static const struct {
        const char *when;
        size_t at; /* of the byte that is changed */
        int code;
        bool sum_is_right;
        bool in_it; /* 18.16 trusts the data of a frame with the right sum */
    } cases[] = {
        {"the sum is wrong", 0, 40, false, false},
        {"a byte of the data is wrong", 30, 40, false, false},
        {"the method is unknown", 16, 89, true, false},
        {"it is larger than the body", 18, 33, false, false},
        {"it is larger than any", 20, 39, false, false},
        {"it cannot be decompressed", 21, 271, true, true},
    };

    (void)state;
    for (size_t i = 0; i < server_count * PP_COUNT(cases); i++) {
        struct server *server = &servers[i % server_count];
        size_t n = i / server_count;
        struct pp_city128 sum;
        struct pp_buf body;
        int code;

        make_body(&body, 100, server->old);
        body.p[cases[n].at] = (char)(body.p[cases[n].at] ^ 0x70);
        sum = pp_cityhash128(body.p + sizeof(sum), body.n - sizeof(sum));
        if (cases[n].sum_is_right)
            memcpy(body.p, &sum, sizeof(sum));
        post(server, row_insert_sql(), false, pp_buf_str(&body), &code);
        if (code != cases[n].code && !(server->old && cases[n].in_it))
            fail_msg("when %s, %s says %d", cases[n].when, server->name, code);
        pp_buf_fini(&body);
    }
}

static void two_statements_in_one_request_are_refused(void **state)
{
    static const char *const pairs[] = {
        "SELECT 1; SELECT 2",
        "DROP TABLE IF EXISTS one; DROP TABLE IF EXISTS two",
        "INSERT INTO events (site_id) SELECT 'a'; SELECT 1",
        "INSERT INTO events (site_id) FORMAT Native; SELECT 1",
    };

    (void)state;
    for (size_t i = 0; i < server_count * PP_COUNT(pairs); i++) {
        struct server *server = &servers[i % server_count];
        const char *pair = pairs[i / server_count];
        int code,
            status = post(server, pair, false, (struct pp_str){"", 0}, &code);

        if ((status != 400 && status != 500) || code != 62)
            fail_msg("%s answers %d, code %d, to %s", server->name, status,
                     code, pair);
    }
    for (size_t i = 0; i < server_count; i++)
        assert_stored(&servers[i], 0);
}

int main(void)
{
    const struct CMUnitTest cuts[] = {
        cmocka_unit_test_setup(a_whole_body_stores_exactly_its_rows,
                               make_tables),
        cmocka_unit_test_setup(no_cut_body_leaves_a_row, make_tables),
        cmocka_unit_test_setup(
            a_body_without_its_end_is_stored_whole_or_not_at_all, make_tables),
        cmocka_unit_test_setup(
            a_body_with_a_flipped_bit_is_refused_and_leaves_no_row,
            make_tables),
        cmocka_unit_test_setup(what_is_wrong_with_a_frame_is_told_by_its_code,
                               make_tables),
        cmocka_unit_test_setup(two_statements_in_one_request_are_refused,
                               make_tables),
    };

    dice_state = 1; /* it is no test of chance but for the cuts */
    return cmocka_run_group_tests(cuts, open_servers, close_servers);
}
