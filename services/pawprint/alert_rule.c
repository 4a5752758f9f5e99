#include "alert_rule.h"

#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"
#include "pp_str.h"

#define WINDOW_MAX 1440 /* minutes, as in schemas/postgres/0009_alert.sql */
#define LEAST_MAX  INT64_C(1000000000000)
#define HOURS_MAX  8760

static int check_whole(const char *option, const char *text, int64_t from,
                       int64_t to, struct pp_err *err)
{
    int64_t number;

    if (pp_str_int64(pp_str_of(text), &number) && number >= from &&
        number <= to)
        return 0;
    return pp_err_set(err, PP_ERR_INVALID,
                      "%s is a whole number from %lld to %lld", option,
                      (long long)from, (long long)to);
}

/* Digits with at most one point, above 0. */
static int check_threshold(const char *text, struct pp_err *err)
{
    size_t digits = strspn(text, "0123456789");
    const char *rest = text + digits;

    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (digits > 0 && digits <= 12 && *rest == '\0' &&
        strspn(text, "0.") < strlen(text))
        return 0;
    return pp_err_set(err, PP_ERR_INVALID,
                      "--threshold is a number above 0, such as 2500 or 0.1");
}

static int check_one_of(const char *option, const char *text,
                        const char *const *words, struct pp_err *err)
{
    char all[100] = "";

    for (const char *const *word = words; *word; word++) {
        if (strcmp(*word, text) == 0)
            return 0;
        strcat(strcat(all, word == words ? "" : ", "), *word);
    }
    return pp_err_set(err, PP_ERR_INVALID, "%s is one of %s", option, all);
}

/* HH:MM, from 00:00 to 23:59. */
static bool is_time(const char *text)
{
    struct pp_str hours = pp_str_of(text), minutes;
    int64_t h, m;

    if (strlen(text) != 5 || text[2] != ':')
        return false;
    minutes = pp_str_sub(hours, 3, 5);
    hours = pp_str_sub(hours, 0, 2);
    return pp_str_int64(hours, &h) && pp_str_int64(minutes, &m) && h >= 0 &&
           h < 24 && m >= 0 && m < 60;
}

static int check_quiet(const struct alert_rule *rule, struct pp_err *err)
{
    if (!rule->quiet_from && !rule->quiet_until)
        return 0;
    if (!rule->quiet_from || !rule->quiet_until)
        return pp_err_set(err, PP_ERR_INVALID,
                          "quiet hours need --quiet-from and --quiet-until");
    if (!is_time(rule->quiet_from) || !is_time(rule->quiet_until))
        return pp_err_set(err, PP_ERR_INVALID,
                          "quiet hours are HH:MM, such as 22:00 and 07:00");
    return 0;
}

/* The rest is the notifier's to judge, which sends there. */
static int check_target(const struct alert_rule *rule, struct pp_err *err)
{
    struct pp_str target = pp_str_of(rule->target ? rule->target : "");
    bool is_url = pp_str_starts(target, PP_LIT("https://")) ||
                  pp_str_starts(target, PP_LIT("http://"));

    if (strcmp(rule->channel, "webhook") == 0 && !is_url)
        return pp_err_set(err, PP_ERR_INVALID,
                          "a webhook needs its URL as --target");
    if (strcmp(rule->channel, "sms") == 0 && target.n == 0)
        return pp_err_set(err, PP_ERR_INVALID,
                          "an SMS needs a number as --target");
    if (!rule->target)
        return 0;
    if (strcmp(rule->channel, "slack") == 0 && !is_url)
        return pp_err_set(err, PP_ERR_INVALID,
                          "--target of Slack is the URL of a webhook");
    if (strcmp(rule->channel, "mail") == 0 &&
        pp_str_find(target, '@') == target.n)
        return pp_err_set(err, PP_ERR_INVALID,
                          "--target of a mail is an address");
    return 0;
}

int alert_rule_check(const struct alert_rule *rule, struct pp_err *err)
{
    static const char *const repeats[] = {"once", "hourly", "daily", NULL};
    static const char *const channels[] = {"mail", "slack", "webhook", "sms",
                                           NULL};

    if (check_threshold(rule->threshold, err) < 0 ||
        check_whole("--window", rule->window, 1, WINDOW_MAX, err) < 0 ||
        check_whole("--least", rule->least, 0, LEAST_MAX, err) < 0 ||
        check_one_of("--repeat", rule->repeat, repeats, err) < 0 ||
        check_one_of("--channel", rule->channel, channels, err) < 0 ||
        check_quiet(rule, err) < 0)
        return -1;
    return check_target(rule, err);
}

int alert_hours_check(const char *hours, struct pp_err *err)
{
    return check_whole("--hours", hours, 0, HOURS_MAX, err);
}
