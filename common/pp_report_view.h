#ifndef PP_REPORT_VIEW_H
#define PP_REPORT_VIEW_H

#include "pp_buf.h"
#include "pp_err.h"
#include "pp_report.h"
#include "pp_str.h"

/*
 * A report as people read it: HTML for a mail, and text with the same words
 * and numbers. The HTML is common/messages/report.html, compiled in, of less
 * than PP_REPORT_HTML_MAX bytes whatever stands in the report. It loads
 * nothing, tells nobody that it was read, and its one link is ours; what
 * strangers wrote is escaped, and broken up so that no mail program makes a
 * link of it. No I/O; one thread at a time.
 */
#define PP_REPORT_HTML_MAX (60 * 1024)

struct pp_report_layout;

/* Reads what is compiled in. PP_ERR_FATAL: a part is missing or wrong. */
int pp_report_layout_open(struct pp_report_layout **layout_out,
                          struct pp_err *err);
void pp_report_layout_close(struct pp_report_layout **layout);

/* What only whoever sends it knows. */
struct pp_report_reader {
    struct pp_str unsubscribe_url; /* https, or empty */
    bool test; /* somebody asked for it, to see how it looks */
};

/* Each adds to out. */
void pp_report_html(const struct pp_report_layout *layout,
                    const struct pp_report *report,
                    const struct pp_report_reader *reader, struct pp_buf *out);
void pp_report_text(const struct pp_report *report,
                    const struct pp_report_reader *reader, struct pp_buf *out);

/*
 * For a chat: what was counted with its change, page speed where it was
 * measured, and the first pages and sources, without any link. Escaped as Slack
 * wants it, for a message whose "mrkdwn" is false.
 */
void pp_report_slack(const struct pp_report *report,
                     const struct pp_report_reader *reader, struct pp_buf *out);

/* --- what embed.py makes, and for tests ------------------------------------
 */
extern const char pp_report_parts[];
int pp_report_layout_read(struct pp_report_layout **layout_out,
                          const char *parts, struct pp_err *err);

#endif
