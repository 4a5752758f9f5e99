/*
 * Preloaded into a ClickHouse: kills it at the rename that makes a new part
 * visible, once. The file that CRASH_RENAME names says which and when:
 * "before 1", or "after 2", counted from when the file was written. With
 * "pause 1" it waits there for a second instead.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Takes one off the count; true when this is the one. */
static bool is_the_one(const char *control, char when[16])
{
    FILE *file = fopen(control, "r+");
    int left = 0;

    if (!file)
        return false;
    if (fscanf(file, "%15s %d", when, &left) == 2 && left > 1) {
        rewind(file);
        fprintf(file, "%s %d\n", when, left - 1);
    }
    fclose(file);
    if (left == 1)
        unlink(control);
    return left == 1;
}

int rename(const char *from, const char *to)
{
    static int (*real)(const char *, const char *);
    const char *control = getenv("CRASH_RENAME");
    char when[16] = "";
    bool chosen = false;
    int result;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "rename");
    if (control && strstr(from, "tmp_insert_"))
        chosen = is_the_one(control, when);
    if (chosen && strcmp(when, "before") == 0)
        raise(SIGKILL);
    if (chosen && strcmp(when, "pause") == 0)
        sleep(1);
    result = real(from, to);
    if (chosen && strcmp(when, "after") == 0)
        raise(SIGKILL);
    return result;
}
