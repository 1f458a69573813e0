/*
 * Inside of the server: two threads. One speaks HTTP (http.c): it turns requests into jobs (job.c,
 * which has them read by openai.c or token_calls.c) and queues these; meanwhile the connection
 * is suspended. The other, the caller's, decodes all jobs together (decoding.c), appends to their
 * output and wakes their connections. A job belongs to both until each has let go of it.
 */
#ifndef SERVE_SERVICE_H
#define SERVE_SERVICE_H

#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <masa/generate.h>
#include <masa/serve.h>

enum {
    SERVE_BODY_MOST = 4 << 20, /* bytes of a request */
    SERVE_CHOICES_MOST = 4096, /* responses that one request may ask for */
};

typedef enum job_kind { JOB_COMPLETION, JOB_CHAT, JOB_TOKENS, JOB_RELOAD } job_kind;

typedef struct job {
    job_kind kind;
    masa_text body; /* of the HTTP request */
    bool too_large; /* more than that was sent */

    /* What is asked for; not changed once it is queued. */
    masa_tokens *prompts;   /* [n_prompts] */
    masa_request *requests; /* [n_prompts] */
    size_t n_prompts;
    char **stops;
    size_t n_stops;
    int32_t stop_tokens[32];
    size_t n_stop_tokens;
    size_t *limits; /* [samples] of the only request, or NULL */
    bool whole;     /* a response that the context would cut short is refused */
    bool stream;    /* answer token by token */
    bool logprobs;  /* they are asked for */
    bool usage;     /* a stream ends with the counts of tokens */
    char id[40];
    long created;
    char *path, *version; /* JOB_RELOAD; version may be NULL */

    /* The decoding thread's. */
    masa_completion *completions; /* [n_choices] prompt by prompt */
    masa_text_stream *streams;    /* [n_choices] of texts */
    size_t *told;                 /* [n_choices] tokens that a stream has told of */
    size_t *offsets;              /* [n_choices] and the bytes of their text */
    size_t n_choices, unfinished;
    bool failed; /* answered with an error; what the generator still has of it is for nobody */

    /* Under the service's lock. */
    struct job *next;
    struct MHD_Connection *connection;
    int holders;                  /* of the two threads */
    bool queued, suspended, gone; /* gone: nobody waits for it */
    bool begun, finished;         /* there is output to send; there will be no more */
    unsigned status;              /* of HTTP */
    masa_text out;
    size_t sent;
} job;

typedef struct service {
    masa_model *model;
    const masa_tokenizer *tokenizer;
    const masa_chat *chat; /* or NULL */
    const masa_serve_options *options;
    char *weights;          /* the real path of options->weights, or NULL */
    int32_t stop_tokens[8]; /* the model's own */
    size_t n_stop_tokens;
    long created;

    masa_generator *generator; /* the decoding thread's, like the next three */
    job **running;             /* [n_running] whose request it was, since it was last idle */
    size_t n_running, running_capacity;
    bool broken; /* reading weights failed half-way */

    pthread_mutex_t lock;
    pthread_cond_t arrived;
    job *first, *last;        /* the queue */
    size_t n_waiting, n_jobs; /* n_jobs: waiting or running */
    uint64_t count;           /* of jobs so far: their ids */
    bool closing;
    char version[128]; /* of the weights */
} service;

/* ---- serve.c ---- */

/* All but the two threads. service_close is the caller's after a failure too. */
masa_status service_open(service *s, masa_model *model, const masa_tokenizer *tokenizer,
                         const masa_chat *chat, const masa_serve_options *options,
                         masa_error *err);
void service_close(service *s);

/* ---- http.c ---- */

masa_status http_start(struct MHD_Daemon **out, service *s, masa_error *err);
/* Lets what is answered be sent, for a moment, and ends. */
void http_end(struct MHD_Daemon *daemon, service *s);

/* ---- decoding.c ---- */

/* Works until it is to stop. */
void decode_jobs(service *s);
/* One round of it; false: there was nothing to decode. */
bool decode_round(service *s);

/* ---- job.c ---- */

/* With one holder. connection NULL: nobody is there to be suspended and woken. */
job *job_create(struct MHD_Connection *connection);
/* Under the lock: lets the connection go on that waits for the job's output. */
void job_wake(job *j);
/* One of its two holders lets go. Takes the lock. */
void job_release(service *s, job *j);

/* A job whose body is complete is queued, or answered at once. */
void job_take(service *s, job *j, const char *path, const char *method);

/* Answers with an error in OpenAI's form: the whole answer, or the last event of a stream that
 * has begun. Takes the lock; nothing is told after. */
void job_fail(service *s, job *j, unsigned status, const char *message);
/* The same for an error of a part, whose code says whose fault it is. */
void job_fail_with(service *s, job *j, masa_status st, const masa_error *err);
/* Answers with a JSON object, which is taken. */
void job_answer(service *s, job *j, json_t *object);

/* ---- openai.c, openai_answer.c ---- */

masa_status openai_read(job *j, const json_t *body, service *s, masa_error *err);
/* What a choice has come to goes into the stream. */
void openai_stream(service *s, job *j, const masa_completion *c, bool finished);
/* All choices are complete. */
void openai_finish(service *s, job *j);

/* ---- token_calls.c ---- */

masa_status tokens_read(job *j, const json_t *body, service *s, masa_error *err);
void tokens_finish(service *s, job *j);
masa_status reload_read(job *j, const json_t *body, service *s, masa_error *err);
/* With nothing under way. */
void reload_run(service *s, job *j);

/* ---- what they have in common ---- */

/* Numbers of an object: *out stays as it is where there is none, or null. MASA_ERR_DATA names
 * the member and its bounds. */
masa_status read_number(double *out, const json_t *object, const char *name, double least,
                        double most, masa_error *err);
masa_status read_whole(size_t *out, const json_t *object, const char *name, size_t least,
                       size_t most, masa_error *err);
masa_status read_switch(bool *out, const json_t *object, const char *name, masa_error *err);
/* A list of token ids; MASA_ERR_DATA names the member. */
masa_status read_ids(masa_tokens *out, const service *s, const json_t *list, const char *name,
                     masa_error *err);
/* temperature, top_p, top_k and min_p; without them 1, 1, off and off. */
masa_status read_sampling(masa_sampling *out, const json_t *object, masa_error *err);
/* What `seed` says, or a number that nobody has had. */
masa_status read_seed(uint64_t *out, const json_t *object, masa_error *err);

/* Completions and requests for the prompts, of n samples each with these settings. */
void job_plan(job *j, size_t n, const masa_request *settings);

#endif
