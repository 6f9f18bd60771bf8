/* A tiny HTTP server on 127.0.0.1 in a thread of the test, which misbehaves as it is told. */
#ifndef SKUA_TEST_HTTP_SERVER_H
#define SKUA_TEST_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_plan { /* how every request is answered; set it while no request runs */
    const uint8_t *content;
    size_t len;
    const char *etag;     /* strong tag without quotes, or NULL: no ETag */
    const char *modified; /* Last-Modified, or NULL */
    bool ignore_range;
    long range_shift;     /* added to the start that Content-Range says */
    size_t break_after;   /* closes the connection after so many bytes of a body; 0: never */
    int breaks;           /* requests that break so; later ones do not */
    bool stall;           /* where it would break: sends nothing more instead, until the client closes */
    bool no_length;       /* no Content-Length: the end of the connection ends the body */
    int status;           /* answers with this status and a short text; 0: properly */
    const char *location; /* redirects "/moved" to here */
};

struct http_seen { /* what the requests were */
    int requests;
    long first_byte;    /* of the last Range; -1: none */
    char if_range[128]; /* of the last request; empty: none */
};

/* Starts the server (once); returns its port. */
int http_start(void);
void http_stop(void);
/* What to do from now on; forgets what was seen. */
void http_set(const struct http_plan *plan);
struct http_seen http_seen(void);

#endif
