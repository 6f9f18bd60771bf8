/* Inside kern: rows of few channels joined into longer ones, so that vectors are full whatever c is. k rows of c
 * channels are one row of k * c channels whose per-channel values repeat; sums over channels fold back. */
#ifndef SKUA_KERN_JOIN_H
#define SKUA_KERN_JOIN_H

#include <string.h>

#include "kern/scalar.h"

enum { SK_JOIN = 256 }; /* longest joined row */

struct sk_join {
    size_t k;       /* rows joined */
    size_t rows, c; /* joined rows, and their channels */
    size_t rest;    /* elements after the last of them */
};

SK_INLINE struct sk_join sk_join_make(size_t rows, size_t c)
{
    size_t k = c < SK_JOIN ? SK_JOIN / c : 1;
    return (struct sk_join){k, rows / k, c * k, rows % k * c};
}

/* The per-channel values of a joined row: from itself, or its copies in to. */
SK_INLINE const float *sk_join_spread(const struct sk_join *j, const float *from, float to[SK_JOIN])
{
    size_t c = j->c / j->k;
    if (j->k == 1 || from == NULL)
        return from;
    memcpy(to, from, c * sizeof *to);
    for (size_t have = c; have < j->c; have *= 2) {
        size_t more = have < j->c - have ? have : j->c - have;
        memcpy(to + have, to, more * sizeof *to);
    }
    return to;
}

/* Where sums of a joined row are kept: to itself, or wide; zeroed. */
SK_INLINE float *sk_join_sums(const struct sk_join *j, float *to, float wide[SK_JOIN])
{
    float *sums = j->k == 1 ? to : wide;
    memset(sums, 0, j->c * sizeof *sums);
    return sums;
}

/* Sums of a joined row added up in to. */
SK_INLINE void sk_join_fold(const struct sk_join *j, const float *sums, float *to)
{
    size_t c = j->c / j->k;
    if (j->k == 1)
        return;
    memcpy(to, sums, c * sizeof *to);
    for (size_t i = 1; i < j->k; i++)
        for (size_t n = 0; n < c; n++)
            to[n] += sums[i * c + n];
}

#endif
