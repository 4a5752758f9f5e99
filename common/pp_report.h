#ifndef PP_REPORT_H
#define PP_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "pp_arena.h"
#include "pp_buf.h"
#include "pp_err.h"
#include "pp_schedule.h"
#include "pp_str.h"

/*
 * The numbers of a site in a period, beside those of the period before: what a
 * report says, whatever it is sent by. They are reckoned once and kept as
 * JSON, so that whoever sends a report twice says the same. docs/reports.md
 * says how each is counted; pp_report_query.h counts, pp_report_view.h shows.
 *
 * Names of pages, sources and the like come from strangers. They are put in
 * here cleaned (pp_report_clean()), and escaped where they are shown. Pure;
 * any thread.
 */
enum pp_report_figure {
    PP_REPORT_VISITORS,
    PP_REPORT_VISITS,
    PP_REPORT_PAGEVIEWS,
    PP_REPORT_BOUNCE,   /* percent of the visits that began in the period */
    PP_REPORT_DURATION, /* seconds of such a visit, on average */
    PP_REPORT_LCP,      /* milliseconds: three in four were as fast */
    PP_REPORT_INP,
    PP_REPORT_CLS, /* no unit */
    PP_REPORT_TTFB,
    PP_REPORT_FIGURES,
};

/* Not known is other than 0: nobody measured it, or there was no visit. */
struct pp_report_number {
    bool known;
    double value;
};

struct pp_report_change {
    struct pp_report_number now, before;
};

enum pp_report_list {
    PP_REPORT_PAGES,     /* by page views */
    PP_REPORT_SOURCES,   /* by visits */
    PP_REPORT_COUNTRIES, /* by visits; two letters */
    PP_REPORT_DEVICES,   /* by visits */
    PP_REPORT_SLOWEST,   /* pages by LCP, milliseconds */
    PP_REPORT_MOVERS,    /* pages by how far their page views moved */
    PP_REPORT_LISTS,
};

#define PP_REPORT_ROWS       8  /* of a list */
#define PP_REPORT_NAME_CHARS 72 /* of a name */

struct pp_report_row {
    struct pp_str name;   /* someone else's */
    int64_t value;        /* of what the list goes by */
    int64_t before;       /* of a mover, in the period before */
    int64_t measurements; /* of a slow page */
};

struct pp_report {
    struct pp_str site; /* its name */
    struct pp_str site_id, zone;
    /* Empty: any range of dates, of somebody who looks once. */
    struct pp_str every; /* "day", "week", "month" */
    struct pp_period period, before;
    struct pp_report_change figures[PP_REPORT_FIGURES];
    struct {
        struct pp_report_row rows[PP_REPORT_ROWS];
        size_t count;
    } lists[PP_REPORT_LISTS];
};

/* As JSON, and in the web's words, names them: "visitors", "lcp_ms". */
const char *pp_report_figure_name(enum pp_report_figure figure);
const char *pp_report_list_name(enum pp_report_list list);

/* False: nobody came. */
bool pp_report_has_traffic(const struct pp_report *report);

/* Adds it as a JSON object. */
void pp_report_add_json(const struct pp_report *report, struct pp_buf *out);

/*
 * The same back; texts point into json or arena. What it does not know is
 * passed over. PP_ERR_INVALID: it is no report.
 */
int pp_report_read(struct pp_str json, struct pp_arena *arena,
                   struct pp_report *report_out, struct pp_err *err);

/*
 * Adds a stranger's text as it may stand in a report: one line of at most
 * PP_REPORT_NAME_CHARS characters, nothing that changes the direction of text,
 * is invisible, or piles up marks on a letter.
 */
void pp_report_clean(struct pp_buf *out, struct pp_str text);

#endif
