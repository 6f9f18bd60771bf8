/* The kinds of picture steps and their parameters: rows of the same form as the recipe's keys. */
#include "recipe/keys.h"

#define PARAM(plain, type_, member, given, text, ...)                                                                  \
    {                                                                                                                  \
        .name = (plain), .type = (type_), .offset = offsetof(struct sk_picture_step, member),                          \
        .size = sizeof(((struct sk_picture_step *)0)->member), .initial = (given), .help = (text), __VA_ARGS__         \
    }
enum { SIDE_MAX = 8192 };

static const char *const filters[] = {[SK_BILINEAR] = "bilinear", [SK_BICUBIC] = "bicubic", NULL};
static const char *const samplings[] = {[SK_NEAREST] = "nearest", [SK_LINEAR] = "bilinear", NULL};
static const char *const pad_modes[] = {[SK_PAD_ZERO] = "zero", [SK_PAD_REFLECT] = "reflect", NULL};

#define SIDE        PARAM("size", SK_KEY_INT, size, NULL, "side of the result, in pixels", .low = 1, .high = SIDE_MAX)
#define CHANCE(p_)  PARAM("p", SK_KEY_REAL, p, (p_), "probability", .min = 0, .max = 1)
#define FILTER      PARAM("interpolation", SK_KEY_ENUM, filter, "bilinear", "how, antialiased", .names = filters)
#define SAMPLING    PARAM("interpolation", SK_KEY_ENUM, sampling, "nearest", "how pixels are read", .names = samplings)
#define RANGE(plain, member, given, text, ...) PARAM(plain, SK_KEY_REALS, member, given, text, __VA_ARGS__)
#define FACTOR(member)                                                                                                 \
    RANGE(#member, member, "0", "range of the factor", .min = 0, .max = 100, .one = SK_ONE_AROUND_1)
#define ANGLE(plain, member, given, text)                                                                              \
    RANGE(plain, member, given, text, .min = -360, .max = 360, .one = SK_ONE_AROUND_0)
#define SHEAR(plain, member, text)                                                                                     \
    RANGE(plain, member, "0", text, .min = -80, .max = 80, .one = SK_ONE_AROUND_0)
#define VALUE                                                                                                          \
    PARAM("value", SK_KEY_REALS, value, "0", "grey level put there, of each channel", .min = 0, .max = 255,            \
          .one = SK_ONE_EACH)

static const struct sk_key random_crop_params[] = {
    SIDE,
    PARAM("padding", SK_KEY_INT, padding, "0", "pixels put around the picture before", .low = 0, .high = SIDE_MAX),
    PARAM("mode", SK_KEY_ENUM, mode, "zero", "what padding holds", .names = pad_modes),
};
static const struct sk_key flip_params[] = {CHANCE("0.5")};
static const struct sk_key resize_params[] = {
    PARAM("size", SK_KEY_SIDES, size, NULL, "length of the shorter side, or both", .low = 1, .high = SIDE_MAX),
    FILTER,
};
static const struct sk_key center_crop_params[] = {SIDE};
static const struct sk_key random_resized_crop_params[] = {
    SIDE,
    RANGE("scale", scale, "[0.08, 1]", "share of the picture's area", .min = 0, .above_min = true, .max = 1),
    RANGE("ratio", ratio, "[0.75, 1.3333333333333333]", "width / height of the box", .min = 0.001, .max = 1000),
    FILTER,
};
static const struct sk_key color_jitter_params[] = {
    FACTOR(brightness),
    FACTOR(contrast),
    FACTOR(saturation),
    RANGE("hue", hue, "0", "range of the shift, 1 is a whole turn", .min = -0.5, .max = 0.5, .one = SK_ONE_AROUND_0),
};
static const struct sk_key grayscale_params[] = {CHANCE("0.1")};
static const struct sk_key rotation_params[] = {
    ANGLE("degrees", degrees, NULL, "range of the angle, counter-clockwise"),
    SAMPLING,
};
static const struct sk_key affine_params[] = {
    ANGLE("degrees", degrees, "0", "range of the angle, clockwise"),
    PARAM("translate", SK_KEY_REALS, translate, "0", "greatest shift as a share of width and of height", .min = 0,
          .max = 1, .one = SK_ONE_EACH),
    RANGE("scale", scale, "[1, 1]", "range of the scale", .min = 0.001, .max = 1000),
    SHEAR("shear", shear, "range of the shear along x, in degrees"),
    SHEAR("shear_y", shear_y, "range of the shear along y, in degrees"),
    SAMPLING,
};
static const struct sk_key random_erasing_params[] = {
    CHANCE("0.5"),
    RANGE("scale", scale, "[0.02, 0.33]", "share of the picture's area", .min = 0, .max = 1),
    RANGE("ratio", ratio, "[0.3, 3.3]", "height / width of the box", .min = 0.001, .max = 1000),
    VALUE,
};
static const struct sk_key cutout_params[] = {
    PARAM("holes", SK_KEY_INT, holes, "1", "squares", .low = 1, .high = SK_MAX_HOLES),
    PARAM("length", SK_KEY_INT, length, NULL, "side of a square, in pixels", .low = 1, .high = SIDE_MAX),
    VALUE,
};
static const struct sk_key rand_augment_params[] = {
    PARAM("n", SK_KEY_INT, n, "2", "operations, one after the other", .low = 1, .high = SK_MAX_OPS),
    PARAM("m", SK_KEY_INT, m, "9", "magnitude", .low = 0, .high = SK_MAGNITUDES - 1),
    SAMPLING,
};
static const struct sk_key trivial_augment_wide_params[] = {SAMPLING};

#define STEP(name_, kind_, random_, sizes_, text)                                                                      \
    {                                                                                                                  \
        .name = #name_, .kind = (kind_), .random = (random_), .sizes = (sizes_), .param = name_##_params,              \
        .params = SK_COUNT(name_##_params), .help = (text)                                                             \
    }
#define horizontal_flip_params flip_params
#define vertical_flip_params   flip_params

const struct sk_step_type sk_step_types[] = {
    STEP(random_crop, SK_STEP_RANDOM_CROP, true, true, "a square at a random place"),
    STEP(horizontal_flip, SK_STEP_FLIP, true, false, "mirrored, with probability p"),
    STEP(resize, SK_STEP_RESIZE, false, true, "antialiased"),
    STEP(center_crop, SK_STEP_CENTER_CROP, false, true, "a square from the middle"),
    STEP(random_resized_crop, SK_STEP_RANDOM_RESIZED_CROP, true, true, "a random box, resized to a square"),
    STEP(vertical_flip, SK_STEP_VERTICAL_FLIP, true, false, "upside down, with probability p"),
    STEP(color_jitter, SK_STEP_COLOR_JITTER, true, false, "brightness, contrast, saturation and hue, in random order"),
    STEP(grayscale, SK_STEP_GRAYSCALE, true, false, "grey, with probability p"),
    STEP(rotation, SK_STEP_ROTATION, true, false, "turned about the middle, black outside"),
    STEP(affine, SK_STEP_AFFINE, true, false, "turned, shifted, scaled and sheared, black outside"),
    STEP(random_erasing, SK_STEP_RANDOM_ERASING, true, false, "a random box is overwritten, with probability p"),
    STEP(cutout, SK_STEP_CUTOUT, true, false, "squares centred anywhere are overwritten"),
    STEP(rand_augment, SK_STEP_RAND_AUGMENT, true, false, "n operations out of 14, all of magnitude m"),
    STEP(trivial_augment_wide, SK_STEP_TRIVIAL_AUGMENT_WIDE, true, false, "one operation of 14, of any magnitude"),
};
const size_t sk_step_type_count = SK_COUNT(sk_step_types);

const struct sk_step_type *sk_step_type_of(enum sk_step_kind kind)
{
    for (size_t i = 0; i < sk_step_type_count; i++)
        if (sk_step_types[i].kind == kind)
            return &sk_step_types[i];
    return NULL;
}

bool sk_step_sets_size(enum sk_step_kind kind)
{
    const struct sk_step_type *type = sk_step_type_of(kind);
    return type && type->sizes;
}

const char *sk_step_name(enum sk_step_kind kind)
{
    const struct sk_step_type *type = sk_step_type_of(kind);
    return type ? type->name : "?";
}
