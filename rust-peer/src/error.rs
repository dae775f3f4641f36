//! The one error type. Numbers and names are those of `src/wire/errors.json` (section 8 of `PROTOCOL.md`).

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use arrow_schema::ArrowError;

/// What an [`Error`] says: what was expected, what was found, what to do; and the original error, where there is one.
#[derive(Debug, Clone)]
pub struct Report {
    message: String,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Report {
    /// The same report with the error that led to it.
    pub fn caused_by(self, cause: impl StdError + Send + Sync + 'static) -> Self {
        Self { cause: Some(Arc::new(cause)), ..self }
    }
}

impl<T: Into<String>> From<T> for Report {
    fn from(message: T) -> Self {
        Self { message: message.into(), cause: None }
    }
}

macro_rules! errors {
    ($($variant:ident = $number:literal $name:literal $meaning:literal)*) => {
        /// Everything that can go wrong here or be reported by a peer.
        ///
        /// It is cheap to clone: one failure of a connection ends each of its subscriptions with the same error.
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum Error {
            $(#[doc = $meaning] $variant(Report),)*
            /// a number that a peer sent and that this version does not know
            Unknown(u32, Report),
        }

        impl Error {
            /// The number on the wire (section 8 of the protocol).
            pub fn number(&self) -> u32 {
                match self {
                    $(Self::$variant(_) => $number,)*
                    Self::Unknown(number, _) => *number,
                }
            }

            /// The code that all languages share, as in `ERR_ARROWLAB_PRODUCER_GONE`.
            pub fn code(&self) -> String {
                match self {
                    $(Self::$variant(_) => concat!("ERR_ARROWLAB_", $name).to_owned(),)*
                    Self::Unknown(number, _) => format!("ERR_ARROWLAB_{number}"),
                }
            }

            /// The error that a peer's ERROR frame names; an unknown number is kept as it is.
            pub fn from_wire(number: u32, message: &str) -> Self {
                match number {
                    $($number => Self::$variant(if message.is_empty() { $meaning } else { message }.into()),)*
                    _ => Self::Unknown(number, message.into()),
                }
            }

            fn report(&self) -> &Report {
                match self {
                    $(Self::$variant(report) => report,)*
                    Self::Unknown(_, report) => report,
                }
            }

            /// Every number, name and meaning that this version knows, in the order of their numbers.
            pub const KNOWN: &[(u32, &str, &str)] = &[$(($number, $name, $meaning)),*];
        }
    };
}

errors! {
    NotArrowlab = 1 "NOT_ARROWLAB" "the other side does not speak this protocol"
    VersionUnsupported = 2 "VERSION_UNSUPPORTED" "the other side speaks another major version"
    HelloTimeout = 3 "HELLO_TIMEOUT" "no complete HELLO came in time"
    HelloMalformed = 4 "HELLO_MALFORMED" "a field of the HELLO is wrong"
    RegionMissing = 5 "REGION_MISSING" "the HELLO did not carry exactly one file descriptor"
    RegionNotMemfd = 6 "REGION_NOT_MEMFD" "the descriptor is not a memfd"
    RegionWritable = 7 "REGION_WRITABLE" "the descriptor can be written through"
    RegionUnsealed = 8 "REGION_UNSEALED" "the memfd can still shrink or grow"
    RegionSize = 9 "REGION_SIZE" "the memfd does not have the announced size, or no legal one"
    PeerRefused = 10 "PEER_REFUSED" "the peer's user is not allowed"
    FrameLength = 20 "FRAME_LENGTH" "a frame's length is not one its type can have"
    FrameType = 21 "FRAME_TYPE" "no such frame type"
    FrameField = 22 "FRAME_FIELD" "a field of a frame has a value outside its range"
    StreamState = 23 "STREAM_STATE" "the frame is not allowed in the stream's state"
    Sequence = 24 "SEQUENCE" "a sequence or lease number is not the next one"
    ExtentBounds = 25 "EXTENT_BOUNDS" "an extent lies outside the region or is not aligned"
    LeaseUnknown = 26 "LEASE_UNKNOWN" "a released lease is not held"
    CreditExceeded = 27 "CREDIT_EXCEEDED" "more messages or credit than allowed"
    TooManyStreams = 28 "TOO_MANY_STREAMS" "too many streams are open on this connection"
    IpcInvalid = 30 "IPC_INVALID" "the bytes are not a well-formed Arrow IPC message"
    IpcUnsupported = 31 "IPC_UNSUPPORTED" "well-formed Arrow IPC that this reader cannot take"
    DataInvalid = 32 "DATA_INVALID" "the contents of a batch are not valid for its schema"
    ProducerGone = 40 "PRODUCER_GONE" "the producer went away before the stream's end"
    StreamFailed = 41 "STREAM_FAILED" "the producer failed the stream"
    StreamExists = 42 "STREAM_EXISTS" "a stream of this name is already published"
    StreamUnknown = 43 "STREAM_UNKNOWN" "nobody publishes a stream of this name"
    NotServed = 44 "NOT_SERVED" "this endpoint does not serve what was asked for"
    SchemaMismatch = 45 "SCHEMA_MISMATCH" "a batch does not have the stream's schema"
    TableUnrecognised = 46 "TABLE_UNRECOGNISED" "the value is not an Arrow table or batch that can be written"
    TypeUnsupported = 47 "TYPE_UNSUPPORTED" "this library has no reader or writer for the Arrow type"
    Timeout = 50 "TIMEOUT" "the wait took too long"
    Aborted = 51 "ABORTED" "the caller gave up by its signal"
    Closed = 52 "CLOSED" "the endpoint, stream or connection is closed"
    Released = 53 "RELEASED" "the batch was released"
    LeasesExhausted = 54 "LEASES_EXHAUSTED" "the reader holds the leases it is waiting for"
    MemoryLimit = 55 "MEMORY_LIMIT" "more memory than maxBytes is needed"
    AddressSpace = 56 "ADDRESS_SPACE" "the system has no address space left for a map"
    ConnectFailed = 60 "CONNECT_FAILED" "the socket cannot be reached"
    ListenFailed = 61 "LISTEN_FAILED" "the socket cannot be listened on"
    System = 62 "SYSTEM" "a system call failed"
    InvalidArgument = 63 "INVALID_ARGUMENT" "an argument has the wrong type or value"
    PeerFailed = 64 "PEER_FAILED" "a peer process that was started here failed"
    NativeMissing = 65 "NATIVE_MISSING" "the native addon cannot be loaded"
}

impl Error {
    /// What was expected, what was found, what to do.
    pub fn message(&self) -> &str {
        &self.report().message
    }

    /// A failed system call; `what` says which and what for.
    pub(crate) fn system(what: impl Into<String>, cause: impl Into<std::io::Error>) -> Self {
        let cause = cause.into();
        Self::System(Report::from(format!("{}: {cause}", what.into())).caused_by(cause))
    }

    /// Whether the other side broke the protocol, so that it has to be told before the connection is closed.
    pub(crate) fn is_violation(&self) -> bool {
        self.number() < 40 && !matches!(self, Self::IpcUnsupported(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.report().cause.as_ref().map(|cause| &**cause as _)
    }
}

impl From<Error> for ArrowError {
    fn from(error: Error) -> Self {
        Self::ExternalError(Box::new(error))
    }
}

/// Takes an [`Error`] back out of what an iterator of Arrow's yields, so that `batch?` works beside this crate's own
/// results. An error of Arrow's own becomes [`Error::DataInvalid`].
impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::ExternalError(external) => match external.downcast::<Self>() {
                Ok(error) => *error,
                Err(other) => {
                    Self::DataInvalid(Report::from(other.to_string()).caused_by(ArrowError::ExternalError(other)))
                }
            },
            other => Self::DataInvalid(Report::from(other.to_string()).caused_by(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_the_specification() {
        let specified: serde_json::Value = serde_json::from_str(include_str!("../../src/wire/errors.json")).unwrap();
        let specified: Vec<(u32, &str, &str)> = specified
            .as_array()
            .unwrap()
            .iter()
            .map(|error| {
                let text = |key: &str| error[key].as_str().unwrap();
                (error["number"].as_u64().unwrap() as u32, text("name"), text("meaning"))
            })
            .collect();
        assert_eq!(Error::KNOWN, specified);
    }

    #[test]
    fn every_number_comes_back_from_the_wire_as_its_own_variant_in_camel_case() {
        for (number, name, meaning) in Error::KNOWN {
            let error = Error::from_wire(*number, "");
            assert_eq!(error.number(), *number);
            assert_eq!(error.code(), format!("ERR_ARROWLAB_{name}"));
            assert_eq!(error.message(), *meaning);
            let variant = format!("{error:?}");
            let flat: String = name.to_lowercase().split('_').collect();
            assert!(variant.to_lowercase().starts_with(&format!("{flat}(")), "{variant} is not {name}");
        }
    }

    #[test]
    fn an_unknown_number_is_shown_as_it_is() {
        let error = Error::from_wire(4_000_000_000, "from the future");
        assert_eq!(error.number(), 4_000_000_000);
        assert_eq!(error.to_string(), "ERR_ARROWLAB_4000000000: from the future");
    }

    #[test]
    fn an_error_survives_the_way_through_arrow_with_its_cause() {
        let error = Error::system("open", std::io::Error::from_raw_os_error(2));
        let back = Error::from(ArrowError::from(error));
        assert_eq!(back.number(), 62);
        assert!(StdError::source(&back).unwrap().downcast_ref::<std::io::Error>().is_some());
    }
}
