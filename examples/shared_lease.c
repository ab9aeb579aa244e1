/* A strategy in C that renews a lease of a guard in another process: shared_lease PATH NAME DECISIONS.
 * Build: cc -D_GNU_SOURCE -std=c11 -Iinclude examples/shared_lease.c -o shared_lease */
#include "killcord_lease.h"
#include <stdlib.h>

/* Stands for a book update; a real strategy waits for its market data here. */
static int wait_for_market_data(void)
{
    return usleep(2000);
}

int main(int count, char **arguments)
{
    struct killcord_lease lease;
    if (count != 4) {
        fprintf(stderr, "usage: %s PATH NAME DECISIONS\n", arguments[0]);
        return 2;
    }
    int why = killcord_lease_claim(&lease, arguments[1], arguments[2]);
    if (why != KILLCORD_LEASE_OK) {
        fprintf(stderr, "the lease cannot be claimed: %d (%s)\n", why, strerror(errno));
        return 1;
    }
    uint64_t decisions = strtoull(arguments[3], NULL, 10);
    for (uint64_t decision = 1; decision <= decisions; decision++) {
        wait_for_market_data();
        if (!killcord_lease_renew(&lease, decision)) { /* from where decisions are made, after each one */
            fprintf(stderr, "somebody else has claimed the lease: stop trading\n");
            return 3;
        }
    }
    killcord_lease_close(&lease); /* without it: the owner is found dead, and the lease lapses just the same */
    return 0;
}
