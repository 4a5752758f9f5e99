#include "native.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pp_mem.h"

#define COLUMN_BYTES ((size_t)1 << 30)
#define FIRST_SLOTS  ((size_t)1024) /* a power of two */

/* How LowCardinality is written: its version, and that a block brings a whole
 * dictionary of its own ("additional keys", "update dictionary"). */
#define LOW_VERSION UINT64_C(1)
#define LOW_FLAGS   UINT64_C(0x600)

/* The distinct texts of a LowCardinality column, and which each row has. */
struct dictionary {
    struct slot {
        uint32_t hash;
        uint32_t at; /* of its bytes, in the column's data */
        uint32_t n;
        uint32_t number; /* index + 1, or 0 */
    } * slots;           /* open addressing */
    size_t slot_count;
    struct slot *keys; /* the same, by their index */
    size_t key_count, key_capacity;
    uint32_t empty; /* index + 1 of the empty text, or 0 */
};

struct column {
    struct pp_buf data;    /* values, or the dictionary's texts */
    struct pp_buf nulls;   /* of Nullable: a byte a row */
    struct pp_buf indexes; /* of LowCardinality: uint32 a row */
    struct pp_buf offsets; /* of Map: uint64 a row */
    struct pp_buf values;  /* of Map; data has the keys */
    uint64_t pairs;
    struct dictionary dictionary;
    const char *type;
};

struct native {
    const struct native_column *specs;
    struct column *columns;
    size_t count;
    size_t rows;
    uint64_t version;
};

static void column_init(struct column *column)
{
    pp_buf_init(&column->data, COLUMN_BYTES);
    pp_buf_init(&column->nulls, COLUMN_BYTES);
    pp_buf_init(&column->indexes, COLUMN_BYTES);
    pp_buf_init(&column->offsets, COLUMN_BYTES);
    pp_buf_init(&column->values, COLUMN_BYTES);
    column->dictionary.slot_count = FIRST_SLOTS;
    column->dictionary.slots = pp_calloc(FIRST_SLOTS, sizeof(struct slot));
}

static void column_fini(struct column *column)
{
    pp_buf_fini(&column->data);
    pp_buf_fini(&column->nulls);
    pp_buf_fini(&column->indexes);
    pp_buf_fini(&column->offsets);
    pp_buf_fini(&column->values);
    free(column->dictionary.slots);
    free(column->dictionary.keys);
}

static void column_reset(struct column *column)
{
    struct dictionary *dictionary = &column->dictionary;

    pp_buf_reset(&column->data);
    pp_buf_reset(&column->nulls);
    pp_buf_reset(&column->indexes);
    pp_buf_reset(&column->offsets);
    pp_buf_reset(&column->values);
    column->pairs = 0;
    if (dictionary->key_count)
        memset(dictionary->slots, 0,
               dictionary->slot_count * sizeof(struct slot));
    dictionary->key_count = 0;
    dictionary->empty = 0;
}

struct native *native_new(const struct native_column *columns, size_t count)
{
    struct native *native = pp_calloc(1, sizeof(*native));

    native->specs = columns;
    native->count = count;
    native->columns = pp_calloc(count, sizeof(*native->columns));
    for (size_t i = 0; i < count; i++) {
        column_init(&native->columns[i]);
        native->columns[i].type = columns[i].type;
    }
    return native;
}

void native_free(struct native **native)
{
    if (!*native)
        return;
    for (size_t i = 0; i < (*native)->count; i++)
        column_fini(&(*native)->columns[i]);
    free((*native)->columns);
    free(*native);
    *native = NULL;
}

void native_set_type(struct native *native, size_t column, const char *type)
{
    native->columns[column].type = type;
}

void native_reset(struct native *native)
{
    for (size_t i = 0; i < native->count; i++)
        column_reset(&native->columns[i]);
    native->rows = 0;
    native->version++;
}

/* --- values --------------------------------------------------------------- */

static void put_varint(struct pp_buf *out, uint64_t value)
{
    unsigned char bytes[10];
    size_t n = 0;

    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (unsigned char)(value | 0x80);
    bytes[n++] = (unsigned char)value;
    pp_buf_add(out, bytes, n);
}

static void put_string(struct pp_buf *out, struct pp_str text)
{
    put_varint(out, text.n);
    pp_buf_add_str(out, text);
}

/* Texts are short: whole words, the last one overlapping, and no calls. */
static uint64_t word_at(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

static uint64_t few_bytes(const char *p, size_t n)
{
    uint32_t first, last;

    if (n < 4)
        return n == 0 ? 0
                      : (uint64_t)(unsigned char)p[0] << 16 |
                            (uint64_t)(unsigned char)p[n / 2] << 8 |
                            (unsigned char)p[n - 1];
    memcpy(&first, p, sizeof(first));
    memcpy(&last, p + n - 4, sizeof(last));
    return (uint64_t)first << 32 | last;
}

static uint32_t hash_of(struct pp_str text)
{
    const uint64_t odd = UINT64_C(0xff51afd7ed558ccd);
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15) ^ text.n;

    if (text.n < 8) {
        hash = (hash ^ few_bytes(text.p, text.n)) * odd;
    } else {
        for (size_t i = 0; i + 8 < text.n; i += 8) {
            hash = (hash ^ word_at(text.p + i)) * odd;
            hash ^= hash >> 32;
        }
        hash = (hash ^ word_at(text.p + text.n - 8)) * odd;
    }
    return (uint32_t)(hash ^ hash >> 32);
}

static bool bytes_are(const char *a, const char *b, size_t n)
{
    if (n < 8)
        return few_bytes(a, n) == few_bytes(b, n);
    for (size_t i = 0; i + 8 < n; i += 8)
        if (word_at(a + i) != word_at(b + i))
            return false;
    return word_at(a + n - 8) == word_at(b + n - 8);
}

static void dictionary_grow(struct dictionary *dictionary)
{
    size_t mask = 2 * dictionary->slot_count - 1;

    free(dictionary->slots);
    dictionary->slot_count *= 2;
    dictionary->slots = pp_calloc(dictionary->slot_count, sizeof(struct slot));
    for (size_t i = 0; i < dictionary->key_count; i++) {
        size_t at = dictionary->keys[i].hash & mask;

        while (dictionary->slots[at].number)
            at = (at + 1) & mask;
        dictionary->slots[at] = dictionary->keys[i];
    }
}

static uint32_t key_add(struct column *column, struct slot *slot, uint32_t hash,
                        struct pp_str text)
{
    struct dictionary *dictionary = &column->dictionary;
    uint32_t index = (uint32_t)dictionary->key_count;

    if (dictionary->key_count == dictionary->key_capacity) {
        dictionary->key_capacity =
            dictionary->key_capacity ? dictionary->key_capacity * 2 : 256;
        dictionary->keys = pp_realloc(
            dictionary->keys, dictionary->key_capacity * sizeof(struct slot));
    }
    put_string(&column->data, text);
    *slot = (struct slot){hash, (uint32_t)(column->data.n - text.n),
                          (uint32_t)text.n, index + 1};
    dictionary->keys[index] = *slot;
    if (++dictionary->key_count * 2 > dictionary->slot_count)
        dictionary_grow(dictionary);
    return index;
}

static uint32_t key_of(struct column *column, struct pp_str text)
{
    struct dictionary *dictionary = &column->dictionary;
    size_t mask = dictionary->slot_count - 1, at;
    struct slot *slot;
    uint32_t hash;

    if (text.n == 0 && dictionary->empty)
        return dictionary->empty - 1;
    hash = hash_of(text);
    for (at = hash & mask; (slot = &dictionary->slots[at])->number;
         at = (at + 1) & mask)
        if (slot->hash == hash && slot->n == text.n &&
            bytes_are(column->data.p + slot->at, text.p, text.n))
            return slot->number - 1;
    if (text.n == 0)
        dictionary->empty = (uint32_t)dictionary->key_count + 1;
    return key_add(column, slot, hash, text);
}

void native_put(struct native *native, size_t column, const void *value)
{
    struct column *self = &native->columns[column];

    pp_buf_add(&self->data, value, native->specs[column].bytes);
    if (native->specs[column].kind == NATIVE_NULLABLE_FIXED)
        pp_buf_add_byte(&self->nulls, 0);
}

void native_put_null(struct native *native, size_t column)
{
    static const char zeros[8];
    struct column *self = &native->columns[column];

    assert(native->specs[column].kind == NATIVE_NULLABLE_FIXED);
    pp_buf_add(&self->data, zeros, native->specs[column].bytes);
    pp_buf_add_byte(&self->nulls, 1);
}

void native_put_str(struct native *native, size_t column, struct pp_str text)
{
    struct column *self = &native->columns[column];
    uint32_t index;

    if (native->specs[column].kind == NATIVE_STRING) {
        put_string(&self->data, text);
        return;
    }
    assert(native->specs[column].kind == NATIVE_LOW_CARDINALITY);
    index = key_of(self, text);
    pp_buf_add(&self->indexes, &index, sizeof(index));
}

void native_put_map(struct native *native, size_t column,
                    struct pp_avro_map map)
{
    struct column *self = &native->columns[column];
    struct pp_avro_in in = pp_avro_in(map.blocks);
    struct pp_str key, value;
    int64_t left = 0;

    assert(native->specs[column].kind == NATIVE_MAP);
    while (map.blocks.n && pp_avro_map_next(&in, &left, &key, &value)) {
        put_string(&self->data, key);
        put_string(&self->values, value);
        self->pairs++;
    }
    pp_buf_add(&self->offsets, &self->pairs, sizeof(self->pairs));
}

void native_set_constant(struct native *native, size_t column,
                         const void *value)
{
    struct column *self = &native->columns[column];

    assert(native->specs[column].kind == NATIVE_CONSTANT);
    pp_buf_reset(&self->data);
    pp_buf_add(&self->data, value, native->specs[column].bytes);
}

void native_end_row(struct native *native)
{
    native->rows++;
    native->version++;
}

uint64_t native_version(const struct native *native)
{
    return native->version;
}

uint64_t native_pairs(const struct native *native, size_t column)
{
    return native->columns[column].pairs;
}

size_t native_rows(const struct native *native)
{
    return native->rows;
}

size_t native_bytes(const struct native *native)
{
    size_t bytes = 0;

    for (size_t i = 0; i < native->count; i++) {
        const struct column *column = &native->columns[i];

        bytes += column->data.n + column->nulls.n + column->indexes.n +
                 column->offsets.n + column->values.n;
    }
    return bytes;
}

/* --- choosing rows -------------------------------------------------------- */

/* The text at *at of what put_string() wrote; *at moves behind it. */
static struct pp_str text_at(const struct pp_buf *data, size_t *at)
{
    uint64_t n = 0;
    unsigned shift = 0;
    unsigned char byte;
    struct pp_str text;

    do {
        byte = (unsigned char)data->p[(*at)++];
        n |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    text = (struct pp_str){data->p + *at, n};
    *at += n;
    return text;
}

static void add_fixed(struct native *native, const struct native *from,
                      size_t column, const unsigned char *keep)
{
    const struct column *old = &from->columns[column];
    size_t bytes = from->specs[column].bytes;
    bool nullable = from->specs[column].kind == NATIVE_NULLABLE_FIXED;

    for (size_t i = 0; i < from->rows; i++)
        if (keep[i]) {
            if (nullable && old->nulls.p[i])
                native_put_null(native, column);
            else
                native_put(native, column, old->data.p + i * bytes);
        }
}

static void add_strings(struct native *native, const struct native *from,
                        size_t column, const unsigned char *keep)
{
    size_t at = 0;

    for (size_t i = 0; i < from->rows; i++) {
        struct pp_str text = text_at(&from->columns[column].data, &at);

        if (keep[i])
            native_put_str(native, column, text);
    }
}

static void add_low_cardinality(struct native *native,
                                const struct native *from, size_t column,
                                const unsigned char *keep)
{
    const struct column *old = &from->columns[column];
    uint32_t index;

    for (size_t i = 0; i < from->rows; i++)
        if (keep[i]) {
            const struct slot *key;

            memcpy(&index, old->indexes.p + i * sizeof(index), sizeof(index));
            key = &old->dictionary.keys[index];
            native_put_str(native, column,
                           (struct pp_str){old->data.p + key->at, key->n});
        }
}

static void add_maps(struct native *native, const struct native *from,
                     size_t column, const unsigned char *keep)
{
    const struct column *old = &from->columns[column];
    struct column *self = &native->columns[column];
    size_t key_at = 0, value_at = 0;
    uint64_t pair = 0, end;

    for (size_t i = 0; i < from->rows; i++) {
        memcpy(&end, old->offsets.p + i * sizeof(end), sizeof(end));
        for (; pair < end; pair++) {
            struct pp_str key = text_at(&old->data, &key_at);
            struct pp_str value = text_at(&old->values, &value_at);

            if (!keep[i])
                continue;
            put_string(&self->data, key);
            put_string(&self->values, value);
            self->pairs++;
        }
        if (keep[i])
            pp_buf_add(&self->offsets, &self->pairs, sizeof(self->pairs));
    }
}

void native_add_rows(struct native *native, const struct native *from,
                     const unsigned char *keep)
{
    assert(native->specs == from->specs);
    for (size_t i = 0; i < from->count; i++) {
        switch (from->specs[i].kind) {
        case NATIVE_FIXED:
        case NATIVE_NULLABLE_FIXED:
            add_fixed(native, from, i, keep);
            break;
        case NATIVE_STRING:
            add_strings(native, from, i, keep);
            break;
        case NATIVE_LOW_CARDINALITY:
            add_low_cardinality(native, from, i, keep);
            break;
        case NATIVE_MAP:
            add_maps(native, from, i, keep);
            break;
        case NATIVE_CONSTANT:
            break;
        }
    }
    for (size_t i = 0; i < from->rows; i++)
        native->rows += keep[i] != 0;
    native->version++;
}

/* --- writing -------------------------------------------------------------- */

static void put_u64(struct pp_buf *out, uint64_t value)
{
    pp_buf_add(out, &value, sizeof(value));
}

/* Indexes as narrow as the dictionary lets them be. */
static void write_indexes(const struct column *column, size_t rows,
                          unsigned width, struct pp_buf *out)
{
    char *to = pp_buf_room(out, rows << width);
    uint32_t index;

    if (!to)
        return;
    for (size_t i = 0; i < rows; i++) {
        memcpy(&index, column->indexes.p + i * sizeof(index), sizeof(index));
        memcpy(to, &index, (size_t)1 << width); /* little-endian */
        to += (size_t)1 << width;
    }
    pp_buf_grew(out, rows << width);
}

static void write_low_cardinality(const struct column *column, size_t rows,
                                  struct pp_buf *out)
{
    size_t keys = column->dictionary.key_count;
    unsigned width = keys <= 0x100 ? 0 : keys <= 0x10000 ? 1 : 2;

    put_u64(out, LOW_VERSION);
    put_u64(out, LOW_FLAGS | width);
    put_u64(out, keys);
    pp_buf_add(out, column->data.p, column->data.n);
    put_u64(out, rows);
    write_indexes(column, rows, width, out);
}

void native_write_column(const struct native *native, size_t i,
                         struct pp_buf *out)
{
    const struct native_column *spec = &native->specs[i];
    const struct column *column = &native->columns[i];

    put_string(out, pp_str_of(spec->name));
    put_string(out, pp_str_of(column->type));
    switch (spec->kind) {
    case NATIVE_LOW_CARDINALITY:
        write_low_cardinality(column, native->rows, out);
        return;
    case NATIVE_NULLABLE_FIXED:
        pp_buf_add(out, column->nulls.p, column->nulls.n);
        break;
    case NATIVE_MAP:
        pp_buf_add(out, column->offsets.p, column->offsets.n);
        break;
    case NATIVE_CONSTANT:
        for (size_t row = 0; row < native->rows; row++)
            pp_buf_add(out, column->data.p, spec->bytes);
        return;
    case NATIVE_FIXED:
    case NATIVE_STRING:
        break;
    }
    pp_buf_add(out, column->data.p, column->data.n);
    pp_buf_add(out, column->values.p, column->values.n);
}

size_t native_columns(const struct native *native)
{
    return native->rows ? native->count : 0;
}

bool native_is_constant(const struct native *native, size_t column)
{
    return native->specs[column].kind == NATIVE_CONSTANT;
}

void native_write_head(const struct native *native, struct pp_buf *out)
{
    put_varint(out, native->count);
    put_varint(out, native->rows);
}

void native_write(const struct native *native, struct pp_buf *out)
{
    native_write_head(native, out);
    for (size_t i = 0; i < native_columns(native); i++)
        native_write_column(native, i, out);
}
