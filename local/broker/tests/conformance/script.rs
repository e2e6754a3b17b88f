//! The script of calls, read from `calls.txt`.

/// Chapters of calls.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) chapters: Vec<Chapter>,
}

/// A title and what stands below it.
#[derive(Debug)]
pub(crate) struct Chapter {
    pub(crate) title: &'static str,
    pub(crate) calls: Vec<Call>,
}

/// A call, as every driver reads it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) line: &'static str,
    /// Why the answers of the two clusters are not the same.
    pub(crate) differs: Option<&'static str>,
}

impl Script {
    pub(crate) fn read() -> Self {
        let mut chapters: Vec<Chapter> = Vec::new();
        for line in include_str!("calls.txt").lines().filter(|line| !line.is_empty()) {
            if let Some(title) = line.strip_prefix("# ") {
                chapters.push(Chapter { title, calls: Vec::new() });
                continue;
            }
            let calls = &mut chapters.last_mut().expect("a title comes first").calls;
            match line.strip_prefix("  differs: ") {
                Some(reason) => {
                    calls.last_mut().expect("a call comes first").differs = Some(reason);
                }
                None => calls.push(Call { line, differs: None }),
            }
        }
        Self { chapters }
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.chapters.iter().flat_map(|chapter| &chapter.calls)
    }
}

impl Call {
    /// The call with names that no other client uses.
    pub(crate) fn for_client(&self, prefix: &str) -> String {
        let words = self.line.split(' ').map(|word| match word.split_once('=') {
            Some((key @ ("topic" | "group" | "id"), name)) => format!("{key}={prefix}{name}"),
            Some(_) | None => word.to_owned(),
        });
        let mut words: Vec<String> = words.collect();
        if matches!(self.line, "topics" | "groups") {
            words.push(format!("prefix={prefix}"));
        }
        words.join(" ")
    }
}
