//! All rules at once, from seeds: reservations that race and die, an outbox that is drained twice and halfway, a topic
//! with what that leaves, counts that are read again. Whatever happens, what was promised holds.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::{
    Changed, Decision, Desk, Entry, Head, Order, Outcome, Publication, Source, Stock, Taken,
};

const SEEDS: u64 = 400;
const STEPS: usize = 600;
const ITEMS: [&str; 4] = ["pizza", "tea", "soup", "cake"];
const PARTITIONS: usize = 3;

#[derive(Default)]
struct Partition {
    orders: Vec<Order>,
    /// The fence of the reservation: orders before it are decided.
    decided: usize,
    /// What became of each, in order.
    outcomes: Vec<Outcome>,
    head: Head,
    entries: BTreeMap<u64, Entry>,
    /// Entries that an environment has noted as published, and lets leave with its next transaction.
    leaving: Vec<u64>,
    /// The topic of the outcomes.
    topic: Vec<Outcome>,
    /// The fence of the counting, and its figures.
    counted: usize,
    source: Source,
}

/// An invocation that has read, and not committed yet.
struct Reserving {
    partition: usize,
    fence: usize,
    head: Head,
    outcomes: Vec<Outcome>,
    changed: Vec<Changed>,
    leaving: Option<u64>,
}

struct World {
    dice: Rng,
    stock: BTreeMap<&'static str, Stock>,
    initial: u64,
    restocked: BTreeMap<&'static str, u64>,
    partitions: Vec<Partition>,
    reserving: Vec<Reserving>,
    publishing: Vec<(usize, Publication)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let initial = dice.u64(0..40);
        // The last item is one that nobody has.
        let stock = ITEMS[..3].iter().map(|item| (*item, Stock::of(initial)));
        let stock = stock.collect();
        let partitions = (0..PARTITIONS).map(|_| Partition::default()).collect();
        let (restocked, reserving, publishing) = Default::default();
        Self { dice, stock, initial, restocked, partitions, reserving, publishing }
    }

    fn step(&mut self) {
        let partition = self.dice.usize(..PARTITIONS);
        match self.dice.u8(..12) {
            0..=2 => self.place(partition),
            3 | 4 => self.begin(partition),
            5 | 6 if !self.reserving.is_empty() => {
                let one = self.dice.usize(..self.reserving.len());
                let reserving = self.reserving.swap_remove(one);
                // It may die instead.
                if self.dice.u8(..8) > 0 {
                    self.commit(reserving);
                }
            }
            7 => self.read_outbox(partition),
            8 | 9 if !self.publishing.is_empty() => {
                let one = self.dice.usize(..self.publishing.len());
                let (partition, publication) = self.publishing.swap_remove(one);
                self.publish(partition, &publication);
            }
            10 => self.count(partition),
            11 => self.restock(),
            _ => {}
        }
    }

    /// Partitions were added once: an item's orders may lie in two of them.
    fn place(&mut self, partition: usize) {
        let item = ITEMS[self.dice.usize(..ITEMS.len())];
        let quantity = self.dice.u32(1..6);
        let order = Order { user_id: "u".into(), item: item.into(), quantity };
        self.partitions[partition].orders.push(order);
    }

    fn begin(&mut self, at: usize) {
        let partition = &self.partitions[at];
        let waiting = &partition.orders[partition.decided..];
        let orders = &waiting[..waiting.len().min(self.dice.usize(1..6))];
        if orders.is_empty() {
            return;
        }
        let stock = ITEMS.map(|item| (item.to_owned(), self.stock.get(item).copied()));
        let mut desk = Desk::new(stock);
        let outcomes = orders.iter().enumerate().map(|(index, order)| Outcome {
            number: partition.head.next + index as u64,
            offset: i64::try_from(partition.decided + index).unwrap(),
            order_id: String::new(),
            user_id: order.user_id.clone(),
            item: order.item.clone(),
            quantity: order.quantity,
            placed_at_ms: 0,
            decision: desk.decide(order),
        });
        let outcomes = outcomes.collect();
        // An environment that died knows of none.
        let leaving = self.partitions[at].leaving.pop().filter(|_| self.dice.bool());
        let partition = &self.partitions[at];
        self.reserving.push(Reserving {
            partition: at,
            fence: partition.decided,
            head: partition.head,
            outcomes,
            changed: desk.changed(),
            leaving,
        });
    }

    /// The transaction: everything or nothing, on the conditions that the table checks.
    fn commit(&mut self, reserving: Reserving) {
        let Reserving { partition: at, fence, head, outcomes, changed, leaving } = reserving;
        let partition = &mut self.partitions[at];
        let fresh = changed.iter().all(|Changed { item, read, .. }| {
            self.stock.get(item.as_str()).is_some_and(|stock| stock.version == *read)
        });
        if partition.decided != fence || partition.head.next != head.next || !fresh {
            return;
        }
        for Changed { item, stock, .. } in changed {
            let item = ITEMS.into_iter().find(|known| *known == item).unwrap();
            self.stock.insert(item, stock);
        }
        partition.decided += outcomes.len();
        partition.head.next += outcomes.len() as u64;
        partition.outcomes.extend(outcomes.iter().cloned());
        let entry = Entry { outcomes };
        assert!(
            partition.entries.insert(entry.first(), entry.clone()).is_none(),
            "a key of its own"
        );
        if let Some(first) = leaving {
            partition.entries.remove(&first);
        }
        // It publishes what it knows, without reading it.
        if self.dice.bool() {
            let known = Head { next: entry.end(), ..head };
            self.publishing.push((at, Publication::of(known, vec![entry])));
        }
    }

    fn restock(&mut self) {
        let item = ITEMS[self.dice.usize(..3)];
        let quantity = self.dice.u32(1..9);
        let stock = self.stock.get_mut(item).unwrap();
        stock.restock(quantity);
        stock.version += 1;
        *self.restocked.entry(item).or_default() += u64::from(quantity);
    }

    /// Reads head and entries; what is missing was written or removed meanwhile.
    fn read_outbox(&mut self, at: usize) {
        let partition = &self.partitions[at];
        let mut entries: Vec<Entry> = partition.entries.values().cloned().collect();
        if self.dice.u8(..4) == 0 && !entries.is_empty() {
            entries.remove(self.dice.usize(..entries.len()));
        }
        self.publishing.push((at, Publication::of(partition.head, entries)));
    }

    /// Hands over all that is due. Some are not written, some are and nobody hears of it; then it may
    /// die before it notes what it did, and before it tidies up.
    fn publish(&mut self, at: usize, publication: &Publication) {
        let fate = self.dice.u8(..4);
        let partition = &mut self.partitions[at];
        let mut acknowledged = Vec::new();
        for outcome in publication.due.iter().flat_map(|entry| &entry.outcomes) {
            let (written, heard) = match self.dice.u8(..12) {
                0 => (false, false),
                1 => (true, false),
                _ => (true, true),
            };
            if written {
                partition.topic.push(outcome.clone());
            }
            let offset = i64::try_from(partition.topic.len()).unwrap();
            acknowledged.push(heard.then_some(offset));
        }
        if fate == 0 {
            return;
        }
        let done = publication.published(&acknowledged);
        let done = &publication.due[..done];
        if let Some(last) = done.last() {
            partition.head.published = partition.head.published.max(last.end());
        }
        if fate > 1 {
            for entry in done.iter().chain(&publication.done) {
                partition.entries.remove(&entry.first());
            }
        } else {
            partition.leaving.extend(done.last().map(Entry::first));
        }
    }

    /// Counts some records; the transaction moves the fence with the figures.
    fn count(&mut self, at: usize) {
        let partition = &mut self.partitions[at];
        let many = self.dice.usize(1..8);
        for place in (partition.counted..partition.topic.len()).take(many) {
            let outcome = &partition.topic[place];
            if partition.source.take(outcome) == Taken::Early {
                let comes_again = partition.head.published <= outcome.number
                    || partition.topic[place + 1..].contains(outcome);
                assert!(comes_again, "dropped for good: {outcome:?}");
            }
        }
        partition.counted = partition.topic.len().min(partition.counted + many);
    }

    fn check_stock(&self) {
        for (item, stock) in &self.stock {
            assert!(stock.adds_up(), "{item}: {stock:?}");
            let reserved: u64 = self
                .partitions
                .iter()
                .flat_map(|partition| &partition.outcomes)
                .filter(|outcome| outcome.item == *item && outcome.decision == Decision::Reserved)
                .map(|outcome| u64::from(outcome.quantity))
                .sum();
            let restocked = self.restocked.get(item).copied().unwrap_or_default();
            assert_eq!(self.initial + restocked - reserved, stock.available, "{item}: {stock:?}");
        }
    }

    /// Lets everything come to its end without further harm.
    fn settle(&mut self) {
        self.reserving.clear();
        for at in 0..PARTITIONS {
            while self.partitions[at].decided < self.partitions[at].orders.len() {
                self.begin(at);
                let reserving = self.reserving.pop().unwrap();
                self.commit(reserving);
            }
            // Those that died half-way left what they left; somebody reads again until all is noted.
            while self.partitions[at].head.published < self.partitions[at].head.next {
                self.read_outbox(at);
                let (_, publication) = self.publishing.pop().unwrap();
                self.publish(at, &publication);
            }
            while self.partitions[at].counted < self.partitions[at].topic.len() {
                self.count(at);
            }
        }
    }

    fn check_end(&self) {
        self.check_stock();
        for partition in &self.partitions {
            let orders = partition.orders.len() as u64;
            assert_eq!(partition.outcomes.len() as u64, orders, "one outcome for each order");
            let offsets = partition.outcomes.iter().map(|outcome| outcome.offset);
            assert!(offsets.eq(0..i64::try_from(orders).unwrap()), "and in order");
            let failed = partition.outcomes.iter();
            let failed = failed.filter(|outcome| outcome.decision != Decision::Reserved).count();
            let tally = partition.source.tally;
            assert_eq!((tally.orders(), tally.failed), (orders, failed as u64));
            // A replay reads the same topic from its beginning.
            let mut replayed = Source::default();
            for outcome in &partition.topic {
                replayed.take(outcome);
            }
            assert_eq!(replayed, partition.source);
        }
    }
}

#[test]
fn stock_outcomes_and_figures_agree_whatever_happens() {
    for seed in 0..SEEDS {
        let run = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            for _ in 0..STEPS {
                world.step();
                world.check_stock();
            }
            world.settle();
            world.check_end();
        });
        assert!(run.is_ok(), "seed {seed}");
    }
}
