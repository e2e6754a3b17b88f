//! The report as one HTML page that needs nothing else: figures, charts drawn by uPlot, and the same
//! figures as tables.
//!
//! Everything from outside goes into one JSON island; the page's script writes it as text only.

mod machine;

use std::time::Duration;

use serde::{Serialize, Serializer};

pub use self::machine::Machine;
use crate::report::{Report, Second};

const PAGE: &str = include_str!("../assets/page.html");
const STYLE: &str = include_str!("../assets/page.css");
const SCRIPT: &str = include_str!("../assets/page.js");
const UPLOT_STYLE: &str = include_str!("../assets/uPlot.min.css");
const UPLOT_SCRIPT: &str = include_str!("../assets/uPlot.iife.min.js");

/// What a page is made from.
#[derive(Clone, Debug, Serialize)]
pub struct Page<'a> {
    /// What became of the run.
    pub report: &'a Report,
    /// The scenario's name.
    pub scenario: &'a str,
    /// Where requests were sent.
    pub url: &'a str,
    /// How fast, in words.
    pub pace: &'a str,
    /// When it started, for people.
    pub started: &'a str,
    /// The command that was given.
    pub command: &'a str,
    /// Where it ran.
    pub machine: &'a Machine,
    /// What was done to the system meanwhile.
    pub marks: &'a [Mark],
    /// How far mappings were behind.
    pub lag: &'a [Lag],
}

/// Something that happened during a run, such as a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// When, after the run's start.
    #[serde(rename = "at_s", serialize_with = "seconds")]
    pub at: Duration,
    /// What, in a few words.
    pub label: String,
}

/// How far a mapping was behind during a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lag {
    /// The mapping, as a person calls it.
    pub mapping: String,
    /// Records not processed yet, at so many seconds after the start; `None` where nobody knew.
    pub samples: Vec<(u64, Option<i64>)>,
}

/// Serialised as the page's data.
#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    page: &'a Page<'a>,
    seconds: &'a [Second],
    percentiles: &'a [(f64, f64)],
}

impl Page<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let Report { seconds, percentiles, .. } = self.report;
        let data = Data { page: self, seconds, percentiles };
        let json = serde_json::to_string(&data).expect("strings and numbers become JSON");
        // In a script element only `<` can end it or begin a comment.
        let json = json.replace('<', "\\u003c");
        let parts = [
            ("{{uplot.css}}", UPLOT_STYLE),
            ("{{page.css}}", STYLE),
            ("{{uplot.js}}", UPLOT_SCRIPT),
            ("{{data}}", &json),
            ("{{page.js}}", SCRIPT),
        ];
        let mut html = String::with_capacity(PAGE.len() + UPLOT_SCRIPT.len() + json.len());
        let mut left = PAGE;
        for (mark, part) in parts {
            let (before, after) = left.split_once(mark).expect("the page has each mark, in order");
            html.push_str(before);
            html.push_str(part);
            left = after;
        }
        html.push_str(left);
        html
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(url: &str) -> String {
        let machine =
            Machine { cores: 2, cpu: Some("a CPU".to_owned()), system: "Linux".to_owned() };
        let marks = [Mark { at: Duration::from_millis(1_500), label: "<b>".to_owned() }];
        let page = Page {
            report: &Report::default(),
            scenario: "events",
            url,
            pace: "200/s",
            started: "now",
            command: "cargo local load",
            machine: &machine,
            marks: &marks,
            lag: &[Lag { mapping: "process_events".to_owned(), samples: vec![(0, None)] }],
        };
        page.html()
    }

    fn data(html: &str) -> serde_json::Value {
        let start = html.split("<script type=\"application/json\" id=\"data\">").nth(1).unwrap();
        serde_json::from_str(start.split("</script>").next().unwrap()).unwrap()
    }

    #[test]
    fn nothing_from_outside_is_read_as_html() {
        let url = "http://h/</script><script>alert(1)</script><!--{{page.js}}";
        let html = html(url);
        assert!(!html.contains("alert(1)</script>"));
        let data = data(&html);
        assert_eq!(data["url"], url);
        assert_eq!(data["marks"][0], serde_json::json!({ "at_s": 1.5, "label": "<b>" }));
    }

    #[test]
    fn the_page_needs_nothing_else() {
        let html = html("http://127.0.0.1:3000");
        assert!(!html.contains("{{"), "a mark is left");
        for outside in ["src=", "href=", "@import", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert_eq!(html.matches("<script").count(), html.matches("</script>").count());
    }
}
