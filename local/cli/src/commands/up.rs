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
use crate::open_files;
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
    open_files::allow();
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
        fsync: options.fsync,
        ports: Ports {
            gateway: ports.gateway,
            lambda: ports.lambda,
            kafka: ports.kafka,
            table: ports.table,
        },
        kafka: options.kafka,
        kafka_access: options.kafka_access,
        secrets: options.secrets,
        functions: options.functions,
        sources: Sources {
            cargo: options.cargo,
            release: options.release,
            artifacts: options.artifacts,
        },
        parameters: options.parameter_overrides.into_iter().collect(),
        env_vars: options.env_vars,
        environments: options.environments,
        account_concurrency: options.account_concurrency,
        strict: options.strict,
        watch: !options.no_watch,
        poller_program: std::env::current_exe().ok(),
        notices,
    }
}

/// Shows notices until nobody can send any more. In the background functions' lines are only in
/// their files.
fn show(mut notices: mpsc::Receiver<Notice>, in_background: bool) -> JoinHandle<()> {
    tokio::task::spawn_blocking(move || {
        let mut screen = Screen { in_background, ..Screen::default() };
        let mut batch = Vec::new();
        while notices.blocking_recv_many(&mut batch, NOTICES_MAX) > 0 {
            batch.drain(..).for_each(|notice| screen.show(notice));
            screen.print_lines();
        }
    })
}

/// What is on the terminal.
#[derive(Default)]
struct Screen {
    in_background: bool,
    prefixes: Prefixes,
    building: Option<Waiting>,
    /// Lines that come together are printed together: a load test has thousands a second.
    lines: String,
}

impl Screen {
    fn show(&mut self, notice: Notice) {
        match notice {
            Notice::Planned(functions) => self.prefixes = Prefixes::of(functions),
            Notice::Building { done, of } => self
                .building
                .get_or_insert_with(|| Waiting::start("building the functions"))
                .progress(u64::from(done), u64::from(of)),
            Notice::Built => drop(self.building.take()),
            Notice::BuildFailed(error) => {
                let hint = "the functions run as they did before the change";
                terminal::failure_with(error.text(), &terminal::chain(&*error), Some(hint));
            }
            Notice::Replaced(functions) => {
                terminal::note(format!("reloaded {}", functions.join(", ")));
            }
            Notice::Line(line) if !self.in_background => {
                self.lines.push_str(&self.prefixes.line(&line.function, &line.text));
            }
            Notice::Line(_) => {}
        }
    }

    fn print_lines(&mut self) {
        if !self.lines.is_empty() {
            // Nobody need read what it tells.
            terminal::out(&self.lines).ok();
            self.lines.clear();
        }
    }
}
