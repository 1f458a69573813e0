#include "sandbox.h"

#include "box.h"

#include <masa/clock.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BOXES = 2, TICK = 50 /* milliseconds between two looks at /tmp and the stop */ };

/* Appends what has come; false at the stream's end. */
static bool read_some(box *b, int stream, const struct pollfd *fd)
{
    char buffer[4096];
    if (fd->fd < 0 || !fd->revents) return fd->fd >= 0;
    ssize_t n = read(fd->fd, buffer, sizeof buffer);
    if (n > 0) masa_text_append(&b->texts[stream], buffer, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool too_much(const box *b, const masa_code_limits *limits)
{
    for (int i = 0; i < BOX_STREAMS; i++)
        if (b->texts[i].size > limits->output_bytes) return true;
    return false;
}

/* Reads what both write until the judge ends, boxes[0], or a limit is reached. */
static sandbox_end collect(box boxes[BOXES], double deadline, const masa_code_limits *limits)
{
    enum { N = BOXES * BOX_STREAMS };
    struct pollfd fds[N];
    for (int i = 0; i < N; i++)
        fds[i] = (struct pollfd){boxes[i / BOX_STREAMS].outer[i % BOX_STREAMS], POLLIN, 0};
    while (fds[BOX_REPORT].fd >= 0 || fds[BOX_OUTPUT].fd >= 0) {
        double left = (deadline - masa_clock()) * 1000;
        if (left <= 0) return SANDBOX_TIME;
        if (limits->stop && *limits->stop) return SANDBOX_STOPPED;
        if (poll(fds, N, left < TICK ? (int)left + 1 : TICK) < 0) continue;
        for (int i = 0; i < N; i++)
            if (!read_some(&boxes[i / BOX_STREAMS], i % BOX_STREAMS, &fds[i])) fds[i].fd = -1;
        for (int k = 0; k < BOXES; k++) {
            if (too_much(&boxes[k], limits)) return SANDBOX_OUTPUT;
            if (box_is_full(&boxes[k])) return SANDBOX_MEMORY;
        }
    }
    return SANDBOX_EXITED;
}

masa_status sandbox_run(sandbox_result *out, const sandbox_file judge[2],
                        const sandbox_file worker[2], const masa_code_limits *limits,
                        masa_error *err)
{
    box boxes[BOXES] = {BOX_CLOSED, BOX_CLOSED};
    int ends[2];
    double deadline = masa_clock() + limits->seconds;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return MASA_FAIL(err, MASA_ERR_IO, "cannot set up the sandbox: %s", strerror(errno));
    masa_status st = box_start(&boxes[0], judge, ends[0], limits, err);
    if (st == MASA_OK) st = box_start(&boxes[1], worker, ends[1], limits, err);
    /* Now each end is open in one box alone, and its end is the other's end of file. */
    close(ends[0]);
    close(ends[1]);
    if (st == MASA_OK) {
        out->ended = collect(boxes, deadline, limits);
        masa_text_append(&out->output, masa_text_get(&boxes[0].texts[BOX_OUTPUT]),
                         boxes[0].texts[BOX_OUTPUT].size);
    }
    for (int k = 0; k < BOXES; k++) {
        masa_status ended = box_end(&boxes[k], st == MASA_OK ? err : NULL);
        if (st == MASA_OK) st = ended;
    }
    if (st == MASA_OK && out->ended == SANDBOX_STOPPED)
        st = MASA_FAIL(err, MASA_ERR_INTERRUPTED, "stopped while a program ran");
    return st;
}
