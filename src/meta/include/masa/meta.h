/**
 * The method's own arithmetic: meta prompt, parsing of predictions, statistics
 * of the solution rollouts, rewards, expert texts. Functions of text and
 * numbers: no model, no threads, no files. Usable from another trainer.
 *
 * Source: Meta-Awareness Enhances Reasoning Models (MASA, arXiv:2510.03259).
 *
 * Threads: every function may run in any number of threads at once.
 */
#ifndef MASA_META_H
#define MASA_META_H

#include <stdbool.h>
#include <stddef.h>
#include <masa/error.h>
#include <masa/notion.h>
#include <masa/text.h>

/* The scale of a predicted pass rate: an integer 0..MASA_PASS_RATE_SCALE. */
enum { MASA_PASS_RATE_SCALE = 8 };

/* What a predicted solution_length means, and earns. */
typedef enum masa_length_rule {
    MASA_LENGTH_INCLUSIVE, /* min <= l <= max over the correct rollouts (the paper) */
    MASA_LENGTH_STRICT,    /* min <  l <  max (the authors' code) */
    MASA_LENGTH_QUANTILE,  /* what 95 of 100 correct ones need at most: what a cutoff asks */
} masa_length_rule;

/* The quantile's level. */
#define MASA_LENGTH_LEVEL 0.95

/* What a predicted pass rate at the distance d from the true one earns. */
typedef enum masa_difficulty_rule {
    MASA_DIFFICULTY_POWER, /* base^d (the paper) */
    MASA_DIFFICULTY_BRIER, /* 1 - d^2 */
} masa_difficulty_rule;

/* When a notion helps. */
typedef enum masa_notion_test {
    MASA_NOTION_COUNTS, /* in more correct than incorrect rollouts (the paper) */
    MASA_NOTION_RATES,  /* in a greater share of the correct than of the incorrect ones */
} masa_notion_test;

/* How the built-in prompt wants an answer to begin, and one begins that is made from
 * statistics. */
typedef enum masa_answer_form {
    MASA_FORM_REASONED, /* <meta>, a line on the notions, </meta>, and the object */
    MASA_FORM_BARE,     /* <meta></meta> and the object: a prediction outright */
    MASA_FORM_OBJECT,   /* the object alone: a template of one's own that asks for no tags */
} masa_answer_form;

/* The keys of an answer's object, in their usual order. */
typedef enum masa_meta_key {
    MASA_KEY_NOTION,    /* math_notion */
    MASA_KEY_PASS_RATE, /* pass_rate */
    MASA_KEY_LENGTH,    /* solution_length */
} masa_meta_key;

typedef struct masa_meta_options {
    double base;              /* b of the difficulty reward b^|p - p^|, in (0, 1] */
    double weight_difficulty; /* weights of the three rewards in the mean, >= 0 */
    double weight_length;
    double weight_notion;
    masa_length_rule length_rule;
    masa_notion_rule notion_rule; /* give it to masa_statistics_create */
    long length_min, length_max;  /* range of a valid solution_length, inclusive */
    bool expert_hopeless; /* a prompt without a correct rollout gives an expert text too */
    masa_difficulty_rule difficulty_rule;
    masa_notion_test notion_test;
    masa_answer_form form;
    masa_meta_key keys[3]; /* [n_keys] of an answer, in order */
    size_t n_keys;         /* 0: all of them in the usual order */
    bool problem_first; /* the built-in prompt begins with the problem, as a solution's does */
} masa_meta_options;

#define MASA_META_DEFAULTS                                                                     \
    {                                                                                          \
        0.01, 1, 1, 1, MASA_LENGTH_INCLUSIVE, MASA_NOTION_LEMMA, 128, 8192, false,             \
            MASA_DIFFICULTY_POWER, MASA_NOTION_COUNTS, MASA_FORM_REASONED, {0}, 0, false       \
    }

/** The built-in text of the meta prompt's system turn, and the template of the turn that asks
 *  for an answer of options->form (static); {problem}, {length_min}, {max_response_length} and
 *  {length_meaning} (what the length rule asks for) are filled in by masa_meta_prompt. */
extern const char masa_meta_system[];
const char *masa_meta_template(const masa_meta_options *options);

/**
 * Appends the template with its fields filled in. `template_text` NULL: the
 * built-in one. A template without {problem} is MASA_ERR_CONFIG; other braces
 * are left as they are.
 */
masa_status masa_meta_prompt(masa_text *out, const char *template_text, const char *problem,
                             const masa_meta_options *options, masa_error *err);

/**
 * Sets form and keys to what a template of one's own asks for, so that answers made from
 * statistics are such as it wants: the keys that it names, in the order of their first mention;
 * bare where it has <meta></meta>, reasoned where it has <meta>, else the object alone. A template
 * that names no key leaves the options as they are: it asks for no form.
 */
void masa_meta_follow(masa_meta_options *options, const char *template_text);

/* Why a field of a prediction counts nothing, or, from NO_CORRECT on, why a valid one
 * earned nothing; one table for code and name. */
/* clang-format off */
#define MASA_META_CAUSE_TABLE(X)                                                         \
    X(MASA_META_VALID, "valid")                                                          \
    X(MASA_META_NO_JSON, "no_json")       /* no object with any of the keys */           \
    X(MASA_META_MISSING, "missing")       /* the object lacks this key */                \
    X(MASA_META_WRONG_TYPE, "wrong_type") /* not an integer; not a list of strings */    \
    X(MASA_META_OUT_OF_RANGE, "out_of_range")                                            \
    X(MASA_META_NO_CORRECT, "no_correct") /* no rollout was correct */                   \
    X(MASA_META_OUTSIDE, "outside")       /* no correct rollout is that short or long */ \
    X(MASA_META_NONE_KEPT, "none_kept")   /* no notion that the problem lacks */         \
    X(MASA_META_NONE_HELPFUL,                                                            \
      "none_helpful") /* none in more correct than incorrect ones */                     \
    X(MASA_META_LIMITED, "limited") /* a cutoff hides the lengths: left out */
/* clang-format on */

typedef enum masa_meta_cause {
#define X(code, text) code,
    MASA_META_CAUSE_TABLE(X)
#undef X
        MASA_META_CAUSES
} masa_meta_cause;
const char *masa_meta_cause_text(masa_meta_cause cause);

/* What one meta rollout predicts. Zero-initialise or fill by parsing; free with
 * masa_prediction_deinit. A value means something only where its cause is VALID. */
typedef struct masa_prediction {
    masa_meta_cause pass_rate_cause, length_cause, notion_cause;
    int pass_rate; /* 0..MASA_PASS_RATE_SCALE */
    long length;   /* tokens */
    char **notions;
    size_t n_notions;
} masa_prediction;

/**
 * Parses a meta rollout: the last outermost JSON object after the last </meta>
 * (in the whole text when the tag is missing) that has at least one of the keys.
 * Each key is judged alone, the last of a repeated one. An integer may be written 4,
 * 4.0 or 40e-1. Text is any bytes; time is linear in n.
 */
void masa_prediction_parse(masa_prediction *out, const char *text, size_t n,
                           const masa_meta_options *options);
void masa_prediction_deinit(masa_prediction *prediction);

/** Appends the object that says this prediction: its valid fields, by options->keys. */
void masa_prediction_add(masa_text *out, const masa_prediction *prediction,
                         const masa_meta_options *options);

/** Appends how an answer begins that says nothing before its pass rate: `<meta></meta>`, a line
 *  feed and `{"math_notion": [], "pass_rate": ` as options have it. false, and nothing, where they
 *  have no pass rate. */
bool masa_meta_add_opening(masa_text *out, const masa_meta_options *options);

/*
 * What the model's own solution rollouts of the prompt did; arrays are borrowed for the
 * call alone. A rollout cut off at the response limit is not correct.
 *
 * A rollout that a cutoff of our own stopped, from a predicted length, is another matter: it
 * would perhaps have been right. It earns nothing itself, and it is no evidence: learned as
 * wrong and short, it makes the next predictions shorter, which cut more. `cut` marks these.
 * It is NULL only where no cutoff was in force; with one, lengths are not judged even if
 * nothing was stopped this time, since a group shows that it is whole by being short.
 */
typedef struct masa_solutions {
    size_t n;
    const char *const *texts; /* [n] */
    const bool *correct;      /* [n] */
    const long *lengths;      /* [n] tokens */
    const bool *cut;          /* [n] stopped by the cutoff in force; NULL: there was none */
} masa_solutions;

/* The same, prepared once for all meta rollouts of the prompt. */
typedef struct masa_statistics masa_statistics;
masa_statistics *masa_statistics_create(const char *problem, const masa_solutions *solutions,
                                        masa_notion_rule rule);
void masa_statistics_destroy(masa_statistics *statistics);

/* Of the rollouts that were not cut. */
typedef struct masa_statistics_summary {
    size_t n, n_correct;
    double pass_rate;            /* n_correct / n; 0 when n is 0 */
    long length_min, length_max; /* over the correct rollouts; 0 when there is none */
    double length_mean;          /* over the correct rollouts */
    long length_upper;      /* their quantile: the least that MASA_LENGTH_LEVEL of them need */
    double length_mean_all; /* over all rollouts */
    bool limited;           /* a cutoff was in force: the lengths are censored */
    size_t n_cut;           /* rollouts that it stopped */
    /* What the pass rate of all n + n_cut may be: those cut all wrong, or all right. */
    double pass_rate_low, pass_rate_high;
    long length_longest; /* over all rollouts */
} masa_statistics_summary;
masa_statistics_summary masa_statistics_get(const masa_statistics *statistics);

/** How far a pass rate is from what the rollouts may have shown: from the interval
 *  pass_rate_low..pass_rate_high, 0 within it. |p - rate| where none was cut. */
double masa_statistics_distance(const masa_statistics_summary *summary, double rate);

/**
 * What the group's counts weigh as evidence about pass rates, so that groups seen whole are
 * neither all nor selected: 1 over the probability that such a group is seen whole.
 *
 *   0                a rollout was cut: the group is not seen; or one went on past a cutoff that
 *                    was in force (soft): those left uncut stand for its like already
 *   1                every rollout ended within the cutoff: seen in any case
 *   1 / audit_share  one is longer: seen only because the prompt was rolled out without the
 *                    cutoff, as that share of prompts is
 *
 * Proof: the group is whole with probability 1 when its longest rollout fits, and with
 * probability audit_share otherwise; a sum of x / probability over the groups seen has the
 * expectation of the sum of x over all (Horvitz & Thompson 1952). Survivors alone will not
 * do: where wrong solutions run long, all that is left of a pass rate of 1/2 is right. (So a
 * single prompt's history, which has no use for weights, takes groups that no cutoff limited.)
 *
 * cutoff: tokens, what the predictions would have set; the response limit when none.
 */
double masa_statistics_weight(const masa_statistics_summary *summary, long cutoff,
                              double audit_share);

typedef struct masa_meta_reward {
    double difficulty, length, notion; /* each in [0, 1] */
    double total;                      /* their weighted mean */
    /* Why that component is 0; VALID where it is not. */
    masa_meta_cause difficulty_cause, length_cause, notion_cause;
    size_t notions_kept;    /* predicted notions left after dropping duplicates and
                               those of the problem statement */
    size_t notions_helpful; /* of these: those that pass options->notion_test */
} masa_meta_reward;

/**
 *   difficulty = b^d or 1 - d^2, d = |p - p^/8| (masa_statistics_distance)
 *   length     = 1 if min <= l^ <= max over the correct rollouts, else 0; or by quantile
 *   notion     = notions_helpful / notions_kept, 0 when none is kept
 *   total      = weighted mean
 *
 * Brier. For a p that varies (other rollouts, other prompts that look the same)
 * E[1 - (p - x)^2] = 1 - Var p - (E[p] - x)^2: greatest at the mean, with no b to choose.
 * b^|p - x| is near its greatest only close to p and so pulls x to where p is most often,
 * which on U-shaped data is an end: of p = 0 with probability .55 and 1 with .45, b = .01
 * earns .55 at x = 0 and .1 at x = 1/2, Brier .55 and .75.
 *
 * Rates. c_right / n_right > c_wrong / n_wrong; a rate among none is 0. By counts no notion
 * helps a prompt that is mostly wrong, and every one a prompt that is mostly right.
 *
 * Quantile. The level t is MASA_LENGTH_LEVEL; L(l) is log l with l held within the valid
 * range, R = log(length_max / length_min).
 *
 *   pinball(l, l^) = max(t (L(l) - L(l^)), (1-t) (L(l^) - L(l)))
 *   length = 1 - mean over the correct rollouts of pinball(l, l^) / (t R)
 *
 * In [0, 1], since no two logarithms are further apart than R and t >= 1/2. The derivative of
 * E[pinball] with respect to L(l^) is P(l <= l^) - t, which changes its sign at the
 * t-quantile of l: there the expectation is greatest; the logarithm moves no quantile and
 * makes a factor of 2 the same error at every length. Too short by it costs 19 times what too
 * long does.
 *
 * A component whose field is not VALID is 0; so is length when none is correct. Notions
 * are compared by the statistics' rule. The order of notions and of rollouts is without
 * effect. With all weights 0 the total is 0. Where a cutoff was in force the length is 0
 * with the cause LIMITED and left out of the mean: neither the upper end of what is right nor
 * a fair sample of it is known. (An upper end open to the limit earns every overestimate;
 * one at the cutoff makes a margin below 1 shorten the predictions again.)
 */
masa_meta_reward masa_meta_score(const masa_prediction *prediction,
                                 const masa_statistics *statistics,
                                 const masa_meta_options *options);

/**
 * The meta rollout to learn from: index of the highest of a prompt's n notion rewards if
 * that is at least threshold (0.2 in the paper), the first of equals; n when there is
 * none.
 */
size_t masa_expert_pick(const double *notion_rewards, size_t n, double threshold);

/*
 * Ablations: a number whose reward has weight 0 is not corrected (it stays the rollout's own,
 * and is left out where that is not valid or there is no rollout); with notions at weight 0 a
 * text that is made has none.
 */

/**
 * The expert text of a meta rollout, for behaviour cloning: its <meta>...</meta>
 * as it is (from the first <meta>, or from the start when that tag is missing, to the
 * last </meta>), then the JSON with pass_rate = round(8 p), solution_length = the mean
 * length of the correct rollouts, or their length_upper under MASA_LENGTH_QUANTILE (within
 * the valid range), and its own notions.
 * Where options->form is the object alone a text without </meta> is none either: the object, if
 * the prediction has a valid field.
 * False, and nothing appended, when the text has no </meta> else, a cutoff was in force (its
 * numbers would be those of the survivors), or no rollout was correct and
 * options->expert_hopeless is false; true: pass_rate 0 and the mean length of all rollouts.
 */
bool masa_expert_text(masa_text *out, const char *text, size_t n,
                      const masa_prediction *prediction, const masa_statistics *statistics,
                      const masa_meta_options *options);

/**
 * The same without a meta rollout to start from, for the warm start of a model
 * that cannot write the answer yet, in the form of the options. Notions are up to three words
 * found in more correct than incorrect rollouts and not in the problem, those of the greatest
 * surplus first; the
 * reasoning names these alone. A prompt without a correct rollout gives an answer too (pass
 * rate 0, words of its attempts, the mean length of all): that problems can be too hard is
 * part of the form. False, and nothing appended, when there is no rollout or a cutoff was in
 * force.
 */
bool masa_warm_start_text(masa_text *out, const masa_statistics *statistics,
                          const masa_meta_options *options);

#endif
