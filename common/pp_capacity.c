#include "pp_capacity.h"

#include <assert.h>

#define MINUTE_MS       INT64_C(60000)
#define HOUR_MS         (60 * MINUTE_MS)
#define DAY_MS          (24 * HOUR_MS)
#define MONTH_MS        INT64_C(2629746000) /* a year's twelfth, on average */
#define HANDOVER_MAX_MS (24 * HOUR_MS)      /* then the clock runs without it */
#define UNCONFIRMED_MS  (48 * HOUR_MS)      /* then staff are told */
#define HEARTBEAT_MS    (6 * HOUR_MS)       /* heals a record that was lost */
#define GRACES_MAX      2                   /* a window */
#define TICK_MAX_MS     (15 * MINUTE_MS)
#define TICK_BACK_MS    MINUTE_MS /* ticks of two processes may cross */

/* What is being decided: the facts, and the decision so far. */
struct deciding {
    const struct pp_capacity_facts *facts;
    struct pp_capacity_decision out;
    bool over;
    bool raised, lowered; /* the limit */
    int64_t resumed_at_ms;
};

/* --- small parts ---------------------------------------------------------- */

static void go(struct deciding *self, enum pp_capacity_transition transition,
               enum pp_capacity_state to)
{
    struct pp_capacity *next = &self->out.next;

    assert(self->out.step_count < PP_CAPACITY_STEPS_MAX);
    self->out.steps[self->out.step_count++] =
        (struct pp_capacity_step){transition, next->state, to};
    next->state = to;
}

static void mail(struct deciding *self, unsigned mails)
{
    self->out.mails |= mails & ~self->out.next.mailed;
    self->out.next.mailed |= mails;
}

static void alert(struct deciding *self, unsigned staff)
{
    self->out.staff |= staff & ~self->out.next.alerted;
    self->out.next.alerted |= staff;
}

static bool is_paused(const struct pp_capacity *capacity)
{
    return capacity->blocked || capacity->closed;
}

static void end_grace(struct pp_capacity *next)
{
    next->detected_at_ms = 0;
    next->grace_ends_at_ms = 0;
    next->reject_until_ms = 0;
}

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* --- what changed about the account --------------------------------------- */

/* T8: whatever was is over with its window. */
static void take_window(struct deciding *self)
{
    const struct pp_capacity_facts *facts = self->facts;
    struct pp_capacity *next = &self->out.next;
    bool is_first = next->window_end_ms == 0;

    if (!is_first && facts->window_start_ms <= next->window_start_ms)
        return; /* a clock that was set back makes no second grace */
    if (next->state == PP_CAPACITY_REJECTING)
        self->out.mails |= PP_CAPACITY_MAIL_RESTORED;
    if (next->state != PP_CAPACITY_OK)
        go(self, PP_CAPACITY_T8_NEW_WINDOW, PP_CAPACITY_OK);
    end_grace(next);
    next->window_start_ms = facts->window_start_ms;
    next->window_end_ms = facts->window_end_ms;
    next->graces = 0;
    next->grace_version = 0;
    next->last_deadline_ms = 0;
    next->mailed = 0;
    next->alerted = 0;
}

static bool is_less(int64_t limit, int64_t than)
{
    return limit != PP_CAPACITY_UNLIMITED &&
           (than == PP_CAPACITY_UNLIMITED || limit < than);
}

static void take_limit(struct deciding *self)
{
    struct pp_capacity *next = &self->out.next;
    int64_t limit = self->facts->limit;
    bool is_first = next->limit_version == 0;

    self->over = limit != PP_CAPACITY_UNLIMITED && self->facts->used >= limit;
    if (!is_first && limit == next->limit)
        return;
    if (!is_first && (limit == PP_CAPACITY_UNLIMITED ||
                      next->limit == PP_CAPACITY_UNLIMITED))
        go(self, PP_CAPACITY_T9_EXEMPT, next->state);
    self->raised = !is_first && is_less(next->limit, limit);
    self->lowered = !is_first && is_less(limit, next->limit);
    next->limit = limit;
    next->limit_version++;
    next->mailed = 0;
}

/* T10, T11: they lie over the state, and its clocks stand meanwhile. */
static void take_flags(struct deciding *self)
{
    const struct pp_capacity_facts *facts = self->facts;
    struct pp_capacity *next = &self->out.next;
    bool was_paused = is_paused(next);

    if (facts->blocked != next->blocked)
        go(self,
           facts->blocked ? PP_CAPACITY_T10_BLOCKED : PP_CAPACITY_T10_UNBLOCKED,
           next->state);
    if (facts->blocked && !next->blocked)
        self->out.staff |= PP_CAPACITY_STAFF_BLOCKED;
    if (facts->closed != next->closed)
        go(self,
           facts->closed ? PP_CAPACITY_T11_CLOSED : PP_CAPACITY_T11_RESTORED,
           next->state);
    next->blocked = facts->blocked;
    next->closed = facts->closed;
    if (!was_paused && is_paused(next)) {
        next->paused_at_ms = facts->now_ms;
    } else if (was_paused && !is_paused(next)) {
        int64_t since = later_of(next->paused_at_ms, next->detected_at_ms);
        int64_t stood_ms = later_of(facts->now_ms - since, 0);

        if (next->detected_at_ms)
            next->detected_at_ms += stood_ms;
        if (next->grace_ends_at_ms) {
            next->grace_ends_at_ms += stood_ms;
            next->last_deadline_ms = next->grace_ends_at_ms;
        }
        self->resumed_at_ms = facts->now_ms;
        next->paused_at_ms = 0;
    }
}

/* --- each state ----------------------------------------------------------- */

/* A grace of its own; or, of a limit that had one, or after two, the last. */
static void begin_grace(struct deciding *self,
                        enum pp_capacity_transition transition)
{
    struct pp_capacity *next = &self->out.next;
    bool is_fresh =
        next->graces < GRACES_MAX &&
        (next->graces == 0 || next->grace_version != next->limit_version);

    go(self, transition, PP_CAPACITY_GRACE);
    next->detected_at_ms = self->facts->now_ms;
    next->reject_until_ms = 0;
    next->grace_ends_at_ms = is_fresh ? 0 : next->last_deadline_ms;
    next->grace_version = next->limit_version;
    if (is_fresh) {
        next->graces++;
        next->last_deadline_ms = 0;
    }
    mail(self, PP_CAPACITY_MAIL_DEPLETED);
}

/* Only the highest that was reached, so that a jump sends one mail. */
static void warn(struct deciding *self)
{
    int64_t used = self->facts->used, limit = self->facts->limit;

    if (limit <= 0)
        return;
    if (used >= limit - limit / 10) {
        mail(self, PP_CAPACITY_MAIL_WARNING_90);
        self->out.next.mailed |= PP_CAPACITY_MAIL_WARNING_80;
    } else if (used >= limit - limit / 5) {
        mail(self, PP_CAPACITY_MAIL_WARNING_80);
    }
}

static void decide_ok(struct deciding *self)
{
    if (!self->over)
        warn(self);
    else if (!is_paused(&self->out.next))
        begin_grace(self, self->lowered ? PP_CAPACITY_T6_LIMIT_LOWERED
                                        : PP_CAPACITY_T1_DEPLETED);
}

/* T1b: at the hand-over of the mail, at the latest a day after the finding. */
static void start_clock(struct deciding *self)
{
    const struct pp_capacity_facts *facts = self->facts;
    struct pp_capacity *next = &self->out.next;
    int64_t started = facts->handed_over_at_ms;

    if (started == 0 &&
        facts->now_ms - next->detected_at_ms >= HANDOVER_MAX_MS) {
        started = next->detected_at_ms + HANDOVER_MAX_MS;
        alert(self, PP_CAPACITY_STAFF_NO_HANDOVER);
    }
    if (started == 0)
        return;
    started = later_of(started, next->detected_at_ms);
    started = later_of(started, self->resumed_at_ms);
    next->grace_ends_at_ms = started + facts->grace_ms;
    next->last_deadline_ms = next->grace_ends_at_ms;
    go(self, PP_CAPACITY_T1B_CLOCK_STARTED, PP_CAPACITY_GRACE);
}

static void remind(struct deciding *self)
{
    int64_t left = self->out.next.grace_ends_at_ms - self->facts->now_ms;
    int64_t whole = self->facts->grace_ms;

    if (left <= DAY_MS && whole > DAY_MS)
        mail(self, PP_CAPACITY_MAIL_REMINDER_24H);
    else if (left <= 3 * DAY_MS && whole > 3 * DAY_MS)
        mail(self, PP_CAPACITY_MAIL_REMINDER_72H);
}

/* T3, where nothing speaks against it. */
static void end_of_grace(struct deciding *self,
                         enum pp_capacity_transition transition)
{
    const struct pp_capacity_facts *facts = self->facts;
    struct pp_capacity *next = &self->out.next;
    bool mail_is_out = facts->handed_over_at_ms != 0 ||
                       facts->now_ms - next->detected_at_ms >= HANDOVER_MAX_MS;

    if (!mail_is_out || !facts->clock_is_steady)
        return;
    if (!facts->is_confirmed) {
        if (facts->now_ms - next->grace_ends_at_ms >= UNCONFIRMED_MS)
            alert(self, PP_CAPACITY_STAFF_UNCONFIRMED);
        return;
    }
    go(self, transition, PP_CAPACITY_REJECTING);
    next->reject_until_ms = next->window_end_ms;
    mail(self, PP_CAPACITY_MAIL_REJECTING);
}

static void come_back(struct deciding *self,
                      enum pp_capacity_transition transition, bool tell_him)
{
    go(self, transition, PP_CAPACITY_OK);
    end_grace(&self->out.next);
    if (tell_him)
        mail(self, PP_CAPACITY_MAIL_RESTORED);
}

static void decide_grace(struct deciding *self)
{
    const struct pp_capacity_facts *facts = self->facts;
    struct pp_capacity *next = &self->out.next;

    if (!self->over) {
        come_back(self, PP_CAPACITY_T2_WITHIN_AGAIN,
                  facts->handed_over_at_ms != 0);
        return;
    }
    if (self->raised || self->lowered) /* the deadline stays as it is */
        go(self, PP_CAPACITY_T7_STILL_OVER, PP_CAPACITY_GRACE);
    if (facts->limit > 0 && facts->used / 10 >= facts->limit)
        alert(self, PP_CAPACITY_STAFF_TEN_TIMES);
    if (is_paused(next))
        return;
    if (next->grace_ends_at_ms == 0)
        start_clock(self);
    if (next->grace_ends_at_ms == 0)
        return;
    if (facts->now_ms >= next->grace_ends_at_ms)
        end_of_grace(self, PP_CAPACITY_T3_GRACE_OVER);
    else if (facts->ceiling > 0 && facts->used >= facts->ceiling)
        end_of_grace(self, PP_CAPACITY_T3_CEILING);
    else
        remind(self);
}

static void decide_rejecting(struct deciding *self)
{
    if (!self->over)
        come_back(self, PP_CAPACITY_T4_ACCEPTED_AGAIN, true);
    else if (self->raised && self->out.next.graces < GRACES_MAX)
        begin_grace(self, PP_CAPACITY_T5_FRESH_GRACE);
}

/* --- the whole ------------------------------------------------------------ */

static bool looks_other(const struct pp_capacity *a,
                        const struct pp_capacity *b)
{
    return a->state != b->state || a->blocked != b->blocked ||
           a->closed != b->closed ||
           a->grace_ends_at_ms != b->grace_ends_at_ms ||
           a->reject_until_ms != b->reject_until_ms;
}

struct pp_capacity_decision
pp_capacity_decide(const struct pp_capacity *capacity,
                   const struct pp_capacity_facts *facts)
{
    struct deciding self = {.facts = facts, .out.next = *capacity};
    struct pp_capacity *next = &self.out.next;

    take_window(&self);
    take_limit(&self);
    take_flags(&self);
    switch (next->state) {
    case PP_CAPACITY_OK:
        decide_ok(&self);
        break;
    case PP_CAPACITY_GRACE:
        decide_grace(&self);
        break;
    case PP_CAPACITY_REJECTING:
        decide_rejecting(&self);
        break;
    }
    if (capacity->version == 0 || looks_other(capacity, next) ||
        facts->now_ms - capacity->told_at_ms >= HEARTBEAT_MS) {
        self.out.tell = true;
        next->version++;
        next->told_at_ms = facts->now_ms;
    }
    return self.out;
}

int64_t pp_capacity_left(const struct pp_capacity *capacity, int64_t used)
{
    int64_t limit = capacity->limit;

    if (capacity->state != PP_CAPACITY_OK || limit == PP_CAPACITY_UNLIMITED ||
        used >= limit)
        return INT64_MAX;
    if (used < limit - limit / 5)
        return limit - limit / 5 - used;
    if (used < limit - limit / 10)
        return limit - limit / 10 - used;
    return limit - used;
}

struct pp_capacity pp_capacity_new(void)
{
    return (struct pp_capacity){.state = PP_CAPACITY_OK};
}

enum pp_capacity_verdict pp_capacity_judge(enum pp_capacity_state state,
                                           bool blocked, bool closed,
                                           int64_t reject_until_ms,
                                           int64_t now_ms)
{
    if (closed)
        return PP_CAPACITY_CLOSED;
    if (blocked)
        return PP_CAPACITY_BLOCKED;
    if (state == PP_CAPACITY_REJECTING && now_ms < reject_until_ms)
        return PP_CAPACITY_EXHAUSTED;
    return PP_CAPACITY_TAKE;
}

bool pp_capacity_clock_is_steady(int64_t last_tick_ms, int64_t now_ms)
{
    return last_tick_ms != 0 && now_ms >= last_tick_ms - TICK_BACK_MS &&
           now_ms <= last_tick_ms + TICK_MAX_MS;
}

/* --- usage windows -------------------------------------------------------- */

/* Days since 1970 of a date in the Gregorian calendar; month is 0 to 11.
 * [Howard Hinnant, chrono-compatible low-level date algorithms] */
static int64_t days_of(int64_t year, int month, int day)
{
    int64_t y = month < 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * ((month + 10) % 12) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

static void date_of(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t y =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)((m + 2) % 12);
    *year = y + era * 400 + (*month < 2);
}

/* The anchor, so many months later. */
static int64_t anchor_after(int64_t anchor_ms, int64_t months)
{
    int64_t days = anchor_ms / DAY_MS, of_day = anchor_ms % DAY_MS;
    int64_t year, count, last;
    int month, day;

    if (of_day < 0) {
        of_day += DAY_MS;
        days--;
    }
    date_of(days, &year, &month, &day);
    count = year * 12 + month + months;
    year = count >= 0 ? count / 12 : (count - 11) / 12;
    month = (int)(count - year * 12);
    last = days_of(month == 11 ? year + 1 : year, (month + 1) % 12, 1) -
           days_of(year, month, 1);
    return days_of(year, month, day < last ? day : (int)last) * DAY_MS + of_day;
}

void pp_capacity_window(int64_t anchor_ms, int64_t now_ms, int64_t *start_out,
                        int64_t *end_out)
{
    /* A guess that is at most a month or two off. */
    int64_t months = (now_ms - anchor_ms) / MONTH_MS;

    while (anchor_after(anchor_ms, months) > now_ms)
        months--;
    while (anchor_after(anchor_ms, months + 1) <= now_ms)
        months++;
    *start_out = anchor_after(anchor_ms, months);
    *end_out = anchor_after(anchor_ms, months + 1);
}

/* --- names ---------------------------------------------------------------- */

const char *pp_capacity_state_name(enum pp_capacity_state state)
{
    static const char *const names[] = {"ok", "grace", "rejecting"};

    return names[state];
}

static const struct {
    const char *name, *words;
} transitions[PP_CAPACITY_TRANSITIONS] = {
    [PP_CAPACITY_T1_DEPLETED] = {"T1", "usage reached the limit"},
    [PP_CAPACITY_T1B_CLOCK_STARTED] = {"T1b", "the clock of the grace runs"},
    [PP_CAPACITY_T2_WITHIN_AGAIN] = {"T2", "usage is below the limit again"},
    [PP_CAPACITY_T3_GRACE_OVER] = {"T3", "the grace is over, usage is not"},
    [PP_CAPACITY_T3_CEILING] = {"T3", "usage reached the plan's ceiling"},
    [PP_CAPACITY_T4_ACCEPTED_AGAIN] = {"T4", "usage is below the limit again"},
    [PP_CAPACITY_T5_FRESH_GRACE] = {"T5",
                                    "the limit was raised, and is reached"},
    [PP_CAPACITY_T6_LIMIT_LOWERED] = {"T6", "the limit was lowered to usage"},
    [PP_CAPACITY_T7_STILL_OVER] = {"T7", "another limit, reached as well"},
    [PP_CAPACITY_T8_NEW_WINDOW] = {"T8", "a new usage window began"},
    [PP_CAPACITY_T9_EXEMPT] = {"T9", "unlimited from now on, or no longer"},
    [PP_CAPACITY_T10_BLOCKED] = {"T10", "staff blocked the account"},
    [PP_CAPACITY_T10_UNBLOCKED] = {"T10", "staff unblocked the account"},
    [PP_CAPACITY_T11_CLOSED] = {"T11", "the account was closed"},
    [PP_CAPACITY_T11_RESTORED] = {"T11", "the account was restored"},
};

const char *pp_capacity_transition_name(enum pp_capacity_transition transition)
{
    return transitions[transition].name;
}

const char *pp_capacity_transition_words(enum pp_capacity_transition transition)
{
    return transitions[transition].words;
}

const char *pp_capacity_mail_name(unsigned mail)
{
    static const char *const names[PP_CAPACITY_MAILS] = {
        "usage_warning_80",   "usage_warning_90",   "capacity_depleted",
        "grace_reminder_72h", "grace_reminder_24h", "capacity_rejecting",
        "capacity_restored"};

    return names[__builtin_ctz(mail)];
}

const char *pp_capacity_staff_name(unsigned staff)
{
    static const char *const names[PP_CAPACITY_STAFFS] = {
        "staff_capacity_no_handover", "staff_capacity_unconfirmed",
        "staff_capacity_ten_times", "staff_account_blocked"};

    return names[__builtin_ctz(staff)];
}
