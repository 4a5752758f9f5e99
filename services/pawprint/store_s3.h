#ifndef STORE_S3_H
#define STORE_S3_H

#include "store.h"

/* A bucket of S3, for store.c. Requests are signed by libcurl (version 4). */
struct store_s3;

int store_s3_open(struct store_s3 **s3_out, const struct store_options *options,
                  struct pp_err *err);
void store_s3_close(struct store_s3 **s3);
int store_s3_put(struct store_s3 *s3, const char *name, struct pp_str bytes,
                 struct pp_err *err);
int store_s3_get(struct store_s3 *s3, const char *name, struct pp_buf *out,
                 struct pp_err *err);
int store_s3_list(struct store_s3 *s3, const char *folder, struct pp_buf *out,
                  struct pp_err *err);

#endif
