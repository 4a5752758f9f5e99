#include "pp_mem.h"
#include "seal.h"
#include "test.h"

#define MAX ((size_t)1 << 20)

static const struct pp_str name = {"data/1/a", 8};

static struct seal_key key_of(const char *digit)
{
    struct seal_key key;
    struct pp_err err = {0};
    char hex[65];

    for (size_t i = 0; i < 64; i++)
        hex[i] = digit[0];
    assert_int_equal(seal_key_read((struct pp_str){hex, 64}, &key, &err), 0);
    return key;
}

/* More than a chunk, and not all of it compressible. */
static struct pp_str some(char *bytes, size_t n)
{
    uint32_t x = 1;

    for (size_t i = 0; i < n; i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = (char)(x >> 24);
    }
    return (struct pp_str){bytes, n};
}

static void what_is_sealed_is_opened(void **state)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 200000};
    static char bytes[200000];
    const struct seal_key keys[] = {key_of("a"), {0}};
    struct pp_err err = {0};
    struct pp_buf sealed, out;

    (void)state;
    pp_buf_init(&sealed, MAX);
    pp_buf_init(&out, MAX);
    for (size_t i = 0; i < PP_COUNT(sizes) * 2; i++) {
        struct pp_str plain = some(bytes, sizes[i / 2]);

        assert_int_equal(seal_close(&keys[i % 2], name, plain, &sealed, &err),
                         0);
        if (seal_open(&keys[i % 2], name, pp_buf_str(&sealed), &out, &err) < 0)
            fail_msg("%s", err.msg);
        assert_true(pp_str_eq(pp_buf_str(&out), plain));
    }
    pp_buf_fini(&sealed);
    pp_buf_fini(&out);
}

static int open_kind(const struct seal_key *key, struct pp_str as,
                     struct pp_str sealed)
{
    struct pp_err err = {0};
    struct pp_buf out;
    int result;

    pp_buf_init(&out, MAX);
    result = seal_open(key, as, sealed, &out, &err);
    pp_buf_fini(&out);
    return result == 0 ? PP_ERR_NONE : (int)err.kind;
}

static void a_changed_bit_or_a_cut_is_found(void **state)
{
    static char bytes[70000];
    const struct seal_key key = key_of("a");
    struct pp_err err = {0};
    struct pp_buf sealed;

    (void)state;
    pp_buf_init(&sealed, MAX);
    assert_int_equal(
        seal_close(&key, name, some(bytes, sizeof(bytes)), &sealed, &err), 0);
    for (size_t i = 0; i < sealed.n; i += i < 60 ? 1 : 997) {
        sealed.p[i] ^= 1;
        if (open_kind(&key, name, pp_buf_str(&sealed)) == PP_ERR_NONE)
            fail_msg("a bit of byte %zu", i);
        sealed.p[i] ^= 1;
        if (open_kind(&key, name, (struct pp_str){sealed.p, i}) == PP_ERR_NONE)
            fail_msg("cut at byte %zu", i);
    }
    pp_buf_fini(&sealed);
}

static void another_key_is_told_from_damage(void **state)
{
    const struct seal_key key = key_of("a"), other = key_of("b"), none = {0};
    struct pp_err err = {0};
    struct pp_buf sealed;

    (void)state;
    pp_buf_init(&sealed, MAX);
    assert_int_equal(seal_close(&key, name, PP_LIT("text"), &sealed, &err), 0);
    assert_int_equal(open_kind(&other, name, pp_buf_str(&sealed)),
                     PP_ERR_DENIED);
    assert_int_equal(open_kind(&none, name, pp_buf_str(&sealed)),
                     PP_ERR_DENIED);
    assert_int_equal(open_kind(&key, PP_LIT("data/1/b"), pp_buf_str(&sealed)),
                     PP_ERR_INVALID);
    assert_int_equal(seal_close(&none, name, PP_LIT("text"), &sealed, &err), 0);
    assert_int_equal(open_kind(&key, name, pp_buf_str(&sealed)), PP_ERR_DENIED);
    pp_buf_fini(&sealed);
}

static void a_key_is_64_hexadecimal_digits(void **state)
{
    static const char *const wrong[] = {
        "a", "zz",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg"};
    struct pp_err err = {0};
    struct seal_key key;

    (void)state;
    for (size_t i = 0; i < PP_COUNT(wrong); i++)
        assert_int_equal(seal_key_read(pp_str_of(wrong[i]), &key, &err), -1);
    assert_int_equal(seal_key_read(pp_str_of(""), &key, &err), 0);
    assert_false(key.is_set);
}

int main(void)
{
    const struct CMUnitTest seal[] = {
        cmocka_unit_test(what_is_sealed_is_opened),
        cmocka_unit_test(a_changed_bit_or_a_cut_is_found),
        cmocka_unit_test(another_key_is_told_from_damage),
        cmocka_unit_test(a_key_is_64_hexadecimal_digits),
    };

    return cmocka_run_group_tests(seal, NULL, NULL);
}
