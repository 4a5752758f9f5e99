#include "ua_literals.h"

#include <string.h>

#define SHORTEST 2  /* bytes: a letter stands nearly everywhere */
#define DEEPEST  20 /* groups in groups */

/*
 * What is known of a part of an expression. alone: the part matches exactly
 * the one literal in the list, so that it may be joined to its neighbours.
 */
struct known {
    bool any; /* nothing is known */
    bool alone;
    struct ua_literals of;
};

struct reader {
    struct pp_str rest;
    int depth;
    bool broken; /* not understood: nothing is known of the whole */
};

static void read_choice(struct reader *reader, struct known *out);

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool at(const struct reader *reader, char c)
{
    return reader->rest.n > 0 && reader->rest.p[0] == c;
}

static char take(struct reader *reader)
{
    char c = reader->rest.p[0];

    reader->rest = pp_str_sub(reader->rest, 1, reader->rest.n);
    return c;
}

/* The length of the shortest: how much a set is worth. */
static size_t worth(const struct known *known)
{
    size_t shortest = UA_LITERAL_BYTES;

    if (known->any || known->of.count == 0)
        return 0;
    for (size_t i = 0; i < known->of.count; i++)
        if (known->of.list[i].n < shortest)
            shortest = known->of.list[i].n;
    return shortest;
}

static void keep_better(struct known *best, const struct known *other)
{
    if (worth(other) > worth(best))
        *best = *other;
}

/* --- one part: a character, a class or a group ---------------------------- */

/* Past the closing bracket; "]" as the first member is one of them. */
static void skip_class(struct reader *reader)
{
    if (at(reader, '^'))
        take(reader);
    if (at(reader, ']'))
        take(reader);
    while (reader->rest.n > 0 && !at(reader, ']')) {
        if (at(reader, '[') && reader->rest.n > 1 && reader->rest.p[1] == ':')
            reader->broken = true; /* [:alpha:] */
        if (take(reader) == '\\' && reader->rest.n > 0)
            take(reader);
    }
    if (reader->rest.n > 0)
        take(reader);
    else
        reader->broken = true;
}

static void read_group(struct reader *reader, struct known *out)
{
    bool counts = true;

    if (++reader->depth > DEEPEST || at(reader, '*'))
        reader->broken = true; /* "(*" begins an order to PCRE2 */
    if (at(reader, '?')) {
        take(reader);
        if (at(reader, ':'))
            take(reader);
        else if (at(reader, '!') || at(reader, '=') || at(reader, '<'))
            counts = false; /* it looks about and matches no byte itself */
        else
            reader->broken = true; /* options and the like */
    }
    if (!counts && at(reader, '<') && reader->rest.n > 1 &&
        reader->rest.p[1] != '!' && reader->rest.p[1] != '=')
        reader->broken = true; /* a name */
    if (!reader->broken)
        read_choice(reader, out);
    if (!counts) {
        out->any = true;
        out->alone = false;
    }
    if (at(reader, ')'))
        take(reader);
    else
        reader->broken = true;
    reader->depth--;
}

static void set_char(struct known *out, char c)
{
    out->any = false;
    out->alone = true;
    out->of.count = 1;
    out->of.list[0].n = 1;
    out->of.list[0].bytes[0] = lower(c);
}

/* "[Ss]", behind its bracket: as good as the letter. */
static bool is_letter_in_both_cases(struct pp_str rest)
{
    return rest.n > 2 && rest.p[2] == ']' && rest.p[0] != rest.p[1] &&
           lower(rest.p[0]) == lower(rest.p[1]);
}

static void read_part(struct reader *reader, struct known *out)
{
    char c = take(reader);

    out->any = true;
    out->alone = false;
    if (c == '(') {
        read_group(reader, out);
    } else if (c == '[') {
        if (is_letter_in_both_cases(reader->rest))
            set_char(out, reader->rest.p[0]);
        skip_class(reader);
    } else if (c == '\\') {
        if (reader->rest.n == 0) {
            reader->broken = true;
            return;
        }
        c = take(reader);
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9')))
            set_char(out, c); /* as it stands; a letter has a meaning */
        else if (!strchr("dDwWsSbB", c))
            reader->broken = true;
    } else if (c != '.' && c != '^' && c != '$') {
        set_char(out, c);
    }
}

/* --- how often it may come ------------------------------------------------ */

enum often { ONCE, AT_LEAST_ONCE, PERHAPS };

static enum often read_counts(struct reader *reader)
{
    size_t end = pp_str_find(reader->rest, '}');
    char c = end > 1 && reader->rest.n > 1 ? reader->rest.p[1] : 'x';

    if (end == reader->rest.n || c < '0' || c > '9') {
        reader->broken = true; /* a brace that counts nothing */
        return PERHAPS;
    }
    reader->rest = pp_str_sub(reader->rest, end + 1, reader->rest.n);
    return c == '0' ? PERHAPS : AT_LEAST_ONCE;
}

static enum often read_often(struct reader *reader)
{
    enum often often = ONCE;

    if (at(reader, '{')) {
        often = read_counts(reader);
    } else if (at(reader, '?') || at(reader, '*')) {
        take(reader);
        often = PERHAPS;
    } else if (at(reader, '+')) {
        take(reader);
        often = AT_LEAST_ONCE;
    }
    if (often != ONCE && (at(reader, '?') || at(reader, '+')))
        take(reader); /* lazy or possessive: the same texts */
    return often;
}

/* --- parts behind each other ---------------------------------------------- */

static void join(struct known *run, const struct known *part)
{
    struct ua_literal *to = &run->of.list[0];
    const struct ua_literal *from = &part->of.list[0];
    size_t n = from->n;

    if (run->any) {
        *run = *part;
        return;
    }
    if (n > UA_LITERAL_BYTES - to->n)
        n = UA_LITERAL_BYTES - to->n; /* a beginning will do */
    memcpy(to->bytes + to->n, from->bytes, n);
    to->n += n;
}

static void read_sequence(struct reader *reader, struct known *out)
{
    struct known run = {.any = true}, best = {.any = true}, part;
    bool whole = true; /* nothing but the run was seen */

    while (reader->rest.n > 0 && !at(reader, '|') && !at(reader, ')') &&
           !reader->broken) {
        enum often often;

        read_part(reader, &part);
        often = read_often(reader);
        if (often == PERHAPS)
            part.any = true;
        if (!part.any && part.alone && often == ONCE) {
            join(&run, &part);
            continue;
        }
        whole = false;
        if (!part.any && part.alone) { /* its first time ends the run */
            join(&run, &part);
            part.any = true;
        }
        keep_better(&best, &run);
        run.any = true;
        keep_better(&best, &part);
    }
    keep_better(&best, &run);
    *out = best;
    out->alone = whole && !best.any;
}

/* Of alternatives each has to bring its own, and all of them are needed. */
static void read_choice(struct reader *reader, struct known *out)
{
    struct known branch;

    read_sequence(reader, out);
    while (at(reader, '|') && !reader->broken) {
        take(reader);
        read_sequence(reader, &branch);
        out->alone = false;
        if (branch.any || out->any ||
            out->of.count + branch.of.count > UA_LITERALS_MAX) {
            out->any = true;
            continue;
        }
        memcpy(out->of.list + out->of.count, branch.of.list,
               branch.of.count * sizeof(branch.of.list[0]));
        out->of.count += branch.of.count;
    }
}

bool ua_literals_of(struct pp_str pattern, struct ua_literals *out)
{
    struct reader reader = {.rest = pattern};
    struct known known;

    read_choice(&reader, &known);
    if (reader.broken || reader.rest.n > 0 || worth(&known) < SHORTEST)
        return false;
    *out = known.of;
    return true;
}
