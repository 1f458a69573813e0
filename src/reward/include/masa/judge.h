/** The judge: whether a response is what its problem asks for. Training and evaluation have
 *  this one. */
#ifndef MASA_JUDGE_H
#define MASA_JUDGE_H

#include <masa/problems.h>
#include <masa/verify.h>

#include <signal.h>

/* The verdict on one response. */
typedef struct masa_judgement {
    bool right;
    const char *verdict;     /* as masa_verdict_text; of code: passed, failed, time, ... */
    const char *rule;        /* what decided */
    masa_extract_rule found; /* which rule found the answer; NONE of programs */
    char *answer;            /* as extracted, or NULL; caller frees */
} masa_judgement;

typedef struct masa_response {
    const masa_problem *problem;
    const char *text;
    size_t size;
    bool truncated;    /* its end was cut off, so it has no answer */
    size_t tokens;     /* for rewards: its length, */
    const char *cause; /* and why it ended (masa_stop_cause_name) */
} masa_response;

/**
 * Judges n responses into out[n]. Programs run in the sandbox of masa/code.h, as many at
 * once as there are processors; its errors are the only ones, and then out holds nothing:
 * MASA_ERR_INTERRUPTED among them once *stop (may be NULL) is not 0. Any number of threads.
 */
masa_status masa_judge_all(masa_judgement *out, const masa_response *responses, size_t n,
                           const volatile sig_atomic_t *stop, masa_error *err);
/** The same for one. */
masa_status masa_judge(masa_judgement *out, const masa_problem *problem, const char *text,
                       size_t size, bool truncated, masa_error *err);

/** Whether this machine can judge these problems: MASA_ERR_UNSUPPORTED where there are programs
 *  among them and no sandbox. */
masa_status masa_judge_available(const masa_problems *problems, masa_error *err);

#endif
