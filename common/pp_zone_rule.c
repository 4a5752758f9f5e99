#include "pp_zone_rule.h"

#include "pp_date.h"
#include "pp_time.h"

#define S_A_DAY   INT64_C(86400)
#define S_AN_HOUR 3600

/* --- reading ---------------------------------------------------------------
 *
 * Each takes what it reads off *rest, and says false when it isn't there.
 */

static bool take(struct pp_str *rest, char c)
{
    if (rest->n == 0 || rest->p[0] != c)
        return false;
    *rest = pp_str_sub(*rest, 1, rest->n);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take_number(struct pp_str *rest, int least, int most, int *out)
{
    size_t i = 0;

    for (*out = 0; i < rest->n && i < 4 && is_digit(rest->p[i]); i++)
        *out = *out * 10 + (rest->p[i] - '0');
    *rest = pp_str_sub(*rest, i, rest->n);
    return i > 0 && *out >= least && *out <= most;
}

/* "CET", or anything of letters, digits and signs as "<+0330>". */
static bool take_name(struct pp_str *rest)
{
    bool quoted = take(rest, '<');
    size_t n = 0;

    while (n < rest->n &&
           (is_letter(rest->p[n]) ||
            (quoted &&
             (is_digit(rest->p[n]) || rest->p[n] == '+' || rest->p[n] == '-'))))
        n++;
    *rest = pp_str_sub(*rest, n, rest->n);
    return n >= 3 && (!quoted || take(rest, '>'));
}

/* "[+-]hh[:mm[:ss]]" */
static bool take_time(struct pp_str *rest, int hours_max, int32_t *seconds_out)
{
    int sign = take(rest, '-') ? -1 : 1;
    int hours, minutes = 0, seconds = 0;

    if (sign > 0)
        (void)take(rest, '+');
    if (!take_number(rest, 0, hours_max, &hours))
        return false;
    if (take(rest, ':')) {
        if (!take_number(rest, 0, 59, &minutes))
            return false;
        if (take(rest, ':') && !take_number(rest, 0, 59, &seconds))
            return false;
    }
    *seconds_out = sign * (hours * S_AN_HOUR + minutes * 60 + seconds);
    return true;
}

static bool take_day(struct pp_str *rest, struct pp_zone_change *change)
{
    if (take(rest, 'J')) {
        change->kind = PP_ZONE_DAY_JULIAN;
        return take_number(rest, 1, 365, &change->day);
    }
    if (!take(rest, 'M')) {
        change->kind = PP_ZONE_DAY_YEAR;
        return take_number(rest, 0, 365, &change->day);
    }
    change->kind = PP_ZONE_DAY_MONTH;
    return take_number(rest, 1, 12, &change->month) && take(rest, '.') &&
           take_number(rest, 1, 5, &change->week) && take(rest, '.') &&
           take_number(rest, 0, 6, &change->weekday);
}

static bool take_change(struct pp_str *rest, struct pp_zone_change *change)
{
    if (!take(rest, ',') || !take_day(rest, change))
        return false;
    change->time_s = 2 * S_AN_HOUR;
    return !take(rest, '/') || take_time(rest, 167, &change->time_s);
}

/* In the text an offset is positive west of Greenwich. */
static bool take_offset(struct pp_str *rest, int32_t *offset_s)
{
    if (!take_time(rest, 24, offset_s))
        return false;
    *offset_s = -*offset_s;
    return true;
}

bool pp_zone_rule_parse(struct pp_str text, struct pp_zone_rule *rule_out)
{
    struct pp_zone_rule rule = {0};

    if (!take_name(&text) || !take_offset(&text, &rule.standard_s))
        return false;
    if (text.n > 0) {
        rule.has_summer = true;
        rule.summer_s = rule.standard_s + S_AN_HOUR;
        if (!take_name(&text) ||
            (text.n > 0 && text.p[0] != ',' &&
             !take_offset(&text, &rule.summer_s)) ||
            !take_change(&text, &rule.begins) ||
            !take_change(&text, &rule.ends) || text.n > 0)
            return false;
    }
    *rule_out = rule;
    return true;
}

/* --- reckoning -------------------------------------------------------------
 */

static int64_t day_of_month(const struct pp_zone_change *change, int64_t year)
{
    int64_t first = pp_date_day((struct pp_date){year, change->month, 1});
    int days = pp_date_month_days(year, change->month);
    int of_first = pp_date_weekday(first) % 7;
    int day = (change->weekday - of_first + 7) % 7 + (change->week - 1) * 7;

    return first + (day < days ? day : day - 7);
}

static int64_t day_in(const struct pp_zone_change *change, int64_t year)
{
    int64_t first = pp_date_day((struct pp_date){year, 1, 1});
    bool leap = pp_date_month_days(year, 2) == 29;

    switch (change->kind) {
    case PP_ZONE_DAY_MONTH:
        return day_of_month(change, year);
    case PP_ZONE_DAY_JULIAN:
        return first + change->day - 1 + (leap && change->day >= 60);
    case PP_ZONE_DAY_YEAR:
        return first + change->day;
    }
    return first;
}

static int64_t begins_s(const struct pp_zone_rule *rule, int64_t year)
{
    return day_in(&rule->begins, year) * S_A_DAY + rule->begins.time_s -
           rule->standard_s;
}

static int64_t ends_s(const struct pp_zone_rule *rule, int64_t year)
{
    return day_in(&rule->ends, year) * S_A_DAY + rule->ends.time_s -
           rule->summer_s;
}

static int64_t year_of(int64_t at_s)
{
    return pp_date_of(pp_divide_down(at_s, S_A_DAY)).year;
}

/*
 * The latest change not after at_s. A change may lie a week outside of its
 * year, so those of the years around are looked at as well.
 */
static int64_t latest(const struct pp_zone_rule *rule, int64_t at_s,
                      int64_t (*change_s)(const struct pp_zone_rule *rule,
                                          int64_t year))
{
    int64_t year = year_of(at_s) + 1, found_s;

    while ((found_s = change_s(rule, year)) > at_s)
        year--;
    return found_s;
}

/*
 * Summer time that ends at the instant at which it begins anew goes on: that
 * is how all-year summer time is written. [RFC 9636, 3.3.1]
 */
int32_t pp_zone_rule_offset_s(const struct pp_zone_rule *rule, int64_t at_s)
{
    if (!rule->has_summer ||
        latest(rule, at_s, begins_s) < latest(rule, at_s, ends_s))
        return rule->standard_s;
    return rule->summer_s;
}

static void keep_earlier(const struct pp_zone_rule *rule, int64_t change_s,
                         int64_t after_s, int64_t *best_s)
{
    if (change_s > after_s && change_s < *best_s &&
        pp_zone_rule_offset_s(rule, change_s) !=
            pp_zone_rule_offset_s(rule, change_s - 1))
        *best_s = change_s;
}

bool pp_zone_rule_next(const struct pp_zone_rule *rule, int64_t after_s,
                       int64_t *at_s_out)
{
    int64_t year = year_of(after_s), best_s = INT64_MAX;

    if (!rule->has_summer)
        return false;
    for (int64_t y = year - 1; y <= year + 2; y++) {
        keep_earlier(rule, begins_s(rule, y), after_s, &best_s);
        keep_earlier(rule, ends_s(rule, y), after_s, &best_s);
    }
    *at_s_out = best_s;
    return best_s < INT64_MAX;
}
