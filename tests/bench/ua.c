/*
 * What a user agent costs the enricher: new to it, seen before, and with every
 * rule tried in turn as uap-core describes it.
 *
 *   ua RULES VECTORS       prints CPU microseconds a string
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pp_mem.h"

#include "ua.h"

static struct pp_arena arena;
static struct pp_str *agents;
static size_t count;

static void read_agents(const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t capacity = 0;

    if (!file) {
        perror(path);
        exit(1);
    }
    while (getline(&line, &capacity, file) > 0) {
        const char *agent = strrchr(line, '\t');

        line[strcspn(line, "\n")] = '\0';
        agents = pp_realloc(agents, (count + 1) * sizeof(*agents));
        agents[count++] = pp_str_of(strdup(agent ? agent + 1 : line));
    }
    free(line);
    fclose(file);
}

static double cost_us(struct ua *ua)
{
    struct timespec from, to;
    struct ua_result result;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (size_t i = 0; i < count; i++) {
        pp_arena_reset(&arena);
        ua_parse(ua, agents[i], &arena, &result);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e6 +
            (double)(to.tv_nsec - from.tv_nsec) / 1e3) /
           (double)count;
}

int main(int argc, char **argv)
{
    struct ua *ua;
    struct pp_err err;
    double fresh, seen, plain;

    if (argc != 3 || ua_open(&ua, argv[1], &err) < 0) {
        fprintf(stderr, "usage: ua RULES VECTORS\n");
        return 1;
    }
    pp_arena_init(&arena, (size_t)1 << 20);
    read_agents(argv[2]);
    ua_set_plain(ua, true);
    plain = cost_us(ua);
    ua_set_plain(ua, false);
    fresh = cost_us(ua);
    seen = cost_us(ua);
    printf("user agents: %zu; new %.2f us (%.0f a second), seen before %.2f "
           "us, every rule tried %.2f us (%.1f times)\n",
           count, fresh, 1e6 / fresh, seen, plain, plain / fresh);
    ua_close(&ua);
    return 0;
}
