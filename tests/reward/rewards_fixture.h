/* Shared by the tests of users' rewards: responses to be rewarded, and a folder. */
#ifndef TESTS_REWARD_FIXTURE_H
#define TESTS_REWARD_FIXTURE_H

#include "masa_test.h"

#include <masa/clock.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/reward.h>

static char folder[] = "/tmp/masa-reward-XXXXXX";
static char log_path[64];
static volatile sig_atomic_t sigpipes;

static inline void count_sigpipe(int number)
{
    (void)number;
    sigpipes = sigpipes + 1;
}

static inline int make_folder(void **state)
{
    (void)state;
    signal(SIGPIPE, count_sigpipe); /* which would ask a run to stop */
    setenv("no_proxy", "127.0.0.1", 1);
    if (!mkdtemp(folder)) return -1;
    snprintf(log_path, sizeof log_path, "%s/reward.log", folder);
    return 0;
}

static inline int remove_folder(void **state)
{
    (void)state;
    return masa_folder_remove(folder, NULL) != MASA_OK;
}

/* Responses whose texts are their numbers; an even one is the answer to its problem. */
enum { MOST = 200 };
static masa_problem problems[MOST];
static masa_response responses[MOST];
static char texts[MOST][16], lines[MOST][64];

static inline void make_responses(void)
{
    for (int i = 0; i < MOST; i++) {
        snprintf(texts[i], sizeof texts[i], "say %d", i);
        snprintf(lines[i], sizeof lines[i], "{\"id\":\"p\",\"answer\":\"%d\"}", i % 2 ? -1 : i);
        problems[i] = (masa_problem){.id = "p", .line = lines[i]};
        responses[i] = (masa_response){.problem = &problems[i],
                                       .text = texts[i],
                                       .size = strlen(texts[i]),
                                       .tokens = (size_t)(90 + i),
                                       .cause = "eos"};
    }
}

static inline masa_reward_options options_with(const char *command, const char *url)
{
    make_responses();
    return (masa_reward_options){.weights = {[MASA_REWARD_USER] = 1},
                                 .command = command,
                                 .url = url,
                                 .log = log_path,
                                 .copies = 1,
                                 .batch = 4,
                                 .timeout = 10,
                                 .longest = 100};
}

/* Opens, asks for n rewards and closes. */
static inline masa_status give(const masa_reward_options *o, masa_reward *out, size_t n,
                               masa_error *err)
{
    masa_rewards *rewards = NULL;
    masa_status st = masa_rewards_open(&rewards, o, err);
    if (st == MASA_OK) st = masa_rewards_give(rewards, out, responses, n, err);
    masa_rewards_close(rewards);
    return st;
}

static inline void assert_refused(const masa_reward_options *o, size_t n, masa_status want,
                                  const char *says)
{
    masa_reward out[MOST];
    masa_error err = {0};
    double start = masa_clock();
    masa_status st = give(o, out, n, &err);
    if (st != want) fail_msg("%s: status %d: %s", says, st, err.message);
    if (!strstr(err.message, says)) fail_msg("'%s' is not in: %s", says, err.message);
    assert_null(strchr(err.message, '\n')); /* one clear line */
    assert_true(masa_clock() - start < 20);
}

#endif
