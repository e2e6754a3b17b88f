//! An error with everything that caused it, on one line.

use std::{error::Error, fmt};

/// Shows an error and its sources: `failed to publish: broker is away: connection refused`.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> Chain<'a> {
    Chain(error)
}

/// See [`chain`].
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Failure {
        text: &'static str,
        source: Option<Box<Self>>,
    }

    #[test]
    fn an_error_is_followed_by_its_causes() {
        let refused = Failure { text: "connection refused", source: None };
        let away = Failure { text: "broker is away", source: Some(Box::new(refused)) };
        let publish = Failure { text: "failed to publish", source: Some(Box::new(away)) };
        assert_eq!(
            chain(&publish).to_string(),
            "failed to publish: broker is away: connection refused"
        );
    }

    #[test]
    fn an_error_without_causes_stands_alone() {
        assert_eq!(chain(&Failure { text: "away", source: None }).to_string(), "away");
    }
}
