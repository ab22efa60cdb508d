//! What the system says of a process: its processor time and its memory. Linux only; elsewhere nothing is known.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// Linux counts processor time in hundredths of a second wherever a process can see it.
const TICKS: f64 = 100.0;
/// The state of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// A process at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Seconds that all its threads have run.
    pub cpu: f64,
    /// Bytes of memory that it holds.
    pub memory: u64,
}

/// `None` if the process has gone.
pub fn usage(pid: u32) -> Option<Usage> {
    read(&Path::new("/proc").join(pid.to_string()))
}

/// Processor time of this process, in seconds.
pub fn own_cpu() -> f64 {
    read(Path::new("/proc/self")).map_or(0.0, |usage| usage.cpu)
}

fn read(folder: &Path) -> Option<Usage> {
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    let status = fs::read_to_string(folder.join("status")).ok()?;
    Some(Usage { cpu: cpu(&stat)?, memory: memory(&status)? })
}

/// The 14th and 15th field, in seconds. The second, the name, is in brackets and may hold anything.
fn cpu(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

fn memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// The process that listens at an address, if this user may know it.
pub fn listener(address: SocketAddr) -> Option<u32> {
    let socket = ["tcp", "tcp6"].iter().find_map(|table| {
        let table = fs::read_to_string(Path::new("/proc/net").join(table)).ok()?;
        listening(&table, address.port()).map(str::to_owned)
    })?;
    let socket = format!("socket:[{socket}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .find(|(_, folder)| {
            let open = fs::read_dir(folder.join("fd")).into_iter().flatten().flatten();
            open.filter_map(|file| fs::read_link(file.path()).ok()).any(|target| target == Path::new(&socket))
        })
        .map(|(pid, _)| pid)
}

/// The number of the socket that listens at a port, in a table of sockets.
fn listening(table: &str, port: u16) -> Option<&str> {
    let end = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
        (local.ends_with(&end) && state == LISTENING).then(|| fields.nth(5))?
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn this_process_is_found_by_the_port_it_listens_at() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listener(socket.local_addr().unwrap()), Some(std::process::id()));
    }

    #[test]
    fn a_running_process_holds_memory_and_one_that_is_not_there_holds_nothing() {
        assert!(usage(std::process::id()).unwrap().memory > 1 << 20);
        assert_eq!(usage(u32::MAX), None);
    }

    #[test]
    fn user_and_kernel_time_are_added_whatever_the_name() {
        let stat = "77 (a) b) (c) S 1 77 77 0 -1 4194560 2500 0 3 0 150 50 0 0 20 0 4 0 1234";
        assert_eq!((cpu(stat), cpu("77 (name")), (Some(2.0), None));
    }

    #[test]
    fn only_a_socket_that_listens_counts() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 11 1\n\
             1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22 1\n";
        assert_eq!((listening(table, 8080), listening(table, 8081)), (Some("22"), None));
    }
}
