/* RandAugment (Cubuk et al., 2020) and TrivialAugment-wide (Mueller and Hutter, 2021): operations out of fourteen, with
 * torchvision's magnitudes. */
#include "data/steps.h"

#include <math.h>

/* Magnitudes rise from 0 to most over the 31 steps; of posterize bits fall from 8, of solarize the threshold from 255.
 * Translations of RandAugment are shares of the side, those of TrivialAugment pixels. */
static const struct {
    bool is_signed;
    double rand_most, trivial_most;
} ops[SK_OPS] = {
    [SK_OP_SHEAR_X] = {true, 0.3, 0.99},     [SK_OP_SHEAR_Y] = {true, 0.3, 0.99},
    [SK_OP_TRANSLATE_X] = {true, 0, 32.0},   [SK_OP_TRANSLATE_Y] = {true, 0, 32.0},
    [SK_OP_ROTATE] = {true, 30.0, 135.0},    [SK_OP_BRIGHTNESS] = {true, 0.9, 0.99},
    [SK_OP_COLOR] = {true, 0.9, 0.99},       [SK_OP_CONTRAST] = {true, 0.9, 0.99},
    [SK_OP_SHARPNESS] = {true, 0.9, 0.99},   [SK_OP_POSTERIZE] = {false, 4, 6},
    [SK_OP_SOLARIZE] = {false, 255.0, 255.0},
};

double sk_policy_magnitude(enum sk_policy_op op, bool trivial, int step, int side)
{
    double most = trivial ? ops[op].trivial_most : ops[op].rand_most;
    if (!trivial && (op == SK_OP_TRANSLATE_X || op == SK_OP_TRANSLATE_Y))
        most = 150.0 / 331.0 * side;
    if (op == SK_OP_POSTERIZE)
        return 8 - rint(step * most / (SK_MAGNITUDES - 1));
    /* As torch.linspace: float32 from both ends, rounded once. */
    float end = (float)most, by = end / (SK_MAGNITUDES - 1);
    int left = SK_MAGNITUDES - 1 - step;
    double rising = (double)(float)(step < SK_MAGNITUDES / 2 ? (double)by * step : (double)end - (double)by * left);
    return op == SK_OP_SOLARIZE ? 255.0 - rising : rising;
}

static void draw_op(struct sk_drawn *d, int i, bool trivial, int m, int height, int width, struct sk_rng *rng)
{
    enum sk_policy_op op = (enum sk_policy_op)sk_rng_below(rng, SK_OPS);
    int step = trivial ? (int)sk_rng_below(rng, SK_MAGNITUDES) : m;
    double magnitude = sk_policy_magnitude(op, trivial, step, op == SK_OP_TRANSLATE_Y ? height : width);
    bool negative = ops[op].is_signed && sk_rng_below(rng, 2) == 1;
    d->op[i].op = op;
    d->op[i].magnitude = negative ? -magnitude : magnitude;
}

static enum sk_code rand_augment_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                                      struct sk_rng *rng, struct sk_err *err)
{
    (void)err;
    d->ops = s->n;
    for (int i = 0; i < s->n; i++)
        draw_op(d, i, false, s->m, height, width, rng);
    return SK_OK;
}

static enum sk_code trivial_augment_wide_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height,
                                              int width, struct sk_rng *rng, struct sk_err *err)
{
    (void)s;
    (void)err;
    d->ops = 1;
    draw_op(d, 0, true, 0, height, width, rng);
    return SK_OK;
}

/* The map of a geometric operation; shears are about the upper left corner. */
static void map_of(double m[6], enum sk_policy_op op, double magnitude, const struct sk_picture *p)
{
    bool shears = op == SK_OP_SHEAR_X || op == SK_OP_SHEAR_Y;
    int axis = op == SK_OP_SHEAR_Y || op == SK_OP_TRANSLATE_Y;
    struct sk_affine a = {.scale = 1.0};
    if (shears) {
        a.shear[axis] = atan(magnitude) * (180.0 / 3.14159265358979323846);
    } else {
        a.shift[axis] = trunc(magnitude);
        a.centre[0] = p->width * 0.5;
        a.centre[1] = p->height * 0.5;
    }
    sk_affine_map(m, &a);
}

static enum sk_code move(struct sk_picture *p, struct sk_picture *scratch, enum sk_policy_op op, double magnitude,
                         enum sk_sampling sampling, struct sk_err *err)
{
    double m[6];
    if (op == SK_OP_ROTATE)
        sk_rotation_map(m, magnitude, p->height, p->width);
    else
        map_of(m, op, magnitude, p);
    enum sk_code code = sk_transform(scratch, p, m, sampling, err);
    if (code == SK_OK)
        sk_picture_swap(p, scratch);
    return code;
}

static enum sk_code apply_op(struct sk_picture *p, struct sk_picture *scratch, enum sk_policy_op op, double magnitude,
                             enum sk_sampling sampling, struct sk_err *err)
{
    switch (op) {
    case SK_OP_IDENTITY: break;
    case SK_OP_SHEAR_X:
    case SK_OP_SHEAR_Y:
    case SK_OP_TRANSLATE_X:
    case SK_OP_TRANSLATE_Y:
    case SK_OP_ROTATE: return move(p, scratch, op, magnitude, sampling, err);
    case SK_OP_BRIGHTNESS: sk_adjust_brightness(p, 1.0 + magnitude); break;
    case SK_OP_COLOR: sk_adjust_saturation(p, 1.0 + magnitude); break;
    case SK_OP_CONTRAST: sk_adjust_contrast(p, 1.0 + magnitude); break;
    case SK_OP_SHARPNESS: return sk_adjust_sharpness(p, scratch, 1.0 + magnitude, err);
    case SK_OP_POSTERIZE: sk_posterize(p, (int)magnitude); break;
    case SK_OP_SOLARIZE: sk_solarize(p, magnitude); break;
    case SK_OP_AUTO_CONTRAST: sk_auto_contrast(p); break;
    case SK_OP_EQUALIZE: sk_equalize(p); break;
    case SK_OPS: break;
    }
    return SK_OK;
}

static enum sk_code policy_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                                 const struct sk_drawn *d, struct sk_err *err)
{
    enum sk_code code =
        sk_need_bytes(p, s->kind == SK_STEP_RAND_AUGMENT ? "rand_augment" : "trivial_augment_wide", err);
    for (int i = 0; code == SK_OK && i < d->ops; i++)
        code = apply_op(p, scratch, d->op[i].op, d->op[i].magnitude, s->sampling, err);
    return code;
}

const struct sk_step_row sk_step_rand_augment = {rand_augment_draw, policy_apply};
const struct sk_step_row sk_step_trivial_augment_wide = {trivial_augment_wide_draw, policy_apply};
