//! What a drill did and whether what was promised held.

use std::fmt::{self, Display, Write as _};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::pipeline::OrderTotals;

/// A drill's result: figures by name, claims with whether they held, and perhaps a picture.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Verdict {
    drill: &'static str,
    holds: bool,
    /// By name, in the order in which they are told.
    #[serde(serialize_with = "as_map")]
    figures: Vec<(String, Value)>,
    claims: Vec<Claim>,
    #[serde(skip)]
    picture: String,
}

/// Something promised.
#[derive(Debug, Serialize)]
struct Claim {
    claim: String,
    holds: bool,
}

impl Verdict {
    /// A result without figures.
    pub(crate) fn of(drill: &'static str) -> Self {
        Self { drill, holds: true, ..Self::default() }
    }

    /// Whether everything that was promised held.
    pub(crate) fn holds(&self) -> bool {
        self.holds
    }

    pub(super) fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.push((name.to_owned(), value.into()));
    }

    pub(super) fn claim(&mut self, claim: impl Display, holds: bool) {
        self.holds &= holds;
        self.claims.push(Claim { claim: claim.to_string(), holds });
    }

    pub(super) fn picture(&mut self, text: String) {
        self.picture = text;
    }

    /// Claims that a load is accounted for.
    pub(super) fn accounts(&mut self, totals: &OrderTotals) {
        self.figure("accepted", totals.totals.accepted);
        self.figure("reserved", totals.totals.processed);
        self.figure("failed", totals.totals.failed);
        self.figure("lost", totals.totals.lost + totals.totals.pending);
        self.figure("decided_twice", totals.totals.twice);
        self.claim("every accepted order was decided once, and none that was refused", {
            totals.totals.holds()
        });
        self.claim(
            "every decided order has one outcome on the topic",
            totals.outcomes_missing + totals.outcomes_twice == 0,
        );
        self.claim("the figures count every order once", totals.counted == totals.decided);
        self.claim("stock is what came without what was reserved", totals.stock_adds_up);
    }
}

fn as_map<S: Serializer>(figures: &[(String, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(figures.iter().map(|(name, value)| (name, value)))
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        // A series is drawn, and given to scripts.
        let figures = self.figures.iter().filter(|(_, value)| !value.is_array());
        for (name, value) in figures {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            writeln!(text, "{:<28}{value:>10}", name.replace('_', " "))?;
        }
        text.push_str(&self.picture);
        for Claim { claim, holds } in &self.claims {
            writeln!(text, "{}  {claim}", if *holds { "held  " } else { "BROKEN" })?;
        }
        writeln!(text, "{}: {}", self.drill, if self.holds { "passed" } else { "failed" })?;
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_broken_claim_breaks_the_verdict() {
        let mut verdict = Verdict::of("baseline");
        verdict.figure("orders_sent", 100);
        verdict.figure("series", vec![1, 2, 3]);
        verdict.figure("a_later_one", 1);
        verdict.claim("water is wet", true);
        assert!(verdict.holds());
        verdict.claim("fire is cold", false);
        verdict.claim("water is wet", true);
        assert!(!verdict.holds());
        let text = verdict.to_string();
        assert!(text.contains("orders sent") && text.contains("BROKEN  fire is cold"), "{text}");
        assert!(text.ends_with("baseline: failed\n") && !text.contains("series"), "{text}");
        assert!(text.find("orders sent") < text.find("a later one"), "{text}");
        let json = serde_json::to_value(&verdict).unwrap();
        assert_eq!(json["figures"]["series"][1], 2);
    }
}
