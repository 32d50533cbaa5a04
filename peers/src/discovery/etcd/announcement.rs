use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tonic::Status;

use super::client::Client;
use super::messages::{
    Done, LeaseGrantRequest, LeaseGrantResponse, LeaseKeepAliveResponse, LeaseRequest,
};

/// A lease, and the task that renews it. What is put under it is deleted when it ends.
///
/// The task ends when the lease has ended, or with this value.
#[derive(Debug)]
pub(super) struct Lease {
    id: i64,
    renewing: JoinHandle<()>,
}

impl Lease {
    /// `ttl` is a time in whole seconds, at least one.
    pub(super) async fn grant(client: &Arc<Client>, ttl: Duration) -> Result<Self, Status> {
        let request = LeaseGrantRequest {
            ttl: i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX),
        };
        let path = "/etcdserverpb.Lease/LeaseGrant";
        let LeaseGrantResponse { id, ttl } = client.call(path, request).await?;
        let ttl = Duration::from_secs(u64::try_from(ttl).unwrap_or(1).max(1));
        let renewing = tokio::spawn(renew(Arc::clone(client), id, ttl));
        Ok(Self { id, renewing })
    }

    pub(super) fn id(&self) -> i64 {
        self.id
    }

    /// Whether it is known to have ended.
    pub(super) fn has_ended(&self) -> bool {
        self.renewing.is_finished()
    }

    /// Ends it.
    pub(super) async fn revoke(self, client: &Client) -> Result<(), Status> {
        self.renewing.abort();
        let request = LeaseRequest { id: self.id };
        let path = "/etcdserverpb.Lease/LeaseRevoke";
        match client.call::<_, Done>(path, request).await {
            Err(status) if status.code() == tonic::Code::NotFound => Ok(()),
            answer => answer.map(drop),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

/// Renews a lease, also after a time without a server, until it has ended. A server that is silent for half of the
/// lease may be dead, and the other half is left for the next server.
async fn renew(client: Arc<Client>, id: i64, ttl: Duration) {
    let pause = ttl / 10;
    loop {
        let path = "/etcdserverpb.Lease/LeaseKeepAlive";
        let answers = client.stream(path, || renewals(id, ttl / 3)).await;
        if let Ok(mut answers) = answers {
            while let Ok(Some(answer)) = answers.message_within(ttl / 2).await {
                let LeaseKeepAliveResponse { ttl } = answer;
                if ttl <= 0 {
                    return;
                }
            }
        }
        sleep(pause).await;
    }
}

/// A request now and one each period, without end.
fn renewals(id: i64, period: Duration) -> impl Stream<Item = LeaseRequest> {
    let mut ticks = interval(period);
    // A request too late is one too few; no burst makes up for it.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::unfold(ticks, move |mut ticks| async move {
        let _: Instant = ticks.tick().await;
        Some((LeaseRequest { id }, ticks))
    })
}
