/* Answers that words or their place point at. */
#include "extract.h"

/* --- phrases ----------------------------------------------------------------- */

/* Skips what may stand between a phrase and its answer. */
static size_t skip_decoration(const char *text, size_t size, size_t i)
{
    while (i < size && (is_space(text[i]) || strchr("*:_=\"}#", text[i]))) i++;
    return i;
}

bool is_aside(const char *text, size_t size, size_t i)
{
    static const char *const asides[] = {
        ", which ",    ", not ",   ", because ",  " because ",   ", since ",  ", as ",
        ", so ",       ", it ",    ", obviously", ", of course", ", clearly", ", where ",
        ", assuming ", ", given ", ", meaning ",  NULL};
    return (text[i] == ',' || text[i] == ' ') && any_at(text, size, i, asides) > 0;
}

/* Where the statement that begins at i ends: at its line's end, an aside, or a full stop
 * that is followed by a space; none of these inside a formula. */
static size_t statement_end(const char *text, size_t size, size_t i)
{
    bool inside = false;
    for (size_t start = i; i < size && text[i] != '\n'; i++) {
        if (!inside && i > start && is_aside(text, size, i)) break;
        if (at(text, size, i, "\u3002")) break; /* the full stop of Chinese */
        if (text[i] == '\\' && i + 1 < size) {
            i++;
            if (text[i] == '(') inside = true;
            if (text[i] == ')') inside = false;
            continue;
        }
        if (text[i] == '$') inside = !inside;
        if (inside || text[i] != '.') continue;
        if (i + 1 == size || is_space(text[i + 1]) || text[i + 1] == '*') break;
    }
    return i;
}

/* Behind what stands before a value in a statement: "therefore 8", "the total is 15". */
static size_t skip_opening(const char *text, span s)
{
    static const char *const adverbs[] = {"therefore ", "thus ",     "hence ",
                                          "then ",      "simply ",   "just ",
                                          "indeed ",    "actually ", NULL};
    size_t i = s.start;
    for (size_t m; (m = any_at(text, s.end, i, adverbs));) i += m;
    if (!at_nocase(text, s.end, i, "the ")) return i;
    for (size_t j = i; j < s.end && !strchr("$\\.,", text[j]); j++)
        if (at(text, s.end, j, " is ") && j + 4 < s.end &&
            (is_digit(text[j + 4]) || strchr("$\\-(", text[j + 4])))
            return j + 4;
    return i;
}

/* The formula on lines of its own that begins at i. */
static bool display(const char *text, size_t size, size_t i, span *out)
{
    formula f;
    if ((!at(text, size, i, "$$") && !at(text, size, i, "\\[")) ||
        !formula_next(text, size, i, &f) || f.outside.start != i)
        return false;
    *out = trim(text, f.inside);
    return true;
}

/* "3.14 (rounded)" without what is said in brackets at its end. */
static span without_remark(const char *text, span s)
{
    size_t letters = 0, i = s.end;
    if (i == s.start || text[i - 1] != ')') return s;
    for (i--; i > s.start && (is_letter(text[i - 1]) || text[i - 1] == ' '); i--)
        letters += is_letter(text[i - 1]);
    bool remark = letters > 3 && i > s.start + 1 && text[i - 1] == '(' && text[i - 2] == ' ';
    return remark ? (span){s.start, i - 1} : s;
}

/* The answer after a phrase: the first formula when it begins with one. */
static bool take_statement(const char *text, size_t size, size_t i, span *out)
{
    i = skip_decoration(text, size, i);
    if (display(text, size, i, out)) return out->end > out->start;
    span s = trim(text, (span){i, statement_end(text, size, i)});
    while (s.end > s.start && strchr("*.,;_\"", text[s.end - 1])) s.end--;
    if (s.end > s.start + 1 && text[s.end - 1] == '!' && text[s.end - 2] == '*')
        for (s.end--; s.end > s.start && text[s.end - 1] == '*';) s.end--; /* "**5**!" */
    s.start = skip_opening(text, s);
    *out = trim(text, without_remark(text, s));
    return out->end > out->start;
}

/* Length of what joins a word such as "answer" to its value at i ("is", ":"), or 0. */
static size_t joint(const char *text, size_t size, size_t i)
{
    static const char *const joints[] = {" is",          ":",
                                         "**:",          ":**",
                                         " =",           " was",
                                         " must be",     " should be",
                                         " would be",    " will be",
                                         " equals",      " est",
                                         " es",          " \u00e9",
                                         " \u00e8",      " ist",
                                         " lautet",      "\u662f",
                                         "\u4e3a",       "\uff1a",
                                         " :",           "_:",
                                         " l\u00e0",     " adalah",
                                         " to",          "\u306f",
                                         "\uc740",       "\u0e04\u0e37\u0e2d",
                                         "\u7b49\u4e8e", "\u5c31\u662f",
                                         "\u5e94\u4e3a", "\u5e94\u8be5\u662f"};
    for (size_t k = 0; k < sizeof joints / sizeof *joints; k++) {
        size_t n = strlen(joints[k]);
        if (!at_nocase(text, size, i, joints[k])) continue;
        if (is_letter(joints[k][n - 1]) && i + n < size && is_letter(text[i + n])) continue;
        return n;
    }
    /* "the answer to the question is 5" */
    if (!at_nocase(text, size, i, " to ")) return 0;
    for (size_t j = i; j < size && j - i < 80 && !strchr(".\n$", text[j]); j++)
        if (at(text, size, j, " is ")) return j + 4 - i;
    return 0;
}

/* "Final answer" as a heading: the answer is on the next line. */
static size_t heading(const char *text, size_t size, size_t start, size_t i)
{
    if (start < 6 || !at_nocase(text, size, start - 6, "final ")) return 0;
    size_t j = i;
    while (j < size && (text[j] == '*' || text[j] == ' ' || text[j] == '#' || text[j] == ':'))
        j++;
    return j < size && text[j] == '\n' ? j + 1 - i : 0;
}

/* "option C is correct": whether a letter stands at i of which that is said. */
static bool affirmed(const char *text, size_t size, size_t i)
{
    static const char *const ways[] = {
        " is correct",  " is right", " is the correct", " is the right", " is the answer",
        " is the best", NULL};
    return i + 2 < size && text[i] == ' ' && isupper((unsigned char)text[i + 1]) &&
           any_at(text, size, i + 2, ways) > 0;
}

bool find_phrase(const char *text, size_t size, bool choice, span *out)
{
    static const char *const words[] = {
        "answer",
        "r\u00e9ponse",
        "respuesta",
        "resposta",
        "risposta",
        "antwort",
        "antwoord",
        "cevap",
        "jawaban",
        "jibu",
        "odpowied\u017a",
        "\u7b54\u6848",
        "\u7b54\u3048",
        "\u7b54",
        "\uc815\ub2f5",
        "\ub2f5", /* Korean */
        "\u041e\u0442\u0432\u0435\u0442",
        "\u043e\u0442\u0432\u0435\u0442", /* Russian */
        "\u0110\u00e1p \u00e1n",
        "\u0111\u00e1p \u00e1n",          /* Vietnamese */
        "\u0e04\u0e33\u0e15\u0e2d\u0e1a", /* Thai */
        "\u0909\u0924\u094d\u0924\u0930",
        "\u0989\u09a4\u09cd\u09a4\u09b0",             /* Hindi, Bengali */
        "\u0c38\u0c2e\u0c3e\u0c27\u0c3e\u0c28\u0c02", /* Telugu */
        "\u0627\u0644\u062c\u0648\u0627\u0628",
        "\u067e\u0627\u0633\u062e", /* Arabic, Persian */
        "option",
        "choice"};
    size_t n_words = sizeof words / sizeof *words - (choice ? 0 : 2);
    /* From the end, so that a text full of phrases costs one statement. */
    for (size_t i = size; i-- > 0;) {
        char c = (char)(text[i] | 32);
        if ((unsigned char)text[i] < 0x80 && !(c && strchr("arocj", c))) continue;
        if (i && is_letter(text[i - 1])) continue;
        for (size_t k = 0; k < n_words; k++) {
            if (!at_nocase(text, size, i, words[k])) continue;
            size_t j = i + strlen(words[k]), n = joint(text, size, j);
            if (!n) n = heading(text, size, i, j);
            if (!n && choice && affirmed(text, size, j)) n = 1;
            if (n && take_statement(text, size, j + n, out)) return true;
        }
    }
    return false;
}

/* --- the other rules --------------------------------------------------------- */

bool find_hashes(const char *text, size_t size, span *out)
{
    bool found = false;
    for (size_t i = 0; i + 4 <= size; i++) {
        if (!at(text, size, i, "####")) continue;
        size_t j = i;
        while (j < size && text[j] == '#') j++;
        size_t end = j;
        while (end < size && text[end] != '\n') end++;
        *out = trim(text, (span){j, end});
        found = out->end > out->start;
        i = end;
    }
    return found;
}

/* "**Step 2:**", "**Check**:" head what follows. */
static bool is_heading(const char *text, size_t size, span s, size_t end)
{
    if (text[s.end - 1] == ':' || at(text, s.end, s.end - 3, "\uff1a")) return true;
    return end < size && (text[end] == ':' || at(text, size, end, "\uff1a"));
}

/* The "**" of code's powers at i: it joins two operands, as bold's marks do not. */
static bool is_power(const char *text, size_t size, size_t i)
{
    if (i == 0 || i + 2 >= size) return false;
    bool base = is_letter(text[i - 1]) || is_digit(text[i - 1]) || text[i - 1] == ')';
    char next = text[i + 2];
    return base && (is_letter(next) || is_digit(next) || (next && strchr("(-", next)));
}

bool find_bold(const char *text, size_t size, span *out)
{
    bool found = false, value = false;
    for (size_t i = 0; i + 2 < size; i++) {
        if (found && !value && (is_digit(text[i]) || text[i] == '$'))
            found = false; /* words that a value follows were a heading */
        if (text[i] != '*' || text[i + 1] != '*') continue;
        if (is_power(text, size, i)) {
            i++;
            continue;
        }
        size_t end = i + 2;
        while (end < size && text[end] != '\n' && text[end] != '*') end++;
        if (end + 1 < size && text[end] == '*' && text[end + 1] == '*') {
            span s = trim(text, (span){i + 2, end});
            end += 2;
            if (s.end > s.start && !is_heading(text, size, s, end)) {
                *out = s;
                found = true;
                value = false;
                for (size_t k = s.start; k < s.end; k++)
                    value |= is_digit(text[k]) || strchr("$\\=", text[k]) != NULL;
            }
        }
        i = end - 1;
    }
    return found;
}

/* End of the number that begins at i; i itself when there is none. */
static size_t number_end(const char *text, size_t size, size_t i)
{
    size_t j = i;
    while (j < size && is_digit(text[j])) j++;
    if (j == i && !(j + 1 < size && text[j] == '.' && is_digit(text[j + 1]))) return i;
    while (j + 3 < size && text[j] == ',' && is_digit(text[j + 1]) && is_digit(text[j + 2]) &&
           is_digit(text[j + 3]) && (j + 4 == size || !is_digit(text[j + 4])))
        j += 4;
    if (j + 1 < size && text[j] == '.' && is_digit(text[j + 1]))
        for (j++; j < size && is_digit(text[j]);) j++;
    size_t e = j;
    if (e < size && (text[e] == 'e' || text[e] == 'E')) {
        e++;
        if (e < size && (text[e] == '-' || text[e] == '+')) e++;
        if (e < size && is_digit(text[e])) {
            while (e < size && is_digit(text[e])) e++;
            j = e;
        }
    }
    if (j + 1 < size && text[j] == '/' && is_digit(text[j + 1]))
        for (j++; j < size && is_digit(text[j]);) j++;
    if (at(text, size, j, "\\%")) return j + 2;
    return j + at(text, size, j, "%");
}

bool find_number(const char *text, size_t size, span *out)
{
    bool found = false;
    for (size_t i = 0; i < size; i++) {
        size_t end = number_end(text, size, i);
        if (end == i) continue;
        if (i && is_letter(text[i - 1]) && end < size && is_letter(text[end])) {
            i = end; /* "A2B" is a name */
            continue;
        }
        size_t start = i;
        /* A minus sign belongs to the number unless something is subtracted from. */
        if (start && text[start - 1] == '$' && minus_before(text, start - 1))
            start--; /* -$40 */
        size_t minus = minus_before(text, start), before = start - minus;
        if (minus && (before == 0 || strchr(" \t\n($=*:,", text[before - 1]))) start = before;
        *out = (span){start, end};
        found = true;
        i = end - 1;
    }
    return found;
}

bool find_whole(const char *text, size_t size, span *out)
{
    *out = trim(text, (span){0, size});
    return out->end > out->start;
}
