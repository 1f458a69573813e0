/* The GPU's table, and the one symbol of the plugin. */
#include "backend.h"

#include "cuda.h"
#include "cuda_device.h"

#include <stdio.h>

/* The plugin has none of the program's functions: this is its masa_error_set. */
static masa_status fail(masa_error *err, masa_status code, const char *message)
{
    if (err) {
        *err = masa_error();
        err->code = code;
        snprintf(err->message, sizeof err->message, "%s", message);
        err->source = __FILE__;
        err->source_line = __LINE__;
    }
    return code;
}

static masa_status start(size_t index, bool round, masa_error *err)
{
    char message[300];
    const char *why = device_start(index, round);
    if (!why) return MASA_OK;
    snprintf(message, sizeof message, "GPU %zu cannot be used: %s", index, why);
    return fail(err, MASA_ERR_UNSUPPORTED, message);
}

static masa_dtype compute(void)
{
    return MASA_BF16;
}

/* Products may agree; attention sums otherwise over the cache than over a batch. */
static bool rows_agree(masa_dtype)
{
    return false;
}

static masa_device_sizes sizes(void)
{
    return {16, 1024, 1024, 0, 1};
}

static masa_status linear_create(void **map, size_t out_features, size_t in_features,
                                 masa_dtype dtype, bool, masa_error *err)
{
    const char *why;
    void *made = cuda_linear_create(out_features, in_features, dtype, &why);
    if (!made && why) return fail(err, MASA_ERR_UNSUPPORTED, why);
    if (!made)
        return fail(err, MASA_ERR_MEMORY, "not enough GPU memory for the weights of products");
    *map = made;
    return MASA_OK;
}

static masa_status plan_create(void **plan, size_t max_segments, masa_error *err)
{
    void *made = cuda_plan_create(max_segments);
    if (!made)
        return fail(err, MASA_ERR_MEMORY, "not enough GPU memory for a batch's segments");
    *plan = made;
    return MASA_OK;
}

static masa_status link_find(char *place, masa_error *err)
{
    const char *why = cuda_link_find(place);
    return why ? fail(err, MASA_ERR_UNSUPPORTED, why) : MASA_OK;
}

static masa_status link_done(const char *why, masa_error *err)
{
    char message[300];
    if (!why) return MASA_OK;
    snprintf(message, sizeof message, "NCCL: %s", why);
    return fail(err, MASA_ERR_PEER, message);
}

static masa_status link_name(char *name, masa_error *err)
{
    return link_done(cuda_link_name(name), err);
}

static masa_status link_join(const char *name, size_t rank, size_t size, masa_error *err)
{
    return link_done(cuda_link_join(name, rank, size), err);
}

static masa_status link_swap(const masa_link_piece *send, const masa_link_piece *receive,
                             masa_error *err)
{
    return link_done(cuda_link_swap(send, receive), err);
}

static backend make_table()
{
    backend b = {};
    b.version = BACKEND_VERSION;
    b.kind = "cuda";
    b.start = start;
    b.name = device_name;
    b.facts = device_facts;
    b.record = device_record;
    b.record_end = device_record_end;
    b.replay = device_replay;
    b.record_drop = device_record_drop;
    b.compute = compute;
    b.rows_agree = rows_agree;
    b.sizes = sizes;
    b.available = device_available;
    b.peak = device_peak;

    b.alloc = device_alloc;
    b.release = device_free;
    b.put = device_put;
    b.get = device_get;
    b.copy = device_copy;
    b.zero = device_zero;

    b.linear_create = linear_create;
    b.linear_destroy = cuda_linear_destroy;
    b.linear_bytes = cuda_linear_bytes;
    b.linear_pack = cuda_linear_pack;
    b.linear_forward = cuda_linear_forward;
    b.linear_backward_input = cuda_linear_backward_input;
    b.linear_backward_weight = cuda_linear_backward_weight;

    b.rmsnorm_forward = cuda_rmsnorm_forward;
    b.rmsnorm_backward = cuda_rmsnorm_backward;
    b.headnorm_forward = cuda_headnorm_forward;
    b.headnorm_backward = cuda_headnorm_backward;
    b.rope = cuda_rope;
    b.swiglu_forward = cuda_swiglu_forward;
    b.swiglu_backward = cuda_swiglu_backward;
    b.gather_rows = cuda_gather_rows;
    b.add_rows = cuda_add_rows;
    b.scale_rows = cuda_scale_rows;
    b.move_records = cuda_move_records;
    b.convert = cuda_convert;
    b.add = cuda_add;
    b.scale = cuda_scale;

    b.plan_create = plan_create;
    b.plan_destroy = cuda_plan_destroy;
    b.plan_bytes = cuda_plan_bytes;
    b.plan_set = cuda_plan_set;
    b.attention_forward = cuda_attention_forward;
    b.attention_backward_floats = cuda_attention_backward_floats;
    b.attention_backward = cuda_attention_backward;
    b.kv_write = cuda_kv_write;
    b.heads_to_cache = cuda_heads_to_cache;
    b.attention_cached = cuda_attention_cached;

    b.softmax_forward = cuda_softmax_forward;
    b.softmax_backward = cuda_softmax_backward;
    b.samples_filtered = false;
    b.sample = cuda_sample;
    b.adamw = cuda_adamw;
    b.sums_of_squares = cuda_sums_of_squares;

    b.link_find = link_find;
    b.link_name = link_name;
    b.link_join = link_join;
    b.link_leave = cuda_link_leave;
    b.link_swap = link_swap;
    return b;
}

extern "C" __attribute__((visibility("default"))) const struct backend *masa_backend(void)
{
    static const backend table = make_table();
    return &table;
}
