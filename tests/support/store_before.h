/* A store of the layout before, version 2, as a run of an older program left it. */
#ifndef TESTS_STORE_BEFORE_H
#define TESTS_STORE_BEFORE_H

#include "masa_test.h"

#include <sqlite3.h>

static const char store_before[] =
    "CREATE TABLE info (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE metrics (step INTEGER, name TEXT, value REAL, PRIMARY KEY (step, name));"
    "CREATE TABLE prompts (id INTEGER PRIMARY KEY, text TEXT UNIQUE);"
    "CREATE TABLE rollouts (step INTEGER, prompt INTEGER, problem TEXT, kind TEXT,"
    "  sample INTEGER, prompt_id INTEGER REFERENCES prompts (id), text TEXT, answer TEXT,"
    "  prompt_tokens INTEGER, tokens INTEGER, reward REAL, advantage REAL, cause TEXT,"
    "  logprob REAL, seconds REAL, extra TEXT, ids BLOB,"
    "  PRIMARY KEY (step, prompt, kind, sample));"
    "CREATE TABLE evals (step INTEGER, problem TEXT, sample INTEGER, text TEXT,"
    "  answer TEXT, correct INTEGER, tokens INTEGER, cause TEXT);"
    "CREATE INDEX evals_step ON evals (step);"
    "CREATE TABLE decisions (step INTEGER, prompt INTEGER, problem TEXT, kind TEXT,"
    "  taken INTEGER, mean REAL, deviation REAL, value REAL, extra TEXT,"
    "  PRIMARY KEY (step, prompt, kind));"
    "CREATE VIEW rollouts_with_prompts AS SELECT rollouts.*, prompts.text AS prompt_text"
    "  FROM rollouts LEFT JOIN prompts ON prompts.id = prompt_id;"
    "INSERT INTO prompts VALUES (1, 'What is 2+2?');"
    "INSERT INTO metrics VALUES (1, 'reward', 0.5);"
    "INSERT INTO rollouts VALUES (1, 0, 'p', 'solution', 0, 1, 'It is 4.', '4', 7, 0, 1, 0.5, 'eos',"
    "  -1, 2, '', X'');"
    "INSERT INTO rollouts VALUES (1, 0, 'p', 'meta', 0, 1, '{}', '4', 7, 0, 0.4, 0, 'eos', -1, 2,"
    "  '{\"pass_rate\":4,\"length\":null,\"notions\":[\"sum\"],\"cause_pass_rate\":\"valid\","
    "\"cause_length\":\"missing\",\"cause_notions\":\"valid\",\"difficulty\":0.5,"
    "\"notion_reward\":0,\"true_pass_rate\":0.25,\"true_length\":null}', X'');"
    "INSERT INTO evals VALUES (0, 't', 0, 'five', '5', 1, 3, 'eos');"
    "PRAGMA application_id = 1296126785; PRAGMA user_version = 2;";

static inline void make_store_before(const char *path)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, store_before, NULL, NULL, &why) != SQLITE_OK) fail_msg("%s", why);
    sqlite3_close(db);
}

#endif
