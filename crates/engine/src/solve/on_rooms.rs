//! Existing rooms first: they are paid for already (reference section 2.4).

use super::relaxation::Relaxation;
use super::solver::{Solver, Waiting};

impl Solver<'_> {
    /// Places pods of a class on existing rooms, in order. How many found one.
    pub(super) fn place_on_rooms(&mut self, waiting: &Waiting) -> u32 {
        if self.snapshot.rooms.is_empty() {
            return 0;
        }
        let class = &self.snapshot.classes[waiting.class as usize];
        let rooms = self.admissible_rooms(class.rules, &waiting.level);
        let host = self.host_rules(waiting.class, &waiting.level);
        let keys = self.pin_keys(waiting.class, &waiting.level);
        let mut left = waiting.left;
        let mut start = 0;
        while left > 0 {
            let mut progressed = false;
            for (position, room) in rooms.iter().enumerate().skip(start) {
                let index = *room as usize;
                let mut copies = class.requests.copies_in(&self.free[index]);
                if copies == 0 {
                    if position == start {
                        start += 1;
                    }
                    continue;
                }
                if !host.is_free() {
                    let counts = |group: u32| {
                        self.topology.host_counts.get(&(*room, group)).copied().unwrap_or_default()
                    };
                    copies = copies.min(host.copies(&counts, &self.ports[index], &self.topology.host_totals));
                }
                if copies > 0 && !keys.is_empty() {
                    let room_labels = &self.snapshot.rooms[index].labels;
                    let allowed = keys.iter().all(|key| match room_labels.get(key) {
                        Some(domain) => {
                            self.domain_allows(waiting.class, &waiting.level, key, domain).is_some()
                        }
                        None => !self.states_rule_on(waiting.class, &waiting.level, key),
                    });
                    copies = if allowed { 1 } else { 0 };
                }
                let copies = copies.min(left);
                if copies == 0 {
                    continue;
                }
                self.free[index].subtract(&class.requests.times(i64::from(copies)));
                self.ports[index].extend(class.host_ports.iter().cloned());
                self.topology.record_on_room(self.snapshot, waiting.class, *room, i64::from(copies));
                for pod in self.queues[waiting.class as usize].by_ref().take(copies as usize) {
                    self.on_rooms.push((*room, pod));
                }
                left -= copies;
                progressed = true;
                if left == 0 || !keys.is_empty() {
                    break;
                }
            }
            // Without rules over domains one pass settles everything; with them every pod changes the counts.
            if !progressed || keys.is_empty() {
                break;
            }
        }
        waiting.left - left
    }

    pub(super) fn states_rule_on(&self, class: u32, level: &Relaxation, key: &str) -> bool {
        self.topology.links[class as usize].owned.iter().any(|(group, strength)| {
            let entry = &self.topology.groups[*group as usize];
            entry.key == key && level.holds(*strength)
        })
    }
}
