#include "train_test.h"

/* Old and reference policies beside the current one. Offsets stay clear of the clip's
 * edges, where the loss has no derivative: log 0.8 = -0.22 and log 1.28 = 0.25. */
static void add_policies(rollouts *r, masa_trainer *trainer, bool by_sequence)
{
    static const float offsets[] = {-0.7f, -0.1f, 0.05f, 0.12f, 0.6f, 2.5f};
    assert_int_equal(masa_trainer_logprobs(trainer, r->sequences, ROLLOUTS, NULL, NULL),
                     MASA_OK);
    for (size_t i = 0, k = 0; i < ROLLOUTS; i++) {
        masa_sequence *s = &r->sequences[i];
        for (size_t t = 0; t < s->response_size; t++, k++) {
            r->old[i][t] = s->logprobs[t] - offsets[(by_sequence ? i : k) % 6];
            r->ref[i][t] = s->logprobs[t] + offsets[k % 5];
        }
        s->old_logprobs = r->old[i];
        s->ref_logprobs = r->ref[i];
    }
}

/* Every parameter's gradient along a direction of its own. */
static void check_gradient(masa_model *model, masa_trainer *trainer, const rollouts *r,
                           const masa_objective *objective)
{
    size_t n, count = masa_model_parameter_count(model);
    const masa_parameter *p = masa_model_parameters(model, &n);
    float *values = masa_model_values(model), *kept = masa_alloc(2 * count, sizeof *kept);
    float *direction = kept + count;
    memcpy(kept, values, count * sizeof *kept);
    masa_random random = masa_random_init(3, MASA_STREAM_TEST);
    for (size_t i = 0; i < n; i++) {
        size_t at = p[i].offset, size = p[i].rows * p[i].cols;
        double norm, loss[2];
        double slope =
            make_direction(direction, masa_model_grads(model) + at, size, &random, &norm);
        float h = (float)(5e-3 / norm);
        for (int side = 0; side < 2; side++) {
            move(values + at, kept + at, direction, size, side ? -h : h);
            masa_model_refresh(model);
            loss[side] = loss_now(trainer, r, objective);
        }
        memcpy(values + at, kept + at, size * sizeof *values);
        double found = (loss[0] - loss[1]) / (2 * (double)h);
        double tolerance = 5e-3 * fabs(slope) + 2e-7 / (double)h;
        if (!(fabs(found - slope) <= tolerance)) print_error("%s: ", p[i].name);
        assert_near(found, slope, tolerance);
    }
    masa_model_refresh(model);
    free(kept);
}

static void check_objective(const masa_objective *objective)
{
    masa_model *model = tiny_model(1);
    masa_trainer *trainer = make_trainer(model, 64);
    rollouts r;
    rollouts_init(&r, 2);
    add_policies(&r, trainer, objective && objective->ratio == MASA_RATIO_SEQUENCE);
    masa_trainer_stats stats = {0};
    assert_int_equal(
        masa_trainer_accumulate(trainer, r.sequences, ROLLOUTS, objective, &stats, NULL),
        MASA_OK);
    assert_near(stats.objective.loss, loss_now(trainer, &r, objective), 1e-6);
    assert_near(stats.objective.tokens, r.tokens, 0);
    if (objective) assert_in_range(stats.objective.clipped, 3, r.tokens - 3);
    check_gradient(model, trainer, &r, objective);
    masa_trainer_destroy(trainer);
    masa_model_destroy(model);
}

static void gradient_of_every_objective_matches_differences(void **state)
{
    (void)state;
    static const masa_objective objectives[] = {
        {.clip_low = 0.2f, .clip_high = 0.28f},
        {.clip_low = 0.2f, .clip_high = 0.28f, .dual_clip = 3, .kl_coef = 0.2f},
        {.ratio = MASA_RATIO_SEQUENCE, .clip_low = 0.2f, .clip_high = 0.28f, .kl_coef = 0.05f}};
    for (size_t i = 0; i < sizeof objectives / sizeof *objectives; i++)
        check_objective(&objectives[i]);
}

static void gradient_of_supervised_loss_matches_differences(void **state)
{
    (void)state;
    check_objective(NULL);
}

static const masa_objective grpo = {.clip_low = 0.2f, .clip_high = 0.28f};

/* The gradient of n sequences by a fresh trainer; caller frees. */
static float *gradient_of(masa_model *model, const masa_trainer_options *options,
                          const masa_sequence *sequences, size_t n, masa_trainer_stats *stats)
{
    masa_trainer *trainer = NULL;
    assert_int_equal(masa_trainer_create(&trainer, model, options, NULL), MASA_OK);
    tiny_zero_grads(model);
    *stats = (masa_trainer_stats){0};
    assert_int_equal(masa_trainer_accumulate(trainer, sequences, n, &grpo, stats, NULL),
                     MASA_OK);
    masa_trainer_destroy(trainer);
    return tiny_copy_grads(model);
}

static void assert_same_stats(const masa_trainer_stats *a, const masa_trainer_stats *b)
{
    assert_near(a->objective.loss, b->objective.loss, 1e-6);
    assert_near(a->objective.ratio, b->objective.ratio, 1e-5);
    assert_near(a->objective.tokens, b->objective.tokens, 0);
    assert_near(a->entropy_sum, b->entropy_sum, 1e-4);
}

/* The budget of tokens, checkpointing and who shares a prompt are matters of speed alone.
 */
static void packing_does_not_change_the_gradient(void **state)
{
    (void)state;
    masa_model *model = tiny_model(4);
    size_t count = masa_model_parameter_count(model);
    rollouts r;
    rollouts_init(&r, 5);
    masa_trainer_options options = {.tokens_per_pass = 500, .temperature = 0.9f};
    masa_trainer_stats whole, stats;
    float *want = gradient_of(model, &options, r.sequences, ROLLOUTS, &whole), *got;
    float logprobs[ROLLOUTS][ROLLOUT_LONGEST];
    memcpy(logprobs, r.logprobs, sizeof logprobs);
    assert_int_equal(whole.passes, 1);
    for (size_t tokens = 19; tokens < 60; tokens += 10) {
        options = (masa_trainer_options){
            .tokens_per_pass = tokens, .recompute = tokens % 20 == 9, .temperature = 0.9f};
        got = gradient_of(model, &options, r.sequences, ROLLOUTS, &stats);
        assert_close(got, want, count, 2e-5);
        assert_same_stats(&stats, &whole);
        assert_true(stats.passes >= whole.packed_tokens / tokens);
        for (size_t i = 0; i < ROLLOUTS; i++)
            for (size_t t = 0; t < r.sequences[i].response_size; t++)
                assert_near(r.logprobs[i][t], logprobs[i][t], 1e-5);
        free(got);
    }
    for (size_t i = 0; i < ROLLOUTS; i++) r.sequences[i].group = i;
    options.tokens_per_pass = 500;
    got = gradient_of(model, &options, r.sequences, ROLLOUTS, &stats);
    assert_close(got, want, count, 2e-5);
    assert_same_stats(&stats, &whole);
    size_t repeated = 0;
    for (size_t i = 0; i < ROLLOUTS; i++)
        if (i % ROLLOUTS_PER_GROUP) repeated += r.sequences[i].prompt_size;
    assert_int_equal(stats.packed_tokens, whole.packed_tokens + repeated);
    free(got), free(want);
    masa_model_destroy(model);
}

/* Two responses of 1 and 3 tokens to a prompt of 2: rows of the prompt, then 2 of the longer
 * response (its last token is not run), at contexts 1 to 4; a head for every token. */
static void flops_are_those_of_every_pass(void **state)
{
    (void)state;
    static const int32_t prompt[] = {1, 2}, response[] = {3, 4, 5};
    masa_sequence s[] = {{prompt, response, 2, 1, 0, 1, 1, NULL, NULL, NULL, NULL, NULL},
                         {prompt, response, 2, 3, 0, 1, 1, NULL, NULL, NULL, NULL, NULL}};
    masa_model *model = tiny_model(1);
    masa_trainer *trainer = make_trainer(model, 64);
    const masa_model_config *c = masa_model_get_config(model);
    double head = masa_model_flops(c, 0, true) - masa_model_flops(c, 0, false), pass = 4 * head;
    for (int context = 1; context <= 4; context++) pass += masa_model_flops(c, context, false);
    assert_int_equal(masa_trainer_logprobs(trainer, s, 2, NULL, NULL), MASA_OK);
    assert_near(masa_trainer_flops(trainer), pass, 1);
    assert_int_equal(masa_trainer_accumulate(trainer, s, 2, NULL, NULL, NULL), MASA_OK);
    assert_near(masa_trainer_flops(trainer), 4 * pass, 1);
    masa_trainer_destroy(trainer);
    masa_model_destroy(model);
}

/* The logits of the last state under the final norm and the embedding
 * give the log-probability of the next token: at full depth the states are those that answers
 * begin from. */
static double next_logprob(masa_model *model, const float *last, int32_t token)
{
    const masa_model_config *c = masa_model_get_config(model);
    size_t n;
    const masa_parameter *p = masa_model_parameters(model, &n);
    const float *values = masa_model_values(model), *embedding = values + p[0].offset;
    const float *norm = NULL;
    for (size_t i = 0; i < n; i++)
        if (strcmp(p[i].name, "model.norm.weight") == 0) norm = values + p[i].offset;
    assert_non_null(norm);
    double squares = 0, sum = 0, chosen = 0;
    for (size_t j = 0; j < c->hidden_size; j++) squares += (double)last[j] * last[j];
    double rstd = 1 / sqrt(squares / (double)c->hidden_size + c->rms_norm_eps);
    for (size_t v = 0; v < c->vocab_size; v++) {
        double logit = 0;
        for (size_t j = 0; j < c->hidden_size; j++)
            logit += last[j] * rstd * norm[j] * embedding[v * c->hidden_size + j];
        sum += exp(logit / 0.9f);
        if ((int32_t)v == token) chosen = logit / 0.9f;
    }
    return chosen - log(sum);
}

/* Five prompts, three of which begin with the same 20 tokens; packed whole, in parts and alone. */
static void prompts_have_states(void **state)
{
    (void)state;
    enum { N = 5, LONGEST = 30, HIDDEN = 16, STEM = 20 };
    masa_model *model = tiny_model(9);
    const masa_model_config *c = masa_model_get_config(model);
    assert_int_equal(c->hidden_size, HIDDEN);
    masa_random random = masa_random_init(9, MASA_STREAM_TEST);
    int32_t tokens[N][LONGEST];
    masa_sequence prompts[N] = {{0}};
    for (size_t i = 0; i < N; i++) {
        for (size_t t = 0; t < LONGEST; t++)
            tokens[i][t] = i > 0 && i < 4 && t < STEM
                               ? (int32_t)t
                               : (int32_t)masa_random_below(&random, TINY_VOCAB);
        prompts[i] = (masa_sequence){.prompt = tokens[i],
                                     .prompt_size = i ? LONGEST - i : 1,
                                     .response = tokens[i],
                                     .response_size = 1,
                                     .group = i};
    }
    double flops[3];
    for (size_t layers = 0; layers <= 2; layers++) {
        float whole[N][2][HIDDEN], parts[N][2][HIDDEN], alone[2][HIDDEN], logprob;
        masa_trainer *trainer = make_trainer(model, 200), *small = make_trainer(model, 31);
        assert_int_equal(
            masa_trainer_prompt_states(trainer, prompts, N, layers, &whole[0][0][0], NULL),
            MASA_OK);
        flops[layers] = masa_trainer_flops(trainer);
        assert_int_equal(
            masa_trainer_prompt_states(small, prompts, N, layers, &parts[0][0][0], NULL),
            MASA_OK);
        assert_close(&parts[0][0][0], &whole[0][0][0], N * 2 * HIDDEN, 1e-5);
        for (size_t i = 0; i < N; i++) {
            size_t n = prompts[i].prompt_size;
            assert_int_equal(
                masa_trainer_prompt_states(trainer, &prompts[i], 1, layers, &alone[0][0], NULL),
                MASA_OK);
            assert_close(&whole[i][0][0], &alone[0][0], 2 * HIDDEN, 1e-5);
            const float *embedding = masa_model_values(model);
            for (size_t j = 0; layers == 0 && j < HIDDEN; j++) {
                double mean = 0;
                for (size_t t = 0; t < n; t++)
                    mean += embedding[(size_t)tokens[i][t] * HIDDEN + j] / (double)n;
                assert_near(alone[0][j], mean, 1e-5);
                assert_near(alone[1][j], embedding[(size_t)tokens[i][n - 1] * HIDDEN + j], 0);
            }
            if (layers < 2) continue;
            int32_t next = 7;
            masa_sequence s = prompts[i];
            s.response = &next, s.logprobs = &logprob;
            assert_int_equal(masa_trainer_logprobs(trainer, &s, 1, NULL, NULL), MASA_OK);
            assert_near(next_logprob(model, alone[1], next), logprob, 1e-4);
        }
        masa_sequence long_one = prompts[1];
        long_one.prompt_size = 30;
        long_one.group = 0;
        masa_trainer_destroy(small);
        small = make_trainer(model, 16);
        masa_error err = {0};
        assert_int_equal(
            masa_trainer_prompt_states(small, &long_one, 1, layers, &alone[0][0], &err),
            MASA_ERR_DATA);
        masa_trainer_destroy(small);
        masa_trainer_destroy(trainer);
    }
    assert_near(flops[0], 0, 0);
    assert_near(flops[1], flops[2] / 2, 1);
    masa_trainer *sick = make_trainer(model, 200);
    float states[2][HIDDEN];
    masa_error err = {0};
    masa_model_values(model)[(size_t)tokens[1][0] * HIDDEN] = INFINITY;
    assert_int_equal(masa_trainer_prompt_states(sick, &prompts[1], 1, 0, &states[0][0], &err),
                     MASA_ERR_NUMERIC);
    assert_non_null(strstr(err.message, "not finite"));
    masa_trainer_destroy(sick);
    masa_model_destroy(model);
}

static void zero_advantages_can_be_left_out(void **state)
{
    (void)state;
    masa_model *model = tiny_model(6);
    rollouts r;
    rollouts_init(&r, 7);
    masa_sequence kept[ROLLOUTS];
    size_t n = 0;
    for (size_t i = 0; i < ROLLOUTS; i++) {
        if (i % 3 == 1 || i / ROLLOUTS_PER_GROUP == 2) r.sequences[i].advantage = 0;
        else kept[n++] = r.sequences[i];
    }
    masa_trainer_options options = {.tokens_per_pass = 70, .temperature = 1};
    masa_trainer_stats all, some;
    float *want = gradient_of(model, &options, r.sequences, ROLLOUTS, &all);
    float *got = gradient_of(model, &options, kept, n, &some);
    assert_close(got, want, masa_model_parameter_count(model), 2e-5);
    assert_near(all.objective.loss, some.objective.loss, 1e-7);
    assert_true(some.packed_tokens < all.packed_tokens);
    free(want), free(got);
    masa_model_destroy(model);
}

static void gradients_add_up(void **state)
{
    (void)state;
    masa_model *model = tiny_model(8);
    size_t count = masa_model_parameter_count(model);
    masa_trainer *trainer = make_trainer(model, 40);
    rollouts r;
    rollouts_init(&r, 9);
    masa_trainer_stats stats;
    masa_trainer_options options = {.tokens_per_pass = 40, .temperature = 0.9f};
    float *want = gradient_of(model, &options, r.sequences, ROLLOUTS, &stats);
    tiny_zero_grads(model);
    for (size_t i = 0; i < ROLLOUTS; i += ROLLOUTS / 2)
        assert_int_equal(
            masa_trainer_accumulate(trainer, r.sequences + i, ROLLOUTS / 2, &grpo, NULL, NULL),
            MASA_OK);
    assert_close(masa_model_grads(model), want, count, 2e-5);
    free(want);
    masa_trainer_destroy(trainer);
    masa_model_destroy(model);
}

/* All continuations of a prompt by one token: more targets than one pass has room for. */
static void temperature_is_part_of_the_policy(void **state)
{
    (void)state;
    masa_model *model = tiny_model(10);
    int32_t prompt[] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4},
            all[TINY_VOCAB];
    masa_sequence s[TINY_VOCAB];
    float logprobs[2][TINY_VOCAB];
    double entropy[2];
    for (int k = 0; k < 2; k++) {
        masa_trainer_options options = {.tokens_per_pass = 21, .temperature = k ? 0.5f : 1};
        masa_trainer *trainer = NULL;
        assert_int_equal(masa_trainer_create(&trainer, model, &options, NULL), MASA_OK);
        assert_int_equal(masa_trainer_longest(trainer), 21);
        for (int v = 0; v < TINY_VOCAB; v++) {
            all[v] = v;
            s[v] = (masa_sequence){.prompt = prompt,
                                   .prompt_size = 20,
                                   .response = &all[v],
                                   .response_size = 1,
                                   .logprobs = &logprobs[k][v]};
        }
        assert_int_equal(masa_trainer_logprobs(trainer, s, TINY_VOCAB, &entropy[k], NULL),
                         MASA_OK);
        masa_trainer_destroy(trainer);
    }
    double sum[2] = {0}, h[2] = {0};
    for (int v = 0; v < TINY_VOCAB; v++)
        sum[0] += exp(logprobs[0][v]), sum[1] += exp(2 * logprobs[0][v]);
    assert_near(sum[0], 1, 1e-5);
    for (int v = 0; v < TINY_VOCAB; v++) {
        double want = 2 * (double)logprobs[0][v] - log(sum[1]);
        assert_near(logprobs[1][v], want, 1e-5);
        h[0] -= exp(logprobs[0][v]) * logprobs[0][v];
        h[1] -= exp(want) * want;
    }
    for (int k = 0; k < 2; k++) assert_near(entropy[k], h[k], 1e-5);
    masa_model_destroy(model);
}

static void too_long_a_sequence_is_an_error(void **state)
{
    (void)state;
    masa_model *model = tiny_model(12);
    rollouts r;
    rollouts_init(&r, 13);
    size_t longest = 0;
    for (size_t i = 0; i < ROLLOUTS; i++) {
        size_t length = r.sequences[i].prompt_size + r.sequences[i].response_size;
        if (length > longest) longest = length;
    }
    for (size_t tokens = longest - 1; tokens <= longest; tokens++) {
        masa_trainer *trainer = make_trainer(model, tokens);
        masa_error err = {0};
        masa_status want = tokens == longest ? MASA_OK : MASA_ERR_DATA;
        tiny_zero_grads(model);
        assert_int_equal(
            masa_trainer_accumulate(trainer, r.sequences, ROLLOUTS, &grpo, NULL, &err), want);
        assert_int_equal(masa_trainer_logprobs(trainer, r.sequences, ROLLOUTS, NULL, &err),
                         want);
        assert_int_equal(strstr(err.message, "tokens_per_pass") != NULL, want != MASA_OK);
        double sum = 0;
        for (size_t i = 0; i < masa_model_parameter_count(model); i++)
            sum += fabsf(masa_model_grads(model)[i]);
        assert_int_equal(sum > 0, want == MASA_OK);
        masa_trainer_destroy(trainer);
    }
    masa_model_destroy(model);
}

static void what_the_model_does_not_have_is_an_error(void **state)
{
    (void)state;
    masa_model *model = tiny_model(12);
    masa_trainer *trainer = make_trainer(model, 300);
    int32_t tokens[200] = {0}, unknown[] = {5, TINY_VOCAB}, negative[] = {-1};
    assert_int_equal(masa_trainer_longest(trainer), 128);
    const struct {
        masa_sequence sequence;
        masa_status want;
    } cases[] = {
        {{.prompt = tokens, .prompt_size = 100, .response = tokens, .response_size = 28},
         MASA_OK},
        {{.prompt = tokens, .prompt_size = 100, .response = tokens, .response_size = 29},
         MASA_ERR_DATA},
        {{.prompt = unknown, .prompt_size = 1, .response = tokens, .response_size = 3},
         MASA_OK},
        {{.prompt = unknown, .prompt_size = 2, .response = tokens, .response_size = 3},
         MASA_ERR_DATA},
        {{.prompt = tokens, .prompt_size = 1, .response = unknown, .response_size = 2},
         MASA_ERR_DATA},
        {{.prompt = negative, .prompt_size = 1, .response = tokens, .response_size = 1},
         MASA_ERR_DATA}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(masa_trainer_logprobs(trainer, &cases[i].sequence, 1, NULL, NULL),
                         cases[i].want);
    masa_trainer_destroy(trainer);
    masa_model_destroy(model);
}

static masa_status accumulate(masa_trainer *trainer, const rollouts *r)
{
    masa_error err = {0};
    masa_status st =
        masa_trainer_accumulate(trainer, r->sequences, ROLLOUTS, &grpo, NULL, &err);
    assert_int_equal(st != MASA_OK, err.message[0] != 0);
    return st;
}

static void what_is_no_number_is_an_error(void **state)
{
    (void)state;
    masa_model *model = tiny_model(14);
    masa_trainer *trainer = make_trainer(model, 30);
    rollouts r, bad;
    rollouts_init(&r, 15);
    add_policies(&r, trainer, false);
    assert_int_equal(accumulate(trainer, &r), MASA_OK);
    bad = r;
    bad.sequences[7].advantage = NAN;
    assert_int_equal(accumulate(trainer, &bad), MASA_ERR_NUMERIC);
    bad = r;
    r.old[6][1] = NAN;
    assert_int_equal(accumulate(trainer, &bad), MASA_ERR_NUMERIC);
    /* Without old log-probabilities the loss is blind to the model's. */
    for (size_t i = 0; i < ROLLOUTS; i++) bad.sequences[i].old_logprobs = NULL;
    assert_int_equal(accumulate(trainer, &bad), MASA_OK);
    masa_model_values(model)[5] = NAN;
    masa_model_refresh(model);
    assert_int_equal(accumulate(trainer, &bad), MASA_ERR_NUMERIC);
    assert_int_equal(masa_trainer_logprobs(trainer, r.sequences, ROLLOUTS, NULL, NULL),
                     MASA_ERR_NUMERIC);
    masa_trainer_destroy(trainer);
    masa_model_destroy(model);
}

static void memory_is_told_before(void **state)
{
    (void)state;
    masa_model *model = tiny_model(18);
    const masa_model_config *c = masa_model_get_config(model);
    masa_trainer_options small = {.tokens_per_pass = 100}, large = {.tokens_per_pass = 1000};
    size_t few = masa_trainer_bytes(c, MASA_F32, &small, true);
    size_t many = masa_trainer_bytes(c, MASA_F32, &large, true);
    /* At least the activations of 900 tokens more: two layers' residuals, and so on. */
    assert_true(many > few + 900 * 2 * 16 * sizeof(float) && many < 20 * few);
    large.recompute = true;
    assert_true(masa_trainer_bytes(c, MASA_F32, &large, true) < many);
    assert_true(masa_trainer_bytes(c, MASA_F32, &large, false) < many);
    large.tokens_per_pass = SIZE_MAX / 64;
    assert_true(masa_trainer_bytes(c, MASA_F32, &large, true) == SIZE_MAX);
    masa_model_destroy(model);
}

static void nothing_is_fine(void **state)
{
    (void)state;
    masa_model *model = tiny_model(16);
    masa_trainer *trainer = make_trainer(model, 30);
    rollouts r;
    rollouts_init(&r, 17);
    double entropy = 7;
    assert_int_equal(masa_trainer_logprobs(trainer, r.sequences, 0, &entropy, NULL), MASA_OK);
    assert_near(entropy, 0, 0);
    r.sequences[0].response_size = 0;
    masa_trainer_stats stats = {0};
    assert_int_equal(masa_trainer_accumulate(trainer, r.sequences, 1, &grpo, &stats, NULL),
                     MASA_OK);
    assert_near(stats.objective.tokens, 0, 0);
    /* Between others it changes nothing. */
    assert_int_equal(masa_trainer_accumulate(trainer, r.sequences, 3, &grpo, &stats, NULL),
                     MASA_OK);
    assert_near(stats.objective.tokens,
                (double)(r.sequences[1].response_size + r.sequences[2].response_size), 0);
    masa_trainer_destroy(trainer);
    masa_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradient_of_every_objective_matches_differences),
        cmocka_unit_test(gradient_of_supervised_loss_matches_differences),
        cmocka_unit_test(packing_does_not_change_the_gradient),
        cmocka_unit_test(flops_are_those_of_every_pass),
        cmocka_unit_test(prompts_have_states),
        cmocka_unit_test(zero_advantages_can_be_left_out),
        cmocka_unit_test(gradients_add_up),
        cmocka_unit_test(temperature_is_part_of_the_policy),
        cmocka_unit_test(too_long_a_sequence_is_an_error),
        cmocka_unit_test(what_the_model_does_not_have_is_an_error),
        cmocka_unit_test(what_is_no_number_is_an_error),
        cmocka_unit_test(memory_is_told_before),
        cmocka_unit_test(nothing_is_fine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
