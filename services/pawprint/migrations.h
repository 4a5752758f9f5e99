#ifndef MIGRATIONS_H
#define MIGRATIONS_H

/* The numbered SQL of schemas/, put in here at build time by embed.py. */
struct migration {
    const char *store; /* postgres or clickhouse */
    int number;        /* from 1, per store */
    const char *name;  /* of the file */
    const char *sql;
};

/* In order, per store; ends with {0}. */
extern const struct migration migrations[];

#endif
