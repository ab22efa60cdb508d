//! Processor time of this process: unlike time by the clock it doesn't grow when something else runs on the machine.

use std::fs;

/// Linux counts in hundredths of a second wherever a process can see it.
const TICKS: f64 = 100.0;

/// Seconds that all threads have run, in user and kernel mode; 0 where the system doesn't tell.
pub fn seconds() -> f64 {
    fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(parse).unwrap_or_default()
}

/// The 14th and 15th field. The second, the name, is in brackets and may hold anything.
fn parse(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_kernel_time_are_added_whatever_the_name() {
        let stat = "77 (a) b) (c) S 1 77 77 0 -1 4194560 2500 0 3 0 150 50 0 0 20 0 4 0 1234";
        assert_eq!(parse(stat), Some(2.0));
        assert_eq!(parse("77 (name"), None);
    }
}
