/* Expert behaviour cloning: the best predictions of the current policy, corrected by what
 * came true, and the supervised steps on them (method of arXiv:2510.03259, DAgger style). */
#ifndef RL_EXPERTS_H
#define RL_EXPERTS_H

#include "prompts.h"

#include <jansson.h>

typedef struct rl_expert {
    uint64_t draw; /* of the prompt whose meta prompt it answers */
    char *text;    /* valid UTF-8 */
} rl_expert;

typedef struct rl_experts {
    rl_expert *items;
    size_t n, capacity;
} rl_experts;

/* Takes over text. */
void rl_experts_add(rl_experts *experts, uint64_t draw, char *text);
void rl_experts_clear(rl_experts *experts); /* frees the texts and the list */

/* As a JSON list (caller's), and back; false where it is damaged. */
json_t *rl_experts_save(const rl_experts *experts);
bool rl_experts_load(rl_experts *experts, const json_t *list);

/* Adds the best meta rollout of each prompt whose truth is known, corrected; where none can be
 * used and meta.bc_repair is set, an answer made from the truth. Returns how many. */
size_t rl_experts_gather(rl_experts *experts, const rl_draws *draws, const rl_prompts *prompts,
                         const masa_config *config);

typedef struct rl_cloning {
    size_t updates, texts, tokens;
    double loss; /* nats a token, of the last update */
} rl_cloning;

/*
 * One supervised update on experts[first..first+n): the negative log-likelihood of each
 * text and the end of the turn, given its meta prompt, averaged over tokens; at learning
 * rate lr. rehearsed (n_rehearsed of them, may be 0) are learned beside them, in the same
 * average; of these sequences only prompt and response are read. *stats ADDED to.
 */
masa_status rl_experts_learn(const rl_experts *experts, size_t first, size_t n,
                             const masa_sequence *rehearsed, size_t n_rehearsed, double lr,
                             rl_prompts *prompts, rl_session *session, rl_cloning *stats,
                             masa_error *err);

#endif
