//! What a request wants, by its path and what API Gateway found in it.

use lambda_http::{Request, RequestExt, http::Method};

/// What a request wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The figures.
    Analytics,
    /// The stock of every item.
    Inventory,
    /// The stock of one item.
    Item(String),
    /// To tell of a delivery.
    Restock { item: String, id: String },
}

/// What a request wants, `None` when it wants nothing that there is.
pub(crate) fn route(request: &Request) -> Option<Route> {
    let parameters = request.path_parameters();
    let parameter = |name| parameters.first(name).map(str::to_owned);
    let path = request.uri().path().trim_end_matches('/');
    match (request.method(), parameter("item"), parameter("restock_id")) {
        (&Method::PUT, Some(item), Some(id)) => Some(Route::Restock { item, id }),
        (&Method::GET, Some(item), None) => Some(Route::Item(item)),
        (&Method::GET, None, None) if path.ends_with("/analytics") => Some(Route::Analytics),
        (&Method::GET, None, None) if path.ends_with("/inventory") => Some(Route::Inventory),
        _ => None,
    }
}
