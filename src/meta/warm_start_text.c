/* Meta answers made from a prompt's own statistics, for models that cannot write one yet.
 */
#include "meta_answer.h"
#include "solution_statistics.h"

#include <masa/memory.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NOTIONS = 3, LEAST_LETTERS = 4, MOST_CANDIDATES = 256 };

/* Words that carry a text and not its subject; shorter ones never count. */
static const char *const plain_words[] = {
    "about", "after", "again",   "also",  "answer", "because",   "been",  "before",
    "being", "boxed", "each",    "every", "final",  "find",      "first", "from",
    "given", "gives", "have",    "here",  "hence",  "into",      "know",  "left",
    "lets",  "make",  "more",    "most",  "need",   "needs",     "next",  "number",
    "only",  "other", "problem", "same",  "second", "should",    "since", "solution",
    "solve", "some",  "step",    "steps", "such",   "takes",     "text",  "than",
    "that",  "their", "them",    "then",  "there",  "therefore", "these", "they",
    "think", "this",  "those",   "thus",  "total",  "using",     "want",  "were",
    "what",  "when",  "where",   "which", "while",  "will",      "with",  "would",
    "your",
};

static bool is_plain(const char *word)
{
    for (size_t i = 0; i < sizeof plain_words / sizeof *plain_words; i++)
        if (strcmp(word, plain_words[i]) == 0) return true;
    return false;
}

typedef struct candidate {
    char *word;
    masa_words *notion;
    size_t in_correct, surplus; /* correct rollouts with it; the same less the others */
} candidate;

typedef struct candidates {
    candidate items[MOST_CANDIDATES]; /* in the order in which the texts name them */
    size_t n;
} candidates;

static void consider(candidates *all, const char *letters, size_t n, const masa_statistics *s)
{
    if (n < LEAST_LETTERS || all->n == MOST_CANDIDATES) return;
    candidate c = {.word = masa_strndup(letters, n)};
    for (char *p = c.word; *p; p++) *p = (char)tolower((unsigned char)*p);
    c.notion = masa_words_create(c.word, n, s->rule);
    bool keep = !is_plain(c.word) && !masa_words_contain(s->problem, c.notion);
    for (size_t i = 0; keep && i < all->n; i++)
        keep = !masa_words_equal(all->items[i].notion, c.notion);
    size_t in_incorrect;
    if (keep) meta_count_notion(&c.in_correct, &in_incorrect, s, c.notion);
    /* Where nothing is right the words of the attempts: a list that is empty just there
     * would tell the pass rate, and reward for the one would unlearn the other. */
    bool hopeless = s->summary.n_correct == 0;
    if (keep && (hopeless || c.in_correct > in_incorrect)) {
        c.surplus = hopeless ? in_incorrect : c.in_correct - in_incorrect;
        all->items[all->n++] = c;
        return;
    }
    masa_words_destroy(c.notion);
    free(c.word);
}

/* Runs of ASCII letters: half of a command (\frac) or of a word in another alphabet
 * makes no notion, so a run next to a backslash or to such a byte is passed over. */
static void consider_text(candidates *all, const char *text, const masa_statistics *s)
{
    for (const char *p = text; *p;) {
        const char *start = p;
        while (isalpha((unsigned char)*p)) p++;
        size_t n = (size_t)(p - start);
        bool whole = (unsigned char)*p < 0x80 && !isdigit((unsigned char)*p) &&
                     (start == text || (start[-1] != '\\' && (unsigned char)start[-1] < 0x80));
        if (n && whole) consider(all, start, n, s);
        if (n == 0) p++;
    }
}

/* By surplus, then by correct rollouts; the first of equals. */
static size_t best_notions(char *out[MOST_NOTIONS], candidates *all, size_t rollouts)
{
    size_t n = 0;
    for (; n < MOST_NOTIONS; n++) {
        candidate *best = NULL;
        for (size_t i = 0; i < all->n; i++) {
            candidate *c = &all->items[i];
            /* What one attempt of sixteen happens to say is no idea of the model's. */
            if (c->surplus == 0 || 8 * c->surplus < rollouts) continue;
            if (!best || c->surplus > best->surplus ||
                (c->surplus == best->surplus && c->in_correct > best->in_correct))
                best = c;
        }
        if (!best) break;
        best->surplus = 0;
        out[n] = best->word;
    }
    return n;
}

/* Short, since a small model writes it M times a prompt, and about notions alone: behaviour
 * cloning later corrects the numbers of an answer and keeps its reasoning, which therefore
 * must not say others (measured: docs/experiments.md). */
static void add_reasoning(masa_text *out, masa_answer_form form, char *const *notions,
                          size_t n_notions)
{
    if (form == MASA_FORM_BARE) masa_text_add(out, "<meta></meta>\n");
    if (form != MASA_FORM_REASONED) return;
    masa_text_add(out, "<meta>\nIt takes ");
    for (size_t i = 0; i < n_notions; i++)
        masa_text_addf(out, "%s%s", i == 0 ? "" : ", ", notions[i]);
    if (n_notions == 0) masa_text_add(out, "what the problem says");
    masa_text_add(out, ".\n</meta>\n");
}

bool masa_warm_start_text(masa_text *out, const masa_statistics *statistics,
                          const masa_meta_options *options)
{
    const masa_statistics_summary *s = &statistics->summary;
    if (s->n == 0 || s->limited) return false;
    candidates *all = masa_alloc(1, sizeof *all);
    for (size_t i = 0; i < s->n; i++)
        if (statistics->correct[i] || s->n_correct == 0)
            consider_text(all, statistics->texts[i], statistics);
    char *notions[MOST_NOTIONS];
    size_t n = options->weight_notion > 0 ? best_notions(notions, all, s->n) : 0;
    add_reasoning(out, options->form, notions, n);
    meta_add_hindsight(out, s, options,
                       &(masa_prediction){.pass_rate_cause = MASA_META_MISSING,
                                          .length_cause = MASA_META_MISSING,
                                          .notions = notions,
                                          .n_notions = n});
    for (size_t i = 0; i < all->n; i++) {
        masa_words_destroy(all->items[i].notion);
        free(all->items[i].word);
    }
    free(all);
    return true;
}
