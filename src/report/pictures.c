/* Pictures of a data set on a page, as data URIs. */
#include "report/html.h"

enum { SHOWN_SIDE = 160, SMALL_SIDE = 64, QUALITY = 85 };

void sk_page_pictures_release(struct sk_page_pictures *p)
{
    sk_picture_release(&p->picture);
    sk_picture_release(&p->scratch);
    sk_str_release(&p->file);
}

enum sk_code sk_page_picture(struct sk_page_pictures *p, const char *alt, struct sk_err *err)
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
    if (code != SK_OK)
        return code;
    sk_page_add(p->page, "<img%s width=\"%d\" height=\"%d\" alt=\"", small ? " class=\"small\"" : "", show->width,
                show->height);
    sk_page_text(p->page, alt);
    sk_page_add(p->page, "\" src=\"data:image/%s;base64,", small ? "png" : "jpeg");
    sk_page_base64(p->page, p->file.text, p->file.len);
    sk_page_add(p->page, "\">");
    return SK_OK;
}

enum sk_code sk_page_augmented(struct sk_page_pictures *p, int64_t index, uint32_t epoch, struct sk_err *err)
{
    struct sk_rng rng;
    int done = 0;
    sk_rng_init(&rng, (uint64_t)p->seed, epoch, (uint64_t)index, SK_RNG_AUGMENT);
    enum sk_code code = sk_dataset_read_for(p->ds, index, p->steps, &rng, &p->picture, &p->scratch, &done, err);
    return code == SK_OK ? sk_picture_apply_from(&p->picture, &p->scratch, p->steps, done, &rng, err) : code;
}

static enum sk_code add_versions(struct sk_page_pictures *p, int64_t index, uint32_t epochs, struct sk_err *err)
{
    char alt[64];
    enum sk_code code = sk_dataset_read(p->ds, index, &p->picture, err);
    if (code == SK_OK)
        code = sk_page_picture(p, "as it lies", err);
    for (uint32_t epoch = 0; epoch < epochs && p->steps->count > 0 && code == SK_OK; epoch++) {
        if (epoch == 0)
            sk_page_add(p->page, " &rarr; ");
        snprintf(alt, sizeof(alt), "in epoch %u", epoch + 1);
        code = sk_page_augmented(p, index, epoch, err);
        if (code == SK_OK)
            code = sk_page_picture(p, alt, err);
    }
    return code;
}

enum sk_code sk_page_versions(struct sk_page_pictures *p, int64_t index, uint32_t epochs, struct sk_err *err)
{
    char name[2 * SK_PATH];
    struct sk_err why = {0};
    sk_dataset_name(p->ds, index, name, sizeof(name));
    sk_page_add(p->page, "<p class=\"strip\" title=\"");
    sk_page_text(p->page, name);
    sk_page_add(p->page, "\">");
    sk_page_cell(p->page, "b", sk_dataset_info(p->ds)->class_name[sk_dataset_label(p->ds, index)]);
    sk_page_add(p->page, "<br>");
    enum sk_code code = add_versions(p, index, epochs, &why);
    if (sk_is_damage(code)) /* the page says so */
        sk_page_text(p->page, why.text);
    else if (code != SK_OK)
        return sk_fail(err, code, "%s", why.text);
    sk_page_add(p->page, "</p>\n");
    return SK_OK;
}
