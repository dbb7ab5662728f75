/*
 * Pulls blobs over many connections at once and reports what each request saw.
 *
 *   pull [-c connections] [-n requests] [-x expected-file] [-H header] [-t] PORT PATH...
 *
 * Request i asks for PATH[i mod paths], GET over HTTP/1.1 with keep-alive, all connections opened before the first
 * request is sent. -x compares every byte with a file; -t drops the bytes in the kernel (no copy), which leaves the
 * processor to the server. Bodies need a Content-Length. Output: JSON, times in seconds since the request was sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_LIMIT = 16384, BLOCK = 1 << 18 };

struct request {
    int status, whole;
    long long bytes;
    double sent, first, done;
};

struct connection {
    int fd, request, head_done;
    size_t head_size;
    long long length, got;
    char head[HEAD_LIMIT];
};

static struct sockaddr_in server;
static char **paths;
static int path_count, total = 1, next_request, finished, discard;
static struct request *requests;
static const char *expected;
static long long expected_size;
static char block[BLOCK];
static const char *extra_header = "Accept: */*";

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void map_expected(const char *path) {
    struct stat info;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &info) < 0) fail(path);
    expected_size = info.st_size;
    expected = mmap(NULL, info.st_size ? info.st_size : 1, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (expected == MAP_FAILED) fail("mmap");
}

static void dial(struct connection *c) {
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0) fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

/* False when there is nothing left to ask. */
static int ask(struct connection *c) {
    char text[4096];
    if (next_request == total) return 0;
    c->request = next_request++;
    c->head_done = 0;
    c->head_size = 0;
    c->got = 0;
    requests[c->request].whole = 1;
    int size = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n\r\n",
                        paths[c->request % path_count], ntohs(server.sin_port), extra_header);
    requests[c->request].sent = now();
    return send(c->fd, text, size, MSG_NOSIGNAL) == size;
}

static void take_body(struct connection *c, const char *data, long long size) {
    struct request *r = &requests[c->request];
    if (size > 0 && !r->first) r->first = now();
    if (expected && data && (c->got + size > expected_size || memcmp(expected + c->got, data, size))) r->whole = 0;
    c->got += size;
    r->bytes = c->got;
}

/* Reads the head from what is buffered; -1 when it cannot be used. */
static int take_head(struct connection *c) {
    c->head[c->head_size] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) return c->head_size + 1 < HEAD_LIMIT ? 0 : -1;
    char *length = strcasestr(c->head, "\r\nContent-Length:");
    requests[c->request].status = atoi(c->head + 9);
    if (!length || length > end) return -1;
    c->length = atoll(length + 17);
    c->head_done = 1;
    take_body(c, end + 4, c->head + c->head_size - end - 4);
    return 0;
}

/* One recv. 1: more may follow, 0: would block, -1: over. */
static int receive(struct connection *c) {
    ssize_t got;
    if (!c->head_done) {
        got = recv(c->fd, c->head + c->head_size, HEAD_LIMIT - 1 - c->head_size, 0);
        if (got > 0) c->head_size += got;
        if (got > 0 && take_head(c) < 0) return -1;
    } else {
        long long left = c->length - c->got;
        got = recv(c->fd, block, left < BLOCK ? left : BLOCK, discard ? MSG_TRUNC : 0);
        if (got > 0) take_body(c, discard ? NULL : block, got);
    }
    if (got > 0) return 1;
    return got < 0 && errno == EAGAIN ? 0 : -1;
}

/* False when the connection is of no more use. */
static int serve(struct connection *c) {
    for (int turn = 0; turn < 8; ++turn) {
        int more = receive(c);
        struct request *r = &requests[c->request];
        int ended = c->head_done && c->got == c->length;
        if (ended || more < 0) {
            r->done = now();
            r->whole = r->whole && ended && (!expected || c->got == expected_size);
            ++finished;
            if (more < 0 || !ask(c)) return 0;
        } else if (more == 0) {
            break;
        }
    }
    return 1;
}

static void report(double began) {
    printf("{\"wall\": %.6f, \"requests\": [", now() - began);
    for (int i = 0; i < total; ++i) {
        struct request *r = &requests[i];
        printf("%s{\"status\": %d, \"bytes\": %lld, \"whole\": %s, \"ttfb\": %.6f, \"seconds\": %.6f}", i ? ", " : "",
               r->status, r->bytes, r->whole && r->done ? "true" : "false", r->first ? r->first - r->sent : 0.0,
               r->done ? r->done - r->sent : 0.0);
    }
    printf("]}\n");
}

static void run(int count) {
    struct connection *all = calloc(count, sizeof *all);
    struct epoll_event events[256];
    int epoll = epoll_create1(0);
    for (int i = 0; i < count; ++i) dial(&all[i]);
    double began = now();
    for (int i = 0; i < count; ++i) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        if (ask(&all[i])) epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    for (int live = count < total ? count : total; live > 0;) {
        int ready = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < ready; ++i) {
            struct connection *c = events[i].data.ptr;
            if (!serve(c)) {
                close(c->fd);
                --live;
            }
        }
    }
    report(began);
}

int main(int argc, char **argv) {
    int option, connections = 1;
    while ((option = getopt(argc, argv, "c:n:x:H:t")) != -1) {
        if (option == 'c') connections = atoi(optarg);
        if (option == 'n') total = atoi(optarg);
        if (option == 'x') map_expected(optarg);
        if (option == 'H') extra_header = optarg;
        if (option == 't') discard = 1;
    }
    if (argc - optind < 2) {
        fprintf(stderr, "usage: pull [-c connections] [-n requests] [-x expected-file] [-H header] [-t] PORT PATH...\n");
        return 2;
    }
    server.sin_family = AF_INET;
    server.sin_port = htons(atoi(argv[optind]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    paths = argv + optind + 1;
    path_count = argc - optind - 1;
    if (total < connections) total = connections;
    requests = calloc(total, sizeof *requests);
    run(connections);
    return finished == total ? 0 : 1;
}
