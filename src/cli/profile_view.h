/* How skua profile shows what it measured. */
#ifndef SKUA_CLI_PROFILE_VIEW_H
#define SKUA_CLI_PROFILE_VIEW_H

#include "cli/cli.h"
#include "train/profile.h"

/* ---- a recipe's profile, measured and shown (profile_run.c) ---- */
struct sk_profile_show {
    const char *trace, *html, *svg; /* files, NULL: none */
    int64_t trace_steps;            /* 0: 5 */
    bool json;
};
enum sk_code sk_cli_profile(const struct sk_recipe *r, const struct sk_profile_show *show, struct sk_err *err) SK_MUST;

/* ---- ops put together (profile_groups.c) ---- */
struct sk_op_group {
    char name[SK_TENSOR_NAME];
    int count;
    double forward, backward, update; /* seconds of a step */
    struct sk_flops flops;
    double bytes;
};
enum sk_group_by { SK_GROUP_KIND, SK_GROUP_LAYER };
double sk_group_seconds(const struct sk_op_group *g);
/* Ops of a kind, the longest first; or of a layer, in the order of the step. *groups:
 * sk_free. */
enum sk_code sk_op_groups(const struct sk_profile *p, enum sk_group_by by, struct sk_op_group **groups, size_t *count,
                          struct sk_err *err) SK_MUST;

/* ---- one profile (profile_text.c, profile_html.c) ---- */
/* Tables and the verdict, or one JSON object and an object for each op and layer. */
enum sk_code sk_profile_print(const struct sk_recipe *r, const struct sk_profile *p, bool json,
                              struct sk_err *err) SK_MUST;
/* Writes one page that needs no network. */
enum sk_code sk_profile_html(const struct sk_recipe *r, const struct sk_profile *p, const char *path,
                             struct sk_err *err) SK_MUST;

/* ---- numbers of workers beside each other (profile_sweep.c, profile_svg.c) ---- */
enum { SK_SWEEP_MAX = 16 };
struct sk_sweep {
    int workers[SK_SWEEP_MAX];
    struct sk_sweep_row row[SK_SWEEP_MAX];
    size_t rows;
    int processors;
};
/* "0,1,2,4": each 0 to 64, none twice. USAGE. */
enum sk_code sk_sweep_parse(struct sk_sweep *s, const char *list, struct sk_err *err) SK_MUST;
/* steps for each, 0: an epoch; network: also training, not loading alone. */
enum sk_code sk_sweep_measure(struct sk_sweep *s, struct sk_profiler *p, int64_t steps, bool network,
                              struct sk_err *err) SK_MUST;
/* A table, bars and the verdict, or a JSON object a row and one for the verdict. */
enum sk_code sk_sweep_print(const struct sk_sweep *s, bool json, struct sk_err *err) SK_MUST;
enum sk_code sk_sweep_svg(const struct sk_sweep *s, struct sk_str *out, struct sk_err *err) SK_MUST;

#endif
