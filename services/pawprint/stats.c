/* What a person wants to see of a site first, straight from `events`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pp_json.h"
#include "pp_mem.h"

#include "cli.h"

#define QUERY_MS  30000
#define FIRST_DAY "1971-01-01" /* before and after all events */
#define LAST_DAY  "2200-01-01"
#define FILTER                                                                 \
    " FROM events WHERE site_id = {site:String} "                              \
    "AND event_at >= parseDateTime64BestEffort({from:String}, 3, 'UTC') "      \
    "AND event_at < parseDateTime64BestEffort({to:String}, 3, 'UTC') "
#define PEOPLE "AND NOT bot "

/* One block of the output: a title and a query of names and numbers. */
static const struct panel {
    const char *name, *title;
    const char *columns; /* of the numbers, for a reader */
    const char *sql;
} panels[] = {
    {"totals", "Totals", "",
     "SELECT * FROM (SELECT 'visitors' AS what, uniqExact(visitor) AS n" FILTER
         PEOPLE "AND kind = 'pageview' UNION ALL "
     "SELECT 'visits', uniqExact(visit_id)" FILTER PEOPLE
     "AND kind = 'pageview' UNION ALL "
     "SELECT 'page views', count()" FILTER PEOPLE
     "AND kind = 'pageview' UNION ALL "
     "SELECT 'custom events', count()" FILTER PEOPLE
     "AND kind = 'custom' UNION ALL "
     "SELECT 'page views of bots', count()" FILTER
     "AND bot AND kind = 'pageview') ORDER BY indexOf(['visitors','visits',"
     "'page views','custom events','page views of bots'], what)"},
    {"pages", "Pages", "views",
     "SELECT concat(hostname, pathname) AS page, count() AS n" FILTER PEOPLE
     "AND kind = 'pageview' GROUP BY page ORDER BY n DESC, page LIMIT 10"},
    {"sources", "Sources", "visits",
     "SELECT if(source = '', 'direct', source) AS name, "
     "uniqExact(visit_id) AS n" FILTER PEOPLE
     "AND kind = 'pageview' GROUP BY name ORDER BY n DESC, name LIMIT 10"},
    {"countries", "Countries", "visits",
     "SELECT if(country = '', 'unknown', country) AS name, "
     "uniqExact(visit_id) AS n" FILTER PEOPLE
     "AND kind = 'pageview' GROUP BY name ORDER BY n DESC, name LIMIT 10"},
    {"browsers", "Browsers", "visits",
     "SELECT if(browser = '', 'unknown', browser) AS name, "
     "uniqExact(visit_id) AS n" FILTER PEOPLE
     "AND kind = 'pageview' GROUP BY name ORDER BY n DESC, name LIMIT 10"},
    {"devices", "Devices", "visits",
     "SELECT device AS name, uniqExact(visit_id) AS n" FILTER PEOPLE
     "AND kind = 'pageview' GROUP BY name ORDER BY n DESC, name LIMIT 10"},
    {"timings", "Load times, ms (median, p75, p95, measured)", "",
     "SELECT 'first byte' AS what, toUInt32(quantileExact(0.5)(ttfb_ms)), "
     "toUInt32(quantileExact(0.75)(ttfb_ms)), "
     "toUInt32(quantileExact(0.95)(ttfb_ms)), count() AS n" FILTER PEOPLE
     "AND kind = 'timing' AND ttfb_ms IS NOT NULL HAVING n > 0 UNION ALL "
     "SELECT 'load', toUInt32(quantileExact(0.5)(load_ms)), "
     "toUInt32(quantileExact(0.75)(load_ms)), "
     "toUInt32(quantileExact(0.95)(load_ms)), count() AS n" FILTER PEOPLE
     "AND load_ms IS NOT NULL HAVING n > 0"},
    {"vitals", "Web vitals (median, p75, p95, measured)", "",
     "SELECT name, round(quantileExact(0.5)(value), 3), "
     "round(quantileExact(0.75)(value), 3), "
     "round(quantileExact(0.95)(value), 3), count()" FILTER PEOPLE
     "AND kind = 'vital' GROUP BY name ORDER BY name"},
};

static void print_text(const struct panel *panel, struct pp_str rows)
{
    struct pp_str row, cell;

    printf("\n%s%s%s\n", panel->title, panel->columns[0] ? ", by " : "",
           panel->columns);
    if (rows.n == 0)
        puts("  (none)");
    while (rows.n && pp_str_split(&rows, '\n', &row)) {
        bool first = true;

        while (pp_str_split(&row, '\t', &cell)) {
            printf(first ? "  %-40.*s" : " %9.*s", PP_ARG(cell));
            first = false;
        }
        puts("");
    }
}

static void print_json(const struct panel *panel, struct pp_str rows,
                       bool first)
{
    struct pp_str row, cell;
    struct pp_buf out;

    pp_buf_init(&out, (size_t)4 << 20);
    pp_buf_printf(&out, "%s\"%s\":[", first ? "{" : ",", panel->name);
    for (bool more = false; rows.n && pp_str_split(&rows, '\n', &row);
         more = true) {
        bool in_row = false;

        pp_buf_add_text(&out, more ? ",[" : "[");
        for (; pp_str_split(&row, '\t', &cell); in_row = true) {
            if (in_row)
                pp_buf_printf(&out, ",%.*s", PP_ARG(cell));
            else
                pp_json_add_str(&out, cell);
        }
        pp_buf_add_byte(&out, ']');
    }
    printf("%.*s]", PP_ARG(pp_buf_str(&out)));
    pp_buf_fini(&out);
}

static void print_title(const struct pp_clickhouse_value *values)
{
    const char *from = values[1].value, *to = values[2].value;
    bool open_start = strcmp(from, FIRST_DAY) == 0;
    bool open_end = strcmp(to, LAST_DAY) == 0;

    printf("Site %s%s%s%s%s%s\n", values[0].value, open_start ? "" : ", from ",
           open_start ? "" : from, open_end ? "" : ", before ",
           open_end ? "" : to,
           open_start && open_end ? ", all that is stored" : " (UTC)");
}

int stats_run(struct cli *cli, int argc, char **argv, struct pp_err *err)
{
    const struct pp_clickhouse_value values[] = {
        {"site", cli_argument(argc, argv, 0)},
        {"from", cli_option(argc, argv, "--from", FIRST_DAY)},
        {"to", cli_option(argc, argv, "--to", LAST_DAY)},
        {0},
    };
    struct pp_clickhouse_call call = {.parameters = values,
                                      .timeout_ms = QUERY_MS};
    struct pp_str rows;

    if (!values[0].value)
        return cli_usage(err, "a site's key is needed");
    if (!cli->json)
        print_title(values);
    for (size_t i = 0; i < PP_COUNT(panels); i++) {
        call.sql = panels[i].sql;
        if (pp_clickhouse_run(cli->clickhouse, &call, &rows, err) < 0)
            return -1;
        rows = pp_str_trim(rows);
        if (cli->json)
            print_json(&panels[i], rows, i == 0);
        else
            print_text(&panels[i], rows);
    }
    if (cli->json)
        puts("}");
    return 0;
}
