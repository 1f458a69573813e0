/* masa eval on a tiny random model, as a user calls it. */
#include "tiny_llama.h"

#include <jansson.h>
#include <masa/code.h>
#include <masa/config.h>
#include <masa/lora.h>
#include <masa/memory.h>
#include <masa/run_folder.h>
#include <masa/text.h>
#include <grp.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char root[] = "/tmp/masa-cli-eval-XXXXXX";
static char output[1 << 16], errors[1 << 16];

static void write_file(const char *name, const char *text)
{
    char *path = masa_path_join(root, name);
    assert_int_equal(masa_file_write(path, text, strlen(text), NULL), MASA_OK);
    free(path);
}

static int make_root(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    char *model = masa_path_join(root, "model");
    tiny_llama_save(model, 12);
    free(model);
    write_file("own.jsonl", "{\"id\":\"one\",\"problem\":\"abc\",\"answer\":\"x\"}\n"
                            "{\"id\":\"two\",\"problem\":\"on on\",\"answer\":7}\n"
                            "{\"problem\":\"er\",\"answer\":\"ab\",\"kind\":\"choice\","
                            "\"options\":[\"x\",\"y\"]}\n");
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    return masa_folder_remove(root, NULL) != MASA_OK;
}

static void read_all(char *to, size_t size, const char *name)
{
    char *path = masa_path_join(root, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    to[fread(to, 1, size - 1, file)] = '\0';
    fclose(file);
    free(path);
}

#define MODEL " --model model --chat-template chatml --compute f32 --suffix '' "

/* Runs `masa eval ARGUMENTS` in the folder; fills output and errors. */
static int masa_eval(const char *arguments)
{
    char line[2048];
    snprintf(line, sizeof line, "cd '%s' && '%s' eval %s >output 2>errors", root, MASA_PROGRAM,
             arguments);
    int status = system(line);
    read_all(output, sizeof output, "output");
    read_all(errors, sizeof errors, "errors");
    return WEXITSTATUS(status);
}

static void assert_done(const char *arguments)
{
    if (masa_eval(arguments) != 0) fail_msg("masa eval %s: %s", arguments, errors);
}

static void assert_fails(const char *arguments, int status, const char *says)
{
    int got = masa_eval(arguments);
    if (got != status || !strstr(errors, says))
        fail_msg("masa eval %s: %d, expected '%s', got: %s", arguments, got, says, errors);
}

/* A number from a file of results. */
static long count(const char *file, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    char *path = masa_path_join(root, file);
    long value = -1;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = (long)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    free(path);
    return value;
}

static void change(const char *file, const char *sql)
{
    sqlite3 *db = NULL;
    char *path = masa_path_join(root, file);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    free(path);
}

static void fix_choice(void)
{
    write_file("own.jsonl", "{\"id\":\"one\",\"problem\":\"abc\",\"answer\":\"x\"}\n"
                            "{\"id\":\"two\",\"problem\":\"on on\",\"answer\":7}\n"
                            "{\"problem\":\"er\",\"answer\":\"B\",\"kind\":\"choice\","
                            "\"options\":[\"x\",\"y\"]}\n");
}

static void own_problems(void **state)
{
    (void)state;
    assert_fails("--problems own.jsonl" MODEL "-n 2 -l 8", 1,
                 "own.jsonl:3: \"answer\" must be");
    fix_choice();
    assert_done("--problems own.jsonl" MODEL "-n 4 -l 8 -o own.sqlite");
    assert_non_null(strstr(output, "avg@n"));
    assert_non_null(strstr(output, "own                        3    4 "));
    assert_non_null(strstr(errors, "12/12 samples"));
    assert_int_equal(count("own.sqlite", "SELECT count(*) FROM samples WHERE verdict NOT NULL"),
                     12);
    assert_int_equal(count("own.sqlite", "SELECT max(tokens) <= 8 FROM samples"), 1);
    /* A response that its limit ended has no answer. */
    assert_int_equal(count("own.sqlite",
                           "SELECT count(*) FROM samples WHERE cause = 'length' AND"
                           " verdict != 'no_answer'"),
                     0);
    assert_done("--json own.sqlite");
    json_t *line = json_loads(output, 0, NULL);
    const char *name;
    int problems, samples;
    double accuracy, truncated, tokens, pass;
    assert_int_equal(json_unpack(line, "{s:s,s:i,s:i,s:F,s:F,s:F,s:{s:F}}", "benchmark", &name,
                                 "problems", &problems, "samples", &samples, "accuracy",
                                 &accuracy, "truncated", &truncated, "tokens", &tokens, "pass",
                                 "4", &pass),
                     0);
    assert_string_equal(name, "own");
    assert_int_equal(problems * samples, 12);
    assert_true(pass >= accuracy);
    long cut = count("own.sqlite", "SELECT count(*) FROM samples WHERE cause = 'length'");
    assert_near(truncated, (double)cut / 12, 1e-8);
    json_decref(line);
}

/* Rows of both files are the same, but for how long they took. */
static void assert_same_samples(const char *a, const char *b)
{
    char sql[512], *path = masa_path_join(root, b);
    snprintf(sql, sizeof sql, "ATTACH '%s' AS other", path);
    free(path);
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    path = masa_path_join(root, a);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    free(path);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT count(*), sum(x.text IS y.text AND x.tokens = y.tokens AND"
                           " x.cause = y.cause AND x.verdict IS y.verdict),"
                           " (SELECT count(*) FROM other.samples)"
                           " FROM main.samples AS x JOIN other.samples AS y"
                           " USING (problem, kind, sample)",
                           -1, &statement, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int joined = sqlite3_column_int(statement, 0);
    assert_true(joined > 0);
    assert_int_equal(sqlite3_column_int(statement, 1), joined);
    assert_int_equal(sqlite3_column_int(statement, 2), joined);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void limits_and_batches_do_not_matter(void **state)
{
    (void)state;
    fix_choice();
    assert_done("--problems own.jsonl" MODEL "-n 4 -l 40 -o found.sqlite --answer-rules whole");
    const char *found = strstr(errors, "own: answers found by whole: ");
    assert_non_null(found); /* one line says which rule found what */
    assert_null(strstr(found + 20, "answers found"));
    assert_done("--problems own.jsonl" MODEL "-n 4 -l 40 -o found.sqlite --answer-rules whole");
    assert_null(strstr(errors, "answers found")); /* nothing new */
    assert_done("--problems own.jsonl" MODEL "-n 4 -l 40 -o whole.sqlite");
    assert_done("--problems own.jsonl" MODEL "-n 4 -l 40 -o parts.sqlite --limit 1 --batch 3");
    assert_int_equal(count("parts.sqlite", "SELECT count(*) FROM samples"), 4);
    /* Fewer samples first, then all: what is there is not sampled again. */
    assert_done("--problems own.jsonl" MODEL "-n 4 -l 40 -o parts.sqlite --batch 1");
    assert_non_null(strstr(errors, "own: 4 of 12 samples are there already"));
    assert_same_samples("whole.sqlite", "parts.sqlite");
    assert_done("--problems own.jsonl" MODEL "-n 4 -l 40 -o parts.sqlite");
    assert_non_null(strstr(errors, "own: 12 of 12 samples are there already"));
    assert_fails("--problems own.jsonl" MODEL "-n 4 -l 40 -o parts.sqlite --seed 2", 1,
                 "seed 1, not 2");
    assert_fails("--problems own.jsonl" MODEL "-n 4 -l 41 -o parts.sqlite", 1, "max_tokens 40");
    assert_done("--problems own.jsonl" MODEL "-n 4 -l 40 -o other.sqlite --seed 2");
    assert_int_not_equal(count("other.sqlite", "SELECT sum(tokens) FROM samples"),
                         count("whole.sqlite", "SELECT sum(tokens) FROM samples"));
}

static pid_t begin(const char *arguments)
{
    char line[1024];
    snprintf(line, sizeof line, "cd '%s' && exec '%s' eval %s >/dev/null 2>errors", root,
             MASA_PROGRAM, arguments);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    return child;
}

/* Starts an evaluation of some seconds and waits until the first of it is on the disk. */
static pid_t start(const char *out)
{
    char arguments[256];
    snprintf(arguments, sizeof arguments, "--problems many.jsonl" MODEL "-n 16 -l 60 -o %s",
             out);
    pid_t child = begin(arguments);
    for (int i = 0; i < 6000 && count(out, "SELECT count(*) FROM samples") < 1; i++) {
        assert_int_equal(waitpid(child, NULL, WNOHANG), 0); /* it still runs */
        usleep(10000);
    }
    return child;
}

static void a_kill_loses_nothing(void **state)
{
    (void)state;
    masa_text many = {0};
#ifdef __SANITIZE_ADDRESS__ /* takes longer to end there */
    enum { PROBLEMS = 100 };
#else
    enum { PROBLEMS = 256 };
#endif
    for (int i = 0; i < PROBLEMS; i++)
        masa_text_addf(&many, "{\"problem\":\"%c %c\",\"answer\":\"y\"}\n", 'a' + i % 26,
                       'a' + i / 26);
    write_file("many.jsonl", masa_text_get(&many));
    masa_text_deinit(&many);
    assert_done("--problems many.jsonl" MODEL "-n 16 -l 60 -o whole-many.sqlite");
    static const char all[] = "SELECT count(*) FROM samples";
    assert_int_equal(count("whole-many.sqlite", all), PROBLEMS * 16);
    static const int signals[] = {SIGKILL, SIGINT, SIGTERM};
    static const char *const files[] = {"killed.sqlite", "interrupted.sqlite", "ended.sqlite"};
    for (int i = 0; i < 3; i++) {
        int status;
        const char *file = files[i];
        char again[256];
        pid_t child = start(file);
        time_t asked = time(NULL);
        kill(child, signals[i]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(time(NULL) - asked < 10); /* within seconds */
        if (i == 0) assert_true(WIFSIGNALED(status));
        else assert_int_equal(WEXITSTATUS(status), 130);
        assert_in_range(count(file, all), 1, PROBLEMS * 16 - 1);
        snprintf(again, sizeof again, "--problems many.jsonl" MODEL "-n 16 -l 60 -o %s", file);
        assert_done(again);
        assert_same_samples("whole-many.sqlite", file);
    }
}

static void a_signal_asks_where_it_stands(void **state)
{
    (void)state;
    int status, done = 0, wanted = 0;
    pid_t child = start("asked.sqlite");
    kill(child, SIGUSR1);
    for (int i = 0; i < 1000; i++, usleep(10000)) {
        read_all(errors, sizeof errors, "errors");
        if (strchr(errors, '\n')) break;
    }
    kill(child, SIGTERM);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 130);
    assert_int_equal(sscanf(errors, "many  %d/%d samples", &done, &wanted), 2);
    assert_in_range(done, 1, wanted - 1);
    read_all(errors, sizeof errors, "errors");
    assert_non_null(strstr(strchr(errors, '\n'), "many  ")); /* it went on, to its end */
}

static void missing_data(void **state)
{
    (void)state;
    assert_fails("--benchmark gsm8k --data-dir nowhere" MODEL, 1,
                 "there is no file nowhere/gsm8k_test.jsonl, the data of gsm8k. "
                 "Get it from: github.com/openai/grade-school-math");
    assert_non_null(strstr(errors, "Form: one JSON object a line."));
    assert_fails("--benchmark gsm9k" MODEL, 2, "no benchmark 'gsm9k'");
    assert_fails("--problems none.jsonl" MODEL, 1, "there is no file none.jsonl");
    assert_done("--list");
    assert_non_null(strstr(output, "gpqa_diamond       choice       gpqa_diamond.jsonl"));
    assert_non_null(strstr(output, "(no file)"));
    assert_done("--list --json");
    json_t *first = json_loads(output, JSON_DISABLE_EOF_CHECK, NULL);
    assert_string_equal(json_string_value(json_object_get(first, "name")), "aime24");
    assert_int_equal(json_integer_value(json_object_get(first, "problems")), 30);
    json_decref(first);
}

static void wrong_use(void **state)
{
    (void)state;
    assert_fails("", 2, "--benchmark");
    assert_fails("--problems own.jsonl x.sqlite" MODEL, 2, "--benchmark");
    assert_fails("--problems own.jsonl", 2, "--model");
    assert_fails("--problems own.jsonl -t 0" MODEL, 2, "--samples 1");
    assert_fails("--problems own.jsonl -n 0" MODEL, 2, "--samples");
    assert_fails("--problems own.jsonl --answer-rules boxd" MODEL, 2, "boxd");
    assert_fails("--compare one.sqlite", 2, "two files");
    assert_fails("nothing.sqlite", 1, "there is no file of results nothing.sqlite");
    write_file("text.sqlite", "this is some text, and no database at all, whatever it says");
    assert_fails("text.sqlite", 1, "not a file of results");
}

static void comparison(void **state)
{
    (void)state;
    fix_choice();
    assert_done("--problems own.jsonl" MODEL "-n 2 -l 8 -o a.sqlite");
    assert_done("--problems own.jsonl" MODEL "-n 2 -l 8 -o b.sqlite");
    /* The second answers the first two problems, the first none. */
    change("a.sqlite", "UPDATE samples SET correct = 0, verdict = 'different'");
    change("b.sqlite", "UPDATE samples SET correct = problem < 3, verdict = 'equal'");
    assert_done("--compare a.sqlite b.sqlite --json");
    json_t *line = json_loads(output, JSON_DISABLE_EOF_CHECK, NULL);
    const char *measure;
    double difference, p;
    int problems;
    assert_int_equal(json_unpack(line, "{s:s,s:F,s:F,s:i}", "measure", &measure, "difference",
                                 &difference, "p_value", &p, "problems", &problems),
                     0);
    assert_string_equal(measure, "accuracy");
    assert_near(difference, 2.0 / 3, 1e-8);
    assert_near(p, 0.5, 1e-12); /* two differences: 2 of 4 sign changes are as far */
    assert_int_equal(problems, 3);
    json_decref(line);
    assert_done("--compare a.sqlite b.sqlite");
    assert_non_null(strstr(output, "+0.6667"));
    change("b.sqlite", "UPDATE benchmarks SET name = 'other'");
    assert_fails("--compare a.sqlite b.sqlite", 1, "no benchmark in common");
}

static void predictions(void **state)
{
    (void)state;
    fix_choice();
    write_file("meta.txt", "{problem} ?");
    assert_done("--problems own.jsonl" MODEL "-n 2 -l 8 -o meta.sqlite --meta --meta-samples 3 "
                "--meta-template meta.txt --meta-max-tokens 9 --length-min 1");
    assert_non_null(strstr(output, "own: 9 predictions for 3 problems"));
    assert_int_equal(count("meta.sqlite", "SELECT count(*) FROM samples WHERE kind = 'meta'"),
                     9);
    /* As if every prediction had been a good one. */
    change("meta.sqlite",
           "UPDATE samples SET correct = problem = 1 WHERE kind = 'solution';"
           "UPDATE samples SET text = '</meta>{\"math_notion\":[\"q\"],\"pass_rate\":' ||"
           " iif(problem = 1, 8, 0) || ',\"solution_length\":' ||"
           " (SELECT tokens FROM samples WHERE problem = 1 AND kind = 'solution') || '}'"
           " WHERE kind = 'meta'");
    assert_done("--json meta.sqlite");
    json_t *line = json_loads(output, 0, NULL);
    double pearson, error, f1, difficulty;
    int valid;
    assert_int_equal(json_unpack(line, "{s:{s:{s:F,s:F},s:{s:F},s:{s:F},s:{s:{s:i}}}}", "meta",
                                 "pass_rate", "pearson", &pearson, "mean_absolute_error",
                                 &error, "gate", "f1", &f1, "rewards", "difficulty",
                                 &difficulty, "causes", "length", "valid", &valid),
                     0);
    assert_near(pearson, 1, 1e-12);
    assert_near(error, 0, 1e-12);
    assert_near(f1, 1, 1e-12);
    assert_near(difficulty, 1, 1e-12);
    assert_int_equal(valid, 9);
    json_decref(line);
    /* One problem that was always right and two that never were: two cells of the square. */
    assert_done("--figure meta.svg meta.sqlite");
    read_all(output, sizeof output, "meta.svg");
    assert_non_null(strstr(output, ">meta.sqlite: own<"));
    assert_non_null(strstr(output, ">3 problems, correlation 1.00<"));
    assert_non_null(strstr(output, "<title>1</title>"));
    assert_non_null(strstr(output, "<title>2</title>"));
    assert_fails("--figure none.svg own.sqlite", 1, "there are no predictions in own.sqlite");
}

static void copy(const char *from, const char *to)
{
    masa_text bytes = {0};
    char *a = masa_path_join(root, from), *b = masa_path_join(root, to);
    assert_int_equal(masa_file_read(&bytes, a, NULL), MASA_OK);
    assert_int_equal(masa_file_write(b, bytes.data, bytes.size, NULL), MASA_OK);
    masa_text_deinit(&bytes);
    free(a);
    free(b);
}

/* The mean reward of the predicted lengths. */
static double length_reward(void)
{
    double reward;
    assert_done("--json judged.sqlite");
    json_t *line = json_loads(output, 0, NULL);
    assert_int_equal(json_unpack(line, "{s:{s:{s:F}}}", "meta", "rewards", "length", &reward),
                     0);
    json_decref(line);
    return reward;
}

/* 7 tokens where right solutions take 8 is wrong, but nearly enough for 95 of 100. */
static void lengths_are_judged_as_they_were_asked_for(void **state)
{
    (void)state;
    copy("meta.sqlite", "judged.sqlite");
    change("judged.sqlite", "UPDATE samples SET tokens = 8 WHERE kind = 'solution';"
                            "UPDATE samples SET text = replace(text, '\"solution_length\":', "
                            "'\"solution_length\":7,\"was\":') WHERE kind = 'meta'");
    assert_near(length_reward(), 0, 0);
    change("judged.sqlite", "UPDATE info SET value = replace(value, '\"length_min\":', "
                            "'\"length_rule\":\"quantile\",\"length_min\":')");
    assert_true(length_reward() > 0.2); /* for one problem of three: the others have none */
}

/* Four checkpoints that solve 0, 1, 2 and 3 of the three problems, a step of ten each: steps
 * alone explain all of it, and share with the rewards what these say alike. */
static void gains(void **state)
{
    (void)state;
    char sql[400];
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "g%d.sqlite", i);
        copy("meta.sqlite", name);
        snprintf(sql, sizeof sql,
                 "UPDATE samples SET correct = problem <= %d, verdict = iif(problem <= %d, "
                 "'equal', 'different') WHERE kind = 'solution';"
                 "UPDATE info SET value = replace(value, '\"model\":\"', "
                 "'\"model\":\"a/step-%06d/')",
                 i, i, 10 * i);
        change(name, sql);
    }
    assert_done("--gain g0.sqlite g1.sqlite g2.sqlite g3.sqlite --json");
    json_t *line = json_loads(output, 0, NULL);
    double r2, steps, difficulty, length, notion;
    int pairs;
    assert_int_equal(json_unpack(line, "{s:i,s:F,s:F,s:F,s:F,s:F}", "pairs", &pairs, "r2", &r2,
                                 "steps", &steps, "difficulty", &difficulty, "length", &length,
                                 "notion", &notion),
                     0);
    assert_int_equal(pairs, 6);
    assert_near(r2, 1, 1e-9);
    assert_near(steps + difficulty + length + notion, 1, 1e-8);
    assert_true(steps > 0.2);
    json_decref(line);
    assert_done("--gain g0.sqlite g1.sqlite g2.sqlite g3.sqlite");
    assert_non_null(strstr(output, "own: R² 1.000 over 6 pairs of 4 results: steps 0."));
    assert_fails("--gain g0.sqlite g1.sqlite", 2, "at least 4 files");
    assert_fails("--gain a.sqlite b.sqlite a.sqlite b.sqlite", 1, "evaluate the checkpoints");
}

static void long_prompts_count_as_wrong(void **state)
{
    (void)state;
    char line[400], letters[200] = {0};
    memset(letters, 'e', sizeof letters - 1); /* over the context of 128 tokens */
    snprintf(line, sizeof line,
             "{\"problem\":\"%s\",\"answer\":1}\n{\"problem\":\"a\",\"answer\":1}\n", letters);
    write_file("long.jsonl", line);
    assert_done("--problems long.jsonl" MODEL "-n 2 -o long.sqlite");
    assert_non_null(strstr(errors, "responses end at the model's context of 128 tokens"));
    assert_non_null(strstr(errors, "1 prompts do not fit"));
    assert_non_null(strstr(output, "50.0 % of the prompts did not fit"));
    assert_int_equal(
        count("long.sqlite", "SELECT count(*) FROM samples WHERE cause = 'prompt'"), 2);
}

/* A benchmark of two programs, of which only the first can be right. */
static void make_code(void)
{
    masa_error err = {0};
    if (masa_code_available(&err) != MASA_OK) skip_since(err.message);
    write_file("code.yaml", "name: code\nfile: code.jsonl\nkind: code\nprompt: '{question}'\n");
    write_file("code.jsonl", "{\"problem\":\"abc\",\"tests\":[\"assert 1 == 1\"]}\n"
                             "{\"problem\":\"ab\",\"tests\":[\"assert 1 == 2\"]}\n");
}

static void programs(void **state)
{
    (void)state;
    make_code();
    assert_done("--benchmark ./code.yaml" MODEL "-n 2 -l 60 -o code.sqlite");
    assert_int_equal(count("code.sqlite", "SELECT count(*) FROM samples WHERE verdict IS NULL"),
                     0);
    /* Judging was broken off: the same command makes up for it, without sampling. */
    change("code.sqlite", "UPDATE samples SET verdict = NULL WHERE cause = 'eos';"
                          "UPDATE samples SET text = '1', cause = 'eos', verdict = NULL");
    assert_done("--benchmark ./code.yaml" MODEL "-n 2 -l 60 -o code.sqlite");
    assert_non_null(strstr(errors, "4 of 4 samples are there already"));
    assert_int_equal(count("code.sqlite",
                           "SELECT count(*) FROM samples WHERE verdict = 'passed'"
                           " AND correct AND problem = 1"),
                     2);
    assert_int_equal(count("code.sqlite",
                           "SELECT count(*) FROM samples WHERE verdict = 'failed'"
                           " AND NOT correct AND problem = 2"),
                     2);
}

/* Programs that take all the time they are given, many times what a stop takes. */
static void a_stop_does_not_wait_for_programs(void **state)
{
    (void)state;
    enum { SAMPLES = 32 };
    static const char line[] = "--benchmark ./code.yaml" MODEL "-n 32 -l 4 -o endless.sqlite";
    static const char judged[] = "SELECT count(*) FROM samples WHERE verdict NOT NULL";
    int status;
    make_code();
    assert_done(line);
    change("endless.sqlite",
           "UPDATE samples SET text = 'while True: pass', cause = 'eos', verdict = NULL");
    pid_t child = begin(line);
    errors[0] = '\0';
    while (!strstr(errors, "are there already")) {
        assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
        usleep(10000);
        read_all(errors, sizeof errors, "errors");
    }
    sleep(1);
    time_t asked = time(NULL);
    kill(child, SIGTERM);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(time(NULL) - asked < 9); /* one program's limit is 10 */
    assert_int_equal(WEXITSTATUS(status), 130);
    assert_int_equal(count("endless.sqlite", judged), 0);
    change("endless.sqlite", "UPDATE samples SET text = '1'");
    assert_done(line);
    assert_int_equal(count("endless.sqlite", judged), 2 * SAMPLES);
    assert_int_equal(count("endless.sqlite", "SELECT sum(correct) FROM samples"), SAMPLES);
}

static void a_run_stands_for_its_checkpoint(void **state)
{
    (void)state;
    masa_config config;
    masa_run *run = NULL;
    masa_run_state at = {.step = 3};
    const char *folder;
    char *path = masa_path_join(root, "run");
    fix_choice();
    static const char *const set[] = {"data.suffix=abc", "data.answer_rules=whole",
                                      "model.chat_template=chatml", "rollout.max_tokens=40"};
    assert_int_equal(masa_config_load(&config, NULL, NULL, set, 4, NULL), MASA_OK);
    assert_int_equal(masa_run_create(&run, path, &config, NULL), MASA_OK);
    assert_fails("--problems own.jsonl --model run", 1, "run has no checkpoint yet");
    assert_int_equal(masa_run_checkpoint_begin(run, 3, &folder, NULL), MASA_OK);
    tiny_llama_save(folder, 12);
    assert_int_equal(masa_run_checkpoint_commit(run, &at, NULL), MASA_OK);
    masa_run_close(run);
    masa_config_deinit(&config);
    free(path);
    assert_done("--problems own.jsonl" MODEL "-n 2 -l 8 -o direct.sqlite");
    assert_done("--problems own.jsonl --model run --chat-template chatml --compute f32 "
                "--suffix '' --answer-rules boxed -n 2 -l 8 -o run.sqlite");
    assert_same_samples("direct.sqlite", "run.sqlite");
    /* What is not given is the run's: its suffix and answer rules here. */
    assert_done("--problems own.jsonl --model run/checkpoints/step-000003 --compute f32 "
                "-n 2 -l 8 -o settings.sqlite");
    assert_int_equal(count("settings.sqlite", "SELECT count(*) FROM problems WHERE prompt ="
                                              " question || ' abc'"),
                     3);
    assert_int_equal(count("settings.sqlite", "SELECT count(*) FROM samples WHERE cause = 'eos'"
                                              " AND problem < 3 AND answer IS NOT text"),
                     0);
    assert_int_equal(
        count("settings.sqlite", "SELECT value LIKE '%\"length_max\":40%' FROM info"), 1);
}

/* The texts of one kind of samples, in order; the caller frees them. */
static char *texts_of(const char *file, const char *kind)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    char *path = masa_path_join(root, file);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT group_concat(hex(text)) FROM (SELECT text FROM "
                                        "samples WHERE kind = ? ORDER BY problem, sample)",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    char *texts = masa_strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    free(path);
    return texts;
}

static void assert_texts(const char *kind, const char *a, const char *b, bool same)
{
    char *left = texts_of(a, kind), *right = texts_of(b, kind);
    if ((strcmp(left, right) == 0) != same)
        fail_msg("%s of %s and %s: %s\n%s", kind, a, b, left, right);
    free(left);
    free(right);
}

/* A checkpoint with the model of MODEL and factors for predictions, and a model that has these
 * merged. */
static void make_predictor(const char *folder, const char *merged)
{
    tiny_llama_save(folder, 12);
    tiny_llama_save(merged, 12);
    char *factors = masa_path_join(folder, MASA_PREDICTOR_FOLDER);
    masa_model *model = tiny_llama(MASA_F32, 12);
    masa_lora_options options = {.rank = 2, .alpha = 4, .targets = "all-linear", .seed = 1};
    masa_lora *lora = NULL;
    assert_int_equal(masa_lora_create(&lora, model, &options, NULL), MASA_OK);
    for (size_t i = 0; i < masa_lora_count(lora); i++)
        masa_lora_values(lora)[i] = 0.1f * (float)((i * 7) % 11) - 0.5f;
    assert_int_equal(masa_folder_create(factors, NULL), MASA_OK);
    assert_int_equal(masa_lora_save(lora, factors, "base", NULL), MASA_OK);
    masa_lora_merge(lora);
    assert_int_equal(masa_model_save(model, merged, MASA_SAVE_F32, NULL), MASA_OK);
    masa_lora_destroy(lora);
    masa_model_destroy(model);
    free(factors);
}

/* A run of one checkpoint, which holds the tiny model, or what make_predictor makes. */
static void make_run(const char *name, const char *const *set, size_t n, const char *merged)
{
    masa_config config;
    masa_run *run = NULL;
    masa_run_state at = {.step = 1};
    const char *folder;
    char *path = masa_path_join(root, name);
    assert_int_equal(masa_config_load(&config, NULL, NULL, set, n, NULL), MASA_OK);
    assert_int_equal(masa_run_create(&run, path, &config, NULL), MASA_OK);
    assert_int_equal(masa_run_checkpoint_begin(run, 1, &folder, NULL), MASA_OK);
    if (merged) make_predictor(folder, merged);
    else tiny_llama_save(folder, 12);
    assert_int_equal(masa_run_checkpoint_commit(run, &at, NULL), MASA_OK);
    masa_run_close(run);
    masa_config_deinit(&config);
    free(path);
}

/* Runs a command in the folder as the user nobody; its status, 200 where that cannot be. */
static int as_nobody(const char *arguments)
{
    int status;
    char line[1024];
    snprintf(line, sizeof line, "'%s' %s", MASA_PROGRAM, arguments);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(root) != 0 || !freopen("output", "w", stdout) ||
            !freopen("errors", "w", stderr) || setgroups(0, NULL) != 0 || setgid(65534) != 0 ||
            setuid(65534) != 0 || access(MASA_PROGRAM, X_OK) != 0)
            _exit(200);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(200);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    read_all(output, sizeof output, "output");
    read_all(errors, sizeof errors, "errors");
    return WEXITSTATUS(status);
}

/* A folder that may not be written, and files of another user: as read-only media are. */
static void results_and_runs_are_read_without_writing(void **state)
{
    (void)state;
    if (geteuid() != 0) skip_since("only root can become another user");
    if (as_nobody("--version") == 200) skip_since("another user cannot run masa here");
    char *folder = masa_path_join(root, "shelf"), *copy = masa_path_join(root, "shelf/run");
    static const char *const set[] = {"data.suffix="};
    fix_choice();
    assert_int_equal(masa_folder_create(folder, NULL), MASA_OK);
    assert_int_equal(chmod(root, 0755), 0);
    assert_done("--problems own.jsonl" MODEL "-n 2 -l 8 -o shelf/a.sqlite");
    assert_done("--problems own.jsonl" MODEL "-n 2 -l 8 --seed 2 -o shelf/b.sqlite");
    make_run("shelf/run", set, 1, NULL);
    assert_int_equal(chmod(folder, 0555) + chmod(copy, 0555), 0);
    static const char *const lines[] = {"eval shelf/a.sqlite",
                                        "eval --compare shelf/a.sqlite shelf/b.sqlite",
                                        "inspect shelf/run"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (as_nobody(lines[i]) != 0) fail_msg("%s: %s", lines[i], errors);
    /* with a log that a crash left */
    char *log = masa_path_join(root, "shelf/a.sqlite-wal");
    assert_int_equal(masa_file_write(log, "", 0, NULL), MASA_OK);
    if (as_nobody(lines[0]) != 0) fail_msg("%s: %s", lines[0], errors);
    assert_int_equal(chmod(folder, 0755) + chmod(copy, 0755), 0);
    free(log);
    free(copy);
    free(folder);
}

#define PREDICT                                                                                \
    "--problems own.jsonl --chat-template chatml --compute f32 --suffix '' -n 2 -l 8 --meta "  \
    "--meta-samples 3 --meta-template meta.txt --meta-max-tokens 9 --length-min 1 "

/* Predictions are made with the run's factors for them, solutions without. */
static void a_run_predicts_with_its_factors(void **state)
{
    (void)state;
    static const char *const set[] = {"meta.samples=2", "meta.adapter=2"};
    char *merged = masa_path_join(root, "merged");
    fix_choice();
    write_file("meta.txt", "{problem} ?");
    make_run("predicts", set, 2, merged);
    assert_done(PREDICT "--model predicts -o factors.sqlite");
    assert_done(PREDICT "--model model -o plain.sqlite");
    assert_done(PREDICT "--model merged -o merged.sqlite");
    assert_texts("solution", "factors.sqlite", "plain.sqlite", true);
    assert_texts("meta", "factors.sqlite", "merged.sqlite", true);
    assert_texts("meta", "factors.sqlite", "plain.sqlite", false);
    char *lost = masa_path_join(root, "predicts/checkpoints/step-000001/" MASA_PREDICTOR_FOLDER
                                      "/adapter_config.json");
    assert_int_equal(remove(lost), 0);
    assert_fails(PREDICT "--model predicts -o lost.sqlite", 1, "adapter_config.json");
    free(lost);
    free(merged);
}

/* So they are under its system turn for them. */
static void a_run_predicts_under_its_system_turn(void **state)
{
    (void)state;
    static const char *const set[] = {"meta.samples=2", "meta.system=abc"};
    make_run("turned", set, 2, NULL);
    assert_done(PREDICT "--model turned -o turned.sqlite");
    assert_texts("solution", "turned.sqlite", "plain.sqlite", true);
    assert_texts("meta", "turned.sqlite", "plain.sqlite", false);
    /* That of solutions is none here: neither a turn "same" nor the built-in one. */
    static const char *const same[] = {"meta.samples=2", "meta.system=same"};
    make_run("same", same, 2, NULL);
    assert_done(PREDICT "--model same -o same.sqlite");
    assert_texts("meta", "same.sqlite", "plain.sqlite", false);
    assert_int_equal(
        count("same.sqlite", "SELECT value LIKE '%\"meta_system\":\"\"%' FROM info"), 1);
    /* And asked in the words of its form. */
    static const char *const bare[] = {"meta.samples=2", "meta.form=bare"};
    make_run("bare", bare, 2, NULL);
    assert_done("--problems own.jsonl --suffix '' -n 1 -l 8 --model bare -o bare.sqlite");
    assert_int_equal(
        count("bare.sqlite", "SELECT value LIKE '%How would 8 attempts%' FROM info"), 1);
    /* The problem before them, and before it no turn but the solutions'. */
    static const char *const first[] = {"meta.samples=2", "meta.template=problem-first",
                                        "meta.length_rule=quantile"};
    make_run("first", first, 3, NULL);
    assert_done("--problems own.jsonl --suffix '' -n 1 -l 8 --model first -o first.sqlite");
    assert_int_equal(count("first.sqlite",
                           "SELECT value LIKE '%\"meta_template\":\"{problem}%' "
                           "AND value LIKE '%\"meta_system\":\"\"%' "
                           "AND value LIKE '%\"length_rule\":\"quantile\"%' "
                           "FROM info"),
                     1);
}

static void an_export(void **state)
{
    (void)state;
    fix_choice();
    assert_done("--problems own.jsonl" MODEL "-n 2 -l 8 -o exported.sqlite --export exported");
    assert_non_null(strstr(errors, "exported to exported"));
    char line[512];
    snprintf(line, sizeof line,
             "cd '%s/exported' && test $(cat samples_own_*.jsonl | wc -l) = 3 "
             "&& grep -q '\"own\"' results_*.json",
             root);
    assert_int_equal(system(line), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_problems),
        cmocka_unit_test(limits_and_batches_do_not_matter),
        cmocka_unit_test(a_kill_loses_nothing),
        cmocka_unit_test(a_signal_asks_where_it_stands),
        cmocka_unit_test(missing_data),
        cmocka_unit_test(wrong_use),
        cmocka_unit_test(comparison),
        cmocka_unit_test(predictions),
        cmocka_unit_test(lengths_are_judged_as_they_were_asked_for),
        cmocka_unit_test(results_and_runs_are_read_without_writing),
        cmocka_unit_test(gains),
        cmocka_unit_test(long_prompts_count_as_wrong),
        cmocka_unit_test(programs),
        cmocka_unit_test(a_stop_does_not_wait_for_programs),
        cmocka_unit_test(a_run_stands_for_its_checkpoint),
        cmocka_unit_test(a_run_predicts_with_its_factors),
        cmocka_unit_test(a_run_predicts_under_its_system_turn),
        cmocka_unit_test(an_export),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
