//! Keys and attributes of items, to and from Rust's types.

use std::{collections::HashMap, str::FromStr};

use aws_sdk_dynamodb::types::AttributeValue;
use progress::store::StoreError;

/// An item, or a key.
pub(super) type Item = HashMap<String, AttributeValue>;

/// A key of both parts.
pub(super) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// A text.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A whole number.
pub(super) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// A call that gave no answer that can be used.
pub(super) fn call(
    action: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Call { action, source: source.into() }
}

/// The text of an attribute.
pub(super) fn read_text<'i>(
    item: &'i Item,
    attribute: &'static str,
) -> Result<&'i str, StoreError> {
    match item.get(attribute) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(damaged(item, attribute)),
    }
}

/// The number of an attribute; `None` where it is not there.
pub(super) fn optional_number<N: FromStr>(
    item: &Item,
    attribute: &'static str,
) -> Result<Option<N>, StoreError> {
    let Some(value) = item.get(attribute) else { return Ok(None) };
    let parsed = value.as_n().ok().and_then(|text| text.parse().ok());
    parsed.map(Some).ok_or_else(|| damaged(item, attribute))
}

/// The number of an attribute; zero where it is not there.
pub(super) fn read_number<N: FromStr + Default>(
    item: &Item,
    attribute: &'static str,
) -> Result<N, StoreError> {
    Ok(optional_number(item, attribute)?.unwrap_or_default())
}

/// An item that is not as this crate writes it.
pub(super) fn damaged(item: &Item, attribute: &'static str) -> StoreError {
    let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    let part = |name: &str| part(name).map_or("?", String::as_str);
    StoreError::Damaged { item: format!("{} {}", part("pk"), part("sk")), attribute }
}
