//! The first of three requests over HTTP; the other two are cancelled. The server is this program's
//! own, on the loopback.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use stook::{OrCancel, When};
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn Error + Send + Sync>;

/// The post's title, asked of the server. The whole exchange is a cancel point: it is dropped, and the
/// connection closed.
async fn fetch(server: SocketAddr, post: u32) -> Result<String, Failure> {
    exchange(server, post).or_cancel().await?
}

async fn exchange(server: SocketAddr, post: u32) -> Result<String, Failure> {
    let stream = TcpStream::connect(server).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(format!("/posts/{post}"))
        .header("host", "localhost")
        .body(Empty::<Bytes>::new())?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let body = response.into_body().collect().await?.to_bytes();
        Ok::<_, Failure>(String::from_utf8(body.to_vec())?)
    };
    tokio::pin!(connection);
    tokio::select! {
        answer = answer => answer,
        end = &mut connection => {
            end?;
            Err("the server closed the connection".into())
        }
    }
}

/// Answers a post of number N after N times 0.1 seconds.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let number = request
        .uri()
        .path()
        .rsplit('/')
        .next()
        .and_then(|number| number.parse().ok());
    let title = match number {
        Some(1) => "sunt aut facere repellat provident occaecati excepturi optio reprehenderit",
        Some(2) => "qui est esse",
        _ => "ea molestias quasi exercitationem repellat qui ipsa sit aut",
    };
    tokio::time::sleep(Duration::from_millis(100) * number.unwrap_or(0)).await;
    Ok(Response::new(Full::from(title)))
}

async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(connection);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let server = listener.local_addr()?;
    tokio::spawn(serve(listener));

    let tasks = [1, 2, 3].map(|post| stook::spawn(fetch(server, post)));
    let waited = stook::wait(&tasks, When::FirstCompleted, None).await?;
    for outcome in waited.done.iter().filter_map(|task| task.try_take()) {
        println!("First result: {}", outcome.into_result()?);
    }
    println!("Still pending: {} tasks", waited.pending.len());
    for task in waited.pending {
        task.cancel();
    }
    Ok(())
}
