/* From statements down to factors; what a factor can be is in parser_primary.c. */
#include "parser.h"

#include <string.h>

node *parse_fail(parser *p)
{
    p->failed = true;
    return node_integer(p->w, 0);
}

bool parse_enter(parser *p)
{
    if (p->w->depth >= DEEPEST_ANSWER) work_give_up(p->w);
    if (p->w->exhausted) p->failed = true;
    if (p->failed) return false;
    p->w->depth++;
    return true;
}

void parse_next(parser *p)
{
    if (p->t->kind != T_END) p->t++;
}

bool parse_take(parser *p, int kind)
{
    if (p->t->kind != kind) return false;
    parse_next(p);
    return true;
}

bool parse_begins_factor(const parser *p)
{
    switch (p->t->kind) {
    case T_NUMBER:
    case T_NAME:
    case T_PI:
    case T_E:
    case T_I:
    case T_INFINITY:
    case T_FUNCTION:
    case T_SQRT:
    case T_FRAC:
    case T_BINOM:
    case '(':
    case '[':
    case '{':
    case T_FLOOR_OPEN:
    case T_CEIL_OPEN:
    case T_ACCENT:
    case T_BOX:
    case T_BOUNDED:
    case T_BEGIN: return true;
    case '|': return p->bars == 0 && !p->in_set;
    default: return false;
    }
}

/* "\pmod{7}", "mod 7": says where the value lives, not what it is. */
static void skip_modulus(parser *p)
{
    parse_next(p);
    if (parse_begins_factor(p)) parse_factor(p);
}

static bool is_letter_d(const parser *p, const node *n)
{
    if (n->kind == NODE_NEGATE) n = n->child[0];
    if (n->kind == NODE_POWER) n = n->child[0];
    return n->kind == NODE_SYMBOL && p->w->symbols[n->symbol].size == 1 &&
           *p->w->symbols[n->symbol].name == 'd';
}

/* Behind the "/d" of "dx/dt" and "d^2x/dt^2": the divisor with the letter that is glued to
 * it. */
static node *differential(parser *p, const node *over, node *under)
{
    bool leibniz = over->kind == NODE_PRODUCT && is_letter_d(p, over->child[0]) &&
                   under->kind == NODE_SYMBOL && is_letter_d(p, under);
    if (!leibniz || p->t->kind != T_NAME || p->t->spaced) return under;
    return node_binary(p->w, NODE_PRODUCT, under, parse_power(p));
}

/* "2x/3x" in its second reading, 2x/(3x): what is glued to the divisor is a part of it, if the
 * dividend has it too. */
static bool joins_divisor(parser *p, node *quotient, node *factor, bool spaced)
{
    const node *over = quotient->child[0];
    bool shared = node_same(over, factor);
    for (unsigned i = 0; over->kind == NODE_PRODUCT && i < over->n; i++)
        shared |= node_same(over->child[i], factor);
    if (!shared || spaced) return false;
    p->w->ambiguous = true;
    if (!p->w->second_reading) return false;
    quotient->child[1] = node_binary(p->w, NODE_PRODUCT, quotient->child[1], factor);
    return true;
}

node *parse_term(parser *p)
{
    node *out = parse_factor(p);
    node *divided = NULL; /* the quotient whose divisor was read last */
    node_list factors = {0};
    node_push(p->w, &factors, out);
    while (!p->failed) {
        int kind = p->t->kind;
        bool number_before = factors.items[factors.n - 1]->kind == NODE_NUMBER;
        if (parse_units(p, &factors)) continue;
        if (kind == '*') {
            parse_next(p);
            node_push(p->w, &factors, parse_factor(p));
        } else if (kind == '/') {
            parse_next(p);
            node *over = factors.n == 1 ? factors.items[0]
                                        : node_from_list(p->w, NODE_PRODUCT, &factors);
            node *under = differential(p, over, parse_factor(p));
            factors.n = 0;
            divided = node_binary(p->w, NODE_QUOTIENT, over, under);
            node_push(p->w, &factors, divided);
        } else if (kind == T_PMOD) {
            skip_modulus(p);
        } else if (kind == '(' && (p->t[1].kind == T_OR || p->t[1].kind == '=')) {
            break;                                          /* "3/5 (or 0.6)" */
        } else if (kind == '(' && p->t[1].kind == T_PMOD) { /* "17 (mod 20)" */
            parse_next(p);
            skip_modulus(p);
            if (!parse_take(p, ')')) return parse_fail(p);
        } else if (kind == T_NUMBER && number_before && p->t->spaced) {
            return parse_fail(p); /* "2 3" is no product */
        } else if (parse_begins_factor(p)) {
            bool spaced = p->t->spaced;
            node *factor = parse_power(p);
            bool last = divided && factors.items[factors.n - 1] == divided;
            if (!last || !joins_divisor(p, divided, factor, spaced))
                node_push(p->w, &factors, factor);
        } else {
            break;
        }
    }
    return factors.n == 1 ? factors.items[0] : node_from_list(p->w, NODE_PRODUCT, &factors);
}

node *parse_factor(parser *p)
{
    int kind = p->t->kind;
    if (kind != '-' && kind != '+' && kind != T_PM && kind != T_MP) return parse_power(p);
    if (!parse_enter(p)) return parse_fail(p);
    parse_next(p);
    node *out = parse_factor(p);
    p->w->depth--;
    if (kind == '+') return out;
    if (kind == '-') return node_unary(p->w, NODE_NEGATE, out);
    out = node_unary(p->w, NODE_PLUSMINUS, out);
    out->mark = kind == T_PM ? '+' : '-';
    return out;
}

node *parse_sum(parser *p)
{
    if (!parse_enter(p)) return parse_fail(p);
    node_list terms = {0};
    node_push(p->w, &terms, parse_term(p));
    while (!p->failed) {
        int kind = p->t->kind;
        if (kind != '+' && kind != '-' && kind != T_PM && kind != T_MP) break;
        parse_next(p);
        node *term = parse_term(p);
        if (kind == '-') term = node_unary(p->w, NODE_NEGATE, term);
        if (kind == T_PM || kind == T_MP) {
            term = node_unary(p->w, NODE_PLUSMINUS, term);
            term->mark = kind == T_PM ? '+' : '-';
        }
        node_push(p->w, &terms, term);
    }
    p->w->depth--;
    return terms.n == 1 ? terms.items[0] : node_from_list(p->w, NODE_SUM, &terms);
}

static node *parse_colon(parser *p)
{
    node *first = parse_sum(p);
    if (p->t->kind != ':' || p->in_set) return first;
    node_list parts = {0};
    node_push(p->w, &parts, first);
    while (!p->failed && parse_take(p, ':')) node_push(p->w, &parts, parse_sum(p));
    return node_from_list(p->w, NODE_COLON, &parts);
}

static node *parse_union(parser *p)
{
    node *out = parse_colon(p);
    while (!p->failed) {
        node_kind kind = p->t->kind == T_CUP        ? NODE_UNION
                         : p->t->kind == T_CAP      ? NODE_INTERSECTION
                         : p->t->kind == T_SETMINUS ? NODE_DIFFERENCE
                                                    : NODE_NUMBER;
        if (kind == NODE_NUMBER) break;
        parse_next(p);
        out = node_binary(p->w, kind, out, parse_colon(p));
    }
    return out;
}

static char relation_mark(int kind)
{
    switch (kind) {
    case '=': return '=';
    case '<': return '<';
    case '>': return '>';
    case T_LE: return 'l';
    case T_GE: return 'g';
    case T_NE: return 'n';
    case T_ABOUT: return '~';
    case T_IN: return 'i';
    case T_CONGRUENT: return 'm';
    case T_CONTAINS: return 'i';
    case T_NOT_IN: return 'x';
    case T_SUBSET:
    case T_SUPSET: return 's';
    case T_SUBSET_EQ:
    case T_SUPSET_EQ: return 'c';
    case T_TO: return 't';
    default: return 0;
    }
}

/* A \ni x says what x \in A says. */
static bool is_turned(int kind)
{
    return kind == T_CONTAINS || kind == T_SUPSET || kind == T_SUPSET_EQ;
}

node *parse_statement(parser *p)
{
    if (!parse_enter(p)) return parse_fail(p);
    char marks[16];
    size_t n = 0;
    node_list sides = {0};
    char first = relation_mark(p->t->kind);
    if (first == '=' || first == '~') { /* "= 5" */
        parse_next(p);
    } else if (first && first != 'm') { /* "> 5" says it of something without a name */
        node *nameless = node_create(p->w, NODE_SYMBOL, 0);
        nameless->symbol = work_symbol(p->w, "", 0);
        node_push(p->w, &sides, nameless);
    }
    if (sides.n == 0) node_push(p->w, &sides, parse_union(p));
    bool turned = false;
    for (char mark; !p->failed && (mark = relation_mark(p->t->kind));) {
        turned |= is_turned(p->t->kind);
        parse_next(p);
        if (n == sizeof marks) return parse_fail(p);
        marks[n++] = mark;
        node_push(p->w, &sides, parse_union(p));
    }
    p->w->depth--;
    if (sides.n == 1) return sides.items[0];
    if (turned && sides.n > 2) return parse_fail(p);
    if (turned) {
        node *left = sides.items[0];
        sides.items[0] = sides.items[1];
        sides.items[1] = left;
    }
    node *out = node_from_list(p->w, NODE_RELATION, &sides);
    out->text = work_text(p->w, marks, n);
    out->size = n;
    return out;
}

/* Statements of one group, as a list unless there is but one. */
static node *group_of(parser *p, const node_list *items, char mark)
{
    if (items->n == 1) return items->items[0];
    node *out = node_from_list(p->w, NODE_LIST, items);
    out->mark = mark;
    return out;
}

/* After how many items the names of "p=5, q=2 and p=7, q=2" come again, each in its place;
 * 0: they do not. */
static unsigned names_period(const node_list *items)
{
    unsigned period = 0;
    for (unsigned i = 0; i < items->n; i++) {
        const node *item = items->items[i];
        if (item->kind != NODE_RELATION || item->n != 2 || item->text[0] != '=' ||
            item->child[0]->kind != NODE_SYMBOL)
            return 0;
        if (i && !period && node_same(item->child[0], items->items[0]->child[0])) period = i;
        if (period && !node_same(item->child[0], items->items[i % period]->child[0])) return 0;
    }
    return period > 1 && items->n % period == 0 ? period : 0;
}

/* The items as a list, one of lists where their names come again. */
static node *named_groups(parser *p, const node_list *items, char mark)
{
    unsigned period = names_period(items);
    if (!period) return group_of(p, items, mark);
    node_list groups = {0};
    for (unsigned i = 0; i < items->n; i += period) {
        node_list group = {0};
        for (unsigned k = 0; k < period; k++) node_push(p->w, &group, items->items[i + k]);
        node_push(p->w, &groups, group_of(p, &group, ','));
    }
    return group_of(p, &groups, mark == 'o' ? 'o' : ',');
}

/* "3/5 (or 0.6)": the same value said again in brackets. */
static bool take_aside(parser *p, node_list *items)
{
    if (p->t->kind != '(' || (p->t[1].kind != T_OR && p->t[1].kind != '=')) return false;
    parse_next(p);
    parse_next(p);
    node_push(p->w, items, parse_statement(p));
    if (!parse_take(p, ')')) parse_fail(p);
    return true;
}

node *parse_statements(parser *p)
{
    node_list items = {0}, groups = {0};
    char mark = 0;
    node_push(p->w, &items, parse_statement(p));
    while (!p->failed) {
        int kind = p->t->kind;
        if (take_aside(p, &items)) {
            mark = 'o';
            continue;
        }
        if (kind != ',' && kind != ';' && kind != T_AND && kind != T_OR) break;
        parse_next(p);
        if (kind == ',' || kind == ';')
            if (p->t->kind == T_AND || p->t->kind == T_OR) {
                kind = p->t->kind;
                parse_next(p);
            }
        if (kind == ';' && (items.n == 1 || mark == ',')) { /* p=5,q=2; p=7,q=2 */
            node_push(p->w, &groups, group_of(p, &items, mark));
            items = (node_list){0};
            mark = 0;
        } else if (kind == T_OR) mark = 'o';
        else if (kind == T_AND && mark != 'o') mark = mark == ',' ? ',' : 'a';
        else if (!mark) mark = ',';
        node_push(p->w, &items, parse_statement(p));
    }
    if (groups.n == 0) return named_groups(p, &items, mark);
    node_push(p->w, &groups, group_of(p, &items, mark));
    return group_of(p, &groups, ',');
}

/* An answer in words only, such as "two lines". */
static bool only_words(const token *t)
{
    bool found = false;
    for (; t->kind != T_END; t++) {
        if (t->kind == T_WORD) found = true;
        else if (t->kind != T_NAME && t->kind != T_E && t->kind != T_I && t->kind != T_AND &&
                 t->kind != T_OR && t->kind != '-' && t->kind != T_PRIME)
            return false;
    }
    return found;
}

node *parse_answer(work *w, const char *s, size_t n)
{
    parser state = {.w = w, .s = s, .n = n, .t = lex(w, s, n)}, *p = &state;
    if (!p->t) return NULL;
    node *out = parse_spoken(w, s, n);
    if (out) return out;
    int depth = w->depth;
    if (!only_words(p->t)) out = parse_statements(p);
    w->depth = depth;
    if (w->exhausted) return NULL;
    if (!out || p->failed || p->t->kind != T_END) return node_text(w, NODE_TEXT, s, n);
    return out;
}
