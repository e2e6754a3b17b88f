//! `mapping`: lists, pauses, resumes and moves event source mappings.

use tokio::task::spawn_blocking;

use crate::args::{Mapping, Place};
use crate::failure::CommandError;
use crate::running::{RunningError, running};
use crate::status::Mappings;
use crate::{tables, terminal};

/// The state of a mapping that has left its group.
const DISABLED: &str = "Disabled";

pub(super) async fn run(place: &Place, command: Mapping) -> Result<(), CommandError> {
    let running = running(place)?;
    let mappings = running.mappings().await?;
    match command {
        Mapping::List { json: true } => terminal::out(tables::json(&mappings))?,
        Mapping::List { json: false } => terminal::out(tables::mappings(&mappings))?,
        Mapping::Pause { mapping } => {
            let id = id(&mappings, &mapping)?;
            running.control().pause(id).await.map_err(RunningError::from)?;
            terminal::note(format!("paused {id}"));
        }
        Mapping::Resume { mapping } => {
            let id = id(&mappings, &mapping)?;
            running.control().resume(id).await.map_err(RunningError::from)?;
            terminal::note(format!("resumed {id}"));
        }
        Mapping::Reset { mapping, to } => {
            let id = id(&mappings, &mapping)?;
            let detail = mappings.mappings.iter().find(|mapping| mapping.id == id);
            if detail.is_some_and(|detail| detail.state != DISABLED) {
                return Err(CommandError::MappingRuns { id: id.to_owned() });
            }
            let config = running.mapping_config(&running.plan()?, id, &place.data_folder()?)?;
            let config = config.ok_or(CommandError::NoMapping { wanted: mapping })?;
            let moving = spawn_blocking(move || poller::reset(&config, to));
            let offsets = moving.await.expect("moving a group does not panic");
            for (partition, offset) in
                offsets.map_err(|error| CommandError::Reset(Box::new(error)))?
            {
                terminal::note(format!("partition {partition} goes on at offset {offset}"));
            }
        }
    }
    Ok(())
}

/// The id of the mapping that `wanted` names: its id, or a function with one mapping.
fn id<'a>(mappings: &'a Mappings, wanted: &str) -> Result<&'a str, CommandError> {
    let all = &mappings.mappings;
    if let Some(mapping) = all.iter().find(|mapping| mapping.id == wanted) {
        return Ok(&mapping.id);
    }
    let of_function = all.iter().filter(|mapping| mapping.function == wanted);
    let ids: Vec<_> = of_function.map(|mapping| mapping.id.as_str()).collect();
    let wanted = wanted.to_owned();
    match ids.as_slice() {
        [only] => Ok(only),
        [] => Err(CommandError::NoMapping { wanted }),
        several => Err(CommandError::SeveralMappings { wanted, ids: several.join(", ") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::MappingDetail;

    #[test]
    fn a_mapping_is_named_by_its_id_or_by_a_function_with_one() {
        let mappings = [("1", "a"), ("2", "b"), ("3", "b")];
        let mappings = mappings.map(|(id, function)| MappingDetail::example(id, function));
        let mappings = Mappings { mappings: mappings.to_vec() };
        assert_eq!(id(&mappings, "2").unwrap(), "2");
        assert_eq!(id(&mappings, "a").unwrap(), "1");
        assert!(matches!(id(&mappings, "c"), Err(CommandError::NoMapping { .. })));
        let error = id(&mappings, "b").unwrap_err();
        assert_eq!(error.to_string(), "function `b` has several mappings: 2, 3");
    }
}
