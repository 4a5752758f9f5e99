#define PCRE2_CODE_UNIT_WIDTH 8

#include "ua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcre2.h>

#include "pp_mem.h"

#include "ua_cache.h"
#include "ua_filter.h"

#define CACHE_ENTRIES 16384
#define MATCH_LIMIT   100000 /* no header is worth more steps a rule */
#define TEXT_BYTES    128

enum section { BROWSER, OS, DEVICE, SECTION_COUNT };
enum text { BROWSER_NAME, BROWSER_VERSION, OS_NAME, TEXT_COUNT };

struct rule {
    pcre2_code *code;
    char *name;    /* may hold $1 to $9; empty: group 1 */
    char *version; /* the same; empty: group 2 */
    bool spider;
};

struct rules {
    struct rule *list;
    size_t count;
    struct pp_str *patterns; /* for the filter; gone once it is made */
    struct ua_filter *filter;
    uint64_t *possible; /* the filter's answer, a bit a rule */
};

struct ua {
    struct rules sections[SECTION_COUNT];
    struct ua_cache *cache;
    bool plain; /* every rule is tried */
    pcre2_match_data *match;
    pcre2_match_context *context;
    char texts[TEXT_COUNT][TEXT_BYTES]; /* of the answer being made */
};

/* --- reading the rules ---------------------------------------------------- */

static int section_of(struct pp_str name)
{
    static const char *const names[] = {"browser", "os", "device"};

    for (int i = 0; i < SECTION_COUNT; i++)
        if (pp_str_eq(name, pp_str_of(names[i])))
            return i;
    return -1;
}

static char *copy(struct pp_str text)
{
    char *to = pp_calloc(text.n + 1, 1);

    if (text.n)
        memcpy(to, text.p, text.n);
    return to;
}

static int add_rule(struct ua *ua, struct pp_str line, struct pp_err *err)
{
    struct pp_str fields[5] = {0}, rest = line;
    struct rules *rules;
    pcre2_code *code;
    PCRE2_SIZE at;
    int section, error;

    for (size_t i = 0; i < PP_COUNT(fields); i++)
        pp_str_split(&rest, '\t', &fields[i]);
    section = section_of(fields[0]);
    if (section < 0)
        return pp_err_set(err, PP_ERR_FATAL, "no such section");
    code = pcre2_compile((PCRE2_SPTR)fields[2].p, fields[2].n,
                         pp_str_eq(fields[1], PP_LIT("i")) ? PCRE2_CASELESS : 0,
                         &error, &at, NULL);
    if (!code)
        return pp_err_set(err, PP_ERR_FATAL, "bad regex at byte %zu", at);
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* else interpreted */
    rules = &ua->sections[section];
    rules->list =
        pp_realloc(rules->list, (rules->count + 1) * sizeof(*rules->list));
    rules->patterns = pp_realloc(rules->patterns,
                                 (rules->count + 1) * sizeof(*rules->patterns));
    rules->patterns[rules->count] =
        (struct pp_str){copy(fields[2]), fields[2].n};
    rules->list[rules->count++] =
        (struct rule){code, copy(fields[3]), copy(fields[4]),
                      pp_str_eq(fields[3], PP_LIT("Spider"))};
    return 0;
}

static int read_rules(struct ua *ua, FILE *file, const char *path,
                      struct pp_err *err)
{
    struct pp_err why = {0};
    char *line = NULL;
    size_t capacity = 0, number = 0;
    ssize_t n;
    int status = 0;

    while (status == 0 && (n = getline(&line, &capacity, file)) > 0) {
        struct pp_str text = {line, (size_t)n};

        number++;
        if (line[n - 1] == '\n')
            text.n--;
        if (add_rule(ua, text, &why) < 0)
            status = pp_err_set(err, PP_ERR_FATAL, "%s, line %zu: %s", path,
                                number, why.msg);
    }
    free(line);
    if (status == 0 && number == 0)
        return pp_err_set(err, PP_ERR_FATAL, "%s holds no rules", path);
    return status;
}

static void make_filters(struct ua *ua)
{
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        struct rules *rules = &ua->sections[i];

        rules->filter = ua_filter_new(rules->patterns, rules->count);
        rules->possible = pp_calloc(ua_filter_words(rules->filter) + 1,
                                    sizeof(*rules->possible));
        for (size_t j = 0; j < rules->count; j++)
            free((char *)(uintptr_t)rules->patterns[j].p);
        free(rules->patterns);
        rules->patterns = NULL;
    }
}

int ua_open(struct ua **ua_out, const char *path, struct pp_err *err)
{
    FILE *file = fopen(path, "re");
    struct ua *ua;
    int status;

    *ua_out = NULL;
    if (!file)
        return pp_err_set(err, PP_ERR_FATAL, "can't open %s", path);
    ua = pp_calloc(1, sizeof(*ua));
    ua->match = pcre2_match_data_create(10, NULL);
    ua->context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(ua->context, MATCH_LIMIT);
    status = read_rules(ua, file, path, err);
    fclose(file);
    make_filters(ua);
    ua->cache = ua_cache_new(CACHE_ENTRIES);
    if (status < 0)
        ua_close(&ua);
    *ua_out = ua;
    return status;
}

void ua_set_plain(struct ua *ua, bool plain)
{
    ua->plain = plain;
}

void ua_close(struct ua **ua)
{
    if (!*ua)
        return;
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        struct rules *rules = &(*ua)->sections[i];

        for (size_t j = 0; j < rules->count; j++) {
            pcre2_code_free(rules->list[j].code);
            free(rules->list[j].name);
            free(rules->list[j].version);
        }
        free(rules->list);
        free(rules->possible);
        ua_filter_free(&rules->filter);
    }
    ua_cache_free(&(*ua)->cache);
    pcre2_match_data_free((*ua)->match);
    pcre2_match_context_free((*ua)->context);
    free(*ua);
    *ua = NULL;
}

/* --- parsing -------------------------------------------------------------- */

static bool is_possible(const struct ua *ua, const struct rules *rules,
                        size_t i)
{
    return ua->plain || (rules->possible[i / 64] >> i % 64 & 1);
}

/* Groups of the match, 0 when there is none. */
static int match_rule(struct ua *ua, const struct rule *rule,
                      struct pp_str agent)
{
    int groups = pcre2_match(rule->code, (PCRE2_SPTR)agent.p, agent.n, 0, 0,
                             ua->match, ua->context);

    return groups > 0 ? groups : 0;
}

/*
 * The first of the first `count` rules that matches; groups_out: how many the
 * match has. NULL when none does.
 */
static const struct rule *find_rule(struct ua *ua, const struct rules *rules,
                                    size_t count, struct pp_str agent,
                                    int *groups_out)
{
    for (size_t i = 0; i < count; i++) {
        if (!ua->plain && i % 64 == 0 && rules->possible[i / 64] == 0) {
            i += 63;
            continue;
        }
        if (!is_possible(ua, rules, i))
            continue;
        *groups_out = match_rule(ua, &rules->list[i], agent);
        if (*groups_out > 0)
            return &rules->list[i];
    }
    return NULL;
}

static const struct rule *find_in(struct ua *ua, enum section section,
                                  struct pp_str agent, int *groups_out)
{
    struct rules *rules = &ua->sections[section];

    ua_filter_scan(rules->filter, agent, rules->possible);
    return find_rule(ua, rules, rules->count, agent, groups_out);
}

/*
 * Whether the first device rule that matches says Spider. Few rules say so and
 * few agents match one; only those ask whether a rule before it matches too.
 */
static bool is_spider(struct ua *ua, struct pp_str agent)
{
    struct rules *rules = &ua->sections[DEVICE];
    int groups;

    ua_filter_scan(rules->filter, agent, rules->possible);
    for (size_t i = 0; i < rules->count; i++) {
        if (!rules->list[i].spider || !is_possible(ua, rules, i) ||
            match_rule(ua, &rules->list[i], agent) == 0)
            continue;
        return !find_rule(ua, rules, i, agent, &groups);
    }
    return false;
}

static struct pp_str group(struct ua *ua, struct pp_str agent, int groups,
                           int i)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(ua->match);

    if (i >= groups || at[2 * i] == PCRE2_UNSET)
        return (struct pp_str){NULL, 0};
    return (struct pp_str){agent.p + at[2 * i], at[2 * i + 1] - at[2 * i]};
}

/*
 * The template with its $1 to $9 filled in; without one, group otherwise. It
 * stands in the ua until the next answer, not in the arena: one that is full
 * must not make the cache remember less than was found.
 */
static struct pp_str expand(struct ua *ua, struct pp_str agent, int groups,
                            const char *template, const char *otherwise,
                            enum text which)
{
    char *text = ua->texts[which];
    struct pp_str part;
    size_t n = 0;

    if (!*template)
        template = otherwise;
    for (const char *p = template; *p; p++) {
        part = (struct pp_str){p, 1};
        if (*p == '$' && p[1] >= '1' && p[1] <= '9')
            part = group(ua, agent, groups, *++p - '0');
        part = pp_str_sub(part, 0, TEXT_BYTES - n);
        if (part.n)
            memcpy(text + n, part.p, part.n);
        n += part.n;
    }
    return pp_str_cut_utf8(pp_str_trim((struct pp_str){text, n}), TEXT_BYTES);
}

static bool has(struct pp_str agent, const char *word)
{
    return agent.p && memmem(agent.p, agent.n, word, strlen(word));
}

/* uap-core names devices, not their kind; that browsers say themselves. */
static struct pp_str device_of(struct pp_str agent, struct pp_str os)
{
    static const char *const desktops[] = {"Windows", "Mac OS X", "Linux",
                                           "Ubuntu",  "Fedora",   "Debian",
                                           "FreeBSD", "OpenBSD",  "Chrome OS"};

    if (has(agent, "iPad") || has(agent, "Tablet") ||
        (has(agent, "Android") && !has(agent, "Mobile")))
        return PP_LIT("tablet");
    if (has(agent, "Mobi") || has(agent, "iPhone") || has(agent, "iPod"))
        return PP_LIT("mobile");
    for (size_t i = 0; i < PP_COUNT(desktops); i++)
        if (pp_str_eq(os, pp_str_of(desktops[i])))
            return PP_LIT("desktop");
    return PP_LIT("other");
}

static void parse(struct ua *ua, struct pp_str agent,
                  struct ua_result *result_out)
{
    const struct rule *rule;
    int groups;

    *result_out = (struct ua_result){0};
    rule = find_in(ua, BROWSER, agent, &groups);
    if (rule) {
        result_out->browser =
            expand(ua, agent, groups, rule->name, "$1", BROWSER_NAME);
        result_out->browser_version =
            expand(ua, agent, groups, rule->version, "$2", BROWSER_VERSION);
    }
    rule = find_in(ua, OS, agent, &groups);
    if (rule)
        result_out->os = expand(ua, agent, groups, rule->name, "$1", OS_NAME);
    result_out->bot = is_spider(ua, agent);
    result_out->device = device_of(agent, result_out->os);
}

/* The arena's copy, or empty. */
static struct pp_str kept(struct pp_arena *arena, struct pp_str text)
{
    const char *copied = text.n ? pp_arena_text(arena, text) : NULL;

    return copied ? (struct pp_str){copied, text.n} : (struct pp_str){NULL, 0};
}

void ua_parse(struct ua *ua, struct pp_str agent, struct pp_arena *arena,
              struct ua_result *result_out)
{
    const struct ua_result *known;
    struct ua_result fresh;

    *result_out = (struct ua_result){.device = PP_LIT("other")};
    agent = pp_str_cut_utf8(agent, UA_MAX_BYTES);
    if (agent.n == 0)
        return;
    known = ua->plain ? NULL : ua_cache_get(ua->cache, agent);
    if (!known) {
        parse(ua, agent, &fresh);
        if (!ua->plain)
            ua_cache_put(ua->cache, agent, &fresh);
        known = &fresh;
    }
    *result_out = *known;
    result_out->browser = kept(arena, known->browser);
    result_out->browser_version = kept(arena, known->browser_version);
    result_out->os = kept(arena, known->os);
}
