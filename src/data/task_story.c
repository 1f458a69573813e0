/* Stories: word problems of five to twelve events, each a sentence, which take a language
 * model a hundred tokens and more to work through. Some events change nothing. */
#include "task_kinds.h"
#include "task_steps.h"

#define PICK(random, list) ((list)[masa_random_below((random), sizeof(list) / sizeof *(list))])

enum { MOST = 900 }; /* what somebody may have: every step stays one of three digits */

static const char *const names[] = {"Anna",  "Ben",  "Carla", "David", "Emma", "Farid",
                                    "Grace", "Hugo", "Ines",  "Jack",  "Kira", "Liam"};
static const char *const things[] = {"apples", "marbles", "pencils", "stickers", "cookies",
                                     "coins",  "shells",  "tickets", "cards",    "stamps"};
static const char *const boxes[] = {"boxes", "bags", "baskets", "packs", "jars"};

typedef struct story {
    masa_text *text, *work;
    masa_random *random;
    const char *who, *other, *what;
    long has;
} story;

static long draw(story *s, long low, long high)
{
    return (long)masa_random_range(s->random, low, high);
}

static void gets(story *s)
{
    long k = draw(s, 5, 95);
    masa_text_addf(s->text, " %s gives %s %ld more.", s->other, s->who, k);
    masa_text_addf(s->work, " Getting %ld more:", k);
    s->has = steps_add(s->work, s->has, k);
}

static void gives(story *s)
{
    long k = draw(s, 2, s->has < 95 ? s->has - 1 : 95);
    masa_text_addf(s->text, " %s gives %ld %s to %s.", s->who, k, s->what, s->other);
    masa_text_addf(s->work, " Giving %ld away:", k);
    s->has = steps_subtract(s->work, s->has, k);
}

static void buys(story *s)
{
    long n = draw(s, 2, 9), each = draw(s, 3, 19);
    const char *box = PICK(s->random, boxes);
    masa_text_addf(s->text, " %s buys %ld %s with %ld %s each.", s->who, n, box, each, s->what);
    masa_text_addf(s->work, " The %s hold together:", box);
    long more = steps_multiply(s->work, n, each);
    masa_text_add(s->work, " With those from before:");
    s->has = steps_add(s->work, s->has, more);
}

static void doubles(story *s)
{
    masa_text_addf(s->text, " On the next day %s has twice as many as before.", s->who);
    masa_text_add(s->work, " Twice as many:");
    s->has = steps_multiply(s->work, s->has, 2);
}

/* Equal heaps, some of which go: a number of heaps that divides what there is. */
static bool heaps(story *s)
{
    long n = draw(s, 2, 8), gone;
    if (s->has % n) return false;
    gone = draw(s, 1, n - 1);
    masa_text_addf(s->text,
                   " %s makes %ld equal heaps of all the %s and gives %ld of the heaps "
                   "away.",
                   s->who, n, s->what, gone);
    masa_text_addf(s->work, " A heap has %ld / %ld = %ld %s. Heaps that stay:", s->has, n,
                   s->has / n, s->what);
    long stay = steps_subtract(s->work, n, gone);
    masa_text_add(s->work, " They hold:");
    s->has = steps_multiply(s->work, s->has / n, stay);
    return true;
}

/* Something that is true and of no use. */
static void aside(story *s)
{
    long k = draw(s, 2, 99);
    if (masa_random_below(s->random, 2)) {
        masa_text_addf(s->text, " %s has %ld %s at home.", s->other, k, s->what);
        masa_text_addf(s->work, " What %s has at home does not count.", s->other);
    } else {
        masa_text_addf(s->text, " All this takes %ld minutes.", k);
        masa_text_add(s->work, " The minutes do not matter.");
    }
}

/* Whether an event of this kind was possible. */
static bool happens(story *s, int kind)
{
    switch (kind) {
    case 0: return s->has + 95 <= MOST && (gets(s), true);
    case 1: return s->has > 9 && (gives(s), true);
    case 2: return s->has + 9 * 19 <= MOST && (buys(s), true);
    case 3: return s->has <= 200 && (doubles(s), true);
    case 4: return s->has > 9 && heaps(s);
    default: aside(s); return true;
    }
}

/* level 7: five events, and an aside; 8: seven and one; 9: nine and two; 10: twelve and two. */
long task_story(masa_text *text, masa_text *work, masa_random *random, int level)
{
    static const int counted[] = {5, 7, 9, 12};
    int events = counted[level - 7], asides = level < 9 ? 1 : 2;
    story s = {.text = text,
               .work = work,
               .random = random,
               .who = PICK(random, names),
               .what = PICK(random, things)};
    do s.other = PICK(random, names);
    while (s.other == s.who);
    s.has = draw(&s, 11, 99);
    masa_text_addf(text, "%s has %ld %s.", s.who, s.has, s.what);
    masa_text_addf(work, " At first %s has %ld %s.", s.who, s.has, s.what);
    while (events > 0) {
        /* An aside stands anywhere but at the end. */
        bool turn = asides > 0 &&
                    (int)masa_random_below(random, (uint64_t)(events - 1 + asides)) < asides;
        if (turn) asides--, happens(&s, 5);
        else events -= happens(&s, (int)masa_random_below(random, 5));
    }
    masa_text_addf(text, " How many %s does %s have in the end?", s.what, s.who);
    return s.has;
}
