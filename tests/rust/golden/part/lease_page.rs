//! What looks at a page of shared memory mean for its lease.

use super::{Group, Part, unknown, when};
use killcord::model::{LeasePage, Moment, PageClaim, PageFault};
use killcord::parts::PageWatch;

pub const GROUP: Group = Group {
    name: "lease_page",
    promises: &[
        (
            "a_renewal_was_made_between_two_looks",
            "Another process renews by one store, and nobody is woken by it. A change that a look finds was made after the look \
             before; it is never taken for older than it is, and judged by the earlier of the two.",
            "0s look
             0.01s claimed by process 7
             0.02s look
             0.025s process 7 renews
             0.03s look
             0.04s look",
        ),
        (
            "nobody_knows_how_old_the_first_thing_seen_is",
            "The first look only remembers: what it finds may have been written long ago. The first change after it counts.",
            "0s claimed by process 7
             0s process 7 renews
             5s look
             5.01s look
             5.015s process 7 renews
             5.02s look",
        ),
        (
            "a_dead_owner_proves_nothing_and_another_does_not_take_over",
            "When its owner died, two looks in a row say so and the page proves nothing any more; another process that claims \
             it revives nothing. Only a deliberate new beginning looks for an owner again.",
            "0s claimed by process 7
             0s look
             0.01s process 7 renews
             0.02s look
             0.03s process 7 dies
             0.04s look
             0.05s look
             0.06s claimed by process 8
             0.07s process 8 renews
             0.08s look

             1s begun again
             1s look
             1.01s process 8 renews
             1.02s look",
        ),
        (
            "two_owners_are_one_too_many",
            "While one process holds the lease another claims the page: nobody can tell any more whose renewals they are, and \
             none counts.",
            "0s claimed by process 7
             0s look
             0.01s process 7 renews
             0.02s look
             0.03s claimed by process 8
             0.04s process 8 renews
             0.05s look
             0.06s look",
        ),
        (
            "a_torn_read_is_not_a_fault",
            "What is read while it is being written may be no page at all. One such look says nothing; two in a row do.",
            "0s claimed by process 7
             0s look
             0.01s process 7 renews
             0.02s look
             0.03s look at rubbish
             0.04s process 7 renews
             0.05s look
             0.06s look at rubbish
             0.07s look at rubbish",
        ),
    ],
    fresh: || Box::new(Asked { watch: PageWatch::default(), page: LeasePage::unclaimed("quoter"), dead: false }),
};

struct Asked {
    watch: PageWatch,
    page: LeasePage,
    /// The owner's process is gone.
    dead: bool,
}

impl Part for Asked {
    fn ask(&mut self, now: Moment, words: &[&str]) -> String {
        match words {
            ["claimed", "by", "process", pid] => {
                let generation = self.page.claim.generation + 2;
                let pid = pid.parse().unwrap();
                self.page.claim = PageClaim { generation, pid, start_time: 1, boot_id: [1; 16] };
                (self.page.progress, self.dead) = (0, false);
                format!("the page says: process {pid}")
            }
            ["process", pid, "renews"] => {
                self.page.progress += 1;
                format!("process {pid} stores progress {}", self.page.progress)
            }
            ["process", pid, "dies"] => {
                self.dead = true;
                format!("process {pid} is gone")
            }
            ["begun", "again"] => {
                self.watch.restart();
                "looks for an owner".to_owned()
            }
            ["look"] => {
                let against = self.dead.then_some(PageFault::OwnerDied);
                self.look(now, Some(self.page), against)
            }
            ["look", "at", "rubbish"] => self.look(now, None, None),
            _ => unknown(words),
        }
    }
}

impl Asked {
    fn look(&mut self, now: Moment, page: Option<LeasePage>, against: Option<PageFault>) -> String {
        let news = self.watch.look(now, page, against);
        let renewal = news
            .renewal
            .map(|renewal| format!("a renewal, made between {} and {}", when(renewal.earliest), when(renewal.latest)));
        let fault = news
            .fault
            .map(|fault| format!("the page proves nothing from here on: {}", fault.as_str().replace('_', " ")));
        let told: Vec<String> = [renewal, fault].into_iter().flatten().collect();
        if told.is_empty() { "nothing that counts".to_owned() } else { told.join("; ") }
    }
}
