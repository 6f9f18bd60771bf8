/* A tiny HTTP server: one connection at a time, one request each. */
#include "data/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

static struct http_plan plan;
static struct http_seen seen;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t thread;
static int listener = -1;

static bool send_all(int fd, const void *data, size_t len)
{
    for (const char *at = data; len > 0;) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_request(int fd, char *text, size_t size)
{
    size_t used = 0;
    while (used + 1 < size) {
        ssize_t n = recv(fd, text + used, size - 1 - used, 0);
        if (n <= 0)
            return false;
        used += (size_t)n;
        text[used] = '\0';
        if (strstr(text, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void note_request(const char *text)
{
    const char *range = strstr(text, "Range: bytes="), *guard = strstr(text, "If-Range: ");
    seen.requests++;
    seen.first_byte = range ? strtol(range + 13, NULL, 10) : -1;
    seen.if_range[0] = '\0';
    if (guard)
        sscanf(guard + 10, "%127[^\r]", seen.if_range);
}

/* Whether the If-Range of the request, if any, names what is served now. */
static bool guard_holds(void)
{
    char quoted[130];
    if (!seen.if_range[0])
        return true;
    snprintf(quoted, sizeof(quoted), "\"%s\"", plan.etag ? plan.etag : "");
    return (plan.etag && strcmp(quoted, seen.if_range) == 0) ||
           (plan.modified && strcmp(plan.modified, seen.if_range) == 0);
}

static void send_body(int fd, size_t first)
{
    size_t len = plan.len - first;
    bool breaks = plan.break_after > 0 && plan.breaks > 0 && plan.break_after < len;
    if (!send_all(fd, plan.content + first, breaks ? plan.break_after : len) || !breaks)
        return;
    plan.breaks--;
    char byte;
    if (plan.stall)
        while (recv(fd, &byte, 1, 0) > 0)
            ;
}

static void answer(int fd, const char *request)
{
    char head[1024];
    size_t used = 0, first = 0;
    bool partial = seen.first_byte >= 0 && !plan.ignore_range && guard_holds();
#define HEAD(...) used += (size_t)snprintf(head + used, sizeof(head) - used, __VA_ARGS__)
    if (plan.location && strstr(request, "GET /moved")) {
        HEAD("HTTP/1.1 302 Found\r\nETag: \"redirect\"\r\nLocation: %s\r\nContent-Length: 4\r\nConnection: "
             "close\r\n\r\nover",
             plan.location);
    } else if (plan.status != 0) {
        HEAD("HTTP/1.1 %d Said so\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry", plan.status);
    } else if (partial && (size_t)seen.first_byte >= plan.len) {
        HEAD("HTTP/1.1 416 No\r\nContent-Range: bytes */%zu\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
             plan.len);
    } else {
        first = partial ? (size_t)seen.first_byte : 0;
        HEAD("HTTP/1.1 %s\r\nConnection: close\r\n", partial ? "206 Partial" : "200 OK");
        if (partial)
            HEAD("Content-Range: bytes %ld-%zu/%zu\r\n", (long)first + plan.range_shift, plan.len - 1, plan.len);
        if (!plan.no_length)
            HEAD("Content-Length: %zu\r\n", plan.len - first);
        if (plan.etag)
            HEAD("ETag: \"%s\"\r\n", plan.etag);
        if (plan.modified)
            HEAD("Last-Modified: %s\r\n", plan.modified);
        HEAD("\r\n");
        if (send_all(fd, head, used))
            send_body(fd, first);
        return;
    }
    (void)send_all(fd, head, used);
}

static void *serve(void *unused)
{
    char request[4096];
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            return unused;
        pthread_mutex_lock(&lock);
        if (read_request(fd, request, sizeof(request))) {
            note_request(request);
            answer(fd, request);
        }
        pthread_mutex_unlock(&lock);
        shutdown(fd, SHUT_WR);
        while (recv(fd, request, sizeof(request), 0) > 0) /* so that the end is no reset */
            ;
        close(fd);
    }
}

int http_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
    return ntohs(address.sin_port);
}

void http_stop(void)
{
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
}

void http_set(const struct http_plan *next)
{
    pthread_mutex_lock(&lock);
    plan = *next;
    seen = (struct http_seen){.first_byte = -1};
    pthread_mutex_unlock(&lock);
}

struct http_seen http_seen(void)
{
    pthread_mutex_lock(&lock);
    struct http_seen copy = seen;
    pthread_mutex_unlock(&lock);
    return copy;
}
