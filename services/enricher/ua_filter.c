#include "ua_filter.h"

#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#include "ua_literals.h"

#define BYTES     256
#define NO_OUTPUT 0

/*
 * The automaton: a state for each prefix of a literal. next has a row per
 * state and a column per class of bytes; class 0 is every byte that stands in
 * no literal. sets are the patterns that a state reports, states that report
 * none share the empty set 0.
 */
struct ua_filter {
    unsigned char class_of[BYTES];
    size_t class_count;
    uint32_t *next;
    uint32_t *output; /* of a state: its set */
    size_t state_count, state_max;
    uint64_t *sets;
    size_t set_count;
    uint64_t *always; /* patterns without a literal */
    size_t words;
};

struct literal {
    struct ua_literal text;
    size_t pattern;
};

struct literals {
    struct literal *list;
    size_t count;
    size_t bytes;
};

static void collect(struct literals *all, struct ua_filter *filter,
                    struct pp_str pattern, size_t index)
{
    struct ua_literals found;

    if (!ua_literals_of(pattern, &found)) {
        filter->always[index / 64] |= (uint64_t)1 << index % 64;
        return;
    }
    all->list =
        pp_realloc(all->list, (all->count + found.count) * sizeof(*all->list));
    for (size_t i = 0; i < found.count; i++) {
        all->list[all->count++] = (struct literal){found.list[i], index};
        all->bytes += found.list[i].n;
    }
}

static void classify(struct ua_filter *filter, const struct literals *all)
{
    filter->class_count = 1;
    for (size_t i = 0; i < all->count; i++)
        for (size_t j = 0; j < all->list[i].text.n; j++) {
            unsigned char byte = (unsigned char)all->list[i].text.bytes[j];

            if (filter->class_of[byte] == 0)
                filter->class_of[byte] = (unsigned char)filter->class_count++;
        }
    for (int upper = 'A'; upper <= 'Z'; upper++)
        filter->class_of[upper] = filter->class_of[upper - 'A' + 'a'];
}

static uint32_t *row(const struct ua_filter *filter, uint32_t state)
{
    return filter->next + state * filter->class_count;
}

/* A set of its own for the state, if it has none yet. */
static uint64_t *set_of(struct ua_filter *filter, uint32_t state)
{
    if (filter->output[state] == NO_OUTPUT) {
        filter->sets =
            pp_realloc(filter->sets, (filter->set_count + 1) * filter->words *
                                         sizeof(*filter->sets));
        memset(filter->sets + filter->set_count * filter->words, 0,
               filter->words * sizeof(*filter->sets));
        filter->output[state] = (uint32_t)filter->set_count++;
    }
    return filter->sets + filter->output[state] * filter->words;
}

static void add_literal(struct ua_filter *filter, const struct literal *one)
{
    uint32_t state = 0;

    for (size_t i = 0; i < one->text.n; i++) {
        unsigned char byte = (unsigned char)one->text.bytes[i];
        uint32_t *to = row(filter, state) + filter->class_of[byte];

        if (*to == 0)
            *to = (uint32_t)filter->state_count++;
        state = *to;
    }
    set_of(filter, state)[one->pattern / 64] |= (uint64_t)1
                                                << one->pattern % 64;
}

/*
 * Breadth first: a state that has no way on for a class goes where the longest
 * shorter suffix would go, and reports what that suffix reports as well.
 */
static void link_states(struct ua_filter *filter)
{
    uint32_t *fallback = pp_calloc(filter->state_count, sizeof(*fallback));
    uint32_t *queue = pp_calloc(filter->state_count, sizeof(*queue));
    size_t head = 0, tail = 0;

    for (size_t c = 1; c < filter->class_count; c++)
        if (row(filter, 0)[c])
            queue[tail++] = row(filter, 0)[c];
    while (head < tail) {
        uint32_t state = queue[head++], shorter = fallback[state];

        if (filter->output[shorter] != NO_OUTPUT) {
            uint64_t *set = set_of(filter, state);
            const uint64_t *also = set_of(filter, shorter);

            for (size_t i = 0; i < filter->words; i++)
                set[i] |= also[i];
        }
        for (size_t c = 0; c < filter->class_count; c++) {
            uint32_t *to = row(filter, state) + c;

            if (*to == 0) {
                *to = row(filter, shorter)[c];
                continue;
            }
            fallback[*to] = row(filter, shorter)[c];
            queue[tail++] = *to;
        }
    }
    free(queue);
    free(fallback);
}

struct ua_filter *ua_filter_new(const struct pp_str *patterns, size_t count)
{
    struct ua_filter *filter = pp_calloc(1, sizeof(*filter));
    struct literals all = {0};

    filter->words = (count + 63) / 64;
    filter->always = pp_calloc(filter->words + 1, sizeof(*filter->always));
    for (size_t i = 0; i < count; i++)
        collect(&all, filter, patterns[i], i);
    classify(filter, &all);
    filter->state_max = all.bytes + 1;
    filter->next = pp_calloc(filter->state_max * filter->class_count,
                             sizeof(*filter->next));
    filter->output = pp_calloc(filter->state_max, sizeof(*filter->output));
    filter->sets = pp_calloc(filter->words + 1, sizeof(*filter->sets));
    filter->state_count = filter->set_count = 1;
    for (size_t i = 0; i < all.count; i++)
        add_literal(filter, &all.list[i]);
    link_states(filter);
    free(all.list);
    return filter;
}

void ua_filter_free(struct ua_filter **filter)
{
    if (!*filter)
        return;
    free((*filter)->next);
    free((*filter)->output);
    free((*filter)->sets);
    free((*filter)->always);
    free(*filter);
    *filter = NULL;
}

void ua_filter_scan(const struct ua_filter *filter, struct pp_str text,
                    uint64_t *bits_out)
{
    uint32_t state = 0;

    memcpy(bits_out, filter->always, filter->words * sizeof(*bits_out));
    for (size_t i = 0; i < text.n; i++) {
        const uint64_t *set;

        state = row(filter, state)[filter->class_of[(unsigned char)text.p[i]]];
        if (filter->output[state] == NO_OUTPUT)
            continue;
        set = filter->sets + filter->output[state] * filter->words;
        for (size_t w = 0; w < filter->words; w++)
            bits_out[w] |= set[w];
    }
}

size_t ua_filter_words(const struct ua_filter *filter)
{
    return filter->words;
}

size_t ua_filter_always(const struct ua_filter *filter)
{
    size_t count = 0;

    for (size_t i = 0; i < filter->words; i++)
        count += (size_t)__builtin_popcountll(filter->always[i]);
    return count;
}
