use std::net::SocketAddr;
use std::time::Duration;

use crate::Error;

/// The settings of [`Gossip`](super::Gossip): its address, the label of its cluster, and its intervals.
///
/// ```
/// use peers::GossipOptions;
///
/// let options = GossipOptions::default()
///     .listen(([0, 0, 0, 0], 7946).into())
///     .label("thumbnails");
/// assert!(options.validate().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct GossipOptions {
    pub(super) listen: Option<SocketAddr>,
    pub(super) advertise: Option<SocketAddr>,
    pub(super) label: String,
    pub(super) interval: Duration,
    pub(super) phi_threshold: f64,
}

impl Default for GossipOptions {
    fn default() -> Self {
        Self {
            listen: None,
            advertise: None,
            label: "groupcache".into(),
            interval: Duration::from_millis(500),
            phi_threshold: 12.0,
        }
    }
}

impl GossipOptions {
    /// The UDP address to listen on. Its port is not 0. Default: the port of the node's URL, on all interfaces.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// The UDP address at which the others reach this node. Default: the host of the node's URL, and the port that it
    /// listens on.
    pub fn advertise(mut self, address: SocketAddr) -> Self {
        self.advertise = Some(address);
        self
    }

    /// The cluster's label, the same on all nodes. Nodes with another one are refused. Two
    /// clusters need two labels: with one they become one for good when a node of either comes upon an address of the
    /// other. In a text it stands behind the seeds: `gossip:ADDR,ADDR/LABEL`. Default: `groupcache`.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The time between two rounds, in each of which a node talks to three others. Default: 500 ms.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How many times the usual time between two signs of life may pass without one before a node counts as dead. The
    /// usual time is that of [`interval`](Self::interval) at first, and then the mean of the last thousand. Default: 12,
    /// so that a dead node is known after 6 s at most, and after about 2 s in a cluster of several nodes.
    pub fn phi_threshold(mut self, threshold: f64) -> Self {
        self.phi_threshold = threshold;
        self
    }

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the option and its limits: ports are not 0, an advertised address is one
    /// of a machine, the label is not empty, the interval is from 10 ms to a minute, and the threshold from 2 to 1,000.
    pub fn validate(&self) -> Result<(), Error> {
        for (name, address) in [("listen", self.listen), ("advertise", self.advertise)] {
            if address.is_some_and(|address| address.port() == 0) {
                return Err(Error::invalid_option(name, "its port is 0"));
            }
        }
        if let Some(address) = self.advertise.filter(|it| it.ip().is_unspecified()) {
            let reason = format!("{address} is not the address of one machine");
            return Err(Error::invalid_option("advertise", reason));
        }
        if self.label.is_empty() {
            return Err(Error::invalid_option("label", "it is empty"));
        }
        if !(Duration::from_millis(10)..=Duration::from_secs(60)).contains(&self.interval) {
            let reason = format!("{:?} is not from 10 ms to a minute", self.interval);
            return Err(Error::invalid_option("interval", reason));
        }
        if !(2.0..=1000.0).contains(&self.phi_threshold) {
            let reason = format!("{} is not from 2 to 1,000", self.phi_threshold);
            return Err(Error::invalid_option("phi_threshold", reason));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_limits_are_refused_by_name() {
        let options = GossipOptions::default;
        options().validate().unwrap();
        for (name, options) in [
            ("listen", options().listen(([0, 0, 0, 0], 0).into())),
            ("advertise", options().advertise(([10, 0, 0, 1], 0).into())),
            ("advertise", options().advertise(([0, 0, 0, 0], 1).into())),
            ("label", options().label("")),
            ("interval", options().interval(Duration::ZERO)),
            ("phi_threshold", options().phi_threshold(f64::NAN)),
            ("phi_threshold", options().phi_threshold(1.0)),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }
}
