/*
 * Varied lines for comparing tokenizers, a function of (seed, index) alone: code,
 * mathematics, many scripts, emoji, marks, digits, white space, control characters,
 * contractions, special tokens and parts of them, unassigned code points.
 */
#ifndef MASA_TEST_LINES_H
#define MASA_TEST_LINES_H

#include <masa/random.h>
#include <masa/text.h>

#define LINES_COUNT 24000
#define LINES_SEED  20

/* clang-format off */
static const char *const lines__words[] = {
    "the", "The", "of", "and", "to", "in", "is", "that", "was", "He", "for", "it", "with",
    "as", "his", "on", "be", "at", "by", "I", "this", "had", "not", "are", "but", "from",
    "or", "have", "an", "they", "which", "one", "you", "were", "all", "her", "she", "there",
    "would", "their", "we", "him", "been", "has", "when", "who", "will", "no", "more", "if",
    "out", "so", "up", "said", "what", "its", "about", "than", "into", "them", "can", "only",
    "other", "time", "new", "some", "could", "these", "two", "may", "first", "then", "do",
    "answer", "apples", "Therefore", "sum", "product", "equals", "remainder", "divided",
    "triangle", "probability", "HELLO", "WORLD", "iPhone", "naïve", "café", "Straße",
    "Übergröße", "œuvre", "señor", "coöperate", "façade", "Škoda", "Łódź", "İstanbul"};

static const char *const lines__contractions[] = {
    "'s", "'S", "'t", "'T", "'re", "'RE", "'Re", "'rE", "'ve", "'VE", "'m", "'M", "'ll",
    "'LL", "'lL", "'d", "'D", "’s", "’ll", "'ſ", "'x", "'", "''", "'st", "'ſt", "'ﬆ", "'ı",
    "it's", "IT'S", "we're", "WE'RE", "don't", "DON'T", "I'd", "they'LL", "'twas", "o'clock"};

static const char *const lines__code[] = {
    "for (int i = 0; i < n; i++) {", "    return x->next ? *x : NULL;", "def f(x):\n\treturn x+1",
    "#include <stdio.h>", "if __name__ == \"__main__\":", "std::vector<int> v{1,2,3};",
    "SELECT * FROM t WHERE a='b' AND c>=10;", "{\"key\": [1, 2.5e-3, null, true]}",
    "<div class=\"x\">&nbsp;</div>", "git commit -m 'fix: #123'", "0xDEADBEEF", "a[i][j]+=b&&c||!d;",
    "// TODO(user): remove\r\n", "\t\t}\n\t}\n}\n", "let mut s = String::new();",
    "https://example.org/a/b.html?q=1&r=%20#frag", "user.name+tag@mail.example.com",
    "C:\\Users\\x\\file.txt", "/usr/lib/x86_64-linux-gnu/libc.so.6", "==>>>---+++***///\\\\\\",
    "lambda x: x**2", "!!!???...", "--option=value", "$PATH:${HOME}", "@decorator", "~~~", "```c\n"};

static const char *const lines__latex[] = {
    "\\frac{a}{b}", "\\sqrt{x^2+y^2}", "$$\\int_0^\\infty e^{-x}\\,dx$$", "\\boxed{42}",
    "\\begin{align*}", "\\end{align*}", "x_{1}, x_{2}, \\dots, x_{n}", "\\alpha\\beta\\gamma",
    "\\left(\\frac{1}{2}\\right)", "\\mathbb{R}^n", "\\sum_{i=1}^{n} i", "a \\equiv b \\pmod{m}",
    "∑_{k=0}^∞", "∀x∈ℝ: x²≥0", "π≈3.14159", "α→β⇒γ", "½+¼=¾", "10⁻³", "H₂O", "90°", "±√2"};

static const char *const lines__emoji[] = {
    "😀", "👨‍👩‍👧‍👦", "👩🏽‍💻", "🏳️‍🌈", "🇫🇷🇩🇪", "1️⃣", "#️⃣", "❤️‍🔥", "🧑‍🚀", "👍🏿", "☺︎", "☺️", "🫠",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🤷‍♀️", "\u200d", "\ufe0f", "⌚", "©®™", "🪿"};

static const char *const lines__special[] = {
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|begin_of_text|>", "<|eot_id|>",
    "<|start_header_id|>", "<|end_header_id|>", "<think>", "</think>", "<tool_call>",
    "<|im_start", "|im_end|>", "<|", "|>", "<<|im_end|>>", "<|im_end|><|im_end|>",
    "< |im_end|>", "<|IM_END|>", "<repo_name>", "[LEFT]", "[RIGHT]", "[BOTH]", "[WORD]",
    "[WORD]x", "x[WORD]", "é[WORD]", " [WORD] ", "[ANGSTRÖM]", "[ANGSTRO\u0308M]",
    "[LEFT]\u00a0[RIGHT]\n \t[BOTH] ", "[[LEFT][RIGHT]]", "Word", "Words", "sword"};

static const char *const lines__normal[] = {
    "e\u0301", "E\u0301", "a\u0328\u0301", "a\u0301\u0328", "\u212b", "\u2126", "\u1112\u1161\u11ab",
    "\uac00\u11a8", "\u0958", "\u2adc", "\u0344", "q\u0307\u0323", "q\u0323\u0307", "\u1e9b\u0323",
    "o\u0302\u0301", "\u0f71\u0f72\u0f74", "\u0bc6\u0bbe", "\ufb1d", "\uf900",
    "A\u030a\u0323", "\u05d0\u05b7\u05bc", "\u0627\u0653", "\u3046\u3099", "\U00011935\U00011930",
    "\U0002f800", "a\u0898\u0323", "a\u08d3\u0301"};
/* clang-format on */

/* Ranges of code points: first, last. */
static const unsigned lines__scripts[][2] = {
    {0xC0, 0x24F},      {0x370, 0x3FF},     {0x400, 0x4FF},     {0x531, 0x58F},
    {0x5D0, 0x5EA},     {0x620, 0x64A},     {0x710, 0x72F},     {0x905, 0x939},
    {0x985, 0x9B9},     {0xA05, 0xA39},     {0xB85, 0xBB9},     {0xC05, 0xC39},
    {0xD05, 0xD39},     {0xE01, 0xE3A},     {0xE81, 0xEB0},     {0xF40, 0xF6C},
    {0x1000, 0x104F},   {0x10A0, 0x10FF},   {0x1100, 0x11FF},   {0x1200, 0x137F},
    {0x13A0, 0x13FF},   {0x1780, 0x17E9},   {0x1820, 0x1878},   {0x1E00, 0x1FFF},
    {0x2000, 0x206F},   {0x2070, 0x209C},   {0x20A0, 0x20C0},   {0x2100, 0x218F},
    {0x2190, 0x23FF},   {0x2460, 0x24FF},   {0x2500, 0x27BF},   {0x3001, 0x30FF},
    {0x3130, 0x318E},   {0x4E00, 0x9FFF},   {0xA000, 0xA48C},   {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFB00, 0xFB4F},   {0xFE30, 0xFE6B},   {0xFF01, 0xFFEF},
    {0x10000, 0x100FA}, {0x10330, 0x1034A}, {0x1D400, 0x1D7FF}, {0x1F000, 0x1FAFF},
    {0x20000, 0x2A6DF}};
static const unsigned lines__marks[][2] = {{0x300, 0x36F},   {0x591, 0x5C7},   {0x64B, 0x65F},
                                           {0x93C, 0x94D},   {0xE31, 0xE4E},   {0x1AB0, 0x1ACE},
                                           {0x1DC0, 0x1DFF}, {0x20D0, 0x20F0}, {0xFE00, 0xFE0F},
                                           {0xFE20, 0xFE2F}, {0x8CA, 0x8FF}};
static const unsigned lines__digits[][2] = {
    {'0', '9'},         {'0', '9'},         {'0', '9'},         {0x660, 0x669},
    {0x966, 0x96F},     {0xFF10, 0xFF19},   {0xB2, 0xB3},       {0x2160, 0x2188},
    {0x2460, 0x249B},   {0x3021, 0x3029},   {0x1D7CE, 0x1D7FF}, {0x10D40, 0x10D49},
    {0x11DE0, 0x11DE9}, {0x16FF4, 0x16FF6}, {0x4E00, 0x4E03}};
static const unsigned lines__spaces[][2] = {
    {' ', ' '},       {' ', ' '},       {' ', ' '},       {'\n', '\n'},     {'\r', '\r'},
    {'\t', '\t'},     {0xB, 0xC},       {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x180E, 0x180E}, {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x2060}, {0x3000, 0x3000},
    {0xFEFF, 0xFEFF}, {0x1C, 0x1F}};
/* Assigned after Unicode 14, private, unassigned, and no characters at all. */
static const unsigned lines__newer[][2] = {
    {0x1C89, 0x1C8A},   {0xA7CB, 0xA7DC},     {0x105C0, 0x105F3}, {0x10EC2, 0x10EC4},
    {0x11380, 0x113E2}, {0x11F00, 0x11F5A},   {0x13430, 0x143FA}, {0x16100, 0x16139},
    {0x1E030, 0x1E08F}, {0x1E4D0, 0x1E4F9},   {0x1E5D0, 0x1E5FF}, {0x2B739, 0x2B739},
    {0x2EBF0, 0x2EE5D}, {0x31350, 0x33479},   {0x11DB0, 0x11DE9}, {0xE000, 0xE0FF},
    {0x378, 0x379},     {0xFFF0, 0xFFFF},     {0xFDD0, 0xFDEF},   {0x1FFFE, 0x1FFFF},
    {0xF0000, 0xF00FF}, {0x10FF00, 0x10FFFF}, {0x1CC00, 0x1CEB3}};

#define LINES_COUNT_OF(table) (sizeof(table) / sizeof *(table))
#define LINES_PICK(r, table)  ((table)[masa_random_below((r), LINES_COUNT_OF(table))])

static inline void lines__code_point(masa_text *out, unsigned code)
{
    char utf8[4];
    if (code >= 0xD800 && code < 0xE000) code = 0xFFFD;
    masa_text_append(out, utf8, masa_utf8_encode(code, utf8));
}

static inline void lines__run(masa_random *r, masa_text *out, const unsigned (*ranges)[2],
                              size_t n_ranges, size_t most, bool one_range)
{
    size_t n = 1 + masa_random_below(r, most), k = masa_random_below(r, n_ranges);
    for (size_t i = 0; i < n; i++) {
        if (!one_range) k = masa_random_below(r, n_ranges);
        unsigned first = ranges[k][0], last = ranges[k][1];
        lines__code_point(out, first + (unsigned)masa_random_below(r, last - first + 1));
    }
}

static inline void lines__words_run(masa_random *r, masa_text *out)
{
    static const char *const ends[] = {" ",  " ",  " ",  " ", ", ", ". ", "; ", ": ", "-", "\n",
                                       "  ", "? ", "! ", "",  " (", ") ", "\"", "—",  "…"};
    for (size_t n = 1 + masa_random_below(r, 12); n > 0; n--) {
        masa_text_add(out, LINES_PICK(r, lines__words));
        masa_text_add(out, LINES_PICK(r, ends));
    }
}

#define LINES_RUN(table, most, one)                                                            \
    lines__run(r, out, (table), LINES_COUNT_OF(table), (most), (one))

static inline void lines__fragment(masa_random *r, masa_text *out)
{
    static const unsigned ascii[][2] = {{' ', '~'}}, control[][2] = {{1, 31}, {127, 159}},
                          any[][2] = {{1, 0x10FFFF}}, letters[][2] = {{'a', 'c'}};
    switch (masa_random_below(r, 22)) {
    case 0:
    case 1:
    case 2:
    case 3: lines__words_run(r, out); break;
    case 4: masa_text_add(out, LINES_PICK(r, lines__contractions)); break;
    case 5:
    case 6: masa_text_add(out, LINES_PICK(r, lines__code)); break;
    case 7: masa_text_add(out, LINES_PICK(r, lines__latex)); break;
    case 8:
    case 9: LINES_RUN(lines__scripts, 12, true); break;
    case 10: LINES_RUN(lines__scripts, 6, false); break;
    case 11: masa_text_add(out, LINES_PICK(r, lines__emoji)); break;
    case 12: LINES_RUN(lines__marks, 4, false); break;
    case 13: LINES_RUN(lines__digits, 24, true); break;
    case 14: LINES_RUN(lines__digits, 8, false); break;
    case 15: LINES_RUN(lines__spaces, 8, false); break;
    case 16: LINES_RUN(control, 3, false); break;
    case 17: masa_text_add(out, LINES_PICK(r, lines__special)); break;
    case 18: LINES_RUN(lines__newer, 4, true); break;
    case 19: LINES_RUN(ascii, 16, true); break;
    case 20:
        if (masa_random_below(r, 4) == 0) LINES_RUN(letters, 200, true);
        else masa_text_add(out, LINES_PICK(r, lines__normal));
        break;
    case 21: LINES_RUN(any, 3, true); break;
    }
}

/* Replaces out by line `index`. */
static inline void lines_make(masa_text *out, uint64_t index)
{
    masa_random r = masa_random_init(masa_key(LINES_SEED, index), MASA_STREAM_TEST);
    masa_text_clear(out);
    for (size_t n = 1 + masa_random_below(&r, 8); n > 0; n--) lines__fragment(&r, out);
}

#endif
