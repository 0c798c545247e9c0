//! Open claims in the order they are tried: fewest pods first.

/// Claims in line. Claims with equally many pods stand in no particular, but always the same, order.
#[derive(Clone, Debug, Default)]
pub struct Line {
    order: Vec<u32>,
    /// By claim, where it stands.
    position: Vec<u32>,
    /// By claim.
    pods: Vec<u32>,
    /// By number of pods, where those with more begin.
    ends: Vec<usize>,
}

impl Line {
    /// The claims, fewest pods first.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// A new claim without pods; its number.
    pub fn open(&mut self) -> u32 {
        let claim = self.order.len() as u32;
        self.order.push(claim);
        self.position.push(claim);
        self.pods.push(0);
        if self.ends.is_empty() {
            self.ends.push(0);
        }
        // From the end to the front: every group of more pods moves its first to its end.
        let mut hole = self.order.len() - 1;
        for group in (1..self.ends.len()).rev() {
            let first = self.ends[group - 1];
            // An empty group has no first to move; what stands there has moved already.
            if first != hole {
                self.put(hole, self.order[first]);
            }
            self.ends[group] += 1;
            hole = first;
        }
        self.put(hole, claim);
        self.ends[0] += 1;
        claim
    }

    /// One pod more.
    pub fn grew(&mut self, claim: u32) {
        let pods = self.pods[claim as usize] as usize;
        let last = self.ends[pods] - 1;
        let at = self.position[claim as usize] as usize;
        self.put(at, self.order[last]);
        self.put(last, claim);
        self.ends[pods] = last;
        if self.ends.len() == pods + 1 {
            self.ends.push(self.order.len());
        }
        self.pods[claim as usize] += 1;
    }

    fn put(&mut self, at: usize, claim: u32) {
        self.order[at] = claim;
        self.position[claim as usize] = at as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_stand_in_line_by_how_many_pods_they_have() {
        let mut line = Line::default();
        let mut counts: Vec<u32> = Vec::new();
        // A fixed, irregular mix of openings and growths.
        for step in 0..400_u32 {
            if step % 7 == 0 {
                assert_eq!(line.open() as usize, counts.len());
                counts.push(0);
            }
            let claim = step.wrapping_mul(2_654_435_761) % counts.len() as u32;
            line.grew(claim);
            counts[claim as usize] += 1;
            let in_line: Vec<u32> = line.order().iter().map(|claim| counts[*claim as usize]).collect();
            assert!(in_line.is_sorted(), "{in_line:?}");
            let mut everyone = line.order().to_vec();
            everyone.sort_unstable();
            assert!(everyone.into_iter().eq(0..counts.len() as u32));
        }
    }
}
