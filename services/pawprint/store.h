#ifndef STORE_H
#define STORE_H

#include "pp_buf.h"
#include "pp_config.h"
#include "pp_err.h"

/*
 * The place of backups: a folder, or a bucket that speaks S3. Objects have
 * names with '/', as manifest_name_ok() has them, and are there whole or not at
 * all. One thread.
 *
 * Kinds: PP_ERR_INVALID, no such object, or it is larger than asked for;
 * PP_ERR_DENIED, the place refuses; PP_ERR_AGAIN, it is away, or full;
 * PP_ERR_FATAL, a setting is wrong.
 */
struct store;

struct store_options {
    const char *target; /* /folder or s3://bucket/prefix */
    const char *url;    /* of S3; empty: AWS's own of the region */
    const char *region;
    const char *key, *secret;
    const char *ca_file;
};

/* The rows of a settings table that fill one in. */
#define STORE_SETTINGS(options)                                                \
    PP_STR("PAWPRINT_BACKUP_TARGET", &(options)->target, "",                   \
           "where backups go: /a/folder or s3://bucket/prefix"),               \
        PP_STR("PAWPRINT_BACKUP_S3_URL", &(options)->url, "",                  \
               "address of S3 where it is not AWS's: https://host:port"),      \
        PP_STR("PAWPRINT_BACKUP_S3_REGION", &(options)->region, "us-east-1",   \
               "region of the bucket"),                                        \
        PP_STR("PAWPRINT_BACKUP_S3_KEY", &(options)->key, "",                  \
               "access key id of the bucket's user"),                          \
        PP_SECRET("PAWPRINT_BACKUP_S3_SECRET", &(options)->secret, "",         \
                  "secret access key of that user"),                           \
        PP_STR("PAWPRINT_BACKUP_CA_FILE", &(options)->ca_file, "",             \
               "authorities that S3's certificate is checked against; empty: " \
               "the system's")

int store_open(struct store **store_out, const struct store_options *options,
               struct pp_err *err);
void store_close(struct store **store);

/* Replaces an object of that name. On the disk, or S3 has it, when it ends. */
int store_put(struct store *store, const char *name, struct pp_str bytes,
              struct pp_err *err);

/* Into out, which is emptied before; its limit is the most that is taken. */
int store_get(struct store *store, const char *name, struct pp_buf *out,
              struct pp_err *err);

/* Adds what stands behind "folder/" of each object there, a line each. */
int store_list(struct store *store, const char *folder, struct pp_buf *out,
               struct pp_err *err);

/* "s3://bucket/prefix" or "/folder", for people. */
const char *store_name(const struct store *store);

#endif
