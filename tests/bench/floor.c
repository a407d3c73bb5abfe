/* The least that a check costs: TCP connects, pages over HTTP or over HTTPS, by a bare program on epoll.
 *
 *     floor tcp|http|https PORT SERVERS INTERVAL
 *
 * checks the servers 127.1.0.1, 127.1.0.2, ... each once in INTERVAL seconds, until a signal ends it. As in our daemon,
 * the checks that are due in one tick of 1/32 s begin together. It has no deadlines, no configuration and no report:
 * a check that fails ends it with status 1.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIRST_ADDRESS 0x7f010001u /* 127.1.0.1 */
#define TICK (1.0 / 32)

enum kind { TCP, HTTP, HTTPS };

struct check {
    int fd, sent;
    SSL *tls;
};

static const char REQUEST[] =
    "GET / HTTP/1.1\r\nHost: 127.1.0.1\r\nUser-Agent: floor\r\nConnection: close\r\n\r\n";
static enum kind kind;
static int port, epoll;
static SSL_CTX *context;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void begin(unsigned number) {
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct check *check = calloc(1, sizeof *check);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = check};

    server.sin_addr.s_addr = htonl(FIRST_ADDRESS + number);
    check->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (check->fd < 0)
        fail("socket");
    if (connect(check->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS)
        fail("connect");
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, check->fd, &event) < 0)
        fail("epoll_ctl");
}

static void end(struct check *check) {
    SSL_free(check->tls);
    close(check->fd);
    free(check);
}

static void judge(const char *page, int size) {
    if (size < 12 || memcmp(page, "HTTP/1.1 200", 12) != 0)
        fail("the page");
}

static void step_http(struct check *check) {
    char page[4096];
    ssize_t size;

    if (!check->sent) {
        if (send(check->fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) < 0)
            fail("send");
        check->sent = 1;
        return;
    }
    size = recv(check->fd, page, sizeof page, 0);
    if (size < 0 && errno == EAGAIN)
        return;
    judge(page, size);
    end(check);
}

/* Return whether a step of TLS has been done; false where it has to wait for the server. */
static int done(struct check *check, int result) {
    if (result > 0)
        return 1;
    if (SSL_get_error(check->tls, result) != SSL_ERROR_WANT_READ)
        fail("TLS");
    return 0;
}

static void step_https(struct check *check) {
    char page[4096];
    int size;

    if (!check->tls) {
        check->tls = SSL_new(context);
        SSL_set_fd(check->tls, check->fd);
    }
    if (!check->sent) {
        if (!done(check, SSL_connect(check->tls)))
            return;
        if (!done(check, SSL_write(check->tls, REQUEST, sizeof REQUEST - 1)))
            fail("TLS");
        check->sent = 1;
    }
    size = SSL_read(check->tls, page, sizeof page);
    if (!done(check, size))
        return;
    judge(page, size);
    end(check);
}

static void step(struct check *check, unsigned events) {
    if (events & EPOLLERR)
        fail("a server");
    if (kind == TCP)
        end(check);
    else if (kind == HTTP)
        step_http(check);
    else
        step_https(check);
}

int main(int count, char **words) {
    struct epoll_event events[1024];
    double started = now(), tick, wait, interval;
    unsigned long begun = 0, due;
    unsigned servers;
    int ready;

    if (count != 5) {
        fprintf(stderr, "usage: floor tcp|http|https PORT SERVERS INTERVAL\n");
        return 2;
    }
    kind = strcmp(words[1], "tcp") == 0 ? TCP : strcmp(words[1], "http") == 0 ? HTTP : HTTPS;
    port = atoi(words[2]);
    servers = atoi(words[3]);
    interval = atof(words[4]);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (kind == HTTPS)
        context = SSL_CTX_new(TLS_client_method());
    for (tick = started;;) {
        wait = tick - now();
        ready = epoll_wait(epoll, events, 1024, wait > 0 ? (int)(wait * 1000) + 1 : 0);
        if (ready < 0)
            fail("epoll_wait");
        for (int i = 0; i < ready; i++)
            step(events[i].data.ptr, events[i].events);
        if (now() < tick)
            continue;
        due = (tick - started) * servers / interval;
        for (; begun < due; begun++)
            begin(begun % servers);
        tick += TICK;
    }
}
