#include "pp_crash.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct {
    bool read;
    const char *name; /* in the environment; NULL: nobody wants a crash */
    size_t name_n;
    long left;
} wish;

static void wish_read(void)
{
    const char *colon;

    wish.read = true;
    wish.name = getenv("PAWPRINT_CRASH");
    if (!wish.name)
        return;
    colon = strchr(wish.name, ':');
    wish.name_n = colon ? (size_t)(colon - wish.name) : strlen(wish.name);
    wish.left = colon ? strtol(colon + 1, NULL, 10) : 1;
}

void pp_crash_point(const char *name)
{
    if (!wish.read)
        wish_read();
    if (!wish.name || strlen(name) != wish.name_n ||
        strncmp(wish.name, name, wish.name_n) != 0)
        return;
    if (--wish.left <= 0)
        (void)raise(SIGKILL);
}
