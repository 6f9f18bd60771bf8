/* Progress: one line on standard error that redraws and erases itself, and the messages that must not get into it. */
#include "cli/cli.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* notices come from any thread */
static bool quiet, shown;
static double drawn, told; /* times of the last drawing, of the last plain line */
#define REDRAW_SECONDS 0.1
#define PLAIN_SECONDS  30.0
enum { BAR_MIN = 6, BAR_MAX = 30, LINE = 512 };

void sk_progress_quiet(bool is_quiet)
{
    quiet = is_quiet;
}

/* Whether lines can be drawn again. */
static bool can_redraw(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

static void erase(void)
{
    if (shown)
        fputs("\r\033[K", stderr);
    shown = false;
}

static int columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* Cuts UTF-8 text to so many columns. */
static void cut(char *text, int room)
{
    for (char *at = text; *at; at++)
        if (((unsigned char)*at & 0xC0) != 0x80 && room-- == 0) {
            *at = '\0';
            return;
        }
}

/* The bar takes what the words leave. */
static void draw(const char *label, int64_t done, int64_t all, const char *detail)
{
    char line[LINE];
    struct sk_str bar = {0};
    double share = all > 0 ? (double)done / (double)all : 0;
    int room = columns() - 1, words = sk_text_columns(label) + sk_text_columns(detail) + 9; /* " 100%  " and blanks */
    int width = room - words > BAR_MAX ? BAR_MAX : room - words;
    if (all > 0 && width >= BAR_MIN && sk_bar(&bar, share, width, NULL) == SK_OK)
        snprintf(line, sizeof(line), "%s %s %3.0f%%  %s", label, bar.text, 100 * share, detail);
    else if (all > 0)
        snprintf(line, sizeof(line), "%s %3.0f%%  %s", label, 100 * share, detail);
    else
        snprintf(line, sizeof(line), "%s  %s", label, detail);
    sk_str_release(&bar);
    cut(line, room);
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    shown = true;
}

static void draw_due(bool tty, double now, const char *label, int64_t done, int64_t all, const char *detail)
{
    if (tty && now - drawn >= REDRAW_SECONDS) {
        draw(label, done, all, detail);
        drawn = now;
    } else if (!tty && told == 0) {
        told = now; /* what is done within the first half minute needs no line */
    } else if (!tty && now - told >= PLAIN_SECONDS) {
        fprintf(stderr, "%s %.0f%%  %s\n", label, all > 0 ? 100 * (double)done / (double)all : 0, detail);
        told = now;
    }
}

void sk_progress(const char *label, int64_t done, int64_t all, const char *fmt, ...)
{
    static int tty = -1;
    char detail[256];
    va_list args;
    if (quiet)
        return;
    va_start(args, fmt);
    vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    if (tty < 0)
        tty = can_redraw();
    draw_due(tty, sk_now(), label, done, all, detail);
    pthread_mutex_unlock(&lock);
}

void sk_progress_clear(void)
{
    pthread_mutex_lock(&lock);
    erase();
    fflush(stderr);
    pthread_mutex_unlock(&lock);
}

void sk_tell(const char *fmt, ...)
{
    va_list args;
    pthread_mutex_lock(&lock);
    erase();
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    fflush(stderr);
    pthread_mutex_unlock(&lock);
}
