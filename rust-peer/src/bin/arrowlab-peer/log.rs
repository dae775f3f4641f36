//! What the library traces, on standard error, when the environment asks for it.

use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// The first that is set counts.
const VARIABLES: [&str; 2] = ["ARROWLAB_LOG", "RUST_LOG"];

/// Takes a level (`debug`) or levels by target (`arrowlab=trace`). Without either variable nothing is traced.
pub fn begin() {
    let Some((variable, text)) = VARIABLES.iter().find_map(|name| Some((name, std::env::var(name).ok()?))) else {
        return;
    };
    match text.parse::<Targets>() {
        Ok(targets) => {
            let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
            tracing_subscriber::registry().with(lines).with(targets).init();
        }
        // It may have been meant for other programs.
        Err(error) => eprintln!("arrowlab-peer: expected levels in {variable}, found {text:?}: {error}"),
    }
}
