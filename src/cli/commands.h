/* The table of commands: name, function, one line for `masa --help`. */
#ifndef MASA_CLI_COMMANDS_H
#define MASA_CLI_COMMANDS_H

#include <masa/error.h>

/* A command gets its own arguments (argv[0] is its name), writes data to standard
 * output and messages to standard error. */
typedef masa_status cli_command(int argc, char **argv, masa_error *err);

/* clang-format off */
#define CLI_COMMANDS(X)                                                                   \
    X(convert, "write a model in another format or element type")                         \
    X(init, "make a new model from a shape")                                              \
    X(inspect, "show what a model or a run is")                                           \
    X(tokenize, "token ids of texts and conversations, and back")                         \
    X(doctor, "look for what would spoil a run, before it")                               \
    X(train, "train a model by reinforcement learning")                                    \
    X(compare, "compare presets over several seeds")                                      \
    X(lab, "a series of runs: arms, seeds, records, one table")                           \
    X(report, "an HTML page on runs")                                                     \
    X(sft, "train a model on conversations")                                                \
    X(generate, "responses to a prompt, a file of prompts, or in a chat")                 \
    X(serve, "a server with OpenAI's interface, and for rollouts of runs elsewhere")       \
    X(eval, "evaluate a model on benchmarks; compare results")                              \
    X(score, "log-probabilities of texts")                                                \
    X(tasks, "make verifiable training problems")                                          \
    X(verify, "check answers against gold answers")                                          \
    X(meta, "score predictions about a model's own solutions")                            \
    X(bench, "measure speed beside the machine's own peaks")                              \
    X(config, "print a run's settings, or their documentation")                          \
    X(version, "print the version")
/* clang-format on */

#define X(name, help) cli_command cli_##name;
CLI_COMMANDS(X)
#undef X

typedef struct cli_entry {
    const char *name, *help;
    cli_command *run;
} cli_entry;

/* The same, in that order; the last one's name is NULL. */
extern const cli_entry cli_commands[];

#endif
