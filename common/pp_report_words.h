#ifndef PP_REPORT_WORDS_H
#define PP_REPORT_WORDS_H

#include <stdint.h>

#include "pp_buf.h"
#include "pp_report.h"

/*
 * The numbers and dates of a report in words, the same wherever they stand.
 * Each adds to out. Pure; any thread.
 */

/* "Mon 16 to Sun 22 Nov 2026" */
void pp_report_add_dates(struct pp_buf *out, struct pp_period period);

/* "1,234", "41.5 %", "2 min 5 s", "1.24 s"; or "-" when it is not known. */
void pp_report_add_number(struct pp_buf *out, enum pp_report_figure figure,
                          struct pp_report_number number);

/* "+12 %", "-3.1 points", "new", "same"; nothing when there is none. */
void pp_report_add_change(struct pp_buf *out, enum pp_report_figure figure,
                          const struct pp_report_change *change);

/*
 * Adds the facts of a message of the kind "report": for its subject and its
 * short form, and the report itself.
 */
void pp_report_add_facts(struct pp_buf *out, const struct pp_report *report,
                         int64_t subscription_id, bool test);

/* "1,234"; "840 ms", "1.24 s" */
void pp_report_add_count(struct pp_buf *out, int64_t count);
void pp_report_add_ms(struct pp_buf *out, double value);

/*
 * By how much it has changed, as it is said: in percent, or for what is one
 * already in points; 0 where there is nothing to compare.
 */
double pp_report_moved(enum pp_report_figure figure,
                       const struct pp_report_change *change);

#endif
