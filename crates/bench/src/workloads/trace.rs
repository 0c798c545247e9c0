//! The pods of two production traces, planned from nothing (`data/openb.txt`, `data/dlrm.txt`).

use supercargo_api::Objects;
use supercargo_api::labels::keys;
use supercargo_catalog::CapacityType;
use supercargo_engine::solve::SolveOptions;

use super::{Context, Workload};
use crate::pods::{labels, pod, spec, spread};
use crate::us_east_1;

const OPENB: &str = include_str!("../../data/openb.txt");
const DLRM: &str = include_str!("../../data/dlrm.txt");

/// A line of a trace that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line} of {file}: {text:?} should be {columns} numbers")]
pub struct TraceError {
    /// The file.
    pub file: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// How many numbers it should have.
    pub columns: usize,
}

/// The numbers of every line that is no comment; `-` becomes `None`.
fn lines<const N: usize>(file: &'static str, text: &str) -> Result<Vec<[Option<u32>; N]>, TraceError> {
    let mut read = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let error = || TraceError { file, line: index + 1, text: line.to_owned(), columns: N };
        let mut numbers = [None; N];
        let mut words = line.split(' ');
        for number in &mut numbers {
            let word = words.next().ok_or_else(error)?;
            if word != "-" {
                *number = Some(word.parse().map_err(|_| error())?);
            }
        }
        if words.next().is_some() {
            return Err(error());
        }
        read.push(numbers);
    }
    Ok(read)
}

fn workload(
    name: &'static str,
    context: &Context,
    capacity_types: &[CapacityType],
    pods: Vec<supercargo_api::Pod>,
) -> Workload {
    let words: Vec<&str> = capacity_types.iter().map(|capacity_type| capacity_type.as_str()).collect();
    Workload {
        name,
        variant: words.join("+"),
        objects: Objects {
            pods,
            node_pools: vec![us_east_1::node_pool(capacity_types)],
            ..Objects::default()
        },
        market: context.us_east_1.clone(),
        options: SolveOptions::default(),
    }
}

/// 8,152 pods of 103 sizes.
///
/// # Errors
/// When the trace in the program is damaged.
pub fn openb(context: &Context, capacity_types: &[CapacityType]) -> Result<Workload, TraceError> {
    let mut pods = Vec::new();
    for numbers in lines::<3>("openb.txt", OPENB)? {
        let [cpu, memory, count] = numbers.map(Option::unwrap_or_default);
        for _ in 0..count {
            let name = format!("openb-pod-{:04}", pods.len());
            pods.push(pod("default", &name, &labels([]), &format!("{cpu}m"), &format!("{memory}Mi")).into());
        }
    }
    Ok(workload("openb", context, capacity_types, pods))
}

/// 23,871 instances of 156 applications; nearly half may share a node with only so many of their own.
///
/// That limit is a spread over hostnames, whose smallest count is always zero (reference row T5), for the instances
/// of one application that have the same limit.
///
/// # Errors
/// When the trace in the program is damaged.
pub fn dlrm(context: &Context, capacity_types: &[CapacityType]) -> Result<Workload, TraceError> {
    let mut pods = Vec::new();
    for [app, cpu, memory, most, count] in lines::<5>("dlrm.txt", DLRM)? {
        let [app, cpu, memory, count] = [app, cpu, memory, count].map(Option::unwrap_or_default);
        let app = format!("app-{app}");
        for _ in 0..count {
            let name = format!("instance-{}", pods.len());
            let (cpu, memory) = (format!("{cpu}m"), format!("{memory}Mi"));
            let made = match most {
                None => pod("default", &name, &labels([("app", &app)]), &cpu, &memory),
                Some(most) => {
                    let own = labels([("app", &app), ("most-per-node", &most.to_string())]);
                    let mut made = pod("default", &name, &own, &cpu, &memory);
                    let max_skew = i32::try_from(most).unwrap_or(i32::MAX);
                    spec(&mut made).topology_spread_constraints =
                        Some(vec![spread(keys::HOSTNAME, max_skew, &own)]);
                    made
                }
            };
            pods.push(made.into());
        }
    }
    Ok(workload("dlrm", context, capacity_types, pods))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_whole() {
        let openb: u32 = lines::<3>("openb", OPENB).unwrap().iter().filter_map(|line| line[2]).sum();
        assert_eq!(openb, 8_152);
        let dlrm: u32 = lines::<5>("dlrm", DLRM).unwrap().iter().filter_map(|line| line[4]).sum();
        assert_eq!(dlrm, 23_871);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let error = lines::<3>("x.txt", "# a comment\n1 2 3\n4 five 6\n").unwrap_err();
        assert_eq!((error.line, error.text.as_str()), (3, "4 five 6"));
        assert!(lines::<3>("x.txt", "1 2\n").is_err());
        assert!(lines::<3>("x.txt", "1 2 3 4\n").is_err());
    }
}
