//! What an order is, and everything that is wrong with one that is not.

use serde_json::{Map, Value};

/// The most of one item that one order may ask for: more is a mistake.
pub const QUANTITY_MAX: u32 = 10_000;

/// The longest order, in bytes. Its own fields take a few hundred; the rest is the caller's.
pub const ORDER_BYTES_MAX: usize = 16 * 1024;

/// The longest name of an item, in bytes. It is a part of keys and of addresses.
pub const ITEM_BYTES_MAX: usize = 128;

/// The longest user id, in bytes.
const USER_ID_BYTES_MAX: usize = 128;

/// Somebody wants some of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Who.
    pub user_id: String,
    /// What.
    pub item: String,
    /// How many, from 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
}

/// Why a text is no order.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// It is not one JSON object.
    #[error("it is not a JSON object")]
    Json(#[source] serde_json::Error),
    /// It lacks what an order has, or has it wrong.
    #[error("it has wrong fields: {}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Fields {
        /// Everything that is wrong, in order of the fields.
        problems: Vec<FieldProblem>,
    },
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct FieldProblem {
    /// Its name.
    pub field: &'static str,
    /// What is wrong, after its name.
    pub problem: String,
}

impl Order {
    /// Reads an order. Fields that mean nothing here are passed over.
    pub fn parse(body: &[u8]) -> Result<Self, OrderError> {
        let fields: Map<String, Value> = serde_json::from_slice(body).map_err(OrderError::Json)?;
        let user_id = text(&fields, "user_id", USER_ID_BYTES_MAX);
        let item = text(&fields, "item", ITEM_BYTES_MAX);
        let quantity = quantity(&fields);
        match (user_id, item, quantity) {
            (Ok(user_id), Ok(item), Ok(quantity)) => Ok(Self { user_id, item, quantity }),
            (user_id, item, quantity) => {
                let problems = [user_id.err(), item.err(), quantity.err()];
                Err(OrderError::Fields { problems: problems.into_iter().flatten().collect() })
            }
        }
    }
}

/// What is wrong with the name of an item; `None` for one that an order may have.
pub fn check_item(item: &str) -> Option<String> {
    check_text(item, ITEM_BYTES_MAX)
}

fn text(
    fields: &Map<String, Value>,
    field: &'static str,
    bytes_max: usize,
) -> Result<String, FieldProblem> {
    let problem = match fields.get(field) {
        None | Some(Value::Null) => "is missing".to_owned(),
        Some(Value::String(text)) => match check_text(text, bytes_max) {
            None => return Ok(text.clone()),
            Some(problem) => problem,
        },
        Some(_) => "is not a text".to_owned(),
    };
    Err(FieldProblem { field, problem })
}

fn check_text(text: &str, bytes_max: usize) -> Option<String> {
    if text.trim().is_empty() {
        Some("is empty".to_owned())
    } else if text.len() > bytes_max {
        Some(format!("has {} bytes, {bytes_max} are allowed", text.len()))
    } else if text.chars().any(char::is_control) {
        Some("has a control character".to_owned())
    } else {
        None
    }
}

fn quantity(fields: &Map<String, Value>) -> Result<u32, FieldProblem> {
    let problem = match fields.get("quantity") {
        None | Some(Value::Null) => "is missing".to_owned(),
        Some(value) => {
            let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
            match number.filter(|number| (1..=QUANTITY_MAX).contains(number)) {
                Some(number) => return Ok(number),
                None => format!("is not a whole number from 1 to {QUANTITY_MAX}"),
            }
        }
    };
    Err(FieldProblem { field: "quantity", problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(body: &str) -> Vec<String> {
        match Order::parse(body.as_bytes()) {
            Err(OrderError::Fields { problems }) => {
                problems.iter().map(ToString::to_string).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_order_is_read_and_what_else_is_there_passed_over() {
        let order = Order::parse(br#"{"user_id":"u","item":"pizza","quantity":1,"load_id":"x"}"#);
        let expected = Order { user_id: "u".into(), item: "pizza".into(), quantity: 1 };
        assert_eq!(order.unwrap(), expected);
        let most = format!(r#"{{"user_id":"u","item":"i","quantity":{QUANTITY_MAX}}}"#);
        assert_eq!(Order::parse(most.as_bytes()).unwrap().quantity, QUANTITY_MAX);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let all = ["`user_id` is missing", "`item` is missing", "`quantity` is missing"];
        assert_eq!(problems("{}"), all);
        assert_eq!(problems(r#"{"user_id":null,"item":null,"quantity":null}"#), all);
        assert_eq!(
            problems(r#"{"user_id":" ","item":7,"quantity":"1"}"#),
            [
                "`user_id` is empty",
                "`item` is not a text",
                "`quantity` is not a whole number from 1 to 10000"
            ]
        );
    }

    #[test]
    fn a_quantity_is_a_whole_number_within_reason() {
        for quantity in ["0", "-1", "1.5", "1.0", "10001", "1e3", "99999999999999999999", "true"] {
            let body = format!(r#"{{"user_id":"u","item":"i","quantity":{quantity}}}"#);
            assert_eq!(problems(&body).len(), 1, "{quantity}");
        }
    }

    #[test]
    fn names_that_no_key_can_hold_are_refused() {
        let long = "x".repeat(ITEM_BYTES_MAX + 1);
        let body = format!(r#"{{"user_id":"a\nb","item":"{long}","quantity":1}}"#);
        assert_eq!(
            problems(&body),
            ["`user_id` has a control character", "`item` has 129 bytes, 128 are allowed"]
        );
    }

    #[test]
    fn what_is_no_object_is_no_order() {
        for body in ["", "[]", "[\"u\",\"i\",1]", "\"x\"", "{", "7"] {
            let order = Order::parse(body.as_bytes());
            assert!(matches!(order, Err(OrderError::Json(_))), "{body}: {order:?}");
        }
    }
}
