/* The built-in backend: kernels for every op on the host's own memory and processor. */
#include "backend/cpu/cpu.h"

#include <assert.h>
#include <string.h>

enum { CANDIDATES = 5 }; /* with the NULL that ends the list */

static const struct sk_kernel *const table[SK_OP_KINDS][CANDIDATES] = {
    [SK_OP_NORMALIZE] = {&sk_cpu_normalize},
    [SK_OP_CONV] = {&sk_wino_conv, &sk_fused_depthwise_conv, &sk_fused_onednn_conv, &sk_fused_ref_conv},
    [SK_OP_CONV_GRAD_DATA] = {&sk_wino_conv_grad_data, &sk_fused_depthwise_conv_grad_data, &sk_fused_onednn_conv_grad_data, &sk_fused_ref_conv_grad_data},
    [SK_OP_CONV_GRAD_WEIGHT] = {&sk_wino_conv_grad_weight, &sk_fused_depthwise_conv_grad_weight, &sk_fused_onednn_conv_grad_weight, &sk_fused_ref_conv_grad_weight},
    [SK_OP_BATCH_NORM] = {&sk_cpu_batch_norm},
    [SK_OP_BATCH_NORM_GRAD] = {&sk_cpu_batch_norm_grad},
    [SK_OP_BATCH_NORM_INFER] = {&sk_cpu_batch_norm_infer},
    [SK_OP_RUNNING_STATS] = {&sk_cpu_running_stats},
    [SK_OP_FOLD_NORM] = {&sk_cpu_fold_norm},
    [SK_OP_RELU] = {&sk_cpu_relu},
    [SK_OP_RELU_GRAD] = {&sk_cpu_relu_grad},
    [SK_OP_ADD] = {&sk_cpu_add},
    [SK_OP_MAX_POOL] = {&sk_cpu_max_pool},
    [SK_OP_MAX_POOL_GRAD] = {&sk_cpu_max_pool_grad},
    [SK_OP_AVG_POOL] = {&sk_cpu_avg_pool},
    [SK_OP_AVG_POOL_GRAD] = {&sk_cpu_avg_pool_grad},
    [SK_OP_DROPOUT] = {&sk_cpu_dropout},
    [SK_OP_DROPOUT_GRAD] = {&sk_cpu_dropout_grad},
    [SK_OP_LINEAR] = {&sk_onednn_linear, &sk_ref_linear},
    [SK_OP_LINEAR_GRAD_DATA] = {&sk_onednn_linear_grad_data, &sk_ref_linear_grad_data},
    [SK_OP_LINEAR_GRAD_WEIGHT] = {&sk_onednn_linear_grad_weight, &sk_ref_linear_grad_weight},
    [SK_OP_LOSS] = {&sk_cpu_loss},
    [SK_OP_LOSS_GRAD] = {&sk_cpu_loss_grad},
    [SK_OP_TOPK] = {&sk_cpu_topk},
    [SK_OP_SOFTMAX] = {&sk_cpu_softmax},
    [SK_OP_ACCUMULATE] = {&sk_cpu_accumulate},
    [SK_OP_SQUARE_SUM] = {&sk_cpu_square_sum},
    [SK_OP_UPDATE] = {&sk_cpu_update},
    [SK_OP_AVERAGE] = {&sk_cpu_average},
    [SK_OP_BIAS_GRAD] = {&sk_cpu_bias_grad},
    [SK_OP_GROUP_NORM] = {&sk_cpu_group_norm},
    [SK_OP_GROUP_NORM_GRAD] = {&sk_cpu_group_norm_grad},
    [SK_OP_SILU] = {&sk_cpu_silu},
    [SK_OP_SILU_GRAD] = {&sk_cpu_silu_grad},
    [SK_OP_SIGMOID] = {&sk_cpu_sigmoid},
    [SK_OP_SIGMOID_GRAD] = {&sk_cpu_sigmoid_grad},
    [SK_OP_GATE] = {&sk_cpu_gate},
    [SK_OP_GATE_GRAD] = {&sk_cpu_gate_grad},
    [SK_OP_AVG_WINDOW] = {&sk_cpu_avg_window},
    [SK_OP_AVG_WINDOW_GRAD] = {&sk_cpu_avg_window_grad},
    [SK_OP_MAX_ALL] = {&sk_cpu_max_all},
    [SK_OP_MAX_ALL_GRAD] = {&sk_cpu_max_all_grad},
};

static const struct sk_kernel *const *kernels(enum sk_op_kind kind)
{
    assert(kind >= 0 && kind < SK_OP_KINDS);
    return table[kind];
}

static void tell_complaint(void)
{
    if (sk_isa_complaint() != NULL)
        sk_notice("%s", sk_isa_complaint());
}

static void describe(struct sk_str *out)
{
    tell_complaint();
    /* A description that does not fit into memory is left out. */
    if (sk_str_add(out, NULL, "kernels %s of %s; oneDNN %s", sk_isa_name(sk_isa_level()), sk_isa_features(),
                   sk_onednn_version()) != SK_OK)
        return;
}

static void *map_memory(size_t bytes, struct sk_err *err)
{
    return sk_map(bytes, err);
}

static void unmap_memory(void *ptr, size_t bytes)
{
    if (ptr != NULL)
        sk_unmap(ptr, bytes);
}

static enum sk_code copy(void *to, const void *from, size_t bytes, struct sk_err *err)
{
    (void)err;
    if (bytes > 0)
        memcpy(to, from, bytes);
    return SK_OK;
}

static enum sk_code start(int threads, struct sk_err *err)
{
    (void)err;
    omp_set_dynamic(0);
    omp_set_num_threads(threads);
    sk_cpu_wait_init(threads);
    (void)sk_kern_get();
    tell_complaint();
    return SK_OK;
}

static enum sk_code sync_device(struct sk_err *err)
{
    (void)err;
    sk_cpu_wait_watch();
    return SK_OK;
}

const struct sk_backend *sk_backend_cpu(void)
{
    static const struct sk_backend backend = {
        .version = SK_BACKEND_VERSION,
        .name = "cpu",
        .kernels = kernels,
        .has_bf16 = sk_isa_has_bf16,
        .describe = describe,
        .alloc = map_memory,
        .free = unmap_memory,
        .upload = copy,
        .download = copy,
        .host_memory = true,
        .start = start,
        .sync = sync_device,
        .peak = sk_cpu_peak,
    };
    return &backend;
}
