#include "pp_zone_alias.h"

/* The fields of a line; empty ones are as good as none. */
struct line {
    struct pp_str field[3];
};

static bool next_line(struct pp_str *rest, char separator, struct line *line)
{
    struct pp_str text;

    *line = (struct line){0};
    if (!pp_str_split(rest, '\n', &text))
        return false;
    for (int i = 0; i < 3; i++)
        if (!pp_str_split(&text, separator, &line->field[i]))
            break;
    return true;
}

static bool is_of_a_country(struct pp_str countries, struct pp_str name)
{
    struct line line;

    while (next_line(&countries, '\t', &line))
        if (!pp_str_starts(line.field[0], PP_LIT("#")) &&
            pp_str_eq(line.field[2], name))
            return true;
    return false;
}

struct pp_str pp_zone_alias(struct pp_str zones, struct pp_str countries,
                            struct pp_str name)
{
    struct line line;

    if (name.n == 0 || is_of_a_country(countries, name))
        return name;
    while (next_line(&zones, ' ', &line))
        if (pp_str_eq(line.field[0], PP_LIT("L")) &&
            pp_str_eq(line.field[2], name))
            return is_of_a_country(countries, line.field[1]) ? line.field[1]
                                                             : name;
    return name;
}
