/**
 * Every setting of a run, once. From this table come the struct (config.h), the
 * YAML schema, the defaults, the checks, --set and docs/configuration.md.
 *
 * One macro per section, of entries
 *     INTEGER(section, key, default, least, most, unit, help)
 *     NUMBER (section, key, default, least, most, unit, help)
 *     SWITCH (section, key, default, help)
 *     TEXT   (section, key, default, help)
 *     CHOICE (section, key, KIND, default, help)      KIND from MASA_CONFIG_KINDS
 * Bounds are inclusive.
 */
#ifndef MASA_CONFIG_TABLE_H
#define MASA_CONFIG_TABLE_H

/* The values of each CHOICE: V(KIND, CONSTANT, text). The constant is
 * MASA_CONFIG_<KIND>_<CONSTANT>; the first is 0. The orders of ADVANTAGE, RATIO,
 * SCHEDULE, MOMENTS, LENGTH_RULE, NOTION_RULE, STATISTIC, DIFFICULTY_RULE and NOTION_TEST are those of
 * masa_advantage_kind, masa_ratio_kind, masa_schedule, masa_dtype, masa_length_rule,
 * masa_notion_rule, masa_cutoff_statistic, masa_difficulty_rule and masa_notion_test. */
/* clang-format off */
#define MASA_CONFIG_VALUES_COMPUTE(V)                                                     \
    V(COMPUTE, AUTO, "auto") V(COMPUTE, F32, "f32") V(COMPUTE, BF16, "bf16")
#define MASA_CONFIG_VALUES_FAMILY(V)                                                      \
    V(FAMILY, GRPO, "grpo") V(FAMILY, DAPO, "dapo") V(FAMILY, DR_GRPO, "dr_grpo")         \
    V(FAMILY, GSPO, "gspo") V(FAMILY, RLOO, "rloo")                                       \
    V(FAMILY, REINFORCE_PP, "reinforce_pp")
#define MASA_CONFIG_VALUES_ADVANTAGE(V)                                                   \
    V(ADVANTAGE, GROUP_NORM, "group_norm") V(ADVANTAGE, GROUP_MEAN, "group_mean")         \
    V(ADVANTAGE, LEAVE_ONE_OUT, "leave_one_out") V(ADVANTAGE, BATCH_NORM, "batch_norm")
#define MASA_CONFIG_VALUES_AGGREGATION(V)                                                 \
    V(AGGREGATION, TOKEN_MEAN, "token_mean") V(AGGREGATION, SEQUENCE_MEAN, "sequence_mean") \
    V(AGGREGATION, CONSTANT, "constant")
#define MASA_CONFIG_VALUES_RATIO(V)                                                       \
    V(RATIO, TOKEN, "token") V(RATIO, SEQUENCE, "sequence")
#define MASA_CONFIG_VALUES_OLD_LOGPROBS(V)                                                \
    V(OLD_LOGPROBS, RECOMPUTE, "recompute") V(OLD_LOGPROBS, ROLLOUT, "rollout")
#define MASA_CONFIG_VALUES_SCHEDULE(V)                                                    \
    V(SCHEDULE, CONSTANT, "constant") V(SCHEDULE, COSINE, "cosine")                       \
    V(SCHEDULE, LINEAR, "linear")
#define MASA_CONFIG_VALUES_MOMENTS(V)                                                     \
    V(MOMENTS, F32, "f32") V(MOMENTS, BF16, "bf16")
#define MASA_CONFIG_VALUES_RECOMPUTE(V)                                                  \
    V(RECOMPUTE, AUTO, "auto") V(RECOMPUTE, NEVER, "false") V(RECOMPUTE, ALWAYS, "true")
#define MASA_CONFIG_VALUES_LENGTH_RULE(V)                                                 \
    V(LENGTH_RULE, INCLUSIVE, "inclusive") V(LENGTH_RULE, STRICT, "strict")               \
    V(LENGTH_RULE, QUANTILE, "quantile")
#define MASA_CONFIG_VALUES_NOTION_RULE(V)                                                 \
    V(NOTION_RULE, LEMMA, "lemma") V(NOTION_RULE, SUBSTRING, "substring")
#define MASA_CONFIG_VALUES_STATISTIC(V)                                                   \
    V(STATISTIC, MEDIAN, "median") V(STATISTIC, MEAN, "mean") V(STATISTIC, MAX, "max")
#define MASA_CONFIG_VALUES_TRANSITION(V)                                                  \
    V(TRANSITION, FIXED, "fixed") V(TRANSITION, ADAPTIVE, "adaptive")
#define MASA_CONFIG_VALUES_GATE(V)                                                        \
    V(GATE, OFF, "off") V(GATE, HARD, "hard") V(GATE, SOFT, "soft")                       \
    V(GATE, HISTORY, "history") V(GATE, RANDOM, "random")
#define MASA_CONFIG_VALUES_FORECAST(V)                                                    \
    V(FORECAST, SAMPLES, "samples") V(FORECAST, ONE_PASS, "one_pass") V(FORECAST, PROBE, "probe")
#define MASA_CONFIG_VALUES_DIFFICULTY_RULE(V)                                             \
    V(DIFFICULTY_RULE, POWER, "power") V(DIFFICULTY_RULE, BRIER, "brier")
#define MASA_CONFIG_VALUES_NOTION_TEST(V)                                                 \
    V(NOTION_TEST, COUNTS, "counts") V(NOTION_TEST, RATES, "rates")
#define MASA_CONFIG_VALUES_FORM(V)                                                        \
    V(FORM, REASONED, "reasoned") V(FORM, BARE, "bare")
#define MASA_CONFIG_VALUES_META_UPDATE(V)                                                 \
    V(META_UPDATE, SEPARATE, "separate") V(META_UPDATE, JOINT, "joint")

#define MASA_CONFIG_KINDS(K)                                                              \
    K(COMPUTE) K(FAMILY) K(ADVANTAGE) K(AGGREGATION) K(RATIO) K(OLD_LOGPROBS) K(SCHEDULE) \
    K(RECOMPUTE) K(LENGTH_RULE) K(NOTION_RULE) K(STATISTIC) K(TRANSITION) K(GATE)   \
    K(MOMENTS) K(META_UPDATE) K(FORM) K(FORECAST) K(DIFFICULTY_RULE) K(NOTION_TEST)

/* S(section, SECTION, what it is about) */
#define MASA_CONFIG_SECTIONS(S)                                                           \
    S(model, MODEL, "the model that is trained")                                          \
    S(data, DATA, "problems, and how they become prompts")                                \
    S(rollout, ROLLOUT, "what is sampled in a step, and how")                             \
    S(reward, REWARD, "what a solution earns: a sum ([rewards.md](rewards.md))")           \
    S(algorithm, ALGORITHM, "from rewards to a gradient")                                 \
    S(optimizer, OPTIMIZER, "from a gradient to an update")                               \
    S(lora, LORA, "training low-rank factors in place of all weights")                    \
    S(train, TRAIN, "the length of a run, evaluation and checkpoints")                    \
    S(meta, META, "meta rollouts: the model predicts how its solutions will go")          \
    S(sft, SFT, "supervised training on conversations (`masa sft`)")

#define MASA_CONFIG_MODEL(INTEGER, NUMBER, SWITCH, TEXT, CHOICE, FORMER)                  \
    TEXT(model, path, "", "GGUF file, Hugging Face folder, checkpoint or run (its newest checkpoint) to start from")               \
    TEXT(model, chat_template, "auto",                                                    \
         "`auto` takes the model's own, `auto-nothink` the same with `enable_thinking` "  \
         "off; else `chatml` or another built-in one, or FILE.jinja")                      \
    TEXT(model, system, "",                                                               \
         "text of the system turn; empty: the template's default")                        \
    CHOICE(model, compute, COMPUTE, AUTO,                                                 \
           "what products are computed in; `auto`: bf16 where the processor has it")

#define MASA_CONFIG_DATA(INTEGER, NUMBER, SWITCH, TEXT, CHOICE, FORMER)                   \
    TEXT(data, train, "", "problems to train on (JSON Lines)")                            \
    TEXT(data, test, "", "problems to evaluate on (JSON Lines); empty: no evaluation")    \
    TEXT(data, problem_key, "problem", "key of the problem's text")                       \
    TEXT(data, answer_key, "answer", "key of the answer")                                 \
    TEXT(data, kind_key, "kind", "key of the kind of answer; lines may lack it")          \
    TEXT(data, strata, "",                                                                \
         "keys of the problems to evaluate on, with commas between: accuracy is recorded for "  \
         "each of their values, as `eval_accuracy/level=3`")                              \
    TEXT(data, suffix, "auto",                                                            \
         "appended to the problem after a space; `auto`: what its line says in "          \
         "`prompt_suffix`, else `Let's think step by step and output the final answer "  \
         "within \\boxed{}.`")                                                            \
    TEXT(data, code_suffix, "auto",                                                       \
         "the same to problems of the kind `code`; where the line says nothing `Answer "  \
         "with one Python code block.`")                                                  \
    TEXT(data, answer_rules, "auto",                                                      \
         "where an answer counts, tried in this order: `tags`, `boxed`, `phrase`, "        \
         "`hashes`, `bold`, `formula`, `bare` (the text is but an answer), `number` (the " \
         "last one), `whole`; several with commas; `any`: all but `whole`; `auto`: what "  \
         "the problem's line says in `answer_rules`, else `boxed`")                       \
    INTEGER(data, max_prompt_tokens, 512, 1, 1048576, "tokens",                           \
            "longer prompts are left out")                                                \
    SWITCH(data, shuffle, true, "shuffle each epoch; else file order")                    \
    INTEGER(data, limit, 0, 0, 1000000000, "problems",                                    \
            "read only the first problems of the training file; 0: all")

#define MASA_CONFIG_ROLLOUT(INTEGER, NUMBER, SWITCH, TEXT, CHOICE, FORMER)                \
    INTEGER(rollout, group_size, 8, 2, 4096, "rollouts",                                  \
            "solutions sampled per prompt (G)")                                           \
    INTEGER(rollout, prompts_per_step, 16, 1, 65536, "prompts", "prompts of a step")      \
    INTEGER(rollout, max_tokens, 256, 1, 1048576, "tokens", "longest response")           \
    NUMBER(rollout, temperature, 1.0, 0.01, 10, "",                                       \
           "sampling temperature; part of the policy")                                    \
    NUMBER(rollout, top_p, 1.0, 0.01, 1, "",                                              \
           "sample from the most likely tokens with this total probability; 1: all")      \
    INTEGER(rollout, top_k, 0, 0, 1048576, "tokens",                                      \
            "sample from this many of the most likely tokens; 0: all")                    \
    NUMBER(rollout, min_p, 0.0, 0, 1, "",                                                 \
           "leave out tokens less likely than this share of the likeliest; 0: none")      \
    TEXT(rollout, servers, "",                                                            \
         "URLs of servers that sample in this process's stead, with commas between: `masa "  \
         "serve`, or vLLM ([scale.md](scale.md)); empty: none")                           \
    TEXT(rollout, weights, "",                                                            \
         "folder that these servers see too, for each step's weights; empty: the run's")  \
    NUMBER(rollout, timeout, 600.0, 0.01, 1e6, "seconds",                                 \
           "that a server may take for an answer")                                        \
    INTEGER(rollout, batch, 64, 1, 65536, "sequences", "sequences decoded at once")       \
    FORMER(rollout, cache_tokens, cache_memory)                                           \
    INTEGER(rollout, cache_memory, 0, 0, 1000000000, "MiB",                               \
            "most memory for keys and values; 0: as the batch needs")                     \
    INTEGER(rollout, kept_memory, -1, -1, 1000000000, "MiB",                              \
            "most memory for activations of rollouts, which the update then need not "    \
            "compute again; 0: none; -1: half of what is free where that changes no bit " \
            "of the results, else none")

#define MASA_CONFIG_REWARD(INTEGER, NUMBER, SWITCH, TEXT, CHOICE, FORMER)                 \
    TEXT(reward, command, "",                                                             \
         "program of your own that gives rewards, run by the shell; empty: none")          \
    TEXT(reward, url, "", "server of your own that gives them over HTTP; empty: none")     \
    INTEGER(reward, copies, 1, 1, 256, "copies",                                          \
            "of the program, or connections to the server")                               \
    INTEGER(reward, batch, 16, 1, 65536, "responses",                                     \
            "that a copy has before it, or that a request holds")                         \
    NUMBER(reward, timeout, 120.0, 0.01, 1e6, "seconds",                                  \
           "without an answer after which it is started or asked again")                  \
    NUMBER(reward, correctness, -1.0, -1, 1000, "",                                       \
           "weight of being right; -1: 1, or 0 (not judged) beside a program or server of your own") \
    NUMBER(reward, user, 1.0, -1000, 1000, "",                                            \
           "weight of what the program or server gives")                                  \
    NUMBER(reward, format, 0.0, -1000, 1000, "",                                          \
           "weight of an answer where `data.answer_rules` looks for it, in a response that ended by itself") \
    NUMBER(reward, length, 0.0, -1000, 1000, "",                                          \
           "weight of 1 - tokens / rollout.max_tokens")                                   \
    NUMBER(reward, repetition, 0.0, 0, 1000, "",                                          \
           "weight lost by repetition: times the share of four-word sequences that were there before")

#define MASA_CONFIG_ALGORITHM(INTEGER, NUMBER, SWITCH, TEXT, CHOICE, FORMER)              \
    CHOICE(algorithm, name, FAMILY, GRPO,                                                 \
           "family whose settings this section starts from; keys given beside it win")    \
    CHOICE(algorithm, advantage, ADVANTAGE, GROUP_NORM,                                   \
           "reward of a rollout relative to its group (`batch_norm`: scaled by the "      \
           "batch)")                                                                      \
    CHOICE(algorithm, aggregation, AGGREGATION, SEQUENCE_MEAN,                               \
           "how tokens are averaged: all alike, rollouts alike, or divided by the "       \
           "constant `rollout.max_tokens`")                                               \
    CHOICE(algorithm, ratio, RATIO, TOKEN,                                                \
           "importance ratio of each token, or of the whole sequence")                    \
    NUMBER(algorithm, clip_low, 0.2, 0, 1, "", "ratios are clipped below 1 - this")       \
    NUMBER(algorithm, clip_high, 0.28, 0, 100, "", "ratios are clipped above 1 + this")   \
    NUMBER(algorithm, dual_clip, 0.0, 0, 1000, "",                                        \
           "bound (above 1) on the loss of a negative advantage; 0: off")                 \
    NUMBER(algorithm, kl_coef, 0.0, 0, 100, "",                                           \
           "weight of the KL term against the starting model; 0: none is kept")           \
    SWITCH(algorithm, dynamic_sampling, false,                                            \
           "replace groups whose rollouts are all right or all wrong by new prompts")     \
    INTEGER(algorithm, dynamic_max_refills, 4, 0, 1000, "batches",                        \
            "most times a step's batch is filled up again")                               \
    INTEGER(algorithm, overlong_buffer, 0, 0, 1048576, "tokens",                          \
            "responses within this of the limit lose reward linearly; 0: off")            \
    NUMBER(algorithm, overlong_penalty, 1.0, 0, 100, "", "reward lost at the limit")      \
    INTEGER(algorithm, subset, 0, 0, 4096, "rollouts",                                    \
            "train on this many of a group's rollouts, those of the largest reward variance (PODS); 0: on all") \
    CHOICE(algorithm, old_logprobs, OLD_LOGPROBS, RECOMPUTE,                              \
           "where the old policy's log-probabilities come from")                          \
    NUMBER(algorithm, importance_cap, 2.0, 0, 1000, "",                                   \
           "rollouts of vLLM: most that a token weighs by its probability here over there; 0: none is weighed")

#define MASA_CONFIG_OPTIMIZER(INTEGER, NUMBER, SWITCH, TEXT, CHOICE, FORMER)              \
    NUMBER(optimizer, lr, 1e-5, 0, 1, "", "learning rate")                                \
    INTEGER(optimizer, warmup_steps, 2, 0, 1000000000, "updates",                         \
            "linear warm-up of the rate")                                                 \
    CHOICE(optimizer, schedule, SCHEDULE, CONSTANT, "the rate after the warm-up")         \
    NUMBER(optimizer, weight_decay, 0.01, 0, 1, "", "decoupled weight decay (AdamW)")     \
    NUMBER(optimizer, beta1, 0.9, 0, 0.999999, "", "decay of the first moment")           \
    NUMBER(optimizer, beta2, 0.999, 0, 0.99999999, "", "decay of the second moment")      \
    NUMBER(optimizer, eps, 1e-8, 1e-30, 1, "", "added to the root of the second moment")  \
    NUMBER(optimizer, grad_clip, 1.0, 0, 1e9, "",                                         \
           "largest norm of the whole gradient; 0: no clipping")                          \
    INTEGER(optimizer, mini_batches, 1, 1, 65536, "updates", "updates per pass over a step's batch") \
    INTEGER(optimizer, epochs, 1, 1, 1000, "passes", "passes over a step's batch")        \
    INTEGER(optimizer, tokens_per_pass, 4096, 16, 100000000, "tokens",                    \
            "tokens packed into one forward and backward pass; bounds memory")            \
    FORMER(optimizer, checkpoint_activations, recompute)                                   \
    CHOICE(optimizer, recompute, RECOMPUTE, AUTO,                                         \
           "recompute activations in the backward pass: less memory, a third slower; "    \
           "`auto`: only where they would not fit")                                       \
    CHOICE(optimizer, moments, MOMENTS, F32,                                              \
           "what AdamW's two moments are kept in: 8 bytes a parameter, or 4 with `bf16`, rounded at random so that they keep their mean") \
    SWITCH(optimizer, on_host, false,                                                     \
           "on a GPU: the moments lie in the host's memory and the processor does the step, which frees the GPU of them and takes longer")

#define MASA_CONFIG_LORA(INTEGER, NUMBER, SWITCH, TEXT, CHOICE, FORMER)                   \
    INTEGER(lora, rank, 0, 0, 65536, "", "rank of the factors; 0: all weights are trained") \
    NUMBER(lora, alpha, 32.0, 1e-6, 1e6, "", "factors are scaled by alpha / rank")        \
    TEXT(lora, targets, "all-linear",                                                     \
         "`all-linear`, or names of matrices such as `q_proj,v_proj`")                    \
    SWITCH(lora, merge_on_save, true,                                                     \
           "checkpoints also hold the merged weights, not the adapter alone")               \
    SWITCH(lora, compact, false,                                                          \
           "the starting weights stay as they are, in the compute type alone and without gradients, and the factors are multiplied beside them: in bf16 2 bytes a parameter in place of 14 (on the processor 4 in place of 16)")

#define MASA_CONFIG_TRAIN(INTEGER, NUMBER, SWITCH, TEXT, CHOICE, FORMER)                  \
    INTEGER(train, steps, 100, 1, 1000000000, "steps", "length of the run")               \
    INTEGER(train, seed, 1, 0, 1000000000000, "", "seed of everything random")            \
    INTEGER(train, eval_every, 10, 0, 1000000000, "steps",                                \
            "evaluate on `data.test` this often; 0: only before and after")               \
    INTEGER(train, eval_samples, 100, 1, 1000000000, "problems",                          \
            "problems of an evaluation, from the start of the file")                      \
    INTEGER(train, eval_rollouts, 1, 1, 4096, "responses",                                \
            "to each problem of an evaluation, over which accuracy is averaged")          \
    NUMBER(train, eval_temperature, 0.0, 0, 10, "",                                       \
           "sampling temperature of evaluations; 0: greedy")                              \
    INTEGER(train, save_every, 20, 0, 1000000000, "steps",                                \
            "write a checkpoint this often; 0: only at the end")                          \
    INTEGER(train, keep_checkpoints, 2, 1, 1000000, "checkpoints", "older ones are removed") \
    SWITCH(train, keep_best, true,                                                        \
           "write a checkpoint when an evaluation is better than all before, and keep the best one") \
    SWITCH(train, wait_for_room, true,                                                    \
           "on a full disk wait until there is room again; else stop")                    \
    NUMBER(train, time_limit_minutes, 0.0, 0, 1e9, "minutes",                             \
           "save and stop after this long; 0: no limit")                                  \
    INTEGER(train, threads, 0, 0, 4096, "threads",                                        \
            "0: one per processor core, which processes on one machine share")            \
    INTEGER(train, shares, 0, 0, 4096, "shares",                                          \
            "cut a step into this many shares, which processes divide among themselves: the sum is then the same however many they are (`docs/scale.md`); 0: one share a process") \
    SWITCH(train, shard_optimizer, false,                                                 \
           "each process keeps the optimiser's moments of its part of the numbers that are trained, and steps these alone")

#define MASA_CONFIG_META(INTEGER, NUMBER, SWITCH, TEXT, CHOICE, FORMER)                   \
    INTEGER(meta, samples, 0, 0, 4096, "rollouts",                                        \
            "meta rollouts per prompt (M); 0: none, which is plain reinforcement learning") \
    TEXT(meta, template, "",                                                              \
         "file with the meta prompt; empty: the built-in one; `problem-first`: the same with " \
         "the problem before what is asked, as in the prompt of solutions, so that the cache " \
         "computes what both begin with once")                                            \
    TEXT(meta, system, "",                                                                \
         "text of its system turn; empty: the built-in one; `same`: that of solutions, which " \
         "a template of one's own that begins with `{problem}` needs for the same, and " \
         "which `problem-first` takes where nothing is said")                             \
    INTEGER(meta, max_tokens, 256, 1, 1048576, "tokens", "longest meta response")         \
    INTEGER(meta, length_min, 16, 1, 1048576, "tokens", "least length that may be predicted") \
    NUMBER(meta, share, 1.0, 0, 1, "",                                                    \
           "share of the prompts that get meta rollouts")                                 \
    CHOICE(meta, difficulty_rule, DIFFICULTY_RULE, POWER,                                 \
           "reward of a predicted pass rate at distance d from the true one: `power`: b^d; `brier`: 1 - d^2") \
    NUMBER(meta, base, 0.01, 1e-9, 1, "", "b of the difficulty reward b^|p - p'|")        \
    CHOICE(meta, update, META_UPDATE, SEPARATE,                                           \
           "`separate`: an update on the solutions, then one on the meta rollouts, as the authors ran it; `joint`: one on both") \
    NUMBER(meta, weight, 1.0, 0, 1000, "",                                                \
           "of the meta rollouts: `separate`: their update's learning rate is this times the policy's; `joint`: of their share of the loss") \
    SWITCH(meta, own_moments, false,                                                      \
           "the meta path's updates (separate, cloning, warm start) have an AdamW state of their own (as much memory again): " \
           "in a common one each rate applies to the other's momentum too")               \
    INTEGER(meta, adapter, 0, 0, 65536, "rank",                                           \
            "low-rank factors that predictions have to themselves, so that learning them cannot disturb solving; 0: predictions train the policy's own weights, as in the paper") \
    SWITCH(meta, reward_shuffle, false,                                                   \
           "control: permute the meta rewards among a step's meta rollouts, which leaves everything but their signal") \
    NUMBER(meta, weight_difficulty, 1.0, 0, 1000, "", "weight of the predicted pass rate") \
    NUMBER(meta, weight_length, 1.0, 0, 1000, "", "weight of the predicted length")       \
    NUMBER(meta, weight_notion, 1.0, 0, 1000, "", "weight of the predicted notions")      \
    CHOICE(meta, length_rule, LENGTH_RULE, INCLUSIVE,                                     \
           "a predicted length is right within the range of correct ones, ends included or not; `quantile`: the nearer to what 95 of 100 need, the better") \
    CHOICE(meta, notion_test, NOTION_TEST, COUNTS,                                        \
           "a notion helps that occurs in more correct than incorrect solutions, or in a greater share of them") \
    CHOICE(meta, notion_rule, NOTION_RULE, LEMMA,                                         \
           "how a notion is looked for in a solution")                                    \
    CHOICE(meta, form, FORM, REASONED,                                                    \
           "how the built-in meta prompt wants an answer, and warm start and cloning make one from statistics: `reasoned` between <meta> and </meta>, or `bare`: outright, behind <meta></meta>; a template of one's own that names the keys says it itself") \
    INTEGER(meta, warm_start_prompts, 0, 0, 1000000000, "prompts",                        \
            "prompts whose solutions teach the form of the answer before the first step; 0: none") \
    INTEGER(meta, warm_start_epochs, 3, 1, 1000, "passes", "supervised passes over these") \
    NUMBER(meta, warm_start_lr, 1e-4, 0, 1, "", "learning rate of these passes")          \
    INTEGER(meta, warm_start_rehearsal, 1, 0, 1000, "solutions",                          \
            "the model's own solutions learned beside each answer, so that it keeps them") \
    SWITCH(meta, bc_enabled, false, "behaviour cloning on the best predictions")           \
    SWITCH(meta, bc_acting, false, "cloning only in steps that act on predictions")       \
    NUMBER(meta, bc_threshold, 0.2, 0, 1, "", "least notion reward of an expert")         \
    SWITCH(meta, bc_hopeless, false,                                                      \
           "experts on prompts without a right solution too, with pass rate 0")           \
    SWITCH(meta, bc_repair, false,                                                        \
           "where no prediction of a prompt can be cloned, an answer made from its statistics as in the warm start") \
    INTEGER(meta, bc_batch, 16, 1, 1000000, "texts", "experts of one supervised update")  \
    NUMBER(meta, bc_lr, 1e-5, 0, 1, "", "learning rate of that update")                   \
    INTEGER(meta, bc_passes, 1, 1, 1000, "passes", "passes over the same experts")         \
    INTEGER(meta, bc_mini_batch, 0, 0, 1000000, "texts",                                  \
            "texts in an update of a pass; 0: all that are held")                         \
    INTEGER(meta, start_step, -1, -1, 1000000000, "steps",                                \
            "after this many steps predictions gate and cut off rollouts; 0: from the first step; -1: never") \
    CHOICE(meta, forecast, FORECAST, SAMPLES,                                             \
           "what is acted on: the meta rollouts; `one_pass`: the model's probabilities of the pass rate after forecast_prefix, without sampling; or `probe`: a regression on the model's hidden state, which needs no predictions (meta.samples may be 0)") \
    TEXT(meta, forecast_prefix, "auto",                                                   \
         "one_pass: how an answer begins up to the pass rate; `auto`: in the form that the meta prompt asks for") \
    NUMBER(meta, probe_depth, 0.6, 0, 1, "",                                              \
           "probe: after which share of the model's layers (with LoRA or a reference model: of those that stay) the hidden state is taken; 0: the tokens' embeddings, so that nothing but the prompt's words is heard (a control)") \
    CHOICE(meta, transition, TRANSITION, FIXED,                                           \
           "`fixed`: act on predictions after start_step; `adaptive`: after it whenever they are good enough") \
    NUMBER(meta, transition_pass_rate, 0.2, 0, 1, "",                                     \
           "adaptive: largest mean error of predicted pass rates")                        \
    NUMBER(meta, transition_length, 0.5, 0, 100, "",                                      \
           "adaptive: largest mean |log(predicted / true length)|")                       \
    NUMBER(meta, transition_precision, 0.5, 0, 1, "",                                     \
           "adaptive: least share of audited prompts that were gated rightly")            \
    INTEGER(meta, transition_window, 128, 8, 1000000, "prompts",                           \
            "adaptive: prompts over which these are averaged")                            \
    CHOICE(meta, gate, GATE, HARD,                                                        \
           "`hard`: skip prompts predicted trivial or unsolvable; `soft`: skip those that, by what past forecasts came to and by the prompt's own history, will have no variance; controls without predictions: `history`, `random`; `off`") \
    SWITCH(meta, gate_static, false,                                                      \
           "a gated prompt is gated for good (the authors' static gate); else it is asked again in the next epoch") \
    NUMBER(meta, gate_rate, 0.5, 0, 1, "", "random: share of prompts that are skipped")   \
    NUMBER(meta, gate_sigma, 0.1, 0, 1, "",                                               \
           "hard: a prompt is gated when its predicted pass rates deviate by less than this") \
    NUMBER(meta, gate_tolerance, 0.1, 0, 0.5, "",                                         \
           "hard: and their mean is within this of 0 or 1")                               \
    NUMBER(meta, gate_threshold, 0.8, 0, 1, "",                                           \
           "soft, history: a prompt is gated when its probability of no variance is above this (and its odds are twice those of any prompt)") \
    NUMBER(meta, gate_discount, 0.7, 0, 1, "",                                            \
           "soft, history: what an epoch of age leaves of a prompt's own history")        \
    INTEGER(meta, gate_window, 1000, 1, 1000000000, "prompts",                            \
            "soft, history: for how long a prompt's outcome counts in what forecasts come to (the newest 2,048 at most)") \
    INTEGER(meta, gate_pilot, 0, 0, 1000000, "rollouts",                                  \
            "soft, history: once so many of a group agree the gate is asked again, and after as many more until they differ, unless it could not close then; 0: groups are sampled whole") \
    SWITCH(meta, size_by_worth, false,                                                    \
           "soft, history: groups between a quarter and twice of `rollout.group_size` by what a rollout of the prompt tells a token, for the same tokens in all") \
    INTEGER(meta, gate_candidates, 1, 1, 1000, "prompts",                                 \
            "soft, history: so many prompts are looked at for each place of a step, and those that tell most, of pass rates near a half, are taken") \
    SWITCH(meta, gate_refill, true,                                                       \
           "fill gated places of a step with the next prompts (at most `algorithm.dynamic_max_refills` times)") \
    NUMBER(meta, audit_share, 0.05, 0, 1, "",                                              \
           "share of what the gate closes on that is rolled out all the same, to judge it and to learn of prompts that it would never see again")  \
    NUMBER(meta, cutoff_margin, 1.5, 0, 1000, "",                                         \
           "rollouts are stopped at this times the predicted length; 0: never")           \
    NUMBER(meta, cutoff_keep, 0.0, 0, 0.999, "",                                          \
           "share of right solutions that a cutoff leaves whole: the margin, at least `cutoff_margin`, is fitted to past lengths in each octave of predicted ones, no cutoff before enough are known there; 0: not fitted") \
    CHOICE(meta, cutoff_statistic, STATISTIC, MEDIAN,                                     \
           "the prediction of a group of meta rollouts")                                  \
    NUMBER(meta, cutoff_audit, 0.1, 0, 1, "",                                             \
           "share of the prompts that are left uncut, from which lengths are learned")    \
    NUMBER(meta, cutoff_survival, 0.0, 0, 0.999, "",                                      \
           "soft cutoff: probability of a rollout to go on past it, weighed by the inverse; 0: all stop") \
    SWITCH(meta, notion_hint, false, "name the predicted notions in the solution prompt")

#define MASA_CONFIG_SFT(INTEGER, NUMBER, SWITCH, TEXT, CHOICE, FORMER)                    \
    TEXT(sft, data, "", "JSON Lines with `messages`, or `problem` and `solution`")                     \
    INTEGER(sft, epochs, 1, 1, 1000000, "epochs", "passes over the data")                 \
    INTEGER(sft, batch, 16, 1, 1000000, "conversations", "conversations of one update")   \
    INTEGER(sft, max_tokens, 1024, 2, 1048576, "tokens",                                  \
            "longer conversations are left out")                                          \
    SWITCH(sft, shuffle, true, "shuffle each epoch; else file order")                     \
    NUMBER(sft, holdout, 0.0, 0, 0.9, "",                                                 \
           "share of the conversations kept out, to report their loss")
/* clang-format on */

#endif
