//! Belady's optimum, which knows the future: evict the object that is needed again last. Belady, "A Study of
//! Replacement Algorithms for a Virtual-Storage Computer", IBM Systems Journal, 1966. Optimal for unit weights only.

use std::collections::BinaryHeap;

use crate::trace::Trace;

/// The number of hits of the optimal policy over a trace of unit weights.
pub(crate) fn belady(trace: &Trace, capacity: u64) -> u64 {
    const NEVER: usize = usize::MAX;
    let mut next = vec![NEVER; trace.accesses.len()];
    let mut upcoming = vec![NEVER; trace.footprint()];
    for (at, &id) in trace.accesses.iter().enumerate().rev() {
        next[at] = std::mem::replace(&mut upcoming[id as usize], at);
    }

    // Stale heap entries, whose object has been used since, are skipped when they surface.
    let mut due: Vec<Option<usize>> = vec![None; trace.footprint()];
    let mut heap = BinaryHeap::new();
    let (mut resident, mut hits) = (0, 0);
    for (at, &id) in trace.accesses.iter().enumerate() {
        if due[id as usize].replace(next[at]).is_some() {
            hits += 1;
        } else {
            resident += 1;
        }
        heap.push((next[at], id));
        while resident > capacity {
            let Some((use_at, victim)) = heap.pop() else {
                break;
            };
            if due[victim as usize] == Some(use_at) {
                due[victim as usize] = None;
                resident -= 1;
            }
        }
    }
    hits
}
