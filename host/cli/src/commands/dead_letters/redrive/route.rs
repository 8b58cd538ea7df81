//! Where letters go when they are redriven.

use tidemill_engine::{dead_letter::DeadLetter, producer::BatchTicket};

use super::{back::Back, through::Through};

/// Where letters go.
#[derive(Debug)]
pub enum Route {
    /// Onto a stream.
    Back(Box<Back>),
    /// Through the pipeline's handler, and to its sinks.
    Through(Through),
}

/// A letter on its way.
#[derive(Debug, Default)]
pub struct Begun(pub Vec<BatchTicket>);

impl Route {
    /// Sends a letter on its way. An error says why it cannot go.
    pub async fn begin(&self, letter: &DeadLetter) -> Result<Begun, String> {
        match self {
            Self::Back(back) => back.begin(letter).await,
            Self::Through(through) => through.begin(letter).await,
        }
    }

    /// Has what was begun go without waiting for company.
    pub async fn flush(&self) {
        match self {
            Self::Back(back) => back.flush().await,
            Self::Through(through) => through.flush().await,
        }
    }

    /// Closes the producers.
    pub async fn close(&self) {
        match self {
            Self::Back(back) => back.close().await,
            Self::Through(through) => through.close().await,
        }
    }
}

impl Begun {
    /// Waits until everything is acknowledged. An error says what is not.
    pub async fn settle(self) -> Result<(), String> {
        for ticket in self.0 {
            for settled in ticket.await {
                settled.map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}
