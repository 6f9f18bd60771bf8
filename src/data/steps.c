/* Picture steps: the table of what each kind draws and does, and going through a list of them. */
#include "data/steps.h"

#include <assert.h>

/* In the order of enum sk_step_kind. */
const struct sk_step_row *const sk_step_rows[SK_STEP_KINDS] = {
    [SK_STEP_RANDOM_CROP] = &sk_step_random_crop,
    [SK_STEP_FLIP] = &sk_step_flip,
    [SK_STEP_RESIZE] = &sk_step_resize,
    [SK_STEP_CENTER_CROP] = &sk_step_center_crop,
    [SK_STEP_RANDOM_RESIZED_CROP] = &sk_step_random_resized_crop,
    [SK_STEP_VERTICAL_FLIP] = &sk_step_vertical_flip,
    [SK_STEP_COLOR_JITTER] = &sk_step_color_jitter,
    [SK_STEP_GRAYSCALE] = &sk_step_grayscale,
    [SK_STEP_ROTATION] = &sk_step_rotation,
    [SK_STEP_AFFINE] = &sk_step_affine,
    [SK_STEP_RANDOM_ERASING] = &sk_step_random_erasing,
    [SK_STEP_CUTOUT] = &sk_step_cutout,
    [SK_STEP_RAND_AUGMENT] = &sk_step_rand_augment,
    [SK_STEP_TRIVIAL_AUGMENT_WIDE] = &sk_step_trivial_augment_wide,
};

enum sk_code sk_step_draw(struct sk_drawn *d, const struct sk_picture_step *s, int height, int width,
                          struct sk_rng *rng, struct sk_err *err)
{
    const struct sk_step_row *row = sk_step_rows[s->kind];
    return row->draw ? row->draw(d, s, height, width, rng, err) : SK_OK;
}

enum sk_code sk_step_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_step *s,
                           const struct sk_drawn *d, struct sk_err *err)
{
    return sk_step_rows[s->kind]->apply(p, scratch, s, d, err);
}

enum sk_code sk_need_bytes(const struct sk_picture *p, const char *step, struct sk_err *err)
{
    if (p->pixel == SK_PIXEL_U8 && (p->channels == 1 || p->channels == 3))
        return SK_OK;
    return sk_fail(err, SK_INPUT, "%s needs 8-bit pictures of 1 or 3 channels, not %s of %d", step,
                   p->pixel == SK_PIXEL_U8 ? "8-bit ones" : "float ones", p->channels);
}

enum sk_code sk_picture_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_steps *steps,
                              struct sk_rng *rng, struct sk_err *err)
{
    return sk_picture_apply_from(p, scratch, steps, 0, rng, err);
}

enum sk_code sk_picture_apply_from(struct sk_picture *p, struct sk_picture *scratch,
                                   const struct sk_picture_steps *steps, int first, struct sk_rng *rng,
                                   struct sk_err *err)
{
    enum sk_code code = SK_OK;
    struct sk_drawn drawn;
    for (int i = first; code == SK_OK && i < steps->count; i++) {
        const struct sk_picture_step *s = &steps->step[i];
        bool both = false;
        assert(s->kind < SK_STEP_KINDS);
        if (s->kind == SK_STEP_RESIZE && i + 1 < steps->count && s[1].kind == SK_STEP_CENTER_CROP)
            code = sk_step_resize_and_crop(p, scratch, s, &both, err);
        if (code == SK_OK && !both)
            code = sk_step_draw(&drawn, s, p->height, p->width, rng, err);
        if (code == SK_OK && !both)
            code = sk_step_apply(p, scratch, s, &drawn, err);
        i += both;
    }
    return code;
}
