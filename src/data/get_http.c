/* Downloads: the HTTP side. Asks for the bytes that are missing, believes the answer only where it fits what is there,
 * and tries again while every try brings something. */
#include "data/get.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

enum { CONNECT_SECONDS = 30, STALL_SECONDS = 30, MAX_REDIRECTS = 5, MAX_TRIES = 50 };
enum { HTTP_OK = 200, HTTP_PARTIAL = 206, HTTP_BAD_RANGE = 416 };

/* One request and its response. */
struct request {
    struct sk_get *g;
    CURL *curl;
    bool accepted; /* the status fits and the body goes to the file */
    char tag[SK_GET_TAG];
    int64_t range_start, range_total; /* of Content-Range; -1: not said */
    char why[CURL_ERROR_SIZE];
};

static long status_of(const struct request *r)
{
    long status = 0;
    (void)curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static enum sk_code fail_request(const struct request *r, const char *why)
{
    const struct sk_get *g = r->g;
    return sk_fail(g->err, SK_IO, "cannot download '%s': %s%s", g->d->url, why,
                   g->have > 0 ? " (what has come is kept, the next try goes on from there)" : "");
}

/* ---- the response ---- */

/* The value of a header line of that name, NULL where it is another. */
static const char *header_value(const char *line, const char *name)
{
    size_t len = strlen(name);
    if (strncasecmp(line, name, len) != 0 || line[len] != ':')
        return NULL;
    line += len + 1;
    return line + strspn(line, " \t");
}

/* "bytes 100-199/200" or "bytes STAR/200". */
static void read_range(struct request *r, const char *value)
{
    long long start = -1, end = -1, total = -1;
    if (sscanf(value, "bytes %18lld-%18lld/%18lld", &start, &end, &total) == 3 ||
        sscanf(value, "bytes */%18lld", &total) == 1) {
        r->range_start = start;
        r->range_total = total;
    }
}

/* A tag too long to be kept whole is none. */
static void keep_tag(struct request *r, const char *value)
{
    size_t len = strlen(value);
    if (len < sizeof(r->tag))
        memcpy(r->tag, value, len + 1);
}

static size_t on_header(char *data, size_t size, size_t n, void *ctx)
{
    struct request *r = ctx;
    char line[512] = {0};
    const char *value;

    size_t len = size * n, kept = len < sizeof(line) ? len : sizeof(line) - 1;
    memcpy(line, data, kept);
    line[strcspn(line, "\r\n")] = '\0';
    if (strncmp(line, "HTTP/", 5) == 0) { /* of a redirect or the final one: begin anew */
        r->tag[0] = '\0';
        r->range_start = r->range_total = -1;
    } else if ((value = header_value(line, "Content-Range"))) {
        read_range(r, value);
    } else if ((value = header_value(line, "ETag")) &&
               strncmp(value, "W/", 2) != 0) { /* weak ones do not guard bytes */
        keep_tag(r, value);
    } else if ((value = header_value(line, "Last-Modified")) && !r->tag[0]) {
        keep_tag(r, value);
    }
    return len;
}

static enum sk_code check_total(const struct request *r, int64_t total)
{
    const struct sk_download *d = r->g->d;
    if (d->bytes > 0 && total >= 0 && total != d->bytes)
        return sk_fail(r->g->err, SK_IO, "cannot download '%s': expected %lld bytes, the server has %lld", d->url,
                       (long long)d->bytes, (long long)total);
    return SK_OK;
}

/* Before the first byte of the body: does it continue the file, or begin it anew? */
static enum sk_code accept_response(struct request *r)
{
    struct sk_get *g = r->g;
    long status = status_of(r);
    curl_off_t length = -1;
    enum sk_code code;

    (void)curl_easy_getinfo(r->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (status == HTTP_PARTIAL) {
        if (r->range_start != g->have)
            return sk_fail(g->err, SK_IO, "cannot download '%s': asked for bytes from %lld, the server sends from %lld",
                           g->d->url, (long long)g->have, (long long)r->range_start);
        code = check_total(r, r->range_total);
    } else if (status == HTTP_OK) { /* the whole file: the server knows no ranges, or the file has changed */
        if ((code = check_total(r, length)) == SK_OK && (code = sk_get_restart(g)) == SK_OK)
            code = sk_get_set_tag(g, r->tag);
    } else {
        return sk_fail(g->err, SK_IO, "cannot download '%s': the server answers with status %ld", g->d->url, status);
    }
    r->accepted = code == SK_OK;
    return code;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct request *r = ctx;
    struct sk_get *g = r->g;
    size_t len = size * n;

    if (!r->accepted && accept_response(r) != SK_OK)
        return 0;
    if (g->d->bytes > 0 && (uint64_t)len > (uint64_t)(g->d->bytes - g->have)) {
        (void)sk_fail(g->err, SK_IO, "cannot download '%s': more than the expected %lld bytes", g->d->url,
                      (long long)g->d->bytes);
        return 0;
    }
    if (sk_write_all(g->fd, data, len, g->part, g->err) != SK_OK)
        return 0;
    g->have += (int64_t)len;
    return len;
}

static int on_progress(void *ctx, curl_off_t all, curl_off_t now, curl_off_t up_all, curl_off_t up_now)
{
    const struct request *r = ctx;
    const struct sk_get *g = r->g;
    (void)up_all;
    (void)up_now;
    int64_t total = g->d->bytes > 0 ? g->d->bytes : r->accepted && all > 0 ? g->have - now + all : 0;
    if (!g->d->progress || g->d->progress(g->d->ctx, g->have, total))
        return 0;
    (void)sk_fail(g->err, SK_CANCELLED, "the download of '%s' was cancelled", g->d->url);
    return 1;
}

/* ---- the request ---- */

static CURLcode set_transport(const struct request *r)
{
    const struct sk_download *d = r->g->d;
    long stall = d->stall_seconds > 0 ? d->stall_seconds : STALL_SECONDS;
    const char *redirects = strncasecmp(d->url, "https:", 6) == 0 ? "https" : "http,https";
    CURLcode set = curl_easy_setopt(r->curl, CURLOPT_URL, d->url);

    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_REDIR_PROTOCOLS_STR, redirects);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_FOLLOWLOCATION, 1L);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_LOW_SPEED_TIME, stall);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_NOSIGNAL, 1L);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_USERAGENT, "skua");
    return set;
}

static CURLcode set_callbacks(struct request *r)
{
    CURLcode set = curl_easy_setopt(r->curl, CURLOPT_FAILONERROR, 1L);

    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_ERRORBUFFER, r->why);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_HEADERFUNCTION, on_header);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_HEADERDATA, r);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, on_body);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, r);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_NOPROGRESS, 0L);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    set = set ? set : curl_easy_setopt(r->curl, CURLOPT_XFERINFODATA, r);
    return set;
}

/* Range and If-Range for what is missing; *headers is the caller's to free. */
static CURLcode set_range(const struct request *r, struct curl_slist **headers)
{
    const struct sk_get *g = r->g;
    char range[32], line[SK_GET_TAG + 16];

    if (g->have == 0)
        return CURLE_OK;
    (void)snprintf(range, sizeof(range), "%lld-", (long long)g->have);
    if (g->tag[0]) {
        (void)snprintf(line, sizeof(line), "If-Range: %s", g->tag);
        if (!(*headers = curl_slist_append(NULL, line)))
            return CURLE_OUT_OF_MEMORY;
    }
    CURLcode set = curl_easy_setopt(r->curl, CURLOPT_RANGE, range);
    return set ? set : curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, *headers);
}

static bool may_try_again(CURLcode result)
{
    return result == CURLE_PARTIAL_FILE || result == CURLE_RECV_ERROR || result == CURLE_SEND_ERROR ||
           result == CURLE_GOT_NOTHING || result == CURLE_OPERATION_TIMEDOUT || result == CURLE_HTTP2_STREAM;
}

/* The server has nothing after what is there: that is all of it, or part is of something else. */
static enum sk_code end_of_range(const struct request *r, bool *done)
{
    *done = r->range_total == r->g->have;
    return *done ? check_total(r, r->range_total) : sk_get_restart(r->g);
}

/* *done: part is complete; otherwise another try is worth it. */
static enum sk_code judge(struct request *r, CURLcode result, bool *done)
{
    const struct sk_get *g = r->g;
    long status = status_of(r);

    *done = false;
    if (g->err->code != SK_OK) /* written by a callback */
        return g->err->code;
    if (result == CURLE_OK) {
        *done = true;
        return r->accepted ? SK_OK : accept_response(r); /* of no bytes */
    }
    if (result == CURLE_OUT_OF_MEMORY)
        return sk_fail(g->err, SK_NOMEM, "not enough memory to download '%s'", g->d->url);
    if (result == CURLE_HTTP_RETURNED_ERROR && status == HTTP_BAD_RANGE && g->have > 0)
        return end_of_range(r, done);
    if (result == CURLE_UNSUPPORTED_PROTOCOL || result == CURLE_URL_MALFORMAT)
        return sk_fail(g->err, SK_INPUT, "cannot download '%s': not an http or https address", g->d->url);
    if (result == CURLE_HTTP_RETURNED_ERROR)
        return sk_fail(g->err, SK_IO, "cannot download '%s': the server answers with status %ld", g->d->url, status);
    return may_try_again(result) ? SK_OK : fail_request(r, r->why[0] ? r->why : curl_easy_strerror(result));
}

static enum sk_code try_once(struct request *r, bool *done)
{
    struct curl_slist *headers = NULL;
    CURLcode result;

    r->curl = curl_easy_init();
    if (!r->curl)
        return sk_fail(r->g->err, SK_NOMEM, "not enough memory to download '%s'", r->g->d->url);
    if ((result = set_transport(r)) == CURLE_OK && (result = set_callbacks(r)) == CURLE_OK &&
        (result = set_range(r, &headers)) == CURLE_OK)
        result = curl_easy_perform(r->curl);
    enum sk_code code = judge(r, result, done);
    curl_easy_cleanup(r->curl);
    curl_slist_free_all(headers);
    return code;
}

static void start_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT); /* a failure shows in curl_easy_init */
}

enum sk_code sk_get_fetch(struct sk_get *g)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int64_t best = g->have;
    int before = g->restarts;
    bool done = false, begun_anew = false;

    (void)pthread_once(&once, start_curl);
    for (int i = 0; i < MAX_TRIES; i++) {
        struct request r = {.g = g, .range_start = -1, .range_total = -1};
        enum sk_code code = try_once(&r, &done);
        if (code != SK_OK || done)
            return code;
        bool anew = g->restarts > before && !begun_anew; /* once: the part was refused, or of no use to the server */
        if (!anew && g->have <= best)
            return fail_request(&r, r.why[0] ? r.why : "the transfer broke off");
        begun_anew |= anew;
        best = g->have;
    }
    return sk_fail(g->err, SK_IO, "cannot download '%s': it broke off %d times", g->d->url, MAX_TRIES);
}
