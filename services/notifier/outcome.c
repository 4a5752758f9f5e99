#include "outcome.h"

#include "pp_mem.h"

#define ASKED_MAX_MS ((int64_t)3600 * 1000)

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_SENT] = "sent",     [OUTCOME_AGAIN] = "again",
        [OUTCOME_AWAY] = "away",     [OUTCOME_DOUBTFUL] = "doubtful",
        [OUTCOME_FAILED] = "failed", [OUTCOME_SUPPRESSED] = "suppressed",
    };

    return names[outcome];
}

/* Until a recipient was named, all that is said is about us. */
enum outcome outcome_of_smtp(enum smtp_phase phase, int code)
{
    if (phase <= SMTP_SENDER || code == 421)
        return phase == SMTP_DOT ? OUTCOME_AGAIN : OUTCOME_AWAY;
    if (code / 100 == 2 && phase == SMTP_DOT)
        return OUTCOME_SENT;
    if (code / 100 == 5)
        return OUTCOME_FAILED;
    if (code / 100 == 4)
        return OUTCOME_AGAIN;
    switch (phase) {
    case SMTP_RECIPIENT:
        return OUTCOME_AWAY;
    case SMTP_DOT:
        return OUTCOME_DOUBTFUL;
    case SMTP_GREETING:
    case SMTP_SENDER:
    case SMTP_BODY:
        break;
    }
    return OUTCOME_AGAIN; /* cut within the body: it may be why */
}

/*
 * An enhanced code says what it is about: 5.1.x is the address. Without one,
 * 550, 551 and 553 are about the mailbox. [RFC 3463, RFC 5321 4.2.3]
 */
bool outcome_is_bounce(enum smtp_phase phase, int code, struct pp_str answer)
{
    if (phase != SMTP_RECIPIENT || code / 100 != 5)
        return false;
    if (answer.n > 6 && answer.p[4] == '5' && answer.p[5] == '.')
        return answer.p[6] == '1' && answer.n > 7 && answer.p[7] == '.';
    return code == 550 || code == 551 || code == 553;
}

enum outcome outcome_of_http(enum outcome_channel channel, int status)
{
    if (status / 100 == 2)
        return OUTCOME_SENT;
    if (status == 410)
        return OUTCOME_FAILED;
    if (status / 100 != 4 || status == 408 || status == 425 || status == 429)
        return OUTCOME_AGAIN;
    /* A customer mends his endpoint; Slack and a gateway mean what they say. */
    return channel == OUTCOME_WEBHOOK ? OUTCOME_AGAIN : OUTCOME_FAILED;
}

bool outcome_is_gone(enum outcome_channel channel, int status)
{
    return status == 410 && channel != OUTCOME_SMS;
}

int64_t outcome_wait_ms(int attempts, int64_t asked_ms, uint32_t random)
{
    static const int seconds[] = {
        5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800,
    };
    int64_t wait;

    if (attempts < 1 || attempts > (int)PP_COUNT(seconds))
        return -1;
    /* From four fifths to six fifths of it. */
    wait = seconds[attempts - 1] * INT64_C(1000);
    wait = wait * 4 / 5 + wait * 2 / 5 * (random % 1001) / 1000;
    if (asked_ms > ASKED_MAX_MS)
        asked_ms = ASKED_MAX_MS;
    return wait > asked_ms ? wait : asked_ms;
}
