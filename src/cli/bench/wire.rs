//! The barest client over one connection: what it adds to an answer's time is the kernel's, so that a latency is the server's.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use httparse::{EMPTY_HEADER, Response, Status};

use crate::eval::Upload;

use super::super::exit::Failure;

/// Longer than any answer takes that is still worth measuring.
const PATIENCE: Duration = Duration::from_secs(30);
const HEADERS: usize = 32;

/// A connection that is kept.
pub struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Wire {
    pub fn open(server: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// A request as it is sent, so that making it takes no time while it is measured.
    pub fn request(server: SocketAddr, upload: &Upload) -> Vec<u8> {
        let Upload { path, content_type, body } = upload;
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {server}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }

    /// Sends a request and waits for the whole answer, which must be a success.
    pub fn ask(&mut self, request: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(request)?;
        self.received.clear();
        loop {
            let before = self.received.len();
            self.received.resize(before + 16 * 1024, 0);
            let count = self.stream.read(&mut self.received[before..])?;
            self.received.truncate(before + count);
            if count == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            if let Some(whole) = whole(&self.received)? {
                return if self.received.len() == whole {
                    Ok(())
                } else {
                    Err(Failure::run("the server has sent more than the answer"))
                };
            }
        }
    }
}

/// Bytes of the answer that `received` begins, if its head is there and its body too.
fn whole(received: &[u8]) -> Result<Option<usize>, Failure> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut response = Response::new(&mut headers);
    let Status::Complete(head) = response.parse(received)? else { return Ok(None) };
    if response.code != Some(200) {
        let told = String::from_utf8_lossy(&received[head..]);
        return Err(Failure::run(format!("the server has answered with {:?}: {told}", response.code)));
    }
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| str::from_utf8(header.value).ok()?.parse::<usize>().ok());
    let length = length.ok_or_else(|| Failure::run("the server has answered without Content-Length"))?;
    Ok(Some(head + length).filter(|&whole| whole <= received.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_head_and_all_of_its_body_are_there() {
        let answer = b"HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length: 4\r\n\r\nbody";
        for end in 0..answer.len() {
            assert_eq!(whole(&answer[..end]).unwrap(), None, "{end}");
        }
        assert_eq!(whole(answer).unwrap(), Some(answer.len()));
    }

    #[test]
    fn a_refusal_and_an_answer_of_no_known_length_are_errors() {
        let refused = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 4\r\n\r\nfull";
        assert!(whole(refused).unwrap_err().to_string().contains("429"));
        assert!(whole(b"HTTP/1.1 200 OK\r\n\r\n").unwrap_err().to_string().contains("Content-Length"));
    }
}
