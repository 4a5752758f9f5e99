#ifndef PP_METRICS_H
#define PP_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "pp_buf.h"

/*
 * Counters, gauges and histograms, shown as Prometheus text (format 0.0.4).
 *
 * A metric is a static struct with one fixed set of labels, named
 * pawprint_<service>_<what>_<unit>; never a site or a path as a label. It is
 * added once at start, before there are other threads, and stays for good:
 *
 *   static struct pp_counter bots =
 *       PP_COUNTER_WITH("pawprint_enricher_rejects_total",
 *                       "hits that can never become an event",
 *                       {"reason", "bot"});
 *   pp_metrics_add(&bots.metric);
 *   pp_counter_add(&bots, 1);
 *
 * Metrics with the same name are one family: same kind, same help, other
 * labels. Updating takes no lock and is safe from any thread. A reader sees
 * each number whole, but not all of them at one instant.
 */
enum pp_metric_kind { PP_METRIC_COUNTER, PP_METRIC_GAUGE, PP_METRIC_HISTOGRAM };

#define PP_METRIC_LABELS_MAX 4
#define PP_METRIC_BOUNDS_MAX 16

struct pp_label {
    const char *name;
    const char *value; /* any text; escaped when shown */
};

/* What all have in common. Everything it points at is borrowed for good. */
struct pp_metric {
    enum pp_metric_kind kind;
    const char *name;
    const char *help;
    struct pp_label labels[PP_METRIC_LABELS_MAX + 1]; /* ends with {0} */
    struct pp_metric *next;                           /* pp_metrics' own */
};

struct pp_counter {
    struct pp_metric metric;
    _Atomic uint64_t value;
};

struct pp_gauge {
    struct pp_metric metric;
    _Atomic int64_t value;
};

struct pp_histogram {
    struct pp_metric metric;
    const double *bounds; /* upper ends of the buckets, ascending, inclusive */
    size_t bounds_count;
    _Atomic uint64_t counts[PP_METRIC_BOUNDS_MAX + 1]; /* last: above all */
    _Atomic double sum;
};

/* The name of a counter ends with _total, of a time with _seconds. */
#define PP_COUNTER(name_, help_)                                               \
    {                                                                          \
        .metric = {                                                            \
            .kind = PP_METRIC_COUNTER,                                         \
            .name = (name_),                                                   \
            .help = (help_),                                                   \
        },                                                                     \
    }
#define PP_COUNTER_WITH(name_, help_, ...)                                     \
    {                                                                          \
        .metric = {                                                            \
            .kind = PP_METRIC_COUNTER,                                         \
            .name = (name_),                                                   \
            .help = (help_),                                                   \
            .labels = {__VA_ARGS__},                                           \
        },                                                                     \
    }
#define PP_GAUGE(name_, help_)                                                 \
    {                                                                          \
        .metric = {                                                            \
            .kind = PP_METRIC_GAUGE,                                           \
            .name = (name_),                                                   \
            .help = (help_),                                                   \
        },                                                                     \
    }
#define PP_GAUGE_WITH(name_, help_, ...)                                       \
    {                                                                          \
        .metric = {                                                            \
            .kind = PP_METRIC_GAUGE,                                           \
            .name = (name_),                                                   \
            .help = (help_),                                                   \
            .labels = {__VA_ARGS__},                                           \
        },                                                                     \
    }

/* bounds_ is an array of at most PP_METRIC_BOUNDS_MAX doubles. */
#define PP_HISTOGRAM(name_, help_, bounds_)                                    \
    {                                                                          \
        .metric =                                                              \
            {                                                                  \
                .kind = PP_METRIC_HISTOGRAM,                                   \
                .name = (name_),                                               \
                .help = (help_),                                               \
            },                                                                 \
        .bounds = (bounds_),                                                   \
        .bounds_count = sizeof(bounds_) / sizeof((bounds_)[0]),                \
    }
#define PP_HISTOGRAM_WITH(name_, help_, bounds_, ...)                          \
    {                                                                          \
        .metric =                                                              \
            {                                                                  \
                .kind = PP_METRIC_HISTOGRAM,                                   \
                .name = (name_),                                               \
                .help = (help_),                                               \
                .labels = {__VA_ARGS__},                                       \
            },                                                                 \
        .bounds = (bounds_),                                                   \
        .bounds_count = sizeof(bounds_) / sizeof((bounds_)[0]),                \
    }

/* Bounds for how long a request or batch takes: 1 ms to 10 s, in seconds. */
extern const double pp_metrics_seconds[13];

/*
 * Shows the metric from now on. Not safe while another thread adds or writes.
 * A malformed name, or one whose family is of another kind, is a bug: it
 * aborts. Adding the same one twice shows it once.
 */
void pp_metrics_add(struct pp_metric *metric);

void pp_counter_add(struct pp_counter *counter, uint64_t count);
void pp_gauge_set(struct pp_gauge *gauge, int64_t value);
void pp_gauge_add(struct pp_gauge *gauge, int64_t difference);

/* Counts one observation, in the unit of the name. NaN is not counted. */
void pp_histogram_observe(struct pp_histogram *histogram, double value);

/* The content type of what pp_metrics_write() makes. */
#define PP_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/*
 * Appends all metrics, in the order of adding, each family once. Safe while
 * others update. out->overflow says that the limit was too small.
 */
void pp_metrics_write(struct pp_buf *out);

#endif
