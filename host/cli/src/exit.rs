//! Exit codes: what a script may conclude from how `tidemill` ended. `docs/exit-codes.md` is their documentation.

use std::process::ExitCode;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did what it was asked.
    Ok = 0,
    /// A bug, or something that nobody foresaw.
    Unexpected = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A setting is missing or wrong.
    Settings = 3,
    /// A component was refused.
    Component = 4,
    /// A stream, the service, the network or a file of the machine is not as it has to be.
    Surroundings = 5,
    /// Some of it was done and some was not.
    Partial = 6,
    /// A second signal ended it at once.
    Killed = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_is_documented() {
        let page = include_str!("../../../docs/exit-codes.md");
        let codes = [
            Exit::Ok,
            Exit::Unexpected,
            Exit::Usage,
            Exit::Settings,
            Exit::Component,
            Exit::Surroundings,
            Exit::Partial,
            Exit::Killed,
        ];
        for exit in codes {
            assert!(page.contains(&format!("| {} |", exit as u8)), "{exit:?} is not documented");
        }
    }
}
