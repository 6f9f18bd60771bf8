/* Which of oneDNN's implementations does a convolution: all that there are, in an order that was measured. */
#include "backend/cpu/onednn_conv.h"

#include <string.h>

enum { CHOICES = 24 };
enum isa { OTHER, SSE41, AVX2, AVX512, AMX }; /* other: gemm, other processors */

struct list {
    struct sk_dnnl_choice choice[CHOICES];
    int cost[CHOICES];
    int count;
};

static enum isa isa_of(const char *name)
{
    static const char *const isa[] = {[SSE41] = "sse41", [AVX2] = "avx2", [AVX512] = "avx512", [AMX] = "amx"};
    for (int i = AMX; i > OTHER; i--)
        if (strstr(name, isa[i]) != NULL)
            return (enum isa)i;
    return strstr(name, "avx10") != NULL ? AVX512 : OTHER;
}

/* What was measured on a processor with AMX: all layers of ResNet-18, also half as wide, on 32x32 pictures at batch
 * 128, and of ResNet-50 on 224x224 at batch 16. Which form of a convolution is the fastest? */
static bool wants_fold(const struct sk_dnnl_conv *conv, enum isa isa)
{
    const struct sk_conv_shape *s = &conv->shape;
    bool only_1x1 = s->r == 1 && s->s == 1;
    switch (conv->pass) {
    case SK_DNNL_FORWARD:
        return s->n > 1 && s->q < 8 && (isa == AMX || only_1x1);
    case SK_DNNL_GRAD_DATA:
        if (isa == AMX)
            return only_1x1 || s->q < 8;
        return only_1x1 && (s->stride == 1 || s->q < 8 || s->c >= 128);
    default:
        return isa == AMX ? only_1x1 || s->q < 16 : only_1x1 && s->stride == 1;
    }
}

/* brgconv, and so a turned convolution for the gradient of the data, which oneDNN 2.6 has no brgconv of its own for; or
 * else jit, which is better where a picture has few pixels, or few channels. */
static bool wants_brgconv(const struct sk_dnnl_conv *conv, enum isa isa)
{
    const struct sk_conv_shape *s = &conv->shape;
    if (s->r == 1 && s->s == 1)
        return true;
    if (conv->pass == SK_DNNL_GRAD_DATA && s->stride > 1)
        return isa == AMX || s->q > 8;
    if (conv->pass == SK_DNNL_GRAD_DATA)
        return isa == AMX ? s->q >= 8 && s->c > 32 : s->q > 4;
    return isa == AMX ? s->c > 32 : (s->n == 1 || s->q > 4) && (s->c >= 16 || s->r > 3);
}

/* Where threads share the work on the weights' gradient, the library makes them wait for each other some hundred times,
 * and as soon as another program wants a processor too, each time is a time slice: 3 ms become 1 s. A part for each
 * thread needs no waiting but a sum over all parts. */
static bool wants_split(const struct sk_dnnl_conv *conv)
{
    const size_t most = (size_t)64 << 20; /* bytes of all parts */
    const struct sk_conv_shape *s = &conv->shape;
    size_t weights = (size_t)s->k * (size_t)s->c * (size_t)s->r * (size_t)s->s * sizeof(float);
    return conv->threads > 1 && weights <= most / (size_t)conv->threads;
}

/* "brgconv:..."; in later versions of the library also "brg_conv_fwd:..." */
static bool is_brgconv(const char *name)
{
    return strncmp(name, "brg", 3) == 0;
}

/* The lower, the better; what is equal stays in the order of the library. */
static int cost_of(const struct sk_dnnl_conv *conv, const struct sk_dnnl_choice *c)
{
    const char *name = sk_dnnl_name(c->pd);
    enum isa isa = isa_of(name);
    int cost = 2 * ((c->fold.how != SK_FOLD_NONE) != wants_fold(conv, isa));
    if (conv->pass == SK_DNNL_GRAD_WEIGHT)
        return cost + ((c->parts > 1) != wants_split(conv));
    return cost + (is_brgconv(name) != wants_brgconv(conv, isa));
}

/* Implementations that tests on guarded memory found wanting, in oneDNN 2.6 and (ncsp) 3.7. */
static bool broken(const struct sk_dnnl_conv *conv, const struct sk_dnnl_choice *c, const char *name)
{
    enum { WIDEST = 448, VECTOR = 16 };
    const struct sk_conv_shape *s = &c->fold.wide;
    bool amx = isa_of(name) == AMX, weight = conv->pass == SK_DNNL_GRAD_WEIGHT;
    bool jit_1x1 = strncmp(name, "jit_1x1", 7) == 0;
    /* Writes beyond its buffers, or never returns, from about 490 columns. */
    if (amx && weight && s->q > WIDEST)
        return true;
    /* Reads rows beyond the source; brgconv_1x1 is there as well and faster. */
    if (amx && jit_1x1)
        return true;
    /* Threads overwrite each other's gathered pixels where the channels do not fill a vector. */
    if (jit_1x1 && weight && s->stride > 1 && s->c < VECTOR)
        return true;
    /* Meant for NCHW, which one channel cannot be told from; leaves results unwritten. */
    if (strstr(name, "ncsp") != NULL)
        return true;
    /* Takes the first channel of the next pixel for the missing partner of the last one. */
    return strncmp(name, "jit_bf16_1x1", 12) == 0 && (c->turned ? s->k : s->c) % 2 != 0;
}

/* oneDNN 2.6 names an implementation again after its primitive has been made. */
static bool known(const struct list *l, const char *label)
{
    for (int i = 0; i < l->count; i++)
        if (strcmp(l->choice[i].label, label) == 0)
            return true;
    return false;
}

/* Takes c.pd over. */
static void add(struct list *l, const struct sk_dnnl_conv *conv, struct sk_dnnl_choice c)
{
    const char *name = sk_dnnl_name(c.pd);
    snprintf(c.label, sizeof c.label, "%s%s%s%s", c.fold.how == SK_FOLD_NONE ? "" : "fold ", c.turned ? "turned " : "",
             c.parts > 1 ? "split " : "", name);
    bool useless = sk_dnnl_is_ref(name) || (c.turned && !is_brgconv(name)) || broken(conv, &c, name);
    if (l->count == CHOICES || useless || known(l, c.label)) {
        sk_dnnl_choice_release(&c);
        return;
    }
    int cost = cost_of(conv, &c), at = l->count++;
    for (; at > 0 && l->cost[at - 1] > cost; at--) {
        l->choice[at] = l->choice[at - 1];
        l->cost[at] = l->cost[at - 1];
    }
    l->choice[at] = c;
    l->cost[at] = cost;
}

enum sk_code sk_dnnl_conv_weights(struct sk_dnnl_desc *d, const struct sk_conv_shape *s, dnnl_data_type_t type, bool any,
                                  struct sk_err *err)
{
    int g = sk_conv_groups(s);
    dnnl_dims_t dense = {s->k, s->c, s->r, s->s}, grouped = {g, s->k / g, s->c / g, s->r, s->s};
    if (g > 1)
        return sk_dnnl_desc_init(d, 5, grouped, type, any ? dnnl_format_tag_any : dnnl_goihw, err);
    return sk_dnnl_desc_init(d, 4, dense, type, any ? dnnl_format_tag_any : dnnl_oihw, err);
}

/* The forward convolution that makes the gradient of the data of s, whose stride is 1. */
static struct sk_conv_shape turn(const struct sk_conv_shape *s)
{
    return (struct sk_conv_shape){.n = s->n,
                                  .h = s->p,
                                  .w = s->q,
                                  .c = s->k,
                                  .k = s->c,
                                  .r = s->r,
                                  .s = s->s,
                                  .p = s->h,
                                  .q = s->w,
                                  .stride = 1,
                                  .pad = s->r - 1 - s->pad};
}

static enum sk_code make_spec(struct sk_dnnl_spec *spec, const struct sk_dnnl_conv *conv,
                              const struct sk_dnnl_choice *form, struct sk_err *err)
{
    struct sk_conv_shape s = form->turned ? turn(&form->fold.wide) : form->fold.wide;
    s.n /= form->parts;
    dnnl_dims_t x = {s.n, s.c, s.h, s.w}, y = {s.n, s.k, s.p, s.q}, bias = {s.k};
    dnnl_data_type_t type = sk_dnnl_type(conv->type);
    *spec = (struct sk_dnnl_spec){.pass = form->turned ? SK_DNNL_FORWARD : conv->pass,
                                  .stride = {s.stride, s.stride},
                                  .pad_l = {s.pad, s.pad},
                                  .pad_r = {form->fold.pad_bottom, form->fold.pad_right},
                                  .sum = conv->sum,
                                  .relu = conv->relu};
    if (form->turned) {
        spec->pad_r[0] = s.p + s.r - 1 - s.h - s.pad;
        spec->pad_r[1] = s.q + s.s - 1 - s.w - s.pad;
    }
    enum sk_code code = sk_dnnl_desc_init(&spec->x, 4, x, type, dnnl_nhwc, err);
    if (code == SK_OK)
        code = sk_dnnl_desc_init(&spec->y, 4, y, type, dnnl_nhwc, err);
    if (code == SK_OK)
        code = sk_dnnl_conv_weights(&spec->hint_w, &s, type, true, err);
    if (code == SK_OK)
        code = sk_dnnl_conv_weights(&spec->w, &s, conv->pass == SK_DNNL_GRAD_WEIGHT ? dnnl_f32 : type, true, err);
    if (code == SK_OK && conv->bias)
        code = sk_dnnl_desc_init(&spec->bias, 1, bias, dnnl_f32, dnnl_a, err);
    return code;
}

/* Adds what the library has for this form of the convolution; nothing is fine. */
static enum sk_code add_form(struct list *l, const struct sk_dnnl_conv *conv, const struct sk_dnnl_choice *form,
                             struct sk_err *err)
{
    struct sk_dnnl_spec spec;
    struct sk_dnnl_iter it = {0};
    struct sk_err none = {0};
    int threads = sk_dnnl_threads(form->parts > 1 ? 1 : conv->threads);
    enum sk_code code = make_spec(&spec, conv, form, err);
    if (code == SK_OK)
        code = sk_dnnl_iter_open(&it, &spec, &none);
    if (code == SK_OK) {
        do {
            struct sk_dnnl_choice c = *form;
            code = sk_dnnl_iter_get(&it, &c.pd, err);
            if (code == SK_OK)
                add(l, conv, c);
        } while (code == SK_OK && sk_dnnl_iter_next(&it));
    } else if (none.code == SK_UNSUPPORTED) {
        code = SK_OK;
    } else if (none.code != SK_OK) {
        code = sk_fail(err, none.code, "%s", none.text);
    }
    sk_dnnl_iter_close(&it);
    sk_dnnl_spec_release(&spec);
    sk_dnnl_threads(threads);
    return code;
}

static enum sk_code add_fold(struct list *l, const struct sk_dnnl_conv *conv, const struct sk_fold *fold,
                             struct sk_err *err)
{
    struct sk_dnnl_choice plain = {.fold = *fold, .parts = 1}, turned = plain, split = plain;
    turned.turned = true;
    split.parts = conv->threads;
    enum sk_code code = add_form(l, conv, &plain, err);
    if (sk_conv_groups(&conv->shape) > 1)
        return code;
    if (code == SK_OK && conv->pass == SK_DNNL_GRAD_DATA && fold->wide.stride == 1)
        code = add_form(l, conv, &turned, err);
    if (code == SK_OK && conv->pass == SK_DNNL_GRAD_WEIGHT && split.parts > 1 && fold->wide.n % split.parts == 0)
        code = add_form(l, conv, &split, err);
    return code;
}

/* An implementation for a lesser instruction set is never the faster one, and pictures are copied side by side for the
 * sake of AMX alone: not worth anybody's time to try. */
static void drop_lesser(struct list *l)
{
    enum isa best = OTHER;
    int kept = 0;
    for (int i = 0; i < l->count; i++)
        if (isa_of(l->choice[i].label) > best)
            best = isa_of(l->choice[i].label);
    for (int i = 0; i < l->count; i++) {
        struct sk_dnnl_choice *c = &l->choice[i];
        if (isa_of(c->label) < best || (best != AMX && c->fold.how == SK_FOLD_WIDE))
            sk_dnnl_choice_release(c);
        else
            l->choice[kept++] = *c;
    }
    l->count = kept;
}

enum sk_code sk_dnnl_choose(struct sk_dnnl_choice *c, const struct sk_dnnl_conv *conv, int variant, struct sk_err *err)
{
    struct list l = {.count = 0};
    struct sk_fold fold;
    *c = (struct sk_dnnl_choice){0};
    sk_fold_none(&fold, &conv->shape);
    enum sk_code code = add_fold(&l, conv, &fold, err);
    if (code == SK_OK && sk_conv_groups(&conv->shape) == 1 && sk_fold_make(&fold, &conv->shape, conv->threads))
        code = add_fold(&l, conv, &fold, err);
    drop_lesser(&l);
    if (code == SK_OK && l.count == 0)
        code = sk_fail(err, SK_UNSUPPORTED, "oneDNN has nothing but its reference implementation");
    if (code == SK_OK && variant >= l.count)
        code = sk_fail(err, SK_UNSUPPORTED, SK_NO_MORE);
    if (code == SK_OK) {
        *c = l.choice[variant];
        l.choice[variant].pd = NULL;
    }
    for (int i = 0; i < l.count; i++)
        sk_dnnl_choice_release(&l.choice[i]);
    return code;
}

void sk_dnnl_choice_release(struct sk_dnnl_choice *c)
{
    if (c->pd != NULL)
        dnnl_primitive_desc_destroy(c->pd);
    *c = (struct sk_dnnl_choice){0};
}
