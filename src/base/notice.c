/* Notices: each sentence reaches the installed sink once a process; told ones are known by a 64-bit hash. */
#include "base/base.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*sink_now)(const char *text);
static uint64_t *told;
static size_t told_count, told_cap;

static uint64_t hash_text(const char *text) /* FNV-1a */
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return hash;
}

/* Whether the text is new; remembers it. Where memory is short it is told again rather than lost. */
static bool remember(uint64_t hash)
{
    for (size_t i = 0; i < told_count; i++)
        if (told[i] == hash)
            return false;
    if (sk_grow(&told, &told_cap, told_count + 1, sizeof(*told), NULL) == SK_OK)
        told[told_count++] = hash;
    return true;
}

void sk_notice(const char *fmt, ...)
{
    char raw[2048], text[2048];
    va_list args;
    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args);
    va_end(args);
    sk_printable(text, sizeof(text), raw);

    pthread_mutex_lock(&lock);
    void (*sink)(const char *text) = sink_now;
    bool tell = sink && remember(hash_text(text));
    pthread_mutex_unlock(&lock);
    if (tell)
        sink(text); /* outside the lock: a sink may itself give a notice */
}

void sk_notice_sink(void (*sink)(const char *text))
{
    pthread_mutex_lock(&lock);
    sink_now = sink;
    pthread_mutex_unlock(&lock);
}
