//! Preferences: as required, until they cannot be met (reference section 2.6).

use supercargo_api::requirements::Requirements;

use crate::topology::Strength;

use super::options::PreferencePolicy;
use super::solver::{Solver, Waiting};

/// How far a class has given up its preferences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Relaxation {
    /// Preferred pod affinity terms given up, heaviest first.
    pub affinity: u16,
    /// Preferred pod anti-affinity terms given up.
    pub anti_affinity: u16,
    /// Preferred node affinity terms given up.
    pub node: u16,
    /// Soft spreads given up.
    pub spread: u16,
    /// PreferNoSchedule taints are tolerated.
    pub tolerates: bool,
}

impl Relaxation {
    /// Whether a class at this level still holds to something.
    pub fn holds(&self, strength: Strength) -> bool {
        match strength {
            Strength::Required => true,
            Strength::PreferredAffinity(order) => order >= self.affinity,
            Strength::PreferredAntiAffinity(order) => order >= self.anti_affinity,
            Strength::SoftSpread(order) => order >= self.spread,
        }
    }
}

impl Solver<'_> {
    /// Gives up one preference. Whether there was one.
    pub(super) fn relax(&self, waiting: &mut Waiting) -> bool {
        let class = &self.snapshot.classes[waiting.class as usize];
        let level = &mut waiting.level;
        if self.options.preferences == PreferencePolicy::Respect {
            if usize::from(level.affinity) < class.preferred_affinity.len() {
                level.affinity += 1;
                return true;
            }
            if usize::from(level.anti_affinity) < class.preferred_anti_affinity.len() {
                level.anti_affinity += 1;
                return true;
            }
            if usize::from(level.node) < self.snapshot.rules[class.rules as usize].preferred.len() {
                level.node += 1;
                return true;
            }
            if usize::from(level.spread) < class.spreads.iter().filter(|spread| !spread.hard).count() {
                level.spread += 1;
                return true;
            }
        }
        if self.prefers_no_schedule && !level.tolerates {
            level.tolerates = true;
            return true;
        }
        false
    }

    /// The preferred node affinity term in force at a level.
    pub(super) fn preference(&self, rules: u32, level: &Relaxation) -> Option<u16> {
        (usize::from(level.node) < self.snapshot.rules[rules as usize].preferred.len()).then_some(level.node)
    }

    pub(super) fn requirements_at(&self, rules: u32, preference: Option<u16>) -> Vec<Requirements> {
        let rules = &self.snapshot.rules[rules as usize];
        let preferred = preference.and_then(|order| rules.preferred.get(usize::from(order)));
        let with_preference = rules.alternatives.iter().map(|alternative| {
            let mut all = alternative.clone();
            if let Some((_, requirements)) = preferred {
                all.extend(requirements.iter().cloned());
            }
            all
        });
        with_preference.collect()
    }
}
