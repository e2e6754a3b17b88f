//! Builds functions anew when their sources change, and lets the new programs take over.
//!
//! A build that fails is shown, and what ran goes on running.

mod watched;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use host::Programs;
use template::Function;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::build::{self, Program, Sources};
use crate::notice::{Notice, Notices};
use crate::stack::UpError;
use watched::{Look, Stamp, Watched, stamp};

/// How often the files are looked at: a few hundred of them take less than a millisecond.
const LOOK_PAUSE: Duration = Duration::from_millis(400);

/// Files that go on changing are waited for: a checkout or an editor writes many.
const SETTLE_PAUSE: Duration = Duration::from_millis(100);

/// What is needed to build, and where what was built goes.
#[derive(Debug)]
pub(crate) struct Reloading {
    pub(crate) functions: Vec<Function>,
    pub(crate) sources: Sources,
    pub(crate) programs: BTreeMap<String, Program>,
    pub(crate) host: Programs,
    pub(crate) notices: Notices,
}

/// The task that watches.
#[derive(Debug)]
pub(crate) struct Reload {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Reload {
    pub(crate) fn start(reloading: Reloading) -> Self {
        let reload = Self { tasks: TaskTracker::new(), stop: CancellationToken::new() };
        let stop = reload.stop.clone();
        reload.tasks.spawn(async move { stop.run_until_cancelled(reloading.run()).await });
        reload.tasks.close();
        reload
    }

    /// Stops to watch; a build under way is ended.
    pub(crate) async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Reloading {
    async fn run(mut self) {
        let mut running = self.stamps();
        let (mut watched, mut seen) = look(self.watched()).await;
        loop {
            tokio::time::sleep(LOOK_PAUSE).await;
            let now;
            (watched, now) = look(watched).await;
            if now == seen {
                continue;
            }
            (watched, seen) = settled(watched, now).await;
            if self.rebuild(&mut running).await {
                let made;
                (watched, made) = look(self.watched()).await;
                seen = self.remembered(&seen, made);
            }
        }
    }

    fn watched(&self) -> Watched {
        Watched::of(&self.functions, &self.programs)
    }

    /// How the programs look that run.
    fn stamps(&self) -> BTreeMap<String, Stamp> {
        let programs = self.programs.iter();
        programs.map(|(id, program)| (id.clone(), stamp(&program.executable))).collect()
    }

    /// The look after a build, with the sources as they were before it: one that changed meanwhile is
    /// not in the programs, and has to be noticed.
    fn remembered(&self, before: &Look, mut after: Look) -> Look {
        let is_program =
            |path: &PathBuf| self.programs.values().any(|program| program.executable == *path);
        for (path, stamp) in after.iter_mut().filter(|(path, _)| !is_program(path)) {
            *stamp = before.get(path).copied().unwrap_or(*stamp);
        }
        after
    }

    /// Builds, and lets the programs take over that are not as in `running`; says whether it could.
    async fn rebuild(&mut self, running: &mut BTreeMap<String, Stamp>) -> bool {
        match build::programs(&self.functions, &self.sources, &self.notices).await {
            Ok(programs) => self.programs = programs,
            Err(error) => {
                self.notices.send(Notice::BuildFailed(Box::new(UpError::from(error))));
                return false;
            }
        }
        let built = self.stamps();
        let mut replaced = Vec::new();
        for function in &self.functions {
            let id = &function.logical_id;
            if let Some(program) = self.programs.get(id)
                && built.get(id) != running.get(id)
            {
                let Program { executable, directory } = program.clone();
                self.host.replace(&function.name, executable, directory).await;
                replaced.push(function.name.clone());
            }
        }
        if !replaced.is_empty() {
            self.notices.send(Notice::Replaced(replaced));
        }
        *running = built;
        true
    }
}

/// Looks once more until nothing changes any longer.
async fn settled(mut watched: Watched, mut seen: Look) -> (Watched, Look) {
    loop {
        tokio::time::sleep(SETTLE_PAUSE).await;
        let now;
        (watched, now) = look(watched).await;
        if now == seen {
            return (watched, seen);
        }
        seen = now;
    }
}

/// Reading the disk may wait for it.
async fn look(watched: Watched) -> (Watched, Look) {
    let looking = spawn_blocking(move || {
        let look = watched.look();
        (watched, look)
    });
    looking.await.expect("looking at files does not panic")
}
