/* Inside kern: the one-dimensional transforms of Winograd convolution on vectors of the including file's width. The
 * algorithm is a constant at every call. Points as in wino.h; with a = 2/3 and b = 3/2, a * b = 1 drops out. */
#ifndef SKUA_KERN_WINO_TRANSFORM_H
#define SKUA_KERN_WINO_TRANSFORM_H

#include "kern/scalar.h"

#define WINO_A  (2.0f / 3.0f)
#define WINO_B  1.5f
#define WINO_A2 (4.0f / 9.0f)
#define WINO_B2 2.25f
#define WINO_A3 (8.0f / 27.0f)
#define WINO_B3 3.375f
#define WINO_AB (97.0f / 36.0f) /* a^2 + b^2 */
/* 1 / (2 a^2 (a^2 - b^2)), 1 / (2 b^2 (b^2 - a^2)) */
#define WINO_FA (-81.0f / 130.0f)
#define WINO_FB (8.0f / 65.0f)

/* Along an axis of a tile: inputs, points, outputs, and inputs from one tile to the next. */
SK_INLINE int wino_ins(enum sk_wino_alg a)
{
    return a == SK_WINO_F2 ? 4 : a == SK_WINO_F4 ? 6 : a == SK_WINO_S2 ? 5 : 3;
}

SK_INLINE int wino_points(enum sk_wino_alg a)
{
    return a == SK_WINO_F2 ? 4 : a == SK_WINO_F4 ? 6 : 5;
}

SK_INLINE int wino_outs(enum sk_wino_alg a)
{
    return a == SK_WINO_F2 || a == SK_WINO_S2 ? 2 : 4;
}

SK_INLINE int wino_step(enum sk_wino_alg a)
{
    return a == SK_WINO_F2 || a == SK_WINO_T2 ? 2 : 4;
}

/* B^T d: inputs to points. Of stride 2 three points are those of the outer weights, two the pixels of the middle one.
 */
SK_INLINE void wino_input(enum sk_wino_alg a, const sk_vec *d, sk_vec *o)
{
    if (a == SK_WINO_S2) {
        o[0] = sk_vsub(d[0], d[2]);
        o[1] = d[2];
        o[2] = sk_vsub(d[4], d[2]);
        o[3] = d[1];
        o[4] = d[3];
        return;
    }
    if (a == SK_WINO_T2) {
        o[0] = sk_vsub(d[0], d[1]);
        o[1] = d[1];
        o[2] = sk_vsub(d[2], d[1]);
        o[3] = d[0];
        o[4] = d[1];
        return;
    }
    if (a == SK_WINO_F2) {
        o[0] = sk_vsub(d[0], d[2]);
        o[1] = sk_vadd(d[1], d[2]);
        o[2] = sk_vsub(d[2], d[1]);
        o[3] = sk_vsub(d[1], d[3]);
        return;
    }
    sk_vec one = sk_vset1(WINO_A), two = sk_vset1(WINO_B), a2 = sk_vset1(WINO_A2), b2 = sk_vset1(WINO_B2);
    sk_vec ab = sk_vset1(WINO_AB);
    sk_vec even_a = sk_vfnma(b2, d[2], d[4]), odd_a = sk_vfnma(b2, d[1], d[3]);
    sk_vec even_b = sk_vfnma(a2, d[2], d[4]), odd_b = sk_vfnma(a2, d[1], d[3]);
    o[0] = sk_vadd(d[0], sk_vfnma(ab, d[2], d[4]));
    o[1] = sk_vfma(one, odd_a, even_a);
    o[2] = sk_vfnma(one, odd_a, even_a);
    o[3] = sk_vfma(two, odd_b, even_b);
    o[4] = sk_vfnma(two, odd_b, even_b);
    o[5] = sk_vadd(d[1], sk_vfnma(ab, d[3], d[5]));
}

/* A^T v: points to outputs */
SK_INLINE void wino_output(enum sk_wino_alg a, const sk_vec *v, sk_vec *y)
{
    if (a == SK_WINO_S2) {
        y[0] = sk_vadd(sk_vadd(v[0], v[1]), v[3]);
        y[1] = sk_vadd(sk_vadd(v[1], v[2]), v[4]);
        return;
    }
    if (a == SK_WINO_T2) {
        y[0] = v[3];
        y[1] = sk_vadd(v[0], v[1]);
        y[2] = v[4];
        y[3] = sk_vadd(v[1], v[2]);
        return;
    }
    sk_vec s = sk_vadd(v[1], v[2]), d = sk_vsub(v[1], v[2]);
    if (a == SK_WINO_F2) {
        y[0] = sk_vadd(v[0], s);
        y[1] = sk_vsub(d, v[3]);
        return;
    }
    sk_vec s2 = sk_vadd(v[3], v[4]), d2 = sk_vsub(v[3], v[4]);
    y[0] = sk_vadd(sk_vadd(v[0], s), s2);
    y[1] = sk_vfma(sk_vset1(WINO_B), d2, sk_vmul(sk_vset1(WINO_A), d));
    y[2] = sk_vfma(sk_vset1(WINO_B2), s2, sk_vmul(sk_vset1(WINO_A2), s));
    y[3] = sk_vfma(sk_vset1(WINO_B3), d2, sk_vfma(sk_vset1(WINO_A3), d, v[5]));
}

/* A y: outputs to points */
SK_INLINE void wino_grad_output(enum sk_wino_alg a, const sk_vec *y, sk_vec *o)
{
    if (a == SK_WINO_S2) {
        o[0] = o[3] = y[0];
        o[1] = sk_vadd(y[0], y[1]);
        o[2] = o[4] = y[1];
        return;
    }
    if (a == SK_WINO_F2) {
        o[0] = y[0];
        o[1] = sk_vadd(y[0], y[1]);
        o[2] = sk_vsub(y[0], y[1]);
        o[3] = sk_vsub(sk_vzero(), y[1]);
        return;
    }
    sk_vec even_a = sk_vfma(sk_vset1(WINO_A2), y[2], y[0]), even_b = sk_vfma(sk_vset1(WINO_B2), y[2], y[0]);
    sk_vec odd_a = sk_vfma(sk_vset1(WINO_A3), y[3], sk_vmul(sk_vset1(WINO_A), y[1]));
    sk_vec odd_b = sk_vfma(sk_vset1(WINO_B3), y[3], sk_vmul(sk_vset1(WINO_B), y[1]));
    o[0] = y[0];
    o[1] = sk_vadd(even_a, odd_a);
    o[2] = sk_vsub(even_a, odd_a);
    o[3] = sk_vadd(even_b, odd_b);
    o[4] = sk_vsub(even_b, odd_b);
    o[5] = y[3];
}

/* What is read from a tile to points: of x, or of dy. */
SK_INLINE void wino_transform(enum sk_wino_alg a, bool dy, const sk_vec *d, sk_vec *o)
{
    if (dy)
        wino_grad_output(a, d, o);
    else
        wino_input(a, d, o);
}

/* G g: 3 weights to points */
SK_INLINE void wino_filter(enum sk_wino_alg a, const sk_vec *g, sk_vec *o)
{
    if (a == SK_WINO_S2 || a == SK_WINO_T2) {
        o[0] = g[0];
        o[1] = sk_vadd(g[0], g[2]);
        o[2] = g[2];
        o[3] = o[4] = g[1];
        return;
    }
    if (a == SK_WINO_F2) {
        sk_vec half = sk_vset1(0.5f), s = sk_vmul(half, sk_vadd(g[0], g[2])), h = sk_vmul(half, g[1]);
        o[0] = g[0];
        o[1] = sk_vadd(s, h);
        o[2] = sk_vsub(s, h);
        o[3] = g[2];
        return;
    }
    sk_vec fa = sk_vset1(WINO_FA), fb = sk_vset1(WINO_FB);
    sk_vec even_a = sk_vfma(sk_vset1(WINO_A2 * WINO_FA), g[2], sk_vmul(fa, g[0]));
    sk_vec even_b = sk_vfma(sk_vset1(WINO_B2 * WINO_FB), g[2], sk_vmul(fb, g[0]));
    sk_vec odd_a = sk_vset1(WINO_A * WINO_FA), odd_b = sk_vset1(WINO_B * WINO_FB);
    o[0] = g[0];
    o[1] = sk_vfma(odd_a, g[1], even_a);
    o[2] = sk_vfnma(odd_a, g[1], even_a);
    o[3] = sk_vfma(odd_b, g[1], even_b);
    o[4] = sk_vfnma(odd_b, g[1], even_b);
    o[5] = g[2];
}

/* G^T u: points to 3 weights */
SK_INLINE void wino_grad_filter(enum sk_wino_alg a, const sk_vec *u, sk_vec *g)
{
    if (a == SK_WINO_S2) {
        g[0] = sk_vadd(u[0], u[1]);
        g[1] = sk_vadd(u[3], u[4]);
        g[2] = sk_vadd(u[1], u[2]);
        return;
    }
    sk_vec s = sk_vadd(u[1], u[2]), d = sk_vsub(u[1], u[2]);
    if (a == SK_WINO_F2) {
        sk_vec half = sk_vset1(0.5f), h = sk_vmul(half, s);
        g[0] = sk_vadd(u[0], h);
        g[1] = sk_vmul(half, d);
        g[2] = sk_vadd(h, u[3]);
        return;
    }
    sk_vec s2 = sk_vadd(u[3], u[4]), d2 = sk_vsub(u[3], u[4]);
    g[0] = sk_vfma(sk_vset1(WINO_FA), s, sk_vfma(sk_vset1(WINO_FB), s2, u[0]));
    g[1] = sk_vfma(sk_vset1(WINO_A * WINO_FA), d, sk_vmul(sk_vset1(WINO_B * WINO_FB), d2));
    g[2] = sk_vfma(sk_vset1(WINO_A2 * WINO_FA), s, sk_vfma(sk_vset1(WINO_B2 * WINO_FB), s2, u[5]));
}

#endif
