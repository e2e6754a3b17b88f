//! The bytes of an answer in the pieces that they were made of, so that records are not copied to
//! stand in one with what surrounds them.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

/// An answer on its way to a socket.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// None of them empty.
    pieces: VecDeque<Bytes>,
}

impl Frame {
    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    /// Puts a piece before all others.
    pub(crate) fn push_front(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.pieces.push_front(piece);
        }
    }
}

impl From<BytesMut> for Frame {
    fn from(bytes: BytesMut) -> Self {
        let mut frame = Self::default();
        frame.push(bytes.freeze());
        frame
    }
}

impl Buf for Frame {
    fn remaining(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.pieces.front().map_or(&[], |piece| piece)
    }

    fn advance(&mut self, mut bytes: usize) {
        while let Some(piece) = self.pieces.front_mut() {
            if bytes < piece.len() {
                return piece.advance(bytes);
            }
            bytes -= piece.len();
            self.pieces.pop_front();
        }
        assert_eq!(bytes, 0, "no more can be taken than there is");
    }

    fn chunks_vectored<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        for (slice, piece) in into.iter_mut().zip(&self.pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_pieces_are_sent_in_order_however_they_are_taken() {
        for step in 1..9 {
            let mut frame = Frame::default();
            for piece in ["two", "", "three"] {
                frame.push(Bytes::from_static(piece.as_bytes()));
            }
            frame.push_front(Bytes::from_static(b"1"));
            let mut taken = Vec::new();
            while frame.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 2];
                let count = frame.chunks_vectored(&mut slices);
                let all: Vec<u8> = slices[..count].iter().flat_map(|one| one.to_vec()).collect();
                assert!(all.starts_with(frame.chunk()));
                let some = step.min(all.len());
                taken.extend_from_slice(&all[..some]);
                frame.advance(some);
            }
            assert_eq!(taken, b"1twothree", "{step} at a time");
        }
    }
}
