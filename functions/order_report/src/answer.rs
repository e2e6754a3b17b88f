//! From an answer to an HTTP response. The only file that knows statuses.

use json_http::{Failure, RequestError, Retry, failed, json};
use lambda_http::{Body, Response, http::StatusCode};
use orders::{RestockError, Stock, Summary};
use progress::store::StoreError;
use serde::Serialize;

/// What a request is told.
pub(crate) type Answer = Result<Success, Problem>;

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Success {
    Analytics(Analytics),
    Inventory(Vec<Shelf>),
    Item(Shelf),
    Restocked { item: Shelf, repeated: bool },
}

/// Why it is not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("`quantity` is not a whole number from 1 to {most}")]
    Quantity { most: u32 },
    #[error("the {what} {problem}")]
    Name { what: &'static str, problem: String },
    #[error("restock id `{id}` was used with quantity {quantity}")]
    Different { id: String, quantity: u32 },
    #[error("item not found")]
    NoSuchItem,
    #[error("path not found")]
    NoSuchPath,
    #[error("the table did not answer")]
    Store(#[from] StoreError),
    #[error("nobody answered in time")]
    Late,
    #[error("orders of the item were always first")]
    Contended,
}

impl From<RestockError> for Problem {
    fn from(error: RestockError) -> Self {
        match error {
            RestockError::Different { id, quantity, .. } => Self::Different { id, quantity },
            RestockError::Contended { .. } => Self::Contended,
            RestockError::Store(error) => Self::Store(error),
        }
    }
}

/// The figures with the lag.
#[derive(Debug, Serialize)]
pub(crate) struct Analytics {
    generation: u32,
    #[serde(flatten)]
    summary: Summary,
    lag: Lag,
}

/// Null while it cannot be known.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Lag {
    /// Orders placed and not decided.
    pub(crate) undecided: Option<i64>,
    /// Orders decided and not counted.
    pub(crate) uncounted: Option<u64>,
}

impl Analytics {
    pub(crate) fn new(generation: u32, summary: Summary, lag: Lag) -> Self {
        Self { generation, summary, lag }
    }
}

/// The stock of one item.
#[derive(Debug, Serialize)]
pub(crate) struct Shelf {
    item: String,
    available: u64,
    initial: u64,
    restocked: u64,
    reserved: u64,
}

impl Shelf {
    pub(crate) fn new(item: String, stock: Stock) -> Self {
        let Stock { available, initial, restocked, reserved, version: _ } = stock;
        Self { item, available, initial, restocked, reserved }
    }
}

#[derive(Serialize)]
struct InventoryBody<'a> {
    items: &'a [Shelf],
}

#[derive(Serialize)]
struct RestockedBody<'a> {
    #[serde(flatten)]
    item: &'a Shelf,
    /// Whether the delivery was told of before.
    repeated: bool,
}

/// The response for an answer.
pub(crate) fn respond(answer: &Answer) -> Response<Body> {
    match answer {
        Ok(Success::Analytics(analytics)) => json(StatusCode::OK, analytics),
        Ok(Success::Inventory(items)) => json(StatusCode::OK, &InventoryBody { items }),
        Ok(Success::Item(item)) => json(StatusCode::OK, item),
        Ok(Success::Restocked { item, repeated }) => {
            json(StatusCode::OK, &RestockedBody { item, repeated: *repeated })
        }
        Err(problem) => failed(&failure(problem)),
    }
}

fn failure(problem: &Problem) -> Failure<'static> {
    let (status, code) = match problem {
        Problem::Request(error) => return error.failure(),
        Problem::Quantity { .. } | Problem::Name { .. } => {
            (StatusCode::BAD_REQUEST, "invalid_restock")
        }
        Problem::Different { .. } => (StatusCode::CONFLICT, "restock_id_used"),
        Problem::NoSuchItem => (StatusCode::NOT_FOUND, "not_found"),
        Problem::NoSuchPath => (StatusCode::NOT_FOUND, "no_such_path"),
        // Every request here may be repeated: a restock has an id.
        Problem::Store(_) | Problem::Late | Problem::Contended => {
            let (status, message) =
                (StatusCode::SERVICE_UNAVAILABLE, "the table does not answer now, try again");
            return Failure::new(status, "unavailable", message, Retry::Safe);
        }
    };
    Failure::new(status, code, problem.to_string(), Retry::No)
}
