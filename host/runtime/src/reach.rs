//! What a guest has of WASI: clocks, random numbers, a way into the log, and of the rest what it was granted.

use std::net::SocketAddr;

use tidemill_engine::limits;
use wasmtime_wasi::{FsPerms, WasiCtx, sockets::SocketAddrUse};

use crate::{
    allow::{Address, Folder},
    grants::Grants,
    guest_log::{GuestLog, Output},
    refusals::Way,
    stdio::GuestOutput,
};

/// The WASI of one instance. Fails where a folder cannot be opened.
pub fn wasi(grants: &Grants, log: &GuestLog) -> wasmtime::Result<WasiCtx> {
    let allow = &grants.sandbox.allow;
    let mut builder = WasiCtx::builder();
    builder
        .stdout(GuestOutput::new(log.clone(), Output::Stdout))
        .stderr(GuestOutput::new(log.clone(), Output::Stderr))
        .max_random_size(limits::GUEST_RANDOM_BYTES)
        .allow_udp(false)
        .allow_tcp(!allow.connect.is_empty())
        .allow_ip_name_lookup(allow.connect.iter().any(|address| address.ip().is_none()));
    for (key, value) in &allow.environment {
        builder.env(key, value);
    }
    for Folder { path, seen_as, write } in &allow.folders {
        let permissions = if *write { FsPerms::ReadWrite } else { FsPerms::ReadOnly };
        let opened = builder.preopened_dir(path, seen_as, permissions);
        opened.map_err(|error| error.context(format!("cannot open the folder {}", path.display())))?;
    }
    if !allow.connect.is_empty() {
        let (grants, log) = (grants.clone(), log.clone());
        builder.socket_addr_check(move |asked, wish| {
            let (grants, log) = (grants.clone(), log.clone());
            Box::pin(async move { is_allowed(&grants, &log, asked, wish).await })
        });
    }
    Ok(builder.build())
}

/// A guest may connect to where it was allowed to, and not listen. A socket that connects is bound first, to whatever
/// address the system picks.
async fn is_allowed(grants: &Grants, log: &GuestLog, asked: SocketAddr, wish: SocketAddrUse) -> bool {
    match wish {
        SocketAddrUse::TcpBind => asked.ip().is_unspecified() && asked.port() == 0,
        SocketAddrUse::TcpConnect => {
            let granted = leads_to(&grants.sandbox.allow.connect, asked).await;
            if !granted {
                let address = Address::new(&asked.ip().to_string(), asked.port());
                grants.refusals.tell(log, Way::Connect, &address);
            }
            granted
        }
        _ => false,
    }
}

/// Whether one of the addresses is the one that was asked for. Names are resolved now: what they meant earlier is no
/// longer theirs.
async fn leads_to(allowed: &[Address], asked: SocketAddr) -> bool {
    let wanted = asked.ip().to_canonical();
    for address in allowed.iter().filter(|address| address.port() == asked.port()) {
        let is_it = match address.ip() {
            Some(ip) => ip.to_canonical() == wanted,
            None => tokio::net::lookup_host((address.host(), address.port()))
                .await
                .is_ok_and(|mut found| found.any(|found| found.ip().to_canonical() == wanted)),
        };
        if is_it {
            return true;
        }
    }
    false
}
