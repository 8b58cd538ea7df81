//! Serves an embedded Kinesis until standard input ends: `cargo run -p tidemill-local-kinesis --example serve --
//! [PORT [FOLDER]]`.

use std::{env, error::Error};

use tidemill_local_kinesis::{LocalKinesis, Settings};
use tokio::io::AsyncReadExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut settings = Settings::default();
    if let Some(port) = arguments.next() {
        settings.port = port.parse()?;
    }
    settings.data_dir = arguments.next().map(Into::into);
    settings.model.enforce_limits = arguments.next().is_some_and(|word| word == "enforce");
    let local = LocalKinesis::start(settings).await?;
    println!("{}", local.url());
    let mut rest = Vec::new();
    tokio::io::stdin().read_to_end(&mut rest).await?;
    local.stop().await;
    Ok(())
}
