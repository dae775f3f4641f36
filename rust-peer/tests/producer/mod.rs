//! A producer for tests: a real memfd and a real socket, and as wrong as a test wants it to be.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_ipc::writer::{DictionaryHandling, IpcWriteOptions, StreamWriter};
use arrow_schema::Schema;
use arrowlab::wire::{Frame, FrameBuffer, HELLO_BYTES, Hello, decode_frame};
use arrowlab::{Options, Peer};
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create, open};
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

pub const REGION_BYTES: u64 = 1 << 30;

/// Longer than any test should take, so that a hang fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Producer {
    pub socket: UnixStream,
    region: File,
    received: FrameBuffer,
    next_offset: u64,
    next_lease: u64,
    sequences: HashMap<u32, u64>,
}

pub fn memfd(byte_length: u64, seals: SealFlags) -> OwnedFd {
    let fd = memfd_create("test", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
    ftruncate(&fd, byte_length).unwrap();
    fcntl_add_seals(&fd, seals).unwrap();
    fd
}

pub fn sealed(byte_length: u64) -> OwnedFd {
    memfd(byte_length, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)
}

pub fn read_only(fd: &OwnedFd) -> OwnedFd {
    open(format!("/proc/self/fd/{}", fd.as_raw_fd()), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

pub fn hello(region_bytes: u64) -> Hello {
    Hello { minor: 0, features: 0, region_bytes, pid: std::process::id(), name: "test".into() }
}

/// Sends `bytes` with descriptors on the first of them.
pub fn send_with_fds(socket: &UnixStream, bytes: &[u8], fds: &[&OwnedFd]) {
    let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(fds.is_empty() || control.push(SendAncillaryMessage::ScmRights(&fds)));
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL).unwrap();
}

/// Two connected sockets: the test's, which gives up after a while, and the one to inherit.
pub fn pair() -> (UnixStream, OwnedFd) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_read_timeout(Some(PATIENCE)).unwrap();
    ours.set_write_timeout(Some(PATIENCE)).unwrap();
    (ours, theirs.into())
}

impl Producer {
    /// A producer and the peer handle of a consumer that is connected to it.
    pub fn connected(options: Options) -> (Self, Peer) {
        let (ours, theirs) = pair();
        let mut producer = Self::greeting(ours);
        let peer = options.inherited(theirs).unwrap();
        producer.receive_greeting();
        (producer, peer)
    }

    /// Says HELLO and READY; both fit into the socket, so nobody has to listen yet.
    pub fn greeting(socket: UnixStream) -> Self {
        let region = sealed(REGION_BYTES);
        send_with_fds(&socket, &hello(REGION_BYTES).encode(), &[&read_only(&region)]);
        let received = FrameBuffer::default();
        let sequences = HashMap::new();
        let mut producer =
            Self { socket, region: region.into(), received, next_offset: 4096, next_lease: 1, sequences };
        producer.send(&Frame::Ready { minor: 0, features: 0 });
        producer
    }

    /// Reads the other side's HELLO and READY; gives back its region's descriptor.
    pub fn receive_greeting(&mut self) -> (Hello, OwnedFd) {
        let mut bytes = [0; HELLO_BYTES];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let count = recvmsg(&self.socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap().bytes;
        assert_eq!(count, HELLO_BYTES);
        let mut fds: Vec<OwnedFd> = Vec::new();
        for message in control.drain() {
            if let rustix::net::RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        assert_eq!(fds.len(), 1);
        assert_eq!(self.receive().as_deref().map(|frame| frame[4]), Some(0x01), "READY");
        (Hello::decode(&bytes).unwrap(), fds.pop().unwrap())
    }

    pub fn send(&mut self, frame: &Frame<'_>) {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        self.socket.write_all(&bytes).unwrap();
    }

    /// The next frame as bytes; `None` at the connection's end.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(frame) = self.received.next_frame().unwrap() {
                let mut bytes = Vec::new();
                frame.encode(&mut bytes);
                return Some(bytes);
            }
            match self.socket.read(self.received.spare()) {
                Ok(0) => return None,
                Ok(count) => self.received.filled(count),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    /// The next SUBSCRIBE: stream, credit and name. Whatever else comes is wrong.
    pub fn subscribed(&mut self) -> (u32, u32, String) {
        match decode_frame(&self.receive().expect("SUBSCRIBE")).unwrap() {
            Frame::Subscribe { stream, credit, name } => (stream, credit, name.to_owned()),
            other => panic!("expected SUBSCRIBE, found {other:?}"),
        }
    }

    /// Leases of the next RELEASE. CREDIT is passed over; whatever else comes is wrong.
    pub fn released(&mut self) -> Vec<u64> {
        loop {
            match decode_frame(&self.receive().expect("RELEASE")).unwrap() {
                Frame::Release { leases } => return leases.into_owned(),
                Frame::Credit { .. } => {}
                other => panic!("expected RELEASE, found {other:?}"),
            }
        }
    }

    /// Leases of as many RELEASEs as it takes for `count`, in order.
    pub fn released_in_all(&mut self, count: usize) -> Vec<u64> {
        let mut leases = Vec::new();
        while leases.len() < count {
            leases.extend(self.released());
        }
        leases
    }

    /// Number of the connection's ERROR, which ends it. Before it, answers and releases may come.
    pub fn refusal(&mut self) -> u32 {
        loop {
            match decode_frame(&self.receive().expect("ERROR")).unwrap() {
                Frame::Error { stream: 0, number, message } => {
                    assert!(message.contains("expected"), "{message:?} does not say what was expected");
                    assert_eq!(self.receive(), None, "nothing follows an ERROR of the connection");
                    return number;
                }
                Frame::Credit { .. } | Frame::Release { .. } | Frame::Error { .. } => {}
                other => panic!("expected ERROR, found {other:?}"),
            }
        }
    }

    pub fn open(&mut self, stream: u32) {
        self.send(&Frame::Open { stream, reservation: 0 });
    }

    /// Writes the bytes to an extent of their own; gives its offset.
    pub fn place(&mut self, bytes: &[u8]) -> u64 {
        let offset = self.next_offset;
        self.region.write_all_at(bytes, offset).unwrap();
        self.next_offset += (bytes.len() as u64).next_multiple_of(4096);
        offset
    }

    /// Places one message and sends its descriptor; gives the lease.
    pub fn describe(&mut self, stream: u32, message: &[u8]) -> u64 {
        let (offset, lease) = (self.place(message), self.next_lease);
        self.next_lease += 1;
        let sequence = self.next_sequence(stream);
        self.send(&Frame::Descriptor { stream, sequence, lease, offset, length: message.len() as u64 });
        lease
    }

    pub fn inline(&mut self, stream: u32, message: &[u8]) {
        let sequence = self.next_sequence(stream);
        self.send(&Frame::Inline { stream, sequence, bytes: message });
    }

    pub fn end(&mut self, stream: u32) {
        let sequence = self.next_sequence(stream);
        self.send(&Frame::End { stream, sequence });
    }

    /// Answers the next SUBSCRIBE with OPEN, all messages in the region, and END; gives the stream.
    pub fn serve(&mut self, messages: &[Vec<u8>]) -> u32 {
        let (stream, _, _) = self.subscribed();
        self.open(stream);
        for message in messages {
            self.describe(stream, message);
        }
        self.end(stream);
        stream
    }

    fn next_sequence(&mut self, stream: u32) -> u64 {
        let next = self.sequences.entry(stream).or_default();
        *next += 1;
        *next - 1
    }
}

/// The encapsulated messages of a stream, schema first, without the end-of-stream marker.
pub fn messages_with(options: IpcWriteOptions, schema: &Schema, batches: &[RecordBatch]) -> Vec<Vec<u8>> {
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), schema, options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    let bytes = writer.into_inner().unwrap();
    let (mut rest, mut messages) = (&bytes[..], Vec::new());
    loop {
        let metadata_length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        if metadata_length == 0 {
            return messages;
        }
        let message = arrow_ipc::root_as_message(&rest[8..8 + metadata_length]).unwrap();
        let (whole, others) = rest.split_at(8 + metadata_length + message.bodyLength() as usize);
        messages.push(whole.to_vec());
        rest = others;
    }
}

pub fn messages(schema: &Schema, batches: &[RecordBatch]) -> Vec<Vec<u8>> {
    messages_with(aligned(), schema, batches)
}

pub fn messages_with_deltas(schema: &Schema, batches: &[RecordBatch]) -> Vec<Vec<u8>> {
    messages_with(aligned().with_dictionary_handling(DictionaryHandling::Delta), schema, batches)
}

pub fn aligned() -> IpcWriteOptions {
    IpcWriteOptions::try_new(64, false, arrow_ipc::MetadataVersion::V5).unwrap()
}
