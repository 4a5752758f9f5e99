/*
 * Metrics are static structs in one list; reading them is a walk over it. No
 * number depends on another, so relaxed atomics are enough.
 */
#include "pp_metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 32

static struct pp_metric *first;

const double pp_metrics_seconds[13] = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

static const char *kind_name(enum pp_metric_kind kind)
{
    switch (kind) {
    case PP_METRIC_COUNTER:
        return "counter";
    case PP_METRIC_GAUGE:
        return "gauge";
    case PP_METRIC_HISTOGRAM:
        return "histogram";
    }
    return "untyped";
}

/* [a-zA-Z_][a-zA-Z0-9_]*: colons are for recording rules. */
static bool name_is_valid(const char *name)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

    return name[0] != '\0' && !(name[0] >= '0' && name[0] <= '9') &&
           name[strspn(name, word)] == '\0';
}

static bool same_family(const struct pp_metric *a, const struct pp_metric *b)
{
    return strcmp(a->name, b->name) == 0;
}

void pp_metrics_add(struct pp_metric *metric)
{
    struct pp_metric **last = &first;

    assert(name_is_valid(metric->name));
    for (const struct pp_label *l = metric->labels; l->name; l++)
        assert(name_is_valid(l->name) && l->value);
    for (; *last; last = &(*last)->next) {
        if (*last == metric)
            return;
        assert(!same_family(*last, metric) || (*last)->kind == metric->kind);
    }
    if (metric->kind == PP_METRIC_HISTOGRAM)
        assert(((struct pp_histogram *)metric)->bounds_count <=
               PP_METRIC_BOUNDS_MAX);
    *last = metric;
}

/* --- updating ------------------------------------------------------------ */

void pp_counter_add(struct pp_counter *counter, uint64_t count)
{
    atomic_fetch_add_explicit(&counter->value, count, memory_order_relaxed);
}

void pp_gauge_set(struct pp_gauge *gauge, int64_t value)
{
    atomic_store_explicit(&gauge->value, value, memory_order_relaxed);
}

void pp_gauge_add(struct pp_gauge *gauge, int64_t difference)
{
    atomic_fetch_add_explicit(&gauge->value, difference, memory_order_relaxed);
}

void pp_histogram_observe(struct pp_histogram *histogram, double value)
{
    size_t i = 0;
    double sum;

    if (isnan(value))
        return;
    while (i < histogram->bounds_count && value > histogram->bounds[i])
        i++;
    atomic_fetch_add_explicit(&histogram->counts[i], 1, memory_order_relaxed);
    sum = atomic_load_explicit(&histogram->sum, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
        &histogram->sum, &sum, sum + value, memory_order_relaxed,
        memory_order_relaxed))
        ; /* another thread was faster, and sum is what it left */
}

/* --- writing ------------------------------------------------------------- */

/* The shortest of two forms that reads back as the same number. */
static void double_text(char text[static NUMBER_BYTES], double value)
{
    if (isnan(value))
        (void)snprintf(text, NUMBER_BYTES, "NaN");
    else if (isinf(value))
        (void)snprintf(text, NUMBER_BYTES, value < 0 ? "-Inf" : "+Inf");
    else {
        (void)snprintf(text, NUMBER_BYTES, "%.15g", value);
        if (strtod(text, NULL) < value || strtod(text, NULL) > value)
            (void)snprintf(text, NUMBER_BYTES, "%.17g", value);
    }
}

/* A quote is escaped in the value of a label, and stands as it is in a help. */
static void add_escaped(struct pp_buf *out, const char *text, bool in_label)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            pp_buf_add_text(out, "\\n");
        else if (*text == '\\' || (in_label && *text == '"'))
            pp_buf_printf(out, "\\%c", *text);
        else
            pp_buf_add_byte(out, (unsigned char)*text);
    }
}

/* name_suffix{labels,le="..."} and a blank; le may be NULL. */
static void add_series(struct pp_buf *out, const struct pp_metric *metric,
                       const char *suffix, const char *le)
{
    const char *before = "{";

    pp_buf_printf(out, "%s%s", metric->name, suffix);
    for (const struct pp_label *l = metric->labels; l->name; l++) {
        pp_buf_printf(out, "%s%s=\"", before, l->name);
        add_escaped(out, l->value, true);
        pp_buf_add_text(out, "\"");
        before = ",";
    }
    if (le)
        pp_buf_printf(out, "%sle=\"%s\"", before, le);
    pp_buf_add_text(out, le || metric->labels[0].name ? "} " : " ");
}

static void write_histogram(struct pp_buf *out, struct pp_histogram *histogram)
{
    const struct pp_metric *metric = &histogram->metric;
    char number[NUMBER_BYTES];
    uint64_t count = 0;

    for (size_t i = 0; i <= histogram->bounds_count; i++) {
        bool above_all = i == histogram->bounds_count;

        count +=
            atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
        double_text(number,
                    above_all ? (double)INFINITY : histogram->bounds[i]);
        add_series(out, metric, "_bucket", number);
        pp_buf_printf(out, "%" PRIu64 "\n", count);
    }
    double_text(number,
                atomic_load_explicit(&histogram->sum, memory_order_relaxed));
    add_series(out, metric, "_sum", NULL);
    pp_buf_printf(out, "%s\n", number);
    /* The same number as the last bucket, whatever was observed meanwhile. */
    add_series(out, metric, "_count", NULL);
    pp_buf_printf(out, "%" PRIu64 "\n", count);
}

static void write_one(struct pp_buf *out, struct pp_metric *metric)
{
    switch (metric->kind) {
    case PP_METRIC_COUNTER:
        add_series(out, metric, "", NULL);
        pp_buf_printf(
            out, "%" PRIu64 "\n",
            atomic_load_explicit(&((struct pp_counter *)metric)->value,
                                 memory_order_relaxed));
        break;
    case PP_METRIC_GAUGE:
        add_series(out, metric, "", NULL);
        pp_buf_printf(out, "%" PRId64 "\n",
                      atomic_load_explicit(&((struct pp_gauge *)metric)->value,
                                           memory_order_relaxed));
        break;
    case PP_METRIC_HISTOGRAM:
        write_histogram(out, (struct pp_histogram *)metric);
        break;
    }
}

static bool is_first_of_family(const struct pp_metric *metric)
{
    const struct pp_metric *other = first;

    while (!same_family(other, metric))
        other = other->next;
    return other == metric;
}

static void write_family(struct pp_buf *out, struct pp_metric *metric)
{
    pp_buf_printf(out, "# HELP %s ", metric->name);
    add_escaped(out, metric->help, false);
    pp_buf_printf(out, "\n# TYPE %s %s\n", metric->name,
                  kind_name(metric->kind));
    for (struct pp_metric *m = metric; m; m = m->next)
        if (same_family(m, metric))
            write_one(out, m);
}

void pp_metrics_write(struct pp_buf *out)
{
    for (struct pp_metric *m = first; m; m = m->next)
        if (is_first_of_family(m))
            write_family(out, m);
}
