//! The logins of a node, as the parts of the adapter tell each other of them.

use tokio::sync::{
    broadcast::{self, Receiver},
    watch,
};

/// What a login that is under way has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LoginNews {
    /// The node says how a login ended; its text, if it failed.
    Ended(Result<(), String>),
    /// The signal socket was closed: the node may have been restarted.
    Closed,
}

/// Who is told of logins, and whether we log somebody in.
pub(crate) struct Logins {
    news: broadcast::Sender<LoginNews>,
    own: watch::Sender<bool>,
}

/// We log somebody in, for as long as this lives.
pub(crate) struct OwnLogin<'a>(&'a watch::Sender<bool>);

impl Drop for OwnLogin<'_> {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

impl Default for Logins {
    fn default() -> Self {
        Self {
            news: broadcast::channel(16).0,
            own: watch::channel(false).0,
        }
    }
}

impl Logins {
    /// Tells whoever logs in; most often that is nobody.
    pub(crate) fn tell(&self, news: LoginNews) {
        let _ = self.news.send(news);
    }

    /// Everything that is told from now on.
    pub(crate) fn listen(&self) -> Receiver<LoginNews> {
        self.news.subscribe()
    }

    /// We begin to log somebody in; `None` if we do so already.
    pub(crate) fn begin(&self) -> Option<OwnLogin<'_>> {
        let before = self.own.send_replace(true);
        (!before).then(|| OwnLogin(&self.own))
    }

    /// Waits until we log nobody in.
    pub(crate) async fn until_none(&self) {
        // It ends with its sender, which is here.
        let _ = self.own.subscribe().wait_for(|own| !own).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn one_login_at_a_time() {
        let logins = Logins::default();
        assert!(logins.until_none().now_or_never().is_some());
        let own = logins.begin();
        assert!(own.is_some() && logins.begin().is_none());
        assert!(logins.until_none().now_or_never().is_none(), "it goes on");
        drop(own);
        assert!(logins.until_none().now_or_never().is_some());
        assert!(logins.begin().is_some());
    }
}
