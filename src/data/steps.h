/* Picture steps: what a step draws for one picture, and what it does with that. Inside data/ only.
 *
 * Drawing needs the picture's size alone, applying no random numbers: tests apply given parameters, and a decoder can
 * know the box that is wanted before it decodes. */
#ifndef SKUA_DATA_STEPS_H
#define SKUA_DATA_STEPS_H

#include "data/internal.h"

/* ---- what is drawn ---- */
enum { SK_JITTERS = 4 };
enum sk_jitter { SK_JITTER_BRIGHTNESS, SK_JITTER_CONTRAST, SK_JITTER_SATURATION, SK_JITTER_HUE };
enum sk_policy_op {
    SK_OP_IDENTITY,
    SK_OP_SHEAR_X,
    SK_OP_SHEAR_Y,
    SK_OP_TRANSLATE_X,
    SK_OP_TRANSLATE_Y,
    SK_OP_ROTATE,
    SK_OP_BRIGHTNESS,
    SK_OP_COLOR,
    SK_OP_CONTRAST,
    SK_OP_SHARPNESS,
    SK_OP_POSTERIZE,
    SK_OP_SOLARIZE,
    SK_OP_AUTO_CONTRAST,
    SK_OP_EQUALIZE,
    SK_OPS
};
struct sk_affine { /* torchvision's functional.affine: degrees clockwise, pixels, factor, degrees */
    double angle, shift[2], scale, shear[2];
    double centre[2]; /* x, y in pixels */
};
struct sk_drawn {
    bool on;                 /* flips, grayscale, random_erasing: whether anything is done */
    struct sk_window window; /* of crops and random_erasing */
    double factor[SK_JITTERS];
    enum sk_jitter order[SK_JITTERS];
    double angle; /* of rotation */
    struct sk_affine affine;
    struct sk_window hole[SK_MAX_HOLES]; /* cut to the picture, perhaps to nothing */
    struct {
        enum sk_policy_op op;
        double magnitude;
    } op[SK_MAX_OPS];
    int ops;
};

/* ---- the table ---- */
struct sk_step_row {
    /* Draws for a picture of height x width; NULL: there is nothing to draw. */
    enum sk_code (*draw)(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width, struct sk_rng *rng,
                         struct sk_err *err);
    /* In place; scratch is a second buffer, swapped as needed. */
    enum sk_code (*apply)(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                          const struct sk_drawn *d, struct sk_err *err);
};
extern const struct sk_step_row *const sk_step_rows[SK_STEP_KINDS];
enum sk_code sk_step_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                          struct sk_rng *rng, struct sk_err *err) SK_MUST;
enum sk_code sk_step_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                           const struct sk_drawn *d, struct sk_err *err) SK_MUST;

/* Rows, by file. */
extern const struct sk_step_row sk_step_random_crop, sk_step_center_crop, sk_step_resize, sk_step_random_resized_crop,
    sk_step_flip, sk_step_vertical_flip;                                 /* step_crop.c */
extern const struct sk_step_row sk_step_color_jitter, sk_step_grayscale; /* step_colour.c */
extern const struct sk_step_row sk_step_rotation, sk_step_affine;        /* step_affine.c */
extern const struct sk_step_row sk_step_random_erasing, sk_step_cutout;  /* step_erase.c */
extern const struct sk_step_row sk_step_rand_augment, sk_step_trivial_augment_wide; /* step_policy.c */

/* ---- shared by the steps ---- */
static inline double sk_uniform(struct sk_rng *rng, double low, double high)
{
    return low + (high - low) * (double)sk_rng_unit(rng);
}
static inline void sk_picture_swap(struct sk_picture *a, struct sk_picture *b)
{
    struct sk_picture t = *a;
    *a = *b;
    *b = t;
}
/* Draws d->on, true with probability s->p. */
enum sk_code sk_draw_chance(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                            struct sk_rng *rng, struct sk_err *err) SK_MUST;
/* Mirrors in place, as horizontal_flip. */
void sk_picture_flip(struct sk_picture *p);
/* A box whose share of the area and aspect are drawn from the ranges, as torchvision's get_params of RandomResizedCrop
 * and RandomErasing. */
struct sk_sides {
    int64_t times, over; /* sqrt(area * aspect), sqrt(area / aspect) */
};
struct sk_sides sk_draw_sides(double area, struct sk_range scale, struct sk_range ratio, struct sk_rng *rng);
/* OK for 8-bit pictures of 1 or 3 channels, else INPUT that names the step. */
enum sk_code sk_need_bytes(const struct sk_picture *p, const char *step, struct sk_err *err) SK_MUST;

/* Magnitude of a policy's operation at one of its SK_MAGNITUDES steps, for a picture of that side along the operation's
 * axis (step_policy.c). */
double sk_policy_magnitude(enum sk_policy_op op, bool trivial, int step, int side);

/* A resize and the centre crop after it, in one go where the crop lies within: the same pixels, but a picture of
 * 1 x 5000 needs no room for 16 x 80000. *done: whether it was one. (step_crop.c) */
enum sk_code sk_step_resize_and_crop(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                                     bool *done, struct sk_err *err) SK_MUST;

/* ---- colours (step_colour.c, step_levels.c): 8-bit, 1 or 3 channels, in place, as torchvision's functions on PIL
 * pictures, to the bit ---- */
void sk_adjust_brightness(struct sk_picture *p, double factor);
void sk_adjust_contrast(struct sk_picture *p, double factor);
void sk_adjust_saturation(struct sk_picture *p, double factor);
void sk_adjust_hue(struct sk_picture *p, double turn); /* -0.5 to 0.5 */
void sk_to_gray(struct sk_picture *p);                 /* the channels stay, all equal */
enum sk_code sk_adjust_sharpness(struct sk_picture *p, struct sk_picture *scratch, double factor,
                                 struct sk_err *err) SK_MUST;
void sk_posterize(struct sk_picture *p, int bits);
void sk_solarize(struct sk_picture *p, double threshold);
void sk_auto_contrast(struct sk_picture *p);
void sk_equalize(struct sk_picture *p);
/* Pillow's Image.blend of two levels. */
static inline uint8_t sk_blend(int from, int to, float share)
{
    float value = (float)from + share * (float)(to - from);
    return (uint8_t)(value <= 0.0f ? 0.0f : value >= 255.0f ? 255.0f : value);
}
void sk_map_levels(struct sk_picture *p, const uint8_t table[][256], int tables); /* one table for all, or one each */

/* ---- maps (step_affine.c): dst gets the size of src, and zeros where the map points outside ---- */
/* Output (x, y) shows the input at (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]), as Pillow's Image.transform. */
enum sk_code sk_transform(struct sk_picture *dst, const struct sk_picture *src, const double m[6],
                          enum sk_sampling sampling, struct sk_err *err) SK_MUST;
void sk_rotation_map(double m[6], double degrees, int height, int width); /* Pillow's Image.rotate */
void sk_affine_map(double m[6], const struct sk_affine *a);

#endif
