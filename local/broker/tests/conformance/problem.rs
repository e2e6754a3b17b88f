//! An answer that is not as the script or a case says.

/// What is told of it.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Who asked what.
    pub(crate) asked: String,
    /// All of it.
    pub(crate) told: String,
    /// Whether both answers have the same lists, in another order only: no client relies on the order of partitions,
    /// groups and topics, and Kafka's changes with its version.
    pub(crate) is_order: bool,
}

impl Problem {
    /// A call or request that both answered, and not in the same way.
    pub(crate) fn new(asked: String, (real, ours): (&str, &str), note: &str) -> Self {
        let told = format!("{asked}\n-- real Kafka\n{real}\n-- this broker\n{ours}{note}");
        Self { asked, told, is_order: false }
    }

    /// Something that is wrong with the case itself.
    pub(crate) fn of_case(told: String) -> Self {
        Self { asked: told.clone(), told, is_order: false }
    }

    /// The same, where answers with lists in another order are no more than that.
    pub(crate) fn in_any_order(self, (real, ours): (&str, &str)) -> Self {
        Self { is_order: sorted(real) == sorted(ours), ..self }
    }
}

/// An answer, as `Debug` prints it, with the elements of every list in order.
fn sorted(answer: &str) -> String {
    let Some(open) = answer.find('[') else { return answer.to_owned() };
    let (before, list) = answer.split_at(open);
    let Some(close) = end_of_list(list) else { return answer.to_owned() };
    let (list, after) = (&list[1..close], &list[close + 1..]);
    let mut elements: Vec<String> = elements(list).into_iter().map(sorted).collect();
    elements.sort_unstable();
    format!("{before}[{}]{}", elements.join(", "), sorted(after))
}

/// Where the list that a text begins with is closed.
fn end_of_list(text: &str) -> Option<usize> {
    let mut depth = 0;
    marks(text).find_map(|(at, mark)| {
        depth += i32::from(mark == '[') - i32::from(mark == ']');
        (depth == 0).then_some(at)
    })
}

/// The elements of a list, without its brackets.
fn elements(list: &str) -> Vec<&str> {
    let (mut depth, mut from, mut elements) = (0, 0, Vec::new());
    for (at, mark) in marks(list) {
        match mark {
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth -= 1,
            _ if depth == 0 => {
                elements.push(list[from..at].trim_start());
                from = at + 1;
            }
            _ => {}
        }
    }
    elements.push(list[from..].trim_start());
    elements
}

/// The brackets and commas of a text that stand in none of its strings.
fn marks(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.char_indices().filter(move |(_, mark)| {
        match mark {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ => return !is_quoted && "[]{}(),".contains(*mark),
        }
        false
    })
}

#[test]
fn only_lists_may_be_in_another_order() {
    let one = r#"{ a: [P { n: 1, e: 0, l: [1, 2] }, P { n: 0, e: 3, l: [] }], m: Some("x, [") }"#;
    let turned =
        r#"{ a: [P { n: 0, e: 3, l: [] }, P { n: 1, e: 0, l: [2, 1] }], m: Some("x, [") }"#;
    let swapped =
        r#"{ a: [P { n: 0, e: 0, l: [] }, P { n: 1, e: 3, l: [1, 2] }], m: Some("x, [") }"#;
    assert_eq!(sorted(one), sorted(turned));
    assert_ne!(sorted(one), sorted(swapped));
}
