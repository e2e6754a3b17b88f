//! Which template and which data folder a command means.

use std::path::{Path, PathBuf};

use crate::args::Place;
use crate::data_folder::Layout;

/// The names a template may have, the first found in a folder wins; the same as SAM's.
const TEMPLATES: [&str; 2] = ["template.yaml", "template.yml"];

/// The data folder beside a template.
const DATA: &str = ".millrace";

/// Why there is no template.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// None is here or above.
    #[error("there is no template.yaml in `{directory}` or above it")]
    NoTemplate {
        /// Where the search began.
        directory: PathBuf,
    },
    /// The working directory is gone.
    #[error("the working directory cannot be read")]
    NoDirectory(#[source] std::io::Error),
}

impl LocateError {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoTemplate { .. } => {
                Some("go to the project's folder, or pass --template FILE".to_owned())
            }
            Self::NoDirectory(_) => None,
        }
    }
}

/// The template: the one given, else the nearest.
pub(crate) fn template(place: &Place) -> Result<PathBuf, LocateError> {
    let directory = std::env::current_dir().map_err(LocateError::NoDirectory)?;
    match &place.template {
        Some(template) => Ok(directory.join(template)),
        None => nearest(&directory),
    }
}

/// The data folder: the one given, else that of the template.
pub(crate) fn data(place: &Place) -> Result<Layout, LocateError> {
    let root = match &place.data {
        Some(data) => std::path::absolute(data).map_err(LocateError::NoDirectory)?,
        None => beside(&template(place)?),
    };
    Ok(Layout::new(root))
}

fn nearest(directory: &Path) -> Result<PathBuf, LocateError> {
    let candidates =
        directory.ancestors().flat_map(|folder| TEMPLATES.map(|name| folder.join(name)));
    candidates
        .into_iter()
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| LocateError::NoTemplate { directory: directory.to_owned() })
}

fn beside(template: &Path) -> PathBuf {
    template.parent().unwrap_or(template).join(DATA)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_template_above_is_found_and_data_lies_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("project/functions/f");
        fs::create_dir_all(&inner).unwrap();
        let template = root.path().join("project/template.yaml");
        fs::write(&template, "").unwrap();
        fs::write(root.path().join("template.yaml"), "").unwrap();
        assert_eq!(nearest(&inner).unwrap(), template);
        assert_eq!(beside(&template), root.path().join("project/.millrace"));
    }

    #[test]
    fn without_a_template_the_folder_searched_is_named() {
        let root = tempfile::tempdir().unwrap();
        let error = nearest(root.path()).unwrap_err();
        assert!(error.to_string().contains(&root.path().display().to_string()), "{error}");
    }

    #[test]
    fn what_is_given_is_taken() {
        let given = Place {
            template: Some(PathBuf::from("/p/other.yaml")),
            data: Some(PathBuf::from("/d")),
        };
        assert_eq!(template(&given).unwrap(), Path::new("/p/other.yaml"));
        assert_eq!(data(&given).unwrap().root(), Path::new("/d"));
    }
}
