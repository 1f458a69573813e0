/**
 * Rewards: a weighted sum of what the judge says, of the response's form, and of what a program
 * or a server of the user's says (docs/rewards.md has the protocol).
 *
 *     masa_rewards *rewards = NULL;
 *     st = masa_rewards_open(&rewards, &options, err);
 *     st = masa_rewards_give(rewards, given, responses, n, err);
 */
#ifndef MASA_REWARD_H
#define MASA_REWARD_H

#include <masa/judge.h>

#include <signal.h>

/* What a reward is made of. */
typedef enum masa_reward_part {
    MASA_REWARD_CORRECTNESS, /* the judge's verdict, 1 or 0 */
    MASA_REWARD_FORMAT,     /* 1: ended by itself, with an answer where one may stand; else 0 */
    MASA_REWARD_LENGTH,     /* 1 - tokens / the most that there may be */
    MASA_REWARD_REPETITION, /* minus the share of 4-word sequences that were there before */
    MASA_REWARD_USER,       /* what the user's program or server says */
    MASA_REWARD_PARTS,
} masa_reward_part;
/** "correctness", "format", "length", "repetition" or "user". */
const char *masa_reward_part_name(masa_reward_part part);

typedef struct masa_reward_options {
    double
        weights[MASA_REWARD_PARTS]; /* 0: not asked for; correctness is judged even so, unless
                                        * there is a program or server */
    size_t longest;                 /* tokens a response may have, for LENGTH */
    const char *command;            /* run by the shell; "" or NULL: none */
    const char *url;                /* "" or NULL: none. Not both */
    const char *log; /* file that gets the command's standard error; needed with command */
    size_t copies;   /* of the command, or connections to the server */
    size_t batch;    /* responses that a copy has before it, or that a request holds */
    double timeout;  /* seconds without an answer */
    const volatile sig_atomic_t *stop; /* not 0: give up; may be NULL */
} masa_reward_options;

typedef struct masa_reward {
    double total;
    bool
        correct; /* by the judge; of a program without it: what that says, else reward >= 0.5 */
    double parts[MASA_REWARD_PARTS]; /* without weights; NaN: not asked for */
    masa_extract_rule found;         /* by the judge; NONE: no answer, or not judged */
    char *answer;                    /* as extracted, or NULL; caller frees */
    char *text; /* what the user's program says of it, or NULL; caller frees */
} masa_reward;

typedef struct masa_rewards masa_rewards;

/** Starts the command's copies, if there is one. Borrows nothing but `stop`. */
masa_status masa_rewards_open(masa_rewards **out, const masa_reward_options *options,
                              masa_error *err);
void masa_rewards_close(masa_rewards *rewards);
/** Whether these options ask the judge, so that problems must have answers. */
bool masa_rewards_are_judged(const masa_reward_options *options);

/**
 * Rewards n responses into out[n]. A program or server that dies, does not answer in time or
 * cannot be reached is tried three times; then, and at once when it answers nonsense, the error
 * is MASA_ERR_IO or MASA_ERR_DATA and out holds nothing. MASA_ERR_INTERRUPTED after a stop. After
 * an error there is nothing to do but close. One thread at a time.
 */
masa_status masa_rewards_give(masa_rewards *rewards, masa_reward *out,
                              const masa_response *responses, size_t n, masa_error *err);

#endif
