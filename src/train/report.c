/* The report of an epoch as JSON: the same object in log.jsonl and in `skua train --json`. */
#include "train/json.h"
#include "train/train.h"

#include <stdlib.h>

static void put_metrics(json_t *object, const char *const key[3], const struct sk_metrics *m)
{
    sk_json_real(object, key[0], sk_metrics_loss(m));
    sk_json_real(object, key[1], sk_metrics_top1(m));
    sk_json_real(object, key[2], sk_metrics_top5(m));
}

static void put_damaged(json_t *object, const struct sk_epoch_report *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->damaged_count; i++)
        json_array_append_new(list, json_string(r->damaged[i].why));
    json_object_set_new(object, "damaged", list);
}

enum sk_code sk_epoch_report_json(const struct sk_epoch_report *r, struct sk_str *out, struct sk_err *err)
{
    json_t *object = json_object();
    sk_json_integer(object, "step", r->step);
    sk_json_integer(object, "epoch", r->epoch);
    sk_json_integer(object, "epochs", r->epochs);
    put_metrics(object, (const char *const[]){"train_loss", "train_top1", "train_top5"}, &r->train);
    if (r->has_val) {
        put_metrics(object, (const char *const[]){"val_loss", "val_top1", "val_top5"}, &r->val);
        sk_json_bool(object, "best", r->is_best);
    }
    if (r->has_ema)
        put_metrics(object, (const char *const[]){"ema_loss", "ema_top1", "ema_top5"}, &r->ema);
    sk_json_real(object, "lr", r->lr);
    sk_json_real(object, "seconds", r->seconds);
    sk_json_real(object, "wait_seconds", r->wait_seconds);
    sk_json_real(object, "compute_seconds", r->compute_seconds);
    sk_json_real(object, "val_seconds", r->val_seconds);
    sk_json_real(object, "images_per_s", r->images_per_s);
    sk_json_integer(object, "replaced", r->replaced);
    if (r->damaged_count > 0)
        put_damaged(object, r);
    sk_json_bool(object, "complete", r->complete);
    char *text = json_dumps(object, SK_LOG_JSON);
    json_decref(object);
    enum sk_code code =
        text ? sk_str_add(out, err, "%s", text) : sk_fail(err, SK_NOMEM, "not enough memory for a report");
    free(text);
    return code;
}
