#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pp_mem.h"

#include "store_s3.h"

#define PATH_BYTES 4096
#define MODE_DIR   0700
#define MODE_FILE  0600

struct store {
    char *target;
    struct store_s3 *s3; /* NULL: a folder */
};

int store_open(struct store **store_out, const struct store_options *options,
               struct pp_err *err)
{
    struct pp_str target = pp_str_of(options->target);
    struct store *store;

    *store_out = NULL;
    if (target.n == 0)
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_BACKUP_TARGET is not set");
    if (target.p[0] != '/' && !pp_str_starts(target, PP_LIT("s3://")))
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_BACKUP_TARGET has to be /a/folder or "
                          "s3://bucket/prefix");
    store = *store_out = pp_calloc(1, sizeof(*store));
    store->target = pp_strdup(options->target);
    return target.p[0] == '/' ? 0 : store_s3_open(&store->s3, options, err);
}

void store_close(struct store **store)
{
    if (!*store)
        return;
    store_s3_close(&(*store)->s3);
    free((*store)->target);
    free(*store);
    *store = NULL;
}

const char *store_name(const struct store *store)
{
    return store->target;
}

/* --- a folder --------------------------------------------------------------
 */

static int failed(const char *what, const char *path, struct pp_err *err)
{
    int error = errno;

    pp_err_set(err,
               error == ENOENT                     ? PP_ERR_INVALID
               : error == EACCES || error == EROFS ? PP_ERR_DENIED
                                                   : PP_ERR_AGAIN,
               "%s %s: %s", what, path, strerror(error));
    err->sys = error;
    return -1;
}

static int path_of(const struct store *store, const char *name,
                   const char *behind, char path[static PATH_BYTES],
                   struct pp_err *err)
{
    if (snprintf(path, PATH_BYTES, "%s/%s%s", store->target, name, behind) >=
        PATH_BYTES)
        return pp_err_set(err, PP_ERR_FATAL, "the path is too long");
    return 0;
}

/* The folders that path lies in. */
static int make_folders(char *path, struct pp_err *err)
{
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        int code;

        *at = '\0';
        code = mkdir(path, MODE_DIR);
        if (code < 0 && errno != EEXIST)
            return failed("can't make", path, err);
        *at = '/';
    }
    return 0;
}

static int write_all(int fd, struct pp_str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = write(fd, bytes.p, bytes.n);

        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            bytes = pp_str_sub(bytes, (size_t)n, bytes.n);
    }
    return fsync(fd);
}

static int sync_folder(const char *path, struct pp_err *err)
{
    char folder[PATH_BYTES];
    int fd, code;

    snprintf(folder, sizeof(folder), "%s", path);
    *strrchr(folder, '/') = '\0';
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    code = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return code < 0 ? failed("can't sync", folder, err) : 0;
}

/* Under another name first, so that nobody ever sees half of it. */
static int folder_put(struct store *store, const char *name,
                      struct pp_str bytes, struct pp_err *err)
{
    char path[PATH_BYTES], making[PATH_BYTES];
    int fd, code;

    if (path_of(store, name, "", path, err) < 0 ||
        path_of(store, name, ".making", making, err) < 0 ||
        make_folders(making, err) < 0)
        return -1;
    fd = open(making, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, MODE_FILE);
    if (fd < 0)
        return failed("can't make", making, err);
    code = write_all(fd, bytes);
    if (code < 0)
        failed("can't write", making, err);
    close(fd);
    if (code < 0) {
        unlink(making);
        return -1;
    }
    if (rename(making, path) < 0)
        return failed("can't rename", making, err);
    return sync_folder(path, err);
}

static int folder_get(struct store *store, const char *name, struct pp_buf *out,
                      struct pp_err *err)
{
    char path[PATH_BYTES], bytes[1 << 16];
    ssize_t n = 0;
    int fd;

    if (path_of(store, name, "", path, err) < 0)
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed("can't read", path, err);
    while (!out->overflow && (n = read(fd, bytes, sizeof(bytes))) > 0)
        pp_buf_add(out, bytes, (size_t)n);
    if (n < 0)
        failed("can't read", path, err);
    close(fd);
    return n < 0 ? -1 : 0;
}

static int folder_list(struct store *store, const char *folder,
                       struct pp_buf *out, struct pp_err *err)
{
    char path[PATH_BYTES];
    struct dirent *entry;
    DIR *dir;

    if (path_of(store, folder, "", path, err) < 0)
        return -1;
    dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? 0 : failed("can't read", path, err);
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.' &&
            !pp_str_ends(pp_str_of(entry->d_name), PP_LIT(".making")))
            pp_buf_printf(out, "%s\n", entry->d_name);
    closedir(dir);
    return 0;
}

/* --- both ------------------------------------------------------------------
 */

int store_put(struct store *store, const char *name, struct pp_str bytes,
              struct pp_err *err)
{
    return store->s3 ? store_s3_put(store->s3, name, bytes, err)
                     : folder_put(store, name, bytes, err);
}

int store_get(struct store *store, const char *name, struct pp_buf *out,
              struct pp_err *err)
{
    int result;

    pp_buf_reset(out);
    result = store->s3 ? store_s3_get(store->s3, name, out, err)
                       : folder_get(store, name, out, err);
    if (result == 0 && out->overflow)
        return pp_err_set(err, PP_ERR_INVALID, "%s is too large", name);
    return result;
}

int store_list(struct store *store, const char *folder, struct pp_buf *out,
               struct pp_err *err)
{
    return store->s3 ? store_s3_list(store->s3, folder, out, err)
                     : folder_list(store, folder, out, err);
}
