//! What an outbox writes, an inbox reads, however the connection cuts it.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{BufMut, Bytes};
use byteview::ByteView;
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Message;
use super::frame::Header;
use super::inbox::{Event, Inbox};
use super::limits::{FREE, LANES, PIECE, SMALL};
use super::outbox::{Outbox, Withdrawn};
use super::queue::Queue;
use crate::http::BodyBudget;

const KIND: u8 = 77;

/// A message with a field of two bytes.
struct Text(u16, ByteView);

impl Text {
    fn of(number: u16, length: usize) -> Self {
        let bytes: Vec<u8> = (0..length)
            .map(|at| (at * 7 + usize::from(number)) as u8)
            .collect();
        Self(number, bytes.into())
    }

    fn bytes(&self) -> Vec<u8> {
        [&self.0.to_le_bytes()[..], &self.1].concat()
    }
}

impl Message for Text {
    fn kind(&self) -> u8 {
        KIND
    }

    fn fields_len(&self) -> usize {
        2
    }

    fn write_fields(&self, buffer: &mut impl BufMut) {
        buffer.put_u16_le(self.0);
    }

    fn body(&self) -> Option<&ByteView> {
        Some(&self.1)
    }
}

/// A connection that takes and gives as many bytes at a time as it is told to.
#[derive(Default)]
struct Cut {
    bytes: VecDeque<u8>,
    steps: Vec<usize>,
    next: usize,
    vectored: bool,
}

impl Cut {
    fn step(&mut self) -> usize {
        self.next += 1;
        self.steps[self.next % self.steps.len()]
    }
}

impl AsyncWrite for Cut {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let length = self.step().min(bytes.len());
        self.bytes.extend(&bytes[..length]);
        Poll::Ready(Ok(length))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut left = self.step();
        let mut written = 0;
        for slice in slices {
            let length = left.min(slice.len());
            self.bytes.extend(&slice[..length]);
            left -= length;
            written += length;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            return Poll::Pending;
        }
        let length = self.step().min(buffer.remaining()).min(self.bytes.len());
        let bytes: Vec<u8> = self.bytes.drain(..length).collect();
        buffer.put_slice(&bytes);
        Poll::Ready(Ok(()))
    }
}

/// Sends messages through a connection, and returns what arrived, in order.
fn sent(messages: &[Text], steps: Vec<usize>, vectored: bool) -> Vec<(u32, Bytes)> {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut queue, mut outbox) = (Queue::default(), Outbox::default());
    let budget = Arc::new(BodyBudget::new(64 << 20));
    let mut inbox = Inbox::new(32 << 20, budget);
    let mut wire = Cut {
        steps,
        vectored,
        ..Cut::default()
    };
    for (id, message) in (0..).zip(messages) {
        queue.push(message, id, 0);
    }
    let mut arrived = Vec::new();
    while arrived.len() < messages.len() {
        outbox.take(&mut queue);
        assert!(outbox.poll_write(&mut cx, &mut wire).is_ready());
        while let Poll::Ready(read) = inbox.poll_read(&mut cx, &mut wire) {
            assert!(read.unwrap() > 0);
            while let Some(event) = inbox.next().unwrap() {
                match event {
                    Event::Message(header, message) => {
                        assert_eq!(header.kind, KIND);
                        arrived.push((header.id, message.into_bytes()));
                    }
                    other => panic!("{other:?} came"),
                }
            }
        }
        for (id, bytes) in inbox.take_grants(&mut cx) {
            outbox.grant(id, bytes);
        }
    }
    assert!(outbox.is_idle() && !inbox.is_in_the_middle());
    arrived
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_message_arrives_once_and_whole(
        lengths in prop::collection::vec(
            prop_oneof![
                0_usize..100,
                SMALL - 20..SMALL + 20,
                PIECE - 20..PIECE + 20,
                FREE - 20..FREE + 20,
                Just(3 * FREE + 5),
            ],
            1..20,
        ),
        steps in prop::collection::vec(prop_oneof![1_usize..50, 1000_usize..300_000], 1..8),
        vectored: bool,
    ) {
        // Steps of a few bytes alone would take for ever.
        let steps = [steps, vec![100_000]].concat();
        let messages: Vec<Text> = (0..).zip(&lengths).map(|(n, &length)| Text::of(n, length)).collect();
        let mut arrived = sent(&messages, steps, vectored);
        arrived.sort_by_key(|(id, _)| *id);
        for (message, (id, bytes)) in messages.iter().zip(arrived) {
            prop_assert_eq!(u32::from(message.0), id);
            prop_assert!(message.bytes() == bytes, "message {}", id);
        }
    }
}

#[test]
fn small_messages_leave_in_one_write_and_pass_large_ones() {
    let messages: Vec<Text> = [5 << 20, 10, 200_000, 20]
        .into_iter()
        .zip(0..)
        .map(|(length, n)| Text::of(n, length))
        .collect();
    let order: Vec<u32> = sent(&messages, vec![usize::MAX], true)
        .iter()
        .map(|(id, _)| *id)
        .collect();
    assert_eq!(order, [1, 3, 2, 0]);

    let mut cx = Context::from_waker(Waker::noop());
    let (mut queue, mut outbox) = (Queue::default(), Outbox::default());
    for n in 0..100 {
        queue.push(&Text::of(n, 100), n.into(), 0);
    }
    let mut wire = Cut {
        steps: vec![usize::MAX],
        ..Cut::default()
    };
    outbox.take(&mut queue);
    assert!(outbox.poll_write(&mut cx, &mut wire).is_ready());
    assert_eq!((wire.next, wire.bytes.len()), (1, 100 * (16 + 102)));
}

#[test]
fn no_more_is_sent_than_was_granted() {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut queue, mut outbox) = (Queue::default(), Outbox::default());
    queue.push(&Text::of(0, 4 * FREE), 9, 0);
    let mut wire = Cut {
        steps: vec![usize::MAX],
        vectored: true,
        ..Cut::default()
    };
    let mut send_all = |outbox: &mut Outbox| loop {
        outbox.take(&mut queue);
        assert!(outbox.poll_write(&mut cx, &mut wire).is_ready());
        if outbox.is_idle() {
            return wire.bytes.len();
        }
    };
    let unasked = send_all(&mut outbox);
    assert!((FREE..FREE + 20 * 24).contains(&unasked), "{unasked}");
    outbox.grant(8, 1000);
    assert_eq!(send_all(&mut outbox), unasked, "it was for another message");
    outbox.grant(9, 1000);
    assert_eq!(send_all(&mut outbox), unasked + 1000 + 16);
    assert_eq!(outbox.withdraw(8), Withdrawn::Absent);
    assert_eq!(outbox.withdraw(9), Withdrawn::Part);
    assert_eq!(
        (outbox.withdraw(9), outbox.large_bytes()),
        (Withdrawn::Absent, 0)
    );
}

#[test]
fn a_long_message_is_granted_only_once_there_is_room_for_the_whole() {
    let mut cx = Context::from_waker(Waker::noop());
    let budget = Arc::new(BodyBudget::new(4 << 20));
    let taken = budget.share(3 << 20);
    let mut taken = std::pin::pin!(taken);
    let Poll::Ready(share) = taken.as_mut().poll(&mut cx) else {
        panic!("the budget is free");
    };
    let mut inbox = Inbox::new(32 << 20, budget);
    let length = 2_u64 << 20;
    inbox.put(
        &Header {
            length: 9,
            more: true,
            ..Header::of(KIND, 5)
        }
        .to_bytes(),
    );
    inbox.put(&length.to_le_bytes());
    inbox.put(b"1");
    assert_eq!(inbox.next().unwrap(), None);
    for _ in 0..3 {
        let piece = vec![0; PIECE];
        let length = PIECE as u32;
        inbox.put(
            &Header {
                length,
                more: true,
                ..Header::of(KIND, 5)
            }
            .to_bytes(),
        );
        inbox.put(&piece);
        assert_eq!(inbox.next().unwrap(), None);
    }
    assert_eq!(inbox.take_grants(&mut cx), [], "others have the room");
    drop(share);
    // What has come may be ahead once more.
    let came = 1 + 3 * PIECE as u32;
    assert_eq!(inbox.take_grants(&mut cx), [(5, came)]);
    assert_eq!(inbox.take_grants(&mut cx), []);
}

#[test]
fn as_many_long_messages_come_at_a_time_as_may_and_no_more() {
    let mut inbox = Inbox::new(32 << 20, Arc::new(BodyBudget::new(64 << 20)));
    let begin = |id| {
        let header = Header {
            length: 9,
            more: true,
            ..Header::of(KIND, id)
        };
        [&header.to_bytes()[..], &300_000_u64.to_le_bytes(), b"1"].concat()
    };
    for id in 0..LANES as u32 {
        inbox.put(&begin(id));
        assert_eq!(inbox.next().unwrap(), None);
    }
    inbox.put(&begin(99));
    let error = inbox.next().unwrap_err();
    assert!(
        error.to_string().contains("one long message too many"),
        "{error}"
    );
}

#[test]
fn messages_of_one_frame_pass_long_ones_that_wait_for_a_grant() {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut queue, mut outbox) = (Queue::default(), Outbox::default());
    for id in 0..2 * LANES as u16 {
        queue.push(&Text::of(id, 2 * FREE), id.into(), 0);
    }
    let mut wire = Cut {
        steps: vec![usize::MAX],
        vectored: true,
        ..Cut::default()
    };
    let mut send_all = |outbox: &mut Outbox, queue: &mut Queue| loop {
        outbox.take(queue);
        assert!(outbox.poll_write(&mut cx, &mut wire).is_ready());
        if outbox.is_idle() {
            return wire.bytes.len();
        }
    };
    let before = send_all(&mut outbox, &mut queue);
    queue.push(&Text::of(99, PIECE - 2), 99, 0);
    assert_eq!(send_all(&mut outbox, &mut queue), before + 16 + PIECE);
}
