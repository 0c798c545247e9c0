//! Nodes that exist: the first that takes the pod, in order.

use supercargo_api::requirements::Requirements;
use supercargo_api::taint;

use super::{Refusal, State};
use crate::class::HostPort;
use crate::rooms::Room;
use crate::solve::Relaxation;
use crate::topology::{Count, Rule};

impl State<'_> {
    /// Puts the pod on the first existing node that takes it.
    pub(super) fn on_room(&mut self, pod: u32, class: u32, level: &Relaxation) -> bool {
        if self.snapshot.rooms.is_empty() {
            return false;
        }
        let keys = self.domain_keys(class, level);
        for room in 0..self.free.len() {
            if self.closed(class, level).rooms.contains(room) {
                continue;
            }
            match self.room_takes(class, level, room, &keys) {
                Err(Refusal::Forever) => self.closed(class, level).rooms.insert(room),
                Err(Refusal::Now) => {}
                Ok(()) => {
                    let row = &self.snapshot.classes[class as usize];
                    self.free[room].subtract(&row.requests);
                    self.ports[room].extend(row.host_ports.iter().cloned());
                    self.topology.record_on_room(self.snapshot, class, room as u32, 1);
                    self.on_rooms.push((room as u32, pod));
                    return true;
                }
            }
        }
        false
    }

    fn room_takes(
        &mut self,
        class: u32,
        level: &Relaxation,
        room: usize,
        keys: &[String],
    ) -> Result<(), Refusal> {
        let row = &self.snapshot.classes[class as usize];
        let place = &self.snapshot.rooms[room];
        if !row.requests.fits(&self.free[room]) || !self.room_admits(class, level, place) {
            return Err(Refusal::Forever);
        }
        if taken(&row.host_ports, &self.ports[room]) {
            return Err(Refusal::Forever);
        }
        let counts =
            |group: u32| self.topology.host_counts.get(&(room as u32, group)).copied().unwrap_or_default();
        self.host_allows(class, level, &counts)?;
        for key in keys {
            let possible: Vec<String> = place.labels.get(key).cloned().into_iter().collect();
            if self.allowed_domains(class, level, key, &possible).is_empty() {
                return Err(Refusal::Now);
            }
        }
        Ok(())
    }

    fn room_admits(&self, class: u32, level: &Relaxation, room: &Room) -> bool {
        let rules = &self.snapshot.rules[self.snapshot.classes[class as usize].rules as usize];
        let cordon = k8s_openapi::api::core::v1::Taint {
            key: supercargo_api::labels::UNSCHEDULABLE_TAINT.to_owned(),
            effect: taint::NO_SCHEDULE.to_owned(),
            ..Default::default()
        };
        let preferred = rules.preferred.get(usize::from(level.node)).map(|(_, requirements)| requirements);
        let satisfied = |terms: &Requirements| room.satisfies(terms);
        !room.leaving
            && (!room.cordoned || taint::tolerates(&rules.tolerations, &cordon))
            && taint::first_untolerated(&room.taints, &rules.tolerations, false).is_none()
            && rules.alternatives.iter().any(satisfied)
            && preferred.is_none_or(satisfied)
    }

    /// Whether the rules by host allow one more pod of the class beside those counted.
    pub(super) fn host_allows(
        &self,
        class: u32,
        level: &Relaxation,
        counts: &dyn Fn(u32) -> Count,
    ) -> Result<(), Refusal> {
        let links = &self.topology.links[class as usize];
        for (group, strength) in &links.owned {
            let entry = &self.topology.groups[*group as usize];
            if !entry.by_host || !level.holds(*strength) {
                continue;
            }
            let selects_self = links.matches(*group);
            let matched = counts(*group).matched;
            match entry.rule {
                Rule::Spread { max_skew, .. } if matched + i64::from(selects_self) > max_skew => {
                    return Err(Refusal::Forever);
                }
                Rule::AntiAffinity if matched > 0 => return Err(Refusal::Forever),
                Rule::Affinity if matched == 0 => {
                    let bootstraps = selects_self && self.topology.host_totals[*group as usize] == 0;
                    if !bootstraps {
                        return Err(Refusal::Now);
                    }
                }
                _ => {}
            }
        }
        let shunned = links.matched.iter().any(|group| {
            let entry = &self.topology.groups[*group as usize];
            entry.by_host && entry.rule == Rule::AntiAffinity && counts(*group).owners > 0
        });
        if shunned { Err(Refusal::Forever) } else { Ok(()) }
    }
}

/// Whether any of the ports is in use.
pub(super) fn taken(ports: &[HostPort], in_use: &[HostPort]) -> bool {
    ports.iter().any(|port| in_use.iter().any(|other| port.conflicts(other)))
}
