/* skua data inspect --html: what a data set holds, and some of its pictures before and after augmentation, as one page.
 */
#include "cli/data_args.h"
#include "report/html.h"
#include "train/train.h"

enum { PICTURES = 24, VERSIONS = 4, MIXED = 8 };

struct page {
    struct sk_page_pictures show;
    const struct sk_recipe_train *train;
    struct sk_page out;
};

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
                               struct sk_picture *batch, int64_t *read, int *got, struct sk_err *err)
{
    for (int i = 0; i < count; i++) {
        struct sk_picture *to = &batch[*got], kept = *to;
        struct sk_err why = {0};
        enum sk_code code = sk_page_augmented(&p->show, index[i], epoch, &why);
        if (code != SK_OK && !sk_is_damage(code))
            return sk_fail(err, code, "%s", why.text);
        if (code != SK_OK ||
            (*got > 0 && (p->show.picture.height != batch->height || p->show.picture.width != batch->width)))
            continue;
        *to = p->show.picture;
        p->show.picture = kept;
        read[(*got)++] = index[i];
    }
    return SK_OK;
}

/* "70% cat, 30% dog". */
static void add_labels(struct page *p, int64_t own, int64_t before, double share)
{
    const struct sk_dataset *ds = p->show.ds;
    int a = sk_dataset_label(ds, own), b = sk_dataset_label(ds, before);
    sk_page_add(&p->out, "<figcaption>%.0f%% ", 100 * (a == b ? 1 : share));
    sk_page_text(&p->out, sk_dataset_info(ds)->class_name[a]);
    if (a != b) {
        sk_page_add(&p->out, ", %.0f%% ", 100 - 100 * share);
        sk_page_text(&p->out, sk_dataset_info(ds)->class_name[b]);
    }
    sk_page_add(&p->out, "</figcaption></figure>\n");
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
        sk_page_add(&p->out, "<p><b>%s, %.0f%% of each its own</b></p>\n<div class=\"captioned\">",
                    mix.bottom > 0 ? "CutMix" : "MixUp", 100 * (double)mix.lambda);
    }
    for (int i = 0; i < got && code == SK_OK; i++) {
        code = mix_levels(&p->show.picture, &batch[i], &batch[(i + got - 1) % got], &mix, err);
        if (code == SK_OK)
        if (code == SK_OK) {
            sk_page_add(&p->out, "<figure>");
            code = sk_page_picture(&p->show, "mixed", err);
        }
        if (code == SK_OK)
            add_labels(p, read[i], read[(i + got - 1) % got], (double)mix.lambda);
    }
    for (int i = 0; i < MIXED; i++)
        sk_picture_release(&batch[i]);
    if (got > 0)
        sk_page_add(&p->out, "</div>\n");
    return code;
}

/* Where the recipe mixes batches: some of the pictures, as a batch. */
static enum sk_code add_mixed(struct page *p, const int64_t *index, int64_t count, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    if (!p->train || (p->train->mixup_alpha <= 0 && p->train->cutmix_alpha <= 0))
        return SK_OK;
    sk_page_add(&p->out, "<h2>Mixed batches</h2>\n");
    for (uint32_t epoch = 0; epoch < VERSIONS && code == SK_OK; epoch++)
        code = add_mixed_batch(p, index, count < MIXED ? (int)count : MIXED, epoch, err);
    return code;
}

static enum sk_code add_samples(struct page *p, struct sk_err *err)
{
    int64_t chosen[PICTURES], count = PICTURES;
    enum sk_code code = sk_data_choose(p->show.ds, p->show.seed, chosen, &count, err);
    sk_page_add(&p->out, "<h2>Pictures%s</h2>\n",
                p->show.steps->count > 0 ? ", and what four epochs make of them" : "");
    for (int64_t i = 0; i < count && code == SK_OK; i++)
        code = sk_page_versions(&p->show, chosen[i], VERSIONS, err);
    return code == SK_OK ? add_mixed(p, chosen, count, err) : code;
}

static void add_classes(struct page *p, const struct sk_data_stats *s)
{
    const struct sk_dataset_info *info = sk_dataset_info(p->show.ds);
    int64_t most = 1;
    char number[32];
    for (int c = 0; c < info->classes; c++)
        most = s->per_class[c] > most ? s->per_class[c] : most;
    sk_page_add(&p->out, "<h2>Classes</h2>\n<table>\n");
    for (int c = 0; c < info->classes; c++) {
        sk_page_add(&p->out, "<tr>");
        sk_page_cell(&p->out, "td", info->class_name[c]);
        sk_page_add(&p->out, "<td>%s</td><td class=\"count\"><div style=\"width:%.2f%%\"></div></td></tr>\n",
                    sk_thousands(s->per_class[c], number), 100 * (double)s->per_class[c] / (double)most);
    }
    sk_page_add(&p->out, "</table>\n");
}

static void add_facts(struct page *p, const struct sk_data_stats *s)
{
    const struct sk_dataset_info *info = sk_dataset_info(p->show.ds);
    char number[32], damaged[32];
    sk_page_add(&p->out, "<p>%s pictures of %d classes, heights %d to %d, widths %d to %d, %d channels; %s damaged",
                sk_thousands(s->count, number), info->classes, s->min_height, s->max_height, s->min_width, s->max_width,
                info->channels, sk_thousands(s->damaged, damaged));
    if (s->damaged > 0)
        sk_page_add(&p->out, ", the first: ");
    if (s->damaged > 0)
        sk_page_text(&p->out, s->first_damaged);
    sk_page_add(&p->out, "</p>\n<p>mean");
    for (int c = 0; c < info->channels; c++)
        sk_page_add(&p->out, " %.4f", s->mean[c]);
    sk_page_add(&p->out, ", standard deviation");
    for (int c = 0; c < info->channels; c++)
        sk_page_add(&p->out, " %.4f", s->std[c]);
    sk_page_add(&p->out, "</p>\n");
}

enum sk_code sk_data_page(const struct sk_data_page *what, const char *path, struct sk_err *err)
{
    if (sk_dataset_info(what->dataset)->pixel != SK_PIXEL_U8)
        return sk_fail(err, SK_USAGE, "--html: pictures of floats cannot be shown, only those of 8 bits");
    struct page p = {.show = {.ds = what->dataset, .steps = what->steps, .seed = what->seed}, .train = what->train};
    p.show.page = &p.out;
    sk_page_open(&p.out, what->title);
    sk_page_heading(&p.out, what->title);
    add_facts(&p, what->stats);
    enum sk_code code = add_samples(&p, err);
    add_classes(&p, what->stats);
    if (code == SK_OK)
        code = sk_page_write(&p.out, path, err);
    sk_page_pictures_release(&p.show);
    sk_page_release(&p.out);
    return code;
}
