#ifndef PP_KAFKA_RD_H
#define PP_KAFKA_RD_H

/* What pp_kafka, pp_producer and pp_consumer share; nobody else includes it. */

#include <librdkafka/rdkafka.h>

#include "pp_kafka.h"

/* A configuration with access and time limits set; the caller owns it. */
int pp_kafka_conf(rd_kafka_conf_t **conf_out,
                  const struct pp_kafka_access *access, struct pp_err *err);

/* One more option; a wrong one is our bug or a wrong setting. */
int pp_kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                 struct pp_err *err);

/* Fills in *err by what librdkafka said, and returns -1. */
int pp_kafka_err(struct pp_err *err, rd_kafka_resp_err_t code,
                 const char *doing);

/* The same for an error object, which it destroys. */
int pp_kafka_error(struct pp_err *err, rd_kafka_error_t *error,
                   const char *doing);

#endif
