/* The page on a made run whose every text is hostile. */
#include "masa_test.h"

#include <masa/file.h>
#include <masa/report.h>
#include <masa/run_folder.h>
#include <masa/text.h>

#include "html.h"
#include "plot.h"
#include "plot_axis.h"

static char folder[] = "/tmp/masa-report-XXXXXX";

#define HOSTILE "</pre><script>alert('x')</script>\"&\x01\xff"

static void add_solution(masa_store *store, long step, long prompt, long sample)
{
    masa_store_rollout r = {.step = step,
                            .prompt = prompt,
                            .problem = "p" HOSTILE,
                            .kind = "solution",
                            .sample = sample,
                            .prompt_text = "q" HOSTILE,
                            .text = sample ? "right" HOSTILE : "wrong" HOSTILE,
                            .answer = "a" HOSTILE,
                            .prompt_tokens = 9,
                            .tokens = 20,
                            .reward = (double)sample,
                            .cause = "eos",
                            .logprob = NAN,
                            .extracted = sample ? "found" HOSTILE : NULL,
                            .correct = sample != 0,
                            .said = HOSTILE};
    assert_int_equal(masa_store_add_rollout(store, &r, NULL), MASA_OK);
}

/* Early predictions say 0 whatever is true; late ones are right but for one. */
static void add_meta(masa_store *store, long step, long prompt)
{
    int truth = (int)(prompt * 2), said = step < 3 ? 0 : prompt == 4 ? 1 : truth;
    masa_store_prediction p = {.pass_rate = said,
                               .length = prompt == 2 ? 900 : 40,
                               .notions = "[\"<b>\"]",
                               .cause_pass_rate = "valid",
                               .cause_length = "valid",
                               .cause_notions = "valid",
                               .difficulty = 0.5,
                               .length_reward = 1,
                               .notion_reward = 0.25,
                               .true_pass_rate = truth / 8.0,
                               .true_length = 40 + (double)prompt};
    if (prompt == 3)
        p = (masa_store_prediction){-1,  -1,  "[]", "<missing>", "missing", "missing",
                                    NAN, NAN, NAN,  NAN,         NAN};
    masa_store_rollout r = {.step = step,
                            .prompt = prompt,
                            .problem = "p",
                            .kind = "meta",
                            .prompt_text = "m" HOSTILE,
                            .text = "<meta>" HOSTILE,
                            .tokens = 30,
                            .answer = "4",
                            .reward = 0.5,
                            .cause = "eos",
                            .prediction = &p};
    assert_int_equal(masa_store_add_rollout(store, &r, NULL), MASA_OK);
}

static void add_decisions(masa_store *store, long step)
{
    const masa_store_decision rows[] = {
        {step, 0, "p", "gate", true, 0, 0, 1, NULL},
        {step, 1, "p", "gate", false, 1, 0, 1, NULL},
        {step, 1, "p", "audit", true, 1, 0, step == 3, NULL},
        {step, 1, "p", "cutoff", true, 30, 2, 45, "{\"rollouts\":4,\"cut\":1}"},
        {step, 2, "p", "cutoff", false, 90, 2, 128, "not json"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(masa_store_add_decision(store, &rows[i], NULL), MASA_OK);
}

static void make_run(const char *name, bool meta)
{
    masa_config config;
    masa_run *run = NULL;
    char *path = masa_path_join(folder, name);
    const char *set[] = {"data.suffix=" HOSTILE, meta ? "train.seed=2" : "train.seed=1"};
    assert_int_equal(masa_config_load(&config, NULL, NULL, set, 2, NULL), MASA_OK);
    assert_int_equal(masa_run_create(&run, path, &config, NULL), MASA_OK);
    masa_store *store = masa_run_store(run);
    masa_run_add_metric(run, 0, "eval_accuracy", 0.25, NULL);
    for (long step = 1; step <= 4; step++) {
        masa_run_add_metric(run, step, "reward", 0.1 * (double)step, NULL);
        masa_run_add_metric(run, step, "grad_norm", step == 2 ? NAN : 1, NULL);
        masa_run_add_metric(run, step, "total_tokens", 1e5 * (double)step, NULL);
        masa_run_add_metric(run, step, "seconds_rollouts", 30, NULL);
        masa_run_add_metric(run, step, "odd<i>metric", 5, NULL);
        masa_run_add_metric(run, step, "eval_accuracy", 0.25 + 0.1 * (double)step, NULL);
        for (long sample = 0; sample < 2; sample++) add_solution(store, step, 0, sample);
        for (long prompt = 0; meta && prompt < 5; prompt++) add_meta(store, step, prompt);
        if (meta && step >= 3) add_decisions(store, step);
    }
    masa_run_close(run);
    masa_config_deinit(&config);
    free(path);
}

/* Forecasts of one pass, and a gate that left out one prompt a step and was audited. */
static void make_foretold(void)
{
    masa_config config;
    masa_run *run = NULL;
    char *path = masa_path_join(folder, "foretold");
    assert_int_equal(masa_config_load(&config, NULL, NULL, NULL, 0, NULL), MASA_OK);
    assert_int_equal(masa_run_create(&run, path, &config, NULL), MASA_OK);
    for (long step = 1; step <= 3; step++) {
        const masa_store_decision rows[] = {
            {step, 0, "p", "forecast", true, 0.1, 0.1, 0, NULL},
            {step, 1, "p", "forecast", true, 0.9, 0.1, 0.75, NULL},
            {step, 2, "p", "gate", true, 0, 0, 1, NULL},
            {step, 3, "p", "audit", true, 0, 0, 1, NULL},
        };
        static const struct {
            const char *name;
            double value;
        } metrics[] = {{"gated", 1},          {"audited", 1},
                       {"audited_flat", 1},   {"gate_open", 4},
                       {"gate_open_flat", 1}, {"given_up", 2},
                       {"pilots_audited", 1}, {"pilots_audited_flat", 1}};
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            assert_int_equal(masa_store_add_decision(masa_run_store(run), &rows[i], NULL),
                             MASA_OK);
        for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
            masa_run_add_metric(run, step, metrics[i].name, metrics[i].value, NULL);
    }
    masa_run_close(run);
    masa_config_deinit(&config);
    free(path);
}

/* Five steps of supervised training, of which the setting train.steps says nothing. */
static void make_supervised(void)
{
    masa_config config;
    masa_run *run = NULL;
    char *path = masa_path_join(folder, "sft");
    assert_int_equal(masa_config_load(&config, NULL, NULL, NULL, 0, NULL), MASA_OK);
    assert_int_equal(masa_run_create(&run, path, &config, NULL), MASA_OK);
    assert_int_equal(masa_store_set_info(masa_run_store(run), "steps", "5", NULL), MASA_OK);
    for (long step = 1; step <= 5; step++) {
        masa_run_add_metric(run, step, "loss", 1.0 / (double)step, NULL);
        masa_run_add_metric(run, step, "heldout_loss", step == 5 ? 0.5 : NAN, NULL);
        masa_run_add_metric(run, step, "loss_again", 1.0 / (double)step, NULL);
        masa_run_add_metric(run, step, "never", NAN, NULL);
    }
    masa_store_add_event(masa_run_store(run), 3, "slower", "why <b>", NULL);
    masa_run_close(run);
    masa_config_deinit(&config);
    free(path);
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    make_run("plain<u>", false);
    make_run("meta", true);
    make_supervised();
    make_foretold();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return masa_folder_remove(folder, NULL) != MASA_OK;
}

static masa_text page_on(const char *const *names, size_t n)
{
    char *paths[4] = {NULL};
    const char *folders[4];
    masa_text page = {0};
    masa_error err = {0};
    for (size_t i = 0; i < n; i++) folders[i] = paths[i] = masa_path_join(folder, names[i]);
    if (masa_report_html(&page, folders, n, &err)) fail_msg("%s", err.message);
    for (size_t i = 0; i < n; i++) free(paths[i]);
    return page;
}

static void assert_says(const masa_text *page, const char *part)
{
    if (!strstr(masa_text_get(page), part)) fail_msg("'%s' is not in the page", part);
}

static size_t count(const masa_text *page, const char *part)
{
    size_t n = 0;
    for (const char *p = masa_text_get(page); (p = strstr(p, part)); p++) n++;
    return n;
}

static void texts_are_never_markup(void **state)
{
    (void)state;
    const char *names[] = {"meta", "plain<u>"};
    masa_text page = page_on(names, 2);
    assert_null(strstr(page.data, "<script"));
    assert_null(strstr(page.data, "<u>"));
    assert_null(strstr(page.data, "<i>"));
    assert_null(strstr(page.data, "<missing>"));
    assert_null(strchr(page.data, '\x01'));
    assert_int_equal(masa_utf8_complete(page.data, page.size), page.size);
    assert_says(&page, "right&lt;/pre&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;"
                       "&amp;\xEF\xBF\xBD\xEF\xBF\xBD");
    assert_says(&page, "m&lt;/pre&gt;");
    assert_says(&page, "odd&lt;i&gt;metric");
    assert_says(&page, "default-src 'none'");
    assert_int_equal(count(&page, "<pre>"), count(&page, "</pre>"));
    assert_int_equal(count(&page, "<svg"), count(&page, "</svg>"));
    assert_int_equal(count(&page, "http:") + count(&page, "https:"), 0);
    masa_text_deinit(&page);
}

static void everything_of_a_run_is_there(void **state)
{
    (void)state;
    const char *names[] = {"meta", "plain<u>"};
    masa_text page = page_on(names, 2);
    assert_says(&page, "4 of 100<td>25.0 %<td>65.0 %<td>65.0 %<td>0.4<td>2<td>-<td>0");
    assert_says(&page, "<figcaption>reward</figcaption>");
    assert_null(strstr(page.data, "<figcaption>entropy")); /* not recorded: no empty plot */
    assert_says(&page, "train.seed (2, 1)");
    assert_null(strstr(page.data, "=\"nan")); /* no place is not a number */
    assert_null(strstr(page.data, "=\"inf"));
    masa_text_deinit(&page);
}

static void predictions_are_measured_early_and_late(void **state)
{
    (void)state;
    const char *names[] = {"meta"};
    masa_text page = page_on(names, 1);
    assert_says(&page, "Predictions: meta");
    assert_says(&page, "meta rollouts<td>5<td>5\n");
    /* early: always 0, which correlates with nothing; late: one of four is 7/8 off */
    assert_says(&page, "pass rate: correlation with the truth<td>-<td>");
    assert_says(&page, "pass rate: mean absolute error<td>0.438<td>0.219\n");
    assert_says(&page, "length: mean absolute error (tokens)<td>215.8<td>215.8\n");
    assert_says(&page, "reward of the notions<td>0.250<td>0.250\n");
    assert_says(&page, "pass rate: &lt;missing&gt;<td>20.0 %<td>20.0 %\n");
    assert_says(&page, "A misaligned prediction: pass rate 0.12 predicted, 1.00 true");
    assert_says(&page, "A misaligned prediction: length 900 tokens predicted, 42 tokens true");
    assert_says(&page, "A good prediction: pass rate 0.00 predicted, 0.00 true");
    assert_says(&page, "2 more rolled out to see: 1 of them had no variance (precision 0.50)");
    assert_says(&page, "<td>4<td>2<td>at 45 tokens on average; 2 of 8 rollouts were stopped");
    masa_text_deinit(&page);
    const char *plain[] = {"plain<u>"};
    page = page_on(plain, 1);
    assert_null(strstr(page.data, "Predictions"));
    assert_null(strstr(page.data, "Decisions"));
    masa_text_deinit(&page);
}

/* Of two closed, both without variance, and four open with one: 3 of 6 have none. */
static void forecasts_and_the_gate_are_measured(void **state)
{
    (void)state;
    const char *names[] = {"foretold"};
    masa_text page = page_on(names, 1);
    assert_says(&page, "forecasts of one pass<td>2<td>2\n");
    assert_says(&page, "pass rate: correlation with the truth<td>1.000<td>1.000\n");
    assert_says(&page, "pass rate: mean absolute error<td>0.125<td>0.125\n");
    assert_says(&page, "<tr><td>0.9 to 1.0<td>1<td>0.750<td>1<td>0.750");
    assert_says(&page, "<tr><td>calibration error<td>2<td>0.125<td>2<td>0.125");
    assert_says(&page, "(precision 1.00 where 0.50 of all prompts have none: lift 2.00; recall "
                       "0.67, F1 0.80)");
    assert_says(&page, "<td>6<td>3 more sampled whole to see: 3 of them had no variance");
    masa_text_deinit(&page);
}

static void supervised_training_shows_its_loss(void **state)
{
    (void)state;
    const char *names[] = {"sft"};
    masa_text page = page_on(names, 1);
    const char *more = strstr(page.data, "All other metrics");
    const char *loss = strstr(page.data, "<figcaption>loss</figcaption>");
    assert_true(loss && loss < more);
    assert_says(&page, "<td>5 of 5<td>");
    assert_says(&page, "<figcaption>heldout_loss</figcaption>");
    assert_says(&page, "<p>loss_again is as loss.\n"); /* no plot twice */
    assert_int_equal(count(&page, "<figcaption>"), 2);
    assert_says(&page, "<li>step 3: why &lt;b&gt;\n");
    masa_text_deinit(&page);
}

static void what_is_no_run_is_an_error(void **state)
{
    (void)state;
    const char *folders[] = {"/tmp/masa-report-none"};
    masa_text page = {0};
    masa_error err = {0};
    assert_int_equal(masa_report_html(&page, folders, 1, &err), MASA_ERR_IO);
    assert_non_null(strstr(err.message, "/tmp/masa-report-none"));
    assert_int_equal(page.size, 0);
}

static void a_grid_counts_pairs(void **state)
{
    (void)state;
    const double x[] = {0, 1, 0.5, 0.06, 7}, y[] = {0, 1, 0.5, 0.07, -3};
    plot_grid g = plot_grid_make(9, 1, true, x, y, 5);
    assert_int_equal(g.counts[0], 1);         /* 0, 0; its cell reaches to 1/16 */
    assert_int_equal(g.counts[9 * 8 + 8], 1); /* 1, 1 */
    assert_int_equal(g.counts[9 * 4 + 4], 1);
    assert_int_equal(g.counts[9 * 1 + 0], 1); /* 0.06 is nearer to 0, 0.07 to 1/8 */
    assert_int_equal(g.counts[8], 1);         /* beyond both ends */
    plot_grid_deinit(&g);
    g = plot_grid_make(2, 10, false, x, y, 5);
    assert_int_equal(g.counts[0], 4);
    assert_int_equal(g.counts[1], 1);
    plot_grid_deinit(&g);
}

static void ticks_are_round(void **state)
{
    (void)state;
    static const double cases[][4] = {{0, 1, 5, 0.2},
                                      {0, 100, 6, 20},
                                      {0.3, 0.31, 5, 0.002},
                                      {-1e-9, 1e-9, 4, 5e-10},
                                      {0, 1e15, 5, 2e14}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        axis a = axis_make(cases[i][0], cases[i][1], 0, 100);
        assert_near(axis_step(&a, (int)cases[i][2]) / cases[i][3], 1, 1e-9);
    }
    axis flat = axis_make(3, 3, 0, 100);
    assert_true(flat.low < 3 && flat.high > 3);
    assert_near(axis_place(&flat, 3), 50, 1e-9);
}

static void long_lines_are_averaged(void **state)
{
    (void)state;
    enum { N = 10000 };
    static double x[N], y[N];
    for (int i = 0; i < N; i++) x[i] = i, y[i] = i % 2;
    plot_line line = {.x = x, .y = y, .n = N, .look = 3, .label = "l<"};
    masa_text out = {0};
    plot_lines(&out, "t<", "x", &line, 1);
    assert_true(out.size < 16384);
    assert_says(&out, "class=\"line3\"");
    assert_says(&out, "l&lt;");
    assert_null(strstr(out.data, "<circle"));
    masa_text_clear(&out);
    y[0] = y[1] = NAN;
    line.n = 2;
    plot_lines(&out, "t", "x", &line, 1); /* no point */
    assert_int_equal(out.size, 0);
    masa_text_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_never_markup),
        cmocka_unit_test(everything_of_a_run_is_there),
        cmocka_unit_test(predictions_are_measured_early_and_late),
        cmocka_unit_test(forecasts_and_the_gate_are_measured),
        cmocka_unit_test(supervised_training_shows_its_loss),
        cmocka_unit_test(what_is_no_run_is_an_error),
        cmocka_unit_test(a_grid_counts_pairs),
        cmocka_unit_test(ticks_are_round),
        cmocka_unit_test(long_lines_are_averaged),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
