//! A closure is a middleware, and a closure is a client.

use gw_core::{BoxFuture, Client, Request, Response, Result};

use crate::{Middleware, Next};

/// A middleware made of a closure; see [`middleware_fn`].
#[derive(Clone, Debug)]
pub struct MiddlewareFn<F>(F);

/// Makes a middleware of a closure.
pub fn middleware_fn<F>(handle: F) -> MiddlewareFn<F>
where
    F: for<'a> Fn(Request, Next<'a>) -> BoxFuture<'a, Result<Response>> + Send + Sync + 'static,
{
    MiddlewareFn(handle)
}

impl<F> Middleware for MiddlewareFn<F>
where
    F: for<'a> Fn(Request, Next<'a>) -> BoxFuture<'a, Result<Response>> + Send + Sync + 'static,
{
    fn handle<'a>(&'a self, req: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        (self.0)(req, next)
    }
}

/// A client made of an async closure; see [`client_fn`].
#[derive(Clone, Debug)]
pub struct ClientFn<F>(F);

/// Makes a client of an async closure.
pub fn client_fn<F, R>(call: F) -> ClientFn<F>
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Response>> + Send + 'static,
{
    ClientFn(call)
}

impl<F, R> Client for ClientFn<F>
where
    F: Fn(Request) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Response>> + Send + 'static,
{
    fn call(&self, req: Request) -> BoxFuture<'_, Result<Response>> {
        Box::pin((self.0)(req))
    }
}
