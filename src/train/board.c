/* What a run writes for TensorBoard. */
#include "train/log.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static double wall_clock(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- the file ---- */
/* TensorBoard reads the files of a folder in the order of their names, which hold the time of their making. */
#define FILE_NAME "events.out.tfevents."

/* The time in the newest file's name, 0: there is none. */
static enum sk_code newest_file(const char *dir, int64_t *newest, struct sk_err *err)
{
    char **names = NULL;
    size_t count = 0;
    *newest = 0;
    enum sk_code code = sk_dir_list(dir, &names, &count, err);
    for (size_t i = 0; i < count; i++) {
        int64_t made;
        if (sscanf(names[i], FILE_NAME "%10" SCNd64 ".", &made) == 1 && made > *newest)
            *newest = made;
    }
    sk_free(names);
    return code;
}

static enum sk_code open_file(struct sk_append *file, const char *dir, struct sk_err *err)
{
    char name[SK_NAME];
    int64_t newest, now = (int64_t)wall_clock();
    enum sk_code code = newest_file(dir, &newest, err);
    if (code == SK_OK)
        code = sk_format(name, sizeof(name), "the name of an event file", err, FILE_NAME "%010lld.skua",
                         (long long)(now > newest ? now : newest + 1));
    return code == SK_OK ? sk_append_open(file, dir, name, err) : code;
}

enum sk_code sk_board_open(struct sk_board *b, const char *dir, int64_t step, const struct sk_recipe_train *r,
                           struct sk_err *err)
{
    struct sk_str head = {0};
    *b = (struct sk_board){0};
    if (!r->tensorboard)
        return SK_OK;
    b->histograms = r->histograms;
    b->histogram = sk_alloc(1, sizeof(*b->histogram), err);
    enum sk_code code = b->histogram ? open_file(&b->file, dir, err) : SK_NOMEM;
    if (code == SK_OK)
        code = sk_event_version(&head, wall_clock(), err);
    if (code == SK_OK)
        code = sk_event_start(&head, (struct sk_event_time){wall_clock(), step + 1}, err);
    if (code == SK_OK)
        sk_append_put(&b->file, &head, SK_OK);
    sk_str_release(&head);
    return code;
}

enum sk_code sk_board_close(struct sk_board *b, struct sk_err *err)
{
    enum sk_code code = sk_append_close(&b->file, err);
    sk_free(b->histogram);
    sk_str_release(&b->held);
    *b = (struct sk_board){0};
    return code;
}

/* ---- scalars ---- */
static void put_scalars(struct sk_board *b, int64_t step, const struct sk_event_scalar *scalar, size_t count)
{
    struct sk_str event = {0};
    if (!b->file.is_open)
        return;
    enum sk_code code = sk_event_scalars(&event, (struct sk_event_time){wall_clock(), step}, scalar, count, NULL);
    sk_append_put(&b->file, &event, code);
    sk_str_release(&event);
}

void sk_board_step(struct sk_board *b, const struct sk_step_report *r)
{
    const struct sk_event_scalar scalars[] = {
        {"train/loss", r->loss},
        {"train/accuracy", r->count > 0 ? (double)r->correct1 / r->count : 0},
        {"lr", r->lr},
    };
    put_scalars(b, r->step, scalars, SK_COUNT(scalars));
}

static void put_held(struct sk_board *b)
{
    if (b->held.len > 0)
        sk_append_put(&b->file, &b->held, SK_OK);
    b->held.len = 0;
}

void sk_board_epoch(struct sk_board *b, const struct sk_epoch_report *r)
{
    enum { WITHOUT_VALIDATION = 4, WITHOUT_AVERAGE = 7 };
    double training = r->seconds - r->val_seconds;
    const struct sk_event_scalar scalars[] = {
        {"epoch/train_loss", sk_metrics_loss(&r->train)},
        {"epoch/train_accuracy", sk_metrics_top1(&r->train)},
        {"images_per_s", r->images_per_s},
        {"waited", training > 0 ? r->wait_seconds / training : 0},
        {"val/loss", sk_metrics_loss(&r->val)},
        {"val/accuracy", sk_metrics_top1(&r->val)},
        {"val/top5", sk_metrics_top5(&r->val)},
        {"ema/loss", sk_metrics_loss(&r->ema)},
        {"ema/accuracy", sk_metrics_top1(&r->ema)},
        {"ema/top5", sk_metrics_top5(&r->ema)},
    };
    put_scalars(b, r->step, scalars,
                r->has_ema   ? SK_COUNT(scalars)
                : r->has_val ? WITHOUT_AVERAGE
                             : WITHOUT_VALIDATION);
    put_held(b);
}

/* ---- pictures ---- */
enum { GRID_SIDE = 1024, GRID_CELLS = 8 };

/* Pictures of a side that fit beside each other. */
static int cells(int side)
{
    return GRID_SIDE / side < GRID_CELLS ? GRID_SIDE / side : GRID_CELLS;
}

static void draw_grid(const struct sk_picture *grid, const struct sk_batch *b, int columns, int shown)
{
    size_t line = (size_t)b->width * (size_t)b->channels, wide = (size_t)columns * line;
    memset(grid->data, 0, (size_t)grid->height * wide);
    for (int i = 0; i < shown; i++)
        for (int y = 0; y < b->height; y++) {
            size_t row = (size_t)(i / columns * b->height + y);
            const unsigned char *from =
                (const unsigned char *)b->pixels + ((size_t)i * (size_t)b->height + (size_t)y) * line;
            memcpy((unsigned char *)grid->data + row * wide + (size_t)(i % columns) * line, from, line);
        }
}

static enum sk_code grid_event(const struct sk_batch *b, int64_t step, struct sk_str *event, struct sk_err *err)
{
    struct sk_picture grid = {0};
    struct sk_str png = {0};
    int columns = cells(b->width), most = columns * cells(b->height), shown = b->count < most ? b->count : most;
    columns = shown < columns ? shown : columns;
    int rows = (shown + columns - 1) / columns;
    enum sk_code code = sk_picture_reserve(&grid, rows * b->height, columns * b->width, b->channels, SK_PIXEL_U8, err);
    if (code == SK_OK) {
        draw_grid(&grid, b, columns, shown);
        code = sk_picture_encode(&grid, &png, err);
    }
    struct sk_event_image image = {grid.height, grid.width, grid.channels, png.text, png.len};
    if (code == SK_OK)
        code = sk_event_image(event, (struct sk_event_time){wall_clock(), step}, "train/pictures", &image, err);
    sk_str_release(&png);
    sk_picture_release(&grid);
    return code;
}

void sk_board_pictures(struct sk_board *b, const struct sk_batch *batch, int64_t step)
{
    struct sk_str event = {0};
    bool can = batch->pixel == SK_PIXEL_U8 && (batch->channels == 1 || batch->channels == 3) &&
               batch->width <= GRID_SIDE && batch->height <= GRID_SIDE && batch->count > 0;
    if (!b->file.is_open || !can)
        return;
    enum sk_code code = grid_event(batch, step, &event, NULL);
    sk_append_put(&b->file, &event, code);
    sk_str_release(&event);
}

/* ---- mistakes ---- */
struct drawing {
    struct sk_picture picture, scratch;
    struct sk_str png;
};

static enum sk_code draw_sample(struct drawing *d, const struct sk_dataset *ds, const struct sk_picture_steps *steps,
                                int64_t index, struct sk_err *err)
{
    struct sk_rng unused = {0}; /* these steps draw nothing */
    int done = 0;
    enum sk_code code = sk_dataset_read_for(ds, index, steps, &unused, &d->picture, &d->scratch, &done, err);
    if (code == SK_OK)
        code = sk_picture_apply_from(&d->picture, &d->scratch, steps, done, &unused, err);
    d->png.len = 0;
    return code == SK_OK ? sk_picture_encode(&d->picture, &d->png, err) : code;
}

static const char *class_text(char out[SK_NAME], const struct sk_dataset *ds, int number)
{
    const struct sk_dataset_info *info = sk_dataset_info(ds);
    if (number < info->classes)
        return sk_printable(out, SK_NAME, info->class_name[number]);
    snprintf(out, SK_NAME, "%d", number); /* a class of the network's that the data has not */
    return out;
}

static enum sk_code hold_mistake(struct sk_board *b, const struct drawing *d, const struct sk_dataset *ds,
                                 const struct sk_mistake *m, int rank, int64_t step, struct sk_err *err)
{
    char tag[2 * SK_NAME + 64], label[SK_NAME], predicted[SK_NAME];
    struct sk_event_image image = {d->picture.height, d->picture.width, d->picture.channels, d->png.text, d->png.len};
    snprintf(tag, sizeof(tag), "mistakes/%02d %s taken for %s, %.1f%%", rank, class_text(label, ds, m->label),
             class_text(predicted, ds, m->predicted), 100 * m->probability);
    return sk_event_image(&b->held, (struct sk_event_time){wall_clock(), step}, tag, &image, err);
}

void sk_board_mistakes(struct sk_board *b, const struct sk_dataset *ds, const struct sk_picture_steps *steps,
                       const struct sk_scores *s, int64_t step)
{
    struct drawing d = {0};
    struct sk_err err = {0};
    enum sk_code code = SK_OK;
    b->held.len = 0;
    for (int i = 0; b->file.is_open && i < s->mistakes && (code == SK_OK || sk_is_damage(code)); i++) {
        sk_err_clear(&err);
        code = draw_sample(&d, ds, steps, s->mistake[i].index, &err);
        if (code == SK_OK)
            code = hold_mistake(b, &d, ds, &s->mistake[i], i + 1, step, &err);
    }
    if (code != SK_OK && code != SK_UNSUPPORTED)
        sk_notice("not all pictures of mistakes are written: %s; training goes on", err.text);
    sk_picture_release(&d.picture);
    sk_picture_release(&d.scratch);
    sk_str_release(&d.png);
}

/* ---- histograms ---- */
static enum sk_code put_histogram(struct sk_board *b, const char *kind, const char *name, const float *value, size_t n,
                                  int64_t step, struct sk_err *err)
{
    char tag[SK_TENSOR_NAME + 16];
    struct sk_str event = {0};
    snprintf(tag, sizeof(tag), "%s/%s", kind, name);
    sk_histogram_make(b->histogram, value, n);
    enum sk_code code = sk_event_histogram(&event, (struct sk_event_time){wall_clock(), step}, tag, b->histogram, err);
    sk_append_put(&b->file, &event, code);
    sk_str_release(&event);
    return code;
}

static enum sk_code put_param(struct sk_board *b, struct sk_net *net, const struct sk_store_entry *param, int64_t step,
                              struct sk_err *err)
{
    size_t n = (size_t)sk_desc_count(&param->desc);
    float *value = sk_alloc(n, sizeof(*value), err);
    if (!value)
        return SK_NOMEM;
    enum sk_code code = sk_store_read(sk_net_store(net), param->name, value, n, err);
    if (code == SK_OK)
        code = put_histogram(b, "weights", param->name, value, n, step, err);
    bool is_trained = sk_net_has_gradient(net, param->name);
    if (code == SK_OK && is_trained)
        code = sk_net_gradient(net, param->name, value, n, err);
    if (code == SK_OK && is_trained)
        code = put_histogram(b, "gradients", param->name, value, n, step, err);
    sk_free(value);
    return code;
}

void sk_board_histograms(struct sk_board *b, struct sk_net *net, int64_t epoch, int64_t step)
{
    const struct sk_store *store = sk_net_store(net);
    struct sk_err err = {0};
    enum sk_code code = SK_OK;
    if (!b->file.is_open || b->histograms == 0 || epoch % b->histograms != 0)
        return;
    for (size_t i = 0; i < sk_store_count(store) && code == SK_OK; i++)
        if (sk_store_at(store, i)->role == SK_ROLE_PARAM)
            code = put_param(b, net, sk_store_at(store, i), step, &err);
    if (code != SK_OK)
        sk_notice("epoch %lld has no histograms of all weights: %s; training goes on", (long long)epoch, err.text);
}
