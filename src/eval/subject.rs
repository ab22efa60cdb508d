//! Who is asked: the engine in this process, or a server.

use tokio::runtime::{Builder, Runtime};

use crate::runtime::{Association, Engine};
use crate::score::{Associated, of_naming_words};
use crate::types::{Answer, PixelBox, Query, Tags};

use super::error::Error;

/// Something that answers about pictures; asked from several threads at once.
pub trait Subject: Sync {
    /// The objects found in an encoded picture, boxes in its pixels.
    fn objects(&self, picture: &[u8]) -> Result<Vec<(PixelBox, Tags)>, Error>;

    /// Answers queries about one encoded picture, in their order.
    fn ask(&self, picture: &[u8], queries: &[Query]) -> Result<Vec<Answer>, Error>;

    /// The words of a text that name an object of an encoded picture, against all of its objects.
    fn associate(&self, picture: &[u8], text: &str) -> Result<Vec<Associated>, Error>;
}

/// The engine in this process.
pub struct InProcess {
    engine: Engine,
    threads: Runtime,
}

impl InProcess {
    pub fn new(engine: Engine) -> Result<Self, Error> {
        let threads = Builder::new_multi_thread().enable_time().build().map_err(Error::Threads)?;
        Ok(Self { engine, threads })
    }

    /// As much of a text as the model reads, and whether that is less than all of it.
    pub(super) fn readable<'t>(&self, text: &'t str) -> (&'t str, bool) {
        self.engine.start_of(text).map_or((text, false), |start| (start, true))
    }

    /// The coarse vector of an encoded picture.
    pub(super) fn coarse_picture(&self, picture: &[u8]) -> Result<Vec<f32>, Error> {
        let call = self.engine.admit(None)?;
        let seen = self.threads.block_on(self.engine.see(picture.to_vec(), &call))?;
        Ok(seen.coarse().to_vec())
    }

    /// The coarse vector of a text.
    pub(super) fn coarse_text(&self, text: &str) -> Result<Vec<f32>, Error> {
        let call = self.engine.admit(None)?;
        Ok(self.threads.block_on(self.engine.read(text, &call))?.coarse().to_vec())
    }
}

impl Subject for InProcess {
    fn objects(&self, picture: &[u8]) -> Result<Vec<(PixelBox, Tags)>, Error> {
        let call = self.engine.admit(None)?;
        let seen = self.threads.block_on(self.engine.see(picture.to_vec(), &call))?;
        Ok(seen.objects().iter().map(|object| (seen.pixel_box(object), object.tags.clone())).collect())
    }

    fn ask(&self, picture: &[u8], queries: &[Query]) -> Result<Vec<Answer>, Error> {
        let call = self.engine.admit(None)?;
        let answers = self.threads.block_on(async {
            let seen = self.engine.see(picture.to_vec(), &call).await?;
            self.engine.ask_all(&seen, queries.to_vec(), &call).await
        })?;
        answers.into_iter().map(|answer| Ok(answer?)).collect()
    }

    fn associate(&self, picture: &[u8], text: &str) -> Result<Vec<Associated>, Error> {
        let call = self.engine.admit(None)?;
        let Association { anchors, probabilities, .. } = self.threads.block_on(async {
            let seen = self.engine.see(picture.to_vec(), &call).await?;
            self.engine.associate(&seen, text, &call).await
        })?;
        Ok(of_naming_words(probabilities, &anchors))
    }
}
