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
    r->named = 0;
}

/* Keeps the list sorted by position; what is beyond its end goes. */
static void add_damage(struct sk_fill_report *r, const struct sk_fill_damage *d)
{
    int at = r->named;
    while (at > 0 && r->damaged[at - 1].position > d->position)
        at--;
    if (at == SK_FILL_DAMAGED)
        return;
    int moved = (r->named < SK_FILL_DAMAGED ? r->named : SK_FILL_DAMAGED - 1) - at;
    memmove(&r->damaged[at + 1], &r->damaged[at], (size_t)moved * sizeof(*d));
    r->damaged[at] = *d;
    r->named += r->named < SK_FILL_DAMAGED;
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
    for (int i = 0; i < part->named; i++)
        add_damage(all, &part->damaged[i]);
}

int64_t sk_fill_damage_limit(const struct sk_fill *f)
{
    int64_t limit = (int64_t)((double)f->samples * f->max_damaged * (1 + 1e-12)); /* of 700, 1% are 7 */
    return limit < 1 ? f->samples > 1 : limit;
}

static void note_damage(struct sk_fill_report *r, int64_t position, int64_t index, const struct sk_err *err)
{
    struct sk_fill_damage d = {.position = position, .sample.index = index};
    sk_printable(d.sample.why, sizeof(d.sample.why), err->text);
    r->replaced++;
    add_damage(r, &d);
    if (r->damage_at > position) {
        r->damage = *err;
        r->damage_at = position;
    }
    sk_notice("%s; the next sample takes its place", err->text);
}

/* Reads the sample at a position or, where it is damaged and may be replaced, the next good one of the order, which
 * wraps round. More damaged ones in a row than an epoch may have are an error at once. *index: the sample read. */
static enum sk_code read_sample(const struct sk_fill *f, struct sk_fill_scratch *s, int64_t position, int64_t *index,
                                struct sk_fill_report *r, struct sk_err *err)
{
    int64_t limit = f->on_error == SK_ON_ERROR_REPLACE ? sk_fill_damage_limit(f) : 0;
    for (int64_t tried = 0;; tried++) {
        *index = f->order[(position + tried) % f->samples];
        sk_rng_init(&s->rng, (uint64_t)f->seed, f->epoch, (uint64_t)*index, SK_RNG_AUGMENT);
        enum sk_code code =
            sk_dataset_read_for(f->dataset, *index, &f->steps, &s->rng, &s->picture, &s->other, &s->done, err);
        if (sk_is_damage(code) && tried >= limit && f->on_error == SK_ON_ERROR_REPLACE)
            sk_err_prefix(err,
                          "more damaged samples in a row (%lld) than the %g%% of %lld that may be replaced "
                          "(data.max_damaged; skua data verify lists them, skua data convert leaves them out); the last",
                          (long long)tried + 1, 100 * f->max_damaged, (long long)f->samples);
        if (code == SK_OK || !sk_is_damage(code) || tried >= limit)
            return code;
        if (tried == 0)
            note_damage(r, position, *index, err);
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
    f->pixel = f->out = s->picture.pixel;
    return code;
}

/* ---- pixels into the batch ---- */
enum sk_code sk_fill_normalize(struct sk_fill *f, const struct sk_load_normalize *n, struct sk_err *err)
{
    if (n->channels != 1 && n->channels != f->channels)
        return sk_fail(err, SK_INPUT, "normalization has %d values, the pictures have %d channels", n->channels,
                       f->channels);
    double unit = f->pixel == SK_PIXEL_U8 ? 255 : 1;
    for (int c = 0; c < f->channels; c++) {
        int from = n->channels == 1 ? 0 : c;
        f->scale[c] = (float)(1 / (unit * n->std[from]));
        f->shift[c] = (float)(-n->mean[from] / n->std[from]);
    }
    f->normalize = true;
    f->out = SK_PIXEL_F32;
    return SK_OK;
}

/* Channels alternate: in blocks of 48 values, a multiple of 1, 2 and 3 channels, all have their own factor. */
enum { BLOCK = 48 };

static void normalize_bytes(float *to, const uint8_t *from, size_t n, const float scale[BLOCK],
                            const float shift[BLOCK])
{
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++)
            to[i + k] = (float)from[i + k] * scale[k] + shift[k];
    for (size_t k = 0; i + k < n; k++)
        to[i + k] = (float)from[i + k] * scale[k] + shift[k];
}

static void normalize(const struct sk_fill *f, float *to, const struct sk_picture *p)
{
    float scale[BLOCK], shift[BLOCK];
    size_t n = (size_t)p->height * (size_t)p->width * (size_t)p->channels;
    for (int k = 0; k < BLOCK; k++) {
        scale[k] = f->scale[k % f->channels];
        shift[k] = f->shift[k % f->channels];
    }
    if (p->pixel == SK_PIXEL_U8) {
        normalize_bytes(to, p->data, n, scale, shift);
        return;
    }
    const float *from = p->data;
    for (size_t i = 0; i < n; i++)
        to[i] = from[i] * scale[i % BLOCK] + shift[i % BLOCK];
}

static void store(const struct sk_fill *f, const struct sk_picture *p, struct sk_batch *b, int at)
{
    size_t values = (size_t)p->height * (size_t)p->width * (size_t)p->channels;
    char *to = (char *)b->pixels + (size_t)at * values * sk_pixel_size(f->out);
    if (f->normalize)
        normalize(f, (float *)(void *)to, p);
    else
        memcpy(to, p->data, sk_picture_bytes(p));
}

/* ---- a sample ---- */
static double tick(const struct sk_fill *f)
{
    return f->trace ? sk_now() : 0;
}

/* at: when reading began, and when reading, the steps and storing ended; times: of what reading did besides. */
static void trace(const struct sk_fill *f, const struct sk_fill_scratch *s, const struct sk_batch *b, int i,
                  const double at[4], const struct sk_decode_times *times)
{
    struct sk_load_span span = {.worker = s->worker,
                                .batch = b->number,
                                .index = b->index[i],
                                .start = at[0],
                                .read = at[1] - at[0] - times->decode - times->resize,
                                .decode = times->decode,
                                .augment = at[2] - at[1] + times->resize,
                                .copy = at[3] - at[2],
                                .height = s->height,
                                .width = s->width};
    f->trace->sample(f->trace->ctx, &span);
}

static enum sk_code fill_sample(const struct sk_fill *f, struct sk_fill_scratch *s, struct sk_batch *b, int64_t start,
                                int i, struct sk_fill_report *r)
{
    int64_t index;
    struct sk_decode_times times = {0};
    double at[4] = {tick(f)};
    sk_decode_clock = f->trace ? &times : NULL;
    enum sk_code code = read_sample(f, s, start + i * f->stride, &index, r, &r->err);
    sk_decode_clock = NULL;
    s->height = s->picture.height;
    s->width = s->picture.width;
    at[1] = tick(f);
    if (code == SK_OK)
        code = apply_steps(f, s, index, &r->err);
    if (code == SK_OK)
        code = check_shape(f, &s->picture, index, &r->err);
    if (code != SK_OK)
        return code;
    at[2] = tick(f);
    store(f, &s->picture, b, i);
    b->label[i] = sk_dataset_label(f->dataset, index);
    b->index[i] = index;
    at[3] = tick(f);
    if (f->trace)
        trace(f, s, b, i, at, &times);
    return SK_OK;
}

void sk_fill_samples(const struct sk_fill *f, struct sk_fill_scratch *s, struct sk_batch *b, int64_t start, int first,
                     int count, struct sk_fill_report *r)
{
    sk_fill_report_reset(r);
    for (int i = first; i < first + count; i++) {
        if (fill_sample(f, s, b, start, i, r) != SK_OK) {
            r->err_at = start + i * f->stride;
            return;
        }
    }
}
