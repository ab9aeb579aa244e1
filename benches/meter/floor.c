/* The smallest client that does the job: what the kernel and the machine cost, and nothing else. `block` sleeps in recv, as
 * a parked thread must; `spin` asks again and again. The floor of every ratio in benches/README.md.
 *
 *   floor block|spin answer|order|deliver|drop PORT COUNT RATE OUT [--tls FOLDER] */
#define _GNU_SOURCE
#include "websocket.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static int spin;
static uint64_t read_at;

/* False when the connection ended. */
static int read_some(Link *link) {
    ssize_t got;
    do got = link_recv(link->fd, link->bytes + link->length, sizeof link->bytes - link->length - 1, spin ? MSG_DONTWAIT : 0);
    while (got < 0 && (errno == EAGAIN || errno == EINTR));
    read_at = now_ns();
    if (got <= 0) return 0;
    link->length += (size_t)got;
    return 1;
}

static int dial(Link *link, int port) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    static const char hello[] = "{\"id\":1,\"method\":\"public/auth\"}";
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    link->length = 0;
    link->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->fd < 0 || connect(link->fd, (void *)&to, sizeof to)) return 0;
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    tls_begin(link->fd, 0);
    /* TLS reads without flags. */
    if (spin && fcntl(link->fd, F_SETFL, O_NONBLOCK)) return 0;
    if (!write_all(link->fd, request, sizeof request - 1)) return 0;
    for (;;) {
        if (!read_some(link)) return 0;
        link->bytes[link->length] = 0;
        char *end = strstr((char *)link->bytes, "\r\n\r\n");
        if (!end) continue;
        consume(link, (size_t)(end + 4 - (char *)link->bytes));
        return write_frame(link->fd, OP_TEXT, hello, sizeof hello - 1, 1);
    }
}

static void answer(Link *link, const Frame *frame) {
    char line[128];
    int length = snprintf(line, sizeof line, "{\"id\":%llu,\"method\":\"public/respond-heartbeat\"}",
                          (unsigned long long)number_after(frame->text, frame->length, "\"id\""));
    write_frame(link->fd, OP_TEXT, line, (size_t)length, 1);
}

/* Reads once and acts. False when the connection ended; `*told` counts messages that are no heartbeat. */
static int turn(Link *link, FILE *out, long *told) {
    size_t used = 0;
    Frame frame;
    if (!read_some(link)) return 0;
    while (next_frame(link, &used, &frame)) {
        if (frame.op == OP_CLOSE) return 0;
        if (frame.op == OP_PING) write_frame(link->fd, OP_PONG, frame.text, frame.length, 1);
        else if (contains(frame.text, frame.length, "public/heartbeat")) answer(link, &frame);
        else {
            uint64_t t0 = number_after(frame.text, frame.length, "\"t0\"");
            if (t0 && out) fprintf(out, "%llu\n", (unsigned long long)(read_at - t0));
            ++*told;
        }
    }
    consume(link, used);
    return 1;
}

static void orders(Link *link, long count, double rate) {
    uint64_t due = now_ns() + 50000000;
    char line[256];
    for (long index = 0; index < count; index++) {
        while (now_ns() < due) {
            struct timespec nap = {0, (long)(due - now_ns() > 100000 ? due - now_ns() - 100000 : 0)};
            if (!spin && nap.tv_nsec > 0 && nap.tv_nsec < 1000000000) nanosleep(&nap, NULL);
        }
        due += (uint64_t)(1e9 / rate);
        int length = snprintf(line, sizeof line, "{\"id\":%ld,\"method\":\"private/cancel-order\",\"params\":{\"instrument_name\":"
                              "\"BTC_USD\",\"order_id\":\"%019ld\",\"client_oid\":\"%036llu\",\"pad\":\"xxxxxxxxxxxxxxxxxxxx\","
                              "\"t0\":%llu}}", index, index, (unsigned long long)due, (unsigned long long)now_ns());
        write_frame(link->fd, OP_TEXT, line, (size_t)length, 1);
    }
}

int main(int argc, char **argv) {
    static Link link;
    if (argc != 7 && argc != 9) return 64;
    if (argc == 9) tls_prepare(argv[8], 0);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    spin = !strcmp(argv[1], "spin");
    const char *job = argv[2];
    int port = atoi(argv[3]);
    long count = atol(argv[4]), told = 0;
    FILE *out = fopen(argv[6], "w");
    if (!out) die(argv[6]);
    if (!strcmp(job, "drop")) {
        for (long index = 0; index < count && dial(&link, port); index++) {
            while (turn(&link, NULL, &told)) {}
            fprintf(out, "%llu\n", (unsigned long long)read_at);
            close(link.fd);
        }
    } else {
        if (!dial(&link, port)) die("dial");
        /* The answer to the login, then, for orders, the word to begin. */
        while (!strcmp(job, "order") && told < 2)
            if (!turn(&link, NULL, &told)) die("the meter left");
        if (!strcmp(job, "order")) orders(&link, count, atof(argv[5]));
        while (turn(&link, out, &told)) {}
    }
    fclose(out);
    return 0;
}
