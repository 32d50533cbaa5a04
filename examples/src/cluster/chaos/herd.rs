//! Many callers ask for one key at the moment in which it expires.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::outcome::Outcome;
use super::scenario::Scenario;
use super::stage::Stage;
use crate::BoxError;
use crate::cluster::affordable;
use crate::cluster::crowd::Load;

/// How long the key stays fresh: longer than the first of the callers take to get their answers.
pub(super) const TTL: Duration = Duration::from_secs(10);

/// How long the database takes for the key: so long that it shows who waits for it.
pub(super) const DELAY: Duration = Duration::from_secs(5);

/// The row that is asked for.
const ROW: usize = 0;

/// Callers ask while the key is fresh, as it expires, and when it is fresh again.
pub(super) async fn perform(stage: &Stage<'_>, scenario: Scenario) -> Result<Outcome, BoxError> {
    let callers = affordable(stage.options.herd);
    let ask = async || {
        let (tally, took) = stage.crowd.stampede(callers, ROW).await;
        Ok((Load { tally, took }, ()))
    };
    // The values that this counts came before the key was loaded, and it does not expire before the moment.
    stage.crowd.stampede(1, ROW).await;
    let expiry = Instant::now() + TTL;
    let (before, ()) = stage.phase("fresh", ask()).await?;
    stage.database.set_delay(DELAY.as_millis() as u64).await?;
    sleep_until(expiry).await;
    let (during, ()) = stage.phase("expired", ask()).await?;
    // A refresh may be under way.
    sleep(DELAY).await;
    let (after, ()) = stage.phase("fresh again", ask()).await?;
    Ok(Outcome {
        scenario,
        kind: stage.kind,
        keys: 1,
        has_standby: false,
        victims_keys: None,
        capacity: None,
        phases: vec![before, during, after],
        flooded: None,
    })
}
