/* Prompts, the responses sampled for them, and what those earned. */
#ifndef RL_ROLLOUT_H
#define RL_ROLLOUT_H

#include <masa/generate.h>

#include "session.h"

typedef enum rl_kind { RL_SOLUTION, RL_META } rl_kind;
const char *rl_kind_name(rl_kind kind);

typedef struct rl_rollout {
    masa_completion completion;
    char *text; /* decoded, without special tokens; always valid UTF-8 */
    size_t text_size;
    char *answer;                    /* as extracted from a solution, or NULL */
    masa_extract_rule found;         /* which rule found it; NONE: no answer, or not judged */
    char *said;                      /* text of the user's reward on a solution, or NULL */
    bool correct;                    /* the binary verdict of a solution */
    float reward;                    /* what is maximised */
    double parts[MASA_REWARD_PARTS]; /* of a solution's reward, without weights; NaN: none */
    bool passed_over;                /* not chosen for the backward pass (algorithm.subset) */
    float advantage;
    float
        *logprobs; /* [completion.n] by the trainer; NULL when not trained on; the first is NaN
                        until they are known */
} rl_rollout;

/* What was decided on the predictions for a prompt's solutions (decide.h). */
typedef struct rl_decision {
    bool made;            /* predictions were acted on in this step */
    bool gated;           /* not rolled out */
    bool audited;         /* the gate said no; rolled out to judge the gate */
    double zero_variance; /* probability that the gate went by; hard: 0 or 1 */
    size_t cutoff;        /* tokens; max_tokens when there is none */
    size_t wished;        /* the cutoff that the predictions asked for; left uncut it differs */
    bool hinted;          /* the prompt names the predicted notions */
    size_t pilot;         /* rollouts after which the gate was last asked again; 0: never */
    double agreement;     /* probability of no variance that it went by then */
    bool given_up;        /* it closed then: the others were not sampled */
    bool spared;          /* it closed then; sampled whole all the same, to judge that */
} rl_decision;

/* The rollouts of one kind to one prompt. */
typedef struct rl_group {
    rl_kind kind;
    uint64_t draw; /* number of the draw in the run */
    char *prompt_text;
    masa_tokens prompt;
    size_t max_tokens;    /* of a response */
    size_t *limits;       /* soft cutoff: of each response; else NULL */
    float *weights;       /* [n] soft cutoff: 0 cut off, 1/s survived it, else 1; or NULL */
    rl_rollout *rollouts; /* [n] */
    size_t n;             /* 0: not sampled */
    size_t size;          /* how many are wanted; 0: as many as of any group of its kind */
    size_t pilot;         /* so many are sampled next; 0: all that are missing */
    size_t scored;        /* rollouts that have their reward */
    bool left_out;        /* recorded, not trained on */
} rl_group;

/* A problem drawn for a step, with all that is sampled for it and decided on it. */
typedef struct rl_draw {
    const masa_problem *problem;        /* borrowed */
    uint64_t number;                    /* of the draw in the run */
    rl_group solutions, meta;           /* meta.n is 0 without meta rollouts */
    struct rl_predictions *predictions; /* what the meta rollouts say (predict.h), or NULL */
    float *features;      /* of its prompt, for the probe (probe_forecast.h), or NULL */
    rl_decision decision; /* on its solutions */
} rl_draw;

typedef struct rl_draws {
    rl_draw *items;
    size_t n, capacity;
    size_t prefilled; /* tokens of prompts run through the model to sample them */
    size_t refills; /* times that more were drawn because too few gave something to train on */
} rl_draws;

/* Adds a draw without prompts; the pointer is good until the next one is added. */
rl_draw *rl_draws_add(rl_draws *draws, const masa_problem *problem, uint64_t number);
void rl_draws_deinit(rl_draws *draws);

static inline rl_group *rl_draw_group(rl_draw *draw, rl_kind kind)
{
    return kind == RL_META ? &draw->meta : &draw->solutions;
}

/* The prompt of a problem under the chat template, as ids and (text not NULL) as text. */
masa_status rl_prompt(masa_tokens *out, char **text, const rl_session *session,
                      const char *system, const char *user, masa_error *err);
/* How many solutions a draw is to have. */
static inline size_t rl_wanted(const rl_draw *draw, const masa_config *config)
{
    return draw->solutions.size ? draw->solutions.size : (size_t)config->rollout.group_size;
}

/* The user's turn that asks for the solution. Caller frees. */
char *rl_solution_request(const masa_config *config, const masa_problem *problem);

/* How many responses to each prompt, drawn how. */
typedef struct rl_sampling {
    size_t n_samples;
    masa_sampling sampling;
    uint64_t key;     /* mixed with each group's kind and draw */
    const char *what; /* for the progress line */
} rl_sampling;

/*
 * Samples the n groups, whose prompts and max_tokens are set, in one batch: of each up to its
 * size, or `pilot` more. Fills completion and text. The rollouts do not
 * depend on how many calls they are made in, nor on how many processes sample: each does the
 * groups of its shares, and all have all of them. *prefilled (may be NULL) ADDED to: tokens of
 * prompts that were run, on all processes. MASA_ERR_INTERRUPTED when a stop was asked for.
 */
masa_status rl_sample(rl_session *session, masa_generator *generator, rl_group *const *groups,
                      size_t n, const rl_sampling by_kind[2], size_t *prefilled,
                      masa_error *err);

/* All of a group's rollouts equally correct: no gradient in it. Judged on the binary
 * verdicts, not on shaped rewards. */
bool rl_zero_variance(const rl_group *group);

#endif
