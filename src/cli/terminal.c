/* The terminal: descriptors that are sure to be open, signals that ask to stop, messages. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ECHO_SECONDS 0.3

atomic_bool sk_cancel;
static volatile sig_atomic_t signal_got, stopping_saves;

/* A file opened later must not become standard output: a closed one is taken by something that fails on writing. */
static void open_standard(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) != fd)
            _exit(1);
}

/* One wish to stop may come twice: `timeout` signals its child and then its group, a terminal the group of a wrapper
 * that passes signals on. */
static bool is_echo(void)
{
    static struct timespec first;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!signal_got)
        first = now;
    double since = (double)(now.tv_sec - first.tv_sec) + 1e-9 * (double)(now.tv_nsec - first.tv_nsec);
    return signal_got && since < ECHO_SECONDS;
}

static void on_signal(int number)
{
    static const char saving[] = "\nskua: finishing the step and saving; again: stop at once\n",
                      stopping[] = "\nskua: stopping; again: stop at once\n";
    int kept = errno;
    if (is_echo())
        return;
    if (signal_got)
        _exit(128 + number);
    signal_got = number;
    atomic_store(&sk_cancel, true);
    ssize_t put = stopping_saves ? write(2, saving, sizeof(saving) - 1) : write(2, stopping, sizeof(stopping) - 1);
    (void)put;
    errno = kept;
}

/* SIGINT also where a shell had it ignored for a job in the background: there is no harm in a checkpoint. nohup's
 * ignored SIGHUP stays so. A pipe or a file limit shows as an error of the write instead. */
static void install_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, old;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static void on_notice(const char *text)
{
    sk_tell("skua: %s", text);
}

void sk_terminal_start(void)
{
    open_standard();
    setlocale(LC_CTYPE, "");
    install_signals();
    sk_notice_sink(on_notice);
}

int sk_terminal_signal(void)
{
    return signal_got;
}

void sk_terminal_saving(bool saves)
{
    stopping_saves = saves;
}
