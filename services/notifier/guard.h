#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "pp_err.h"

/*
 * Which addresses a customer's webhook may lead to: those of the public
 * internet. Private, loopback, link-local, shared (CGNAT), multicast, reserved
 * and documentation networks are not, nor what carries an IPv4 address of
 * those within an IPv6 one. What an operator allows besides is a list of
 * networks. Pure; any thread.
 */
#define GUARD_NETWORKS_MAX 32

struct guard_network {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;
};

struct guard {
    struct guard_network allowed[GUARD_NETWORKS_MAX];
    size_t count;
};

/*
 * list is networks such as "10.0.0.0/8 fd00::/8", apart by blanks or commas;
 * an address alone is a network of one. PP_ERR_FATAL names what is none.
 */
int guard_read(struct guard *guard, const char *list, struct pp_err *err);

bool guard_allows(const struct guard *guard, const struct sockaddr *address);

/* Is it one of the networks that the operator allows? */
bool guard_lists(const struct guard *guard, const struct sockaddr *address);

#endif
