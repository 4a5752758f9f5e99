#include "pp_cityhash.h"

#include <string.h>

/* Primes with bits spread evenly, as the algorithm has them. */
#define K0   UINT64_C(0xc3a5c85c97cb3127)
#define K1   UINT64_C(0xb492b66fbe98f273)
#define K2   UINT64_C(0x9ae16a3b2f90404f)
#define K3   UINT64_C(0xc949d7c7509e6557)
#define KMUL UINT64_C(0x9ddfea08eb382d69)

struct pair {
    uint64_t first, second;
};

static uint64_t load64(const unsigned char *p)
{
    uint64_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

static uint64_t load32(const unsigned char *p)
{
    uint32_t value;

    memcpy(&value, p, sizeof(value));
    return value;
}

/* shift is 1 to 63. */
static uint64_t rotate(uint64_t value, unsigned shift)
{
    return value >> shift | value << (64 - shift);
}

static uint64_t shift_mix(uint64_t value)
{
    return value ^ value >> 47;
}

static uint64_t mix2(uint64_t low, uint64_t high)
{
    uint64_t a = shift_mix((low ^ high) * KMUL);

    return shift_mix((high ^ a) * KMUL) * KMUL;
}

/* Up to 16 bytes, into 64 bits. */
static uint64_t hash_few(const unsigned char *p, size_t n)
{
    if (n > 8) {
        uint64_t last = load64(p + n - 8);

        return mix2(load64(p), rotate(last + n, (unsigned)n)) ^ last;
    }
    if (n >= 4)
        return mix2(n + (load32(p) << 3), load32(p + n - 4));
    if (n > 0) {
        uint32_t y = p[0] + ((uint32_t)p[n >> 1] << 8);
        uint32_t z = (uint32_t)n + ((uint32_t)p[n - 1] << 2);

        return shift_mix(y * K2 ^ z * K3) * K2;
    }
    return K2;
}

/* Folds 32 bytes into two seeds. */
static struct pair fold32(const unsigned char *p, uint64_t a, uint64_t b)
{
    uint64_t first = a + load64(p), z = load64(p + 24);
    uint64_t sum = first + load64(p + 8) + load64(p + 16);

    b = rotate(b + first + z, 21);
    return (struct pair){sum + z, b + rotate(sum, 44) + first};
}

/* Less than 128 bytes. */
static struct pp_city128 hash_short(const unsigned char *p, size_t n,
                                    uint64_t a, uint64_t b)
{
    uint64_t c, d;

    if (n <= 16) {
        a = shift_mix(a * K1) * K1;
        c = b * K1 + hash_few(p, n);
        d = shift_mix(a + (n >= 8 ? load64(p) : c));
    } else {
        c = mix2(load64(p + n - 8) + K1, a);
        d = mix2(b + n, c + load64(p + n - 16));
        a += d;
        for (size_t at = 0; at + 16 < n; at += 16) {
            a = (a ^ shift_mix(load64(p + at) * K1) * K1) * K1;
            b ^= a;
            c = (c ^ shift_mix(load64(p + at + 8) * K1) * K1) * K1;
            d ^= c;
        }
    }
    a = mix2(a, c);
    b = mix2(d, b);
    return (struct pp_city128){a ^ b, mix2(b, a)};
}

struct lanes {
    uint64_t x, y, z;
    struct pair v, w;
};

static void take64(struct lanes *l, const unsigned char *p)
{
    uint64_t x = rotate(l->x + l->y + l->v.first + load64(p + 16), 37) * K1;
    uint64_t y = rotate(l->y + l->v.second + load64(p + 48), 42) * K1;
    uint64_t z = rotate(l->z ^ l->w.first, 33);

    x ^= l->w.second;
    y ^= l->v.first;
    l->v = fold32(p, l->v.second * K1, x + l->w.first);
    l->w = fold32(p + 32, z + l->w.second, y);
    l->x = z;
    l->y = y;
    l->z = x;
}

/* What is left behind the last 128, from its end; reads before it as well. */
static void take_rest(struct lanes *l, const unsigned char *p, size_t n)
{
    l->y += rotate(l->w.first, 37) * K0 + l->z;
    l->x += rotate(l->v.first + l->z, 49) * K0;
    for (size_t done = 0; done < n;) {
        done += 32;
        l->y = rotate(l->y - l->x, 42) * K0 + l->v.second;
        l->w.first += load64(p + n - done + 16);
        l->x = rotate(l->x, 49) * K0 + l->w.first;
        l->w.first += l->v.first;
        l->v = fold32(p + n - done, l->v.first, l->v.second);
    }
}

static struct pp_city128 hash_long(const unsigned char *p, size_t n, uint64_t x,
                                   uint64_t y)
{
    struct lanes l = {.x = x, .y = y, .z = n * K1};

    l.v.first = rotate(y ^ K1, 49) * K1 + load64(p);
    l.v.second = rotate(l.v.first, 42) * K1 + load64(p + 8);
    l.w.first = rotate(y + l.z, 35) * K1 + x;
    l.w.second = rotate(x + load64(p + 88), 53) * K1;
    for (; n >= 128; n -= 128, p += 128) {
        take64(&l, p);
        take64(&l, p + 64);
    }
    take_rest(&l, p, n);
    x = mix2(l.x, l.v.first);
    y = mix2(l.y, l.w.first);
    return (struct pp_city128){mix2(x + l.v.second, l.w.second) + y,
                               mix2(x + l.w.second, y + l.v.second)};
}

struct pp_city128 pp_cityhash128(const void *bytes, size_t count)
{
    const unsigned char *p = bytes;

    if (count >= 144)
        return hash_long(p + 16, count - 16, load64(p) ^ K3, load64(p + 8));
    if (count >= 16)
        return hash_short(p + 16, count - 16, load64(p) ^ K3, load64(p + 8));
    if (count >= 8)
        return hash_short(p, 0, load64(p) ^ count * K0,
                          load64(p + count - 8) ^ K1);
    return hash_short(p, count, K0, K1);
}
