/* skua data inspect --html: what a data set holds, and some of its pictures before and after augmentation, as one page.
 */
#include "cli/data_args.h"
#include "cli/html.h"
#include "train/train.h"

enum { PICTURES = 24, VERSIONS = 4, MIXED = 8, SHOWN_SIDE = 160, SMALL_SIDE = 64, QUALITY = 85 };

struct page {
    const struct sk_dataset *ds;
    const struct sk_picture_steps *steps;
    const struct sk_recipe_train *train;
    int64_t seed;
    struct sk_str *out;
    struct sk_picture picture, scratch;
    struct sk_str file;
};

/* The picture's file as a data URI; large pictures are scaled down and JPEG. */
static enum sk_code add_picture(struct page *p, struct sk_err *err)
{
    struct sk_picture *show = &p->picture;
    int shorter = show->height < show->width ? show->height : show->width;
    bool small = show->height <= SMALL_SIDE && show->width <= SMALL_SIDE;
    enum sk_code code = SK_OK;
    if (shorter > SHOWN_SIDE) {
        double scale = (double)SHOWN_SIDE / shorter;
        int height = (int)(show->height * scale), width = (int)(show->width * scale);
        code = sk_picture_resize(&p->scratch, show, height, width, err);
        show = &p->scratch;
    }
    p->file.len = 0;
    if (code == SK_OK)
        code = small ? sk_picture_encode(show, &p->file, err) : sk_picture_encode_jpeg(show, QUALITY, &p->file, err);
    if (code == SK_OK)
        code = sk_str_add(p->out, err, "<img%s alt=\"\" src=\"data:image/%s;base64,", small ? " width=\"96\"" : "",
                          small ? "png" : "jpeg");
    if (code == SK_OK)
        code = sk_html_base64(p->out, p->file.text, p->file.len, err);
    return code == SK_OK ? sk_str_add(p->out, err, "\">") : code;
}

/* As an epoch of training gets it. */
static enum sk_code augmented(struct page *p, int64_t index, uint32_t epoch, struct sk_err *err)
{
    struct sk_rng rng;
    int done = 0;
    sk_rng_init(&rng, (uint64_t)p->seed, epoch, (uint64_t)index, SK_RNG_AUGMENT);
    enum sk_code code = sk_dataset_read_for(p->ds, index, p->steps, &rng, &p->picture, &p->scratch, &done, err);
    return code == SK_OK ? sk_picture_apply_from(&p->picture, &p->scratch, p->steps, done, &rng, err) : code;
}

/* As it lies, then as some epochs of training get it. */
static enum sk_code add_versions(struct page *p, int64_t index, struct sk_err *err)
{
    enum sk_code code = sk_dataset_read(p->ds, index, &p->picture, err);
    if (code == SK_OK)
        code = add_picture(p, err);
    for (uint32_t epoch = 0; epoch < VERSIONS && p->steps->count > 0 && code == SK_OK; epoch++) {
        if (epoch == 0)
            code = sk_str_add(p->out, err, " &rarr; ");
        if (code == SK_OK)
            code = augmented(p, index, epoch, err);
        if (code == SK_OK)
            code = add_picture(p, err);
    }
    return code;
}

static enum sk_code add_sample(struct page *p, int64_t index, struct sk_err *err)
{
    char name[2 * SK_PATH];
    struct sk_err why = {0};
    sk_dataset_name(p->ds, index, name, sizeof(name));
    enum sk_code code = sk_str_add(p->out, err, "<p title=\"");
    if (code == SK_OK)
        code = sk_html_text(p->out, name, err);
    if (code == SK_OK)
        code = sk_str_add(p->out, err, "\"><b>");
    if (code == SK_OK)
        code = sk_html_text(p->out, sk_dataset_info(p->ds)->class_name[sk_dataset_label(p->ds, index)], err);
    if (code == SK_OK)
        code = sk_str_add(p->out, err, "</b><br>");
    if (code != SK_OK)
        return code;
    code = add_versions(p, index, &why);
    if (sk_is_damage(code)) /* the page says so */
        code = sk_html_text(p->out, why.text, err);
    else if (code != SK_OK)
        *err = why;
    return code == SK_OK ? sk_str_add(p->out, err, "</p>\n") : code;
}

/* Pictures of one size: own, and before it in its batch, mixed in levels into out. */
static enum sk_code mix_levels(struct sk_picture *out, const struct sk_picture *own, const struct sk_picture *before,
                               const struct sk_mix *mix, struct sk_err *err)
{
    const uint8_t *a = own->data, *b = before->data;
    bool cut = mix->top < mix->bottom && mix->left < mix->right;
    enum sk_code code = sk_picture_reserve(out, own->height, own->width, own->channels, SK_PIXEL_U8, err);
    uint8_t *level = out->data;
    for (int i = 0; i < own->height * own->width * own->channels && code == SK_OK; i++) {
        float y = (float)(i / own->channels / own->width), x = (float)(i / own->channels % own->width);
        bool in = y >= mix->top && y < mix->bottom && x >= mix->left && x < mix->right;
        float share = !cut ? mix->lambda : in ? 0 : 1;
        level[i] = (uint8_t)(share * (float)a[i] + (1 - share) * (float)b[i] + 0.5f);
    }
    return code;
}

/* Reads the pictures as an epoch gets them; those that are damaged or of another size than the first are left out. */
static enum sk_code read_batch(struct page *p, const int64_t *index, int count, uint32_t epoch,
                               struct sk_picture *batch, int64_t *read, int *got,
                               struct sk_err *err)
{
    for (int i = 0; i < count; i++) {
        struct sk_picture *to = &batch[*got], kept = *to;
        struct sk_err why = {0};
        enum sk_code code = augmented(p, index[i], epoch, &why);
        if (code != SK_OK && !sk_is_damage(code))
            return sk_fail(err, code, "%s", why.text);
        if (code != SK_OK || (*got > 0 && (p->picture.height != batch->height || p->picture.width != batch->width)))
            continue;
        *to = p->picture;
        p->picture = kept;
        read[(*got)++] = index[i];
    }
    return SK_OK;
}

/* "70% cat, 30% dog". */
static enum sk_code add_labels(struct page *p, int64_t own, int64_t before, double share, struct sk_err *err)
{
    const struct sk_dataset_info *info = sk_dataset_info(p->ds);
    int a = sk_dataset_label(p->ds, own), b = sk_dataset_label(p->ds, before);
    enum sk_code code = sk_str_add(p->out, err, "<figcaption>%.0f%% ", 100 * (a == b ? 1 : share));
    if (code == SK_OK)
        code = sk_html_text(p->out, info->class_name[a], err);
    if (code == SK_OK && a != b)
        code = sk_str_add(p->out, err, ", %.0f%% ", 100 - 100 * share);
    if (code == SK_OK && a != b)
        code = sk_html_text(p->out, info->class_name[b], err);
    return code == SK_OK ? sk_str_add(p->out, err, "</figcaption></figure>") : code;
}

/* A batch of the pictures, mixed as an epoch might. */
static enum sk_code add_mixed_batch(struct page *p, const int64_t *index, int count, uint32_t epoch, struct sk_err *err)
{
    struct sk_picture batch[MIXED] = {0};
    struct sk_mix mix = {.lambda = 1};
    int64_t read[MIXED];
    int got = 0;
    enum sk_code code = read_batch(p, index, count, epoch, batch, read, &got, err);
    if (code == SK_OK && got > 0) {
        mix = sk_mix_draw(p->train, epoch, 0, batch->height, batch->width);
        code = sk_str_add(p->out, err, "<div><b>%s, %.0f%% of each its own</b><br>", mix.bottom > 0 ? "CutMix" : "MixUp",
                          100 * (double)mix.lambda);
    }
    for (int i = 0; i < got && code == SK_OK; i++) {
        code = mix_levels(&p->picture, &batch[i], &batch[(i + got - 1) % got], &mix, err);
        if (code == SK_OK)
            code = sk_str_add(p->out, err, "<figure>");
        if (code == SK_OK)
            code = add_picture(p, err);
        if (code == SK_OK)
            code = add_labels(p, read[i], read[(i + got - 1) % got], (double)mix.lambda, err);
    }
    for (int i = 0; i < MIXED; i++)
        sk_picture_release(&batch[i]);
    return code == SK_OK && got > 0 ? sk_str_add(p->out, err, "</div>\n") : code;
}

/* Where the recipe mixes batches: some of the pictures, as a batch. */
static enum sk_code add_mixed(struct page *p, const int64_t *index, int64_t count, struct sk_err *err)
{
    if (!p->train || (p->train->mixup_alpha <= 0 && p->train->cutmix_alpha <= 0))
        return SK_OK;
    enum sk_code code = sk_str_add(p->out, err, "<h2>Mixed batches</h2>\n");
    for (uint32_t epoch = 0; epoch < VERSIONS && code == SK_OK; epoch++)
        code = add_mixed_batch(p, index, count < MIXED ? (int)count : MIXED, epoch, err);
    return code;
}

static enum sk_code add_samples(struct page *p, struct sk_err *err)
{
    int64_t chosen[PICTURES], count = PICTURES;
    enum sk_code code = sk_data_choose(p->ds, p->seed, chosen, &count, err);
    if (code == SK_OK)
        code = sk_str_add(p->out, err, "<h2>Pictures%s</h2>\n",
                          p->steps->count > 0 ? ", and what four epochs make of them" : "");
    for (int64_t i = 0; i < count && code == SK_OK; i++)
        code = add_sample(p, chosen[i], err);
    return code == SK_OK ? add_mixed(p, chosen, count, err) : code;
}

static enum sk_code add_classes(struct page *p, const struct sk_data_stats *s, struct sk_err *err)
{
    const struct sk_dataset_info *info = sk_dataset_info(p->ds);
    int64_t most = 1;
    char number[32];
    for (int c = 0; c < info->classes; c++)
        most = s->per_class[c] > most ? s->per_class[c] : most;
    enum sk_code code = sk_str_add(p->out, err, "<h2>Classes</h2>\n<table>\n");
    for (int c = 0; c < info->classes && code == SK_OK; c++) {
        code = sk_str_add(p->out, err, "<tr><td>");
        if (code == SK_OK)
            code = sk_html_text(p->out, info->class_name[c], err);
        if (code == SK_OK)
            code = sk_str_add(p->out, err,
                              "</td><td>%s</td><td class=\"count\"><div style=\"width:%.2f%%\"></div></td></tr>\n",
                              sk_thousands(s->per_class[c], number), 100 * (double)s->per_class[c] / (double)most);
    }
    return code == SK_OK ? sk_str_add(p->out, err, "</table>\n") : code;
}

static enum sk_code add_facts(struct page *p, const struct sk_data_stats *s, struct sk_err *err)
{
    const struct sk_dataset_info *info = sk_dataset_info(p->ds);
    char number[32], damaged[32];
    enum sk_code code = sk_str_add(
        p->out, err, "<p>%s pictures of %d classes, heights %d to %d, widths %d to %d, %d channels; %s damaged",
        sk_thousands(s->count, number), info->classes, s->min_height, s->max_height, s->min_width, s->max_width,
        info->channels, sk_thousands(s->damaged, damaged));
    if (code == SK_OK && s->damaged > 0)
        code = sk_str_add(p->out, err, ", the first: ");
    if (code == SK_OK && s->damaged > 0)
        code = sk_html_text(p->out, s->first_damaged, err);
    if (code == SK_OK)
        code = sk_str_add(p->out, err, "</p>\n<p>mean");
    for (int c = 0; c < info->channels && code == SK_OK; c++)
        code = sk_str_add(p->out, err, " %.4f", s->mean[c]);
    if (code == SK_OK)
        code = sk_str_add(p->out, err, ", standard deviation");
    for (int c = 0; c < info->channels && code == SK_OK; c++)
        code = sk_str_add(p->out, err, " %.4f", s->std[c]);
    return code == SK_OK ? sk_str_add(p->out, err, "</p>\n") : code;
}

enum sk_code sk_data_page(const struct sk_data_page *what, const char *path, struct sk_err *err)
{
    struct sk_str out = {0};
    if (sk_dataset_info(what->dataset)->pixel != SK_PIXEL_U8)
        return sk_fail(err, SK_USAGE, "--html: pictures of floats cannot be shown, only those of 8 bits");
    struct page p = {.ds = what->dataset, .steps = what->steps, .train = what->train, .seed = what->seed, .out = &out};
    enum sk_code code = sk_html_open(&out, what->title, err);
    if (code == SK_OK)
        code = add_facts(&p, what->stats, err);
    if (code == SK_OK)
        code = add_samples(&p, err);
    if (code == SK_OK)
        code = add_classes(&p, what->stats, err);
    if (code == SK_OK)
        code = sk_str_add(&out, err, "</body></html>\n");
    if (code == SK_OK)
        code = sk_file_write(path, out.text, out.len, err);
    sk_picture_release(&p.picture);
    sk_picture_release(&p.scratch);
    sk_str_release(&p.file);
    sk_str_release(&out);
    return code;
}
