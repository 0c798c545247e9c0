//! The question itself.

use super::answer::{Answer, Ask, Place, Relocation, Stranded};
use super::board::Board;

impl<'l> Board<'l> {
    /// Whether these rooms can go, and where their pods would be. The board is the same afterwards.
    pub fn what_if(&mut self, rooms: &[u32], ask: &Ask) -> Answer {
        let mark = self.log.len();
        for room in rooms {
            self.remove(*room);
        }
        let mut pods: Vec<(u32, u32, u32)> = Vec::new();
        for room in rooms {
            for pod in &self.residents[*room as usize] {
                let class = self.layout.snapshot.pods[*pod as usize].class;
                pods.push((self.layout.class_order[class as usize], class, *pod));
            }
        }
        pods.sort_unstable();
        let answer = self.relocate(&pods, ask);
        self.undo(mark);
        answer
    }

    /// Which open rooms would take one more pod of a class now.
    pub fn rooms_for(&self, class: u32) -> Vec<u32> {
        let layout = self.layout;
        let Some(mover) = &layout.movers[class as usize] else { return Vec::new() };
        let takes = |room: &u32| {
            let domains = self.domains(*room);
            !self.gone[*room as usize]
                && self.room_copies(class, mover, *room) > 0
                && self.domain_copies(mover, &|key| domains[key as usize]) > 0
        };
        let mut rooms: Vec<u32> = layout.rooms_of(mover).filter(takes).collect();
        rooms.sort_unstable();
        rooms
    }

    /// Finds places for pods, given as order, class and pod, sorted.
    fn relocate(&mut self, pods: &[(u32, u32, u32)], ask: &Ask) -> Answer {
        let mut relocation = Relocation::default();
        let mut left: Vec<(u32, u32)> = Vec::new();
        let mut waiting: Vec<&[(u32, u32, u32)]> = Vec::new();
        let mut taken: Vec<(u32, u32, u32)> = Vec::new();
        for alike in pods.chunk_by(|one, other| one.1 == other.1) {
            let class = alike[0].1;
            if self.layout.movers[class as usize].is_none() {
                return Err(Stranded { left: vec![(class, alike.len() as u32)] });
            }
            let mut unplaced = alike.len() as u32;
            if ask.use_rooms {
                taken.clear();
                unplaced = self.place(class, unplaced, &mut taken);
                let mut next = alike.iter();
                for (_, room, copies) in &taken {
                    let placed = next.by_ref().take(*copies as usize);
                    relocation.placements.extend(placed.map(|(_, _, pod)| (*pod, Place::Room(*room))));
                }
            }
            if unplaced > 0 {
                if ask.max_new_nodes == 0 {
                    return Err(Stranded { left: vec![(class, unplaced)] });
                }
                left.push((class, unplaced));
                waiting.push(&alike[alike.len() - unplaced as usize..]);
            }
        }
        if left.is_empty() {
            return Ok(relocation);
        }
        // Who has to be where another one is cannot be there before it.
        let Some(nodes) = self.open(&left, ask) else { return Err(Stranded { left }) };
        let mut next: Vec<_> = waiting.iter().map(|alike| alike.iter()).collect();
        for (number, node) in nodes.iter().enumerate() {
            for (class, copies) in &node.contents {
                let Some(position) = left.iter().position(|(waiting, _)| waiting == class) else { continue };
                let pods = next[position].by_ref().take(*copies as usize);
                relocation.placements.extend(pods.map(|(_, _, pod)| (*pod, Place::New(number as u32))));
            }
        }
        relocation.new_nodes = nodes;
        Ok(relocation)
    }
}
