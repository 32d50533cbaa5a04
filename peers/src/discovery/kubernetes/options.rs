use crate::Error;

/// What becomes of the endpoints that [`Kubernetes`](super::Kubernetes) finds.
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

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// [`Error::is_configuration`], naming the option: a port's number is not 0, its name is not empty, and the scheme
    /// is `http` or `https`.
    pub fn validate(&self) -> Result<(), Error> {
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
