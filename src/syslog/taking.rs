//! From messages to the log: tried until they are stored, since nobody can be told to send them again.

use crate::access::Reach;
use crate::app::App;
use crate::body::room_to_parse;
use crate::config::syslog::Settings;
use crate::intake::shelf::Sender;
use crate::intake::{self, claims_of, protocols};
use sources::syslog::framing::Frame;
use sources::syslog::{self, FORMAT};
use std::sync::Arc;

/// Messages that are stored at once: as many as a commit takes without others waiting long for theirs.
const AT_ONCE_MAX: usize = 1_000;

/// Takes messages to the log, for all listeners.
pub struct Taking {
    pub app: Arc<App>,
    sender: Sender,
    reach: Reach,
}

impl Taking {
    pub fn new(app: Arc<App>, settings: &Settings) -> Self {
        let sender = Sender {
            organization: settings.organization.clone(),
            source: settings.source.clone(),
        };
        Self {
            app,
            reach: Reach::recording(&sender.organization),
            sender,
        }
    }

    /// Returns once all of them are on stable storage, kept beside or refused.
    pub async fn take(&self, mut frames: Vec<Frame>) {
        let waiting = &self.app.metrics.syslog.waiting;
        waiting.inc_by(frames.len() as i64);
        while !frames.is_empty() {
            let later = frames.split_off(frames.len().min(AT_ONCE_MAX));
            let count = frames.len() as i64;
            self.take_some(frames).await;
            waiting.dec_by(count);
            frames = later;
        }
    }

    async fn take_some(&self, frames: Vec<Frame>) {
        let bytes = frames.iter().map(|frame| match frame {
            Frame::Message(bytes) => bytes.len(),
            Frame::TooLong { .. } => 0,
        });
        let room = Arc::new(room_to_parse(&self.app, bytes.sum()).await);
        let claims = claims_of(&self.sender, self.app.now());
        let app = Arc::clone(&self.app);
        let sender = self.sender.clone();
        let read = move || {
            let table = app.settings.tables.of(&sender);
            let each = frames.iter().flat_map(|frame| match frame {
                Frame::Message(bytes) => syslog::read(bytes, table, &claims),
                Frame::TooLong { bytes } => vec![syslog::too_long(*bytes)],
            });
            each.collect()
        };
        let origin = protocols::origin(self.sender.clone(), FORMAT);
        intake::take_at_last(&self.app, &self.reach, &origin, Arc::new(read), &room).await;
    }
}
