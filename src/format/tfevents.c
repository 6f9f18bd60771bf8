/* TensorBoard's event files: the few protobuf messages that they need, encoded by hand, in TFRecords. */
#include "format/format.h"

#include <string.h>

/* ---- CRC-32C ---- */
uint32_t sk_crc32c(const void *data, size_t len)
{
    const unsigned char *byte = data;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= byte[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

/* A checksum of data that holds checksums would be weak: TFRecords hold it turned and shifted. */
static uint32_t masked_crc(const void *data, size_t len)
{
    uint32_t crc = sk_crc32c(data, len);
    return (crc >> 15 | crc << 17) + UINT32_C(0xa282ead8);
}

/* ---- the wire format of protobuf; after a failure nothing more is written ---- */
enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
struct message {
    struct sk_str text;
    enum sk_code code;
    struct sk_err *err;
};

static void put_raw(struct message *m, const void *data, size_t len)
{
    if (m->code == SK_OK && len > 0)
        m->code = sk_str_add_bytes(&m->text, data, len, m->err);
}

static void put_little(struct message *m, uint64_t value, int bytes)
{
    unsigned char little[8];
    for (int i = 0; i < bytes; i++)
        little[i] = (unsigned char)(value >> 8 * i);
    put_raw(m, little, (size_t)bytes);
}

static void put_varint(struct message *m, uint64_t value)
{
    for (; value > 127; value >>= 7)
        put_little(m, (value & 127) | 128, 1);
    put_little(m, value, 1);
}

static void put_key(struct message *m, int field, enum wire wire)
{
    put_varint(m, (uint64_t)field << 3 | wire);
}

static void put_integer(struct message *m, int field, int64_t value)
{
    put_key(m, field, WIRE_VARINT);
    put_varint(m, (uint64_t)value);
}

static void put_real64(struct message *m, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_little(m, bits, 8);
}

static void put_double(struct message *m, int field, double value)
{
    put_key(m, field, WIRE_64);
    put_real64(m, value);
}

static void put_float(struct message *m, int field, double value)
{
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof(bits));
    put_key(m, field, WIRE_32);
    put_little(m, bits, 4);
}

static void put_bytes(struct message *m, int field, const void *data, size_t len)
{
    put_key(m, field, WIRE_BYTES);
    put_varint(m, len);
    put_raw(m, data, len);
}

/* Puts part into m and releases it. */
static void put_message(struct message *m, int field, struct message *part)
{
    if (m->code == SK_OK)
        m->code = part->code;
    put_bytes(m, field, part->text.text, part->text.len);
    sk_str_release(&part->text);
}

/* ---- events: field numbers of event.proto ---- */
enum { EVENT_WALL_TIME = 1, EVENT_STEP, EVENT_FILE_VERSION, EVENT_SUMMARY = 5, EVENT_SESSION_LOG = 7 };
enum { SESSION_STATUS = 1, SESSION_START = 1 };

static struct message event_begin(struct sk_event_time time, struct sk_err *err)
{
    struct message m = {.err = err};
    put_double(&m, EVENT_WALL_TIME, time.wall);
    put_integer(&m, EVENT_STEP, time.step);
    return m;
}

/* The finished event as a record; releases it. */
static enum sk_code event_end(struct message *event, struct sk_str *out)
{
    struct message record = {.code = event->code, .err = event->err};
    put_little(&record, event->text.len, 8);
    put_little(&record, masked_crc(record.text.text, record.text.len), 4);
    put_raw(&record, event->text.text, event->text.len);
    put_little(&record, masked_crc(event->text.text, event->text.len), 4);
    enum sk_code code = record.code;
    if (code == SK_OK)
        code = sk_str_add_bytes(out, record.text.text, record.text.len, event->err);
    sk_str_release(&event->text);
    sk_str_release(&record.text);
    return code;
}

enum sk_code sk_event_version(struct sk_str *out, double wall, struct sk_err *err)
{
    static const char version[] = "brain.Event:2";
    struct message event = event_begin((struct sk_event_time){wall, 0}, err);
    put_bytes(&event, EVENT_FILE_VERSION, version, sizeof(version) - 1);
    return event_end(&event, out);
}

enum sk_code sk_event_start(struct sk_str *out, struct sk_event_time time, struct sk_err *err)
{
    struct message event = event_begin(time, err), session = {.err = err};
    put_integer(&session, SESSION_STATUS, SESSION_START);
    put_message(&event, EVENT_SESSION_LOG, &session);
    return event_end(&event, out);
}

/* ---- summaries: field numbers of summary.proto and histogram.proto ---- */
enum { SUMMARY_VALUE = 1 };
enum { VALUE_TAG = 1, VALUE_SIMPLE, VALUE_IMAGE = 4, VALUE_HISTOGRAM };
enum { IMAGE_HEIGHT = 1, IMAGE_WIDTH, IMAGE_COLORSPACE, IMAGE_FILE };
enum { HISTO_MIN = 1, HISTO_MAX, HISTO_NUM, HISTO_SUM, HISTO_SUM_SQUARES, HISTO_LIMIT, HISTO_BUCKET };

static struct message value_begin(const char *tag, struct sk_err *err)
{
    struct message m = {.err = err};
    put_bytes(&m, VALUE_TAG, tag, strlen(tag));
    return m;
}

/* The event of a summary with one value, as a record. */
static enum sk_code summary_end(struct message *value, struct sk_event_time time, struct sk_str *out)
{
    struct message event = event_begin(time, value->err), summary = {.err = value->err};
    put_message(&summary, SUMMARY_VALUE, value);
    put_message(&event, EVENT_SUMMARY, &summary);
    return event_end(&event, out);
}

enum sk_code sk_event_scalars(struct sk_str *out, struct sk_event_time time, const struct sk_event_scalar *scalar,
                              size_t count, struct sk_err *err)
{
    struct message event = event_begin(time, err), summary = {.err = err};
    for (size_t i = 0; i < count; i++) {
        struct message value = value_begin(scalar[i].tag, err);
        put_float(&value, VALUE_SIMPLE, scalar[i].value);
        put_message(&summary, SUMMARY_VALUE, &value);
    }
    put_message(&event, EVENT_SUMMARY, &summary);
    return event_end(&event, out);
}

/* Limits and counts; a run of empty buckets becomes one with the last one's limit, as TensorFlow does. */
static void put_buckets(struct message *m, const struct sk_histogram *h)
{
    struct message limits = {.err = m->err}, counts = {.err = m->err};
    for (int i = 0; i < SK_HISTOGRAM_BUCKETS; i++) {
        while (h->bucket[i] == 0 && i + 1 < SK_HISTOGRAM_BUCKETS && h->bucket[i + 1] == 0)
            i++;
        put_real64(&limits, h->limit[i]);
        put_real64(&counts, (double)h->bucket[i]);
    }
    put_message(m, HISTO_LIMIT, &limits);
    put_message(m, HISTO_BUCKET, &counts);
}

enum sk_code sk_event_histogram(struct sk_str *out, struct sk_event_time time, const char *tag,
                                const struct sk_histogram *h, struct sk_err *err)
{
    struct message value = value_begin(tag, err), histo = {.err = err};
    put_double(&histo, HISTO_MIN, h->min);
    put_double(&histo, HISTO_MAX, h->max);
    put_double(&histo, HISTO_NUM, (double)h->count);
    put_double(&histo, HISTO_SUM, h->sum);
    put_double(&histo, HISTO_SUM_SQUARES, h->sum_squares);
    put_buckets(&histo, h);
    put_message(&value, VALUE_HISTOGRAM, &histo);
    return summary_end(&value, time, out);
}

enum sk_code sk_event_image(struct sk_str *out, struct sk_event_time time, const char *tag,
                            const struct sk_event_image *image, struct sk_err *err)
{
    struct message value = value_begin(tag, err), picture = {.err = err};
    put_integer(&picture, IMAGE_HEIGHT, image->height);
    put_integer(&picture, IMAGE_WIDTH, image->width);
    put_integer(&picture, IMAGE_COLORSPACE, image->channels);
    put_bytes(&picture, IMAGE_FILE, image->file, image->len);
    put_message(&value, VALUE_IMAGE, &picture);
    return summary_end(&value, time, out);
}
