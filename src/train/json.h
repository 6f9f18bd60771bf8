/* JSON of the run's files: members of an object, read and written strictly. Private to train. */
#ifndef SKUA_TRAIN_JSON_H
#define SKUA_TRAIN_JSON_H

#include <jansson.h>
#include <math.h>
#include <stdint.h>

#define SK_LOG_JSON   (JSON_COMPACT | JSON_REAL_PRECISION(9))
#define SK_STATE_JSON (JSON_INDENT(2) | JSON_REAL_PRECISION(17)) /* doubles come back bit for bit */

static inline void sk_json_integer(json_t *object, const char *key, int64_t value)
{
    json_object_set_new(object, key, json_integer(value));
}

/* JSON knows neither infinity nor NaN: they become null. */
static inline void sk_json_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

static inline void sk_json_bool(json_t *object, const char *key, int value)
{
    json_object_set_new(object, key, json_boolean(value));
}

#endif
