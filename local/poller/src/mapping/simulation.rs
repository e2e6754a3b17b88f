//! The rules together: seeded worlds of records, failures, poison, throttles, lost commits,
//! rebalances and pollers that die, in virtual time, with the promises checked after every step.

mod function;
mod world;

use self::world::World;

const SEEDS: u64 = 2_000;

/// Steps after which nothing fails any more but what is poisoned, and by which everything must then
/// be done.
const TROUBLED_STEPS: usize = 300;
const STEPS_MAX: usize = 30_000;

#[test]
fn every_record_is_processed_or_given_up_in_order_whatever_fails_for_a_while() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.assign();
        for step in 0.. {
            world.check(step < STEPS_MAX, "finite failures end in progress");
            world.troubled = step < TROUBLED_STEPS;
            if !world.troubled && world.all_committed(None) {
                break;
            }
            world.step();
        }
        world.check(world.all_disposed(), "every record is processed or given up");
        world.check_given_up();
    }
}

#[test]
fn a_partition_that_always_fails_starves_no_other() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.block(0);
        world.assign();
        for step in 0.. {
            world.check(step < STEPS_MAX, "healthy partitions go on");
            if world.all_committed(Some(0)) {
                break;
            }
            world.step();
        }
        world.check(!world.has_processed(0), "the blocked partition waits");
    }
}
