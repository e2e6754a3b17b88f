//! `up`: starts the stack, tells where everything is, shows the functions' lines, stops in order.

use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::background;
use crate::args::{Place, Up};
use crate::build::Sources;
use crate::failure::CommandError;
use crate::interrupt::Interrupts;
use crate::locate;
use crate::notice::{NOTICES_MAX, Notice, Notices};
use crate::stack::{Ports, Stack, StackConfig};
use crate::summary::Summary;
use crate::terminal::{self, Prefixes, Waiting};

pub(super) async fn run(place: &Place, options: Up) -> Result<(), CommandError> {
    let template = locate::template(place)?;
    let layout = locate::data(place)?;
    if (options.detach || options.wait) && !options.background {
        return background::start(&layout, options.wait).await;
    }
    let in_background = options.background;
    if in_background {
        background::leave_terminal();
    }
    let mut interrupts = Interrupts::listen().map_err(CommandError::Runtime)?;
    let begun = Instant::now();
    let (notices, reader) = mpsc::channel(NOTICES_MAX);
    let notices = Notices::to(notices, terminal::in_colour());
    let config = config(template, layout.root().to_owned(), options, notices);
    let shown = show(reader, in_background);
    let mut stack = tokio::select! {
        stack = Stack::start_unpublished(config) => stack?,
        () = interrupts.next() => return Ok(()),
    };
    // Nobody need read what it tells: the stack runs all the same.
    terminal::out(Summary::of(&stack, begun.elapsed()).render()).ok();
    // Last: who waits for the run file wants to read the summary.
    stack.publish()?;
    tokio::select! {
        () = stack.stop_requested() => {}
        () = interrupts.next() => {}
        () = background::bound_own_log(stack.layout(), in_background) => {}
    }
    let how = if in_background { "" } else { "; Ctrl-C again ends at once" };
    terminal::note(format!("stopping{how}"));
    tokio::select! {
        () = stack.shutdown() => {}
        () = interrupts.next() => return Err(CommandError::Forced),
    }
    // The stack was the last to send: everything is shown when the task ends.
    tokio::select! {
        _ = shown => Ok(()),
        () = interrupts.next() => Err(CommandError::Forced),
    }
}

fn config(template: PathBuf, data: PathBuf, options: Up, notices: Notices) -> StackConfig {
    let Up { ports, .. } = options;
    StackConfig {
        template,
        data,
        fresh: options.fresh,
        ports: Ports {
            gateway: ports.gateway,
            lambda: ports.lambda,
            kafka: ports.kafka,
            table: ports.table,
        },
        kafka: options.kafka,
        functions: options.functions,
        sources: Sources {
            cargo: options.cargo,
            release: options.release,
            artifacts: options.artifacts,
        },
        parameters: options.parameter_overrides.into_iter().collect(),
        env_vars: options.env_vars,
        environments: options.environments,
        poller_program: std::env::current_exe().ok(),
        notices,
    }
}

/// Shows notices until nobody can send any more. In the background functions' lines are only in
/// their files.
fn show(mut notices: mpsc::Receiver<Notice>, in_background: bool) -> JoinHandle<()> {
    tokio::task::spawn_blocking(move || {
        let mut prefixes = Prefixes::default();
        let mut building: Option<Waiting> = None;
        while let Some(notice) = notices.blocking_recv() {
            match notice {
                Notice::Planned(functions) => prefixes = Prefixes::of(functions),
                Notice::Building { done, of } => building
                    .get_or_insert_with(|| Waiting::start("building the functions"))
                    .progress(u64::from(done), u64::from(of)),
                Notice::Built => drop(building.take()),
                Notice::Line(line) if !in_background => {
                    prefixes.print(&line.function, &line.text).ok();
                }
                Notice::Line(_) => {}
            }
        }
    })
}
