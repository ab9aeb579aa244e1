/* A measuring websocket peer. It speaks as Crypto.com does (login, cancel-on-disconnect, heartbeats), in a process and on
 * a core of its own, and times what the client does on CLOCK_MONOTONIC. It measures one thing per run:
 *
 *   answer   heartbeats on an open schedule; from just before the send to just after the read with the answer
 *   order    text frames that carry "t0": when they were handed in; until just after the read
 *   deliver  messages that carry "t0"; the client says how long they took to reach its callback
 *   drop     ends the connection in some way; the client says when it noticed, the meter when it was ready again
 *
 *   meter JOB --cpu N --rate PER_S --count N --warm N --drop fin|rst|silent --out FILE [--tls FOLDER]
 *
 * Prints `PORT n`, then at the end one line of JSON. Samples go to FILE, one decimal number of nanoseconds a line (drop:
 * the moments of the drop, of the accept, of the login, of arming). Between sends of a sparse schedule it sleeps, so that
 * the machine is as idle as with a real venue; it wakes early and spins to the moment. */
#define _GNU_SOURCE
#include "websocket.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *job = "answer", *how = "fin", *out_path;
static int cpu = -1, listener;
static long count = 1000, warm = 100;
static double rate = 1000;

static Link link_;
static uint64_t read_at, *sent_at, *took, drop_at, accepted_at, login_at, armed_at, last_line_at;
static long lost, strange, order_count, answered;
static FILE *out;

enum { QUIET_MS = 400, LINGER_MS = 1500, SPIN_NS = 200000, PATIENCE_S = 60 };
static const uint64_t FIRST_ID = 1587523073344ull;

/* SHA-1 (RFC 3174), for the handshake alone. */
static uint32_t rotl(uint32_t x, int n) { return x << n | x >> (32 - n); }

static void sha1(const unsigned char *text, size_t length, unsigned char digest[20]) {
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    unsigned char padded[192] = {0};
    size_t total = (length + 9 + 63) / 64 * 64;
    if (total > sizeof padded) die("key too long");
    memcpy(padded, text, length);
    padded[length] = 0x80;
    for (int i = 0; i < 8; i++) padded[total - 1 - i] = (unsigned char)((uint64_t)length * 8 >> (8 * i));
    for (size_t block = 0; block < total; block += 64) {
        uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 16; i++) {
            const unsigned char *p = padded + block + 4 * i;
            w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        }
        for (int i = 16; i < 80; i++) w[i] = rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 ? b ^ c ^ d : i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
            uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
            uint32_t next = rotl(a, 5) + f + e + k + w[i];
            e = d, d = c, c = rotl(b, 30), b = a, a = next;
        }
        h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
    }
    for (int i = 0; i < 20; i++) digest[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const unsigned char *from, size_t length, char *to) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        uint32_t three = (uint32_t)from[i] << 16 | (i + 1 < length ? from[i + 1] << 8 : 0) | (i + 2 < length ? from[i + 2] : 0);
        *to++ = alphabet[three >> 18];
        *to++ = alphabet[three >> 12 & 63];
        *to++ = i + 1 < length ? alphabet[three >> 6 & 63] : '=';
        *to++ = i + 2 < length ? alphabet[three & 63] : '=';
    }
    *to = 0;
}

/* Waits for bytes: by spinning, or in the kernel until shortly before `until`. False when `until` passed without any. */
static int wait_bytes(int fd, uint64_t until, int spin) {
    for (;;) {
        if (fd == link_.fd && link_holds()) return 1;
        uint64_t now = now_ns();
        struct pollfd one = {.fd = fd, .events = POLLIN};
        uint64_t nap = spin || until <= now + SPIN_NS ? 0 : until - now - SPIN_NS;
        struct timespec length = {(time_t)(nap / 1000000000u), (long)(nap % 1000000000u)};
        if (ppoll(&one, 1, &length, NULL) > 0) return 1;
        if (now_ns() >= until) return 0;
    }
}

static void accept_client(void) {
    if (!wait_bytes(listener, now_ns() + PATIENCE_S * 1000000000ull, 0)) die("nobody connects");
    link_.length = 0;
    link_.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (link_.fd < 0) die("accept");
    accepted_at = now_ns();
    int on = 1;
    setsockopt(link_.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    tls_begin(link_.fd, 1);
}

/* False when the client is gone. */
static int read_some(void) {
    ssize_t got = link_recv(link_.fd, link_.bytes + link_.length, sizeof link_.bytes - link_.length - 1, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return 0;
    read_at = now_ns();
    link_.length += (size_t)got;
    return 1;
}

static void upgrade(void) {
    char *end = NULL;
    while (!end) {
        if (!wait_bytes(link_.fd, now_ns() + PATIENCE_S * 1000000000ull, 0) || !read_some()) die("no handshake");
        link_.bytes[link_.length] = 0;
        end = strstr((char *)link_.bytes, "\r\n\r\n");
    }
    char *key = strcasestr((char *)link_.bytes, "sec-websocket-key:");
    if (!key || key > end) die("a handshake without a key");
    key += strlen("sec-websocket-key:");
    key += strspn(key, " ");
    char joined[96], accept[32], answer[256];
    snprintf(joined, sizeof joined, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)strcspn(key, "\r "), key);
    unsigned char digest[20];
    sha1((unsigned char *)joined, strlen(joined), digest);
    base64(digest, sizeof digest, accept);
    int length = snprintf(answer, sizeof answer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept);
    write_all(link_.fd, answer, (size_t)length);
    consume(&link_, (size_t)(end + 4 - (char *)link_.bytes));
}

static void reply(uint64_t id, const char *method, const char *result) {
    char line[256];
    int length = snprintf(line, sizeof line, "{\"id\":%llu,\"method\":\"%s\",\"code\":0%s%s}", (unsigned long long)id, method,
                          *result ? ",\"result\":" : "", result);
    write_frame(link_.fd, OP_TEXT, line, (size_t)length, 0);
}

/* Everything a guard asks of a venue to be armed and to stay so. */
static void as_venue(const char *text, size_t length) {
    uint64_t id = number_after(text, length, "\"id\"");
    if (contains(text, length, "public/auth")) login_at = read_at, reply(id, "public/auth", "");
    else if (contains(text, length, "private/set-cancel-on-disconnect"))
        armed_at = read_at, reply(id, "private/set-cancel-on-disconnect", "{\"scope\":\"CONNECTION\"}");
    else if (contains(text, length, "private/get-cancel-on-disconnect"))
        reply(id, "private/get-cancel-on-disconnect", "{\"scope\":\"CONNECTION\"}");
    else if (contains(text, length, "private/advanced/get-open-orders"))
        reply(id, "private/advanced/get-open-orders", "{\"data\":[]}");
    else if (contains(text, length, "private/get-open-orders")) reply(id, "private/get-open-orders", "{\"data\":[]}");
    else if (contains(text, length, "\"method\"")) reply(id, "ok", "{}");
    else strange++;
    last_line_at = read_at;
}

static void hear(const char *text, size_t length) {
    if (contains(text, length, "respond-heartbeat")) {
        uint64_t index = number_after(text, length, "\"id\"") - FIRST_ID;
        if (sent_at && index < (uint64_t)count && sent_at[index] && !took[index]) took[index] = read_at - sent_at[index], answered++;
        else strange++;
    } else if (contains(text, length, "\"t0\"")) {
        uint64_t t0 = number_after(text, length, "\"t0\"");
        if (order_count++ >= warm) fprintf(out, "%lld\n", (long long)(read_at - t0));
    } else as_venue(text, length);
}

/* Reads what is there and acts on it. False when the client is gone. */
static int pump(void) {
    if (!read_some()) return 0;
    size_t used = 0;
    Frame frame;
    int open = 1;
    while (next_frame(&link_, &used, &frame)) {
        if (frame.op == OP_TEXT) hear(frame.text, frame.length);
        else if (frame.op == OP_PING) write_frame(link_.fd, OP_PONG, frame.text, frame.length, 0);
        else if (frame.op == OP_CLOSE) {
            write_frame(link_.fd, OP_CLOSE, frame.text, frame.length > 2 ? 2 : frame.length, 0);
            open = 0;
        } else if (frame.op != OP_PONG) strange++;
    }
    consume(&link_, used);
    return open;
}

/* Serves until `until`; false when the client is gone before. */
static int serve(uint64_t until, int spin) {
    while (now_ns() < until)
        if (wait_bytes(link_.fd, until, spin) && !pump()) return 0;
    return 1;
}

/* The client has logged in, has said what it had to say, and the machine has come to rest. */
static void until_ready(void) {
    last_line_at = login_at = 0;
    accept_client();
    upgrade();
    uint64_t patience = now_ns() + PATIENCE_S * 1000000000ull;
    while (!login_at || now_ns() < last_line_at + QUIET_MS * 1000000ull) {
        if (!serve(now_ns() + 1000000, 0)) die("the client left before it was ready");
        if (now_ns() > patience) die("the client never logged in");
    }
}

static double jitter(void) {
    static uint64_t state = 0x2545F4914F6CDD1Dull;
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return 0.8 + 0.4 * ((double)(state >> 11) / 9007199254740992.0);
}

static size_t heartbeat(char *line, size_t room, long index) {
    return (size_t)snprintf(line, room, "{\"id\":%llu,\"method\":\"public/heartbeat\",\"code\":0}",
                            (unsigned long long)(FIRST_ID + (uint64_t)index));
}

/* What a fill looks like, 250 bytes of it. */
static size_t message(char *line, size_t room, long index) {
    int length = snprintf(line, room, "{\"id\":-1,\"method\":\"subscribe\",\"code\":0,\"result\":{\"channel\":\"user.order\","
                          "\"t0\":%llu,\"data\":[{\"order_id\":\"%ld\",\"status\":\"FILLED\",\"side\":\"BUY\",\"price\":\"50000.1\","
                          "\"quantity\":\"0.01\",\"pad\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}]}}",
                          (unsigned long long)now_ns(), index);
    return (size_t)length;
}

static void send_on_schedule(size_t (*write_line)(char *, size_t, long)) {
    int spin = rate >= 1000;
    uint64_t due = now_ns() + 1000000;
    char line[512];
    for (long index = 0; index < count; index++) {
        if (!serve(due, spin)) die("the client left");
        uint64_t at = now_ns();
        size_t length = write_line(line, sizeof line, index);
        sent_at[index] = write_line == heartbeat ? now_ns() : at;
        if (!write_frame(link_.fd, OP_TEXT, line, length, 0)) die("the client left");
        due += (uint64_t)(1e9 / rate * jitter());
    }
    /* As long as a client may be stuck that is made to, unless there is nothing to wait for any more. */
    uint64_t patience = now_ns() + (write_line == heartbeat ? LINGER_MS : QUIET_MS) * 1000000ull;
    while (now_ns() < patience && (write_line != heartbeat || answered < count))
        if (!serve(now_ns() + 5000000, 0)) return;
}

static void run_answer(void) {
    sent_at = calloc((size_t)count, sizeof *sent_at);
    took = calloc((size_t)count, sizeof *took);
    until_ready();
    send_on_schedule(heartbeat);
    for (long index = warm; index < count; index++) {
        if (took[index]) fprintf(out, "%llu\n", (unsigned long long)took[index]);
        else lost++;
    }
}

static void run_deliver(void) {
    sent_at = calloc((size_t)count, sizeof *sent_at);
    until_ready();
    send_on_schedule(message);
}

static void run_order(void) {
    until_ready();
    char go[] = "{\"id\":-1,\"method\":\"subscribe\",\"code\":0,\"result\":{\"go\":1}}";
    write_frame(link_.fd, OP_TEXT, go, sizeof go - 1, 0);
    uint64_t patience = now_ns() + PATIENCE_S * 1000000000ull;
    while (order_count < count && now_ns() < patience)
        if (!pump()) break;
    lost = count - order_count;
}

static void end_link(void) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (!strcmp(how, "rst")) setsockopt(link_.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    drop_at = now_ns();
    close(link_.fd);
}

static void run_drop(void) {
    for (long index = 0; index < count; index++) {
        until_ready();
        if (index > 0)
            fprintf(out, "%llu %llu %llu %llu\n", (unsigned long long)drop_at, (unsigned long long)accepted_at,
                    (unsigned long long)login_at, (unsigned long long)armed_at);
        end_link();
    }
}

/* Nothing is read or answered any more; the kernel still acknowledges. Until the client has ended the connection. */
static void run_silence(void) {
    until_ready();
    drop_at = now_ns();
    fprintf(out, "%llu 0 0 0\n", (unsigned long long)drop_at);
    struct pollfd one = {.fd = link_.fd, .events = POLLRDHUP};
    poll(&one, 1, PATIENCE_S * 1000);
}

static void listen_somewhere(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (void *)&at, sizeof at) || listen(listener, 16)) die("listen");
    getsockname(listener, (void *)&at, &length);
    printf("PORT %d\n", ntohs(at.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (argc > 1) job = argv[1];
    for (int i = 2; i + 1 < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (!strcmp(name, "--cpu")) cpu = atoi(value);
        else if (!strcmp(name, "--rate")) rate = atof(value);
        else if (!strcmp(name, "--count")) count = atol(value);
        else if (!strcmp(name, "--warm")) warm = atol(value);
        else if (!strcmp(name, "--drop")) how = value;
        else if (!strcmp(name, "--out")) out_path = value;
        else if (!strcmp(name, "--tls")) tls_prepare(value, 1);
        else die("unknown option");
    }
    out = out_path ? fopen(out_path, "w") : stderr;
    if (!out) die(out_path);
    if (cpu >= 0) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one)) die("cannot use this core");
    }
    listen_somewhere();
    if (!strcmp(job, "answer")) run_answer();
    else if (!strcmp(job, "order")) run_order();
    else if (!strcmp(job, "deliver")) run_deliver();
    else if (!strcmp(job, "drop")) strcmp(how, "silent") ? run_drop() : run_silence();
    else die("unknown job");
    fclose(out);
    printf("{\"lost\":%ld,\"strange\":%ld}\n", lost, strange);
    return 0;
}
