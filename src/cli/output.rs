//! The two standard streams. A reader that has gone, such as `head`, is no failure and never a panic.

use std::io::{self, ErrorKind, Write};

use super::exit::Failure;

/// Writes a text to the standard output.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    write(&mut io::stdout().lock(), text)
        .map_err(|error| Failure::run(format!("cannot write to the standard output: {error}")))
}

/// Writes a line to the standard error, where there is nobody left to tell if that fails.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn write(output: &mut impl Write, text: &str) -> io::Result<()> {
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Refusing(ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_failure_and_a_full_disk_is_one() {
        assert!(write(&mut Refusing(ErrorKind::BrokenPipe), "text").is_ok());
        assert!(write(&mut Refusing(ErrorKind::StorageFull), "text").is_err());
    }
}
