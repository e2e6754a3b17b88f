//! What a request wants, by its path. Ignores what stands before: a named stage is part of the path.

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// To place an order.
    Place,
    /// To know what became of an order.
    Order(&'a str),
}

/// What a path asks for, `None` when it asks for nothing.
pub(crate) fn route(path: &str) -> Option<Route<'_>> {
    let mut segments = path.trim_end_matches('/').rsplit('/');
    match (segments.next()?, segments.next()) {
        (order_id, Some("order")) => Some(Route::Order(order_id)),
        ("order", Some(_)) => Some(Route::Place),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_ask_for_something_or_nothing() {
        for (path, expected) in [
            ("/order", Some(Route::Place)),
            ("/order/", Some(Route::Place)),
            ("/prod/order", Some(Route::Place)),
            ("/order/abc", Some(Route::Order("abc"))),
            ("/prod/order/abc", Some(Route::Order("abc"))),
            ("/", None),
            ("/orders", None),
            ("/order/a/b", None),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }
}
