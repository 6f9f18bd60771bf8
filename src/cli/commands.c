/* The table of commands, and the way from argv to an exit status. */
#include "cli/cli.h"

#include <signal.h>
#include <string.h>

const struct sk_command *const sk_commands[] = {&sk_cmd_train, &sk_cmd_eval,  &sk_cmd_predict, &sk_cmd_info,
                                                &sk_cmd_data,  &sk_cmd_bench, &sk_cmd_profile, &sk_cmd_sweep,
                                                &sk_cmd_reproduce, &sk_cmd_report, &sk_cmd_help,
                                                NULL};
enum { EXIT_STOPPED = 75 }; /* stopped from outside, worth trying again */

const struct sk_command *sk_command_find(const char *name)
{
    for (size_t i = 0; sk_commands[i]; i++)
        if (strcmp(sk_commands[i]->name, name) == 0)
            return sk_commands[i];
    return NULL;
}

enum sk_code sk_command_unknown(const char *name, struct sk_err *err)
{
    const char *names[SK_COUNT(sk_commands)];
    size_t n = 0;
    for (; sk_commands[n]; n++)
        names[n] = sk_commands[n]->name;
    const char *nearest = sk_nearest(name, names, n);
    if (nearest)
        return sk_fail(err, SK_USAGE, "unknown command '%s': did you mean '%s'?", name, nearest);
    return sk_fail(err, SK_USAGE, "unknown command '%s': see skua help", name);
}

static enum sk_code run_command(const struct sk_command *c, int argc, char **argv, struct sk_err *err)
{
    struct sk_words words = {0};
    bool help;
    void *args = sk_alloc(1, c->args_size, err);
    if (!args)
        return SK_NOMEM;
    enum sk_code code = sk_options_parse(c, argc, argv, args, &words, &help, err);
    if (code == SK_OK)
        code = help ? sk_help_print(c, err) : c->run(&words, args, err);
    sk_options_release(c, args);
    sk_free(args);
    sk_free(words.item);
    return code;
}

static enum sk_code dispatch(int argc, char **argv, struct sk_err *err)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return sk_help_print(NULL, err);
    if (strcmp(name, "--version") == 0) {
        sk_print("skua %s\n", SKUA_VERSION);
        return SK_OK;
    }
    const struct sk_command *c = sk_command_find(name);
    return c ? run_command(c, argc - 2, argv + 2, err) : sk_command_unknown(name, err);
}

int sk_cli_end(enum sk_code code, const struct sk_err *err)
{
    struct sk_err out_err = {0};
    sk_progress_clear();
    if (code != SK_OK)
        sk_tell("skua: %s", err->text);
    if (sk_print_end(&out_err) != SK_OK) {
        if (!sk_print_reader_gone()) /* `| head` has what it wanted: nothing to complain about */
            sk_tell("skua: %s", out_err.text);
        code = code == SK_OK ? out_err.code : code;
    }
    int signal_number = sk_terminal_signal();
    bool outside = code == SK_CANCELLED && signal_number && signal_number != SIGINT;
    return outside ? EXIT_STOPPED : sk_exit_status(code);
}

int sk_cli_main(int argc, char **argv)
{
    struct sk_err err = {0};
    sk_terminal_start();
    enum sk_code code = dispatch(argc, argv, &err);
    return sk_cli_end(code, &err);
}
