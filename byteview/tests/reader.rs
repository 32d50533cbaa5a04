//! `Reader` behaves as the standard library's cursor, and reads without copying where it can.

use std::io::{BufRead, Cursor, ErrorKind, IoSliceMut, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Buf;
use byteview::{ByteView, Reader};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    ReadVectored(usize, usize),
    ReadExact(usize),
    ReadToEnd,
    ReadToString,
    ReadUntil(u8),
    FillBuf,
    Seek(SeekFrom),
    Advance(usize),
    CopyToBytes(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let seek = prop_oneof![
        (0..80u64).prop_map(SeekFrom::Start),
        Just(SeekFrom::Start(u64::MAX)),
        (-80..80i64).prop_map(SeekFrom::Current),
        (-80..80i64).prop_map(SeekFrom::End),
    ];
    prop_oneof![
        (0..40usize).prop_map(Step::Read),
        (0..20usize, 0..20usize).prop_map(|(a, b)| Step::ReadVectored(a, b)),
        (0..40usize).prop_map(Step::ReadExact),
        Just(Step::ReadToEnd),
        Just(Step::ReadToString),
        any::<u8>().prop_map(Step::ReadUntil),
        Just(Step::FillBuf),
        seek.prop_map(Step::Seek),
        (0..40usize).prop_map(Step::Advance),
        (0..40usize).prop_map(Step::CopyToBytes),
    ]
}

/// Everything that a caller sees of one step: its result, and the bytes that it returned.
fn apply(
    reader: &mut (impl BufRead + Seek + Buf),
    step: &Step,
) -> (Result<u64, ErrorKind>, Vec<u8>) {
    let mut bytes = Vec::new();
    let result = match *step {
        Step::Read(n) => {
            bytes.resize(n, 0);
            reader.read(&mut bytes).map(|n| n as u64)
        }
        Step::ReadVectored(a, b) => {
            bytes.resize(a + b, 0);
            let (first, second) = bytes.split_at_mut(a);
            let mut targets = [IoSliceMut::new(first), IoSliceMut::new(second)];
            reader.read_vectored(&mut targets).map(|n| n as u64)
        }
        Step::ReadExact(n) => {
            bytes.resize(n, 0);
            reader.read_exact(&mut bytes).map(|()| 0)
        }
        Step::ReadToEnd => reader.read_to_end(&mut bytes).map(|n| n as u64),
        Step::ReadToString => {
            let mut text = String::new();
            let result = reader.read_to_string(&mut text).map(|n| n as u64);
            bytes = text.into_bytes();
            result
        }
        Step::ReadUntil(delimiter) => reader.read_until(delimiter, &mut bytes).map(|n| n as u64),
        Step::FillBuf => reader.fill_buf().map(|buf| {
            bytes = buf.to_vec();
            buf.len() as u64
        }),
        Step::Seek(to) => reader.seek(to),
        Step::Advance(n) => {
            reader.advance(n.min(reader.remaining()));
            bytes = reader.chunk().to_vec();
            Ok(reader.remaining() as u64)
        }
        Step::CopyToBytes(n) => {
            bytes = reader.copy_to_bytes(n.min(reader.remaining())).to_vec();
            Ok(reader.remaining() as u64)
        }
    };
    (result.map_err(|e| e.kind()), bytes)
}

proptest! {
    #[test]
    fn reads_and_seeks_as_a_cursor_does(
        content in prop::collection::vec(any::<u8>(), 0..64),
        steps in prop::collection::vec(step(), 0..24),
    ) {
        let mut cursor = Cursor::new(content.clone());
        let mut reader = ByteView::from(content.clone()).reader();
        for step in &steps {
            prop_assert_eq!(apply(&mut reader, step), apply(&mut cursor, step), "{:?}", step);
            prop_assert_eq!(reader.position(), cursor.position(), "{:?}", step);
            prop_assert_eq!(reader.stream_position().unwrap(), cursor.position());
            prop_assert_eq!(reader.rest(), cursor.chunk());
            prop_assert_eq!(reader.view(), &content);
        }
    }
}

#[test]
fn hands_out_shares_of_the_buffer() {
    let view = ByteView::from(b"hello, world".to_vec());
    let mut reader = view.reader();
    assert_eq!(reader.copy_to_bytes(5).as_ptr(), view.as_ptr());
    assert_eq!(reader.rest().as_ptr(), view[5..].as_ptr());
    assert_eq!(reader.rest(), ", world");
}

#[test]
fn reading_leaves_the_view_as_it_was() {
    let view = ByteView::from("hello");
    let mut reader = view.reader();
    reader.read_to_end(&mut Vec::new()).unwrap();
    assert!(reader.rest().is_empty());
    assert_eq!(view, "hello");
    assert_eq!(reader.view(), &view);
}

#[test]
fn reads_numbers_through_buf() {
    let mut reader = Reader::new(ByteView::from(b"\x01\x02\x03\x04"));
    assert_eq!(reader.get_u16(), 0x0102);
    assert_eq!(reader.get_u16_le(), 0x0403);
    assert!(!reader.has_remaining());
    assert!(reader.try_get_u8().is_err());
}

#[test]
fn taking_more_than_remains_panics_and_moves_nothing() {
    let mut reader = ByteView::from("hello").reader();
    reader.advance(3);
    for n in [3, usize::MAX] {
        assert!(catch_unwind(AssertUnwindSafe(|| reader.advance(n))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| reader.copy_to_bytes(n))).is_err());
        assert_eq!(reader.position(), 3);
    }
    assert_eq!(reader.copy_to_bytes(2), "lo");
}
