#include "help.h"
#include "commands.h"

#include <masa/config.h>
#include <masa/text.h>
#include "masa_version.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char title[] = "train language models to reason with meta-awareness";
static const char exits[] =
    "masa COMMAND --help says everything about a command. Exit status: 0 done,\n"
    "1 bad input or a failing system, 2 wrong usage, 4 numbers that are not\n"
    "finite, 5 another process failed, 130 stopped by ^C (the run is saved).";

void cli_help_overview(FILE *out)
{
    fprintf(out, "masa: %s\n\nusage: masa [--verbose] COMMAND [ARGUMENTS]\n\n", title);
    for (const cli_entry *c = cli_commands; c->name; c++)
        fprintf(out, "  %-10s %s\n", c->name, c->help);
    fprintf(out, "\n%s\n", exits);
}

/* An option's help and the value that its target holds now. Free it. */
static char *explain(const cli_option *o)
{
    masa_text text = {0};
    const char *string = o->kind == CLI_KIND_STRING ? *(const char **)o->target : NULL;
    masa_text_add(&text, o->help);
    if (o->kind == CLI_KIND_LONG) masa_text_addf(&text, " (default %ld)", *(long *)o->target);
    if (o->kind == CLI_KIND_DOUBLE)
        masa_text_addf(&text, " (default %g)", *(double *)o->target);
    if (string) masa_text_addf(&text, " (default %s)", string);
    return masa_text_take(&text);
}

static void print_text(const cli_usage *usage, const cli_option *options)
{
    printf("masa %s%s%s\n\n%s\n\nOptions:\n", usage->command, *usage->arguments ? " " : "",
           usage->arguments, usage->summary);
    for (const cli_option *o = options; o->kind != CLI_KIND_END; o++) {
        char left[64];
        snprintf(left, sizeof left, "%s%c%s --%s%s%s", o->letter ? "-" : " ",
                 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
                 o->argument ? " " : "", o->argument ? o->argument : "");
        char *help = explain(o);
        printf("  %-32s %s\n", left, help);
        free(help);
    }
    printf("  %-32s %s\n", "-h, --help", "this text");
    if (usage->details) printf("\n%s\n", usage->details);
}

/* Text in the language of manual pages, in which some characters are commands and others
 * would become typographic ones. */
static void print_roff(const char *text)
{
    static const char odd[] = "\\-'`^~";
    static const char *const names[] = {"\\e", "\\-", "\\(aq", "\\(ga", "\\(ha", "\\(ti"};
    bool begins = true;
    for (; *text; begins = *text++ == '\n') {
        const char *found = strchr(odd, *text);
        if (begins && *text == '.') printf("\\&");
        if (found) printf("%s", names[found - odd]);
        else putchar(*text);
    }
}

static void print_man_head(const char *command, const char *help)
{
    printf(".TH MASA%s", command ? "\\-" : "");
    for (const char *c = command ? command : ""; *c; c++) putchar(toupper((unsigned char)*c));
    printf(" 1 \"\" \"masa " MASA_VERSION "\"\n.SH NAME\nmasa%s%s \\- ", command ? "\\-" : "",
           command ? command : "");
    print_roff(help);
    printf("\n.SH SYNOPSIS\n.B masa %s\n", command ? command : "[\\-\\-verbose] COMMAND");
}

static void print_man_command(const cli_usage *usage, const cli_option *options)
{
    const cli_entry *entry = cli_commands;
    while (strcmp(entry->name, usage->command) != 0) entry++;
    print_man_head(entry->name, entry->help);
    print_roff(usage->arguments);
    printf("\n.SH DESCRIPTION\n");
    print_roff(usage->summary);
    printf("\n.SH OPTIONS\n");
    for (const cli_option *o = options; o->kind != CLI_KIND_END; o++) {
        printf(".TP\n");
        if (o->letter) printf("\\fB\\-%c\\fR, ", o->letter);
        printf("\\fB\\-\\-");
        print_roff(o->name);
        printf("\\fR \\fI");
        print_roff(o->argument ? o->argument : "");
        printf("\\fR\n");
        char *help = explain(o);
        print_roff(help);
        printf("\n");
        free(help);
    }
    printf(".TP\n\\fB\\-h\\fR, \\fB\\-\\-help\\fR\nthis text\n");
    if (usage->details) {
        printf(".SH NOTES\n.nf\n");
        print_roff(usage->details);
        printf("\n.fi\n");
    }
    printf(".SH SEE ALSO\n.BR masa (1)\n");
}

static void print_man_program(void)
{
    print_man_head(NULL, title);
    printf("[ARGUMENTS]\n.SH COMMANDS\n");
    for (const cli_entry *c = cli_commands; c->name; c++) {
        printf(".TP\n.BR masa\\-%s (1)\n", c->name);
        print_roff(c->help);
        printf("\n");
    }
    printf(".SH NOTES\n");
    print_roff(exits);
    printf("\n");
}

/* A command's branch of the script's `case`: its words, and which of them take a preset or a
 * setting. */
static void print_bash_command(const cli_usage *usage, const cli_option *options)
{
    printf("    %s)\n        words='--help", usage->command);
    for (const cli_option *o = options; o->kind != CLI_KIND_END; o++) printf(" --%s", o->name);
    printf("'\n");
    for (const cli_option *o = options; o->kind != CLI_KIND_END; o++) {
        bool preset = strcmp(o->name, "preset") == 0, set = strcmp(o->name, "set") == 0;
        if (preset || set)
            printf("        [[ $last == --%s || $last == -%c ]] && values=$%s\n", o->name,
                   o->letter, preset ? "presets" : "settings");
    }
    printf("        ;;\n");
}

static void print_bash_constants(void)
{
#define KEY(section, key, ...) " " #section "." #key "="
#define NONE(...)
#define S(name, NAME, help) MASA_CONFIG_##NAME(KEY, KEY, KEY, KEY, KEY, NONE)
    static const char settings[] = MASA_CONFIG_SECTIONS(S);
#undef S
#undef NONE
#undef KEY
    const char *name;
    printf("    local settings='%s'\n    local presets='", settings + 1);
    for (size_t i = 0; (name = masa_config_preset(i, NULL)); i++)
        printf("%s%s", i ? " " : "", name);
    printf("'\n");
}

static masa_status print_bash_program(masa_error *err)
{
    masa_status st = MASA_OK;
    printf("# bash completion of masa " MASA_VERSION ". Made by `masa --help=bash`.\n"
           "_masa()\n{\n"
           "    local word=$2 last=$3 command='' words='' values='' i\n");
    print_bash_constants();
    printf("    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        [[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }\n"
           "    done\n"
           "    case $command in\n    '')\n        values='--verbose --help --version");
    for (const cli_entry *c = cli_commands; c->name; c++) printf(" %s", c->name);
    printf("'\n        ;;\n");
    for (const cli_entry *c = cli_commands; !st && c->name; c++)
        st = c->run(2, (char *[]){(char *)c->name, "--help=bash", NULL}, err);
    /* What is no option is left to complete's default: a file. */
    printf("    esac\n"
           "    [[ $word == -* && -z $values ]] && values=$words\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$word\")\n"
           "    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
           "    return 0\n"
           "}\n"
           "complete -o default -F _masa masa\n");
    return st;
}

static masa_status refuse_form(const char *form, masa_error *err)
{
    return MASA_FAIL(err, MASA_ERR_USAGE, "--help=%s: it can be --help=man or --help=bash",
                     form);
}

masa_status cli_help_program(const char *form, masa_error *err)
{
    if (form && strcmp(form, "bash") == 0) return print_bash_program(err);
    if (form && strcmp(form, "man") == 0) print_man_program();
    else if (form) return refuse_form(form, err);
    else cli_help_overview(stdout);
    return MASA_OK;
}

masa_status cli_help_command(const char *form, const cli_usage *usage,
                             const cli_option *options, masa_error *err)
{
    if (!form) print_text(usage, options);
    else if (strcmp(form, "man") == 0) print_man_command(usage, options);
    else if (strcmp(form, "bash") == 0) print_bash_command(usage, options);
    else return refuse_form(form, err);
    return MASA_OK;
}
