//! One node at a time: what if it went?

use std::time::Duration;

use supercargo_catalog::CapacityType;
use supercargo_clock::{Clock, Stopwatch};
use supercargo_engine::consolidate::layout;
use supercargo_engine::whatif::{Ask, Board, SpotRule};

use super::case::{Case, CaseError};
use super::figures::{Figure, FigureRow};
use crate::goals::Goal;
use crate::measure::Times;

const SEED: u64 = 42;

/// One removal simulation, and a sweep of all nodes from decoded objects to the last answer (reference section 8.4, b
/// and c): 1,000 nodes of about 30 pods, 20 NodePools, the full catalogue.
///
/// # Errors
/// When the cluster cannot be made up.
pub fn removal(clock: &dyn Clock, nodes: u32, repeat: u32) -> Result<Vec<FigureRow>, CaseError> {
    let case = Case::make(Case::free(nodes, 20, 30, 0.3, SEED))?;
    let mut single = Vec::new();
    let mut sweeps = Vec::new();
    let mut slowest = Duration::ZERO;
    let (mut questions, mut feasible) = (0_u32, 0_u32);
    for round in 0..=repeat {
        let sweep = Stopwatch::start(clock);
        let (snapshot, disruption) = case.read(false);
        let layout = layout(&snapshot, &disruption);
        let mut board = Board::new(&layout);
        let mut answers = Vec::with_capacity(snapshot.rooms.len());
        (questions, feasible) = (0, 0);
        for (room, standing) in disruption.rooms.iter().enumerate() {
            let Some(price) = standing.price.filter(|_| standing.candidate.is_ok()) else { continue };
            let is_spot = standing.capacity_type == Some(CapacityType::Spot);
            let spot = if is_spot { SpotRule::Forbidden } else { SpotRule::Free };
            let ask = Ask { max_new_nodes: 1, below: Some(price), use_rooms: true, spot };
            let one = Stopwatch::start(clock);
            let answer = board.what_if(&[room as u32], &ask);
            answers.push(one.elapsed());
            questions += 1;
            feasible += u32::from(answer.is_ok());
        }
        // The first round only brings everything into memory.
        if round > 0 {
            sweeps.push(sweep.elapsed());
            slowest = answers.iter().copied().fold(slowest, Duration::max);
            single.append(&mut answers);
        }
    }
    let variant =
        format!("{} nodes, {} pods, 20 NodePools", case.objects.nodes.len(), case.objects.pods.len());
    let (one, all) = (Times::of(&single), Times::of(&sweeps));
    let share = f64::from(feasible) / f64::from(questions.max(1)) * 100.0;
    Ok(vec![
        FigureRow {
            work: "removal simulation",
            variant: variant.clone(),
            figures: vec![
                Figure::new("median", one.median, "ms"),
                Figure::new("slowest", slowest.as_secs_f64() * 1e3, "ms"),
                Figure::new("nodes that could go", share, "%"),
            ],
            violations: Vec::new(),
            goals: vec![Goal::at_most("median", "ms", 1.0, one.median)],
        },
        FigureRow {
            work: "single-node sweep",
            variant,
            figures: vec![
                Figure::new("median", all.median, "ms"),
                Figure::new("slowest", all.max, "ms"),
                Figure::new("questions", f64::from(questions), ""),
            ],
            violations: Vec::new(),
            goals: vec![Goal::at_most("time", "ms", 1_000.0, all.median)],
        },
    ])
}
