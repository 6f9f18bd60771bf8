/* Data from npy arrays: pictures [N,H,W,C] as uint8 or float32, labels [N] as integers. The pictures stay in the file,
 * which is read at places (mapped, a file that another program cuts off would end the process); classes are called by
 * their numbers. */
#include "data/internal.h"

#include <float.h>
#include <math.h>

#include "format/format.h"

enum { MAX_LABEL = 999999, LABEL_TEXT = 12 };
enum { PRINT_WHOLE = 64 << 20, PRINT_BLOCK = 4096, PRINT_BLOCKS = 4096 }; /* of the fingerprint */

struct arrays {
    struct sk_file file; /* the pictures */
    uint64_t offset;     /* of the first one */
    size_t bytes;        /* of all */
    int64_t dim[4];
    enum sk_pixel pixel;
    int32_t *label; /* [count] */
    char (*text)[LABEL_TEXT];
    const char **class_name; /* [classes], into text */
    const char *origin;      /* "training" or "validation" */
};

/* Paths of the arrays of a split; images is left empty where the recipe and the folder give none. */
static enum sk_code find_arrays(const struct sk_recipe_data *data, enum sk_split split, char images[SK_PATH],
                                char labels[SK_PATH], struct sk_err *err)
{
    bool given = data->images[0] != '\0' || data->val_images[0] != '\0', val = split == SK_VAL;
    const char *images_name = val ? data->val_images : data->images,
               *labels_name = val ? data->val_labels : data->labels;
    enum sk_code code;

    images[0] = labels[0] = '\0';
    if (given && images_name[0] == '\0')
        return SK_OK;
    if (!given && data->path[0] == '\0')
        return sk_fail(err, SK_INPUT,
                       "no arrays are given: set data.path (--data DIR), or data.images and data.labels");
    if (images_name[0] == '\0')
        images_name = val ? "val_images.npy" : "images.npy";
    if (labels_name[0] == '\0')
        labels_name = val ? "val_labels.npy" : "labels.npy";
    if ((code = sk_path_join(images, err, data->path, images_name)) != SK_OK ||
        (code = sk_path_join(labels, err, data->path, labels_name)) != SK_OK)
        return code;
    if (val && !given && !sk_is_file(images) && !sk_is_file(labels))
        images[0] = '\0';
    return SK_OK;
}

static bool npy_probe(const struct sk_recipe_data *data)
{
    char path[SK_PATH];

    if (data->images[0] != '\0')
        return true;
    return data->path[0] != '\0' && sk_path_join(path, NULL, data->path, "images.npy") == SK_OK && sk_is_file(path);
}

static enum sk_code check_images(const struct sk_npy *a, const char *path, struct sk_err *err)
{
    if (a->rank != 4)
        return sk_fail(err, SK_INPUT, "'%s' has %d dimensions, expected 4: pictures, height, width, channels", path,
                       a->rank);
    if (a->elem != SK_ELEM_U8 && a->elem != SK_ELEM_F32)
        return sk_fail(err, SK_INPUT, "'%s' holds %s, expected U8 or F32: convert it", path, sk_elem_name(a->elem));
    if (a->dim[3] < 1 || a->dim[3] > SK_MAX_CHANNELS)
        return sk_fail(err, SK_INPUT, "'%s' has %lld channels, expected 1 to %d", path, (long long)a->dim[3],
                       SK_MAX_CHANNELS);
    if (a->dim[1] < 1 || a->dim[2] < 1 || a->dim[1] > SK_MAX_SIDE || a->dim[2] > SK_MAX_SIDE ||
        a->dim[1] * a->dim[2] > SK_MAX_PIXELS)
        return sk_fail(err, SK_INPUT,
                       "'%s' holds pictures of %lld x %lld pixels, expected sides from 1 to %d and at most %d pixels",
                       path, (long long)a->dim[1], (long long)a->dim[2], SK_MAX_SIDE, SK_MAX_PIXELS);
    if (a->dim[0] == 0)
        return sk_fail(err, SK_INPUT, "'%s' holds no pictures", path);
    return SK_OK;
}

static enum sk_code open_images(struct arrays *s, const char *path, struct sk_err *err)
{
    struct sk_npy a;
    enum sk_code code = sk_npy_open(&a, path, err);

    if (code == SK_OK && (code = check_images(&a, path, err)) == SK_OK) {
        memcpy(s->dim, a.dim, sizeof(s->dim));
        s->pixel = a.elem == SK_ELEM_U8 ? SK_PIXEL_U8 : SK_PIXEL_F32;
        s->offset = a.offset;
        s->bytes = a.bytes;
        code = sk_file_open(&s->file, path, err);
    }
    sk_npy_close(&a);
    return code;
}

/* Reads the labels into s->label and sets *classes. */
static enum sk_code read_labels(struct arrays *s, const struct sk_npy *a, const char *path, int *classes,
                                struct sk_err *err)
{
    int64_t count = s->dim[0], most = 0;

    if (a->rank != 1)
        return sk_fail(err, SK_INPUT, "'%s' has %d dimensions, expected 1", path, a->rank);
    if (!sk_elem_is_integer(a->elem))
        return sk_fail(err, SK_INPUT, "'%s' holds %s, expected integers", path, sk_elem_name(a->elem));
    if (a->dim[0] != count)
        return sk_fail(err, SK_INPUT, "'%s' holds %lld labels, expected %lld, as there are pictures", path,
                       (long long)a->dim[0], (long long)count);
    if (!(s->label = sk_alloc((size_t)count, sizeof(*s->label), err)))
        return SK_NOMEM;
    for (int64_t i = 0; i < count; i++) {
        int64_t label = sk_elem_integer(a->elem, a->data, (size_t)i);
        if (label < 0 || label > MAX_LABEL)
            return sk_fail(err, SK_INPUT, "'%s': label %lld is %lld, expected 0 to %d", path, (long long)i,
                           (long long)label, MAX_LABEL);
        s->label[i] = (int32_t)label;
        most = label > most ? label : most;
    }
    *classes = (int)most + 1;
    return SK_OK;
}

static enum sk_code name_classes(struct arrays *s, int classes, struct sk_err *err)
{
    s->text = sk_alloc((size_t)classes, sizeof(*s->text), err);
    s->class_name = sk_alloc((size_t)classes, sizeof(*s->class_name), err);
    if (!s->text || !s->class_name)
        return SK_NOMEM;
    for (int i = 0; i < classes; i++) {
        (void)snprintf(s->text[i], LABEL_TEXT, "%d", i);
        s->class_name[i] = s->text[i];
    }
    return SK_OK;
}

static void npy_close(void *self)
{
    struct arrays *s = self;
    if (!s)
        return;
    sk_file_close(&s->file);
    sk_free(s->label);
    sk_free(s->text);
    sk_free(s->class_name);
    sk_free(s);
}

/* All pixels, or blocks spread evenly over them. */
static enum sk_code hash_images(const struct arrays *s, uint64_t *hash, struct sk_err *err)
{
    unsigned char block[PRINT_BLOCK];
    bool whole = s->bytes <= PRINT_WHOLE;
    size_t blocks = whole ? (s->bytes + PRINT_BLOCK - 1) / PRINT_BLOCK : PRINT_BLOCKS;
    enum sk_code code = SK_OK;

    for (size_t i = 0; i < blocks && code == SK_OK; i++) {
        size_t at = whole ? i * PRINT_BLOCK : i * (s->bytes - PRINT_BLOCK) / (PRINT_BLOCKS - 1);
        size_t left = s->bytes - at, n = left < PRINT_BLOCK ? left : PRINT_BLOCK;
        code = sk_file_read_at(&s->file, s->offset + at, block, n, err);
        if (code == SK_OK)
            *hash = sk_hash_pixels(*hash, block, n);
    }
    return code;
}

static enum sk_code fill_info(struct sk_dataset_info *info, const struct arrays *s, int classes, struct sk_err *err)
{
    uint64_t hash = sk_hash_bytes(sk_hash_bytes(SK_HASH_START, &s->pixel, sizeof(s->pixel)), s->dim, sizeof(s->dim));

    hash = sk_hash_bytes(hash, s->label, (size_t)s->dim[0] * sizeof(*s->label));
    enum sk_code code = hash_images(s, &hash, err);
    *info = (struct sk_dataset_info){
        .count = s->dim[0],
        .classes = classes,
        .class_name = s->class_name,
        .pixel = s->pixel,
        .height = (int)s->dim[1],
        .width = (int)s->dim[2],
        .channels = (int)s->dim[3],
        .fingerprint = hash,
    };
    return code;
}

static enum sk_code npy_open(void **self, struct sk_dataset_info *info, const struct sk_recipe_data *data, int64_t seed,
                             enum sk_split split, struct sk_err *err)
{
    char images[SK_PATH], labels[SK_PATH];
    struct sk_npy label_array = {0};
    int classes = 0;
    enum sk_code code;

    (void)seed; /* the splits are given, not drawn */
    struct arrays *s = sk_alloc(1, sizeof(*s), err);
    if (!s)
        return SK_NOMEM;
    s->origin = split == SK_TRAIN ? "training" : "validation";
    if ((code = find_arrays(data, split, images, labels, err)) != SK_OK)
        goto out;
    if (images[0] == '\0') {
        code = sk_fail(err, split == SK_VAL ? SK_NO_SPLIT : SK_INPUT,
                       "the npy data has no %s split: data.%s is not given", s->origin,
                       split == SK_TRAIN ? "images" : "val_images");
        goto out;
    }
    if ((code = open_images(s, images, err)) == SK_OK && (code = sk_npy_open(&label_array, labels, err)) == SK_OK &&
        (code = read_labels(s, &label_array, labels, &classes, err)) == SK_OK &&
        (code = name_classes(s, classes, err)) == SK_OK)
        code = fill_info(info, s, classes, err);
out:
    sk_npy_close(&label_array);
    if (code != SK_OK) {
        npy_close(s);
        s = NULL;
    }
    *self = s;
    return code;
}

static int npy_label(const void *self, int64_t index)
{
    const struct arrays *s = self;
    return s->label[index];
}

static void npy_name(const void *self, int64_t index, char *out, size_t size)
{
    const struct arrays *s = self;
    (void)snprintf(out, size, "%s picture %lld", s->origin, (long long)index);
}

static bool all_finite(const float *v, size_t n)
{
    bool finite = true;
    for (size_t i = 0; i < n; i++)
        finite &= fabsf(v[i]) <= FLT_MAX;
    return finite;
}

static enum sk_code npy_read(const void *self, int64_t index, struct sk_picture *p, struct sk_err *err)
{
    const struct arrays *s = self;
    size_t bytes = s->bytes / (size_t)s->dim[0];
    char name[64];
    enum sk_code code = sk_picture_reserve(p, (int)s->dim[1], (int)s->dim[2], (int)s->dim[3], s->pixel, err);
    if (code == SK_OK)
        code = sk_file_read_at(&s->file, s->offset + (uint64_t)index * bytes, p->data, bytes, err);
    if (code != SK_OK || s->pixel != SK_PIXEL_F32 || all_finite(p->data, bytes / sizeof(float)))
        return code;
    npy_name(s, index, name, sizeof name);
    return sk_fail(err, SK_INPUT, "%s holds a nan or an infinity", name);
}

const struct sk_source_ops sk_source_npy = {
    .source = SK_SOURCE_NPY,
    .name = "npy",
    .help = "arrays: images [N,H,W,C] uint8 or float32, labels [N]",
    .probe = npy_probe,
    .open = npy_open,
    .close = npy_close,
    .label = npy_label,
    .read = npy_read,
    .name_of = npy_name,
};
