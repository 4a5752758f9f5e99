#define PCRE2_CODE_UNIT_WIDTH 8

#include "ua.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcre2.h>

#include "pp_mem.h"

#define MATCH_LIMIT 100000 /* no header is worth more steps a rule */
#define TEXT_BYTES  128

enum section { BROWSER, OS, DEVICE, SECTION_COUNT };

struct rule {
    pcre2_code *code;
    char *name;    /* may hold $1 to $9; empty: group 1 */
    char *version; /* the same; empty: group 2 */
};

struct rules {
    struct rule *list;
    size_t count;
};

struct ua {
    struct rules sections[SECTION_COUNT];
    pcre2_match_data *match;
    pcre2_match_context *context;
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
    rules->list[rules->count++] =
        (struct rule){code, copy(fields[3]), copy(fields[4])};
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
    if (status < 0)
        ua_close(&ua);
    *ua_out = ua;
    return status;
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
    }
    pcre2_match_data_free((*ua)->match);
    pcre2_match_context_free((*ua)->context);
    free(*ua);
    *ua = NULL;
}

/* --- parsing -------------------------------------------------------------- */

/* groups_out: how many the match has. NULL when no rule matches. */
static const struct rule *find_rule(struct ua *ua, enum section section,
                                    struct pp_str agent, int *groups_out)
{
    const struct rules *rules = &ua->sections[section];

    for (size_t i = 0; i < rules->count; i++) {
        *groups_out = pcre2_match(rules->list[i].code, (PCRE2_SPTR)agent.p,
                                  agent.n, 0, 0, ua->match, ua->context);
        if (*groups_out > 0)
            return &rules->list[i];
    }
    return NULL;
}

static struct pp_str group(struct ua *ua, struct pp_str agent, int groups,
                           int i)
{
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(ua->match);

    if (i >= groups || at[2 * i] == PCRE2_UNSET)
        return (struct pp_str){NULL, 0};
    return (struct pp_str){agent.p + at[2 * i], at[2 * i + 1] - at[2 * i]};
}

/* The template with its $1 to $9 filled in; without one, group otherwise. */
static struct pp_str expand(struct ua *ua, struct pp_str agent, int groups,
                            const char *template, const char *otherwise,
                            struct pp_arena *arena)
{
    char text[TEXT_BYTES];
    struct pp_str part;
    const char *kept;
    size_t n = 0;

    if (!*template)
        template = otherwise;
    for (const char *p = template; *p; p++) {
        part = (struct pp_str){p, 1};
        if (*p == '$' && p[1] >= '1' && p[1] <= '9')
            part = group(ua, agent, groups, *++p - '0');
        part = pp_str_sub(part, 0, sizeof(text) - n);
        if (part.n)
            memcpy(text + n, part.p, part.n);
        n += part.n;
    }
    part = pp_str_cut_utf8(pp_str_trim((struct pp_str){text, n}), TEXT_BYTES);
    kept = pp_arena_text(arena, part);
    return kept ? (struct pp_str){kept, part.n} : (struct pp_str){NULL, 0};
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

void ua_parse(struct ua *ua, struct pp_str agent, struct pp_arena *arena,
              struct ua_result *result_out)
{
    const struct rule *rule;
    int groups;

    *result_out = (struct ua_result){.device = PP_LIT("other")};
    agent = pp_str_cut_utf8(agent, UA_MAX_BYTES);
    if (agent.n == 0)
        return;
    rule = find_rule(ua, BROWSER, agent, &groups);
    if (rule) {
        result_out->browser =
            expand(ua, agent, groups, rule->name, "$1", arena);
        result_out->browser_version =
            expand(ua, agent, groups, rule->version, "$2", arena);
    }
    rule = find_rule(ua, OS, agent, &groups);
    if (rule)
        result_out->os = expand(ua, agent, groups, rule->name, "$1", arena);
    rule = find_rule(ua, DEVICE, agent, &groups);
    result_out->bot = rule && strcmp(rule->name, "Spider") == 0;
    result_out->device = device_of(agent, result_out->os);
}
