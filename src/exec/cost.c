/* What the ops of a plan cost on the kernels that were chosen for them. */
#include "exec/internal.h"

static struct sk_flops op_flops(const struct sk_plan *p, size_t i)
{
    const struct sk_op *op = &p->graph.op[i];
    if (!sk_op_multiplies(op->kind))
        return (struct sk_flops){0};
    double direct = sk_op_cost(&p->graph, op).flops, said = p->op[i].choice.need.flops;
    return (struct sk_flops){.direct = direct, .actual = said > 0 ? said : direct};
}

void sk_plan_report(const struct sk_plan *p, size_t i, struct sk_op_report *r)
{
    const struct sk_op *op = &p->graph.op[i];
    const struct sk_choice *c = &p->op[i].choice;
    *r = (struct sk_op_report){.phase = op->phase,
                               .kind = sk_op_info(op->kind)->name,
                               .name = op->name,
                               .flops = op_flops(p, i),
                               .bytes = sk_op_cost(&p->graph, op).bytes,
                               .type = c->need.single ? SK_F32 : p->graph.tensor[op->in[0]].desc.dtype};
    snprintf(r->kernel, sizeof r->kernel, "%s%s%s", c->kernel->name, c->need.label[0] ? " " : "", c->need.label);
}

struct sk_flops sk_plan_flops(const struct sk_plan *p)
{
    struct sk_flops sum = {0};
    for (size_t i = 0; i < p->graph.op_count; i++) {
        struct sk_flops f = op_flops(p, i);
        if (p->graph.op[i].phase == SK_PHASE_PREPARE)
            continue;
        sum.direct += f.direct;
        sum.actual += f.actual;
    }
    return sum;
}
