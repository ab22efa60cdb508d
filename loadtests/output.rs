//! The standard output; a reader that has gone, such as `head`, is no failure.

use std::io::{self, ErrorKind, Write};

use crate::failure::Failure;

pub fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::run(format!("can't write to the standard output: {error}")))
        }
        _ => Ok(()),
    }
}
