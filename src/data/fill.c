/* One sample after the other: read, replace where damaged, apply the steps, copy into the batch. Everything depends on
 * (seed, epoch, sample) alone, never on which worker does it or when. */
#include "data/fill.h"

#include <string.h>

void sk_fill_scratch_release(struct sk_fill_scratch *s)
{
    sk_picture_release(&s->picture);
    sk_picture_release(&s->other);
}

void sk_fill_report_reset(struct sk_fill_report *r)
{
    sk_err_clear(&r->err);
    sk_err_clear(&r->damage);
    r->err_at = r->damage_at = INT64_MAX;
    r->replaced = 0;
}

void sk_fill_report_join(struct sk_fill_report *all, const struct sk_fill_report *part)
{
    if (part->err_at < all->err_at) {
        all->err = part->err;
        all->err_at = part->err_at;
    }
    if (part->damage_at < all->damage_at) {
        all->damage = part->damage;
        all->damage_at = part->damage_at;
    }
    all->replaced += part->replaced;
}

int64_t sk_fill_damage_limit(int64_t n)
{
    return n < 100 ? n > 1 : n / 100;
}

/* Reads the sample at a position or, where it is damaged and may be replaced, the next good one of the order, which
 * wraps round. More damaged ones in a row than an epoch may have are an error at once. *index: the sample read. */
static enum sk_code read_sample(const struct sk_fill *f, struct sk_fill_scratch *s, int64_t position, int64_t *index,
                                struct sk_fill_report *r, struct sk_err *err)
{
    int64_t limit = f->on_error == SK_ON_ERROR_REPLACE ? sk_fill_damage_limit(f->samples) : 0;
    for (int64_t tried = 0;; tried++) {
        *index = f->order[(position + tried) % f->samples];
        sk_rng_init(&s->rng, (uint64_t)f->seed, f->epoch, (uint64_t)*index, SK_RNG_AUGMENT);
        enum sk_code code =
            sk_dataset_read_for(f->dataset, *index, &f->steps, &s->rng, &s->picture, &s->other, &s->done, err);
        if (code == SK_OK || !sk_is_damage(code) || tried >= limit)
            return code;
        if (tried == 0) {
            r->replaced++;
            if (r->damage_at > position) {
                r->damage = *err;
                r->damage_at = position;
            }
            sk_notice("%s; the next sample takes its place", err->text);
        }
        sk_err_clear(err);
    }
}

static enum sk_code apply_steps(const struct sk_fill *f, struct sk_fill_scratch *s, int64_t index, struct sk_err *err)
{
    enum sk_code code = sk_picture_apply_from(&s->picture, &s->other, &f->steps, s->done, &s->rng, err);
    if (code != SK_OK) {
        char name[SK_PATH];
        sk_dataset_name(f->dataset, index, name, sizeof(name));
        sk_err_prefix(err, "cannot prepare '%s'", name);
    }
    return code;
}

static enum sk_code check_shape(const struct sk_fill *f, const struct sk_picture *p, int64_t index, struct sk_err *err)
{
    if (p->height == f->height && p->width == f->width && p->channels == f->channels && p->pixel == f->pixel)
        return SK_OK;
    char name[SK_PATH];
    sk_dataset_name(f->dataset, index, name, sizeof(name));
    return sk_fail(
        err, SK_INPUT,
        "'%s' is %d x %d x %d, but the first picture is %d x %d x %d: add resize and crop steps that give all "
        "pictures one size",
        name, p->height, p->width, p->channels, f->height, f->width, f->channels);
}

enum sk_code sk_fill_learn_shape(struct sk_fill *f, struct sk_fill_scratch *s, struct sk_err *err)
{
    struct sk_fill_report ignored;
    sk_fill_report_reset(&ignored);
    int64_t index;
    enum sk_code code = read_sample(f, s, 0, &index, &ignored, err);
    if (code == SK_OK)
        code = apply_steps(f, s, index, err);
    f->height = s->picture.height;
    f->width = s->picture.width;
    f->channels = s->picture.channels;
    f->pixel = s->picture.pixel;
    return code;
}

void sk_fill_samples(const struct sk_fill *f, struct sk_fill_scratch *s, struct sk_batch *b, int64_t start, int first,
                     int count, struct sk_fill_report *r)
{
    sk_fill_report_reset(r);
    for (int i = first; i < first + count; i++) {
        int64_t index;
        enum sk_code code = read_sample(f, s, start + i, &index, r, &r->err);
        if (code == SK_OK)
            code = apply_steps(f, s, index, &r->err);
        if (code == SK_OK)
            code = check_shape(f, &s->picture, index, &r->err);
        if (code != SK_OK) {
            r->err_at = start + i;
            return;
        }
        size_t bytes = sk_picture_bytes(&s->picture);
        memcpy((char *)b->pixels + (size_t)i * bytes, s->picture.data, bytes);
        b->label[i] = sk_dataset_label(f->dataset, index);
        b->index[i] = index;
    }
}
