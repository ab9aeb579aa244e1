//! Plain tokio-tungstenite as most Rust users write it: one task, default buffers, read and answer in turn. The floor of
//! what the library costs; killcord is built on the same one. Answers heartbeats and nothing else.
//!
//! ```text
//! tungstenite_peer answer PORT COUNT RATE OUT
//! ```

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::error::Error;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(2).ok_or("which port?")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(run(&port))
}

async fn run(port: &str) -> Result<(), Box<dyn Error>> {
    let socket = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
    socket.set_nodelay(true)?;
    let (mut link, _) = client_async(format!("ws://127.0.0.1:{port}/"), socket).await?;
    link.send(Message::text(r#"{"id":1,"method":"public/auth"}"#)).await?;
    while let Some(Ok(message)) = link.next().await {
        let Message::Text(text) = message else { continue };
        let heard: Value = serde_json::from_str(&text)?;
        if heard["method"] == "public/heartbeat" {
            let answer = json!({"id": heard["id"], "method": "public/respond-heartbeat"});
            link.send(Message::text(answer.to_string())).await?;
        }
    }
    Ok(())
}
