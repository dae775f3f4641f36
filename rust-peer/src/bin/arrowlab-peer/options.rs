//! The command line.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use arrowlab::Error;

pub const USAGE: &str = "\
Receives one stream and reports on it; started by `alab ipc transfer-recordbatch`.

usage: arrowlab-peer (--socket PATH | --fd N) --stream NAME [--mode shared|copied]
                     [--validate structure|full] [--output FILE] [--copy]

Then one word a line on standard input: go, release, exit.";

pub struct Options {
    pub place: Place,
    pub stream: String,
    pub is_copied: bool,
    pub validates_contents: bool,
    pub output: Option<String>,
    pub copy: bool,
}

pub enum Place {
    Path(String),
    Inherited(RawFd),
}

impl Options {
    /// `None` when help is asked for.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, Error> {
        let (mut place, mut stream, mut output) = (None, None, None);
        let (mut is_copied, mut validates_contents, mut copy) = (false, false, false);
        while let Some(flag) = arguments.next() {
            let mut value = |legal: &[&str]| match arguments.next() {
                Some(value) if legal.is_empty() || legal.contains(&value.as_str()) => Ok(value),
                found => Err(wrong(&format!("a value {legal:?} after {flag}"), &format!("{found:?}"))),
            };
            match flag.as_str() {
                "--socket" => place = Some(Place::Path(value(&[])?)),
                "--fd" => {
                    let number = value(&[])?;
                    let fd = number.parse().ok().filter(|fd| *fd >= 0);
                    place =
                        Some(Place::Inherited(fd.ok_or_else(|| wrong("a descriptor's number after --fd", &number))?));
                }
                "--stream" => stream = Some(value(&[])?),
                "--mode" => is_copied = value(&["shared", "copied"])? == "copied",
                "--validate" => validates_contents = value(&["structure", "full"])? == "full",
                "--output" => output = Some(value(&[])?),
                "--copy" => copy = true,
                "--help" => return Ok(None),
                other => return Err(wrong("one of the flags that --help names", other)),
            }
        }
        let place = place.ok_or_else(|| wrong("--socket PATH or --fd N", "neither"))?;
        let stream = stream.ok_or_else(|| wrong("--stream NAME", "none"))?;
        Ok(Some(Self { place, stream, is_copied, validates_contents, output, copy }))
    }
}

/// The descriptor that the parent process has left open.
pub fn inherited(fd: RawFd) -> Result<OwnedFd, Error> {
    if fd <= 2 || std::fs::read_link(format!("/proc/self/fd/{fd}")).is_err() {
        return Err(wrong("an inherited descriptor above 2", &format!("{fd}, which is not open")));
    }
    // SAFETY: it is open (checked), and it came from the parent process, so nothing in this one owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn wrong(expected: &str, found: &str) -> Error {
    Error::InvalidArgument(format!("expected {expected}, found {found}: see --help").into())
}
