/* The kinds of picture steps and their parameters: rows of the same form as the recipe's keys. */
#include "recipe/keys.h"

#define PARAM(plain, type_, member, given, text, ...)                                                                  \
    {                                                                                                                  \
        .name = (plain), .type = (type_), .offset = offsetof(struct sk_picture_step, member),                          \
        .size = sizeof(((struct sk_picture_step *)0)->member), .initial = (given), .help = (text), __VA_ARGS__         \
    }
enum { SIDE_MAX = 8192 };

static const struct sk_key random_crop_params[] = {
    PARAM("size", SK_KEY_INT, size, NULL, "side of the result, in pixels", .low = 1, .high = SIDE_MAX),
    PARAM("padding", SK_KEY_INT, padding, "0", "zeros put around the picture before", .low = 0, .high = SIDE_MAX),
};
static const struct sk_key flip_params[] = {
    PARAM("p", SK_KEY_REAL, p, "0.5", "probability", .min = 0, .max = 1),
};
static const struct sk_key resize_params[] = {
    PARAM("size", SK_KEY_SIDES, size, NULL, "length of the shorter side, or both", .low = 1, .high = SIDE_MAX),
};
static const struct sk_key center_crop_params[] = {
    PARAM("size", SK_KEY_INT, size, NULL, "side of the result, in pixels", .low = 1, .high = SIDE_MAX),
};

const struct sk_step_type sk_step_types[] = {
    {"random_crop", SK_STEP_RANDOM_CROP, true, random_crop_params, SK_COUNT(random_crop_params),
     "a square at a random place"},
    {"horizontal_flip", SK_STEP_FLIP, true, flip_params, SK_COUNT(flip_params), "mirrored, with probability p"},
    {"resize", SK_STEP_RESIZE, false, resize_params, SK_COUNT(resize_params), "antialiased bilinear"},
    {"center_crop", SK_STEP_CENTER_CROP, false, center_crop_params, SK_COUNT(center_crop_params),
     "a square from the middle"},
};
const size_t sk_step_type_count = SK_COUNT(sk_step_types);

const struct sk_step_type *sk_step_type_of(enum sk_step_kind kind)
{
    for (size_t i = 0; i < sk_step_type_count; i++)
        if (sk_step_types[i].kind == kind)
            return &sk_step_types[i];
    return NULL;
}
