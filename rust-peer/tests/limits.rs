//! Limits of the system, each met by a process of its own: this program, started again under the limit.

mod producer;

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::process::{Command, Stdio};

use arrowlab::{Error, Options, Peer};
use producer::{Producer, REGION_BYTES, pair};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Descriptor of the socket, in the process that is limited.
const SOCKET: &str = "ARROWLAB_TEST_SOCKET";

/// In the process that is limited: connects. In the first: runs `test` again, and gives what the other side got.
fn connect_under(test: &str, resource: Resource, bytes: u64, judge: impl FnOnce(Result<Peer, Error>)) {
    if let Ok(number) = std::env::var(SOCKET) {
        setrlimit(resource, Rlimit { current: Some(bytes), maximum: Some(bytes) }).unwrap();
        // SAFETY: the first process left it open under this number, and nothing else here owns it.
        judge(Options::new().inherited(unsafe { OwnedFd::from_raw_fd(number.parse().unwrap()) }));
        return;
    }
    let (ours, theirs) = pair();
    fcntl_setfd(theirs.as_fd(), FdFlags::empty()).unwrap();
    let producer = Producer::greeting(ours);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(SOCKET, theirs.as_raw_fd().to_string())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{:?}: {}", output.status, String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "it ran no test");
    drop(producer);
}

#[test]
fn a_region_that_finds_no_address_space_is_an_error_of_its_own_that_says_what_to_do() {
    let test = "a_region_that_finds_no_address_space_is_an_error_of_its_own_that_says_what_to_do";
    connect_under(test, Resource::As, REGION_BYTES, |outcome| {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::AddressSpace(_)), "{error}");
        for part in [&REGION_BYTES.to_string()[..], "ulimit -v", "smaller region"] {
            assert!(error.message().contains(part), "{error} does not say {part}");
        }
        assert!(std::error::Error::source(&error).is_some());
    });
}

#[test]
fn a_limit_on_the_size_of_files_is_no_hindrance_down_to_a_page() {
    let test = "a_limit_on_the_size_of_files_is_no_hindrance_down_to_a_page";
    connect_under(test, Resource::Fsize, 4096, |outcome| drop(outcome.unwrap()));
}

#[test]
fn a_lower_limit_on_the_size_of_files_is_an_error_and_no_signal() {
    let test = "a_lower_limit_on_the_size_of_files_is_an_error_and_no_signal";
    connect_under(test, Resource::Fsize, 4095, |outcome| {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::System(_)) && error.message().contains("ulimit -f"), "{error}");
    });
}
