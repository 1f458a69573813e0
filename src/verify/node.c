#include "node.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

node *node_create(work *w, node_kind kind, unsigned n)
{
    node *out = work_alloc(w, sizeof *out);
    out->kind = kind;
    out->n = n;
    if (n) out->child = work_alloc(w, n * sizeof *out->child);
    work_spend(w, 1);
    return out;
}

node *node_number(work *w)
{
    node *out = node_create(w, NODE_NUMBER, 0);
    fmpq_init(out->value);
    out->next_number = w->numbers;
    w->numbers = out;
    return out;
}

node *node_integer(work *w, long value)
{
    node *out = node_number(w);
    fmpz_set_si(fmpq_numref(out->value), value); /* the denominator is 1 */
    return out;
}

node *node_unary(work *w, node_kind kind, node *a)
{
    node *out = node_create(w, kind, 1);
    out->child[0] = a;
    out->has_pm = a->has_pm || kind == NODE_PLUSMINUS;
    return out;
}

node *node_binary(work *w, node_kind kind, node *a, node *b)
{
    node *out = node_create(w, kind, 2);
    out->child[0] = a;
    out->child[1] = b;
    out->has_pm = a->has_pm || b->has_pm;
    return out;
}

node *node_call(work *w, function f, node *a, node *b)
{
    node *out = b ? node_binary(w, NODE_CALL, a, b) : node_unary(w, NODE_CALL, a);
    out->symbol = f;
    return out;
}

node *node_text(work *w, node_kind kind, const char *s, size_t n)
{
    node *out = node_create(w, kind, 0);
    out->text = work_text(w, s, n);
    out->size = n;
    return out;
}

void node_push(work *w, node_list *list, node *item)
{
    if (list->n == list->capacity) {
        unsigned grown = list->capacity ? 2 * list->capacity : 8;
        node **items = work_alloc(w, grown * sizeof *items);
        if (list->n) memcpy(items, list->items, list->n * sizeof *items);
        list->items = items;
        list->capacity = grown;
    }
    list->items[list->n++] = item;
}

node *node_from_list(work *w, node_kind kind, const node_list *list)
{
    node *out = node_create(w, kind, list->n);
    for (unsigned i = 0; i < list->n; i++) {
        out->child[i] = list->items[i];
        out->has_pm |= list->items[i]->has_pm;
    }
    return out;
}

bool node_same(const node *a, const node *b)
{
    if (a->kind != b->kind || a->n != b->n || a->symbol != b->symbol || a->mark != b->mark ||
        a->close != b->close || a->rows != b->rows || a->size != b->size ||
        (a->size && memcmp(a->text, b->text, a->size) != 0))
        return false;
    if (a->kind == NODE_NUMBER && !fmpq_equal(a->value, b->value)) return false;
    for (unsigned i = 0; i < a->n; i++)
        if (!node_same(a->child[i], b->child[i])) return false;
    return true;
}

/* The number under a minus sign, or n itself. */
static const node *unsigned_of(const node *n)
{
    return n->kind == NODE_NEGATE ? n->child[0] : n;
}

bool node_is_decimal(const node *n)
{
    n = unsigned_of(n);
    return n->kind == NODE_NUMBER && n->size && memchr(n->text, '.', n->size) != NULL;
}

void node_decimal_unit(mag_t out, const node *n)
{
    n = unsigned_of(n);
    const char *point = n->size ? memchr(n->text, '.', n->size) : NULL;
    const char *exponent = n->size ? memchr(n->text, 'e', n->size) : NULL;
    size_t end = exponent ? (size_t)(exponent - n->text) : n->size;
    long places = point ? (long)(end - (size_t)(point - n->text)) - 1 : 0;
    for (size_t i = end + 1, power = 0; exponent && i < n->size; i++) {
        if (n->text[i] >= '0' && n->text[i] <= '9')
            power = power * 10 + (size_t)(n->text[i] - '0');
        if (i + 1 == n->size && power < 1000000)
            places += exponent[1] == '-' ? (long)power : -(long)power;
    }
    mag_set_ui(out, 10);
    mag_pow_ui(out, out, (ulong)labs(places));
    if (places > 0) mag_inv(out, out);
}

bool node_is_percent(const node *n)
{
    return n->kind == NODE_UNIT && n->size == 1 && *n->text == '%';
}

bool node_is_degrees(const node *n)
{
    return n->kind == NODE_UNIT && n->size == 3 && memcmp(n->text, "deg", 3) == 0;
}

node *unit_sum(work *w, node *first, node *second)
{
    if (first->kind != NODE_UNIT || second->kind != NODE_UNIT) return NULL;
    fmpq_t times;
    fmpq_init(times);
    bool larger = unit_compare(times, first->text, first->size, second->text, second->size) ==
                      UNIT_SCALED &&
                  fmpz_is_one(fmpq_denref(times));
    node *factor = larger ? node_number(w) : NULL;
    if (factor) fmpq_set(factor->value, times);
    fmpq_clear(times);
    if (!factor) return NULL;
    node *scaled = node_binary(w, NODE_PRODUCT, first->child[0], factor);
    node *out = node_unary(w, NODE_UNIT, node_binary(w, NODE_SUM, scaled, second->child[0]));
    out->text = second->text;
    out->size = second->size;
    return out;
}
