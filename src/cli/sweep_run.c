/* The runs of a sweep as processes of their own: begun by fork while this one has no threads, listened to through
 * pipes, stopped by the signal that stops the sweep. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/sweep.h"
#include "cli/train_view.h"

enum { POLL_MS = 200, SLOTS = 64, EXIT_STOPPED = 75, EXIT_INTERRUPTED = 130 };

struct stream { /* what a run writes, line by line */
    int fd;     /* -1: closed */
    struct sk_str line;
};
struct slot {
    struct sk_trial *trial; /* NULL: free */
    pid_t pid;
    struct stream out, err;
    char said[512]; /* its last message: why it failed, or a notice */
};
struct runner {
    struct sk_trials *s;
    struct sk_recipe *recipe;
    struct slot slot[SLOTS];
    int slots, threads; /* threads of each; 0: as the recipe says */
    size_t next;        /* the first run that has not been looked at */
    bool quiet, told_to_stop;
};

/* ---- the child ---- */
static void run_child(const struct sk_recipe *r, const char *dir, pid_t parent)
{
    struct sk_err err = {0};
    struct sk_train_view view = {.quiet = true, .run = dir};
    setpgid(0, 0); /* Ctrl-C goes to the sweep alone, which passes it on once */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(EXIT_STOPPED);
    enum sk_code code = sk_cli_train(r, sk_is_dir(dir), &view, &err);
    _exit(sk_cli_end(code, &err));
}

static bool open_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC) == 0;
}

static void close_pipe(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static void close_stream(struct stream *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    sk_str_release(&s->line);
}

/* The child's side: the pipes become its output, those of the other runs are no matter of its. */
static void be_child(const struct runner *w, int out[2], int messages[2], const char *dir, pid_t parent)
{
    bool fine = dup2(out[1], 1) == 1 && dup2(messages[1], 2) == 2;
    close_pipe(out);
    close_pipe(messages);
    for (int i = 0; i < w->slots; i++) {
        struct slot other = w->slot[i];
        if (other.trial && other.out.fd >= 0)
            close(other.out.fd);
        if (other.trial && other.err.fd >= 0)
            close(other.err.fd);
    }
    if (!fine)
        _exit(1);
    run_child(w->recipe, dir, parent);
}

static enum sk_code start_process(const struct runner *w, struct slot *slot, const char *dir, struct sk_err *err)
{
    int out[2], messages[2];
    if (!open_pipe(out))
        return sk_fail_errno(err, SK_IO, errno, "cannot begin a run: no pipe");
    if (!open_pipe(messages)) {
        close_pipe(out);
        return sk_fail_errno(err, SK_IO, errno, "cannot begin a run: no pipe");
    }
    pid_t parent = getpid();
    sk_print_flush();
    sk_progress_clear();
    slot->pid = fork();
    if (slot->pid == 0)
        be_child(w, out, messages, dir, parent);
    int reason = errno;
    close(out[1]);
    close(messages[1]);
    slot->out.fd = out[0];
    slot->err.fd = messages[0];
    if (slot->pid > 0)
        return SK_OK;
    close(out[0]);
    close(messages[0]);
    return sk_fail_errno(err, SK_IO, reason, "cannot begin a run");
}

/* ---- beginning a run ---- */
static void forget_end(const char *dir)
{
    char path[SK_PATH];
    if (sk_path_join(path, NULL, dir, "sweep.json") == SK_OK)
        unlink(path);
}

static enum sk_code start_trial(struct runner *w, struct slot *slot, struct sk_trial *t, struct sk_err *err)
{
    char dir[SK_PATH];
    enum sk_code code = sk_trial_dir(w->s, t, dir, err);
    if (code == SK_OK)
        code = sk_trial_recipe(w->s, t, w->recipe, err);
    if (code != SK_OK)
        return code;
    if (w->threads > 0)
        w->recipe->engine.threads = w->threads;
    forget_end(dir);
    code = start_process(w, slot, dir, err);
    if (code != SK_OK)
        return code;
    slot->trial = t;
    slot->said[0] = '\0';
    t->state = SK_TRIAL_RUNNING;
    return SK_OK;
}

static bool is_open(const struct sk_trial *t)
{
    return t->state != SK_TRIAL_DONE && t->state != SK_TRIAL_LEFT_OUT;
}

static enum sk_code fill_slots(struct runner *w, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 0; i < w->slots && code == SK_OK && !w->told_to_stop; i++) {
        while (w->next < w->s->count && !is_open(&w->s->trial[w->next]))
            w->next++;
        if (w->slot[i].trial == NULL && w->next < w->s->count)
            code = start_trial(w, &w->slot[i], &w->s->trial[w->next++], err);
    }
    return code;
}

/* ---- listening ---- */
static void on_line(const struct runner *w, struct slot *slot, bool message, const char *line)
{
    static const char program[] = "skua: ";
    if (!message && !w->quiet) {
        sk_print("%s: %s\n", slot->trial->name, line);
        sk_print_flush();
    }
    if (!message)
        return;
    if (strncmp(line, program, sizeof(program) - 1) != 0) {
        if (*line && !w->told_to_stop)
            sk_notice("%s: %s", slot->trial->name, line); /* a summary, such as of damaged pictures */
        return;
    }
    if (slot->said[0] && !w->told_to_stop)
        sk_notice("%s", slot->said); /* it was not the last: no error */
    snprintf(slot->said, sizeof(slot->said), "%s", line + sizeof(program) - 1);
}

static void hear(const struct runner *w, struct slot *slot, struct stream *from, bool message)
{
    char bytes[4096];
    ssize_t got = read(from->fd, bytes, sizeof(bytes));
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    for (ssize_t i = 0; i < got; i++) {
        if (bytes[i] != '\n') {
            if (sk_str_add_bytes(&from->line, &bytes[i], 1, NULL) != SK_OK)
                from->line.len = 0;
            continue;
        }
        on_line(w, slot, message, from->line.len ? from->line.text : "");
        from->line.len = 0;
    }
    if (got <= 0)
        close_stream(from);
}

static void listen_to(struct runner *w)
{
    struct pollfd polled[2 * SLOTS];
    for (int i = 0; i < w->slots; i++) {
        bool busy = w->slot[i].trial != NULL;
        polled[2 * i] = (struct pollfd){.fd = busy ? w->slot[i].out.fd : -1, .events = POLLIN};
        polled[2 * i + 1] = (struct pollfd){.fd = busy ? w->slot[i].err.fd : -1, .events = POLLIN};
    }
    if (poll(polled, (nfds_t)(2 * w->slots), POLL_MS) <= 0)
        return;
    for (int i = 0; i < w->slots; i++) {
        if (polled[2 * i].revents)
            hear(w, &w->slot[i], &w->slot[i].out, false);
        if (polled[2 * i + 1].revents)
            hear(w, &w->slot[i], &w->slot[i].err, true);
    }
}

/* ---- ending ---- */
static enum sk_code end_trial(const struct runner *w, struct slot *slot, int status, struct sk_err *err)
{
    struct sk_trial *t = slot->trial;
    char why[512];
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    slot->trial = NULL;
    if (code == 0) {
        if (slot->said[0] && !w->told_to_stop) /* then it is what this process has told of the signal */
            sk_notice("%s", slot->said);
        return sk_trial_end(w->s, t, SK_TRIAL_DONE, "", err);
    }
    if (w->told_to_stop && (code == EXIT_STOPPED || code == EXIT_INTERRUPTED || WIFSIGNALED(status))) {
        t->state = SK_TRIAL_STOPPED;
        return SK_OK;
    }
    if (code < 0)
        snprintf(why, sizeof(why), "killed by signal %d", WTERMSIG(status));
    else
        snprintf(why, sizeof(why), "%s", slot->said[0] ? slot->said : "no reason was told");
    if (!w->quiet)
        sk_tell("%s: failed: %s", t->name, why);
    return sk_trial_end(w->s, t, SK_TRIAL_FAILED, why, err);
}

static enum sk_code reap(struct runner *w, struct sk_err *err)
{
    enum sk_code code = SK_OK;
    for (int i = 0; i < w->slots && code == SK_OK; i++) {
        struct slot *slot = &w->slot[i];
        int status;
        if (!slot->trial || slot->out.fd >= 0 || slot->err.fd >= 0)
            continue;
        while (waitpid(slot->pid, &status, 0) < 0 && errno == EINTR)
            ;
        code = end_trial(w, slot, status, err);
    }
    return code;
}

static void stop_all(struct runner *w, int signal_number)
{
    for (int i = 0; i < w->slots; i++)
        if (w->slot[i].trial)
            kill(w->slot[i].pid, signal_number);
    w->told_to_stop = true;
}

static size_t count_state(const struct sk_trials *s, enum sk_trial_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        n += s->trial[i].state == state;
    return n;
}

static bool is_busy(const struct runner *w)
{
    for (int i = 0; i < w->slots; i++)
        if (w->slot[i].trial)
            return true;
    return false;
}

static void show_progress(const struct runner *w)
{
    const char *name = "";
    for (int i = w->slots - 1; i >= 0; i--)
        name = w->slot[i].trial ? w->slot[i].trial->name : name;
    size_t running = count_state(w->s, SK_TRIAL_RUNNING), done = count_state(w->s, SK_TRIAL_DONE);
    sk_progress("Sweep", (int64_t)done, (int64_t)w->s->count, "%zu/%zu  %s%s", done, w->s->count, name,
                running > 1 ? ", ..." : "");
}

static enum sk_code stopped(const struct sk_trials *s, struct sk_err *err)
{
    char dir[SK_PATH];
    return sk_fail(err, SK_CANCELLED,
                   "stopped with %zu of %zu runs done, the others are saved; to go on: skua sweep --out %s",
                   count_state(s, SK_TRIAL_DONE), s->count, sk_shell_word(dir, sizeof(dir), s->dir));
}

/* An error of the sweep itself (a full disk) ends the runs as a signal does. */
static enum sk_code loop(struct runner *w, struct sk_err *err)
{
    enum sk_code code = fill_slots(w, err);
    while (is_busy(w)) {
        if (!w->told_to_stop && (code != SK_OK || atomic_load(&sk_cancel)))
            stop_all(w, sk_terminal_signal() ? sk_terminal_signal() : SIGTERM);
        show_progress(w);
        listen_to(w);
        enum sk_code reaped = reap(w, err);
        code = code == SK_OK ? reaped : code;
        if (code == SK_OK && !atomic_load(&sk_cancel))
            code = fill_slots(w, err);
    }
    sk_progress_clear();
    return code == SK_OK && atomic_load(&sk_cancel) ? stopped(w->s, err) : code;
}

static void divide_threads(struct runner *w, const struct sk_recipe *r)
{
    struct sk_machine m;
    int wanted = r->sweep.parallel;
    sk_machine_read(&m);
    int threads = r->engine.threads > 0 ? r->engine.threads : m.threads;
    w->slots = wanted < threads ? wanted : threads;
    w->threads = wanted > 1 ? threads / w->slots : 0;
    if (w->slots < wanted)
        sk_notice("sweep.parallel: %d runs at a time would share %d thread%s: %d at a time", wanted, threads,
                  threads == 1 ? "" : "s", w->slots);
}

enum sk_code sk_trials_run(struct sk_trials *s, bool quiet, struct sk_err *err)
{
    struct runner *w = sk_alloc(1, sizeof(*w), err);
    if (!w)
        return SK_NOMEM;
    *w = (struct runner){.s = s, .quiet = quiet, .recipe = sk_alloc(1, sizeof(*w->recipe), err)};
    enum sk_code code = w->recipe ? SK_OK : SK_NOMEM;
    divide_threads(w, s->recipe);
    sk_terminal_saving(true);
    if (code == SK_OK)
        code = loop(w, err);
    sk_terminal_saving(false);
    sk_free(w->recipe);
    sk_free(w);
    return code;
}
