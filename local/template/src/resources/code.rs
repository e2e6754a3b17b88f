//! Where a function's program comes from: `CodeUri` or `Code`, with the build method.

use std::path::{Path, PathBuf};

use super::{Context, Resource};
use crate::{
    place::{Fields, Place},
    plan::Code,
};

/// Runtimes whose program is an executable that speaks the Runtime API itself.
const CUSTOM_RUNTIMES: [&str; 3] = ["provided", "provided.al2", "provided.al2023"];

const CARGO: &str = "rust-cargolambda";

pub(super) fn read(resource: &Resource<'_>, fields: &Fields<'_>, context: &Context<'_>) -> Code {
    let key = if resource.kind == "AWS::Lambda::Function" { "Code" } else { "CodeUri" };
    let path = match fields.required(key) {
        Some(place) => path(&place, context.directory),
        None => None,
    };
    let path = path.unwrap_or_default();
    let build = build(resource, fields.place());
    if let Some(place) = fields.required("Runtime") {
        check_runtime(&place, &path, build.is_some());
    }
    match build {
        Some(Build { binary }) => Code::Cargo { directory: path, binary },
        None => Code::Prebuilt { path },
    }
}

/// A local path; everything else that AWS takes is somewhere else.
fn path(place: &Place<'_>, directory: &Path) -> Option<PathBuf> {
    let elsewhere = !place.node().entries().is_empty();
    let text = if elsewhere { None } else { Some(place.text()?) };
    let Some(text) = text.filter(|text| !text.starts_with("s3://")) else {
        let hint = "give the path of a folder or an executable".to_owned();
        place.problem_with_hint("code must be a path on this machine", Some(hint));
        return None;
    };
    if Path::new(text).extension().is_some_and(|extension| extension == "zip") {
        let hint = "give the path of the unpacked folder".to_owned();
        place.problem_with_hint("an archive is not unpacked here", Some(hint));
        return None;
    }
    // Without touching the disk: drops `.` and a slash at the end, keeps links as they are.
    Some(directory.join(text).components().collect())
}

struct Build {
    binary: Option<String>,
}

/// The resource's `Metadata`: what `sam build` is told.
fn build(resource: &Resource<'_>, properties: &Place<'_>) -> Option<Build> {
    let metadata = resource.metadata.as_ref()?;
    let method = metadata.get("BuildMethod")?;
    let path = format!("Resources.{}.Metadata.BuildMethod", resource.logical_id);
    let place = properties.elsewhere(method, path);
    let text = place.text()?;
    if text != CARGO {
        // Whoever starts the function says whether it has been built.
        place.warning(format!(
            "the build method `{text}` is not run here: what it makes must be in `CodeUri`, or in the \
             folder that `--artifacts` names"
        ));
        return None;
    }
    let binary = metadata.get("BuildProperties").and_then(|node| node.get("Binary"));
    let path = format!("Resources.{}.Metadata.BuildProperties.Binary", resource.logical_id);
    let binary = binary.and_then(|node| properties.elsewhere(node, path).text());
    Some(Build { binary: binary.map(str::to_owned) })
}

fn check_runtime(place: &Place<'_>, path: &Path, cargo: bool) {
    let Some(runtime) = place.text() else { return };
    if CUSTOM_RUNTIMES.contains(&runtime) || (!cargo && path.is_file()) {
        return;
    }
    place.problem_with_hint(
        format!("the runtime `{runtime}` does not run here, only provided.*"),
        Some("or let the code be the path of an executable that speaks the Runtime API".to_owned()),
    );
}
