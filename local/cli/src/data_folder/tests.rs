//! Who may use a data folder, and what is deleted.

use super::*;

fn layout(root: &tempfile::TempDir) -> Layout {
    Layout::new(root.path().join("data"))
}

#[tokio::test]
async fn has_one_owner_at_a_time() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(owner(&layout(&root)).unwrap(), None);
    let folder = DataFolder::take(layout(&root)).await.unwrap();
    assert_eq!(owner(&layout(&root)).unwrap(), Some(std::process::id()));
    let error = DataFolder::take(layout(&root)).await.unwrap_err();
    assert!(
        matches!(error, DataFolderError::InUse { pid, .. } if pid == std::process::id()),
        "{error}"
    );
    drop(folder);
    assert_eq!(owner(&layout(&root)).unwrap(), None);
    DataFolder::take(layout(&root)).await.unwrap();
}

#[tokio::test]
async fn a_folder_whose_owner_is_ending_is_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let ending = DataFolder::take(layout(&root)).await.unwrap();
    let (free, ()) =
        tokio::join!(biased; async { refuse_owned(&layout(&root)).await }, async { drop(ending) });
    free.unwrap();
    let ending = DataFolder::take(layout(&root)).await.unwrap();
    let (taken, ()) = tokio::join!(biased; DataFolder::take(layout(&root)), async { drop(ending) });
    taken.unwrap();
}

#[tokio::test]
async fn a_number_left_by_a_dead_owner_means_nothing() {
    let root = tempfile::tempdir().unwrap();
    drop(DataFolder::take(layout(&root)).await.unwrap());
    let lock = layout(&root).root().join(LOCK);
    assert_eq!(fs::read_to_string(lock).unwrap(), std::process::id().to_string());
    assert_eq!(owner(&layout(&root)).unwrap(), None);
}

#[tokio::test]
async fn a_folder_with_somebody_elses_files_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let layout = Layout::new(root.path().to_owned());
    fs::write(root.path().join("thesis.txt"), "years of work").unwrap();
    let error = DataFolder::take(layout.clone()).await.unwrap_err();
    assert!(matches!(error, DataFolderError::Foreign { .. }), "{error}");
    let error = remove(layout).await.unwrap_err();
    assert!(matches!(error, DataFolderError::Foreign { .. }), "{error}");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn clearing_keeps_the_folder_ours_and_the_own_log() {
    let root = tempfile::tempdir().unwrap();
    let folder = DataFolder::take(layout(&root)).await.unwrap();
    let layout = folder.layout();
    fs::create_dir_all(layout.kafka().join("events-0")).unwrap();
    fs::write(layout.table(), "rows").unwrap();
    fs::write(layout.own_log(), "starting").unwrap();
    fs::write(layout.logs().join("f.log"), "old").unwrap();
    folder.clear().unwrap();
    assert!(!layout.kafka().exists() && !layout.table().exists());
    assert_eq!(entries(&layout.logs()).unwrap(), [layout.own_log()]);
    assert_eq!(owner(layout).unwrap(), Some(std::process::id()));
    assert!(layout.root().join(MARKER).exists());
}

#[tokio::test]
async fn removing_deletes_an_unused_folder_only() {
    let root = tempfile::tempdir().unwrap();
    assert!(!remove(layout(&root)).await.unwrap());
    let folder = DataFolder::take(layout(&root)).await.unwrap();
    let error = remove(layout(&root)).await.unwrap_err();
    assert!(matches!(error, DataFolderError::InUse { .. }), "{error}");
    drop(folder);
    assert!(remove(layout(&root)).await.unwrap());
    assert!(!layout(&root).root().exists());
}
