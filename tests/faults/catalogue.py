"""Every line of the fault matrix, in its order: played here, played by tests elsewhere, or not at all and why."""

from __future__ import annotations

from faults import healing as healing
from faults import hostile as hostile
from faults import machine as machine
from faults import network as network
from faults import peer as peer
from faults import process as process
from faults import venue as venue
from faults.scenario import SCENARIOS, Elsewhere, Entry, NotHere

PEER_TESTS = "lib::driver::tests"
SESSION = "lib::session::tests"
SIMULATED = ("simulation::random",)
"""All four venues under random faults; the invariants are held after every step."""

LINES: tuple[Elsewhere | NotHere, ...] = (
    NotHere("N02", "the cable is pulled out", "a tunnel device has no cable; to the guard it is N01, which has"),
    NotHere("N10", "a route of the router leads nowhere", "at the wire the same as N08, which is played"),
    Elsewhere(
        "N16",
        "the resolver does not answer while dialling again",
        cargo=("lib::driver::resolve",),
    ),
    Elsewhere(
        "N17",
        "one of two addresses of the venue swallows everything",
        cargo=(f"{PEER_TESTS}::stages::a_name_with_two_addresses_connects_to_the_one_that_answers",),
    ),
    Elsewhere("H11", "nothing at all happens", pytest=("promises/test_rest.py",), cargo=("allocations::",)),
    NotHere("P05", "the venue's end is closed and it goes on reading", "the FIN of P04 is that: the embedded venue reads on"),
    Elsewhere(
        "P11",
        "ten thousand orders on the shared socket",
        pytest=("test_bulk.py",),
        cargo=(f"{PEER_TESTS}::links::a_keepalive_overtakes_orders_that_wait_behind_a_full_socket",),
    ),
    Elsewhere("P14", "one byte at a time during dialling, header, payload", cargo=(f"{PEER_TESTS}::stages",)),
    Elsewhere("P15", "every way to end a stream in the middle", cargo=(f"{PEER_TESTS}::links", f"{PEER_TESTS}::hostile")),
    Elsewhere(
        "V03",
        "an acknowledgement of arming comes after its deadline",
        cargo=(
            f"{SESSION}::contract::an_acknowledgement_of_an_old_epoch_arms_nothing",
            f"{SESSION}::keeping::arming_that_is_not_acknowledged_in_time_is_never_claimed_and_tried_again",
        ),
    ),
    Elsewhere(
        "V05",
        "the application wants to trade between the link and the acknowledged switch",
        pytest=("test_guard.py::test_an_order_before_the_guard_is_armed_is_refused",),
        cargo=(f"{SESSION}::keeping::orders_need_a_permit_and_cancels_do_not",),
    ),
    Elsewhere(
        "V07",
        "only pongs, only data, only heartbeats arrive",
        cargo=("lib::parts::liveness", f"{SESSION}::keeping::the_venues_silence_counts_from_armed_on"),
    ),
    Elsewhere("V09", "a token ends on a living Deribit link", cargo=("lib::venue::deribit::tests::a_login_is_renewed",)),
    Elsewhere(
        "V10",
        "an order over another connection and over HTTP",
        pytest=("test_reconcile.py::test_what_was_sent_and_still_rests_is_kept_and_what_was_not_is_foreign",),
        cargo=(f"{SESSION}::reconciling::a_foreign_order_that_appears_is_told_once",),
    ),
    Elsewhere(
        "V11",
        "another subscriber holds Bybit's protection off",
        pytest=("test_drill.py::test_another_subscriber_at_bybit_is_said_to_be_what_may_be_behind_it",),
    ),
    Elsewhere(
        "V13",
        "one of several products is refused",
        cargo=("lib::venue::bybit::tests::a_product_that_is_absent_or_not_on_is_a_refusal_and_never_armed",),
    ),
    Elsewhere(
        "V14",
        "a setting acts ten seconds after it was acknowledged",
        cargo=("lib::venue::bybit::tests::a_window_that_differs_is_set_held_off_and_read_back",),
    ),
    Elsewhere(
        "V15",
        "the feature is off, or the key may not",
        pytest=("test_guard.py::test_a_wrong_key_is_a_refusal_that_says_what_to_do",),
        cargo=("lib::venue::crypto_com::tests::a_key_that_may_not_set_the_switch_needs_a_person",),
    ),
    Elsewhere(
        "V18",
        "a countdown fires during an outage and the application does not know",
        pytest=("test_guard.py::test_after_a_trip_orders_are_refused_until_the_application_rearms",),
        cargo=(f"{SESSION}::keeping::a_countdown_fed_too_late_is_presumed_tripped",),
    ),
    Elsewhere("V19", "Kraken's tokens are not to be had, and end", cargo=("lib::venue::kraken::tests",)),
    Elsewhere("V20", "times of zero, in other units, and that contradict each other", cargo=("lib::venue::kraken::", "main::promises")),
    NotHere(
        "V21",
        "a key is revoked in the middle of a session",
        "what a venue does to the session then is not published; the next login is refused, as in V15",
    ),
    Elsewhere("V22", "a key of another account or environment", cargo=("lib::venue::kraken::tests::production", "lib::model::")),
    Elsewhere(
        "V23",
        "the venue fires and leaves an order behind",
        pytest=("test_reconcile.py::test_an_order_that_a_trip_left_behind_is_named_within_five_seconds_and_not_cancelled",),
    ),
    Elsewhere(
        "V24",
        "ten minutes of maintenance, announced to the guard or not",
        pytest=("test_guard.py::test_maintenance_takes_the_switch_off_and_on_again_with_the_link_kept",),
        cargo=(f"{SESSION}::keeping::while_the_venue_is_down",),
    ),
    Elsewhere(
        "V25",
        "a switch of the whole account with foreign orders at rest",
        pytest=("test_reconcile.py::test_what_rests_before_the_guard_starts_is_told",),
    ),
    Elsewhere("V26", "requests too soon after the link are refused", cargo=("lib::venue::crypto_com::",)),
    NotHere(
        "V28",
        "the venue closes every link after a day, with a minute's notice",
        "a planned change of links is not built; the warning is told as VenueNotice, the close is P04",
    ),
    Elsewhere("A01", "a strategy awaits for ever", pytest=("promises/test_lapse_figures.py", "test_lease.py")),
    Elsewhere(
        "A02",
        "Python holds the interpreter for seconds",
        pytest=("promises/test_interpreter_held.py", "promises/test_stuck.py"),
    ),
    Elsewhere(
        "A04",
        "a loop that renews without getting on",
        pytest=("test_shared_lease.py::test_a_constant_progress_does_not_count",),
        cargo=("lib::driver::lease_cell", "interleavings::"),
    ),
    Elsewhere(
        "A05",
        "renewals late, and announced stalls",
        pytest=("test_lease.py::test_half_the_budget_warns_an_announced_stall_does_not_and_nonsense_is_refused",),
        cargo=("lib::parts::lease",),
    ),
    Elsewhere(
        "A06",
        "a budget ends during an outage that heals later",
        cargo=(f"{SESSION}::leases::links_are_aborted", f"{SESSION}::leases::a_lapse_kills"),
    ),
    Elsewhere(
        "A07",
        "a minute of imports before the first renewal",
        cargo=(f"{SESSION}::leases::nothing_is_counted", f"{SESSION}::leases::orders_need_the_first_renewal"),
    ),
    Elsewhere(
        "A09",
        "the event loop is blocked, other threads are well",
        pytest=("test_lease.py::test_the_helper_renews_while_the_loop_turns_and_lapses_when_it_does_not",),
    ),
    Elsewhere("A11", "a million renewals by four threads", pytest=("promises/test_renew.py",)),
    Elsewhere(
        "T03",
        "the guard's thread stands still, the application goes on",
        cargo=(f"{PEER_TESTS}::faults::a_claim_is_withdrawn_from_the_snapshot_while_the_engine_does_not_run",),
    ),
    Elsewhere(
        "T04",
        "one clock stops and the other runs on",
        cargo=(f"{SESSION}::contract::a_late_tick", f"{SESSION}::contract::after_a_stall"),
    ),
    NotHere(
        "T05",
        "every clock of the machine stops, the venue's goes on",
        "not with real clocks: this kernel stops none of them; the simulation plays it",
    ),
    Elsewhere("T06", "the wall clock is set while the guard runs", cargo=("simulation::replays::a_wall_clock",)),
    Elsewhere("T07", "clocks that run at different speeds", cargo=("lib::parts::switch", "lib::sim::")),
    Elsewhere(
        "E01",
        "a reader that sleeps, and one that never reads",
        pytest=("test_guard.py::test_a_slow_reader_of_events_gets_one_exact_overflow_with_the_state_after_it",),
    ),
    Elsewhere(
        "E02",
        "a reader that never reads, many transitions",
        cargo=("lib::driver::queue", f"{PEER_TESTS}::handles::events_are_read_in_order"),
    ),
    NotHere("E03", "reading begins after the guard is armed", "events are kept from the start, so nothing is missed: E01, E02"),
    Elsewhere("E05", "two loops, and a loop that is closed and made anew", pytest=("test_delivery.py",)),
    Elsewhere("R01", "the journal's disk is full, the pipe is stalled", cargo=("lib::driver::journal",)),
    NotHere("R05", "memory runs out while dialling", "the process is ended by the kernel: X11 plays that"),
    NotHere("R06", "one core is taken away", "part of T08"),
    Elsewhere("S01", "a panic in the task of a guard", cargo=(f"{PEER_TESTS}::faults", f"{PEER_TESTS}::turns")),
    Elsewhere(
        "S02",
        "a guard's task that does not come to rest, or ends",
        cargo=(f"{PEER_TESTS}::faults::a_session_that_never", f"{PEER_TESTS}::handles::a_pulse"),
    ),
    NotHere("S03", "a closed channel disables an arm of select", "the driver has no select: one poll in a fixed order"),
    Elsewhere(
        "S04",
        "handles dropped, moved, used from many threads",
        pytest=("exits/test_handles.py", "test_guard.py::test_many_threads_and_a_loop_use_one_guard_at_the_same_time"),
    ),
    Elsewhere(
        "S06",
        "start twice, stop twice, stop while dialling",
        pytest=("test_guard.py::test_a_guard_starts_once", "test_guard.py::test_a_cancelled_entry_lets_go"),
        cargo=(f"{PEER_TESTS}::handles",),
    ),
    Elsewhere(
        "S07",
        "exceptions and panics at the border to Python",
        pytest=("test_delivery.py::test_a_failing_callback_is_kept_and_stops_nothing",),
        cargo=(f"{PEER_TESTS}::handles::a_waker_that_panics_costs_the_guard_nothing",),
    ),
    Elsewhere("X01", "the context ends normally", pytest=("exits/test_python_ends.py", "-k", "X01")),
    Elsewhere("X02", "sys.exit, and the end of main", pytest=("exits/test_python_ends.py", "-k", "X02")),
    Elsewhere("X03", "an unhandled exception", pytest=("exits/test_python_ends.py", "-k", "X03")),
    Elsewhere("X04", "SIGTERM, and a farewell", pytest=("exits/test_signals.py", "exits/test_handles.py", "-k", "X04")),
    Elsewhere("X05", "an interrupt inside asyncio", pytest=("exits/test_signals.py", "-k", "X05")),
    Elsewhere("X06", "the last reference is dropped", pytest=("exits/test_handles.py", "-k", "X06")),
    Elsewhere("X07", "the interpreter ends with threads left, and atexit raises", pytest=("exits/test_python_ends.py", "-k", "X07")),
    Elsewhere("X08", "a forked child calls the guard", pytest=("exits/test_forked_calls.py",)),
    Elsewhere("X09", "children of every kind", pytest=("exits/test_children.py", "-k", "X09")),
    Elsewhere("X10", "SIGKILL", pytest=("exits/test_signals.py", "-k", "X10")),
    Elsewhere("X11", "killed for want of memory", pytest=("exits/test_crashes.py", "-k", "X11")),
    Elsewhere("X12", "os._exit", pytest=("exits/test_signals.py", "-k", "X12")),
    Elsewhere("X13", "another extension crashes", pytest=("exits/test_crashes.py", "-k", "X13")),
    Elsewhere("X14", "loss of power", pytest=("exits/test_dark.py",)),
    Elsewhere("X15", "exec of another program", pytest=("exits/test_children.py", "-k", "X15")),
    Elsewhere("Z01", "frames and messages of every wrong size", cargo=(f"{PEER_TESTS}::hostile",)),
    Elsewhere("Z02", "headers without end", cargo=(f"{PEER_TESTS}::stages::an_answer_without_end",)),
    Elsewhere("Z03", "frames that break the rules", cargo=(f"{PEER_TESTS}::hostile", f"{PEER_TESTS}::frames", "main::hostile")),
    Elsewhere("Z05", "every wrong certificate, old versions, plaintext", cargo=(f"{PEER_TESTS}::tls",)),
    Elsewhere(
        "Z08",
        "one byte at a time in every stage",
        cargo=(f"{PEER_TESTS}::stages::a_peer_that_answers_one_byte_at_a_time_does_not_outlive_the_upgrade_deadline",),
    ),
    Elsewhere(
        "Z10",
        "planted secrets looked for in everything that was written",
        pytest=(
            "test_guard.py::test_the_secret_is_in_nothing_that_can_be_seen",
            "test_journal.py::test_no_secret_of_an_account_is_in_its_journal",
            "exits/test_crashes.py",
        ),
    ),
    NotHere("Z11", "the cases of Autobahn", "make conformance"),
    NotHere("Z12", "fuzzing", "make fuzz"),
    Elsewhere("Z13", "the control socket, by others and with nonsense", pytest=("test_service.py", "test_daemon.py")),
    Elsewhere("Z14", "key files of others, behind links, that all may read", pytest=("test_settings.py", "-k", "key_file")),
    NotHere("D01", "all faults at once", "simulation: make soak"),
    NotHere("D02", "faults that stay, everything else healthy", "simulation: make soak"),
    NotHere("D03", "every order of events in a small world", "simulation: make exhaustive"),
    NotHere("D04", "a venue that refuses every connection for an hour", "simulation: make soak; N13 plays three seconds of it"),
    NotHere("D05", "a supervisor that starts the application again and again", "simulation: make soak"),
    Elsewhere(
        "D06",
        "two guards of one account",
        pytest=("test_service.py::test_the_same_account_twice_on_a_host_is_refused_and_the_first_stays_armed",),
    ),
    NotHere("D07", "mutants of the core, and known-bad variants of it", "not a scenario: docs/proof.md"),
    Elsewhere("D08", "the same seed twice", cargo=("simulation::replays::the_same_seed",)),
    NotHere("D09", "the same scenario simulated and real, compared event by event", "not built"),
)


def catalogue() -> dict[str, Entry]:
    """All of it, by id."""
    entries: dict[str, Entry] = dict(SCENARIOS)
    for line in LINES:
        assert line.id not in entries, f"{line.id} is there twice"
        entries[line.id] = line
    return dict(sorted(entries.items()))
