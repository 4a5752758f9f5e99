#ifndef SECRETS_H
#define SECRETS_H

#include <sys/stat.h>

#include "pp_time.h"

#include "signature.h"

/*
 * The webhook's secrets, in a file that may change at any time: it is looked at
 * once a second, and at SIGHUP at once. What can't be read, or is wrong,
 * changes nothing: the secrets there were stay, and it is logged. One thread.
 */
struct secret_file {
    const char *path;
    struct secrets secrets;
    struct stat seen;
    struct pp_mono looked_at;
};

/* PP_ERR_FATAL: there has to be at least one secret to start with. */
int secret_file_open(struct secret_file *file, const char *path,
                     struct pp_err *err);

/* Once a turn. now_ms: for how many are alive, which is a metric. */
void secret_file_refresh(struct secret_file *file, int64_t now_ms);
void secret_file_close(struct secret_file *file);

/* NULL, or what is wrong with the file; for a setting. */
const char *secret_file_wrong(const char *path);

void secret_file_metrics_add(void);

#endif
