#ifndef PP_REGISTRY_H
#define PP_REGISTRY_H

#include "pp_avro.h"
#include "pp_config.h"

/*
 * Says which schema a record was written with: by the schema's fingerprint, or
 * where SCHEMA_REGISTRY_URL is set, by the number that a registry gave it.
 * [Confluent Schema Registry API, wire format and POST /subjects/.../versions]
 *
 * Every schema is learned once, at the start; after that nothing here waits. A
 * record's number that was not learned belongs to a newer program: its reader
 * waits. Without a registry all of it works the same, with fingerprints. One
 * thread at a time.
 */
struct pp_registry;

#define PP_REGISTRY_SETTING(url)                                               \
    PP_SECRET("SCHEMA_REGISTRY_URL", url, "",                                  \
              "address of a schema registry, for Confluent framing; empty: "   \
              "Avro's single-object encoding")

/* url: empty for none; may hold a user and a password. Asks nobody yet. */
int pp_registry_open(struct pp_registry **registry_out, const char *url,
                     struct pp_err *err);
void pp_registry_close(struct pp_registry **registry);

/*
 * Gets the number of the schema of topic's values, which registers it there if
 * it is new. PP_ERR_AGAIN: the registry is away. PP_ERR_FATAL: it does not
 * take the schema, or it does not take us. schema is its text in Parsing
 * Canonical Form.
 */
int pp_registry_learn(struct pp_registry *registry, const char *topic,
                      const char *schema, uint64_t fingerprint,
                      struct pp_err *err);

/*
 * Puts the frame before a record; its schema has to be one that was learned.
 * Here and below NULL is no registry.
 */
void pp_registry_put(const struct pp_registry *registry, uint64_t fingerprint,
                     struct pp_buf *out);

/*
 * Takes the frame off *message, which then is the record's body. Either framing
 * is read, whichever we write. PP_ERR_INVALID: it is neither. PP_ERR_AGAIN: its
 * number is not known here.
 */
int pp_registry_get(const struct pp_registry *registry, struct pp_str *message,
                    uint64_t *fingerprint_out, struct pp_err *err);

#endif
