use super::plan::{Plan, What};
use super::runs::{Failure, run};

/// A smaller plan that breaks a rule, too: with fewer actions, fewer nodes, and without what makes messages and getters
/// slow. Zeller and Hildebrandt, *Simplifying and isolating failure-inducing input*, IEEE TSE 28 (2002), reduced to the
/// removal of parts.
pub fn shrink(mut plan: Plan, mut failure: Failure) -> (Plan, Failure) {
    let mut try_out = |plan: &mut Plan, smaller: Plan| match run(&smaller) {
        Ok(_) => false,
        Err(again) => {
            failure = again;
            *plan = smaller;
            true
        }
    };
    let mut part = plan.actions.len().div_ceil(2);
    while part > 0 {
        let mut from = 0;
        let mut any = false;
        while from < plan.actions.len() {
            let mut smaller = plan.clone();
            let to = (from + part).min(smaller.actions.len());
            smaller.actions.drain(from..to);
            if try_out(&mut plan, smaller) {
                any = true;
            } else {
                from += part;
            }
        }
        if !any || part > 1 {
            part /= 2;
        }
    }
    while plan.nodes > 2 && !uses(&plan, plan.nodes - 1) {
        let mut smaller = plan.clone();
        smaller.nodes -= 1;
        if !try_out(&mut plan, smaller) {
            break;
        }
    }
    let simpler: [fn(&mut Plan); 5] = [
        |plan| plan.settings.doubled = 0,
        |plan| plan.settings.failing = 0,
        |plan| plan.settings.hanging = 0,
        |plan| plan.settings.tiny = false,
        |plan| plan.settings.mirrors = false,
    ];
    for simplify in simpler {
        let mut smaller = plan.clone();
        simplify(&mut smaller);
        try_out(&mut plan, smaller);
    }
    (plan, failure)
}

/// Whether the plan speaks of a node.
fn uses(plan: &Plan, number: usize) -> bool {
    plan.actions.iter().any(|action| match action.what {
        What::Get { node, .. }
        | What::Peek { node, .. }
        | What::GetMany { node, .. }
        | What::WarmUp { node, .. }
        | What::Write { node, .. }
        | What::Crash { node }
        | What::Restart { node } => node == number,
        What::Cut { from, to } => from == number || to == number,
        What::Slow { one, other, .. } => one == number || other == number,
        What::Add { node, member } | What::Remove { node, member } => {
            node == number || member == number
        }
        What::Heal => false,
    })
}
