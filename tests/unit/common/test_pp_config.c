#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pp_config.h"

#include "test.h"

static struct {
    const char *brokers;
    const char *path;
    const char *password;
    int ack_ms;
    int port;
    bool strict;
    const char *colour;
} cfg;

static const char *no_colour(const char *text)
{
    return strcmp(text, "red") == 0 ? NULL : "has to be red";
}

static const struct pp_setting settings[] = {
    PP_STR("T_BROKERS", &cfg.brokers, NULL, "host:port of the brokers"),
    PP_STR("T_PATH", &cfg.path, "", "a|b"),
    PP_SECRET("T_PASSWORD", &cfg.password, "hush", "of the database"),
    PP_INT("T_ACK_MS", &cfg.ack_ms, "10000", "longest wait"),
    PP_INT_RANGE("T_PORT", &cfg.port, "8080", 1, 65535, "where it listens"),
    PP_BOOL("T_STRICT", &cfg.strict, "false", "refuses more"),
    PP_STR_CHECKED("T_COLOUR", &cfg.colour, "red", no_colour, "of the light"),
    {0},
};

static int fresh(void **state)
{
    (void)state;
    for (const struct pp_setting *s = settings; s->name; s++) {
        char file[64];

        (void)snprintf(file, sizeof(file), "%s_FILE", s->name);
        if (unsetenv(s->name) < 0 || unsetenv(file) < 0)
            return -1;
    }
    memset(&cfg, 0, sizeof(cfg));
    return setenv("T_BROKERS", "kafka:9092", 1);
}

static void set(const char *name, const char *value)
{
    assert_int_equal(setenv(name, value, 1), 0);
}

static void loads(void)
{
    struct pp_err err = {0};

    if (pp_config_load(settings, &err) < 0)
        fail_msg("%s", err.msg);
}

static void fails_with(const char *message)
{
    struct pp_err err = {0};

    assert_int_equal(pp_config_load(settings, &err), -1);
    assert_int_equal(err.kind, PP_ERR_FATAL);
    assert_string_equal(err.msg, message);
}

/* Makes a file of that content and points NAME_FILE at it. */
static void with_file(const char *name, const char *content, size_t n,
                      void (*check)(const char *), const char *expected)
{
    char path[] = "/tmp/test_pp_config.XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, n), n);
    assert_int_equal(close(fd), 0);
    set(name, path);
    check(expected);
    assert_int_equal(unlink(path), 0);
}

static void what_is_not_set_has_its_default(void **state)
{
    (void)state;
    set("T_PORT", "");
    loads();
    assert_string_equal(cfg.brokers, "kafka:9092");
    assert_string_equal(cfg.path, "");
    assert_string_equal(cfg.password, "hush");
    assert_int_equal(cfg.ack_ms, 10000);
    assert_int_equal(cfg.port, 8080);
    assert_false(cfg.strict);
}

static void what_is_set_is_taken(void **state)
{
    (void)state;
    set("T_PATH", "/data");
    set("T_PASSWORD", "s3cret");
    set("T_ACK_MS", "-1");
    set("T_PORT", "65535");
    set("T_STRICT", "Yes");
    set("T_COLOUR", "red");
    loads();
    assert_string_equal(cfg.path, "/data");
    assert_string_equal(cfg.password, "s3cret");
    assert_int_equal(cfg.ack_ms, -1);
    assert_int_equal(cfg.port, 65535);
    assert_true(cfg.strict);
    assert_string_equal(cfg.colour, "red");
}

static void a_wrong_value_is_named_and_not_shown(void **state)
{
    static const struct {
        const char *name, *value, *message;
    } cases[] = {
        {"T_BROKERS", "", "T_BROKERS has to be set"},
        {"T_PORT", "0", "T_PORT has to be a whole number from 1 to 65535"},
        {"T_PORT", "65536", "T_PORT has to be a whole number from 1 to 65535"},
        {"T_PORT", "80x", "T_PORT has to be a whole number from 1 to 65535"},
        {"T_ACK_MS", "2147483648",
         "T_ACK_MS has to be a whole number from -2147483648 to 2147483647"},
        {"T_STRICT", "maybe", "T_STRICT has to be true or false"},
        {"T_COLOUR", "blue", "T_COLOUR has to be red"},
        {"T_PASSWORD_FILE", "/nowhere/at/all",
         "T_PASSWORD_FILE: can't open the file: No such file or directory"},
        {"T_PASSWORD_FILE", "/tmp",
         "T_PASSWORD_FILE: can't read the file: Is a directory"},
        {"T_BROKERS_FILE", "/dev/null",
         "set T_BROKERS or T_BROKERS_FILE, not both"},
    };

    for (size_t i = 0; i < PP_COUNT(cases); i++) {
        assert_int_equal(fresh(state), 0);
        set(cases[i].name, cases[i].value);
        fails_with(cases[i].message);
    }
}

static void all_that_is_wrong_is_said_at_once(void **state)
{
    (void)state;
    set("T_BROKERS", "");
    set("T_STRICT", "2");
    fails_with("T_BROKERS has to be set; T_STRICT has to be true or false");
    set("T_ACK_MS", "a");
    set("T_PORT", "b");
    set("T_PASSWORD_FILE", "/dev/null");
    fails_with("T_BROKERS has to be set; "
               "T_PASSWORD_FILE: can't read the file: it is empty; "
               "T_ACK_MS has to be a whole number from -2147483648 to "
               "2147483647; T_PORT has to be a whole number from 1 to 65535; "
               "and 1 more");
}

static void is_the_password(const char *expected)
{
    loads();
    assert_string_equal(cfg.password, expected);
}

static void is_the_port(const char *expected)
{
    loads();
    assert_int_equal(cfg.port, atoi(expected));
}

static void a_file_gives_its_first_line(void **state)
{
    (void)state;
    with_file("T_PASSWORD_FILE", "one\r\ntwo\n", 9, is_the_password, "one");
    with_file("T_PASSWORD_FILE", " a b ", 5, is_the_password, " a b ");
    with_file("T_PORT_FILE", "", 0, fails_with,
              "T_PASSWORD_FILE: can't open the file: No such file or "
              "directory; T_PORT_FILE: can't read the file: it is empty");
    assert_int_equal(fresh(state), 0);
    with_file("T_PORT_FILE", "81\n", 3, is_the_port, "81");
    with_file("T_PORT_FILE", "\n81\n", 4, fails_with,
              "T_PORT_FILE: the file's first line is empty");
}

static void a_line_that_is_too_long_is_refused(void **state)
{
    static char text[10000];

    (void)state;
    memset(text, 'a', sizeof(text));
    with_file("T_PASSWORD_FILE", text, sizeof(text), fails_with,
              "T_PASSWORD_FILE: the file's first line is too long");
}

/* What a function prints; the caller frees it. */
static char *printed(void (*print)(const struct pp_setting *, FILE *))
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);

    assert_non_null(out);
    print(settings, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void the_help_is_aligned_and_tells_no_secret(void **state)
{
    char *text = printed(pp_config_help);

    (void)state;
    assert_string_equal(
        text, "  T_BROKERS   host:port of the brokers (required)\n"
              "  T_PATH      a|b (default: empty)\n"
              "  T_PASSWORD  of the database (default: not shown)\n"
              "  T_ACK_MS    longest wait (default: 10000)\n"
              "  T_PORT      where it listens (1 to 65535; default: 8080)\n"
              "  T_STRICT    refuses more (default: false)\n"
              "  T_COLOUR    of the light (default: red)\n");
    free(text);
}

static void the_documentation_is_a_table(void **state)
{
    char *text = printed(pp_config_markdown);

    (void)state;
    assert_string_equal(
        text,
        "| Variable | Value | Default | Meaning |\n"
        "|---|---|---|---|\n"
        "| `T_BROKERS` | text | required | host:port of the brokers |\n"
        "| `T_PATH` | text | empty | a\\|b |\n"
        "| `T_PASSWORD` | secret | not shown | of the database |\n"
        "| `T_ACK_MS` | number | `10000` | longest wait |\n"
        "| `T_PORT` | number from 1 to 65535 | `8080` | where it listens |\n"
        "| `T_STRICT` | true or false | `false` | refuses more |\n"
        "| `T_COLOUR` | text | `red` | of the light |\n");
    free(text);
}

static void a_choice_is_one_of_its_words_in_any_case(void **state)
{
    int mode = -1;
    const struct pp_setting choice[] = {
        PP_CHOICE("TEST_MODE", &mode, "enforce", "enforce observe off", "what"),
        {0},
    };
    struct pp_err err = {0};

    (void)state;
    unsetenv("TEST_MODE");
    assert_int_equal(pp_config_load(choice, &err), 0);
    assert_int_equal(mode, 0);
    setenv("TEST_MODE", "OFF", 1);
    assert_int_equal(pp_config_load(choice, &err), 0);
    assert_int_equal(mode, 2);
    setenv("TEST_MODE", "of", 1);
    assert_int_equal(pp_config_load(choice, &err), -1);
    assert_string_equal(err.msg,
                        "TEST_MODE has to be one of: enforce observe off");
    unsetenv("TEST_MODE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_is_one_of_its_words_in_any_case),
        cmocka_unit_test_setup(what_is_not_set_has_its_default, fresh),
        cmocka_unit_test_setup(what_is_set_is_taken, fresh),
        cmocka_unit_test_setup(a_wrong_value_is_named_and_not_shown, fresh),
        cmocka_unit_test_setup(all_that_is_wrong_is_said_at_once, fresh),
        cmocka_unit_test_setup(a_file_gives_its_first_line, fresh),
        cmocka_unit_test_setup(a_line_that_is_too_long_is_refused, fresh),
        cmocka_unit_test(the_help_is_aligned_and_tells_no_secret),
        cmocka_unit_test(the_documentation_is_a_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
