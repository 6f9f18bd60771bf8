/* Times of the ops of a step, gathered by the engine's trace, as tables or JSON. */
#include "cli/bench_ops.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

struct row {
    struct sk_op_report op; /* the first of count */
    int count;
    double seconds, flops, bytes; /* flops: direct */
    double of_peak;               /* seconds that the operations done take at the peak */
    double floor, compute;        /* seconds: all of the floor, and what of it arithmetic sets */
};

static void note(void *context, const struct sk_plan *p, size_t op, double seconds)
{
    struct sk_bench_ops *o = context;
    if (p == o->plan && (o->seconds[op] <= 0 || seconds < o->seconds[op]))
        o->seconds[op] = seconds;
}

enum sk_code sk_bench_ops_open(struct sk_bench_ops *o, struct sk_engine *e, const struct sk_plan *plan,
                               struct sk_err *err)
{
    size_t count = sk_plan_graph(plan)->op_count;
    *o = (struct sk_bench_ops){.plan = plan, .count = count, .trace = {note, o}};
    o->seconds = sk_alloc(count, sizeof(*o->seconds), err);
    if (!o->seconds)
        return SK_NOMEM;
    sk_engine_trace(e, &o->trace);
    return SK_OK;
}

void sk_bench_ops_release(struct sk_bench_ops *o)
{
    sk_free(o->seconds);
    *o = (struct sk_bench_ops){0};
}

static struct row make_row(const struct sk_bench_ops *o, size_t i, const struct sk_peak *peak)
{
    struct row r = {.count = 1, .seconds = o->seconds[i]};
    sk_plan_report(o->plan, i, &r.op);
    double rate = r.op.type == SK_BF16 && peak->bf16 > 0 ? peak->bf16 : peak->f32;
    double runs = o->runs > 0 && r.op.phase != SK_PHASE_UPDATE ? o->runs : 1;
    r.bytes = runs * r.op.bytes;
    double memory = r.bytes / (peak->read > peak->triad ? peak->read : peak->triad);
    double compute = runs * r.op.flops.actual / rate;
    r.flops = runs * r.op.flops.direct;
    r.of_peak = compute;
    r.floor = compute > memory ? compute : memory;
    r.compute = compute > memory ? compute : 0;
    return r;
}

static void add_row(struct row *to, const struct row *r)
{
    to->count += r->count;
    to->seconds += r->seconds;
    to->flops += r->flops;
    to->bytes += r->bytes;
    to->of_peak += r->of_peak;
    to->floor += r->floor;
    to->compute += r->compute;
}

/* Adds r to the row of its kind and kernel; returns the number of rows. */
static size_t gather(struct row *rows, size_t n, const struct row *r)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].op.kind, r->op.kind) == 0 && strcmp(rows[i].op.kernel, r->op.kernel) == 0) {
            add_row(&rows[i], r);
            return n;
        }
    }
    rows[n] = *r;
    return n + 1;
}

static int longer(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

/* Floors that the clock can tell apart. */
static bool has_floor(const struct row *r)
{
    return r->floor >= 1e-6 * r->count;
}

static const char *bound(const struct row *r)
{
    return 2 * r->compute > r->floor ? "arithmetic" : "memory";
}

/* A row of one op has no count. */
static void print_cells(struct sk_table *t, const struct row *r, const char *name, bool each, double all)
{
    sk_table_cell(t, "%s", name);
    sk_table_cell(t, "%s", r->op.kernel);
    if (!each)
        sk_table_cell(t, "%d", r->count);
    sk_table_cell(t, "%.3f", 1e3 * r->seconds);
    sk_table_cell(t, "%.1f%%", 100 * r->seconds / all);
    sk_table_cell_if(t, r->flops > 0, "%.0f", r->flops / r->seconds / 1e9);
    sk_table_cell_if(t, r->flops > 0, "%.0f%%", 100 * r->of_peak / r->seconds);
    sk_table_cell(t, "%.1f", r->bytes / 1e6);
    sk_table_cell(t, "%.1f", r->bytes / r->seconds / 1e9);
    sk_table_cell_if(t, has_floor(r), "%.3f", 1e3 * r->floor);
    sk_table_cell_if(t, has_floor(r), "%.2f", r->seconds / r->floor);
    sk_table_cell(t, "%s", has_floor(r) ? bound(r) : "");
}

static enum sk_code print_table(const struct row *rows, size_t n, const struct row *all, bool each, struct sk_err *err)
{
    static const char *const numbers[] = {"ms",   "share",    "GFLOP/s",     "of peak", "MB",
                                          "GB/s", "floor ms", "times floor", "bound by"};
    struct sk_table t = {.align = each ? "llrrrrrrrrl" : "llrrrrrrrrrl"};
    sk_table_cell(&t, "op");
    sk_table_cell(&t, "kernel");
    if (!each)
        sk_table_cell(&t, "count");
    for (size_t i = 0; i < SK_COUNT(numbers); i++)
        sk_table_cell(&t, "%s", numbers[i]);
    for (size_t i = 0; i < n; i++)
        print_cells(&t, &rows[i], each ? rows[i].op.name : rows[i].op.kind, each, all->seconds);
    print_cells(&t, all, "all", each, all->seconds);
    sk_print("\n");
    return sk_table_print(&t, err);
}

static json_t *row_json(const struct row *r, const char *name, double all)
{
    return json_pack("{s:s, s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:s}", "op", name, "kernel", r->op.kernel,
                     "count", r->count, "ms", 1e3 * r->seconds, "share", r->seconds / all, "gflops_direct",
                     r->flops / r->seconds / 1e9, "share_of_peak", r->of_peak / r->seconds, "mb", r->bytes / 1e6,
                     "gb_per_s", r->bytes / r->seconds / 1e9, "floor_ms", 1e3 * r->floor, "times_floor",
                     has_floor(r) ? json_real(r->seconds / r->floor) : json_null(), "bound", bound(r));
}

static enum sk_code print_json(const struct row *rows, size_t n, const struct row *all, bool each, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (size_t i = 0; i < n && code == SK_OK; i++) {
        json_t *object = row_json(&rows[i], rows[i].op.kind, all->seconds);
        if (object && each)
            json_object_set_new(object, "name", json_string(rows[i].op.name));
        code = sk_print_json(object, "the times of the ops", err);
    }
    return code == SK_OK ? sk_print_json(row_json(all, "all", all->seconds), "the times of the ops", err) : code;
}

enum sk_code sk_bench_ops_print(const struct sk_bench_ops *o, const struct sk_peak *peak, bool each, bool json,
                                struct sk_err *err)
{
    struct row all = {0}, *rows = sk_alloc(o->count, sizeof(*rows), err);
    size_t n = 0;
    if (!rows)
        return SK_NOMEM;
    for (size_t i = 0; i < o->count; i++) {
        if (o->seconds[i] <= 0)
            continue;
        struct row r = make_row(o, i, peak);
        add_row(&all, &r);
        if (each)
            rows[n++] = r;
        else
            n = gather(rows, n, &r);
    }
    if (!each)
        qsort(rows, n, sizeof(*rows), longer);
    enum sk_code code = json ? print_json(rows, n, &all, each, err) : print_table(rows, n, &all, each, err);
    sk_free(rows);
    return code;
}
