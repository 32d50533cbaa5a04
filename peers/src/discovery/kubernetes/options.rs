use std::time::Duration;

use crate::Error;

/// What becomes of the endpoints that [`Kubernetes`](super::Kubernetes) finds, and how long the API server may be
/// silent.
///
/// ```
/// use peers::{KubernetesOptions, KubernetesPort};
///
/// let options = KubernetesOptions::default()
///     .port(KubernetesPort::Name("peers".into()))
///     .scheme("https");
/// assert!(options.validate().is_ok());
/// ```
#[derive(Clone, Debug)]
pub struct KubernetesOptions {
    pub(super) port: KubernetesPort,
    pub(super) scheme: String,
    pub(super) connect_timeout: Duration,
    pub(super) read_timeout: Duration,
}

/// Which port of the endpoints is the members'.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KubernetesPort {
    /// The one port of the service. With several ports, the source says so and has no members.
    #[default]
    Only,
    /// The port of this name in the service.
    Name(String),
    /// This port of the pods, whether the service has it or not.
    Number(u16),
}

impl Default for KubernetesOptions {
    fn default() -> Self {
        Self {
            port: KubernetesPort::default(),
            scheme: "http".into(),
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(30),
        }
    }
}

impl KubernetesOptions {
    /// The members' port. Default: [`KubernetesPort::Only`].
    pub fn port(mut self, port: KubernetesPort) -> Self {
        self.port = port;
        self
    }

    /// The scheme of the members' URLs, `http` or `https`. Default: `http`.
    pub fn scheme(mut self, scheme: impl Into<String>) -> Self {
        self.scheme = scheme.into();
        self
    }

    /// The longest time that connecting to the API server may take, its TLS handshake included. A client of the caller's
    /// own has its own limit. Default: 5 s.
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// The longest silence of the API server before its connection counts as dead. A watch without news is renewed after
    /// two thirds of it, so that only a dead connection is silent for so long. A client of the caller's own has its own
    /// limit; the watch is renewed all the same. Default: 30 s.
    pub fn read_timeout(mut self, read_timeout: Duration) -> Self {
        self.read_timeout = read_timeout;
        self
    }

    /// After how many seconds a watch is renewed.
    pub(super) fn watch_seconds(&self) -> u32 {
        let seconds = self.read_timeout.as_secs() * 2 / 3;
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the option: a port's number is not 0, its name is not empty, the scheme is
    /// `http` or `https`, connecting may take from 10 ms to a minute, and the silence from 2 s to seven minutes.
    pub fn validate(&self) -> Result<(), Error> {
        for (name, time, least, most) in [
            (
                "connect_timeout",
                self.connect_timeout,
                Duration::from_millis(10),
                Duration::from_secs(60),
            ),
            (
                "read_timeout",
                self.read_timeout,
                Duration::from_secs(2),
                Duration::from_secs(420),
            ),
        ] {
            if !(least..=most).contains(&time) {
                let reason = format!("{time:?} is not from {least:?} to {most:?}");
                return Err(Error::invalid_option(name, reason));
            }
        }
        match &self.port {
            KubernetesPort::Number(0) => Err(Error::invalid_option("port", "it is 0")),
            KubernetesPort::Name(name) if name.is_empty() => {
                Err(Error::invalid_option("port", "its name is empty"))
            }
            _ if !matches!(&*self.scheme, "http" | "https") => {
                let reason = format!("{:?} is neither http nor https", self.scheme);
                Err(Error::invalid_option("scheme", reason))
            }
            _ => Ok(()),
        }
    }
}

impl KubernetesPort {
    /// Reads a number, or else a name.
    pub(super) fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(number) => Self::Number(number),
            Err(_) => Self::Name(text.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_outside_their_limits_are_refused_by_name() {
        let options = KubernetesOptions::default;
        options().validate().unwrap();
        for (name, options) in [
            ("port", options().port(KubernetesPort::Number(0))),
            ("scheme", options().scheme("ftp")),
            ("connect_timeout", options().connect_timeout(Duration::ZERO)),
            (
                "read_timeout",
                options().read_timeout(Duration::from_secs(1)),
            ),
            ("read_timeout", options().read_timeout(Duration::MAX)),
        ] {
            let error = options.validate().unwrap_err();
            assert!(error.is_configuration());
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
    }

    #[test]
    fn a_watch_is_renewed_before_its_silence_counts_as_death() {
        for seconds in [2, 3, 30, 420] {
            let options = KubernetesOptions::default().read_timeout(Duration::from_secs(seconds));
            assert!((1..seconds).contains(&u64::from(options.watch_seconds())));
        }
    }
}
