//! A template: text with `${…}` in it. Pure.

use std::io::Write as _;
use std::ops::RangeInclusive;

use uuid::Builder;

use crate::scenario::Values;

/// A parsed template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    LoadId,
    Sequence,
    /// The remainder of the sequence number; never by 0.
    Remainder(u64),
    Uuid,
    Random(RangeInclusive<u64>),
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// The part of the template that is wrong.
    pub(crate) part: String,
}

impl Text {
    pub(crate) fn parse(text: &str) -> Result<Self, Flaw> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut left = text;
        while let Some(start) = left.find("${") {
            let (before, rest) = left.split_at(start);
            if let Some(escaped) = before.strip_suffix('$') {
                literal.push_str(escaped);
                literal.push_str("${");
                left = &rest[2..];
                continue;
            }
            literal.push_str(before);
            let end = rest.find('}').ok_or_else(|| Flaw { part: rest.to_owned() })?;
            let piece =
                piece(&rest[2..end]).ok_or_else(|| Flaw { part: rest[..=end].to_owned() })?;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(piece);
            left = &rest[end + 1..];
        }
        literal.push_str(left);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces })
    }

    /// Whether it is empty for every request.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether the request's own id is in it.
    pub(crate) fn names_request(&self) -> bool {
        self.pieces.contains(&Piece::LoadId)
    }

    /// Appends the text of one request.
    pub(crate) fn render(&self, values: &mut Values, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => {
                    out.extend_from_slice(text.as_bytes());
                    Ok(())
                }
                Piece::LoadId => write!(out, "{}-{}", values.run, values.sequence),
                Piece::Sequence => write!(out, "{}", values.sequence),
                Piece::Remainder(by) => write!(out, "{}", values.sequence % by),
                Piece::Uuid => {
                    let bytes = values.chance().u128(..).to_be_bytes();
                    write!(out, "{}", Builder::from_random_bytes(bytes).into_uuid())
                }
                Piece::Random(range) => write!(out, "{}", values.chance().u64(range.clone())),
            }
            .expect("a vector takes everything");
        }
    }
}

/// What stands between `${` and `}`.
fn piece(text: &str) -> Option<Piece> {
    let words: Vec<_> = text.split_whitespace().collect();
    match words[..] {
        ["load_id"] => Some(Piece::LoadId),
        ["sequence"] => Some(Piece::Sequence),
        ["sequence", "%", by] => by.parse().ok().filter(|by| *by > 0).map(Piece::Remainder),
        ["uuid"] => Some(Piece::Uuid),
        ["random", range] => {
            let (low, high) = range.split_once("..")?;
            let range = low.parse().ok()?..=high.parse().ok()?;
            (!range.is_empty()).then_some(Piece::Random(range))
        }
        _ => None,
    }
}
