//! The control API: what an operator's command does to the store.
//!
//! Source: manager/controlapi/service.go (control-plane section 3).

use std::rc::Rc;

use super::store::Store;
use crate::model::command::{Command, SpecChange};
use crate::model::update::{CommandError, UpdateMessage, UpdateState, UpdateStatus};
use crate::model::{ServiceId, spec_change};

/// Carries out a command, in one transaction.
///
/// # Errors
/// If the managers refuse it; then nothing is written.
pub fn execute(command: &Command, store: &mut Store) -> Result<(), CommandError> {
    match command {
        Command::ServiceCreate { service, spec } => store.create_service(*service, (**spec).clone()),
        Command::ServiceUpdate { service, change } => update(store, *service, change)?,
        Command::ServiceRollback { service } => roll_back(store, *service)?,
        Command::ServiceRemove { service } => {
            exists(store, *service)?;
            store.remove_service(*service);
        }
        Command::NodeUpdate { .. } => unreachable!("plans contain no commands on nodes yet"),
    }
    store.commit();
    Ok(())
}

/// Any update, also one that changes nothing, keeps the specification as the previous one and clears the update status.
///
/// Source: `UpdateService` (control-plane A3).
fn update(store: &mut Store, service: ServiceId, change: &SpecChange) -> Result<(), CommandError> {
    exists(store, service)?;
    store.update_service(service, |row| {
        let mut spec = (*row.spec).clone();
        spec_change::apply(change, &mut spec);
        row.previous = Some((std::mem::replace(&mut row.spec, Rc::new(spec)), row.spec_version));
        row.spec_version = row.version;
        row.update_status = None;
        true
    });
    Ok(())
}

/// Swaps the specification with the previous one.
///
/// Source: `UpdateService` with rollback (control-plane A4).
fn roll_back(store: &mut Store, service: ServiceId) -> Result<(), CommandError> {
    exists(store, service)?;
    let rolled_back = store.update_service(service, |row| {
        let Some((spec, spec_version)) = row.previous.take() else { return false };
        row.previous = Some((std::mem::replace(&mut row.spec, spec), row.spec_version));
        row.spec_version = spec_version;
        let message = UpdateMessage::ManualRollback;
        row.update_status = Some(UpdateStatus { state: UpdateState::RollbackStarted, message });
        true
    });
    if rolled_back { Ok(()) } else { Err(CommandError::NoPreviousSpec(service)) }
}

fn exists(store: &Store, service: ServiceId) -> Result<(), CommandError> {
    store.service(service).map(|_| ()).ok_or(CommandError::ServiceNotFound(service))
}
