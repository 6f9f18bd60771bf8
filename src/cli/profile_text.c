/* A profile as tables on the terminal, or as JSON. */
#include <jansson.h>
#include <stdlib.h>

#include "cli/bench_ops.h"
#include "cli/profile_view.h"

static double per_step(const struct sk_profile *p, double seconds)
{
    return 1e3 * seconds / sk_profile_steps(p);
}

static void print_heading(const struct sk_recipe *r, const struct sk_profile *p)
{
    sk_print("%s: %s, %lld steps of up to %d pictures, %d thread%s, %d worker%s: %.1f img/s, %.2f ms a step\n", r->name,
             r->model.arch, (long long)p->steps, p->batch, p->threads, sk_plural(p->threads), p->workers,
             sk_plural(p->workers), (double)p->samples / p->seconds, per_step(p, p->seconds));
    if (p->partial > 0)
        sk_print("%lld of them had smaller batches: a step is one of %d pictures, all figures count by pictures\n",
                 (long long)p->partial, p->batch);
    sk_print("\n");
}

static enum sk_code print_parts(const struct sk_profile *p, struct sk_err *err)
{
    struct sk_table t = {.align = "lrr"};
    sk_table_cell(&t, "training thread");
    sk_table_cell(&t, "ms a step");
    sk_table_cell(&t, "share");
    for (int i = 0; i < SK_PARTS; i++) {
        sk_table_cell(&t, "%s", sk_profile_part_name[i]);
        sk_table_cell(&t, "%.3f", per_step(p, p->part[i]));
        sk_table_cell(&t, "%.1f%%", 100 * p->part[i] / p->seconds);
    }
    return sk_table_print(&t, err);
}

static enum sk_code print_stages(const struct sk_profile *p, struct sk_err *err)
{
    struct sk_table t = {.align = "lrrr"};
    double all = 0, n = (double)p->loaded;
    for (int i = 0; i < SK_STAGES; i++)
        all += p->stage[i];
    if (p->loaded == 0 || all <= 0)
        return SK_OK;
    sk_table_cell(&t, "loading");
    sk_table_cell(&t, "ms a picture");
    sk_table_cell(&t, "share");
    sk_table_cell(&t, "thread ms a step");
    for (int i = 0; i < SK_STAGES; i++) {
        sk_table_cell(&t, "%s", sk_profile_stage_name[i]);
        sk_table_cell(&t, "%.4f", 1e3 * p->stage[i] / n);
        sk_table_cell(&t, "%.1f%%", 100 * p->stage[i] / all);
        sk_table_cell(&t, "%.3f", per_step(p, p->stage[i]));
    }
    sk_print("\n");
    return sk_table_print(&t, err);
}

/* Rates of rows that compute nothing are left out. */
static void print_rates(struct sk_table *t, const struct sk_op_group *row, double seconds, double ceiling)
{
    bool computes = row->flops.direct > 0;
    sk_table_cell_if(t, computes, "%.0f", row->flops.direct / seconds / 1e9);
    sk_table_cell_if(t, computes, "%.0f%%", 100 * row->flops.actual / seconds / ceiling);
    sk_table_cell(t, "%.1f", row->bytes / 1e6);
    sk_table_cell(t, "%.1f", row->bytes / seconds / 1e9);
}

static enum sk_code print_layers(const struct sk_profile *p, struct sk_err *err)
{
    static const char *const heading[] = {"layer",   "forward ms", "backward ms", "update ms", "share",
                                          "GFLOP/s", "of peak",    "MB",          "GB/s"};
    struct sk_table t = {.align = "lrrrrrrrr"};
    struct sk_op_group *rows;
    size_t count;
    double all = 0;
    enum sk_code code = sk_op_groups(p, SK_GROUP_LAYER, &rows, &count, err);
    for (size_t i = 0; i < SK_COUNT(heading); i++)
        sk_table_cell(&t, "%s", heading[i]);
    for (size_t i = 0; i < count; i++)
        all += sk_group_seconds(&rows[i]);
    for (size_t i = 0; i < count; i++) {
        double seconds = sk_group_seconds(&rows[i]);
        sk_table_cell(&t, "%s", rows[i].name);
        sk_table_cell(&t, "%.3f", 1e3 * rows[i].forward);
        sk_table_cell(&t, "%.3f", 1e3 * rows[i].backward);
        sk_table_cell(&t, "%.3f", 1e3 * rows[i].update);
        sk_table_cell(&t, "%.1f%%", 100 * seconds / all);
        print_rates(&t, &rows[i], seconds, p->ceiling);
    }
    sk_free(rows);
    sk_print("\n");
    return code == SK_OK ? sk_table_print(&t, err) : code;
}

/* ---- JSON ---- */
static json_t *reals(const char *const *name, const double *value, int n, double factor)
{
    json_t *object = json_object();
    for (int i = 0; i < n; i++)
        json_object_set_new(object, name[i], json_real(value[i] * factor));
    return object;
}

static enum sk_code print_summary(const struct sk_recipe *r, const struct sk_profile *p, const char *verdict,
                                  struct sk_err *err)
{
    double pictures = p->loaded > 0 ? 1e3 / (double)p->loaded : 0;
    json_t *object = json_pack(
        "{s:s, s:I, s:I, s:I, s:i, s:i, s:i, s:f, s:f, s:f, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:s}", "profile",
        r->name, "steps", (json_int_t)p->steps, "samples", (json_int_t)p->samples, "partial_batches",
        (json_int_t)p->partial, "batch", p->batch, "threads", p->threads, "workers", p->workers, "seconds", p->seconds,
        "images_per_s", (double)p->samples / p->seconds, "wait_share", p->part[SK_PART_WAIT] / p->seconds, "ms_a_step",
        reals(sk_profile_part_name, p->part, SK_PARTS, 1e3 / sk_profile_steps(p)), "ms_a_picture",
        reals(sk_profile_stage_name, p->stage, SK_STAGES, pictures), "gflops_direct",
        p->flops.direct * sk_profile_steps(p) / p->seconds / 1e9, "gflops_actual",
        p->flops.actual * sk_profile_steps(p) / p->seconds / 1e9, "peak_gflops", p->ceiling / 1e9, "read_gb_per_s",
        p->peak.read / 1e9, "triad_gb_per_s", p->peak.triad / 1e9, "verdict", verdict);
    return sk_print_json(object, "the profile", err);
}

static enum sk_code print_json_layers(const struct sk_profile *p, struct sk_err *err)
{
    struct sk_op_group *rows;
    size_t count;
    enum sk_code code = sk_op_groups(p, SK_GROUP_LAYER, &rows, &count, err);
    for (size_t i = 0; i < count && code == SK_OK; i++) {
        double seconds = sk_group_seconds(&rows[i]);
        code = sk_print_json(json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "layer", rows[i].name, "forward_ms",
                                       1e3 * rows[i].forward, "backward_ms", 1e3 * rows[i].backward, "update_ms",
                                       1e3 * rows[i].update, "gflops_direct", rows[i].flops.direct / seconds / 1e9,
                                       "share_of_peak", rows[i].flops.actual / seconds / p->ceiling, "mb",
                                       rows[i].bytes / 1e6, "gb_per_s", rows[i].bytes / seconds / 1e9),
                             "the profile", err);
    }
    sk_free(rows);
    return code;
}

static enum sk_code print_ops(const struct sk_profile *p, bool json, struct sk_err *err)
{
    struct sk_bench_ops ops = {
        .plan = p->plan, .seconds = p->op_seconds, .count = sk_plan_graph(p->plan)->op_count, .runs = p->runs};
    return sk_bench_ops_print(&ops, &p->peak, false, json, err);
}

enum sk_code sk_profile_print(const struct sk_recipe *r, const struct sk_profile *p, bool json, struct sk_err *err)
{
    struct sk_str verdict = {0};
    enum sk_code code = sk_profile_verdict(p, &verdict, err);
    if (code == SK_OK && json)
        code = print_summary(r, p, verdict.text, err);
    if (!json)
        print_heading(r, p);
    if (code == SK_OK && !json)
        code = print_parts(p, err);
    if (code == SK_OK && !json)
        code = print_stages(p, err);
    if (code == SK_OK)
        code = print_ops(p, json, err);
    if (code == SK_OK)
        code = json ? print_json_layers(p, err) : print_layers(p, err);
    if (code == SK_OK && !json)
        sk_print("\n%s\n", verdict.text);
    sk_str_release(&verdict);
    return code;
}
