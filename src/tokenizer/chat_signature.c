/*
 * Knowing a template again. The hash is over what Jinja makes of the source:
 * white space inside tags is dropped, text between tags is trimmed as Hugging
 * Face sets Jinja up (trim_blocks, lstrip_blocks, "-" in tags), quotes and
 * escapes in strings are made alike, comments are gone. So two layouts of one
 * template agree, and a template with any other meaning does not.
 */
#include "chat_internal.h"

#include <string.h>

typedef struct reader {
    const char *p;
    uint64_t hash;
} reader;

static void feed(reader *r, char c)
{
    r->hash = (r->hash ^ (unsigned char)c) * 0x100000001b3u;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

static bool is_tag(const char *p)
{
    return p[0] == '{' && (p[1] == '{' || p[1] == '%' || p[1] == '#');
}

/* A string literal; p is at its quote. */
static void read_string(reader *r)
{
    char quote = *r->p++;
    feed(r, '"');
    for (; *r->p && *r->p != quote; r->p++) {
        char c = *r->p;
        if (c == '\\' && r->p[1]) {
            c = *++r->p;
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        feed(r, c);
    }
    if (*r->p) r->p++;
    feed(r, '\0'); /* no character of a template: the end of a string */
}

/* A tag; p is at its "{". Returns its closing character; *trims: it ends in "-". */
static char read_tag(reader *r, bool *trims)
{
    char kind = r->p[1], close = kind == '{' ? '}' : kind;
    char last = '\0';
    bool spaced = false;
    *trims = false;
    r->p += 2;
    if (*r->p == '-' || *r->p == '+') r->p++;
    if (kind != '#') feed(r, '\1'), feed(r, kind);
    while (*r->p) {
        bool minus = *r->p == '-' && r->p[1] == close && r->p[2] == '}';
        if (minus || (*r->p == close && r->p[1] == '}')) {
            *trims = minus;
            r->p += minus ? 3 : 2;
            break;
        }
        if (kind == '#') {
            r->p++;
        } else if (is_blank(*r->p)) {
            spaced = true;
            r->p++;
        } else if (*r->p == '\'' || *r->p == '"') {
            read_string(r);
            last = '"';
            spaced = false;
        } else {
            if (spaced && is_word(last) && is_word(*r->p)) feed(r, ' ');
            spaced = false;
            last = *r->p++;
            feed(r, last);
        }
    }
    if (kind != '#') feed(r, '\2');
    return kind;
}

/* Text between tags; after: the kind of the tag before ('\0' at the beginning). */
static void read_text(reader *r, char after, bool trims)
{
    const char *begin = r->p, *end = begin;
    while (*end && !is_tag(end)) end++;
    r->p = end;
    if (trims)
        while (begin < end && is_blank(*begin)) begin++;
    else if ((after == '%' || after == '#') && begin < end && *begin == '\n')
        begin++;
    bool at_start = after == '\0' || (begin > r->p - (end - begin) && begin[-1] == '\n');
    if (*end && end[2] == '-') {
        while (begin < end && is_blank(end[-1])) end--;
    } else if (*end && end[1] != '{' && end[2] != '+') {
        const char *line = end;
        while (begin < line && (line[-1] == ' ' || line[-1] == '\t')) line--;
        if (line > begin ? line[-1] == '\n' : at_start) end = line;
    } else if (!*end && begin < end && end[-1] == '\n') {
        end--; /* Jinja drops one newline at the end of a source */
    }
    for (; begin < end; begin++) feed(r, *begin);
}

uint64_t chat__template_hash(const char *template_text)
{
    reader r = {template_text, 0xcbf29ce484222325u};
    char after = '\0';
    bool trims = false;
    for (;;) {
        read_text(&r, after, trims);
        if (!*r.p) return r.hash;
        after = read_tag(&r, &trims);
    }
}

/* The templates are in tests/tokenizer/data/templates, where a test holds both together. */
static const struct {
    uint64_t hash;
    masa_chat_family family;
} known[] = {
    {0xe70e639d35be00e0, MASA_CHAT_SMOLLM2},
    {0x363eca3443d3a25e, MASA_CHAT_CHATML}, /* three wordings */
    {0xf73060fc32ff898f, MASA_CHAT_CHATML},
    {0xb4c126475de6f7b1, MASA_CHAT_CHATML},
    {0x9cd77a8639cf8690, MASA_CHAT_CHATML}, /* Qwen3-Instruct-2507 */
    {0x80bb4ee9863fb8bb, MASA_CHAT_QWEN2},
    {0xfd26c87af9cee829, MASA_CHAT_QWEN2}, /* Qwen2.5's base models and coders */
    {0x663ce8dfedc0914d, MASA_CHAT_QWEN25},
    {0xc924e18b4cdce3d7, MASA_CHAT_QWEN25_MATH},
    {0xcf05f75aedaf3a14, MASA_CHAT_QWEN3},
    {0x1d2ebc31173faff5, MASA_CHAT_QWEN3}, /* as first published */
    {0x27f8f33daf109ff4, MASA_CHAT_LLAMA3},
    {0xeffae2541a694e85, MASA_CHAT_LLAMA31},
    {0x10369fe53bb865d4, MASA_CHAT_LLAMA31}, /* 3.2 */
    {0x0b5a3a9264b8da41, MASA_CHAT_GEMMA},
    {0x45984e1fb7698f7f, MASA_CHAT_GEMMA3},
};

masa_chat_family chat__known_template(const char *template_text)
{
    uint64_t hash = chat__template_hash(template_text);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].hash == hash) return known[i].family;
    return MASA_CHAT_AUTO;
}

masa_chat_family chat__similar_template(const char *s)
{
    if (strstr(s, "<|im_start|>")) {
        if (strstr(s, "</think>")) return MASA_CHAT_QWEN3;
        if (strstr(s, "You are Qwen")) return MASA_CHAT_QWEN25;
        if (strstr(s, "named SmolLM")) return MASA_CHAT_SMOLLM2;
        return MASA_CHAT_CHATML;
    }
    if (strstr(s, "<|start_header_id|>"))
        return strstr(s, "Cutting Knowledge Date") ? MASA_CHAT_LLAMA31 : MASA_CHAT_LLAMA3;
    if (strstr(s, "<start_of_turn>"))
        return strstr(s, "first_user_prefix") ? MASA_CHAT_GEMMA3 : MASA_CHAT_GEMMA;
    return MASA_CHAT_AUTO;
}
