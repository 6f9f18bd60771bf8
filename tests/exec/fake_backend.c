/* The made-up backend: kernels whose runs check what they are given, count themselves and take the time they are told.
 */
#include "exec/fake_backend.h"

#include "test.h"

struct fake fake;

struct instance {
    int kernel, variant;
};
static struct instance instances[FAKE_KERNELS][FAKE_VARIANTS];

/* What was last given out. */
static struct {
    char *at;
    size_t bytes;
} memory;

/* The first kernels need the most. */
static size_t scratch_of(int kernel, int variant)
{
    return 100 + 10000 * (size_t)(FAKE_KERNELS - kernel) + 1000 * (size_t)(FAKE_VARIANTS - variant);
}

static enum sk_code open_fake(int kernel, void **self, int variant, struct sk_kernel_need *need, struct sk_err *err)
{
    static const char labels[] = "abcdef";
    fake.opened[kernel]++;
    if (variant < FAKE_VARIANTS && fake.declines[kernel][variant])
        return sk_fail(err, SK_UNSUPPORTED, "%s", fake.declines[kernel][variant]);
    if (variant >= FAKE_VARIANTS || fake.ms[kernel][variant] <= 0)
        return sk_fail(err, SK_UNSUPPORTED, SK_NO_MORE);
    snprintf(need->label, sizeof need->label, "%c", labels[variant]);
    need->scratch = scratch_of(kernel, variant);
    need->packed = 40;
    instances[kernel][variant] = (struct instance){kernel, variant};
    *self = &instances[kernel][variant];
    return SK_OK;
}

static enum sk_code open_one(void **self, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                             struct sk_kernel_need *need, struct sk_err *err)
{
    (void)op, (void)env;
    return open_fake(0, self, variant, need, err);
}

static enum sk_code open_two(void **self, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                             struct sk_kernel_need *need, struct sk_err *err)
{
    (void)op, (void)env;
    return open_fake(1, self, variant, need, err);
}

static enum sk_code open_many(void **self, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                              struct sk_kernel_need *need, struct sk_err *err)
{
    (void)op, (void)env;
    return open_fake(2, self, variant, need, err);
}

static enum sk_code open_ref(void **self, const struct sk_op_desc *op, const struct sk_kernel_env *env, int variant,
                             struct sk_kernel_need *need, struct sk_err *err)
{
    (void)op, (void)env;
    return open_fake(3, self, variant, need, err);
}

static enum sk_code prepare_fake(void *self, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct instance *me = self;
    (void)err;
    fake.prepared[me->kernel][me->variant]++;
    *(struct instance *)call->packed = *me;
    return SK_OK;
}

/* Inputs must be ordinary numbers, scratch memory all there, packed memory this kernel's own. */
static enum sk_code run_fake(void *self, const struct sk_kernel_call *call, struct sk_err *err)
{
    const struct instance *me = self, *packed = call->packed;
    const float *x = call->in[0];
    double sum = 0;
    (void)err;
    for (int i = 0; i < 1024; i++)
        sum += (double)(x[i] * x[i]);
    assert_true(sum > 512 && sum < 2048);
    assert_true(call->scratch && call->out[0] && call->in[1]);
    const char *scratch = call->scratch, *end = memory.at + memory.bytes;
    if (scratch >= memory.at && scratch < end)
        assert_true(scratch + scratch_of(me->kernel, me->variant) <= end);
    if (fake.prepared[me->kernel][me->variant])
        assert_memory_equal(packed, me, sizeof *me);
    fake.runs[me->kernel][me->variant]++;
    fake.now += fake.ms[me->kernel][me->variant] / 1000;
    return SK_OK;
}

static const struct sk_kernel one = {
    .name = "one", .kind = SK_OP_CONV, .open = open_one, .prepare = prepare_fake, .run = run_fake, .quick_variants = 0};
static const struct sk_kernel two = {
    .name = "two", .kind = SK_OP_CONV, .open = open_two, .prepare = prepare_fake, .run = run_fake, .quick_variants = 0};
static const struct sk_kernel many = {.name = "many",
                                      .kind = SK_OP_CONV,
                                      .open = open_many,
                                      .prepare = prepare_fake,
                                      .run = run_fake,
                                      .quick_variants = 2};
static const struct sk_kernel ref = {
    .name = "ref", .kind = SK_OP_CONV, .open = open_ref, .prepare = prepare_fake, .run = run_fake, .quick_variants = 0};

static const struct sk_kernel *const *kernels(enum sk_op_kind kind)
{
    static const struct sk_kernel *const all[] = {&one, &two, &many, &ref, NULL}, *const fewer[] = {&one, &ref, NULL};
    static const struct sk_kernel *const none[] = {NULL};
    return kind != SK_OP_CONV ? none : fake.only_one_and_ref ? fewer : all;
}

static void *fake_alloc(size_t bytes, struct sk_err *err)
{
    if (fake.no_memory)
        sk_fail(err, SK_NOMEM, "no memory");
    memory.bytes = bytes;
    memory.at = fake.no_memory ? NULL : sk_alloc(1, bytes, err);
    return memory.at;
}

static void fake_free(void *ptr, size_t bytes)
{
    (void)bytes;
    sk_free(ptr);
}

static enum sk_code upload(void *to, const void *from, size_t bytes, struct sk_err *err)
{
    (void)err;
    memcpy(to, from, bytes);
    return SK_OK;
}

static enum sk_code sync_fake(struct sk_err *err)
{
    (void)err;
    return SK_OK;
}

double fake_clock(void)
{
    return fake.now;
}

int fake_runs(void)
{
    int sum = 0;
    for (int k = 0; k < FAKE_KERNELS; k++)
        for (int v = 0; v < FAKE_VARIANTS; v++)
            sum += fake.runs[k][v];
    return sum;
}

const struct sk_backend fake_backend = {.version = SK_BACKEND_VERSION,
                                        .name = "fake",
                                        .kernels = kernels,
                                        .alloc = fake_alloc,
                                        .free = fake_free,
                                        .upload = upload,
                                        .sync = sync_fake};
