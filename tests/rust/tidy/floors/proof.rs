//! The floor rule is able to fail: each way of reaching a forbidden floor is found, each allowed one is not.

use super::*;

const LIB: &str = "
//!  6 python   src/python/*    the Python border              may use 5 3 0
//!  5 driver   src/driver/*    sockets, clock, threads, HTTP  may use 3 2 0  (serve.rs also 4)
//!  4 sim      src/sim/*       a world with virtual time      may use 3 2 0  (sim/exchange/*: 0 only)
//!  3 session  src/session/*   one guard: parts + a dialect   may use 2 1 0
//!  2 venue    src/venue/*     four dialects                  may use 0      (never each other, never 1)
//!  1 parts    src/parts/*     small pure machines            may use 0      (never each other)
//!  0 model    src/model/*     units, ids, config, events     may use nothing
";

fn wrong(path: &str, text: &str) -> usize {
    let table = Table::parse(LIB).expect("the sample table reads");
    wrong_uses(&Source::new(path, text), &table, &["bybit".to_owned(), "kraken".to_owned()]).len()
}

#[test]
fn a_floor_may_use_what_the_table_names() {
    assert_eq!(wrong("src/session/mod.rs", "use crate::{model::Now, parts::lease::Lease, venue::Venue};"), 0);
    assert_eq!(wrong("src/venue/kraken/wire.rs", "use super::facts::WINDOW; use crate::venue::{Outbox, Report};"), 0);
    assert_eq!(wrong("src/sim/world.rs", "use crate::session::Session; use super::exchange::Exchange;"), 0);
}

#[test]
fn a_higher_floor_is_found() {
    assert_eq!(wrong("src/model/time.rs", "use crate::parts::lease::Lease;"), 1);
    assert_eq!(wrong("src/parts/lease.rs", "use crate::session::Session;"), 1);
    assert_eq!(wrong("src/session/mod.rs", "use crate::driver::clock;"), 1);
    assert_eq!(wrong("src/venue/kraken/mod.rs", "fn a() { crate::session::b() }"), 1);
    assert_eq!(wrong("src/session/mod.rs", "pub(in crate::sim) fn a() {}"), 1);
}

#[test]
fn a_floor_reached_through_super_or_a_group_is_found() {
    assert_eq!(wrong("src/parts/lease.rs", "use super::super::session::Session;"), 1);
    assert_eq!(wrong("src/model/time.rs", "use crate::{\n    model::Now,\n    venue::{self, Report},\n};"), 2);
    assert_eq!(wrong("src/model/time.rs", "mod inner { use super::super::super::venue::Report; }"), 1);
}

#[test]
fn the_whole_crate_under_another_name_is_found() {
    assert_eq!(wrong("src/model/time.rs", "use crate as all;"), 1);
    assert_eq!(wrong("src/model/time.rs", "use crate::*;"), 1);
    assert_eq!(wrong("src/session/mod.rs", "use crate::Guard;"), 1);
    assert_eq!(wrong("src/session/mod.rs", "#[path = \"../driver/mod.rs\"]\nmod hidden;"), 1);
}

#[test]
fn a_part_that_uses_another_part_is_found() {
    assert_eq!(wrong("src/parts/lease.rs", "use super::deadlines::Deadline;"), 1);
    assert_eq!(wrong("src/parts/lease.rs", "use crate::parts::Deadline;"), 1);
    assert_eq!(wrong("src/parts/lease.rs", "use self::store::Store; use crate::parts::lease::Budget;"), 0);
    assert_eq!(wrong("src/parts/mod.rs", "pub use self::lease::Lease;"), 0);
}

#[test]
fn a_dialect_that_uses_another_dialect_or_a_part_is_found() {
    assert_eq!(wrong("src/venue/kraken/mod.rs", "use crate::venue::bybit::facts;"), 1);
    assert_eq!(wrong("src/venue/kraken/wire.rs", "use super::super::bybit::facts;"), 1);
    assert_eq!(wrong("src/venue/kraken/mod.rs", "use super::*;"), 1);
    assert_eq!(wrong("src/venue/json.rs", "use super::bybit;"), 1);
    assert_eq!(wrong("src/venue/kraken/mod.rs", "use crate::parts::lease::Lease;"), 1);
}

#[test]
fn a_simulated_venue_that_knows_a_dialect_is_found_even_in_its_tests() {
    assert_eq!(wrong("src/sim/exchange/kraken.rs", "use crate::venue::kraken;"), 1);
    assert_eq!(wrong("src/sim/exchange/kraken.rs", "#[cfg(test)]\nmod tests { use crate::venue::kraken; }"), 1);
    assert_eq!(wrong("src/sim/exchange/kraken/tests.rs", "use crate::venue::kraken;"), 1);
    assert_eq!(wrong("src/sim/exchange/kraken.rs", "use super::super::world::World;"), 1);
    assert_eq!(wrong("src/sim/exchange/kraken.rs", "use super::floor::Floor; use crate::model::Now;"), 0);
}

#[test]
fn a_test_may_bring_both_ends_together() {
    assert_eq!(wrong("src/session/mod.rs", "#[cfg(test)]\nmod tests { use crate::sim::exchange::Kraken; }"), 0);
}

#[test]
fn only_the_named_file_may_use_more() {
    assert_eq!(wrong("src/driver/serve.rs", "use crate::sim::exchange::Exchange;"), 0);
    assert_eq!(wrong("src/driver/serve/http.rs", "use crate::sim::exchange::Exchange;"), 0);
    assert_eq!(wrong("src/driver/link.rs", "use crate::sim::exchange::Exchange;"), 1);
}

#[test]
fn a_folder_that_is_in_no_floor_is_found() {
    assert_eq!(wrong("src/utils/mod.rs", "fn a() {}"), 1);
}

#[test]
fn a_table_with_a_missing_floor_or_an_unknown_note_is_refused() {
    assert!(Table::parse(&LIB.replace("  6 python", "  x python")).is_err());
    assert!(Table::parse(&LIB.lines().skip(2).collect::<Vec<_>>().join("\n")).is_err());
    assert!(Table::parse(&LIB.replace("serve.rs also 4", "serve.rs maybe 4")).is_err());
    assert!(Table::parse(&LIB.replace("never 1", "never 0")).is_err());
}
