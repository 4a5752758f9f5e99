#include "pp_zones.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pp_mem.h"
#include "pp_time.h"
#include "pp_zone_alias.h"

/* The largest zone of tzdata has 3,600, its text of all zones 110,000. */
#define FILE_BYTES ((size_t)64 << 10)
#define TEXT_BYTES ((size_t)1 << 20)

/* What tells one state of a file from another. */
struct state {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct entry {
    char name[PP_ZONE_NAME_BYTES];
    struct pp_zone *zone; /* one owner is the entry */
    struct state state;
    struct pp_mono checked;
    uint64_t used; /* the higher the later */
};

struct pp_zones {
    char folder[PATH_MAX];
    int recheck_ms;
    pthread_mutex_t mutex; /* of all below */
    uint64_t clock;
    size_t count, max_count;
    struct entry *entries;
};

/* --- names -----------------------------------------------------------------
 */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool part_ok(struct pp_str part)
{
    if (part.n == 0 || !is_letter(part.p[0]))
        return false;
    for (size_t i = 1; i < part.n; i++)
        if (!is_letter(part.p[i]) && !(part.p[i] >= '0' && part.p[i] <= '9') &&
            part.p[i] != '+' && part.p[i] != '-' && part.p[i] != '_')
            return false;
    return true;
}

/* What the folder has beside the zones of the world. */
static bool is_of_the_machine(struct pp_str name)
{
    static const char *const names[] = {"localtime", "posixrules", "Factory"};

    for (size_t i = 0; i < PP_COUNT(names); i++)
        if (pp_str_eq(name, pp_str_of(names[i])))
            return true;
    return pp_str_starts(name, PP_LIT("posix/")) ||
           pp_str_starts(name, PP_LIT("right/"));
}

bool pp_zone_name_ok(struct pp_str name)
{
    struct pp_str rest = name, part;

    if (name.n == 0 || name.n >= PP_ZONE_NAME_BYTES ||
        name.p[name.n - 1] == '/' || is_of_the_machine(name))
        return false;
    while (pp_str_split(&rest, '/', &part))
        if (!part_ok(part))
            return false;
    return true;
}

/* --- files -----------------------------------------------------------------
 */

static void path_of(const struct pp_zones *zones, const char *name,
                    char path[static PATH_MAX])
{
    if (snprintf(path, PATH_MAX, "%s/%s", zones->folder, name) >= PATH_MAX)
        path[0] = '\0'; /* which no file is called */
}

static int no_such_zone(const char *name, struct pp_err *err)
{
    return pp_err_set(err, PP_ERR_INVALID, "no time zone is called %s", name);
}

static int cant_read(const char *name, struct pp_err *err)
{
    if (errno == ENOENT || errno == ENOTDIR)
        return no_such_zone(name, err);
    return pp_err_sys(err, PP_ERR_AGAIN, "time zone %s", name);
}

static struct state state_of(const struct stat *stat)
{
    return (struct state){stat->st_dev, stat->st_ino, stat->st_size,
                          stat->st_mtim};
}

static bool same_state(const struct state *a, const struct state *b)
{
    return a->device == b->device && a->inode == b->inode &&
           a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Reads what fits; a file with more is no zone. */
static int read_all(int fd, char *bytes, size_t max, size_t *n_out)
{
    ssize_t n;

    for (*n_out = 0; *n_out < max; *n_out += (size_t)n) {
        n = read(fd, bytes + *n_out, max - *n_out);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n == 0)
            break;
        n = n < 0 ? 0 : n;
    }
    return 0;
}

static int read_zone(int fd, const char *name, struct pp_zone **zone_out,
                     struct pp_err *err)
{
    char *bytes = pp_malloc(FILE_BYTES);
    size_t n;
    int result;

    if (read_all(fd, bytes, FILE_BYTES, &n) < 0)
        result = pp_err_sys(err, PP_ERR_AGAIN, "time zone %s", name);
    else
        result = pp_zone_new(zone_out, (struct pp_str){bytes, n}, err);
    free(bytes);
    return result;
}

static int load(const struct pp_zones *zones, const char *name,
                struct pp_zone **zone_out, struct state *state_out,
                struct pp_err *err)
{
    char path[PATH_MAX];
    struct stat stat = {0};
    int fd, result;

    path_of(zones, name, path);
    /* A pipe must not make us wait. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return cant_read(name, err);
    if (fstat(fd, &stat) < 0)
        result = pp_err_sys(err, PP_ERR_AGAIN, "time zone %s", name);
    else if (!S_ISREG(stat.st_mode))
        result = no_such_zone(name, err);
    else
        result = read_zone(fd, name, zone_out, err);
    *state_out = state_of(&stat);
    close(fd);
    return result;
}

/* --- what is kept ----------------------------------------------------------
 */

static struct entry *find(struct pp_zones *zones, const char *name)
{
    for (size_t i = 0; i < zones->count; i++)
        if (strcmp(zones->entries[i].name, name) == 0)
            return &zones->entries[i];
    return NULL;
}

/* A place for one more, if need be that of the one asked for longest ago. */
static struct entry *place(struct pp_zones *zones)
{
    struct entry *oldest = &zones->entries[0];

    if (zones->count < zones->max_count)
        return &zones->entries[zones->count++];
    for (size_t i = 1; i < zones->count; i++)
        if (zones->entries[i].used < oldest->used)
            oldest = &zones->entries[i];
    pp_zone_free(&oldest->zone);
    return oldest;
}

static struct entry *add(struct pp_zones *zones, const char *name,
                         struct pp_err *err)
{
    struct pp_zone *zone;
    struct state state;
    struct entry *entry;

    if (load(zones, name, &zone, &state, err) < 0)
        return NULL;
    entry = place(zones);
    *entry =
        (struct entry){.zone = zone, .state = state, .checked = pp_mono_now()};
    snprintf(entry->name, sizeof(entry->name), "%s", name);
    return entry;
}

/* The old zone serves as long as there is no new one. */
static void recheck(const struct pp_zones *zones, struct entry *entry)
{
    struct pp_mono now = pp_mono_now();
    struct pp_zone *zone;
    char path[PATH_MAX];
    struct state state;
    struct stat found;
    struct pp_err err;

    if (pp_mono_ms(entry->checked, now) < zones->recheck_ms)
        return;
    entry->checked = now;
    path_of(zones, entry->name, path);
    if (stat(path, &found) < 0)
        return;
    state = state_of(&found);
    if (same_state(&state, &entry->state) ||
        load(zones, entry->name, &zone, &state, &err) < 0)
        return;
    pp_zone_free(&entry->zone);
    entry->zone = zone;
    entry->state = state;
}

int pp_zones_get(struct pp_zones *zones, struct pp_str name,
                 struct pp_zone **zone_out, struct pp_err *err)
{
    char text[PP_ZONE_NAME_BYTES];
    struct entry *entry;

    /* What is no name may hold anything, so it isn't repeated. */
    if (!pp_zone_name_ok(name))
        return pp_err_set(err, PP_ERR_INVALID, "that names no time zone");
    snprintf(text, sizeof(text), "%.*s", PP_ARG(name));
    pthread_mutex_lock(&zones->mutex);
    entry = find(zones, text);
    if (entry)
        recheck(zones, entry);
    else
        entry = add(zones, text, err);
    if (entry) {
        entry->used = ++zones->clock;
        *zone_out = pp_zone_hold(entry->zone);
    }
    pthread_mutex_unlock(&zones->mutex);
    return entry ? 0 : -1;
}

int pp_zones_open(struct pp_zones **zones_out, const char *folder,
                  size_t max_count, int recheck_ms, struct pp_err *err)
{
    struct pp_zones *zones = pp_calloc(1, sizeof(*zones));
    struct pp_zone *utc;

    snprintf(zones->folder, sizeof(zones->folder), "%s", folder);
    zones->recheck_ms = recheck_ms;
    zones->max_count = max_count > 0 ? max_count : 1;
    zones->entries = pp_calloc(zones->max_count, sizeof(*zones->entries));
    pthread_mutex_init(&zones->mutex, NULL);
    if (pp_zones_get(zones, PP_LIT("UTC"), &utc, err) < 0) {
        pp_zones_close(&zones);
        return pp_err_set(err, PP_ERR_FATAL,
                          "no time zones in %s: is tzdata installed?", folder);
    }
    pp_zone_free(&utc);
    *zones_out = zones;
    return 0;
}

void pp_zones_close(struct pp_zones **zones)
{
    if (!*zones)
        return;
    for (size_t i = 0; i < (*zones)->count; i++)
        pp_zone_free(&(*zones)->entries[i].zone);
    pthread_mutex_destroy(&(*zones)->mutex);
    free((*zones)->entries);
    free(*zones);
    *zones = NULL;
}

/* One of the folder's texts, which the caller frees; empty without it. */
static struct pp_str read_text(const struct pp_zones *zones, const char *name)
{
    char path[PATH_MAX], *text = pp_malloc(TEXT_BYTES);
    size_t n = 0;
    int fd;

    path_of(zones, name, path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0) {
        if (read_all(fd, text, TEXT_BYTES, &n) < 0)
            n = 0;
        close(fd);
    }
    return (struct pp_str){text, n};
}

static void free_text(struct pp_str *text)
{
    free((void *)(uintptr_t)text->p);
    *text = (struct pp_str){0};
}

int pp_zones_canonical(const struct pp_zones *zones, struct pp_str name,
                       char canonical[static PP_ZONE_NAME_BYTES],
                       struct pp_err *err)
{
    struct pp_str all, countries, found;

    if (!pp_zone_name_ok(name))
        return pp_err_set(err, PP_ERR_INVALID, "that names no time zone");
    all = read_text(zones, "tzdata.zi");
    countries = read_text(zones, "zone.tab");
    found = pp_zone_alias(all, countries, name);
    if (!pp_zone_name_ok(found))
        found = name;
    snprintf(canonical, PP_ZONE_NAME_BYTES, "%.*s", PP_ARG(found));
    free_text(&all);
    free_text(&countries);
    return 0;
}

/* tzdata.zi, the text of all zones, begins with "# version 2025b". */
void pp_zones_release(const struct pp_zones *zones,
                      char release[static PP_ZONES_RELEASE_BYTES])
{
    char path[PATH_MAX];
    FILE *file;

    path_of(zones, "tzdata.zi", path);
    file = fopen(path, "re");
    if (!file || fscanf(file, "# version %15[0-9a-z-]", release) != 1)
        snprintf(release, PP_ZONES_RELEASE_BYTES, "unknown");
    if (file)
        fclose(file);
}
