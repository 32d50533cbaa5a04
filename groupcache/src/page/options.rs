/// The settings of a node's live page.
#[derive(Clone, Debug)]
pub struct LivePageOptions {
    pub(super) is_open: bool,
    pub(super) checks_peers: bool,
    pub(super) max_viewers: usize,
}

impl Default for LivePageOptions {
    fn default() -> Self {
        Self {
            is_open: false,
            checks_peers: true,
            max_viewers: 32,
        }
    }
}

impl LivePageOptions {
    /// Shows the page to everybody, also where the node asks for [credentials](crate::NodeBuilder::token). Browsers have
    /// no way to send a token. Default: the page needs the credentials that a change needs.
    pub fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// Whether the node checks about once a second that its peers are alive while somebody looks at the page, 16 at a
    /// time. Without, a peer that nobody asks for anything is taken to be as it was. Default: yes.
    pub fn check_peers(mut self, check: bool) -> Self {
        self.checks_peers = check;
        self
    }

    /// The most viewers whose pages update by themselves. For one more, the page says that it does not, and tries again.
    /// On the node's own port [`max_page_streams`](crate::HttpOptions::max_page_streams) is a limit too. Default: 32.
    pub fn max_viewers(mut self, viewers: usize) -> Self {
        self.max_viewers = viewers;
        self
    }
}
