/* The state of a reinforcement-learning run, shared by the files that make up a step. */
#ifndef RL_LOOP_H
#define RL_LOOP_H

#include "method.h"
#include "one_pass.h"
#include "prompts.h"
#include "session.h"

typedef struct rl_loop {
    rl_session session;
    rl_session_options wants;
    rl_prompts prompts;
    masa_generator *generator; /* NULL: servers sample (remote.h) */
    rl_method method;
    rl_one_pass one_pass;
    double started;  /* clock at which state.seconds was 0, evaluations left out */
    bool sound;      /* the weights are those of state.step: no update is half done */
    bool told_found; /* which rules found the answers */
    long saved_step; /* of the newest checkpoint; -1: none */
} rl_loop;

#endif
