#include <masa/lab.h>

#include <masa/file.h>
#include <masa/memory.h>
#include <masa/text.h>
#include <masa/yaml.h>

#include <stdlib.h>
#include <string.h>

#define OPTIONAL CYAML_FLAG_OPTIONAL

static const cyaml_schema_value_t text = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};
static const cyaml_schema_value_t number = {CYAML_VALUE_INT(CYAML_FLAG_DEFAULT, long)};

static const cyaml_schema_field_t arm_fields[] = {
    MASA_YAML_TEXT(masa_lab_arm, name, 0),
    MASA_YAML_TEXT(masa_lab_arm, preset, OPTIONAL),
    CYAML_FIELD_SEQUENCE("set", CYAML_FLAG_POINTER | OPTIONAL, masa_lab_arm, set, &text, 0,
                         CYAML_UNLIMITED),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t arm = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, masa_lab_arm, arm_fields)};

static const cyaml_schema_field_t fields[] = {
    MASA_YAML_TEXT(masa_lab, name, OPTIONAL),
    MASA_YAML_TEXT(masa_lab, model, OPTIONAL),
    MASA_YAML_TEXT(masa_lab, train, OPTIONAL),
    MASA_YAML_TEXT(masa_lab, test, OPTIONAL),
    MASA_YAML_TEXT(masa_lab, config, OPTIONAL),
    MASA_YAML_TEXT(masa_lab, steps, OPTIONAL),
    MASA_YAML_TEXT(masa_lab, baseline, OPTIONAL),
    CYAML_FIELD_SEQUENCE("set", CYAML_FLAG_POINTER | OPTIONAL, masa_lab, set, &text, 0,
                         CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("seeds", CYAML_FLAG_POINTER, masa_lab, seeds, &number, 1,
                         CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("arms", CYAML_FLAG_POINTER, masa_lab, arms, &arm, 1, CYAML_UNLIMITED),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, masa_lab, fields)};

void masa_lab_close(masa_lab *lab)
{
    masa_yaml_free(&schema, lab);
}

/* Names become names of files. */
static bool is_name(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789-_.+");
    return n > 0 && s[n] == '\0' && s[0] != '.';
}

static bool has_arm(const masa_lab *lab, const char *name)
{
    for (unsigned i = 0; i < lab->arms_count; i++)
        if (strcmp(lab->arms[i].name, name) == 0) return true;
    return false;
}

/* What the schema cannot say. */
static masa_status check(const masa_lab *lab, masa_error *err)
{
    if (!is_name(lab->name))
        return MASA_FAIL(err, MASA_ERR_CONFIG,
                         "name: '%s' is to be a folder's name of letters, digits, - _ . +",
                         lab->name);
    for (unsigned i = 0; i < lab->arms_count; i++)
        if (!is_name(lab->arms[i].name))
            return MASA_FAIL(err, MASA_ERR_CONFIG,
                             "arms: the name '%s' is to be of letters, digits, - _ . +",
                             lab->arms[i].name);
    for (unsigned i = 0; i < lab->seeds_count; i++)
        if (lab->seeds[i] < 0)
            return MASA_FAIL(err, MASA_ERR_CONFIG, "seeds: %ld is negative", lab->seeds[i]);
    if (!has_arm(lab, lab->baseline))
        return MASA_FAIL(err, MASA_ERR_CONFIG, "baseline: no arm is called '%s'",
                         lab->baseline);
    return MASA_OK;
}

/* The file's name without folder and ending. */
static char *name_of(const char *path)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const char *end = strrchr(base, '.');
    return masa_strndup(base, end && end > base ? (size_t)(end - base) : strlen(base));
}

masa_status masa_lab_open(masa_lab **out, const char *path, masa_error *err)
{
    masa_text yaml = {0};
    void *data = NULL;
    masa_status st = masa_file_read(&yaml, path, err);
    if (st == MASA_OK)
        st = masa_yaml_parse(&data, &schema, masa_text_get(&yaml), yaml.size, path,
                             "no description of a laboratory", err);
    masa_text_deinit(&yaml);
    if (st != MASA_OK) return st;
    masa_lab *lab = data;
    if (!lab->name) lab->name = name_of(path);
    if (!lab->baseline) lab->baseline = masa_strdup(lab->arms[0].name);
    st = check(lab, err);
    if (st == MASA_OK) {
        *out = lab;
    } else {
        masa_error_at(err, path, 0);
        masa_lab_close(lab);
    }
    return st;
}

masa_status masa_lab_plan(masa_experiment *out, const masa_lab *lab, const char *runs,
                          masa_error *err)
{
    char *folder = masa_path_join(runs, lab->name);
    masa_status st = MASA_OK;
    *out = (masa_experiment){0};
    for (unsigned s = 0; s < lab->seeds_count; s++)
        for (unsigned i = 0; st == MASA_OK && i < lab->arms_count; i++) {
            const masa_lab_arm *a = &lab->arms[i];
            masa_experiment_run *run =
                masa_experiment_add(out, folder, a->name, strlen(a->name), lab->seeds[s]);
            if (!run)
                st = MASA_FAIL(err, MASA_ERR_CONFIG, "%s with seed %ld is given twice", a->name,
                               lab->seeds[s]);
            else {
                run->preset = a->preset;
                run->set = (masa_settings){(const char *const *)a->set, a->set_count};
            }
        }
    free(folder);
    if (st != MASA_OK) masa_experiment_deinit(out);
    return st;
}
