/* Templates for models that bring none, in our words; tests hold them against the models'
 * own, rendered by Jinja2. */
#include <stdbool.h>
#include <stddef.h>

#include "chat_internal.h"

static const char chatml[] =
    "{% if default_system and messages[0].role != 'system' %}"
    "{{ '<|im_start|>system\\n' + default_system + '<|im_end|>\\n' }}{% endif %}"
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/* Reasoning stays only in what follows the last user's turn. */
static const char qwen3[] =
    "{% set ns = namespace(last=messages|length - 1, found=false) %}"
    "{% for m in messages[::-1] %}"
    "{% if not ns.found and m.role == 'user' and not "
    "(m.content.startswith('<tool_response>') and "
    "m.content.endswith('</tool_response>')) %}"
    "{% set ns.last = messages|length - loop.index %}{% set ns.found = true %}{% endif %}"
    "{% endfor %}"
    "{% for m in messages %}"
    "{% set content = m.content %}{% set thought = '' %}"
    "{% if m.role == 'assistant' and '</think>' in content %}"
    "{% set thought = "
    "content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}"
    "{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}"
    "{{ '<|im_start|>' + m.role + '\\n' }}"
    "{% if m.role == 'assistant' and loop.index0 > ns.last and (loop.last or thought) %}"
    "{{ '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + "
    "content.lstrip('\\n') }}"
    "{% else %}{{ content }}{% endif %}"
    "{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is defined and not enable_thinking %}"
    "{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif %}";

#define LLAMA_HEADER(role) "'<|start_header_id|>' + " role " + '<|end_header_id|>\\n\\n'"
#define LLAMA_TURNS                                                                            \
    "{% for m in turns %}"                                                                     \
    "{{ " LLAMA_HEADER("m.role") " + m.content|trim + '<|eot_id|>' }}{% endfor %}"             \
                                 "{% if add_generation_prompt %}{{ " LLAMA_HEADER(             \
                                     "'assistant'") " }}{% endif %}"

static const char llama3[] = "<|begin_of_text|>{% set turns = messages %}" LLAMA_TURNS;

/* Always with a system turn, which tells dates. */
static const char llama31[] =
    "<|begin_of_text|>{% set system = '' %}{% set turns = messages %}"
    "{% if messages[0].role == 'system' %}"
    "{% set system = messages[0].content|trim %}{% set turns = messages[1:] %}{% endif %}"
    "{{ " LLAMA_HEADER(
        "'system'") " + 'Cutting Knowledge Date: December 2023\\nToday Date: ' + "
                    "strftime_now('%d %b %Y') + '\\n\\n' + system + '<|eot_id|>' "
                    "}}" LLAMA_TURNS;

#define GEMMA_TURNS                                                                            \
    "{% for m in turns %}"                                                                     \
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"                                    \
    "{{ raise_exception('turns of user and assistant must alternate, beginning with "          \
    "user') }}"                                                                                \
    "{% endif %}"                                                                              \
    "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' }}"         \
    "{% if loop.first and system is string %}{{ system + '\\n\\n' }}{% endif %}"               \
    "{{ m.content|trim + '<end_of_turn>\\n' }}{% endfor %}"                                    \
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"

static const char gemma[] =
    "{% if messages[0].role == 'system' %}"
    "{{ raise_exception('Gemma has no system turn; put its text at the beginning of the "
    "first "
    "user message') }}{% endif %}"
    "<bos>{% set turns = messages %}{% set system = none %}" GEMMA_TURNS;

/* The system text goes before the first user's. */
static const char gemma3[] = "<bos>{% set turns = messages %}{% set system = none %}"
                             "{% if messages[0].role == 'system' %}"
                             "{% set turns = messages[1:] %}{% set system = "
                             "messages[0].content %}{% endif %}" GEMMA_TURNS;

const chat_builtin chat_builtins[] = {
    {"smollm2", chatml, "You are a helpful AI assistant named SmolLM, trained by Hugging Face",
     false},
    {"chatml", chatml, NULL, false},
    {"qwen2", chatml, "You are a helpful assistant.", false},
    {"qwen2.5", chatml, "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
     false},
    {"qwen2.5-math", chatml,
     "Please reason step by step, and put your final answer within \\boxed{}.", false},
    {"qwen3", qwen3, NULL, false},
    {"qwen3-nothink", qwen3, NULL, true},
    {"llama3", llama3, NULL, false},
    {"llama3.1", llama31, NULL, false},
    {"gemma", gemma, NULL, false},
    {"gemma3", gemma3, NULL, false},
    {NULL, NULL, NULL, false},
};
