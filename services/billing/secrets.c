#include "secrets.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "pp_log.h"
#include "pp_metrics.h"

#define LOOK_MS 1000

static struct pp_gauge alive =
    PP_GAUGE("pawprint_billing_secrets", "webhook secrets that are good now");
static struct pp_counter reloads =
    PP_COUNTER("pawprint_billing_secrets_reloads_total",
               "times that the file with the secrets was read again");
static struct pp_counter failures =
    PP_COUNTER("pawprint_billing_secrets_failures_total",
               "times that the file with the secrets could not be used; alarm "
               "when it rises");

static volatile sig_atomic_t told; /* by SIGHUP */

static void on_hup(int number)
{
    (void)number;
    told = 1;
}

void secret_file_metrics_add(void)
{
    pp_metrics_add(&alive.metric);
    pp_metrics_add(&reloads.metric);
    pp_metrics_add(&failures.metric);
}

static int read_file(const char *path, struct secrets *secrets,
                     struct pp_err *err)
{
    char text[SECRETS_FILE_BYTES + 1];
    FILE *file = fopen(path, "re");
    size_t n;
    int result;

    if (!file)
        return pp_err_set(err, PP_ERR_INVALID, "can't be opened: %s",
                          strerror(errno));
    n = fread(text, 1, sizeof(text), file);
    if (ferror(file) || n > SECRETS_FILE_BYTES)
        result = pp_err_set(err, PP_ERR_INVALID,
                            "can't be read, or is larger "
                            "than 8 KiB");
    else
        result = secrets_read((struct pp_str){text, n}, secrets, err);
    sodium_memzero(text, sizeof(text));
    (void)fclose(file);
    return result;
}

const char *secret_file_wrong(const char *path)
{
    static char wrong[300];
    struct secrets secrets;
    struct pp_err err = {0};
    int result = read_file(path, &secrets, &err);

    sodium_memzero(&secrets, sizeof(secrets));
    if (result == 0)
        return NULL;
    snprintf(wrong, sizeof(wrong), "names a file that %s", err.msg);
    return wrong;
}

int secret_file_open(struct secret_file *file, const char *path,
                     struct pp_err *err)
{
    struct sigaction action = {.sa_handler = on_hup};

    *file = (struct secret_file){.path = path};
    sigaction(SIGHUP, &action, NULL);
    (void)stat(path, &file->seen);
    if (read_file(path, &file->secrets, err) < 0) {
        err->kind = PP_ERR_FATAL;
        return -1;
    }
    return 0;
}

static bool has_changed(struct secret_file *file)
{
    struct stat now;

    if (stat(file->path, &now) < 0)
        return false; /* in the middle of being replaced */
    if (now.st_ino == file->seen.st_ino && now.st_size == file->seen.st_size &&
        now.st_mtim.tv_sec == file->seen.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == file->seen.st_mtim.tv_nsec)
        return false;
    file->seen = now;
    return true;
}

void secret_file_refresh(struct secret_file *file, int64_t now_ms)
{
    struct pp_err err = {0};
    struct secrets secrets;

    if (!told && pp_mono_ms(file->looked_at, pp_mono_now()) < LOOK_MS)
        return;
    file->looked_at = pp_mono_now();
    pp_gauge_set(&alive, (int64_t)secrets_alive(&file->secrets, now_ms));
    if (!has_changed(file) && !told)
        return;
    told = 0;
    if (read_file(file->path, &secrets, &err) < 0) {
        pp_counter_add(&failures, 1);
        pp_error("secrets.kept", "why=%s", err.msg);
        return;
    }
    file->secrets = secrets;
    sodium_memzero(&secrets, sizeof(secrets));
    pp_counter_add(&reloads, 1);
    for (size_t i = 0; i < file->secrets.count; i++)
        pp_info("secrets.read", "label=%s ends_at_ms=%lld",
                file->secrets.list[i].label,
                (long long)file->secrets.list[i].not_after_ms);
}

void secret_file_close(struct secret_file *file)
{
    sodium_memzero(&file->secrets, sizeof(file->secrets));
}
