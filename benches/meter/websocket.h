/* The least of RFC 6455 that a measurement needs: a handshake on either side, text and control frames up to 64 KiB, no
 * fragments, no extensions. Shared by the meter and the floors, so that both cost the same. Not for anything else: a peer
 * that misbehaves ends the program. */
#ifndef KILLCORD_BENCH_WEBSOCKET_H
#define KILLCORD_BENCH_WEBSOCKET_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#ifdef WITH_TLS
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

typedef struct {
    int fd;
    size_t length;
    unsigned char bytes[65536];
} Link;

/* One frame, payload unmasked in place. */
typedef struct {
    int op;
    char *text;
    size_t length;
} Frame;

static inline uint64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static inline void die(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* One link at a time, with TLS or without: `tls` is null without, and always where OpenSSL is missing. */
#ifdef WITH_TLS
static SSL_CTX *tls_context;
static SSL *tls;

/* As `send` and `recv` say it. */
static inline ssize_t tls_said(int done) {
    if (done > 0) return done;
    int why = SSL_get_error(tls, done);
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

static inline void tls_begin(int fd, int server) {
    if (!tls_context) return;
    if (tls) SSL_free(tls);
    tls = SSL_new(tls_context);
    SSL_set_fd(tls, fd);
    int done;
    while ((done = server ? SSL_accept(tls) : SSL_connect(tls)) != 1)
        if (tls_said(done) >= 0 || errno != EAGAIN) {
            ERR_print_errors_fp(stderr);
            die("TLS handshake");
        }
}

/* `folder` holds `leaf.pem` and `leaf.key` for a server, `ca.pem` for a client. */
static inline void tls_prepare(const char *folder, int server) {
    char path[512];
    tls_context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    /* One read of the kernel for a record and its header. */
    SSL_CTX_set_read_ahead(tls_context, 1);
    SSL_CTX_set_mode(tls_context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    snprintf(path, sizeof path, "%s/%s", folder, server ? "leaf.pem" : "ca.pem");
    int good = server ? SSL_CTX_use_certificate_chain_file(tls_context, path) : SSL_CTX_load_verify_locations(tls_context, path, NULL);
    if (!good) die(path);
    if (!server) {
        SSL_CTX_set_verify(tls_context, SSL_VERIFY_PEER, NULL);
        return;
    }
    snprintf(path, sizeof path, "%s/leaf.key", folder);
    if (!SSL_CTX_use_PrivateKey_file(tls_context, path, SSL_FILETYPE_PEM)) die(path);
}

static inline ssize_t link_send(int fd, const void *from, size_t length) {
    return tls ? tls_said(SSL_write(tls, from, (int)length)) : send(fd, from, length, MSG_NOSIGNAL);
}

static inline ssize_t link_recv(int fd, void *into, size_t room, int flags) {
    return tls ? tls_said(SSL_read(tls, into, (int)room)) : recv(fd, into, room, flags);
}

/* Bytes that were read from the kernel and not handed out. */
static inline int link_holds(void) { return tls && SSL_has_pending(tls); }
#else
static inline void tls_begin(int fd, int server) { (void)fd, (void)server; }
static inline void tls_prepare(const char *folder, int server) { (void)server; die(folder); }
static inline ssize_t link_send(int fd, const void *from, size_t length) { return send(fd, from, length, MSG_NOSIGNAL); }
static inline ssize_t link_recv(int fd, void *into, size_t room, int flags) { return recv(fd, into, room, flags); }
static inline int link_holds(void) { return 0; }
#endif

/* Writes all of it; false when the connection is gone. */
static inline int write_all(int fd, const void *from, size_t length) {
    const char *at = from;
    while (length > 0) {
        ssize_t done = link_send(fd, at, length);
        if (done > 0) at += done, length -= (size_t)done;
        else if (done < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        else return 0;
    }
    return 1;
}

/* A client masks, a server does not (section 5.1). The key need not be secret between two processes of a benchmark. */
static inline int write_frame(int fd, int op, const char *text, size_t length, int masked) {
    static uint32_t key = 0x9E3779B9u;
    unsigned char out[4096], *at = out;
    if (length > sizeof out - 14) die("frame too long for this program");
    *at++ = (unsigned char)(0x80 | op);
    if (length < 126) *at++ = (unsigned char)((masked ? 0x80 : 0) | length);
    else {
        *at++ = (unsigned char)((masked ? 0x80 : 0) | 126);
        *at++ = (unsigned char)(length >> 8);
        *at++ = (unsigned char)length;
    }
    if (!masked) {
        memcpy(at, text, length);
        return write_all(fd, out, (size_t)(at - out) + length);
    }
    unsigned char mask[4];
    key = key * 1664525u + 1013904223u;
    memcpy(mask, &key, 4);
    memcpy(at, mask, 4);
    at += 4;
    for (size_t i = 0; i < length; i++) at[i] = (unsigned char)text[i] ^ mask[i & 3];
    return write_all(fd, out, (size_t)(at - out) + length);
}

/* Takes the frame at `*from` apart; false when it is not complete yet. */
static inline int next_frame(Link *link, size_t *from, Frame *frame) {
    unsigned char *at = link->bytes + *from;
    size_t have = link->length - *from, head = 2;
    if (have < 2) return 0;
    int masked = at[1] >> 7;
    size_t length = at[1] & 127;
    if (length == 126) {
        if (have < 4) return 0;
        length = (size_t)at[2] << 8 | at[3];
        head = 4;
    } else if (length == 127) die("frame longer than 64 KiB");
    if (have < head + (masked ? 4u : 0u) + length) return 0;
    frame->op = at[0] & 15;
    if (!(at[0] & 0x80)) die("fragmented message");
    if (masked) {
        unsigned char *mask = at + head;
        head += 4;
        for (size_t i = 0; i < length; i++) at[head + i] ^= mask[i & 3];
    }
    frame->text = (char *)at + head;
    frame->length = length;
    *from += head + length;
    return 1;
}

/* What was read and not used moves to the front. */
static inline void consume(Link *link, size_t used) {
    if (used == 0) return;
    memmove(link->bytes, link->bytes + used, link->length - used);
    link->length -= used;
}

/* The number after `"name":`, or 0. */
static inline uint64_t number_after(const char *text, size_t length, const char *name) {
    const char *at = memmem(text, length, name, strlen(name));
    if (!at) return 0;
    at += strlen(name);
    const char *end = text + length;
    while (at < end && (*at == ' ' || *at == '"' || *at == ':')) at++;
    uint64_t number = 0;
    while (at < end && *at >= '0' && *at <= '9') number = number * 10 + (uint64_t)(*at++ - '0');
    return number;
}

static inline int contains(const char *text, size_t length, const char *part) {
    return memmem(text, length, part, strlen(part)) != NULL;
}

#endif
