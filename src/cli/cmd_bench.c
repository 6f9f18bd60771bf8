/* skua bench: how fast the machine trains or applies a model, on random data, and what share of its peak that is. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_load.h"
#include "cli/bench_ops.h"
#include "cli/cli.h"

struct bench_args {
    struct sk_words set;
    const char *job, *model, *precision, *data;
    int64_t batch, threads, steps, workers;
    bool ops, each_op, json;
};
enum {
    TRAIN_STEPS = 5,
    INFER_STEPS = 10, /* at least, and more for as long as a second; at most */
    INFER_STEPS_MAX = 1000,
    WARM_UP = 2,
    BATCH = 128,
    BATCH_LARGE = 16,
    LARGE_SIDE = 64,
    LOAD_ROUNDS = 3,
    WORKERS_MAX = 64,
    STEPS_MAX = 100000
};

struct bench {
    const struct bench_args *args;
    bool train;
    struct sk_recipe recipe;
    struct sk_net_shape shape;
    int batch, steps;
    struct sk_engine *engine;
    struct sk_net *net;
    uint8_t *pixels;
    int32_t *label;
    double *ms; /* [steps] */
    struct sk_bench_ops ops;
};
struct result {
    double least, median, rate, memory; /* ms, ms, images/s, MB */
    double direct, actual;              /* operations a second, in the fastest step */
    struct sk_peak peak;
    double ceiling; /* of the precision: operations a second */
    const char *ceiling_by;
};

static enum sk_code set_engine(struct bench *b, struct sk_err *err)
{
    char text[SK_NAME];
    const struct bench_args *a = b->args;
    enum sk_code code = SK_OK;
    if (a->threads >= 0)
        b->recipe.engine.threads = (int)a->threads;
    if (a->precision) {
        code = sk_format(text, sizeof(text), "--precision", err, "engine.precision=%s", a->precision);
        if (code == SK_OK)
            code = sk_recipe_set(&b->recipe, text, err);
    }
    return code == SK_OK ? sk_cli_set(&b->recipe, &a->set, err) : code;
}

static enum sk_code read_args(struct bench *b, struct sk_err *err)
{
    const struct bench_args *a = b->args;
    const char *job = a->job ? a->job : "train", *model = a->model ? a->model : "resnet18-cifar";
    int side;
    b->train = strcmp(job, "train") == 0;
    if (!b->train && strcmp(job, "infer") != 0)
        return sk_fail(err, SK_USAGE, "--job: expected train, infer or load, got '%s'", job);
    sk_recipe_defaults(&b->recipe);
    if (!sk_model_whole(model, &b->recipe.model, &side))
        return sk_fail(err, SK_USAGE, "--model: unknown model '%s' (skua info --models names those there are)", model);
    b->shape.classes = b->recipe.model.classes;
    b->shape.height = b->shape.width = side;
    b->shape.channels = 3;
    b->shape.pixel = SK_U8;
    b->recipe.train.batch = a->batch > 0 ? (int)a->batch : side > LARGE_SIDE ? BATCH_LARGE : BATCH;
    b->steps = a->steps > 0 ? (int)a->steps : b->train ? TRAIN_STEPS : INFER_STEPS_MAX;
    b->recipe.train.optimizer.lr = 1e-3; /* random labels teach nothing */
    enum sk_code code = set_engine(b, err);
    b->batch = b->recipe.train.batch;
    return code;
}

static enum sk_code make_data(struct bench *b, struct sk_err *err)
{
    size_t picture = (size_t)b->shape.height * (size_t)b->shape.width * (size_t)b->shape.channels;
    struct sk_rng rng;
    sk_rng_init(&rng, 0, 0, 0, SK_RNG_TEST);
    b->pixels = sk_alloc((size_t)b->batch, picture, err);
    b->label = b->pixels ? sk_alloc((size_t)b->batch, sizeof(*b->label), err) : NULL;
    b->ms = b->label ? sk_alloc((size_t)b->steps, sizeof(*b->ms), err) : NULL;
    if (!b->ms)
        return SK_NOMEM;
    for (size_t i = 0; i < picture * (size_t)b->batch; i++)
        b->pixels[i] = (uint8_t)sk_rng_u32(&rng);
    for (int i = 0; i < b->batch; i++)
        b->label[i] = (int32_t)sk_rng_below(&rng, (uint32_t)b->shape.classes);
    return SK_OK;
}

static enum sk_code open_net(struct bench *b, struct sk_err *err)
{
    enum sk_code code = sk_engine_open(&b->engine, &b->recipe.engine, err);
    if (code == SK_OK)
        sk_engine_cancel(b->engine, &sk_cancel);
    if (code == SK_OK)
        code = sk_net_new(&b->net, b->engine, &b->recipe, &b->shape, err);
    if (code != SK_OK)
        return code;
    sk_net_init(b->net, 0);
    code = sk_net_prepare(b->net, b->batch, b->train, err);
    if (code == SK_OK && (b->args->ops || b->args->each_op))
        code = sk_bench_ops_open(&b->ops, b->engine, sk_net_plan(b->net, b->batch, b->train), err);
    return code;
}

static enum sk_code one_step(struct bench *b, int64_t number, struct sk_err *err)
{
    struct sk_net_batch batch = {.count = b->batch, .pixels = b->pixels, .label = b->train ? b->label : NULL};
    struct sk_step step = {.lr = b->recipe.train.optimizer.lr, .step = number};
    struct sk_net_result result;
    if (atomic_load(&sk_cancel))
        return sk_fail(err, SK_CANCELLED, "stopped");
    return b->train ? sk_net_train(b->net, &batch, &step, &result, &sk_cancel, err)
                    : sk_net_eval(b->net, &batch, &result, err);
}

/* As many steps as take a second, where their number is not given: short ones are measured when the processor is awake.
 */
static int steps_of_a_second(double one)
{
    double steps = 1.0 / one;
    return steps < INFER_STEPS ? INFER_STEPS : steps > INFER_STEPS_MAX ? INFER_STEPS_MAX : (int)steps;
}

static enum sk_code measure(struct bench *b, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = -WARM_UP; i < b->steps && code == SK_OK; i++) {
        double since = sk_now();
        code = one_step(b, i + WARM_UP, err);
        if (i == -1 && !b->train && b->args->steps <= 0)
            b->steps = steps_of_a_second(sk_now() - since);
        if (i >= 0)
            b->ms[i] = 1000 * (sk_now() - since);
        sk_progress("Bench", i + WARM_UP + 1, b->steps + WARM_UP, "%.1f ms", 1000 * (sk_now() - since));
    }
    sk_progress_clear();
    return code;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The peak memory is read first: what the ceilings are measured with is not the network's. */
static enum sk_code sum_up(struct bench *b, struct result *r, struct sk_err *err)
{
    struct sk_flops flops = sk_plan_flops(sk_net_plan(b->net, b->batch, b->train));
    qsort(b->ms, (size_t)b->steps, sizeof(*b->ms), compare);
    *r = (struct result){.least = b->ms[0], .median = (b->ms[(b->steps - 1) / 2] + b->ms[b->steps / 2]) / 2, .memory = (double)sk_peak_rss() / (1 << 20)};
    r->rate = b->batch / (r->least / 1000);
    r->direct = flops.direct / (r->least / 1000);
    r->actual = flops.actual / (r->least / 1000);
    enum sk_code code = sk_engine_peak(b->engine, &r->peak, err);
    bool bf16 = sk_engine_precision(b->engine) == SK_PRECISION_BF16 && r->peak.bf16 > 0;
    r->ceiling = bf16 ? r->peak.bf16 : r->peak.f32;
    r->ceiling_by = bf16 ? r->peak.bf16_by : r->peak.f32_by;
    return code;
}

static enum sk_code report_text(const struct bench *b, const char *job, const char *model, const struct result *r)
{
    sk_print("%s %s, %s, batch %d, %d threads: %.1f img/s, %.2f ms a step (median %.2f), peak %.0f MB\n", job, model,
             sk_precision_name(sk_engine_precision(b->engine)), b->batch, sk_engine_threads(b->engine), r->rate,
             r->least, r->median, r->memory);
    sk_print("%.0f GFLOP/s direct-equivalent, %.0f GFLOP/s done: %.1f%% of the peak of %.0f GFLOP/s by %s\n",
             r->direct / 1e9, r->actual / 1e9, 100 * r->actual / r->ceiling, r->ceiling / 1e9, r->ceiling_by);
    sk_print("memory: %.1f GB/s read, %.1f GB/s triad\n", r->peak.read / 1e9, r->peak.triad / 1e9);
    return SK_OK;
}

static enum sk_code report_json(const struct bench *b, const char *job, const char *model, const struct result *r,
                                struct sk_err *err)
{
    return sk_print_json(
        json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:f, s:f, s:f}", "job", job,
                  "model", model, "precision", sk_precision_name(sk_engine_precision(b->engine)), "batch", b->batch,
                  "threads", sk_engine_threads(b->engine), "steps", b->steps, "images_per_s", r->rate, "ms", r->least,
                  "median_ms", r->median, "peak_rss_mb", r->memory, "gflops_direct", r->direct / 1e9, "gflops_actual",
                  r->actual / 1e9, "peak_gflops", r->ceiling / 1e9, "peak_by", r->ceiling_by, "share_of_peak",
                  r->actual / r->ceiling, "read_gb_per_s", r->peak.read / 1e9, "triad_gb_per_s", r->peak.triad / 1e9),
        "the report", err);
}

static enum sk_code report(struct bench *b, struct sk_err *err)
{
    const struct bench_args *a = b->args;
    const char *job = b->train ? "train" : "infer", *model = a->model ? a->model : "resnet18-cifar";
    struct result r;
    enum sk_code code = sum_up(b, &r, err);
    if (code == SK_OK)
        code = a->json ? report_json(b, job, model, &r, err) : report_text(b, job, model, &r);
    if (code == SK_OK && a->ops)
        code = sk_bench_ops_print(&b->ops, &r.peak, false, a->json, err);
    if (code == SK_OK && a->each_op)
        code = sk_bench_ops_print(&b->ops, &r.peak, true, a->json, err);
    return code;
}

static enum sk_code load(const struct bench_args *a, struct sk_err *err)
{
    sk_progress_quiet(a->json);
    struct sk_bench_load l = {.data = a->data,
                              .set = &a->set,
                              .workers = a->workers < 0 ? 1 : (int)a->workers,
                              .batch = a->batch > 0 ? (int)a->batch : BATCH,
                              .steps = a->steps > 0 ? a->steps : 0,
                              .rounds = LOAD_ROUNDS,
                              .json = a->json};
    return sk_bench_load(&l, err);
}

static enum sk_code run_bench(const struct sk_words *words, const void *args, struct sk_err *err)
{
    (void)words;
    const struct bench_args *given = args;
    if (given->job && strcmp(given->job, "load") == 0)
        return load(given, err);
    if (given->data || given->workers >= 0)
        return sk_fail(err, SK_USAGE, "--%s is for --job load", given->data ? "data" : "workers");
    struct bench *b = sk_alloc(1, sizeof(*b), err);
    if (!b)
        return SK_NOMEM;
    b->args = args;
    sk_progress_quiet(b->args->json);
    enum sk_code code = read_args(b, err);
    if (code == SK_OK)
        code = make_data(b, err);
    if (code == SK_OK)
        code = open_net(b, err);
    if (code == SK_OK)
        code = measure(b, err);
    if (code == SK_OK)
        code = report(b, err);
    sk_bench_ops_release(&b->ops);
    sk_net_free(b->net);
    sk_engine_close(b->engine);
    sk_free(b->pixels);
    sk_free(b->label);
    sk_free(b->ms);
    sk_free(b);
    return code;
}

static const struct sk_option options[] = {
    SK_OPTION("job", "JOB", SK_OPTION_TEXT, struct bench_args, job,
              "train (default), infer, or load: pictures to batches, without a network"),
    SK_OPTION("model", "MODEL", SK_OPTION_TEXT, struct bench_args, model,
              "one of skua info --models (resnet18-cifar)"),
    SK_OPTION("data", "DIR", SK_OPTION_TEXT, struct bench_args, data, "load: the pictures"),
    SK_OPTION_NUMBER("workers", "N", struct bench_args, workers, "load: threads that prepare batches (1)", 0,
                     WORKERS_MAX),
    SK_OPTION("precision", "P", SK_OPTION_TEXT, struct bench_args, precision, "fp32, bf16 or auto (default)"),
    SK_OPTION_NUMBER("batch", "N", struct bench_args, batch, "pictures a step (128; 16 for resnet50)", 1, 65536),
    SK_OPTION_NUMBER("threads", "N", struct bench_args, threads, "computing threads; 0: as the machine allows", 0,
                     1024),
    SK_OPTION_NUMBER("steps", "N", struct bench_args, steps,
                     "measured steps, after 2 to warm up; the least counts (5; for infer as many as take a second; "
                     "load: batches of each of 3 rounds, an epoch)", 1,
                     STEPS_MAX),
    SK_OPTION("ops", NULL, SK_OPTION_FLAG, struct bench_args, ops,
              "the least time of each kind of op and kernel, beside what the machine's ceilings allow"),
    SK_OPTION("each-op", NULL, SK_OPTION_FLAG, struct bench_args, each_op, "the same for every op of the step"),
    SK_OPTION_SET(struct bench_args),
    SK_OPTION_JSON(struct bench_args),
};

const struct sk_command sk_cmd_bench = {
    .name = "bench",
    .words = "",
    .help = "speed of training or inference on random data, or of loading",
    .option = options,
    .options = SK_COUNT(options),
    .args_size = sizeof(struct bench_args),
    .run = run_bench,
};
