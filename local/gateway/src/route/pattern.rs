//! One route's path: parsed once, matched against a request's segments, ranked by how specific it is.

use std::borrow::Cow;

use crate::route::RouteError;

/// A parsed path.
#[derive(Debug)]
pub(super) struct Pattern {
    segments: Vec<Segment>,
    tail: Tail,
}

/// What one segment of a path asks for.
#[derive(Debug)]
enum Segment {
    Literal(String),
    Variable(String),
}

/// What may follow the segments.
#[derive(Debug)]
enum Tail {
    /// Nothing: the path is matched in full.
    End,
    /// Any number of segments, the greedy parameter's value.
    Greedy(String),
    /// Anything at all: `$default`.
    Anything,
}

/// How specific a pattern is; greater wins.
///
/// The class first (full match, greedy, `$default`), then the number of literal segments, then the
/// segments before a greedy parameter, then the first segment in which two patterns differ.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    class: u8,
    literals: usize,
    segments: usize,
    literal_at: Vec<bool>,
}

impl Pattern {
    /// The pattern of `$default`.
    pub(super) fn anything() -> Self {
        Self { segments: Vec::new(), tail: Tail::Anything }
    }

    /// Parses `path`, which belongs to `api` (for messages only).
    pub(super) fn parse(api: &str, path: &str) -> Result<Self, RouteError> {
        let (api, whole) = (|| api.to_owned(), || path.to_owned());
        let Some(rest) = path.strip_prefix('/') else {
            return Err(RouteError::NoLeadingSlash { api: api(), path: whole() });
        };
        let mut pattern = Self { segments: Vec::new(), tail: Tail::End };
        for segment in rest.split('/').filter(|_| !rest.is_empty()) {
            if matches!(pattern.tail, Tail::Greedy(_)) {
                return Err(RouteError::GreedyNotLast { api: api(), path: whole() });
            }
            match parameter(segment) {
                Some(Parameter::Variable(name)) => {
                    pattern.segments.push(Segment::Variable(name.to_owned()));
                }
                Some(Parameter::Greedy(name)) => pattern.tail = Tail::Greedy(name.to_owned()),
                None if segment.contains(['{', '}']) => {
                    let segment = segment.to_owned();
                    return Err(RouteError::BadParameter { api: api(), path: whole(), segment });
                }
                None => pattern.segments.push(Segment::Literal(segment.to_owned())),
            }
        }
        Ok(pattern)
    }

    /// The parameters where the pattern matches. A variable takes one segment that is not empty, a
    /// greedy one the rest, which may be empty after a slash (as AWS does for `/{proxy+}` and `/`).
    pub(super) fn parameters(&self, segments: &[Cow<'_, str>]) -> Option<Vec<(&str, String)>> {
        let (head, rest) = segments.split_at_checked(self.segments.len())?;
        let mut parameters = Vec::new();
        for (expected, segment) in self.segments.iter().zip(head) {
            match expected {
                Segment::Literal(literal) if literal == segment => {}
                Segment::Literal(_) => return None,
                Segment::Variable(_) if segment.is_empty() => return None,
                Segment::Variable(name) => {
                    parameters.push((name.as_str(), segment.clone().into_owned()));
                }
            }
        }
        match &self.tail {
            Tail::End if rest.is_empty() => {}
            Tail::End => return None,
            Tail::Greedy(_) if rest.is_empty() && !head.is_empty() => return None,
            Tail::Greedy(name) => parameters.push((name.as_str(), rest.join("/"))),
            Tail::Anything => {}
        }
        Some(parameters)
    }

    /// Whether both match exactly the same paths: equal but for the names of parameters.
    pub(super) fn same_shape(&self, other: &Self) -> bool {
        use std::mem::discriminant;
        self.segments.len() == other.segments.len()
            && discriminant(&self.tail) == discriminant(&other.tail)
            && self.segments.iter().zip(&other.segments).all(|pair| match pair {
                (Segment::Literal(one), Segment::Literal(another)) => one == another,
                (Segment::Variable(_), Segment::Variable(_)) => true,
                (Segment::Literal(_), Segment::Variable(_))
                | (Segment::Variable(_), Segment::Literal(_)) => false,
            })
    }

    /// How specific it is.
    pub(super) fn rank(&self) -> Rank {
        let literal_at: Vec<bool> =
            self.segments.iter().map(|segment| matches!(segment, Segment::Literal(_))).collect();
        Rank {
            class: match self.tail {
                Tail::End => 2,
                Tail::Greedy(_) => 1,
                Tail::Anything => 0,
            },
            literals: literal_at.iter().filter(|literal| **literal).count(),
            segments: literal_at.len(),
            literal_at,
        }
    }
}

enum Parameter<'a> {
    Variable(&'a str),
    Greedy(&'a str),
}

/// Reads `{name}` and `{name+}`.
fn parameter(segment: &str) -> Option<Parameter<'_>> {
    let inside = segment.strip_prefix('{')?.strip_suffix('}')?;
    let (name, greedy) = inside.strip_suffix('+').map_or((inside, false), |name| (name, true));
    if name.is_empty() || name.contains(['{', '}', '+']) {
        return None;
    }
    Some(if greedy { Parameter::Greedy(name) } else { Parameter::Variable(name) })
}
