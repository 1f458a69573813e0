"""Cases for src/jinja, rendered by Jinja2 as transformers sets it up. Needs python3-jinja2.

    python3 tools/make_jinja_golden.py                   tests/jinja/data/cases.json anew
    python3 tools/make_jinja_golden.py random N SEED     N random templates, to standard output
    python3 tools/make_jinja_golden.py folder DIR        the templates below DIR with conversations:
                                                         *.jinja, and strings in *.py
    python3 tools/make_jinja_golden.py probe             exit status 0 if Jinja2 is there

To add a case, write its template into cases.json and make it anew. A case that is printed is a
line of JSON: template, context, and text (null: Jinja raised, with the error).
"""
import ast
import collections
import datetime
import functools
import json
import pathlib
import random
import re
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

ROOT = pathlib.Path(__file__).parent.parent


class Generation(jinja2.ext.Extension):
    """{% generation %}, as transformers' AssistantTracker parses it."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_support")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _support(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                          sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, "jinja2.ext.loopcontrols"])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda f: datetime.datetime(2024, 7, 26).strftime(f)
    return env


ENV = environment()


COMPILED = functools.lru_cache(4)(ENV.from_string)


def case(template, context, **more):
    try:
        text, error = COMPILED(template).render(**context), None
    except Exception as e:  # whatever Python raises, the template fails
        text, error = None, f"{type(e).__name__}: {e}"
    out = {"template": template, "context": context, "text": text, **more}
    if error:
        out["error"] = error[:200]
    return out


def usable(c):
    """No addresses of objects, no lone surrogates."""
    text = c["text"] or ""
    return " at 0x" not in text and not any(0xD800 <= ord(x) <= 0xDFFF for x in text)


# ---- random templates ----

CONTEXT = {
    "s": "Hello, World", "t": "  a b  c\n", "u": "h\u00e9llo \u4e2d\U0001f600 \u00df", "e": "",
    "i": 7, "j": -3, "z": 0, "f": 2.5, "g": 0.1, "yes": True, "no": False, "nothing": None,
    "words": ["pear", "Apple", "fig", "apple"], "numbers": [3, 1, 2, 2], "mixed": [1, "a", None, 2.5],
    "empty": [], "d": {"a": 1, "b": "two", "c": [1, 2]}, "quotes": "it's \"so\" \\ \x07 \u00a0",
    "people": [{"name": "Ann", "age": 3, "tags": ["x"]}, {"name": "bob", "age": 10, "tags": []},
               {"name": "Cy", "age": 3}],
    "messages": [{"role": "system", "content": " Be brief. "}, {"role": "user", "content": "1+1?"},
                 {"role": "assistant", "content": "<think>\nx\n</think>\n\n2"}],
}


class Random:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def pick(self, *options):
        return self.r.choice(options)

    def literal(self):
        return self.pick("'a'", "'x y'", '"l"', "'\\n'", "'\u00e9'", "'o'", "''", "', '")

    def text(self, n):
        if n <= 0:
            return self.pick("s", "t", "u", "e", "quotes", self.literal(), "d.b", "messages[0].content",
                             "messages[2]['content']", "words[0]", "words[-1]", "(fresh|string)")
        a, b = self.text(n - 1), self.text(n - 2)
        return "(%s)" % self.pick(
            f"({a} + {b})", f"({a} ~ {self.any(n - 1)})", f"{a}|upper", f"{a}|lower", f"{a}|trim",
            f"{a}|title", f"{a}|capitalize", f"{a}|replace({self.literal()}, {b})",
            f"{a}.strip()", f"{a}.lstrip({self.literal()})", f"{a}.rstrip('d\\n ')", f"{a}.title()",
            f"{a}.capitalize()", f"{a}.replace({self.literal()}, {self.literal()}, {self.number(0)})",
            f"({a})[{self.pick('i', '1', '-2', '')}:{self.pick('j', '-1', '9', 'none')}]", f"({a})[::{self.pick('2', '-1', '3', 'j')}]", f"({a})[:{self.pick('2', '-2', 'z')}]",
            f"({a})[{self.number(0)}]", f"({a} if {self.truth(n - 1)} else {b})", f"{a}|default({b})",
            f"{self.list(n - 1)}|join({self.literal()})", f"{self.any(n - 1)}|string",
            f"{self.any(n - 1)}|tojson", f"{self.any(n - 1)}|tojson(indent={self.pick('2', '4', 'none')})",
            f"{a}|indent({self.pick('2', '4, true', '2, false, true', repr('> '))})", f"{a}|reverse",
            f"({a} * {self.pick('0', '2', '3', 'j')})", f"({self.literal()}).join({a}.split())",
            f"'%s-%d' % ({a}, {self.number(n - 1)})", f"'{{}}:{{}}'.format({a}, {self.number(0)})",
            f"{a}.partition({self.literal()})[{self.pick('0', '1', '2')}]", f"{a}|first", f"{a}|last",
            f"{a}.removeprefix({b})", f"{a}.split({self.literal()})[-1]", f"{a}.rsplit({self.literal()}, 1)|last",
            f"{a}.splitlines()|join('|')", f"{a}.zfill(8)", f"({a} or {b})", f"({a} and {b})",
            f"{self.dict(n - 1)}.get({self.literal()}, {a})", f"{a}|format({b})")

    def number(self, n):
        if n <= 0:
            return self.pick("i", "j", "z", "f", "g", "0", "1", "2", "-1", "10", "1.5", "1e3", "numbers[0]", "d.a")
        a, b = self.number(n - 1), self.number(n - 2)
        return "(%s)" % self.pick(
            f"({a} + {b})", f"({a} - {b})", f"({a} * {b})", f"({a} / {b})", f"({a} // {b})", f"({a} % {b})",
            f"({a} ** {self.pick('2', '0', '3')})", f"-{a}", f"{self.text(n - 1)}|length", f"{self.list(n - 1)}|length",
            f"{a}|abs", f"{a}|int", f"{a}|float", f"{a}|round", f"{a}|round({self.pick('1', '2', repr('1'))})",
            f"{a}|round(1, 'floor')", f"{self.list(n - 1)}|sum", f"{self.list(n - 1)}|max", f"{self.list(n - 1)}|min",
            f"{self.text(n - 1)}|int({self.pick('1', '-1')})", f"{self.text(n - 1)}.find({self.literal()})",
            f"{self.text(n - 1)}.count({self.literal()})", f"{self.text(n - 1)}.rfind({self.literal()})",
            f"{self.list(n - 1)}|first", f"people|sum(attribute='age')", f"{self.text(n - 1)}|wordcount",
            f"({a} if {self.truth(n - 1)} else {b})", "'12'|int", "' 3.5 '|float", f"+{a}")

    def list(self, n):
        if n <= 0:
            return self.pick("words", "numbers", "empty", "mixed", "[1, 2]", "('a', 'b')", "range(3)|list",
                             "d.c", "['b', 'a', 'B']", "people|map(attribute='name')|list", "d.keys()|list")
        a = self.list(n - 1)
        return "(%s)" % self.pick(
            f"({a} + {self.list(n - 2)})", f"({a})[{self.pick('1', '-2', 'z')}:]", f"({a})[::-1]", f"{a}|reverse|list",
            f"{a}|sort", f"{a}|sort(reverse=true)", f"{a}|sort(case_sensitive=true)", f"{a}|unique|list",
            f"{a}|list", f"{self.text(n - 1)}|list", f"{self.text(n - 1)}.split({self.literal()})",
            f"{self.text(n - 1)}.split()", f"{self.text(n - 1)}.split({self.literal()}, {self.pick('0', '1', '2')})",
            f"{a}|select|list", f"{a}|reject('none')|list", f"{a}|select('string')|list", f"{a}|map('string')|list",
            f"{a}|map('upper')|list", f"{a}|select('in', {self.list(n - 2)})|list", "people|selectattr('age', 'equalto', 3)|list",
            "people|rejectattr('tags')|map(attribute='name')|list", "people|sort(attribute='name')|map(attribute='age')|list",
            f"[{self.any(n - 1)}, {self.any(n - 2)}]", f"({self.any(n - 1)},)", f"range({self.number(0)})|list",
            f"range({self.pick('5, 1, -2', '1, 4', '0')})|list", "d.items()|list", "d|dictsort", "d|items|list",
            "people|map(attribute='tags', default=0)|list", "people|groupby('age')|map('first')|list",
            f"({a} * 2)", f"({a} or {self.list(n - 2)})")

    def dict(self, n):
        return self.pick("d", "people[0]", "messages[1]", "{}", "dict(a=1, b='x')",
                         f"{{'k': {self.any(n - 1)}, 1: {self.any(n - 2)}}}", f"{{{self.text(n - 1)}: 1}}")

    def truth(self, n):
        if n <= 0:
            return self.pick("yes", "no", "true", "False", "s", "e", "missing", "nothing", "i", "z", "empty")
        a, b = self.any(n - 1), self.any(n - 2)
        x, y = self.number(n - 1), self.number(n - 2)
        return "(%s)" % self.pick(
            f"not {a}", f"({a} and {b})", f"({a} or {b})", f"{a} == {b}", f"{a} != {b}", f"{x} < {y}", f"{x} >= {y}",
            f"{x} < {y} <= 10", f"{self.literal()} in {self.text(n - 1)}", f"{a} in {self.list(n - 1)}",
            f"{a} not in {self.list(n - 1)}", f"'a' in {self.dict(n - 1)}", f"{a} is string", f"{a} is not none",
            f"{a} is number", f"{a} is mapping", f"{a} is iterable", f"{a} is sequence", f"missing is defined",
            f"d.missing is undefined", f"{a} is sameas true", f"{x} is odd", f"{x} is divisibleby 3", f"{a} is boolean",
            f"{a} is integer", f"{a} is float", f"{a} is eq {b}", f"{x} is lt({y})", f"{a} is true", f"{a} is in {self.list(n - 1)}",
            f"{self.text(n - 1)}.startswith({self.literal()})", f"{self.text(n - 1)}.endswith(('d', 'c'))",
            f"{self.text(n - 1)}.isdigit()", f"{self.text(n - 1)}.isalpha()", f"{self.text(n - 1)} is upper",
            f"{self.text(n - 1)} < {self.text(n - 2)}", f"{self.text(n - 1)}.isspace()")

    def any(self, n):
        return self.pick(self.text, self.number, self.list, self.dict, self.truth, self.text)(n)

    def tag(self, inside):
        return self.pick("{%", "{%-", "{%", "{%+") + " " + inside + " " + self.pick("%}", "-%}", "%}")

    def body(self, n):
        return "".join(self.statement(n) for _ in range(self.r.randint(1, 3)))

    def statement(self, n):
        space = self.pick("", "\n", "  ", "\n  ", " x\n", "<|im_start|>", "\t\n\n", "{# note #}\n", "{#- note -#} ")
        if n <= 0:
            return space + self.pick("{{", "{{-", "{{") + " " + self.any(2) + " " + self.pick("}}", "-}}", "}}")
        t = self.tag
        kind = self.r.randint(0, 13)
        if kind == 0:
            return (space + t(f"if {self.truth(2)}") + self.body(n - 1) + t(f"elif {self.truth(1)}") + self.body(n - 2) +
                    t("else") + self.body(n - 2) + t("endif"))
        if kind == 1:
            return (space + t(f"for x in {self.list(2)}") + "{{ loop.index }}{{ x }}{{ loop.last }}" + self.body(n - 1) +
                    self.pick("", t("if loop.first") + t("continue") + t("endif"), t("if loop.index0 == 1") + t("break") + t("endif")) +
                    self.pick("", "{{ loop.nextitem }}", "{{ loop.cycle(1, 2) }}", "{{ loop.revindex }}/{{ loop.length }}") +
                    self.pick("", t("else") + self.body(n - 2)) + t("endfor"))
        if kind == 2:
            return (space + t(f"for k, v in {self.pick('d', 'people[0]')}.items()" + self.pick("", " if v", " if k != 'a'")) +
                    "{{ k }}={{ v }};" + t("set fresh = k") + t("endfor") + "{{ fresh }}")
        if kind == 3:
            name = self.pick("fresh", "other")
            return space + t(f"set {name} = {self.any(2)}") + "{{ " + name + " }}"
        if kind == 4:
            return (space + t("set ns = namespace(n=0, text='')") + t("for m in messages") +
                    t("set ns.n = ns.n + 1") + t("set ns.text = ns.text ~ m.role[:2]") + t("endfor") + "{{ ns.n }}{{ ns.text }}")
        if kind == 5:
            return (space + t("macro show(a, b='-', c=none)") + "[{{ a }}{{ b }}{{ c }}" + self.body(n - 2) + "]" + t("endmacro") +
                    "{{ show(" + self.any(1) + ") }}{{ show(1, c=" + self.any(1) + ") }}")
        if kind == 6:
            return space + t("set block" + self.pick("", " | upper", " | trim | length")) + self.body(n - 1) + t("endset") + "{{ block }}"
        if kind == 7:
            return space + t("filter " + self.pick("upper", "trim", "replace('a', 'bb')")) + self.body(n - 1) + t("endfilter")
        if kind == 8:
            return space + t(f"with s = {self.any(1)}, q = s") + "{{ s }}{{ q }}" + self.body(n - 1) + t("endwith") + "{{ s }}"
        if kind == 9:
            return space + t("generation") + self.body(n - 1) + t("endgeneration")
        if kind == 10:
            return space + "{% raw %}\n {{ x }} {%- endraw " + self.pick("%}", "-%}") + self.body(n - 1)
        if kind == 11:
            return (space + t("macro wrap(a)") + "<{{ caller() }}{{ a }}>" + t("endmacro") + t("call wrap(" + self.any(1) + ")") +
                    self.body(n - 2) + t("endcall"))
        if kind == 12:
            return space + t("set a, b = " + self.pick("1, 2", "words[:2]", "'xy'", "d")) + "{{ a }}{{ b }}"
        return self.body(n - 1) + space + self.body(n - 2)

    def template(self):
        if self.r.random() < 0.5:
            return "{{ " + self.any(3) + " }}"
        return self.body(3) + self.pick("", "\n", "\n\n", " ")


def random_cases(n, seed):
    g = Random(seed)
    made = 0
    while made < n:
        c = case(g.template(), CONTEXT)
        if usable(c) and len(c["template"]) < 20000 and len(c["text"] or "") < 100000:
            made += 1
            yield c


# ---- templates of a collection ----

def turns(*texts):
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return [{"role": roles[t[0]], "content": t[2:]} for t in texts]


CONVERSATIONS = [
    turns("u:Hello"),
    turns("s:Be brief.", "u:What is 2+2?"),
    turns("u:Hi", "a:Hello! How can I help?", "u:Tell me a joke.\nA short one."),
    turns("s:You are a pirate.", "u:Hi", "a:Arr!", "u:Bye", "a:Farewell."),
    turns("u:  spaces \n", "a:\n\n trimmed?\t", "u:\u00a0x\u2003"),
    turns("u:1+1?", "a:<think>\nIt is two.\n</think>\n\n2", "u:And 2+2?"),
    turns("u:1+1?", "a:<think>\nIt is two.\n</think>\n\n2"),
    turns("s:S", "u:'quotes' \"double\" \\ {{ no }} \U0001f600 <|im_end|>"),
    turns("u:a", "u:b"),
]


TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "The weather of a place.\nToday's.",
    "parameters": {"type": "object", "required": ["place"], "properties": {
        "place": {"type": "string", "description": "a town"},
        "unit": {"type": "string", "enum": ["C", "F"]},
        "days": {"type": "array", "items": {"type": "integer"}}}}}}]
CALL = {"id": "call00001", "type": "function",
        "function": {"name": "get_weather", "arguments": {"place": "Z\u00fcrich", "days": [1, 2]}}}
WITH_TOOLS = [
    turns("s:Be brief.", "u:Is it raining?"),
    turns("u:Is it raining?") +
    [{"role": "assistant", "content": "", "tool_calls": [CALL]},
     {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": '{"rain": true}'}] +
    turns("a:It is.", "u:And tomorrow?"),
]


def templates(folder):
    """(name, template), each template once: files, and strings in Python that loop over messages."""
    seen = set()
    for path in sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix in (".jinja", ".py")):
        text = path.read_text()
        found = [text]
        if path.suffix == ".py":
            found = [n.value for n in ast.walk(ast.parse(text))
                     if isinstance(n, ast.Constant) and isinstance(n.value, str)
                     and re.search(r"{%-?\s*for \w+ in .*message", n.value)]
        for template in found:
            if template not in seen:
                seen.add(template)
                yield f"{path.relative_to(folder)}", template


def folder_cases(folder):
    counts = collections.Counter()
    conversations = [(c, None) for c in CONVERSATIONS] + [(c, TOOLS) for c in WITH_TOOLS]
    for name, template in templates(folder):
        counts["templates"] += 1
        for messages, tools in conversations:
            for generation in (False, True):
                for more in ({}, {"enable_thinking": False}) if "enable_thinking" in template else ({},):
                    context = {"messages": messages, "tools": tools, "documents": None, "bos_token": "<s>",
                               "eos_token": "</s>", "add_generation_prompt": generation, **more}
                    c = case(template, context, name=name)
                    counts["texts" if c["text"] is not None else "exceptions"] += 1
                    yield c
    print("%(templates)d templates: %(texts)d texts, %(exceptions)d exceptions" % counts, file=sys.stderr)


def main():
    if sys.argv[1:] == ["probe"]:
        return
    if sys.argv[1:2] == ["random"]:
        cases = random_cases(int(sys.argv[2]), int(sys.argv[3]))
    elif sys.argv[1:2] == ["folder"]:
        cases = folder_cases(sys.argv[2])
    else:
        source = ROOT / "tests/jinja/data/cases.json"
        new = [case(c["template"], CONTEXT) for c in json.loads(source.read_text())["cases"]]
        lines = ",\n".join(json.dumps({"template": c["template"], "text": c["text"]}) for c in new)
        source.write_text(f'{{"context": {json.dumps(CONTEXT)},\n"cases": [\n{lines}\n]}}\n')
        return
    for c in cases:
        print(json.dumps(c))


if __name__ == "__main__":
    main()
