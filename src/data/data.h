/* Data: sources of labelled pictures, what is done to a picture, and the loader that makes batches with worker threads.
 *
 * source -> decode -> picture steps (crop, flip, resize) -> batch of raw pixels. Normalization is not done here: a batch holds
 * uint8 pixels, or float32 where the source is a float array, and the network's first op normalizes (the mean and deviation
 * belong to the model). Everything random depends on (seed, epoch, index of the sample) alone. */
#ifndef SKUA_DATA_H
#define SKUA_DATA_H

#include "base/base.h"
#include "recipe/recipe.h"

/* ---- pictures (picture.c, decode_*.c, encode_png.c, resize.c, steps.c) ---- */
enum sk_pixel { SK_PIXEL_U8, SK_PIXEL_F32 };
struct sk_picture { /* HWC, rows contiguous; owned buffer reused from picture to picture; zeroed = empty */
    int height, width, channels;
    enum sk_pixel pixel;
    void *data;
    size_t capacity; /* bytes */
};
enum { SK_MAX_SIDE = 65500, SK_MAX_PIXELS = 178956970 /* as Pillow's limit */, SK_MAX_FILE = 256 << 20 };
/* Bytes of coefficients that a JPEG of several scans (a progressive one) may hold while it is decoded, 2 to 6 a pixel. */
enum { SK_MAX_COEFFICIENTS = 512 << 20 };
/* Makes room for h x w x c; content is undefined afterwards. */
enum sk_code sk_picture_reserve(struct sk_picture *p, int h, int w, int c, enum sk_pixel pixel, struct sk_err *err) SK_MUST;
void sk_picture_release(struct sk_picture *p);
/* Decodes a JPEG or PNG, told by its content, into 8-bit RGB as Pillow's convert('RGB') does (grey, palette, alpha dropped,
 * CMYK/YCCK; 16-bit by its high byte, where Pillow clips grey ones). name is for messages only. Limits: SK_MAX_PIXELS,
 * SK_MAX_COEFFICIENTS, 100 progressive scans, ancillary chunks skipped. */
enum sk_code sk_picture_decode(struct sk_picture *p, const void *data, size_t len, const char *name, struct sk_err *err) SK_MUST;
/* Decodes for these steps: of a JPEG whose first step is a random_resized_crop just the box that it draws is decoded, and
 * resized; then *done is 1, else 0: what is left is for sk_picture_apply_from. The result is that of decoding all and
 * applying the step, to the bit, unless steps->decode is SK_DECODE_FAST: then the picture is decoded at 1/2, 1/4 or 1/8
 * of its size where the box stays at least as large as the result. Damage below the box is not seen. */
enum sk_code sk_picture_decode_for(struct sk_picture *p, struct sk_picture *scratch, const void *data, size_t len,
                                   const char *name, const struct sk_picture_steps *steps, struct sk_rng *rng,
                                   int *done, struct sk_err *err) SK_MUST;
/* Appends an 8-bit picture of 1 or 3 channels to out as a PNG file (encode_png.c); UNSUPPORTED for others. */
enum sk_code sk_picture_encode(const struct sk_picture *p, struct sk_str *out, struct sk_err *err) SK_MUST;
/* Appends an 8-bit picture as a JPEG file, quality 1 to 100 (encode_jpeg.c); UNSUPPORTED as above. */
enum sk_code sk_picture_encode_jpeg(const struct sk_picture *p, int quality, struct sk_str *out,
                                    struct sk_err *err) SK_MUST;
/* Antialiased (support scaled with the factor) bilinear resize, to the bit that of Pillow's Image.resize(BILINEAR) from
 * version 13 on (8-bit pixels). */
enum sk_code sk_picture_resize(struct sk_picture *dst, const struct sk_picture *src, int height, int width, struct sk_err *err) SK_MUST;
/* Applies the steps in order, in place (scratch is a second buffer of the caller's, swapped as needed). rng is keyed to the sample.
 * resize {size} scales the shorter side (torchvision's rounding: the longer is int(size * long / short)). */
enum sk_code sk_picture_apply(struct sk_picture *p, struct sk_picture *scratch, const struct sk_picture_steps *steps,
                              struct sk_rng *rng, struct sk_err *err) SK_MUST;
/* The same from step number first on. */
enum sk_code sk_picture_apply_from(struct sk_picture *p, struct sk_picture *scratch,
                                   const struct sk_picture_steps *steps, int first, struct sk_rng *rng,
                                   struct sk_err *err) SK_MUST;

/* ---- sources: one row of a table for each (source.c and source_*.c) ---- */
enum sk_split { SK_TRAIN, SK_VAL };
struct sk_dataset;
#define SK_SPLIT_ALREADY UINT32_MAX /* comes from a split of its own */
struct sk_dataset_info {
    int64_t count;
    int classes;
    const char *const *class_name; /* [classes]; owned by the dataset */
    enum sk_pixel pixel;
    int channels;
    int height, width;             /* of every picture; 0: they differ */
    /* Tells a resumed run that the data changed: of names, sizes, labels and pixels. Pictures in files of their own go
     * by the files' sizes; of an npy array above 64 MiB, 4096 blocks of 4 KiB spread evenly stand for the pixels. */
    uint64_t fingerprint;
    /* Not 0: samples whose places (sk_dataset_place) lie in the same span bytes are unpacked together, and the order of an
     * epoch is drawn among those of about window bytes. 0: any sample is read like any other. */
    uint64_t span, window;
    bool cacheable;                /* reading is work that data.cache: memory would save, which is off */
    /* From a source's open: what it gave is not split yet, which source.c does by seed. same[count]: the first sample of
     * the same file, which all go into one split, or SK_SPLIT_ALREADY; NULL: each is for itself. The source's. */
    bool both_splits;
    const uint32_t *same;
    bool by_seed; /* it was split by seed */
};
/* Opens one split. seed is for splits made by seed. A validation split that is not there: NO_SPLIT.
 * SK_SOURCE_AUTO is told from what lies at data->path (cifar files or archive; class folders; images.npy + labels.npy). */
enum sk_code sk_dataset_open(struct sk_dataset **ds, const struct sk_recipe_data *data, int64_t seed, enum sk_split split,
                             struct sk_err *err) SK_MUST;
void sk_dataset_close(struct sk_dataset *ds); /* NULL is fine */
const struct sk_dataset_info *sk_dataset_info(const struct sk_dataset *ds);
int sk_dataset_label(const struct sk_dataset *ds, int64_t index);
/* Gives the classes the numbers that a network has them by, matched by name (match.c): info has the network's classes
 * from then on. Classes of the data that are only numbered keep their numbers, and so do those of a numbered network that
 * has no such names. To be called once, before labels are used. tell: a notice where numbers change. INPUT names the
 * class that the network does not know. */
enum sk_code sk_dataset_match(struct sk_dataset *ds, const char *const *class_name, int classes, bool tell,
                              struct sk_err *err) SK_MUST;
/* Whether every name from first on is the class' number. */
bool sk_classes_numbered(const char *const *name, int first, int classes);
/* Reads (and decodes) sample index. Thread-safe: several workers read one dataset at once. */
enum sk_code sk_dataset_read(const struct sk_dataset *ds, int64_t index, struct sk_picture *p, struct sk_err *err) SK_MUST;
/* The sample's picture file as it lies, *data of sk_free; *data NULL: the source has no files. Thread-safe. */
enum sk_code sk_dataset_file(const struct sk_dataset *ds, int64_t index, char **data, size_t *len,
                             struct sk_err *err) SK_MUST;
/* The same for these steps, of which *done are done already (sk_picture_decode_for); the rest is for
 * sk_picture_apply_from, with the same rng. scratch is a second buffer. */
enum sk_code sk_dataset_read_for(const struct sk_dataset *ds, int64_t index, const struct sk_picture_steps *steps,
                                 struct sk_rng *rng, struct sk_picture *p, struct sk_picture *scratch, int *done,
                                 struct sk_err *err) SK_MUST;
/* Whether an error of reading says that the sample is damaged, and not that we cannot go on. */
static inline bool sk_is_damage(enum sk_code code)
{
    return code == SK_INPUT || code == SK_IO || code == SK_UNSUPPORTED;
}
/* Name of a sample for messages: a file's path, or "data_batch_1.bin record 17". */
void sk_dataset_name(const struct sk_dataset *ds, int64_t index, char *out, size_t size);

/* Where the span of a sample begins, and the sample in it; only where info's span is not 0. */
uint64_t sk_dataset_place(const struct sk_dataset *ds, int64_t index);

/* What one source implements; the table is in source.c. */
struct sk_source_ops {
    enum sk_source source;
    const char *name, *help;
    bool decodes; /* reading is work that data.cache can save */
    bool (*probe)(const struct sk_recipe_data *data); /* for SK_SOURCE_AUTO: does path look like this? */
    enum sk_code (*open)(void **self, struct sk_dataset_info *info, const struct sk_recipe_data *data, int64_t seed,
                         enum sk_split split, struct sk_err *err);
    void (*close)(void *self);
    int (*label)(const void *self, int64_t index);
    /* The picture's file as it lies (sk_free), which is decoded for the steps that follow. *data NULL, or no such function:
     * the sample has no file, and read gives its pixels. */
    enum sk_code (*file)(const void *self, int64_t index, char **data, size_t *len, struct sk_err *err);
    enum sk_code (*read)(const void *self, int64_t index, struct sk_picture *p, struct sk_err *err);
    uint64_t (*place)(const void *self, int64_t index); /* only where info's span may be set */
    void (*name_of)(const void *self, int64_t index, char *out, size_t size);
};
extern const struct sk_source_ops sk_source_cifar10, sk_source_cifar100, sk_source_tar, sk_source_list,
    sk_source_folder, sk_source_npy, sk_source_shapes;

bool sk_is_picture_name(const char *name); /* .jpg, .jpeg, .png in any case */

/* ---- loader (loader.c, loader_workers.c, fill.c, sampler.c) ---- */
struct sk_batch {
    int count;               /* samples in it: the batch size, or fewer in the last one */
    int height, width, channels;
    enum sk_pixel pixel;
    void *pixels;            /* [count][height][width][channels] */
    int32_t *label;          /* [count] */
    int64_t *index;          /* [count] sample index in the dataset */
    int64_t number;          /* batch number within its epoch */
};
/* Writes the pictures of a batch to out, left and right swapped, bytes of all of them. */
void sk_batch_flip(const struct sk_batch *b, void *out);
size_t sk_batch_bytes(const struct sk_batch *b);
struct sk_loader;
struct sk_load_span { /* one sample being loaded; seconds, start on the clock of sk_now */
    int worker;              /* from 0; without workers the caller is 0 */
    int64_t batch, index;
    double start, read, decode, augment, copy; /* one after the other; read: without what was spent in decoding */
    int height, width;       /* as decoded, before the steps */
};
/* Both are called by the workers, several at once. run (may be NULL) tells the processor time of a run of samples after
 * their spans: that clock takes too long to read for each. */
struct sk_load_trace {
    void (*sample)(void *ctx, const struct sk_load_span *span);
    void *ctx;
    void (*run)(void *ctx, double processor_seconds);
};
struct sk_load_normalize { int channels; double mean[SK_MAX_CHANNELS], std[SK_MAX_CHANNELS]; }; /* of [0,1]; 1 channel: for all */
struct sk_loader_options {
    const struct sk_dataset *dataset;      /* borrowed; must outlive the loader */
    const struct sk_picture_steps *steps;  /* copied */
    int batch;               /* samples a step, over all ranks */
    int workers;             /* -1: auto: one prepares the first batch, the first computing says how many, more come while the caller waits; 0: prepared in sk_loader_next itself */
    int ring;                /* prepared batches held at most; 0: 3 */
    bool shuffle, drop_last;
    int64_t seed;
    int64_t limit;           /* first N samples; 0: all */
    enum sk_on_error on_error;
    double max_damaged;      /* replaced ones, as a share of the epoch's samples; 0: 0.01 */
    /* This process is number rank of ranks (0 or 1: alone). Of each batch that a process alone would get, it gets
     * samples rank, rank + ranks, ...: together the ranks get the same batches, each sample once, in evaluation too. All
     * have equally many batches; a rank's share of the last may be empty (count 0). */
    int rank, ranks;
    const struct sk_load_normalize *normalize; /* NULL: pixels as they are; else float32 (pixel - mean) / std; copied */
    const struct sk_load_trace *trace;         /* NULL: none, and no clock is read; kept by reference */
};
/* Reads the first sample to learn the shape after the steps; a later picture of another shape is an INPUT error that says
 * to add resize or crop steps. Preallocates everything. */
enum sk_code sk_loader_new(struct sk_loader **loader, const struct sk_loader_options *o, struct sk_err *err) SK_MUST;
void sk_loader_free(struct sk_loader *loader); /* joins the workers; NULL is fine */
int64_t sk_loader_batches(const struct sk_loader *loader);  /* an epoch has this many */
int64_t sk_loader_samples(const struct sk_loader *loader);  /* an epoch has this many, over all ranks */
int sk_loader_workers(const struct sk_loader *loader);      /* threads that run now */
/* What workers: auto goes by, as measured last: seconds in which one thread prepares a batch, and between the caller's
 * calls of next; 0: not measured yet, or not auto. */
void sk_loader_pace(const struct sk_loader *loader, double *prepare, double *compute);
void sk_loader_shape(const struct sk_loader *loader, int *height, int *width, int *channels, enum sk_pixel *pixel);
/* Starts epoch at batch number first_batch; whatever was being prepared is dropped. Where it starts makes no difference to
 * the time: that of the epoch's permutation, some 15 ms for a million samples. */
enum sk_code sk_loader_start(struct sk_loader *loader, uint32_t epoch, int64_t first_batch, struct sk_err *err) SK_MUST;
/* The next batch, valid until the next call of next, start or free; *batch = NULL at the end of the epoch. A worker's error comes out
 * here at the batch where it arose. When this rank replaced more than max_damaged of the epoch's samples (but one is
 * fine): INPUT. */
enum sk_code sk_loader_next(struct sk_loader *loader, const struct sk_batch **batch, struct sk_err *err) SK_MUST;
/* Damaged samples that were replaced since new, each once, in the order in which their batches were given; the first
 * SK_DAMAGED_MAX of them. Returns how many are in *list, which is the loader's, valid until the next call of next. */
enum { SK_DAMAGED_MAX = 100 };
struct sk_damage { int64_t index; char why[240]; /* the message, cut */ };
size_t sk_loader_damaged(const struct sk_loader *loader, const struct sk_damage **list);
double sk_loader_waited(const struct sk_loader *loader);    /* seconds spent waiting in next since start */
int64_t sk_loader_replaced(const struct sk_loader *loader); /* damaged ones replaced in this epoch */
/* After start at a later batch, before next: so many were replaced before that. They count among the 1%. */
void sk_loader_replaced_before(struct sk_loader *loader, int64_t replaced);
/* Order of an epoch: order[0..n) is a permutation of 0..n-1 (identity without shuffle). */
void sk_sampler_order(int64_t *order, int64_t n, bool shuffle, int64_t seed, uint32_t epoch);
/* The shuffled order of the first n samples of a data set, by (seed, epoch) alone: sk_sampler_order's; where info's span
 * is set, spans one after the other in a random order, and each sample moved back by a random distance below window. So
 * no more than window / span + 2 spans are being read from at a time. */
enum sk_code sk_sampler_shuffle(int64_t *order, int64_t n, const struct sk_dataset *ds, uint64_t window, int64_t seed,
                                uint32_t epoch, struct sk_err *err) SK_MUST;

/* ---- inspection, samples and download (inspect.c, sample.c, get.c) ---- */
struct sk_data_stats {
    int64_t count, *per_class; /* per_class[classes], sk_free */
    int min_height, max_height, min_width, max_width;
    double mean[SK_MAX_CHANNELS], std[SK_MAX_CHANNELS]; /* of [0,1], over all pixels of pictures that could be read */
    int64_t damaged;
    char first_damaged[1024];
};
/* Reads every sample once with threads workers. progress (may be NULL) is called now and then from the calling thread; returning false cancels. */
enum sk_code sk_data_inspect(const struct sk_dataset *ds, int threads, struct sk_data_stats *stats,
                             bool (*progress)(void *ctx, int64_t done, int64_t all), void *ctx, struct sk_err *err) SK_MUST;
/* Reads and decodes every sample once and lists those that cannot be (verify.c), by index; progress as above. */
enum { SK_VERIFY_MAX = 10000 }; /* listed of each thread; all are counted */
struct sk_damaged {
    int64_t index;
    size_t at; /* in text: name and reason */
};
struct sk_verified { /* release accepts a zeroed one */
    int64_t count, damaged;
    struct sk_damaged *item; /* [items] */
    size_t items;
    struct sk_str text;
};
enum sk_code sk_data_verify(const struct sk_dataset *ds, int threads, struct sk_verified *v,
                            bool (*progress)(void *ctx, int64_t done, int64_t all), void *ctx, struct sk_err *err) SK_MUST;
void sk_verified_release(struct sk_verified *v);
/* Writes all samples into WebDataset shards (convert.c) dir/000000.tar, ...: NUMBER.jpg or .png as it lies beside
 * NUMBER.cls with the class' number; samples in the shuffled order of the seed. dir is made; it must be empty, or hold
 * some of the same shards, which are kept; while another conversion writes there: USAGE. A shard has its name only when it is whole, and the same bytes whatever the
 * threads. Damaged samples are left out. Cancelled: CANCELLED, whole shards stay. */
struct sk_convert {
    const char *dir;
    int64_t shard_samples; /* 0: as many as make about shard_bytes, judged by the first pictures */
    int64_t shard_bytes;
    int resize;  /* pictures whose sides are both longer are scaled so that the shorter side is this; 0: none are */
    int quality; /* of the JPEG files that are then written */
    int threads;
    int64_t limit; /* the first so many samples; 0: all */
    int64_t seed;
    bool (*progress)(void *ctx, int64_t done, int64_t all);
    void *ctx;
};
struct sk_converted {
    int64_t samples, shards, kept, damaged; /* shards: written now; kept: were there already */
    struct sk_err first_damaged;
};
enum sk_code sk_data_convert(const struct sk_dataset *ds, const struct sk_convert *o, struct sk_converted *out,
                             struct sk_err *err) SK_MUST;
/* The names of the classes, a line for each, as the tar source reads them (classes.txt); one that comes again gets its
 * number behind it. */
enum sk_code sk_data_write_classes(const struct sk_dataset *ds, const char *path, struct sk_err *err) SK_MUST;
/* Chooses up to *count samples by seed, spread over the classes; *count becomes how many there are in chosen. */
enum sk_code sk_data_choose(const struct sk_dataset *ds, int64_t seed, int64_t *chosen, int64_t *count,
                            struct sk_err *err) SK_MUST;
/* Writes samples as dir/CLASS-INDEX.png (sample.c); dir is made, files of the same name are replaced. A sample that cannot be read is an error. */
struct sk_samples {
    int64_t count;                        /* at least 1; fewer are written where the data set has not so many */
    int64_t seed;                         /* chooses them, spread over the classes; and what random steps do, as in epoch 0 */
    const struct sk_picture_steps *steps; /* applied before; NULL: none */
    const char *dir;
    void (*wrote)(void *ctx, const char *path); /* may be NULL */
    void *ctx;
};
enum sk_code sk_data_sample(const struct sk_dataset *ds, const struct sk_samples *s, struct sk_err *err) SK_MUST;
/* Downloads url (http or https) to dir/file by way of dir/file.part, checks it and renames. A .part that is there is gone
 * on from (Range, guarded by If-Range); one that broke off is gone on from at once, as long as it grows. Does nothing where
 * dir/file is there with the right checksum. A network or disk error: IO, the .part stays for the next call; a wrong
 * checksum: IO, the .part is deleted; cancelled: CANCELLED, the .part stays. */
struct sk_download {
    const char *url, *dir, *file;   /* file: name under dir */
    const char *sha256, *md5;       /* hex; the one that is not NULL is checked */
    int64_t bytes;                  /* expected size, 0: unknown; another size is refused early */
    int stall_seconds;              /* nothing received for so long counts as broken off; 0: 30 */
    bool (*progress)(void *ctx, int64_t done, int64_t all); /* NULL: none; all is 0 while unknown; false cancels */
    void *ctx;
};
enum sk_code sk_data_download(const struct sk_download *d, struct sk_err *err) SK_MUST;
/* Published archives by name ("cifar10", "cifar100"); NULL: unknown. */
struct sk_published { const char *name, *url, *file, *md5; int64_t bytes; };
const struct sk_published *sk_data_published(const char *name);

#endif
