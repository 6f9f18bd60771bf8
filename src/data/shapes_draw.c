/* Draws one picture of the built-in set: a figure over a textured background with clutter and noise. Every outline is a
 * signed distance in a frame where the figure has radius 1; coverage of a pixel is the distance clamped to one. */
#include "data/internal.h"

#include <math.h>
#include <string.h>

enum { PAINTS = 5, CLUTTER_MAX = 3, COLOUR_TRIES = 16 };
static const float TWO_PI = 6.2831853f;

/* Written out, for those of the mathematics library are calls where the compiler must respect NaN or lacks SSE 4.1. */
static inline float least(float a, float b)
{
    return a < b ? a : b;
}

static inline float most(float a, float b)
{
    return a > b ? a : b;
}

static inline float clamp(float v, float low, float high)
{
    return least(most(v, low), high);
}

static inline int whole(float v) /* rounded down; |v| is small here */
{
    int i = (int)v;
    return i - ((float)i > v);
}

/* ---- outlines: negative inside ---- */
static float circle(float x, float y)
{
    return sqrtf(x * x + y * y) - 0.85f;
}

static float square(float x, float y)
{
    return most(fabsf(x), fabsf(y)) - 0.75f;
}

static float triangle(float x, float y)
{
    return most(-y, fabsf(x) * 0.8660254f + y * 0.5f) - 0.5f;
}

/* A pentagram is what lies outside at most one of five half-planes: the second largest of five distances. */
static float star(float x, float y)
{
    static const float nx[5] = {0.0f, 0.9510565f, 0.5877853f, -0.5877853f, -0.9510565f};
    static const float ny[5] = {-1.0f, -0.3090170f, 0.8090170f, 0.8090170f, -0.3090170f};
    float first = -2.0f, second = -2.0f;
    for (int i = 0; i < 5; i++) {
        float d = x * nx[i] + y * ny[i];
        second = most(second, least(first, d));
        first = most(first, d);
    }
    return second - 0.36f;
}

static float ring(float x, float y)
{
    return fabsf(sqrtf(x * x + y * y) - 0.68f) - 0.22f;
}

static float cross(float x, float y)
{
    float ax = fabsf(x), ay = fabsf(y);
    return least(most(ax - 0.9f, ay - 0.28f), most(ax - 0.28f, ay - 0.9f));
}

static float moon(float x, float y)
{
    float shifted = x - 0.5f;
    return most(sqrtf(x * x + y * y) - 0.9f, 0.72f - sqrtf(shifted * shifted + y * y));
}

static float diamond(float x, float y)
{
    return fabsf(x) * 0.8944272f + fabsf(y) * 0.4472136f - 0.4472136f;
}

/* A square on its corner with half circles on its two upper sides. */
static float heart(float x, float y)
{
    const float half = 0.5f, up = 0.12f;
    float u = (x + y) * 0.7071068f + up, v = (y - x) * 0.7071068f + up;
    float box = most(fabsf(u), fabsf(v)) - half;
    float right = sqrtf((u - half) * (u - half) + v * v) - half;
    float left = sqrtf(u * u + (v - half) * (v - half)) - half;
    return least(box, least(left, right));
}

static float arrow(float x, float y)
{
    float ay = fabsf(y);
    float shaft = most(ay - 0.2f, most(-x - 0.95f, x - 0.1f));
    float head = most(-x, (x * 0.7f + ay * 0.95f - 0.665f) * 0.8474f);
    return least(shaft, head);
}

const char *const sk_shape_name[SK_SHAPES] = {"circle", "square", "triangle", "star",  "ring",
                                              "cross",  "moon",   "diamond",  "heart", "arrow"};
typedef float outline(float x, float y);
static outline *const OUTLINE[SK_SHAPES] = {circle, square, triangle, star, ring, cross, moon, diamond, heart, arrow};

/* ---- paint: a colour that varies between two over the picture ---- */
enum paint_kind { FLAT, STRIPES, CHECKER, GRADIENT, SPECKLE };
struct paint {
    enum paint_kind kind;
    float from[3], by[3];    /* colour = from + t * by, t in [0, 1] */
    float ux, uy, vx, vy;    /* picture coordinates to texture coordinates */
    float phase_u, phase_v;
    uint32_t cells;          /* speckle: what its cells are hashed with */
};

static float between(struct sk_rng *rng, float low, float high)
{
    return low + (high - low) * sk_rng_unit(rng);
}

static float wave(float t) /* period 1: a rounded square wave in [0, 1] */
{
    float saw = fabsf(t - (float)whole(t) - 0.5f) * 4.0f - 0.5f;
    return clamp(saw, 0.0f, 1.0f);
}

static float speckle(const struct paint *p, float u, float v)
{
    uint32_t h = (uint32_t)whole(u * 2.0f) * 0x9E3779B1u ^ (uint32_t)whole(v * 2.0f) * 0x85EBCA77u ^ p->cells;
    h = (h ^ (h >> 15)) * 0x2C1B3C6Du;
    return (float)((h ^ (h >> 13)) & 255u) * (1.0f / 255.0f);
}

static float paint_at(const struct paint *p, float x, float y)
{
    float u = x * p->ux + y * p->uy + p->phase_u, v = x * p->vx + y * p->vy + p->phase_v;
    switch (p->kind) {
    case FLAT: return 0.0f;
    case STRIPES: return wave(u);
    case CHECKER: return fabsf(wave(u) - wave(v));
    case GRADIENT: return clamp(x * p->ux + y * p->uy, -1.0f, 1.0f) * 0.5f + 0.5f;
    case SPECKLE: return speckle(p, u, v);
    }
    return 0.0f;
}

static void paint_random(struct paint *p, const float colour[3], struct sk_rng *rng)
{
    p->kind = (enum paint_kind)sk_rng_below(rng, PAINTS);
    float angle = between(rng, 0.0f, TWO_PI);
    float frequency = p->kind == GRADIENT ? 2.0f : between(rng, 4.0f, 9.0f); /* waves over the picture's side */
    p->ux = cosf(angle) * frequency;
    p->uy = sinf(angle) * frequency;
    p->vx = -p->uy;
    p->vy = p->ux;
    p->phase_u = sk_rng_unit(rng);
    p->phase_v = sk_rng_unit(rng);
    p->cells = sk_rng_u32(rng);
    for (int c = 0; c < 3; c++) {
        p->from[c] = colour[c];
        p->by[c] = between(rng, -50.0f, 50.0f);
    }
}

static void blend(uint8_t *pixel, const struct paint *p, float x, float y, float cover)
{
    float t = paint_at(p, x, y);
    for (int c = 0; c < 3; c++) {
        float colour = clamp(p->from[c] + t * p->by[c], 0.0f, 255.0f), under = (float)pixel[c];
        pixel[c] = (uint8_t)(under + (colour - under) * cover + 0.5f);
    }
}

/* ---- figures ---- */
struct figure {
    outline *distance;
    float cx, cy, rx, ry, cosine, sine; /* centre and radii in sides of the picture; rx is the smaller or equal one */
    float reach;                        /* nothing is covered further from the centre */
};

static void fill(uint8_t *rgb, int size, const struct figure *f, const struct paint *p)
{
    float side = (float)size, pixel = 1.0f / side, sharp = f->rx * side;
    float ax = f->cosine / f->rx, bx = f->sine / f->rx, ay = f->cosine / f->ry, by = f->sine / f->ry;
    int x0 = (int)most((f->cx - f->reach) * side - 1.0f, 0.0f), x1 = (int)least((f->cx + f->reach) * side + 2.0f, side);
    int y0 = (int)most((f->cy - f->reach) * side - 1.0f, 0.0f), y1 = (int)least((f->cy + f->reach) * side + 2.0f, side);
    for (int row = y0; row < y1; row++) {
        uint8_t *line = rgb + (size_t)row * (size_t)size * 3;
        for (int col = x0; col < x1; col++) {
            float x = ((float)col + 0.5f) * pixel, y = ((float)row + 0.5f) * pixel, dx = x - f->cx, dy = y - f->cy;
            float d = f->distance(dx * ax + dy * bx, dy * ay - dx * by);
            float cover = clamp(0.5f - d * sharp, 0.0f, 1.0f);
            if (cover > 0.0f)
                blend(line + (size_t)col * 3, p, x, y, cover);
        }
    }
}

static void turn(struct figure *f, struct sk_rng *rng)
{
    float angle = between(rng, 0.0f, TWO_PI);
    f->cosine = cosf(angle);
    f->sine = sinf(angle);
}

static void colour_random(float colour[3], struct sk_rng *rng)
{
    for (int c = 0; c < 3; c++)
        colour[c] = between(rng, 0.0f, 255.0f);
}

/* A colour that can be told from the other one even under texture and noise. */
static void colour_apart(float colour[3], const float other[3], struct sk_rng *rng)
{
    for (int i = 0; i < COLOUR_TRIES; i++) {
        colour_random(colour, rng);
        float apart = 0.0f;
        for (int c = 0; c < 3; c++)
            apart += fabsf(colour[c] - other[c]);
        if (apart > 260.0f)
            return;
    }
    for (int c = 0; c < 3; c++)
        colour[c] = other[c] < 128.0f ? 255.0f : 0.0f;
}

/* A small square, disc or bar anywhere in the picture. */
static void clutter(uint8_t *rgb, int size, struct sk_rng *rng)
{
    struct figure f = {.cx = sk_rng_unit(rng), .cy = sk_rng_unit(rng)};
    bool bar = sk_rng_below(rng, 2) == 0;
    f.distance = !bar && sk_rng_below(rng, 2) == 0 ? circle : square;
    f.rx = bar ? between(rng, 0.015f, 0.03f) : between(rng, 0.04f, 0.09f);
    f.ry = bar ? between(rng, 0.1f, 0.45f) : f.rx;
    f.reach = f.ry * 1.5f;
    turn(&f, rng);
    float colour[3];
    colour_random(colour, rng);
    struct paint p;
    paint_random(&p, colour, rng);
    p.kind = FLAT;
    fill(rgb, size, &f, &p);
}

static uint64_t mix(uint64_t *state) /* splitmix64: quick enough for noise in every pixel */
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Adds noise of triangular distribution to every channel; strength is its largest value. */
static void add_noise(uint8_t *rgb, int size, int strength, uint64_t state)
{
    for (size_t i = 0, n = (size_t)size * (size_t)size; i < n; i++) {
        uint64_t bits = mix(&state);
        for (int c = 0; c < 3; c++, bits >>= 16) {
            int value = rgb[i * 3 + (size_t)c] + ((int)(bits & 255) - (int)(bits >> 8 & 255)) * strength / 256;
            rgb[i * 3 + (size_t)c] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
        }
    }
}

void sk_shape_draw(uint8_t *rgb, int size, int shape, struct sk_rng *rng)
{
    float behind[3], front[3];
    struct paint background, skin;
    colour_random(behind, rng);
    colour_apart(front, behind, rng);
    paint_random(&background, behind, rng);
    paint_random(&skin, front, rng);

    struct figure whole = {
        .distance = square, .cx = 0.5f, .cy = 0.5f, .rx = 1.0f, .ry = 1.0f, .cosine = 1.0f, .reach = 1.0f};
    memset(rgb, 0, (size_t)size * (size_t)size * 3);
    fill(rgb, size, &whole, &background);
    for (uint32_t left = sk_rng_below(rng, CLUTTER_MAX + 1); left > 0; left--)
        clutter(rgb, size, rng);

    struct figure f = {.distance = OUTLINE[shape], .rx = between(rng, 0.3f, 0.45f)};
    f.ry = f.rx;
    f.reach = f.rx * 1.1f;
    float margin = f.rx * 0.9f;
    f.cx = between(rng, margin, 1.0f - margin);
    f.cy = between(rng, margin, 1.0f - margin);
    turn(&f, rng);
    fill(rgb, size, &f, &skin);
    if (sk_rng_below(rng, 3) == 0)
        clutter(rgb, size, rng);
    uint64_t state = (uint64_t)sk_rng_u32(rng) << 32;
    state |= sk_rng_u32(rng);
    add_noise(rgb, size, (int)sk_rng_below(rng, 40), state);
}
