/* skua data inspect --html: what a data set holds, and some of its pictures before and after augmentation, as one page.
 */
#include "cli/data_args.h"
#include "cli/html.h"

enum { PICTURES = 24, VERSIONS = 4, SHOWN_SIDE = 160, SMALL_SIDE = 64, QUALITY = 85 };

struct page {
    const struct sk_dataset *ds;
    const struct sk_picture_steps *steps;
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

/* As it lies, then as some epochs of training get it. */
static enum sk_code add_versions(struct page *p, int64_t index, struct sk_err *err)
{
    enum sk_code code = sk_dataset_read(p->ds, index, &p->picture, err);
    if (code == SK_OK)
        code = add_picture(p, err);
    for (uint32_t epoch = 0; epoch < VERSIONS && p->steps->count > 0 && code == SK_OK; epoch++) {
        struct sk_rng rng;
        int done = 0;
        sk_rng_init(&rng, (uint64_t)p->seed, epoch, (uint64_t)index, SK_RNG_AUGMENT);
        if (epoch == 0)
            code = sk_str_add(p->out, err, " &rarr; ");
        if (code == SK_OK)
            code = sk_dataset_read_for(p->ds, index, p->steps, &rng, &p->picture, &p->scratch, &done, err);
        if (code == SK_OK)
            code = sk_picture_apply_from(&p->picture, &p->scratch, p->steps, done, &rng, err);
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

static enum sk_code add_samples(struct page *p, struct sk_err *err)
{
    int64_t chosen[PICTURES], count = PICTURES;
    enum sk_code code = sk_data_choose(p->ds, p->seed, chosen, &count, err);
    if (code == SK_OK)
        code = sk_str_add(p->out, err, "<h2>Pictures%s</h2>\n",
                          p->steps->count > 0 ? ", and what four epochs make of them" : "");
    for (int64_t i = 0; i < count && code == SK_OK; i++)
        code = add_sample(p, chosen[i], err);
    return code;
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
    struct page p = {.ds = what->dataset, .steps = what->steps, .seed = what->seed, .out = &out};
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
