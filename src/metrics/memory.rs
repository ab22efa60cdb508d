//! How much memory this process may take, from what Linux tells of its control groups.

use std::fs;
use std::path::Path;

/// Where the control groups are mounted.
const GROUPS: &str = "/sys/fs/cgroup";

/// The least limit of the control groups that this process is in, or all the machine's memory if that is less. Unknown on a system that
/// tells neither.
pub fn memory_limit() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    machine.into_iter().chain(limits(&groups, Path::new(GROUPS))).min()
}

/// Bytes of the machine, from the text of `/proc/meminfo`.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Limits of the groups that the text of `/proc/self/cgroup` names and of those around them, mounted at `mount`.
///
/// A container may be told its path on the host, of which it sees only the last folder, mounted as the first; so folders that are not
/// there are no error.
fn limits(text: &str, mount: &Path) -> Vec<u64> {
    let mut found = Vec::new();
    for line in text.lines() {
        // `number:controllers:path`; version 2 is the line without controllers.
        let Some((_, rest)) = line.split_once(':') else { continue };
        let Some((controllers, path)) = rest.split_once(':') else { continue };
        let (root, file) = if controllers.is_empty() {
            (mount.to_owned(), "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            (mount.join("memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        for group in Path::new(path).ancestors() {
            let folder = root.join(group.strip_prefix("/").unwrap_or(group));
            let Ok(text) = fs::read_to_string(folder.join(file)) else { continue };
            // `max` is no limit.
            if let Ok(limit) = text.trim().parse::<u64>() {
                found.push(limit);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files.
    fn mounted(files: &[(&str, &str)]) -> tempfile::TempDir {
        let mount = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = mount.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        mount
    }

    #[test]
    fn this_machine_has_memory_and_grants_some_of_it() {
        let machine = total(&fs::read_to_string("/proc/meminfo").unwrap()).unwrap();
        let limit = memory_limit().unwrap();
        assert!(limit > 1 << 20 && limit <= machine, "{limit} of {machine}");
        assert_eq!(total("MemFree: 7 kB\nMemTotal:       16 kB\n"), Some(16 << 10));
        assert_eq!(total(""), None);
    }

    #[test]
    fn groups_of_version_2_are_limited_by_those_around_them() {
        let mount = mounted(&[
            ("system.slice/memory.max", "3000\n"),
            ("system.slice/cmal.service/memory.max", "max\n"),
            ("other.slice/memory.max", "10\n"),
        ]);
        assert_eq!(limits("0::/system.slice/cmal.service\n", mount.path()), [3000]);
        assert!(limits("0::/\n", mount.path()).is_empty());
    }

    #[test]
    fn a_container_finds_its_limit_at_the_mount() {
        let mount = mounted(&[("memory.max", "5000\n")]);
        assert_eq!(limits("0::/\n", mount.path()), [5000]);
        assert_eq!(limits("0::/docker/4711\n", mount.path()), [5000]);
    }

    #[test]
    fn groups_of_version_1_have_a_tree_for_memory() {
        let mount = mounted(&[
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/docker/4711/memory.limit_in_bytes", "7000\n"),
            ("cpu/docker/4711/memory.limit_in_bytes", "1\n"),
        ]);
        let groups = "9:cpu,cpuacct:/docker/4711\n4:memory:/docker/4711\n";
        assert_eq!(limits(groups, mount.path()), [7000, 9_223_372_036_854_771_712]);
    }
}
