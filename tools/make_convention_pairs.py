#!/usr/bin/env python3
"""Makes pairs of answers in the conventions of models, data sets and checkers.

Usage: make_convention_pairs.py > tests/verify/data/conventions.jsonl

Every class below is one convention. It yields texts as a model would write them, golds as
a set would give them, and the verdict, which arithmetic on small fractions makes certain;
half of the pairs of a class are unequal. Seeded: the same pairs each time. Needs nothing
but Python.
"""
import json
import math
import random
import sys
from fractions import Fraction as F

PAIRS_A_CLASS = 48
rng = random.Random(20)
classes = {}


def convention(f):
    classes[f.__name__.replace("_", " ")] = f
    return f


def integer(low=2, high=99):
    return rng.randint(low, high)


def other(n, low=1, high=9):
    """A number that is not n."""
    return n + rng.choice([-1, 1]) * rng.randint(low, high)


def proper():
    """A fraction in lowest terms that is no whole number."""
    while True:
        q = F(rng.randint(1, 40), rng.randint(2, 20))
        if q.denominator > 1:
            return q


def frac(q, form=None):
    a, b = q.numerator, q.denominator
    forms = [f"\\frac{{{a}}}{{{b}}}", f"\\dfrac{{{a}}}{{{b}}}", f"{a}/{b}", f"\\tfrac{{{a}}}{{{b}}}",
             f"{{{a} \\over {b}}}", f"\\frac{{{3 * a}}}{{{3 * b}}}"]
    return rng.choice(forms) if form is None else forms[form]


def boxed(answer):
    return rng.choice(["\\boxed{%s}", "So the answer is $\\boxed{%s}$.", "$$\\boxed{%s}$$",
                       "We get \\[\\boxed{%s}.\\]"]) % answer


def either(right, wrong):
    """The right answer or the wrong one, and which it is."""
    return (right, True) if next(coin) else (wrong, False)


def coins():
    while True:
        yield True
        yield False


coin = coins()


# --- where an answer stands -------------------------------------------------------

@convention
def box_in_a_solution():
    n = integer()
    a, e = either(n, other(n))
    steps = f"First we compute ${n + 3} - 3 = {n}$ or so. Then we check {other(n)}. "
    return steps + boxed(a), str(n), e


@convention
def other_boxes():
    n = integer()
    a, e = either(n, other(n))
    t = rng.choice(["Hence, \\fbox{%d}", "$\\boxed %d$", "\\boxed {%d}", "\\framebox{%d}"])
    return f"Since ${other(n)} > 1$: " + t % a, str(n), e


@convention
def answer_tags():
    n = integer()
    a, e = either(n, other(n))
    t = rng.choice(["<think>Maybe {o}.</think><answer>{a}</answer>",
                    "<think>Maybe \\boxed{{{o}}}.</think>\n<answer> ${a}$ </answer>",
                    "<answer>\\boxed{{{a}}}</answer>", "<answer>The result is {a}.</answer>"])
    return t.format(a=a, o=other(n)), str(n), e


@convention
def phrases():
    n = integer()
    a, e = either(n, other(n))
    t = rng.choice(["We try {o}. The answer is {a}.", "Final Answer: {a}", "**Final Answer:** {a}",
                    "The final answer is: ${a}$. I hope it is correct.", "Answer: {a}, not {o}.",
                    "So the answer is therefore {a}.", "**Answer**: {a} apples",
                    "The correct answer is **{a}**.", "The answer to the question is {a}.",
                    "## Final Answer\n\n{a}", "the answer should be \\({a}\\)",
                    "Final answer: the total is {a}.", "La respuesta es {a}.",
                    "\u7b54\u6848\u662f{a}\u3002"])
    return t.format(a=a, o=other(n)), str(n), e


@convention
def hashes():
    n = integer(2, 2000)
    a, e = either(n, other(n))
    return f"{n} or {a}? We compute {a}.\n#### {a:,}", str(n), e


@convention
def bold_results():
    n = integer()
    a, e = either(n, other(n))
    t = rng.choice(["**Step 1: count**\nThere are {o}.\n\nIn all we have **{a}** of them.",
                    "It costs **${a}** in all.", "She needs **{a} hours**.", "**Total: {a}**"])
    return t.format(a=a, o=other(n)), str(n), e


@convention
def formulas_in_sentences():
    n = integer()
    a, e = either(n, other(n))
    t = rng.choice(["Therefore $x = {a}$ is the solution.", "We conclude that $x={a}$.",
                    "The area is ${a}$ square units.", "From $y = {o}$ we find \\(x = {a}\\).",
                    "The value of $f(3)$ is ${a}$.", "Adding up,\n\\[ {o} + 1 \\neq {a} \\]\nso it is ${a}$",
                    "The largest such $n$ is {a}.", "We get ${a}$ when $y = {o}$."])
    return t.format(a=a, o=other(n)), rng.choice(["%d", "x=%d"]) % n, e


@convention
def displays():
    q = proper()
    a, e = either(q, q + 1)
    t = rng.choice(["We get\n$$x = %s$$", "So\n\\[\n%s\n\\]", "Then \\[ x = %s. \\]",
                    "$$\\begin{align} x &= 1 \\cdot y \\\\ &= %s \\end{align}$$"])
    return t % frac(a), frac(q, 0), e


@convention
def bare_answers():
    n, m = integer(), integer()
    right = [f"{n} + {m}x", f"{m}x+{n}", f"y = {m}x + {n}", f"{n}+x*{m}"]
    wrong = [f"{n} - {m}x", f"{m + 1}x+{n}", f"y = {n}x + {m + n}", str(n)]
    a, e = either(rng.choice(right), rng.choice(wrong))
    return a, f"{m}x+{n}", e


@convention
def several_boxes():
    n, m = integer(), integer()
    m += m == n
    a, e = either((n, m), (n, other(m, 100, 200)))
    t = rng.choice(["$\\boxed{%d}$ and $\\boxed{%d}$", "\\boxed{%d}, \\boxed{%d}",
                    "\\[\\boxed{%d} \\quad \\text{or} \\quad \\boxed{%d}\\]", "\\boxed{%d}\n\\boxed{%d}",
                    "So $x=\\boxed{%d}$ or $x=\\boxed{%d}$."])
    return t % a, f"{m}, {n}", e


@convention
def last_numbers():
    n = integer()
    a, e = either(n, other(n))
    t = rng.choice(["There were {o} and now there are {a}.", "After 3 days\nhe has {a} left",
                    "So they need {a} more days."])
    return t.format(a=a, o=other(n)), str(n), e


@convention
def golds_that_are_solutions():
    n = integer()
    a, e = either(n, other(n))
    g = rng.choice([f"We add {other(n)} and find \\boxed{{{n}}}.", f"First {other(n)}.\n#### {n}",
                    f"Since $x > {other(n)}$, we have $x = {n}$.", f"The sum is ${n}$.",
                    f"As $y={other(n)}$, the answer is ${n}$. It is unique."])
    return boxed(a), g, e


# --- numbers ----------------------------------------------------------------------

@convention
def thousands():
    n = rng.randint(1000, 9999999)
    a, e = either(n, other(n, 1, 999))
    s = f"{a:,}"
    mark = rng.choice([",", ",\\!", "{,}", "\\,", ",\\! ", "\\;", "{, }", " "])
    return boxed(s.replace(",", mark)), rng.choice([str(n), f"{n:,}"]), e


@convention
def spellings_of_fractions():
    q = proper()
    a, e = either(q, 1 / q if q != 1 / q else q + 1)
    return boxed(frac(a)), frac(q), e


@convention
def mixed_numbers():
    whole, q = integer(1, 20), F(rng.randint(1, 6), 7)
    a, e = either(frac(whole + q), frac(whole * q))
    g = rng.choice([f"{whole}\\frac{{{q.numerator}}}{{7}}", f"{whole} {q.numerator}/7"])
    return boxed(a), g, e


@convention
def decimals_that_are_fractions():
    q = F(rng.randint(1, 399), rng.choice([4, 5, 8, 20, 25]))
    a, e = either(q, q + F(1, 10))
    s = rng.choice([str(float(a)), f"{float(a):.4f}", f"+{float(a)}"])
    return boxed(s), frac(q, 0) if q.denominator > 1 else str(q), e


@convention
def repeating_decimals():
    d = rng.choice([1, 2, 4, 5, 7, 8])
    a, e = either(F(d, 9), F(d, 10))
    g = rng.choice([f"0.\\overline{{{d}}}", f"0.\\dot{{{d}}}"])
    return boxed(frac(a, 0)), g, e


@convention
def printed_decimals():
    q = proper()
    while 10 ** 6 % q.denominator == 0:
        q = proper()
    right = rng.choice([repr(float(q)), f"{float(q):.12f}", f"{float(q):.11f}"])
    digits = f"{float(q):.12f}"
    wrong = digits[:-3] + str((int(digits[-3]) + 5) % 10) + digits[-2:]
    a, e = either(right, wrong)
    return boxed(a), frac(q, 0), e


@convention
def estimates():
    """A few digits are no exact value; the exact value in another spelling is."""
    q = proper()
    while 10 ** 6 % q.denominator == 0:
        q = proper()
    a, e = either(frac(q), f"{float(q):.{rng.randint(1, 4)}f}")
    return boxed(a), frac(q, 0), e


@convention
def percentages():
    n = integer()
    a, e = either(n, other(n))
    t = rng.choice(["%d\\%%", "%d%%", "%d percent", "%d \\text{ percent}", "%d pct", "%d",
                    "%d percentage points", "%d per cent"])
    return boxed(t % a), f"{n}\\%", e


@convention
def shares():
    n = integer(2, 98)
    a, e = either(F(n, 100), F(n, 10) if n != 10 else F(1, 3))
    return boxed(rng.choice([frac(a, 0), str(float(a))])), f"{n}\\%", e


@convention
def scientific_notation():
    m, k = rng.choice([1.5, 2.25, 3, 6.02]), rng.randint(3, 12)
    a, e = either(k, k + 1)
    t = rng.choice(["{m} \\times 10^{{{k}}}", "{m}e{k}", "{m}*10^{k}", "{m} \\cdot 10^{{{k}}}",
                    "{m} x 10^{k}", "{m}E+{k}", "{m} * 10**{k}"])
    return boxed(t.format(m=m, k=a)), f"{m} \\times 10^{{{k}}}", e


@convention
def bases():
    b = rng.choice([2, 3, 5, 8])
    n = rng.randint(20, 400)

    def digits(x):
        return digits(x // b) + str(x % b) if x >= b else str(x)
    a, e = either(n, other(n))
    names = {2: "two", 3: "three", 5: "five", 8: "eight"}
    t = rng.choice([f"%s_{b}", f"%s_{{{b}}}", f"%s_{{\\text{{{names[b]}}}}}", "%s", f"%s base {b}"])
    return boxed(t % digits(a)), f"{digits(n)}_{{{b}}}", e


@convention
def decimal_commas():
    n, d = integer(), rng.randint(11, 99)
    a, e = either(d, other(d, 1, 1))
    sides = (f"{n},{a}", f"{n}.{d}") if rng.random() < .5 else (f"{n}.{a}", f"{n},{d}")
    return boxed(sides[0]), sides[1], e


@convention
def ordinals_and_words():
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
             "twelve"]
    n = integer(4, 12)
    a, e = either(n, n - 1)
    t = rng.choice([words[a - 1], f"{a}^{{\\text{{th}}}}", f"{a}th" if a > 3 else str(a),
                    f"\\text{{{words[a - 1]}}}"])
    return boxed(t), str(n), e


@convention
def code_notation():
    n, m = rng.choice([2, 3, 5, 7, 11]), integer()
    a, e = either(m, other(m, 1, 1))
    t = rng.choice([("sqrt({n})*{m}", "{m}\\sqrt{{{n}}}"), ("{m}**{n}", "{m}^{{{n}}}"),
                    ("{m}*pi/{n}", "\\frac{{{m}\\pi}}{{{n}}}"), ("log({m}, {n})", "\\log_{{{n}}} {m}"),
                    ("np.sqrt({m}*{n})", "\\sqrt{{{mn}}}"), ("exp({m})/{n}", "\\frac{{e^{{{m}}}}}{{{n}}}"),
                    ("math.atan({m}/{n})", "\\arctan\\frac{{{m}}}{{{n}}}")])
    return boxed(t[0].format(n=n, m=a)), t[1].format(n=n, m=m, mn=n * m), e


@convention
def unicode_signs():
    n, m = integer(), rng.choice([2, 3, 5])
    a, e = either(n, other(n, 1, 1))
    t = rng.choice([("{n}\u221a{m}", "{n}\\sqrt{m}"), ("\u2212{n}", "-{n}"),
                    ("{n}\u03c0", "{n}\\pi"), ("{n}\u00b0", "{n}^\\circ"), ("x \u2265 {n}", "x \\ge {n}"),
                    ("{n}\u00d7{m}", "{nm}"), ("{n}x\u00b2", "{n}x^2"), ("{n}\u00bd", "\\frac{{{h}}}{{2}}"),
                    ("x \u2260 {n}", "x \\neq {n}"), ("(\u2212\u221e, {n}]", "(-\\infty, {n}]")])
    return (boxed(t[0].format(n=a, m=m)),
            t[1].format(n=n, m=m, nm=n * m, h=2 * n + 1), e)


@convention
def escaped_twice():
    q = proper()
    a, e = either(q, q + 1)
    t = rng.choice(["\\\\frac{%d}{%d}", "x = \\\\dfrac{%d}{%d}", "\\\\left( \\\\frac{%d}{%d} \\\\right)"])
    return "\\\\boxed{%s}" % (t % (a.numerator, a.denominator)), frac(q, 0), e


# --- units --------------------------------------------------------------------------

@convention
def units_left_out():
    n = integer()
    a, e = either(n, other(n))
    unit = rng.choice(["cm", "meters", "hours", "kg", "square units", "dollars", "students"])
    p, g = rng.choice([(f"{a} \\text{{ {unit}}}", str(n)), (str(a), f"{n} \\text{{ {unit}}}"),
                       (f"{a} {unit}", f"{n}")])
    return boxed(p), g, e


@convention
def units_converted():
    n = integer()
    small, large, k = rng.choice([("cm", "m", 100), ("minutes", "hours", 60), ("mm", "cm", 10),
                                  ("grams", "kg", 1000), ("inches", "feet", 12),
                                  ("cents", "dollars", 100)])
    a, e = either(n * k, n * k * 10)
    return boxed(f"{a} \\text{{ {small}}}"), f"{n} \\text{{ {large}}}", e


@convention
def units_of_another_kind():
    n = integer()
    unit, bad = rng.choice([("kg", "cm"), ("hours", "meters"), ("cm", "cm^2"), ("m", "s"),
                            ("dollars", "hours")])
    a, e = either(unit, bad)
    return boxed(f"{n} \\text{{ {a}}}"), f"{n} \\text{{ {unit}}}", e


@convention
def money():
    n = integer(2, 5000)
    a, e = either(n, other(n))
    t = rng.choice(["\\${:,}", "\\${:,}.00", "{:,} \\text{{ dollars}}", "USD {}", "{} dollars", "${:,}"])
    return "\\boxed{%s}" % t.format(a), rng.choice([str(n), f"\\${n}"]), e


@convention
def degrees_and_radians():
    k = rng.choice([30, 45, 60, 90, 120, 135, 150, 210])
    q = F(k, 180)
    a, e = either(q, q + F(1, 12))
    num = "" if a.numerator == 1 else a.numerator
    deg = f"{180 * a}"
    t = rng.choice([f"\\frac{{{num}\\pi}}{{{a.denominator}}}", f"{deg}^\\circ", f"{deg}°",
                    f"{deg} degrees", f"{deg}^{{\\circ}}"])
    return boxed(t), f"{k}^\\circ", e


@convention
def times_of_day():
    h, m = integer(1, 12), integer(10, 59)
    a, e = either(m, m - 1)
    half = rng.choice(["a", "p"])
    t = rng.choice([f"{h}:%02d {half}.m.", f"{h}:%02d {half.upper()}M", f"{h}:%02d \\text{{ {half}.m.}}"])
    return boxed(t % a), f"{h}:{m:02d} \\text{{ {half}.m.}}", e


# --- expressions ----------------------------------------------------------------------

@convention
def roots():
    n, m = integer(2, 12), rng.choice([2, 3, 5, 6, 7])
    a, e = either(n, n + 1)
    t = rng.choice([f"\\sqrt{{{a * a * m}}}", f"{a}\\sqrt{{{m}}}", f"\\frac{{{a * m}}}{{\\sqrt{{{m}}}}}",
                    f"{a} \\sqrt{m}", f"{a}\\cdot {m}^{{1/2}}", f"\\sqrt[4]{{{(a * a * m) ** 2}}}"])
    return boxed(t), f"{n}\\sqrt{{{m}}}", e


@convention
def nested_roots():
    n, m = rng.sample([2, 3, 5, 6, 7, 10, 11, 13], 2)
    a, e = either(n + m, n + m + 1)
    return boxed(f"\\sqrt{{{a}+2\\sqrt{{{n * m}}}}}"), f"\\sqrt{{{n}}}+\\sqrt{{{m}}}", e


@convention
def multiples_of_pi():
    q = proper()
    a, e = either(q, q + 1)
    n, d = a.numerator, a.denominator
    t = rng.choice([f"\\frac{{{n}\\pi}}{{{d}}}", f"\\frac{{{n}}}{{{d}}}\\pi", f"{n}\\pi/{d}",
                    f"\\frac{{{n}}}{{{d}}} \\cdot \\pi", f"{n}*pi/{d}"])
    return boxed(t), f"\\frac{{{q.numerator}}}{{{q.denominator}}}\\pi", e


@convention
def logarithms():
    n, k = integer(2, 9), integer(2, 6)
    a, e = either(k, k + 1)
    t = rng.choice([(f"\\log_{{{n}}} {n ** a}", str(k)), (f"{a}\\ln {n}", f"\\ln({n ** k})"),
                    (f"\\frac{{\\ln {n + a}}}{{\\ln {n}}}", f"\\log_{{{n}}}({n + k})"),
                    (f"e^{{{a}x}}", f"(e^x)^{{{k}}}"), (f"e^{{{a}\\ln {n}}}", str(n ** k))])
    return boxed(t[0]), t[1], e


@convention
def trigonometry():
    right, wrong, gold = rng.choice([
        ("\\frac{\\sqrt{3}}{2}", "\\frac{1}{2}", "\\sin 60^\\circ"),
        ("2 - \\sqrt{3}", "2+\\sqrt{3}", "\\tan 15^\\circ"),
        ("2\\sin x\\cos x", "2\\sin x", "\\sin 2x"), ("1 - \\sin^2 x", "1+\\sin^2 x", "\\cos^2 x"),
        ("\\frac{1}{\\cos x}", "\\frac{1}{\\sin x}", "\\sec x"), ("\\sin(x)", "\\sin(-x)", "\\sin x"),
        ("\\frac{\\pi}{4}", "\\frac{\\pi}{3}", "\\arctan 1"),
        ("\\cos(2x)", "\\cos(x)", "2\\cos^2 x - 1")])
    a, e = either(right, wrong)
    return boxed(a), gold, e


@convention
def polynomials():
    n, m = rng.randint(-9, 9), rng.randint(1, 9)
    b, c = n + m, n * m
    a, e = either((b, c), (b, c + 1))
    x = rng.choice("xyt")
    t = rng.choice([f"{x}^2+{a[0]}{x}+{a[1]}", f"{a[1]}+{a[0]}{x}+{x}^2", f"{x}({x}+{a[0]})+{a[1]}",
                    f"{x}**2 + {a[0]}*{x} + {a[1]}"]).replace("+-", "-").replace("+ -", "- ")
    return boxed(t), f"({x}+{n})({x}+{m})".replace("+-", "-"), e


@convention
def rational_functions():
    n, m = integer(2, 9), integer(2, 9)
    a, e = either(m, m + 1)
    t = rng.choice([f"\\frac{{x+{a}}}{{{n}}}", f"\\frac{{x}}{{{n}}}+\\frac{{{a}}}{{{n}}}",
                    f"(x+{a})/{n}", f"\\frac{{2x+{2 * a}}}{{{2 * n}}}",
                    f"\\frac{{(x+{a})(x+1)}}{{{n}(x+1)}}"])
    return boxed(t), f"\\frac{{x+{m}}}{{{n}}}", e


@convention
def powers_of_letters():
    k = rng.choice([3, 5, 7, 9])
    a, e = either(k, k + 1)
    t = rng.choice([(f"x^{{{a}}}y^2", f"y^2x^{{{k}}}"), (f"2^{{n+{a}}}", f"{2 ** k}\\cdot 2^n"),
                    (f"\\frac{{1}}{{x^{{{a}}}}}", f"x^{{-{k}}}"), (f"x^{{{a}/2}}", f"\\sqrt{{x^{{{k}}}}}"),
                    (f"(ab)^{{{a}}}", f"a^{{{k}}}b^{{{k}}}")])
    return boxed(t[0]), t[1], e


@convention
def factorials_and_binomials():
    n = integer(5, 12)
    k = integer(2, 4)
    a, e = either(n, n + 1)
    t = rng.choice([f"\\binom{{{a}}}{{{k}}}", f"\\frac{{{a}!}}{{{k}!({a}-{k})!}}", f"{math.comb(a, k)}",
                    f"{{{a} \\choose {k}}}", f"binom({a},{k})"])
    return boxed(t), rng.choice([f"\\binom{{{n}}}{{{k}}}", str(math.comb(n, k))]), e


@convention
def complex_numbers():
    n, m = integer(1, 20), integer(2, 20)
    a, e = either(m, -m)
    t = rng.choice([f"{n}+{a}i", f"{a}i+{n}", f"{n} + {a} i", f"\\frac{{{2 * n}+{2 * a}i}}{{2}}",
                    f"i({a}-{n}i)"]).replace("+-", "-").replace("+ -", "- ")
    return boxed(t), f"{n}+{m}i", e


# --- statements ------------------------------------------------------------------------

@convention
def named_values():
    n = integer()
    a, e = either(n, other(n))
    name = rng.choice(["x", "n", "a_{10}", "f(2)", "S", "\\angle ABC", "P(A)", "\\lambda", "m+n", "k"])
    p, g = rng.choice([(f"{name} = {a}", str(n)), (f"{name}={a}", f"{name}={n}")] +
                      ([] if name == "m+n" else [(str(a), f"{name}={n}"), (f"{a} = {name}", str(n))]))
    return boxed(p), g, e


@convention
def questions_with_names():
    n, m = integer(), integer(2, 9)
    a, e = either(n, other(n))
    t = rng.choice([("{a}", "|AB| = {n}"), ("|AB|={a}", "{n}"), ("{a}:{m}", "S_1 : S_2 = {n}:{m}"),
                    ("S_1:S_2={a}:{m}", "{n}:{m}"), ("\\frac{{{a}}}{{{m}}}", "\\frac{{AB}}{{CD}} = \\frac{{{n}}}{{{m}}}"),
                    ("{a}", "|\\overrightarrow{{AB}}|={n}"), ("\\frac{{{a}}}{{{m}}}", "\\tan A = \\frac{{{n}}}{{{m}}}"),
                    ("V_{{1}}:V_{{2}}={a}:{m}", "V_{{1}}:V_{{2}}={n}:{m}")])
    return boxed(t[0].format(a=a, m=m)), t[1].format(n=n, m=m), e


@convention
def equations():
    n, m = integer(2, 12), integer(2, 12)
    a, e = either(m, m + 1)
    t = rng.choice([f"y = {n}x + {a}", f"y - {n}x - {a} = 0", f"2y = {2 * n}x + {2 * a}",
                    f"{n}x - y + {a} = 0", f"{n}x+{a} = y"])
    return boxed(t), f"y={n}x+{m}", e


@convention
def curves():
    n, m = rng.sample([4, 9, 16, 25, 36], 2)
    a, e = either(m, m + 1)
    t = rng.choice([f"\\frac{{x^2}}{{{n}}}+\\frac{{y^2}}{{{a}}}=1", f"{a}x^2+{n}y^2={n * a}",
                    f"\\frac{{y^2}}{{{a}}} = 1 - \\frac{{x^2}}{{{n}}}"])
    return boxed(t), f"\\frac{{x^{{2}}}}{{{n}}}+\\frac{{y^{{2}}}}{{{m}}}=1", e


@convention
def equations_for_a_number():
    """A number does not answer where an equation was asked for."""
    n, m = integer(2, 9), integer(2, 9)
    a, e = either(f"{2 * n}x + {2 * m}y = 2", str(rng.choice([1, n, m])))
    return boxed(a), f"{n}x+{m}y=1", e


@convention
def chains():
    n, m = integer(), integer()
    a, e = either(n + m, n + m + 1)
    t = rng.choice([f"x = {n}+{m} = {a}", f"{n} + {m} = {a}", f"\\frac{{{2 * n}}}{{2}} + {m} = {a}",
                    f"S = {n}+{m}={a}"])
    return boxed(t), str(n + m), e


@convention
def exact_and_approximate():
    n = rng.choice([2, 3, 5, 6, 7, 10])
    a, e = either(f"{math.sqrt(n):.2f}", f"{math.sqrt(n) + 1:.2f}")
    t = rng.choice([f"\\sqrt{{{n}}} \\approx {a}", f"x = \\sqrt{{{n}}} \\approx {a}"])
    return boxed(t), f"\\sqrt{{{n}}}", e


@convention
def congruences():
    n, m = integer(2, 40), integer(50, 99)
    a, e = either(n, n + 1)
    t = rng.choice([f"{a} \\pmod{{{m}}}", f"x \\equiv {a} \\pmod{{{m}}}", f"{a} (mod {m})", str(a)])
    return boxed(t), str(n), e


@convention
def definitions_of_functions():
    n, m = integer(2, 9), integer(2, 9)
    a, e = either(n, n + 1)
    t = rng.choice([f"f(x) = {a}x+{m}", f"{a}x + {m}", f"f(x)={m}+{a}x", f"y = {a}x+{m}"])
    g = f"f(x) = {n}x+{m}" if not t.startswith("y") else f"{n}x+{m}"
    return boxed(t), g, e


# --- collections -------------------------------------------------------------------------

@convention
def points():
    n, m = integer(), rng.choice([F(1, 2), F(3, 4), F(7, 5), F(5)])
    a, e = either((n, m), (n, m + 1) if rng.random() < .5 else (other(n), m))
    second = frac(a[1]) if a[1].denominator > 1 else str(a[1])
    t = rng.choice(["({}, {})", "\\left({},{}\\right)", "P({}, {})", "(x, y) = ({}, {})"])
    return boxed(t.format(a[0], second)), f"({n},{m})", e


@convention
def assignments_for_tuples():
    n, m = rng.sample(range(2, 60), 2)
    a, e = either((n, m), (m, n))
    t = rng.choice([("x={}, y={}", "({},{})"), ("x = {} \\text{{ and }} y = {}", "({},{})"),
                    ("({},{})", "x={}, y={}"), ("x={};y={}", "x={}, y={}"), ("({}, {})", "x={};y={}"),
                    ("(x,y)=({},{})", "x={},y={}")])
    return boxed(t[0].format(*a)), t[1].format(n, m), e


@convention
def groups_with_semicolons():
    p = rng.sample(range(2, 60), 4)
    q = list(p)
    q[3] += 1
    a, e = either(p, q)
    t = rng.choice([("({},{}),({},{})", "p={},q={};p={},q={}"),
                    ("p={},q={};p={},q={}", "p={},q={}; p={},q={}"),
                    ("({}, {}), ({}, {})", "({},{});({},{})"), ("({},{}); ({},{})", "({},{}),({},{})")])
    return boxed(t[0].format(*a)), t[1].format(*p), e


@convention
def intervals():
    n = rng.randint(-20, 20)
    m = n + rng.randint(1, 20)
    lo, hi = rng.choice("[("), rng.choice(")]")
    less = {"[": "\\le", "(": "<"}[lo], {"]": "\\leq", ")": "<"}[hi]
    a, e = either(m, m + 1)
    t = rng.choice([f"{lo}{n},{a}{hi}", f"{n} {less[0]} x {less[1]} {a}", f"x \\in {lo}{n},{a}{hi}",
                    f"\\left{lo}{n}, {a}\\right{hi}", f"x in {lo}{n}, {a}{hi}",
                    f"\\{{x \\mid {n} {less[0]} x {less[1]} {a}\\}}"])
    return boxed(t), f"{lo}{n},{m}{hi}", e


@convention
def ends_of_intervals():
    n = rng.randint(-20, 20)
    m = n + rng.randint(1, 20)
    e = next(coin)
    a = f"[{n},{m})" if e else rng.choice([f"({n},{m})", f"[{n},{m}]", f"({n},{m}]"])
    return boxed(a), rng.choice([f"[{n},{m})", f"{n} \\le x < {m}"]), e


@convention
def half_lines():
    n = rng.randint(-20, 20)
    a, e = either(n, n + 1)
    t = rng.choice([f"x \\ge {a}", f"x >= {a}", f"[{a}, \\infty)", f"{a} \\leq x", f"x \\geqslant {a}",
                    f"[{a}, +\\infty)", f"[{a}, oo)", f"x\\geqq {a}"])
    return boxed(t), rng.choice([f"[{n},\\infty)", f"x \\geq {n}"]), e


@convention
def unions():
    n = rng.randint(-20, 0)
    m = n + rng.randint(1, 20)
    a, e = either(m, m + 1)
    t = rng.choice([f"(-\\infty,{n}) \\cup ({a},\\infty)", f"({a},\\infty)\\cup(-\\infty,{n})",
                    f"x < {n} \\text{{ or }} x > {a}", f"x<{n} or x>{a}", f"(-oo, {n}) U ({a}, oo)"])
    return boxed(t), f"(-\\infty,{n})\\cup({m},\\infty)", e


@convention
def absolute_values():
    n = integer(2, 30)
    a, e = either(n, n + 1)
    t = rng.choice([f"-{a} < x < {a}", f"|x| < {a}", f"(-{a}, {a})"])
    return boxed(t), rng.choice([f"|x| < {n}", f"(-{n},{n})"]), e


@convention
def points_left_out():
    n = rng.randint(-20, 20)
    a, e = either(n, n + 1)
    t = rng.choice([f"x \\neq {a}", f"x != {a}", f"x \\not= {a}", f"(-\\infty,{a})\\cup({a},\\infty)",
                    f"\\mathbb{{R}} \\setminus \\{{{a}\\}}", f"x \\ne {a}"])
    return boxed(t), rng.choice([f"x \\neq {n}", f"(-\\infty,{n})\\cup({n},\\infty)"]), e


@convention
def sets():
    p = rng.sample(range(-20, 40), rng.randint(2, 5))
    q = rng.sample(p, len(p))
    a, e = either(q, q[:-1] + [max(p) + 1])
    t = rng.choice(["\\{%s\\}", "%s", "\\left\\{%s\\right\\}", "{%s}"])
    return (boxed(t % rng.choice([", ", ","]).join(map(str, a))),
            "\\{%s\\}" % ",".join(map(str, p)), e)


@convention
def sets_of_another_size():
    p = rng.sample(range(-20, 40), rng.randint(2, 5))
    a, e = either(p, p[:-1] if rng.random() < .5 else p + [77])
    return boxed(", ".join(map(str, a))), ",".join(map(str, p)), e


@convention
def joined_values():
    p = rng.sample(range(-20, 40), 2)
    a, e = either(p, [p[0], p[1] + 50])
    t = rng.choice(["{} and {}", "{} \\text{{ or }} {}", "x={} or x={}", "{}, {}", "x = {}, {}",
                    "${}$ and ${}$", "{}\\text{{ and }}{}"])
    return "The solutions: \\boxed{%s}" % t.format(*a), "{},{}".format(*p), e


@convention
def both_signs():
    n, m = integer(1, 20), rng.choice([2, 3, 5, 7])
    a, e = either(m, m + 4)
    t = rng.choice([f"{n} \\pm \\sqrt{{{a}}}", f"{n}+\\sqrt{{{a}}}, {n}-\\sqrt{{{a}}}",
                    f"x = {n}\\pm\\sqrt{a}", f"\\{{{n}\\pm\\sqrt{{{a}}}\\}}"])
    return boxed(t), f"{n}-\\sqrt{{{m}}}, {n}+\\sqrt{{{m}}}", e


@convention
def one_of_both_signs():
    n = integer()
    a, e = either(f"\\pm {n}", str(n))
    return boxed(a), rng.choice([f"\\pm {n}", f"{n}, -{n}", f"x = \\pm {n}"]), e


@convention
def ratios():
    n, m = rng.sample(range(61, 90), 2)
    k = integer(2, 5)
    a, e = either((n, m), (m, n))
    t = rng.choice([f"{a[0] * k}:{a[1] * k}", f"{a[0]} : {a[1]}", f"\\frac{{{a[0]}}}{{{a[1]}}}"])
    return boxed(t), f"{n}:{m}", e


@convention
def matrices():
    p = [rng.randint(-9, 9) for _ in range(4)]
    q = list(p)
    q[rng.randrange(4)] += 1
    a, e = either(p, q)
    t = rng.choice(["\\begin{{pmatrix}} {} & {} \\\\ {} & {} \\end{{pmatrix}}",
                    "\\begin{{bmatrix}}{}&{}\\\\{}&{}\\end{{bmatrix}}", "[[{}, {}], [{}, {}]]",
                    "\\left[\\begin{{array}}{{cc}} {} & {} \\\\ {} & {} \\end{{array}}\\right]"])
    return boxed(t.format(*a)), "\\begin{{pmatrix}}{}&{}\\\\{}&{}\\end{{pmatrix}}".format(*p), e


@convention
def arithmetic_of_matrices():
    p, q = ([rng.randint(-5, 5) for _ in range(4)] for _ in range(2))
    show = "\\begin{{pmatrix}}{}&{}\\\\{}&{}\\end{{pmatrix}}"
    total = [x + y for x, y in zip(p, q)]
    product = [p[0] * q[0] + p[1] * q[2], p[0] * q[1] + p[1] * q[3],
               p[2] * q[0] + p[3] * q[2], p[2] * q[1] + p[3] * q[3]]
    sign, result = rng.choice([(" + ", total), (" ", product), (" \\cdot ", product)])
    e = next(coin)
    gold = list(result)
    if not e:
        gold[rng.randrange(4)] += 1
    return boxed(show.format(*p) + sign + show.format(*q)), show.format(*gold), e


@convention
def vectors():
    p = [rng.randint(-9, 9) for _ in range(3)]
    a, e = either(p, p[:2] + [p[2] + 1])
    t = rng.choice(["\\begin{{pmatrix}} {} \\\\ {} \\\\ {} \\end{{pmatrix}}", "({},{},{})",
                    "\\langle {}, {}, {} \\rangle"])
    return boxed(t.format(*a)), "\\begin{{pmatrix}}{}\\\\{}\\\\{}\\end{{pmatrix}}".format(*p), e


# --- words -----------------------------------------------------------------------------------

@convention
def words():
    right, wrong = rng.choice([("even", "odd"), ("Yes", "No"), ("Monday", "Tuesday"),
                               ("ellipse", "hyperbola"), ("no solution", "one solution"),
                               ("Evelyn", "Briana"), ("increasing", "decreasing")])
    a, e = either(right, wrong)
    t = rng.choice(["\\text{%s}", "%s", "\\textbf{%s}", "\\mathrm{%s}", "\\text{%s}."])
    a = rng.choice([str.lower, str.capitalize])(a) if " " not in a else a
    return boxed(t % a), rng.choice(["%s", "\\text{%s}"]) % right, e


@convention
def nothing_and_everything():
    right, wrong, gold = rng.choice([
        ("\\emptyset", "\\{0\\}", "\\varnothing"), ("\\text{no solution}", "0", "\\emptyset"),
        ("\\mathbb{R}", "(0,\\infty)", "(-\\infty,\\infty)"),
        ("\\text{all real numbers}", "\\text{no real numbers}", "\\mathbb{R}"),
        ("\\infty", "-\\infty", "+\\infty"), ("(-\\infty, +\\infty)", "[0,\\infty)", "\\mathbb{R}")])
    a, e = either(right, wrong)
    return boxed(a), gold, e


@convention
def empty_answers():
    n = integer()
    a, e = either(str(n), "")
    return "\\boxed{%s}" % a, str(n), e


@convention
def hedges():
    n = integer()
    a, e = either(str(n), rng.choice(["%d \\text{ or } %d", "%d, %d", "%d or %d"]) % (other(n), n))
    return boxed(a), str(n), e


def main():
    for name, make in classes.items():
        seen = {True: set(), False: set()}
        for _ in range(4000):
            prediction, gold, equal = make()
            if len(seen[equal]) < PAIRS_A_CLASS // 2 and prediction != gold:
                seen[equal].add((prediction, gold))
        for equal in (True, False):
            for prediction, gold in sorted(seen[equal]):
                json.dump({"class": name, "prediction": prediction, "gold": gold, "equal": equal},
                          sys.stdout, ensure_ascii=False)
                print()


if __name__ == "__main__":
    main()
