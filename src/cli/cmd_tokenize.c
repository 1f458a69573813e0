/* masa tokenize: token ids of texts and conversations, and back. */
#include "commands.h"
#include "options.h"
#include "text_model.h"

#include <masa/chat.h>
#include <masa/file.h>
#include <masa/memory.h>
#include <masa/run_folder.h>
#include <masa/text.h>
#include <masa/tokenizer.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
    masa_tokenizer *tokenizer;
    const char *template;
    masa_chat *chat; /* created by the first conversation */
    bool decode, special, skip_special, generation, show_text;
} job;

static void print_ids(masa_text *out, const masa_tokens *tokens)
{
    masa_text_add(out, "\"ids\":[");
    for (size_t i = 0; i < tokens->n; i++)
        masa_text_addf(out, "%s%d", i ? "," : "", tokens->ids[i]);
    masa_text_addf(out, "],\"n\":%zu", tokens->n);
}

static void print_line(masa_text *out)
{
    masa_text_add(out, "}\n");
    fwrite(out->data, 1, out->size, stdout);
    masa_text_deinit(out);
}

static void encode_text(const job *j, const char *s, size_t n, masa_text *out)
{
    masa_tokens tokens = {0};
    masa_tokenizer_encode(j->tokenizer, s, n, j->special, &tokens);
    print_ids(out, &tokens);
    masa_tokens_deinit(&tokens);
}

static masa_status decode_ids(const job *j, const masa_tokens *ids, masa_text *out,
                              masa_error *err)
{
    size_t size = masa_tokenizer_vocab_size(j->tokenizer);
    for (size_t i = 0; i < ids->n; i++)
        if (ids->ids[i] < 0 || (size_t)ids->ids[i] >= size)
            return MASA_FAIL(err, MASA_ERR_DATA, "id %d is not a token; ids go from 0 to %zu",
                             ids->ids[i], size - 1);
    masa_text text = {0};
    masa_tokenizer_decode(j->tokenizer, ids->ids, ids->n, j->skip_special, &text);
    masa_text_add(out, "\"text\":");
    masa_text_add_json(out, masa_text_get(&text), text.size);
    masa_text_deinit(&text);
    return MASA_OK;
}

static masa_status read_messages(masa_message **out, const json_t *list, masa_error *err)
{
    masa_message *messages = masa_alloc(json_array_size(list), sizeof *messages);
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        messages[i].role = json_string_value(json_object_get(item, "role"));
        messages[i].content = json_string_value(json_object_get(item, "content"));
        if (messages[i].role && messages[i].content) continue;
        free(messages);
        return MASA_FAIL(err, MASA_ERR_DATA,
                         "messages[%zu] needs the strings \"role\" and \"content\"", i);
    }
    *out = messages;
    return MASA_OK;
}

static masa_status encode_messages(job *j, const json_t *list, masa_text *out, masa_error *err)
{
    masa_message *messages = NULL;
    masa_tokens tokens = {0};
    masa_text text = {0};
    masa_status st = read_messages(&messages, list, err);
    if (st != MASA_OK) return st;
    size_t n = json_array_size(list);
    if (!j->chat) st = masa_chat_create(&j->chat, j->template, j->tokenizer, err);
    if (st == MASA_OK) st = masa_chat_encode(&tokens, j->chat, messages, n, j->generation, err);
    if (st == MASA_OK) st = masa_chat_render(&text, j->chat, messages, n, j->generation, err);
    if (st == MASA_OK) print_ids(out, &tokens);
    if (st == MASA_OK && j->show_text) {
        masa_text_add(out, ",\"text\":");
        masa_text_add_json(out, masa_text_get(&text), text.size);
    }
    masa_text_deinit(&text);
    masa_tokens_deinit(&tokens);
    free(messages);
    return st;
}

static masa_status decode_array(const job *j, const json_t *ids, masa_text *out,
                                masa_error *err)
{
    masa_tokens tokens = {0};
    masa_status st = MASA_OK;
    if (!json_is_array(ids)) return MASA_FAIL(err, MASA_ERR_DATA, "\"ids\" must be a list");
    for (size_t i = 0; st == MASA_OK && i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        json_int_t value = json_integer_value(id);
        if (!json_is_integer(id) || value < 0 || value > INT32_MAX)
            st = MASA_FAIL(err, MASA_ERR_DATA, "\"ids\" must be whole numbers from 0");
        else MASA_PUSH(tokens.ids, tokens.n, tokens.capacity, (int32_t)value);
    }
    if (st == MASA_OK) st = decode_ids(j, &tokens, out, err);
    masa_tokens_deinit(&tokens);
    return st;
}

/* One line: {"text"}, {"messages"}, or {"ids"} with --decode; an "id" is repeated. */
static masa_status do_line(job *j, const char *line, size_t n, masa_error *err)
{
    json_error_t problem;
    json_t *root = json_loadb(line, n, JSON_ALLOW_NUL, &problem);
    masa_text out = {0};
    masa_status st = MASA_OK;
    masa_text_add(&out, "{");
    const json_t *id = json_object_get(root, "id"), *text = json_object_get(root, "text"),
                 *messages = json_object_get(root, "messages");
    if (json_is_string(id)) {
        masa_text_add(&out, "\"id\":");
        masa_text_add_json(&out, json_string_value(id), json_string_length(id));
        masa_text_add(&out, ",");
    }
    if (!json_is_object(root))
        st = MASA_FAIL(err, MASA_ERR_DATA, "%s",
                       root ? "the line is not a JSON object" : problem.text);
    else if (j->decode) st = decode_array(j, json_object_get(root, "ids"), &out, err);
    else if (json_is_array(messages)) st = encode_messages(j, messages, &out, err);
    else if (json_is_string(text))
        encode_text(j, json_string_value(text), json_string_length(text), &out);
    else
        st = MASA_FAIL(err, MASA_ERR_DATA,
                       "the line needs a string \"text\" or a list \"messages\"");
    if (st == MASA_OK) print_line(&out);
    masa_text_deinit(&out);
    json_decref(root);
    return st;
}

static masa_status do_file(job *j, const char *path, masa_error *err)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (!file) return MASA_FAIL(err, MASA_ERR_IO, "cannot open %s: %s", path, strerror(errno));
    masa_text line = {0};
    size_t number = 0;
    masa_status st = MASA_OK;
    for (bool more = true; st == MASA_OK && more;) {
        st = masa_line_read(file, &line, &more, err);
        size_t mark = 0;
        if (number++ == 0 && st == MASA_OK)
            st = masa_utf8_mark(&mark, masa_text_get(&line), line.size, err);
        const char *text = masa_text_get(&line) + mark;
        if (st == MASA_OK && strspn(text, " \t\r") < line.size - mark)
            st = do_line(j, text, line.size - mark, err);
        if (st != MASA_OK) masa_error_at(err, path, number);
    }
    masa_text_deinit(&line);
    if (!standard) fclose(file);
    return st;
}

/* "1 2 3" or "[1, 2, 3]" */
static masa_status do_ids(const job *j, const char *s, masa_error *err)
{
    masa_tokens ids = {0};
    masa_text out = {0};
    masa_status st = MASA_OK;
    while (*(s += strspn(s, " ,[]\t\n"))) {
        char *end;
        long id = strtol(s, &end, 10);
        if (end == s || id < 0 || id > INT32_MAX) {
            st = MASA_FAIL(err, MASA_ERR_USAGE, "--decode takes token ids, not \"%.40s\"", s);
            break;
        }
        MASA_PUSH(ids.ids, ids.n, ids.capacity, (int32_t)id);
        s = end;
    }
    masa_text_add(&out, "{");
    if (st == MASA_OK) st = decode_ids(j, &ids, &out, err);
    if (st == MASA_OK) print_line(&out);
    masa_text_deinit(&out);
    masa_tokens_deinit(&ids);
    return st;
}

cli_command cli_tokenize;
masa_status cli_tokenize(int argc, char **argv, masa_error *err)
{
    const char *model = NULL, *file = NULL;
    job j = {.template = "auto"};
    const cli_option options[] = {
        CLI_STRING("model", 'm', &model, "PATH", CLI_MODEL_HELP ", or a tokenizer.json"),
        CLI_STRING("file", 'f', &file, "FILE",
                   "JSON Lines instead of TEXT; - is standard input"),
        CLI_FLAG("decode", 'd', &j.decode, "from ids to text"),
        CLI_FLAG("special", 's', &j.special,
                 "special tokens written in a text become their ids"),
        CLI_FLAG("skip-special", 0, &j.skip_special, "leave special tokens out when decoding"),
        CLI_STRING("chat-template", 0, &j.template, "NAME", CHAT_TEMPLATE_HELP),
        CLI_FLAG("generation-prompt", 'g', &j.generation, "open the assistant's turn"),
        CLI_FLAG("rendered", 'r', &j.show_text, "print the rendered conversation too"),
        CLI_END,
    };
    const cli_usage usage = {
        .command = "tokenize",
        .arguments = "--model PATH [TEXT]",
        .least = 0,
        .most = 1,
        .summary =
            "Prints the token ids of a text or a conversation as JSON, or the text of ids.",
        .details =
            "Lines of FILE are {\"text\": ...}, {\"messages\": [{\"role\", \"content\"}, ...]} or,\n"
            "with --decode, {\"ids\": [...]}; an \"id\" is repeated in the output. With --decode,\n"
            "TEXT is a list of ids."};
    bool helped;
    masa_status st = cli_parse(&usage, options, &argc, &argv, &helped, err);
    if (st != MASA_OK || helped) return st;
    if (!model)
        return MASA_FAIL(err, MASA_ERR_USAGE, "--model PATH is needed: whose tokenizer?");
    if ((argc == 1) == (file != NULL))
        return MASA_FAIL(err, MASA_ERR_USAGE, "give either a TEXT or --file FILE");
    char *found = NULL;
    st = masa_model_find(&found, model, err);
    if (st == MASA_OK) st = masa_tokenizer_load(&j.tokenizer, found, err);
    free(found);
    if (st != MASA_OK) return st;
    if (file) {
        st = do_file(&j, file, err);
    } else if (j.decode) {
        st = do_ids(&j, argv[0], err);
    } else {
        masa_text out = {0};
        masa_text_add(&out, "{");
        encode_text(&j, argv[0], strlen(argv[0]), &out);
        print_line(&out);
    }
    masa_chat_destroy(j.chat);
    masa_tokenizer_destroy(j.tokenizer);
    return st;
}
