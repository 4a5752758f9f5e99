#include "pp_cron.h"

#include "pp_date.h"
#include "pp_mem.h"
#include "pp_time.h"

#define MINUTES_A_DAY 1440
#define MS_A_MINUTE   INT64_C(60000)

/* Longer than any that means something. */
#define TEXT_BYTES 256

/* --- reading ---------------------------------------------------------------
 */

struct field {
    const char *name;
    int least, most;
    const char *const *words; /* of the numbers from least on; or NULL */
};

static const char *const months[] = {"JAN", "FEB", "MAR", "APR", "MAY",
                                     "JUN", "JUL", "AUG", "SEP", "OCT",
                                     "NOV", "DEC", NULL};
static const char *const weekdays[] = {"SUN", "MON", "TUE", "WED",
                                       "THU", "FRI", "SAT", NULL};

enum { MINUTE, HOUR, MONTH_DAY, MONTH, WEEKDAY, FIELDS };

static const struct field fields[FIELDS] = {
    {"minute", 0, 59, NULL},         {"hour", 0, 23, NULL},
    {"day of month", 1, 31, NULL},   {"month", 1, 12, months},
    {"day of week", 0, 7, weekdays},
};

static int wrong(const struct field *field, struct pp_err *err)
{
    return pp_err_set(err, PP_ERR_INVALID, "cron: the %s is wrong",
                      field->name);
}

static bool number_of(struct pp_str text, int64_t least, int64_t most, int *out)
{
    int64_t number;

    /* pp_str_int64() takes a sign, which cron does not. */
    if (text.n == 0 || text.p[0] < '0' || text.p[0] > '9' ||
        !pp_str_int64(text, &number) || number < least || number > most)
        return false;
    *out = (int)number;
    return true;
}

static bool value_of(struct pp_str text, const struct field *field, int *out)
{
    for (int i = 0; field->words && field->words[i]; i++)
        if (pp_str_eq_nocase(text, pp_str_of(field->words[i]))) {
            *out = field->least + i;
            return true;
        }
    return number_of(text, field->least, field->most, out);
}

/* "*", "5" or "1-5", with a step but for a single value. */
static bool add_range(struct pp_str text, const struct field *field,
                      uint64_t *bits)
{
    size_t slash = pp_str_find(text, '/');
    struct pp_str range = pp_str_sub(text, 0, slash);
    size_t dash = pp_str_find(range, '-');
    int from = field->least, to = field->most, step = 1;

    if (slash < text.n &&
        !number_of(pp_str_sub(text, slash + 1, text.n), 1, field->most, &step))
        return false;
    if (!pp_str_eq(range, PP_LIT("*"))) {
        if (!value_of(pp_str_sub(range, 0, dash), field, &from))
            return false;
        to = from;
        if (dash < range.n &&
            !value_of(pp_str_sub(range, dash + 1, range.n), field, &to))
            return false;
        if (to < from || (slash < text.n && dash == range.n))
            return false;
    }
    for (int i = from; i <= to; i += step)
        *bits |= UINT64_C(1) << i;
    return true;
}

static bool add_field(struct pp_str text, const struct field *field,
                      uint64_t *bits, bool *last_day)
{
    struct pp_str part;

    while (pp_str_split(&text, ',', &part)) {
        if (field == &fields[MONTH_DAY] && pp_str_eq_nocase(part, PP_LIT("L")))
            *last_day = true;
        else if (!add_range(part, field, bits))
            return false;
    }
    return true;
}

/* What stands for a macro; or the text as it is. */
static struct pp_str without_macro(struct pp_str text)
{
    static const struct {
        const char *name, *meaning;
    } macros[] = {
        {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
        {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
        {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
    };

    for (size_t i = 0; i < PP_COUNT(macros); i++)
        if (pp_str_eq_nocase(text, pp_str_of(macros[i].name)))
            return pp_str_of(macros[i].meaning);
    return text;
}

/* Takes the next field off *rest, and the blanks around it. */
static bool next_field(struct pp_str *rest, struct pp_str *field)
{
    size_t n = 0;

    *rest = pp_str_trim(*rest);
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    *field = pp_str_sub(*rest, 0, n);
    *rest = pp_str_trim(pp_str_sub(*rest, n, rest->n));
    return n > 0;
}

static int read_fields(struct pp_str text, uint64_t bits[static FIELDS],
                       bool any[static FIELDS], bool *last_day,
                       struct pp_err *err)
{
    for (int i = 0; i < FIELDS; i++) {
        struct pp_str field;

        if (!next_field(&text, &field))
            return pp_err_set(err, PP_ERR_INVALID, "cron: %d fields, not five",
                              i);
        any[i] = field.p[0] == '*';
        if (!add_field(field, &fields[i], &bits[i], last_day))
            return wrong(&fields[i], err);
    }
    if (text.n > 0)
        return pp_err_set(err, PP_ERR_INVALID, "cron: more than five fields");
    return 0;
}

/* --- dates -----------------------------------------------------------------
 */

static bool date_matches(const struct pp_cron *cron, struct pp_date date,
                         int weekday)
{
    bool of_month = (cron->month_days >> date.day & 1) ||
                    (cron->last_day &&
                     date.day == pp_date_month_days(date.year, date.month));
    bool of_week = cron->weekdays >> weekday % 7 & 1;

    return cron->one_day_is_enough ? of_month || of_week : of_month && of_week;
}

/* The first date from that one on that matches, and is not after last. */
static bool next_date(const struct pp_cron *cron, int64_t date, int64_t last,
                      int64_t *date_out)
{
    while (date <= last) {
        struct pp_date parts = pp_date_of(date);
        int days = pp_date_month_days(parts.year, parts.month);

        for (; (cron->months >> parts.month & 1) && parts.day <= days;
             parts.day++, date++)
            if (date_matches(cron, parts, pp_date_weekday(date))) {
                *date_out = date;
                return date <= last;
            }
        date += days - parts.day + 1;
    }
    return false;
}

/* After 400 years the calendar has the same days of the week again. */
static bool has_dates(const struct pp_cron *cron)
{
    int64_t date;

    return next_date(cron, 0, 146097, &date);
}

int pp_cron_parse(struct pp_str text, struct pp_cron *cron_out,
                  struct pp_err *err)
{
    uint64_t bits[FIELDS] = {0};
    bool any[FIELDS], last_day = false;
    struct pp_cron cron;

    if (text.n > TEXT_BYTES)
        return pp_err_set(err, PP_ERR_INVALID, "cron: longer than %d bytes",
                          TEXT_BYTES);
    if (read_fields(without_macro(pp_str_trim(text)), bits, any, &last_day,
                    err) < 0)
        return -1;
    cron = (struct pp_cron){
        .minutes = bits[MINUTE],
        .hours = (uint32_t)bits[HOUR],
        .month_days = (uint32_t)bits[MONTH_DAY],
        .months = (uint32_t)bits[MONTH],
        /* 7 is Sunday as well */
        .weekdays = (uint32_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f),
        .last_day = last_day,
        .one_day_is_enough = !any[MONTH_DAY] && !any[WEEKDAY],
        .follows_the_clock = any[MINUTE] || any[HOUR],
    };
    if (!has_dates(&cron))
        return pp_err_set(err, PP_ERR_INVALID, "cron: there is no such date");
    *cron_out = cron;
    return 0;
}

/* --- times -----------------------------------------------------------------
 */

/* The first minute of a day from that one on; false: there is none. */
static bool next_of_day(const struct pp_cron *cron, int minute, int *minute_out)
{
    for (int hour = minute / 60; hour < 24; hour++, minute = hour * 60) {
        if (!(cron->hours >> hour & 1))
            continue;
        for (int m = minute % 60; m < 60; m++)
            if (cron->minutes >> m & 1) {
                *minute_out = hour * 60 + m;
                return true;
            }
    }
    return false;
}

/* The first time from *local_ms on; false: there is none before year 10000. */
static bool next_local(const struct pp_cron *cron, int64_t *local_ms)
{
    int64_t minute = pp_divide_down(*local_ms + MS_A_MINUTE - 1, MS_A_MINUTE);
    int64_t date = pp_divide_down(minute, MINUTES_A_DAY), found;
    int of_day = (int)(minute - date * MINUTES_A_DAY);

    for (; next_date(cron, date, PP_DATE_LAST, &found); date = found + 1) {
        if (found != date)
            of_day = 0;
        if (next_of_day(cron, of_day, &of_day)) {
            *local_ms = (found * MINUTES_A_DAY + of_day) * MS_A_MINUTE;
            return true;
        }
        of_day = 0;
    }
    return false;
}

/* Later local times never come earlier, so those until now are over. */
static bool next_named(const struct pp_cron *cron, const struct pp_zone *zone,
                       int64_t after_ms, int64_t *at_ms_out)
{
    int64_t local_ms = pp_zone_local_ms(zone, after_ms);

    do {
        local_ms++;
        if (!next_local(cron, &local_ms))
            return false;
        *at_ms_out = pp_zone_at_ms(zone, local_ms);
    } while (*at_ms_out <= after_ms);
    return true;
}

/* Until the clocks are changed next they go as any clock does. */
static bool next_shown(const struct pp_cron *cron, const struct pp_zone *zone,
                       int64_t after_ms, int64_t *at_ms_out)
{
    int64_t from_ms = after_ms + 1, change_ms;

    for (;; from_ms = change_ms) {
        int64_t local_ms = pp_zone_local_ms(zone, from_ms);
        int64_t ahead_ms = local_ms - from_ms;

        if (!next_local(cron, &local_ms))
            return false;
        *at_ms_out = local_ms - ahead_ms;
        if (!pp_zone_next_change(zone, from_ms, &change_ms) ||
            *at_ms_out < change_ms)
            return true;
    }
}

bool pp_cron_next(const struct pp_cron *cron, const struct pp_zone *zone,
                  int64_t after_ms, int64_t *at_ms_out)
{
    return cron->follows_the_clock
               ? next_shown(cron, zone, after_ms, at_ms_out)
               : next_named(cron, zone, after_ms, at_ms_out);
}
