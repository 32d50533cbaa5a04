use super::plan::Plan;
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
    let uses = |plan: &Plan, node| plan.actions.iter().any(|action| action.what.is_about(node));
    while plan.nodes > 2 && !uses(&plan, plan.nodes - 1) {
        let mut smaller = plan.clone();
        smaller.nodes -= 1;
        if !try_out(&mut plan, smaller) {
            break;
        }
    }
    let simpler: [fn(&mut Plan); 11] = [
        |plan| plan.settings.doubled = 0,
        |plan| plan.settings.failing = 0,
        |plan| plan.settings.hanging = 0,
        |plan| plan.settings.tiny = false,
        |plan| plan.settings.mirrors = false,
        |plan| plan.settings.late = 0,
        |plan| plan.settings.straying = 0,
        |plan| plan.settings.unanswered = 0,
        |plan| plan.settings.half_open = false,
        |plan| plan.settings.life = None,
        |plan| plan.settings.exchanges = true,
    ];
    for simplify in simpler {
        let mut smaller = plan.clone();
        simplify(&mut smaller);
        try_out(&mut plan, smaller);
    }
    (plan, failure)
}
