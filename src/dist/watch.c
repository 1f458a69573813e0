/*
 * Whether the others are still there. A process that died or stands still is noticed by no
 * collective: the others would wait for it for ever. So each rank has a connection to rank 0,
 * over which both say once a second that they live. Who misses the other side says so in one
 * line and ends; the others miss him in turn.
 */
#include "dist_internal.h"

#include <masa/log.h>
#include <masa/memory.h>

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK = 1000,    /* ms */
    PATIENCE = 15,  /* ticks without a word; one that passed while all slept counts as one */
    WORRY = 5,      /* ticks after which one is told of: MPI may end all before we do */
    CONNECT = 5000, /* ms for a connection to be made */
    ADDRESSES = 8,
    ALIVE = 'a',
    BYE = 'b', /* this one has come to its end */
    END = 'e', /* all are to end: why, was said */
};

/* What rank 0 tells the others: where it listens, and a number that no stranger knows. */
typedef struct post {
    struct in_addr addresses[ADDRESSES];
    uint16_t port; /* network order; 0: it could not listen */
    unsigned char token[16];
} post;

/* A connection's first words. */
typedef struct hello {
    unsigned char token[16];
    uint32_t rank;
} hello;

/* The other side of a connection. */
typedef struct peer {
    int socket;    /* -1: not there yet */
    bool expected; /* it has connected */
    bool gone;     /* it said good-bye */
    int silent;    /* ticks */
} peer;

static post where;
static peer *peers; /* [size] on rank 0 by rank; on others [1], rank 0 */
static size_t n_peers;
static int listener = -1;
static pthread_t watcher;
static bool watching;
static atomic_bool over;

/* ---- the end of all ---- */

static void tell(char word)
{
    for (size_t i = 0; i < n_peers; i++)
        if (peers[i].socket >= 0) /* a failure shows in what is heard */
            (void)!send(peers[i].socket, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void dist_watch_end(void)
{
    tell(END);
}

/* Of those who miss one and the same rank, one says so. */
static void worry(size_t rank)
{
    char line[256];
    int n = snprintf(line, sizeof line,
                     "masa: warning: rank %zu of %zu (%s) has not been heard of for 5 s\n",
                     rank, masa_dist_size(), dist_host(rank));
    if (masa_dist_rank() == (rank == 0)) (void)!write(STDERR_FILENO, line, (size_t)n);
}

static void give_up(size_t rank, const char *what)
{
    char line[512];
    int n =
        snprintf(line, sizeof line,
                 "masa: rank %zu of %zu (%s) %s; all end here. Training goes on from its last "
                 "checkpoint with --resume, an evaluation by the same command\n",
                 rank, masa_dist_size(), dist_host(rank), what);
    if (masa_dist_rank() == (rank == 0)) (void)!write(STDERR_FILENO, line, (size_t)n);
    tell(END);
    _exit(masa_status_exit(MASA_ERR_PEER));
}

/* ---- what goes on between two ticks ---- */

static size_t rank_of(const peer *p)
{
    return masa_dist_rank() == 0 ? (size_t)(p - peers) : 0;
}

static void hear(peer *p)
{
    char words[256];
    ssize_t n = recv(p->socket, words, sizeof words, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) p->silent = 0;
    if (n > 0 && memchr(words, END, (size_t)n)) {
        tell(END);
        _exit(masa_status_exit(MASA_ERR_PEER));
    }
    if (n > 0 && !memchr(words, BYE, (size_t)n)) return;
    close(p->socket);
    p->socket = -1;
    p->gone = true;
    if (n <= 0 && !atomic_load(&over)) give_up(rank_of(p), "has died");
}

static void let_in(void)
{
    hello h;
    int s = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    struct timeval limit = {1, 0};
    if (s < 0) return;
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (recv(s, &h, sizeof h, MSG_WAITALL) == sizeof h && h.rank > 0 && h.rank < n_peers &&
        memcmp(h.token, where.token, sizeof h.token) == 0 && peers[h.rank].socket < 0 &&
        !peers[h.rank].gone)
        peers[h.rank].socket = s;
    else close(s);
}

static void count_silence(void)
{
    for (size_t i = 0; i < n_peers; i++) {
        peer *p = &peers[i];
        if (!p->expected || p->gone) continue;
        if (++p->silent == WORRY + 1) worry(rank_of(p));
        if (p->silent > PATIENCE) give_up(rank_of(p), "has not been heard of for 15 s");
    }
}

static void *watch(void *unused)
{
    (void)unused;
    struct pollfd *polled = masa_alloc(n_peers + 1, sizeof *polled);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long long next = now.tv_sec * 1000LL + now.tv_nsec / 1000000 + TICK;
    while (!atomic_load(&over)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        long long left = next - (now.tv_sec * 1000LL + now.tv_nsec / 1000000);
        if (left <= 0) {
            tell(ALIVE);
            count_silence();
            next += left < -TICK ? TICK - left : TICK;
            continue;
        }
        for (size_t i = 0; i < n_peers; i++)
            polled[i] = (struct pollfd){.fd = peers[i].socket, .events = POLLIN};
        polled[n_peers] = (struct pollfd){.fd = listener, .events = POLLIN};
        if (poll(polled, n_peers + 1, left < 100 ? (int)left : 100) <= 0) continue;
        for (size_t i = 0; i < n_peers; i++)
            if (polled[i].revents) hear(&peers[i]);
        if (polled[n_peers].revents) let_in();
    }
    tell(BYE);
    free(polled);
    return NULL;
}

/* ---- the beginning and the end ---- */

static void find_addresses(post *p)
{
    struct ifaddrs *all = NULL;
    size_t n = 0;
    if (getifaddrs(&all) != 0) return;
    for (struct ifaddrs *i = all; i && n < ADDRESSES; i = i->ifa_next)
        if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET && i->ifa_flags & IFF_UP &&
            !(i->ifa_flags & IFF_LOOPBACK))
            p->addresses[n++] = ((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr;
    freeifaddrs(all);
}

static void open_listener(post *p)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t n = sizeof at;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ready = listener >= 0 && bind(listener, (struct sockaddr *)&at, n) == 0 &&
                 listen(listener, 4096) == 0 &&
                 getsockname(listener, (struct sockaddr *)&at, &n) == 0 &&
                 getrandom(p->token, sizeof p->token, 0) == sizeof p->token;
    if (ready) p->port = at.sin_port;
    find_addresses(p);
}

/* A socket that is connected to one of rank 0's addresses, or -1. */
static int reach(struct in_addr address)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = where.port, .sin_addr = address};
    hello h = {.rank = (uint32_t)masa_dist_rank()};
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), failed = 0;
    socklen_t n = sizeof failed;
    memcpy(h.token, where.token, sizeof h.token);
    struct pollfd ready = {.fd = s, .events = POLLOUT};
    if (s >= 0 &&
        (connect(s, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS) &&
        poll(&ready, 1, CONNECT) == 1 &&
        getsockopt(s, SOL_SOCKET, SO_ERROR, &failed, &n) == 0 && failed == 0 &&
        send(s, &h, sizeof h, MSG_NOSIGNAL) == sizeof h)
        return s;
    if (s >= 0) close(s);
    return -1;
}

static int reach_any(void)
{
    struct in_addr here = {htonl(INADDR_LOOPBACK)};
    int s = -1;
    if (where.port == 0) return s;
    if (strcmp(dist_host(0), dist_host(masa_dist_rank())) == 0) s = reach(here);
    for (size_t i = 0; s < 0 && i < ADDRESSES && where.addresses[i].s_addr; i++)
        s = reach(where.addresses[i]);
    return s;
}

masa_status dist_watch_start(masa_error *err)
{
    size_t rank = masa_dist_rank(), size = masa_dist_size();
    if (rank == 0) open_listener(&where);
    masa_status st = masa_dist_spread(&where, sizeof where, 0, err);
    if (st != MASA_OK) return st;
    n_peers = rank == 0 ? size : 1;
    peers = masa_alloc(n_peers, sizeof *peers);
    for (size_t i = 0; i < n_peers; i++) peers[i].socket = -1;
    if (rank > 0) peers[0].socket = reach_any();
    char mine = rank == 0 || peers[0].socket >= 0, *all = masa_alloc(size, 1);
    st = dist_gather(all, &mine, 1, err);
    if (rank > 0) peers[0].expected = mine;
    for (size_t r = 1; st == MASA_OK && r < size; r++) {
        if (rank == 0) peers[r].expected = all[r];
        if (!all[r])
            masa_warn("rank %zu (%s) cannot reach rank 0 (%s) over TCP: should it stop, nobody "
                      "notices",
                      r, dist_host(r), dist_host(0));
    }
    free(all);
    sigset_t none, before;
    sigfillset(&none);
    pthread_sigmask(SIG_BLOCK, &none, &before); /* signals are the main thread's */
    watching = st == MASA_OK && pthread_create(&watcher, NULL, watch, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return st;
}

void dist_watch_stop(void)
{
    atomic_store(&over, true);
    if (watching) pthread_join(watcher, NULL);
    for (size_t i = 0; i < n_peers; i++)
        if (peers[i].socket >= 0) close(peers[i].socket);
    if (listener >= 0) close(listener);
    free(peers);
    peers = NULL;
    n_peers = 0;
    listener = -1;
    watching = false;
}
