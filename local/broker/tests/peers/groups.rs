//! `kafka-consumer-groups`: list, describe, reset, delete.

use crate::script::{Script, same};

/// A topic of two partitions with records, and a group that has read all of them and left.
fn read_by_shop(run: &mut Script) {
    run.kafka("topics --create --topic orders --partitions 2");
    run.kcat("-P -t orders -p 0").input("a\nb\nc\nd\ne\n");
    run.kcat("-P -t orders -p 1").input("f\ng\nh\n");
    run.join("shop", "orders", 8);
    run.leave();
}

#[test]
fn groups_are_listed_and_described_while_they_run_and_after() {
    same(|run| {
        run.kafka("consumer-groups --list");
        run.kafka("topics --create --topic order-events --partitions 2");
        run.kcat("-P -t order-events -p 0").input("a\nb\nc\n");
        run.kcat("-P -t order-events -p 1").input("d\n");
        run.join("inventory-service", "order-events", 4);
        run.kcat("-P -t order-events -p 1").input("e\n");
        run.kafka("consumer-groups --list");
        run.kafka("consumer-groups --list --state");
        run.kafka("consumer-groups --group inventory-service --describe");
        run.kafka("consumer-groups --group inventory-service --describe --members --verbose");
        run.kafka("consumer-groups --group inventory-service --describe --state");
        run.leave();
        run.kafka("consumer-groups --group inventory-service --describe");
        run.kafka("consumer-groups --group inventory-service --describe --members");
        run.kafka("consumer-groups --all-groups --describe --state");
        run.kafka("consumer-groups --list --state empty");
    });
}

#[test]
fn offsets_are_reset_to_every_place() {
    same(|run| {
        read_by_shop(run);
        let reset = "consumer-groups --reset-offsets --group shop --topic orders";
        run.kafka(&format!("{reset} --to-earliest --dry-run"));
        run.kafka("consumer-groups --describe --group shop");
        run.kafka(&format!("{reset} --to-earliest --execute"));
        run.kafka("consumer-groups --describe --group shop");
        run.kafka(&format!("{reset} --shift-by 2 --execute"));
        run.kafka(&format!("{reset} --shift-by -1 --execute"));
        run.kafka(&format!("{reset}:0 --to-offset 4 --execute"));
        run.kafka(&format!("{reset} --to-offset 100 --execute"));
        run.kafka(&format!("{reset} --to-current --execute"));
        run.kafka(&format!("{reset} --to-datetime 2020-01-01T00:00:00.000 --execute"));
        run.kafka(&format!("{reset} --to-datetime 2200-01-01T00:00:00.000 --execute"));
        run.kafka(
            "consumer-groups --reset-offsets --group shop --all-topics --to-latest --execute",
        );
        run.kafka("consumer-groups --describe --group shop");
        run.kafka(
            "consumer-groups --reset-offsets --group new --topic orders --to-latest --execute",
        );
        run.kafka("consumer-groups --describe --group new --offsets");
    });
}

#[test]
fn a_running_group_is_neither_reset_nor_deleted() {
    same(|run| {
        run.kafka("topics --create --topic orders --partitions 1");
        run.kcat("-P -t orders -p 0").input("a\nb\n");
        run.join("shop", "orders", 2);
        run.kafka(
            "consumer-groups --reset-offsets --group shop --topic orders --to-earliest --execute",
        );
        run.kafka("consumer-groups --delete --group shop");
        run.kafka("consumer-groups --delete-offsets --group shop --topic orders");
        run.leave();
        run.kafka("consumer-groups --delete-offsets --group shop --topic orders");
        run.kafka("consumer-groups --describe --group shop");
    });
}

#[test]
fn groups_are_deleted() {
    same(|run| {
        read_by_shop(run);
        run.kafka("consumer-groups --delete --group shop --group absent");
        run.kafka("consumer-groups --list");
        run.kafka("consumer-groups --describe --group shop");
        run.kafka("consumer-groups --describe --group shop --state");
    });
}
