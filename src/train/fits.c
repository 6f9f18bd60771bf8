/* Whether the pictures of evaluation are what the network takes, and where their sizes come from when they are not. */
#include "train/internal.h"

enum { TEXT = 96, ADVICE = 256 };

/* The step after which all pictures have one size; NULL: none. */
static const struct sk_picture_step *sizing(const struct sk_picture_steps *s)
{
    for (int i = s->count - 1; i >= 0; i--)
        if (sk_step_sets_size(s->step[i].kind))
            return s->step[i].kind == SK_STEP_RESIZE && !s->step[i].exact ? NULL : &s->step[i];
    return NULL;
}

/* "data.augment gives it by random_crop: 224", "data.prepare gives no size of its own". */
static void tell_origin(char out[TEXT], const char *key, const struct sk_picture_steps *steps)
{
    const struct sk_picture_step *s = sizing(steps);
    if (!s)
        snprintf(out, TEXT, "%s gives no size of its own", key);
    else if (s->kind == SK_STEP_RESIZE)
        snprintf(out, TEXT, "%s gives it by resize: [%d, %d]", key, s->height, s->width);
    else
        snprintf(out, TEXT, "%s gives it by %s: %d", key, sk_step_name(s->kind), s->size);
}

static void advise(char out[ADVICE], const struct sk_recipe_data *d, const struct sk_net_shape *s, int height,
                   int width)
{
    if (!sizing(&d->augment) && sizing(&d->prepare))
        snprintf(out, ADVICE, "add a step to data.augment that makes pictures %d x %d, as {resize: {size: [%d, %d]}}%s",
                 height, width, height, width, height == width ? " or random_resized_crop" : "");
    else if (s->height == s->width)
        snprintf(out, ADVICE, "let data.prepare make them so, as [{resize: %d}, {center_crop: %d}]", s->height * 8 / 7,
                 s->height);
    else
        snprintf(out, ADVICE, "let data.prepare make them so, as [{resize: {size: [%d, %d]}}]", s->height, s->width);
}

static enum sk_code refuse_size(const struct sk_recipe_data *d, const struct sk_net_shape *s, int height, int width,
                                struct sk_err *err)
{
    char augment[TEXT], prepare[TEXT], advice[ADVICE];
    tell_origin(augment, "data.augment", &d->augment);
    tell_origin(prepare, "data.prepare", &d->prepare);
    advise(advice, d, s, height, width);
    return sk_fail(err, SK_INPUT,
                   "the network takes pictures of %d x %d (%s), those for evaluation are %d x %d (%s): %s", s->height,
                   s->width, augment, height, width, prepare, advice);
}

enum sk_code sk_eval_fits(const struct sk_net *net, const struct sk_recipe *recipe, const struct sk_loader *loader,
                          const struct sk_dataset *ds, struct sk_err *err)
{
    const struct sk_net_shape *s = sk_net_shape(net);
    int height, width, channels, classes = sk_dataset_info(ds)->classes;
    enum sk_pixel pixel;
    sk_loader_shape(loader, &height, &width, &channels, &pixel);
    if (channels != s->channels || (pixel == SK_PIXEL_U8) != (s->pixel == SK_U8))
        return sk_fail(
            err, SK_INPUT, "the network takes pictures with %d channels of %s, the evaluation data has %d of %s",
            s->channels, s->pixel == SK_U8 ? "8 bits" : "floats", channels, pixel == SK_PIXEL_U8 ? "8 bits" : "floats");
    if (height != s->height || width != s->width)
        return refuse_size(&recipe->data, s, height, width, err);
    if (classes > s->classes)
        return sk_fail(err, SK_INPUT, "the evaluation data has %d classes, the network %d", classes, s->classes);
    return SK_OK;
}
