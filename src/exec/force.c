/* SKUA_FORCE: kernels asked for by name, for comparison. */
#include <string.h>

#include "exec/internal.h"

/* The names of ops with several kernels, or those of one op's kernels, as "a, b, c". */
static const char *op_names(const struct sk_backend *b, char *out, size_t size)
{
    size_t n = 0;
    out[0] = 0;
    for (int kind = 0; kind < SK_OP_KINDS && n < size; kind++) {
        const struct sk_kernel *const *k = b->kernels((enum sk_op_kind)kind);
        if (k && k[0] && k[1])
            n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", sk_op_info((enum sk_op_kind)kind)->name);
    }
    return out;
}

static const char *kernel_names(const struct sk_kernel *const *k, char *out, size_t size)
{
    size_t n = 0;
    out[0] = 0;
    for (; k && *k && n < size; k++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", (*k)->name);
    return out;
}

static int find_op(const char *name)
{
    for (int kind = 0; kind < SK_OP_KINDS; kind++)
        if (strcmp(sk_op_info((enum sk_op_kind)kind)->name, name) == 0)
            return kind;
    return -1;
}

/* Whether a kernel's full name could begin so. */
static bool is_kernel(const struct sk_kernel *const *k, const char *start)
{
    for (; k && *k; k++) {
        size_t name = strlen((*k)->name), len = strlen(start);
        if (strncmp((*k)->name, start, len < name ? len : name) == 0)
            return true;
    }
    return false;
}

/* One "op:kernel", cut in place. */
static enum sk_code read_item(struct sk_force *f, char *item, const struct sk_backend *b, struct sk_err *err)
{
    char names[512], shown[128];
    char *colon = strchr(item, ':');
    if (!colon || colon == item || !colon[1])
        return sk_fail(err, SK_USAGE,
                       "expected OP:KERNEL[,OP:KERNEL...] in SKUA_FORCE, got '%s'; ops with several kernels are %s",
                       sk_printable(shown, sizeof shown, item), op_names(b, names, sizeof names));
    *colon = 0;
    int kind = find_op(item);
    if (kind < 0)
        return sk_fail(err, SK_USAGE, "unknown op '%s' in SKUA_FORCE: those with several kernels are %s",
                       sk_printable(shown, sizeof shown, item), op_names(b, names, sizeof names));
    const struct sk_kernel *const *k = b->kernels((enum sk_op_kind)kind);
    if (!is_kernel(k, colon + 1))
        return sk_fail(err, SK_USAGE, "unknown kernel '%s' in SKUA_FORCE: %s has %s",
                       sk_printable(shown, sizeof shown, colon + 1), item, kernel_names(k, names, sizeof names));
    if (f->name[kind])
        return sk_fail(err, SK_USAGE, "op %s is twice in SKUA_FORCE", item);
    f->name[kind] = colon + 1;
    return SK_OK;
}

enum sk_code sk_force_parse(struct sk_force *f, const char *text, const struct sk_backend *b, struct sk_err *err)
{
    memset(f, 0, sizeof *f);
    if (!text || !*text)
        return SK_OK;
    enum sk_code code =
        strlen(text) < sizeof f->text
            ? SK_OK
            : sk_fail(err, SK_USAGE, "the value of SKUA_FORCE is longer than %zu characters", sizeof f->text - 1);
    snprintf(f->text, sizeof f->text, "%s", text);
    for (char *item = f->text, *comma; item && code == SK_OK; item = comma) {
        comma = strchr(item, ',');
        if (comma)
            *comma++ = 0;
        code = read_item(f, item, b, err);
    }
    if (code == SK_OK)
        sk_notice("kernels are forced: SKUA_FORCE=%s", text);
    return code;
}
