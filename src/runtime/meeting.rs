//! Where the picture and the text of a question meet: whichever comes second sends the question on its way.

use std::sync::{Arc, Mutex, PoisonError};

use super::call::{Call, Caller, Reply};
use super::features::Seen;
use super::job::Job;
use super::stage::{Asked, Pair, Questions, Reading};

/// A question whose picture and text are on their way, each on threads of its own; `None` once both have come.
#[derive(Debug)]
pub(super) struct Meeting(Mutex<Option<Waiting>>);

#[derive(Debug)]
struct Waiting {
    picture: Option<Arc<Seen>>,
    text: Option<Reading>,
    caller: Caller<Asked>,
}

impl Meeting {
    pub fn new(call: &Call) -> (Self, Reply<Asked>) {
        let (caller, answer) = Caller::new(call);
        (Self(Mutex::new(Some(Waiting { picture: None, text: None, caller }))), answer)
    }

    /// The picture has come. The question, if the text was there before.
    pub fn see(&self, picture: &Arc<Seen>) -> Option<Job<Questions>> {
        self.come(|waiting| waiting.picture = Some(Arc::clone(picture)))
    }

    /// The text has come. The question, if the picture was there before.
    pub fn read(&self, text: Reading) -> Option<Job<Questions>> {
        self.come(|waiting| waiting.text = Some(text))
    }

    fn come(&self, come: impl FnOnce(&mut Waiting)) -> Option<Job<Questions>> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        come(state.as_mut()?);
        match state.take()? {
            Waiting { picture: Some(picture), text: Some(text), caller } => {
                Some(Job::new(Pair { picture, text }, caller))
            }
            waiting => {
                *state = Some(waiting);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::tests::call;
    use super::super::features::ReadText;
    use super::super::stage::VisualStates;
    use super::*;
    use crate::types::{Frame, Size};

    fn seen() -> Arc<Seen> {
        let states = VisualStates { visual: Vec::new(), coarse: Vec::new(), regions: 0 };
        Arc::new(Seen::new(Frame::new(Size { width: 1, height: 1 }), Vec::new(), states))
    }

    fn read() -> Reading {
        Reading::Read(Arc::new(ReadText { textual: Vec::new(), tokens: 2, coarse: Vec::new() }))
    }

    #[test]
    fn whichever_comes_second_gets_the_question_and_nobody_gets_it_twice() {
        let (meeting, _answer) = Meeting::new(&call(None));
        assert!(meeting.see(&seen()).is_none());
        assert!(meeting.see(&seen()).is_none());
        assert!(meeting.read(read()).is_some());
        assert!(meeting.see(&seen()).is_none() && meeting.read(read()).is_none());

        let (meeting, _answer) = Meeting::new(&call(None));
        assert!(meeting.read(read()).is_none());
        assert!(meeting.see(&seen()).is_some());
        assert!(meeting.see(&seen()).is_none());
    }

    #[test]
    fn a_meeting_that_is_given_up_ends_the_wait_for_its_answer() {
        let (meeting, mut answer) = Meeting::new(&call(None));
        drop(meeting);
        assert!(answer.try_recv().is_err());
    }
}
