//! The first 128 bytes of each side (section 3 of `PROTOCOL.md`). Pure: bytes in, values out.

use crate::error::Error;
use crate::frames::cut;

/// Length of a HELLO in bytes.
pub const HELLO_BYTES: usize = 128;
/// What every connection begins with.
pub const MAGIC: [u8; 8] = *b"ARROWLAB";
/// The protocol's major version that is spoken here.
pub const MAJOR: u16 = 1;
/// The highest minor version that is spoken here.
pub const MINOR: u16 = 0;

const NAME_BYTES: usize = 80;
const PAGE_BYTES: u64 = 4096;
const MAX_REGION_BYTES: u64 = 1 << 47;

/// What a side says about itself; its region's descriptor travels beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Minor version.
    pub minor: u16,
    /// Feature bits; none are defined.
    pub features: u64,
    /// Size of the sender's region in bytes.
    pub region_bytes: u64,
    /// The sender's pid as it sees it, for people.
    pub pid: u32,
    /// The sender's name, for people; at most 80 bytes.
    pub name: String,
}

impl Hello {
    /// The 128 bytes. A name of more than 80 bytes is cut at a character's boundary.
    pub fn encode(&self) -> [u8; HELLO_BYTES] {
        let name = cut(&self.name, NAME_BYTES).as_bytes();
        let mut bytes = [0; HELLO_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&MAJOR.to_le_bytes());
        bytes[10..12].copy_from_slice(&self.minor.to_le_bytes());
        bytes[12..16].copy_from_slice(&(HELLO_BYTES as u32).to_le_bytes());
        bytes[16..24].copy_from_slice(&self.features.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.region_bytes.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.pid.to_le_bytes());
        bytes[36..40].copy_from_slice(&(name.len() as u32).to_le_bytes());
        bytes[40..40 + name.len()].copy_from_slice(name);
        bytes
    }

    /// # Errors
    /// In the order of the specification: `NotArrowlab`, `VersionUnsupported`, `HelloMalformed`, `RegionSize`.
    pub fn decode(bytes: &[u8; HELLO_BYTES]) -> Result<Self, Error> {
        check_magic(bytes)?;
        let u16_at = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().expect("2 bytes"));
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));

        if u16_at(8) != MAJOR {
            let found = u16_at(8);
            let message =
                format!("expected major version {MAJOR}, found {found}: install the same release on both sides");
            return Err(Error::VersionUnsupported(message.into()));
        }
        let malformed = |message: String| Err(Error::HelloMalformed(message.into()));
        if u32_at(12) != HELLO_BYTES as u32 {
            return malformed(format!("expected a HELLO of {HELLO_BYTES} bytes, found {}", u32_at(12)));
        }
        let name_length = u32_at(36) as usize;
        if name_length > NAME_BYTES {
            return malformed(format!("expected a name of at most {NAME_BYTES} bytes, found {name_length}"));
        }
        let (name, padding) = bytes[40..120].split_at(name_length);
        let Ok(name) = std::str::from_utf8(name) else {
            return malformed("expected a name in UTF-8, found other bytes".into());
        };
        if padding.iter().chain(&bytes[120..]).any(|byte| *byte != 0) {
            return malformed("expected zeros in padding and reserved bytes, found others".into());
        }
        let region_bytes = u64_at(24);
        if region_bytes == 0 || region_bytes > MAX_REGION_BYTES || region_bytes % PAGE_BYTES != 0 {
            let expected = format!("a multiple of {PAGE_BYTES} up to {MAX_REGION_BYTES}");
            return Err(Error::RegionSize(
                format!("expected a region of {expected} bytes, found {region_bytes}").into(),
            ));
        }
        Ok(Self { minor: u16_at(10), features: u64_at(16), region_bytes, pid: u32_at(32), name: name.to_owned() })
    }
}

/// Refuses another protocol as soon as one byte differs; `bytes` may be any beginning of a HELLO.
///
/// # Errors
/// `NotArrowlab`.
pub fn check_magic(bytes: &[u8]) -> Result<(), Error> {
    let found = &bytes[..bytes.len().min(MAGIC.len())];
    if MAGIC.starts_with(found) {
        return Ok(());
    }
    let found = found.escape_ascii();
    Err(Error::NotArrowlab(format!("expected a connection that begins with \"ARROWLAB\", found \"{found}\"").into()))
}
