#ifndef PP_ROLLUP_SQL_H
#define PP_ROLLUP_SQL_H

/*
 * The statements that make a day of each table from `events`. Constant text;
 * {day:Date} is the day, and each inserts into a table of the caller's choice,
 * whose name stands where %s is.
 */
enum pp_rollup_table {
    PP_ROLLUP_VISITS, /* before the day: that one reads it */
    PP_ROLLUP_MINUTE,
    PP_ROLLUP_HOUR,
    PP_ROLLUP_DAY,
    PP_ROLLUP_TABLES,
};

#define PP_ROLLUP_STEPS_MAX 2

struct pp_rollup_sql {
    const char *name;                       /* of the table */
    const char *steps[PP_ROLLUP_STEPS_MAX]; /* one after the other, or NULL */
};

extern const struct pp_rollup_sql pp_rollup_sql[PP_ROLLUP_TABLES];

/*
 * Lines of what, day, row count, checksum, for the days {from:Date} to
 * {to:Date}: what stands in `events`, and of which rows the tables are made.
 * The line 'age' has the seconds since the day was put in place.
 */
extern const char pp_rollup_compare_sql[];

/*
 * What stands in a table on {day:Date} and what it should be: each statement
 * gives a count of groups and a fingerprint of all values in them. That of
 * events is written otherwise than what fills the table, so that the two share
 * no fault. The last row has no name.
 */
struct pp_rollup_proof {
    const char *name;
    const char *events_sql;
    const char *table_sql;
};

extern const struct pp_rollup_proof pp_rollup_proofs[];

/* The identity of a row of events. */
#define PP_ROLLUP_ROW_HASH                                                     \
    "sipHash64(kafka_epoch, kafka_partition, kafka_offset)"

#endif
