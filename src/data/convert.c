/* Writing a data set into WebDataset shards. A shard is the work of one thread and depends on the data and the options
 * alone; it gets its name when it is whole, so that what was stopped goes on with the shards that are missing. */
#include "data/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "data/crew.h"
#include "data/internal.h"
#include "data/labels.h"

enum { SAMPLED = 100 /* pictures that tell how large one is */, STAMP_MAX = 4096 };

struct converter { /* of one thread */
    struct sk_picture picture, resized;
    struct sk_str jpeg;
    struct sk_tar_writer tar;
    int64_t damaged, first_damaged;
    int64_t shards, kept, bytes;
    struct sk_err damage, err;
};

struct conversion {
    const struct sk_dataset *dataset;
    const struct sk_convert *options;
    int64_t count, per_shard, *order;
    int lock; /* the folder, held until the end; -1: none */
    struct converter *thread;
};

/* ---- one picture ---- */

/* The picture as JPEG or PNG: resized where it is larger than that, else as it lies, else (no file) as PNG. */
static enum sk_code resize(struct converter *t, const struct conversion *all, struct sk_err *err)
{
    const int size = all->options->resize;
    const struct sk_picture *p = &t->picture;
    bool wide = p->width > p->height;
    int small = wide ? p->height : p->width, large = wide ? p->width : p->height;
    int scaled = (int)((int64_t)size * large / small);
    enum sk_code code = sk_picture_resize(&t->resized, p, wide ? size : scaled, wide ? scaled : size, err);
    return code == SK_OK ? sk_picture_encode_jpeg(&t->resized, all->options->quality, &t->jpeg, err) : code;
}

/* Also where the file is copied as it lies: so damage is found. */
static enum sk_code decode(struct converter *t, const struct sk_dataset *ds, int64_t index, const char *file,
                           size_t len, struct sk_err *err)
{
    char name[2 * SK_PATH];
    if (!file)
        return sk_dataset_read(ds, index, &t->picture, err);
    sk_dataset_name(ds, index, name, sizeof(name));
    return sk_picture_decode(&t->picture, file, len, name, err);
}

static enum sk_code make_file(struct converter *t, const struct conversion *all, int64_t index, char **file,
                              size_t *len, struct sk_err *err)
{
    const int size = all->options->resize;
    t->jpeg.len = 0;
    enum sk_code code = sk_dataset_file(all->dataset, index, file, len, err);
    if (code == SK_OK)
        code = decode(t, all->dataset, index, *file, *len, err);
    if (code != SK_OK)
        return code;
    if (size > 0 && t->picture.height > size && t->picture.width > size)
        code = resize(t, all, err);
    else if (!*file)
        code = sk_picture_encode(&t->picture, &t->jpeg, err);
    return code;
}

static bool is_png(const char *file, size_t len)
{
    return len >= 4 && memcmp(file, "\x89PNG", 4) == 0;
}

static enum sk_code add_sample(struct converter *t, const struct conversion *all, int64_t number, struct sk_err *err)
{
    char *file = NULL, name[64], label[16];
    size_t len = 0;
    int64_t index = all->order[number];
    t->jpeg.len = 0;
    enum sk_code code = make_file(t, all, index, &file, &len, err);
    if (code == SK_OK) {
        const char *data = t->jpeg.len > 0 ? t->jpeg.text : file;
        len = t->jpeg.len > 0 ? t->jpeg.len : len;
        snprintf(name, sizeof(name), "%09lld.%s", (long long)number, is_png(data, len) ? "png" : "jpg");
        code = sk_tar_writer_add(&t->tar, name, data, len, err);
        snprintf(name, sizeof(name), "%09lld.cls", (long long)number);
        int digits = snprintf(label, sizeof(label), "%d", sk_dataset_label(all->dataset, index));
        if (code == SK_OK)
            code = sk_tar_writer_add(&t->tar, name, label, (size_t)digits, err);
        if (code == SK_IO || code == SK_INPUT)
            code = SK_BUG; /* of writing: not the sample's fault */
    }
    sk_free(file);
    return code;
}

/* ---- one shard ---- */

/* A damaged sample is left out; its number stays unused. */
static enum sk_code fill_shard(struct sk_crew *crew, struct converter *t, int64_t shard)
{
    const struct conversion *all = crew->ctx;
    int64_t begin = shard * all->per_shard,
            end = begin + all->per_shard < all->count ? begin + all->per_shard : all->count;
    for (int64_t i = begin; i < end && !atomic_load(&crew->stop); i++) {
        struct sk_err why = {0};
        enum sk_code code = add_sample(t, all, i, &why);
        if (sk_is_damage(code)) {
            if (t->damaged++ == 0 || i < t->first_damaged) {
                t->first_damaged = i;
                t->damage = why;
            }
        } else if (code != SK_OK) {
            return sk_fail(&t->err, why.code, "%s", why.text);
        }
        atomic_fetch_add(&crew->done, 1);
    }
    return SK_OK;
}

static void write_shard(struct sk_crew *crew, int thread, int64_t shard)
{
    const struct conversion *all = crew->ctx;
    struct converter *t = &all->thread[thread];
    char name[32], path[SK_PATH];
    snprintf(name, sizeof(name), "%06lld.tar", (long long)shard);
    enum sk_code code = sk_path_join(path, &t->err, all->options->dir, name);
    if (code == SK_OK && sk_is_file(path)) {
        int64_t left = all->count - shard * all->per_shard;
        t->kept++;
        atomic_fetch_add(&crew->done, left < all->per_shard ? left : all->per_shard);
        return;
    }
    if (code == SK_OK)
        code = sk_tar_writer_open(&t->tar, path, &t->err);
    if (code == SK_OK)
        code = fill_shard(crew, t, shard);
    if (code == SK_OK && !atomic_load(&crew->stop)) {
        code = sk_tar_writer_finish(&t->tar, &t->err);
        t->shards += code == SK_OK;
    }
    sk_tar_writer_close(&t->tar);
    if (code != SK_OK)
        atomic_store(&crew->stop, true);
}

/* ---- the whole ---- */

/* Samples a shard, from the size of the first ones; the same whenever it is asked. */
static enum sk_code choose_size(struct conversion *all, struct sk_err *err)
{
    const struct sk_convert *o = all->options;
    struct converter *t = &all->thread[0];
    double bytes = 0;
    int64_t met = 0;
    all->per_shard = o->shard_samples;
    for (int64_t i = 0; o->shard_samples == 0 && i < all->count && i < SAMPLED; i++) {
        struct sk_err why = {0};
        char *file = NULL;
        size_t len = 0;
        t->jpeg.len = 0;
        enum sk_code code = make_file(t, all, all->order[i], &file, &len, &why);
        bytes += (double)(t->jpeg.len > 0 ? t->jpeg.len : len) + 2048; /* two headers, the label, the padding */
        met += code == SK_OK;
        sk_free(file);
        if (code != SK_OK && !sk_is_damage(code))
            return sk_fail(err, code, "%s", why.text);
    }
    if (all->per_shard == 0)
        all->per_shard = met > 0 ? (int64_t)((double)o->shard_bytes * (double)met / bytes) : all->count;
    if (all->per_shard < 1)
        all->per_shard = 1;
    return SK_OK;
}

/* Another process may not write here before this one ends, or dies. */
static enum sk_code lock_folder(struct conversion *all, struct sk_err *err)
{
    const char *dir = all->options->dir;
    all->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (all->lock < 0)
        return sk_fail_errno(err, SK_IO, errno, "cannot open '%s'", dir);
    if (flock(all->lock, LOCK_EX | LOCK_NB) == 0)
        return SK_OK;
    if (errno == EWOULDBLOCK)
        return sk_fail(err, SK_USAGE, "another conversion is writing into '%s'", dir);
    sk_notice("cannot lock '%s' (%s): see to it that no other conversion writes there", dir, strerror(errno));
    return SK_OK;
}

/* Another conversion's shards must not be taken for ours: what this one is stands beside them. */
static enum sk_code claim_folder(struct conversion *all, struct sk_err *err)
{
    char path[SK_PATH], text[256], *there = NULL;
    size_t len;
    snprintf(text, sizeof(text), "data %016llx samples %lld a shard %lld resize %d quality %d seed %lld\n",
             (unsigned long long)sk_dataset_info(all->dataset)->fingerprint, (long long)all->count,
             (long long)all->per_shard, all->options->resize, all->options->resize ? all->options->quality : 0,
             (long long)all->options->seed);
    enum sk_code code = sk_mkdirs(all->options->dir, err);
    if (code == SK_OK)
        code = lock_folder(all, err);
    if (code == SK_OK)
        code = sk_path_join(path, err, all->options->dir, SK_CONVERSION);
    if (code != SK_OK)
        return code;
    if (!sk_is_file(path)) {
        char **names;
        code = sk_dir_list(all->options->dir, &names, &len, err);
        sk_free(names);
        if (code == SK_OK && len > 0)
            return sk_fail(err, SK_INPUT, "the folder '%s' is not empty", all->options->dir);
        return code == SK_OK ? sk_file_write(path, text, strlen(text), err) : code;
    }
    code = sk_file_read(path, STAMP_MAX, &there, &len, err);
    if (code == SK_OK && strcmp(there, text) != 0)
        code = sk_fail(err, SK_INPUT, "'%s' holds shards of other data or other options: choose another folder",
                       all->options->dir);
    sk_free(there);
    return code;
}

enum sk_code sk_conversion_check(const char *dir, size_t shards, bool *is, struct sk_err *err)
{
    char path[SK_PATH], *text = NULL;
    size_t len;
    long long samples = 0, per_shard = 0;
    enum sk_code code = sk_path_join(path, err, dir, SK_CONVERSION);
    *is = code == SK_OK && sk_is_file(path);
    if (!*is)
        return code;
    code = sk_file_read(path, STAMP_MAX, &text, &len, err);
    bool right = code == SK_OK && sscanf(text, "data %*s samples %lld a shard %lld", &samples, &per_shard) == 2 &&
                 samples > 0 && per_shard > 0;
    sk_free(text);
    if (code != SK_OK)
        return code;
    if (!right)
        return sk_fail(err, SK_INPUT, "'%s' is damaged: expected what skua data convert writes", path);
    size_t expected = (size_t)((samples - 1) / per_shard + 1);
    if (shards >= expected)
        return SK_OK;
    return sk_fail(err, SK_INPUT, "'%s' holds %zu of the %zu shards of its conversion: the same skua data convert command "
                   "writes the others", dir, shards, expected);
}

static void release(struct conversion *all, int threads)
{
    if (all->lock >= 0)
        close(all->lock);
    for (int i = 0; all->thread && i < threads; i++) {
        sk_picture_release(&all->thread[i].picture);
        sk_picture_release(&all->thread[i].resized);
        sk_str_release(&all->thread[i].jpeg);
    }
    sk_free(all->thread);
    sk_free(all->order);
}

static enum sk_code join(struct sk_converted *out, const struct conversion *all, int threads, struct sk_err *err)
{
    int64_t first = all->count;
    for (int i = 0; i < threads; i++) {
        const struct converter *t = &all->thread[i];
        if (t->err.code != SK_OK)
            return sk_fail(err, t->err.code, "%s", t->err.text);
        out->shards += t->shards;
        out->kept += t->kept;
        out->damaged += t->damaged;
        if (t->damaged > 0 && t->first_damaged < first) {
            first = t->first_damaged;
            out->first_damaged = t->damage;
        }
    }
    return SK_OK;
}

enum sk_code sk_data_convert(const struct sk_dataset *ds, const struct sk_convert *o, struct sk_converted *out,
                             struct sk_err *err)
{
    int64_t there = sk_dataset_info(ds)->count;
    struct conversion all = {.dataset = ds, .options = o, .lock = -1,
                             .count = o->limit > 0 && o->limit < there ? o->limit : there};
    struct sk_crew crew = {.threads = sk_crew_threads(o->threads),
                           .all = all.count,
                           .work = write_shard,
                           .ctx = &all,
                           .progress = o->progress,
                           .progress_ctx = o->ctx};
    enum sk_code code = SK_NOMEM;
    *out = (struct sk_converted){.samples = all.count};
    all.order = sk_alloc((size_t)all.count, sizeof(*all.order), err);
    all.thread = all.order ? sk_alloc((size_t)crew.threads, sizeof(*all.thread), err) : NULL;
    if (!all.thread)
        goto done;
    if ((code = sk_sampler_shuffle(all.order, all.count, ds, 0, o->seed, 0, err)) != SK_OK)
        goto done;
    if ((code = choose_size(&all, err)) != SK_OK || (code = claim_folder(&all, err)) != SK_OK)
        goto done;
    crew.jobs = (all.count + all.per_shard - 1) / all.per_shard;
    code = sk_crew_run(&crew, err);
    enum sk_code joined = join(out, &all, crew.threads, err);
    code = code == SK_OK ? joined : code;
    if (code == SK_OK)
        code = sk_dir_sync(o->dir, err);
done:
    release(&all, crew.threads);
    return code;
}

enum sk_code sk_data_write_classes(const struct sk_dataset *ds, const char *path, struct sk_err *err)
{
    const struct sk_dataset_info *info = sk_dataset_info(ds);
    struct sk_class_list again = {0};
    struct sk_label_set met = {0};
    struct sk_str text = {0};
    enum sk_code code = SK_OK;
    for (int i = 0; code == SK_OK && i < info->classes; i++) {
        const char *name = info->class_name[i];
        char numbered[SK_NAME + 32];
        int number;
        snprintf(numbered, sizeof(numbered), "%s (%d)", name, i);
        bool repeated = sk_label_set_find(&met, name) >= 0; /* ImageNet has two cranes */
        code = sk_label_set_add(&met, repeated ? numbered : name, strlen(repeated ? numbered : name), &number, err);
        if (code == SK_OK)
            code = sk_str_add(&text, err, "%s\n", sk_label_set_text(&met, number));
    }
    if (code == SK_OK)
        code = sk_class_list_parse(&again, text.text, text.len, path, err); /* it will be read as it was meant */
    if (code == SK_OK)
        code = sk_file_write(path, text.text, text.len, err);
    else
        sk_err_prefix(err, "the classes cannot be listed");
    sk_class_list_release(&again);
    sk_label_set_release(&met);
    sk_str_release(&text);
    return code;
}
