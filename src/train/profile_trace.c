/* A profile's events as a file of Chrome's trace event format (complete events, "ph": "X", in microseconds). */
#include "train/profile.h"

static enum sk_code name_thread(struct sk_str *out, int thread, struct sk_err *err)
{
    char name[32] = "training";
    if (thread > 0)
        snprintf(name, sizeof(name), "loader %d", thread);
    return sk_str_add(
        out, err,
        "{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":1,\"tid\":%d,\"args\":{\"name\":\"%s\"}},\n"
        "{\"ph\":\"M\",\"name\":\"thread_sort_index\",\"pid\":1,\"tid\":%d,\"args\":{\"sort_index\":%d}},\n",
        thread, name, thread, thread);
}

/* Names of ops and kernels are the program's own: letters, digits and punctuation that JSON takes as it is. */
static enum sk_code add_event(struct sk_str *out, const struct sk_profile *p, const struct sk_profile_event *e,
                              struct sk_err *err)
{
    static const char *const phase[] = {"prepare", "forward", "backward", "gather", "update"};
    enum sk_code code = sk_str_add(out, err, "{\"ph\":\"X\",\"pid\":1,\"tid\":%d,\"ts\":%.3f,\"dur\":%.3f,", e->thread,
                                   1e6 * e->start, 1e6 * e->seconds);
    if (code != SK_OK)
        return code;
    if (e->op >= 0) {
        struct sk_op_report r;
        sk_plan_report(p->plan, (size_t)e->op, &r);
        return sk_str_add(out, err,
                          "\"name\":\"%s %s\",\"cat\":\"%s\",\"args\":{\"kernel\":\"%s\",\"gflop\":%.6g,"
                          "\"mb\":%.6g}}",
                          r.kind, r.name, phase[r.phase], r.kernel, r.flops.direct / 1e9, r.bytes / 1e6);
    }
    if (e->step || e->wait)
        return sk_str_add(out, err, "\"name\":\"%s\",\"cat\":\"step\",\"args\":{\"step\":%lld}}",
                          e->step ? "step" : "wait for data", (long long)e->number);
    return sk_str_add(out, err, "\"name\":\"%s\",\"cat\":\"load\",\"args\":{\"sample\":%lld}}",
                      sk_profile_stage_name[e->stage], (long long)e->number);
}

enum sk_code sk_profile_chrome(const struct sk_profile *p, struct sk_str *out, struct sk_err *err)
{
    enum sk_code code = sk_str_add(out, err, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n");
    for (int thread = 0; thread <= p->workers && code == SK_OK; thread++)
        code = name_thread(out, thread, err);
    for (size_t i = 0; i < p->events && code == SK_OK; i++) {
        code = add_event(out, p, &p->event[i], err);
        if (code == SK_OK)
            code = sk_str_add(out, err, ",\n");
    }
    if (code == SK_OK)
        code = sk_str_add(out, err,
                          "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":1,\"args\":{\"name\":\"skua\"}}\n]}\n");
    return code;
}
