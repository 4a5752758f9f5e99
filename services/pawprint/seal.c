#include "seal.h"

#include <string.h>

#include <sodium.h>
#include <zstd.h>

#define MAGIC     "PPB1"
#define ID_BYTES  ((size_t)8)
#define HEAD      (sizeof(MAGIC) - 1 + 1 + ID_BYTES)
#define CHUNK     ((size_t)64 << 10)
#define LEVEL     3
#define TAG       crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
#define TAG_LAST  crypto_secretstream_xchacha20poly1305_TAG_FINAL
#define MORE      ((size_t)crypto_secretstream_xchacha20poly1305_ABYTES)
#define HEADER    ((size_t)crypto_secretstream_xchacha20poly1305_HEADERBYTES)
#define PLAIN_MAX ((size_t)1 << 31)

typedef crypto_secretstream_xchacha20poly1305_state stream;

static const unsigned char *bytes_of(struct pp_str text)
{
    return (const unsigned char *)text.p;
}

int seal_key_read(struct pp_str text, struct seal_key *key_out,
                  struct pp_err *err)
{
    size_t n = 0;

    *key_out = (struct seal_key){0};
    if (sodium_init() < 0)
        return pp_err_set(err, PP_ERR_FATAL, "libsodium does not start");
    if (text.n == 0)
        return 0;
    if (text.n != (size_t)2 * SEAL_KEY_BYTES ||
        sodium_hex2bin(key_out->bytes, sizeof(key_out->bytes), text.p, text.n,
                       NULL, &n, NULL) != 0 ||
        n != SEAL_KEY_BYTES)
        return pp_err_set(err, PP_ERR_FATAL,
                          "PAWPRINT_BACKUP_KEY has to be 64 hexadecimal "
                          "digits: openssl rand -hex 32");
    key_out->is_set = true;
    return 0;
}

/* Tells keys apart, and says nothing about them. */
static void key_id(const struct seal_key *key, unsigned char id[ID_BYTES])
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    static const unsigned char what[] = "pawprint backup key";

    memset(id, 0, ID_BYTES);
    if (!key->is_set)
        return;
    crypto_generichash(hash, sizeof(hash), what, sizeof(what) - 1, key->bytes,
                       sizeof(key->bytes));
    memcpy(id, hash, ID_BYTES);
}

static int compress_into(struct pp_str plain, struct pp_buf *out,
                         struct pp_err *err)
{
    char *room = pp_buf_room(out, ZSTD_compressBound(plain.n));
    size_t n;

    if (!room)
        return pp_err_set(err, PP_ERR_INVALID, "a piece is too large");
    n = ZSTD_compress(room, ZSTD_compressBound(plain.n), plain.p, plain.n,
                      LEVEL);
    if (ZSTD_isError(n))
        return pp_err_set(err, PP_ERR_FATAL, "zstd: %s", ZSTD_getErrorName(n));
    pp_buf_grew(out, n);
    return 0;
}

static void encrypt_into(const struct seal_key *key, struct pp_str name,
                         struct pp_str packed, struct pp_buf *out)
{
    unsigned char header[HEADER], chunk[CHUNK + MORE];
    struct pp_str part;
    size_t at = 0;
    stream s;

    crypto_secretstream_xchacha20poly1305_init_push(&s, header, key->bytes);
    pp_buf_add(out, header, sizeof(header));
    do {
        part = pp_str_sub(packed, at, CHUNK);
        at += part.n;
        crypto_secretstream_xchacha20poly1305_push(
            &s, chunk, NULL, bytes_of(part), part.n, bytes_of(name), name.n,
            at < packed.n ? TAG : TAG_LAST);
        pp_buf_add(out, chunk, part.n + MORE);
    } while (at < packed.n);
    sodium_memzero(&s, sizeof(s));
}

int seal_close(const struct seal_key *key, struct pp_str name,
               struct pp_str plain, struct pp_buf *out, struct pp_err *err)
{
    unsigned char id[ID_BYTES];
    struct pp_buf packed;
    int result;

    key_id(key, id);
    pp_buf_reset(out);
    pp_buf_add_text(out, MAGIC);
    pp_buf_add_byte(out, key->is_set ? 'e' : 'p');
    pp_buf_add(out, id, sizeof(id));
    pp_buf_init(&packed, key->is_set ? PLAIN_MAX : 0);
    result = compress_into(plain, key->is_set ? &packed : out, err);
    if (result == 0 && key->is_set)
        encrypt_into(key, name, pp_buf_str(&packed), out);
    pp_buf_fini(&packed);
    if (result == 0 && out->overflow)
        return pp_err_set(err, PP_ERR_INVALID, "a piece is too large");
    return result;
}

static int damaged(struct pp_str name, struct pp_err *err)
{
    return pp_err_set(err, PP_ERR_INVALID, "%.*s is damaged or cut",
                      PP_ARG(name));
}

static int head_check(const struct seal_key *key, struct pp_str name,
                      struct pp_str sealed, struct pp_err *err)
{
    unsigned char id[ID_BYTES];
    bool encrypted;

    if (sealed.n < HEAD || !pp_str_starts(sealed, PP_LIT(MAGIC)) ||
        (sealed.p[4] != 'e' && sealed.p[4] != 'p'))
        return damaged(name, err);
    encrypted = sealed.p[4] == 'e';
    if (encrypted && !key->is_set)
        return pp_err_set(err, PP_ERR_DENIED,
                          "%.*s is encrypted, and PAWPRINT_BACKUP_KEY is not "
                          "set",
                          PP_ARG(name));
    if (!encrypted && key->is_set)
        return pp_err_set(err, PP_ERR_DENIED,
                          "%.*s is not encrypted, though there is a key: "
                          "anybody may have written it",
                          PP_ARG(name));
    key_id(key, id);
    if (memcmp(sealed.p + HEAD - ID_BYTES, id, ID_BYTES) != 0)
        return pp_err_set(err, PP_ERR_DENIED,
                          "%.*s was encrypted with another key than "
                          "PAWPRINT_BACKUP_KEY",
                          PP_ARG(name));
    return 0;
}

/* False: a chunk is not what was written, or the last one is missing. */
static bool decrypt_into(const struct seal_key *key, struct pp_str name,
                         struct pp_str sealed, struct pp_buf *out)
{
    unsigned char chunk[CHUNK], tag = TAG;
    unsigned long long n;
    bool good = true;
    size_t at = HEADER;
    stream s;

    if (sealed.n < HEADER || crypto_secretstream_xchacha20poly1305_init_pull(
                                 &s, bytes_of(sealed), key->bytes) != 0)
        return false;
    while (good && at < sealed.n && tag != TAG_LAST) {
        struct pp_str part = pp_str_sub(sealed, at, CHUNK + MORE);

        good = part.n >= MORE && crypto_secretstream_xchacha20poly1305_pull(
                                     &s, chunk, &n, &tag, bytes_of(part),
                                     part.n, bytes_of(name), name.n) == 0;
        at += part.n;
        if (good)
            pp_buf_add(out, chunk, (size_t)n);
    }
    sodium_memzero(&s, sizeof(s));
    return good && tag == TAG_LAST && at == sealed.n && !out->overflow;
}

static int unpack(struct pp_str name, struct pp_str packed, struct pp_buf *out,
                  struct pp_err *err)
{
    unsigned long long size = ZSTD_getFrameContentSize(packed.p, packed.n);
    char *room;
    size_t n;

    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ||
        size > out->max)
        return damaged(name, err);
    if (size == 0)
        return 0;
    room = pp_buf_room(out, (size_t)size);
    n = room ? ZSTD_decompress(room, (size_t)size, packed.p, packed.n) : 0;
    if (!room || ZSTD_isError(n) || n != size)
        return damaged(name, err);
    pp_buf_grew(out, n);
    return 0;
}

int seal_open(const struct seal_key *key, struct pp_str name,
              struct pp_str sealed, struct pp_buf *out, struct pp_err *err)
{
    struct pp_buf packed;
    int result;

    pp_buf_reset(out);
    if (head_check(key, name, sealed, err) < 0)
        return -1;
    sealed = pp_str_sub(sealed, HEAD, sealed.n);
    if (!key->is_set)
        return unpack(name, sealed, out, err);
    pp_buf_init(&packed, PLAIN_MAX);
    if (decrypt_into(key, name, sealed, &packed))
        result = unpack(name, pp_buf_str(&packed), out, err);
    else
        result = damaged(name, err);
    pp_buf_fini(&packed);
    return result;
}

void seal_sha256(struct pp_str bytes, char hex_out[static SEAL_SHA_BYTES])
{
    unsigned char hash[crypto_hash_sha256_BYTES];

    crypto_hash_sha256(hash, bytes_of(bytes), bytes.n);
    sodium_bin2hex(hex_out, SEAL_SHA_BYTES, hash, sizeof(hash));
}
