/* Bounds of Winograd convolution. */
#include "kern/wino_bound.h"

#include <math.h>
#include <stdbool.h>

enum { EDGE = 6, MOST = EDGE * EDGE };

/* Written out from the points 0, 1, -1, infinity and 0, 2/3, -2/3, 3/2, -3/2, infinity; of stride 2 from 0, 1, infinity
 * for the outer weights, and the two products of the middle one. */
struct matrix {
    int rows, cols;
    double at[EDGE][EDGE];
};
struct algorithm {
    struct matrix output, filter, input; /* A^T, G, B^T */
    int step;                            /* inputs from one tile to the next */
};
static const struct algorithm f2 = {
    .output = {2, 4, {{1, 1, 1, 0}, {0, 1, -1, -1}}},
    .filter = {4, 3, {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}},
    .input = {4, 4, {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}}},
    .step = 2,
};
static const struct algorithm f4 = {
    .output = {4,
               6,
               {{1, 1, 1, 1, 1, 0},
                {0, 2. / 3, -2. / 3, 3. / 2, -3. / 2, 0},
                {0, 4. / 9, 4. / 9, 9. / 4, 9. / 4, 0},
                {0, 8. / 27, -8. / 27, 27. / 8, -27. / 8, 1}}},
    .filter = {6,
               3,
               {{1, 0, 0},
                {-81. / 130, -27. / 65, -18. / 65},
                {-81. / 130, 27. / 65, -18. / 65},
                {8. / 65, 12. / 65, 18. / 65},
                {8. / 65, -12. / 65, 18. / 65},
                {0, 0, 1}}},
    .input = {6,
              6,
              {{1, 0, -97. / 36, 0, 1, 0},
               {0, -3. / 2, -9. / 4, 2. / 3, 1, 0},
               {0, 3. / 2, -9. / 4, -2. / 3, 1, 0},
               {0, -2. / 3, -4. / 9, 3. / 2, 1, 0},
               {0, 2. / 3, -4. / 9, -3. / 2, 1, 0},
               {0, 1, 0, -97. / 36, 0, 1}}},
    .step = 4,
};
static const struct algorithm s2 = {
    .output = {2, 5, {{1, 1, 0, 1, 0}, {0, 1, 1, 0, 1}}},
    .filter = {5, 3, {{1, 0, 0}, {1, 0, 1}, {0, 0, 1}, {0, 1, 0}, {0, 1, 0}}},
    .input = {5, 5, {{1, 0, -1, 0, 0}, {0, 0, 1, 0, 0}, {0, 0, -1, 0, 1}, {0, 1, 0, 0, 0}, {0, 0, 0, 1, 0}}},
    .step = 4,
};
static const struct algorithm t2 = {
    .output = {4, 5, {{0, 0, 0, 1, 0}, {1, 1, 0, 0, 0}, {0, 0, 0, 0, 1}, {0, 1, 1, 0, 0}}},
    .filter = {5, 3, {{1, 0, 0}, {1, 0, 1}, {0, 0, 1}, {0, 1, 0}, {0, 1, 0}}},
    .input = {5, 3, {{1, -1, 0}, {0, 1, 0}, {0, -1, 1}, {1, 0, 0}, {0, 1, 0}}},
    .step = 2,
};

static const struct algorithm *algorithm(enum sk_wino_alg alg)
{
    static const struct algorithm *const all[SK_WINO_ALGS] = {&f2, &f4, &s2, &t2};
    return all[alg];
}

static double entry(const struct matrix *t, bool transposed, int i, int j)
{
    return transposed ? t->at[j][i] : t->at[i][j];
}

/* A square of numbers and what stands for their absolute values. */
struct patch {
    double value[MOST], size[MOST];
};

/* T in T^T, or with T^T in place of T. */
static void transform(const struct matrix *t, bool transposed, const struct patch *in, struct patch *out)
{
    int rows = transposed ? t->cols : t->rows, cols = transposed ? t->rows : t->cols;
    struct patch half = {0};
    *out = (struct patch){0};
    for (int i = 0; i < rows; i++)
        for (int l = 0; l < cols; l++) {
            double e = entry(t, transposed, i, l);
            for (int j = 0; j < cols && e != 0; j++) {
                half.value[i * cols + j] += e * in->value[l * cols + j];
                half.size[i * cols + j] += fabs(e) * in->size[l * cols + j];
            }
        }
    for (int j = 0; j < rows; j++)
        for (int l = 0; l < cols; l++) {
            double e = entry(t, transposed, j, l);
            for (int i = 0; i < rows && e != 0; i++) {
                out->value[i * rows + j] += e * half.value[i * cols + l];
                out->size[i * rows + j] += fabs(e) * half.size[i * cols + l];
            }
        }
}

/* A picture of one tensor: [n][height][width][channels]. */
struct side {
    const double *from, *size;
    int height, width, channels;
};

/* The square of edge x edge that begins at row, col; zero outside the picture. */
static struct patch window(const struct side *x, int n, int row, int col, int channel, int edge)
{
    struct patch p = {0};
    for (int i = 0; i < edge; i++)
        for (int j = 0; j < edge; j++) {
            int h = row + i, w = col + j;
            if (h < 0 || h >= x->height || w < 0 || w >= x->width)
                continue;
            size_t at = conv_at(n, h, x->height, w, x->width, channel, x->channels);
            p.value[i * edge + j] = x->from[at];
            p.size[i * edge + j] = x->size != NULL ? x->size[at] : fabs(x->from[at]);
        }
    return p;
}

/* Sums of products, point by point. */
struct products {
    double size[MOST], rounded[MOST];
    size_t terms;
};

static void multiply(struct products *m, const struct patch *a, const struct patch *b, int points)
{
    for (int i = 0; i < points; i++) {
        m->size[i] += a->size[i] * b->size[i];
        m->rounded[i] += fabs(a->value[i] * b->value[i]);
    }
    m->terms++;
}

/* Result (row, col) of T m T^T or T^T m T.
 *
 * Roundings on the longest way, each transform being done twice: 3 in B^T (a coefficient, a multiply-add, an addition),
 * 5 in G (a coefficient that is a product of two rounded ones counts three), 4 in A^T; in the gradient of the weights
 * 3, 4 in A and 6 in G^T; 3 where x is made on load (scale, shift and a multiply-add). */
static struct wino_bound finish(const struct products *m, const struct matrix *t, bool transposed, int row, int col)
{
    const double transforms = 2 * (3 + 4 + 6) + 3, half_step = 0x1p-24, half_step_bf16 = 0x1p-8;
    int points = transposed ? t->rows : t->cols;
    double size = 0, rounded = 0;
    for (int i = 0; i < points; i++)
        for (int j = 0; j < points; j++) {
            double e = fabs(entry(t, transposed, row, i) * entry(t, transposed, col, j));
            size += e * m->size[i * points + j];
            rounded += e * m->rounded[i * points + j];
        }
    return (struct wino_bound){.f32 = (transforms + 2 * (1 + sqrt((double)m->terms))) * half_step * size,
                               .bf16 = (2 * half_step_bf16 + half_step_bf16 * half_step_bf16) * rounded};
}

/* Of the convolution of x with windows that begin border before it, by filters whose taps are those of w, or turned
 * around and their channels swapped: result [n][row][col][k]. */
static struct wino_bound convolution(enum sk_wino_alg alg, const struct side *x, int border, const double *w, bool flip,
                                     int filters, struct conv_index y)
{
    const struct algorithm *a = algorithm(alg);
    int m = a->output.rows, row = y.b / m * a->step - border, col = y.c / m * a->step - border;
    struct products sums = {0};
    for (int c = 0; c < x->channels; c++) {
        struct patch d = window(x, y.a, row, col, c, a->input.cols), g = {0}, u, v;
        for (int tap = 0; tap < 9; tap++) {
            g.value[tap] = flip ? w[((size_t)c * (size_t)filters + (size_t)y.d) * 9 + 8 - (size_t)tap]
                                : w[((size_t)y.d * (size_t)x->channels + (size_t)c) * 9 + (size_t)tap];
            g.size[tap] = fabs(g.value[tap]);
        }
        transform(&a->filter, false, &g, &u);
        transform(&a->input, false, &d, &v);
        multiply(&sums, &u, &v, a->input.rows * a->input.rows);
    }
    return finish(&sums, &a->output, false, y.b % m, y.c % m);
}

/* Of w[k][c][row][col]; the rows and columns below are of dy. */
static struct wino_bound grad_weight(enum sk_wino_alg alg, const struct side *x, const struct side *y, int images,
                                     int pad, struct conv_index w)
{
    const struct algorithm *a = algorithm(alg);
    struct products sums = {0};
    int m = a->output.rows;
    for (int n = 0; n < images; n++)
        for (int row = 0; row < y->height; row += m)
            for (int col = 0; col < y->width; col += m) {
                struct patch d = window(x, n, row / m * a->step - pad, col / m * a->step - pad, w.b, a->input.cols);
                struct patch dy = window(y, n, row, col, w.a, m), u, v;
                transform(&a->input, false, &d, &v);
                transform(&a->output, true, &dy, &u);
                multiply(&sums, &u, &v, a->input.rows * a->input.rows);
            }
    return finish(&sums, &a->filter, true, w.c, w.d);
}

struct wino_bound wino_bound_at(enum sk_wino_alg alg, enum conv_pass pass, const struct sk_conv_shape *s,
                                const struct conv_data *d, size_t i)
{
    struct side x = {d->x, d->x_size, s->h, s->w, s->c}, y = {d->y, NULL, s->p, s->q, s->k};
    if (pass == CONV_FORWARD)
        return convolution(alg, &x, s->pad, d->w, false, s->k, conv_index(i, s->p, s->q, s->k));
    if (pass == CONV_GRAD_DATA)
        return convolution(alg, &y, alg == SK_WINO_T2 ? 0 : 2 - s->pad, d->w, true, s->c,
                           conv_index(i, s->h, s->w, s->c));
    return grad_weight(alg, &x, &y, s->n, s->pad, conv_index(i, s->c, s->r, s->s));
}

/* Whether output i of a tile is what input at makes with a tap. */
static bool meets(enum sk_wino_alg alg, int i, int tap, int at)
{
    return alg == SK_WINO_T2 ? 2 * at == i - 1 + tap : at == (alg == SK_WINO_S2 ? 2 : 1) * i + tap;
}

double wino_bound_identity(enum sk_wino_alg alg)
{
    const struct algorithm *a = algorithm(alg);
    double worst = 0;
    for (int tap = 0; tap < 3; tap++)
        for (int at = 0; at < a->input.cols; at++)
            for (int i = 0; i < a->output.rows; i++) {
                double y = 0;
                for (int p = 0; p < a->input.rows; p++)
                    y += a->output.at[i][p] * a->filter.at[p][tap] * a->input.at[p][at];
                worst = fmax(worst, fabs(y - (meets(alg, i, tap, at) ? 1 : 0)));
            }
    return worst;
}
